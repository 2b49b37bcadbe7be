/**
 * Numbers of all four encodings as bytes in the order of their values, exactly.
 *
 * A byte says what follows: NaN, -Infinity, negative, zero, positive or Infinity. Negative numbers are the inverted bytes of their
 * magnitude; a magnitude is its binary form cut into groups of seven bits: 11 bits of exponent and 66 of mantissa, laid out as in a double
 * (a double is the first nine groups, an int64 needs up to eleven). Each byte is a group and, in its lowest bit, whether anything but
 * zeros follows; so small integers take two or three bytes.
 *
 * Only a decimal can be none of these binary numbers. It has all eleven groups, cut towards zero, and "more" set in the last; behind
 * them its decimal form: exponent of the first digit, then the digits in pairs, again each with whether more follows. Two such decimals
 * with the same groups are ordered by that, and both are above the binary number of these groups. Decimals beyond the largest double have
 * the groups of infinity, those below the smallest one have only zeros: there the decimal form alone decides.
 */
import { DecimalParts, FINITE, NOT_A_NUMBER, partsOfInt64, readDecimal } from "../Bson/Decimal.ts"
import * as Type from "../Bson/Type.ts"
import { isInt64Safe, readDouble, readInt32, readInt64Number } from "../Bson/View.ts"
import type { KeyWriter } from "./KeyEncoding.ts"

const NAN = 0
const NEGATIVE_INFINITY = 1
const NEGATIVE = 2
const ZERO = 3
const POSITIVE = 4
const POSITIVE_INFINITY = 5

/** Mantissa bits behind those of a double: two groups. */
const EXTENSION_BITS = 14
const MANTISSA_BITS = 52 + EXTENSION_BITS
const EXPONENT_BIAS = 1023
const EXPONENT_MIN = -1022
/** Biased exponent of what is above every double. */
const EXPONENT_BEYOND = 2047
/** A decimal whose first digit stands for 10^310 or more is above every double, one below 10^-340 below all of them. */
const DIGIT_EXPONENT_BEYOND = 310
const DIGIT_EXPONENT_BELOW = -340
/** Makes exponents of first digits (-6176 to 6144) positive. */
const DIGIT_EXPONENT_BIAS = 8192

const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)
const parts = new DecimalParts()

/** Appends the number at `at`, every byte combined with `mask`. */
export function encodeNumber(writer: KeyWriter, bytes: Uint8Array, type: number, at: number, mask: number): void {
  if (type === Type.INT32) encodeDouble(writer, readInt32(bytes, at), mask)
  else if (type === Type.DOUBLE) encodeDouble(writer, readDouble(bytes, at), mask)
  else if (type === Type.DECIMAL128) {
    readDecimal(bytes, at, parts)
    encodeParts(writer, mask)
  } else if (isInt64Safe(bytes, at)) encodeDouble(writer, readInt64Number(bytes, at), mask)
  else {
    partsOfInt64(bytes, at, parts)
    encodeParts(writer, mask)
  }
}

function encodeDouble(writer: KeyWriter, value: number, mask: number): void {
  if (value > 0) {
    if (value === Infinity) return writer.byte(POSITIVE_INFINITY ^ mask)
    double[0] = value
    writer.byte(POSITIVE ^ mask)
    return encodeGroups(writer, words[1]!, words[0]!, 0, false, mask)
  }
  if (value === 0) return writer.byte(ZERO ^ mask)
  if (Number.isNaN(value)) return writer.byte(NAN ^ mask)
  if (value === -Infinity) return writer.byte(NEGATIVE_INFINITY ^ mask)
  double[0] = -value
  writer.byte(NEGATIVE ^ mask)
  encodeGroups(writer, words[1]!, words[0]!, 0, false, mask ^ 0xff)
}

/** The number in `parts`: a decimal or an int64 that is no safe integer. */
function encodeParts(writer: KeyWriter, mask: number): void {
  if (parts.kind === NOT_A_NUMBER) return writer.byte(NAN ^ mask)
  if (parts.kind !== FINITE) return writer.byte((parts.negative ? NEGATIVE_INFINITY : POSITIVE_INFINITY) ^ mask)
  if (parts.isZero()) return writer.byte(ZERO ^ mask)
  if (parts.exponent === 0 && parts.small >= 0) return encodeDouble(writer, parts.negative ? -parts.small : parts.small, mask)
  writer.byte((parts.negative ? NEGATIVE : POSITIVE) ^ mask)
  encodeMagnitude(writer, parts.coefficient(), parts.exponent, parts.negative ? mask ^ 0xff : mask)
}

/** A magnitude of coefficient times 10^exponent. */
function encodeMagnitude(writer: KeyWriter, coefficient: bigint, exponent: number, mask: number): void {
  const digits = String(coefficient).replace(/0+$/, "")
  const digitExponent = String(coefficient).length - 1 + exponent
  const binary = binaryOf(coefficient, exponent, digitExponent)
  const high = binary.exponent * 2 ** 20 + Number(binary.mantissa >> BigInt(MANTISSA_BITS - 20))
  const low = Number((binary.mantissa >> BigInt(EXTENSION_BITS)) & 0xffff_ffffn)
  const extension = Number(binary.mantissa & BigInt((1 << EXTENSION_BITS) - 1))
  encodeGroups(writer, high, low, extension, !binary.exact, mask)
  if (binary.exact) return
  const biased = digitExponent + DIGIT_EXPONENT_BIAS
  writer.byte((biased >>> 8) ^ mask)
  writer.byte((biased & 0xff) ^ mask)
  for (let at = 0; at < digits.length; at += 2) {
    const pair = Number(digits.slice(at, at + 2).padEnd(2, "0"))
    writer.byte(((pair << 1) | (at + 2 < digits.length ? 1 : 0)) ^ mask)
  }
}

interface Binary {
  /** Biased; 0 for what is below the smallest normal double. */
  readonly exponent: number
  readonly mantissa: bigint
  /** Whether nothing was cut off. */
  readonly exact: boolean
}

const BEYOND: Binary = { exponent: EXPONENT_BEYOND, mantissa: 0n, exact: false }
const BELOW: Binary = { exponent: 0, mantissa: 0n, exact: false }

/** The binary form of a decimal magnitude, cut towards zero. */
function binaryOf(coefficient: bigint, exponent: number, digitExponent: number): Binary {
  if (digitExponent >= DIGIT_EXPONENT_BEYOND) return BEYOND
  if (digitExponent < DIGIT_EXPONENT_BELOW) return BELOW
  const numerator = exponent > 0 ? coefficient * 10n ** BigInt(exponent) : coefficient
  const denominator = exponent < 0 ? 10n ** BigInt(-exponent) : 1n
  let power = bitLength(numerator) - bitLength(denominator)
  if (shifted(denominator, power) > shifted(numerator, -power)) power--
  if (power > EXPONENT_BIAS) return BEYOND
  const isNormal = power >= EXPONENT_MIN
  const shift = MANTISSA_BITS - (isNormal ? power : EXPONENT_MIN)
  const dividend = shifted(numerator, shift)
  const divisor = shifted(denominator, -shift)
  const quotient = dividend / divisor
  return {
    exponent: isNormal ? power + EXPONENT_BIAS : 0,
    mantissa: isNormal ? quotient - (1n << BigInt(MANTISSA_BITS)) : quotient,
    exact: quotient * divisor === dividend
  }
}

function bitLength(value: bigint): number {
  return value.toString(2).length
}

/** `value` times 2^by when `by` is positive, else `value`: used on both sides of a comparison or division. */
function shifted(value: bigint, by: number): bigint {
  return by > 0 ? value << BigInt(by) : value
}

/** Eleven groups: 31 bits of `high`, 32 of `low`, 14 of `extension`; only those up to the last that is not zero, unless `more` follows. */
function encodeGroups(writer: KeyWriter, high: number, low: number, extension: number, more: boolean, mask: number): void {
  const last = more ? 11 : lastGroup(high, low, extension)
  for (let index = 0; index <= last && index < 11; index++) {
    writer.byte(((groupOf(index, high, low, extension) << 1) | (index < last ? 1 : 0)) ^ mask)
  }
}

function lastGroup(high: number, low: number, extension: number): number {
  if (extension !== 0) return (extension & 0x7f) !== 0 ? 10 : 9
  // The trailing zeros of the 63 bits, from the lowest group (bits 0 to 6 of `low`) up.
  if (low !== 0) {
    const zeros = 31 - Math.clz32(low & -low)
    return 8 - Math.floor(zeros / 7)
  }
  const zeros = 31 - Math.clz32(high & -high)
  return 8 - Math.floor((zeros + 32) / 7)
}

function groupOf(index: number, high: number, low: number, extension: number): number {
  if (index < 4) return (high >>> (24 - index * 7)) & 0x7f
  if (index === 4) return ((high & 7) << 4) | (low >>> 28)
  if (index < 9) return (low >>> (21 - (index - 5) * 7)) & 0x7f
  return (extension >>> (7 - (index - 9) * 7)) & 0x7f
}
