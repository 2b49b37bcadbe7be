/**
 * The memtable: an ordered, multi-version map of (tree, key, version) that only grows.
 *
 * A blocked skiplist with deterministic splits: the lowest level is a list of blocks of up to 102 entries; a full block is cut in two and
 * the first entry of the right half is promoted to the level above, which consists of the same blocks. Documents and index entries of all
 * stores share one memtable; `tree` is the id of the store or index.
 *
 * `MemtableLayout.ts` has the words of blocks and entries.
 *
 * Invariants
 * - Order is (tree, key bytes, version descending); inverting the version (2^53-1 - version) makes all of it ascending words.
 * - Keys have at least 16 bytes. Only keys longer than that have a pointer to themselves, so only index entries, which have no document.
 * - Block 0 does not exist: it means "none". Block numbers are never reused. Entries never vanish and only ever move right within their
 *   block or into blocks right of it, and whatever moves an entry raises its block's change counter. Cursors rely on both.
 * - Bytes behind pointers belong to the arena, which several memtables may share (a transaction's overlay uses the active memtable's, so
 *   that committing copies no document).
 */
import type { ByteArena, ChunkAllocator } from "./Arena.ts"
import { Blocks } from "./Blocks.ts"
import type { ChangeTable } from "./ChangeTable.ts"
import { DocumentTable, RECORD_BYTES, UNKNOWN } from "./DocumentTable.ts"
import {
  CHANGES,
  compareTails,
  ENTRY_WORDS,
  HEADER_WORDS,
  INVERTED_HIGH_MASK,
  KIND_SHIFT,
  NEXT,
  sameTails,
  SLOTS,
  VERSION_MAX,
  VOID
} from "./MemtableLayout.ts"
import type { DocumentView } from "./Reader.ts"

/** Blocks kept ready besides those that the number of entries asks for. */
const SPARE_BLOCKS = 64
/** 102^8 entries are far beyond the arena's pointers. */
const LEVELS_MAX = 8
/** A block cut inside an ascending run stays this full, which leaves room for keys that arrive slightly out of order. */
const RUN_SLACK_SLOTS = SLOTS >>> 3
const NO_BYTES = new Uint8Array(0)

export class Memtable {
  /** Where documents and long keys lie. */
  arena: ByteArena
  /** The blocks of all levels. */
  readonly blocks: Blocks
  #entries = 0
  #root = 0
  #levels = 0
  /** The entry looked for: its first seven words, and the key they were made of. */
  readonly #target = new Uint32Array(ENTRY_WORDS)
  #targetKey: Uint8Array = NO_BYTES
  #targetAt = 0
  #targetLength = 0
  /** Blocks and slots walked through on the way down, per level. */
  readonly #pathBlock = new Int32Array(LEVELS_MAX)
  readonly #pathSlot = new Int32Array(LEVELS_MAX)

  /** For point reads; only memtables that are filled by `absorb` alone have one. */
  readonly #table: DocumentTable | undefined

  /** Of the entry the last `find` returned the kind of. */
  foundPointer = 0
  foundLength = 0

  /** With `tableRecords`, the number expected, documents may only be added by `absorb`, and are found by a hash table. */
  constructor(allocator: ChunkAllocator, arena: ByteArena, tableRecords?: number) {
    this.arena = arena
    this.blocks = new Blocks(allocator)
    this.#root = this.blocks.add()
    this.#table = tableRecords === undefined ? undefined : new DocumentTable(allocator, arena, tableRecords)
  }

  /** Entries of all versions. */
  get entries(): number {
    return this.#entries
  }

  /** Documents of which there is a version. */
  get documents(): number {
    return this.#table?.records ?? 0
  }

  /** Bytes of blocks and table taken from the allocator, without the arena's. */
  get blockBytes(): number {
    return this.blocks.bytes + (this.#table?.bytes ?? 0)
  }

  /**
   * Adds an entry, or overwrites the one with the same tree, key and version. `pointer` names the document's record in the arena (room for
   * its RECORD_BYTES, then the document) and `length` the document's bytes; for a key longer than 16 bytes they are ignored and the key is
   * copied into the arena.
   */
  put(
    tree: number,
    key: Uint8Array,
    keyAt: number,
    keyLength: number,
    version: number,
    kind: number,
    pointer: number,
    length: number
  ): void {
    this.#aim(tree, key, keyAt, keyLength, version)
    this.#insert(kind, pointer, keyLength > 16 ? keyLength : length)
  }

  /** The kind of the newest entry of the key with a version up to `version`, 0 when there is none; its pointer and length in `found…`. */
  find(tree: number, key: Uint8Array, keyAt: number, keyLength: number, version: number): number {
    if (this.#entries === 0) return 0
    this.#aim(tree, key, keyAt, keyLength, version)
    if (this.#table !== undefined && keyLength === 16) {
      const pointer = this.#table.find(this.#target)
      if (pointer !== UNKNOWN) return pointer === 0 ? 0 : this.#foundRecord(pointer)
    }
    let block = this.#descend()
    let words = this.blocks.wordsOf(block)
    let base = this.blocks.baseOf(block)
    let slot = this.#search(words, base, false)
    for (;;) {
      if (slot === words[base]!) {
        block = words[base + NEXT]!
        if (block === 0) return 0
        words = this.blocks.wordsOf(block)
        base = this.blocks.baseOf(block)
        slot = 0
        continue
      }
      const at = base + HEADER_WORDS + slot * ENTRY_WORDS
      if (!this.#isTargetKey(words, at)) return 0
      const kind = words[at + 5]! >>> KIND_SHIFT
      if (kind !== VOID) {
        this.foundPointer = words[at + 7]!
        this.foundLength = words[at + 8]!
        return kind
      }
      slot++
    }
  }

  /** Shows the document that the last `find` found. */
  showFound(out: DocumentView): void {
    this.show(this.foundPointer, this.foundLength, out)
  }

  /** Shows the document of the record at `pointer`. */
  show(pointer: number, length: number, out: DocumentView): void {
    out.show(this.arena.chunkOf(pointer), this.arena.offsetOf(pointer) + RECORD_BYTES, length)
  }

  /**
   * The place of the first entry at or after (tree, key, version), as block * 128 + slot. The slot may be one past the block's last.
   * The key may have any length here.
   */
  locate(tree: number, key: Uint8Array, keyAt: number, keyLength: number, version: number): number {
    this.#aim(tree, key, keyAt, keyLength, version)
    const block = this.#descend()
    return block * 128 + this.#search(this.blocks.wordsOf(block), this.blocks.baseOf(block), false)
  }

  /** Like `locate`, but looks for an entry known to lie in `block` or to the right of it, where splits have moved it. */
  relocate(block: number, tree: number, key: Uint8Array, keyAt: number, keyLength: number, version: number): number {
    this.#aim(tree, key, keyAt, keyLength, version)
    for (let candidate = block; ;) {
      const words = this.blocks.wordsOf(candidate)
      const base = this.blocks.baseOf(candidate)
      const slot = this.#search(words, base, false)
      const next = words[base + NEXT]!
      if (slot < words[base]! || next === 0) return candidate * 128 + slot
      candidate = next
    }
  }

  /** The smallest tree id above `after` that has entries, 0 when there is none. */
  nextTree(after: number): number {
    const place = this.locate(after + 1, NO_BYTES, 0, 0, VERSION_MAX)
    let block = place >>> 7
    let slot = place & 127
    while (block !== 0 && slot === this.blocks.wordsOf(block)[this.blocks.baseOf(block)]!) {
      block = this.blocks.wordsOf(block)[this.blocks.baseOf(block) + NEXT]!
      slot = 0
    }
    return block === 0 ? 0 : this.blocks.wordsOf(block)[this.blocks.baseOf(block) + HEADER_WORDS + slot * ENTRY_WORDS]!
  }

  /** The first block of the lowest level. */
  get firstBlock(): number {
    return 1
  }

  /** Turns every entry with a version above `version` into VOID. */
  voidAbove(version: number): void {
    const high = INVERTED_HIGH_MASK - Math.floor(version / 0x1_0000_0000)
    const low = ~version >>> 0
    for (let block = this.firstBlock; block !== 0; block = this.blocks.wordsOf(block)[this.blocks.baseOf(block) + NEXT]!) {
      const words = this.blocks.wordsOf(block)
      const base = this.blocks.baseOf(block)
      const end = base + HEADER_WORDS + words[base]! * ENTRY_WORDS
      for (let at = base + HEADER_WORDS; at < end; at += ENTRY_WORDS) {
        const entryHigh = words[at + 5]! & INVERTED_HIGH_MASK
        if (entryHigh < high || (entryHigh === high && words[at + 6]! < low)) words[at + 5] = entryHigh | (VOID << KIND_SHIFT)
      }
    }
  }

  /**
   * Adds, with the given version, the newest entry that is not VOID of every key of `source`, which must share this memtable's arena, and notes
   * each in `changes`. Nothing can fail when `reserve(source.entries)` was called before.
   */
  absorb(source: Memtable, version: number, changes?: ChangeTable): void {
    const target = this.#target
    const high = INVERTED_HIGH_MASK - Math.floor(version / 0x1_0000_0000)
    const low = ~version >>> 0
    let last: Uint32Array | undefined
    let lastAt = 0
    for (let block = source.firstBlock; block !== 0; block = source.blocks.wordsOf(block)[source.blocks.baseOf(block) + NEXT]!) {
      const words = source.blocks.wordsOf(block)
      const base = source.blocks.baseOf(block)
      const end = base + HEADER_WORDS + words[base]! * ENTRY_WORDS
      for (let at = base + HEADER_WORDS; at < end; at += ENTRY_WORDS) {
        const kind = words[at + 5]! >>> KIND_SHIFT
        if (kind === VOID) continue
        if (last !== undefined && this.sameKey(last, lastAt, words, at)) continue
        last = words
        lastAt = at
        for (let i = 0; i < 5; i++) target[i] = words[at + i]!
        target[5] = high
        target[6] = low
        const keyLength = words[at + 9]!
        const pointer = words[at + 7]!
        this.#targetLength = keyLength
        changes?.touch(words[at]!, words, at + 1, version)
        if (keyLength > 16) {
          this.#targetKey = this.arena.chunkOf(pointer)
          this.#targetAt = this.arena.offsetOf(pointer)
          changes?.touchLong(words[at]!, this.#targetKey, this.#targetAt, keyLength, version)
        } else {
          this.#table?.put(pointer, target, kind, words[at + 8]!)
        }
        this.#insert(kind, pointer, words[at + 8]!, pointer)
      }
    }
  }

  /** Whether two entries (of memtables that share this one's arena) have the same tree and key. */
  sameKey(a: Uint32Array, aAt: number, b: Uint32Array, bAt: number): boolean {
    for (let i = 4; i >= 0; i--) if (a[aAt + i] !== b[bAt + i]) return false
    const length = a[aAt + 9]!
    if (length !== b[bAt + 9]) return false
    if (length === 16) return true
    const left = a[aAt + 7]!
    const right = b[bAt + 7]!
    if (left === right) return true
    const arena = this.arena
    return sameTails(arena.chunkOf(left), arena.offsetOf(left), arena.chunkOf(right), arena.offsetOf(right), length)
  }

  /** Makes sure that `entries` more entries need no memory from outside. */
  reserve(entries: number): void {
    // A cut leaves RUN_SLACK_SLOTS free in both halves, except at the border of two trees, of which one transaction crosses few.
    this.blocks.reserve(SPARE_BLOCKS + Math.ceil(entries / 4))
    this.#table?.reserve(entries)
  }

  /** Forgets every entry, returns all but the first `chunksKept` chunks of blocks, and goes on with another arena. */
  reset(chunksKept: number, arena: ByteArena): void {
    this.arena = arena
    this.blocks.reset(chunksKept)
    this.#entries = 0
    this.#levels = 0
    this.#root = this.blocks.add()
  }

  /** Returns all memory, the arena's too. The memtable must not be used afterwards. */
  release(): void {
    this.blocks.reset(0)
    this.#table?.release()
    this.arena.release()
  }

  #foundRecord(pointer: number): number {
    const record = this.arena.wordsOf(pointer)
    const at = this.arena.wordOffsetOf(pointer)
    this.foundPointer = pointer
    this.foundLength = record[at + 7]!
    return record[at + 5]! >>> KIND_SHIFT
  }

  /** Sets the target that searches and inserts work on. Missing key bytes read as zero; the length decides between equal prefixes. */
  #aim(tree: number, key: Uint8Array, at: number, length: number, version: number): void {
    const target = this.#target
    target[0] = tree
    if (length >= 16) {
      target[1] = (key[at]! << 24) | (key[at + 1]! << 16) | (key[at + 2]! << 8) | key[at + 3]!
      target[2] = (key[at + 4]! << 24) | (key[at + 5]! << 16) | (key[at + 6]! << 8) | key[at + 7]!
      target[3] = (key[at + 8]! << 24) | (key[at + 9]! << 16) | (key[at + 10]! << 8) | key[at + 11]!
      target[4] = (key[at + 12]! << 24) | (key[at + 13]! << 16) | (key[at + 14]! << 8) | key[at + 15]!
    } else {
      target.fill(0, 1, 5)
      for (let i = 0; i < length; i++) target[1 + (i >>> 2)]! |= key[at + i]! << (24 - ((i & 3) << 3))
    }
    target[5] = INVERTED_HIGH_MASK - Math.floor(version / 0x1_0000_0000)
    target[6] = ~version
    this.#targetKey = key
    this.#targetAt = at
    this.#targetLength = length
  }

  /** Walks down to the lowest-level block whose range holds the target, noting the path. */
  #descend(): number {
    let block = this.#root
    for (let level = this.#levels; level > 0; level--) {
      const words = this.blocks.wordsOf(block)
      const base = this.blocks.baseOf(block)
      // The first separator of a level is below everything, so the slot is never -1.
      const slot = this.#search(words, base, true) - 1
      this.#pathBlock[level] = block
      this.#pathSlot[level] = slot
      block = words[base + HEADER_WORDS + slot * ENTRY_WORDS + 8]!
    }
    return block
  }

  /** The first slot whose entry is not below the target; with `after`, the first whose entry is above it. */
  #search(words: Uint32Array, base: number, after: boolean): number {
    const target = this.#target
    const tree = target[0]!
    const key0 = target[1]!
    const key1 = target[2]!
    const key2 = target[3]!
    const key3 = target[4]!
    let low = 0
    let high = words[base]!
    while (low < high) {
      const middle = (low + high) >>> 1
      const at = base + HEADER_WORDS + middle * ENTRY_WORDS
      let word = words[at]!
      let below: boolean
      if (word !== tree) below = word < tree
      else if ((word = words[at + 1]!) !== key0) below = word < key0
      else if ((word = words[at + 2]!) !== key1) below = word < key1
      else if ((word = words[at + 3]!) !== key2) below = word < key2
      else if ((word = words[at + 4]!) !== key3) below = word < key3
      else below = this.#isBelowTarget(words, at, after)
      if (below) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The end of a comparison whose tree and first 16 key bytes are equal: the rest of the key, then the version. */
  #isBelowTarget(words: Uint32Array, at: number, after: boolean): boolean {
    const order = this.#compareTail(words, at)
    if (order !== 0) return order < 0
    const target = this.#target
    const high = words[at + 5]! & INVERTED_HIGH_MASK
    if (high !== target[5]) return high < target[5]!
    const low = words[at + 6]!
    return low < target[6]! || (after && low === target[6])
  }

  #compareTail(words: Uint32Array, at: number): number {
    const length = words[at + 9]!
    const targetLength = this.#targetLength
    if (length <= 16 || targetLength <= 16) return length - targetLength
    const pointer = words[at + 7]!
    const chunk = this.arena.chunkOf(pointer)
    return compareTails(chunk, this.arena.offsetOf(pointer), length, this.#targetKey, this.#targetAt, targetLength)
  }

  #isTargetKey(words: Uint32Array, at: number): boolean {
    const target = this.#target
    return (
      words[at + 4] === target[4] &&
      words[at + 3] === target[3] &&
      words[at + 2] === target[2] &&
      words[at + 1] === target[1] &&
      words[at] === target[0] &&
      this.#compareTail(words, at) === 0
    )
  }

  /** Puts the target into its block. A key longer than 16 bytes is copied into the arena unless `keyPointer` says where it is. */
  #insert(kind: number, pointer: number, length: number, keyPointer = 0): void {
    let block = this.#descend()
    let words = this.blocks.wordsOf(block)
    let base = this.blocks.baseOf(block)
    let slot = this.#search(words, base, false)
    const target = this.#target
    const at = base + HEADER_WORDS + slot * ENTRY_WORDS
    const isThere =
      slot < words[base]! &&
      this.#isTargetKey(words, at) &&
      (words[at + 5]! & INVERTED_HIGH_MASK) === target[5] &&
      words[at + 6] === target[6]
    if (isThere) {
      words[at + 5] = target[5]! | (kind << KIND_SHIFT)
      if (this.#targetLength === 16) {
        words[at + 7] = pointer
        words[at + 8] = length
      }
      return
    }
    const isLong = this.#targetLength > 16
    target[7] = isLong && keyPointer === 0 ? this.arena.copyIn(this.#targetKey, this.#targetAt, this.#targetLength) : pointer
    target[8] = length
    target[9] = this.#targetLength
    target[5] = target[5]! | (kind << KIND_SHIFT)
    if (words[base] === SLOTS) {
      const cut = this.#cutFor(words, base, slot)
      const right = this.blocks.cut(block, cut)
      if (slot > cut) {
        block = right
        words = this.blocks.wordsOf(block)
        base = this.blocks.baseOf(block)
        slot -= cut
      }
      this.#insertAt(words, base, slot)
      this.#promote(right)
    } else {
      this.#insertAt(words, base, slot)
    }
    this.#entries++
  }

  /** Writes the target at a slot of a block that has room. */
  #insertAt(words: Uint32Array, base: number, slot: number): void {
    const count = words[base]!
    const at = base + HEADER_WORDS + slot * ENTRY_WORDS
    if (slot < count) words.copyWithin(at + ENTRY_WORDS, at, base + HEADER_WORDS + count * ENTRY_WORDS)
    const target = this.#target
    for (let i = 0; i < ENTRY_WORDS; i++) words[at + i] = target[i]!
    words[base] = count + 1
    words[base + CHANGES]!++
  }

  /**
   * Where to cut a full block into which the target goes at `slot`. At the end of its tree's run (keys often ascend) the left half stays
   * nearly full and the run keeps its own end of a block; elsewhere the block is halved.
   */
  #cutFor(words: Uint32Array, base: number, slot: number): number {
    const tree = this.#target[0]!
    let runEnd = slot
    while (runEnd < SLOTS && runEnd - slot <= RUN_SLACK_SLOTS && words[base + HEADER_WORDS + runEnd * ENTRY_WORDS] === tree) runEnd++
    if (runEnd === 0 || runEnd - slot > RUN_SLACK_SLOTS) return SLOTS >>> 1
    return runEnd === SLOTS ? SLOTS - RUN_SLACK_SLOTS : runEnd
  }

  /** Adds the first entry of the new block `right` to the level above, cutting blocks there as needed. */
  #promote(right: number): void {
    const target = this.#target
    let child = right
    for (let level = 1; ; level++) {
      const childWords = this.blocks.wordsOf(child)
      const childAt = this.blocks.baseOf(child) + HEADER_WORDS
      for (let i = 0; i < ENTRY_WORDS; i++) target[i] = childWords[childAt + i]!
      target[5] = target[5]! & INVERTED_HIGH_MASK
      if (target[9]! <= 16) target[7] = 0
      target[8] = child
      if (level > this.#levels) this.#growRoot()
      const block = this.#pathBlock[level]!
      const slot = this.#pathSlot[level]! + 1
      const words = this.blocks.wordsOf(block)
      const base = this.blocks.baseOf(block)
      if (words[base]! < SLOTS) {
        this.#insertAt(words, base, slot)
        return
      }
      const cut = slot === SLOTS ? SLOTS - 1 : SLOTS >>> 1
      child = this.blocks.cut(block, cut)
      if (slot > cut) this.#insertAt(this.blocks.wordsOf(child), this.blocks.baseOf(child), slot - cut)
      else this.#insertAt(words, base, slot)
    }
  }

  /** Puts a level above the root whose only separator, all zero, is below every entry. */
  #growRoot(): void {
    const root = this.blocks.add()
    const words = this.blocks.wordsOf(root)
    const base = this.blocks.baseOf(root)
    words.fill(0, base + HEADER_WORDS, base + HEADER_WORDS + ENTRY_WORDS)
    words[base + HEADER_WORDS + 8] = this.#root
    words[base + HEADER_WORDS + 9] = 16
    words[base] = 1
    this.#root = root
    this.#levels++
    this.#pathBlock[this.#levels] = root
    this.#pathSlot[this.#levels] = 0
  }
}
