/**
 * What a merged cursor asks of each place entries can be in: an overlay, a memtable, the trees of the index file.
 *
 * Invariants
 * - A source shows, per key, the newest version its reader may see, deletions included: they hide the key in older sources.
 * - A cursor moves in one direction, chosen when it is made.
 */
import type { DocumentView } from "./Reader.ts"

export interface SourceCursor {
  /** PUT or DELETE; 0 when the cursor is at its end. */
  readonly kind: number
  /** The current key: `keyLength` bytes at `keyBytes[keyAt]`, valid until the next move. */
  readonly keyBytes: Uint8Array
  readonly keyAt: number
  readonly keyLength: number
  /**
   * Moves to the first key at or after `bound` when the direction is 1, to the last key before `bound` when it is -1; to the first or last
   * key of the tree when there is no bound. Keys compare as bytes, a prefix before what it is a prefix of.
   */
  seek(bound: Uint8Array | undefined): void
  /** Moves one key on, in the cursor's direction. */
  advance(): void
  /** Shows the current document. Only for trees of documents, and only when `kind` is PUT. */
  read(out: DocumentView): void
  /** As `read`, but a document in the value log is not read yet. */
  find(out: DocumentView): void
}

/** Orders two byte strings; a prefix comes before what it is a prefix of. */
export function compareBytes(a: Uint8Array, aAt: number, aLength: number, b: Uint8Array, bAt: number, bLength: number): number {
  const end = Math.min(aLength, bLength)
  for (let i = 0; i < end; i++) {
    const difference = a[aAt + i]! - b[bAt + i]!
    if (difference !== 0) return difference
  }
  return aLength - bLength
}
