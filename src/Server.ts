/**
 * Services, served: for each a database and the module that runs beside it; in front of all of them one gateway.
 *
 * Invariants
 * - A module takes over between two requests: requests under way end with the module that began them. One that cannot be loaded changes nothing.
 *   When stores were migrated for it, it takes over in the very turn in which they change.
 * - The order of the end is the reverse of the order of the start: gateway (drained), module, database.
 * - A service that fails, at its start or later, does so alone: it has its own database, instances, operator's door and scope.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { defaultSettings } from "./Config/Configuration.ts"
import type { Settings } from "./Config/Settings.ts"
import { type ControlHandler, listen } from "./Control/Control.ts"
import { Disk } from "./Disk/Disk.ts"
import { type Mount, ROOT } from "./Config/Mount.ts"
import type { HttpError } from "./Http/Errors.ts"
import { type EngineState, engineState } from "./Http/Health.ts"
import { Http, type HttpPlace } from "./Http/Http.ts"
import { type KeptStatements, keepStatements, operatorPort } from "./Query/Query.ts"
import type { StatementLog } from "./Query/StatementLog.ts"
import { Budget } from "./Storage/Budget.ts"
import type { Engine } from "./Storage/Engine.ts"
import type { RecoveryReport } from "./Storage/EngineParts.ts"
import type { StorageError } from "./Storage/Errors.ts"
import type { StorageLimits } from "./Storage/Limits.ts"
import { attempt } from "./Storage/RunWork.ts"
import { statusOf } from "./Storage/Status.ts"
import { Storage } from "./Storage/Storage.ts"
import type { WasmError } from "./Wasm/Errors.ts"
import { acceptedInDirectory } from "./Wasm/Judge.ts"
import type { LogLine } from "./Wasm/Log.ts"
import type { Manifest } from "./Wasm/Manifest.ts"
import type { Service } from "./Wasm/Service.ts"
import { Wasm } from "./Wasm/Wasm.ts"

/** What one service is opened with. */
export interface ServiceOptions {
  /** Directory of all services' data; the service's own is `services/<name>` below it. */
  readonly directory: string
  readonly service: string
  /** Where it is found. Default: everything, on every host; of several services in one process each has a place of its own. */
  readonly mount?: Mount
  /** As `planck.yaml` would set them. Default: `defaultSettings`. */
  readonly settings?: Settings
  /** Limits of the engine, over those that the settings give; most have no setting. */
  readonly storage?: Partial<StorageLimits>
  /** Values for the configuration that the manifest declares. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Whether details of failures go into answers. Default: no. */
  readonly development?: boolean
  /** Whether every call gets an instance of the service that has served none: for tests. Default: no. */
  readonly freshInstances?: boolean
}

/** What a server of one service is opened with. */
export interface ServerOptions extends ServiceOptions {
  /** Which requests are logged. Default: those answered with 500 or more. */
  readonly accessLog?: "off" | "errors" | "all"
}

/** A service whose database is open and which has its place at the gateway. */
export interface OpenedService {
  /** Loads a module and lets it take over; the one before stays when this fails. */
  readonly deploy: (module: Uint8Array) => Effect.Effect<Manifest, WasmError | StorageError>
  /** What opening the database found out; it was logged too. */
  readonly recovery: RecoveryReport
}

/**
 * A service that is served.
 *
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Planck from "@planckdb/planck"
 *
 * const shop = Planck.Server.layer({ directory: "data", service: "shop" }).pipe(Layer.provide(Planck.Disk.layer))
 *
 * const serve = (wasm: Uint8Array) =>
 *   Effect.gen(function* () {
 *     const server = yield* Planck.Server
 *     yield* server.deploy(wasm)
 *     yield* Effect.log(`open ${server.url}`)
 *     return yield* Effect.never
 *   }).pipe(Effect.provide(shop))
 * ```
 */
export class Server extends Context.Service<
  Server,
  OpenedService & {
    /** Where it listens, as a browser writes it. */
    readonly url: string
    readonly port: number
  }
>()("planck/Server") {
  /** Opens the service's database and listens; answers 503 until a module is deployed. */
  static readonly layer = (options: ServerOptions): Layer.Layer<Server | Storage, StorageError | HttpError, Disk> => {
    const { http } = settingsOf(options)
    return Layer.effect(Server, listening).pipe(
      Layer.provide(openedLayer(options)),
      Layer.provide(placeLayer(options)),
      Layer.provide(Http.layer({ ...http, accessLog: options.accessLog ?? "errors" })),
      Layer.provideMerge(storageLayer(options))
    )
  }
}

/** Listens last, so that the gateway is drained before anything else ends. */
const listening = Effect.gen(function* () {
  const opened = yield* Opened
  const http = yield* Http
  return Server.of({ ...(yield* http.listen), ...opened })
})

/** Opens the database of a service for as long as the scope lives; its place at a gateway answers 503 until a module is deployed. */
export const openService = (options: ServiceOptions, place: HttpPlace): Effect.Effect<OpenedService, StorageError, Disk | Scope.Scope> => {
  const layer = openedLayer(options).pipe(Layer.provide(Layer.succeed(Place, place)), Layer.provide(storageLayer(options)))
  return Effect.map(Layer.build(layer), (context) => Context.get(context, Opened))
}

class Opened extends Context.Service<Opened, OpenedService>()("planck/Server/Opened") {}

class Place extends Context.Service<Place, HttpPlace>()("planck/Server/Place") {}

const placeLayer = ({ mount, service }: ServiceOptions): Layer.Layer<Place, HttpError, Http> =>
  Layer.effect(
    Place,
    Effect.flatMap(Http, (http) => http.open(service, mount ?? ROOT))
  )

const openedLayer = (options: ServiceOptions): Layer.Layer<Opened, never, Place | Storage | Disk> =>
  Layer.unwrap(
    Effect.map(keepStatements(settingsOf(options).query.slowMs), (statements) =>
      Layer.effect(Opened, open(options, statements)).pipe(Layer.provide(wasmLayer(options, directoryOf(options), statements.log)))
    )
  )

const storageLayer = (options: ServiceOptions): Layer.Layer<Storage, StorageError, Disk> => {
  const limits = { ...storageLimits(settingsOf(options)), ...options.storage }
  const { durability } = settingsOf(options).storage
  return Storage.layer({ directory: directoryOf(options), limits, durability, flushOnClose: true })
}

const settingsOf = ({ settings }: ServiceOptions): Settings => settings ?? defaultSettings

/** Where the database of a service lies below the directory of all data. */
export const databaseDirectory = (directory: string, service: string): string => `${directory}/services/${service}`

const directoryOf = ({ directory, service }: ServiceOptions): string => databaseDirectory(directory, service)

const open = Effect.fnUntraced(function* (options: ServiceOptions, statements: KeptStatements) {
  const place = yield* Place
  const wasm = yield* Wasm
  const storage = yield* Storage
  const { backup, compact, engine } = storage
  const { volume } = yield* Disk
  const clock = yield* Clock.Clock
  const status = attempt(() => statusOf(engine, clock.currentTimeMillisUnsafe()))
  const directory = directoryOf(options)
  const { advise, read } = yield* operatorPort
  yield* listen(volume, directory, (request, onProgress): ReturnType<ControlHandler> => {
    switch (request.verb) {
      case "backup":
        return backup(request.target, onProgress)
      case "compact":
        return compact
      case "status":
        return status
      case "advise":
        return Effect.andThen(statements.save, advise)
      case "stores":
        return Effect.sync(() => engine.stores().map((store) => store.definition))
      case "query":
        return read(request.statement, request.parameters)
    }
  })
  yield* logRecovery(engine.report)
  yield* logAdmission(engine)
  const one = yield* Semaphore.make(1)
  const scope = yield* Scope.Scope
  let running: Scope.Closeable | undefined
  const deploy = Effect.fn("Server.deploy")(function* (module: Uint8Array) {
    const next = yield* Scope.fork(scope)
    const given = { mountPath: options.mount?.path ?? "", ...(options.config === undefined ? {} : { config: options.config }) }
    let isServed = false
    const switched = (loaded: Service): void => {
      place.serve(loaded, storage)
      isServed = true
    }
    const service = yield* wasm.load(module, { ...given, switched }).pipe(
      Scope.provide(next),
      Effect.onError((cause) => (isServed ? Effect.void : Scope.close(next, Exit.failCause(cause))))
    )
    if (running !== undefined) yield* Scope.close(running, Exit.void)
    running = next
    return service.manifest
  })
  return Opened.of({
    deploy: (module) => Semaphore.withPermits(one, 1)(deploy(module)),
    recovery: engine.report
  })
})

/** Tells an operator what the start had to mend. A clean start says nothing. */
const logRecovery = Effect.fnUntraced(function* ({ cut, fallback, lastLsn, replayed }: RecoveryReport) {
  if (fallback !== undefined) yield* Effect.logWarning("opened the index file at its older commit; the log has the rest", { fallback })
  if (cut !== undefined) yield* Effect.logWarning("cut the torn tail of the log; nothing of it was acknowledged", cut)
  if (replayed > 0) yield* Effect.logInfo("replayed the log", { replayed, lastLsn })
})

/** Logs when the engine begins and ends to refuse writes, for as long as the scope lives. */
const logAdmission = Effect.fnUntraced(function* (engine: Engine) {
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  let state: EngineState = "ok"
  const look = (): void => {
    const next = engineState(engine)
    if (next === state) return
    if (next === "read_only") fork(Effect.logError("writes are refused until the disk has room", { reason: engine.fault?.message }))
    if (next === "poisoned") fork(Effect.logFatal("writes are refused until a restart", { reason: engine.fault?.message }))
    if (next === "ok") fork(Effect.logInfo("the disk has room again: writes are taken"))
    state = next
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => engine.onWork(look)),
    (remove) => Effect.sync(remove)
  )
})

/** The memory that the settings give to the databases of all services together; provide it to every `openService`. */
export const budgetLayer = (settings: Settings): Layer.Layer<Budget> => Budget.layer(storageLimits(settings))

/** The limits of the engine that the configuration sets. */
const storageLimits = ({ storage }: Settings) => ({
  memtableBytesMax: storage.memtableBytesMax,
  compactionDeadPercentMax: storage.compactionDeadPercentMax,
  compactionUrgentPercentMax: storage.compactionUrgentPercentMax,
  reserveBytes: storage.reserveBytes,
  indexCacheBytesMax: storage.pageCacheBytesMax,
  valueCacheBytesMax: storage.valueCacheBytesMax,
  placeCacheBytesMax: storage.placeCacheBytesMax,
  snapshotTimeoutMs: storage.snapshotTimeoutMs,
  syncIntervalMs: storage.syncIntervalMs,
  logHoldBytesMax: storage.logHoldBytesMax,
  logHoldAgeMsMax: storage.logHoldAgeMsMax
})

/** The runtime for guests; which files were judged is remembered beside the database. */
const wasmLayer = (options: ServiceOptions, directory: string, statementLog: StatementLog) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { volume } = yield* Disk
      const fork = Effect.runForkWith(yield* Effect.context<never>())
      const modules = `${directory}/modules`
      volume.makeDirectory(modules)
      const { guest, query } = settingsOf(options)
      return Wasm.layer({
        accepted: acceptedInDirectory(volume, modules),
        development: options.development ?? false,
        freshInstances: options.freshInstances ?? false,
        limits: {
          deadlineMs: guest.deadlineMs,
          memoryBytes: guest.memoryBytesMax,
          answerBytesMax: query.answerBytesMax,
          answerCacheBytesMax: guest.answerCacheBytesMax
        },
        queryLimits: {
          scannedMax: query.scannedDocumentsMax,
          elapsedMsMax: query.elapsedMsMax,
          textCacheBytesMax: query.textCacheBytesMax
        },
        statementLog,
        log: (line) => void fork(logLine(line))
      })
    })
  )

const LEVELS = { debug: "Debug", info: "Info", warning: "Warn", error: "Error" } as const

const logLine = (line: LogLine): Effect.Effect<void> =>
  Effect.logWithLevel(LEVELS[line.level])(line.message).pipe(
    Effect.annotateLogs({ service: line.service, handler: line.handler, requestId: line.requestId, ...line.fields })
  )
