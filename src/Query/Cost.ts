/**
 * What a way to run a statement is expected to cost, by fixed rules of thumb: enough to tell candidates apart, and the same every time.
 *
 * The unit is one document read in the order of keys. Without counts of its own the planner assumes a store of `ASSUMED_DOCUMENTS`.
 */
import type { IndexFilter } from "../Schema/Definition.ts"
import type { Access, IndexAccess } from "./Access.ts"
import { type Condition, isLeaf, type LeafOperator } from "./Condition.ts"
import type { Ordering } from "./Plan.ts"

const ASSUMED_DOCUMENTS = 1_000_000
/** Rows asked for when there is a limit. */
const ASSUMED_LIMIT = 50
/** Values in a list of `in`. */
const ASSUMED_VALUES = 5
const ENTRY_COST = 0.5
/** Fetching a document by its key, against meeting it in a walk. */
const FETCH_COST = 2
/** Sorting one row. */
const SORT_COST = 0.5

/** The share of documents that a condition is expected to let through. */
const SHARES: Readonly<Record<LeafOperator, number>> = {
  eq: 0.01,
  in: 0.01 * ASSUMED_VALUES,
  between: 0.1,
  prefix: 0.05,
  suffix: 0.05,
  contains: 0.1,
  regex: 0.1,
  type: 0.5,
  size: 0.2,
  lt: 0.3,
  le: 0.3,
  gt: 0.3,
  ge: 0.3,
  ne: 0.9,
  notIn: 0.9,
  exists: 0.9
}

function shareOf(condition: Condition): number {
  if (isLeaf(condition)) return SHARES[condition.op]
  switch (condition.op) {
    case "not":
      return 1 - shareOf(condition.of)
    case "any":
    case "all":
      return shareOf(condition.of)
    case "and":
      return condition.of.reduce((product, part) => product * shareOf(part), 1)
    case "or":
      return Math.min(
        1,
        condition.of.reduce((sum, part) => sum + shareOf(part), 0)
      )
  }
}

/** The share of the store's documents that an access gives. */
function accessShare(access: Access): number {
  switch (access.kind) {
    case "keys":
      return (access.leaf.op === "eq" ? 1 : ASSUMED_VALUES) / ASSUMED_DOCUMENTS
    case "scan":
      return rangeShare(access)
    case "index":
      return indexShare(access)
  }
}

function indexShare({ bound, index, range }: IndexAccess): number {
  const { on, unique } = index.definition
  if (unique === true && bound.length === on.length && bound.every((field) => field.leaf.op === "eq")) return 1 / ASSUMED_DOCUMENTS
  const included = index.filter === undefined ? 1 : filterShare(index.filter)
  return bound.reduce((share, field) => share * SHARES[field.leaf.op], included) * (range === undefined ? 1 : rangeShare(range))
}

/** The share of documents that a partial index is expected to have. */
function filterShare(filter: IndexFilter): number {
  if (filter.op === "not") return 1 - filterShare(filter.of)
  if (filter.op === "and") return filter.of.reduce((share, part) => share * filterShare(part), 1)
  if (filter.op !== "or") return SHARES[filter.op]
  return Math.min(
    1,
    filter.of.reduce((sum, part) => sum + filterShare(part), 0)
  )
}

function rangeShare(range: {
  readonly low: { readonly op: LeafOperator } | undefined
  readonly high: { readonly op: LeafOperator } | undefined
}): number {
  const { low, high } = range
  if (low === undefined && high === undefined) return 1
  if (low !== undefined && low === high) return SHARES[low.op]
  return low !== undefined && high !== undefined ? SHARES.between : SHARES.lt
}

/** Expected reads and cost of one way to run a statement. */
export function costOf(
  access: Access,
  residual: ReadonlyArray<Condition>,
  ordering: Ordering,
  limited: boolean
): { readonly estimatedReads: number; readonly cost: number } {
  const all = Math.max(1, ASSUMED_DOCUMENTS * accessShare(access))
  const passing = Math.max(
    1 / ASSUMED_DOCUMENTS,
    residual.reduce((share, condition) => share * shareOf(condition), 1)
  )
  // A run of rows that sort alike is read to its end.
  const run = ordering === "ties" ? all * SHARES.eq : 0
  const enough = limited ? Math.min(all, Math.max(run, ASSUMED_LIMIT / passing)) : all
  const stopsEarly = ordering === "walk" || ordering === "ties" || ordering === "any"
  const fetched = stopsEarly || ordering === "keys" ? enough : all
  const walked = stopsEarly ? enough : all
  const perEntry = access.kind === "index" ? ENTRY_COST : 0
  const perDocument = access.kind === "scan" ? 1 : FETCH_COST
  const sorted = ordering === "sort" || ordering === "keys" ? all * SORT_COST : 0
  return { estimatedReads: Math.max(walked, fetched), cost: walked * perEntry + fetched * perDocument + sorted }
}
