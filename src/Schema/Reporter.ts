/** Collects the issues of a definition, and knows the first question about every part of one: is it an object with the right members? */
import { type Issue, type IssueCode, ISSUES_MAX, pointerPart } from "./Issue.ts"

export class Reporter {
  readonly issues: Array<Issue> = []

  report(pointer: string, code: IssueCode, message: string): void {
    if (this.issues.length < ISSUES_MAX) this.issues.push({ pointer, code, message })
  }

  /** Reports a problem of the whole, one time. */
  reportOnce(code: IssueCode, message: string): void {
    if (!this.issues.some((issue) => issue.message === message)) this.report("", code, message)
  }

  join(pointer: string, name: string): string {
    return `${pointer}/${pointerPart(name)}`
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** Whether a value is an object with all `required` members and no other than those and the `optional` ones; reports what is wrong. */
export function checkObject(
  reporter: Reporter,
  pointer: string,
  value: unknown,
  required: ReadonlyArray<string>,
  optional: ReadonlyArray<string>
): value is Record<string, unknown> {
  if (!isObject(value)) {
    reporter.report(pointer, "type", "expected an object")
    return false
  }
  for (const name of required) if (value[name] === undefined) reporter.report(reporter.join(pointer, name), "required", "is required")
  for (const name of Object.keys(value)) {
    if (!required.includes(name) && !optional.includes(name))
      reporter.report(reporter.join(pointer, name), "unknown_field", "is not known here")
  }
  return true
}
