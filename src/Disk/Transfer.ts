/**
 * Whole transfers out of partial ones: the system may read or write less than it was asked to, and only a loop makes that whole.
 */

/** One attempt to move `length` bytes between `bytes` (from `at` on) and the file at `offset`; returns the bytes moved. */
export type Attempt = (bytes: Uint8Array, at: number, length: number, offset: number) => number

/** Thrown when the system accepts no byte and names no error, which would otherwise loop for ever. */
export class NoProgress extends Error {
  readonly code = "EIO"
}

/** Fills `into` from `offset` on; returns the bytes read, fewer than asked for only at the end of the file. */
export function readFully(read: Attempt, offset: number, into: Uint8Array): number {
  let done = 0
  while (done < into.length) {
    const count = read(into, done, into.length - done, offset + done)
    if (count === 0) break
    done += count
  }
  return done
}

/** Writes all of `bytes` at `offset`. */
export function writeFully(write: Attempt, offset: number, bytes: Uint8Array): void {
  let done = 0
  while (done < bytes.length) {
    const count = write(bytes, done, bytes.length - done, offset + done)
    if (count === 0) throw new NoProgress()
    done += count
  }
}
