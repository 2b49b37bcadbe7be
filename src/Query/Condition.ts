/**
 * A filter with slots in the place of values: what a plan is made of.
 *
 * Slots are numbered by the order of the leaves, which is the order in which `Shape.scan` meets the values.
 */
import type { Filter } from "./Ast.ts"
import { printPath } from "./Print.ts"

export type LeafOperator = "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "in" | "notIn" | "between" | "prefix" | "exists"

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

/** Whether a condition is a leaf. */
export function isLeaf(condition: Condition): condition is Leaf {
  return condition.op !== "and" && condition.op !== "or" && condition.op !== "not"
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
      default:
        return { op: part.op, path: part.path, slot: next++ }
    }
  }
  const condition = convert(filter)
  return { condition, slots: next - first }
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
  exists: "exists"
}

/** A condition for people: PQL with `?` for each value. */
export function describeCondition(condition: Condition): string {
  if (isLeaf(condition)) return `${printPath(condition.path)} ${SIGNS[condition.op]} ?`
  if (condition.op === "not") return `not (${describeCondition(condition.of)})`
  return condition.of.map((part) => (isLeaf(part) ? describeCondition(part) : `(${describeCondition(part)})`)).join(` ${condition.op} `)
}
