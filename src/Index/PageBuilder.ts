/**
 * Entries of one level on their way into pages: they arrive in key order and leave as full pages, the last two evened out.
 *
 * Invariants
 * - Entries are held with whole keys; the common prefix is found when a page is cut off, so a page is as full as its own keys allow.
 * - A page is cut off only when at least half a page stays behind, so no small page arises between two others of a run.
 * - `RETAINED_BYTES_MAX` bounds what is held: two pages of entries that have no prefix left, or one with keys that are all prefix.
 */
import { copyRange } from "../Bson/View.ts"
import type { PageMemory } from "./Layout.ts"
import {
  BRANCH,
  CAPACITY_BYTES,
  HEAD_BYTES,
  KEY_BYTES_MAX,
  LEAF,
  OFFSET_MASK,
  POINTER_BYTES,
  PREFIX_AT,
  SLOT_BYTES,
  SUFFIX_SHIFT,
  TOMBSTONE_SHIFT,
  USED_AT,
  VALUE_BYTES_MAX,
  VALUE_SHIFT,
  copyBytes,
  writeU16,
  writeU32
} from "./Layout.ts"
import { entryCount, headIndex, headOf, isTombstone, prefixLength, prefixOffset, suffixLength, valueLength } from "./Page.ts"
import type { PageRun } from "./PageRun.ts"

/** A page with less in it takes in its neighbour when it can. */
export const UNDERFULL_BYTES = CAPACITY_BYTES / 4
/** A page with so much in it is as good as full: to pack it again would give little back. */
export const FULL_BYTES = CAPACITY_BYTES * 0.95
const HALF_BYTES = CAPACITY_BYTES / 2
const ENTRIES_PER_PAGE_MAX = CAPACITY_BYTES / SLOT_BYTES
/** Bytes of keys and values held at most: more than two pages' worth of entries of any shape. */
const RETAINED_BYTES_MAX = 3 * ENTRIES_PER_PAGE_MAX * (KEY_BYTES_MAX + VALUE_BYTES_MAX)
/** Room for keys and values at first, and the most that is kept for the next tree. */
const ROOM_BYTES = 4 * CAPACITY_BYTES
const ROOM_KEPT_BYTES_MAX = 4 * ROOM_BYTES
/** Room for entries at first. */
const ROOM_ENTRIES = 1024

/** Takes a finished page: its separator (what comes before it is below, what is in it is not) and its pointer. */
export type PageSink = (separator: Uint8Array, separatorLength: number, page: number, checksum: number) => void

export class PageBuilder {
  readonly #run: PageRun
  readonly #level: number
  #treeId = 0
  #transaction = 0
  readonly #sink: PageSink
  /** Keys and values, one behind the other. */
  #bytes = new Uint8Array(ROOM_BYTES)
  #view = new DataView(this.#bytes.buffer)
  #used = 0
  /** Where entry i begins; entry i ends where i + 1 begins. */
  #starts = new Int32Array(ROOM_ENTRIES)
  #keyLengths = new Uint16Array(ROOM_ENTRIES)
  #tombstones = new Uint8Array(ROOM_ENTRIES)
  #count = 0
  #shortestKey = KEY_BYTES_MAX
  /** Bytes of entries without any prefix taken off at which to look whether a page can be cut off. */
  #lookAt = 2 * CAPACITY_BYTES
  /** Separator of the page to come. Entries of a branch carry their own. */
  readonly #separator = new Uint8Array(KEY_BYTES_MAX + HEAD_BYTES)
  #separatorLength = 0
  /** Pages finished since `begin`. */
  pages = 0

  /** Call `begin` first. */
  constructor(run: PageRun, level: number, sink: PageSink) {
    this.#run = run
    this.#level = level
    this.#sink = sink
  }

  /** For the pages of another tree, or of another transaction: what is left of the one before is forgotten. */
  begin(treeId: number, transaction: number): void {
    this.#treeId = treeId
    this.#transaction = transaction
    if (this.#bytes.length > ROOM_KEPT_BYTES_MAX) this.#setRoom(new Uint8Array(ROOM_BYTES))
    this.#used = 0
    this.#count = 0
    this.#shortestKey = KEY_BYTES_MAX
    this.#lookAt = 2 * CAPACITY_BYTES
    this.#separatorLength = 0
    this.pages = 0
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  get count(): number {
    return this.#count
  }

  /** Whether what is held would make a page that should take in its neighbour. */
  get isUnderfull(): boolean {
    return this.#count > 0 && this.#sizeOf(0, this.#count) < UNDERFULL_BYTES
  }

  /** Whether what is held, if anything, may become pages now; of at least `bytesMin` when that is given, and then only one. */
  makesPages(bytesMin: number): boolean {
    if (bytesMin === 0 || this.#count === 0) return !this.isUnderfull
    const size = this.#sizeOf(0, this.#count)
    return size >= bytesMin && size <= CAPACITY_BYTES
  }

  /** Says where the first page of a run of leaves begins; called when the builder is empty. */
  startRun(separator: Uint8Array, length: number): void {
    this.#separatorLength = length
    copyBytes(separator, 0, this.#separator, 0, length)
  }

  add(key: Uint8Array, keyAt: number, keyLength: number, value: Uint8Array, valueAt: number, valueBytes: number, tombstone: boolean): void {
    this.#reserve(keyLength + valueBytes)
    copyBytes(key, keyAt, this.#bytes, this.#used, keyLength)
    copyBytes(value, valueAt, this.#bytes, this.#used + keyLength, valueBytes)
    this.#append(keyLength, valueBytes, tombstone)
  }

  addChild(separator: Uint8Array, separatorLength: number, page: number, checksum: number): void {
    this.#reserve(separatorLength + POINTER_BYTES)
    copyBytes(separator, 0, this.#bytes, this.#used, separatorLength)
    writeU32(this.#bytes, this.#used + separatorLength, page)
    writeU32(this.#bytes, this.#used + separatorLength + 4, checksum)
    this.#append(separatorLength, POINTER_BYTES, false)
  }

  /** Adds the entries `from` to `to` (exclusive) of a page of the same level. */
  addSlots(memory: PageMemory, base: number, from: number, to: number): void {
    const { bytes, words, view } = memory
    const prefix = prefixLength(bytes, base)
    const heads = headIndex(base)
    const count = entryCount(bytes, base)
    const prefixAt = prefixOffset(base, count)
    for (let slot = from; slot < to; slot++) {
      const descriptor = words[heads + count + slot]!
      const valueBytes = valueLength(descriptor)
      const suffix = suffixLength(descriptor)
      this.#reserve(prefix + suffix + valueBytes)
      const suffixAt = this.#used + prefix
      copyBytes(bytes, prefixAt, this.#bytes, this.#used, prefix)
      // What a cell holds goes on behind the head, which is whole even where the suffix is shorter.
      this.#view.setUint32(suffixAt, words[heads + slot]!)
      const behind = Math.min(suffix, HEAD_BYTES)
      copyRange(view, base + (descriptor & OFFSET_MASK), this.#view, suffixAt + behind, suffix - behind + valueBytes)
      this.#append(prefix + suffix, valueBytes, isTombstone(descriptor))
    }
  }

  /** Turns all that is held into pages. `atEnd`: nothing follows in the tree, so a last page may stay small for what will be appended. */
  close(atEnd: boolean): void {
    while (this.#count > 0) {
      const fitting = this.#fitting()
      if (fitting === this.#count) this.#cut(fitting)
      else if (atEnd || this.#sizeOf(fitting, this.#count) >= HALF_BYTES) this.#cut(fitting)
      else this.#cut(this.#middle(fitting))
    }
    this.#lookAt = 2 * CAPACITY_BYTES
  }

  /** The only entry's pointer and where it leads to, when this level holds nothing but one child. */
  onlyChild(): { readonly at: number; readonly bytes: Uint8Array } | undefined {
    if (this.#count !== 1 || this.pages > 0) return undefined
    return { bytes: this.#bytes, at: this.#keyLengths[0]! }
  }

  #append(keyLength: number, valueBytes: number, tombstone: boolean): void {
    const index = this.#count++
    this.#used += keyLength + valueBytes
    this.#starts[index + 1] = this.#used
    this.#keyLengths[index] = keyLength
    this.#tombstones[index] = tombstone ? 1 : 0
    // The first entry of a branch page counts with no key at all, so the empty one of the leftmost page must not count here.
    if (keyLength < this.#shortestKey && (index > 0 || this.#level === 0)) this.#shortestKey = keyLength
    if (this.#used + this.#count * SLOT_BYTES >= this.#lookAt) this.#overflow()
  }

  #overflow(): void {
    const fitting = this.#fitting()
    if (fitting < this.#count && this.#sizeOf(fitting, this.#count) >= HALF_BYTES) {
      this.#cut(fitting)
      this.#lookAt = 2 * CAPACITY_BYTES
    }
    this.#lookAt = Math.max(this.#lookAt, this.#used + this.#count * SLOT_BYTES + CAPACITY_BYTES / 4)
  }

  #reserve(length: number): void {
    // Four bytes more: a head is written whole even where the suffix is shorter.
    const needed = this.#used + length + HEAD_BYTES
    if (needed > RETAINED_BYTES_MAX) throw new Error("a page builder holds more than two pages of entries")
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, this.#used))
      this.#setRoom(grown)
    }
    if (this.#count + 2 > this.#starts.length) this.#growSlots()
  }

  #setRoom(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer)
  }

  #growSlots(): void {
    const size = this.#starts.length * 2
    const starts = new Int32Array(size)
    const keyLengths = new Uint16Array(size)
    const tombstones = new Uint8Array(size)
    starts.set(this.#starts)
    keyLengths.set(this.#keyLengths)
    tombstones.set(this.#tombstones)
    this.#starts = starts
    this.#keyLengths = keyLengths
    this.#tombstones = tombstones
  }

  /** First entry of a page beginning at `from` whose key is stored. */
  #firstKeyed(from: number): number {
    return this.#level === 0 ? from : from + 1
  }

  /** What the keys stored in a page of entries `from` to `to` share. */
  #prefixOf(from: number, to: number): number {
    const first = this.#firstKeyed(from)
    if (first >= to) return 0
    const bytes = this.#bytes
    const a = this.#starts[first]!
    const b = this.#starts[to - 1]!
    const common = Math.min(this.#keyLengths[first]!, this.#keyLengths[to - 1]!)
    let length = 0
    while (length < common && bytes[a + length] === bytes[b + length]) length++
    return length
  }

  /** Bytes that a page of entries `from` to `to` needs behind its header. Grows with `to`. */
  #sizeOf(from: number, to: number): number {
    const first = this.#firstKeyed(from)
    const slots = (to - from) * SLOT_BYTES
    if (first >= to) return slots + (first > from ? POINTER_BYTES : 0)
    const prefix = this.#prefixOf(from, to)
    let size = slots + prefix + (this.#starts[to]! - this.#starts[first]!) - (to - first) * prefix
    if (first > from) size += POINTER_BYTES
    if (this.#shortestKey >= prefix + HEAD_BYTES) return size - (to - first) * HEAD_BYTES
    for (let index = first; index < to; index++) size -= Math.min(HEAD_BYTES, this.#keyLengths[index]! - prefix)
    return size
  }

  /** How many of the entries held fit into one page: at least one. */
  #fitting(): number {
    let low = 1
    let high = Math.min(this.#count, ENTRIES_PER_PAGE_MAX)
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#sizeOf(0, middle) <= CAPACITY_BYTES) low = middle
      else high = middle - 1
    }
    return low
  }

  /** Where to cut so that two pages come out about even; at most `fitting` entries. */
  #middle(fitting: number): number {
    const target = (this.#used + this.#count * SLOT_BYTES) / 2
    let index = 1
    while (index < fitting && this.#starts[index + 1]! + (index + 1) * SLOT_BYTES <= target) index++
    return this.#sizeOf(index, this.#count) <= CAPACITY_BYTES ? index : fitting
  }

  /** Makes a page of the first `count` entries and lets go of them. */
  #cut(count: number): void {
    const page = this.#run.begin()
    const used = this.#write(count)
    const checksum = this.#run.seal(this.#level === 0 ? LEAF : BRANCH, this.#level, this.#treeId, this.#transaction, count, used)
    this.pages++
    if (this.#level > 0) this.startRun(this.#bytes, this.#keyLengths[0]!)
    this.#sink(this.#separator, this.#separatorLength, page, checksum)
    if (this.#level === 0 && count < this.#count) this.#separateAt(count)
    this.#forget(count)
  }

  /** The shortest key above entry `index - 1` and not above entry `index` becomes the next page's separator. */
  #separateAt(index: number): void {
    const length = Math.min(this.#keyLengths[index]!, this.#prefixOfPair(index) + 1)
    this.#separatorLength = length
    copyBytes(this.#bytes, this.#starts[index]!, this.#separator, 0, length)
  }

  #prefixOfPair(index: number): number {
    const bytes = this.#bytes
    const a = this.#starts[index - 1]!
    const b = this.#starts[index]!
    const common = Math.min(this.#keyLengths[index - 1]!, this.#keyLengths[index]!)
    let length = 0
    while (length < common && bytes[a + length] === bytes[b + length]) length++
    return length
  }

  #forget(count: number): void {
    const kept = this.#count - count
    const from = this.#starts[count]!
    this.#bytes.copyWithin(0, from, this.#used)
    this.#keyLengths.copyWithin(0, count, this.#count)
    this.#tombstones.copyWithin(0, count, this.#count)
    for (let index = 0; index <= kept; index++) this.#starts[index] = this.#starts[index + count]! - from
    this.#count = kept
    this.#used -= from
    if (kept === 0) this.#shortestKey = KEY_BYTES_MAX
  }

  /** Writes slots, prefix and cells of the first `count` entries into the page begun last; the bytes used of it. */
  #write(count: number): number {
    const { bytes, words, view } = this.#run.memory
    const base = this.#run.base()
    const held = this.#bytes
    const prefix = this.#prefixOf(0, count)
    const first = this.#firstKeyed(0)
    const heads = headIndex(base)
    const prefixAt = prefixOffset(base, count)
    if (prefix > 0) copyBytes(held, this.#starts[first]!, bytes, prefixAt, prefix)
    let at = prefixAt + prefix
    for (let index = 0; index < count; index++) {
      const keyed = index >= first
      const start = this.#starts[index]!
      const key = this.#keyLengths[index]!
      const suffix = keyed ? key - prefix : 0
      const valueBytes = this.#starts[index + 1]! - start - key
      words[heads + index] = keyed ? headOf(held, start + prefix, suffix) : 0
      // The mask matters only for a cell without bytes at the very end of a full page; nobody reads it.
      words[heads + count + index] =
        ((at - base) & OFFSET_MASK) | (suffix << SUFFIX_SHIFT) | (valueBytes << VALUE_SHIFT) | (this.#tombstones[index]! << TOMBSTONE_SHIFT)
      const rest = suffix > HEAD_BYTES ? suffix - HEAD_BYTES : 0
      const length = rest + valueBytes
      copyRange(this.#view, start + key - rest, view, at, length)
      at += length
    }
    writeU16(bytes, base + PREFIX_AT, prefix)
    writeU16(bytes, base + USED_AT, at - base)
    return at - base
  }
}
