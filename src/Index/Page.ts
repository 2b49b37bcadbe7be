/**
 * Reading a tree page: search, and the parts of an entry. See Layout.ts for the bytes.
 *
 * Invariants
 * - `base` is the byte offset of a whole page that passed its checks; nothing here allocates, checks or throws.
 */
import type { PageMemory } from "./Layout.ts"
import {
  COUNT_AT,
  HEAD_BYTES,
  HEADER_BYTES,
  OFFSET_MASK,
  PREFIX_AT,
  SLOT_BYTES,
  SUFFIX_MASK,
  SUFFIX_SHIFT,
  TOMBSTONE_SHIFT,
  VALUE_MASK,
  VALUE_SHIFT,
  copyBytes,
  readU16,
  readU32,
  writeU32BigEndian
} from "./Layout.ts"

export function entryCount(bytes: Uint8Array, base: number): number {
  return readU16(bytes, base + COUNT_AT)
}

export function prefixLength(bytes: Uint8Array, base: number): number {
  return readU16(bytes, base + PREFIX_AT)
}

/** Where the common prefix lies in a page of `count` entries. */
export function prefixOffset(base: number, count: number): number {
  return base + HEADER_BYTES + count * SLOT_BYTES
}

/** Word index of the first head; the first descriptor is `count` words further on. */
export function headIndex(base: number): number {
  return (base + HEADER_BYTES) >>> 2
}

export function suffixLength(descriptor: number): number {
  return (descriptor >>> SUFFIX_SHIFT) & SUFFIX_MASK
}

export function valueLength(descriptor: number): number {
  return (descriptor >>> VALUE_SHIFT) & VALUE_MASK
}

export function isTombstone(descriptor: number): boolean {
  return descriptor >>> TOMBSTONE_SHIFT === 1
}

/** Where the value of an entry begins: behind what the cell holds of its suffix. */
export function valueOffset(base: number, descriptor: number): number {
  const suffix = (descriptor >>> SUFFIX_SHIFT) & SUFFIX_MASK
  return base + (descriptor & OFFSET_MASK) + (suffix > HEAD_BYTES ? suffix - HEAD_BYTES : 0)
}

/** The first four bytes of a suffix as a big-endian number, zeros where it is shorter. */
export function headOf(key: Uint8Array, at: number, length: number): number {
  if (length >= 4) return ((key[at]! << 24) | (key[at + 1]! << 16) | (key[at + 2]! << 8) | key[at + 3]!) >>> 0
  if (length <= 0) return 0
  return ((key[at]! << 24) | (length > 1 ? key[at + 1]! << 16 : 0) | (length > 2 ? key[at + 2]! << 8 : 0)) >>> 0
}

/**
 * Finds `key` among the entries from `first` on: the slot that has it, or `~slot` of the first entry above it (`~count` when there is none).
 */
export function findSlot(memory: PageMemory, base: number, first: number, key: Uint8Array, keyAt: number, keyLength: number): number {
  const bytes = memory.bytes
  const words = memory.words
  const count = entryCount(bytes, base)
  const prefix = prefixLength(bytes, base)
  const prefixAt = prefixOffset(base, count)
  for (let index = 0; index < prefix; index++) {
    const difference = index < keyLength ? key[keyAt + index]! - bytes[prefixAt + index]! : -1
    if (difference < 0) return ~first
    if (difference > 0) return ~count
  }
  const suffixAt = keyAt + prefix
  const suffix = keyLength - prefix
  const head = headOf(key, suffixAt, suffix)
  const heads = headIndex(base)
  const low = firstAtLeast(words, heads + first, heads + count, head)
  const slot = low - heads
  if (slot === count || words[low] !== head) return ~slot
  return findAmongEqualHeads(memory, base, slot, count, head, key, suffixAt, suffix)
}

/** Fewer words are halved at once. */
const INTERPOLATED_MIN = 16
/** How far the first step goes from where a word ought to be; each further one goes twice as far. */
const STEP_MIN = 4

/**
 * The first of the ascending words in [low, high) that is at least `word`; `high` when none is. It is looked for where it ought to be if they
 * were spread evenly, as random keys are, and from there in growing steps: less of a page comes into the processor than by halving. Words that
 * are spread otherwise cost a few steps more.
 */
function firstAtLeast(words: Uint32Array, low: number, high: number, word: number): number {
  const last = high - 1
  if (last - low >= INTERPOLATED_MIN && word > words[low]! && word <= words[last]!) {
    const least = words[low]!
    const guess = low + Math.floor(((word - least) / (words[last]! - least)) * (last - low))
    let step = STEP_MIN
    if (words[guess]! < word) {
      low = guess + 1
      for (; low + step < high && words[low + step]! < word; step <<= 1) low += step + 1
      high = Math.min(high, low + step)
    } else {
      high = guess
      for (; high - step > low && words[high - step]! >= word; step <<= 1) high -= step
      low = Math.max(low, high - step + 1)
    }
  }
  while (low < high) {
    const middle = (low + high) >>> 1
    if (words[middle]! < word) low = middle + 1
    else high = middle
  }
  return low
}

/** The slow half of a search: heads from `slot` on equal the key's, so the rest of the suffixes decides. */
function findAmongEqualHeads(
  memory: PageMemory,
  base: number,
  slot: number,
  count: number,
  head: number,
  key: Uint8Array,
  suffixAt: number,
  suffix: number
): number {
  const words = memory.words
  const heads = headIndex(base)
  let low = slot
  let high = slot + 1
  if (high < count && words[heads + high] === head) {
    let end = count
    while (high < end) {
      const middle = (high + end) >>> 1
      if (words[heads + middle]! > head) end = middle
      else high = middle + 1
    }
  }
  while (low < high) {
    const middle = (low + high) >>> 1
    const order = compareSuffix(memory.bytes, base, words[heads + count + middle]!, key, suffixAt, suffix)
    if (order === 0) return middle
    if (order < 0) low = middle + 1
    else high = middle
  }
  return ~low
}

/** Order of an entry and a key suffix whose heads are equal. */
function compareSuffix(bytes: Uint8Array, base: number, descriptor: number, key: Uint8Array, suffixAt: number, suffix: number): number {
  const length = (descriptor >>> SUFFIX_SHIFT) & SUFFIX_MASK
  const common = (length < suffix ? length : suffix) - HEAD_BYTES
  const cell = base + (descriptor & OFFSET_MASK)
  for (let index = 0; index < common; index++) {
    const difference = bytes[cell + index]! - key[suffixAt + HEAD_BYTES + index]!
    if (difference !== 0) return difference
  }
  return length - suffix
}

/** The slot of the child that `key` belongs to, in a branch. */
export function findChild(memory: PageMemory, base: number, key: Uint8Array, keyAt: number, keyLength: number): number {
  const slot = findSlot(memory, base, 1, key, keyAt, keyLength)
  return slot >= 0 ? slot : ~slot - 1
}

export function childPage(memory: PageMemory, base: number, count: number, slot: number): number {
  return readU32(memory.bytes, valueOffset(base, memory.words[headIndex(base) + count + slot]!))
}

export function childChecksum(memory: PageMemory, base: number, count: number, slot: number): number {
  return readU32(memory.bytes, valueOffset(base, memory.words[headIndex(base) + count + slot]!) + 4)
}

/** Writes the suffix of an entry to `to` at `toAt` and returns its length. The first four bytes behind `toAt` may be overwritten. */
export function copySuffix(memory: PageMemory, base: number, count: number, slot: number, to: Uint8Array, toAt: number): number {
  const heads = headIndex(base)
  const descriptor = memory.words[heads + count + slot]!
  const length = (descriptor >>> SUFFIX_SHIFT) & SUFFIX_MASK
  writeU32BigEndian(to, toAt, memory.words[heads + slot]!)
  if (length > HEAD_BYTES) copyBytes(memory.bytes, base + (descriptor & OFFSET_MASK), to, toAt + HEAD_BYTES, length - HEAD_BYTES)
  return length
}

/** Writes the whole key of an entry to `to` at `toAt` and returns its length; needs four bytes of room behind the longest key. */
export function copyKey(memory: PageMemory, base: number, slot: number, to: Uint8Array, toAt: number): number {
  const count = entryCount(memory.bytes, base)
  const prefix = prefixLength(memory.bytes, base)
  copyBytes(memory.bytes, prefixOffset(base, count), to, toAt, prefix)
  return prefix + copySuffix(memory, base, count, slot, to, toAt + prefix)
}
