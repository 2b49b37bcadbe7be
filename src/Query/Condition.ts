/**
 * A filter with slots in the place of values: what a plan is made of.
 *
 * Slots are numbered by the order of the leaves, which is the order in which `Shape.scan` meets the values.
 */
import { ELEMENT } from "../Match/Filter.ts"
import type { Filter } from "./Ast.ts"
import { printPath } from "./Print.ts"

export type LeafOperator = Exclude<Filter["op"], "and" | "or" | "not" | "any" | "all">

/** A leaf: an operator between a path and the value in a slot. `between` and `in` have a list there. */
export interface Leaf {
  readonly op: LeafOperator
  readonly path: string
  readonly slot: number
}

export type Condition =
  | Leaf
  | { readonly op: "and" | "or"; readonly of: ReadonlyArray<Condition> }
  | { readonly op: "not"; readonly of: Condition }
  | { readonly op: "any"; readonly path: string; readonly of: Condition }
  | { readonly op: "all"; readonly path: string; readonly of: Condition }

/** Whether a condition is a leaf. */
export function isLeaf(condition: Condition): condition is Leaf {
  return "slot" in condition
}

/** What a condition is made of: nothing when it is a leaf. */
export function partsOf(condition: Condition): ReadonlyArray<Condition> {
  if (isLeaf(condition)) return []
  switch (condition.op) {
    case "and":
    case "or":
      return condition.of
    default:
      return [condition.of]
  }
}

/** Visits the leaves in order, with their paths from the document on. */
export function eachLeaf(condition: Condition, visit: (leaf: Leaf, path: string) => void, above = ELEMENT): void {
  if (isLeaf(condition)) return visit(condition, joined(above, condition.path))
  const inside = condition.op === "any" || condition.op === "all" ? joined(above, condition.path) : above
  for (const part of partsOf(condition)) eachLeaf(part, visit, inside)
}

function joined(above: string, path: string): string {
  return above === ELEMENT || path === ELEMENT ? `${above}${path}` : `${above}.${path}`
}

/** The filter with slots for values; `first` is the number of the first slot. */
export function conditionOf(filter: Filter, first: number): { readonly condition: Condition; readonly slots: number } {
  let next = first
  const convert = (part: Filter): Condition => {
    switch (part.op) {
      case "and":
      case "or":
        return { op: part.op, of: part.of.map(convert) }
      case "not":
        return { op: "not", of: convert(part.of) }
      case "any":
      case "all":
        return { op: part.op, path: part.path, of: convert(part.of) }
      default:
        return { op: part.op, path: part.path, slot: next++ }
    }
  }
  const condition = convert(filter)
  return { condition, slots: next - first }
}

/** The slot of the first leaf; undefined when there is none. */
export function firstSlot(condition: Condition): number | undefined {
  if (isLeaf(condition)) return condition.slot
  for (const part of partsOf(condition)) {
    const slot = firstSlot(part)
    if (slot !== undefined) return slot
  }
  return undefined
}

/** The conditions that all have to hold: the parts of nested `and`s, in order. */
export function conjunctsOf(condition: Condition | undefined): ReadonlyArray<Condition> {
  if (condition === undefined) return []
  return condition.op === "and" ? condition.of.flatMap(conjunctsOf) : [condition]
}

const SIGNS: Readonly<Record<LeafOperator, string>> = {
  eq: "=",
  ne: "!=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  in: "in",
  notIn: "not in",
  between: "between",
  prefix: "startsWith",
  suffix: "endsWith",
  contains: "contains",
  regex: "~",
  exists: "exists",
  type: "is",
  size: "size"
}

/** A condition for people: PQL with `?` for each value. */
export function describeCondition(condition: Condition): string {
  if (isLeaf(condition)) return `${printPath(condition.path)} ${SIGNS[condition.op]} ?`
  switch (condition.op) {
    case "not":
      return `not (${describeCondition(condition.of)})`
    case "any":
    case "all":
      return `${printPath(condition.path)} ${condition.op} (${describeCondition(condition.of)})`
    default:
      return condition.of.map((part) => (isLeaf(part) ? describeCondition(part) : `(${describeCondition(part)})`)).join(` ${condition.op} `)
  }
}
