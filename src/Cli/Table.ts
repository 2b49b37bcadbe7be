/** Rows as a table for a terminal. */

/** Widest column, in characters; what is longer is cut and marked. */
const COLUMN_MAX = 40
const ROWS_MEASURED = 1000

/**
 * The rows, each a JSON object as text, as lines of a table with a head; `width` is what a line may take. A single row that is wider is
 * shown with a line for each of its fields.
 */
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
  if (rows.length === 1 && (hidden.length > 0 || cells.flat().some((text) => shown(text) > COLUMN_MAX)))
    return fieldLines(names, cells[0] ?? [], width)
  return [
    line(names),
    line(widths.map((count) => "─".repeat(count))),
    ...cells.map(line),
    ...(hidden.length === 0 ? [] : [`(not shown for want of room: ${hidden.join(", ")}; .json shows everything)`])
  ]
}

/** A line for each field of a row; values that are longer than a line go on in the next. */
function fieldLines(names: ReadonlyArray<string>, values: ReadonlyArray<string>, width: number): ReadonlyArray<string> {
  const head = Math.min(COLUMN_MAX, Math.max(...names.map(shown)))
  const room = Math.max(1, width - head - 2)
  return names.flatMap((name, number) =>
    pieces(values[number] ?? "", room).map((piece, part) => `${padded(part === 0 ? name : "", head)}  ${piece}`.trimEnd())
  )
}

function pieces(text: string, room: number): ReadonlyArray<string> {
  const found = [""]
  let used = 0
  for (const { segment } of SEGMENTS.segment(text)) {
    used += shown(segment)
    if (used > room && found.at(-1) !== "") {
      found.push("")
      used = shown(segment)
    }
    found[found.length - 1] += segment
  }
  return found
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

const SEGMENTS = new Intl.Segmenter("en")
/** What takes two cells of a terminal. */
const WIDE =
  /^(?:[\u1100-\u115F\u3000-\u303E\uFF01-\uFF60]|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Emoji_Presentation})/u
const PLAIN = /^[ -~]*$/

/** Cells of a terminal that a text takes, near enough. */
function shown(text: string): number {
  if (PLAIN.test(text)) return text.length
  let cells = 0
  for (const { segment } of SEGMENTS.segment(text)) cells += WIDE.test(segment) ? 2 : 1
  return cells
}

function padded(text: string, width: number): string {
  const missing = width - shown(text)
  if (missing >= 0) return text + " ".repeat(missing)
  const cut = `${pieces(text, width - 1)[0] ?? ""}…`
  return cut + " ".repeat(width - shown(cut))
}
