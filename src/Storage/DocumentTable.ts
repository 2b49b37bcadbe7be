/**
 * A hash table from (store, key) to the newest version of a document in a memtable, for point reads: one probe instead of a descent.
 *
 * It holds pointers to document records in the memtable's arena. A record is eight words, then the document:
 *
 *     0 store  1-4 key  5 kind << 24 | inverted version, high 21 bits  6 inverted version, low 32 bits  7 bytes of the document
 *
 * Invariants
 * - A pointer lies within PROBES_MAX places of the hash of its key, or, when those are all taken by others, in the overflow. Growing places
 *   the overflow again, in the order in which it came, so that the newest version of a key is placed last.
 * - A key that is found is the newest version. One that is not found is missing only while the overflow is empty; otherwise the answer is
 *   "unknown", and the memtable looks in its blocks. So keys made to collide cost a descent, never a wrong answer.
 * - At most half of the places are taken, or the table doubles.
 */
import type { ByteArena, ChunkAllocator } from "./Arena.ts"
import { INVERTED_HIGH_MASK, KIND_SHIFT } from "./MemtableLayout.ts"

/** Words, and bytes, in front of a document in the arena. */
export const RECORD_WORDS = 8
export const RECORD_BYTES = RECORD_WORDS * 4

/** The answer of `find` when the blocks have to be asked. */
export const UNKNOWN = -1

const PLACES_MIN = 1024
/** Half full, a table with a good hash has no run of places near this long; keys made to collide cost no more than this. */
const PROBES_MAX = 96

export class DocumentTable {
  readonly #allocator: ChunkAllocator
  readonly #arena: ByteArena
  #places: Uint32Array
  #mask: number
  #taken = 0
  #overflow: Array<number> = []

  /** `records` is the number expected: up to it the table does not have to grow. */
  constructor(allocator: ChunkAllocator, arena: ByteArena, records: number) {
    let size = PLACES_MIN
    while (size < records * 2) size *= 2
    this.#allocator = allocator
    this.#arena = arena
    this.#places = this.#take(size)
    this.#mask = size - 1
  }

  /** Keys in the table. */
  get records(): number {
    return this.#taken
  }

  get bytes(): number {
    return this.#places.byteLength
  }

  /**
   * The pointer to the newest record of the store and key in `target[0..4]`; 0 when there is none, UNKNOWN when the blocks have to be
   * asked: because the newest version is newer than the inverted version in `target[5..6]`, or because it may be in the overflow.
   */
  find(target: Uint32Array): number {
    const places = this.#places
    const start = hash(target, 0)
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const pointer = places[(start + probe) & this.#mask]!
      if (pointer === 0) break
      if (this.#isRecord(pointer, target, 0)) return this.#isTooNew(pointer, target) ? UNKNOWN : pointer
    }
    return this.#overflow.length === 0 ? 0 : UNKNOWN
  }

  /**
   * Fills the head of the record at `pointer` from the first seven words of an entry, and makes it the newest of its key. Needs no memory
   * after `reserve`.
   */
  put(pointer: number, entry: Uint32Array, kind: number, length: number): void {
    const record = this.#arena.wordsOf(pointer)
    const at = this.#arena.wordOffsetOf(pointer)
    for (let i = 0; i < 7; i++) record[at + i] = entry[i]!
    record[at + 5] = entry[5]! | (kind << KIND_SHIFT)
    record[at + 7] = length
    if (this.#taken * 2 >= this.#places.length) this.#grow(this.#places.length * 2)
    this.#place(pointer)
  }

  /** Makes sure that `records` more need no memory. */
  reserve(records: number): void {
    let size = this.#places.length
    while ((this.#taken + records) * 2 >= size) size *= 2
    if (size > this.#places.length) this.#grow(size)
  }

  release(): void {
    this.#allocator.give(this.#places.buffer)
  }

  #place(pointer: number): void {
    const words = this.#arena.wordsOf(pointer)
    const at = this.#arena.wordOffsetOf(pointer)
    const start = hash(words, at)
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const place = (start + probe) & this.#mask
      const there = this.#places[place]!
      if (there !== 0 && !this.#isRecord(there, words, at)) continue
      if (there === 0) this.#taken++
      this.#places[place] = pointer
      return
    }
    this.#overflow.push(pointer)
  }

  #isRecord(pointer: number, words: Uint32Array, at: number): boolean {
    const record = this.#arena.wordsOf(pointer)
    const recordAt = this.#arena.wordOffsetOf(pointer)
    for (let i = 4; i >= 0; i--) if (record[recordAt + i] !== words[at + i]) return false
    return true
  }

  #isTooNew(pointer: number, target: Uint32Array): boolean {
    const record = this.#arena.wordsOf(pointer)
    const at = this.#arena.wordOffsetOf(pointer)
    const high = record[at + 5]! & INVERTED_HIGH_MASK
    return high < target[5]! || (high === target[5] && record[at + 6]! < target[6]!)
  }

  #grow(size: number): void {
    const old = this.#places
    const overflow = this.#overflow
    this.#overflow = []
    this.#places = this.#take(size)
    this.#mask = size - 1
    this.#taken = 0
    for (const pointer of old) if (pointer !== 0) this.#place(pointer)
    for (const pointer of overflow) this.#place(pointer)
    this.#allocator.give(old.buffer)
  }

  #take(size: number): Uint32Array {
    return new Uint32Array(this.#allocator.take(size * 4)).fill(0)
  }
}

/** Mixes store and key, five words from `at` on. */
function hash(words: Uint32Array, at: number): number {
  let mixed = Math.imul(words[at]!, 0x9e37_79b1) ^ words[at + 4]!
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85eb_ca6b) ^ words[at + 3]!
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35) ^ words[at + 2]!
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x27d4_eb2f) ^ words[at + 1]!
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x1656_67b1)
  return mixed ^ (mixed >>> 16)
}
