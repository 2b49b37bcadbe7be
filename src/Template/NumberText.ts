/** Numbers with a fixed number of decimals: what the pipes `number` and `money` print. */
import { FINITE, readDecimal, DecimalParts, decimalText } from "../Bson/Decimal.ts"
import { integerInto } from "../Bson/JsonText.ts"
import * as Type from "../Bson/Type.ts"
import { Reference, type RenderValue } from "./Values.ts"

/** Beyond this, cents of a double are not exact integers that fit 31 bits. */
const centsMax = 2_000_000_000
/** A double times 100 is off by far less than this from the exact product. */
const tieDistance = 0.001

/**
 * Writes a number with two decimals, exactly as `toFixed(2)` does; returns the offset behind it, or -1 when it is too large or too
 * close to a tie, and the slow way has to be taken. Needs room for 16 bytes.
 */
export function fixedTwoInto(out: Uint8Array, to: number, value: number): number {
  const cents = Math.abs(value) * 100
  if (!(cents < centsMax)) return -1
  const floor = cents | 0
  const rest = cents - floor
  if (Math.abs(rest - 0.5) < tieDistance) return -1
  const rounded = rest > 0.5 ? floor + 1 : floor
  const whole = (rounded / 100) | 0
  const fraction = rounded - whole * 100
  if (value < 0) out[to++] = 0x2d
  const at = integerInto(out, to, whole)
  const tens = (fraction / 10) | 0
  out[at] = 0x2e
  out[at + 1] = 0x30 + tens
  out[at + 2] = 0x30 + fraction - tens * 10
  return at + 3
}

/**
 * A number with `decimals` decimals. Doubles round as JavaScript's `toFixed`, decimals exactly (halves away from zero). Values that
 * are no numbers give undefined.
 */
export function fixedText(value: RenderValue, decimals: number): string | undefined {
  if (typeof value === "number") return value.toFixed(decimals)
  if (typeof value === "bigint") return decimals === 0 ? String(value) : `${value}.${"0".repeat(decimals)}`
  if (!(value instanceof Reference) || value.type !== Type.DECIMAL128) return undefined
  return fixedDecimal(value, decimals)
}

const parts = new DecimalParts()
/** Decimals with a larger exponent are printed as they are: their digits would fill a page. */
const exponentMax = 40

function fixedDecimal(value: Reference, decimals: number): string {
  readDecimal(value.bytes, value.at, parts)
  if (parts.kind !== FINITE || parts.exponent > exponentMax) return decimalText(value.bytes, value.at)
  const { negative, exponent } = parts
  let coefficient = parts.coefficient()
  const shift = exponent + decimals
  if (shift >= 0) coefficient *= 10n ** BigInt(shift)
  else if (shift < -40) coefficient = 0n
  else {
    const unit = 10n ** BigInt(-shift)
    const rest = coefficient % unit
    coefficient = coefficient / unit + (rest * 2n >= unit ? 1n : 0n)
  }
  const digits = String(coefficient).padStart(decimals + 1, "0")
  const whole = digits.slice(0, digits.length - decimals)
  return `${negative ? "-" : ""}${whole}${decimals === 0 ? "" : `.${digits.slice(-decimals)}`}`
}

/** Puts `separator` between groups of three digits and `point` before the decimals. */
export function grouped(text: string, separator: string, point: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text)
  if (match === null) return text
  const [, sign = "", whole = "", fraction] = match
  const groups = whole.replace(/\B(?=(?:\d{3})+$)/g, () => separator)
  return `${sign}${groups}${fraction === undefined ? "" : point + fraction}`
}

/** Currencies that do not have two decimals (ISO 4217). */
const minorUnits: Readonly<Record<string, number>> = Object.freeze({
  BIF: 0, CLP: 0, DJF: 0, GNF: 0, ISK: 0, JPY: 0, KMF: 0, KRW: 0, PYG: 0, RWF: 0, UGX: 0, VND: 0, VUV: 0, XAF: 0, XOF: 0, XPF: 0,
  BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3
})

/** How many decimals amounts of a currency have; two when none is named or it is not known. */
export function currencyDecimals(currency: string): number {
  return Object.hasOwn(minorUnits, currency) ? minorUnits[currency]! : 2
}
