/**
 * The writes of the running transaction: a small memtable of its own over the state it began with, reused from one to the next.
 *
 * Invariants
 * - Every write has a sequence number, and its entries carry it in place of an LSN. Whoever reads as of a number sees exactly the writes up
 *   to it; rolling back to a number turns the entries of all later ones into nothing.
 * - A write that throws has left nothing behind.
 * - Index entries are exact: a write reads the version it replaces and removes and adds the entries in which the two differ.
 * - Documents lie in the arena of the active memtable. Committing copies none of them; rolling back gives their room back.
 */
import { compareValues } from "../Bson/Compare.ts"
import { formatKey } from "../Bson/Key.ts"
import { documentLength, firstElement, valueOffset } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import { EntryList } from "../Index/EntryList.ts"
import { type ArenaMark, type ByteArena, type ChunkAllocator, copyBytes } from "./Arena.ts"
import type { CatalogIndex, CatalogStore } from "./Catalog.ts"
import { RECORD_BYTES } from "./DocumentTable.ts"
import type { StorageLimits } from "./Limits.ts"
import { DELETE, PUT, VERSION_MAX } from "./MemtableLayout.ts"
import { Memtable } from "./Memtable.ts"
import { MemtableCursor } from "./MemtableCursor.ts"
import type { MergedCursor } from "./MergedCursor.ts"
import { type Direction, DocumentView, KEY_BYTES, type Range, type TreeSize } from "./Reader.ts"
import { storageFault } from "./Reasons.ts"
import { compareBytes } from "./SourceCursor.ts"
import type { Sources } from "./Sources.ts"
import { UniqueChecks, type UniqueState } from "./UniqueChecks.ts"

/** Chunks of blocks an overlay keeps between transactions: room for about six thousand entries. */
const CHUNKS_KEPT = 1
const ID_NAME = new Uint8Array([0x5f, 0x69, 0x64, 0])

export class Overlay {
  readonly memtable: Memtable
  /** For documents that are put together before they are stored; kept from one transaction to the next. */
  readonly draft = new Writer()
  readonly #limits: StorageLimits
  readonly #before = new DocumentView()
  readonly #oldEntries = new EntryList()
  readonly #newEntries = new EntryList()
  readonly #unique = new UniqueChecks()
  /** The state as of the newest write, for `#unique`. */
  readonly #newest: UniqueState = {
    cursor: (tree, range) => this.cursor(tree, this.#sequence, range, 1),
    get: (tree, key, keyAt, out) => this.get(tree, key, keyAt, this.#sequence, out)
  }
  #sources: Sources | undefined
  #lsn = 0
  #mark: ArenaMark = { chunks: 0, current: -1, used: 0 }
  #sequence = 0
  #bytes = 0
  #writes = 0

  constructor(allocator: ChunkAllocator, arena: ByteArena, limits: StorageLimits) {
    this.memtable = new Memtable(allocator, arena)
    this.#limits = limits
  }

  /** Number of the newest write. */
  get sequence(): number {
    return this.#sequence
  }

  get writes(): number {
    return this.#writes
  }

  /** Starts over what `sources`, which stay until the end, show as of `lsn`; new documents go to `arena`. */
  begin(sources: Sources, lsn: number, arena: ByteArena): void {
    if (this.memtable.entries > 0 || this.memtable.arena !== arena) this.memtable.reset(CHUNKS_KEPT, arena)
    this.#sources = sources.retain()
    this.#lsn = lsn
    this.#mark = arena.mark()
    this.#sequence = 0
    this.#bytes = 0
    this.#writes = 0
  }

  /** Forgets every write. When the documents are not kept, their room is given back. */
  end(isKept: boolean): void {
    const arena = this.memtable.arena
    if (!isKept) arena.rewind(this.#mark)
    this.memtable.reset(CHUNKS_KEPT, arena)
    this.#unique.reset()
    this.#sources?.release()
    this.#sources = undefined
  }

  get(tree: number, key: Uint8Array, keyAt: number, sequence: number, out: DocumentView): boolean {
    if (!this.find(tree, key, keyAt, sequence, out)) return false
    this.read(out)
    return true
  }

  /** As `get`, but a document in the value log is not read yet. */
  find(tree: number, key: Uint8Array, keyAt: number, sequence: number, out: DocumentView): boolean {
    const memtable = this.memtable
    const kind = memtable.find(tree, key, keyAt, KEY_BYTES, sequence)
    if (kind === 0) return this.#base().find(tree, key, keyAt, this.#lsn, out)
    if (kind === DELETE) return false
    memtable.showFound(out)
    return true
  }

  /** Reads a document that was found. */
  read(out: DocumentView): void {
    if (!out.isRead) this.#base().read(out)
  }

  /** About how much a tree has, without what is written here. */
  size(tree: number): TreeSize {
    return this.#base().size(tree)
  }

  /** A walk over a tree as of a sequence number. */
  cursor(tree: number, sequence: number, range: Range | undefined, direction: Direction): MergedCursor {
    const own = sequence === 0 ? undefined : new MemtableCursor(this.memtable, tree, sequence, direction)
    return this.#base().cursor(tree, this.#lsn, range, direction, own)
  }

  /**
   * Stores the document at `bytes[at]` under the key; whether there was one before. Faults: DocumentTooLarge, TransactionTooLarge,
   * IdMissing, IdCollision.
   */
  put(store: CatalogStore, key: Uint8Array, keyAt: number, bytes: Uint8Array, at: number): boolean {
    const length = documentLength(bytes, at)
    this.#checkLimits(store, length)
    requireId(store, bytes, at, length)
    const isReplaced = this.get(store.id, key, keyAt, VERSION_MAX, this.#before)
    const before = isReplaced ? this.#before : undefined
    if (before !== undefined) checkSameId(store, key, keyAt, before, bytes, at)
    this.#write(store, key, keyAt, before, bytes, at, length)
    return isReplaced
  }

  /** As `put`, without looking for a document under the key where nothing depends on it: no index entry, and no other id behind the key. */
  overwrite(store: CatalogStore, key: Uint8Array, keyAt: number, bytes: Uint8Array, at: number): void {
    if (store.kept.length > 0 || isHashed(store.definition.idKind)) return void this.put(store, key, keyAt, bytes, at)
    const length = documentLength(bytes, at)
    this.#checkLimits(store, length)
    requireId(store, bytes, at, length)
    this.#write(store, key, keyAt, undefined, bytes, at, length)
  }

  /** As `put`, for a document that may not be there yet; false, and nothing is written, when there is one under its key. */
  add(store: CatalogStore, key: Uint8Array, keyAt: number, bytes: Uint8Array, at: number): boolean {
    if (this.get(store.id, key, keyAt, VERSION_MAX, this.#before)) return false
    const length = documentLength(bytes, at)
    this.#checkLimits(store, length)
    requireId(store, bytes, at, length)
    this.#write(store, key, keyAt, undefined, bytes, at, length)
    return true
  }

  #write(
    store: CatalogStore,
    key: Uint8Array,
    keyAt: number,
    before: DocumentView | undefined,
    bytes: Uint8Array,
    at: number,
    length: number
  ): void {
    const sequence = ++this.#sequence
    try {
      this.memtable.put(store.id, key, keyAt, KEY_BYTES, sequence, PUT, this.#copyIn(bytes, at, length), length)
      this.#writeEntries(store, key, keyAt, before, bytes, at, sequence)
    } catch (error) {
      this.memtable.voidAbove(sequence - 1)
      this.#unique.forgetAfter(sequence - 1)
      throw error
    }
    this.#bytes += length
    this.#writes++
  }

  /** Removes the document under the key; false, and nothing is written, when there is none. Faults: TransactionTooLarge. */
  delete(store: CatalogStore, key: Uint8Array, keyAt: number): boolean {
    if (!this.get(store.id, key, keyAt, VERSION_MAX, this.#before)) return false
    this.#checkLimits(store, 0)
    const sequence = ++this.#sequence
    try {
      const record = this.memtable.arena.allocate(RECORD_BYTES)
      this.memtable.put(store.id, key, keyAt, KEY_BYTES, sequence, DELETE, record, 0)
      this.#writeEntries(store, key, keyAt, this.#before, undefined, 0, sequence)
    } catch (error) {
      this.memtable.voidAbove(sequence - 1)
      this.#unique.forgetAfter(sequence - 1)
      throw error
    }
    this.#writes++
    return true
  }

  /** Forgets the writes after `sequence`. They still count towards the limits. */
  rollbackTo(sequence: number): void {
    if (sequence >= this.#sequence) return
    this.memtable.voidAbove(sequence)
    this.#unique.forgetAfter(sequence)
  }

  /** What was written has to be unique where an index says so. Faults with UniqueViolation; the writes stay. */
  checkUnique(): void {
    this.#unique.run(this.#newest, this.#sequence)
  }

  /** A record with the document; its head is filled when it is committed. */
  #copyIn(bytes: Uint8Array, at: number, length: number): number {
    const arena = this.memtable.arena
    const record = arena.allocate(RECORD_BYTES + length)
    copyBytes(bytes, at, arena.chunkOf(record), arena.offsetOf(record) + RECORD_BYTES, length)
    return record
  }

  /** Per index: removes the entries that only the old version has and adds those that only the new one has. */
  #writeEntries(
    store: CatalogStore,
    key: Uint8Array,
    keyAt: number,
    before: DocumentView | undefined,
    bytes: Uint8Array | undefined,
    at: number,
    sequence: number
  ): void {
    const old = this.#oldEntries
    const fresh = this.#newEntries
    for (const index of store.kept) {
      if (before === undefined) old.reset()
      else index.extract(before.bytes, before.at, key, keyAt, old)
      if (bytes === undefined) fresh.reset()
      else index.extract(bytes, at, key, keyAt, fresh)
      this.#writeChanges(store, index, old, fresh, sequence)
    }
  }

  #writeChanges(store: CatalogStore, index: CatalogIndex, old: EntryList, fresh: EntryList, sequence: number): void {
    const { memtable } = this
    let gone = 0
    let come = 0
    while (gone < old.count || come < fresh.count) {
      const order = gone === old.count ? 1 : come === fresh.count ? -1 : compareEntries(old, gone, fresh, come)
      if (order < 0) {
        memtable.put(index.id, old.bytes, old.at(gone), old.length(gone), sequence, DELETE, 0, 0)
        gone++
      } else if (order > 0) {
        const entryAt = fresh.at(come)
        const length = fresh.length(come)
        memtable.put(index.id, fresh.bytes, entryAt, length, sequence, PUT, 0, 0)
        if (index.isUnique && !fresh.holdsArray(come)) this.#unique.add(store, index, fresh.bytes, entryAt, length, sequence)
        come++
      } else {
        gone++
        come++
      }
    }
  }

  #checkLimits(store: CatalogStore, length: number): void {
    const { documentBytesMax, transactionBytesMax, transactionWritesMax } = this.#limits
    if (length > documentBytesMax) {
      throw storageFault({ _tag: "DocumentTooLarge", store: store.definition.name, bytes: length, bytesMax: documentBytesMax })
    }
    if (this.#bytes + length > transactionBytesMax) {
      throw storageFault({ _tag: "TransactionTooLarge", limit: "transactionBytesMax", max: transactionBytesMax })
    }
    if (this.#writes >= transactionWritesMax) {
      throw storageFault({ _tag: "TransactionTooLarge", limit: "transactionWritesMax", max: transactionWritesMax })
    }
  }

  #base(): Sources {
    if (this.#sources === undefined) throw storageFault({ _tag: "TransactionOver" })
    return this.#sources
  }
}

/** The document's first element has to be its `_id`. */
function requireId(store: CatalogStore, bytes: Uint8Array, at: number, length: number): void {
  if (length > 9 && startsAt(bytes, firstElement(at) + 1, ID_NAME)) return
  throw storageFault({ _tag: "IdMissing", store: store.definition.name, message: "the first field of a document has to be its _id" })
}

/** Two values of `_id` that lead to the same key have to be the same value. */
/** Whether keys are hashes of ids, so that two ids may have one. */
function isHashed(idKind: CatalogStore["definition"]["idKind"]): boolean {
  return idKind !== "key" && idKind !== "uuid" && idKind !== "objectId"
}

function checkSameId(store: CatalogStore, key: Uint8Array, keyAt: number, before: DocumentView, bytes: Uint8Array, at: number): void {
  if (!isHashed(store.definition.idKind)) return
  const oldAt = firstElement(before.at)
  const newAt = firstElement(at)
  const order = compareValues(
    before.bytes,
    before.bytes[oldAt]!,
    valueOffset(before.bytes, oldAt),
    bytes,
    bytes[newAt]!,
    valueOffset(bytes, newAt)
  )
  if (order !== 0) throw storageFault({ _tag: "IdCollision", store: store.definition.name, key: formatKey(key, keyAt) })
}

function startsAt(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false
  return true
}

function compareEntries(a: EntryList, aPlace: number, b: EntryList, bPlace: number): number {
  return compareBytes(a.bytes, a.at(aPlace), a.length(aPlace), b.bytes, b.at(bPlace), b.length(bPlace))
}
