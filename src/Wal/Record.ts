import { checksum } from "./Checksum.ts"

/**
 * The record: one transaction (or definition, epoch, no-op) of the log, the same bytes on disk, wire and in an archive.
 *
 * Layout, little-endian, 8-aligned; the body follows the header and zeros follow the body up to the next multiple of 8:
 *
 *    0 u32 magic              24 u64 commit time, ms        44 u16 kind
 *    4 u32 length             32 u32 epoch                  46 u16 flags
 *    8 u64 LSN                36 u32 checksum of the body   48 u32 zero
 *   16 u64 durable LSN        40 u32 previous checksum      52 u32 checksum of the bytes 0 to 51
 *
 * Invariants
 * - `length` counts header and body, not the padding. A length of 0 is the end of what was written.
 * - Both checksums start from the segment's salt. The header's covers the body's, and the next record carries the header's: a chain.
 * - LSNs count up by one without gaps and stay below 2^53, so they are JavaScript numbers.
 * - The durable LSN is what the writer knew to be on disk when it encoded this record: the proof behind the tail rule.
 */

export const RECORD_MAGIC = 0x43525057
export const RECORD_HEADER_BYTES = 56

/** The largest body: a transaction of 64 MiB with its 100 000 operations' heads. */
export const BODY_BYTES_MAX = 80 * 1024 * 1024

/** The documents a transaction put and deleted, and the low-water marks it moved. */
export const KIND_TRANSACTION = 1
/** A change of stores or indexes. */
export const KIND_DDL = 2
/** A new epoch begins with this record. */
export const KIND_EPOCH = 3
/** Nothing: takes an LSN and no effect. */
export const KIND_NOOP = 4

/** A reader that does not know the kind may pass over this record. */
export const FLAG_SKIPPABLE = 1

const HEADER_CHECKSUM_AT = 52
const TWO_POW_32 = 0x1_0000_0000

/** Whether this build knows what a record of `kind` means. */
export function isKnownKind(kind: number): boolean {
  return kind >= KIND_TRANSACTION && kind <= KIND_NOOP
}

/** The bytes a record with a body of `bodyBytes` takes in a segment. */
export function recordBytes(bodyBytes: number): number {
  return alignRecord(RECORD_HEADER_BYTES + bodyBytes)
}

/** `length` rounded up to the alignment of records. */
export function alignRecord(length: number): number {
  return Math.ceil(length / 8) * 8
}

/**
 * A record in someone's buffer: the fields of its header and where the body lies.
 * It is valid until the reader that owns it moves on; copy what must live longer.
 */
export interface RecordView {
  readonly lsn: number
  readonly durableLsn: number
  readonly commitTimeMs: number
  readonly epoch: number
  readonly kind: number
  readonly flags: number
  /** The checksum of the header, which the next record repeats. */
  readonly checksum: number
  /** The body: `length` bytes of `bytes` from `at` on. */
  readonly bytes: Uint8Array
  readonly at: number
  readonly length: number
}

/** A record's header as an object that is filled again and again. */
export class RecordHeader {
  length = 0
  lsn = 0
  durableLsn = 0
  commitTimeMs = 0
  epoch = 0
  bodyChecksum = 0
  previousChecksum = 0
  kind = 0
  flags = 0
  /** The checksum of this header, which the next record repeats. */
  checksum = 0
}

/** Writes `header` at `at` and returns its checksum, which is also left in `header.checksum`. */
export function writeRecordHeader(bytes: Uint8Array, view: DataView, at: number, header: RecordHeader, salt: number): number {
  view.setUint32(at, RECORD_MAGIC, true)
  view.setUint32(at + 4, header.length, true)
  writeUint64(view, at + 8, header.lsn)
  writeUint64(view, at + 16, header.durableLsn)
  writeUint64(view, at + 24, header.commitTimeMs)
  view.setUint32(at + 32, header.epoch, true)
  view.setUint32(at + 36, header.bodyChecksum, true)
  view.setUint32(at + 40, header.previousChecksum, true)
  view.setUint16(at + 44, header.kind, true)
  view.setUint16(at + 46, header.flags, true)
  view.setUint32(at + 48, 0, true)
  header.checksum = checksum(bytes, at, HEADER_CHECKSUM_AT, salt)
  view.setUint32(at + HEADER_CHECKSUM_AT, header.checksum, true)
  return header.checksum
}

/**
 * Reads the header at `at` into `header`: `false`, and `header` untouched, when the bytes are no header of a segment with this salt.
 * What a valid header says may still be wrong for its place: length, LSN and chain are the reader's to check.
 */
export function readRecordHeader(bytes: Uint8Array, view: DataView, at: number, salt: number, header: RecordHeader): boolean {
  if (at + RECORD_HEADER_BYTES > bytes.length || view.getUint32(at, true) !== RECORD_MAGIC) return false
  const found = view.getUint32(at + HEADER_CHECKSUM_AT, true)
  if (checksum(bytes, at, HEADER_CHECKSUM_AT, salt) !== found) return false
  header.length = view.getUint32(at + 4, true)
  header.lsn = readUint64(view, at + 8)
  header.durableLsn = readUint64(view, at + 16)
  header.commitTimeMs = readUint64(view, at + 24)
  header.epoch = view.getUint32(at + 32, true)
  header.bodyChecksum = view.getUint32(at + 36, true)
  header.previousChecksum = view.getUint32(at + 40, true)
  header.kind = view.getUint16(at + 44, true)
  header.flags = view.getUint16(at + 46, true)
  header.checksum = found
  return true
}

/** Writes an integer from 0 to 2^53 - 1 as a u64. */
export function writeUint64(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / TWO_POW_32)
  view.setUint32(at, value - high * TWO_POW_32, true)
  view.setUint32(at + 4, high, true)
}

/** Reads a u64; exact below 2^53, which every writer keeps to. */
export function readUint64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * TWO_POW_32
}
