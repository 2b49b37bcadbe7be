/** `planck serve`: a built service, or a folder that is built first, until SIGTERM or SIGINT. */
import * as Effect from "effect/Effect"
import { readFileSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { build as buildFolder } from "../Build/Build.ts"
import { resolvePath } from "../Config/Config.ts"
import { Server } from "../Server.ts"
import { inspectModule } from "../Wasm/Inspect.ts"
import { buildFailure } from "./BuildCommand.ts"
import { about, Failure } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { say } from "./Output.ts"
import type { RunningOptions } from "./Running.ts"
import { dataDirectory, loadConfiguration, serverLayer, serviceConfig } from "./Running.ts"

export interface ServeCommandOptions {
  readonly source: string | undefined
  readonly port: number | undefined
  readonly dir: string | undefined
  readonly config: string | undefined
  readonly output: Output
}

export const serve = Effect.fn("Cli.serve")(function* (options: ServeCommandOptions) {
  const running: RunningOptions = { ...options, base: options.source === undefined ? "." : folderOf(options.source) }
  const loaded = yield* loadConfiguration(running)
  const source = yield* sourceOf(options, loaded.services, (path) => resolvePath(loaded, path))
  const module = yield* readModule(source)
  const manifest = yield* inspectModule(module).pipe(Effect.mapError((error) => about(source, error)))
  const layer = serverLayer(
    {
      directory: dataDirectory(running, loaded),
      service: manifest.name,
      settings: loaded.settings,
      config: serviceConfig(loaded, manifest.name, Object.keys(manifest.config))
    },
    options.output.json
  )
  yield* Effect.gen(function* () {
    const server = yield* Server
    yield* server.deploy(module).pipe(Effect.mapError((error) => about(source, error)))
    yield* say(options.output, `${manifest.name} ${manifest.version} at ${server.url}`, {
      event: "serving",
      service: manifest.name,
      version: manifest.version,
      url: server.url,
      port: server.port,
      recovery: server.recovery
    })
    return yield* Effect.never
  }).pipe(Effect.provide(layer))
})

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
const folderOf = (source: string): string => (isFolder(source) ? source : dirname(source))

type Services = ReadonlyArray<{ readonly name: string; readonly source: string | undefined }>

/** What to serve: the argument, else the one service of the configuration, else this folder. */
const sourceOf = (options: ServeCommandOptions, services: Services, resolve: (path: string) => string): Effect.Effect<string, Failure> => {
  if (options.source !== undefined) return Effect.succeed(options.source)
  const [first, second] = services.filter((service) => service.source !== undefined)
  if (second !== undefined) {
    return Effect.fail(
      new Failure({ code: "SeveralServices", message: "this version serves one service a process: name it as an argument" })
    )
  }
  return Effect.succeed(first?.source === undefined ? "." : resolve(first.source))
}

/** The bytes of a module: read, or built when the source is a folder. */
export const readModule = (source: string): Effect.Effect<Uint8Array, Failure> =>
  isFolder(source)
    ? buildFolder(source).pipe(
        Effect.mapError(buildFailure),
        Effect.map((built) => built.file)
      )
    : readFile(source)

/** Reads a file the user named. */
export const readFile = (path: string): Effect.Effect<Uint8Array, Failure> =>
  Effect.try({
    try: () => new Uint8Array(readFileSync(path)),
    catch: (error) => {
      const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT"
      const why = isMissing ? "there is no such file or folder" : error instanceof Error ? error.message : String(error)
      return new Failure({ code: "Unreadable", message: `${path}: ${why}` })
    }
  })
