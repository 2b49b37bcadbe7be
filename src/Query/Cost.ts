/**
 * What a way to run a statement is expected to cost: from the store's counts and its sample where there are any, by fixed rules of thumb
 * otherwise; the same every time.
 *
 * The unit is one document read in the order of keys. Of a store without statistics the planner assumes `ASSUMED_DOCUMENTS`.
 */
import type { IndexFilter } from "../Schema/Definition.ts"
import type { Access, IndexAccess } from "./Access.ts"
import { type Condition, isLeaf, type Leaf, type LeafOperator } from "./Condition.ts"
import type { Candidate } from "./Plan.ts"
import type { Task } from "./Planner.ts"
import { shareKey } from "./SampledShares.ts"
import type { StoreStatistics } from "./Statistics.ts"

const ASSUMED_DOCUMENTS = 1_000_000
/** Rows asked for when there is a limit. */
const ASSUMED_LIMIT = 50
/** Values in a list of `in`. */
const ASSUMED_VALUES = 5
const ENTRY_COST = 0.5
/** Making a document from its entry. */
const COVER_COST = 0.4
/** Fetching a document by its key, against meeting it in a walk. */
const FETCH_COST = 2
/** Sorting one row, or finding its group. */
const SORT_COST = 0.5
/** Sorting one key, or looking it up among those of another index. */
const KEY_COST = 0.25
/**
 * Weight of what is read by a walk that ends when enough documents have passed a test: where the values asked for are rarer than the sample
 * says it goes on, up to the end of the store, while a walk without a test ends when it should.
 */
const LUCK_COST = 4

/** What is known of a store: its statistics and, by `shareKey`, the shares of conditions with the values of a run. */
export type KnownShares = Pick<StoreStatistics, "documents" | "equalShare" | "entriesShare"> & {
  readonly shareFor?: (key: number) => number | undefined
}
type Known = KnownShares | undefined

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

/** The share that a leaf lets through. */
function leafShare({ op, path, slot }: Leaf, known: Known): number {
  if (known === undefined) return SHARES[op]
  const valued = known.shareFor?.(slot)
  if (valued !== undefined) return valued
  if (op === "eq") return known.equalShare(path)
  if (op === "in") return Math.min(1, known.equalShare(path) * ASSUMED_VALUES)
  if (op === "ne") return 1 - known.equalShare(path)
  return op === "notIn" ? Math.max(0, 1 - known.equalShare(path) * ASSUMED_VALUES) : SHARES[op]
}

function shareOf(condition: Condition, known: Known): number {
  if (isLeaf(condition)) return leafShare(condition, known)
  const tested = known?.shareFor?.(shareKey(condition))
  if (tested !== undefined) return tested
  switch (condition.op) {
    case "not":
      return 1 - shareOf(condition.of, known)
    case "any":
    case "all":
      // Paths below an array have shares of their own; the sample does not look into elements.
      return shareOf(condition.of, undefined)
    case "and":
      return condition.of.reduce((product, part) => product * shareOf(part, known), 1)
    case "or":
      return Math.min(
        1,
        condition.of.reduce((sum, part) => sum + shareOf(part, known), 0)
      )
  }
}

function documentsOf(known: Known): number {
  return known?.documents ?? ASSUMED_DOCUMENTS
}

/** The share of the store's documents that an access gives. */
export function shareOfAccess(access: Access, known: Known): number {
  switch (access.kind) {
    case "keys":
      return (access.leaf.op === "eq" ? 1 : ASSUMED_VALUES) / documentsOf(known)
    case "scan":
      return rangeShare(access, known)
    case "index":
      return indexShare(access, known)
    case "union":
      return Math.min(
        1,
        access.parts.reduce((sum, part) => sum + shareOfAccess(part, known), 0)
      )
    case "intersection":
      return access.parts.reduce((product, part) => product * shareOfAccess(part, known), 1)
  }
}

function indexShare({ bound, index, range }: IndexAccess, known: Known): number {
  const { on, unique } = index.definition
  const least = 1 / documentsOf(known)
  if (unique === true && bound.length === on.length && bound.every((field) => field.leaf.op === "eq")) return least
  const included = known?.entriesShare(index) ?? (index.filter === undefined ? 1 : filterShare(index.filter))
  const share = bound.reduce((product, field) => product * leafShare(field.leaf, known), included)
  return Math.max(least, share * (range === undefined ? 1 : rangeShare(range, known)))
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

function rangeShare({ high, low }: { readonly low: Leaf | undefined; readonly high: Leaf | undefined }, known: Known): number {
  if (low === undefined && high === undefined) return 1
  const leaves = new Set([low, high].filter((leaf) => leaf !== undefined))
  const valued = [...leaves].map(({ slot }) => known?.shareFor?.(slot))
  if (valued.every((share) => share !== undefined)) return valued.reduce((product, share) => product * share, 1)
  if (low !== undefined && low === high) return SHARES[low.op]
  return low !== undefined && high !== undefined ? SHARES.between : SHARES.lt
}

/** The share of documents with the same values in all paths that order the rows, or that make a group. */
function runShare(paths: ReadonlyArray<string>, known: Known): number {
  return known === undefined ? SHARES.eq : paths.reduce((product, path) => product * known.equalShare(path), 1)
}

/** Expected rows, reads and cost of one way to run a statement. */
export function costOf(
  way: Pick<Candidate, "access" | "covering" | "ordering" | "residual" | "streams">,
  task: Task
): { readonly estimatedRows: number; readonly estimatedReads: number; readonly cost: number } {
  const { access, covering, ordering, residual, streams } = way
  const known = task.statistics
  const documents = documentsOf(known)
  const all = Math.max(1, documents * shareOfAccess(access, known))
  const passing = Math.max(
    1 / documents,
    residual.reduce((share, condition) => share * shareOf(condition, known), 1)
  )
  const isCombined = access.kind === "union" || access.kind === "intersection"
  // An access through several indexes collects all its keys; what is tested again has been let through by them already. Of a union the
  // condition as a whole may be known, of which the parts only say what is read for it.
  const passed = access.kind === "union" ? Math.min(all, documents * passing) : isCombined ? all : all * passing
  const rows = task.limited ? Math.min(passed, ASSUMED_LIMIT) : passed
  // A run of rows that sort alike is read to its end.
  const run =
    ordering === "ties"
      ? all *
        runShare(
          task.orderBy.map((order) => order.path),
          known
        )
      : 0
  const perGroup = streams && task.limited ? Math.max(1, documents * runShare(task.groupBy ?? [], known)) : 1
  const enough = task.limited ? Math.min(all, Math.max(run, (ASSUMED_LIMIT * perGroup * all) / Math.max(passed, 1))) : all
  const stopsEarly =
    !isCombined && (ordering === "walk" || ordering === "ties" || (ordering === "any" && (task.groupBy === undefined || streams)))
  const walked = stopsEarly ? enough : all
  const luck = stopsEarly && enough < all && residual.length > 0 ? LUCK_COST : 1
  const fetched = covering !== undefined || !readsDocuments(way, task) ? 0 : stopsEarly || ordering === "keys" ? enough : all
  const sorted = ordering === "sort" || ordering === "keys" || (task.groupBy !== undefined && !streams) ? all * SORT_COST : 0
  const cost = luck * (entriesOf(access, walked, known) + (covering === undefined ? 0 : walked * COVER_COST)) + sorted
  return {
    estimatedRows: rows,
    estimatedReads: Math.max(access.kind === "index" ? walked : 0, fetched),
    cost: cost + luck * (access.kind === "scan" ? Math.max(walked, fetched) : fetched * FETCH_COST)
  }
}

/** Whether documents have to be looked at, and not only their keys. */
function readsDocuments({ access, residual }: Pick<Candidate, "access" | "residual">, { needed, ordered }: Task): boolean {
  if (access.kind === "union" || access.kind === "intersection" || residual.length > 0 || ordered) return true
  return needed === undefined || needed.paths.length > 0 || needed.id
}

/** The cost of the entries of an access, of which `walked` documents come. */
function entriesOf(access: Access, walked: number, known: Known): number {
  switch (access.kind) {
    case "keys":
    case "scan":
      return 0
    case "index":
      return walked * ENTRY_COST
    default:
      return access.parts.reduce((sum, part) => {
        const keys = documentsOf(known) * shareOfAccess(part, known)
        return sum + keys * (part.kind === "index" ? ENTRY_COST + KEY_COST : KEY_COST)
      }, 0)
  }
}
