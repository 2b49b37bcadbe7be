/** Planck's engine without a server: one store, documents `{ _id, value }`. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { encode, Binary, Key } from "../../src/Bson/Value.ts"
import { Disk } from "../../src/Disk/Disk.ts"
import { DocumentView, type Reader } from "../../src/Storage/Reader.ts"
import { Storage } from "../../src/Storage/Storage.ts"
import type { EngineStore, OpenStore } from "./Store.ts"

/** Where the key and the value stand in the BSON of `{ _id: key, value: binary }`. */
const KEY_AT = 4 + 1 + 4 + 4 + 1
const VALUE_AT = KEY_AT + 16 + 1 + 6 + 4 + 1

/** Of upkeep between two turns, in units of about 100 ns. */
const SLICE_BUDGET = 10_000

export const openPlanck: OpenStore = async (directory) => {
  const scope = Scope.makeUnsafe()
  const layer = Storage.layer({ directory, flushOnClose: true }).pipe(Layer.provide(Disk.layer))
  const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
  const storage = await Effect.runPromise(Effect.provide(Effect.service(Storage), context))
  await Effect.runPromise(storage.defineStores([{ name: "entries", idKind: "key", schema: { value: { type: "binary" } }, indexes: [] }]))
  const { engine } = storage
  const entries = engine.store("entries")
  if (entries === undefined) throw new Error("the store was not made")
  const view = new DocumentView()
  let template = documentOf(Buffer.alloc(0))
  const put = (transaction: ReturnType<typeof engine.transact>, key: Buffer, value: Buffer): void => {
    if (template.length !== VALUE_AT + value.length + 1) template = documentOf(value)
    template.set(key, KEY_AT)
    template.set(value, VALUE_AT)
    transaction.overwrite(entries, key, template, 0)
  }
  const copy = (reader: Reader, key: Buffer): Buffer | undefined =>
    reader.get(entries, key, 0, view) ? Buffer.from(view.bytes.subarray(view.at + VALUE_AT, view.at + view.length - 1)) : undefined
  const admit = (): Promise<void> | undefined => (engine.admission() === "open" ? undefined : Effect.runPromise(storage.admitWrite))
  const written = (key: Buffer): Buffer | undefined => {
    const transaction = engine.transact()
    const found = copy(transaction, key)
    transaction.rollback()
    return found
  }
  // Writers are asked again after every wait: another one may have written between the answer and its turn.
  return {
    putBatch: async (keys, values) => {
      for (let pending = admit(); pending !== undefined; pending = admit()) await pending
      const transaction = engine.transact()
      for (const [index, key] of keys.entries()) put(transaction, key, values[index]!)
      transaction.commit()
    },
    putSynced: async (key, value) => {
      for (let pending = admit(); pending !== undefined; pending = admit()) await pending
      const transaction = engine.transact()
      put(transaction, key, value)
      const lsn = transaction.commit()
      await new Promise<void>((done, failed) => storage.whenDurable(lsn, (error) => (error === undefined ? done() : failed(error))))
    },
    // A snapshot sees what is on disk. What was just written and is not there yet is seen by the writer's own kind of reader.
    get: (key) => {
      const snapshot = engine.snapshot()
      const found = copy(snapshot, key)
      snapshot.close()
      if (found !== undefined) return found
      const pending = admit()
      return pending === undefined ? written(key) : pending.then(() => written(key))
    },
    scan: (key, count) => {
      const snapshot = engine.snapshot()
      try {
        const cursor = snapshot.documents(entries, { low: key }, 1)
        let bytes = 0
        for (let found = 0; found < count && cursor.next(); found++) bytes += 16 + cursor.document.length - VALUE_AT - 1
        cursor.close()
        return bytes
      } finally {
        snapshot.close()
      }
    },
    // Merges and compactions that are due go on after a flush.
    settle: async () => {
      await Effect.runPromise(storage.flush)
      while (engine.maintain(SLICE_BUDGET) !== "idle") await new Promise((turned) => setImmediate(turned))
    },
    compact: async () => void (await Effect.runPromise(storage.compact)),
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  } satisfies EngineStore
}

const documentOf = (value: Buffer): Uint8Array => encode({ _id: new Key(new Uint8Array(16)), value: new Binary(value) })
