/**
 * The check of what only the older of the two metas reaches: it has to be whole, for an opening that cannot use the newer one goes back to it.
 *
 * Checked: checksum and number of every page that the newer version does not reach. Pages never change, so what both reach was checked there.
 */
import type { File } from "../Disk/Volume.ts"
import { chainOf, decodeRoot, ROOT, ROOT_KEY_BYTES, ROOT_VALUE_BYTES } from "./Catalog.ts"
import {
  HEAD_BYTES,
  KEY_BYTES_MAX,
  LEVELS_MAX,
  NEXT_CHECKSUM_AT,
  NEXT_PAGE_AT,
  OFFSET_MASK,
  PAGE_BYTES,
  type PageMemory,
  readU32
} from "./Layout.ts"
import type { Meta } from "./Meta.ts"
import { childChecksum, childPage, copyKey, entryCount, headIndex, suffixLength, valueLength } from "./Page.ts"
import { pageProblem } from "./PageCache.ts"
import type { PageSet } from "./PageSet.ts"
import type { Root } from "./Version.ts"

export class OlderVersion {
  readonly #file: File
  readonly #meta: Meta
  /** What the newer version reaches; the pages found here are added. */
  readonly #reached: PageSet
  readonly #problem: (page: number, message: string) => void
  /** One page for every level of the descent, and one for chains. */
  readonly #memories: ReadonlyArray<PageMemory>
  readonly #roots: Array<Root> = []

  constructor(
    file: File,
    meta: Meta,
    reached: PageSet,
    memories: ReadonlyArray<PageMemory>,
    problem: (page: number, message: string) => void
  ) {
    this.#file = file
    this.#memories = memories
    this.#meta = meta
    this.#reached = reached
    this.#problem = problem
  }

  /** Yields before each page. */
  *run(): Generator<void, void, void> {
    const { catalog, freeListChecksum, freeListPage } = this.#meta
    if (catalog !== undefined) yield* this.#visit(catalog.page, catalog.checksum, catalog.level, true)
    for (const { checksum, level, page } of this.#roots) yield* this.#visit(page, checksum, level, false)
    yield* this.#follow(freeListPage, freeListChecksum)
  }

  *#visit(page: number, checksum: number, level: number, isCatalog: boolean): Generator<void, void, void> {
    if (level >= LEVELS_MAX) return this.#problem(page, `the commit before has a root at level ${level}`)
    const memory = this.#memories[level]!
    // The catalog's leaves are looked into although both have them: they lead to other trees.
    const isKnown = this.#reached.has(page)
    if (isKnown && !isCatalog) return
    yield
    if (!this.#read(memory, page, checksum, isKnown)) return
    const count = entryCount(memory.bytes, 0)
    if (level === 0 && isCatalog) return yield* this.#readCatalog(memory, count)
    if (level === 0) return
    for (let slot = 0; slot < count; slot++)
      yield* this.#visit(childPage(memory, 0, count, slot), childChecksum(memory, 0, count, slot), level - 1, isCatalog)
  }

  *#readCatalog({ bytes, words }: PageMemory, count: number): Generator<void, void, void> {
    const memory = this.#memories[0]!
    const key = new Uint8Array(KEY_BYTES_MAX + HEAD_BYTES)
    for (let slot = 0; slot < count; slot++) {
      const length = copyKey(memory, 0, slot, key, 0)
      const descriptor = words[headIndex(0) + count + slot]!
      const at = (descriptor & OFFSET_MASK) + Math.max(0, suffixLength(descriptor) - HEAD_BYTES)
      if (key[0] === ROOT && length === ROOT_KEY_BYTES && valueLength(descriptor) === ROOT_VALUE_BYTES) {
        this.#roots.push(decodeRoot(bytes, at))
        continue
      }
      const chain = chainOf(bytes, at)
      if (chain !== undefined) yield* this.#follow(chain.page, chain.checksum)
    }
  }

  /** The pages of a chain. One that the newer version has too goes on as it does there. */
  *#follow(firstPage: number, firstChecksum: number): Generator<void, void, void> {
    const memory = this.#memories[LEVELS_MAX]!
    let page = firstPage
    let checksum = firstChecksum
    while (page !== 0 && !this.#reached.has(page)) {
      yield
      if (!this.#read(memory, page, checksum, false)) return
      page = readU32(memory.bytes, NEXT_PAGE_AT)
      checksum = readU32(memory.bytes, NEXT_CHECKSUM_AT)
    }
  }

  /** Reads a page into `memory`; false when it must not be looked at, with a problem unless that is known. */
  #read(memory: PageMemory, page: number, checksum: number, isKnown: boolean): boolean {
    const { pageCount, salt } = this.#meta
    const isWithin = page !== 0 && page < pageCount && this.#file.readAt(page * PAGE_BYTES, memory.bytes) === PAGE_BYTES
    const problem = isWithin ? pageProblem(memory.bytes, page, checksum, salt) : "a pointer leads outside the file"
    if (!isKnown) this.#reached.add(page)
    if (problem === undefined) return true
    if (!isKnown) this.#problem(page, `the commit before needs it, and ${problem}`)
    return false
  }
}
