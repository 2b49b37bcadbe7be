/**
 * Room for documents that are read one by one: a buffer of their own each would cost more than reading them.
 *
 * Invariants
 * - Room that was handed out is never handed out again; a slab goes when nobody holds a part of it any more.
 * - `at` is a multiple of 8.
 */
const SLAB_BYTES = 64 * 1024
/** What is larger gets a buffer of its own, so that little of a slab is left unused. */
const PART_BYTES_MAX = SLAB_BYTES / 4

export class Slabs {
  /** Where the last room lies. */
  bytes = new Uint8Array(0)
  at = 0
  #slab = this.bytes
  #used = 0

  /** Makes room for `length` bytes, with anything in them: `bytes[at, at + length)`. */
  take(length: number): void {
    if (length > PART_BYTES_MAX) {
      this.bytes = Buffer.allocUnsafeSlow(length)
      this.at = 0
      return
    }
    if (this.#used + length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#used = 0
    }
    this.bytes = this.#slab
    this.at = this.#used
    this.#used = (this.#used + length + 7) & ~7
  }
}
