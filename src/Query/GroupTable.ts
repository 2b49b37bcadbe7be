/**
 * Numbers for byte strings: the groups of an aggregate by their encoded keys, or the distinct values of one group.
 *
 * Invariants
 * - The n-th new key gets number n - 1; a key that was seen gets the number it has.
 * - Keys are copied into one growing array; looking one up allocates nothing.
 */
import { compareRanges } from "../Bson/Compare.ts"
import { equalBytes } from "../Bson/View.ts"

const FIRST_SLOTS = 64
const FIRST_BYTES = 1024
const HASH_START = 0x811c9dc5
const HASH_PRIME = 0x01000193
const EMPTY = 0

export class GroupTable {
  /** Number of keys. */
  count = 0
  /** Number of the key that `find` saw last, and whether it was new. */
  isNew = false
  #slots = new Int32Array(FIRST_SLOTS)
  #hashes = new Int32Array(FIRST_SLOTS)
  #ends = new Int32Array(FIRST_SLOTS)
  #bytes = new Uint8Array(FIRST_BYTES)

  /** Bytes that the keys and their table take. */
  sizeBytes(): number {
    return this.#bytes.length + 4 * (this.#slots.length + this.#hashes.length + this.#ends.length)
  }

  /** The number of the key `key[0, length)`. */
  find(key: Uint8Array, length: number): number {
    const hash = hashOf(key, length)
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const group = this.#slots[slot]! - 1
      if (group < EMPTY) return this.#add(key, length, hash, slot)
      if (this.#hashes[group] === hash && this.#isKey(group, key, length)) {
        this.isNew = false
        return group
      }
    }
  }

  /** Forgets all keys. */
  reset(): void {
    this.count = 0
    this.#slots.fill(0)
  }

  /** The order of two keys as bytes. */
  compare(a: number, b: number): number {
    const aStart = this.#start(a)
    const bStart = this.#start(b)
    return compareRanges(this.#bytes, aStart, this.#ends[a]! - aStart, this.#bytes, bStart, this.#ends[b]! - bStart)
  }

  #start(group: number): number {
    return group === 0 ? 0 : this.#ends[group - 1]!
  }

  #isKey(group: number, key: Uint8Array, length: number): boolean {
    const start = this.#start(group)
    return this.#ends[group]! - start === length && equalBytes(this.#bytes, start, key, 0, length)
  }

  #add(key: Uint8Array, length: number, hash: number, slot: number): number {
    const group = this.count++
    const start = this.#start(group)
    if (start + length > this.#bytes.length) this.#bytes = grown(this.#bytes, Math.max(start + length, this.#bytes.length * 2))
    for (let index = 0; index < length; index++) this.#bytes[start + index] = key[index]!
    if (group === this.#ends.length) {
      this.#ends = grown(this.#ends, group * 2)
      this.#hashes = grown(this.#hashes, group * 2)
    }
    this.#ends[group] = start + length
    this.#hashes[group] = hash
    this.#slots[slot] = group + 1
    if (this.count * 2 > this.#slots.length) this.#rehash()
    this.isNew = true
    return group
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let group = 0; group < this.count; group++) {
      let slot = this.#hashes[group]! & mask
      while (slots[slot] !== EMPTY) slot = (slot + 1) & mask
      slots[slot] = group + 1
    }
    this.#slots = slots
  }
}

function hashOf(key: Uint8Array, length: number): number {
  let hash = HASH_START
  for (let index = 0; index < length; index++) hash = Math.imul(hash ^ key[index]!, HASH_PRIME)
  return hash ^ (hash >>> 15)
}

/** A longer copy. */
export function grown<A extends Uint8Array | Int32Array | Float64Array>(array: A, length: number): A {
  const larger = new (array.constructor as new (length: number) => A)(length)
  larger.set(array)
  return larger
}
