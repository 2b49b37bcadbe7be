/**
 * Chooses how the documents of a statement are found.
 *
 * Invariants
 * - Never wrong before fast. A path that may meet an array of some document (by the store's schema) has several entries there: one
 *   condition bounds it, never two together, and it gives no order. An index that is not ready is not used at all, one that does not have
 *   every document only behind a guard (see `Implication.ts`).
 * - A candidate's residual has every condition that its bounds do not cover.
 * - The choice depends on the shape and the store's definition only. Equal costs are decided by: more bound fields, then shorter index,
 *   then the older index (smaller id); a walk in key order loses ties.
 */
import type { Store, StoreIndex } from "../Storage/Reader.ts"
import type { Access, BoundField, IndexAccess, KeyAccess, RangeField, ScanAccess } from "./Access.ts"
import { leavesOf } from "./Access.ts"
import type { Order } from "./Ast.ts"
import { type Condition, conjunctsOf, isLeaf, type Leaf, type LeafOperator } from "./Condition.ts"
import { costOf } from "./Cost.ts"
import { requirementOf } from "./Implication.ts"
import { idsAreOrdered, typeOfPath } from "./PathTypes.ts"
import type { Candidate, Ordering, Rejection } from "./Plan.ts"

/** What is to be planned. */
export interface Task {
  readonly store: Store
  readonly condition: Condition | undefined
  readonly orderBy: ReadonlyArray<Order>
  readonly limited: boolean
  /** False when the order of rows does not matter. */
  readonly ordered: boolean
}

/** Most candidates that are weighed: the most indexes of a store, and the two ways without one. */
export const CANDIDATES_MAX = 258

export interface Choice {
  readonly chosen: Candidate
  readonly candidates: ReadonlyArray<Candidate>
  readonly rejected: ReadonlyArray<Rejection>
}

/** Weighs every way to run the task and takes the cheapest. */
export function choose(task: Task): Choice {
  const conjuncts = conjunctsOf(task.condition)
  const candidates: Array<Candidate> = []
  const unusable: Array<Rejection> = []
  const keys = keyAccess(conjuncts)
  if (keys !== undefined) candidates.push(candidateOf(task, conjuncts, keys))
  for (const index of task.store.indexes.slice(0, CANDIDATES_MAX - 2)) {
    const access = indexAccess(task.store, conjuncts, index)
    if (typeof access === "string") unusable.push({ access: `index ${index.definition.name}`, reason: access })
    else addIndex(task, conjuncts, access, candidates, unusable)
  }
  candidates.push(candidateOf(task, conjuncts, scanAccess(task.store, conjuncts)))
  const ranked = candidates.toSorted(compareCandidates)
  const chosen = ranked[0] as Candidate
  const dearer = ranked.slice(1).map((candidate) => ({
    access: describeAccess(candidate.access),
    reason: `expected to read more (cost ${Math.round(candidate.cost)} against ${Math.round(chosen.cost)})`,
    estimatedReads: Math.round(candidate.estimatedReads)
  }))
  return { chosen, candidates: ranked, rejected: [...dearer, ...unusable] }
}

function addIndex(
  task: Task,
  conjuncts: ReadonlyArray<Condition>,
  access: IndexAccess,
  candidates: Array<Candidate>,
  unusable: Array<Rejection>
): void {
  const candidate = candidateOf(task, conjuncts, access)
  const isPartial = access.index.filter !== undefined
  const isBound = access.bound.length > 0 || access.range !== undefined
  const helps = isBound || isPartial || candidate.ordering === "walk" || candidate.ordering === "ties"
  if (helps && (task.ordered || isBound || isPartial)) candidates.push(candidate)
  else unusable.push({ access: `index ${access.index.definition.name}`, reason: "neither its first field nor its order is asked for" })
}

function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    a.cost - b.cost || leavesOf(b.access).length - leavesOf(a.access).length || rank(a.access) - rank(b.access) || indexId(a) - indexId(b)
  )
}

function rank(access: Access): number {
  if (access.kind === "keys") return 0
  return access.kind === "index" ? access.index.definition.on.length : Number.MAX_SAFE_INTEGER
}

function indexId(candidate: Candidate): number {
  return candidate.access.kind === "index" ? candidate.access.index.id : 0
}

function candidateOf(task: Task, conjuncts: ReadonlyArray<Condition>, access: Access): Candidate {
  const used: ReadonlyArray<Condition> = leavesOf(access)
  const residual = conjuncts.filter((condition) => !used.includes(condition))
  const { ordering, direction } = orderingOf(task, access)
  return { access, direction, ordering, residual, ...costOf(access, residual, ordering, task.limited) }
}

function leavesFor(conjuncts: ReadonlyArray<Condition>, path: string, operators: ReadonlyArray<LeafOperator>): ReadonlyArray<Leaf> {
  return conjuncts.filter(isLeaf).filter((leaf) => leaf.path === path && operators.includes(leaf.op))
}

function keyAccess(conjuncts: ReadonlyArray<Condition>): KeyAccess | undefined {
  const leaf = leavesFor(conjuncts, "_id", ["eq"])[0] ?? leavesFor(conjuncts, "_id", ["in"])[0]
  return leaf === undefined ? undefined : { kind: "keys", leaf }
}

function scanAccess(store: Store, conjuncts: ReadonlyArray<Condition>): ScanAccess {
  const range = idsAreOrdered(store.definition) ? rangeOn(conjuncts, "_id", false, ["between"]) : undefined
  return { kind: "scan", low: range?.low, high: range?.high }
}

/** The conditions on `path` that make a range: one that has both ends, else one for each end, or, with several values, for one end. */
function rangeOn(
  conjuncts: ReadonlyArray<Condition>,
  path: string,
  descending: boolean,
  whole: ReadonlyArray<LeafOperator>,
  isMulti = false
): RangeField | undefined {
  const both = leavesFor(conjuncts, path, whole)[0]
  if (both !== undefined) return { descending, low: both, high: both }
  const low = leavesFor(conjuncts, path, ["gt", "ge"])[0]
  const high = isMulti && low !== undefined ? undefined : leavesFor(conjuncts, path, ["lt", "le"])[0]
  return low === undefined && high === undefined ? undefined : { descending, low, high }
}

/** What the index can bound, or why it is of no use. */
function indexAccess(store: Store, conjuncts: ReadonlyArray<Condition>, index: StoreIndex): IndexAccess | string {
  if (index.duplicates !== undefined) return "it could not be built: it was to be unique, and is not"
  if (!index.ready) return "it is still being built"
  const requirement = requirementOf(store, conjuncts, index)
  if (requirement === undefined) return "it does not have every document that is asked for"
  const { on } = index.definition
  const multiAt = on.findIndex(({ path }) => typeOfPath(store.definition, path).meetsArray)
  const bound: Array<BoundField> = []
  let range: RangeField | undefined
  for (const [at, { direction, path }] of on.entries()) {
    const descending = direction === "desc"
    const leaf = leavesFor(conjuncts, path, ["eq"])[0] ?? leavesFor(conjuncts, path, ["in"])[0]
    if (leaf === undefined) {
      range = rangeOn(conjuncts, path, descending, ["between", "prefix"], at === multiAt)
      break
    }
    bound.push({ descending, leaf })
  }
  const repeats = multiAt >= 0 && bound[multiAt]?.leaf.op !== "eq"
  return { kind: "index", index, bound, range, isMultikey: multiAt >= 0, repeats, ...requirement }
}

interface Ordered {
  readonly ordering: Ordering
  readonly direction: 1 | -1
}

/** How the rows of an access come into the order of the task. */
function orderingOf(task: Task, access: Access): Ordered {
  if (!task.ordered) return { ordering: "any", direction: 1 }
  const wanted = effectiveOrder(task, access)
  if (access.kind === "index") return indexOrdering(task.store, access, wanted)
  const byKey = keyDirection(task.store, wanted)
  if (byKey === undefined) return { ordering: "sort", direction: 1 }
  return { ordering: "walk", direction: byKey }
}

/** The order asked for without the paths that have one value in all rows, which order nothing. */
function effectiveOrder(task: Task, access: Access): ReadonlyArray<Order> {
  const equal = access.kind === "index" ? access.bound.filter((field) => field.leaf.op === "eq").map((field) => field.leaf.path) : []
  const fixed = equal.filter((path) => !typeOfPath(task.store.definition, path).meetsArray)
  const idAt = idsAreOrdered(task.store.definition) ? task.orderBy.findIndex((order) => order.path === "_id") : -1
  const told = idAt < 0 ? task.orderBy : task.orderBy.slice(0, idAt + 1)
  return told.filter((order) => !fixed.includes(order.path))
}

/** The direction of a walk by key that gives the order, if one does. */
function keyDirection(store: Store, wanted: ReadonlyArray<Order>): 1 | -1 | undefined {
  const [first] = wanted
  if (first === undefined) return 1
  if (first.path !== "_id" || !idsAreOrdered(store.definition)) return undefined
  return first.direction === "asc" ? 1 : -1
}

function indexOrdering(store: Store, access: IndexAccess, wanted: ReadonlyArray<Order>): Ordered {
  const rest = access.index.definition.on.slice(access.bound.length)
  const union = access.bound.some((field) => field.leaf.op === "in")
  const match = union || access.repeats ? undefined : matchOrder(store, rest, wanted)
  if (match !== undefined) return match
  const byKey = keyDirection(store, wanted)
  return byKey === undefined ? { ordering: "sort", direction: 1 } : { ordering: "keys", direction: byKey }
}

/**
 * Whether walking the entries gives the order. Behind the fields of an entry stands the document's key, so in a forward walk through
 * all of an index's fields ties are in the order of keys, and `_id` may stand at the end of what is wanted.
 */
function matchOrder(store: Store, rest: IndexAccess["index"]["definition"]["on"], wanted: ReadonlyArray<Order>): Ordered | undefined {
  let direction: 1 | -1 | undefined
  for (let level = 0; level < wanted.length; level++) {
    const order = wanted[level] as Order
    const field = rest[level] ?? (level === rest.length && order.path === "_id" && idsAreOrdered(store.definition) ? KEY_FIELD : undefined)
    if (field === undefined || field.path !== order.path || typeOfPath(store.definition, field.path).meetsArray) return undefined
    const needed = field.direction === order.direction ? 1 : -1
    if (direction !== undefined && direction !== needed) return undefined
    direction = needed
  }
  const total = wanted.at(-1)?.path === "_id" && idsAreOrdered(store.definition)
  const tiesByKey = wanted.length === rest.length && direction !== -1
  if (total || tiesByKey) return { ordering: "walk", direction: direction ?? 1 }
  return wanted.length === 0 ? undefined : { ordering: "ties", direction: direction ?? 1 }
}

const KEY_FIELD = { path: "_id", direction: "asc" } as const

/** An access for people. */
export function describeAccess(access: Access): string {
  switch (access.kind) {
    case "keys":
      return "keys"
    case "index":
      return `index ${access.index.definition.name}`
    case "scan":
      return access.low === undefined && access.high === undefined ? "all documents" : "range of keys"
  }
}
