/**
 * The words of a memtable.
 *
 * A block is 4096 bytes, 1024 words of 32 bits:
 *
 *     0 entries  1 next block  2 previous block  3 change counter  4.. entries of 10 words
 *
 * An entry:
 *
 *     0 tree  1-4 first 16 key bytes (big-endian)  5 kind << 24 | inverted version, high 21 bits  6 inverted version, low 32 bits
 *     7 pointer (the document; of a longer key: the whole key; in upper levels the same)  8 bytes at the pointer (upper levels: child block)
 *     9 bytes of the key
 */

/** What an entry says about its key. */
export const PUT = 1
export const DELETE = 2
/** Written by a statement that was rolled back: as if it were not there. */
export const VOID = 3

export const BLOCK_WORDS = 1024
export const HEADER_WORDS = 4
export const ENTRY_WORDS = 10
export const SLOTS = (BLOCK_WORDS - HEADER_WORDS) / ENTRY_WORDS
export const VERSION_MAX = Number.MAX_SAFE_INTEGER
/** Low bits of word 5 that belong to the inverted version. */
export const INVERTED_HIGH_MASK = 0x1f_ffff

export const NEXT = 1
export const PREVIOUS = 2
export const CHANGES = 3

/** The kind lies above the inverted version in word 5. */
export const KIND_SHIFT = 24

/** Orders two keys whose first 16 bytes are equal and which both have more. */
export function compareTails(a: Uint8Array, aAt: number, aLength: number, b: Uint8Array, bAt: number, bLength: number): number {
  const end = Math.min(aLength, bLength)
  for (let i = 16; i < end; i++) {
    const difference = a[aAt + i]! - b[bAt + i]!
    if (difference !== 0) return difference
  }
  return aLength - bLength
}

/** Whether two keys of `length` bytes, whose first 16 are equal, are the same. Index keys differ in their ends, so it looks there first. */
export function sameTails(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let i = length - 1; i >= 16; i--) if (a[aAt + i] !== b[bAt + i]) return false
  return true
}
