/**
 * The bytes of a page: where everything lies, and the limits that follow. `docs/format.md` tells the same to readers of the file.
 *
 * Invariants
 * - All integers are little-endian. A page starts at a multiple of PAGE_BYTES, and its header is HEADER_BYTES long.
 * - The checksum covers everything in the page after itself and starts from the file's salt, so a page of another database never passes.
 * - Page 0 is not a page: it holds the two metas. So page number 0 means "none".
 *
 * A tree page (leaf or branch) holds `count` entries in key order:
 *
 *     header | heads: count x u32 | descriptors: count x u32 | common prefix | cells in entry order | zeros
 *
 * The keys of a page share `prefix`; what follows it is an entry's suffix. Its first four bytes, read as a big-endian number and filled up
 * with zeros, are the entry's head: a search compares numbers and looks at bytes only where heads are equal. A cell holds the suffix from
 * its fifth byte on, then the value. A descriptor packs where the cell is, the suffix and value lengths, and the tombstone bit.
 *
 * In a branch the value is a child pointer (page, checksum). Its first entry has an empty key and stands for all that is below the second.
 */

export const FORMAT_VERSION = 1

export const PAGE_BYTES = 8192
export const PAGE_SHIFT = 13

/** A meta's own block. Metas lie at offset 0 and META_BYTES. */
export const META_BYTES = 4096

export const HEADER_BYTES = 32
export const CHECKSUM_AT = 0
export const NUMBER_AT = 4
export const TRANSACTION_AT = 8
export const TREE_AT = 16
export const KIND_AT = 20
export const LEVEL_AT = 21
export const COUNT_AT = 22
/** Tree pages: length of the common prefix. */
export const PREFIX_AT = 24
/** Tree pages: end of the last cell within the page. */
export const USED_AT = 26
/** Chain pages: the next page and its checksum, 0 and 0 at the end. */
export const NEXT_PAGE_AT = 24
export const NEXT_CHECKSUM_AT = 28

/** Page kinds. Level 0 of a tree is its leaves. */
export const LEAF = 1
export const BRANCH = 2
export const FREE_LIST = 3
export const BLOB = 4

/** A head and a descriptor. */
export const SLOT_BYTES = 8
export const HEAD_BYTES = 4
/** What the entries of a page share, slots included. */
export const CAPACITY_BYTES = PAGE_BYTES - HEADER_BYTES

/** Longest encoded field part of a key. */
export const FIELDS_BYTES_MAX = 1024
/** A primary key, and what follows the fields in an entry of a secondary index. */
export const PRIMARY_KEY_BYTES = 16
export const KEY_BYTES_MAX = FIELDS_BYTES_MAX + PRIMARY_KEY_BYTES
export const VALUE_BYTES_MAX = 64
/** Page and checksum of a child. */
export const POINTER_BYTES = 8

/** A branch has at least seven children of the longest keys, so 16 levels hold more than there are page numbers. */
export const LEVELS_MAX = 16
/** Page numbers are u32; the last is left out so that a count of pages is one as well. */
export const PAGES_MAX = 0xffff_fffe

/** Descriptor: offset in the page, bits 0 to 12. */
export const OFFSET_MASK = 0x1fff
/** Descriptor: length of the suffix, bits 13 to 23. */
export const SUFFIX_SHIFT = 13
export const SUFFIX_MASK = 0x7ff
/** Descriptor: length of the value, bits 24 to 30. */
export const VALUE_SHIFT = 24
export const VALUE_MASK = 0x7f
/** Descriptor: the entry hides what older roots have under its key, bit 31. */
export const TOMBSTONE_SHIFT = 31

/** Bytes addressed both ways. `words` covers the same memory, so a page's base must be a multiple of four. */
export interface PageMemory {
  readonly bytes: Uint8Array
  readonly words: Uint32Array
  readonly view: DataView
}

if (new Uint8Array(Uint32Array.of(1).buffer)[0] !== 1) throw new Error("the index file needs a little-endian machine")

/** Page memory of `pages` pages. */
export function pageMemory(pages: number): PageMemory {
  const buffer = new ArrayBuffer(pages * PAGE_BYTES)
  return { bytes: new Uint8Array(buffer), words: new Uint32Array(buffer), view: new DataView(buffer) }
}

export function readU16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8)
}

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

/** Reads a u64 that is below 2^53; a larger one comes out inexact, which every caller takes as damage. */
export function readU64(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 4) * 0x1_0000_0000 + readU32(bytes, at)
}

/** Writes an integer below 2^53 as u64. */
export function writeU64(bytes: Uint8Array, at: number, value: number): void {
  writeU32(bytes, at, value >>> 0)
  writeU32(bytes, at + 4, Math.floor(value / 0x1_0000_0000))
}

export function readU32BigEndian(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

export function writeU32BigEndian(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

/** Up to this many bytes a loop beats the call into the engine's memmove. */
const LOOPED_COPY_BYTES_MAX = 48

/** As fast as `set` of a `subarray`, without that one, which would be garbage for every entry. */
const { copy } = Buffer.prototype

/** Copies `length` bytes between buffers that do not overlap. */
export function copyBytes(from: Uint8Array, at: number, to: Uint8Array, toAt: number, length: number): void {
  if (length <= LOOPED_COPY_BYTES_MAX) for (let index = 0; index < length; index++) to[toAt + index] = from[at + index]!
  else copy.call(from, to, toAt, at, at + length)
}

/** Order of two byte strings: negative, 0 or positive. A string comes before those it starts. */
export function compareBytes(a: Uint8Array, aAt: number, aLength: number, b: Uint8Array, bAt: number, bLength: number): number {
  const common = aLength < bLength ? aLength : bLength
  for (let index = 0; index < common; index++) {
    const difference = a[aAt + index]! - b[bAt + index]!
    if (difference !== 0) return difference
  }
  return aLength - bLength
}
