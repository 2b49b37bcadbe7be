/**
 * PQL text to tokens, on demand: the parser says what it reads next, so that `lines.0.sku` is a path and `0.5` a number, and `key 0190…`
 * a key where a number would otherwise begin.
 *
 * Invariants
 * - Every character is read exactly once into a token, a blank or a comment; anything else is refused where it stands.
 * - Positions count UTF-16 units from 0; lines and columns (for people) count from 1.
 */
import { Fault } from "../Fault/Fault.ts"
import { PqlPlace } from "./PqlPlace.ts"
import type { QueryReason } from "./Reasons.ts"

/** Longest PQL text, in UTF-16 units. */
export const PQL_LENGTH_MAX = 1024 * 1024

export type TokenKind = "name" | "quotedName" | "string" | "number" | "parameter" | "symbol" | "end"

/** One token. `text` is decoded: a string without its quotes and escapes, a parameter without its `$`. */
export interface Token {
  readonly kind: TokenKind
  readonly text: string
  readonly at: number
  readonly end: number
}

const SYMBOLS = ["!=", "<=", ">=", "(", ")", "[", "]", "{", "}", ",", ":", ".", "=", "<", ">", "~", "+", "-", "*", "/"] as const
const PATTERN = /\/((?:[^\\/]|\\[^])+)\/([A-Za-z]*)/y
const BLANK = /(?:[ \t\r\n\uFEFF]+|\/\/[^\n]*|\/\*[^]*?\*\/)+/y
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const DIGITS = /[0-9]+/y
const KEY = /(?:0x)?([0-9a-fA-F]{32})|([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/y
const BACKTICKED = /`(?:[^`]|``)*`/y
const WORD = /[A-Za-z0-9_]/
const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }
const MISTAKES: Readonly<Record<string, string>> = {
  "==": "equality is written =",
  "<>": "inequality is written !=",
  "&&": "write and",
  "||": "write or",
  "!": "write not",
  ";": "one statement, without a semicolon"
}

export class Lexer {
  readonly text: string
  readonly place = new PqlPlace()
  #at = 0
  #ahead: Token | undefined

  constructor(text: string) {
    this.text = text
    if (text.length > PQL_LENGTH_MAX) this.refuse(0, `${text.length} characters`, [`at most ${PQL_LENGTH_MAX} characters`])
  }

  /** The next token, left where it is. */
  peek(): Token {
    this.#ahead ??= this.#read()
    return this.#ahead
  }

  /** The next token, taken. */
  next(): Token {
    const token = this.peek()
    this.#at = token.end
    this.#ahead = undefined
    return token
  }

  /** Takes the next token when it is the symbol or the unquoted name `text`. */
  accept(text: string): boolean {
    const token = this.peek()
    if (token.kind === "end") this.seek(text)
    if (token.text !== text || (token.kind !== "symbol" && token.kind !== "name")) return false
    this.next()
    return true
  }

  /** Notes words or signs that would be taken here, for when the text ends here. What is tried with `accept` is noted anyway. */
  seek(...texts: ReadonlyArray<string>): void {
    if (this.peek().kind !== "end") return
    for (const text of texts) this.place.sought.add(`\`${text}\``)
  }

  /** As `seek`, for what no word or sign says. */
  note(what: string): void {
    if (this.peek().kind === "end") this.place.sought.add(what)
  }

  /** Takes the symbol `text` or refuses what stands there. */
  expect(text: string): Token {
    const token = this.peek()
    if (token.kind !== "symbol" || token.text !== text) this.refuseToken(token, [`\`${text}\``])
    return this.next()
  }

  /** Where the next token begins to be read, for `reset`. */
  mark(): number {
    return this.#at
  }

  /** Goes back to a mark. */
  reset(mark: number): void {
    this.#at = mark
    this.#ahead = undefined
  }

  /** Takes a run of digits as it stands (one step of a path into an array), or nothing. */
  acceptDigits(): string | undefined {
    this.#skipBlank()
    return this.#match(DIGITS)
  }

  /** Takes the hexadecimal or UUID form of a key, in 32 lower-case digits, or nothing. */
  acceptKey(): string | undefined {
    this.#skipBlank()
    KEY.lastIndex = this.#at
    const found = KEY.exec(this.text)
    if (found === null || WORD.test(this.text.charAt(KEY.lastIndex))) return undefined
    this.#at = KEY.lastIndex
    this.#ahead = undefined
    return (found[1] ?? found[2] ?? "").replaceAll("-", "").toLowerCase()
  }

  /** Takes a pattern between slashes with its flags, or nothing. A slash inside is written `\\/`. */
  acceptPattern(): { readonly pattern: string; readonly flags: string } | undefined {
    this.#skipBlank()
    PATTERN.lastIndex = this.#at
    const found = PATTERN.exec(this.text)
    if (found === null) return undefined
    this.#at = PATTERN.lastIndex
    this.#ahead = undefined
    return { pattern: (found[1] ?? "").replaceAll("\\/", "/"), flags: found[2] ?? "" }
  }

  refuseToken(token: Token, expected: ReadonlyArray<string>, suggestion?: string): never {
    if (token.kind === "end") for (const what of expected) this.place.sought.add(what)
    const found = token.kind === "end" ? "the end" : `\`${this.text.slice(token.at, Math.min(token.end, token.at + 40))}\``
    return this.refuse(token.at, found, expected, suggestion)
  }

  refuse(at: number, found: string, expected: ReadonlyArray<string>, suggestion?: string): never {
    const before = this.text.slice(0, at)
    const line = before.split("\n").length
    const column = at - before.lastIndexOf("\n")
    const hint = suggestion === undefined ? "" : `; ${suggestion}`
    throw new Fault<QueryReason>({
      _tag: "InvalidPql",
      line,
      column,
      offset: at,
      found,
      expected,
      ...(suggestion === undefined ? {} : { suggestion }),
      message: `line ${line}, column ${column}: expected ${alternatives(expected)}, found ${found}${hint}`
    })
  }

  #skipBlank(): void {
    BLANK.lastIndex = this.#at
    if (BLANK.test(this.text)) this.#at = BLANK.lastIndex
    if (this.text.startsWith("/*", this.#at)) this.refuse(this.#at, "an open comment", ["`*/` at its end"])
    this.#ahead = undefined
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.text)
    if (found === null) return undefined
    this.#at = pattern.lastIndex
    this.#ahead = undefined
    return found[0]
  }

  #read(): Token {
    this.#skipBlank()
    const at = this.#at
    const token = (kind: TokenKind, text: string): Token => {
      const end = this.#at
      this.#at = at
      return { kind, text, at, end }
    }
    const character = this.text.charAt(at)
    if (character === "") return token("end", "")
    if (character === '"' || character === "'") return token("string", this.#quoted(character))
    if (character === "`") return token("quotedName", this.#backticked())
    if (character === "$") return token("parameter", this.#parameter())
    const name = this.#match(NAME)
    if (name !== undefined) return token("name", name)
    const number = this.#match(NUMBER)
    if (number !== undefined) {
      if (WORD.test(this.text.charAt(this.#at))) this.#refuseNumber(at)
      return token("number", number)
    }
    for (const [mistake, suggestion] of Object.entries(MISTAKES)) {
      if (this.text.startsWith(mistake, at) && !this.text.startsWith("!=", at)) this.refuse(at, `\`${mistake}\``, ["PQL"], suggestion)
    }
    for (const symbol of SYMBOLS) {
      if (!this.text.startsWith(symbol, at)) continue
      this.#at = at + symbol.length
      return token("symbol", symbol)
    }
    return this.refuse(at, `\`${String.fromCodePoint(this.text.codePointAt(at) ?? 0)}\``, ["a name, a value or a symbol of PQL"])
  }

  #refuseNumber(at: number): never {
    const word = /[^\s,()[\]{}]*/y
    word.lastIndex = at
    const found = word.exec(this.text)?.[0] ?? ""
    const suggestion = /^[0-9a-fA-F-]{32,36}$/.test(found) ? "a key is written key 0190… (32 hexadecimal digits)" : undefined
    return this.refuse(at, `\`${found.slice(0, 40)}\``, ["a number"], suggestion)
  }

  #parameter(): string {
    this.#at++
    const name = this.#match(NAME)
    if (name === undefined) this.refuse(this.#at, "nothing", ["the name of a parameter after `$`"])
    return name
  }

  /** A name in backticks; one inside is written twice. */
  #backticked(): string {
    const start = this.#at
    const found = this.#match(BACKTICKED)
    if (found === undefined) this.refuse(start, "an open backtick", ["a closing backtick"])
    if (found.length === 2) this.refuse(start, "an empty name", ["a name between the backticks"])
    return found.slice(1, -1).replaceAll("``", "`")
  }

  /** A string with the escapes of JSON, in either quote. */
  #quoted(quote: string): string {
    const start = this.#at
    let text = ""
    let from = start + 1
    for (let at = from; at < this.text.length; at++) {
      const character = this.text.charAt(at)
      if (character === quote) {
        this.#at = at + 1
        const whole = text + this.text.slice(from, at)
        if (!whole.isWellFormed()) this.refuse(start, "half a surrogate pair", ["a string of whole characters"])
        return whole
      }
      if (character < " ") this.refuse(at, "a control character", ["a string on one line"], "write it as an escape, such as \\n")
      if (character !== "\\") continue
      text += this.text.slice(from, at)
      const [decoded, length] = this.#escape(at)
      text += decoded
      at += length - 1
      from = at + 1
    }
    return this.refuse(start, "an open string", [`a closing ${quote}`])
  }

  #escape(at: number): readonly [decoded: string, length: number] {
    const character = this.text.charAt(at + 1)
    if (character === '"' || character === "'" || character === "\\" || character === "/") return [character, 2]
    const simple = ESCAPES[character]
    if (simple !== undefined) return [simple, 2]
    const digits = this.text.slice(at + 2, at + 6)
    if (character === "u" && /^[0-9a-fA-F]{4}$/.test(digits)) return [String.fromCharCode(Number.parseInt(digits, 16)), 6]
    return this.refuse(at, `\`\\${character}\``, ["an escape of JSON: \\\" \\' \\\\ \\/ \\b \\f \\n \\r \\t \\u0000"])
  }
}

function alternatives(expected: ReadonlyArray<string>): string {
  if (expected.length < 2) return expected[0] ?? "nothing"
  return `${expected.slice(0, -1).join(", ")} or ${expected.at(-1)}`
}
