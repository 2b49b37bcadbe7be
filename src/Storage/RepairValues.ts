/**
 * The value segments of a database that is damaged, as a repair reads them: what is whole in order, what is not by file and offset.
 * Reads only.
 *
 * Invariants
 * - An entry counts when its checksum is right, which the segment's salt and its length are part of. Behind one that does not count the next
 *   is looked for at every multiple of 8.
 * - Runs hold entries that count, without gaps and in order.
 */
import { type File, joinPath, type Volume } from "../Disk/Volume.ts"
import { checksum } from "../Wal/Checksum.ts"
import { readUint64 } from "../Wal/Record.ts"
import type { CopiedSegment } from "./DefinitionsFile.ts"
import { DELETE, PUT } from "./MemtableLayout.ts"
import { RunBuffers } from "./RunBuffers.ts"
import { compareEntries, RunReader } from "./RunReader.ts"
import type { Run } from "./RunMerge.ts"
import type { Location } from "./TreeSource.ts"
import { segmentName } from "./ValueLog.ts"
import { isValueAt, SEGMENT_HEADER_BYTES, type SegmentFile, VALUE_HEADER_BYTES, valueBytes } from "./ValueSegment.ts"

/** Bytes of the value log that cannot be read: `bytes` from `offset` of `file` on. */
export interface ValueGap {
  readonly file: string
  readonly offset: number
  readonly bytes: number
  readonly message: string
}

/** A segment that has to be there, when that is known: with as many bytes, and more only if it was growing. */
export type ExpectedSegment = CopiedSegment

interface Surveyed {
  readonly source: SegmentFile
  readonly isDamaged: boolean
}

const SALT_AT = 32
const DATABASE_ID_AT = 16
const STORE_AT = 8
const KIND_AT = 12
const LSN_AT = 16
const KEY_AT = 24
const KEY_BYTES = 16
/** No document is longer. */
const DOCUMENT_BYTES_MAX = 16 * 1024 * 1024
/** Bytes read at once. */
const WINDOW_BYTES = 256 * 1024

export class RepairValues {
  readonly gaps: Array<ValueGap> = []
  /** Every part of every segment that is in order; those of damaged segments are told by `isDamaged`. */
  readonly runs: Array<Run> = []
  /** The newest LSN in any entry. */
  lsnMax = 0
  /** The id in the header of the first segment whose header says one. */
  databaseId: Uint8Array | undefined
  readonly #volume: Volume
  readonly #directory: string
  readonly #segments = new Map<number, Surveyed>()
  readonly #buffers = new RunBuffers()
  /** A window of one of the files; the entry that was looked at begins at `at` in it. */
  #window = new Uint8Array(WINDOW_BYTES)
  #view = new DataView(this.#window.buffer)
  #windowFile: File | undefined
  #windowStart = 0
  #windowLength = 0
  at = 0

  constructor(volume: Volume, directory: string) {
    this.#volume = volume
    this.#directory = directory
  }

  /** The segments that are in the directory. */
  get present(): ReadonlyArray<number> {
    const names = this.#volume.exists(this.#directory) ? this.#volume.list(this.#directory) : []
    return names.flatMap((name) => (/^\d{8}\.values$/.test(name) ? [Number.parseInt(name, 10)] : []))
  }

  /** The segments that were surveyed and are whole, with their lengths; and the numbers of those that are not. */
  get whole(): ReadonlyArray<SegmentFile> {
    return [...this.#segments.values()].filter((it) => !it.isDamaged).map((it) => it.source)
  }

  get damaged(): ReadonlyArray<number> {
    return [...this.#segments.values()].filter((it) => it.isDamaged).map((it) => it.source.segment)
  }

  isDamaged(segment: number): boolean {
    return this.#segments.get(segment)?.isDamaged === true
  }

  path(segment: number): string {
    return joinPath(this.#directory, segmentName(segment))
  }

  /** Reads a segment from end to end; yields the bytes it has read. `expected`: what it has to hold; unknown unless given. */
  *survey(segment: number, expected: ExpectedSegment | undefined): Generator<number, void, void> {
    const path = this.path(segment)
    if (!this.#volume.exists(path)) {
      this.gaps.push({ file: path, offset: 0, bytes: expected?.lengthBytes ?? 0, message: "the value segment is missing" })
      return
    }
    const file = this.#volume.open(path, "read")
    const gapsBefore = this.gaps.length
    const salt = this.#readHeader(file, segment)
    const sizeBytes = file.size()
    const until = expected === undefined || expected.isGrowing ? sizeBytes : Math.min(sizeBytes, expected.lengthBytes)
    const source: SegmentFile = { segment, file, salt, lengthBytes: Math.max(until, SEGMENT_HEADER_BYTES) }
    const parts = yield* this.#parts(source, until)
    if (expected !== undefined && sizeBytes < expected.lengthBytes)
      this.gaps.push({ file: path, offset: sizeBytes, bytes: expected.lengthBytes - sizeBytes, message: "the file ends before" })
    this.#segments.set(segment, { source, isDamaged: this.gaps.length > gapsBefore })
    for (const { from, until } of parts) yield* this.#runsOf(source, from, until)
  }

  /** Whether the entry at a location is whole and the document's: then it is in `bytes` at `at` until the next call. */
  read(location: Location, store: number, key: Uint8Array, keyAt: number): boolean {
    const segment = this.#segments.get(location.segment)
    if (segment === undefined || location.length > DOCUMENT_BYTES_MAX) return false
    const { file, lengthBytes, salt } = segment.source
    const size = VALUE_HEADER_BYTES + location.length
    if (location.offset + size > lengthBytes || !this.#load(file, location.offset, size, 0)) return false
    const { at } = this
    if (this.#view.getUint32(at + STORE_AT, true) !== store || this.#window[at + KIND_AT] !== PUT) return false
    for (let i = 0; i < KEY_BYTES; i++) if (this.#window[at + KEY_AT + i] !== key[keyAt + i]) return false
    return isValueAt(this.#window, at, location.length, location.lsn, salt)
  }

  /** What `read` has read: header first, from `at` on. */
  get bytes(): Uint8Array {
    return this.#window
  }

  close(): void {
    for (const { source } of this.#segments.values()) source.file.close()
    this.#segments.clear()
  }

  /** The salt as the header has it. Where the header is damaged it may still be right: then the entries prove it. */
  #readHeader(file: File, segment: number): number {
    const header = new Uint8Array(SEGMENT_HEADER_BYTES)
    const problem = headerProblem(header, file.readAt(0, header), segment)
    if (problem === undefined) this.databaseId ??= header.slice(DATABASE_ID_AT, DATABASE_ID_AT + 16)
    else this.gaps.push({ file: file.path, offset: 0, bytes: SEGMENT_HEADER_BYTES, message: problem })
    return new DataView(header.buffer).getUint32(SALT_AT, true)
  }

  /** The parts of a segment whose entries all count; what lies between is noted. */
  *#parts({ file, salt }: SegmentFile, until: number): Generator<number, Array<{ from: number; until: number }>, void> {
    const parts: Array<{ from: number; until: number }> = []
    let from = SEGMENT_HEADER_BYTES
    let reported = from
    for (let offset = SEGMENT_HEADER_BYTES; offset < until;) {
      const size = this.#entryAt(file, offset, until, salt)
      if (size > 0) offset += size
      else {
        if (offset > from) parts.push({ from, until: offset })
        from = offset + 8
        while (from < until && this.#entryAt(file, from, until, salt) === 0) {
          from += 8
          if (from - reported > WINDOW_BYTES) {
            yield from - reported
            reported = from
          }
        }
        const end = Math.min(from, until)
        this.gaps.push({ file: file.path, offset, bytes: end - offset, message: "there is no whole entry" })
        offset = end
      }
      if (offset - reported <= WINDOW_BYTES) continue
      yield offset - reported
      reported = offset
    }
    if (from < until) parts.push({ from, until })
    return parts
  }

  /** Bytes of the entry at `offset`; 0 when there is none that counts. */
  #entryAt(file: File, offset: number, until: number, salt: number): number {
    if (offset + VALUE_HEADER_BYTES > until || !this.#load(file, offset, VALUE_HEADER_BYTES, WINDOW_BYTES)) return 0
    const length = this.#view.getUint32(this.at, true)
    const kind = this.#window[this.at + KIND_AT]!
    // A cheap look before the checksum of what may be a long document.
    if (kind === DELETE ? length !== 0 : kind !== PUT || length > DOCUMENT_BYTES_MAX) return 0
    if (this.#view.getUint32(this.at + KIND_AT, true) >>> 8 !== 0 || offset + valueBytes(length) > until) return 0
    const lsn = readUint64(this.#view, this.at + LSN_AT)
    if (!this.#load(file, offset, VALUE_HEADER_BYTES + length, WINDOW_BYTES)) return 0
    if (length > 0 && this.#view.getUint32(this.at + VALUE_HEADER_BYTES, true) !== length) return 0
    if (!isValueAt(this.#window, this.at, length, lsn, salt)) return 0
    this.lsnMax = Math.max(this.lsnMax, lsn)
    return valueBytes(length)
  }

  /** Sees to it that `size` bytes of a file from `offset` on are in the window; false when the file ends before. */
  #load(file: File, offset: number, size: number, aheadBytes: number): boolean {
    const isThere = file === this.#windowFile && offset >= this.#windowStart && offset + size <= this.#windowStart + this.#windowLength
    if (!isThere) {
      if (size > this.#window.length) {
        this.#window = new Uint8Array(size)
        this.#view = new DataView(this.#window.buffer)
      }
      this.#windowFile = file
      this.#windowStart = offset
      this.#windowLength = file.readAt(offset, this.#window.subarray(0, Math.max(size, aheadBytes)))
    }
    this.at = offset - this.#windowStart
    return offset + size <= this.#windowStart + this.#windowLength
  }

  /** Cuts a part where its order breaks. */
  *#runsOf(source: SegmentFile, from: number, until: number): Generator<number, void, void> {
    const ahead = new RunReader(source, from, until, this.#buffers)
    const behind = new RunReader(source, from, until, this.#buffers)
    let start = from
    let reported = from
    let isFirst = true
    while (ahead.move(false)) {
      if (!isFirst && behind.move(false) && compareEntries(behind, ahead) >= 0) {
        this.runs.push({ source, from: start, until: ahead.offset })
        start = ahead.offset
      }
      isFirst = false
      if (ahead.next - reported <= WINDOW_BYTES) continue
      yield 0
      reported = ahead.next
    }
    ahead.end()
    behind.end()
    if (start < until) this.runs.push({ source, from: start, until })
  }
}

function headerProblem(header: Uint8Array, length: number, segment: number): string | undefined {
  if (length < SEGMENT_HEADER_BYTES) return "the file is shorter than its header"
  const view = new DataView(header.buffer)
  const magic = new TextDecoder("latin1").decode(header.subarray(0, 8))
  if (magic !== "PLNKVALS" || checksum(header, 0, 60, 0) !== view.getUint32(60, true)) return "the header is damaged"
  return view.getUint32(12, true) === segment ? undefined : `the header says that this is segment ${view.getUint32(12, true)}`
}
