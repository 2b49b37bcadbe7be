/**
 * What has to be written again so that the pages at the end of the file become free: an entry of every leaf there, which takes its place
 * with its own value.
 *
 * Invariants
 * - Writing an entry of a leaf again moves the leaf and every branch above it to the lowest free pages; nothing else changes.
 */
import type { EntrySource } from "./Entry.ts"
import { KEY_BYTES_MAX, HEAD_BYTES, VALUE_BYTES_MAX } from "./Layout.ts"
import { childChecksum, childPage, copyKey, entryCount, headIndex, isTombstone, valueLength, valueOffset } from "./Page.ts"
import type { PageCache } from "./PageCache.ts"
import type { Root } from "./Version.ts"

interface KeptEntry {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly remove: boolean
}

/** Entries of one root that have to be written again, in key order, as a source. */
export class TailEntries implements EntrySource {
  readonly #entries: Array<KeptEntry> = []
  #index = -1
  readonly keyAt = 0
  readonly valueAt = 0

  get count(): number {
    return this.#entries.length
  }

  get key(): Uint8Array {
    return this.#entries[this.#index]!.key
  }

  get keyLength(): number {
    return this.key.length
  }

  get value(): Uint8Array {
    return this.#entries[this.#index]!.value
  }

  get valueLength(): number {
    return this.value.length
  }

  get remove(): boolean {
    return this.#entries[this.#index]!.remove
  }

  next(): boolean {
    return ++this.#index < this.#entries.length
  }

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
    if (level === 0) return this.#keepFirst(cache, page, checksum)
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

  #keepFirst(cache: PageCache, page: number, checksum: number): void {
    const { memory } = cache
    const base = cache.load(page, checksum, 0)
    const key = new Uint8Array(KEY_BYTES_MAX + HEAD_BYTES)
    const length = copyKey(memory, base, 0, key, 0)
    const descriptor = memory.words[headIndex(base) + entryCount(memory.bytes, base)]!
    const at = valueOffset(base, descriptor)
    const value = memory.bytes.slice(at, at + Math.min(valueLength(descriptor), VALUE_BYTES_MAX))
    this.#entries.push({ key: key.slice(0, length), value, remove: isTombstone(descriptor) })
  }
}
