/**
 * Every value a tree holds, root by root: what the tree keeps alive, also where a newer root hides it.
 *
 * Invariants
 * - A value that a newer root has under the same key too is shown once: while one root is merged into another, both have it.
 */
import { ValueView } from "./Entry.ts"
import { compareBytes } from "./Layout.ts"
import type { PageCache } from "./PageCache.ts"
import { lookup, PRESENT, type ReadGuard, RootCursor } from "./RootCursor.ts"
import type { Root } from "./Version.ts"

export class ValueWalk {
  readonly #cache: PageCache
  readonly #roots: ReadonlyArray<Root>
  readonly #guard: ReadGuard
  readonly #found = new ValueView()
  #place = -1
  #cursor: RootCursor | undefined
  /** Whether the cursor stands on an entry or has passed its last. */
  #isPlaced = true

  constructor(cache: PageCache, roots: ReadonlyArray<Root>, guard: ReadGuard) {
    this.#cache = cache
    this.#roots = roots
    this.#guard = guard
  }

  /** The value moved to, from its first byte on; valid until the next move. */
  get value(): Uint8Array {
    return this.#cursor!.value
  }

  /** Moves to the next value; false when all were shown. */
  next(): boolean {
    for (;;) {
      const cursor = this.#cursor
      const isThere = cursor === undefined ? false : this.#isPlaced ? cursor.next() : cursor.first()
      this.#isPlaced = true
      if (isThere) {
        if (!cursor!.isTombstone && !this.#isShown(cursor!)) return true
        continue
      }
      const root = this.#roots[++this.#place]
      if (root === undefined) return false
      this.#cursor = new RootCursor(this.#cache, root, this.#guard)
      this.#isPlaced = false
    }
  }

  #isShown({ key, keyLength, value, valueLength }: RootCursor): boolean {
    const found = this.#found
    for (let place = 0; place < this.#place; place++) {
      if (lookup(this.#cache, this.#roots[place]!, key, 0, keyLength, found) !== PRESENT) continue
      if (compareBytes(found.bytes, found.at, found.length, value, 0, valueLength) === 0) return true
    }
    return false
  }
}
