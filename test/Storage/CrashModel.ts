/** What a database must hold: plain maps beside it, one state for every LSN, and the comparison of a whole engine with a state. */
import { assert } from "@effect/vitest"
import { type DocumentValue, decode, encode } from "../../src/Bson/Value.ts"
import { FIELDS_BYTES_MAX } from "../../src/Index/Layout.ts"
import { keyOf } from "../../src/Bson/Key.ts"
import { valueOffset } from "../../src/Bson/View.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import type { Engine } from "../../src/Storage/Engine.ts"
import { type CrashMachine, DIRECTORY } from "./CrashMachine.ts"
import { compareEntries, entriesOf } from "./IndexModel.ts"
import { newestDocuments, readValueFiles } from "./ValueFiles.ts"
import { DocumentView, type Reader, type Store, type StoreIndex } from "../../src/Storage/Reader.ts"

export interface Entry {
  readonly key: Uint8Array
  /** BSON. */
  readonly bytes: Uint8Array
  readonly document: DocumentValue
}

/** A store as it should be; entries by their key in hex. */
export interface StoreState {
  readonly definition: StoreDefinition
  readonly entries: ReadonlyMap<string, Entry>
}

export type State = ReadonlyMap<string, StoreState>

/** A document with its key, as it is written and expected back. */
export function entryOf(definition: StoreDefinition, document: DocumentValue): Entry {
  const bytes = encode(document)
  return { key: keyOf(definition.idKind, bytes[4]!, bytes, valueOffset(bytes, 4)), bytes, document }
}

export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

/** The states of a database by LSN. */
export class History {
  readonly #states: Array<{ readonly lsn: number; readonly state: State }> = [{ lsn: 0, state: new Map() }]

  /** From `lsn` on the database holds this; later states at or after it, which were lost, are forgotten. */
  record(lsn: number, state: State): void {
    while (this.#states.length > 1 && this.#states.at(-1)!.lsn >= lsn) this.#states.pop()
    this.#states.push({ lsn, state })
  }

  /** What came after `lsn` was never acknowledged and is lost. */
  forgetAfter(lsn: number): void {
    while (this.#states.length > 1 && this.#states.at(-1)!.lsn > lsn) this.#states.pop()
  }

  /** The state as of `lsn`. */
  at(lsn: number): State {
    return this.#states.findLast((it) => it.lsn <= lsn)!.state
  }

  get latest(): State {
    return this.#states.at(-1)!.state
  }

  copy(): History {
    const copy = new History()
    for (const { lsn, state } of this.#states) if (lsn > 0) copy.record(lsn, state)
    return copy
  }
}

/**
 * Every store, document and index of the engine equals the state: by scans in both directions, by key, and by every ready index. With
 * `durable` the definitions, which a running engine shows as of its newest LSN, may be ahead of the state.
 */
export function assertHolds(engine: Engine, state: State, context: string, moment: "newest" | "durable" = "newest"): void {
  const isNewest = moment === "newest"
  const stores = engine.stores().filter((it) => isNewest || state.has(it.definition.name))
  assert.deepStrictEqual(stores.map((it) => it.definition.name).toSorted(), [...state.keys()].toSorted(), `${context}: stores`)
  const reader = engine.snapshot()
  for (const store of stores) {
    const expected = state.get(store.definition.name)!
    const name = `${context}: ${store.definition.name}`
    if (isNewest) assert.deepStrictEqual(store.definition, expected.definition, name)
    assertScans(reader, store, expected, name)
    for (const index of store.indexes)
      if (isReadable(index, reader)) assertIndex(reader, index, expected, `${name}.${index.definition.name}`)
  }
  reader.close()
}

/** Complete, and old enough for a reader at this LSN. */
function isReadable(index: StoreIndex, reader: Reader): boolean {
  return index.ready && (index.readyLsn ?? 0) <= reader.lsn
}

function assertScans(reader: Reader, store: Store, expected: StoreState, context: string): void {
  const keys = [...expected.entries.keys()].toSorted()
  for (const direction of [1, -1] as const) {
    const found: Array<string> = []
    const cursor = reader.documents(store, undefined, direction)
    while (cursor.next()) {
      const key = hexOf(cursor.key)
      found.push(key)
      const { bytes, at, length } = cursor.document
      const wanted = expected.entries.get(key)
      const isEqual = wanted !== undefined && Buffer.from(bytes.buffer, bytes.byteOffset + at, length).equals(wanted.bytes)
      if (!isEqual) assert.deepStrictEqual(decode(bytes, at), wanted?.document, `${context}: ${key}`)
    }
    cursor.close()
    const wanted = direction === 1 ? keys : keys.toReversed()
    if (found.join() !== wanted.join()) assert.deepStrictEqual(found, wanted, `${context}: keys in direction ${direction}`)
  }
  const view = new DocumentView()
  for (const { key, bytes } of expected.entries.values()) {
    const isFound = reader.get(store, key, 0, view) && view.length === bytes.length
    if (!isFound) assert.fail(`${context}: ${hexOf(key)} by key`)
  }
}

/** What an entry has of a value in the first place: a long text is cut where its type and 1023 of its (one-byte) characters are full. */
const asKept = <A>(value: A): A | string => (typeof value === "string" ? value.slice(0, FIELDS_BYTES_MAX - 1) : value)

function assertIndex(reader: Reader, index: StoreIndex, expected: StoreState, context: string): void {
  const { definition } = index
  const entries = [...expected.entries.values()]
    .flatMap((entry) => entriesOf(definition, entry.document).map((values) => ({ key: entry.key, values: values.map(asKept) })))
    .toSorted((a, b) => compareEntries(definition, a.values, b.values) || Buffer.compare(a.key, b.key))
  const found: Array<string> = []
  const cursor = reader.entries(index, undefined, 1)
  while (cursor.next()) {
    const { bytes, at, length } = cursor.entry
    found.push(hexOf(bytes.subarray(at + length - 16, at + length)))
  }
  cursor.close()
  const wanted = entries.map((it) => hexOf(it.key))
  if (found.join() !== wanted.join()) assert.deepStrictEqual(found, wanted, context)
}

/** Somebody who has only the value segments of a database that has flushed everything finds the same documents, and no removed one. */
export function assertRepairable(machine: CrashMachine, state: State, context: string): void {
  const found = newestDocuments(readValueFiles(machine.volume, `${DIRECTORY}/values`))
  const expected = new Map<string, Uint8Array>()
  for (const store of machine.engine.stores()) {
    for (const [key, { bytes }] of state.get(store.definition.name)!.entries) expected.set(`${store.id}/${key}`, bytes)
  }
  assert.deepStrictEqual([...found.keys()].toSorted(), [...expected.keys()].toSorted(), `${context}: keys in the value segments`)
  for (const [name, bytes] of found) {
    if (!Buffer.from(bytes).equals(expected.get(name)!)) assert.fail(`${context}: ${name} in the value segments is another`)
  }
}
