/**
 * Route patterns: `/orders/:id/*rest`. Parsing, order of precedence, and when two of them would fight for the same request.
 *
 * Invariants
 * - A static segment beats a parameter, a parameter beats a wildcard, decided segment by segment from the left. So two patterns overlap
 *   exactly when they have the same shape once the names are erased; every other pair is decided by that order.
 * - Static text is kept as it stands on the wire (percent-encoded), so that the gateway compares raw segments.
 * - A wildcard is last and takes at least one character, slashes included.
 */

/** One segment of a pattern. `text` of a static segment is percent-encoded; a parameter and a wildcard have a name. */
export type Segment =
  | { readonly kind: "static"; readonly text: string }
  | { readonly kind: "parameter"; readonly name: string }
  | { readonly kind: "wildcard"; readonly name: string }

/** A parsed pattern: its segments from the left, and the names of its parameters in the same order. */
export interface RoutePattern {
  readonly source: string
  readonly segments: ReadonlyArray<Segment>
  readonly names: ReadonlyArray<string>
}

/** Why a pattern was refused, and the offset in it (in UTF-16 units) where it went wrong. */
export interface PatternProblem {
  readonly offset: number
  readonly message: string
}

/** Characters of the longest pattern. */
export const PATTERN_LENGTH_MAX = 512

/** The paths below this one belong to Planck. */
export const RESERVED_SEGMENT = "_planck"

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
/** RFC 3986 `pchar` without `*`, which only starts a wildcard; `%` only as an escape. */
const STATIC = /^(?:[A-Za-z0-9\-._~!$&'()+,;=:@]|%[0-9A-Fa-f]{2})+$/

/**
 * Parses a pattern: `/` alone, or segments that are text, `:name` or, last, `*name`.
 *
 * @example
 * ```ts
 * parsePattern("/orders/:id") // { segments: [static orders, parameter id], names: ["id"] }
 * parsePattern("/orders//") // => { offset: 8, message: "an empty segment" }
 * ```
 */
export function parsePattern(source: string): RoutePattern | PatternProblem {
  if (source.length > PATTERN_LENGTH_MAX) return { offset: PATTERN_LENGTH_MAX, message: `longer than ${PATTERN_LENGTH_MAX} characters` }
  if (!source.startsWith("/")) return { offset: 0, message: "a pattern starts with /" }
  const segments: Segment[] = []
  const names: string[] = []
  if (source === "/") return { source, segments, names }
  let offset = 1
  for (const text of source.slice(1).split("/")) {
    const segment = parseSegment(text)
    if (typeof segment === "string") return { offset, message: segment }
    const before = segments.at(-1)
    if (before?.kind === "wildcard") return { offset, message: `the wildcard *${before.name} must be the last segment` }
    if (segment.kind === "static") {
      if (offset === 1 && segment.text === RESERVED_SEGMENT) return { offset, message: `/${RESERVED_SEGMENT} is reserved` }
    } else {
      if (names.includes(segment.name)) return { offset, message: `the name ${segment.name} stands twice` }
      names.push(segment.name)
    }
    segments.push(segment)
    offset += text.length + 1
  }
  return { source, segments, names }
}

/** Whether `parsePattern` refused. */
export function isPatternProblem(result: RoutePattern | PatternProblem): result is PatternProblem {
  return "message" in result
}

/** Whether neither of two patterns would have precedence for some path: their shapes are the same. */
export function patternsOverlap(a: RoutePattern, b: RoutePattern): boolean {
  return comparePatterns(a, b) === 0
}

/**
 * The order in which patterns are tried: static before parameter before wildcard, from the left; a longer pattern before its own beginning.
 * 0 exactly when the two overlap.
 */
export function comparePatterns(a: RoutePattern, b: RoutePattern): number {
  const count = Math.min(a.segments.length, b.segments.length)
  for (let index = 0; index < count; index++) {
    const left = a.segments[index]
    const right = b.segments[index]
    if (left === undefined || right === undefined) break
    if (left.kind !== right.kind) return RANK[left.kind] - RANK[right.kind]
    if (left.kind === "static" && right.kind === "static" && left.text !== right.text) return left.text < right.text ? -1 : 1
  }
  return b.segments.length - a.segments.length
}

const RANK = { static: 0, parameter: 1, wildcard: 2 } as const

function parseSegment(text: string): Segment | string {
  if (text === "") return "an empty segment"
  if (text === "." || text === "..") return `the segment ${text} never reaches a server`
  if (text[0] === ":" || text[0] === "*") {
    const name = text.slice(1)
    if (!NAME.test(name)) return `${text} needs a name of letters, digits and _ that starts with no digit`
    return text[0] === ":" ? { kind: "parameter", name } : { kind: "wildcard", name }
  }
  const encoded = text.replace(/\P{ASCII}+/gu, (part) => encodeURIComponent(part.toWellFormed()))
  if (!STATIC.test(encoded)) return `${text} holds a character that a path segment cannot have`
  return { kind: "static", text: encoded }
}
