/**
 * Where the documents of a flush went, in the order in which they were appended. One flush after the other uses it: large buffers made anew make
 * the garbage collector stop everything more often.
 */
import { type Location, LOCATION_BYTES } from "./TreeSource.ts"

/** Locations in one chunk. Chunks are not joined: what is copied to grow is memory touched twice. */
const CHUNK_LOCATIONS = 2048
/** Chunks kept for the next flush: 3 MiB, for 131 072 documents. */
const CHUNKS_KEPT_MAX = 64
const NO_BYTES = new Uint8Array(0)

export class Places {
  readonly #chunks: Array<Uint8Array> = []
  #count = 0
  #next = 0
  /** The place that `take` came to: in `bytes` at `at`. */
  bytes: Uint8Array = NO_BYTES
  at = 0

  /** Forgets everything, for the next flush. */
  clear(): void {
    this.#count = 0
    this.#next = 0
    this.bytes = NO_BYTES
    this.at = 0
    if (this.#chunks.length > CHUNKS_KEPT_MAX) this.#chunks.length = CHUNKS_KEPT_MAX
  }

  add(location: Location): void {
    const within = this.#count % CHUNK_LOCATIONS
    const chunk = (this.#chunks[(this.#count - within) / CHUNK_LOCATIONS] ??= new Uint8Array(CHUNK_LOCATIONS * LOCATION_BYTES))
    location.write(chunk, within * LOCATION_BYTES)
    this.#count++
  }

  rewind(): void {
    this.#next = 0
  }

  /** Goes to the next place. */
  take(): void {
    const within = this.#next % CHUNK_LOCATIONS
    if (within === 0) this.bytes = this.#chunks[this.#next / CHUNK_LOCATIONS]!
    this.at = within * LOCATION_BYTES
    this.#next++
  }
}
