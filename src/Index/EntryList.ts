/**
 * The entries that one document has in one index.
 *
 * Invariants
 * - A list is filled by `IndexExtractor.extract` and then in ascending order, each entry once. The next fill overwrites it.
 * - At most ENTRIES_MAX entries: whoever fills it refuses the document beyond that.
 */
import { compareBytes, KEY_BYTES_MAX } from "./Layout.ts"

/** How many entries a document may have in one index. */
export const ENTRIES_MAX = 10_000
/** A buffer larger than this is dropped when the list is filled again. */
const KEPT_BYTES = 64 * 1024
const FIRST_ENTRIES = 16

export class EntryList {
  /** Where entries lie; see `at` and `length`. */
  bytes: Uint8Array = new Uint8Array(2 * KEY_BYTES_MAX)
  count = 0
  #used = 0
  /** Begin and length of each entry, in the order in which they were pushed, and whether one of its values is an array. */
  #starts = new Uint32Array(FIRST_ENTRIES)
  #lengths = new Uint32Array(FIRST_ENTRIES)
  #arrays = new Uint8Array(FIRST_ENTRIES)
  /** Which entry is at a place of the order; identity until `sortUnique`. */
  #order = Uint32Array.from({ length: FIRST_ENTRIES }, (_, index) => index)
  #isSorted = true

  /** Where entry `place` begins in `bytes`. */
  at(place: number): number {
    return this.#starts[this.#order[place]!]!
  }

  /** Bytes of entry `place`. */
  length(place: number): number {
    return this.#lengths[this.#order[place]!]!
  }

  /** Whether entry `place` stands for an array as a whole and not for one of its elements; see `encodeIndexed`. */
  holdsArray(place: number): boolean {
    return this.#arrays[this.#order[place]!] === 1
  }

  reset(): void {
    this.count = 0
    this.#used = 0
    if (this.bytes.length > KEPT_BYTES) this.bytes = new Uint8Array(2 * KEY_BYTES_MAX)
    if (this.#isSorted) return
    for (let index = 0; index < this.#order.length; index++) this.#order[index] = index
    this.#isSorted = true
  }

  /** Adds the first `length` bytes of `entry`. */
  push(entry: Uint8Array, length: number, holdsArray: boolean): void {
    const { count } = this
    if (count === this.#starts.length) this.#grow()
    if (this.#used + length > this.bytes.length) this.#growBytes(length)
    const { bytes } = this
    const at = this.#used
    for (let index = 0; index < length; index++) bytes[at + index] = entry[index]!
    this.#starts[count] = at
    this.#lengths[count] = length
    this.#arrays[count] = holdsArray ? 1 : 0
    this.#used = at + length
    this.count = count + 1
  }

  /** Brings the entries into order and drops repeated ones. */
  sortUnique(): void {
    const { count } = this
    if (count < 2) return
    this.#isSorted = false
    const order = this.#order.subarray(0, count)
    order.sort((a, b) => this.#compare(a, b))
    let kept = 1
    for (let place = 1; place < count; place++) {
      if (this.#compare(order[kept - 1]!, order[place]!) !== 0) order[kept++] = order[place]!
    }
    this.count = kept
  }

  #compare(a: number, b: number): number {
    const { bytes } = this
    return compareBytes(bytes, this.#starts[a]!, this.#lengths[a]!, bytes, this.#starts[b]!, this.#lengths[b]!)
  }

  #grow(): void {
    const room = this.#starts.length * 2
    const larger = <Numbers extends Uint32Array | Uint8Array>(numbers: Numbers, into: Numbers): Numbers => {
      into.set(numbers)
      return into
    }
    this.#starts = larger(this.#starts, new Uint32Array(room))
    this.#lengths = larger(this.#lengths, new Uint32Array(room))
    this.#arrays = larger(this.#arrays, new Uint8Array(room))
    this.#order = Uint32Array.from({ length: room }, (_, index) => index)
  }

  #growBytes(length: number): void {
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.#used + length))
    larger.set(this.bytes.subarray(0, this.#used))
    this.bytes = larger
  }
}
