/**
 * Where in a style sheet a value would stand.
 *
 * Invariant: a value stands behind the colon of a declaration or inside quotes; everywhere else (selectors, names of properties, what
 * `@import` loads, addresses without quotes, comments) the place is one that takes none.
 */
import type { ProgramPlace, ProgramScanner } from "./ScriptScanner.ts"
import type { Span } from "./Issue.ts"

type Mode = "code" | "'" | '"' | "comment" | "url"

/** Code kept to see what kind of statement this is. */
const statementLengthMax = 400

export class StyleScanner implements ProgramScanner {
  readonly skipped: Array<Span> = []
  private mode: Mode = "code"
  /** The current declaration or rule, from behind the last `;`, `{` or `}`. */
  private statement = ""

  place(): ProgramPlace {
    if (this.mode === "comment") return "comment"
    if (/^\s*@(?:import|namespace|charset)\b/i.test(this.statement)) return "import"
    if (this.mode === "'" || this.mode === '"') return /\b(?:url|src)\(\s*["']$/i.test(this.statement) ? "address" : "string"
    if (this.mode === "url") return "other"
    return /^\s*(?:--)?[A-Za-z][\w-]*\s*:/.test(this.statement) ? "value" : "other"
  }

  value(): void {
    if (this.mode === "code") this.keep("0")
  }

  scan(source: string, from: number, to: number): number {
    for (let at = from; at < to;) {
      if (source.startsWith("${", at)) {
        if (this.mode !== "comment") return at
        this.skipped.push({ at, end: at + 2 })
      }
      at = this.unit(source, at)
    }
    return to
  }

  private keep(text: string): void {
    if (this.statement.length < statementLengthMax) this.statement += text
    else this.statement = this.statement.slice(0, statementLengthMax / 2) + this.statement.slice(-statementLengthMax / 4) + text
  }

  private unit(source: string, at: number): number {
    const unit = source[at]!
    if (this.mode === "comment") {
      if (!source.startsWith("*/", at)) return at + 1
      this.mode = "code"
      return at + 2
    }
    if (unit === "\\") return at + 2
    if (this.mode === "url") {
      if (unit === ")") this.mode = "code"
      return at + 1
    }
    if (this.mode !== "code") {
      if (unit !== this.mode && unit !== "\n") return at + 1
      this.mode = "code"
      this.keep(unit)
      return at + 1
    }
    if (source.startsWith("/*", at)) {
      this.mode = "comment"
      return at + 2
    }
    if (unit === ";" || unit === "{" || unit === "}") this.statement = ""
    else this.keep(unit)
    if (unit === "'" || unit === '"') this.mode = unit
    if (unit === "(" && /\burl\($/i.test(this.statement) && !/^\s*["']/.test(source.slice(at + 1, at + 100))) this.mode = "url"
    return at + 1
  }
}
