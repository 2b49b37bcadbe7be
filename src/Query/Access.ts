/**
 * The ways to get at documents that a planner weighs: by key, through an index or several, or all of a store in the order of keys.
 */
import type { StoreIndex } from "../Storage/Reader.ts"
import type { Leaf } from "./Condition.ts"
import type { Guard } from "./Implication.ts"

/** The documents with the `_id`s in a slot: one value (`eq`) or a list (`in`). */
export interface KeyAccess {
  readonly kind: "keys"
  readonly leaf: Leaf
}

/** Documents in the order of their keys, between bounds on `_id` where there are any. */
export interface ScanAccess {
  readonly kind: "scan"
  readonly low: Leaf | undefined
  readonly high: Leaf | undefined
}

/** One field of an index that a plan binds: to one value, to each of a list, or to a range. */
export interface BoundField {
  readonly descending: boolean
  readonly leaf: Leaf
}

/** A range on the field behind the bound ones; `between` and `prefix` are both ends at once. */
export interface RangeField {
  readonly descending: boolean
  readonly low: Leaf | undefined
  readonly high: Leaf | undefined
}

/** The entries of an index whose first fields are bound, and whose next field may lie in a range. */
export interface IndexAccess {
  readonly kind: "index"
  readonly index: StoreIndex
  readonly bound: ReadonlyArray<BoundField>
  readonly range: RangeField | undefined
  /** What has to be true of the values of a run for the index to have every document that is asked for. */
  readonly guard: Guard | undefined
  /** Conditions that hold for all documents of the index. */
  readonly covered: ReadonlyArray<Leaf>
  /** Whether a document may have several entries in the index, and whether several of them may lie in the bounds. */
  readonly isMultikey: boolean
  readonly repeats: boolean
}

/**
 * The documents that at least one part gives: an `or`, each of whose alternatives is a part. Keys are collected from all parts, and each
 * document is fetched once and tested for everything.
 */
export interface UnionAccess {
  readonly kind: "union"
  readonly parts: ReadonlyArray<KeyAccess | IndexAccess>
}

/** The documents that every part gives, each part for other conditions. Keys are collected from all parts; only common ones are fetched. */
export interface IntersectionAccess {
  readonly kind: "intersection"
  readonly parts: ReadonlyArray<IndexAccess>
}

export type Access = KeyAccess | ScanAccess | IndexAccess | UnionAccess | IntersectionAccess

/** The indexes that an access reads. */
export function indexesOf(access: Access): ReadonlyArray<IndexAccess> {
  if (access.kind === "index") return [access]
  if (access.kind === "keys" || access.kind === "scan") return []
  const parts: ReadonlyArray<KeyAccess | IndexAccess> = access.parts
  return parts.filter((part) => part.kind === "index")
}

/** The leaves that an access takes care of: when its bounds are exact, the documents it gives need no test for them. */
export function leavesOf(access: Access): ReadonlyArray<Leaf> {
  switch (access.kind) {
    case "keys":
      return [access.leaf]
    case "scan":
      return ends(access)
    case "index":
      return [...access.bound.map((field) => field.leaf), ...(access.range === undefined ? [] : ends(access.range)), ...access.covered]
    case "union":
    case "intersection":
      // Their documents are tested for everything.
      return []
  }
}

function ends(range: { readonly low: Leaf | undefined; readonly high: Leaf | undefined }): ReadonlyArray<Leaf> {
  const { low, high } = range
  return [...(low === undefined ? [] : [low]), ...(high === undefined || high === low ? [] : [high])]
}
