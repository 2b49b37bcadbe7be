/**
 * The conditions of PQL: `customer = "ada" and not (total between 1 and 5 or tags in ["a", "b"])`.
 *
 * Invariants
 * - `and` binds tighter than `or`, `not` tighter than both; parentheses nest at most PQL_DEPTH_MAX deep.
 * - A word of the language is no path unless it stands in backticks, so that a forgotten operand is noticed.
 */
import { closest } from "../Config/Closest.ts"
import { BSONRegExp, type Value } from "../Bson/Value.ts"
import { ELEMENT } from "../Match/Filter.ts"
import { TYPE_NAMES } from "../Match/TypeName.ts"
import type { Filter } from "./Ast.ts"
import type { Lexer, Token } from "./PqlLexer.ts"
import { COMPARISONS, OPERATORS, PATH_WORDS, PATTERN_FLAGS } from "./PqlWords.ts"
import { type Parameters, PQL_DEPTH_MAX, readList, readValue, readValueOf } from "./PqlValue.ts"

/** Reads one condition, as far as it goes. */
export function readExpression(lexer: Lexer, parameters: Parameters): Filter {
  return new ExpressionReader(lexer, parameters).either(0, false)
}

/** Reads what stands in the parentheses of `any`: a condition on elements. */
export function readElementExpression(lexer: Lexer, parameters: Parameters): Filter {
  return new ExpressionReader(lexer, parameters).elements(0)
}

/** Reads a path: names and numbers joined by dots, each name plain or in backticks. */
export function readPath(lexer: Lexer): string {
  const first = lexer.peek()
  if (first.kind === "name" && PATH_WORDS.has(first.text))
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
  lexer.place.follow(path)
  return path
}

/** The name in a token. One with a dot of its own could not be told from two names. */
function step(lexer: Lexer, token: Token): string {
  if (token.text.includes(".")) lexer.refuseToken(token, ["a name without a dot"])
  if (token.text.startsWith("$")) lexer.refuseToken(token, ["a name that does not begin with $"])
  if (token.text.includes("\0")) lexer.refuseToken(token, ["a name without a NUL character"])
  return token.text
}

class ExpressionReader {
  private readonly lexer: Lexer
  private readonly parameters: Parameters

  constructor(lexer: Lexer, parameters: Parameters) {
    this.lexer = lexer
    this.parameters = parameters
  }

  /** Conditions joined by `or`. `inside` is whether they are about elements, so that `this` is one. */
  either(depth: number, inside: boolean): Filter {
    const first = this.both(depth, inside)
    const of = [first]
    while (this.lexer.accept("or")) of.push(this.both(depth, inside))
    return of.length === 1 ? first : { op: "or", of }
  }

  /** A condition in parentheses on the elements of the array that was named last. */
  elements(depth: number): Filter {
    const { lexer } = this
    const { place } = lexer
    lexer.expect("(")
    const outer = place.elements
    place.elements = place.path
    const filter = this.either(depth + 1, true)
    place.elements = outer
    lexer.expect(")")
    return filter
  }

  private both(depth: number, inside: boolean): Filter {
    const first = this.single(depth, inside)
    const of = [first]
    while (this.lexer.accept("and")) of.push(this.single(depth, inside))
    return of.length === 1 ? first : { op: "and", of }
  }

  private single(depth: number, inside: boolean): Filter {
    const { lexer } = this
    const token = lexer.peek()
    if (depth > PQL_DEPTH_MAX) lexer.refuseToken(token, [`at most ${PQL_DEPTH_MAX} levels`])
    if (lexer.accept("not")) return { op: "not", of: this.single(depth + 1, inside) }
    if (lexer.accept("(")) {
      const filter = this.either(depth + 1, inside)
      lexer.expect(")")
      return filter
    }
    return this.condition(inside && lexer.accept("this") ? this.element() : readPath(lexer), depth)
  }

  private element(): string {
    this.lexer.place.follow(ELEMENT)
    return ELEMENT
  }

  private condition(path: string, depth: number): Filter {
    const { lexer, parameters } = this
    const token = lexer.peek()
    if (token.kind === "end") return this.refuseOperator(token)
    if (token.kind === "symbol" && Object.hasOwn(COMPARISONS, token.text)) {
      lexer.next()
      return { op: COMPARISONS[token.text as keyof typeof COMPARISONS], path, value: readValue(lexer, parameters, 0) }
    }
    if (lexer.accept("in")) return { op: "in", path, values: readList(lexer, parameters) }
    if (lexer.accept("not")) {
      if (!lexer.accept("in")) lexer.refuseToken(lexer.peek(), ["`in` after `not`"])
      return { op: "notIn", path, values: readList(lexer, parameters) }
    }
    if (lexer.accept("between")) return this.between(path)
    if (lexer.accept("startsWith")) return { op: "prefix", path, value: this.text("startsWith") }
    if (lexer.accept("endsWith")) return { op: "suffix", path, value: this.text("endsWith") }
    if (lexer.accept("contains")) return { op: "contains", path, value: readValue(lexer, parameters, 0) }
    if (lexer.accept("~")) return { op: "regex", path, ...this.pattern() }
    if (lexer.accept("exists")) return { op: "exists", path, value: !lexer.accept("false") && (lexer.accept("true") || true) }
    if (lexer.accept("is")) return { op: "type", path, type: this.typeName() }
    if (lexer.accept("size")) return { op: "size", path, size: this.size() }
    if (lexer.accept("any")) return { op: "any", path, of: this.elements(depth) }
    if (lexer.accept("all")) return { op: "all", path, of: this.elements(depth) }
    return this.refuseOperator(token)
  }

  private refuseOperator(token: Token): never {
    const meant = token.kind === "name" ? closest(token.text, OPERATORS) : undefined
    const suggestion = meant === undefined ? undefined : `did you mean ${meant}?`
    return this.lexer.refuseToken(token, [`an operator (${OPERATORS.join(", ")})`], suggestion)
  }

  private between(path: string): Filter {
    const { lexer, parameters } = this
    const low: Value = readValue(lexer, parameters, 0)
    if (!lexer.accept("and")) lexer.refuseToken(lexer.peek(), ["`and` and the upper end of between"])
    return { op: "between", path, low, high: readValue(lexer, parameters, 0) }
  }

  private text(operator: string): string {
    const isText = (value: Value): value is string => typeof value === "string"
    this.lexer.seek('"')
    return readValueOf(this.lexer, this.parameters, `text after \`${operator}\``, isText)
  }

  /** `/pattern/flags`, or a value that is text or a regular expression. */
  private pattern(): { readonly pattern: string; readonly flags: string } {
    const { lexer } = this
    const mark = lexer.mark()
    const literal = lexer.acceptPattern()
    if (literal !== undefined) {
      if (!PATTERN_FLAGS.test(literal.flags)) {
        lexer.refuse(mark, `the flags \`${literal.flags}\``, ["i, m and s, each once, behind a pattern"])
      }
      return literal
    }
    const token = lexer.peek()
    lexer.seek("/", '"', "regex")
    if (token.kind === "symbol" && token.text === "/") lexer.refuseToken(token, ["a pattern that ends with a slash"])
    if (token.kind === "end") lexer.refuseToken(token, ["a pattern such as /^ab+/i after `~`"])
    const value = readValue(lexer, this.parameters, 0)
    if (typeof value === "string") return { pattern: value, flags: "" }
    if (value instanceof BSONRegExp) return { pattern: value.pattern, flags: value.options }
    return lexer.refuseToken(token, ["a pattern such as /^ab+/i after `~`"])
  }

  private typeName(): string {
    const { lexer } = this
    const token = lexer.peek()
    if (token.kind === "name" && TYPE_NAMES.includes(token.text)) return lexer.next().text
    const meant = closest(token.text, TYPE_NAMES)
    return lexer.refuseToken(token, [`a type (${TYPE_NAMES.join(", ")})`], meant === undefined ? undefined : `did you mean ${meant}?`)
  }

  private size(): number {
    const isSize = (value: Value): value is number =>
      typeof value === "number" && Number.isInteger(value) && value >= 0 && !Object.is(value, -0)
    return readValueOf(this.lexer, this.parameters, "a whole number of elements", isSize)
  }
}
