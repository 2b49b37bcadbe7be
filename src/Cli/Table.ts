/** Rows as a table for a terminal. */

/** Widest column, in characters; what is longer is cut and marked. */
const COLUMN_MAX = 40
const ROWS_MEASURED = 1000

/** The rows, each a JSON object as text, as lines of a table with a head; `width` is what a line may take. */
export function table(rows: ReadonlyArray<string>, width: number): ReadonlyArray<string> {
  const objects = rows.map((row) => JSON.parse(row) as Readonly<Record<string, unknown>>)
  const names = [...new Set(objects.slice(0, ROWS_MEASURED).flatMap((row) => Object.keys(row)))]
  const cells = objects.map((row) => names.map((name) => cell(row[name])))
  const widths = names.map((name, column) => Math.min(COLUMN_MAX, Math.max(shown(name), ...cells.map((row) => shown(row[column] ?? "")))))
  const fitting = countFitting(widths, width)
  const line = (texts: ReadonlyArray<string>): string =>
    texts
      .slice(0, fitting)
      .map((text, column) => padded(text, widths[column] ?? 0))
      .join("  ")
      .trimEnd()
  const hidden = names.slice(fitting)
  return [
    line(names),
    line(widths.map((count) => "─".repeat(count))),
    ...cells.map(line),
    ...(hidden.length === 0 ? [] : [`(not shown for want of room: ${hidden.join(", ")}; .json shows everything)`])
  ]
}

/** How many columns fit into a line; at least one. */
function countFitting(widths: ReadonlyArray<number>, width: number): number {
  let used = 0
  let count = 0
  for (const columnWidth of widths) {
    used += columnWidth + (count === 0 ? 0 : 2)
    if (used > width && count > 0) return count
    count++
  }
  return count
}

function cell(value: unknown): string {
  if (value === undefined) return ""
  const text = typeof value === "string" ? value : JSON.stringify(value)
  return text.replaceAll(/\p{Cc}/gu, " ")
}

/** Characters as a terminal shows them, near enough: code points. */
function shown(text: string): number {
  return [...text].length
}

function padded(text: string, width: number): string {
  const characters = [...text]
  if (characters.length > width) return `${characters.slice(0, width - 1).join("")}…`
  return text + " ".repeat(width - characters.length)
}
