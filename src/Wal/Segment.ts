import { checksum } from "./Checksum.ts"
import { readUint64, writeUint64 } from "./Record.ts"

/**
 * The segment file: a header in a block of its own, records from byte 4096 on, and, once sealed, a footer as the last 64 bytes.
 *
 * Header (rest of the block zero)          Footer (8-aligned, right after the last record)
 *    0 8 bytes "PLANKWAL"                     0 u32 magic             40 u64 offset of this footer
 *    8 u32 format                             4 u32 length, 64        48 u32 checksum of the last record's header
 *   12 u32 salt                               8 u64 first LSN         52 u32 epoch
 *   16 16 bytes database id                  16 u64 last LSN          56 u32 zero
 *   32 16 bytes timeline                     24 u64 first commit time 60 u32 checksum of bytes 0 to 59, from the salt
 *   48 u64 created, ms                       32 u64 last commit time
 *   56 u32 zero
 *   60 u32 checksum of bytes 0 to 59
 *
 * Invariants
 * - A file gets its name (timeline and first LSN) only after its header was synced, and only when every record of the segment before
 *   it is on disk. So a named file without a valid header is damage, and its name proves the LSN before its first to be durable.
 * - A footer is written only when every record before it is on disk. A sealed file never changes again.
 */

export const SEGMENT_FORMAT = 1
export const SEGMENT_HEADER_BYTES = 64
/** Where the records begin: the header shares no block with them. */
export const RECORDS_AT = 4096
export const FOOTER_MAGIC = 0x54465057
export const FOOTER_BYTES = 64

const HEADER_MAGIC = new TextEncoder().encode("PLANKWAL")
const CHECKSUM_AT = 60
const LSN_DIGITS = 16

/** The identity of a log: both 16 bytes. */
export interface LogIdentity {
  readonly databaseId: Uint8Array
  readonly timeline: Uint8Array
}

/** What a segment's header says. */
export interface SegmentHeader extends LogIdentity {
  readonly format: number
  readonly salt: number
  readonly createdMs: number
}

/** What a segment's footer says. */
export interface SegmentFooter {
  readonly firstLsn: number
  readonly lastLsn: number
  readonly firstCommitTimeMs: number
  readonly lastCommitTimeMs: number
  /** Where the footer lies, which is where the records end. */
  readonly offset: number
  /** The checksum of the last record's header. */
  readonly lastChecksum: number
  readonly epoch: number
}

/** The name of a segment: `<timeline, 32 hex digits>-<first LSN, 16 decimal digits>.wal`. */
export function segmentName(timeline: Uint8Array, firstLsn: number): string {
  return `${toHex(timeline)}-${String(firstLsn).padStart(LSN_DIGITS, "0")}.wal`
}

/** The timeline (hex) and first LSN in a segment's name, or `undefined` when it is no such name. */
export function parseSegmentName(name: string): { readonly timeline: string; readonly firstLsn: number } | undefined {
  const match = /^([0-9a-f]{32})-(\d{16})\.wal$/.exec(name)
  if (match === null) return undefined
  const firstLsn = Number(match[2])
  return firstLsn >= 1 && Number.isSafeInteger(firstLsn) ? { timeline: match[1]!, firstLsn } : undefined
}

/** Lower-case hex of some bytes. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")
}

/** The header's block: all bytes before the first record. */
export function encodeHeader(identity: LogIdentity, salt: number, createdMs: number): Uint8Array {
  const bytes = new Uint8Array(RECORDS_AT)
  const view = new DataView(bytes.buffer)
  bytes.set(HEADER_MAGIC, 0)
  view.setUint32(8, SEGMENT_FORMAT, true)
  view.setUint32(12, salt, true)
  bytes.set(identity.databaseId, 16)
  bytes.set(identity.timeline, 32)
  writeUint64(view, 48, createdMs)
  view.setUint32(CHECKSUM_AT, checksum(bytes, 0, CHECKSUM_AT, 0), true)
  return bytes
}

/** Reads a header from the first 64 bytes of a file, or `undefined` when they are none. The format is the caller's to check. */
export function decodeHeader(bytes: Uint8Array): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES || HEADER_MAGIC.some((byte, index) => bytes[index] !== byte)) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, SEGMENT_HEADER_BYTES)
  if (checksum(bytes, 0, CHECKSUM_AT, 0) !== view.getUint32(CHECKSUM_AT, true)) return undefined
  return {
    format: view.getUint32(8, true),
    salt: view.getUint32(12, true),
    databaseId: bytes.slice(16, 32),
    timeline: bytes.slice(32, 48),
    createdMs: readUint64(view, 48)
  }
}

/** The footer's 64 bytes. */
export function encodeFooter(footer: SegmentFooter, salt: number): Uint8Array {
  const bytes = new Uint8Array(FOOTER_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, FOOTER_MAGIC, true)
  view.setUint32(4, FOOTER_BYTES, true)
  writeUint64(view, 8, footer.firstLsn)
  writeUint64(view, 16, footer.lastLsn)
  writeUint64(view, 24, footer.firstCommitTimeMs)
  writeUint64(view, 32, footer.lastCommitTimeMs)
  writeUint64(view, 40, footer.offset)
  view.setUint32(48, footer.lastChecksum, true)
  view.setUint32(52, footer.epoch, true)
  view.setUint32(CHECKSUM_AT, checksum(bytes, 0, CHECKSUM_AT, salt), true)
  return bytes
}

/** Reads a footer that lies at `at`, which is byte `offset` of the file, or `undefined` when there is none. */
export function decodeFooter(bytes: Uint8Array, view: DataView, at: number, offset: number, salt: number): SegmentFooter | undefined {
  if (at + FOOTER_BYTES > bytes.length || view.getUint32(at, true) !== FOOTER_MAGIC) return undefined
  if (checksum(bytes, at, CHECKSUM_AT, salt) !== view.getUint32(at + CHECKSUM_AT, true)) return undefined
  if (readUint64(view, at + 40) !== offset) return undefined
  return {
    firstLsn: readUint64(view, at + 8),
    lastLsn: readUint64(view, at + 16),
    firstCommitTimeMs: readUint64(view, at + 24),
    lastCommitTimeMs: readUint64(view, at + 32),
    offset,
    lastChecksum: view.getUint32(at + 48, true),
    epoch: view.getUint32(at + 52, true)
  }
}
