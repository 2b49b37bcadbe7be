/**
 * Giving free pages of the index file back: what lies at its end moves to lower pages, some hundred leaves in one transaction, until the end
 * is free and cut off.
 *
 * Invariants
 * - It ends: after a bounded number of transactions, whether or not everything could be moved.
 */
import { TRIM_PAGES_MIN } from "../Index/FreePages.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import type { Pause, TreeWork } from "./TreeWork.ts"

/** Leaves moved in one transaction: 4 MiB. */
const LEAVES_MAX = 512
/** Free pages from which on the file is made smaller without being asked to, when they are the greater part: 32 MiB. */
const FREE_PAGES_MIN = 4096
/** Pages that are left free, for the transactions to come. */
const SPARE_PAGES = 64
/** Commits after the last move until the file is cut: what one stops using is free two commits later, and let go of by both metas after another. */
const LAST_COMMITS = 4

export class Shrink {
  readonly #index: IndexFile
  #target = 0
  #commitsLeft = 0
  #movesLeft = 0
  /** Whether it was done since the free pages became the greater part. */
  #isDone = false

  constructor(index: IndexFile) {
    this.#index = index
  }

  /** Whether there is a transaction to be made; `isAsked` begins also with few free pages. */
  isDue(isAsked: boolean): boolean {
    if (this.#commitsLeft > 0) return true
    const { pageCount, freePages } = this.#index.current().meta
    const isMost = freePages >= FREE_PAGES_MIN && freePages * 2 > pageCount
    if (!isMost) this.#isDone = false
    if (!(isAsked && freePages >= TRIM_PAGES_MIN + SPARE_PAGES) && (!isMost || this.#isDone)) return false
    this.#target = pageCount - freePages + SPARE_PAGES
    this.#commitsLeft = LAST_COMMITS
    this.#movesLeft = 2 + Math.ceil((2 * pageCount) / LEAVES_MAX)
    this.#isDone = true
    return true
  }

  *move(work: TreeWork): Generator<Pause, void, void> {
    const move = { leaves: 0 }
    yield* work.drive(work.writer.moveTail(this.#target, LEAVES_MAX, move))
    yield* work.syncValues()
    yield* work.commit(this.#index.current().checkpoint)
    if (move.leaves === 0 || this.#movesLeft-- <= 0) this.#commitsLeft--
  }
}
