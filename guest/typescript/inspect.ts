/** Values as text for the log: like JSON, but for everything, and bounded. */
import { native } from "./native.ts"

const DEPTH_MAX = 6
const ENTRIES_MAX = 100

/** A value as one line of text. */
export function inspect(value: unknown): string {
  return describe(value, 0, [])
}

function describe(value: unknown, depth: number, above: ReadonlyArray<object>): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value)
    case "bigint":
      return `${value}n`
    case "function":
      return `[function ${value.name || "anonymous"}]`
    case "object":
      return value === null ? "null" : describeObject(value, depth, above)
    default:
      return String(value)
  }
}

function describeObject(value: object, depth: number, above: ReadonlyArray<object>): string {
  if (native.kind(value) >= 0) return String(value)
  if (value instanceof Error) return `${value.name}: ${value.message}\n${value.stack ?? ""}`.trimEnd()
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString()
  if (value instanceof RegExp) return String(value)
  if (value instanceof Uint8Array) return `[${value.length} bytes]`
  if (above.includes(value)) return "[circular]"
  if (depth >= DEPTH_MAX) return Array.isArray(value) ? "[…]" : "{…}"
  const inside = [...above, value]
  const items = (values: Iterable<unknown>): string => limited(Array.from(values, (item) => describe(item, depth + 1, inside)))
  if (Array.isArray(value)) return `[${items(value)}]`
  if (value instanceof Set) return `Set {${items(value)}}`
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  const text = limited(
    entries.map(
      ([name, item]) => `${typeof name === "string" ? name : describe(name, depth + 1, inside)}: ${describe(item, depth + 1, inside)}`
    )
  )
  const name = value.constructor?.name
  return `${name === undefined || name === "Object" ? "" : `${name} `}{${text === "" ? "" : ` ${text} `}}`
}

function limited(parts: ReadonlyArray<string>): string {
  return parts.length <= ENTRIES_MAX ? parts.join(", ") : `${parts.slice(0, ENTRIES_MAX).join(", ")}, … ${parts.length - ENTRIES_MAX} more`
}
