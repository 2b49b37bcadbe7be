/**
 * `planck dev`: build, serve, and do both again at every change.
 *
 * Invariants
 * - The data stays: the database is opened once, modules come and go.
 * - A build that fails, or a module that is refused, is said and changes nothing: the one before keeps serving.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { resolve } from "node:path"
import type { BuildIssue, BuiltService, WatchEvent } from "../Build/Build.ts"
import { watch } from "../Build/Build.ts"
import type { LoadedConfiguration } from "../Config/Config.ts"
import { Server } from "../Server.ts"
import { buildFailure, mistakeOf, summary } from "./BuildCommand.ts"
import { failureOf } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { formatMistake, say } from "./Output.ts"
import type { RunningOptions } from "./Running.ts"
import { dataDirectory, loadConfiguration, serverLayer, serviceConfig } from "./Running.ts"

export interface DevCommandOptions {
  readonly folder: string
  readonly port: number | undefined
  readonly dir: string | undefined
  readonly config: string | undefined
  readonly output: Output
}

export const dev = Effect.fn("Cli.dev")(function* (options: DevCommandOptions) {
  const running: RunningOptions = { ...options, base: options.folder }
  const loaded = yield* loadConfiguration(running)
  const directory = resolve(dataDirectory(running, loaded))
  const events = watch(options.folder, { ignored: [directory] }).pipe(Stream.mapError(buildFailure))
  // The first build that works names the service, and with it the database; from then on the server takes every later one.
  yield* events.pipe(
    Stream.runFoldEffect(
      () => undefined as Live | undefined,
      (live, event) => handle(event, live, options, loaded, directory)
    ),
    Effect.scoped
  )
})

interface Live {
  readonly server: Server["Service"]
  readonly name: string
}

const handle = Effect.fnUntraced(function* (
  event: WatchEvent,
  live: Live | undefined,
  options: DevCommandOptions,
  loaded: LoadedConfiguration,
  directory: string
) {
  if (event._tag === "Failed")
    yield* sayIssues(options.output, event.issues, live === undefined ? "not built" : "not built; the version before keeps serving")
  if (event._tag === "TypesChecked") yield* sayChecked(options.output, event)
  if (event._tag !== "Built") return live
  const current = live ?? (yield* start(event.service, options, loaded, directory))
  if (current.name !== event.service.manifest.name) {
    yield* say(options.output, `the service was renamed to ${event.service.manifest.name}: start planck dev again`, { event: "renamed" })
    return current
  }
  const clock = yield* Clock.Clock
  const startedAt = clock.currentTimeMillisUnsafe()
  yield* current.server.deploy(event.service.file).pipe(
    Effect.matchEffect({
      onFailure: (error) => {
        const { code, message } = failureOf(error)
        return say(options.output, `refused: ${message}`, { event: "refused", code, message })
      },
      onSuccess: () => {
        const elapsedMs = Math.round(event.elapsedMs + clock.currentTimeMillisUnsafe() - startedAt)
        const { url } = current.server
        return say(options.output, `${summary(event.service)}\nlive at ${url} after ${elapsedMs} ms`, { event: "live", url, elapsedMs })
      }
    })
  )
  return current
})

/** Opens the database of the service and listens. Ends with the scope of the command. */
const start = Effect.fnUntraced(function* (
  built: BuiltService,
  options: DevCommandOptions,
  loaded: LoadedConfiguration,
  directory: string
) {
  const { name, config } = built.manifest
  const layer = serverLayer(
    {
      directory,
      service: name,
      settings: loaded.settings,
      config: serviceConfig(loaded, name, Object.keys(config)),
      development: true,
      accessLog: "errors"
    },
    options.output.json
  )
  const server = yield* Server.pipe(Effect.provide(yield* Layer.build(layer)))
  return { server, name }
})

const sayChecked = Effect.fnUntraced(function* (output: Output, { issues, warnings }: WatchEvent & { readonly _tag: "TypesChecked" }) {
  for (const warning of warnings.map(mistakeOf)) yield* say(output, `warning: ${formatMistake(warning)}`, { event: "warning", warning })
  if (issues.length > 0) yield* sayIssues(output, issues, "the code has mistakes")
})

const sayIssues = (output: Output, issues: ReadonlyArray<BuildIssue>, what: string): Effect.Effect<void> => {
  const mistakes = issues.map(mistakeOf)
  return say(output, `${mistakes.map(formatMistake).join("\n")}\n${what}`, { event: "failed", message: what, mistakes })
}
