/**
 * The bytes that were appended and not yet written: one buffer, filled at its tail and emptied at its head.
 *
 * Invariants
 * - What is staged is contiguous: `bytes[head .. tail)`, and `view` always looks at the same buffer.
 * - The buffer grows beyond `bytesMax` only for a record that `hasRoom` was not asked about, or that is longer than that and alone; such a
 *   buffer is dropped once it is empty.
 * - Of a room that is shared the buffer takes what it grows by, and gives it back once it is empty and others want it. Only such records
 *   take more than there is: the one could never be written otherwise, of the other the writer has done its work.
 */

const FIRST_BYTES = 64 * 1024

/** Memory that the stagings of several logs share. */
export interface StagingRoom {
  readonly hasRoom: (bytes: number) => boolean
  readonly take: (bytes: number) => void
  readonly give: (bytes: number) => void
  /** Whether another one waits for it. */
  readonly isWanted: boolean
}

export class Staging {
  bytes: Uint8Array
  view: DataView
  head = 0
  tail = 0
  readonly #bytesMax: number
  readonly #room: StagingRoom | undefined

  constructor(bytesMax: number, room?: StagingRoom) {
    this.#bytesMax = bytesMax
    this.#room = room
    this.bytes = new Uint8Array(this.#firstBytes)
    this.view = new DataView(this.bytes.buffer)
    room?.take(this.bytes.length)
  }

  /** Bytes staged. */
  get length(): number {
    return this.tail - this.head
  }

  /** Whether `count` more bytes may be staged; a record longer than the maximum may, alone. */
  hasRoom(count: number): boolean {
    if (this.length === 0) return true
    const needed = this.length + count
    if (needed > this.#bytesMax) return false
    return needed <= this.bytes.length || this.#room === undefined || this.#room.hasRoom(needed - this.bytes.length)
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
    if (this.bytes.length > this.#bytesMax || this.#room?.isWanted === true) this.trim()
  }

  /** Makes the buffer as small as it was at first, when nothing is staged. */
  trim(): void {
    if (this.head === this.tail && this.bytes.length > this.#firstBytes) this.#replace(this.#firstBytes)
  }

  get #firstBytes(): number {
    return Math.min(FIRST_BYTES, this.#bytesMax)
  }

  #makeRoom(count: number): void {
    const needed = this.length + count
    const staged = this.bytes.subarray(this.head, this.tail)
    if (needed <= this.bytes.length / 2) this.bytes.set(staged, 0)
    else {
      this.#replace(this.#grownBytes(needed))
      this.bytes.set(staged, 0)
    }
    this.tail -= this.head
    this.head = 0
  }

  /** Twice as many as there are, when they may be taken. */
  #grownBytes(needed: number): number {
    const doubled = Math.min(this.bytes.length * 2, this.#bytesMax)
    const isThere = this.#room === undefined || doubled <= this.bytes.length || this.#room.hasRoom(doubled - this.bytes.length)
    return Math.max(needed, isThere ? doubled : this.bytes.length)
  }

  #replace(length: number): void {
    const before = this.bytes.length
    this.bytes = new Uint8Array(length)
    this.view = new DataView(this.bytes.buffer)
    if (length > before) this.#room?.take(length - before)
    if (length < before) this.#room?.give(before - length)
  }
}
