/** A small store with two indexes, and the plain values that tests write into it and read back. */
import { decode, encode, type DocumentValue, Key } from "../../src/Bson/Value.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import { DocumentView, type Reader, type Store, type Transaction } from "../../src/Storage/Reader.ts"

export const ORDERS: StoreDefinition = {
  name: "orders",
  idKind: "key",
  schema: {
    status: { type: "string" },
    total: { type: "int" },
    note: { type: "string", optional: true }
  },
  indexes: [
    { name: "byStatus", on: [{ path: "status", direction: "asc" }] },
    {
      name: "byTotal",
      on: [
        { path: "total", direction: "desc" },
        { path: "status", direction: "asc" }
      ]
    }
  ]
}

export const CUSTOMERS: StoreDefinition = { name: "customers", idKind: "string", schema: { name: { type: "string" } }, indexes: [] }

export interface Order {
  readonly status: string
  readonly total: number
  readonly note?: string
}

/** Key number `n`; keys ascend with their numbers. */
export function orderKey(n: number): Uint8Array {
  const key = new Uint8Array(16)
  key[6] = 0x70
  new DataView(key.buffer).setUint32(2, n)
  return key
}

export function orderBytes(key: Uint8Array, order: Order): Uint8Array {
  return encode({ _id: new Key(key), ...order } as DocumentValue)
}

export function putOrder(transaction: Transaction, store: Store, n: number, order: Order): "inserted" | "replaced" {
  const key = orderKey(n)
  return transaction.put(store, key, orderBytes(key, order), 0)
}

export function readOrder(reader: Reader, store: Store, n: number): Order | undefined {
  const view = new DocumentView()
  return reader.get(store, orderKey(n), 0, view) ? withoutId(view) : undefined
}

/** Every order of the store, `number:status:total`, in key order or backwards. */
export function listOrders(reader: Reader, store: Store, direction: 1 | -1 = 1): Array<string> {
  const seen: Array<string> = []
  const cursor = reader.documents(store, undefined, direction)
  while (cursor.next()) {
    const order = withoutId(cursor.document)
    seen.push(`${numberOf(cursor.key, 0)}:${order.status}:${order.total}`)
  }
  return seen
}

/** Numbers of the orders in the order of an index. */
export function listIndex(reader: Reader, store: Store, name: string, direction: 1 | -1 = 1): Array<number> {
  const index = store.indexes.find((it) => it.definition.name === name)
  if (index === undefined) throw new Error(`there is no index ${name}`)
  const numbers: Array<number> = []
  const cursor = reader.entries(index, undefined, direction)
  while (cursor.next()) numbers.push(numberOf(cursor.entry.bytes, cursor.entry.at + cursor.entry.length - 16))
  return numbers
}

function numberOf(key: Uint8Array, at: number): number {
  return new DataView(key.buffer, key.byteOffset + at).getUint32(2)
}

function withoutId(view: DocumentView): Order {
  const { _id: _key, ...order } = decode(view.bytes, view.at)
  return order as unknown as Order // Only orders are written by these tests.
}
