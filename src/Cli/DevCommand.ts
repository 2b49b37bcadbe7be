/**
 * `planck dev`: build, serve, and do both again at every change; one service, or all of a folder.
 *
 * Invariants
 * - The data stays: a database is opened once, modules come and go.
 * - A build that fails, or a module that is refused, is said and changes nothing: the one before keeps serving. Of several services each goes its
 *   own way.
 * - The pages are told what the terminal is told.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { resolve } from "node:path"
import type { BuildIssue, WatchEvent } from "../Build/Build.ts"
import { watch } from "../Build/Build.ts"
import type { LoadedConfiguration } from "../Config/Config.ts"
import { Http } from "../Http/Http.ts"
import { type OpenedService, openService } from "../Server.ts"
import type { Manifest } from "../Wasm/Manifest.ts"
import { buildFailure, mistakeOf, summary } from "./BuildCommand.ts"
import { DevNews } from "./DevNews.ts"
import { Failure, failureOf, type Mistake } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { formatMistake, say } from "./Output.ts"
import type { RunningOptions } from "./Running.ts"
import { dataDirectory, gatewayLayer, loadConfiguration } from "./Running.ts"
import { configOf, nameLogs, openIn } from "./ServeCommand.ts"
import { addressOf, isFolder, mountOf, type Source, sourcesOf } from "./Sources.ts"

export interface DevCommandOptions {
  readonly folder: string
  readonly port: number | undefined
  readonly dir: string | undefined
  readonly config: string | undefined
  readonly output: Output
}

/** What all services of the command share. */
interface Around {
  readonly output: Output
  readonly loaded: LoadedConfiguration
  readonly directory: string
  readonly isOnly: boolean
  readonly http: Http["Service"]
  readonly url: string
  readonly news: DevNews
  /** Holds the databases; it ends behind the gateway. */
  readonly databases: Scope.Scope
  /** Names of services, with the label of the source that has each. */
  readonly names: Map<string, string>
}

/** A service that has been opened; from then on every later build of its source is its own. */
interface Live extends OpenedService {
  readonly name: string
  readonly address: string
}

export const dev = Effect.fn("Cli.dev")(function* (options: DevCommandOptions) {
  const running: RunningOptions = { ...options, base: options.folder }
  const loaded = yield* loadConfiguration(running)
  const sources = yield* sourcesOf(options.folder, loaded)
  const built = sources.find(({ path }) => !isFolder(path) && path !== options.folder)
  if (built !== undefined) {
    return yield* new Failure({
      code: "NotASource",
      message: `${built.path} is built already: planck dev takes folders, planck serve takes it`
    })
  }
  const directory = resolve(dataDirectory(running, loaded))
  yield* Effect.gen(function* () {
    // Made before the listener, so that it ends behind it.
    const databases = yield* Scope.fork(yield* Effect.scope, "parallel")
    const http = yield* Http
    const { url } = yield* http.listen
    const isOnly = sources.length === 1
    const around = {
      output: options.output,
      loaded,
      directory,
      isOnly,
      http,
      url,
      news: new DevNews(),
      databases,
      names: new Map<string, string>()
    }
    const watching = sources.map((source) =>
      watch(source.path, { ignored: [directory] }).pipe(
        Stream.mapError(buildFailure),
        Stream.runFoldEffect(
          () => undefined as Live | undefined,
          (live, event) => handle(event, live, source, around)
        )
      )
    )
    yield* Effect.all(watching, { concurrency: "unbounded", discard: true })
  }).pipe(Effect.scoped, Effect.provide(gatewayLayer(loaded.settings, options.output.json, { livePages: true })))
})

const handle = Effect.fnUntraced(function* (event: WatchEvent, live: Live | undefined, source: Source, around: Around) {
  if (event._tag === "Built") return yield* take(event, live, source, around)
  if (event._tag === "Failed")
    yield* sayIssues(event.issues, live === undefined ? "not built" : "not built; the version before keeps serving", source, around)
  else yield* sayChecked(event, source, around)
  return live
})

/** Lets a build take over. The first one names the service, and with it the database. */
const take = Effect.fnUntraced(function* (
  { elapsedMs, service }: Extract<WatchEvent, { readonly _tag: "Built" }>,
  live: Live | undefined,
  source: Source,
  around: Around
) {
  const { manifest } = service
  if (live !== undefined && live.name !== manifest.name) {
    yield* sayIn(around, source, `the service was renamed to ${manifest.name}: start planck dev again`, { event: "renamed" })
    return live
  }
  const clock = yield* Clock.Clock
  const startedAt = clock.currentTimeMillisUnsafe()
  const opened = live ?? (yield* start(manifest, source, around))
  if (opened === undefined) return undefined
  yield* opened.deploy(service.file).pipe(
    Effect.matchEffect({
      onFailure: (error) => refuse(failureOf(error), source, around),
      onSuccess: () => {
        const took = Math.round(elapsedMs + clock.currentTimeMillisUnsafe() - startedAt)
        const told = { event: "live", service: manifest.name, url: opened.address, elapsedMs: took }
        around.news.live(source.label, service.file)
        return Effect.andThen(tell(around), say(around.output, `${summary(service)}\nlive at ${opened.address} after ${took} ms`, told))
      }
    })
  )
  return opened
})

/** Opens the database of a service. One of several that cannot be opened is said, and tried again with its next build. */
const start = Effect.fnUntraced(function* (manifest: Manifest, source: Source, around: Around) {
  const { databases, directory, http, isOnly, loaded, names } = around
  const { name } = manifest
  const opening = Effect.gen(function* () {
    const other = names.get(name)
    if (other !== undefined) return yield* new Failure({ code: "SameName", message: `${other} and ${source.label} are both named ${name}` })
    if (source.name !== undefined && source.name !== name) {
      const message = `${loaded.file}: services.${source.name}: the service in ${source.label} is named ${name}`
      return yield* new Failure({ code: "OtherName", message })
    }
    const mount = mountOf(name, loaded, isOnly)
    const service = { directory, mount, service: name, settings: loaded.settings, config: configOf(loaded, manifest), development: true }
    const opened = yield* openIn(
      databases,
      Effect.flatMap(http.open(name, mount), (place) => openService(service, place))
    ).pipe(nameLogs(name, isOnly))
    names.set(name, source.label)
    return { ...opened, name, address: addressOf(around.url, mount) } satisfies Live
  })
  return yield* opening.pipe(
    Effect.catch((error) => {
      const failure = failureOf(error)
      return isOnly ? Effect.fail(failure) : Effect.as(refuse(failure, source, around), undefined)
    })
  )
})

const sayChecked = Effect.fnUntraced(function* (
  { issues, warnings }: Extract<WatchEvent, { readonly _tag: "TypesChecked" }>,
  source: Source,
  around: Around
) {
  for (const found of warnings.map(mistakeOf)) {
    const warning = { ...found, place: placeIn(around, source, found.place) }
    yield* say(around.output, `warning: ${formatMistake(warning)}`, { event: "warning", ...folderOfEvent(around, source), warning })
  }
  if (issues.length > 0) yield* sayIssues(issues, "the code has mistakes", source, around)
})

const refuse = Effect.fnUntraced(function* ({ code, message }: Failure, source: Source, around: Around) {
  around.news.failed(source.label, "refused", [{ place: "", message: labelled(around, source, message) }])
  yield* tell(around)
  yield* sayIn(around, source, `refused: ${message}`, { event: "refused", code, message })
})

const sayIssues = Effect.fnUntraced(function* (issues: ReadonlyArray<BuildIssue>, what: string, source: Source, around: Around) {
  const mistakes = issues.map(mistakeOf).map((mistake): Mistake => ({ ...mistake, place: placeIn(around, source, mistake.place) }))
  around.news.failed(source.label, what, mistakes)
  yield* tell(around)
  yield* say(around.output, `${mistakes.map(formatMistake).join("\n")}\n${labelled(around, source, what)}`, {
    event: "failed",
    ...folderOfEvent(around, source),
    message: what,
    mistakes
  })
})

const sayIn = (around: Around, source: Source, human: string, machine: object): Effect.Effect<void> =>
  say(around.output, labelled(around, source, human), { ...machine, ...folderOfEvent(around, source) })

const tell = ({ http, news }: Around): Effect.Effect<void> => Effect.suspend(() => http.tell(news.now()))

/** With several services everything says whose it is; with one that goes without saying. */
const labelled = ({ isOnly }: Around, { label }: Source, text: string): string => (isOnly ? text : `${label}: ${text}`)
const placeIn = ({ isOnly }: Around, { label }: Source, place: string): string => (isOnly || place === "" ? place : `${label}/${place}`)
const folderOfEvent = ({ isOnly }: Around, { label }: Source): object => (isOnly ? {} : { folder: label })
