/**
 * `planck serve`: built services, or folders that are built first, until SIGTERM or SIGINT.
 *
 * Invariants
 * - A mistake in the configuration or two services in one place start nothing.
 * - Of several services one that cannot be served is said and its place answers 503; the others are served. When none can, the command fails.
 * - At the end the gateway is drained first; then every service ends, each on its own.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { readFileSync } from "node:fs"
import { build as buildFolder } from "../Build/Build.ts"
import type { LoadedConfiguration } from "../Config/Config.ts"
import { Http } from "../Http/Http.ts"
import { openService } from "../Server.ts"
import { inspectModule } from "../Wasm/Inspect.ts"
import type { Manifest } from "../Wasm/Manifest.ts"
import { BUILDS_AT_ONCE, buildFailure } from "./BuildCommand.ts"
import { about, Failure, failureOf } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { say, sayFailure } from "./Output.ts"
import type { RunningOptions } from "./Running.ts"
import { dataDirectory, gatewayLayer, loadConfiguration, serviceConfig } from "./Running.ts"
import { addressOf, folderOf, isFolder, mountOf, type Source, sourcesOf } from "./Sources.ts"

export interface ServeCommandOptions {
  readonly source: string | undefined
  readonly port: number | undefined
  readonly dir: string | undefined
  readonly config: string | undefined
  readonly output: Output
}

export const serve = Effect.fn("Cli.serve")(function* (options: ServeCommandOptions) {
  const running: RunningOptions = { ...options, base: folderOf(options.source ?? ".") }
  const loaded = yield* loadConfiguration(running)
  const sources = yield* sourcesOf(options.source, loaded)
  const { good, bad } = yield* each(sources, options.output, (source) => readSource(source, loaded), BUILDS_AT_ONCE)
  yield* checkNames(good)
  const directory = dataDirectory(running, loaded)
  yield* Effect.gen(function* () {
    const scope = yield* Effect.scope
    // Made before the listener, so that it ends behind it.
    const databases = yield* Scope.fork(scope, "parallel")
    const http = yield* Http
    const isOnly = sources.length === 1
    const places = yield* Effect.forEach(good, (read) => {
      const mount = mountOf(read.manifest.name, loaded, isOnly)
      return Effect.map(http.open(read.manifest.name, mount), (place) => ({ ...read, mount, place }))
    })
    const { url, port } = yield* http.listen
    const started = yield* each(places, options.output, ({ manifest, module, mount, place, source }) =>
      Effect.gen(function* () {
        const service = { directory, mount, service: manifest.name, settings: loaded.settings, config: configOf(loaded, manifest) }
        const { deploy, recovery } = yield* openIn(databases, openService(service, place)).pipe(nameLogs(manifest.name, isOnly))
        yield* deploy(module).pipe(Effect.mapError((error) => about(source.path, error)))
        const address = addressOf(url, mount)
        const told = { event: "serving", service: manifest.name, version: manifest.version, url: address, port, recovery }
        yield* say(options.output, `${manifest.name} ${manifest.version} at ${address}`, told)
      })
    )
    if (bad + started.bad > 0)
      yield* say(options.output, `${started.good.length} of ${sources.length} services are served`, { event: "incomplete" })
    return yield* Effect.never
  }).pipe(Effect.scoped, Effect.provide(gatewayLayer(loaded.settings, options.output.json)))
})

/** Keeps what an effect opens for as long as `parent` lives; lets it go at once when the effect fails. */
export const openIn = <A, E, R>(parent: Scope.Scope, open: Effect.Effect<A, E, R | Scope.Scope>) =>
  Effect.flatMap(Scope.fork(parent), (scope) =>
    open.pipe(
      Scope.provide(scope),
      Effect.onExit((exit: Exit.Exit<A, E>) => (exit._tag === "Failure" ? Scope.close(scope, exit) : Effect.void))
    )
  )

/** With several services every line of the log says whose it is. */
export const nameLogs =
  (service: string, isOnly: boolean) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    isOnly ? effect : Effect.annotateLogs(effect, { service })

/** The values for the configuration that a manifest declares. */
export const configOf = (loaded: LoadedConfiguration, { config, name }: Manifest): Readonly<Record<string, unknown>> =>
  serviceConfig(loaded, name, Object.keys(config))

interface Read {
  readonly source: Source
  readonly module: Uint8Array
  readonly manifest: Manifest
}

const readSource = Effect.fnUntraced(function* (source: Source, { file }: LoadedConfiguration) {
  const module = yield* readModule(source.path)
  const manifest = yield* inspectModule(module).pipe(Effect.mapError((error) => about(source.path, error)))
  if (source.name !== undefined && source.name !== manifest.name) {
    const message = `${file}: services.${source.name}: the service in ${source.label} is named ${manifest.name}`
    return yield* new Failure({ code: "OtherName", message })
  }
  return { source, module, manifest } satisfies Read
})

/** Names decide where data lies: two services cannot have one. */
const checkNames = (services: ReadonlyArray<Read>): Effect.Effect<void, Failure> =>
  Effect.forEach(
    services,
    ({ manifest, source }, index) => {
      const other = services.slice(0, index).find((before) => before.manifest.name === manifest.name)
      if (other === undefined) return Effect.void
      const message = `${other.source.label} and ${source.label} are both named ${manifest.name}: their data would lie in one place`
      return Effect.fail(new Failure({ code: "SameName", message }))
    },
    { discard: true }
  )

/** Does it for each, `atOnce` of them at a time. One of several that fails is said and counted; when all fail, or the only one, so does this. */
const each = <A, B, E, R>(items: ReadonlyArray<A>, output: Output, work: (item: A) => Effect.Effect<B, E, R>, atOnce = Infinity) =>
  Effect.gen(function* () {
    const good: Array<B> = []
    const failures: Array<Failure> = []
    const one = (item: A) =>
      Effect.matchEffect(work(item), {
        onFailure: (error) => {
          const failure = failureOf(error)
          failures.push(failure)
          return items.length === 1 ? Effect.void : sayFailure(output, failure)
        },
        onSuccess: (value) => Effect.sync(() => void good.push(value))
      })
    yield* Effect.forEach(items, one, { concurrency: atOnce, discard: true })
    const [first] = failures
    if (first !== undefined && good.length === 0) {
      return yield* items.length === 1 ? first : new Failure({ code: "NoneServed", message: "none of the services can be served" })
    }
    return { good, bad: failures.length }
  })

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
