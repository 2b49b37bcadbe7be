/**
 * The meta: the one block that says which tree roots, which length and which checkpoint are the database.
 *
 * Invariants
 * - There are two, at offsets 0 and META_BYTES. Transaction N writes the one at N modulo 2, after a sync of all pages it points at; so
 *   the other one is the commit before, and whatever a crash leaves, one of them is whole.
 * - A meta is valid when magic, checksum and the ranges of its fields agree. The valid one with the higher transaction counts.
 */
import { crc32 } from "node:zlib"
import { indexFault } from "./Errors.ts"
import { FORMAT_VERSION, LEVELS_MAX, META_BYTES, PAGE_BYTES, readU16, readU32, readU64, writeU16, writeU32, writeU64 } from "./Layout.ts"
import type { Root } from "./Version.ts"

/** A value segment that was open at the checkpoint, and how much of it belongs to the database. */
export interface ValueSegment {
  readonly segment: number
  readonly lengthBytes: number
}

/** What a commit of the index file says about the rest of the database: everything up to `lsn` is in the trees. */
export interface Checkpoint {
  readonly lsn: number
  /** Checksum of the log record at `lsn`, so that the record after it can prove to be its successor. */
  readonly recordCrc: number
  readonly epoch: number
  /** Commit time of the record at `lsn`, in milliseconds since 1970. */
  readonly commitTimeMs: number
  /** Open value segments, at most VALUE_SEGMENTS_MAX. */
  readonly valueSegments: ReadonlyArray<ValueSegment>
  /** 16 bytes; given only when the commit starts a new timeline. */
  readonly timeline?: Uint8Array
}

export interface Meta {
  readonly transaction: number
  readonly databaseId: Uint8Array
  readonly timeline: Uint8Array
  readonly salt: number
  /** Pages of the file, the metas' page 0 included. */
  readonly pageCount: number
  readonly checkpoint: Checkpoint
  readonly catalog: Root | undefined
  readonly freeListPage: number
  readonly freeListChecksum: number
  readonly freePages: number
}

export const VALUE_SEGMENTS_MAX = 128
export const EMPTY_CHECKPOINT: Checkpoint = { lsn: 0, recordCrc: 0, epoch: 0, commitTimeMs: 0, valueSegments: [] }

const MAGIC = new TextEncoder().encode("PLANCKIX")
const VERSION_AT = 8
const PAGE_BYTES_AT = 12
const TRANSACTION_AT = 16
const DATABASE_AT = 24
const TIMELINE_AT = 40
const SALT_AT = 56
const PAGE_COUNT_AT = 60
const LSN_AT = 64
const RECORD_CRC_AT = 72
const EPOCH_AT = 76
const COMMIT_TIME_AT = 80
const CATALOG_PAGE_AT = 88
const CATALOG_CHECKSUM_AT = 92
const CATALOG_LEVEL_AT = 96
const CATALOG_ENTRIES_AT = 100
const CATALOG_PAGES_AT = 104
const FREE_LIST_PAGE_AT = 108
const FREE_LIST_CHECKSUM_AT = 112
const FREE_PAGES_AT = 116
const SEGMENT_COUNT_AT = 120
const SEGMENTS_AT = 124
const SEGMENT_BYTES = 12
const CRC_AT = META_BYTES - 4

/** Where the meta of a transaction lies in the file, in bytes. */
export function metaOffset(transaction: number): number {
  return (transaction % 2) * META_BYTES
}

export function encodeMeta(meta: Meta): Uint8Array {
  const { checkpoint, catalog } = meta
  const bytes = new Uint8Array(META_BYTES)
  bytes.set(MAGIC)
  writeU32(bytes, VERSION_AT, FORMAT_VERSION)
  writeU32(bytes, PAGE_BYTES_AT, PAGE_BYTES)
  writeU64(bytes, TRANSACTION_AT, meta.transaction)
  bytes.set(meta.databaseId, DATABASE_AT)
  bytes.set(meta.timeline, TIMELINE_AT)
  writeU32(bytes, SALT_AT, meta.salt)
  writeU32(bytes, PAGE_COUNT_AT, meta.pageCount)
  writeU64(bytes, LSN_AT, checkpoint.lsn)
  writeU32(bytes, RECORD_CRC_AT, checkpoint.recordCrc)
  writeU32(bytes, EPOCH_AT, checkpoint.epoch)
  writeU64(bytes, COMMIT_TIME_AT, checkpoint.commitTimeMs)
  if (catalog !== undefined) {
    writeU32(bytes, CATALOG_PAGE_AT, catalog.page)
    writeU32(bytes, CATALOG_CHECKSUM_AT, catalog.checksum)
    bytes[CATALOG_LEVEL_AT] = catalog.level
    writeU32(bytes, CATALOG_ENTRIES_AT, catalog.entries)
    writeU32(bytes, CATALOG_PAGES_AT, catalog.pages)
  }
  writeU32(bytes, FREE_LIST_PAGE_AT, meta.freeListPage)
  writeU32(bytes, FREE_LIST_CHECKSUM_AT, meta.freeListChecksum)
  writeU32(bytes, FREE_PAGES_AT, meta.freePages)
  writeU16(bytes, SEGMENT_COUNT_AT, checkpoint.valueSegments.length)
  for (const [index, { segment, lengthBytes }] of checkpoint.valueSegments.entries()) {
    writeU32(bytes, SEGMENTS_AT + index * SEGMENT_BYTES, segment)
    writeU64(bytes, SEGMENTS_AT + index * SEGMENT_BYTES + 4, lengthBytes)
  }
  writeU32(bytes, CRC_AT, crc32(bytes.subarray(0, CRC_AT)))
  return bytes
}

/** Throws when a checkpoint cannot be written as it is. */
export function assertCheckpoint(checkpoint: Checkpoint): void {
  const refuse = (message: string) => {
    throw indexFault({ _tag: "InvalidEntry", message })
  }
  if (checkpoint.valueSegments.length > VALUE_SEGMENTS_MAX) refuse(`a checkpoint names at most ${VALUE_SEGMENTS_MAX} open value segments`)
  if (!isCounter(checkpoint.lsn)) refuse(`a checkpoint cannot have LSN ${checkpoint.lsn}`)
  if (!isCounter(checkpoint.commitTimeMs)) refuse(`a checkpoint cannot have commit time ${checkpoint.commitTimeMs}`)
  if (checkpoint.timeline !== undefined && checkpoint.timeline.length !== 16) refuse("a timeline has 16 bytes")
  for (const { segment, lengthBytes } of checkpoint.valueSegments) {
    if (!isCounter(segment) || segment > 0xffff_ffff) refuse(`a value segment cannot have number ${segment}`)
    if (!isCounter(lengthBytes)) refuse(`a value segment cannot have length ${lengthBytes}`)
  }
}

/**
 * The meta in a block of META_BYTES, or why there is none. A block of another format version throws `UnknownFormat`: it is no damage,
 * and falling back to an older meta would lose what the newer program wrote.
 */
export function decodeMeta(bytes: Uint8Array, file: string): Meta | string {
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) return "no index file begins here"
  if (readU32(bytes, CRC_AT) !== crc32(bytes.subarray(0, CRC_AT))) return "the meta does not match its checksum"
  const version = readU32(bytes, VERSION_AT)
  if (version !== FORMAT_VERSION) throw unknownFormat(file, `format version ${version}, this program reads ${FORMAT_VERSION}`)
  const pageBytes = readU32(bytes, PAGE_BYTES_AT)
  if (pageBytes !== PAGE_BYTES) throw unknownFormat(file, `pages of ${pageBytes} bytes, this program reads ${PAGE_BYTES}`)
  const segmentCount = readU16(bytes, SEGMENT_COUNT_AT)
  const pageCount = readU32(bytes, PAGE_COUNT_AT)
  const catalogPage = readU32(bytes, CATALOG_PAGE_AT)
  const freeListPage = readU32(bytes, FREE_LIST_PAGE_AT)
  if (segmentCount > VALUE_SEGMENTS_MAX) return `${segmentCount} open value segments`
  if (pageCount === 0 || catalogPage >= pageCount || freeListPage >= pageCount) return "the meta points beyond the end of the file"
  if (bytes[CATALOG_LEVEL_AT]! >= LEVELS_MAX) return "the catalog has more levels than a tree can have"
  return {
    transaction: readU64(bytes, TRANSACTION_AT),
    databaseId: bytes.slice(DATABASE_AT, DATABASE_AT + 16),
    timeline: bytes.slice(TIMELINE_AT, TIMELINE_AT + 16),
    salt: readU32(bytes, SALT_AT),
    pageCount,
    checkpoint: decodeCheckpoint(bytes, segmentCount),
    catalog: catalogPage === 0 ? undefined : decodeCatalogRoot(bytes, catalogPage),
    freeListPage,
    freeListChecksum: readU32(bytes, FREE_LIST_CHECKSUM_AT),
    freePages: readU32(bytes, FREE_PAGES_AT)
  }
}

function decodeCheckpoint(bytes: Uint8Array, segmentCount: number): Checkpoint {
  const valueSegments: Array<ValueSegment> = []
  for (let at = SEGMENTS_AT; at < SEGMENTS_AT + segmentCount * SEGMENT_BYTES; at += SEGMENT_BYTES) {
    valueSegments.push({ segment: readU32(bytes, at), lengthBytes: readU64(bytes, at + 4) })
  }
  return {
    lsn: readU64(bytes, LSN_AT),
    recordCrc: readU32(bytes, RECORD_CRC_AT),
    epoch: readU32(bytes, EPOCH_AT),
    commitTimeMs: readU64(bytes, COMMIT_TIME_AT),
    valueSegments
  }
}

function decodeCatalogRoot(bytes: Uint8Array, page: number): Root {
  return {
    page,
    checksum: readU32(bytes, CATALOG_CHECKSUM_AT),
    level: bytes[CATALOG_LEVEL_AT]!,
    entries: readU32(bytes, CATALOG_ENTRIES_AT),
    pages: readU32(bytes, CATALOG_PAGES_AT)
  }
}

function unknownFormat(file: string, message: string): Error {
  return indexFault({ _tag: "UnknownFormat", file, message: `${file}: ${message}` })
}

function isCounter(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
