/** `KeyValueStore`: a document for each key, with its value as text or as bytes. */
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { Binary } from "../Bson/Value.ts"
import { store } from "../Query/Builder.ts"
import type { QueryError } from "../Query/Errors.ts"
import { Query } from "../Query/Query.ts"
import type { StorageError } from "../Storage/Errors.ts"
import { Storage } from "../Storage/Storage.ts"

/** Documents one transaction removes when many are cleared. */
const CLEARED_MAX = 10_000

const entriesOf = (name: string) =>
  store({
    name,
    idKind: "string",
    schema: { text: { type: "string", optional: true }, bytes: { type: "binary", optional: true } },
    indexes: []
  })

type Entries = ReturnType<typeof entriesOf>
type Value = string | Uint8Array

/**
 * A `KeyValueStore` in a database of Planck's. Clearing more than 10 000 entries takes several transactions; everything else is one.
 *
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as KeyValueStore from "effect/persistence/KeyValueStore"
 * import * as Planck from "@planckdb/planck"
 * import { layerKeyValueStore } from "@planckdb/planck/persistence"
 *
 * const program = Effect.gen(function* () {
 *   const values = yield* KeyValueStore.KeyValueStore
 *   yield* values.set("greeting", "hello")
 *   console.log(yield* values.get("greeting")) // => hello
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(layerKeyValueStore().pipe(Layer.provide(Planck.layerMemory())))))
 * ```
 */
export const layerKeyValueStore = (
  options: { readonly store?: string } = {}
): Layer.Layer<KeyValueStore.KeyValueStore, StorageError, Query | Storage> =>
  Layer.effect(
    KeyValueStore.KeyValueStore,
    Effect.gen(function* () {
      const entries = entriesOf(options.store ?? "keyValues")
      yield* (yield* Storage).defineStores([entries.definition])
      return make(entries, yield* Query)
    })
  )

const make = (entries: Entries, database: Query["Service"]): KeyValueStore.KeyValueStore => {
  const found = (key: string): Effect.Effect<Value | undefined, KeyValueStore.KeyValueStoreError> =>
    database.query(entries.get(key)).pipe(
      Effect.map((entry) => entry?.text ?? (entry?.bytes === undefined ? undefined : bytesOf(entry.bytes))),
      Effect.mapError(failed("get", key))
    )
  const removeAll = (prefix: string): Effect.Effect<void, QueryError | StorageError> => {
    const chosen = entries.filter("_id", "startsWith", prefix).select("_id").limit(CLEARED_MAX)
    return Effect.flatMap(database.query(chosen), (some) => {
      const ids = some.map(({ _id }) => _id)
      const remove = database.write(entries.filter("_id", "in", ids).delete())
      return ids.length === 0 ? Effect.void : ids.length < CLEARED_MAX ? Effect.asVoid(remove) : Effect.andThen(remove, removeAll(prefix))
    })
  }
  const modify = <A extends Value>(key: string, method: string, form: (value: Value) => A, change: (value: A) => A) =>
    Effect.suspend(() => {
      let changed: A | undefined
      const inTransaction = database.transact((transaction) => {
        const entry = transaction.read(entries.get(key))
        if (entry === undefined) return
        changed = change(form(entry.text ?? bytesOf(entry.bytes ?? new Binary())))
        transaction.write(entries.upsert(documentOf(key, changed)))
      })
      return Effect.map(inTransaction, () => changed)
    }).pipe(Effect.mapError(failed(method, key)))
  return KeyValueStore.make({
    get: (key) => Effect.map(found(key), (value) => (value === undefined ? undefined : textOf(value))),
    getUint8Array: (key) => Effect.map(found(key), (value) => (value === undefined ? undefined : rawOf(value))),
    set: (key, value) => Effect.asVoid(database.write(entries.upsert(documentOf(key, value)))).pipe(Effect.mapError(failed("set", key))),
    remove: (key) => Effect.asVoid(database.write(entries.filter({ _id: key }).delete())).pipe(Effect.mapError(failed("remove", key))),
    clear: Effect.mapError(removeAll(""), failed("clear")),
    clearPrefix: (prefix) => Effect.mapError(removeAll(prefix), failed("clearPrefix")),
    size: Effect.mapError(database.query(entries.orderBy("_id").count()), failed("size")),
    keys: database.query(entries.orderBy("_id").select("_id")).pipe(
      Effect.map((rows) => rows.map(({ _id }) => _id)),
      Effect.mapError(failed("keys"))
    ),
    modify: (key, change) => modify(key, "modify", textOf, change),
    modifyUint8Array: (key, change) => modify(key, "modifyUint8Array", rawOf, change)
  })
}

const bytesOf = (binary: Binary): Uint8Array => Uint8Array.from(binary.value())
const textOf = (value: Value): string => (typeof value === "string" ? value : Base64.encode(value))
const rawOf = (value: Value): Uint8Array => (typeof value === "string" ? new TextEncoder().encode(value) : value)
const documentOf = (key: string, value: Value) => ({
  _id: key,
  ...(typeof value === "string" ? { text: value } : { bytes: new Binary(value) })
})

const failed =
  (method: string, key?: string) =>
  (cause: QueryError | StorageError): KeyValueStore.KeyValueStoreError =>
    new KeyValueStore.KeyValueStoreError({ method, message: cause.message, cause, ...(key === undefined ? {} : { key }) })
