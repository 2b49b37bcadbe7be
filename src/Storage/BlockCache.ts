/**
 * Blocks of value segments in memory, under a budget, evicted by the clock algorithm.
 *
 * Invariants
 * - A block's bytes are never written again once a reader can see them: eviction forgets the block, it does not reuse the buffer. What a
 *   reader was shown stays as it is for as long as the reader holds it.
 * - While there is room a block comes in at once; from then on when it was asked for twice within about as many misses as there is room for
 *   blocks: of data many times the cache, read at random, a whole block for each document would be read and forgotten again.
 * - `length` says how much of the block was in the file when it was read; the last block of a growing segment is read again when more is
 *   asked of it.
 */

export const BLOCK_SHIFT = 14
export const BLOCK_BYTES = 1 << BLOCK_SHIFT
/** Bytes of the next block that a block has as well, so that small documents on the border need no read of their own. */
const OVERLAP_BYTES = 1024
export const OVERLAPPED_BYTES = BLOCK_BYTES + OVERLAP_BYTES
/** More blocks than a segment has. */
const SEGMENT_BLOCKS_MAX = 2 ** 20

export class Block {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly length: number
  readonly #home: Array<Block | undefined>
  readonly #number: number
  isUsed = true

  constructor(home: Array<Block | undefined>, number: number, bytes: Uint8Array, length: number) {
    this.#home = home
    this.#number = number
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.length = length
  }

  forget(): void {
    if (this.#home[this.#number] === this) this.#home[this.#number] = undefined
  }
}

/** The first block that has bytes of an offset or behind it. */
export function firstBlockAt(offset: number): number {
  return Math.max(0, offset - OVERLAP_BYTES) >>> BLOCK_SHIFT
}

export class BlockCache {
  readonly #ring: Array<Block | undefined>
  #hand = 0
  /** Whether every place was taken once. */
  #isFull = false
  /** Blocks that were missed lately, each where its number leads; a later one takes the place of an earlier one. */
  readonly #missed: Float64Array

  /** Holds at most `bytesMax` bytes, at least one block. */
  constructor(bytesMax: number) {
    const blocks = Math.max(1, Math.floor(bytesMax / OVERLAPPED_BYTES))
    this.#ring = new Array<Block | undefined>(blocks)
    this.#missed = new Float64Array(blocks)
  }

  /** Notes that block `number` of a segment is missing; whether it should come in now: there is room, or it was missed lately before. */
  admits(segment: number, number: number): boolean {
    if (!this.#isFull) return true
    const missed = this.#missed
    const name = segment * SEGMENT_BLOCKS_MAX + number + 1
    const place = ((Math.imul(number ^ Math.imul(segment, 0x85eb_ca6b), 0x9e37_79b1) >>> 0) * missed.length) / 0x1_0000_0000
    const slot = Math.floor(place)
    if (missed[slot] === name) return true
    missed[slot] = name
    return false
  }

  /** Puts a block into its segment's table and forgets one that was not used lately. */
  add(home: Array<Block | undefined>, number: number, bytes: Uint8Array, length: number): Block {
    const ring = this.#ring
    for (;;) {
      const old = ring[this.#hand]
      if (old === undefined) break
      if (!old.isUsed) {
        old.forget()
        break
      }
      old.isUsed = false
      this.#hand = this.#hand + 1 === ring.length ? 0 : this.#hand + 1
    }
    const block = new Block(home, number, bytes, length)
    home[number] = block
    ring[this.#hand] = block
    this.#hand = this.#hand + 1 === ring.length ? 0 : this.#hand + 1
    if (this.#hand === 0) this.#isFull = true
    return block
  }
}
