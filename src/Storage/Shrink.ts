/**
 * Giving free pages of the index file back: what lies at its end moves to lower pages, some hundred leaves in one transaction, until the end
 * is free and cut off.
 *
 * Invariants
 * - It ends: after a bounded number of transactions, whether or not everything could be moved.
 */
import type { IndexFile } from "../Index/IndexFile.ts"
import { PAGE_BYTES } from "../Index/Layout.ts"
import type { StorageLimits } from "./Limits.ts"
import type { Pause, TreeWork } from "./TreeWork.ts"

/** Leaves moved in one transaction: 4 MiB. */
const LEAVES_MAX = 512
/** Commits after the last move until the file is cut: what one stops using is free two commits later, and let go of by both metas after another. */
const LAST_COMMITS = 4

export type ShrinkLimits = Pick<StorageLimits, "indexFreeBytesMax" | "indexSpareBytes" | "indexTrimBytesMin">

export class Shrink {
  readonly #index: IndexFile
  readonly #limits: ShrinkLimits
  #target = 0
  #commitsLeft = 0
  #movesLeft = 0
  /** Whether it was done since the free pages became the greater part. */
  #isDone = false

  constructor(index: IndexFile, limits: ShrinkLimits) {
    this.#index = index
    this.#limits = limits
  }

  /** Whether there is a transaction to be made; `isAsked` begins also with few free pages. */
  isDue(isAsked: boolean): boolean {
    if (this.#commitsLeft > 0) return true
    const { pageCount, freePages } = this.#index.current().meta
    const { indexFreeBytesMax, indexSpareBytes, indexTrimBytesMin } = this.#limits
    const freeBytes = freePages * PAGE_BYTES
    const isMost = freeBytes >= indexFreeBytesMax && freePages * 2 > pageCount
    if (!isMost) this.#isDone = false
    if (!(isAsked && freeBytes >= indexTrimBytesMin + indexSpareBytes) && (!isMost || this.#isDone)) return false
    this.#target = pageCount - freePages + Math.ceil(indexSpareBytes / PAGE_BYTES)
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
