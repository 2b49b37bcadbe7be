/**
 * The keys of ids that were hashed lately: SHA-256 of a short text costs as much as finding its document.
 *
 * Invariants
 * - A key is told only for exactly the bytes it was made of.
 * - An id has one of two places, where a later one takes the place of an earlier one. At most `PLACES` are kept, about 1 MiB.
 */

/** A power of two. */
export const PLACES = 1 << 14
/** Longer ids are hashed each time. */
export const ID_BYTES_MAX = 46
/** Words of an id: kind and length, then its bytes, filled up with zeros. */
const ID_WORDS = 1 + Math.ceil(ID_BYTES_MAX / 4)

export class KeyMemo {
  readonly #keyBytes: number
  #ids = new Int32Array(0)
  /** The id asked for last, as it would lie in `#ids`; how many words of it are taken. */
  readonly #asked = new Int32Array(ID_WORDS)
  #askedWords = 0
  #keys = new Uint8Array(0)

  constructor(keyBytes: number) {
    this.#keyBytes = keyBytes
  }

  /** Writes the key of an id of this kind to `into`; false when it is not known. */
  find(kind: number, bytes: Uint8Array, at: number, length: number, into: Uint8Array): boolean {
    if (length > ID_BYTES_MAX || this.#ids.length === 0) return false
    let place = this.#ask(kind, bytes, at, length)
    if (!this.#isAt(place) && !this.#isAt(++place)) return false
    const keyBytes = this.#keyBytes
    const keyAt = place * keyBytes
    for (let index = 0; index < keyBytes; index++) into[index] = this.#keys[keyAt + index]!
    return true
  }

  add(kind: number, bytes: Uint8Array, at: number, length: number, key: Uint8Array): void {
    if (length > ID_BYTES_MAX) return
    if (this.#ids.length === 0) {
      this.#ids = new Int32Array(PLACES * ID_WORDS)
      this.#keys = new Uint8Array(PLACES * this.#keyBytes)
    }
    const place = this.#ask(kind, bytes, at, length)
    const idAt = place * ID_WORDS
    // What was in the first place moves on to the second, and what was there goes.
    this.#ids.copyWithin(idAt + ID_WORDS, idAt, idAt + ID_WORDS)
    this.#keys.copyWithin((place + 1) * this.#keyBytes, place * this.#keyBytes, (place + 1) * this.#keyBytes)
    for (let word = 0; word < this.#askedWords; word++) this.#ids[idAt + word] = this.#asked[word]!
    this.#keys.set(key, place * this.#keyBytes)
  }

  /** Notes which id is meant, and returns the first of its two places. */
  #ask(kind: number, bytes: Uint8Array, at: number, length: number): number {
    const asked = this.#asked
    asked[0] = (kind << 8) | length
    let words = 1
    let hash = asked[0]
    const end = at + length
    for (let from = at; from < end; from += 4) {
      let word = bytes[from]!
      if (from + 1 < end) word |= bytes[from + 1]! << 8
      if (from + 2 < end) word |= bytes[from + 2]! << 16
      if (from + 3 < end) word |= bytes[from + 3]! << 24
      asked[words++] = word
      hash = Math.imul(hash ^ word, 0x9e37_79b1)
      hash ^= hash >>> 15
    }
    this.#askedWords = words
    hash = Math.imul(hash, 0x85eb_ca6b)
    return (hash ^ (hash >>> 16)) & (PLACES - 2)
  }

  /** Whether the id that is meant has this place. Its first word has the length, so what lies behind its last does not matter. */
  #isAt(place: number): boolean {
    const ids = this.#ids
    const idAt = place * ID_WORDS
    for (let word = 0; word < this.#askedWords; word++) if (ids[idAt + word] !== this.#asked[word]) return false
    return true
  }
}
