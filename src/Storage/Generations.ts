/**
 * The memtables of an engine: the active one and those that wait for their flush, with what readers look into.
 *
 * Invariants
 * - A memtable that has frozen never changes again, and stays until the trees have what is in it.
 * - `sources` is what readers of this moment take; those who have an older one keep it.
 */
import type { IndexFile } from "../Index/IndexFile.ts"
import type { BudgetShare } from "./Budget.ts"
import type { StorageLimits } from "./Limits.ts"
import { type Boundary, Generation, Sources } from "./Sources.ts"
import type { ValueLog } from "./ValueLog.ts"

/** What memtables are made from and stand in front of. */
export interface GenerationParts {
  readonly share: BudgetShare
  readonly index: IndexFile
  readonly values: ValueLog
  readonly limits: StorageLimits
}

/**
 * Share of the value log that a memtable has at the most where documents are replaced, so that the log, which has three of them, is little beside
 * it; and the share of what one may have that it has in any case.
 */
const REPLACING_SHARE = 1 / 64
const REPLACING_SHARE_MIN = 1 / 8
/** With fewer memtables' bytes in the value log all of it is little, and the same documents may be replaced again before they are flushed. */
const REPLACING_MEMTABLES_MIN = 2

export class Generations {
  active: Generation
  sources: Sources
  /** Bytes at which the active one freezes. */
  bytesMax: number
  readonly #parts: GenerationParts

  constructor(parts: GenerationParts) {
    this.#parts = parts
    this.bytesMax = parts.limits.memtableBytesMax
    this.active = new Generation(parts.share.allocator, 0)
    this.sources = new Sources([this.active], parts.index, parts.values)
    parts.share.activeBytes = () => this.active.bytes
  }

  /** Those that wait for their flush, the newest first. */
  get frozen(): ReadonlyArray<Generation> {
    return this.sources.generations.slice(1)
  }

  /** Whether the trees have everything. */
  get isEmpty(): boolean {
    return this.sources.generations.length === 1 && this.active.memtable.entries === 0
  }

  /** Whether the active one has to freeze: it has as much as it may, or the process needs the memory. */
  get isFull(): boolean {
    return this.active.bytes >= this.bytesMax || this.#parts.share.isDue
  }

  /** Whether writers have to wait for a flush. */
  get mustWait(): boolean {
    return (this.isFull && !this.canFreeze) || this.#parts.share.mustWait
  }

  /** Whether flushing the active one would help somebody. */
  get isFlushWanted(): boolean {
    return this.active.memtable.entries > 0 && (this.isFull || this.#parts.share.mustWait)
  }

  /** Whether the active one may freeze: not too many wait for their flush. */
  get canFreeze(): boolean {
    return this.sources.generations.length <= this.#parts.limits.frozenMemtablesMax
  }

  /** Freezes the active one at `boundary` and begins another. */
  freeze(boundary: Boundary): void {
    const { active } = this
    active.boundary = boundary
    const next = new Generation(this.#parts.share.allocator, active.memtable.documents)
    this.#replace([next, ...this.sources.generations])
    this.active = next
    // Last: until then the budget takes the old one for the active.
    this.#parts.share.isDue = false
  }

  /** The trees have changed: `flushed`, if any, is in them now. `isReplacing`: documents are replaced or removed, not only added. */
  committed(flushed: Generation | undefined, isReplacing: boolean): void {
    const { sizeBytes } = this.#parts.values
    const { memtableBytesMax } = this.#parts.limits
    const bytes = Math.max(sizeBytes * REPLACING_SHARE, memtableBytesMax * REPLACING_SHARE_MIN)
    const isShort = isReplacing && sizeBytes >= memtableBytesMax * REPLACING_MEMTABLES_MIN
    this.bytesMax = isShort ? Math.min(memtableBytesMax, bytes) : memtableBytesMax
    this.#replace(this.sources.generations.filter((it) => it !== flushed))
  }

  /** Gives everything back, as soon as no reader has it. */
  close(): void {
    this.sources.release()
  }

  #replace(generations: ReadonlyArray<Generation>): void {
    const old = this.sources
    this.sources = new Sources(generations, this.#parts.index, this.#parts.values)
    old.release()
  }
}
