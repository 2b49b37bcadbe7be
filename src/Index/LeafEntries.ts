/** Entries that have to be written again as they are, each for the leaf it is the first of, in key order, as a source. */
import type { EntrySource } from "./Entry.ts"
import { HEAD_BYTES, KEY_BYTES_MAX, VALUE_BYTES_MAX } from "./Layout.ts"
import { copyKey, entryCount, headIndex, isTombstone, valueLength, valueOffset } from "./Page.ts"
import type { PageCache } from "./PageCache.ts"

interface KeptEntry {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly remove: boolean
}

export class LeafEntries implements EntrySource {
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

  /** Keeps the first entry of a leaf. */
  protected keepFirst(cache: PageCache, page: number, checksum: number): void {
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
