/**
 * What a repair adds to the value log: new segments, with numbers behind all that are there. An opening of the database as it was before
 * removes them, for no meta names them.
 */
import { type File, joinPath, type SyncDone, type Volume } from "../Disk/Volume.ts"
import type { Location } from "./TreeSource.ts"
import { segmentName } from "./ValueLog.ts"
import {
  SEGMENT_HEADER_BYTES,
  type SegmentLength,
  VALUE_HEADER_BYTES,
  valueBytes,
  type ValueHeader,
  writeSegmentHeader,
  writeValueHeader
} from "./ValueSegment.ts"

/** Where a new segment begins; a longer document has one of its own. */
const SEGMENT_BYTES_MAX = 64 * 1024 * 1024
const BUFFER_BYTES = 256 * 1024

export interface RepairWriterOptions {
  readonly volume: Volume
  readonly directory: string
  readonly databaseId: Uint8Array
  readonly random: (into: Uint8Array) => void
  /** The number of the first segment. */
  readonly first: number
}

interface Written {
  readonly segment: number
  readonly file: File
  readonly salt: number
  lengthBytes: number
}

export class RepairWriter {
  readonly #options: RepairWriterOptions
  readonly #segments: Array<Written> = []
  #buffer = new Uint8Array(BUFFER_BYTES)
  #view = new DataView(this.#buffer.buffer)
  #buffered = 0

  constructor(options: RepairWriterOptions) {
    this.#options = options
  }

  get segments(): ReadonlyArray<SegmentLength> {
    return this.#segments.map(({ lengthBytes, segment }) => ({ segment, lengthBytes }))
  }

  /** The number that the next segment would get. */
  get next(): number {
    return this.#options.first + this.#segments.length
  }

  /** Appends an entry, whose document is `length` bytes at `bytes[at]`, and leaves its place in `location`. Faults with DiskFailure. */
  append(header: ValueHeader, bytes: Uint8Array, at: number, length: number, location: Location): void {
    const size = valueBytes(length)
    const segment = this.#segmentFor(size)
    if (this.#buffered + size > this.#buffer.length) this.#flush()
    if (size > this.#buffer.length) {
      this.#buffer = new Uint8Array(size)
      this.#view = new DataView(this.#buffer.buffer)
    }
    this.#buffer.set(bytes.subarray(at, at + length), this.#buffered + VALUE_HEADER_BYTES)
    writeValueHeader(this.#buffer, this.#view, this.#buffered, header, length, segment.salt)
    this.#buffered += size
    location.segment = segment.segment
    location.length = length
    location.offset = segment.lengthBytes
    location.lsn = header.lsn
    segment.lengthBytes += size
  }

  /** Brings everything to disk: one sync after the other, each told to `wait`. */
  *sync(wait: (start: (done: SyncDone) => void) => Generator<"waiting", void, void>): Generator<"waiting", void, void> {
    this.#flush()
    for (const { file } of this.#segments) yield* wait((done) => file.syncData(done))
    if (this.#segments.length > 0) yield* wait((done) => this.#options.volume.syncDirectory(this.#options.directory, done))
  }

  close(): void {
    for (const { file } of this.#segments) file.close()
  }

  /** Takes back what was written. */
  remove(): void {
    const { volume } = this.#options
    for (const { file } of this.#segments) if (volume.exists(file.path)) volume.remove(file.path)
  }

  #segmentFor(size: number): Written {
    const last = this.#segments.at(-1)
    if (last !== undefined && last.lengthBytes + size <= SEGMENT_BYTES_MAX) return last
    this.#flush()
    const { databaseId, directory, random, volume } = this.#options
    const entropy = new Uint8Array(4)
    random(entropy)
    const salt = new DataView(entropy.buffer).getUint32(0, true)
    const path = joinPath(directory, segmentName(this.next))
    if (volume.exists(path)) volume.remove(path)
    const written: Written = { segment: this.next, file: volume.open(path, "create"), salt, lengthBytes: SEGMENT_HEADER_BYTES }
    written.file.writeAt(0, writeSegmentHeader({ segment: written.segment, databaseId, salt }))
    this.#segments.push(written)
    return written
  }

  #flush(): void {
    const last = this.#segments.at(-1)
    if (last === undefined || this.#buffered === 0) return
    last.file.writeAt(last.lengthBytes - this.#buffered, this.#buffer.subarray(0, this.#buffered))
    this.#buffered = 0
  }
}
