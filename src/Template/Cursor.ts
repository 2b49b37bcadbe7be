/**
 * The place where the markup parser stands in a source, and the issues found so far.
 *
 * Invariants
 * - `at` only grows, so parsing ends.
 * - A mistake inside `{…}` is recorded and skipped: the parser goes on behind the closing brace of the same line, or at its end.
 */
import { isFault } from "../Fault/Fault.ts"
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
    const start = this.at
    const tokens = new Tokens(this.source, from)
    try {
      const result = read(tokens)
      this.at = tokens.expect("}", 'to close the "{"').end
      return result
    } catch (error) {
      if (!isFault<Mistake & Record<string, unknown>>(error, "Mistake")) throw error
      const { at } = error.reason
      const tag = this.tagBefore(from, at)
      if (tag >= 0) this.issues.add("unclosed", { at: start, end: from }, 'this "{" is not closed: "}" is missing')
      else this.record(error)
      this.at = tag >= 0 ? tag : this.holeEnd(from, at)
      return undefined
    }
  }

  /** Where a tag begins between the start of a hole and a mistake in it: then the hole was not closed. */
  private tagBefore(from: number, at: number): number {
    const found = /<\/|<[A-Za-z][A-Za-z0-9-]*[\s>/]/.exec(this.source.slice(from, at + 1))
    return found === null || this.source.slice(from, from + found.index).includes("}") ? -1 : from + found.index
  }

  /** Behind the brace that closes a hole with a mistake at `at`, when it is on the same line, else the end of that line. */
  private holeEnd(from: number, at: number): number {
    const newline = this.source.indexOf("\n", at)
    const lineEnd = newline < 0 ? this.source.length : newline
    let depth = 1
    for (let cursor = from; cursor < lineEnd; cursor++) {
      const unit = this.source[cursor]
      if (unit === "{") depth++
      if (unit === "}" && --depth <= 0 && cursor >= at) return cursor + 1
    }
    const brace = this.source.indexOf("}", at)
    return Math.max(from, brace >= 0 && brace < lineEnd ? brace + 1 : lineEnd)
  }

  /** Notes a thrown mistake; anything else is thrown on. */
  record(error: unknown): void {
    if (!isFault<Mistake & Record<string, unknown>>(error, "Mistake")) throw error
    const { code, at, end, message } = error.reason
    this.issues.add(code, { at, end }, message)
  }
}
