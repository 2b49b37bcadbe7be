/**
 * The keys of ids that were hashed lately: SHA-256 of a short text costs as much as finding its document.
 *
 * Invariants
 * - A key is told only for exactly the bytes it was made of.
 * - An id has one of two places, where a later one takes the place of an earlier one. At most `PLACES` are kept, about 1 MiB.
 */

import { readInt32, writeInt32 } from "./View.ts"

/** A power of two. */
export const PLACES = 1 << 14
/** Words of a place, as much as is read from memory at once: kind and length, the key, the id filled up with zeros. */
const PLACE_WORDS = 16
const KEY_WORDS_MAX = 4
/** Longer ids are hashed each time. */
export const ID_BYTES_MAX = (PLACE_WORDS - 1 - KEY_WORDS_MAX) * 4

export class KeyMemo {
  readonly #keyWords: number
  #places = new Int32Array(0)
  /** The id asked for last: kind and length, and its bytes as words; how many of them there are. */
  #head = 0
  readonly #id = new Int32Array(ID_BYTES_MAX / 4)
  #idWords = 0

  /** For keys of this many bytes: 4, 8, 12 or 16. */
  constructor(keyBytes: number) {
    this.#keyWords = keyBytes / 4
  }

  /** Writes the key of an id of this kind to `into`; false when it is not known. */
  find(kind: number, bytes: Uint8Array, at: number, length: number, into: Uint8Array): boolean {
    if (length > ID_BYTES_MAX || this.#places.length === 0) return false
    let place = this.#ask(kind, bytes, at, length)
    if (!this.#isAt(place)) {
      place += PLACE_WORDS
      if (!this.#isAt(place)) return false
    }
    for (let word = 0; word < this.#keyWords; word++) writeInt32(into, word * 4, this.#places[place + 1 + word]!)
    return true
  }

  add(kind: number, bytes: Uint8Array, at: number, length: number, key: Uint8Array): void {
    if (length > ID_BYTES_MAX) return
    if (this.#places.length === 0) this.#places = new Int32Array(PLACES * PLACE_WORDS)
    const places = this.#places
    const place = this.#ask(kind, bytes, at, length)
    // What was in the first place moves on to the second, and what was there goes.
    places.copyWithin(place + PLACE_WORDS, place, place + PLACE_WORDS)
    places[place] = this.#head
    for (let word = 0; word < this.#keyWords; word++) places[place + 1 + word] = readInt32(key, word * 4)
    const idAt = place + 1 + this.#keyWords
    for (let word = 0; word < this.#idWords; word++) places[idAt + word] = this.#id[word]!
  }

  /** Notes which id is meant, and returns where its first place begins. */
  #ask(kind: number, bytes: Uint8Array, at: number, length: number): number {
    this.#head = (kind << 8) | length
    let hash = this.#head
    let words = 0
    const end = at + length
    for (let from = at; from < end; from += 4) {
      let word = bytes[from]!
      if (from + 1 < end) word |= bytes[from + 1]! << 8
      if (from + 2 < end) word |= bytes[from + 2]! << 16
      if (from + 3 < end) word |= bytes[from + 3]! << 24
      this.#id[words++] = word
      hash = Math.imul(hash ^ word, 0x9e37_79b1)
      hash ^= hash >>> 15
    }
    this.#idWords = words
    hash = Math.imul(hash, 0x85eb_ca6b)
    return ((hash ^ (hash >>> 16)) & (PLACES - 2)) * PLACE_WORDS
  }

  /** Whether the id that is meant has this place. The length is part of it, so what lies behind its last word does not matter. */
  #isAt(place: number): boolean {
    const places = this.#places
    if (places[place] !== this.#head) return false
    const idAt = place + 1 + this.#keyWords
    for (let word = 0; word < this.#idWords; word++) if (places[idAt + word] !== this.#id[word]) return false
    return true
  }
}
