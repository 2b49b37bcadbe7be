/**
 * The door of this folder: from the bytes of a file to a service that answers.
 *
 * A `Service` is a synchronous handle: the gateway calls `handle` in one tick and then waits for durability, so nothing on that path is an Effect.
 * Loading is an Effect: it judges the file, brings the database to the stores of its manifest, and starts the instances; the scope ends them.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { randomFillSync } from "node:crypto"
import type { QueryLimits } from "../Query/Reasons.ts"
import type { StatementLog } from "../Query/StatementLog.ts"
import type { StoreDefinition } from "../Schema/Definition.ts"
import type { MigrationHandler } from "../Storage/Conversion.ts"
import type { StorageError } from "../Storage/Errors.ts"
import type { MigrationReport } from "../Storage/MigrationPlan.ts"
import { Storage } from "../Storage/Storage.ts"
import type { ConfigSource } from "./ConfigValues.ts"
import { loadEngine } from "./Engine.ts"
import { WasmError } from "./Errors.ts"
import { type AcceptedFiles, acceptedInMemory, judgeWith } from "./Judge.ts"
import { DEFAULT_LIMITS, type Limits } from "./Limits.ts"
import type { LogPort } from "./Log.ts"
import { loadModule, type Module } from "./Module.ts"
import { MigrationCalls } from "./MigrationCalls.ts"
import { isWasmFault } from "./Reasons.ts"
import { Service } from "./Service.ts"

/** Settings of the runtime. Everything has a default. */
export interface WasmOptions {
  /** Takes the log lines of guests, and of the host about them. Default: nowhere. */
  readonly log?: LogPort
  readonly limits?: Partial<Limits>
  readonly queryLimits?: Partial<QueryLimits>
  /** Where the cost of services' statements is noted; see `keepStatements` of Query. */
  readonly statementLog?: StatementLog
  /** Remembers files that were judged, across restarts. Default: in memory. */
  readonly accepted?: AcceptedFiles
  /** Whether details of failures go into answers. Default: no. */
  readonly development?: boolean
  /** Whether every call gets an instance of its own: for tests. Default: no. */
  readonly freshInstances?: boolean
}

/** What one service gets beside its module. */
export interface LoadOptions {
  /** Values for the configuration its manifest declares. */
  readonly config?: ConfigSource
  /** The path that its own paths are below, as `Mount` has it. Default: none. */
  readonly mountPath?: string
  /** Called in the turn in which the stores have become what the manifest says: from then on only this service fits them. */
  readonly switched?: (service: Service) => void
}

/**
 * Loads modules.
 *
 * @example
 * ```ts
 * const wasm = yield* Wasm
 * const service = yield* wasm.load(bytes, { config: { taxRate: 0.19 } })
 * const answer = service.handle(0, request)
 * ```
 */
export class Wasm extends Context.Service<
  Wasm,
  {
    /** Checks a file and says what is in it, without running anything of it. */
    readonly inspect: (bytes: Uint8Array) => Effect.Effect<Module, WasmError>
    /** Checks a file, defines its stores, and starts it. Nothing has changed when it fails with a `WasmError`. */
    readonly load: (bytes: Uint8Array, options?: LoadOptions) => Effect.Effect<Service, WasmError | StorageError, Scope.Scope>
    /**
     * Says what bringing the stores to the versions of a file would come to, and changes nothing. `newer` is a later file of the service, whose
     * migrations say how documents get back; see `Storage.planMigrations`.
     */
    readonly planMigrations: (
      bytes: Uint8Array,
      newer?: Uint8Array
    ) => Effect.Effect<ReadonlyArray<MigrationReport>, WasmError | StorageError>
    /** Brings the stores to what a file declares, without starting it; back to an earlier version when there is a `newer` file that knows how. */
    readonly migrate: (bytes: Uint8Array, newer?: Uint8Array) => Effect.Effect<void, WasmError | StorageError>
  }
>()("planck/Wasm") {
  static readonly layer = (options: WasmOptions = {}): Layer.Layer<Wasm, never, Storage> => Layer.effect(Wasm, make(options))
}

const make = Effect.fnUntraced(function* (options: WasmOptions) {
  const storage = yield* Storage
  const clock = yield* Clock.Clock
  const services = yield* Effect.context<never>()
  const judge = judgeWith(loadEngine, options.accepted ?? acceptedInMemory())
  const memoryBytes = options.limits?.memoryBytes ?? DEFAULT_LIMITS.memoryBytes
  const ports = {
    monotonicMs: (): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6,
    cpuMs: (): number => {
      const { user, system } = process.threadCpuUsage()
      return (user + system) / 1000
    },
    random: (into: Uint8Array): void => void randomFillSync(into),
    log: options.log ?? (() => {}),
    schedule: (task: () => void): void => void Effect.runForkWith(services)(Effect.andThen(Effect.yieldNow, Effect.sync(task)))
  }
  const start = (module: Module, { config, mountPath }: LoadOptions): Effect.Effect<Service, WasmError> =>
    attempt(
      () =>
        new Service({
          module,
          engine: storage.engine,
          ...(options.statementLog === undefined ? {} : { statementLog: options.statementLog }),
          cursorSecret: storage.engine.index.databaseId,
          ports,
          development: options.development ?? false,
          freshInstances: options.freshInstances ?? false,
          ...(config === undefined ? {} : { config }),
          ...(mountPath === undefined ? {} : { mountPath }),
          ...(options.limits === undefined ? {} : { limits: options.limits }),
          ...(options.queryLimits === undefined ? {} : { queryLimits: options.queryLimits })
        })
    )
  const load = (bytes: Uint8Array): Module => loadModule(bytes, { memoryBytes, judge })
  const withMigrations = migrationRunner(
    (module) =>
      new MigrationCalls(module, {
        ports,
        nowMs: clock.currentTimeMillisUnsafe(),
        ...(options.limits === undefined ? {} : { limits: options.limits })
      })
  )
  return Wasm.of({
    inspect: (bytes) => attempt(() => loadModule(bytes, { memoryBytes, judge: () => {} })),
    load: Effect.fn("Wasm.load")(function* (bytes: Uint8Array, loading?: LoadOptions) {
      const module = yield* attempt(() => load(bytes))
      // Started before its stores are defined: a service that does not come up leaves the database as it was.
      const service = yield* Effect.acquireRelease(start(module, loading ?? {}), (service) => Effect.sync(() => service.close()))
      yield* withMigrations([module], (handlers) =>
        storage.defineStores(module.manifest.stores, { handlers, switched: () => loading?.switched?.(service) })
      )
      return service
    }),
    planMigrations: (bytes, newer) => migrating(load, withMigrations, bytes, newer, storage.planMigrations),
    migrate: (bytes, newer) => migrating(load, withMigrations, bytes, newer, storage.defineStores)
  })
})

type Handlers = ReadonlyMap<string, MigrationHandler>
type WithMigrations = <A>(
  modules: ReadonlyArray<Module>,
  use: (handlers: Handlers) => Effect.Effect<A, StorageError>
) => Effect.Effect<A, WasmError | StorageError>

/** Does something with the functions of modules by which documents get from version to version; started for that alone. */
const migrationRunner =
  (start: (module: Module) => MigrationCalls): WithMigrations =>
  (modules, use) =>
    Effect.acquireUseRelease(
      attempt(() => modules.filter(({ manifest }) => manifest.handlers.some(({ kind }) => kind === "migration")).map(start)),
      (calls) => use(new Map(calls.flatMap(({ handlers }) => [...handlers]))),
      (calls) => Effect.sync(() => calls.forEach((it) => it.close()))
    )

/** Does something with the stores of a file and all that leads to them; `newer` is a later file, which knows the way back. */
const migrating = <A>(
  load: (bytes: Uint8Array) => Module,
  withMigrations: WithMigrations,
  bytes: Uint8Array,
  newer: Uint8Array | undefined,
  use: (
    stores: ReadonlyArray<StoreDefinition>,
    options: { handlers: Handlers; newer: ReadonlyArray<StoreDefinition> }
  ) => Effect.Effect<A, StorageError>
): Effect.Effect<A, WasmError | StorageError> =>
  Effect.flatMap(
    attempt(() => [bytes, ...(newer === undefined ? [] : [newer])].map(load)),
    ([module, ...later]) =>
      withMigrations([module!, ...later], (handlers) =>
        use(module!.manifest.stores, { handlers, newer: later.flatMap(({ manifest }) => manifest.stores) })
      )
  )

/** Runs the core; a refusal becomes the error of this folder, anything else is a defect. */
function attempt<A>(work: () => A): Effect.Effect<A, WasmError> {
  return Effect.suspend(() => {
    try {
      return Effect.succeed(work())
    } catch (error) {
      if (isWasmFault(error)) return Effect.fail(new WasmError({ reason: error.reason }))
      throw error
    }
  })
}
