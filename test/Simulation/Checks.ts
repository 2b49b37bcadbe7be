/** Holding what a reader of the engine shows against a state of the model. */
import { BSON } from "bson"
import { DocumentView, type Reader, type Store, type StoreIndex } from "../../src/Storage/Reader.ts"
import { expectedOrder } from "./Indexes.ts"
import { hexOf, type State, type StoreState } from "./Model.ts"
import { violated } from "./Violation.ts"

/** Every document, absent key and readable index of the stores is as in the state. Returns what was read, for a digest. */
export function checkReader(
  reader: Reader,
  stores: ReadonlyArray<Store>,
  state: State,
  context: string
): ReadonlyArray<readonly [string, ReadonlyMap<string, { readonly bytes: Uint8Array }>]> {
  const found = stores.map((store) => {
    const { name } = store.definition
    const expected = state.get(name)
    const documents = scan(reader, store)
    if (expected === undefined) {
      if (documents.size > 0) violated("reads", `${context}: ${name} has documents before it exists`)
      return [name, documents] as const
    }
    checkDocuments(documents, expected, `${context}: ${name}`)
    checkKeys(reader, store, expected, `${context}: ${name}`)
    for (const index of store.indexes) {
      if (isReadable(index, reader)) checkIndex(reader, index, expected, `${context}: ${name}.${index.definition.name}`)
    }
    return [name, documents] as const
  })
  for (const name of state.keys()) {
    if (!stores.some((store) => store.definition.name === name)) violated("reads", `${context}: there is no store ${name}`)
  }
  return found
}

function scan(reader: Reader, store: Store): ReadonlyMap<string, { readonly bytes: Uint8Array }> {
  const documents = new Map<string, { readonly bytes: Uint8Array }>()
  const cursor = reader.documents(store, undefined, 1)
  while (cursor.next()) {
    const { bytes, at, length } = cursor.document
    documents.set(hexOf(cursor.key), { bytes: bytes.slice(at, at + length) })
  }
  cursor.close()
  return documents
}

function checkDocuments(found: ReadonlyMap<string, { readonly bytes: Uint8Array }>, expected: StoreState, context: string): void {
  const wanted = [...expected.documents.keys()].toSorted()
  if ([...found.keys()].join() !== wanted.join()) violated("reads", `${context}: ${differenceOf([...found.keys()], wanted)}`)
  for (const [key, { bytes }] of expected.documents) {
    const there = found.get(key)!.bytes
    if (Buffer.compare(there, bytes) !== 0) violated("reads", `${context}: ${key} is ${show(there)} and not ${show(bytes)}`)
  }
}

/** By key: everything that is there, and something that is not. */
function checkKeys(reader: Reader, store: Store, expected: StoreState, context: string): void {
  const view = new DocumentView()
  for (const { key, bytes } of expected.documents.values()) {
    const isThere = reader.get(store, key, 0, view)
    if (!isThere || view.length !== bytes.length) violated("reads", `${context}: ${hexOf(key)} by its key`)
    const absent = key.slice()
    absent[15]! ^= 0x5a
    if (!expected.documents.has(hexOf(absent)) && reader.get(store, absent, 0, view))
      violated("reads", `${context}: ${hexOf(absent)} is not there`)
  }
}

/** Complete, and old enough for a reader at this LSN. */
function isReadable(index: StoreIndex, reader: Reader): boolean {
  return index.ready && (index.readyLsn ?? 0) <= reader.lsn
}

function checkIndex(reader: Reader, index: StoreIndex, expected: StoreState, context: string): void {
  const wanted = expectedOrder(index.definition, expected.documents)
  for (const direction of [1, -1] as const) {
    const found: Array<string> = []
    const cursor = reader.entries(index, undefined, direction)
    while (cursor.next()) {
      const { bytes, at, length } = cursor.entry
      found.push(hexOf(bytes.subarray(at + length - 16, at + length)))
    }
    cursor.close()
    if (direction === -1) found.reverse()
    if (found.join() !== wanted.join()) violated("indexes", `${context}, direction ${direction}: ${differenceOf(found, wanted)}`)
  }
}

function differenceOf(found: ReadonlyArray<string>, wanted: ReadonlyArray<string>): string {
  const missing = wanted.filter((key) => !found.includes(key))
  const extra = found.filter((key) => !wanted.includes(key))
  if (missing.length + extra.length > 0) return `missing [${missing.join()}], too many [${extra.join()}]`
  return found.length === wanted.length ? "the order differs" : "a key comes more than once"
}

function show(bytes: Uint8Array): string {
  const text = JSON.stringify(BSON.deserialize(bytes))
  return text.length > 120 ? `${text.slice(0, 120)}… (${bytes.length} bytes)` : text
}
