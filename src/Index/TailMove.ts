/**
 * What has to be written again so that the pages at the end of the file become free: an entry of every leaf there, which takes its place
 * with its own value.
 *
 * Invariants
 * - Writing an entry of a leaf again moves the leaf and every branch above it to the lowest free pages; nothing else changes.
 */
import { LeafEntries } from "./LeafEntries.ts"
import { childChecksum, childPage, entryCount } from "./Page.ts"
import type { PageCache } from "./PageCache.ts"
import type { Root } from "./Version.ts"

export class TailEntries extends LeafEntries {
  /** Collects from the pages from number `from` on, up to `max` leaves. Yields after every branch. */
  *collect(cache: PageCache, root: Root, from: number, max: number): Generator<void, void, void> {
    yield* this.#visit(cache, root.page, root.checksum, root.level, from, max, root.page >= from)
  }

  /** `isDue`: a page above has to move, and nothing below it was collected yet. */
  *#visit(
    cache: PageCache,
    page: number,
    checksum: number,
    level: number,
    from: number,
    max: number,
    isDue: boolean
  ): Generator<void, void, void> {
    if (level === 0) return this.keepFirst(cache, page, checksum)
    const { memory } = cache
    const count = entryCount(memory.bytes, cache.load(page, checksum, level))
    let isOwed = isDue
    for (let slot = 0; slot < count && this.count < max; slot++) {
      const base = cache.load(page, checksum, level)
      const child = childPage(memory, base, count, slot)
      if (level === 1 && child < from && !isOwed) continue
      const before = this.count
      yield* this.#visit(cache, child, childChecksum(memory, base, count, slot), level - 1, from, max, isOwed || child >= from)
      if (this.count > before) isOwed = false
    }
    yield
  }
}
