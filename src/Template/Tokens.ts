/**
 * Tokens of expressions and types, read on demand from a place of the source.
 *
 * Invariants
 * - Reading never goes backwards and every token is at least one unit long, so a parser over it ends.
 * - A mistake is thrown as a Fault with its span; the markup parser records it and goes on behind the hole.
 */
import { Fault } from "../Fault/Fault.ts"
import type { IssueCode, Span } from "./Issue.ts"
import { expressionTokensMax } from "./Limits.ts"

/** A mistake of the author, on its way to the list of issues. */
export interface Mistake {
  readonly _tag: "Mistake"
  readonly code: IssueCode
  readonly at: number
  readonly end: number
  readonly message: string
}

/** A Fault that the parser of the surrounding markup turns into an issue. */
export function mistake(code: IssueCode, span: Span, message: string): Fault<Mistake> {
  return new Fault<Mistake>({ _tag: "Mistake", code, at: span.at, end: span.end, message })
}

export type TokenKind = "name" | "number" | "string" | "symbol" | "end"

export interface Token extends Span {
  readonly kind: TokenKind
  /** The name, the symbol, or the value of a string; the written form of a number. */
  readonly text: string
}

const symbols = ["===", "!==", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "=>", "...", "++", "--", "**"]
const singles = new Set("+-*/%<>=!?:,.|&()[]{}".split(""))
const nameStart = /[A-Za-z_$\u00a0-\uffff]/
const namePattern = /[A-Za-z0-9_$\u00b7-\uffff]+/y
const numberPattern = /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const spacePattern = /\s*/y

/** A reader of tokens that looks one token ahead. */
export class Tokens {
  readonly source: string
  private cursor: number
  private ahead: Token | undefined
  private count = 0
  /** End of the token read last. */
  lastEnd: number

  constructor(source: string, at: number) {
    this.source = source
    this.cursor = at
    this.lastEnd = at
  }

  peek(): Token {
    this.ahead ??= this.read()
    return this.ahead
  }

  next(): Token {
    const token = this.peek()
    if (++this.count > expressionTokensMax)
      throw mistake("limit", token, `an expression has at most ${expressionTokensMax} words and signs`)
    this.ahead = undefined
    this.lastEnd = token.end
    return token
  }

  /** Whether the next token is this symbol or word. */
  sees(text: string): boolean {
    const token = this.peek()
    return token.text === text && (token.kind === "symbol" || token.kind === "name")
  }

  /** Takes the next token if it is this symbol or word. */
  take(text: string): boolean {
    if (!this.sees(text)) return false
    this.next()
    return true
  }

  /** Takes this symbol or fails, saying what was expected `where`. */
  expect(text: string, where: string): Token {
    if (!this.sees(text)) throw mistake("syntax", this.peek(), `expected "${text}" ${where}, found ${described(this.peek())}`)
    return this.next()
  }

  private read(): Token {
    spacePattern.lastIndex = this.cursor
    spacePattern.exec(this.source)
    const at = Math.min(spacePattern.lastIndex, this.source.length)
    const first = this.source[at]
    if (first === undefined) return { kind: "end", text: "", at, end: at }
    const token = this.readFrom(at, first)
    this.cursor = token.end
    return token
  }

  private readFrom(at: number, first: string): Token {
    if (first === '"' || first === "'") return this.readString(at, first)
    if (first >= "0" && first <= "9") return this.readNumber(at)
    if (nameStart.test(first)) {
      namePattern.lastIndex = at
      const text = namePattern.exec(this.source)?.[0] ?? first
      return { kind: "name", text, at, end: at + text.length }
    }
    const symbol = symbols.find((candidate) => this.source.startsWith(candidate, at)) ?? first
    if (symbol.length === 1 && !singles.has(symbol)) {
      throw mistake("syntax", { at, end: at + 1 }, `unexpected character ${JSON.stringify(first)} in an expression`)
    }
    return { kind: "symbol", text: symbol, at, end: at + symbol.length }
  }

  private readNumber(at: number): Token {
    numberPattern.lastIndex = at
    const text = numberPattern.exec(this.source)?.[0] ?? "0"
    const end = at + text.length
    const behind = this.source[end]
    if (behind !== undefined && nameStart.test(behind)) {
      throw mistake("syntax", { at, end: end + 1 }, `a number cannot be followed by "${behind}"`)
    }
    if (/^\d+$/.test(text) && Number(text) > Number.MAX_SAFE_INTEGER) {
      throw mistake("syntax", { at, end }, `${text} is larger than the largest exact number 9007199254740991`)
    }
    return { kind: "number", text, at, end }
  }

  private readString(at: number, quote: string): Token {
    let text = ""
    let cursor = at + 1
    for (;;) {
      const unit = this.source[cursor]
      if (unit === undefined || unit === "\n")
        throw mistake("unclosed", { at, end: cursor }, `this string is not closed: ${quote} is missing`)
      if (unit === quote) return { kind: "string", text, at, end: cursor + 1 }
      if (unit !== "\\") {
        text += unit
        cursor++
        continue
      }
      const escape = this.readEscape(cursor)
      text += escape.text
      cursor = escape.end
    }
  }

  private readEscape(at: number): { text: string; end: number } {
    const letter = this.source[at + 1] ?? ""
    const simple: Readonly<Record<string, string>> = {
      n: "\n",
      t: "\t",
      r: "\r",
      "\\": "\\",
      '"': '"',
      "'": "'",
      "`": "`",
      $: "$",
      "{": "{",
      "}": "}"
    }
    const text = simple[letter]
    if (text !== undefined) return { text, end: at + 2 }
    const code = /u(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{4}))/y
    code.lastIndex = at + 1
    const found = code.exec(this.source)
    const point = found === null ? -1 : Number.parseInt(found[1] ?? found[2] ?? "", 16)
    if (found === null || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
      throw mistake("syntax", { at, end: at + 2 }, `unknown escape \\${letter} (known: \\n \\t \\r \\\\ \\" \\' \\u{…})`)
    }
    return { text: String.fromCodePoint(point), end: code.lastIndex }
  }
}

/** How a token is called in a message. */
export function described(token: Token): string {
  if (token.kind === "end") return "the end of the file"
  return token.kind === "string" ? `the string ${JSON.stringify(token.text)}` : `"${token.text}"`
}
