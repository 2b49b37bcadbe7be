/**
 * Computed values in PQL: `price * stock`, `(net + tax) / 2`, `price > 10`.
 *
 * Invariants
 * - `*` and `/` bind tighter than `+` and `-`, which go from left to right; parentheses nest at most EXPRESSION_DEPTH_MAX deep.
 * - What is no calculation to its end is read as a condition; when it is neither, the mistake that lies further on is the one that is told.
 */
import { Fault } from "../Fault/Fault.ts"
import { type Calculation, CALCULATIONS, COMPUTED_MAX, type Expression, EXPRESSION_DEPTH_MAX } from "./Ast.ts"
import { readExpression, readPath } from "./PqlExpression.ts"
import type { Lexer } from "./PqlLexer.ts"
import { LITERAL_WORDS, type Parameters, readValue } from "./PqlValue.ts"
import { VALUE_WORDS } from "./PqlWords.ts"
import type { QueryReason } from "./Reasons.ts"

const VALUE_NAME = "the name of a value, such as `total: price * stock`"

/** Reads what stands behind `name:` in a select: a calculation or a condition, up to `,` or `)`. */
function readComputed(lexer: Lexer, parameters: Parameters): Expression {
  const mark = lexer.mark()
  const calculation = attempt(() => {
    const found = readCalculation(lexer, parameters)
    const end = lexer.peek()
    if (end.kind !== "symbol" || (end.text !== "," && end.text !== ")")) lexer.refuseToken(end, ["`,`", "`)`"])
    return found
  })
  if (!(calculation instanceof Fault)) return calculation
  const { path } = lexer.place
  lexer.reset(mark)
  const condition = attempt((): Expression => ({ op: "test", filter: readExpression(lexer, parameters) }))
  if (!(condition instanceof Fault)) return condition
  if (offsetOf(condition) > offsetOf(calculation)) throw condition
  lexer.place.path = path
  throw calculation
}

function attempt(read: () => Expression): Expression | Fault {
  try {
    return read()
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
}

function offsetOf({ reason }: Fault): number {
  return reason._tag === "InvalidPql" ? (reason as Extract<QueryReason, { readonly _tag: "InvalidPql" }>).offset : -1
}

/** Reads a calculation, as far as it goes. */
export function readCalculation(lexer: Lexer, parameters: Parameters): Expression {
  return sum(lexer, parameters, 0)
}

function sum(lexer: Lexer, parameters: Parameters, depth: number): Expression {
  let left = product(lexer, parameters, depth)
  for (let terms = 0; ; terms++) {
    const token = lexer.peek()
    lexer.seek("+", "-")
    const isNegative = token.kind === "number" && token.text.startsWith("-")
    if (!isNegative && !(token.kind === "symbol" && (token.text === "+" || token.text === "-"))) return left
    if (terms === EXPRESSION_DEPTH_MAX) lexer.refuseToken(token, [`at most ${EXPRESSION_DEPTH_MAX} terms; put some into parentheses`])
    // `a -1` is read as `a` and a number: there it is a difference.
    if (isNegative) lexer.reset(token.at + 1)
    else lexer.next()
    left = { op: isNegative || token.text === "-" ? "subtract" : "add", left, right: product(lexer, parameters, depth) }
  }
}

function product(lexer: Lexer, parameters: Parameters, depth: number): Expression {
  let left = factor(lexer, parameters, depth)
  for (let factors = 0; ; factors++) {
    const token = lexer.peek()
    lexer.seek("*", "/")
    if (token.kind !== "symbol" || (token.text !== "*" && token.text !== "/")) return left
    if (factors === EXPRESSION_DEPTH_MAX) lexer.refuseToken(token, [`at most ${EXPRESSION_DEPTH_MAX} factors; put some into parentheses`])
    lexer.next()
    const op: Calculation = CALCULATIONS[token.text]
    left = { op, left, right: factor(lexer, parameters, depth) }
  }
}

function factor(lexer: Lexer, parameters: Parameters, depth: number): Expression {
  const token = lexer.peek()
  lexer.seek("(", "-")
  lexer.place.path = ""
  if (depth > EXPRESSION_DEPTH_MAX) lexer.refuseToken(token, [`at most ${EXPRESSION_DEPTH_MAX} levels`])
  if (token.kind === "symbol" && token.text === "(") {
    lexer.next()
    const inside = sum(lexer, parameters, depth + 1)
    lexer.expect(")")
    return inside
  }
  if (token.kind === "symbol" && token.text === "-") {
    lexer.next()
    return { op: "subtract", left: { op: "value", value: 0 }, right: factor(lexer, parameters, depth + 1) }
  }
  if (token.kind === "quotedName" || (token.kind === "name" && !isLiteral(lexer))) return { op: "path", path: readPath(lexer) }
  if (token.kind === "end" || (token.kind === "symbol" && token.text !== "[" && token.text !== "{"))
    lexer.refuseToken(token, ["a path", "a value"])
  return { op: "value", value: readValue(lexer, parameters, 0) }
}

/** Whether the name that comes begins a value: `date "…"` does, a field called `date` does not. */
function isLiteral(lexer: Lexer): boolean {
  const name = lexer.peek().text
  if (VALUE_WORDS.has(name)) return true
  if (!LITERAL_WORDS.includes(name)) return false
  const mark = lexer.mark()
  lexer.next()
  const { kind, text } = lexer.peek()
  lexer.reset(mark)
  return kind === "string" || (kind === "number" && !text.startsWith("-")) || (name === "key" && kind === "name")
}

/** Reads a name and the colon behind it, where both are there: the beginning of a computed value. `isRequired`: nothing else can stand there. */
function acceptAlias(lexer: Lexer, isRequired: boolean): string | undefined {
  const mark = lexer.mark()
  const token = lexer.peek()
  if (token.kind !== "name" && token.kind !== "quotedName") return undefined
  lexer.next()
  const colon = lexer.peek()
  lexer.seek(":")
  if (colon.kind === "end" && isRequired) lexer.refuseToken(colon, ["`:`"])
  if (colon.kind !== "symbol" || colon.text !== ":") {
    lexer.reset(mark)
    return undefined
  }
  if (token.text === "_id" || token.text.includes(".") || token.text.startsWith("$"))
    lexer.refuseToken(token, ["a name without dots and $ that is not _id"])
  lexer.next()
  return token.text
}

/** Reads `name: expression, …`, with paths among them when `paths` takes them. */
export function readComputedList(lexer: Lexer, parameters: Parameters, paths?: Array<string>): ReadonlyMap<string, Expression> {
  const found = new Map<string, Expression>()
  do {
    const at = lexer.peek()
    lexer.note(VALUE_NAME)
    const alias = acceptAlias(lexer, paths === undefined)
    if (alias === undefined) {
      if (paths === undefined) lexer.refuseToken(at, [VALUE_NAME])
      const path = readPath(lexer)
      if (paths.includes(path)) lexer.refuseToken(at, ["each path once"])
      paths.push(path)
    } else {
      if (found.has(alias)) lexer.refuseToken(at, ["each name once"])
      if (found.size === COMPUTED_MAX) lexer.refuseToken(at, [`at most ${COMPUTED_MAX} computed values`])
      found.set(alias, readComputed(lexer, parameters))
    }
  } while (lexer.accept(","))
  return found
}
