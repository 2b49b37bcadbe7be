/**
 * Computed values in the typed builder: `orders.compute({ sum: ["price", "*", "quantity"], isLarge: ["quantity", ">", 10] })`.
 *
 * A path stands for what it leads to, a list of two operands and a sign for a number, and a list of path, operator and value for whether
 * that condition holds.
 */
import type { Decimal128 } from "../Bson/Value.ts"
import { CALCULATIONS, type Computed, type Expression } from "./Ast.ts"
import { type Condition, filtersOf, joined } from "./BuilderCondition.ts"
import type { PathOf, StoredAt } from "./DocumentType.ts"

type Sign = keyof typeof CALCULATIONS
type NumberLike = number | bigint | Decimal128
type NumberPath<Row> = { [Path in PathOf<Row>]: Extract<StoredAt<Row, Path>, NumberLike> extends never ? never : Path }[PathOf<Row>]
type Operand<Row> = NumberPath<Row> | NumberLike | Calculation<Row>

/** A number of others: `["price", "*", ["quantity", "-", 1]]`. */
export type Calculation<Row> = readonly [Operand<Row>, Sign, Operand<Row>]

/** What can be computed of a row. */
export type Computable<Row> = PathOf<Row> | Calculation<Row> | Condition<Row>

/** The type of a computed value. */
export type ComputedOf<Row, C> = C extends string
  ? StoredAt<Row, C> | null
  : C extends readonly [unknown, Sign, unknown]
    ? NumberLike | null
    : boolean

/** A row with computed values, which take the place of fields of their names. */
export type WithComputed<Selected, Row, Values> = Omit<Selected, keyof Values> & {
  readonly [Name in keyof Values]: ComputedOf<Row, Values[Name]>
}

/** The expressions of values as they are given. */
export function computedOf(values: { readonly [name: string]: unknown }): Computed {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, expressionOf(value)]))
}

/** The expression that a path, a number, a calculation or a condition stands for. */
export function expressionOf(given: unknown): Expression {
  if (typeof given === "string") return { op: "path", path: given }
  if (!Array.isArray(given)) return { op: "value", value: given as NumberLike }
  const [left, sign, right] = given as [unknown, string, unknown]
  if (!Object.hasOwn(CALCULATIONS, sign)) return { op: "test", filter: joined(filtersOf(given)) }
  return { op: CALCULATIONS[sign as Sign], left: expressionOf(left), right: expressionOf(right) }
}
