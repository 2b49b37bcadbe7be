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
import type { DiskError } from "./Disk/Errors.ts"
import type { SimulatedOptions } from "./Disk/SimulatedVolume.ts"
import { Query } from "./Query/Query.ts"
import type { QueryLimits } from "./Query/Reasons.ts"
import type { StoreDefinition } from "./Schema/Definition.ts"
import type { StorageError } from "./Storage/Errors.ts"
import type { StorageLimits } from "./Storage/Limits.ts"
import { Storage } from "./Storage/Storage.ts"

export { QueryError } from "./Query/Errors.ts"
export { Query } from "./Query/Query.ts"
export { store } from "./Query/Builder.ts"
export { Server, type ServerOptions } from "./Server.ts"
export { StorageError } from "./Storage/Errors.ts"
export { Storage } from "./Storage/Storage.ts"
export type { StoreDefinition } from "./Schema/Definition.ts"

export interface PlanckOptions {
  /** The database's directory; made when it does not exist. */
  readonly directory: string
  /** Stores that have to be there, as defined, before anything else happens. */
  readonly stores?: ReadonlyArray<StoreDefinition>
  readonly storage?: Partial<StorageLimits>
  readonly query?: Partial<QueryLimits>
}

/** A database in a directory of this machine, open as long as the layer lives. */
export const layer = (options: PlanckOptions): Layer.Layer<Query | Storage, StorageError> =>
  database(options).pipe(Layer.provide(Disk.layer))

/** A database in memory, gone with the layer. */
export const layerMemory = (options: Omit<PlanckOptions, "directory"> = {}): Layer.Layer<Query | Storage, StorageError> =>
  database({ ...options, directory: "memory" }).pipe(Layer.provide(Disk.layerMemory()))

/** A database on a disk that fails as told, the same way for the same seed. */
export const layerSimulated = (
  options: Omit<PlanckOptions, "directory"> & { readonly disk: SimulatedOptions }
): Layer.Layer<Query | Storage, StorageError> =>
  database({ ...options, directory: "simulated" }).pipe(Layer.provide(Disk.layerSimulated(options.disk)))

const database = (options: PlanckOptions): Layer.Layer<Query | Storage, StorageError, Disk> => {
  const { directory, storage, query, stores } = options
  const engine = Storage.layer({ directory, flushOnClose: true, ...(storage === undefined ? {} : { limits: storage }) })
  const defined = Layer.effectDiscard(Effect.flatMap(Storage, (opened) => opened.defineStores(stores ?? [])))
  const queries = Query.layer(query)
  return Layer.mergeAll(defined, queries).pipe(Layer.provideMerge(engine))
}

export type { DiskError }
