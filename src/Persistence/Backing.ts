/**
 * `BackingPersistence`, below `Persistence` and `PersistedCache`.
 *
 * Invariant: an entry whose time is over is not given any more, by the clock of whoever asks; its document goes by an index that expires.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BackingPersistence, type BackingPersistenceStore, PersistenceError } from "effect/persistence/Persistence"
import { store } from "../Query/Builder.ts"
import type { QueryError } from "../Query/Errors.ts"
import { Query } from "../Query/Query.ts"
import type { StorageError } from "../Storage/Errors.ts"
import { Storage } from "../Storage/Storage.ts"

/** Values are kept as JSON text, which is what they are made for: a schema has encoded them. */
const entriesOf = (name: string) =>
  store({
    name,
    idKind: "string",
    schema: { value: { type: "string" }, expiresAt: { type: "date", optional: true } },
    indexes: [{ name: "byExpiry", on: [{ path: "expiresAt", direction: "asc" }], sparse: true, expireAfterMs: 0 }]
  })

type Entries = ReturnType<typeof entriesOf>

/**
 * What `Persistence.layer` needs, and with it `PersistedCache`: `Persistence.layer.pipe(Layer.provide(layerBackingPersistence()))`.
 *
 * @example
 * ```ts
 * import * as Layer from "effect/Layer"
 * import * as Persistence from "effect/persistence/Persistence"
 * import * as Planck from "@planckdb/planck"
 * import { layerBackingPersistence } from "@planckdb/planck/persistence"
 *
 * const kept = Persistence.layer.pipe(Layer.provide(layerBackingPersistence()), Layer.provide(Planck.layer({ directory: "data/cache" })))
 * ```
 */
export const layerBackingPersistence = (
  options: { readonly store?: string } = {}
): Layer.Layer<BackingPersistence, StorageError, Query | Storage> =>
  Layer.effect(
    BackingPersistence,
    Effect.gen(function* () {
      const entries = entriesOf(options.store ?? "persistence")
      yield* (yield* Storage).defineStores([entries.definition])
      const database = yield* Query
      return BackingPersistence.of({
        make: (storeId) => Effect.clockWith((clock) => Effect.succeed(make(entries, database, storeId, clock)))
      })
    })
  )

function make(entries: Entries, database: Query["Service"], storeId: string, clock: Clock.Clock): BackingPersistenceStore {
  // The length in front keeps the keys of one store from looking like those of another.
  const prefix = `${storeId.length}:${storeId}:`
  const documentOf = (key: string, value: object, ttl: Duration.Duration | undefined) => ({
    _id: prefix + key,
    value: JSON.stringify(value),
    ...(ttl === undefined ? {} : { expiresAt: new Date(clock.currentTimeMillisUnsafe() + Duration.toMillis(ttl)) })
  })
  const valueOf = (entry: { readonly value: string; readonly expiresAt?: Date } | undefined): object | undefined =>
    entry === undefined || (entry.expiresAt !== undefined && entry.expiresAt.getTime() <= clock.currentTimeMillisUnsafe())
      ? undefined
      : (JSON.parse(entry.value) as object)
  const getMany = (keys: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<object | undefined>, PersistenceError> =>
    database
      .query(
        entries.filter(
          "_id",
          "in",
          keys.map((key) => prefix + key)
        )
      )
      .pipe(
        Effect.map((rows) => {
          const byId = new Map(rows.map((row) => [row._id, row]))
          return keys.map((key) => valueOf(byId.get(prefix + key)))
        }),
        Effect.mapError(failed(`cannot read ${keys.length} entries of ${storeId}`))
      )
  const setMany = (documents: ReadonlyArray<ReturnType<typeof documentOf>>): Effect.Effect<void, PersistenceError> =>
    database
      .transact((transaction) => {
        for (const document of documents) transaction.write(entries.upsert(document))
      })
      .pipe(Effect.mapError(failed(`cannot write ${documents.length} entries of ${storeId}`)))
  return {
    get: (key) => database.query(entries.get(prefix + key)).pipe(Effect.map(valueOf), Effect.mapError(failed(`cannot read ${key}`))),
    getMany: (keys) => Effect.map(getMany(keys), (values) => values as [object | undefined, ...Array<object | undefined>]), // as many as there are keys
    set: (key, value, ttl) => setMany([documentOf(key, value, ttl)]),
    setMany: (all) => setMany(all.map(([key, value, ttl]) => documentOf(key, value, ttl))),
    remove: (key) =>
      Effect.asVoid(database.write(entries.filter({ _id: prefix + key }).delete())).pipe(Effect.mapError(failed(`cannot remove ${key}`))),
    clear: Effect.asVoid(database.write(entries.filter("_id", "startsWith", prefix).delete())).pipe(
      Effect.mapError(failed(`cannot clear ${storeId}`))
    )
  }
}

const failed =
  (message: string) =>
  (cause: QueryError | StorageError): PersistenceError =>
    new PersistenceError({ message: `${message}: ${cause.message}`, cause })
