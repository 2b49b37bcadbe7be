/**
 * Watches how much of the value segments is lost, and says which of them to compact next.
 *
 * Invariants
 * - Accounts change with the index file, so each question is answered once for every version of it.
 * - A segment that could not be read is never chosen again; a restart tries it anew.
 */
import type { IndexFile } from "../Index/IndexFile.ts"
import { chooseSegments, lostPercent, type CompactionPolicy, type SegmentState, tombstoneBounds } from "./CompactionChoice.ts"
import type { StorageLimits } from "./Limits.ts"
import type { RootLists } from "./RootLists.ts"
import type { ValueLog } from "./ValueLog.ts"

/** On a full disk one segment at a time, that which gives most back; what gives little is left. */
const ROOM_POLICY: CompactionPolicy = { deadPercentMax: 100, segmentDeadPercentMax: 20, sourceBytesMax: 0 }

/** A compaction nobody asked for takes about this part of the value segments at a time: what it moves is there twice until the segments are given back. */
const COMPACTION_PARTS = 32

/** Lost space, as a share of what makes compaction due, from which on it matters that documents are replaced. */
const REPLACING_SHARE = 1 / 2

/** Segments to be compacted together, and the LSN up to which tombstones of each may be left out. */
export interface ChosenSegments {
  readonly segments: ReadonlyArray<number>
  readonly bounds: ReadonlyMap<number, number>
}

export class SpaceWatch {
  /** Segments that could not be read. */
  readonly damaged = new Set<number>()
  readonly #parts: { readonly index: IndexFile; readonly values: ValueLog; readonly roots: RootLists }
  readonly #limits: StorageLimits
  /** The transaction up to which was looked for segments to compact. */
  #lookedAt = 0
  /** Lost bytes, in percent of all, and the transaction of which that was said. */
  #lostPercent = 0
  #judgedAt = -1

  constructor(parts: { readonly index: IndexFile; readonly values: ValueLog; readonly roots: RootLists }, limits: StorageLimits) {
    this.#parts = parts
    this.#limits = limits
  }

  /** Whether more space is lost than may be, so that writers have to wait. */
  get isUrgent(): boolean {
    return this.#lost >= this.#limits.compactionUrgentPercentMax
  }

  /** Whether documents are replaced here rather than added, and that has lost some space. What was lost before says nothing of what is written now. */
  get isReplacing(): boolean {
    return this.#parts.roots.isReplacing && this.#lost >= this.#limits.compactionDeadPercentMax * REPLACING_SHARE
  }

  get #lost(): number {
    const { transaction } = this.#parts.index.current()
    if (transaction !== this.#judgedAt) {
      this.#judgedAt = transaction
      this.#lostPercent = lostPercent(this.#states())
    }
    return this.#lostPercent
  }

  /** Lets the next question be answered anew. */
  lookAgain(): void {
    this.#lookedAt = 0
  }

  /** What is due by itself, if anything. */
  due(): ChosenSegments | undefined {
    const { index, values } = this.#parts
    const { transaction } = index.current()
    if (transaction === this.#lookedAt) return undefined
    this.#lookedAt = transaction
    return this.#chosen(this.#states(), { ...this.#policy, sourceBytesMax: this.#sourceBytesMax(values.sizeBytes / COMPACTION_PARTS) })
  }

  /** What of the segments up to number `last` has lost anything. */
  asked(last: number): ChosenSegments | undefined {
    const states = this.#states().map((it) => ({ ...it, isEligible: it.isEligible && it.segment <= last }))
    return this.#chosen(states, { ...this.#policy, sourceBytesMax: this.#sourceBytesMax(Infinity) }, true)
  }

  /** What gives most room on a full disk. */
  forRoom(): ChosenSegments | undefined {
    return this.#chosen(this.#states(), ROOM_POLICY)
  }

  get #policy(): Omit<CompactionPolicy, "sourceBytesMax"> {
    const { compactionDeadPercentMax: deadPercentMax, segmentDeadPercentMax } = this.#limits
    return { deadPercentMax, segmentDeadPercentMax }
  }

  #sourceBytesMax(bytes: number): number {
    return Math.min(this.#limits.compactionBytesMax, bytes)
  }

  #chosen(states: ReadonlyArray<SegmentState>, policy: CompactionPolicy, isAll = false): ChosenSegments | undefined {
    const bounds = tombstoneBounds(states, this.#parts.roots.foldedLsn)
    const segments = chooseSegments(states, bounds, policy, isAll)
    return segments.length === 0 ? undefined : { segments, bounds }
  }

  /** Every segment on disk, also those that only wait for their removal: what is dead in them can still be found by a repair. */
  #states(): ReadonlyArray<SegmentState> {
    const { values } = this.#parts
    const growing = new Set(values.growing.map((it) => it.segment))
    const kept = values.lengths.map(({ segment, lengthBytes }) => ({
      segment,
      lengthBytes,
      account: values.accounts.of(segment),
      isEligible: !growing.has(segment) && !this.damaged.has(segment)
    }))
    return [
      ...kept,
      ...values.doomed.map((segment) => ({ segment, lengthBytes: 0, account: values.accounts.of(segment), isEligible: false }))
    ]
  }
}
