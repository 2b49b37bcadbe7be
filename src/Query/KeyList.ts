/**
 * A list of 16-byte keys in one array: what a statement collects before it fetches documents in the order of their keys, or changes them.
 *
 * Growth doubles; the executor's budgets bound the count.
 */
import { compareKeys } from "../Bson/Key.ts"
import { KEY_BYTES } from "../Storage/Reader.ts"

const FIRST_KEYS = 64
/** Longest array that `reset` keeps. */
const KEPT_BYTES = 1024 * 1024

export class KeyList {
  bytes: Uint8Array = new Uint8Array(FIRST_KEYS * KEY_BYTES)
  count = 0

  push(source: Uint8Array, at: number): void {
    const start = this.count * KEY_BYTES
    if (start === this.bytes.length) this.#grow()
    const { bytes } = this
    for (let index = 0; index < KEY_BYTES; index++) bytes[start + index] = source[at + index]!
    this.count++
  }

  /** Brings the keys into ascending (1) or descending (-1) order and drops repeated ones. */
  sortUnique(direction: 1 | -1): void {
    const { bytes, count } = this
    if (count < 2 || this.#isSorted(direction)) return
    const order = new Uint32Array(count)
    for (let index = 0; index < count; index++) order[index] = index
    order.sort((a, b) => direction * compareKeys(bytes, a * KEY_BYTES, bytes, b * KEY_BYTES))
    const sorted = new Uint8Array(bytes.length)
    let kept = 0
    for (let index = 0; index < count; index++) {
      const at = order[index]! * KEY_BYTES
      if (kept > 0 && compareKeys(sorted, (kept - 1) * KEY_BYTES, bytes, at) === 0) continue
      sorted.set(bytes.subarray(at, at + KEY_BYTES), kept * KEY_BYTES)
      kept++
    }
    this.bytes = sorted
    this.count = kept
  }

  /** Keeps the keys that `other` has too. Both are in ascending order, each key once. */
  intersect(other: KeyList): void {
    const { bytes, count } = this
    let kept = 0
    for (let own = 0, its = 0; own < count && its < other.count;) {
      const order = compareKeys(bytes, own * KEY_BYTES, other.bytes, its * KEY_BYTES)
      if (order === 0) {
        bytes.copyWithin(kept * KEY_BYTES, own * KEY_BYTES, (own + 1) * KEY_BYTES)
        kept++
      }
      if (order <= 0) own++
      if (order >= 0) its++
    }
    this.count = kept
  }

  /** Leaves out the keys up to `key`, which a list in this direction has before what comes next. */
  startBehind(key: Uint8Array, direction: 1 | -1): void {
    let first = 0
    while (first < this.count && direction * compareKeys(this.bytes, first * KEY_BYTES, key, 0) <= 0) first++
    this.bytes.copyWithin(0, first * KEY_BYTES, this.count * KEY_BYTES)
    this.count -= first
  }

  reset(): void {
    this.count = 0
    if (this.bytes.length > KEPT_BYTES) this.bytes = new Uint8Array(FIRST_KEYS * KEY_BYTES)
  }

  #isSorted(direction: 1 | -1): boolean {
    const { bytes, count } = this
    for (let index = 1; index < count; index++) {
      if (direction * compareKeys(bytes, (index - 1) * KEY_BYTES, bytes, index * KEY_BYTES) >= 0) return false
    }
    return true
  }

  #grow(): void {
    const larger = new Uint8Array(this.bytes.length * 2)
    larger.set(this.bytes)
    this.bytes = larger
  }
}
