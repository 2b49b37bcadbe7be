/**
 * Numbers of all four encodings compared by value, exactly.
 *
 * Invariants
 * - No operand is ever rounded to decide an order: 2^53 + 1 as int64 is greater than 2^53 as double.
 * - NaN (of double and decimal128) equals NaN and is below every other number, also below -Infinity. -0 equals 0.
 * - BigInt is used only for decimals with more than 15 digits, and for a decimal beside a double that it nearly equals.
 */
import { DecimalParts, FINITE, INFINITE, NOT_A_NUMBER, partsOfInt64, partsOfNumber, readDecimal } from "./Decimal.ts"
import * as Type from "./Type.ts"
import { isInt64Safe, readDouble, readInt32, readInt64Number, readUint32 } from "./View.ts"

const WORD = 4294967296
const INT64_END = 2 ** 63

/** Negative, zero or positive: two doubles, with NaN below all others and equal to itself. */
export function compareDoubles(a: number, b: number): number {
  if (a < b) return -1
  if (a > b) return 1
  if (a === b) return 0
  return Number.isNaN(a) ? (Number.isNaN(b) ? 0 : -1) : 1
}

/** Negative, zero or positive: two numbers of type DOUBLE, INT32, INT64 or DECIMAL128. */
export function compareNumbers(a: Uint8Array, aType: number, aAt: number, b: Uint8Array, bType: number, bAt: number): number {
  if (aType === Type.INT32 && bType === Type.INT32) return compareDoubles(readInt32(a, aAt), readInt32(b, bAt))
  if (aType === Type.DECIMAL128 || bType === Type.DECIMAL128) return compareWithDecimal(a, aType, aAt, b, bType, bAt)
  const aWide = aType === Type.INT64 && !isInt64Safe(a, aAt)
  const bWide = bType === Type.INT64 && !isInt64Safe(b, bAt)
  if (!aWide && !bWide) return compareDoubles(plainNumber(a, aType, aAt), plainNumber(b, bType, bAt))
  if (aType === Type.INT64 && bType === Type.INT64) return compareInt64(a, aAt, b, bAt)
  if (aWide) return compareWide(a, aAt, plainNumber(b, bType, bAt))
  return -compareWide(b, bAt, plainNumber(a, aType, aAt))
}

/** The number as a double: exact for int32, double and safe int64. */
function plainNumber(bytes: Uint8Array, type: number, at: number): number {
  if (type === Type.INT32) return readInt32(bytes, at)
  return type === Type.DOUBLE ? readDouble(bytes, at) : readInt64Number(bytes, at)
}

/** Two int64: upper halves signed, then lower halves unsigned. */
export function compareInt64(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): number {
  const high = readInt32(a, aAt + 4) - readInt32(b, bAt + 4)
  return high !== 0 ? high : readUint32(a, aAt) - readUint32(b, bAt)
}

/**
 * An int64 that is no safe integer beside a double. Rounding is monotonic, so different roundings decide;
 * equal ones leave a double that is integral, whose halves can be compared.
 */
function compareWide(bytes: Uint8Array, at: number, double: number): number {
  if (Number.isNaN(double) || double < -INT64_END) return 1
  if (double >= INT64_END) return -1
  const rounded = readInt64Number(bytes, at)
  if (rounded !== double) return rounded < double ? -1 : 1
  const doubleHigh = Math.floor(double / WORD)
  const high = readInt32(bytes, at + 4) - doubleHigh
  return high !== 0 ? high : readUint32(bytes, at) - (double - doubleHigh * WORD)
}

const aParts = new DecimalParts()
const bParts = new DecimalParts()

function compareWithDecimal(a: Uint8Array, aType: number, aAt: number, b: Uint8Array, bType: number, bAt: number): number {
  const aDouble = loadParts(a, aType, aAt, aParts)
  const bDouble = loadParts(b, bType, bAt, bParts)
  if (aDouble !== undefined) return -compareWithDouble(bParts, aDouble)
  if (bDouble !== undefined) return compareWithDouble(aParts, bDouble)
  return compareParts(aParts, bParts)
}

/** Fills `parts`, or returns the double when it is finite but no safe integer. */
function loadParts(bytes: Uint8Array, type: number, at: number, parts: DecimalParts): number | undefined {
  if (type === Type.DECIMAL128) readDecimal(bytes, at, parts)
  else if (type === Type.INT64) partsOfInt64(bytes, at, parts)
  else {
    const value = type === Type.INT32 ? readInt32(bytes, at) : readDouble(bytes, at)
    if (Number.isFinite(value) && !Number.isSafeInteger(value)) return value
    partsOfNumber(value, parts)
  }
  return undefined
}

/** NaN -3, -Infinity -2, negative -1, zero 0, positive 1, Infinity 2: values of different rank are in that order. */
function rank(parts: DecimalParts): number {
  if (parts.kind === NOT_A_NUMBER) return -3
  if (parts.kind === INFINITE) return parts.negative ? -2 : 2
  return parts.isZero() ? 0 : parts.negative ? -1 : 1
}

/** Two numbers taken apart. */
export function compareParts(a: DecimalParts, b: DecimalParts): number {
  const order = rank(a) - rank(b)
  if (order !== 0) return order
  if (a.kind !== FINITE || a.isZero()) return 0
  const magnitudes = a.exponent >= b.exponent ? compareMagnitudes(a, b) : -compareMagnitudes(b, a)
  return a.negative ? -magnitudes : magnitudes
}

/** Two finite, nonzero magnitudes; `a` has the greater or the same exponent. */
function compareMagnitudes(a: DecimalParts, b: DecimalParts): number {
  const shift = a.exponent - b.exponent
  if (shift === 0) return compareCoefficients(a, b)
  if (a.small >= 0 && b.small >= 0) {
    // b is below 2^53 and 10^16 is not. A product that rounds to 2^53 or more is no smaller than that, so it is greater than b too.
    return shift > 15 ? 1 : a.small * 10 ** shift - b.small
  }
  if (shift > 34) return 1
  const scaled = a.coefficient() * 10n ** BigInt(shift)
  const other = b.coefficient()
  return scaled < other ? -1 : scaled > other ? 1 : 0
}

function compareCoefficients(a: DecimalParts, b: DecimalParts): number {
  return a.word3 - b.word3 || a.word2 - b.word2 || a.word1 - b.word1 || a.word0 - b.word0
}

/** The widest relative error of `approximate` is far below this. */
const APPROXIMATION_ERROR = 1e-12

/** A number taken apart beside a finite double that is no safe integer (so not zero). */
function compareWithDouble(parts: DecimalParts, double: number): number {
  const order = rank(parts) - (double < 0 ? -1 : 1)
  if (order !== 0) return order
  const magnitude = Math.abs(double)
  const sign = double < 0 ? -1 : 1
  const approximate = parts.coefficientNumber() * 10 ** parts.exponent
  if (approximate > 1e-290 && approximate < 1e290) {
    if (approximate < magnitude * (1 - APPROXIMATION_ERROR)) return -sign
    if (approximate > magnitude * (1 + APPROXIMATION_ERROR)) return sign
  }
  // Beyond these exponents no double is near: a coefficient has at most 34 digits, doubles lie within 10^±324.
  if (parts.exponent >= 310) return sign
  if (parts.exponent + 34 <= -325) return -sign
  return sign * compareExactly(parts, magnitude)
}

/** Both magnitudes as fractions of whole numbers, multiplied out. */
function compareExactly(parts: DecimalParts, magnitude: number): number {
  let scale = 0
  let mantissa = magnitude
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2
    scale++
  }
  const decimal = parts.coefficient() * 10n ** BigInt(Math.max(parts.exponent, 0)) * 2n ** BigInt(scale)
  const double = BigInt(mantissa) * 10n ** BigInt(Math.max(-parts.exponent, 0))
  return decimal < double ? -1 : decimal > double ? 1 : 0
}
