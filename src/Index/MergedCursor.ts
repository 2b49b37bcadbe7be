/**
 * A cursor over a list of roots: of entries with the same key the newest root's counts, and a tombstone hides all of them.
 *
 * Invariants
 * - Moving forwards, every root's cursor stands on its first entry at or above the current key (backwards: its last at or below) or off
 *   its end. A change of direction places all of them again.
 */
import type { ValueView } from "./Entry.ts"
import { compareBytes } from "./Layout.ts"
import type { RootCursor } from "./RootCursor.ts"
import type { TreeCursor } from "./TreeCursor.ts"

const NOTHING = new Uint8Array(0)
const NOBODY: ReadonlyArray<RootCursor> = []

export class MergedCursor implements TreeCursor {
  /** Newest root first. */
  readonly #cursors: ReadonlyArray<RootCursor>
  #current: RootCursor | undefined
  /** Whether another cursor stands on the same key. */
  #isShared = false
  #direction = 1

  constructor(cursors: ReadonlyArray<RootCursor>) {
    this.#cursors = cursors
  }

  get key(): Uint8Array {
    return this.#current?.key ?? NOTHING
  }

  readonly keyAt = 0

  get keyLength(): number {
    return this.#current?.keyLength ?? 0
  }

  get value(): Uint8Array {
    return this.#current?.value ?? NOTHING
  }

  readonly valueAt = 0

  get valueLength(): number {
    return this.#current?.valueLength ?? 0
  }

  showValue(out: ValueView): void {
    this.#current?.showValue(out)
  }

  first(): boolean {
    for (const cursor of this.#cursors) cursor.first()
    return this.#settle(1)
  }

  last(): boolean {
    for (const cursor of this.#cursors) cursor.last()
    return this.#settle(-1)
  }

  seekAtLeast(key: Uint8Array, at: number, length: number): boolean {
    for (const cursor of this.#cursors) cursor.seekAtLeast(key, at, length)
    return this.#settle(1)
  }

  seekAfter(key: Uint8Array, at: number, length: number): boolean {
    for (const cursor of this.#cursors) cursor.seekAfter(key, at, length)
    return this.#settle(1)
  }

  seekAtMost(key: Uint8Array, at: number, length: number): boolean {
    for (const cursor of this.#cursors) cursor.seekAtMost(key, at, length)
    return this.#settle(-1)
  }

  seekBefore(key: Uint8Array, at: number, length: number): boolean {
    for (const cursor of this.#cursors) cursor.seekBefore(key, at, length)
    return this.#settle(-1)
  }

  next(): boolean {
    return this.#move(1)
  }

  previous(): boolean {
    return this.#move(-1)
  }

  #move(direction: number): boolean {
    const current = this.#current
    if (current === undefined) return false
    if (direction === this.#direction) {
      this.#moveAllAt(current, direction)
      return this.#settle(direction)
    }
    const key = current.key.slice(0, current.keyLength)
    return direction > 0 ? this.seekAfter(key, 0, key.length) : this.seekBefore(key, 0, key.length)
  }

  /** Moves every cursor that stands on the key of `leader`, that one last. */
  #moveAllAt(leader: RootCursor, direction: number): void {
    for (const cursor of this.#isShared ? this.#cursors : NOBODY) {
      if (cursor === leader || !cursor.isPlaced || order(cursor, leader) !== 0) continue
      if (direction > 0) cursor.next()
      else cursor.previous()
    }
    if (direction > 0) leader.next()
    else leader.previous()
  }

  /** Finds the entry to show: the nearest key in the direction, the newest root's entry for it, unless that is a tombstone. */
  #settle(direction: number): boolean {
    this.#direction = direction
    for (;;) {
      let nearest: RootCursor | undefined
      this.#isShared = false
      for (const cursor of this.#cursors) {
        if (!cursor.isPlaced) continue
        const distance = nearest === undefined ? -1 : order(cursor, nearest) * direction
        if (distance === 0) this.#isShared = true
        if (distance >= 0) continue
        nearest = cursor
        this.#isShared = false
      }
      this.#current = nearest
      if (nearest === undefined) return false
      if (!nearest.isTombstone) return true
      this.#moveAllAt(nearest, direction)
    }
  }
}

function order(a: RootCursor, b: RootCursor): number {
  return compareBytes(a.key, 0, a.keyLength, b.key, 0, b.keyLength)
}
