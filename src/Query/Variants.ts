/**
 * The plans of one shape for the values of its runs: one for each combination of the classes that its ranges, and what is tested on the
 * sample, let through.
 *
 * Invariants
 * - Which plan a run gets depends on its values and the statistics only, whatever ran before, up to `VARIANTS_MAX` of them; runs of further
 *   classes get the plan without.
 * - Testing the sample costs as much as reading a few hundred documents that lie in memory: a run does so only where plans for different
 *   shares differ in more than what they expect, or to explain.
 */
import { leavesOf } from "./Access.ts"
import type { Operands } from "./Operands.ts"
import type { Candidate, Plan } from "./Plan.ts"
import { describeCandidate } from "./Planner.ts"
import { CLASSES, classesOf, sharesOf } from "./RangeShares.ts"
import { SampledConditions } from "./SampledShares.ts"
import type { StoreStatistics } from "./Statistics.ts"

/** Most plans of one shape for values of different classes. */
export const VARIANTS_MAX = 32
/** In the place of a class, behind all of them: by the rules of thumb. */
const UNTESTED = CLASSES

/** Plans the statement anew with these shares. */
export type PlanWith = (shares: ReadonlyMap<number, number>) => Plan

export class Variants {
  readonly #base: Plan
  readonly #statistics: StoreStatistics
  readonly #plans = new Map<number, Plan>()
  /** By the classes of the ranges, whether the share of the rest makes a difference. */
  readonly #differs = new Map<number, boolean>()

  constructor(base: Plan, statistics: StoreStatistics) {
    this.#base = base
    this.#statistics = statistics
  }

  /** The plan for the values of a run; with `explains` what it expects is that of these values. */
  take(operands: Operands, explains: boolean, plan: PlanWith): Plan {
    const base = this.#base
    const statistics = this.#statistics
    const ranges = classesOf(base.ranges, (path) => statistics.sampledValues(path), operands)
    const tested = base.sampled !== undefined && (explains || this.#makesDifference(ranges, plan))
    const sampled = tested && base.sampled !== undefined ? base.sampled.classOf(statistics, operands) : UNTESTED
    if (base.ranges.length === 0 && sampled === UNTESTED) return base
    const name = ranges * (CLASSES + 1) + sampled
    const known = this.#plans.get(name)
    if (known !== undefined) return known
    if (this.#plans.size === VARIANTS_MAX) return base
    const variant = this.#plan(ranges, sampled, plan)
    this.#plans.set(name, variant)
    return variant
  }

  #plan(ranges: number, sampled: number, plan: PlanWith): Plan {
    const shares = sharesOf(this.#base.ranges, ranges)
    if (sampled !== UNTESTED) this.#base.sampled?.addShares(sampled, shares)
    return plan(shares)
  }

  #makesDifference(ranges: number, plan: PlanWith): boolean {
    const known = this.#differs.get(ranges)
    if (known !== undefined) return known
    if (this.#differs.size === VARIANTS_MAX) return false
    const ways = new Set<string>()
    for (let sampled = 0; sampled <= UNTESTED; sampled++) ways.add(wayOf(this.#plan(ranges, sampled, plan)))
    const differs = ways.size > 1
    this.#differs.set(ranges, differs)
    return differs
  }
}

/**
 * A plan of a store too small for statistics, with what all of its documents say of the values of a run in the place of what it was chosen
 * by. The way stays the one that is taken.
 */
export function estimatedByAll(chosen: Plan, all: StoreStatistics, operands: Operands, limit: number, plan: PlanWith): Plan {
  const shares = sharesOf(
    chosen.ranges,
    classesOf(chosen.ranges, (path) => all.sampledValues(path), operands)
  )
  chosen.sampled?.addShares(new SampledConditions(chosen.sampled.conditions).classOf(all, operands), shares)
  const test = chosen.tests.all.predicate(operands)
  const estimatedRows = Math.min(limit, Math.round(all.documents * (test === undefined ? 1 : all.passing(test))))
  const known = plan(shares)
  const readsOf = new Map(known.candidates.map((way) => [wayOf(way), way.estimatedReads]))
  const candidates = chosen.candidates.map((way) => ({ ...way, estimatedRows, estimatedReads: readsOf.get(wayOf(way)) ?? all.documents }))
  const told = new Map(candidates.map((way) => [describeCandidate(way), Math.round(way.estimatedReads)]))
  const rejected = chosen.rejected.map((rejection) => {
    const estimatedReads = told.get(rejection.access)
    return estimatedReads === undefined ? rejection : { ...rejection, estimatedReads }
  })
  return { ...chosen, ...candidates[0], candidates, rejected, statistics: all }
}

/** What a plan does, as text that only one that does the same has. */
function wayOf(way: Candidate): string {
  const slots = leavesOf(way.access).map(({ slot }) => slot)
  return JSON.stringify([describeCandidate(way), way.ordering, way.direction, slots])
}
