import type { File } from "../Disk/Volume.ts"

/**
 * A window over a segment file that is read from front to back.
 *
 * Invariants
 * - The window begins at a multiple of 8 of the file and of its buffer, so records lie aligned in it.
 * - It holds `WINDOW_BYTES`, or one record where that is longer, and keeps that room for the next file.
 */

/** Bytes read at a time. */
export const WINDOW_BYTES = 1024 * 1024

export class SegmentReader {
  bytes = new Uint8Array(0)
  view = new DataView(this.bytes.buffer)
  /** Length of the file in bytes. */
  sizeBytes = 0
  #file: File | undefined
  #offset = 0
  #length = 0

  /** Starts on another file. It stays the caller's to close. */
  use(file: File): void {
    this.#file = file
    this.sizeBytes = file.size()
    this.#offset = 0
    this.#length = 0
  }

  /**
   * Makes the bytes of the file from `offset` on available, at least `count` of them or all up to its end; returns where they begin in
   * `bytes`. `available(offset)` says how many there are.
   */
  fetch(offset: number, count: number): number {
    const inside = offset >= this.#offset && offset + Math.min(count, this.sizeBytes - offset) <= this.#offset + this.#length
    // An empty window holds nothing, though an empty file asks for no more: it may show what another file left.
    if (!inside || this.#length === 0) this.#read(offset, count)
    return offset - this.#offset
  }

  /** Bytes of the window from `offset` of the file on. */
  available(offset: number): number {
    return this.#offset + this.#length - offset
  }

  #read(offset: number, count: number): void {
    const room = Math.max(count + 8, Math.min(WINDOW_BYTES, this.sizeBytes))
    if (room > this.bytes.length) {
      this.bytes = new Uint8Array(Math.ceil(room / 8) * 8)
      this.view = new DataView(this.bytes.buffer)
    }
    this.#offset = offset - (offset % 8)
    this.#length = this.#file!.readAt(this.#offset, this.bytes)
    // What another file left in the buffer must not be taken for this one's.
    this.bytes.fill(0, this.#length)
  }
}
