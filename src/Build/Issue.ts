/**
 * What is wrong with a service, and where: every way a build fails ends as a list of these.
 *
 * Invariant: an issue of the author's code has a file, a line and a column (both from 1) and the lines around it. Only what has no place (a missing
 * entry file, a tool that does not start) goes without.
 */
import { type IssueCode, Issues } from "../Template/Issue.ts"

/** One mistake. `frame` holds the lines around the place; empty where there is no place. */
export interface BuildIssue {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
  readonly frame: string
  /** Which step found it. */
  readonly kind: BuildIssueKind
}

export type BuildIssueKind = "project" | "bundle" | "platform" | "evaluation" | "manifest" | "template" | "asset" | "types"

/** Issues one build reports at most. */
export const BUILD_ISSUES_MAX = 100

/** Gives the text of a file by its path relative to the service's folder; undefined when there is none. */
export type SourceText = (file: string) => string | undefined

/** A mistake at a place, with its code frame. `length` is how much of the line it concerns, in UTF-16 units. */
export function issueAt(kind: BuildIssueKind, place: Place, message: string, source: SourceText, length = 1): BuildIssue {
  const text = source(place.file)
  return { ...place, message, kind, frame: text === undefined ? "" : frameAt(text, place, message, length) }
}

/** A mistake without a place in it: the file is all there is to say. */
export function issueWithoutPlace(kind: BuildIssueKind, file: string, message: string): BuildIssue {
  return { kind, file, line: 1, column: 1, message, frame: "" }
}

/** A line and a column, both from 1, of a file relative to the service's folder. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/**
 * `service.ts:4:12: message`, an empty line and the code frame: what a terminal shows.
 *
 * @example
 * ```ts
 * const shown = (error: BuildError) => error.issues.map(formatBuildIssue).join("\n\n")
 * ```
 */
export function formatBuildIssue(issue: BuildIssue): string {
  const place = issue.frame === "" ? issue.file : `${issue.file}:${issue.line}:${issue.column}`
  return `${place}: ${issue.message}${issue.frame === "" ? "" : `\n\n${issue.frame}`}`
}

/** The frame as templates show it. */
function frameAt(text: string, place: Place, message: string, length: number): string {
  const code: IssueCode = "syntax"
  const issues = new Issues(place.file, text)
  const start = offsetOf(text, place)
  issues.add(code, { at: start, end: start + length }, message)
  return issues.found[0]?.frame ?? ""
}

function offsetOf(text: string, place: Place): number {
  let offset = 0
  for (let line = 1; line < place.line; line++) {
    const end = text.indexOf("\n", offset)
    if (end < 0) return text.length
    offset = end + 1
  }
  return Math.min(offset + place.column - 1, text.length)
}
