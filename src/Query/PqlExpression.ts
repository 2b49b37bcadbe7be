/**
 * The conditions of PQL: `customer = "ada" and not (total between 1 and 5 or tags in ["a", "b"])`.
 *
 * Invariants
 * - `and` binds tighter than `or`, `not` tighter than both; parentheses nest at most PQL_DEPTH_MAX deep.
 * - A word of the language is no path unless it stands in backticks, so that a forgotten operand is noticed.
 */
import { closest } from "../Config/Closest.ts"
import type { Value } from "../Bson/Value.ts"
import type { Filter } from "./Ast.ts"
import type { Lexer, Token } from "./PqlLexer.ts"
import { type Parameters, PQL_DEPTH_MAX, readList, readValue } from "./PqlValue.ts"

const COMPARISONS = { "=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge" } as const
const OPERATORS = ["=", "!=", "<", "<=", ">", ">=", "in", "not in", "between", "startsWith", "exists"]
const WORDS: ReadonlySet<string> = new Set(["and", "or", "not", "in", "between", "startsWith", "exists"])

/** Reads one condition, as far as it goes. */
export function readExpression(lexer: Lexer, parameters: Parameters): Filter {
  return readOr(lexer, parameters, 0)
}

/** Reads a path: names and numbers joined by dots, each name plain or in backticks. */
export function readPath(lexer: Lexer): string {
  const first = lexer.peek()
  if (first.kind === "name" && WORDS.has(first.text))
    lexer.refuseToken(first, ["a path"], `a field of that name is written \`${first.text}\` in backticks`)
  if (first.kind !== "name" && first.kind !== "quotedName") {
    lexer.refuseToken(first, ["a path"], first.kind === "string" ? "a path is written without quotes" : undefined)
  }
  lexer.next()
  let path = step(lexer, first)
  while (lexer.accept(".")) {
    const digits = lexer.acceptDigits()
    if (digits !== undefined) {
      path += `.${digits}`
      continue
    }
    const token = lexer.peek()
    if (token.kind !== "name" && token.kind !== "quotedName") lexer.refuseToken(token, ["a name or a number after `.`"])
    lexer.next()
    path += `.${step(lexer, token)}`
  }
  return path
}

/** The name in a token. One with a dot of its own could not be told from two names. */
function step(lexer: Lexer, token: Token): string {
  if (token.text.includes(".")) lexer.refuseToken(token, ["a name without a dot"])
  if (token.text.startsWith("$")) lexer.refuseToken(token, ["a name that does not begin with $"])
  if (token.text.includes("\0")) lexer.refuseToken(token, ["a name without a NUL character"])
  return token.text
}

function readOr(lexer: Lexer, parameters: Parameters, depth: number): Filter {
  const first = readAnd(lexer, parameters, depth)
  const of = [first]
  while (lexer.accept("or")) of.push(readAnd(lexer, parameters, depth))
  return of.length === 1 ? first : { op: "or", of }
}

function readAnd(lexer: Lexer, parameters: Parameters, depth: number): Filter {
  const first = readNot(lexer, parameters, depth)
  const of = [first]
  while (lexer.accept("and")) of.push(readNot(lexer, parameters, depth))
  return of.length === 1 ? first : { op: "and", of }
}

function readNot(lexer: Lexer, parameters: Parameters, depth: number): Filter {
  const token = lexer.peek()
  if (depth > PQL_DEPTH_MAX) lexer.refuseToken(token, [`at most ${PQL_DEPTH_MAX} levels`])
  if (lexer.accept("not")) return { op: "not", of: readNot(lexer, parameters, depth + 1) }
  if (token.kind === "symbol" && token.text === "(") {
    lexer.next()
    const inside = readOr(lexer, parameters, depth + 1)
    lexer.expect(")")
    return inside
  }
  return readCondition(lexer, parameters)
}

function readCondition(lexer: Lexer, parameters: Parameters): Filter {
  const path = readPath(lexer)
  const token = lexer.peek()
  if (token.kind === "symbol" && Object.hasOwn(COMPARISONS, token.text)) {
    lexer.next()
    return { op: COMPARISONS[token.text as keyof typeof COMPARISONS], path, value: readValue(lexer, parameters, 0) }
  }
  if (lexer.accept("in")) return { op: "in", path, values: readList(lexer, parameters) }
  if (lexer.accept("not")) {
    if (!lexer.accept("in")) lexer.refuseToken(lexer.peek(), ["`in` after `not`"])
    return { op: "notIn", path, values: readList(lexer, parameters) }
  }
  if (lexer.accept("between")) return readBetween(lexer, parameters, path)
  if (lexer.accept("startsWith")) return { op: "prefix", path, value: readText(lexer, parameters) }
  if (lexer.accept("exists")) return { op: "exists", path, value: !lexer.accept("false") && (lexer.accept("true") || true) }
  const meant = token.kind === "name" ? closest(token.text, OPERATORS) : undefined
  return lexer.refuseToken(token, [`an operator (${OPERATORS.join(", ")})`], meant === undefined ? undefined : `did you mean ${meant}?`)
}

function readBetween(lexer: Lexer, parameters: Parameters, path: string): Filter {
  const low: Value = readValue(lexer, parameters, 0)
  if (!lexer.accept("and")) lexer.refuseToken(lexer.peek(), ["`and` and the upper end of between"])
  return { op: "between", path, low, high: readValue(lexer, parameters, 0) }
}

function readText(lexer: Lexer, parameters: Parameters): string {
  const token = lexer.peek()
  const value = readValue(lexer, parameters, 0)
  if (typeof value !== "string") lexer.refuseToken(token, ["text after `startsWith`"])
  return value
}
