/**
 * The full check of a database that is not open: reads everything its files hold, and changes nothing.
 *
 * Checked
 * - the index file, page by page (`Index/Verify.ts`), and that the copy of its definitions is whole;
 * - every value segment: header, and each entry from the first to the committed length;
 * - the accounts of the segments: as many bytes alive as the trees name;
 * - every store: each location leads to an entry with that store, key and LSN; each index that is ready has exactly the entries of every
 *   document and no other, and what is unique has no value twice;
 * - the log, as an opening would read it: every record, the chain, that it goes on where the checkpoint ends; and each older segment that is
 *   still there;
 * - that every byte of every file is somebody's (`Space.ts`).
 * A problem does not end the check.
 */
import { validate } from "../Bson/Validate.ts"
import { type File, joinPath, type Volume } from "../Disk/Volume.ts"
import { Fault, isFault } from "../Fault/Fault.ts"
import { EntryList } from "../Index/EntryList.ts"
import { ValueView } from "../Index/Entry.ts"
import { IndexFile } from "../Index/IndexFile.ts"
import { PAGE_BYTES } from "../Index/Layout.ts"
import { checkIndex } from "../Index/Verify.ts"
import type { TornTail } from "../Wal/Recovery.ts"
import { readUint64 } from "../Wal/Record.ts"
import { toHex } from "../Wal/Segment.ts"
import type { CatalogIndex, CatalogStore } from "./Catalog.ts"
import { readAccounts, readCatalog, readSegments } from "./CatalogFile.ts"
import { readDefinitions } from "./DefinitionsFile.ts"
import { type DirectoryNames, directoryNames } from "./Directory.ts"
import { describeDuplicates } from "./Duplicates.ts"
import { DuplicateSearch } from "./DuplicateSearch.ts"
import { checkLog, checkOlderSegments } from "./LogCheck.ts"
import { type DocumentView, KEY_BYTES } from "./Reader.ts"
import { countLive } from "./Recount.ts"
import { measureSpace, type Space } from "./Space.ts"
import { UNFINISHED_REPAIR } from "./RepairSwap.ts"
import { forkAt } from "./Timeline.ts"
import { Location } from "./TreeSource.ts"
import { ValueAccounts } from "./ValueAccounts.ts"
import { segmentName } from "./ValueLog.ts"
import { isValueAt, readSegmentHeader, SEGMENT_HEADER_BYTES, type SegmentLength, VALUE_HEADER_BYTES, valueBytes } from "./ValueSegment.ts"
import { type Steps, Work } from "./Work.ts"

/** One thing that is not as it must be; `offset` in bytes of `file`. */
export interface StorageProblem {
  readonly file: string
  readonly offset: number
  readonly message: string
}

/** What a store holds. */
export interface StoreReport {
  readonly name: string
  readonly documents: number
  readonly documentBytes: number
  readonly indexes: ReadonlyArray<{ readonly name: string; readonly isReady: boolean; readonly entries: number }>
}

export interface StorageReport {
  /** As hex digits; empty when the index file could not be opened. */
  readonly databaseId: string
  readonly timeline: string
  /** The commit that index file and value log are at, and the newest one in the log. */
  readonly checkpointLsn: number
  readonly lastLsn: number
  readonly stores: ReadonlyArray<StoreReport>
  readonly documents: number
  readonly indexEntries: number
  /** Entries of the value log, older versions and tombstones included. */
  readonly values: number
  readonly space: Space
  /** Why the older commit of the index file counts, if it does. The log has what it misses. */
  readonly fallback?: string
  /** What a crash left at the end of the log, if it did: it was never acknowledged, and the next opening cuts it. */
  readonly tornTail?: TornTail
  readonly problems: ReadonlyArray<StorageProblem>
  /** All problems; only the first PROBLEMS_MAX are listed. */
  readonly problemCount: number
  /** Places that nothing needs and that are not as they were written: a crash leaves such, and so does damage. They do no harm. */
  readonly leftovers: ReadonlyArray<StorageProblem>
}

const PROBLEMS_MAX = 100
/** The cache for index pages while checking, in bytes; a file that is smaller needs less. */
const CACHE_BYTES_MAX = 16 * 1024 * 1024
/** What looking at an entry of an index counts for, in bytes of a slice. */
const ENTRY_COST_BYTES = 64
/** Bytes of the log that are read at a time. */
const LOG_SLICE_BYTES = 1024 * 1024

interface OpenSegment {
  readonly segment: number
  readonly file: File
  readonly path: string
  readonly salt: number
  readonly lengthBytes: number
}

/**
 * Checks the database in a directory; the caller holds its lock. Fails with UnknownFormat (a newer build's) and DiskFailure; everything else
 * is in the report.
 *
 * @example
 * ```ts
 * const check = new Verify(volume, "data/shop")
 * while (check.step(1024 * 1024) !== "done");
 * console.log(check.result.problems)
 * ```
 */
export class Verify extends Work<StorageReport> {
  readonly #volume: Volume
  readonly #names: DirectoryNames
  readonly #segments = new Map<number, OpenSegment>()
  readonly #problems: Array<StorageProblem> = []
  readonly #leftovers: Array<StorageProblem> = []
  readonly #stores: Array<StoreReport> = []
  #index: IndexFile | undefined
  #problemCount = 0
  #isIndexDamaged = false
  #indexEntries = 0
  #values = 0
  #liveValueBytes = 0

  constructor(volume: Volume, directory: string) {
    super()
    this.#volume = volume
    this.#names = directoryNames(directory)
  }

  protected *run(): Steps<StorageReport> {
    const index = yield* this.#openIndex()
    if (index === undefined) return this.#report({ lastLsn: 0 })
    this.#index = index
    const version = index.current()
    const segments: Array<SegmentLength> = []
    yield* this.#tolerating(() => void segments.push(...readSegments(index, version)))
    this.totalBytes = index.sizeBytes + segments.reduce((sum, it) => sum + 2 * it.lengthBytes, 0)
    yield* this.#checkIndexFile()
    this.#isIndexDamaged = this.#problemCount > 0
    yield* this.#tolerating(() => void readDefinitions(this.#volume, this.#names.definitions))
    for (const segment of segments) yield* this.#checkSegment(segment)
    yield* this.#tolerating(() => this.#checkAccounts(index))
    const stores: Array<CatalogStore> = []
    yield* this.#tolerating(() => void stores.push(...readCatalog(index, version).stores))
    for (const store of stores) yield* this.#checkStore(store)
    return this.#report(yield* this.#checkLog(index))
  }

  protected close(): void {
    for (const { file } of this.#segments.values()) file.close()
    this.#index?.close()
  }

  #report(log: { readonly lastLsn: number; readonly tornTail?: TornTail }): StorageReport {
    const index = this.#index
    const documents = this.#stores.reduce((sum, it) => sum + it.documents, 0)
    return {
      databaseId: index === undefined ? "" : toHex(index.databaseId),
      timeline: index === undefined ? "" : toHex(index.timeline),
      checkpointLsn: index?.current().checkpoint.lsn ?? 0,
      ...log,
      stores: this.#stores,
      documents,
      indexEntries: this.#indexEntries,
      values: this.#values,
      space: measureSpace(this.#volume, this.#names, index, this.#liveValueBytes),
      ...(index?.fallback === undefined ? {} : { fallback: index.fallback.message }),
      problems: this.#problems,
      problemCount: this.#problemCount,
      leftovers: this.#leftovers
    }
  }

  /** Damage that ends one part of the check is noted, and the check goes on with the next. */
  *#tolerating(part: () => Steps | void): Steps {
    try {
      const steps = part()
      if (steps !== undefined) yield* steps
    } catch (error) {
      if (error instanceof Fault && isDamage(error)) return this.#note(error.reason.file, error.reason.offset ?? 0, error.reason.message)
      // A page whose checksum is right and whose content is not was noted already; whoever walks it may come anywhere.
      if (error instanceof Fault || !this.#isIndexDamaged) throw error
      this.#note(this.#names.index, 0, `the check could not go on behind that: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  *#openIndex(): Steps<IndexFile | undefined> {
    const path = this.#names.index
    if (this.#volume.exists(this.#names.repair)) this.#note(this.#names.repair, 0, UNFINISHED_REPAIR)
    if (!this.#volume.exists(path)) {
      this.#note(path, 0, "the index file is missing")
      return undefined
    }
    const cacheBytes = Math.min(CACHE_BYTES_MAX, this.#sizeOf(path))
    const options = { volume: this.#volume, path, cacheBytes, mode: "read" } as const
    const opened = yield* this.told<{ fault: Fault | undefined; file: IndexFile | undefined }>((done) =>
      IndexFile.open(options, (fault, file) => done({ fault, file }))
    )
    yield* this.#tolerating(() => {
      if (opened.fault !== undefined) throw opened.fault
    })
    return opened.file
  }

  #sizeOf(path: string): number {
    const file = this.#volume.open(path, "read")
    try {
      return file.size()
    } finally {
      file.close()
    }
  }

  *#checkIndexFile(): Steps {
    const file = this.#volume.open(this.#names.index, "read")
    try {
      const pages = checkIndex(file)
      for (;;) {
        const { done, value } = pages.next()
        if (done === true) {
          for (const { offset, message } of value.problems) this.#note(file.path, offset, message)
          this.#problemCount += value.problemCount - value.problems.length
          for (const { offset, message } of value.leftovers) this.#leftovers.push({ file: file.path, offset, message })
          return
        }
        if (this.spend(PAGE_BYTES)) yield "more"
      }
    } finally {
      file.close()
    }
  }

  *#checkSegment({ segment, lengthBytes }: SegmentLength): Steps {
    const path = joinPath(this.#names.values, segmentName(segment))
    if (!this.#volume.exists(path)) return this.#note(path, 0, "the value segment is missing")
    yield* this.#tolerating(() => {
      const file = this.#volume.open(path, "read")
      const bytes = new Uint8Array(SEGMENT_HEADER_BYTES)
      try {
        file.readAt(0, bytes)
        const { salt } = readSegmentHeader(bytes, path, { segment, databaseId: this.#index!.databaseId })
        const sizeBytes = file.size()
        if (sizeBytes < lengthBytes) this.#note(path, sizeBytes, "the file ends before its committed length")
        this.#segments.set(segment, { segment, file, path, salt, lengthBytes: Math.min(sizeBytes, lengthBytes) })
      } finally {
        if (!this.#segments.has(segment)) file.close()
      }
    })
    const open = this.#segments.get(segment)
    if (open !== undefined) yield* this.#checkEntries(open)
  }

  /** What the accounts say is alive in each segment is what the trees name in it. */
  *#checkAccounts(index: IndexFile): Steps {
    const accounts = new ValueAccounts()
    readAccounts(index, accounts)
    if (!accounts.isComplete) return
    const live = new Map<number, number>()
    for (const _ of countLive(index, readCatalog(index, index.current()), live)) if (this.spend(ENTRY_COST_BYTES)) yield "more"
    for (const { segment, path } of this.#segments.values()) {
      const [said, named] = [accounts.of(segment).liveBytes, live.get(segment) ?? 0]
      if (said !== named) this.#note(path, 0, `the account says that ${said} bytes are alive, the trees name ${named}`)
    }
  }

  /** The entries one after the other; where one is wrong, the place of the next is not known. */
  *#checkEntries(segment: OpenSegment): Steps {
    const header = new Uint8Array(VALUE_HEADER_BYTES)
    const view = new DataView(header.buffer)
    let offset = SEGMENT_HEADER_BYTES
    while (offset < segment.lengthBytes) {
      segment.file.readAt(offset, header)
      const length = view.getUint32(0, true)
      if (offset + VALUE_HEADER_BYTES > segment.lengthBytes || offset + valueBytes(length) > segment.lengthBytes)
        return this.#note(segment.path, offset, "an entry ends behind the committed length")
      const problem = this.#entryProblem(segment, offset, length, readUint64(view, 16))
      if (problem !== undefined) return this.#note(segment.path, offset, problem)
      this.#values++
      offset += valueBytes(length)
      if (this.spend(valueBytes(length))) yield "more"
    }
  }

  #entryProblem(segment: OpenSegment, offset: number, length: number, lsn: number): string | undefined {
    const bytes = this.#readEntry(segment, offset, length)
    if (!isValueAt(bytes, 0, length, lsn, segment.salt)) return "the value fails its checksum"
    return bytes.subarray(VALUE_HEADER_BYTES + length).every((byte) => byte === 0) ? undefined : "the value is not padded with zeros"
  }

  #readEntry(segment: OpenSegment, offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(valueBytes(length))
    segment.file.readAt(offset, bytes)
    return bytes
  }

  *#checkStore(store: CatalogStore): Steps {
    const { name } = store.definition
    const found = { documents: 0, documentBytes: 0, unread: 0 }
    const kept = store.kept.map((index) => ({ index, isReady: index.readyLsn !== 0, expected: 0 }))
    const ready = kept.filter((it) => it.isReady)
    yield* this.#tolerating(() => this.#checkDocuments(store, found, ready))
    const indexes: Array<StoreReport["indexes"][number]> = []
    for (const { expected, index, isReady } of kept) {
      const entries = { count: 0 }
      yield* this.#tolerating(() => this.#checkEntriesOf(store, index, entries, isReady && found.unread === 0 ? expected : undefined))
      this.#indexEntries += entries.count
      indexes.push({ name: index.definition.name, isReady, entries: entries.count })
    }
    this.#stores.push({ name, documents: found.documents, documentBytes: found.documentBytes, indexes })
  }

  /** Every document leads to its value and has its entries in every index; so an index with as many entries has no other. */
  *#checkDocuments(
    store: CatalogStore,
    found: { documents: number; documentBytes: number; unread: number },
    indexes: ReadonlyArray<{ readonly index: CatalogIndex; expected: number }>
  ): Steps {
    const index = this.#index!
    const version = index.current()
    const location = new Location()
    const out = new ValueView()
    const entries = new EntryList()
    const cursor = index.cursor(version, store.id)
    for (let isThere = cursor.first(); isThere; isThere = cursor.next()) {
      location.read(cursor.value, cursor.valueAt)
      found.documents++
      found.documentBytes += location.length
      this.#liveValueBytes += valueBytes(location.length)
      if (this.spend(valueBytes(location.length))) yield "more"
      const bytes = this.#checkLocation(store, location, cursor.key, cursor.keyAt)
      if (bytes === undefined) {
        found.unread++
        continue
      }
      for (const it of indexes) {
        it.index.extract(bytes, VALUE_HEADER_BYTES, cursor.key, cursor.keyAt, entries)
        it.expected += entries.count
        for (let place = 0; place < entries.count; place++) {
          if (index.get(version, it.index.id, entries.bytes, entries.at(place), entries.length(place), out)) continue
          this.#noteValue(location, `the document lacks an entry in ${store.definition.name}.${it.index.definition.name}`)
        }
      }
    }
  }

  /** Counts the entries of an index; they have to be as many as `expected`, when that is known, and without two of the same values when unique. */
  *#checkEntriesOf(store: CatalogStore, index: CatalogIndex, entries: { count: number }, expected: number | undefined): Steps {
    const name = `${store.definition.name}.${index.definition.name}`
    const cursor = this.#index!.cursor(this.#index!.current(), index.id)
    const search = new DuplicateSearch(store.definition.name, index, (key, out) => this.#readDocument(store, key, out))
    for (let isThere = cursor.first(); isThere; isThere = cursor.next()) {
      entries.count++
      if (index.isUnique && index.readyLsn !== 0) search.visit(cursor.key, cursor.keyAt, cursor.keyLength)
      if (this.spend(ENTRY_COST_BYTES)) yield "more"
    }
    if (expected !== undefined && entries.count !== expected)
      this.#note(this.#names.index, 0, `${name} has ${entries.count} entries where the documents have ${expected}`)
    const { duplicates } = search
    if (duplicates !== undefined) this.#note(this.#names.index, 0, `${name} is not unique: ${describeDuplicates(duplicates)}`)
  }

  #readDocument(store: CatalogStore, key: Uint8Array, out: DocumentView): boolean {
    const found = new ValueView()
    if (!this.#index!.get(this.#index!.current(), store.id, key, 0, KEY_BYTES, found)) return false
    const location = new Location()
    location.read(found.bytes, found.at)
    const segment = this.#segments.get(location.segment)
    if (segment === undefined) return false
    out.show(this.#readEntry(segment, location.offset, location.length), VALUE_HEADER_BYTES, location.length)
    return true
  }

  /** The entry behind a location, or nothing and a problem noted. */
  #checkLocation(store: CatalogStore, location: Location, key: Uint8Array, keyAt: number): Uint8Array | undefined {
    const segment = this.#segments.get(location.segment)
    if (segment === undefined || location.offset + valueBytes(location.length) > segment.lengthBytes) {
      this.#noteValue(location, "the primary tree points at no committed value")
      return undefined
    }
    const bytes = this.#readEntry(segment, location.offset, location.length)
    const view = new DataView(bytes.buffer)
    const isKeys = view.getUint32(8, true) === store.id && key.subarray(keyAt, keyAt + 16).every((byte, i) => byte === bytes[24 + i])
    const isValue = isKeys && isValueAt(bytes, 0, location.length, location.lsn, segment.salt)
    if (!isValue) this.#noteValue(location, `the primary tree of ${store.definition.name} points at a value that is not the document's`)
    else if (isDocument(bytes, location.length)) return bytes
    else this.#noteValue(location, `a value of ${store.definition.name} is no document`)
    return undefined
  }

  *#checkLog(index: IndexFile): Steps<{ readonly lastLsn: number; readonly tornTail?: TornTail }> {
    const { databaseId, timeline } = index
    const { lsn, recordCrc } = index.current().checkpoint
    const found: { lastLsn: number; tornTail?: TornTail } = { lastLsn: lsn }
    const place = { volume: this.#volume, directory: this.#names.log, databaseId, timeline }
    yield* this.#tolerating(
      function* (this: Verify): Steps {
        const { cut, lastLsn } = yield* this.#readingLog(checkLog(place, { lsn, recordCrc, ...forkAt(index) }))
        found.lastLsn = lastLsn
        if (cut !== undefined) found.tornTail = cut
      }.bind(this)
    )
    yield* this.#tolerating(
      function* (this: Verify): Steps {
        for (const { file, message, offset } of yield* this.#readingLog(checkOlderSegments(place, lsn))) this.#note(file, offset, message)
      }.bind(this)
    )
    return found
  }

  *#readingLog<A>(check: Generator<"more", A, number>): Steps<A> {
    for (;;) {
      const budgetBytes = Math.min(this.left, LOG_SLICE_BYTES)
      const { done, value } = check.next(budgetBytes)
      if (done === true) return value
      if (this.spend(budgetBytes)) yield "more"
    }
  }

  #noteValue(location: Location, message: string): void {
    this.#note(joinPath(this.#names.values, segmentName(location.segment)), location.offset, message)
  }

  #note(file: string, offset: number, message: string): void {
    this.#problemCount++
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ file, offset, message })
  }
}

/** Whether a fault says that something on disk is not as it was written. */
function isDamage(fault: Fault): fault is Fault<{ _tag: string; file: string; offset?: number; message: string }> {
  return ["Damage", "StorageDamaged", "LogDamaged", "ForeignSegment", "UnknownRecord"].some((tag) => isFault(fault, tag))
}

/** Runs the whole check at once; see `Verify`. */
export function verify(volume: Volume, directory: string, done: (fault: Fault | undefined, report?: StorageReport) => void): void {
  const check = new Verify(volume, directory)
  const run = (): void => {
    try {
      for (;;) {
        const progress = check.step(Infinity)
        if (progress === "waiting") return
        if (progress === "done") return done(undefined, check.result)
      }
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      done(error)
    }
  }
  check.onWake(run)
  run()
}

/** Whether the `length` bytes behind the header of a value are a document. */
function isDocument(bytes: Uint8Array, length: number): boolean {
  const end = VALUE_HEADER_BYTES + length
  try {
    return validate(bytes, VALUE_HEADER_BYTES, end) === end
  } catch (error) {
    if (error instanceof Fault) return false
    throw error
  }
}
