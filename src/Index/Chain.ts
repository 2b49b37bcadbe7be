/**
 * Pages that follow one another: catalog entries too large for a tree, and the free list.
 *
 * Invariants
 * - A page carries number and checksum of the next, so a chain is written from its end; it lies in the file back to front, in one run.
 * - A chain is read to its end or not at all: a cycle is not possible, since no page can hold the checksum of one that holds its own.
 */
import {
  BLOB,
  COUNT_AT,
  FREE_LIST,
  HEADER_BYTES,
  KIND_AT,
  NEXT_CHECKSUM_AT,
  NEXT_PAGE_AT,
  PAGE_BYTES,
  readU16,
  readU32,
  readU64,
  writeU32,
  writeU64
} from "./Layout.ts"
import type { Budget } from "./Entry.ts"
import { PAGE_COST } from "./Entry.ts"
import type { FreePages } from "./FreePages.ts"
import type { PageCache } from "./PageCache.ts"
import { damage } from "./PageCache.ts"
import type { PageList } from "./PageSet.ts"
import type { PageRun } from "./PageRun.ts"
import { CATALOG_TREE } from "./Version.ts"

/** Bytes of a blob in one page. */
export const BLOB_PAGE_BYTES = PAGE_BYTES - HEADER_BYTES
/** A free-list page begins with the transaction that released its pages; an extent is a first page and a count. */
const EXTENTS_AT = HEADER_BYTES + 8
const EXTENT_BYTES = 8
export const EXTENTS_PER_PAGE = Math.floor((PAGE_BYTES - EXTENTS_AT) / EXTENT_BYTES)

export interface ChainPointer {
  readonly page: number
  readonly checksum: number
}

const END: ChainPointer = { page: 0, checksum: 0 }

/** Writes `content` as a chain of blob pages. */
export function writeBlob(run: PageRun, transaction: number, content: Uint8Array): ChainPointer {
  let next = END
  for (let end = content.length; end > 0;) {
    const start = Math.floor((end - 1) / BLOB_PAGE_BYTES) * BLOB_PAGE_BYTES
    const page = run.begin()
    const base = run.base()
    run.memory.bytes.set(content.subarray(start, end), base + HEADER_BYTES)
    linkPage(run, next)
    const checksum = run.seal(BLOB, 0, CATALOG_TREE, transaction, end - start, HEADER_BYTES + end - start)
    next = { page, checksum }
    end = start
  }
  return next
}

/** Reads the blob of `length` bytes that begins at `pointer`; with `visit`, tells the pages it lies in. */
export function readBlob(
  cache: PageCache,
  file: string,
  pointer: ChainPointer,
  length: number,
  visit?: (page: number) => void
): Uint8Array {
  const content = new Uint8Array(length)
  let { page, checksum } = pointer
  for (let at = 0; at < length;) {
    if (page === 0) throw damage(file, pointer.page, "a catalog entry ends before its length")
    const base = cache.load(page, checksum, 0)
    const { bytes } = cache.memory
    const count = readU16(bytes, base + COUNT_AT)
    if (bytes[base + KIND_AT] !== BLOB || count !== Math.min(length - at, BLOB_PAGE_BYTES)) {
      throw damage(file, page, "not the next page of a catalog entry")
    }
    content.set(bytes.subarray(base + HEADER_BYTES, base + HEADER_BYTES + count), at)
    visit?.(page)
    at += count
    page = readU32(bytes, base + NEXT_PAGE_AT)
    checksum = readU32(bytes, base + NEXT_CHECKSUM_AT)
  }
  return content
}

/** Writes which pages are free at the end of `transaction`, page by page; yields between them when the budget is used up. */
export class FreeListWriter {
  pointer: ChainPointer = END
  readonly #run: PageRun
  readonly #free: FreePages
  readonly #transaction: number
  readonly #budget: Budget
  /** Where the list goes: pages taken before it is begun, since taking one changes it. */
  readonly pages: Array<number> = []
  #used = 0
  #open = false
  #extents = 0
  #by = 0
  #first = 0
  #length = 0

  constructor(run: PageRun, free: FreePages, transaction: number, budget: Budget) {
    this.#run = run
    this.#free = free
    this.#transaction = transaction
    this.#budget = budget
  }

  *work(): Generator<"more", void, void> {
    const free = this.#free
    // Taking pages may cut two runs of reusable ones in two: where the search stands, and where it wraps around.
    let earlier = 2
    for (let page = free.reusable.next(1); page !== 0; page = free.reusable.next(free.reusable.nextAbsent(page))) {
      earlier++
      if (this.#budget.left-- <= 0) yield "more"
    }
    for (const { pages } of free.waiting) earlier += countRuns(pages)
    const pageCount = Math.ceil(earlier / EXTENTS_PER_PAGE) + Math.ceil(countRuns(free.released) / EXTENTS_PER_PAGE)
    for (let index = 0; index < pageCount; index++) this.pages.push(free.take())
    for (let page = free.reusable.next(1); page !== 0;) {
      const end = free.reusable.nextAbsent(page)
      this.#add(page, end - page, this.#transaction - 1)
      page = free.reusable.next(end)
      if (this.#budget.left <= 0) yield "more"
    }
    for (const { pages } of free.waiting) yield* this.#addList(pages, this.#transaction - 1)
    yield* this.#addList(free.released, this.#transaction)
    this.#endExtent()
    this.#endPage()
    while (this.#used < this.pages.length) {
      this.#beginPage(this.#transaction - 1)
      this.#endPage()
    }
  }

  *#addList(pages: PageList, by: number): Generator<"more", void, void> {
    for (let index = 0; index < pages.length; index++) {
      this.#add(pages.get(index), 1, by)
      if (this.#budget.left <= 0) yield "more"
    }
  }

  #add(first: number, length: number, by: number): void {
    this.#budget.left--
    if (this.#length > 0 && this.#by === by && this.#first + this.#length === first) {
      this.#length += length
      return
    }
    this.#endExtent()
    if (this.#extents > 0 && (this.#by !== by || this.#extents === EXTENTS_PER_PAGE)) this.#endPage()
    if (this.#extents === 0) this.#beginPage(by)
    this.#by = by
    this.#first = first
    this.#length = length
  }

  #beginPage(by: number): void {
    const page = this.pages[this.#used++]
    if (page === undefined) throw new Error("the free list needs more pages than were taken for it")
    this.#run.begin(page)
    linkPage(this.#run, this.pointer)
    writeU64(this.#run.memory.bytes, this.#run.base() + HEADER_BYTES, by)
    this.pointer = { page, checksum: 0 }
    this.#open = true
  }

  #endExtent(): void {
    if (this.#length === 0) return
    const at = this.#run.base() + EXTENTS_AT + this.#extents * EXTENT_BYTES
    writeU32(this.#run.memory.bytes, at, this.#first)
    writeU32(this.#run.memory.bytes, at + 4, this.#length)
    this.#extents++
    this.#length = 0
  }

  #endPage(): void {
    if (!this.#open) return
    const used = EXTENTS_AT + this.#extents * EXTENT_BYTES
    const checksum = this.#run.seal(FREE_LIST, 0, CATALOG_TREE, this.#transaction, this.#extents, used)
    this.pointer = { page: this.pointer.page, checksum }
    this.#extents = 0
    this.#open = false
    this.#budget.left -= PAGE_COST
  }
}

/** Reads a free list: every extent with the transaction that released it, and every page the list itself lies in. */
export function readFreeList(
  cache: PageCache,
  file: string,
  pointer: ChainPointer,
  visitPage: (page: number) => void,
  visitExtent: (first: number, count: number, by: number) => void
): void {
  let { page, checksum } = pointer
  while (page !== 0) {
    const base = cache.load(page, checksum, 0)
    const { bytes } = cache.memory
    const count = readU16(bytes, base + COUNT_AT)
    if (bytes[base + KIND_AT] !== FREE_LIST || count > EXTENTS_PER_PAGE) throw damage(file, page, "not a page of the free list")
    visitPage(page)
    const by = readU64(bytes, base + HEADER_BYTES)
    for (let index = 0; index < count; index++) {
      const at = base + EXTENTS_AT + index * EXTENT_BYTES
      visitExtent(readU32(bytes, at), readU32(bytes, at + 4), by)
    }
    page = readU32(bytes, base + NEXT_PAGE_AT)
    checksum = readU32(bytes, base + NEXT_CHECKSUM_AT)
  }
}

function linkPage(run: PageRun, next: ChainPointer): void {
  writeU32(run.memory.bytes, run.base() + NEXT_PAGE_AT, next.page)
  writeU32(run.memory.bytes, run.base() + NEXT_CHECKSUM_AT, next.checksum)
}

function countRuns(pages: PageList): number {
  let runs = 0
  for (let index = 0; index < pages.length; index++) if (index === 0 || pages.get(index) !== pages.get(index - 1) + 1) runs++
  return runs
}
