/**
 * The ways to get at the documents of a condition: what of it an index can bound, and how several indexes go together.
 *
 * Invariants
 * - An access gives every document that the conditions let through; those it takes care of are its leaves, all others are tested.
 * - A path that may meet an array of some document (by the store's schema) has several entries there: one condition bounds it, never two
 *   together. An index that is not ready is not used at all, one that does not have every document only behind a guard.
 */
import type { Store, StoreIndex } from "../Storage/Reader.ts"
import {
  type BoundField,
  type IndexAccess,
  type IntersectionAccess,
  type KeyAccess,
  leavesOf,
  type RangeField,
  type ScanAccess,
  type UnionAccess
} from "./Access.ts"
import { type Condition, conjunctsOf, isLeaf, type Leaf, type LeafOperator } from "./Condition.ts"
import { requirementOf } from "./Implication.ts"
import { idsAreOrdered, typeOfPath } from "./PathTypes.ts"

/** Most parts of a union: beyond it a scan is tested for the `or`. */
export const UNION_PARTS_MAX = 64
/** Most parts of an intersection. */
export const INTERSECTION_PARTS_MAX = 3

function leavesFor(conjuncts: ReadonlyArray<Condition>, path: string, operators: ReadonlyArray<LeafOperator>): ReadonlyArray<Leaf> {
  return conjuncts.filter(isLeaf).filter((leaf) => leaf.path === path && operators.includes(leaf.op))
}

export function keyAccess(conjuncts: ReadonlyArray<Condition>): KeyAccess | undefined {
  const leaf = leavesFor(conjuncts, "_id", ["eq"])[0] ?? leavesFor(conjuncts, "_id", ["in"])[0]
  return leaf === undefined ? undefined : { kind: "keys", leaf }
}

export function scanAccess(store: Store, conjuncts: ReadonlyArray<Condition>): ScanAccess {
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
export function indexAccess(store: Store, conjuncts: ReadonlyArray<Condition>, index: StoreIndex): IndexAccess | string {
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

/** Whether bounds keep an access from giving all of its index. */
export function isBound(access: IndexAccess): boolean {
  return access.bound.length > 0 || access.range !== undefined
}

/**
 * For an `or` among the conditions: an access for each of its alternatives, together with what stands beside the `or`. Undefined when an
 * alternative has none. `best` picks among the accesses of one alternative.
 */
export function unionAccess(
  store: Store,
  conjuncts: ReadonlyArray<Condition>,
  alternatives: ReadonlyArray<Condition>,
  best: (accesses: ReadonlyArray<KeyAccess | IndexAccess>) => KeyAccess | IndexAccess | undefined
): UnionAccess | undefined {
  const parts: Array<KeyAccess | IndexAccess> = []
  if (alternatives.length > UNION_PARTS_MAX) return undefined
  for (const alternative of alternatives) {
    const own = conjunctsOf(alternative)
    const together = [...own, ...conjuncts.filter(isLeaf)]
    const keys = keyAccess(own)
    const accesses = store.indexes
      .map((index) => indexAccess(store, together, index))
      // What does not bound the alternative itself is the same for all of them, and no union.
      .filter((access) => typeof access !== "string" && isBound(access) && leavesOf(access).some((leaf) => own.includes(leaf)))
    const part = best([...(keys === undefined ? [] : [keys]), ...(accesses as ReadonlyArray<IndexAccess>)])
    if (part === undefined) return undefined
    parts.push(part)
  }
  return { kind: "union", parts }
}

/** Accesses to meet in: the first that is given, then the next ones that are about other conditions. Undefined when there is only one. */
export function intersectionAccess(accesses: ReadonlyArray<IndexAccess>, partsMax: number): IntersectionAccess | undefined {
  const parts: Array<IndexAccess> = []
  const used = new Set<Leaf>()
  for (const access of accesses) {
    const leaves = leavesOf(access)
    if (parts.length === partsMax) break
    if (leaves.some((leaf) => used.has(leaf))) continue
    for (const leaf of leaves) used.add(leaf)
    parts.push(access)
  }
  return parts.length < 2 ? undefined : { kind: "intersection", parts }
}
