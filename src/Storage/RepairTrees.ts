/**
 * The primary trees of a repaired database, made in a new index file from whatever says where the documents are: for each key the newest
 * version counts, from whichever source.
 *
 *     old trees  ┐
 *     value log  ├→  one entry a key, with the LSN of its newest version  →  `settle`: what is not a document that counts goes
 *     log        ┘
 *
 * Invariants
 * - Until `settle` an entry may also say that its key was removed, that its newest version cannot be read (both keep older versions of other
 *   sources out), or that something newer may be missing.
 * - After `settle` no entry leads to a damaged segment: what was whole in one has been copied.
 */
import { type EntrySource, ValueView } from "../Index/Entry.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import type { TreeCursor } from "../Index/TreeCursor.ts"
import { DELETE, PUT } from "./MemtableLayout.ts"
import { KEY_BYTES } from "./Reader.ts"
import type { RepairValues } from "./RepairValues.ts"
import type { RepairWriter } from "./RepairWriter.ts"
import type { RunMerge } from "./RunMerge.ts"
import { compareBytes } from "./SourceCursor.ts"
import { Location, LOCATION_BYTES } from "./TreeSource.ts"
import { VALUE_HEADER_BYTES } from "./ValueSegment.ts"

/** In place of a document's length: its key was removed. */
const REMOVED = 0xffff_ffff
/** In place of a document's length: its newest version cannot be read. */
const LOST = 0xffff_fffe
/** Set in a document's length: something newer under its key may be missing. No document is so long. */
const UNCERTAIN = 0x8000_0000

/** A source whose entries are all 16-byte keys with a location, filled in by `advance`. */
abstract class Locations implements EntrySource {
  readonly value = new Uint8Array(LOCATION_BYTES)
  readonly valueAt = 0
  readonly valueLength = LOCATION_BYTES
  readonly keyLength = KEY_BYTES
  key: Uint8Array = new Uint8Array(KEY_BYTES)
  keyAt = 0
  remove = false
  protected readonly location = new Location()

  next(): boolean {
    if (!this.advance()) return false
    this.location.write(this.value, 0)
    return true
  }

  protected abstract advance(): boolean
}

/** The entries of a tree of the old index file. Those that lead to nothing whole are told apart. */
export class OldEntries extends Locations {
  readonly #cursor: TreeCursor
  readonly #values: RepairValues
  readonly #store: number
  #isStarted = false

  constructor(cursor: TreeCursor, values: RepairValues, store: number) {
    super()
    this.#cursor = cursor
    this.#values = values
    this.#store = store
  }

  protected advance(): boolean {
    const cursor = this.#cursor
    if (!(this.#isStarted ? cursor.next() : cursor.first())) return false
    this.#isStarted = true
    this.key = cursor.key
    this.keyAt = cursor.keyAt
    this.location.read(cursor.value, cursor.valueAt)
    // The place stays, for the report.
    if (!this.#values.read(this.location, this.#store, this.key, this.keyAt)) this.location.length = LOST
    return true
  }
}

/** The newest version of every key of one store in a walk over the value log, where the tree does not have a newer one. */
export class ValueEntries extends Locations {
  readonly #merge: RunMerge
  readonly #store: number
  readonly #isNews: (key: Uint8Array, keyAt: number, lsn: number) => boolean
  readonly #certainFrom: number
  readonly #last = new Uint8Array(KEY_BYTES)
  #isStarted = false

  /** `certainFrom`: the LSN from which on nothing newer can be missing. Begins at the walk's current entry, which is of the store. */
  constructor(merge: RunMerge, store: number, certainFrom: number, isNews: (key: Uint8Array, keyAt: number, lsn: number) => boolean) {
    super()
    this.#merge = merge
    this.#store = store
    this.#certainFrom = certainFrom
    this.#isNews = isNews
  }

  protected advance(): boolean {
    for (;;) {
      if (this.#isStarted) skipKey(this.#merge, this.#store, this.#last)
      this.#isStarted = true
      const entry = this.#merge.current
      if (entry === undefined || entry.store !== this.#store) return false
      const { bytes, keyAt, kind, length, lsn, offset, source } = entry
      this.#last.set(bytes.subarray(keyAt, keyAt + KEY_BYTES))
      if (!this.#isNews(this.#last, 0, lsn)) continue
      this.key = this.#last
      this.keyAt = 0
      this.location.segment = source.segment
      this.location.offset = offset
      this.location.lsn = lsn
      this.location.length = kind === DELETE ? REMOVED : (length | (lsn < this.#certainFrom ? UNCERTAIN : 0)) >>> 0
      return true
    }
  }
}

/** Moves a walk over the value log behind every version of a key. */
export function skipKey(merge: RunMerge, store: number, key: Uint8Array): void {
  for (let entry = merge.current; entry !== undefined; entry = merge.current) {
    if (entry.store !== store || compareBytes(entry.bytes, entry.keyAt, KEY_BYTES, key, 0, KEY_BYTES) !== 0) return
    merge.advance()
  }
}

/** One operation of a log record. */
export interface Operation {
  readonly store: number
  readonly lsn: number
  readonly key: Uint8Array
  /** Nothing: the key was removed. */
  readonly document: Uint8Array | undefined
}

/** Operations of one store, in the order of keys and each key once, where the tree does not have a newer version. */
export class LogEntries extends Locations {
  readonly #operations: ReadonlyArray<Operation>
  readonly #writer: RepairWriter
  #next = 0

  constructor(operations: ReadonlyArray<Operation>, writer: RepairWriter) {
    super()
    this.#operations = operations
    this.#writer = writer
  }

  protected advance(): boolean {
    const operation = this.#operations[this.#next++]
    if (operation === undefined) return false
    const { document, key, lsn, store } = operation
    this.key = key
    const { location } = this
    if (document === undefined) Object.assign(location, { segment: 0, offset: 0, length: REMOVED, lsn })
    else this.#writer.append({ store, kind: PUT, lsn, key, keyAt: 0 }, document, 0, document.length, location)
    return true
  }
}

/** What `settle` tells of the entries that do not stay. */
export interface Settled {
  /** A document that counts. */
  readonly kept: () => void
  readonly lost: (key: Uint8Array, keyAt: number, location: Location) => void
  /** Something newer may be missing: `length` bytes at `bytes[at]`. Whether it stays all the same. */
  readonly uncertain: (bytes: Uint8Array, at: number, length: number) => boolean
}

/** The changes that leave a tree with nothing but documents that count, in segments that are whole. */
export class SettledEntries extends Locations {
  readonly #cursor: TreeCursor
  readonly #values: RepairValues
  readonly #writer: RepairWriter
  readonly #store: number
  readonly #settled: Settled
  #isStarted = false

  constructor(cursor: TreeCursor, values: RepairValues, writer: RepairWriter, store: number, settled: Settled) {
    super()
    this.#cursor = cursor
    this.#values = values
    this.#writer = writer
    this.#store = store
    this.#settled = settled
  }

  protected advance(): boolean {
    const cursor = this.#cursor
    while (this.#isStarted ? cursor.next() : cursor.first()) {
      this.#isStarted = true
      this.key = cursor.key
      this.keyAt = cursor.keyAt
      this.location.read(cursor.value, cursor.valueAt)
      if (this.#isChanged()) return true
    }
    this.#isStarted = true
    return false
  }

  #isChanged(): boolean {
    const { key, keyAt, location } = this
    this.remove = true
    if (location.length === REMOVED) return true
    if (location.length === LOST) {
      this.#settled.lost(key, keyAt, location)
      return true
    }
    const isUncertain = location.length >= UNCERTAIN
    if (isUncertain) {
      location.length -= UNCERTAIN
      const { at, bytes } = this.#read()
      if (!this.#settled.uncertain(bytes, at + VALUE_HEADER_BYTES, location.length)) return true
    }
    this.remove = false
    this.#settled.kept()
    if (!this.#values.isDamaged(location.segment)) return isUncertain
    const { at, bytes } = this.#read()
    const { length, lsn } = location
    this.#writer.append({ store: this.#store, kind: PUT, lsn, key, keyAt }, bytes, at + VALUE_HEADER_BYTES, length, location)
    return true
  }

  #read(): { readonly bytes: Uint8Array; readonly at: number } {
    if (!this.#values.read(this.location, this.#store, this.key, this.keyAt)) throw new Error("an entry that was whole no longer is")
    return this.#values
  }
}

/** Whether a tree of the new file says nothing newer about a key than `lsn`. */
export function isNewest(index: IndexFile, store: number, key: Uint8Array, keyAt: number, lsn: number): boolean {
  if (!index.get(index.current(), store, key, keyAt, KEY_BYTES, FOUND)) return true
  KNOWN.read(FOUND.bytes, FOUND.at)
  return KNOWN.lsn < lsn
}

const FOUND = new ValueView()
const KNOWN = new Location()
