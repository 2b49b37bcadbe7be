/**
 * A cursor over one root, tombstones included, and the point lookup.
 *
 * Invariants
 * - It remembers page numbers and slots. Where a page lies in the cache is asked again whenever the frame went to another page, so it
 *   needs no lock on the cache and leaves nothing behind when it is forgotten.
 * - The leaf's prefix stands at the front of the key buffer; moving within a leaf writes only the suffix.
 */
import type { EntrySource, ValueView } from "./Entry.ts"
import { HEAD_BYTES, LEVELS_MAX, VALUE_BYTES_MAX, copyBytes } from "./Layout.ts"
import {
  childChecksum,
  childPage,
  copySuffix,
  entryCount,
  findChild,
  findSlot,
  headIndex,
  isTombstone,
  prefixLength,
  prefixOffset,
  suffixLength,
  valueLength,
  valueOffset
} from "./Page.ts"
import type { PageCache } from "./PageCache.ts"
import type { TreeCursor } from "./TreeCursor.ts"
import type { Root } from "./Version.ts"

/** Throws when the version read may have lost pages to later commits. */
export type ReadGuard = () => void

/** Most keys fit, and arrays of up to 64 bytes are made many times faster than larger ones: a cursor is often made for a few entries. */
const SHORT_KEY_BYTES = 64

export class RootCursor implements TreeCursor {
  /** Replaced by a longer one when a key needs it. */
  key: Uint8Array = new Uint8Array(SHORT_KEY_BYTES)
  readonly keyAt = 0
  keyLength = 0
  readonly valueAt = 0
  valueLength = 0
  /** Whether the entry says that there is none under its key. */
  isTombstone = false
  /** Whether it stands on an entry. */
  isPlaced = false
  readonly #cache: PageCache
  readonly #root: Root
  readonly #guard: ReadGuard
  /** By level: the page, its checksum, where it was seen last, and the slot. */
  readonly #pages = new Uint32Array(LEVELS_MAX)
  readonly #checksums = new Uint32Array(LEVELS_MAX)
  readonly #bases = new Int32Array(LEVELS_MAX)
  readonly #slots = new Int32Array(LEVELS_MAX)
  #leafCount = 0
  #leafPrefix = 0
  /** What the page says of the entry shown, and whether its value was copied to `#value`: many who walk do not ask for it. */
  #descriptor = 0
  #hasValue = false
  #value: Uint8Array | undefined

  constructor(cache: PageCache, root: Root, guard: ReadGuard) {
    this.#cache = cache
    this.#root = root
    this.#guard = guard
  }

  get value(): Uint8Array {
    const value = (this.#value ??= new Uint8Array(VALUE_BYTES_MAX))
    if (this.#hasValue) return value
    // No value is longer; a damaged page whose checksum is right may say so.
    copyBytes(this.#cache.memory.bytes, this.#valueOffset(), value, 0, Math.min(this.valueLength, VALUE_BYTES_MAX))
    this.#hasValue = true
    return value
  }

  showValue(out: ValueView): void {
    out.show(this.#cache.memory, this.#valueOffset(), this.valueLength)
  }

  #valueOffset(): number {
    let base = this.#bases[0]!
    if (!this.#cache.holds(base, this.#pages[0]!)) base = this.#reload(0)
    return valueOffset(base, this.#descriptor)
  }

  first(): boolean {
    this.#guard()
    this.#descendToEnd(this.#root.level, this.#root.page, this.#root.checksum, false)
    return this.#show(0)
  }

  last(): boolean {
    this.#guard()
    this.#descendToEnd(this.#root.level, this.#root.page, this.#root.checksum, true)
    return this.#show(this.#leafCount - 1)
  }

  seekAtLeast(key: Uint8Array, at: number, length: number): boolean {
    const found = this.#descendTo(key, at, length)
    return this.#showFrom(found < 0 ? ~found : found)
  }

  seekAfter(key: Uint8Array, at: number, length: number): boolean {
    const found = this.#descendTo(key, at, length)
    return this.#showFrom(found < 0 ? ~found : found + 1)
  }

  seekAtMost(key: Uint8Array, at: number, length: number): boolean {
    const found = this.#descendTo(key, at, length)
    return this.#showUpTo(found < 0 ? ~found - 1 : found)
  }

  seekBefore(key: Uint8Array, at: number, length: number): boolean {
    const found = this.#descendTo(key, at, length)
    return this.#showUpTo(found < 0 ? ~found - 1 : found - 1)
  }

  next(): boolean {
    return this.isPlaced && this.#showFrom(this.#slots[0]! + 1)
  }

  previous(): boolean {
    return this.isPlaced && this.#showUpTo(this.#slots[0]! - 1)
  }

  #showFrom(slot: number): boolean {
    if (slot < this.#leafCount) return this.#show(slot)
    if (!this.#moveToNeighbour(false)) return this.#leave()
    return this.#show(0)
  }

  #showUpTo(slot: number): boolean {
    if (slot >= 0) return this.#show(slot)
    if (!this.#moveToNeighbour(true)) return this.#leave()
    return this.#show(this.#leafCount - 1)
  }

  #leave(): boolean {
    this.isPlaced = false
    return false
  }

  #show(slot: number): boolean {
    const memory = this.#cache.memory
    let base = this.#bases[0]!
    if (!this.#cache.holds(base, this.#pages[0]!)) base = this.#reload(0)
    const count = this.#leafCount
    const descriptor = memory.words[headIndex(base) + count + slot]!
    this.#makeRoom(this.#leafPrefix + suffixLength(descriptor))
    this.keyLength = this.#leafPrefix + copySuffix(memory, base, count, slot, this.key, this.#leafPrefix)
    this.valueLength = valueLength(descriptor)
    this.#descriptor = descriptor
    this.#hasValue = false
    this.isTombstone = isTombstone(descriptor)
    this.#slots[0] = slot
    this.isPlaced = true
    return true
  }

  /** The leaf that `key` belongs to, and what findSlot says of it there. */
  #descendTo(key: Uint8Array, at: number, length: number): number {
    this.#guard()
    const memory = this.#cache.memory
    let { page, checksum } = this.#root
    for (let level = this.#root.level; level > 0; level--) {
      const base = this.#enter(level, page, checksum)
      const slot = findChild(memory, base, key, at, length)
      const count = entryCount(memory.bytes, base)
      this.#slots[level] = slot
      page = childPage(memory, base, count, slot)
      checksum = childChecksum(memory, base, count, slot)
    }
    return findSlot(memory, this.#enterLeaf(page, checksum), 0, key, at, length)
  }

  /** From a page down to its first or last leaf. */
  #descendToEnd(fromLevel: number, fromPage: number, fromChecksum: number, last: boolean): void {
    const memory = this.#cache.memory
    let page = fromPage
    let checksum = fromChecksum
    for (let level = fromLevel; level > 0; level--) {
      const base = this.#enter(level, page, checksum)
      const count = entryCount(memory.bytes, base)
      const slot = last ? count - 1 : 0
      this.#slots[level] = slot
      page = childPage(memory, base, count, slot)
      checksum = childChecksum(memory, base, count, slot)
    }
    this.#enterLeaf(page, checksum)
  }

  /** Moves to the leaf after (or before) this one; false at the end of the tree. */
  #moveToNeighbour(backwards: boolean): boolean {
    this.#guard()
    const memory = this.#cache.memory
    for (let level = 1; level <= this.#root.level; level++) {
      let base = this.#bases[level]!
      if (!this.#cache.holds(base, this.#pages[level]!)) base = this.#reload(level)
      const count = entryCount(memory.bytes, base)
      const slot = this.#slots[level]! + (backwards ? -1 : 1)
      if (slot < 0 || slot >= count) continue
      this.#slots[level] = slot
      this.#descendToEnd(level - 1, childPage(memory, base, count, slot), childChecksum(memory, base, count, slot), backwards)
      return true
    }
    return false
  }

  #enter(level: number, page: number, checksum: number): number {
    const base = this.#cache.load(page, checksum, level)
    this.#pages[level] = page
    this.#checksums[level] = checksum
    this.#bases[level] = base
    return base
  }

  #enterLeaf(page: number, checksum: number): number {
    this.isPlaced = false
    const base = this.#enter(0, page, checksum)
    const bytes = this.#cache.memory.bytes
    this.#leafCount = entryCount(bytes, base)
    this.#leafPrefix = prefixLength(bytes, base)
    this.#makeRoom(this.#leafPrefix)
    copyBytes(bytes, prefixOffset(base, this.#leafCount), this.key, 0, this.#leafPrefix)
    return base
  }

  /** Makes room for a key of this length, and for the four bytes behind it that copying may overwrite. */
  #makeRoom(length: number): void {
    if (length + HEAD_BYTES <= this.key.length) return
    const longer = new Uint8Array(Math.max(length + HEAD_BYTES, this.key.length * 2))
    longer.set(this.key)
    this.key = longer
  }

  #reload(level: number): number {
    this.#guard()
    const base = this.#cache.load(this.#pages[level]!, this.#checksums[level]!, level)
    this.#bases[level] = base
    return base
  }
}

export const ABSENT = 0
export const PRESENT = 1
export const DELETED = 2

/** Looks `key` up under one root: ABSENT, PRESENT with its value in `out`, or DELETED when a tombstone is there. */
export function lookup(cache: PageCache, root: Root, key: Uint8Array, at: number, length: number, out: ValueView): number {
  const memory = cache.memory
  let { page, checksum } = root
  for (let level = root.level; level > 0; level--) {
    const base = cache.load(page, checksum, level)
    const slot = findChild(memory, base, key, at, length)
    const count = entryCount(memory.bytes, base)
    page = childPage(memory, base, count, slot)
    checksum = childChecksum(memory, base, count, slot)
  }
  const base = cache.load(page, checksum, 0)
  const slot = findSlot(memory, base, 0, key, at, length)
  if (slot < 0) return ABSENT
  const descriptor = memory.words[headIndex(base) + entryCount(memory.bytes, base) + slot]!
  if (isTombstone(descriptor)) return DELETED
  out.show(memory, valueOffset(base, descriptor), valueLength(descriptor))
  return PRESENT
}

/** A part of a root that is merged into an older one: from a key on, so many entries at most. */
export class FoldPart {
  readonly from: Uint8Array | undefined
  readonly entriesMax: number
  /** See `MergeOptions`. */
  readonly leafBytesMin: number
  /** The first key of the next part, once this one was merged; undefined when it was the last. */
  next: Uint8Array | undefined

  /** Without `from` it begins with the first entry. */
  constructor(from: Uint8Array | undefined, entriesMax: number, leafBytesMin = 0) {
    this.from = from
    this.entriesMax = entriesMax
    this.leafBytesMin = leafBytesMin
  }
}

/** The entries of a part as a source. */
export class PartSource implements EntrySource {
  readonly #cursor: RootCursor
  readonly #part: FoldPart
  #count = 0

  constructor(cursor: RootCursor, part: FoldPart) {
    this.#cursor = cursor
    this.#part = part
  }

  readonly keyAt = 0
  readonly valueAt = 0

  get value(): Uint8Array {
    return this.#cursor.value
  }

  get key(): Uint8Array {
    return this.#cursor.key
  }

  get keyLength(): number {
    return this.#cursor.keyLength
  }

  get valueLength(): number {
    return this.#cursor.valueLength
  }

  get remove(): boolean {
    return this.#cursor.isTombstone
  }

  next(): boolean {
    const cursor = this.#cursor
    const part = this.#part
    const isThere = this.#count++ > 0 ? cursor.next() : this.#first()
    if (!isThere || this.#count <= part.entriesMax) return isThere
    part.next = cursor.key.slice(0, cursor.keyLength)
    return false
  }

  #first(): boolean {
    const { from } = this.#part
    return from === undefined ? this.#cursor.first() : this.#cursor.seekAtLeast(from, 0, from.length)
  }
}
