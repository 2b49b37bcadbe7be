/**
 * Which keys are not under a root, told from one line of memory: a Bloom filter in blocks (Putze, Sanders and Singler, 2007).
 *
 * Invariants
 * - It says of no key that was added that it is absent. Of those that were not, about one in fifty may be there.
 * - Keys are only added. So it is right of every version of a root that has some of them, and of a transaction that was given up.
 */

/** A line of memory: bits of one key lie in one block. */
const BLOCK_WORDS = 16
const BLOCK_BITS_MASK = BLOCK_WORDS * 32 - 1
/** With ten bits for a key, about one key in fifty that was not added finds all of its bits set. */
const BITS_PER_KEY = 10
const PROBES = 5
const BYTES_MIN = 1024
/** More keys than three million are told apart less well. */
const BYTES_MAX = 4 * 1024 * 1024

export class KeyFilter {
  readonly #words: Uint32Array
  readonly #blockMask: number
  // Of the key asked for last: the first word of its block, its first bit there, and how far it is to the next.
  #block = 0
  #bit = 0
  #step = 0

  /** For about `keys` keys; with many more it says less. */
  constructor(keys: number) {
    const bytes = Math.min(BYTES_MAX, Math.max(BYTES_MIN, 2 ** Math.ceil(Math.log2((keys * BITS_PER_KEY) / 8))))
    this.#words = new Uint32Array(bytes / 4)
    this.#blockMask = this.#words.length / BLOCK_WORDS - 1
  }

  /** Bytes it takes. */
  get bytes(): number {
    return this.#words.byteLength
  }

  /** Adds `key[at, at + length)`. */
  add(key: Uint8Array, at: number, length: number): void {
    this.#aim(key, at, length)
    let bit = this.#bit
    for (let probe = 0; probe < PROBES; probe++, bit += this.#step) {
      this.#words[this.#block + ((bit & BLOCK_BITS_MASK) >>> 5)]! |= 1 << (bit & 31)
    }
  }

  /** False when the key was never added. */
  mayHave(key: Uint8Array, at: number, length: number): boolean {
    this.#aim(key, at, length)
    let bit = this.#bit
    for (let probe = 0; probe < PROBES; probe++, bit += this.#step) {
      if ((this.#words[this.#block + ((bit & BLOCK_BITS_MASK) >>> 5)]! & (1 << (bit & 31))) === 0) return false
    }
    return true
  }

  #aim(key: Uint8Array, at: number, length: number): void {
    let hash = length
    const end = at + length
    let from = at
    for (; from + 4 <= end; from += 4) {
      const word = key[from]! | (key[from + 1]! << 8) | (key[from + 2]! << 16) | (key[from + 3]! << 24)
      hash = Math.imul(hash ^ word, 0x9e37_79b1)
      hash ^= hash >>> 15
    }
    for (; from < end; from++) hash = Math.imul(hash ^ key[from]!, 0x85eb_ca6b)
    // The end of MurmurHash3 (Austin Appleby, public domain), twice, so that block and bits have nothing to do with each other.
    hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
    hash ^= hash >>> 16
    this.#block = (hash & this.#blockMask) * BLOCK_WORDS
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d)
    hash ^= hash >>> 13
    this.#bit = hash & BLOCK_BITS_MASK
    this.#step = ((hash >>> 9) & BLOCK_BITS_MASK) | 1
  }
}
