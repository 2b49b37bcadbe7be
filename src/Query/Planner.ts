/**
 * Chooses how the documents of a statement are found.
 *
 * Invariants
 * - Never wrong before fast: every candidate gives the same rows in the same order; see `PlanAccess.ts` and `PlanOrdering.ts`.
 * - A candidate's residual has every condition that its bounds do not cover.
 * - The choice depends on the shape, the store's definition and its statistics only. Equal costs are decided by: more bound fields, then
 *   shorter index, then the older index (smaller id); a walk in key order loses ties.
 * - Candidates are few: two for each index of a store (at most 64, see `Schema/CheckIndexes.ts`), keys, all documents, and the unions and
 *   intersections that UNIONS_MAX and INTERSECTION_PARTS_MAX allow.
 */
import type { Store } from "../Storage/Reader.ts"
import { type Access, type IndexAccess, type KeyAccess, leavesOf } from "./Access.ts"
import type { Order } from "./Ast.ts"
import { type Condition, conjunctsOf, eachLeaf } from "./Condition.ts"
import { costOf, type KnownShares, shareOfAccess } from "./Cost.ts"
import { type Covering, coveringOf } from "./EntryDocument.ts"
import type { Candidate, Rejection } from "./Plan.ts"
import { indexAccess, INTERSECTION_PARTS_MAX, intersectionAccess, isBound, keyAccess, scanAccess, unionAccess } from "./PlanAccess.ts"
import { groupDirection, orderingOf } from "./PlanOrdering.ts"

/** What is to be planned. */
export interface Task {
  readonly store: Store
  readonly condition: Condition | undefined
  readonly orderBy: ReadonlyArray<Order>
  readonly limited: boolean
  /** False when the order of rows does not matter. */
  readonly ordered: boolean
  /** What of a row is asked for beside its place; undefined when it is all of it. */
  readonly needed?: { readonly paths: ReadonlyArray<string>; readonly id: boolean } | undefined
  /** The paths of groups that may be computed one after another; undefined when there are none. */
  readonly groupBy?: ReadonlyArray<string> | undefined
  /** What is known of the store's documents. */
  readonly statistics?: KnownShares | undefined
}

/** Most `or`s of a statement for which a union is weighed. */
const UNIONS_MAX = 4

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
  const accesses: Array<IndexAccess> = []
  for (const index of task.store.indexes) {
    const access = indexAccess(task.store, conjuncts, index)
    if (typeof access === "string") unusable.push({ access: `index ${index.definition.name}`, reason: access })
    else {
      accesses.push(access)
      addIndex(task, conjuncts, access, candidates, unusable)
    }
  }
  addCombined(task, conjuncts, accesses, candidates)
  candidates.push(candidateOf(task, conjuncts, scanAccess(task.store, conjuncts)))
  const ranked = candidates.toSorted(compareCandidates)
  const chosen = ranked[0] as Candidate
  const dearer = ranked.slice(1).map((candidate) => ({
    access: describeCandidate(candidate),
    reason: `expected to cost more (${Math.round(candidate.cost)} against ${Math.round(chosen.cost)})`,
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
  const covering = coveringFor(task, conjuncts, access)
  const found = [
    candidateOf(task, conjuncts, access),
    ...(covering === undefined ? [] : [candidateOf(task, conjuncts, access, covering)])
  ].filter((candidate) => isOfUse(task, access, candidate))
  candidates.push(...found)
  if (found.length === 0)
    unusable.push({ access: `index ${access.index.definition.name}`, reason: "neither its first field nor its order is asked for" })
}

function isOfUse(task: Task, access: IndexAccess, { covering, ordering, streams }: Candidate): boolean {
  if (isBound(access) || access.index.filter !== undefined || streams || covering !== undefined) return true
  return task.ordered && (ordering === "walk" || ordering === "ties")
}

/** Unions for the `or`s of the statement, and intersections of the narrowest accesses. */
function addCombined(
  task: Task,
  conjuncts: ReadonlyArray<Condition>,
  accesses: ReadonlyArray<IndexAccess>,
  candidates: Array<Candidate>
): void {
  const share = (access: Access): number => shareOfAccess(access, task.statistics)
  const narrowest = <A extends KeyAccess | IndexAccess>(given: ReadonlyArray<A>): ReadonlyArray<A> =>
    given.toSorted((a, b) => share(a) - share(b) || leavesOf(b).length - leavesOf(a).length || rank(a) - rank(b) || idOf(a) - idOf(b))
  for (const condition of conjuncts.filter((it) => it.op === "or").slice(0, UNIONS_MAX)) {
    if (condition.op !== "or") continue
    const union = unionAccess(task.store, conjuncts, condition.of, (given) => narrowest(given)[0])
    if (union !== undefined) candidates.push(candidateOf(task, conjuncts, union))
  }
  const bounded = narrowest(accesses.filter(isBound))
  for (let parts = 2; parts <= INTERSECTION_PARTS_MAX; parts++) {
    const intersection = intersectionAccess(bounded, parts)
    if (intersection?.parts.length === parts) candidates.push(candidateOf(task, conjuncts, intersection))
  }
}

function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    a.cost - b.cost ||
    leavesOf(b.access).length - leavesOf(a.access).length ||
    rank(a.access) - rank(b.access) ||
    idOf(a.access) - idOf(b.access)
  )
}

function rank(access: Access): number {
  if (access.kind === "keys") return 0
  return access.kind === "index" ? access.index.definition.on.length : Number.MAX_SAFE_INTEGER
}

function idOf(access: Access): number {
  return access.kind === "index" ? access.index.id : 0
}

/** How an access can do without the documents, if it can and there is something to read at all. */
function coveringFor(task: Task, conjuncts: ReadonlyArray<Condition>, access: IndexAccess): Covering | undefined {
  if (task.needed === undefined || access.isMultikey) return undefined
  const used: ReadonlyArray<Condition> = leavesOf(access)
  if (!task.ordered && !task.needed.id && task.needed.paths.length === 0 && conjuncts.every((it) => used.includes(it))) return undefined
  const paths = new Set([...task.needed.paths, ...task.orderBy.map((order) => order.path)])
  if (task.condition !== undefined) eachLeaf(task.condition, (_leaf, path) => paths.add(path))
  return coveringOf(task.store, access.index, paths, task.needed.id)
}

function candidateOf(task: Task, conjuncts: ReadonlyArray<Condition>, access: Access, covering?: Covering): Candidate {
  const used: ReadonlyArray<Condition> = leavesOf(access)
  const residual = conjuncts.filter((condition) => !used.includes(condition))
  const ordered = orderingOf(task, access)
  // Documents that are made of entries need not be fetched in the order of their keys.
  const ordering = covering !== undefined && ordered.ordering === "keys" ? "sort" : ordered.ordering
  const group =
    ordering === "any" && access.kind === "index" && task.groupBy !== undefined
      ? groupDirection(task.store, access, task.groupBy)
      : undefined
  const shape = {
    access,
    covering,
    direction: group ?? (ordered.ordering === "keys" && ordering === "sort" ? 1 : ordered.direction),
    ordering,
    residual,
    streams: group !== undefined
  }
  return { ...shape, ...costOf(shape, task) }
}

/** A way for people. */
export function describeCandidate({ access, covering, streams }: Candidate): string {
  const text = describeAccess(access)
  return `${text}${covering === undefined ? "" : ", covering"}${streams ? ", in groups" : ""}`
}

/** An access for people. */
export function describeAccess(access: Access): string {
  switch (access.kind) {
    case "keys":
      return "keys"
    case "index":
      return `index ${access.index.definition.name}`
    case "scan":
      return access.low === undefined && access.high === undefined ? "all documents" : "range of keys"
    case "union":
    case "intersection":
      return `${access.kind} of ${[...new Set(access.parts.map(describeAccess))].join(" and ")}`
  }
}
