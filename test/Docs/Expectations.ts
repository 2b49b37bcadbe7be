/**
 * Values in comments: `expression // => value`, or the value in a comment line of its own below. Both are JavaScript; an expression begins at the
 * start of a line and may span lines that end with an open bracket.
 */

const BEHIND = /^(.*\S)\s+\/\/ => (.+)$/
const BELOW = /^\/\/ => (.+)$/

/** The code with a comparison in place of every expression that has a value behind it. `line` counts from 0. */
export function checked(code: string, compare: (actual: string, expected: string, line: number) => string): string {
  const lines = code.split("\n")
  return lines
    .map((line, index) => {
      const below = BELOW.exec(lines[index + 1] ?? "")
      const [, expression, value] = BEHIND.exec(line) ?? (below === null ? [] : [line, line, below[1]])
      if (expression === undefined || value === undefined || /\bconsole\.log\(/.test(expression)) return line
      return compare(expression, value, index)
    })
    .join("\n")
}

/** What the `console.log` lines of the code print, by their comments; undefined for one without. */
export function printed(code: string): ReadonlyArray<string | undefined> {
  return code.split("\n").flatMap((line) => (/\bconsole\.log\(/.test(line) ? [/\/\/ => (.+)$/.exec(line)?.[1]] : []))
}
