/**
 * The conditions of the typed builder: what `filter` takes, and the filters it stands for.
 *
 * Invariants
 * - A path, operator or operand that the store's schema does not have does not compile.
 * - `undefined` is refused when the statement is built: without it a filter would let everything through.
 */
import type { Value } from "../Bson/Value.ts"
import { ELEMENT } from "../Match/Filter.ts"
import type { DocumentValue, Filter } from "./Ast.ts"
import type { AtPath, ItemAt, PathOf } from "./DocumentType.ts"
import { encodeFilter } from "./FilterBson.ts"
import { COMPARISONS } from "./PqlWords.ts"

/** What the path form of `filter` compares with, as in PQL. */
export type Operator =
  | keyof typeof COMPARISONS
  | "in"
  | "not in"
  | "between"
  | "startsWith"
  | "endsWith"
  | "contains"
  | "~"
  | "exists"
  | "is"
  | "size"
  | "any"
  | "all"

/** The names of types that `is` takes. */
export type TypeName =
  | "array"
  | "binary"
  | "boolean"
  | "date"
  | "decimal"
  | "document"
  | "double"
  | "int"
  | "key"
  | "long"
  | "maxKey"
  | "minKey"
  | "null"
  | "number"
  | "objectId"
  | "regex"
  | "string"
  | "timestamp"
  | "uuid"

interface Operands<V, Item> {
  readonly in: ReadonlyArray<V | null>
  readonly "not in": ReadonlyArray<V | null>
  readonly between: readonly [low: V, high: V]
  readonly startsWith: string
  readonly endsWith: string
  readonly contains: V | string
  readonly "~": RegExp | string
  readonly exists: boolean
  readonly is: TypeName
  readonly size: number
  readonly any: ElementCondition<Item>
  readonly all: ElementCondition<Item>
}

/** What an operator compares values of type `V` with; `Item` are the elements of an array. */
export type Operand<V, Item, Op extends Operator> = Op extends keyof Operands<V, Item> ? Operands<V, Item>[Op] : V | null

/** Conditions that all have to hold: the value of each path. */
export type Conditions<Row> = { readonly [Path in PathOf<Row>]?: AtPath<Row, Path> | null }

/** One condition: path, operator, value. */
export type Condition<Row> = {
  [Path in PathOf<Row>]: { [Op in Operator]: readonly [Path, Op, Operand<AtPath<Row, Path>, ItemAt<Row, Path>, Op>] }[Operator]
}[PathOf<Row>]

type Comparing = Exclude<Operator, "any" | "all">
/** A condition on an element itself. */
type ThisCondition<Item> = { [Op in Comparing]: readonly ["this", Op, Operand<Item, never, Op>] }[Comparing]
type ElementPart<Item> = ThisCondition<Item> | (Item extends object ? Conditions<Item> | Condition<Item> : never)

/** What elements of an array are tested for: one condition, or a list of them that all have to hold for the same element. */
export type ElementCondition<Item> = ElementPart<Item> | ReadonlyArray<ElementPart<Item>>

/** Several elements for `push`, `addToSet` and `pull`, made by `each`. */
export interface Each<out Item> {
  readonly $each: ReadonlyArray<Item>
}

/**
 * Several elements at once.
 *
 * @example
 * ```ts
 * const tags = each(["new", "sale"]) // products.filter({ … }).addToSet({ tags })
 * ```
 */
export function each<const Item>(items: ReadonlyArray<Item>): Each<Item> {
  return { $each: items }
}

/** The elements that a condition holds for, made by `matching`; for `pull`. */
export interface Matching<in Item> {
  readonly $any: DocumentValue
  /** Only for types. */
  readonly item?: (item: Item) => void
}

/** The elements that all of this holds for: `pull({ lines: matching(["quantity", "<", 1]) })`. */
export function matching<Item>(...conditions: ReadonlyArray<ElementPart<NoInfer<Item>>>): Matching<Item> {
  return { $any: encodeFilter(joined(conditions.flatMap((condition) => elementFiltersOf(condition)))) }
}

/** One filter that asks for all of these. */
export function joined(filters: ReadonlyArray<Filter>): Filter {
  const only = filters.length === 1 ? filters[0] : undefined
  return only ?? { op: "and", of: filters }
}

/** The filters that an object of values, or a list of path, operator and value, stands for. */
export function filtersOf(condition: unknown): ReadonlyArray<Filter> {
  if (!Array.isArray(condition)) {
    return Object.entries(condition as Record<string, Value | undefined>).map(([path, value]) => ({
      op: "eq",
      path,
      value: given(path, value)
    }))
  }
  const [path, operator, operand] = condition as [string, Operator, Value | undefined]
  return [comparison(path, operator, operand)]
}

function elementFiltersOf(condition: unknown): ReadonlyArray<Filter> {
  const isList = Array.isArray(condition) && typeof condition[0] !== "string"
  if (isList) return (condition as ReadonlyArray<unknown>).flatMap(elementFiltersOf)
  const [path, operator, operand] = Array.isArray(condition) ? (condition as [string, Operator, Value | undefined]) : []
  return path === "this" && operator !== undefined ? [comparison(ELEMENT, operator, operand)] : filtersOf(condition)
}

function comparison(path: string, operator: Operator, operand: unknown): Filter {
  if (operator === "any" || operator === "all") return { op: operator, path, of: joined(elementFiltersOf(operand)) }
  if (operator === "~") return { op: "regex", path, ...patternOf(operand as RegExp | string) }
  const value = given(path, operand as Value | undefined)
  switch (operator) {
    case "in":
    case "not in":
      return { op: operator === "in" ? "in" : "notIn", path, values: value as ReadonlyArray<Value> }
    case "between": {
      const [low, high] = value as readonly [Value, Value]
      return { op: "between", path, low, high }
    }
    case "startsWith":
      return { op: "prefix", path, value: value as string }
    case "endsWith":
      return { op: "suffix", path, value: value as string }
    case "contains":
      return { op: "contains", path, value }
    case "exists":
      return { op: "exists", path, value: value as boolean }
    case "is":
      return { op: "type", path, type: value as string }
    case "size":
      return { op: "size", path, size: value as number }
    default:
      return { op: COMPARISONS[operator], path, value }
  }
}

/** The pattern of a regular expression of JavaScript. What is about how it runs (g, y, u, v, d) says nothing here. */
function patternOf(pattern: RegExp | string): { readonly pattern: string; readonly flags: string } {
  if (typeof pattern === "string") return { pattern, flags: "" }
  return { pattern: pattern.source, flags: pattern.flags.replaceAll(/[gyuvd]/g, "") }
}

function given(path: string, value: Value | undefined): Value {
  if (value === undefined) throw new TypeError(`the value for ${path} in a filter is undefined`)
  return value
}
