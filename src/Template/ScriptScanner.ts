/**
 * Where in a program a value would stand: reads JavaScript (and JSON) only as far as that needs.
 *
 * Invariants
 * - In doubt the place is `unsure`, and no value is let in there: whether a "/" begins a regular expression cannot always be told
 *   without the grammar.
 * - A value is one token: it ends no string, comment or expression around it, so scanning goes on behind it in the same state.
 */
import type { Span } from "./Issue.ts"

/** What a scanner says of the place where it stopped. */
export type ProgramPlace = "value" | "string" | "template" | "comment" | "regex" | "import" | "address" | "unsure" | "other"

/** Reads a program up to the next hole. */
export interface ProgramScanner {
  /** `${` that belong to the program itself: in its template literals, comments and the like. */
  readonly skipped: ReadonlyArray<Span>
  /** Reads on; the result is where the next hole `${` begins, or `to`. */
  scan(source: string, from: number, to: number): number
  /** Where a value at the place reached would stand. */
  place(): ProgramPlace
  /** Notes that a value stands there. */
  value(): void
}

type Mode = "code" | "'" | '"' | "`" | "line" | "block" | "regex" | "class"

/** What a "/" is behind the last token. */
type Slash = "regex" | "divide" | "either"

/** Words behind which an expression begins. */
const operators = new Set("await case delete do else extends in instanceof new of return throw typeof void yield".split(" "))
const wordPattern = /(?:[A-Za-z0-9_\u0080-\uffff]|\$(?!\{))+/y
/** Code kept to see what stands before a value. */
const tailLengthMax = 40

export class ScriptScanner implements ProgramScanner {
  readonly skipped: Array<Span> = []
  private readonly holesInTemplates: boolean
  private mode: Mode = "code"
  private slash: Slash = "regex"
  private doubtful = false
  /** The code before the place, without what strings and comments hold. */
  private tail = ""
  private depth = 0
  /** Depths at which the code inside a template literal ends. */
  private readonly templates: Array<number> = []

  /** `holesInTemplates`: whether `${` in a template literal is ours (in attributes) or the program's own (in `<script>`). */
  constructor(holesInTemplates: boolean) {
    this.holesInTemplates = holesInTemplates
  }

  place(): ProgramPlace {
    if (this.doubtful) return "unsure"
    const loads = /\b(?:from|import)\s*\(?\s*["'`]?$/.test(this.tail)
    switch (this.mode) {
      case "code":
        return loads ? "import" : "value"
      case "'":
      case '"':
        return loads ? "import" : "string"
      case "`":
        return loads ? "import" : "template"
      case "line":
      case "block":
        return "comment"
      default:
        return "regex"
    }
  }

  value(): void {
    if (this.mode !== "code") return
    this.slash = "divide"
    this.keep("0")
  }

  scan(source: string, from: number, to: number): number {
    for (let at = from; at < to;) {
      if (source.startsWith("${", at) && this.isHole()) return at
      at = this.mode === "code" ? this.code(source, at) : this.inside(source, at)
    }
    return to
  }

  private isHole(): boolean {
    return this.mode === "code" || this.mode === "'" || this.mode === '"' || (this.mode === "`" && this.holesInTemplates)
  }

  private keep(text: string): void {
    this.tail = (this.tail + text).slice(-tailLengthMax)
  }

  /** One token of code. */
  private code(source: string, at: number): number {
    const unit = source[at]!
    wordPattern.lastIndex = at
    const word = wordPattern.exec(source)?.[0]
    if (word !== undefined) {
      this.slash = operators.has(word) && !this.tail.endsWith(".") ? "regex" : "divide"
      this.keep(word)
      return at + word.length
    }
    if (unit === "'" || unit === '"' || unit === "`") {
      this.mode = unit
      this.keep(unit)
      return at + 1
    }
    if (unit === "/") return this.slashAt(source, at)
    // The other form of a comment that old pages know.
    if (source.startsWith("<!--", at) || (source.startsWith("-->", at) && /(?:^|\n)\s*$/.test(this.tail))) this.doubtful = true
    if (unit === "{") this.depth++
    if (unit === "}" && this.depth-- === this.templates.at(-1)) {
      this.templates.pop()
      this.mode = "`"
      return at + 1
    }
    this.keep(unit)
    if (/\s/.test(unit)) return at + 1
    const doubled = (unit === "+" || unit === "-") && source[at - 1] === unit
    this.slash = unit === ")" || unit === "}" || doubled ? "either" : unit === "]" ? "divide" : "regex"
    return at + 1
  }

  private slashAt(source: string, at: number): number {
    const next = source[at + 1]
    if (next === "/" || next === "*") {
      this.mode = next === "/" ? "line" : "block"
      return at + 2
    }
    if (this.slash === "regex") this.mode = "regex"
    else {
      const lineEnd = source.indexOf("\n", at)
      const rest = source.slice(at + 1, lineEnd < 0 ? source.length : lineEnd)
      if (this.slash === "either" && rest.includes("/")) this.doubtful = true
      this.slash = "regex"
      this.keep("/")
    }
    return at + 1
  }

  /** One unit of a string, comment or regular expression. */
  private inside(source: string, at: number): number {
    const unit = source[at]!
    const newline = unit === "\n" || unit === "\r"
    switch (this.mode) {
      case "line":
        if (newline) this.mode = "code"
        else if (source.startsWith("${", at)) this.skip(at)
        return at + 1
      case "block":
        if (source.startsWith("*/", at)) {
          this.mode = "code"
          return at + 2
        }
        if (source.startsWith("${", at)) this.skip(at)
        return at + 1
      default:
        if (unit === "\\") return at + 2
        if (this.mode === "regex" || this.mode === "class") this.regex(source, at, unit, newline)
        else if (this.mode === "`" && source.startsWith("${", at)) {
          this.skip(at)
          this.templates.push(++this.depth)
          this.mode = "code"
          this.slash = "regex"
          return at + 2
        } else if (unit === this.mode || (newline && this.mode !== "`")) this.endLiteral()
        return at + 1
    }
  }

  private regex(source: string, at: number, unit: string, newline: boolean): void {
    if (source.startsWith("${", at)) this.skip(at)
    if (newline || (unit === "/" && this.mode === "regex")) this.endLiteral()
    else if (unit === "[") this.mode = "class"
    else if (unit === "]") this.mode = "regex"
  }

  private endLiteral(): void {
    this.mode = "code"
    this.slash = "divide"
    this.keep("0")
  }

  private skip(at: number): void {
    this.skipped.push({ at, end: at + 2 })
  }
}
