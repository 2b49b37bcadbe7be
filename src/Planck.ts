/**
 * Planck for Effect programs: the same engine, queries and gateway as layers.
 *
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Planck from "@planckdb/planck"
 *
 * const orders = Planck.store({
 *   name: "orders",
 *   idKind: "key",
 *   schema: { customer: { type: "string" }, total: { type: "int" } },
 *   indexes: []
 * })
 *
 * const program = Effect.gen(function* () {
 *   const database = yield* Planck.Query
 *   yield* database.write(orders.insert({ customer: "ada", total: 12 }))
 *   return yield* database.query(orders.filter({ customer: "ada" }))
 * }).pipe(Effect.provide(Planck.layer({ directory: "data/shop", stores: [orders.definition] })))
 * ```
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Disk } from "./Disk/Disk.ts"
import { SimulatedVolume, type SimulatedOptions } from "./Disk/SimulatedVolume.ts"
import { Query } from "./Query/Query.ts"
import { Server, type ServerOptions } from "./Server.ts"
import type { HttpError } from "./Http/Errors.ts"
import type { QueryLimits } from "./Query/Reasons.ts"
import type { DurabilityLevel, StoreDefinition } from "./Schema/Definition.ts"
import type { StorageError } from "./Storage/Errors.ts"
import type { StorageLimits } from "./Storage/Limits.ts"
import { Storage } from "./Storage/Storage.ts"
import type { MigrationHandler } from "./Storage/Conversion.ts"

export { Binary, Decimal128, Key, ObjectId, UUID } from "./Bson/Value.ts"
export { Config, type ConfigOptions, type LoadedConfiguration } from "./Config/Config.ts"
export { defaultSettings } from "./Config/Configuration.ts"
export { ConfigError } from "./Config/Errors.ts"
export type { Settings } from "./Config/Settings.ts"
export { Disk } from "./Disk/Disk.ts"
export { DiskError } from "./Disk/Errors.ts"
export { SimulatedVolume, type SimulatedOptions } from "./Disk/SimulatedVolume.ts"
export { dumpFolder, loadFolder } from "./Exchange/DumpFolder.ts"
export { ExchangeError } from "./Exchange/Errors.ts"
export { dump, type Format, load } from "./Exchange/Exchange.ts"
export { HttpError } from "./Http/Errors.ts"
export {
  BinaryField,
  DecimalField,
  KeyField,
  type ModelOptions,
  type ModelQuery,
  type ModelStore,
  ObjectIdField,
  schemaStore,
  UuidField
} from "./Model/Model.ts"
export { store } from "./Query/Builder.ts"
export { QueryError } from "./Query/Errors.ts"
export { Query } from "./Query/Query.ts"
export type { StoreDefinition } from "./Schema/Definition.ts"
export { Server, type ServerOptions } from "./Server.ts"
export { Budget, type BudgetLimits } from "./Storage/Budget.ts"
export { StorageError } from "./Storage/Errors.ts"
export type { MigrationHandler } from "./Storage/Conversion.ts"
export { Storage } from "./Storage/Storage.ts"
export { WasmError } from "./Wasm/Errors.ts"

export interface PlanckOptions {
  /** The database's directory; made when it does not exist. */
  readonly directory: string
  /** Stores that have to be there, as defined, before anything else happens. */
  readonly stores?: ReadonlyArray<StoreDefinition>
  /** The handlers that migrations of these stores name. */
  readonly migrationHandlers?: ReadonlyMap<string, MigrationHandler>
  /** What writes to stores wait for that do not say so themselves. Default `fsync`; see `StoreDefinition.durability`. */
  readonly durability?: DurabilityLevel
  readonly storage?: Partial<StorageLimits>
  readonly query?: Partial<QueryLimits>
  /** Milliseconds beyond which a statement is noted as slow in what statements cost (`$statements`, `planck advise`); 100 unless said. */
  readonly slowMs?: number
}

/** A database in a directory of this machine, open as long as the layer lives. */
export const layer = (options: PlanckOptions): Layer.Layer<Query | Storage, StorageError> =>
  database(options).pipe(Layer.provide(Disk.layer))

/**
 * A service that is served, with its database open to the program beside it; see `Server` for what is served.
 *
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Planck from "@planckdb/planck"
 *
 * const serve = (wasm: Uint8Array) =>
 *   Effect.gen(function* () {
 *     const server = yield* Planck.Server
 *     yield* server.deploy(wasm)
 *     const database = yield* Planck.Query
 *     return yield* database.count({ kind: "count", store: "orders" })
 *   }).pipe(Effect.provide(Planck.layerServer({ directory: "data", service: "shop" })))
 * ```
 */
export const layerServer = (options: ServerOptions): Layer.Layer<Server | Query | Storage, StorageError | HttpError> =>
  Query.layer().pipe(Layer.provideMerge(Server.layer(options)), Layer.provide(Disk.layer))

/** A database in memory, gone with the layer. */
export const layerMemory = (options: Omit<PlanckOptions, "directory"> = {}): Layer.Layer<Query | Storage, StorageError> =>
  database({ ...options, directory: "memory" }).pipe(Layer.provide(Disk.layerMemory()))

/**
 * A database on a disk that fails as told, the same way for the same seed. Given a volume of its own, a test can let operations fail, crash
 * it (`volume.crash(seed)`) and open what is left in another layer; such a volume needs `syncs: "automatic"`.
 *
 * @example
 * ```ts
 * import * as Planck from "@planckdb/planck"
 *
 * const volume = new Planck.SimulatedVolume({ seed: 1, syncs: "automatic" })
 * const before = Planck.layerSimulated({ disk: volume })
 * const afterCrash = () => Planck.layerSimulated({ disk: volume.crash(7) })
 * ```
 */
export const layerSimulated = (
  options: Omit<PlanckOptions, "directory"> & { readonly disk: SimulatedOptions | SimulatedVolume }
): Layer.Layer<Query | Storage, StorageError> => {
  const { disk } = options
  const simulated = disk instanceof SimulatedVolume ? Layer.succeed(Disk, Disk.over(disk)) : Disk.layerSimulated(disk)
  return database({ ...options, directory: "simulated" }).pipe(Layer.provide(simulated))
}

const database = (options: PlanckOptions): Layer.Layer<Query | Storage, StorageError, Disk> => {
  const { directory, durability, migrationHandlers, slowMs, storage, query, stores } = options
  const handlers = migrationHandlers === undefined ? {} : { handlers: migrationHandlers }
  const limits = storage === undefined ? {} : { limits: storage }
  const engine = Storage.layer({ directory, flushOnClose: true, ...limits, ...(durability === undefined ? {} : { durability }) })
  const defined = Layer.effectDiscard(Effect.flatMap(Storage, (opened) => opened.defineStores(stores ?? [], handlers)))
  const queries = Query.layer(query, slowMs === undefined ? {} : { slowMs })
  return Layer.mergeAll(defined, queries).pipe(Layer.provideMerge(engine))
}
