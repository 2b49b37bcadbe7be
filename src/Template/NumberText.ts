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
/** Powers of ten that are exact doubles and safe integers. */
const tens = Array.from({ length: 16 }, (_, exponent) => 10 ** exponent)

/**
 * Writes the decimal128 at `at` as `decimalText` has it; returns the offset behind it, or -1 when it is not one of the usual ones (at
 * most 15 decimals, a coefficient that is a safe integer, no exponent). Needs room for 40 bytes.
 */
export function decimalInto(out: Uint8Array, to: number, bytes: Uint8Array, at: number): number {
  readDecimal(bytes, at, parts)
  const { small, exponent } = parts
  if (parts.kind !== FINITE || small < 0 || exponent > 0 || exponent < -15) return -1
  // Below a millionth the text has an exponent.
  if (exponent < -6 && small < tens[-exponent - 6]!) return -1
  return scaledInto(out, to, parts.negative, small, -exponent)
}

/** Writes the decimal128 at `at` with `decimals` decimals (at most 15), as `fixedText` has it; -1 when it is not one of the usual ones. */
export function fixedDecimalInto(out: Uint8Array, to: number, bytes: Uint8Array, at: number, decimals: number): number {
  readDecimal(bytes, at, parts)
  const shift = parts.exponent + decimals
  let { small } = parts
  if (parts.kind !== FINITE || small < 0 || decimals > 15 || shift > 15 || shift < -15) return -1
  if (shift >= 0) {
    small *= tens[shift]!
    if (small > Number.MAX_SAFE_INTEGER) return -1
  } else {
    const unit = tens[-shift]!
    const whole = Math.floor(small / unit)
    const rest = small - whole * unit
    small = rest * 2 >= unit ? whole + 1 : whole
  }
  return scaledInto(out, to, parts.negative, small, decimals)
}

/** Writes coefficient / 10^decimals with all its decimals. */
function scaledInto(out: Uint8Array, to: number, negative: boolean, coefficient: number, decimals: number): number {
  if (negative) out[to++] = 0x2d
  if (decimals === 0) return integerInto(out, to, coefficient)
  const unit = tens[decimals]!
  const whole = Math.floor(coefficient / unit)
  const fraction = coefficient - whole * unit
  let at = integerInto(out, to, whole)
  out[at++] = 0x2e
  for (let place = decimals - 1; place > 0 && fraction < tens[place]!; place--) out[at++] = 0x30
  return integerInto(out, at, fraction)
}

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
const minorUnits: ReadonlyMap<string, number> = new Map([
  ..."BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(" ").map((name): [string, number] => [name, 0]),
  ..."BHD IQD JOD KWD LYD OMR TND".split(" ").map((name): [string, number] => [name, 3])
])

/** How many decimals amounts of a currency have; two when none is named or it is not known. */
export function currencyDecimals(currency: string): number {
  return minorUnits.get(currency) ?? 2
}
