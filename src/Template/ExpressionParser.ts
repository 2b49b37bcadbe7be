/**
 * Expressions: one function per level of precedence, from pipes (loosest) to paths (tightest).
 *
 * Invariants
 * - Nesting is counted and bounded, so no source overflows the stack.
 * - Operators of other languages (`&&`, `===`, `!x`, `?.`) are recognised to say what is written instead.
 */
import { expressionDepthMax } from "./Limits.ts"
import { reservedWords, type BinaryOperator, type ExpressionSyntax } from "./Syntax.ts"
import { described, mistake, type Token, type Tokens } from "./Tokens.ts"

/** Reads a whole expression with its pipes; stops at the first token that cannot belong to it. */
export function parseExpression(tokens: Tokens): ExpressionSyntax {
  return pipes(tokens, 0)
}

type Level = (tokens: Tokens, depth: number) => ExpressionSyntax

function pipes(tokens: Tokens, depth: number): ExpressionSyntax {
  let of = choose(tokens, depth)
  while (tokens.take("|")) {
    const name = tokens.next()
    if (name.kind !== "name") throw mistake("syntax", name, `expected the name of a pipe behind "|", found ${described(name)}`)
    const given = tokens.take("(") ? list(tokens, ")", depth + 1) : []
    of = { kind: "pipe", of, name: name.text, nameSpan: { at: name.at, end: name.end }, arguments: given, at: of.at, end: tokens.lastEnd }
  }
  return of
}

function list(tokens: Tokens, close: string, depth: number): Array<ExpressionSyntax> {
  const found: Array<ExpressionSyntax> = []
  if (tokens.take(close)) return found
  do found.push(pipes(tokens, deeper(tokens, depth)))
  while (tokens.take(","))
  tokens.expect(close, "behind the arguments")
  return found
}

function deeper(tokens: Tokens, depth: number): number {
  if (depth >= expressionDepthMax) throw mistake("limit", tokens.peek(), `this expression is nested deeper than ${expressionDepthMax}`)
  return depth + 1
}

function choose(tokens: Tokens, depth: number): ExpressionSyntax {
  const test = coalesce(tokens, depth)
  if (!tokens.take("?")) return test
  const yes = choose(tokens, deeper(tokens, depth))
  tokens.expect(":", 'between the two results of "?"')
  const no = choose(tokens, deeper(tokens, depth))
  return { kind: "choose", test, yes, no, at: test.at, end: no.end }
}

/** A level of left-associative operators over the next tighter level. */
function level(operators: Readonly<Record<string, BinaryOperator>>, tighter: Level): Level {
  return (tokens, depth) => {
    let left = tighter(tokens, depth)
    for (;;) {
      const operator = operatorAt(tokens, operators)
      if (operator === undefined) return left
      const symbol = tokens.next().text
      const right = tighter(tokens, depth)
      left = { kind: "binary", operator, symbol, left, right, at: left.at, end: right.end }
    }
  }
}

function operatorAt(tokens: Tokens, operators: Readonly<Record<string, BinaryOperator>>): BinaryOperator | undefined {
  const token = tokens.peek()
  if (token.kind !== "symbol" && token.kind !== "name") return undefined
  refuseForeign(token)
  return Object.hasOwn(operators, token.text) ? operators[token.text] : undefined
}

const foreign: Readonly<Record<string, string>> = {
  "&&": 'write "and" for "&&"',
  "||": 'write "or" for "||" ("|" is a pipe)',
  "===": 'write "==" for "===": values are compared without conversion',
  "!==": 'write "!=" for "!==": values are compared without conversion',
  "!": 'write "not" for "!"',
  "?.": 'write "." for "?.": a missing value is passed on as missing',
  "=": '"=" assigns nothing here: write "==" to compare',
  "=>": "functions cannot be written in a template",
  "&": 'write "and" for "&"',
  "**": '"**" is not an operator of templates',
  "++": '"++" is not an operator of templates',
  "--": '"--" is not an operator of templates'
}

function refuseForeign(token: Token): void {
  if (token.kind !== "symbol" || !Object.hasOwn(foreign, token.text)) return
  throw mistake("syntax", token, foreign[token.text] ?? "")
}

const sums = level({ "+": "add", "-": "subtract" }, level({ "*": "multiply", "/": "divide", "%": "remainder" }, unary))
const comparisons: Readonly<Record<string, BinaryOperator>> = {
  "==": "equal",
  "!=": "notEqual",
  "<": "less",
  "<=": "lessOrEqual",
  ">": "greater",
  ">=": "greaterOrEqual"
}

/** Comparisons do not chain: `a < b < c` is refused instead of comparing a boolean. */
function comparison(tokens: Tokens, depth: number): ExpressionSyntax {
  const left = sums(tokens, depth)
  const operator = operatorAt(tokens, comparisons)
  if (operator === undefined) return left
  const symbol = tokens.next().text
  const right = sums(tokens, depth)
  if (operatorAt(tokens, comparisons) !== undefined) {
    throw mistake("syntax", tokens.peek(), 'comparisons do not chain: join them with "and"')
  }
  return { kind: "binary", operator, symbol, left, right, at: left.at, end: right.end }
}

function not(tokens: Tokens, depth: number): ExpressionSyntax {
  if (!tokens.sees("not")) return comparison(tokens, depth)
  const { at } = tokens.next()
  const of = not(tokens, deeper(tokens, depth))
  return { kind: "unary", operator: "not", of, at, end: of.end }
}

const coalesce = level({ "??": "coalesce" }, level({ or: "or" }, level({ and: "and" }, not)))

function unary(tokens: Tokens, depth: number): ExpressionSyntax {
  if (!tokens.sees("-")) return postfix(tokens, depth)
  const { at } = tokens.next()
  const of = unary(tokens, deeper(tokens, depth))
  if (of.kind === "literal" && typeof of.value === "number") return { kind: "literal", value: -of.value, at, end: of.end }
  return { kind: "unary", operator: "negate", of, at, end: of.end }
}

function postfix(tokens: Tokens, depth: number): ExpressionSyntax {
  let of = primary(tokens, depth)
  for (let links = 0; ; links++) {
    if (links > expressionDepthMax) throw mistake("limit", tokens.peek(), `a path has more than ${expressionDepthMax} steps`)
    if (tokens.sees("?.")) refuseForeign(tokens.peek())
    if (tokens.take(".")) {
      const name = tokens.next()
      if (name.kind !== "name") throw mistake("syntax", name, `expected a field name behind ".", found ${described(name)}`)
      of = { kind: "member", of, name: name.text, nameSpan: { at: name.at, end: name.end }, at: of.at, end: name.end }
    } else if (tokens.take("[")) {
      const index = pipes(tokens, deeper(tokens, depth))
      of = { kind: "index", of, index, at: of.at, end: tokens.expect("]", "behind the index").end }
    } else if (tokens.sees("(")) {
      throw mistake("syntax", { at: of.at, end: tokens.peek().end }, "functions cannot be called in a template: use a pipe")
    } else return of
  }
}

const words: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null }

function primary(tokens: Tokens, depth: number): ExpressionSyntax {
  const token = tokens.peek()
  refuseForeign(token)
  if (token.kind === "symbol" && token.text === "(") {
    tokens.next()
    const inside = pipes(tokens, deeper(tokens, depth))
    const { end } = tokens.expect(")", "to close the parenthesis")
    return { ...inside, at: token.at, end }
  }
  if (token.kind === "end" || token.kind === "symbol") throw mistake("syntax", token, `expected an expression, found ${described(token)}`)
  tokens.next()
  const { at, end } = token
  if (token.kind === "string") return { kind: "literal", value: token.text, at, end }
  if (token.kind === "number") return { kind: "literal", value: Number(token.text), at, end }
  if (Object.hasOwn(words, token.text)) return { kind: "literal", value: words[token.text] ?? null, at, end }
  if (token.text === "undefined") throw mistake("syntax", token, 'write "null" for "undefined"')
  if (reservedWords.has(token.text)) throw mistake("syntax", token, `"${token.text}" is a reserved word: expected an expression`)
  return { kind: "name", name: token.text, at, end }
}
