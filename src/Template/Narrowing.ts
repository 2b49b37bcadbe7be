/**
 * What a condition says about missing values: inside `{if order.address}` the address is there.
 *
 * Invariants
 * - Names never change their value, so what a test has shown of a path holds in all of its branch.
 * - A path is a chain of fields and literal indexes down to a name; nothing is concluded about other expressions.
 */
import type { ExpressionSyntax } from "./Syntax.ts"

/** The text of a path, the same for every way to write it; undefined when the expression is none. */
export function pathKey(expression: ExpressionSyntax): string | undefined {
  if (expression.kind === "name") return expression.name
  if (expression.kind === "member") {
    const of = pathKey(expression.of)
    return of === undefined ? undefined : `${of}[${JSON.stringify(expression.name)}]`
  }
  if (expression.kind !== "index" || expression.index.kind !== "literal") return undefined
  const of = pathKey(expression.of)
  return of === undefined ? undefined : `${of}[${JSON.stringify(expression.index.value)}]`
}

/** The paths that have a value when the expression is true. */
export function presentWhenTrue(expression: ExpressionSyntax): ReadonlyArray<string> {
  const key = pathKey(expression)
  if (key !== undefined) return [key]
  if (expression.kind === "unary") return expression.operator === "not" ? presentWhenFalse(expression.of) : []
  if (expression.kind !== "binary") return []
  const { operator, left, right } = expression
  switch (operator) {
    case "and":
      return [...presentWhenTrue(left), ...presentWhenTrue(right)]
    case "notEqual":
      return isNull(right) ? keys(left) : isNull(left) ? keys(right) : []
    case "equal":
      if (isNull(left) || isNull(right)) return []
      return right.kind === "literal" ? keys(left) : left.kind === "literal" ? keys(right) : []
    case "less":
    case "lessOrEqual":
    case "greater":
    case "greaterOrEqual":
      return [...keys(left), ...keys(right)]
    default:
      return []
  }
}

/** The paths that have a value when the expression is false. */
export function presentWhenFalse(expression: ExpressionSyntax): ReadonlyArray<string> {
  if (expression.kind === "unary") return expression.operator === "not" ? presentWhenTrue(expression.of) : []
  if (expression.kind !== "binary") return []
  const { operator, left, right } = expression
  if (operator === "or") return [...presentWhenFalse(left), ...presentWhenFalse(right)]
  if (operator !== "equal") return []
  return isNull(right) ? keys(left) : isNull(left) ? keys(right) : []
}

function isNull(expression: ExpressionSyntax): boolean {
  return expression.kind === "literal" && expression.value === null
}

function keys(expression: ExpressionSyntax): ReadonlyArray<string> {
  const key = pathKey(expression)
  return key === undefined ? [] : [key]
}
