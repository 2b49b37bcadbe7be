/**
 * The value log: documents where flushes put them, append-only, one growing segment at a time.
 *
 * Invariants
 * - Only a flush appends. Bytes up to the committed length of a segment are on disk and named by a checkpoint of the index file; bytes
 *   beyond it belong to a flush that is under way, or to nobody: opening cuts them away.
 * - A location handed out is read only after the tree that holds it was committed, so after its bytes were written.
 * - What a read shows stays valid: it lies in a cached block, which is never written again, or in room of its own.
 */
import { type File, joinPath, type SyncDone, type Volume } from "../Disk/Volume.ts"
import type { Fault } from "../Fault/Fault.ts"
import { type Block, BLOCK_BYTES, BLOCK_SHIFT, BlockCache } from "./BlockCache.ts"
import type { DocumentView } from "./Reader.ts"
import { storageFault } from "./Reasons.ts"
import { Slabs } from "./Slabs.ts"
import type { Location } from "./TreeSource.ts"
import {
  isValueAt,
  readSegmentHeader,
  SEGMENT_HEADER_BYTES,
  VALUE_HEADER_BYTES,
  valueBytes,
  type ValueHeader,
  writeSegmentHeader,
  writeValueHeader
} from "./ValueSegment.ts"

/** A segment and how many of its bytes are committed. */
export interface SegmentLength {
  readonly segment: number
  readonly lengthBytes: number
}

export interface ValueLogOptions {
  readonly volume: Volume
  readonly directory: string
  readonly databaseId: Uint8Array
  readonly segmentBytesMax: number
  readonly cacheBytesMax: number
  readonly random: (into: Uint8Array) => void
}

/** Entries are gathered in a buffer of this size before they are written to the file. */
const WRITE_BUFFER_BYTES = 256 * 1024
const SUFFIX = ".values"

interface Segment {
  readonly number: number
  readonly file: File
  readonly salt: number
  readonly blocks: Array<Block | undefined>
  /** Bytes written to the file or waiting in the write buffer. */
  length: number
  committed: number
}

/** The file name of a segment. `segmentName(7)` is `"00000007.values"`. */
export function segmentName(segment: number): string {
  return `${segment.toString().padStart(8, "0")}${SUFFIX}`
}

export class ValueLog {
  readonly #options: ValueLogOptions
  readonly #segments = new Map<number, Segment>()
  readonly #cache: BlockCache
  readonly #slabs = new Slabs()
  readonly #buffer = new Uint8Array(WRITE_BUFFER_BYTES)
  readonly #bufferView = new DataView(this.#buffer.buffer)
  #buffered = 0
  #last: Segment | undefined
  /** Segments written to since the last sync began, and whether a name was added to the directory. */
  #unsynced = new Set<Segment>()
  #isDirectoryChanged = false

  /**
   * Opens the log as a checkpoint describes it: checks every segment, cuts what lies beyond the committed lengths, removes segments the
   * checkpoint does not know. Faults: StorageDamaged, NewerFormat, DiskFailure.
   */
  constructor(options: ValueLogOptions, committed: ReadonlyArray<SegmentLength>) {
    this.#options = options
    this.#cache = new BlockCache(options.cacheBytesMax)
    const names = new Set(options.volume.list(options.directory))
    for (const { segment, lengthBytes } of committed) {
      if (!names.delete(segmentName(segment))) throw this.#damaged(segment, 0, "the value segment is missing")
      this.#open(segment, lengthBytes)
    }
    for (const name of names) if (name.endsWith(SUFFIX)) options.volume.remove(joinPath(options.directory, name))
  }

  /** Every segment with the bytes a commit would record, in order. */
  get lengths(): ReadonlyArray<SegmentLength> {
    return [...this.#segments.values()].map((it) => ({ segment: it.number, lengthBytes: it.length }))
  }

  /**
   * Appends an entry and leaves its place in `location`. The document (none for a tombstone) is `length` bytes at `bytes[at]`.
   * Faults with DiskFailure; then call `rewind`.
   */
  append(header: ValueHeader, bytes: Uint8Array, at: number, length: number, location: Location): void {
    const size = valueBytes(length)
    const segment = this.#segmentFor(size)
    location.segment = segment.number
    location.length = length
    location.offset = segment.length
    location.lsn = header.lsn
    if (this.#buffered + size > WRITE_BUFFER_BYTES) this.#write(segment)
    this.#unsynced.add(segment)
    if (size > WRITE_BUFFER_BYTES) {
      const alone = new Uint8Array(size)
      alone.set(bytes.subarray(at, at + length), VALUE_HEADER_BYTES)
      writeValueHeader(alone, new DataView(alone.buffer), 0, header, length, segment.salt)
      segment.file.writeAt(segment.length, alone)
    } else {
      this.#buffer.set(bytes.subarray(at, at + length), this.#buffered + VALUE_HEADER_BYTES)
      writeValueHeader(this.#buffer, this.#bufferView, this.#buffered, header, length, segment.salt)
      this.#buffered += size
    }
    segment.length += size
  }

  /** Brings everything appended so far to disk. */
  sync(done: SyncDone): void {
    if (this.#last !== undefined) this.#write(this.#last)
    const dirty = [...this.#unsynced]
    this.#unsynced.clear()
    let waiting = dirty.length + (this.#isDirectoryChanged ? 1 : 0)
    let failure: Parameters<SyncDone>[0]
    const finish: SyncDone = (fault) => {
      failure ??= fault
      if (--waiting === 0) done(failure)
    }
    if (waiting === 0) {
      waiting = 1
      this.#options.volume.syncDirectory(this.#options.directory, finish)
      return
    }
    for (const segment of dirty) segment.file.syncData(finish)
    if (this.#isDirectoryChanged) this.#options.volume.syncDirectory(this.#options.directory, finish)
    this.#isDirectoryChanged = false
  }

  /** The checkpoint that names the current lengths is on disk. */
  commit(): void {
    for (const segment of this.#segments.values()) segment.committed = segment.length
  }

  /** Forgets everything appended since the last commit; the next append overwrites it. */
  rewind(): void {
    this.#buffered = 0
    this.#last = undefined
    for (const segment of this.#segments.values()) {
      if (segment.committed > 0) {
        segment.length = segment.committed
        // A block that was read meanwhile may hold bytes that will be overwritten.
        for (let number = segment.committed >>> BLOCK_SHIFT; number < segment.blocks.length; number++) segment.blocks[number]?.forget()
        this.#last = segment
        continue
      }
      this.#segments.delete(segment.number)
      this.#unsynced.delete(segment)
      segment.file.close()
      this.#options.volume.remove(segment.file.path)
    }
  }

  /** Shows the document at `location`. Faults with StorageDamaged when the entry is not the one the tree says it is. */
  read(location: Location, out: DocumentView): void {
    const segment = this.#segments.get(location.segment)
    if (segment === undefined)
      throw this.#damaged(location.segment, location.offset, "the primary tree names a segment that does not exist")
    const start = location.offset & (BLOCK_BYTES - 1)
    const length = location.length
    const end = start + VALUE_HEADER_BYTES + length
    const number = location.offset >>> BLOCK_SHIFT
    let block = end > BLOCK_BYTES ? undefined : segment.blocks[number]
    if (block !== undefined && block.length >= end) block.isUsed = true
    else if (end > BLOCK_BYTES || !this.#cache.admits(segment.number, number)) return this.#readAlone(segment, location, out)
    else block = this.#load(segment, number)
    if (!block.isVerified(start)) {
      if (block.length < end || !isValueAt(block.bytes, block.view, start, length, location.lsn, segment.salt)) {
        throw this.#damaged(segment.number, location.offset, "the value fails its checksum")
      }
      block.setVerified(start)
    }
    out.bytes = block.bytes
    out.at = start + VALUE_HEADER_BYTES
    out.length = length
  }

  close(): void {
    for (const segment of this.#segments.values()) segment.file.close()
    this.#segments.clear()
  }

  /** Reads a value that crosses the border of a block, or whose block is not worth keeping. */
  #readAlone(segment: Segment, location: Location, out: DocumentView): void {
    const slabs = this.#slabs
    const length = VALUE_HEADER_BYTES + location.length
    slabs.take(length)
    const { bytes, at } = slabs
    const read = segment.file.readAt(location.offset, bytes.subarray(at, at + length))
    if (read < length || !isValueAt(bytes, slabs.view, at, location.length, location.lsn, segment.salt)) {
      throw this.#damaged(segment.number, location.offset, "the value fails its checksum")
    }
    out.bytes = bytes
    out.at = at + VALUE_HEADER_BYTES
    out.length = location.length
  }

  #load(segment: Segment, number: number): Block {
    segment.blocks[number]?.forget()
    const bytes = Buffer.allocUnsafeSlow(BLOCK_BYTES)
    return this.#cache.add(segment.blocks, number, bytes, segment.file.readAt(number * BLOCK_BYTES, bytes))
  }

  #segmentFor(size: number): Segment {
    const last = this.#last
    if (last !== undefined && (last.length + size <= this.#options.segmentBytesMax || last.length === SEGMENT_HEADER_BYTES)) return last
    if (last !== undefined) this.#write(last)
    return this.#create((last?.number ?? 0) + 1)
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
      blocks: [],
      length: SEGMENT_HEADER_BYTES,
      committed: 0
    }
    this.#segments.set(number, segment)
    this.#isDirectoryChanged = true
    this.#last = segment
    file.writeAt(0, header)
    return segment
  }

  #open(number: number, lengthBytes: number): void {
    const { volume, directory, databaseId } = this.#options
    const path = joinPath(directory, segmentName(number))
    const file = volume.open(path, "update")
    const bytes = new Uint8Array(SEGMENT_HEADER_BYTES)
    file.readAt(0, bytes)
    const { salt } = readSegmentHeader(bytes, path, { segment: number, databaseId })
    if (file.size() < lengthBytes)
      throw this.#damaged(number, file.size(), `the value segment is shorter than the ${lengthBytes} bytes that were committed`)
    if (file.size() > lengthBytes) file.truncate(lengthBytes)
    const segment: Segment = { number, file, salt, blocks: [], length: lengthBytes, committed: lengthBytes }
    this.#segments.set(number, segment)
    this.#last = segment
  }

  /** Writes the buffer to the end of `segment`, whose length already counts it. */
  #write(segment: Segment): void {
    if (this.#buffered === 0) return
    segment.file.writeAt(segment.length - this.#buffered, this.#buffer.subarray(0, this.#buffered))
    this.#buffered = 0
  }

  #damaged(segment: number, offset: number, message: string): Fault {
    return storageFault({ _tag: "StorageDamaged", file: joinPath(this.#options.directory, segmentName(segment)), offset, message })
  }
}
