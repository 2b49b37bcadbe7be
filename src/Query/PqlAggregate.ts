/** The results of an aggregate in PQL: `orders: count, total: sum(price * amount)`. */
import { closest } from "../Config/Closest.ts"
import { type Aggregate, AGGREGATE_OPERATORS, type AggregateOperator } from "./Ast.ts"
import { readCalculation } from "./PqlCompute.ts"
import type { Lexer } from "./PqlLexer.ts"
import type { Parameters } from "./PqlValue.ts"

type Aggregates = NonNullable<Aggregate["aggregates"]>

/** Reads names and what they stand for. */
export function readAggregates(lexer: Lexer, parameters: Parameters): Aggregates {
  const found = new Map<string, Aggregates[string]>()
  do {
    const name = lexer.peek()
    if (name.kind !== "name" && name.kind !== "quotedName") lexer.refuseToken(name, ["the name of a result, such as `total: sum(amount)`"])
    if (name.text.includes(".") || name.text.startsWith("$")) lexer.refuseToken(name, ["a name without dots and $"])
    if (found.has(name.text)) lexer.refuseToken(name, ["each name once"])
    lexer.next()
    lexer.expect(":")
    found.set(name.text, readAggregate(lexer, parameters))
  } while (lexer.accept(","))
  return Object.fromEntries(found)
}

function readAggregate(lexer: Lexer, parameters: Parameters): Aggregates[string] {
  const token = lexer.peek()
  const operator = AGGREGATE_OPERATORS.find((known: AggregateOperator) => known === token.text)
  if (operator === undefined || token.kind !== "name") {
    const meant = closest(token.text, AGGREGATE_OPERATORS)
    return lexer.refuseToken(
      token,
      [`an aggregate (${AGGREGATE_OPERATORS.join(", ")})`],
      meant === undefined ? undefined : `did you mean ${meant}?`
    )
  }
  lexer.next()
  if (operator === "count") {
    if (lexer.accept("(")) lexer.expect(")")
    return { operator }
  }
  lexer.expect("(")
  const value = readCalculation(lexer, parameters)
  lexer.expect(")")
  return value.op === "path" ? { operator, path: value.path } : { operator, value }
}
