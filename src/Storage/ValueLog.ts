/**
 * The value log: documents where flushes put them and compaction moves them, append-only, one growing segment for either.
 *
 * Invariants
 * - Only the one transaction of the index file appends. Bytes up to the committed length of a segment are on disk and named by a checkpoint
 *   of the index file; bytes beyond it belong to a transaction that is under way, or to nobody: opening cuts them away.
 * - A condemned segment is one that the newest checkpoint does not know any more. Its file stays until no meta and no pinned version
 *   reaches it, its account until its removal is on disk. Numbers are never used again.
 * - A location handed out is read only after the tree that holds it was committed, so after its bytes were written.
 * - What a read shows stays valid: it lies in a cached block, which is never written again, or in room of its own.
 */
import { type File, joinPath, type SyncDone, type Volume } from "../Disk/Volume.ts"
import type { Fault } from "../Fault/Fault.ts"
import { copyBytes } from "./Arena.ts"
import { ALONE, BLOCK_BYTES, BLOCK_SHIFT, firstBlockAt, OVERLAPPED_BYTES, SegmentBlocks } from "./BlockCache.ts"
import type { BlockCache, BlockOwner, KEPT, PASSING } from "./BlockCache.ts"
import { DELETE } from "./MemtableLayout.ts"
import type { DocumentView, Place } from "./Reader.ts"
import { storageFault } from "./Reasons.ts"
import { Slabs } from "./Slabs.ts"
import type { PlaceTable } from "./PlaceTable.ts"
import type { Location } from "./TreeSource.ts"
import { ValueAccounts } from "./ValueAccounts.ts"
import {
  isValueAt,
  isVerified,
  moveToSalt,
  readSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentFile,
  type SegmentLength,
  segmentLimit,
  type SegmentTable,
  setVerified,
  VALUE_HEADER_BYTES,
  valueBytes,
  type ValueHeader,
  writeSegmentHeader,
  writeValueHeader,
  type WrittenEntry
} from "./ValueSegment.ts"

/** Who appends: documents that a flush brings, and those that compaction moves, go to segments of their own. */
export const FLUSHED = 0
export const MOVED = 1
export type Stream = typeof FLUSHED | typeof MOVED

export interface ValueLogOptions {
  readonly volume: Volume
  readonly directory: string
  readonly databaseId: Uint8Array
  readonly segmentBytesMax: number
  /** Memory for documents and for where they lie, which other logs may share. */
  readonly cache: BlockCache
  readonly places: PlaceTable
  readonly random: (into: Uint8Array) => void
}

/** Entries are gathered in a buffer of this size before they are written to the file. */
const WRITE_BUFFER_BYTES = 256 * 1024
const SUFFIX = ".values"

/** No transaction has this number. */
const NOT_CONDEMNED = 0

interface Segment {
  readonly number: number
  readonly file: File
  readonly salt: number
  readonly blocks: SegmentBlocks
  /** Bytes written to the file or waiting in the write buffer. */
  length: number
  committed: number
  /** The transaction of the index file that stopped using it; the open one's until that is on disk. */
  condemnedBy: number
}

/** Bytes of all value segments by what they are; the rest is headers, and entries of which nothing is known until they are counted. */
export interface ValueSpace {
  readonly segments: number
  readonly totalBytes: number
  readonly liveBytes: number
  readonly tombstoneBytes: number
  readonly deadBytes: number
  /** Given up, and kept only for a snapshot or the older meta. */
  readonly condemnedBytes: number
}

/** The file name of a segment. `segmentName(7)` is `"00000007.values"`. */
export function segmentName(segment: number): string {
  return `${segment.toString().padStart(8, "0")}${SUFFIX}`
}

export class ValueLog {
  readonly #options: ValueLogOptions
  readonly #segments = new Map<number, Segment>()
  /** Neighbours in a tree often lie in the same segment. */
  #lastRead: Segment | undefined
  readonly #cache: BlockCache
  readonly #owner: BlockOwner
  /** Where documents of this log lie, for readers that go through the trees. */
  readonly places: PlaceTable
  readonly #slabs = new Slabs()
  readonly #buffer = new Uint8Array(WRITE_BUFFER_BYTES)
  readonly #bufferView = new DataView(this.#buffer.buffer)
  #buffered = 0
  /** The segment the buffer belongs behind, whose length already counts it. */
  #bufferedFor: Segment | undefined
  readonly #growing: [Segment | undefined, Segment | undefined] = [undefined, undefined]
  /** The growing segments as of the last commit. */
  #committedGrowing: ReadonlyArray<Segment | undefined> = []
  #next: number
  /** Bytes at which a segment is closed, as of the last commit. */
  #segmentBytesMax = 0
  readonly accounts = new ValueAccounts()
  /** Whether a segment waits for its removal. */
  isAnyCondemned = false
  /** Segments whose removal from the directory is not on disk yet. */
  #removed: Array<number> = []
  /** Segments written to since the last sync began, and whether a name was added to the directory. */
  #unsynced = new Set<Segment>()
  #isDirectoryChanged = false
  #syncsUnderWay = 0
  /** Of a sync that failed since everything that one might have lost was last given up. */
  #syncFault: Parameters<SyncDone>[0]

  /**
   * Opens the log as a checkpoint describes it: checks every segment, cuts what lies beyond the committed lengths, removes segments that
   * neither it nor the older meta knows. Faults: StorageDamaged, NewerFormat, DiskFailure.
   */
  constructor(options: ValueLogOptions, table: SegmentTable) {
    this.#options = options
    this.#cache = options.cache
    this.#owner = options.cache.enter()
    this.places = options.places
    this.#next = table.next
    const names = new Set(options.volume.list(options.directory))
    for (const { segment, lengthBytes } of table.committed) {
      if (!names.delete(segmentName(segment))) throw this.#damaged(segment, 0, "the value segment is missing")
      this.#open(segment, lengthBytes)
    }
    // Compaction's is the older of the two, if there are two: it may be taken for the other without harm.
    this.#growing[FLUSHED] = this.#segments.get(table.growing.at(-1) ?? 0)
    this.#growing[MOVED] = table.growing.length > 1 ? this.#segments.get(table.growing.at(-2)!) : undefined
    this.#committedGrowing = [...this.#growing]
    for (const { segment, lengthBytes } of table.condemned) {
      if (!names.delete(segmentName(segment))) continue
      this.#open(segment, lengthBytes)
      this.condemn(segment, table.transaction)
      // What is dead in it is not known any more, so nothing is taken for older.
      this.accounts.restore(segment, { liveBytes: 0, tombstoneBytes: 0, deadLsnMin: 1, tombstoneLsnMax: 0 })
    }
    for (const name of names) if (name.endsWith(SUFFIX)) options.volume.remove(joinPath(options.directory, name))
    this.#segmentBytesMax = segmentLimit(this.sizeBytes, this.#options.segmentBytesMax)
  }

  /** Every segment that a commit would record, with its bytes, in order. */
  get lengths(): ReadonlyArray<SegmentLength> {
    return this.#kept().map(lengthOf)
  }

  /** Those of them that may still grow. */
  get growing(): ReadonlyArray<SegmentLength> {
    return this.#kept()
      .filter((it) => this.#growing.includes(it))
      .map(lengthOf)
  }

  /** The number of the next segment. */
  get next(): number {
    return this.#next
  }

  /** Bytes of all segments on disk, condemned ones included. */
  get sizeBytes(): number {
    let bytes = 0
    for (const { length } of this.#segments.values()) bytes += length
    return bytes
  }

  get space(): ValueSpace {
    let liveBytes = 0
    let tombstoneBytes = 0
    let deadBytes = 0
    let keptBytes = 0
    const kept = this.#kept()
    for (const { number, length } of kept) {
      const account = this.accounts.of(number)
      liveBytes += account.liveBytes
      tombstoneBytes += account.tombstoneBytes
      deadBytes += length - SEGMENT_HEADER_BYTES - account.liveBytes - account.tombstoneBytes
      keptBytes += length
    }
    const totalBytes = this.sizeBytes
    return { segments: kept.length, totalBytes, liveBytes, tombstoneBytes, deadBytes, condemnedBytes: totalBytes - keptBytes }
  }

  /** Condemned segments, with the transaction that stopped using them. */
  get condemned(): ReadonlyArray<{ readonly segment: number; readonly transaction: number }> {
    return [...this.#segments.values()]
      .filter((it) => it.condemnedBy !== NOT_CONDEMNED)
      .map((it) => ({ segment: it.number, transaction: it.condemnedBy }))
  }

  /** Segments that may still be found on disk although no checkpoint that counts knows them. */
  get doomed(): ReadonlyArray<number> {
    return [...this.condemned.map((it) => it.segment), ...this.#removed]
  }

  /** A segment's file, to read its entries one after the other. It stays open while the segment is not removed. */
  file(number: number): SegmentFile {
    const { file, salt, committed } = this.#segments.get(number)!
    return { segment: number, file, salt, lengthBytes: committed }
  }

  /** The growing segments grow no more: the next entry begins a new one. */
  seal(): void {
    this.#growing.fill(undefined)
    this.#committedGrowing = []
  }

  /** With `transaction`, which is about to commit, nothing reads from the segment any more. */
  condemn(number: number, transaction: number): void {
    this.#segments.get(number)!.condemnedBy = transaction
    this.isAnyCondemned = true
  }

  /** Removes the condemned segments that nothing reaches any more, as `isReleased` says of their transactions. Faults with DiskFailure. */
  removeReleased(isReleased: (transaction: number) => boolean): void {
    if (!this.isAnyCondemned) return
    for (const segment of this.#segments.values()) {
      if (segment.condemnedBy === NOT_CONDEMNED || !isReleased(segment.condemnedBy)) continue
      // Closed first: who closes a file last, after its removal, waits until the system has given its blocks back.
      segment.file.close()
      if (this.#options.volume.exists(segment.file.path)) this.#options.volume.remove(segment.file.path)
      this.#segments.delete(segment.number)
      this.#lastRead = undefined
      this.#removed.push(segment.number)
      this.#isDirectoryChanged = true
    }
    this.isAnyCondemned = this.condemned.length > 0
  }

  /**
   * Appends an entry and leaves its place in `location`. The document (none for a tombstone) is `length` bytes at `bytes[at]`.
   * Faults with DiskFailure; then call `rewind`. All entries between two commits go to the same stream.
   */
  append(header: ValueHeader, bytes: Uint8Array, at: number, length: number, location: Location, stream: Stream): void {
    const size = valueBytes(length)
    const segment = this.#place(header, length, size, location, stream)
    if (size > WRITE_BUFFER_BYTES) {
      const alone = new Uint8Array(size)
      alone.set(bytes.subarray(at, at + length), VALUE_HEADER_BYTES)
      writeValueHeader(alone, new DataView(alone.buffer), 0, header, length, segment.salt)
      segment.file.writeAt(segment.length, alone)
    } else {
      copyBytes(bytes, at, this.#buffer, this.#buffered + VALUE_HEADER_BYTES, length)
      writeValueHeader(this.#buffer, this.#bufferView, this.#buffered, header, length, segment.salt)
      this.#buffered += size
    }
    segment.length += size
  }

  /** As `append`, of an entry of another segment, byte by byte: its checksum goes with it, so a copy is as whole as what was copied. */
  appendMoved(entry: WrittenEntry, location: Location): void {
    const { at, bytes, length } = entry
    const size = valueBytes(length)
    const segment = this.#place(entry, length, size, location, MOVED)
    if (size > WRITE_BUFFER_BYTES) {
      const alone = bytes.slice(at, at + size)
      moveToSalt(alone, 0, length, entry.source.salt, segment.salt)
      segment.file.writeAt(segment.length, alone)
    } else {
      copyBytes(bytes, at, this.#buffer, this.#buffered, size)
      moveToSalt(this.#buffer, this.#buffered, length, entry.source.salt, segment.salt)
      this.#buffered += size
    }
    segment.length += size
  }

  /**
   * Brings everything appended so far to disk, and the removals. It fails, too, when one fails that was under way when its work was given up:
   * what the system could not write for that one it may have forgotten, and written over meanwhile.
   */
  sync(done: SyncDone): void {
    this.#write()
    const dirty = [...this.#unsynced]
    this.#unsynced.clear()
    const removed = this.#removed
    this.#removed = []
    const isDirectorySynced = this.#isDirectoryChanged || dirty.length === 0
    this.#isDirectoryChanged = false
    let waiting = dirty.length + (isDirectorySynced ? 1 : 0)
    this.#syncsUnderWay++
    const finish: SyncDone = (fault) => {
      this.#syncFault ??= fault
      if (--waiting > 0) return
      this.#syncsUnderWay--
      if (this.#syncFault === undefined) for (const segment of removed) this.accounts.forget(segment)
      done(this.#syncFault)
    }
    for (const segment of dirty) segment.file.syncData(finish)
    if (isDirectorySynced) this.#options.volume.syncDirectory(this.#options.directory, finish)
  }

  /** The checkpoint that names the current lengths is on disk. */
  commit(): void {
    for (const segment of this.#segments.values()) segment.committed = segment.length
    this.#committedGrowing = [...this.#growing]
    this.accounts.commit()
    this.#segmentBytesMax = segmentLimit(this.sizeBytes, this.#options.segmentBytesMax)
  }

  /** Forgets everything since the last commit; the next append overwrites it. `transaction` is the one that is given up. */
  rewind(transaction: number): void {
    this.#buffered = 0
    this.#bufferedFor = undefined
    if (this.#syncsUnderWay === 0) this.#syncFault = undefined
    this.accounts.abort()
    this.#growing[FLUSHED] = this.#committedGrowing[FLUSHED]
    this.#growing[MOVED] = this.#committedGrowing[MOVED]
    for (const segment of this.#segments.values()) {
      if (segment.condemnedBy === transaction) segment.condemnedBy = NOT_CONDEMNED
      if (segment.committed > 0) {
        segment.length = segment.committed
        // A block that was read meanwhile may hold bytes that will be overwritten.
        segment.blocks.forgetFrom(firstBlockAt(segment.committed))
        continue
      }
      this.#segments.delete(segment.number)
      this.#lastRead = undefined
      this.#unsynced.delete(segment)
      segment.file.close()
      this.#options.volume.remove(segment.file.path)
    }
  }

  /** Shows the document at `location`. Faults with StorageDamaged when the entry is not the one the tree says it is. */
  read(location: Place, out: DocumentView): void {
    let segment = this.#lastRead
    if (segment === undefined || segment.number !== location.segment) {
      segment = this.#segments.get(location.segment)
      if (segment === undefined) throw this.#damaged(location.segment, location.offset, "the primary tree names a segment that is missing")
      this.#lastRead = segment
    }
    const start = location.offset & (BLOCK_BYTES - 1)
    const length = location.length
    const end = start + VALUE_HEADER_BYTES + length
    const number = location.offset >>> BLOCK_SHIFT
    let block = end > OVERLAPPED_BYTES ? undefined : segment.blocks.bytes[number]
    if (block !== undefined && block.length >= end) segment.blocks.used[number] = 1
    else {
      const stay = end > OVERLAPPED_BYTES ? ALONE : this.#cache.admits(this.#owner, segment.number, number)
      if (stay === ALONE) return this.#readAlone(segment, location, out)
      block = this.#load(segment, number, stay)
    }
    if (block.length < end || !isVerified(block, start)) {
      if (block.length < end || !isValueAt(block, start, length, location.lsn, segment.salt)) {
        throw this.#damaged(segment.number, location.offset, "the value fails its checksum")
      }
      setVerified(block, start)
    }
    placed(out, block, start + VALUE_HEADER_BYTES, location)
  }

  close(): void {
    for (const segment of this.#segments.values()) segment.file.close()
    this.#segments.clear()
    this.#lastRead = undefined
    this.#cache.leave(this.#owner)
  }

  /** Reads a value that crosses too far into the next block, or whose block is not worth keeping. */
  #readAlone(segment: Segment, location: Place, out: DocumentView): void {
    const slabs = this.#slabs
    const length = VALUE_HEADER_BYTES + location.length
    slabs.take(length)
    const { bytes, at } = slabs
    const read = segment.file.readAt(location.offset, bytes.subarray(at, at + length))
    if (read < length || !isValueAt(bytes, at, location.length, location.lsn, segment.salt)) {
      throw this.#damaged(segment.number, location.offset, "the value fails its checksum")
    }
    placed(out, bytes, at + VALUE_HEADER_BYTES, location)
  }

  /** Reads a block in. What the file has behind what was written since the last commit or `rewind` will be overwritten: it is left out. */
  #load(segment: Segment, number: number, stay: typeof PASSING | typeof KEPT): Uint8Array {
    const bytes = Buffer.allocUnsafeSlow(OVERLAPPED_BYTES)
    const written = segment.length - (this.#bufferedFor === segment ? this.#buffered : 0) - number * BLOCK_BYTES
    const length = Math.min(written, segment.file.readAt(number * BLOCK_BYTES, bytes))
    const block = length === bytes.length ? bytes : bytes.subarray(0, length)
    this.#cache.add(segment.blocks, number, block, stay)
    return block
  }

  /** Where the next entry goes, in its account and in `location`; the buffer has room for it, if it is not longer than that. */
  #place(
    entry: { readonly kind: number; readonly lsn: number },
    length: number,
    size: number,
    location: Location,
    stream: Stream
  ): Segment {
    const segment = this.#segmentFor(size, stream)
    if (entry.kind === DELETE) this.accounts.addTombstone(segment.number, entry.lsn)
    else this.accounts.addValue(segment.number, length)
    location.segment = segment.number
    location.length = length
    location.offset = segment.length
    location.lsn = entry.lsn
    if (this.#buffered + size > WRITE_BUFFER_BYTES || this.#bufferedFor !== segment) this.#write()
    this.#bufferedFor = segment
    this.#unsynced.add(segment)
    return segment
  }

  #segmentFor(size: number, stream: Stream): Segment {
    const last = this.#growing[stream]
    if (last !== undefined && (last.length + size <= this.#segmentBytesMax || last.length === SEGMENT_HEADER_BYTES)) return last
    return (this.#growing[stream] = this.#create(this.#next++))
  }

  #create(number: number): Segment {
    const { volume, directory, databaseId, random } = this.#options
    const path = joinPath(directory, segmentName(number))
    if (volume.exists(path)) volume.remove(path)
    const salt = new Uint8Array(4)
    random(salt)
    const header = writeSegmentHeader({ segment: number, databaseId, salt: new DataView(salt.buffer).getUint32(0, true) })
    const file = volume.open(path, "create")
    const segment: Segment = {
      number,
      file,
      salt: new DataView(salt.buffer).getUint32(0, true),
      blocks: new SegmentBlocks(this.#owner),
      length: SEGMENT_HEADER_BYTES,
      committed: 0,
      condemnedBy: NOT_CONDEMNED
    }
    this.#segments.set(number, segment)
    this.#isDirectoryChanged = true
    file.writeAt(0, header)
    return segment
  }

  #open(number: number, lengthBytes: number): Segment {
    const { volume, directory, databaseId } = this.#options
    const path = joinPath(directory, segmentName(number))
    const file = volume.open(path, "update")
    const bytes = new Uint8Array(SEGMENT_HEADER_BYTES)
    file.readAt(0, bytes)
    const { salt } = readSegmentHeader(bytes, path, { segment: number, databaseId })
    if (file.size() < lengthBytes)
      throw this.#damaged(number, file.size(), `the value segment is shorter than the ${lengthBytes} bytes that were committed`)
    if (file.size() > lengthBytes) file.truncate(lengthBytes)
    const segment: Segment = {
      number,
      file,
      salt,
      blocks: new SegmentBlocks(this.#owner),
      length: lengthBytes,
      committed: lengthBytes,
      condemnedBy: NOT_CONDEMNED
    }
    this.#segments.set(number, segment)
    return segment
  }

  /** The segments that the next checkpoint will know, in order. */
  #kept(): Array<Segment> {
    return [...this.#segments.values()].filter((it) => it.condemnedBy === NOT_CONDEMNED).toSorted((a, b) => a.number - b.number)
  }

  /** Writes the buffer to its place. */
  #write(): void {
    const segment = this.#bufferedFor
    if (this.#buffered === 0 || segment === undefined) return
    segment.file.writeAt(segment.length - this.#buffered, this.#buffer.subarray(0, this.#buffered))
    this.#buffered = 0
  }

  #damaged(segment: number, offset: number, message: string): Fault {
    return storageFault({ _tag: "StorageDamaged", file: joinPath(this.#options.directory, segmentName(segment)), offset, message })
  }
}

/** Shows a document of the value log. `place` may be the view itself. */
function placed(out: DocumentView, bytes: Uint8Array, at: number, { length, lsn, offset, segment }: Place): void {
  out.bytes = bytes
  out.at = at
  out.length = length
  out.segment = segment
  out.offset = offset
  out.lsn = lsn
  out.isRead = true
}

function lengthOf({ number, length }: Segment): SegmentLength {
  return { segment: number, lengthBytes: length }
}
