/**
 * The place where the markup parser stands in a source, and the issues found so far.
 *
 * Invariants
 * - `at` only grows, so parsing ends.
 * - A mistake inside `{…}` is recorded and skipped: the parser goes on behind the closing brace of the same line, or at its end.
 */
import { isFault, type Fault } from "../Fault/Fault.ts"
import type { Issues } from "./Issue.ts"
import { Tokens, type Mistake } from "./Tokens.ts"

const space = /\s*/y

export class Cursor {
  readonly source: string
  readonly issues: Issues
  at = 0

  constructor(source: string, issues: Issues) {
    this.source = source
    this.issues = issues
  }

  get ended(): boolean {
    return this.at >= this.source.length
  }

  sees(text: string): boolean {
    return this.source.startsWith(text, this.at)
  }

  skipSpace(): void {
    space.lastIndex = this.at
    space.exec(this.source)
    this.at = space.lastIndex
  }

  /** Matches a sticky expression here and moves behind it. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.source)?.[0]
    if (found !== undefined) this.at = pattern.lastIndex
    return found
  }

  /**
   * Reads a hole: `read` gets the tokens from `from` on, then `}` has to follow. The cursor ends behind the brace. After a
   * mistake the result is `undefined`.
   */
  hole<T>(from: number, read: (tokens: Tokens) => T): T | undefined {
    const tokens = new Tokens(this.source, from)
    try {
      const result = read(tokens)
      this.at = tokens.expect("}", 'to close the "{"').end
      return result
    } catch (error) {
      this.record(error)
      const at = (error as Fault<Mistake>).reason.at
      const brace = this.source.indexOf("}", at)
      const line = this.source.indexOf("\n", at)
      const lineEnd = line < 0 ? this.source.length : line
      this.at = Math.max(from, brace >= 0 && brace < lineEnd ? brace + 1 : lineEnd)
      return undefined
    }
  }

  /** Notes a thrown mistake; anything else is thrown on. */
  record(error: unknown): void {
    if (!isFault<Mistake & Record<string, unknown>>(error, "Mistake")) throw error
    const { code, at, end, message } = error.reason
    this.issues.add(code, { at, end }, message)
  }
}
