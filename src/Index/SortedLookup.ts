/**
 * Point lookups in one version of a tree for keys that come in order: two of them are often in the same leaf, and then nothing above it is
 * looked at again.
 *
 * Invariants
 * - No key is below the one before, so a key that is not above everything in the leaf of the last one belongs there.
 * - Where a leaf lies in the cache is asked again at every lookup, as a cursor does: the frame may have gone to another page.
 */
import type { ValueView } from "./Entry.ts"
import { childChecksum, childPage, entryCount, findChild, findSlot, headIndex, isTombstone, valueLength, valueOffset } from "./Page.ts"
import type { PageCache } from "./PageCache.ts"
import { ABSENT, DELETED, PRESENT, type ReadGuard } from "./RootCursor.ts"
import type { Root } from "./Version.ts"

export class SortedLookup {
  readonly #roots: ReadonlyArray<RootLookup>
  readonly #guard: ReadGuard

  /** `roots`: newest first. */
  constructor(cache: PageCache, roots: ReadonlyArray<Root>, guard: ReadGuard) {
    this.#roots = roots.map((root) => new RootLookup(cache, root))
    this.#guard = guard
  }

  /**
   * What the newest root says that has anything to say of `key`, which is not below the key asked for before: PRESENT with its value in `out`
   * until the next call on the file, DELETED when a tombstone is there, or ABSENT.
   */
  find(key: Uint8Array, at: number, length: number, out: ValueView): number {
    this.#guard()
    for (const root of this.#roots) {
      const found = root.find(key, at, length, out)
      if (found !== ABSENT) return found
    }
    return ABSENT
  }
}

class RootLookup {
  readonly #cache: PageCache
  readonly #root: Root
  #isInLeaf = false
  #page = 0
  #base = 0
  /** Where the last key is in the leaf, or would be. */
  #slot = 0

  constructor(cache: PageCache, root: Root) {
    this.#cache = cache
    this.#root = root
  }

  find(key: Uint8Array, at: number, length: number, out: ValueView): number {
    if (this.#root.filter?.mayHave(key, at, length) === false) return ABSENT
    const { memory } = this.#cache
    const slot = this.#slotInLeaf(key, at, length) ?? this.#slotFromRoot(key, at, length)
    this.#slot = slot < 0 ? ~slot : slot
    if (slot < 0) return ABSENT
    const descriptor = memory.words[headIndex(this.#base) + entryCount(memory.bytes, this.#base) + slot]!
    if (isTombstone(descriptor)) return DELETED
    out.show(memory, valueOffset(this.#base, descriptor), valueLength(descriptor))
    return PRESENT
  }

  /** As `findSlot`, in the leaf of the last key; undefined when the key may be in one behind it. */
  #slotInLeaf(key: Uint8Array, at: number, length: number): number | undefined {
    if (!this.#isInLeaf || !this.#cache.holds(this.#base, this.#page)) return undefined
    const { memory } = this.#cache
    const slot = findSlot(memory, this.#base, this.#slot, key, at, length)
    return slot < 0 && ~slot === entryCount(memory.bytes, this.#base) ? undefined : slot
  }

  #slotFromRoot(key: Uint8Array, at: number, length: number): number {
    const cache = this.#cache
    const { memory } = cache
    let { page, checksum } = this.#root
    for (let level = this.#root.level; level > 0; level--) {
      const base = cache.load(page, checksum, level)
      const slot = findChild(memory, base, key, at, length)
      const count = entryCount(memory.bytes, base)
      page = childPage(memory, base, count, slot)
      checksum = childChecksum(memory, base, count, slot)
    }
    this.#base = cache.load(page, checksum, 0)
    this.#page = page
    this.#isInLeaf = true
    return findSlot(memory, this.#base, 0, key, at, length)
  }
}
