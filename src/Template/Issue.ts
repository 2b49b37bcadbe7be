/**
 * What is wrong with a template, and where.
 *
 * Invariants
 * - An issue always has a place: file, line and column (both from 1, columns in UTF-16 units) and the lines around it.
 * - Issues are plain data: they go to the terminal, to the browser overlay and to `--json` unchanged.
 */
import { Fault } from "../Fault/Fault.ts"
import { issuesMax } from "./Limits.ts"

/** A stretch of a source: offsets in UTF-16 units, `end` is exclusive. */
export interface Span {
  readonly at: number
  readonly end: number
}

/** The kinds of mistakes, stable names for tools and documentation. */
export type IssueCode =
  | "syntax"
  | "unclosed"
  | "mismatched-close"
  | "unsafe-context"
  | "unsupported"
  | "unknown-name"
  | "unknown-field"
  | "unknown-store"
  | "unknown-pipe"
  | "unknown-component"
  | "unknown-property"
  | "missing-property"
  | "wrong-type"
  | "duplicate"
  | "import"
  | "import-cycle"
  | "raw-markup"
  | "limit"

/** One mistake: 1-based lines and columns, a message of one line, and a code frame of several. */
export interface TemplateIssue {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly endLine: number
  readonly endColumn: number
  readonly code: IssueCode
  readonly message: string
  readonly frame: string
}

/** Why a template did not compile. */
export interface InvalidTemplate {
  readonly _tag: "InvalidTemplate"
  readonly message: string
  readonly issues: ReadonlyArray<TemplateIssue>
}

/** The Fault of templates that do not compile, with all their issues. */
export function invalidTemplate(issues: ReadonlyArray<TemplateIssue>): Fault<InvalidTemplate> {
  return new Fault<InvalidTemplate>({ _tag: "InvalidTemplate", message: issues.map(formatIssue).join("\n\n"), issues })
}

/** `orders.zsx:4:12: message`, an empty line and the code frame: what a terminal shows. */
export function formatIssue(issue: TemplateIssue): string {
  return `${issue.file}:${issue.line}:${issue.column}: ${issue.message}\n\n${issue.frame}`
}

/** Collects the issues of one source and turns offsets into lines and columns. */
export class Issues {
  readonly found: Array<TemplateIssue> = []
  /** What does not stop a build. */
  readonly notes: Array<TemplateIssue> = []
  readonly file: string
  readonly source: string
  private lineStarts: ReadonlyArray<number> | undefined

  constructor(file: string, source: string) {
    this.file = file
    this.source = source
  }

  /** Notes a mistake at `span`. Two issues at one place count once, and after `issuesMax` no more are kept. */
  add(code: IssueCode, span: Span, message: string): void {
    this.addTo(this.found, code, span, message)
  }

  /** Notes what is allowed but wants a second look. */
  note(code: IssueCode, span: Span, message: string): void {
    this.addTo(this.notes, code, span, message)
  }

  private addTo(list: Array<TemplateIssue>, code: IssueCode, span: Span, message: string): void {
    if (list.length >= issuesMax) return
    const start = this.position(span.at)
    const end = this.position(Math.max(span.at, span.end))
    if (list.some((issue) => issue.line === start.line && issue.column === start.column)) return
    const frame = codeFrame(this.source, this.starts(), start, end)
    list.push({ file: this.file, ...start, endLine: end.line, endColumn: end.column, code, message, frame })
  }

  /** The 1-based line and column of an offset. */
  position(offset: number): { line: number; column: number } {
    const starts = this.starts()
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - starts[low]! + 1 }
  }

  private starts(): ReadonlyArray<number> {
    if (this.lineStarts === undefined) {
      const starts = [0]
      for (let at = this.source.indexOf("\n"); at >= 0; at = this.source.indexOf("\n", at + 1)) starts.push(at + 1)
      this.lineStarts = starts
    }
    return this.lineStarts
  }
}

/** Longest line shown whole in a code frame, in UTF-16 units. */
const frameWidthMax = 160

interface Place {
  readonly line: number
  readonly column: number
}

/** The line of the mistake with one line before and after it, and carets under the place. */
function codeFrame(source: string, starts: ReadonlyArray<number>, start: Place, end: Place): string {
  const last = Math.min(starts.length, start.line + 1)
  const width = String(last).length
  const rows: Array<string> = []
  for (let line = Math.max(1, start.line - 1); line <= last; line++) {
    const whole = lineText(source, starts, line)
    if (line !== start.line) {
      if (whole.trim() !== "" || line < start.line) rows.push(`  ${String(line).padStart(width)} | ${clip(whole, 0)}`.trimEnd())
      continue
    }
    const from = start.column > frameWidthMax - 40 ? start.column - 60 : 0
    const shown = clip(whole, from)
    const until = end.line === start.line ? end.column : whole.length + 1
    const caretAt = start.column - 1 - from + (from > 0 ? 1 : 0)
    const carets = Math.max(1, Math.min(until - start.column, shown.length - caretAt))
    rows.push(`> ${String(line).padStart(width)} | ${shown}`.trimEnd())
    const lead = shown.slice(0, caretAt).replace(/[^\t]/g, " ")
    rows.push(`  ${" ".repeat(width)} | ${lead.padEnd(caretAt)}${"^".repeat(carets)}`)
  }
  return rows.join("\n")
}

function lineText(source: string, starts: ReadonlyArray<number>, line: number): string {
  const end = line < starts.length ? starts[line]! - 1 : source.length
  const text = source.slice(starts[line - 1], end)
  return text.endsWith("\r") ? text.slice(0, -1) : text
}

function clip(text: string, from: number): string {
  const part = text.slice(from, from + frameWidthMax)
  return `${from > 0 ? "…" : ""}${part}${from + frameWidthMax < text.length ? "…" : ""}`
}

/** The candidate closest to `name`, when one is close enough to be what was meant. */
export function closest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = (name.length < 4 ? 1 : Math.max(2, Math.floor(name.length / 3))) + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** ` (did you mean "x"?)` or nothing. */
export function suggestion(name: string, candidates: Iterable<string>): string {
  const found = closest(name, candidates)
  return found === undefined ? "" : ` (did you mean "${found}"?)`
}

function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const row = [i]
    for (let j = 1; j <= right.length; j++) {
      const swap = previous[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1)
      row.push(Math.min(previous[j]! + 1, row[j - 1]! + 1, swap))
    }
    previous = row
  }
  return previous[right.length]!
}
