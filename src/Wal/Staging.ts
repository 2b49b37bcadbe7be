/**
 * The bytes that were appended and not yet written: one buffer, filled at its tail and emptied at its head.
 *
 * Invariants
 * - What is staged is contiguous: `bytes[head .. tail)`, and `view` always looks at the same buffer.
 * - The buffer never grows beyond `bytesMax`, except for a single record longer than that; such a buffer is dropped once it is empty.
 */

const FIRST_BYTES = 64 * 1024

export class Staging {
  bytes: Uint8Array
  view: DataView
  head = 0
  tail = 0
  readonly #bytesMax: number

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
    this.bytes = new Uint8Array(Math.min(FIRST_BYTES, bytesMax))
    this.view = new DataView(this.bytes.buffer)
  }

  /** Bytes staged. */
  get length(): number {
    return this.tail - this.head
  }

  /** Whether `count` more bytes may be staged; a record longer than the maximum may, alone. */
  hasRoom(count: number): boolean {
    return this.length === 0 || this.length + count <= this.#bytesMax
  }

  /** Takes `count` bytes at the tail and returns where they begin. What they hold is left over from before. */
  reserve(count: number): number {
    if (this.head === this.tail) this.head = this.tail = 0
    if (this.tail + count > this.bytes.length) this.#makeRoom(count)
    const at = this.tail
    this.tail += count
    return at
  }

  /** Gives back `count` bytes at the head, which have been written. */
  release(count: number): void {
    this.head += count
    if (this.head !== this.tail) return
    this.head = this.tail = 0
    if (this.bytes.length > this.#bytesMax) this.#replace(new Uint8Array(Math.min(FIRST_BYTES, this.#bytesMax)))
  }

  #makeRoom(count: number): void {
    const needed = this.length + count
    const staged = this.bytes.subarray(this.head, this.tail)
    if (needed <= this.bytes.length / 2) {
      this.bytes.set(staged, 0)
    } else {
      const doubled = Math.min(this.bytes.length * 2, this.#bytesMax)
      const grown = new Uint8Array(Math.max(needed, doubled))
      grown.set(staged, 0)
      this.#replace(grown)
    }
    this.tail -= this.head
    this.head = 0
  }

  #replace(bytes: Uint8Array): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
  }
}
