/**
 * The BSON form of expressions: text is a path, a number itself; `{ $add: [a, b] }`, `$subtract`, `$multiply` and `$divide` calculate, `{ $value: any }` is any
 * value, and `{ $test: filter }` is whether a condition holds. Strict, as all statements are.
 */
import * as Type from "../Bson/Type.ts"
import { decodeValue, type Value } from "../Bson/Value.ts"
import { documentEnd, elementName, firstElement, nextElement, readString, valueOffset } from "../Bson/View.ts"
import { closest } from "../Config/Closest.ts"
import { type Calculation, CALCULATIONS, type Computed, COMPUTED_MAX, type Expression, EXPRESSION_DEPTH_MAX } from "./Ast.ts"
import { decodeFilter, encodeFilter, requirePath } from "./FilterBson.ts"
import { refuseStatement } from "./Reasons.ts"

const CALCULATION_NAMES: ReadonlyArray<Calculation> = Object.values(CALCULATIONS)
const OPERATORS: ReadonlyArray<string> = [...CALCULATION_NAMES.map((name) => `$${name}`), "$value", "$test"]
const NUMBERS: ReadonlySet<number> = new Set([Type.INT32, Type.INT64, Type.DOUBLE, Type.DECIMAL128])

/** Reads the expression whose value lies at `at`; `where` is its place in the statement. Faults with InvalidStatement. */
export function decodeExpression(bytes: Uint8Array, type: number, at: number, where: string, depth = 0): Expression {
  if (depth > EXPRESSION_DEPTH_MAX) refuseStatement(where, `an expression nests at most ${EXPRESSION_DEPTH_MAX} deep`)
  if (type === Type.STRING) return { op: "path", path: requirePath(readString(bytes, at), where) }
  if (NUMBERS.has(type)) return { op: "value", value: decodeValue(bytes, type, at) }
  const element = type === Type.DOCUMENT ? firstElement(at) : -1
  if (element < 0 || element >= documentEnd(bytes, at) || nextElement(bytes, element) < documentEnd(bytes, at))
    return refuseStatement(where, `an expression is a path, a number or one operator, such as { $multiply: ["price", "stock"] }`)
  const name = elementName(bytes, element)
  const operandType = bytes[element] ?? Type.MISSING
  const operandAt = valueOffset(bytes, element)
  const inside = `${where}.${name}`
  if (name === "$value") return { op: "value", value: decodeValue(bytes, operandType, operandAt) }
  if (name === "$test") return decodeTest(bytes, operandType, operandAt, inside)
  const op = CALCULATION_NAMES.find((known) => `$${known}` === name)
  if (op === undefined) {
    const meant = closest(name, OPERATORS)
    return refuseStatement(inside, `${name} is no operator of expressions, only ${OPERATORS.join(", ")}`, meant && `did you mean ${meant}?`)
  }
  const [left, right, ...rest] = operandType === Type.ARRAY ? operandsOf(bytes, operandAt) : []
  if (left === undefined || right === undefined || rest.length > 0) return refuseStatement(inside, `${name} takes two expressions: [a, b]`)
  return {
    op,
    left: decodeExpression(bytes, left.type, left.at, `${inside}.0`, depth + 1),
    right: decodeExpression(bytes, right.type, right.at, `${inside}.1`, depth + 1)
  }
}

function decodeTest(bytes: Uint8Array, type: number, at: number, where: string): Expression {
  const filter = type === Type.DOCUMENT ? decodeFilter(bytes, at, where) : undefined
  return filter === undefined ? refuseStatement(where, "$test takes a filter with a condition") : { op: "test", filter }
}

function operandsOf(bytes: Uint8Array, at: number): ReadonlyArray<{ readonly type: number; readonly at: number }> {
  const found: Array<{ type: number; at: number }> = []
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end && found.length < 3; element = nextElement(bytes, element))
    found.push({ type: bytes[element] ?? Type.MISSING, at: valueOffset(bytes, element) })
  return found
}

/** Reads `{ name: expression, … }`. Faults with InvalidStatement. */
export function decodeComputed(bytes: Uint8Array, at: number): Computed {
  const found: Array<readonly [string, Expression]> = []
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end; element = nextElement(bytes, element)) {
    const name = elementName(bytes, element)
    requireComputedName(name, `compute.${name}`)
    if (found.length === COMPUTED_MAX) refuseStatement("compute", `at most ${COMPUTED_MAX} computed values`)
    found.push([name, decodeExpression(bytes, bytes[element] ?? Type.MISSING, valueOffset(bytes, element), `compute.${name}`)])
  }
  if (found.length === 0) refuseStatement("compute", "compute names no value")
  return Object.fromEntries(found)
}

/** Faults with InvalidStatement when `name` cannot be that of a computed value. */
export function requireComputedName(name: string, where: string): void {
  if (name === "" || name === "_id" || name.includes(".") || name.startsWith("$"))
    refuseStatement(where, `"${name}" is no name for a value: no dots, no $, not _id`)
}

/** What `decodeExpression` reads, as a value. */
export function encodeExpression(expression: Expression): Value {
  switch (expression.op) {
    case "path":
      return expression.path
    case "value":
      return { $value: expression.value }
    case "test":
      return { $test: encodeFilter(expression.filter) }
    default:
      return { [`$${expression.op}`]: [encodeExpression(expression.left), encodeExpression(expression.right)] }
  }
}

/** What `decodeComputed` reads, as a value. */
export function encodeComputed(computed: Computed): { readonly [name: string]: Value } {
  return Object.fromEntries(Object.entries(computed).map(([name, expression]) => [name, encodeExpression(expression)]))
}
