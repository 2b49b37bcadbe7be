/**
 * Which pages may be written next.
 *
 * Invariants
 * - Every page of the file is reachable from the current version, reusable, or waiting; never two of these.
 * - A page that transaction N stopped using waits until transaction N + 2 (by then both metas are past the versions that reach it) and
 *   until no version up to N is pinned.
 * - What is reusable at the end of the file may be cut from it: neither the version before the open transaction's nor a pinned one reaches it.
 * - Until a transaction commits nothing of it lasts: `abort` brings back every page it took and forgets what it released.
 */
import { indexFault } from "./Errors.ts"
import { PAGES_MAX } from "./Layout.ts"
import { PageList, PageSet } from "./PageSet.ts"

interface Released {
  readonly transaction: number
  readonly pages: PageList
}

export class FreePages {
  readonly #file: string
  /** May be taken at once. */
  readonly reusable = new PageSet()
  /** Released by earlier transactions, oldest first, and not yet reusable. */
  #waiting: Array<Released> = []
  /** Taken by the open transaction; those it released again are reusable and stay in `#taken`. */
  #taken = new PageList()
  readonly #own = new PageSet()
  #released = new PageList()
  /** Cut from the end by the open transaction. */
  #trimmed = new PageList()
  /** Where the free list of the current version lies. */
  #listPages: ReadonlyArray<number> = []
  #pageCount: number
  #pageCountBefore: number
  /** Fewest pages cut from the end at once. */
  readonly #trimPagesMin: number
  /** Where the search for a reusable page goes on, so that pages of one transaction come in ascending runs. */
  #cursor = 1

  constructor(file: string, pageCount: number, trimPagesMin: number) {
    this.#file = file
    this.#trimPagesMin = trimPagesMin
    this.#pageCount = pageCount
    this.#pageCountBefore = pageCount
  }

  /** Pages of the file, the metas' page 0 included. */
  get pageCount(): number {
    return this.#pageCount
  }

  /** Pages nothing reaches any more, waiting ones included. */
  get freeCount(): number {
    return this.#waiting.reduce((sum, { pages }) => sum + pages.length, this.reusable.size + this.#released.length)
  }

  /** Whether the open transaction took or released a page. */
  get isTouched(): boolean {
    return this.#taken.length > 0 || this.#released.length > 0 || this.#trimmed.length > 0
  }

  /** What the open transaction released. */
  get released(): PageList {
    return this.#released
  }

  get waiting(): ReadonlyArray<Released> {
    return this.#waiting
  }

  /** The pages of the free list on disk, which the next one replaces. */
  get listPages(): ReadonlyArray<number> {
    return this.#listPages
  }

  /** Says where the free list on disk lies. */
  restoreList(pages: ReadonlyArray<number>): void {
    this.#listPages = pages
  }

  /** A page that an earlier process left free: `transaction` released it. */
  restore(page: number, transaction: number, current: number): void {
    if (transaction < current) {
      this.reusable.add(page)
      return
    }
    let last = this.#waiting.at(-1)
    if (last?.transaction !== transaction) this.#waiting.push((last = { transaction, pages: new PageList() }))
    last.pages.push(page)
  }

  /** Opens a transaction. `oldestPinned` is the lowest pinned version, Infinity when none is. */
  begin(transaction: number, oldestPinned: number): void {
    const ready = ({ transaction: by }: Released) => isReleased(by, transaction, oldestPinned)
    for (const { pages } of this.#waiting.filter(ready)) {
      for (let index = 0; index < pages.length; index++) this.reusable.add(pages.get(index))
    }
    this.#waiting = this.#waiting.filter((released) => !ready(released))
    this.#pageCountBefore = this.#pageCount
    this.#cursor = 1
  }

  /** A page to write: a reusable one when there is one, else the file grows. */
  take(): number {
    let page = this.reusable.next(this.#cursor)
    if (page === 0 && this.#cursor > 1) page = this.reusable.next(1)
    if (page !== 0) this.reusable.delete(page)
    else {
      if (this.#pageCount >= PAGES_MAX) throw indexFault({ _tag: "InvalidEntry", message: `${this.#file} has all the pages it can have` })
      page = this.#pageCount++
    }
    this.#cursor = page + 1
    if (this.#own.add(page)) this.#taken.push(page)
    return page
  }

  /** Cuts the reusable pages at the end of the file off, when they are many. */
  trim(): void {
    let end = this.#pageCount
    while (end > 1 && this.reusable.has(end - 1)) end--
    if (this.#pageCount - end < this.#trimPagesMin) return
    for (let page = end; page < this.#pageCount; page++) {
      this.reusable.delete(page)
      this.#trimmed.push(page)
    }
    this.#pageCount = end
    if (this.#cursor > end) this.#cursor = 1
  }

  /** Whether the open transaction wrote the page. */
  isOwn(page: number): boolean {
    return this.#own.has(page)
  }

  /** Gives up a page: one of the transaction's own is reusable at once, any other when the rule allows. */
  release(page: number): void {
    if (this.#own.has(page)) this.reusable.add(page)
    else this.#released.push(page)
  }

  /** The transaction is on disk; with `listPages` the free list lies in them now. */
  commit(transaction: number, listPages: ReadonlyArray<number> | undefined): void {
    if (listPages !== undefined) this.#listPages = listPages
    if (this.#released.length > 0) this.#waiting.push({ transaction, pages: this.#released })
    this.#end()
  }

  abort(): void {
    for (let index = 0; index < this.#taken.length; index++) this.reusable.add(this.#taken.get(index))
    for (let index = 0; index < this.#trimmed.length; index++) this.reusable.add(this.#trimmed.get(index))
    const { length } = this.#trimmed
    const end = length === 0 ? this.#pageCount : Math.max(this.#pageCount, this.#trimmed.get(length - 1) + 1)
    for (let page = this.#pageCountBefore; page < end; page++) this.reusable.delete(page)
    this.#pageCount = this.#pageCountBefore
    this.#end()
  }

  /** The pages the transaction took, for whoever has to forget what was in them. */
  forEachTaken(visit: (page: number) => void): void {
    for (let index = 0; index < this.#taken.length; index++) visit(this.#taken.get(index))
  }

  #end(): void {
    for (let index = 0; index < this.#taken.length; index++) this.#own.delete(this.#taken.get(index))
    this.#taken = new PageList()
    this.#released = new PageList()
    this.#trimmed = new PageList()
  }
}

/** Whether what transaction `by` stopped using may be overwritten by transaction `transaction`. */
export function isReleased(by: number, transaction: number, oldestPinned: number): boolean {
  return by + 2 <= transaction && by < oldestPinned
}
