/**
 * Reading plain JSON values strictly: every wrong type and every unknown member becomes an issue with a JSON pointer, and reading goes on, so that
 * an author sees all of them at once.
 */
import type { Issue } from "./Reasons.ts"

/** Issues kept of one document; what is beyond adds nothing. */
export const ISSUES_MAX = 50

/** Collects issues, and reads members of plain objects. What cannot be read comes back as a harmless value. */
export class PlainReader {
  readonly issues: Issue[] = []

  report(pointer: string, code: string, message: string): void {
    if (this.issues.length < ISSUES_MAX) this.issues.push({ pointer, code, message })
  }

  /** A plain object whose members are among `allowed` (all of them, when it is undefined). */
  object(value: unknown, pointer: string, allowed?: ReadonlyArray<string>): Readonly<Record<string, unknown>> {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.report(pointer, "type", `expected an object, found ${nameOf(value)}`)
      return {}
    }
    if (allowed !== undefined) {
      for (const name of Object.keys(value)) {
        if (!allowed.includes(name))
          this.report(`${pointer}/${escapePointer(name)}`, "unknown_member", `only ${allowed.join(", ")} may stand here`)
      }
    }
    return value as Readonly<Record<string, unknown>>
  }

  /** A list of at most `max` items; missing is empty. */
  list(value: unknown, pointer: string, max: number): ReadonlyArray<unknown> {
    if (value === undefined) return []
    if (!Array.isArray(value)) {
      this.report(pointer, "type", `expected a list, found ${nameOf(value)}`)
      return []
    }
    if (value.length <= max) return value
    this.report(pointer, "too_many", `${value.length} items, ${max} are allowed`)
    return value.slice(0, max)
  }

  /** Text that matches `shape`. */
  text(value: unknown, pointer: string, shape: RegExp, expected: string): string {
    if (typeof value === "string" && shape.test(value)) return value
    this.report(pointer, "type", `expected ${expected}, found ${typeof value === "string" ? JSON.stringify(value) : nameOf(value)}`)
    return ""
  }

  /** One of a few texts; the first when it is none. */
  oneOf<A extends string>(value: unknown, pointer: string, values: readonly [A, ...A[]]): A {
    const found = values.find((candidate) => candidate === value)
    if (found === undefined)
      this.report(pointer, "value", `expected one of ${values.join(", ")}, found ${JSON.stringify(value) ?? nameOf(value)}`)
    return found ?? values[0]
  }

  /** A boolean; missing is false. */
  flag(value: unknown, pointer: string): boolean {
    if (typeof value === "boolean") return value
    if (value !== undefined) this.report(pointer, "type", `expected true or false, found ${nameOf(value)}`)
    return false
  }

  /** A whole number from `min` on. */
  count(value: unknown, pointer: string, min: number): number {
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min) return value
    this.report(pointer, "type", `expected a whole number from ${min} on, found ${JSON.stringify(value) ?? nameOf(value)}`)
    return min
  }
}

/** A member's name as a step of a JSON pointer (RFC 6901). */
export function escapePointer(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1")
}

function nameOf(value: unknown): string {
  if (value === undefined) return "nothing"
  if (value === null) return "null"
  return Array.isArray(value) ? "a list" : `a ${typeof value}`
}
