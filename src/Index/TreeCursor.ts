/**
 * What a cursor over a tree offers, whatever it is made of.
 */
import type { ValueView } from "./Entry.ts"

/**
 * A place in a tree of one version. A new cursor stands nowhere; `first`, `last` and the four `seek`s place it, `next` and `previous` move
 * it. Each says whether it stands on an entry now; one that ran off an end stays off until it is placed again.
 *
 * The key lies in the cursor's own memory and stays as it is until it moves; so does the value, once it was asked for, which has to be while the
 * version is pinned. It sees its version only: later commits do not touch it, as long as the version stays pinned.
 *
 * @example
 * ```ts
 * const cursor = file.cursor(version, treeId)
 * for (let on = cursor.seekAtLeast(low, 0, low.length); on; on = cursor.next()) use(cursor.key, cursor.keyAt, cursor.keyLength)
 * ```
 */
export interface TreeCursor {
  first(): boolean
  last(): boolean
  /** The first entry whose key is not below the one given. */
  seekAtLeast(key: Uint8Array, at: number, length: number): boolean
  /** The first entry above. */
  seekAfter(key: Uint8Array, at: number, length: number): boolean
  /** The last entry that is not above. */
  seekAtMost(key: Uint8Array, at: number, length: number): boolean
  /** The last entry below. */
  seekBefore(key: Uint8Array, at: number, length: number): boolean
  next(): boolean
  previous(): boolean
  readonly key: Uint8Array
  readonly keyAt: number
  readonly keyLength: number
  readonly value: Uint8Array
  readonly valueAt: number
  readonly valueLength: number
  /** Shows the value where it lies, which costs no copy; valid until the next call on the index file. */
  showValue(out: ValueView): void
}
