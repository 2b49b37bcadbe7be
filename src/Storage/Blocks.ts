/**
 * The blocks of a memtable, in chunks of 64; `MemtableLayout.ts` has their words.
 *
 * Invariants
 * - Block 0 does not exist. Numbers are given out in order and never again, until a reset forgets all blocks.
 */
import { CHUNK_BYTES, type ChunkAllocator } from "./Arena.ts"
import { BLOCK_WORDS, CHANGES, ENTRY_WORDS, HEADER_WORDS, NEXT, PREVIOUS } from "./MemtableLayout.ts"

const CHUNK_SHIFT = 6
const CHUNK_MASK = (1 << CHUNK_SHIFT) - 1
const BLOCKS_PER_CHUNK = CHUNK_BYTES / (BLOCK_WORDS * 4)

export class Blocks {
  readonly #allocator: ChunkAllocator
  readonly #chunks: Array<Uint32Array> = []
  #count = 0

  constructor(allocator: ChunkAllocator) {
    this.#allocator = allocator
  }

  /** Bytes taken from the allocator. */
  get bytes(): number {
    return this.#chunks.length * CHUNK_BYTES
  }

  /** The words of a block start at `baseOf(block)` of `wordsOf(block)`. */
  wordsOf(block: number): Uint32Array {
    return this.#chunks[block >>> CHUNK_SHIFT]!
  }

  baseOf(block: number): number {
    return (block & CHUNK_MASK) * BLOCK_WORDS
  }

  /** A new, empty block. */
  add(): number {
    const block = ++this.#count
    if (block >>> CHUNK_SHIFT >= this.#chunks.length) this.#addChunk()
    this.wordsOf(block).fill(0, this.baseOf(block), this.baseOf(block) + HEADER_WORDS)
    return block
  }

  /** Moves the entries from slot `cut` on into a new block right of `block`, and returns it. */
  cut(block: number, cut: number): number {
    const right = this.add()
    const words = this.wordsOf(block)
    const base = this.baseOf(block)
    const rightWords = this.wordsOf(right)
    const rightBase = this.baseOf(right)
    const from = base + HEADER_WORDS + cut * ENTRY_WORDS
    const end = base + HEADER_WORDS + words[base]! * ENTRY_WORDS
    if (words === rightWords) words.copyWithin(rightBase + HEADER_WORDS, from, end)
    else rightWords.set(words.subarray(from, end), rightBase + HEADER_WORDS)
    const next = words[base + NEXT]!
    rightWords[rightBase] = words[base]! - cut
    rightWords[rightBase + NEXT] = next
    rightWords[rightBase + PREVIOUS] = block
    if (next !== 0) this.wordsOf(next)[this.baseOf(next) + PREVIOUS] = right
    words[base] = cut
    words[base + NEXT] = right
    words[base + CHANGES]!++
    return right
  }

  /** Makes sure that `blocks` more need no memory from outside. */
  reserve(blocks: number): void {
    while (this.#chunks.length * BLOCKS_PER_CHUNK < this.#count + 1 + blocks) this.#addChunk()
  }

  /** Forgets every block and returns all but the first `chunksKept` chunks. */
  reset(chunksKept: number): void {
    while (this.#chunks.length > chunksKept) this.#allocator.give(this.#chunks.pop()!.buffer)
    this.#count = 0
  }

  #addChunk(): void {
    this.#chunks.push(new Uint32Array(this.#allocator.take(CHUNK_BYTES)))
  }
}
