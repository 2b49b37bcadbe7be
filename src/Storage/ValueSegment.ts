/**
 * The bytes of a value segment: a header, then entries, 8-aligned, each with a header of its own. Pure: bytes in, bytes out.
 *
 *     segment header (64 bytes, little-endian)          entry header (40 bytes)
 *      0 u64 magic "PLNKVALS"                            0 u32 document bytes (0 for a tombstone)
 *      8 u32 format (1)                                  4 u32 checksum of the bytes 8 on, seeded with salt xor length
 *     12 u32 segment number                              8 u32 store
 *     16 16 bytes database id                           12 u8 kind (1 put, 2 delete), 3 zero bytes
 *     32 u32 salt                                       16 u64 LSN
 *     36 24 zero bytes                                  24 16 bytes key
 *     60 u32 checksum of the bytes before               40 the document, padded with zeros to a multiple of 8
 *
 * Invariants
 * - The salt seeds every checksum of the segment, so that bytes of another segment are never taken for this one's.
 * - An entry is written once and never changed. Where the next one goes is known from the index file's checkpoint alone.
 */
import type { File } from "../Disk/Volume.ts"
import { checksum, checksumInView, reseeded } from "../Wal/Checksum.ts"
import { readU32, readU64, writeU32 } from "../Index/Layout.ts"
import { writeUint64 } from "../Wal/Record.ts"
import { storageFault } from "./Reasons.ts"

export const SEGMENT_HEADER_BYTES = 64
export const VALUE_HEADER_BYTES = 40
export const VALUE_FORMAT = 1

const MAGIC = new TextEncoder().encode("PLNKVALS")
const CHECKED_HEADER_AT = 8
const NO_BYTES = new Uint8Array(0)

/** A segment is closed at this part of all of them: it is what compaction takes at the least, and what it moves is there twice for a while. */
const SEGMENT_SHARE = 1 / 32
/** Shorter ones would give little back and be many. */
const SEGMENT_BYTES_MIN = 4 * 1024 * 1024

/** Bytes at which a segment is closed when all of them have `sizeBytes`; never more than `max`. */
export function segmentLimit(sizeBytes: number, max: number): number {
  return Math.min(max, Math.max(SEGMENT_BYTES_MIN, sizeBytes * SEGMENT_SHARE))
}

/** A segment and how many of its bytes are committed. */
export interface SegmentLength {
  readonly segment: number
  readonly lengthBytes: number
}

/** What a checkpoint says of the segments beside their lengths. */
export interface SegmentTable {
  readonly committed: ReadonlyArray<SegmentLength>
  /** Those that may still grow. */
  readonly growing: ReadonlyArray<number>
  /** Those only the older meta knows. */
  readonly condemned: ReadonlyArray<SegmentLength>
  /** The transaction of the index file that this is the table of. */
  readonly transaction: number
  /** The number of the next segment. */
  readonly next: number
}

/** A segment as compaction reads it. */
export interface SegmentFile {
  readonly segment: number
  readonly file: File
  readonly salt: number
  readonly lengthBytes: number
}

/** An entry as it stands in a segment: header first at `bytes[at]`, with a document of `length` bytes. */
export interface WrittenEntry {
  readonly source: SegmentFile
  readonly bytes: Uint8Array
  readonly at: number
  readonly kind: number
  readonly lsn: number
  readonly length: number
}

/** What the first bytes of a segment say. */
export interface SegmentHeader {
  readonly segment: number
  readonly databaseId: Uint8Array
  readonly salt: number
}

export function writeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  bytes.set(MAGIC, 0)
  view.setUint32(8, VALUE_FORMAT, true)
  view.setUint32(12, header.segment, true)
  bytes.set(header.databaseId, 16)
  view.setUint32(32, header.salt, true)
  view.setUint32(60, checksum(bytes, 0, 60, 0), true)
  return bytes
}

/** The header of `file`; refused when it is another database's, a newer build's, or not whole. */
export function readSegmentHeader(bytes: Uint8Array, file: string, expected: { segment: number; databaseId: Uint8Array }): SegmentHeader {
  const damaged = (message: string) => storageFault({ _tag: "StorageDamaged", file, offset: 0, message })
  if (bytes.length < SEGMENT_HEADER_BYTES || MAGIC.some((byte, i) => bytes[i] !== byte)) throw damaged("this is no value segment")
  const view = new DataView(bytes.buffer, bytes.byteOffset, SEGMENT_HEADER_BYTES)
  const format = view.getUint32(8, true)
  if (format > VALUE_FORMAT) {
    throw storageFault({
      _tag: "NewerFormat",
      file,
      message: `${file} has format ${format}; this build knows up to ${VALUE_FORMAT}`
    })
  }
  if (checksum(bytes, 0, 60, 0) !== view.getUint32(60, true)) throw damaged("the header of the value segment fails its checksum")
  if (view.getUint32(12, true) !== expected.segment) throw damaged(`the header says that this is segment ${view.getUint32(12, true)}`)
  const databaseId = bytes.slice(16, 32)
  if (databaseId.some((byte, i) => byte !== expected.databaseId[i])) throw damaged("the value segment belongs to another database")
  return { segment: expected.segment, databaseId, salt: view.getUint32(32, true) }
}

/** Bytes that an entry with a document of `length` bytes takes. Right for every u32: a length may be damaged. */
export function valueBytes(length: number): number {
  return VALUE_HEADER_BYTES + length + (-length & 7)
}

/** What an entry's header says besides its length and checksum. */
export interface ValueHeader {
  readonly store: number
  readonly kind: number
  readonly lsn: number
  readonly key: Uint8Array
  readonly keyAt: number
}

/** A header that one entry after the other is appended with: an object for each would be garbage. */
export class EntryHeader implements ValueHeader {
  store = 0
  kind = 0
  lsn = 0
  key: Uint8Array = NO_BYTES
  keyAt = 0
}

/** Writes the header of the entry at `at`, whose document of `length` bytes is already in place behind it, and zeros the padding. */
export function writeValueHeader(bytes: Uint8Array, view: DataView, at: number, header: ValueHeader, length: number, salt: number): void {
  view.setUint32(at, length, true)
  view.setUint32(at + 8, header.store, true)
  view.setUint32(at + 12, header.kind, true)
  writeUint64(view, at + 16, header.lsn)
  for (let i = 0; i < 16; i++) bytes[at + 24 + i] = header.key[header.keyAt + i]!
  const end = at + valueBytes(length)
  for (let padding = at + VALUE_HEADER_BYTES + length; padding < end; padding++) bytes[padding] = 0
  const checked = VALUE_HEADER_BYTES - CHECKED_HEADER_AT + length
  view.setUint32(at + 4, checksumInView(bytes, view, at + CHECKED_HEADER_AT, checked, seedOf(length, salt)), true)
}

/**
 * Makes the entry at `at`, copied from a segment with the salt `from`, one of a segment with the salt `to`. One that is not whole does not
 * become whole by it.
 */
export function moveToSalt(bytes: Uint8Array, at: number, length: number, from: number, to: number): void {
  const checked = VALUE_HEADER_BYTES - CHECKED_HEADER_AT + length
  writeU32(bytes, at + 4, reseeded(readU32(bytes, at + 4), checked, seedOf(length, from), seedOf(length, to)))
}

/** Whether the entry at `at` is whole, has a document of `length` bytes and was written at `lsn`. With `view`, of the same bytes, it is faster. */
export function isValueAt(bytes: Uint8Array, at: number, length: number, lsn: number, salt: number, view?: DataView): boolean {
  if (readU32(bytes, at) !== length || readU64(bytes, at + 16) !== lsn) return false
  const from = at + CHECKED_HEADER_AT
  const checked = VALUE_HEADER_BYTES - CHECKED_HEADER_AT + length
  const seed = seedOf(length, salt)
  const found = view === undefined ? checksum(bytes, from, checked, seed) : checksumInView(bytes, view, from, checked, seed)
  return readU32(bytes, at + 4) === found
}

/** Stands in place of a checksum once it was found right. */
const VERIFIED = 0x5f1e_c0de

/**
 * Whether the entry at `at`, in a copy in memory, was found whole before. That is written into the entry itself: a note elsewhere would be one
 * more place in memory to wait for, at each read. An entry whose checksum happens to be the mark is never checked: one in 2^32, as many as
 * pass a check although they are damaged.
 */
export function isVerified(bytes: Uint8Array, at: number): boolean {
  return readU32(bytes, at + 4) === VERIFIED
}

/** Notes in a copy in memory, which nobody takes a checksum from any more, that the entry at `at` is whole. */
export function setVerified(bytes: Uint8Array, at: number): void {
  writeU32(bytes, at + 4, VERIFIED)
}

/** The length goes into the seed, so that what it says is checked although it lies before the checksum. */
function seedOf(length: number, salt: number): number {
  return (salt ^ length) >>> 0
}
