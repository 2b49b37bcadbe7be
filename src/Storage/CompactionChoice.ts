/**
 * Which segments of the value log are worth being compacted. Pure: accounts in, segment numbers out.
 *
 * Invariants
 * - Tombstones count as lost space only where they may go: when no other segment has a dead document from before them.
 * - What is chosen together is bounded in bytes, so the room a compaction needs for what it moves is bounded too.
 */
import type { ValueAccount } from "./ValueAccounts.ts"
import { SEGMENT_HEADER_BYTES } from "./ValueSegment.ts"

export interface SegmentState {
  readonly segment: number
  readonly lengthBytes: number
  readonly account: ValueAccount
  /** Whether it may be compacted: not one that grows, is condemned already, or cannot be read. */
  readonly isEligible: boolean
}

export interface CompactionPolicy {
  /** Share of lost bytes, in percent of all value segments, from which on compaction is due. */
  readonly deadPercentMax: number
  /** Share of lost bytes, in percent of one segment, from which on it is compacted in any case. */
  readonly segmentDeadPercentMax: number
  /** Bytes of the segments compacted together; one segment may be longer. */
  readonly sourceBytesMax: number
}

/** Below so many bytes of dead documents no total is worth compacting for. */
const LOST_BYTES_MIN = 4 * 1024 * 1024
/** A compaction that is due ends when so much of the lost space is left that would make it due: the last of it costs most. */
const LEFT_SHARE = 3 / 4
/** Tombstones may be so much of all bytes, in percent, before the segments that keep them from going are compacted. */
const TOMBSTONE_PERCENT_MAX = 10

interface Candidate {
  readonly segment: number
  readonly lengthBytes: number
  readonly lostBytes: number
}

/**
 * The LSN up to which tombstones of each segment may go: no other segment has an older dead document, and what was removed up to `foldedLsn`
 * is hidden in no root.
 */
export function tombstoneBounds(states: ReadonlyArray<SegmentState>, foldedLsn: number): ReadonlyMap<number, number> {
  const ascending = states.map((it) => it.account.deadLsnMin).toSorted((a, b) => a - b)
  const [least = Infinity, second = Infinity] = ascending
  return new Map(states.map((it) => [it.segment, Math.min(foldedLsn, it.account.deadLsnMin === least ? second : least)]))
}

/**
 * The segments to compact now, none when it is not worth it. `bounds` are their tombstones'; `isAll` takes every segment in which anything is
 * lost.
 */
export function chooseSegments(
  states: ReadonlyArray<SegmentState>,
  bounds: ReadonlyMap<number, number>,
  policy: CompactionPolicy,
  isAll = false
): ReadonlyArray<number> {
  const candidates = states.map((it) => ({ ...it, lostBytes: lostBytes(it, bounds.get(it.segment)!) }))
  const eligible = candidates.filter((it) => it.isEligible && it.lostBytes > 0).toSorted((a, b) => percentOf(b) - percentOf(a))
  if (isAll) return fit(eligible, policy)
  const total = sum(candidates, (it) => it.lengthBytes)
  const lost = sum(candidates, (it) => it.lostBytes)
  const isDue = lost >= LOST_BYTES_MIN && lost * 100 >= total * policy.deadPercentMax
  const chosen: Array<Candidate> = []
  let left = lost - (total * policy.deadPercentMax * LEFT_SHARE) / 100
  for (const candidate of eligible) {
    const isNeeded = isDue && left > 0
    if (!isNeeded && percentOf(candidate) < policy.segmentDeadPercentMax) break
    chosen.push(candidate)
    left -= candidate.lostBytes
  }
  return chosen.length > 0 ? fit(chosen, policy) : chooseBlocker(states, total)
}

/** Lost bytes in percent of all segments, 0 while there are few of them. What holds tombstones does not count here. */
export function lostPercent(states: ReadonlyArray<SegmentState>): number {
  const lost = sum(states, (it) => lostBytes(it, 0))
  return lost < LOST_BYTES_MIN ? 0 : (lost * 100) / sum(states, (it) => it.lengthBytes)
}

/** The segment whose dead documents keep most tombstones from going, when these have become many. */
function chooseBlocker(states: ReadonlyArray<SegmentState>, total: number): ReadonlyArray<number> {
  const tombstones = sum(states, (it) => it.account.tombstoneBytes)
  if (tombstones < LOST_BYTES_MIN || tombstones * 100 < total * TOMBSTONE_PERCENT_MAX) return []
  const newest = Math.max(...states.map((it) => it.account.tombstoneLsnMax))
  const blockers = states.filter((it) => it.account.deadLsnMin < newest)
  const oldest = blockers.toSorted((a, b) => a.account.deadLsnMin - b.account.deadLsnMin)[0]
  return oldest?.isEligible === true ? [oldest.segment] : []
}

function lostBytes({ account, lengthBytes }: SegmentState, bound: number): number {
  const { liveBytes, tombstoneBytes, tombstoneLsnMax } = account
  const dead = lengthBytes - SEGMENT_HEADER_BYTES - liveBytes - tombstoneBytes
  return tombstoneLsnMax <= bound ? dead + tombstoneBytes : dead
}

function fit(candidates: ReadonlyArray<Candidate>, { sourceBytesMax }: CompactionPolicy): ReadonlyArray<number> {
  const chosen: Array<number> = []
  let bytes = 0
  for (const { segment, lengthBytes } of candidates) {
    if (chosen.length > 0 && bytes + lengthBytes > sourceBytesMax) break
    bytes += lengthBytes
    chosen.push(segment)
  }
  return chosen
}

function percentOf({ lengthBytes, lostBytes }: Candidate): number {
  return (lostBytes * 100) / Math.max(1, lengthBytes - SEGMENT_HEADER_BYTES)
}

function sum<A>(items: ReadonlyArray<A>, of: (item: A) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
