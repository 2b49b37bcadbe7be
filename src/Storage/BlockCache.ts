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
 * - A block is as long as what was in the file when it was read; the last one of a growing segment is read again when more is asked of it.
 */

export const BLOCK_SHIFT = 14
export const BLOCK_BYTES = 1 << BLOCK_SHIFT
/** Bytes of the next block that a block has as well, so that small documents on the border need no read of their own. */
const OVERLAP_BYTES = 1024
export const OVERLAPPED_BYTES = BLOCK_BYTES + OVERLAP_BYTES
/** What the process takes for a block beside its bytes: two objects, the allocator's own (measured: 496 to 506) and its places in the tables. */
const OBJECTS_BYTES = 530
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

/** The blocks of one segment that are in memory. To read one costs no more places in memory than an array and the bytes. */
export class SegmentBlocks {
  readonly owner: BlockOwner
  /** Under the number of each; as long as what was in the file when it was read. */
  bytes: Array<Uint8Array | undefined> = []
  /** Which of them were used since the hand of the clock passed. */
  used = new Uint8Array(0)

  constructor(owner: BlockOwner) {
    this.owner = owner
  }

  set(number: number, bytes: Uint8Array): void {
    if (number >= this.bytes.length) this.#grow(number)
    this.bytes[number] = bytes
    this.used[number] = 1
  }

  forget(number: number): void {
    if (number < this.bytes.length) this.bytes[number] = undefined
  }

  /** Forgets a block and all behind it. */
  forgetFrom(number: number): void {
    this.bytes.fill(undefined, number)
  }

  /** By copying: an array that is written to far behind its end becomes a table of hashes. */
  #grow(number: number): void {
    const length = Math.max(number + 1, this.bytes.length * 2)
    const { bytes, used } = this
    this.bytes = Array.from({ length }, (_, at) => bytes[at])
    this.used = new Uint8Array(length)
    this.used.set(used)
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

/** Which block is in each of some places: a segment's table, and the number in it. One block may have two, and goes with either. */
class Places {
  readonly homes: Array<SegmentBlocks | undefined>
  readonly numbers: Uint32Array

  constructor(count: number) {
    this.homes = Array.from({ length: count })
    this.numbers = new Uint32Array(count)
  }

  /** Gives a place to a block. Whose was in it, if any, and is forgotten. */
  take(place: number, home: SegmentBlocks, number: number): SegmentBlocks | undefined {
    const victim = this.homes[place]
    victim?.forget(this.numbers[place]!)
    this.homes[place] = home
    this.numbers[place] = number
    return victim
  }

  forgetAllOf(owner: BlockOwner): void {
    for (const [place, home] of this.homes.entries()) {
      if (home?.owner !== owner) continue
      home.forget(this.numbers[place]!)
      this.homes[place] = undefined
    }
  }
}

export class BlockCache {
  readonly #ring: Places
  #hand = 0
  readonly #passing: Places
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
    this.#ring = new Places(blocks - passing)
    this.#passing = new Places(passing)
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
    this.#ring.forgetAllOf(owner)
    this.#passing.forgetAllOf(owner)
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
    const { homes, numbers } = this.#ring
    let victim = homes[this.#hand]
    while (victim !== undefined && victim.owner !== owner && victim.owner.blocks <= this.#sureBlocks) {
      this.#advance()
      victim = homes[this.#hand]
    }
    if (victim === undefined || victim.used[numbers[this.#hand]!] === 0) return KEPT
    victim.used[numbers[this.#hand]!] = 0
    this.#advance()
    if (this.#passing.homes.length === 0) return ALONE
    const name = (segment * OWNERS_STEP + owner.number) * SEGMENT_BLOCKS_MAX + number + 1
    const slot = (number ^ Math.imul(segment + owner.number, 0x9e37_79b1)) & (PASSING_MAX - 1)
    if (this.#missed[slot] === name) return PASSING
    this.#missed[slot] = name
    return ALONE
  }

  /** Puts a block into its segment's table, in the place of the one that has to go. */
  add(home: SegmentBlocks, number: number, bytes: Uint8Array, stay: typeof PASSING | typeof KEPT): void {
    if (stay === PASSING) this.#passing.take(this.#passed++ % this.#passing.homes.length, home, number)
    else {
      const victim = this.#ring.take(this.#hand, home, number)
      if (victim !== undefined) victim.owner.blocks--
      home.owner.blocks++
      this.#advance()
    }
    home.set(number, bytes)
  }

  #divide(): void {
    this.#sureBlocks = Math.floor((this.#ring.homes.length * SURE_SHARE) / Math.max(1, this.#owners.size))
  }

  #advance(): void {
    this.#hand = this.#hand + 1 === this.#ring.homes.length ? 0 : this.#hand + 1
  }
}
