/**
 * The full check of an index file: reads every page that its newest meta reaches and every promise the format makes about them.
 *
 * Checked
 * - every page: checksum, number, the checksum in the pointer to it, kind, level, tree, a transaction that is not in the future;
 * - tree pages: slots within the page, keys in strictly ascending order within their parent's bounds, heads as the keys say, sizes within
 *   the limits, no tombstone in the last root of a list;
 * - the whole: no page is reached twice, no reached page is free, no page is neither, counts agree with roots and meta;
 * - the version of the older meta: its pages are what it wrote (`OlderVersion.ts`).
 *
 * A problem does not end the check; what hangs under a damaged page is not reached and counts as lost. A page that no version needs and that is
 * not whole is no problem but a leftover: a crash leaves such, and so does damage.
 */
import type { File } from "../Disk/Volume.ts"
import { ENTRY, ROOT, ROOT_KEY_BYTES, ROOT_VALUE_BYTES, chainOf, decodeRoot } from "./Catalog.ts"
import { BLOB_PAGE_BYTES, EXTENTS_PER_PAGE } from "./Chain.ts"
import {
  BLOB,
  BRANCH,
  CAPACITY_BYTES,
  COUNT_AT,
  FREE_LIST,
  HEADER_BYTES,
  HEAD_BYTES,
  KEY_BYTES_MAX,
  KIND_AT,
  LEAF,
  LEVELS_MAX,
  LEVEL_AT,
  META_BYTES,
  NEXT_CHECKSUM_AT,
  NEXT_PAGE_AT,
  OFFSET_MASK,
  PAGE_BYTES,
  POINTER_BYTES,
  SLOT_BYTES,
  TRANSACTION_AT,
  TREE_AT,
  USED_AT,
  VALUE_BYTES_MAX,
  compareBytes,
  pageMemory,
  readU16,
  readU32,
  readU32BigEndian,
  readU64
} from "./Layout.ts"
import type { PageMemory } from "./Layout.ts"
import type { Meta } from "./Meta.ts"
import { decodeMeta } from "./Meta.ts"
import {
  childChecksum,
  childPage,
  copyKey,
  entryCount,
  headIndex,
  headOf,
  isTombstone,
  prefixLength,
  suffixLength,
  valueLength
} from "./Page.ts"
import { OlderVersion } from "./OlderVersion.ts"
import { isWholePage, pageProblem } from "./PageCache.ts"
import { PageSet } from "./PageSet.ts"
import type { Root } from "./Version.ts"
import { CATALOG_TREE } from "./Version.ts"

/** Problems listed at most; more are only counted. */
export const PROBLEMS_MAX = 100

/** One thing that is not as it must be: `page` 0 for the metas and the file as a whole. */
export interface IndexProblem {
  readonly page: number
  /** Bytes from the start of the file. */
  readonly offset: number
  readonly message: string
}

export interface IndexReport {
  readonly transaction: number
  readonly pages: number
  readonly freePages: number
  readonly trees: number
  readonly entries: number
  readonly problems: ReadonlyArray<IndexProblem>
  readonly problemCount: number
  /** Pages that nothing needs and that are not as they were written: the first PROBLEMS_MAX. */
  readonly leftovers: ReadonlyArray<IndexProblem>
}

/** What is known of the tree a page is in. */
interface Tree {
  readonly treeId: number
  readonly tombstones: boolean
  pages: number
  entries: number
  /** The key before, across leaves; order and bounds are checked against it. */
  readonly last: { readonly bytes: Uint8Array; length: number }
}

interface Bounds {
  readonly low: Uint8Array
  /** Nothing: no upper bound. */
  readonly high: Uint8Array | undefined
}

/**
 * Checks a whole index file. Reads it page by page through `file`, past any cache; nothing may write to it meanwhile.
 *
 * @example
 * ```ts
 * const report = verifyIndex(volume.open("index.planck", "read"))
 * for (const { page, message } of report.problems) console.log(page, message)
 * ```
 */
export function verifyIndex(file: File): IndexReport {
  const steps = checkIndex(file)
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/** The same check, page by page: yields before each one. */
export function checkIndex(file: File): Generator<void, IndexReport, void> {
  return new IndexCheck(file).run()
}

class IndexCheck {
  readonly #file: File
  readonly #problems: Array<IndexProblem> = []
  readonly #leftovers: Array<IndexProblem> = []
  readonly #reached = new PageSet()
  readonly #free = new PageSet()
  /** One page for every level of the descent, and one for chains. */
  readonly #memories: ReadonlyArray<PageMemory> = Array.from({ length: LEVELS_MAX + 1 }, () => pageMemory(1))
  readonly #roots = new Map<number, Array<Root>>()
  #problemCount = 0
  #entries = 0
  #meta: Meta | undefined
  #older: Meta | undefined

  constructor(file: File) {
    this.#file = file
  }

  *run(): Generator<void, IndexReport, void> {
    const meta = this.#readMeta()
    this.#meta = meta
    if (meta !== undefined) {
      if (meta.catalog !== undefined) yield* this.#checkRoot(CATALOG_TREE, meta.catalog, false)
      for (const [treeId, roots] of this.#roots) {
        for (const [place, root] of roots.entries()) yield* this.#checkRoot(treeId, root, place + 1 < roots.length)
      }
      yield* this.#checkFreeList(meta)
      this.#checkPartition(meta)
    }
    const pages = this.#reached.size
    if (meta !== undefined) yield* this.#checkRest(meta)
    return {
      transaction: meta?.transaction ?? 0,
      pages,
      freePages: this.#free.size,
      trees: this.#roots.size,
      entries: this.#entries,
      problems: this.#problems,
      problemCount: this.#problemCount,
      leftovers: this.#leftovers
    }
  }

  #problem(page: number, message: string): void {
    this.#problemCount++
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ page, offset: page * PAGE_BYTES, message })
  }

  /** One meta alone is no problem: a power cut may tear the other while it is written, and whoever opens the file says so. */
  #readMeta(): Meta | undefined {
    const block = new Uint8Array(2 * META_BYTES)
    this.#file.readAt(0, block)
    const torn: Array<string> = []
    const metas: Array<Meta> = []
    for (const at of [0, META_BYTES]) {
      const meta = decodeMeta(block.subarray(at, at + META_BYTES), this.#file.path)
      if (typeof meta === "string") torn.push(`meta at offset ${at}: ${meta}`)
      else metas.push(meta)
    }
    const [newest, older] = metas.toSorted((a, b) => b.transaction - a.transaction)
    this.#older = older
    if (newest === undefined) for (const message of torn) this.#problem(0, message)
    if (newest !== undefined && this.#file.size() < newest.pageCount * PAGE_BYTES)
      this.#problem(0, "the file is shorter than its meta says")
    return newest
  }

  /** Reads a page that a pointer leads to into `memory`; false (and a problem) when it must not be looked at. */
  #read(memory: PageMemory, page: number, checksum: number): boolean {
    const meta = this.#meta!
    if (page === 0 || page >= meta.pageCount) return this.#refuse(page, "a pointer leads outside the file")
    if (!this.#reached.add(page)) return this.#refuse(page, "the page is reached twice")
    const length = this.#file.readAt(page * PAGE_BYTES, memory.bytes)
    if (length < PAGE_BYTES) return this.#refuse(page, "the file ends within the page")
    const problem = pageProblem(memory.bytes, page, checksum, meta.salt)
    if (problem !== undefined) return this.#refuse(page, problem)
    const transaction = readU64(memory.bytes, TRANSACTION_AT)
    if (transaction > meta.transaction) this.#problem(page, `written by transaction ${transaction}, the last one is ${meta.transaction}`)
    return true
  }

  #refuse(page: number, message: string): boolean {
    this.#problem(page, message)
    return false
  }

  *#checkRoot(treeId: number, root: Root, tombstones: boolean): Generator<void, void, void> {
    const last = { bytes: new Uint8Array(KEY_BYTES_MAX + HEAD_BYTES), length: -1 }
    const tree: Tree = { treeId, tombstones, pages: 0, entries: 0, last }
    if (root.level >= LEVELS_MAX) {
      this.#problem(root.page, `the root of tree ${treeId} is at level ${root.level}`)
      return
    }
    yield* this.#checkTreePage(tree, root.page, root.checksum, root.level, { low: new Uint8Array(0), high: undefined })
    this.#entries += tree.entries
    if (tree.entries !== root.entries) this.#problem(root.page, `tree ${treeId} has ${tree.entries} entries, its root says ${root.entries}`)
    if (tree.pages !== root.pages) this.#problem(root.page, `tree ${treeId} has ${tree.pages} pages, its root says ${root.pages}`)
  }

  *#checkTreePage(tree: Tree, page: number, checksum: number, level: number, bounds: Bounds): Generator<void, void, void> {
    const memory = this.#memories[level]!
    yield
    if (!this.#read(memory, page, checksum)) return
    tree.pages++
    const { bytes } = memory
    if (bytes[KIND_AT] !== (level === 0 ? LEAF : BRANCH)) return this.#problem(page, `kind ${bytes[KIND_AT]} at level ${level}`)
    if (bytes[LEVEL_AT] !== level) return this.#problem(page, `level ${bytes[LEVEL_AT]} where ${level} was expected`)
    if (readU32(bytes, TREE_AT) !== tree.treeId)
      return this.#problem(page, `a page of tree ${readU32(bytes, TREE_AT)} in tree ${tree.treeId}`)
    if (!this.#checkSlots(memory, page, level)) return
    if (level === 0) yield* this.#checkLeaf(tree, memory, page, bounds)
    else yield* this.#checkBranch(tree, memory, page, level, bounds)
  }

  /** Whether everything in the page lies in the page, so that it may be read. */
  #checkSlots(memory: PageMemory, page: number, level: number): boolean {
    const { bytes, words } = memory
    const count = entryCount(bytes, 0)
    const prefix = prefixLength(bytes, 0)
    const used = readU16(bytes, USED_AT)
    const cells = HEADER_BYTES + count * SLOT_BYTES + prefix
    if (count === 0 || count * SLOT_BYTES > CAPACITY_BYTES || cells > used || used > PAGE_BYTES)
      return this.#refuse(page, "its parts overlap")
    let end = cells
    for (let slot = 0; slot < count; slot++) {
      const descriptor = words[headIndex(0) + count + slot]!
      const suffix = suffixLength(descriptor)
      const value = valueLength(descriptor)
      const length = Math.max(0, suffix - HEAD_BYTES) + value
      if ((descriptor & OFFSET_MASK) !== (end & OFFSET_MASK)) return this.#refuse(page, `entry ${slot} is not behind the one before`)
      end += length
      if (end > used) return this.#refuse(page, `entry ${slot} lies outside the page`)
      const keyed = level === 0 || slot > 0
      if (keyed && (prefix + suffix === 0 || prefix + suffix > KEY_BYTES_MAX))
        return this.#refuse(page, `entry ${slot} has a key of ${prefix + suffix} bytes`)
      if (!keyed && suffix !== 0) return this.#refuse(page, "the first entry of a branch has a key")
      if (level > 0 ? value !== POINTER_BYTES : value > VALUE_BYTES_MAX)
        return this.#refuse(page, `entry ${slot} has a value of ${value} bytes`)
    }
    return end === used || this.#refuse(page, "its entries end before the page says")
  }

  *#checkLeaf(tree: Tree, memory: PageMemory, page: number, bounds: Bounds): Generator<void, void, void> {
    const { bytes, words } = memory
    const count = entryCount(bytes, 0)
    const key = new Uint8Array(KEY_BYTES_MAX + HEAD_BYTES)
    for (let slot = 0; slot < count; slot++) {
      const length = copyKey(memory, 0, slot, key, 0)
      this.#checkKey(tree, memory, page, slot, key, length, bounds)
      const descriptor = words[headIndex(0) + count + slot]!
      if (isTombstone(descriptor) && !tree.tombstones) this.#problem(page, `entry ${slot} is a tombstone with nothing older behind it`)
      if (tree.treeId === CATALOG_TREE) yield* this.#readCatalogEntry(memory, page, key, length, descriptor)
    }
    tree.entries += count
  }

  #checkKey(tree: Tree, memory: PageMemory, page: number, slot: number, key: Uint8Array, length: number, { low, high }: Bounds): void {
    const prefix = prefixLength(memory.bytes, 0)
    if (memory.words[headIndex(0) + slot] !== headOf(key, prefix, length - prefix))
      this.#problem(page, `the head of entry ${slot} is not its key's`)
    const { last } = tree
    if (last.length >= 0 && compareBytes(last.bytes, 0, last.length, key, 0, length) >= 0)
      this.#problem(page, `entry ${slot} is out of order`)
    if (compareBytes(key, 0, length, low, 0, low.length) < 0) this.#problem(page, `entry ${slot} is below what its parent says`)
    if (high !== undefined && compareBytes(key, 0, length, high, 0, high.length) >= 0)
      this.#problem(page, `entry ${slot} is above what its parent says`)
    last.bytes.set(key.subarray(0, length))
    last.length = length
  }

  *#checkBranch(tree: Tree, memory: PageMemory, page: number, level: number, bounds: Bounds): Generator<void, void, void> {
    const count = entryCount(memory.bytes, 0)
    const key = new Uint8Array(KEY_BYTES_MAX + HEAD_BYTES)
    const separators: Array<Uint8Array> = [bounds.low]
    for (let slot = 1; slot < count; slot++) {
      const length = copyKey(memory, 0, slot, key, 0)
      const before = separators[slot - 1]!
      const prefix = prefixLength(memory.bytes, 0)
      if (memory.words[headIndex(0) + slot] !== headOf(key, prefix, length - prefix))
        this.#problem(page, `the head of entry ${slot} is not its key's`)
      if (compareBytes(before, 0, before.length, key, 0, length) >= 0) this.#problem(page, `separator ${slot} is out of order`)
      if (bounds.high !== undefined && compareBytes(key, 0, length, bounds.high, 0, bounds.high.length) >= 0) {
        this.#problem(page, `separator ${slot} is above what the parent says`)
      }
      separators.push(key.slice(0, length))
    }
    for (let slot = 0; slot < count; slot++) {
      const within = { low: separators[slot]!, high: separators[slot + 1] ?? bounds.high }
      yield* this.#checkTreePage(tree, childPage(memory, 0, count, slot), childChecksum(memory, 0, count, slot), level - 1, within)
    }
  }

  /** Roots of other trees, and the blobs of entries. */
  *#readCatalogEntry(memory: PageMemory, page: number, key: Uint8Array, length: number, descriptor: number): Generator<void, void, void> {
    const { bytes } = memory
    const at = (descriptor & OFFSET_MASK) + Math.max(0, suffixLength(descriptor) - HEAD_BYTES)
    if (key[0] === ROOT && length === ROOT_KEY_BYTES && valueLength(descriptor) === ROOT_VALUE_BYTES) {
      const treeId = readU32BigEndian(key, 1)
      const roots = this.#roots.get(treeId) ?? []
      this.#roots.set(treeId, roots)
      const place = (key[5]! << 8) | key[6]!
      if (place !== roots.length) this.#problem(page, `tree ${treeId} has a root in place ${place} after ${roots.length} others`)
      roots.push(decodeRoot(bytes, at))
      return
    }
    if (key[0] !== ENTRY) return this.#problem(page, `a catalog entry of kind ${key[0]}`)
    const chain = chainOf(bytes, at)
    if (chain !== undefined) yield* this.#checkBlob(chain.page, chain.checksum, chain.length)
  }

  *#checkBlob(firstPage: number, firstChecksum: number, length: number): Generator<void, void, void> {
    const memory = this.#memories[LEVELS_MAX]!
    let page = firstPage
    let checksum = firstChecksum
    for (let left = length; left > 0; left -= BLOB_PAGE_BYTES) {
      yield
      if (!this.#read(memory, page, checksum)) return
      if (memory.bytes[KIND_AT] !== BLOB) return this.#problem(page, "not a page of a catalog entry")
      if (readU16(memory.bytes, COUNT_AT) !== Math.min(left, BLOB_PAGE_BYTES)) return this.#problem(page, "not as long as its entry needs")
      page = readU32(memory.bytes, NEXT_PAGE_AT)
      checksum = readU32(memory.bytes, NEXT_CHECKSUM_AT)
    }
    if (page !== 0) this.#problem(page, "a catalog entry goes on behind its length")
  }

  *#checkFreeList(meta: Meta): Generator<void, void, void> {
    const memory = this.#memories[LEVELS_MAX]!
    let page = meta.freeListPage
    let checksum = meta.freeListChecksum
    while (page !== 0) {
      yield
      if (!this.#read(memory, page, checksum)) return
      const { bytes } = memory
      const count = readU16(bytes, COUNT_AT)
      if (bytes[KIND_AT] !== FREE_LIST || count > EXTENTS_PER_PAGE) return this.#problem(page, "not a page of the free list")
      if (readU64(bytes, HEADER_BYTES) > meta.transaction) this.#problem(page, "pages released by a transaction that was not yet")
      for (let at = HEADER_BYTES + 8; at < HEADER_BYTES + 8 + count * 8; at += 8) {
        this.#checkExtent(meta, page, readU32(bytes, at), readU32(bytes, at + 4))
      }
      page = readU32(bytes, NEXT_PAGE_AT)
      checksum = readU32(bytes, NEXT_CHECKSUM_AT)
    }
    if (this.#free.size !== meta.freePages) this.#problem(0, `${this.#free.size} pages are free, the meta says ${meta.freePages}`)
  }

  #checkExtent(meta: Meta, page: number, first: number, count: number): void {
    if (first === 0 || count === 0 || first + count > meta.pageCount)
      return this.#problem(page, `free pages ${first} + ${count} are outside the file`)
    for (let free = first; free < first + count; free++) if (!this.#free.add(free)) this.#problem(free, "the page is free twice")
  }

  /** The version before, and the pages that no version needs. */
  *#checkRest(meta: Meta): Generator<void, void, void> {
    const older = this.#older
    if (older !== undefined && older.transaction !== meta.transaction)
      yield* new OlderVersion(this.#file, older, this.#reached, this.#memories, (page, message) => this.#problem(page, message)).run()
    const memory = this.#memories[0]!
    for (let page = 1; page < meta.pageCount; page++) {
      if (this.#reached.has(page) || !this.#free.has(page)) continue
      yield
      const length = this.#file.readAt(page * PAGE_BYTES, memory.bytes)
      if (length === PAGE_BYTES && (isWholePage(memory.bytes, page, meta.salt) || memory.words.every((word) => word === 0))) continue
      if (this.#leftovers.length < PROBLEMS_MAX)
        this.#leftovers.push({ page, offset: page * PAGE_BYTES, message: "a free page that is not as it was written" })
    }
  }

  /** Every page is either reached or free. */
  #checkPartition(meta: Meta): void {
    for (let page = 1; page < meta.pageCount; page++) {
      const reached = this.#reached.has(page)
      const free = this.#free.has(page)
      if (reached && free) this.#problem(page, "the page is in use and free")
      if (!reached && !free) this.#problem(page, "the page is neither in use nor free")
    }
  }
}
