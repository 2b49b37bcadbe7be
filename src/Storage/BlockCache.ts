/**
 * Blocks of value segments in memory, under a budget, for the value logs of one database or of all that a process has open.
 *
 * Invariants
 * - A block's bytes are never written again once a reader can see them: eviction forgets the block, it does not reuse the buffer. What a
 *   reader was shown stays as it is for as long as the reader holds it.
 * - While there is room a block comes in at once. From then on every miss moves the hand of a clock by one block: one that was not used
 *   since the hand passed gives way. So of data larger than the cache, read evenly, no block is read in only to push out one that is worth as
 *   much; when other data become those that are asked for, they are in after one round.
 * - A block that was missed a moment ago, and finds no place, comes in for a short time: a walk over documents that lie together reads each
 *   block once, not each document.
 * - A log that has no more than its sure part of the places loses none to another one, so however much one reads, the rest keep something.
 *   The sure parts are a quarter of all together.
 * - `length` says how much of the block was in the file when it was read; the last block of a growing segment is read again when more is
 *   asked of it.
 */

export const BLOCK_SHIFT = 14
export const BLOCK_BYTES = 1 << BLOCK_SHIFT
/** Bytes of the next block that a block has as well, so that small documents on the border need no read of their own. */
const OVERLAP_BYTES = 1024
export const OVERLAPPED_BYTES = BLOCK_BYTES + OVERLAP_BYTES
/** What the process takes for a block beside its bytes: four objects, and the allocator's own (measured: 666 to 679). */
const OBJECTS_BYTES = 680
/** What a block takes of the budget. */
export const PLACE_BYTES = OVERLAPPED_BYTES + OBJECTS_BYTES
/** More blocks than a segment has. */
const SEGMENT_BLOCKS_MAX = 2 ** 20
/** Two names that are alike do no harm: a block comes in for a short time that was not missed before. */
const OWNERS_STEP = 1021

/** A value log that has blocks here. */
export class BlockOwner {
  /** Tells the segments of logs apart. */
  readonly number: number
  /** Places it has, besides those for a short time. */
  blocks = 0

  /** Use `BlockCache.enter`. */
  constructor(number: number) {
    this.number = number
  }
}

export class Block {
  readonly owner: BlockOwner
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly length: number
  readonly #home: Array<Block | undefined>
  readonly #number: number
  isUsed = true

  constructor(owner: BlockOwner, home: Array<Block | undefined>, number: number, bytes: Uint8Array, length: number) {
    this.owner = owner
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

/** Whether a missing block is read in, and for how long it stays. */
export const ALONE = 0
export const PASSING = 1
export const KEPT = 2

/** Blocks that are in for a short time, and misses that are a moment ago; a power of two. */
const PASSING_MAX = 64
/** Share of the places that is divided among the logs; the rest goes to whoever reads. */
const SURE_SHARE = 1 / 4

export class BlockCache {
  readonly #ring: Array<Block | undefined>
  #hand = 0
  readonly #passing: Array<Block | undefined>
  #passed = 0
  /** Blocks that were missed lately, each where its number leads; a later one takes the place of an earlier one. */
  readonly #missed = new Float64Array(PASSING_MAX)
  readonly #owners = new Set<BlockOwner>()
  #entered = 0
  /** Places of each log that no other one takes. */
  #sureBlocks = 0

  /** Holds at most `bytesMax` bytes, at least one block. */
  constructor(bytesMax: number) {
    const blocks = Math.max(1, Math.floor(bytesMax / PLACE_BYTES))
    const passing = Math.min(PASSING_MAX, blocks >>> 2)
    this.#ring = new Array<Block | undefined>(blocks - passing)
    this.#passing = new Array<Block | undefined>(passing)
  }

  /** Another value log, with no blocks. */
  enter(): BlockOwner {
    const owner = new BlockOwner(++this.#entered)
    this.#owners.add(owner)
    this.#divide()
    return owner
  }

  /** Forgets every block of a log. */
  leave(owner: BlockOwner): void {
    for (const blocks of [this.#ring, this.#passing]) {
      for (const [place, block] of blocks.entries()) {
        if (block?.owner !== owner) continue
        block.forget()
        blocks[place] = undefined
      }
    }
    this.#owners.delete(owner)
    this.#divide()
  }

  /** Bytes of all blocks, with what the process takes for them. */
  get bytes(): number {
    let blocks = 0
    for (const owner of this.#owners) blocks += owner.blocks
    return blocks * PLACE_BYTES
  }

  /** Notes that block `number` of an owner's segment is missing: whether it should be read in now (then `add` it so), or only what is asked for. */
  admits(owner: BlockOwner, segment: number, number: number): typeof ALONE | typeof PASSING | typeof KEPT {
    let victim = this.#ring[this.#hand]
    while (victim !== undefined && victim.owner !== owner && victim.owner.blocks <= this.#sureBlocks) {
      this.#advance()
      victim = this.#ring[this.#hand]
    }
    if (victim === undefined || !victim.isUsed) return KEPT
    victim.isUsed = false
    this.#advance()
    if (this.#passing.length === 0) return ALONE
    const name = (segment * OWNERS_STEP + owner.number) * SEGMENT_BLOCKS_MAX + number + 1
    const slot = (number ^ Math.imul(segment + owner.number, 0x9e37_79b1)) & (PASSING_MAX - 1)
    if (this.#missed[slot] === name) return PASSING
    this.#missed[slot] = name
    return ALONE
  }

  /** Puts a block into its segment's table, in the place of the one that has to go. */
  add(
    owner: BlockOwner,
    home: Array<Block | undefined>,
    number: number,
    bytes: Uint8Array,
    length: number,
    stay: typeof PASSING | typeof KEPT
  ): Block {
    const block = new Block(owner, home, number, bytes, length)
    if (stay === PASSING) {
      const slot = this.#passed++ % this.#passing.length
      this.#passing[slot]?.forget()
      this.#passing[slot] = block
    } else {
      const victim = this.#ring[this.#hand]
      if (victim !== undefined) {
        victim.forget()
        victim.owner.blocks--
      }
      owner.blocks++
      this.#ring[this.#hand] = block
      this.#advance()
    }
    home[number] = block
    return block
  }

  #divide(): void {
    this.#sureBlocks = Math.floor((this.#ring.length * SURE_SHARE) / Math.max(1, this.#owners.size))
  }

  #advance(): void {
    this.#hand = this.#hand + 1 === this.#ring.length ? 0 : this.#hand + 1
  }
}
