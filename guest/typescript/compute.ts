/**
 * Computed values: `orders.all().compute({ sum: ["price", "*", "quantity"], isLarge: ["quantity", ">", 10] })`. A path stands for what it leads to, a list
 * of two operands and a sign for a number, and a list of path, operator and value for whether that condition holds. The host computes them.
 */
import { type Condition, group, type Target } from "./condition.ts"
import type { Decimal } from "./decimal.ts"
import type { Path, Stored } from "./paths.ts"

const SIGNS = { "+": "$add", "-": "$subtract", "*": "$multiply", "/": "$divide" } as const
type Sign = keyof typeof SIGNS

type Numeric = number | bigint | Decimal
type NumberPath<Row> = { [Where in Path<Row>]: Extract<Stored<Row, Where>, Numeric> extends never ? never : Where }[Path<Row>]
type Operand<Row> = NumberPath<Row> | Numeric | Calculation<Row>

/** A number of others: `["price", "*", ["quantity", "-", 1]]`. */
export type Calculation<Row> = readonly [Operand<Row>, Sign, Operand<Row>]

/** What can be computed of a row. */
export type Computable<Row> = Path<Row> | Calculation<Row> | Condition<Row>

/** The type of a computed value. What is no number, and a quotient by zero, makes null. */
export type ComputedValue<Row, Value> = Value extends string
  ? Stored<Row, Value> | null
  : Value extends readonly [unknown, Sign, unknown]
    ? Numeric | null
    : boolean

/** A row with computed values, which take the place of fields of their names. */
export type WithComputed<Selected, Row, Values> = Omit<Selected, keyof Values> & {
  readonly [Name in keyof Values]: ComputedValue<Row, Values[Name]>
}

/** An expression in the form the host takes it (docs/abi.md). */
export function expressionOf(target: Target, given: unknown): unknown {
  if (!Array.isArray(given)) return given
  const [left, sign, right] = given as [unknown, string, unknown]
  if (!Object.hasOwn(SIGNS, sign)) return { $test: group(target, given as never) }
  return { [SIGNS[sign as Sign]]: [expressionOf(target, left), expressionOf(target, right)] }
}
