/** Text that travels in a URL or a form: percent escapes, and `name=value&name=value`. */

/** Pairs one query or form may have. */
export const PAIRS_MAX = 1_000

/** A decoded name and its decoded value. */
export type Pair = readonly [name: string, value: string]

/** Why a text was refused: the name it belongs to, as far as it is known, and words. */
export interface UrlProblem {
  readonly name: string
  readonly message: string
}

/**
 * Decodes the percent escapes of a path segment; undefined when an escape is broken or the bytes are no UTF-8.
 *
 * @example
 * ```ts
 * decodeSegment("a%2Fb") // => "a/b"
 * decodeSegment("100%") // => undefined
 * ```
 */
export function decodeSegment(text: string): string | undefined {
  if (!text.includes("%")) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Reads a query (`+` is a space). Empty parts are skipped; a part without `=` is a name with an empty value. */
export function readPairs(text: string): ReadonlyArray<Pair> | UrlProblem {
  const pairs: Pair[] = []
  let start = 0
  while (start < text.length) {
    const ampersand = text.indexOf("&", start)
    const end = ampersand < 0 ? text.length : ampersand
    if (end > start) {
      if (pairs.length === PAIRS_MAX) return { name: "", message: `more than ${PAIRS_MAX} values` }
      const equals = text.indexOf("=", start)
      const nameEnd = equals < 0 || equals > end ? end : equals
      const rawName = text.slice(start, nameEnd)
      const name = decodeFormText(rawName)
      if (name === undefined) return { name: rawName, message: "the name holds a broken percent escape" }
      const value = nameEnd === end ? "" : decodeFormText(text.slice(nameEnd + 1, end))
      if (value === undefined) return { name, message: "the value holds a broken percent escape" }
      pairs.push([name, value])
    }
    start = end + 1
  }
  return pairs
}

function decodeFormText(text: string): string | undefined {
  return decodeSegment(text.includes("+") ? text.replaceAll("+", " ") : text)
}
