/**
 * Regular expressions in time linear in the text, whatever the pattern: the one file that knows npm `re2js`.
 *
 * The syntax is RE2's: no look-around, no back references. The library is loaded when the first pattern is compiled.
 */
import { createRequire } from "node:module"
import { invalidFilter } from "./Errors.ts"

/** Longest pattern, in UTF-16 units. */
export const PATTERN_LENGTH_MAX = 1000

/** A compiled pattern. */
export interface Regex {
  /** Whether it matches anywhere in a text given as UTF-8. */
  test(text: Uint8Array): boolean
}

interface Engine {
  readonly RE2JS: { compile(pattern: string, flags: number): Regex }
}

/** What each flag is to the library: ignore case, `.` matches a line end, `^` and `$` match at lines. */
const FLAGS: Readonly<Record<string, number>> = { i: 1, s: 2, m: 4 }

let engine: Engine | undefined

/**
 * Compiles a pattern. Faults with InvalidFilter on one that is malformed, too long, or needs what cannot be had in linear time.
 *
 * @example
 * ```ts
 * compileRegex("name", "^ab+", "i").test(Buffer.from("Abbey")) // => true
 * ```
 */
export function compileRegex(path: string, pattern: string, flags: string): Regex {
  if (pattern.length > PATTERN_LENGTH_MAX) throw invalidFilter(path, `a pattern has at most ${PATTERN_LENGTH_MAX} characters`)
  let bits = 0
  for (const flag of flags) {
    const bit = Object.hasOwn(FLAGS, flag) ? FLAGS[flag] : undefined
    if (bit === undefined || (bits & bit) !== 0) throw invalidFilter(path, `"${flags}" are no flags of a pattern: i, m and s, each once`)
    bits |= bit
  }
  engine ??= createRequire(import.meta.url)("re2js") as Engine
  try {
    return engine.RE2JS.compile(pattern, bits)
  } catch (error) {
    const text = error instanceof Error ? error.message.replace(/^error parsing regexp: /, "") : String(error)
    throw invalidFilter(path, `/${pattern}/ is no pattern of the linear-time syntax (RE2): ${text}`)
  }
}
