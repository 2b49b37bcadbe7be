/** The results of an aggregate in PQL: `orders: count, total: sum(amount)`. */
import { closest } from "../Config/Closest.ts"
import { type Aggregate, AGGREGATE_OPERATORS, type AggregateOperator } from "./Ast.ts"
import { readPath } from "./PqlExpression.ts"
import type { Lexer } from "./PqlLexer.ts"

type Aggregates = NonNullable<Aggregate["aggregates"]>

/** Reads names and what they stand for. */
export function readAggregates(lexer: Lexer): Aggregates {
  const found = new Map<string, Aggregates[string]>()
  do {
    const name = lexer.peek()
    if (name.kind !== "name" && name.kind !== "quotedName") lexer.refuseToken(name, ["the name of a result, such as `total: sum(amount)`"])
    if (name.text.includes(".") || name.text.startsWith("$")) lexer.refuseToken(name, ["a name without dots and $"])
    if (found.has(name.text)) lexer.refuseToken(name, ["each name once"])
    lexer.next()
    lexer.expect(":")
    found.set(name.text, readAggregate(lexer))
  } while (lexer.accept(","))
  return Object.fromEntries(found)
}

function readAggregate(lexer: Lexer): Aggregates[string] {
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
  const path = readPath(lexer)
  lexer.expect(")")
  return { operator, path }
}
