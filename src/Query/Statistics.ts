/**
 * What planners know of the documents of a store: how many there are, from counts the engine keeps, and how often values repeat, from a
 * sample.
 *
 * Invariants
 * - A store's statistics stay the same object until its size has doubled or halved. Plans hold on to the object they were made with.
 * - The sample is taken at evenly spread keys and depends on the documents only: the same data gives the same plans.
 * - At most `STORES_MAX` samples of `SAMPLE_BYTES_MAX` are kept, of each store at most `PATHS_MAX` shares.
 * - Below `DOCUMENTS_MIN` documents no plan is chosen by them: a store that is being filled must not get plans for an empty one.
 */
import { KEY_BYTES } from "../Bson/Key.ts"
import { compilePath, type PathVisitor, resolve } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { encodeValue, KeyWriter } from "../Index/KeyEncoding.ts"
import type { Predicate } from "../Match/Compile.ts"
import type { Reader, Store, StoreIndex, TreeSize } from "../Storage/Reader.ts"
import { GroupTable } from "./GroupTable.ts"
import type { SampledValues } from "./RangeShares.ts"

/** Most stores whose samples are kept. */
export const STORES_MAX = 64
/** Bytes of the documents of one sample. */
export const SAMPLE_BYTES_MAX = 128 * 1024
/** Most paths of one store whose shares are remembered. */
export const PATHS_MAX = 256
/** Most paths of one store whose sampled values are kept in order. */
export const VALUED_PATHS_MAX = 32
/** Fewest documents that plans are chosen by. */
export const DOCUMENTS_MIN = 200

const POSITIONS = 64
const PER_POSITION = 4
const GROWTH = 2
const KEY_SPACE = 1n << 128n

/** Counts in how many documents each value occurs. */
class Occurrences implements PathVisitor {
  /** Values of all documents, each once a document. */
  total = 0
  readonly counts: Array<number> = []
  readonly #table = new GroupTable()
  readonly #key = new KeyWriter()
  readonly #lastDocument: Array<number> = []
  #document = 0

  begin(): void {
    this.#document++
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    if (type === Type.MISSING || type === Type.NULL || type === Type.ARRAY) return false
    this.#key.reset()
    encodeValue(this.#key, bytes, type, at, false)
    const value = this.#table.find(this.#key.bytes, this.#key.length)
    if (this.#lastDocument[value] === this.#document) return false
    this.#lastDocument[value] = this.#document
    this.counts[value] = (this.counts[value] ?? 0) + 1
    this.total++
    return false
  }
}

export class StoreStatistics {
  /** About how many documents the store has. */
  readonly documents: number
  readonly size: TreeSize
  readonly #sample: ReadonlyArray<Uint8Array>
  readonly #held: ReadonlyMap<number, number>
  readonly #shares = new Map<string, number>()
  readonly #values = new Map<string, SampledValues>()

  constructor(size: TreeSize, documents: number, sample: ReadonlyArray<Uint8Array>, held: ReadonlyMap<number, number>) {
    this.size = size
    this.documents = documents
    this.#sample = sample
    this.#held = held
  }

  /** The share of documents in which a path has a value that one of them has there: how much `=` is expected to let through. */
  equalShare(path: string): number {
    const known = this.#shares.get(path)
    if (known !== undefined) return known
    const share = this.#measure(path)
    if (this.#shares.size < PATHS_MAX) this.#shares.set(path, share)
    return share
  }

  /** The values of a path in the sample, as keys in order. */
  sampledValues(path: string): SampledValues {
    const known = this.#values.get(path)
    if (known !== undefined) return known
    const compiled = compilePath(path)
    const keys: Array<Uint8Array> = []
    const writer = new KeyWriter()
    const visitor: PathVisitor = {
      visit(bytes, type, at) {
        if (type === Type.MISSING || type === Type.ARRAY) return false
        writer.reset()
        encodeValue(writer, bytes, type, at, false)
        keys.push(writer.bytes.slice(0, writer.length))
        return false
      }
    }
    for (const bytes of this.#sample) resolve(compiled, bytes, 0, visitor)
    const values = { keys: keys.toSorted((a, b) => Buffer.compare(a, b)), documents: this.#sample.length }
    if (this.#values.size < VALUED_PATHS_MAX) this.#values.set(path, values)
    return values
  }

  /** The share of the sampled documents that pass a test. */
  passing(test: Predicate): number {
    let passed = 0
    for (const bytes of this.#sample) if (test(bytes, 0)) passed++
    return passed / this.#sample.length
  }

  /** How many entries an index has for each document of the store; undefined where too little is on disk to tell. */
  entriesShare(index: StoreIndex): number | undefined {
    return this.#held.get(index.id)
  }

  /** The probability that another document has a value that was drawn from the sample: no value seen twice is as rare as the sample can tell. */
  #measure(path: string): number {
    const occurrences = new Occurrences()
    const compiled = compilePath(path)
    for (const bytes of this.#sample) {
      occurrences.begin()
      resolve(compiled, bytes, 0, occurrences)
    }
    const { counts, total } = occurrences
    const others = Math.max(1, this.#sample.length - 1)
    if (total === 0) return 1 / this.documents
    const pairs = counts.reduce((sum, count) => sum + count * (count - 1), 0)
    return Math.max(1 / this.documents, 0.5 / (total * others), pairs / (total * others))
  }
}

export class Statistics {
  readonly #stores = new Map<number, { lsn: number; statistics: StoreStatistics | undefined; size: TreeSize }>()

  /** The statistics of a store; undefined while it is small. The same object as last time unless the store's size has changed much. */
  of(reader: Reader, store: Store): StoreStatistics | undefined {
    const known = this.#stores.get(store.id)
    if (known !== undefined && known.lsn === reader.lsn) return known.statistics
    const size = reader.size(store)
    if (known !== undefined && isLike(known.size, size)) {
      known.lsn = reader.lsn
      return known.statistics
    }
    const statistics = sampled(reader, store, size)
    this.#stores.delete(store.id)
    const oldest = this.#stores.size >= STORES_MAX ? this.#stores.keys().next() : undefined
    if (oldest?.done === false) this.#stores.delete(oldest.value)
    this.#stores.set(store.id, { lsn: reader.lsn, statistics, size })
    return statistics
  }
}

/**
 * What all documents of a store say that is too small for a sample, to explain what a statement does; undefined when there are none, or more
 * than a sample may have.
 */
export function wholeStatistics(reader: Reader, store: Store): StoreStatistics | undefined {
  const all: Array<Uint8Array> = []
  let bytes = 0
  const cursor = reader.documents(store, undefined, 1)
  while (all.length < DOCUMENTS_MIN && bytes < SAMPLE_BYTES_MAX && cursor.next()) {
    const { at, bytes: from, length } = cursor.document
    all.push(from.slice(at, at + length))
    bytes += length
  }
  const isCut = cursor.next()
  cursor.close()
  return all.length === 0 || isCut ? undefined : new StoreStatistics(reader.size(store), all.length, all, new Map())
}

function isLike(before: TreeSize, now: TreeSize): boolean {
  const old = before.flushed + before.unflushed
  const fresh = now.flushed + now.unflushed
  return fresh < old * GROWTH + DOCUMENTS_MIN && old < fresh * GROWTH + DOCUMENTS_MIN
}

function sampled(reader: Reader, store: Store, size: TreeSize): StoreStatistics | undefined {
  if (size.flushed + size.unflushed < DOCUMENTS_MIN) return undefined
  const sample: Array<Uint8Array> = []
  const isAll = !spread(reader, store, sample)
  if (sample.length < DOCUMENTS_MIN / 2) return undefined
  const documents = isAll ? sample.length : Math.max(sample.length, size.flushed + size.unflushed)
  if (documents < DOCUMENTS_MIN) return undefined
  const held = new Map<number, number>()
  if (size.flushed >= DOCUMENTS_MIN && size.flushed > size.unflushed) {
    for (const index of store.indexes) held.set(index.id, Math.max(1 / documents, reader.size(index).flushed / size.flushed))
  }
  return new StoreStatistics(size, documents, sample, held)
}

/** Takes copies of documents at evenly spread keys. Whether some between them were passed over. */
function spread(reader: Reader, store: Store, sample: Array<Uint8Array>): boolean {
  const first = endKey(reader, store, 1)
  const last = endKey(reader, store, -1)
  if (first === undefined || last === undefined) return false
  let bytes = 0
  let passed = false
  let next = first
  for (let position = 0; position < POSITIONS && bytes < SAMPLE_BYTES_MAX; position++) {
    const wanted = first + ((last - first) * BigInt(position)) / BigInt(POSITIONS)
    if (wanted > next) {
      passed = true
      next = wanted
    }
    const cursor = reader.documents(store, { low: keyBytes(next) }, 1)
    for (let taken = 0; taken < PER_POSITION && cursor.next(); taken++) {
      const { at, bytes: from, length } = cursor.document
      sample.push(from.slice(at, at + length))
      bytes += length
      next = (keyNumber(cursor.key) + 1n) % KEY_SPACE
    }
    cursor.close()
    if (next > last || next === 0n) return passed
  }
  return true
}

function endKey(reader: Reader, store: Store, direction: 1 | -1): bigint | undefined {
  const cursor = reader.documents(store, undefined, direction)
  const key = cursor.next() ? keyNumber(cursor.key) : undefined
  cursor.close()
  return key
}

function keyNumber(key: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(key.buffer, key.byteOffset, KEY_BYTES).toString("hex")}`)
}

function keyBytes(number: bigint): Uint8Array {
  return Buffer.from(number.toString(16).padStart(2 * KEY_BYTES, "0"), "hex")
}
