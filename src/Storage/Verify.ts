/**
 * The full check of a database that is not open: reads everything its index file and value log hold, and changes nothing.
 *
 * Checked
 * - the index file, page by page (`Index/Verify.ts`);
 * - every value segment: header, and each entry from the first to the committed length;
 * - the accounts of the segments: as many bytes alive as the trees name;
 * - every store: each location leads to an entry with that store, key and LSN; each index that is ready has exactly the entries of every
 *   document and no other, and what is unique has no value twice.
 * The log is checked by every opening. A problem does not end the check.
 */
import { type File, joinPath, type Volume } from "../Disk/Volume.ts"
import { Fault, isFault } from "../Fault/Fault.ts"
import { EntryList } from "../Index/EntryList.ts"
import { IndexFile } from "../Index/IndexFile.ts"
import { verifyIndex } from "../Index/Verify.ts"
import { readUint64 } from "../Wal/Record.ts"
import type { CatalogIndex, CatalogStore } from "./Catalog.ts"
import { readAccounts, readCatalog, readSegments } from "./CatalogFile.ts"
import { directoryNames } from "./Directory.ts"
import { describeDuplicates } from "./Duplicates.ts"
import { DuplicateSearch } from "./DuplicateSearch.ts"
import { type DocumentView, KEY_BYTES } from "./Reader.ts"
import { countLive } from "./Recount.ts"
import { Location } from "./TreeSource.ts"
import { ValueAccounts } from "./ValueAccounts.ts"
import { segmentName, type SegmentLength } from "./ValueLog.ts"
import { isValueAt, readSegmentHeader, SEGMENT_HEADER_BYTES, VALUE_HEADER_BYTES, valueBytes } from "./ValueSegment.ts"

/** One thing that is not as it must be; `offset` in bytes of `file`. */
export interface StorageProblem {
  readonly file: string
  readonly offset: number
  readonly message: string
}

export interface StorageReport {
  /** The commit that index file and value log are at. */
  readonly checkpointLsn: number
  readonly stores: number
  readonly documents: number
  readonly indexEntries: number
  readonly values: number
  readonly problems: ReadonlyArray<StorageProblem>
  /** All problems; only the first PROBLEMS_MAX are listed. */
  readonly problemCount: number
}

const PROBLEMS_MAX = 100
/** The cache for index pages while checking, in bytes. */
const CACHE_BYTES = 16 * 1024 * 1024

/**
 * Checks the database in `directory`; the caller holds its lock. `done` is told the report, or the fault that prevented one: an index file
 * that cannot be opened at all, or a DiskFailure.
 *
 * @example
 * ```ts
 * verify(volume, "data/shop", (fault, report) => console.log(fault?.message ?? report?.problems))
 * ```
 */
export function verify(
  volume: Volume,
  directory: string,
  done: (fault: Fault | undefined, report: StorageReport | undefined) => void
): void {
  IndexFile.open({ volume, path: directoryNames(directory).index, cacheBytes: CACHE_BYTES, mode: "read" }, (fault, index) => {
    if (index === undefined) return done(fault, undefined)
    const check = new StorageCheck(volume, directory, index)
    try {
      done(undefined, check.run())
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      done(error, undefined)
    } finally {
      check.close()
    }
  })
}

interface OpenSegment {
  readonly segment: number
  readonly file: File
  readonly path: string
  readonly salt: number
  readonly lengthBytes: number
}

class StorageCheck {
  readonly #volume: Volume
  readonly #directory: string
  readonly #index: IndexFile
  readonly #segments = new Map<number, OpenSegment>()
  readonly #problems: Array<StorageProblem> = []
  #problemCount = 0
  #documents = 0
  #indexEntries = 0
  #values = 0

  constructor(volume: Volume, directory: string, index: IndexFile) {
    this.#volume = volume
    this.#directory = directory
    this.#index = index
  }

  run(): StorageReport {
    const version = this.#index.current()
    this.#checkIndexFile()
    this.#tolerating(() => {
      for (const segment of readSegments(this.#index, version)) this.#checkSegment(segment)
    })
    this.#tolerating(() => this.#checkAccounts())
    let stores = 0
    this.#tolerating(() => {
      for (const store of readCatalog(this.#index, version).stores) {
        stores++
        this.#tolerating(() => this.#checkStore(store))
      }
    })
    return {
      checkpointLsn: version.checkpoint.lsn,
      stores,
      documents: this.#documents,
      indexEntries: this.#indexEntries,
      values: this.#values,
      problems: this.#problems,
      problemCount: this.#problemCount
    }
  }

  close(): void {
    for (const { file } of this.#segments.values()) file.close()
    this.#index.close()
  }

  /** Damage that ends one part of the check is noted, and the check goes on with the next. */
  #tolerating(part: () => void): void {
    try {
      part()
    } catch (error) {
      if (!isFault<{ _tag: string; file: string; offset: number; message: string }>(error, "Damage")) throw error
      this.#note(error.reason.file, error.reason.offset, error.reason.message)
    }
  }

  #checkIndexFile(): void {
    const path = directoryNames(this.#directory).index
    const file = this.#volume.open(path, "read")
    try {
      const report = verifyIndex(file)
      for (const { offset, message } of report.problems) this.#note(path, offset, message)
      this.#problemCount += report.problemCount - report.problems.length
    } finally {
      file.close()
    }
  }

  #checkSegment({ segment, lengthBytes }: SegmentLength): void {
    const path = joinPath(directoryNames(this.#directory).values, segmentName(segment))
    if (!this.#volume.exists(path)) return this.#note(path, 0, "the value segment is missing")
    const file = this.#volume.open(path, "read")
    try {
      const bytes = new Uint8Array(SEGMENT_HEADER_BYTES)
      file.readAt(0, bytes)
      const { salt } = readSegmentHeader(bytes, path, { segment, databaseId: this.#index.databaseId })
      const open = { segment, file, path, salt, lengthBytes }
      this.#segments.set(segment, open)
      this.#checkEntries(open)
    } catch (error) {
      if (!this.#segments.has(segment)) file.close()
      if (!(error instanceof Fault) || error.reason._tag === "DiskFailure") throw error
      this.#note(path, 0, error.message)
    }
  }

  /** What the accounts say is alive in each segment is what the trees name in it. */
  #checkAccounts(): void {
    const accounts = new ValueAccounts()
    readAccounts(this.#index, accounts)
    if (!accounts.isComplete) return
    const live = new Map<number, number>()
    for (const _ of countLive(this.#index, readCatalog(this.#index, this.#index.current()), live));
    for (const { segment, path } of this.#segments.values()) {
      const [said, named] = [accounts.of(segment).liveBytes, live.get(segment) ?? 0]
      if (said !== named) this.#note(path, 0, `the account says that ${said} bytes are alive, the trees name ${named}`)
    }
  }

  /** The entries one after the other; where one is wrong, the place of the next is not known. */
  #checkEntries(segment: OpenSegment): void {
    const header = new Uint8Array(VALUE_HEADER_BYTES)
    const view = new DataView(header.buffer)
    let offset = SEGMENT_HEADER_BYTES
    while (offset < segment.lengthBytes) {
      segment.file.readAt(offset, header)
      const length = view.getUint32(0, true)
      if (offset + valueBytes(length) > segment.lengthBytes)
        return this.#note(segment.path, offset, "an entry ends behind the committed length")
      const problem = this.#entryProblem(segment, offset, length, readUint64(view, 16))
      if (problem !== undefined) return this.#note(segment.path, offset, problem)
      this.#values++
      offset += valueBytes(length)
    }
  }

  #entryProblem(segment: OpenSegment, offset: number, length: number, lsn: number): string | undefined {
    const bytes = this.#readEntry(segment, offset, length)
    return isValueAt(bytes, new DataView(bytes.buffer), 0, length, lsn, segment.salt) ? undefined : "the value fails its checksum"
  }

  #readEntry(segment: OpenSegment, offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(VALUE_HEADER_BYTES + length)
    segment.file.readAt(offset, bytes)
    return bytes
  }

  #checkStore(store: CatalogStore): void {
    const version = this.#index.current()
    const location = new Location()
    const indexes = store.kept.filter((it) => it.readyLsn !== 0).map((index) => ({ index, entries: 0 }))
    const found = { bytes: new Uint8Array(0) as Uint8Array, at: 0, length: 0 }
    const cursor = this.#index.cursor(version, store.id)
    const entries = new EntryList()
    let documents = 0
    let unread = 0
    for (let isThere = cursor.first(); isThere; isThere = cursor.next()) {
      documents++
      location.read(cursor.value, cursor.valueAt)
      const bytes = this.#checkLocation(store, location, cursor.key, cursor.keyAt)
      if (bytes === undefined) {
        unread++
        continue
      }
      for (const it of indexes) {
        const { index } = it
        index.extract(bytes, VALUE_HEADER_BYTES, cursor.key, cursor.keyAt, entries)
        it.entries += entries.count
        for (let place = 0; place < entries.count; place++) {
          if (this.#index.get(version, index.id, entries.bytes, entries.at(place), entries.length(place), found)) continue
          this.#noteValue(location, `the document lacks an entry in ${store.definition.name}.${index.definition.name}`)
        }
      }
    }
    this.#documents += documents
    for (const { index, entries: expected } of indexes) this.#checkEntriesOf(store, index, expected, unread === 0)
  }

  /**
   * Every document has its entries, so an index with as many of them has no other. One that is unique has no two with the
   * same values. When it is not `isComplete`, some documents could not be read and may have more entries.
   */
  #checkEntriesOf(store: CatalogStore, index: CatalogIndex, expected: number, isComplete: boolean): void {
    const name = `${store.definition.name}.${index.definition.name}`
    const path = directoryNames(this.#directory).index
    const cursor = this.#index.cursor(this.#index.current(), index.id)
    const search = new DuplicateSearch(store.definition.name, index, (key, out) => this.#readDocument(store, key, out))
    let entries = 0
    for (let isThere = cursor.first(); isThere; isThere = cursor.next()) {
      entries++
      if (index.isUnique) search.visit(cursor.key, cursor.keyAt, cursor.keyLength)
    }
    this.#indexEntries += entries
    if (isComplete && entries !== expected) this.#note(path, 0, `${name} has ${entries} entries where the documents have ${expected}`)
    const { duplicates } = search
    if (duplicates !== undefined) this.#note(path, 0, `${name} is not unique: ${describeDuplicates(duplicates)}`)
  }

  #readDocument(store: CatalogStore, key: Uint8Array, out: DocumentView): boolean {
    const found = { bytes: key, at: 0, length: 0 }
    if (!this.#index.get(this.#index.current(), store.id, key, 0, KEY_BYTES, found)) return false
    const location = new Location()
    location.read(found.bytes, found.at)
    const segment = this.#segments.get(location.segment)
    if (segment === undefined) return false
    out.bytes = this.#readEntry(segment, location.offset, location.length)
    out.at = VALUE_HEADER_BYTES
    out.length = location.length
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
    if (isKeys && isValueAt(bytes, view, 0, location.length, location.lsn, segment.salt)) return bytes
    this.#noteValue(location, `the primary tree of ${store.definition.name} points at a value that is not the document's`)
    return undefined
  }

  #noteValue(location: Location, message: string): void {
    this.#note(joinPath(directoryNames(this.#directory).values, segmentName(location.segment)), location.offset, message)
  }

  #note(file: string, offset: number, message: string): void {
    this.#problemCount++
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ file, offset, message })
  }
}
