/** Values and operators of the reference renderer: plain JavaScript values, exact numbers by fractions of BigInt. Slow and plain on purpose. */
import { Decimal128, Key, ObjectId, UUID } from "../../src/Bson/Value.ts"

/** Any plain value; ids are their text, small longs are numbers, what is missing is null. */
export type Plain = unknown

/** A value as templates see it. */
export function plain(value: Plain): Plain {
  if (value === undefined || value === null) return null
  if (value instanceof Key || value instanceof UUID || value instanceof ObjectId) return value.toString()
  if (typeof value === "bigint" && value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER))
    return Number(value)
  return value
}

export const isDocument = (value: Plain): value is Record<string, Plain> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date) && !(value instanceof Decimal128)

export function text(value: Plain): string {
  if (typeof value === "string") return value
  if (value === null || Array.isArray(value) || isDocument(value)) return ""
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "" : value.toISOString()
  return String(value)
}

export function truth(value: Plain): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (value instanceof Decimal128) return !/^-?0(?:\.0*)?(?:E.*)?$|NaN/.test(value.toString())
  return typeof value === "object" ? value !== null : Boolean(value)
}

export const isNumber = (value: Plain): value is number | bigint => typeof value === "number" || typeof value === "bigint"

/** A finite number as numerator and denominator; infinities as words, undefined for what is no number and for NaN. */
function fraction(value: Plain): readonly [bigint, bigint] | "Infinity" | "-Infinity" | undefined {
  if (typeof value === "bigint") return [value, 1n]
  if (typeof value !== "number" && !(value instanceof Decimal128)) return undefined
  const written = value.toString()
  if (/NaN/.test(written)) return undefined
  if (/Infinity/.test(written)) return written.startsWith("-") ? "-Infinity" : "Infinity"
  if (typeof value === "number") {
    let numerator = value
    let denominator = 1n
    while (!Number.isInteger(numerator)) {
      numerator *= 2
      denominator *= 2n
    }
    return [BigInt(numerator), denominator]
  }
  const [, sign = "", whole = "", decimals = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:E([+-]?\d+))?$/.exec(written)!
  const power = Number(exponent) - decimals.length
  const digits = BigInt(whole + decimals) * (sign === "-" ? -1n : 1n)
  return power >= 0 ? [digits * 10n ** BigInt(power), 1n] : [digits, 10n ** BigInt(-power)]
}

/** The order of two numbers; undefined when one is none. */
function numericOrder(left: Plain, right: Plain): number | undefined {
  const [a, b] = [fraction(left), fraction(right)]
  if (a === undefined || b === undefined) return undefined
  if (typeof a === "string" || typeof b === "string") {
    const rank = (side: typeof a) => (side === "Infinity" ? 1 : side === "-Infinity" ? -1 : 0)
    return rank(a) - rank(b)
  }
  const difference = a[0] * b[1] - b[0] * a[1]
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

export function equal(left: Plain, right: Plain): boolean {
  if (left === null || right === null) return left === right
  const numbers = numericOrder(left, right)
  if (numbers !== undefined) return numbers === 0
  if (left instanceof Date && right instanceof Date) return left.getTime() === right.getTime()
  return typeof left === typeof right && typeof left !== "object" && typeof left !== "number" && left === right
}

/** Less than, equal to or greater than 0; NaN when there is no order. */
export function order(left: Plain, right: Plain): number {
  if (typeof left === "string" && typeof right === "string") {
    const [a, b] = [[...left], [...right]]
    for (let index = 0; index < Math.min(a.length, b.length); index++) {
      const difference = a[index]!.codePointAt(0)! - b[index]!.codePointAt(0)!
      if (difference !== 0) return difference
    }
    return a.length - b.length
  }
  if (left instanceof Date && right instanceof Date) return left.getTime() - right.getTime()
  return numericOrder(left, right) ?? Number.NaN
}

/** Plain JSON as routes answer it. */
export function json(value: Plain): string {
  const shown = plain(value)
  if (shown === null) return "null"
  if (typeof shown === "number") return Number.isFinite(shown) ? String(shown) : "null"
  if (typeof shown === "bigint" || shown instanceof Decimal128) return JSON.stringify(shown.toString())
  if (shown instanceof Date) return JSON.stringify(shown.toISOString())
  if (Array.isArray(shown)) return `[${shown.map(json).join(",")}]`
  if (isDocument(shown))
    return `{${Object.entries(shown)
      .map(([name, inner]) => `${JSON.stringify(name)}:${json(inner)}`)
      .join(",")}}`
  return JSON.stringify(shown)
}

/** A number with fixed decimals; undefined for what is none. */
export function fixed(value: Plain, decimals: number): string | undefined {
  if (typeof value === "number") return value.toFixed(decimals)
  if (typeof value === "bigint") return decimals === 0 ? String(value) : `${value}.${"0".repeat(decimals)}`
  if (!(value instanceof Decimal128)) return undefined
  const exact = fraction(value)
  if (exact === undefined || typeof exact === "string" || /E\+[5-9]\d|E\+\d{3}/.test(value.toString())) return value.toString()
  const negative = value.toString().startsWith("-")
  const scaled = (exact[0] < 0n ? -exact[0] : exact[0]) * 10n ** BigInt(decimals)
  const rounded = (scaled * 2n + exact[1]) / (exact[1] * 2n)
  const digits = String(rounded).padStart(decimals + 1, "0")
  const point = digits.length - decimals
  return `${negative ? "-" : ""}${digits.slice(0, point)}${decimals === 0 ? "" : `.${digits.slice(point)}`}`
}

const months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]

/** The two patterns that random templates use. */
export function dateText(value: Date, pattern: string): string {
  const iso = value.toISOString()
  const year = value.getUTCFullYear()
  const [whole, time] = iso.split("T") as [string, string]
  if (pattern === "YYYY-MM-DD") return whole
  return `${value.getUTCDate()} ${months[value.getUTCMonth()]!.slice(0, 3)} ${String(Math.abs(year)).padStart(4, "0")} ${time.replace("Z", "")}`
}
