/**
 * Reads the segments of a log as docs/format.md describes them, and nothing else: written from that page, not from the engine.
 */
import { crc32 } from "node:zlib"

export interface LogRecord {
  readonly lsn: number
  readonly durableLsn: number
  readonly commitTimeMs: number
  readonly previousCrc: number
  /** The CRC field of its header. */
  readonly crc: number
  readonly kind: number
  readonly body: Uint8Array
}

export interface LogSegment {
  readonly path: string
  readonly firstLsn: number
  readonly records: ReadonlyArray<LogRecord>
  readonly isSealed: boolean
  readonly sizeBytes: number
}

/** Where the bytes come from. */
export interface Files {
  paths(): ReadonlyArray<string>
  peek(path: string): Uint8Array
}

const HEADER_BYTES = 4096
const RECORD_HEADER_BYTES = 56
const FOOTER_BYTES = 64
const RECORD_MAGIC = 0x43525057
const FOOTER_MAGIC = 0x54465057
const SEGMENT_MAGIC = "PLANKWAL"

/** The segments below a directory, oldest first; a file without a valid header has no records. */
export function readSegments(files: Files, directory: string): ReadonlyArray<LogSegment> {
  const segments: Array<LogSegment> = []
  for (const path of files.paths()) {
    const firstLsn = path.startsWith(`${directory}/`) ? firstLsnOf(path) : undefined
    if (firstLsn !== undefined) segments.push(readSegment(path, firstLsn, files.peek(path)))
  }
  return segments.toSorted((a, b) => a.firstLsn - b.firstLsn)
}

/** The first LSN in a segment's name; undefined for any other file. */
export function firstLsnOf(path: string): number | undefined {
  const match = /\/[0-9a-f]{32}-(\d{16})\.wal$/.exec(path)
  return match === null ? undefined : Number(match[1])
}

export function readSegment(path: string, firstLsn: number, bytes: Uint8Array): LogSegment {
  const records: Array<LogRecord> = []
  const end = { path, firstLsn, records, isSealed: false, sizeBytes: bytes.length }
  if (bytes.length < HEADER_BYTES) return end
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const isHeader =
    Buffer.from(bytes.subarray(0, 8)).toString() === SEGMENT_MAGIC && view.getUint32(60, true) === crc32(bytes.subarray(0, 60))
  if (!isHeader) return end
  const salt = view.getUint32(12, true)
  let at = HEADER_BYTES
  for (;;) {
    const record = readRecord(bytes, view, at, salt)
    if (record === undefined || record.lsn !== (records.at(-1)?.lsn ?? firstLsn - 1) + 1) break
    records.push(record)
    at += Math.ceil((RECORD_HEADER_BYTES + record.body.length) / 8) * 8
  }
  return { ...end, isSealed: isFooter(bytes, view, at, salt) }
}

function readRecord(bytes: Uint8Array, view: DataView, at: number, salt: number): LogRecord | undefined {
  if (at + RECORD_HEADER_BYTES > bytes.length || view.getUint32(at, true) !== RECORD_MAGIC) return undefined
  const length = view.getUint32(at + 4, true)
  const crc = view.getUint32(at + 52, true)
  if (crc !== crc32(bytes.subarray(at, at + 52), salt)) return undefined
  if (length < RECORD_HEADER_BYTES || at + length > bytes.length) return undefined
  const body = bytes.subarray(at + RECORD_HEADER_BYTES, at + length)
  if (view.getUint32(at + 36, true) !== crc32(body, salt)) return undefined
  return {
    lsn: readU64(view, at + 8),
    durableLsn: readU64(view, at + 16),
    commitTimeMs: readU64(view, at + 24),
    previousCrc: view.getUint32(at + 40, true),
    crc,
    kind: view.getUint16(at + 44, true),
    body
  }
}

function isFooter(bytes: Uint8Array, view: DataView, at: number, salt: number): boolean {
  if (at + FOOTER_BYTES !== bytes.length || view.getUint32(at, true) !== FOOTER_MAGIC) return false
  return view.getUint32(at + 60, true) === crc32(bytes.subarray(at, at + 60), salt)
}

function readU64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true))
}

/** Whether the record `lsn` is in one of the segments, whole. */
export function holdsRecord(segments: ReadonlyArray<LogSegment>, lsn: number): boolean {
  return segments.some(({ firstLsn, records }) => firstLsn <= lsn && lsn < firstLsn + records.length)
}

/**
 * The newest LSN that the log proves to have been durable, whatever lies between: by the name of a segment, or by a record with right
 * checksums anywhere in one.
 */
export function provenLsn(files: Files, directory: string): number {
  let proven = 0
  for (const path of files.paths()) {
    const firstLsn = path.startsWith(`${directory}/`) ? firstLsnOf(path) : undefined
    if (firstLsn === undefined) continue
    proven = Math.max(proven, firstLsn - 1)
    const bytes = files.peek(path)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (bytes.length < HEADER_BYTES) continue
    const salt = view.getUint32(12, true)
    for (let at = HEADER_BYTES; at + RECORD_HEADER_BYTES <= bytes.length; at += 8) {
      const record = view.getUint32(at, true) === RECORD_MAGIC ? readRecord(bytes, view, at, salt) : undefined
      if (record !== undefined) proven = Math.max(proven, record.durableLsn)
    }
  }
  return proven
}
