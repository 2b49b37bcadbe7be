/**
 * A store in which every transaction writes two documents that belong together, and the database that holds it: shared by the process
 * that is killed and the test that looks at what it left.
 */
import * as Layer from "effect/Layer"
import { encode, Key } from "../../src/Bson/Value.ts"
import { Disk } from "../../src/Disk/Disk.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import { DocumentView, type Reader, type Store, type Transaction } from "../../src/Storage/Reader.ts"
import { Storage } from "../../src/Storage/Storage.ts"

export const LEDGER: StoreDefinition = {
  name: "ledger",
  idKind: "key",
  schema: { number: { type: "int" }, side: { type: "string" }, text: { type: "string" } },
  indexes: [
    {
      name: "bySide",
      on: [
        { path: "side", direction: "asc" },
        { path: "number", direction: "desc" }
      ]
    }
  ]
}

const SIDES = ["credit", "debit"] as const
const TEXT = "t".repeat(1500)

/** Small files and a small memtable, so that a second of writing flushes, rotates and releases many times. */
export const ledgerLayer = (directory: string) =>
  Storage.layer({
    directory,
    limits: { memtableBytesMax: 800 * 1024, logSegmentBytesMax: 128 * 1024, valueSegmentBytesMax: 256 * 1024 }
  }).pipe(Layer.provide(Disk.layer))

function keyOfEntry(number: number, side: number): Uint8Array {
  const key = new Uint8Array(16)
  key[6] = 0x70
  new DataView(key.buffer).setUint32(0, number)
  key[15] = side
  return key
}

/** Writes both sides of entry `number`. */
export function putEntry(transaction: Transaction, store: Store, number: number): void {
  for (const [index, side] of SIDES.entries()) {
    const key = keyOfEntry(number, index)
    transaction.put(store, key, encode({ _id: new Key(key), number, side, text: TEXT }), 0)
  }
}

/** How many sides of entry `number` there are: by key. */
export function sidesOf(reader: Reader, store: Store, number: number): number {
  const view = new DocumentView()
  return SIDES.filter((_, index) => reader.get(store, keyOfEntry(number, index), 0, view)).length
}

/** Documents in the store and entries in its index. */
export function countAll(reader: Reader, store: Store): { readonly documents: number; readonly indexed: number } {
  const counts = { documents: 0, indexed: 0 }
  const documents = reader.documents(store, undefined, 1)
  while (documents.next()) counts.documents++
  const entries = reader.entries(store.indexes[0]!, undefined, 1)
  while (entries.next()) counts.indexed++
  return counts
}
