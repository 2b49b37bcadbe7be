/**
 * The leaves of a part of a root, to be written again as full pages: an entry of each, with its own value.
 *
 * Invariants
 * - Leaves are taken as they follow one another, so that what is written again is one run and only its last two pages are evened out.
 */
import { HEADER_BYTES, CAPACITY_BYTES, HEAD_BYTES, KEY_BYTES_MAX, USED_AT, readU16 } from "./Layout.ts"
import { LeafEntries } from "./LeafEntries.ts"
import { childChecksum, childPage, copyKey, entryCount, findChild } from "./Page.ts"
import { FULL_BYTES } from "./PageBuilder.ts"
import type { PageCache } from "./PageCache.ts"
import type { Root } from "./Version.ts"

/** A part of a tree whose leaves are packed in one transaction. */
export class PackPart {
  readonly from: Uint8Array | undefined
  readonly leavesMax: number
  /** Where the part after it begins, once it is packed; undefined when it was the last. */
  next: Uint8Array | undefined

  /** Begins at the leaf that `from` belongs to, the first unless given, and takes up to `leavesMax`. */
  constructor(from: Uint8Array | undefined, leavesMax: number) {
    this.from = from
    this.leavesMax = leavesMax
  }
}

export class LooseLeaves extends LeafEntries {
  /** A key below which everything was collected, and none behind it; undefined at the end. */
  end: Uint8Array | undefined
  #usedBytes = 0

  /** Whether what is in the leaves fits into noticeably fewer. */
  get isLoose(): boolean {
    const isFewer = Math.ceil(this.#usedBytes / CAPACITY_BYTES) < this.count
    return isFewer && this.#usedBytes < this.count * FULL_BYTES
  }

  /** Collects up to `max` leaves from the one on that `from` belongs to. Yields after every branch. */
  *collect(cache: PageCache, root: Root, from: Uint8Array | undefined, max: number): Generator<void, void, void> {
    yield* this.#visit(cache, root.page, root.checksum, root.level, from, max)
  }

  *#visit(
    cache: PageCache,
    page: number,
    checksum: number,
    level: number,
    from: Uint8Array | undefined,
    max: number
  ): Generator<void, void, void> {
    const { memory } = cache
    if (level === 0) {
      this.#usedBytes += readU16(memory.bytes, cache.load(page, checksum, 0) + USED_AT) - HEADER_BYTES
      return this.keepFirst(cache, page, checksum)
    }
    const loaded = cache.load(page, checksum, level)
    const count = entryCount(memory.bytes, loaded)
    const first = from === undefined ? 0 : findChild(memory, loaded, from, 0, from.length)
    for (let slot = first; slot < count && this.end === undefined; slot++) {
      const base = cache.load(page, checksum, level)
      if (this.count >= max) {
        const key = new Uint8Array(KEY_BYTES_MAX + HEAD_BYTES)
        this.end = key.slice(0, copyKey(memory, base, slot, key, 0))
        return
      }
      const child = childPage(memory, base, count, slot)
      yield* this.#visit(cache, child, childChecksum(memory, base, count, slot), level - 1, slot === first ? from : undefined, max)
    }
    yield
  }
}
