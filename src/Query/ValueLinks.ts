/**
 * Which document of a store a value was found equal to the `_id` of: its key, and where it lay. A lookup that meets the value again, in
 * whatever row, need neither make the key nor read the document to compare the two.
 *
 * Invariants
 * - What lies at a place never changes, so what was compared once holds for ever. Whether the newest document under the key lies there
 *   still is for the caller to find out.
 * - A value has one place, where a later one takes the place of an earlier one: at most `PLACES` are kept, 1 MiB.
 * - What `find` gives counts until the next `find` or `add`.
 */
import * as Type from "../Bson/Type.ts"
import { fixedSize, readInt32, viewOf } from "../Bson/View.ts"
import { KEY_BYTES, type Place } from "../Storage/Reader.ts"

/** A power of two. */
export const PLACES = 1 << 14
/** Store, type and length of the value, key, segment, offset (two words), the value filled up with zeros. */
const PLACE_WORDS = 16
const KEY_AT = 2
const TARGET_AT = KEY_AT + KEY_BYTES / 4
const VALUE_AT = TARGET_AT + 3
/** Longer values are compared each time. */
export const VALUE_BYTES_MAX = (PLACE_WORDS - VALUE_AT) * 4
const TWO_POW_32 = 0x1_0000_0000

export class ValueLinks {
  #words = new Uint32Array(0)
  /** The same memory. */
  keys = new Uint8Array(0)
  /** The value asked for last: what tells it from others, and how many words of `#value` it takes. */
  #store = 0
  #head = 0
  #valueWords = 0
  readonly #value = new Uint32Array(VALUE_BYTES_MAX / 4)
  #place = 0

  /** Where in `keys` the key is that the value (bytes, type, at) led to in this store; -1 when that is not known. */
  find(store: number, bytes: Uint8Array, type: number, at: number): number {
    if (!this.#ask(store, bytes, type, at) || this.#words.length === 0) return -1
    const words = this.#words
    const place = this.#place
    if (words[place] !== store || words[place + 1] !== this.#head) return -1
    for (let word = 0; word < this.#valueWords; word++) if (words[place + VALUE_AT + word] !== this.#value[word]) return -1
    return (place + KEY_AT) * 4
  }

  /** Whether this is the place that the value led to whose key was found at `keyAt`. */
  ledTo(keyAt: number, { offset, segment }: Place): boolean {
    const words = this.#words
    const at = keyAt / 4 - KEY_AT + TARGET_AT
    return words[at] === segment && words[at + 1] === offset >>> 0 && words[at + 2] === Math.floor(offset / TWO_POW_32)
  }

  /** Keeps that the value was found equal to the `_id` of the document under `key` that lies at `target`. */
  add(store: number, bytes: Uint8Array, type: number, at: number, key: Uint8Array, target: Place): void {
    if (target.segment === 0 || !this.#ask(store, bytes, type, at)) return
    if (this.#words.length === 0) {
      this.#words = new Uint32Array(PLACES * PLACE_WORDS)
      this.keys = new Uint8Array(this.#words.buffer)
    }
    const words = this.#words
    const place = this.#place
    words[place] = store
    words[place + 1] = this.#head
    for (let word = 0; word < this.#valueWords; word++) words[place + VALUE_AT + word] = this.#value[word]!
    this.keys.set(key, (place + KEY_AT) * 4)
    words[place + TARGET_AT] = target.segment
    words[place + TARGET_AT + 1] = target.offset
    words[place + TARGET_AT + 2] = Math.floor(target.offset / TWO_POW_32)
  }

  /** Reads a value, and finds out where its place begins; false when it is too long. */
  #ask(store: number, bytes: Uint8Array, type: number, at: number): boolean {
    let from = at
    let length = fixedSize(type)
    if (type === Type.STRING) {
      from += 4
      length = readInt32(bytes, at) - 1
    } else if (type === Type.BINARY) {
      // With its subtype.
      from += 4
      length = readInt32(bytes, at) + 1
    }
    if (length < 0 || length > VALUE_BYTES_MAX) return false
    this.#store = store
    this.#head = (type << 8) | length
    const view = viewOf(bytes)
    let hash = Math.imul(this.#store ^ this.#head, 0x85eb_ca6b)
    let words = 0
    const end = from + length
    for (; from + 4 <= end; from += 4) {
      const word = view.getUint32(from, true)
      this.#value[words++] = word
      hash = Math.imul(hash ^ word, 0x9e37_79b1)
      hash ^= hash >>> 15
    }
    if (from < end) {
      let word = 0
      for (let index = end - 1; index >= from; index--) word = (word << 8) | bytes[index]!
      this.#value[words++] = word
      hash = Math.imul(hash ^ word, 0x9e37_79b1)
      hash ^= hash >>> 15
    }
    this.#valueWords = words
    hash = Math.imul(hash, 0x85eb_ca6b)
    this.#place = ((hash ^ (hash >>> 16)) & (PLACES - 1)) * PLACE_WORDS
    return true
  }
}
