/**
 * Buffers for those who read value segments one entry after the other.
 *
 * Invariants
 * - A buffer has one owner: whoever took it, until it is given back. One that is never given back is the garbage collector's.
 */

/** Bytes read at once. */
export const RUN_BUFFER_BYTES = 64 * 1024
/** Buffers kept: 1 MiB, for the segments that are mostly read at the same time. */
const BUFFERS_KEPT_MAX = 16

export class RunBuffers {
  readonly #kept: Array<Uint8Array> = []

  /** A buffer of RUN_BUFFER_BYTES with anything in it. */
  take(): Uint8Array {
    return this.#kept.pop() ?? new Uint8Array(RUN_BUFFER_BYTES)
  }

  /** Takes a buffer back that nobody looks at any more. Only those of the usual size are kept. */
  give(buffer: Uint8Array): void {
    if (buffer.length === RUN_BUFFER_BYTES && this.#kept.length < BUFFERS_KEPT_MAX) this.#kept.push(buffer)
  }
}
