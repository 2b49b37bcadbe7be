/**
 * When anything was changed last: LSNs by a hash of what was changed, for whoever keeps something that was made from documents and asks
 * later whether it still holds.
 *
 * Invariants
 * - `newest(stripe)` is never below the LSN of a commit that changed what the stripe stands for. Two things may share a stripe, so it may be above.
 * - LSNs are kept as their distance from `#base`, in 32 bits. When that is too little, everything counts as changed at that moment.
 * - A key of a tree counts under its first 0, 8, 16 and 32 bytes, as far as it has them: a range counts under the longest of these that
 *   all its keys have in common.
 */

/** Stripes of one database, a power of two; 4 MiB. Some hundred thousand changes later a quarter of them has been touched by something else. */
const STRIPES = 1 << 20
const DISTANCE_MAX = 0xffff_ffff
const LONG_PREFIX_BYTES = 32

export class ChangeTable {
  readonly #distances = new Uint32Array(STRIPES)
  #base: number

  /** `lsn` is the newest commit: whatever was changed before counts as changed by it. */
  constructor(lsn: number) {
    this.#base = lsn
  }

  /** The newest LSN that changed something with this stripe, or a later one. */
  newest(stripe: number): number {
    return this.#base + this.#distances[stripe]!
  }

  /** Notes that the commit `lsn` changed a key of at least 16 bytes, the first of which are the words `words[at, at + 4)`. */
  touch(tree: number, words: Uint32Array, at: number, lsn: number): void {
    const distances = this.#distances
    const distance = this.#distanceOf(lsn)
    const half = mix(mix(tree, words[at]!), words[at + 1]!)
    distances[stripeOf(tree, 0)] = distance
    distances[stripeOf(half, 8)] = distance
    distances[stripeOf(mix(mix(half, words[at + 2]!), words[at + 3]!), 16)] = distance
  }

  /** Notes the same for a longer key, whose bytes are at `bytes[at]`. */
  touchLong(tree: number, bytes: Uint8Array, at: number, length: number, lsn: number): void {
    if (length >= LONG_PREFIX_BYTES) this.#distances[stripeOfPrefix(tree, bytes, at, LONG_PREFIX_BYTES)] = this.#distanceOf(lsn)
  }

  /** Counts everything as changed by `lsn`. */
  touchAll(lsn: number): void {
    this.#base = lsn
    this.#distances.fill(0)
  }

  #distanceOf(lsn: number): number {
    if (lsn - this.#base > DISTANCE_MAX) this.touchAll(lsn)
    return lsn - this.#base
  }
}

/** The stripe of everything in a tree whose key begins with these bytes: of all its keys when there are fewer than 8. */
export function stripeOfPrefix(tree: number, bytes: Uint8Array, at: number, length: number): number {
  const used = length >= LONG_PREFIX_BYTES ? LONG_PREFIX_BYTES : length >= 16 ? 16 : length >= 8 ? 8 : 0
  let hash = tree
  for (let word = at; word < at + used; word += 4) {
    hash = mix(hash, (bytes[word]! << 24) | (bytes[word + 1]! << 16) | (bytes[word + 2]! << 8) | bytes[word + 3]!)
  }
  return stripeOf(hash, used)
}

/** One step of MurmurHash3 (Austin Appleby, public domain). */
function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51)
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593)
  const mixed = hash ^ k
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

/** The final mixing of MurmurHash3, cut to a stripe. */
function stripeOf(hash: number, length: number): number {
  let h = hash ^ length
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) & (STRIPES - 1)
}
