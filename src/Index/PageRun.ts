/**
 * The way pages get to disk: taken, built in a buffer, written in runs of neighbours.
 *
 * Invariants
 * - A page is built in place and sealed once (header, checksum); from then on its bytes do not change.
 * - Pages that follow one another in the file leave in one write of at most RUN_PAGES pages. After `flush` all sealed pages are written
 *   and in the cache; before it nobody reads them.
 */
import type { File } from "../Disk/Volume.ts"
import type { FreePages } from "./FreePages.ts"
import type { PageMemory } from "./Layout.ts"
import {
  CHECKSUM_AT,
  COUNT_AT,
  KIND_AT,
  LEVEL_AT,
  NUMBER_AT,
  PAGE_BYTES,
  TRANSACTION_AT,
  TREE_AT,
  pageMemory,
  writeU16,
  writeU32,
  writeU64
} from "./Layout.ts"
import type { PageCache } from "./PageCache.ts"
import { pageChecksum } from "./PageCache.ts"

/** Pages of one write at most: 512 KiB. */
export const RUN_PAGES = 64

export class PageRun {
  readonly memory: PageMemory
  readonly #file: File
  readonly #cache: PageCache
  readonly #free: FreePages
  readonly #salt: number
  #first = 0
  #count = 0

  constructor(file: File, cache: PageCache, free: FreePages, salt: number) {
    this.#file = file
    this.#cache = cache
    this.#free = free
    this.#salt = salt
    this.memory = pageMemory(RUN_PAGES)
  }

  /** Begins a page, one taken before or a new one; its number. Build it at `base()`, then call `seal` before the next `begin`. */
  begin(page: number = this.#free.take()): number {
    this.#cache.drop(page)
    if (this.#count === RUN_PAGES || (this.#count > 0 && page !== this.#first + this.#count)) this.flush()
    if (this.#count === 0) this.#first = page
    this.#count++
    return page
  }

  /** Where the page begun last lies in `memory`. */
  base(): number {
    return (this.#count - 1) * PAGE_BYTES
  }

  /** Completes the page begun last: writes its header and zeros behind `used` bytes. Returns its checksum. */
  seal(kind: number, level: number, treeId: number, transaction: number, count: number, used: number): number {
    const { bytes } = this.memory
    const base = this.base()
    bytes.fill(0, base + used, base + PAGE_BYTES)
    writeU32(bytes, base + NUMBER_AT, this.#first + this.#count - 1)
    writeU64(bytes, base + TRANSACTION_AT, transaction)
    writeU32(bytes, base + TREE_AT, treeId)
    bytes[base + KIND_AT] = kind
    bytes[base + LEVEL_AT] = level
    writeU16(bytes, base + COUNT_AT, count)
    const checksum = pageChecksum(bytes.subarray(base, base + PAGE_BYTES), this.#salt)
    writeU32(bytes, base + CHECKSUM_AT, checksum)
    return checksum
  }

  /** Writes what is sealed. */
  flush(): void {
    const count = this.#count
    if (count === 0) return
    this.#count = 0
    this.#file.writeAt(this.#first * PAGE_BYTES, this.memory.bytes.subarray(0, count * PAGE_BYTES))
    for (let index = 0; index < count; index++) this.#cache.install(this.#first + index, this.memory.bytes, index * PAGE_BYTES)
  }

  /** Forgets sealed pages that were not written. */
  discard(): void {
    this.#count = 0
  }
}
