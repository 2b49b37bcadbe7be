/**
 * A file of zeros that keeps room on the disk, so that a compaction can begin when nothing else can be written any more.
 *
 * Invariants
 * - What is in it does not matter, and nothing waits for it: it is made in slices when there is nothing else to do, and removed to make room.
 */
import { isFault } from "../Fault/Fault.ts"
import type { Volume } from "../Disk/Volume.ts"

const SLICE = new Uint8Array(256 * 1024)

export class Reserve {
  readonly #volume: Volume
  readonly #path: string
  readonly #bytes: number
  /** Bytes it has; undefined until it was looked at. */
  #held: number | undefined
  /** There was no room for it. */
  #isPaused = false

  /** Keeps `bytes`, none when 0. */
  constructor(volume: Volume, path: string, bytes: number) {
    this.#volume = volume
    this.#path = path
    this.#bytes = bytes
  }

  /** Makes a part of it; false when it is whole or there is no room for more now. */
  grow(): boolean {
    if (this.#isPaused || this.#bytes === 0 || this.#held === this.#bytes) return false
    try {
      const file = this.#volume.open(this.#path, this.#volume.exists(this.#path) ? "update" : "create")
      try {
        this.#held = Math.min(file.size(), this.#bytes)
        const length = Math.min(SLICE.length, this.#bytes - this.#held)
        if (length > 0) file.writeAt(this.#held, SLICE.subarray(0, length))
        this.#held += length
      } finally {
        file.close()
      }
    } catch (error) {
      if (!isFault(error, "DiskFailure")) throw error
      this.#isPaused = true
    }
    return true
  }

  /** Gives the room back; false when it has none. */
  release(): boolean {
    try {
      if (this.#bytes === 0 || !this.#volume.exists(this.#path)) return false
      // Cut first: what a removed file held may come back a moment later, and the compaction is to find it at once.
      const file = this.#volume.open(this.#path, "update")
      try {
        file.truncate(0)
      } finally {
        file.close()
      }
      this.#volume.remove(this.#path)
    } catch (error) {
      if (!isFault(error, "DiskFailure")) throw error
      return false
    }
    this.#held = 0
    this.#isPaused = true
    return true
  }

  /** There may be room again. */
  retry(): void {
    this.#isPaused = false
  }
}
