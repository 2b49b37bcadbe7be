/**
 * decimal128 (IEEE 754-2008, BID encoding) taken apart, without BigInt and without objects per value.
 *
 * Invariants
 * - A finite decimal is (-1)^negative · coefficient · 10^exponent, with a coefficient below 10^34 in four 32-bit words.
 * - Non-canonical encodings (a coefficient of 10^34 or more, or the second form of the combination field) read as zero, as IEEE says.
 * - `small` is the coefficient as a number when it is a safe integer, else -1: nearly all decimals people store are small.
 */
import { Decimal128 } from "bson"
import { bsonFault } from "./Errors.ts"
import { isInt64Safe, readInt32, readInt64Number, readUint32, writeInt32 } from "./View.ts"

export const FINITE = 0
export const INFINITE = 1
export const NOT_A_NUMBER = 2

const EXPONENT_BIAS = 6176
const WORD = 4294967296
/** A safe integer's upper word is below this. */
const SAFE_HIGH = 0x200000

/** The parts of a decimal; reused by callers, filled by `readDecimal` and its kin. */
export class DecimalParts {
  kind = FINITE
  negative = false
  exponent = 0
  /** The coefficient, least significant word first; each 0 to 2^32 - 1. */
  word0 = 0
  word1 = 0
  word2 = 0
  word3 = 0
  /** The coefficient when it is a safe integer, else -1. */
  small = 0

  /** Whether the value is a zero of any sign and exponent. */
  isZero(): boolean {
    return this.kind === FINITE && this.small === 0
  }

  /** The coefficient as a bigint. Not for hot paths. */
  coefficient(): bigint {
    return (BigInt(this.word3) << 96n) | (BigInt(this.word2) << 64n) | (BigInt(this.word1) << 32n) | BigInt(this.word0)
  }

  /** The coefficient as the nearest double. */
  coefficientNumber(): number {
    return this.small >= 0 ? this.small : ((this.word3 * WORD + this.word2) * WORD + this.word1) * WORD + this.word0
  }
}

function setWords(parts: DecimalParts, word3: number, word2: number, word1: number, word0: number): void {
  parts.word3 = word3
  parts.word2 = word2
  parts.word1 = word1
  parts.word0 = word0
  parts.small = word3 === 0 && word2 === 0 && word1 < SAFE_HIGH ? word1 * WORD + word0 : -1
}

/** Whether the coefficient is 10^34 or more (0x1ed09_bead87c0_378d8e64_00000000). */
function isTooLarge(word3: number, word2: number, word1: number): boolean {
  if (word3 !== 0x1ed09) return word3 > 0x1ed09
  if (word2 !== 0xbead87c0) return word2 > 0xbead87c0
  return word1 > 0x378d8e63
}

/** Takes the decimal128 at `at` apart. */
export function readDecimal(bytes: Uint8Array, at: number, parts: DecimalParts): void {
  const top = readUint32(bytes, at + 12)
  parts.negative = top >>> 31 === 1
  const combination = (top >>> 26) & 0x1f
  parts.kind = combination === 0x1f ? NOT_A_NUMBER : combination === 0x1e ? INFINITE : FINITE
  if (combination >= 0x18) {
    parts.exponent = parts.kind === FINITE ? ((top >>> 15) & 0x3fff) - EXPONENT_BIAS : 0
    setWords(parts, 0, 0, 0, 0)
    return
  }
  parts.exponent = ((top >>> 17) & 0x3fff) - EXPONENT_BIAS
  const word3 = top & 0x1ffff
  const word2 = readUint32(bytes, at + 8)
  const word1 = readUint32(bytes, at + 4)
  if (isTooLarge(word3, word2, word1)) setWords(parts, 0, 0, 0, 0)
  else setWords(parts, word3, word2, word1, readUint32(bytes, at))
}

/** The parts of a safe integer, or of an infinity or NaN. */
export function partsOfNumber(value: number, parts: DecimalParts): void {
  parts.negative = value < 0
  parts.exponent = 0
  if (Number.isSafeInteger(value)) {
    parts.kind = FINITE
    const magnitude = Math.abs(value)
    setWords(parts, 0, 0, Math.floor(magnitude / WORD), magnitude >>> 0)
  } else {
    parts.kind = Number.isNaN(value) ? NOT_A_NUMBER : INFINITE
    setWords(parts, 0, 0, 0, 0)
  }
}

/** The parts of the int64 at `at`. */
export function partsOfInt64(bytes: Uint8Array, at: number, parts: DecimalParts): void {
  if (isInt64Safe(bytes, at)) return partsOfNumber(readInt64Number(bytes, at), parts)
  const low = readUint32(bytes, at)
  const high = readInt32(bytes, at + 4)
  parts.kind = FINITE
  parts.exponent = 0
  parts.negative = high < 0
  if (high >= 0) setWords(parts, 0, 0, high, low)
  else if (low === 0) setWords(parts, 0, 0, -high >>> 0, 0)
  else setWords(parts, 0, 0, ~high >>> 0, -low >>> 0)
}

/** Writes (-1)^negative · magnitude · 10^exponent as the 16 bytes of a decimal128; magnitude is a safe integer, exponent within ±6000. */
export function writeSmallDecimal(bytes: Uint8Array, at: number, negative: boolean, magnitude: number, exponent: number): void {
  writeInt32(bytes, at, magnitude >>> 0)
  writeInt32(bytes, at + 4, Math.floor(magnitude / WORD))
  writeInt32(bytes, at + 8, 0)
  writeInt32(bytes, at + 12, ((exponent + EXPONENT_BIAS) << 17) | (negative ? 0x80000000 : 0))
}

const textParts = new DecimalParts()

/** The decimal128 at `at` as text, the way IEEE's to-scientific-string has it: `1.50`, `1E+3`, `NaN`, `-Infinity`. */
export function decimalText(bytes: Uint8Array, at: number): string {
  const parts = textParts
  readDecimal(bytes, at, parts)
  if (parts.kind === NOT_A_NUMBER) return "NaN"
  if (parts.kind === INFINITE) return parts.negative ? "-Infinity" : "Infinity"
  const digits = parts.small >= 0 ? String(parts.small) : String(parts.coefficient())
  const sign = parts.negative ? "-" : ""
  const adjusted = parts.exponent + digits.length - 1
  if (parts.exponent > 0 || adjusted < -6) {
    const mantissa = digits.length === 1 ? digits : `${digits[0]!}.${digits.slice(1)}`
    return `${sign}${mantissa}E${adjusted < 0 ? "" : "+"}${adjusted}`
  }
  if (parts.exponent === 0) return sign + digits
  const point = digits.length + parts.exponent
  if (point > 0) return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
  return `${sign}0.${"0".repeat(-point)}${digits}`
}

/**
 * The 16 bytes of a decimal given as text. Faults with InvalidValue when the text is no decimal or has more than 34 significant digits:
 * decimals are exact, so nothing is rounded.
 */
export function parseDecimal(text: string): Uint8Array {
  try {
    return Decimal128.fromString(text).bytes
  } catch {
    throw bsonFault({ _tag: "InvalidValue", path: "", message: `"${text.slice(0, 60)}" is not a decimal of at most 34 digits` })
  }
}
