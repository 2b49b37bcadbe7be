/**
 * Decimal: exact decimal numbers, up to 34 digits (IEEE 754 decimal128), for money and everything else that must not be rounded in binary.
 *
 * Invariants
 * - A result that needs more than 34 digits is rounded half to even; the methods never round otherwise.
 * - The number of digits after the point is kept as it is written or follows from the operation: 1.50 stays 1.50, and 1.50 + 1 is 2.50.
 */
import { Kind, native, type NativeValue } from "./native.ts"

const DIGITS_MAX = 34
const EXPONENT_MAX = 6111
const EXPONENT_MIN = -6176
const EXPONENT_BIAS = 6176
const COEFFICIENT_LIMIT = 10n ** BigInt(DIGITS_MAX)
const NUMBER = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,6}))?$/

/** What a Decimal can be made from. A number has to be an integer: 0.1 is not one tenth. */
export type DecimalLike = Decimal | string | bigint | number

/**
 * An exact decimal number. Operators do not work on it (`+` is a type error): use the methods.
 *
 * @example
 * ```ts
 * const price = Decimal.from("19.90")
 * price.multiply(3).add("4.95").toString() // => "64.65"
 * ```
 */
export class Decimal implements NativeValue {
  declare private readonly decimal: true

  private constructor() {}

  /** The decimal a text, an integer or another decimal stands for. Throws a RangeError for anything else. */
  static from(value: DecimalLike): Decimal {
    if (native.kind(value) === Kind.decimal) return value as Decimal
    if (typeof value === "bigint") return pack(value, 0)
    if (typeof value === "number") {
      if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no safe integer: give a decimal as text, such as "${value}"`)
      return pack(BigInt(value), 0)
    }
    const parsed = parse(String(value))
    if (parsed === undefined) throw new RangeError(`"${String(value)}" is no decimal number`)
    return parsed
  }

  /** The decimal a text stands for; undefined when it is none. */
  static parse(text: string): Decimal | undefined {
    return parse(text)
  }

  add(other: DecimalLike): Decimal {
    return combine(this, Decimal.from(other), (left, right) => left + right)
  }

  subtract(other: DecimalLike): Decimal {
    return combine(this, Decimal.from(other), (left, right) => left - right)
  }

  multiply(other: DecimalLike): Decimal {
    const left = finite(this)
    const right = finite(Decimal.from(other))
    return pack(left.coefficient * right.coefficient, left.exponent + right.exponent)
  }

  /** The quotient, with this many digits after the point, rounded half to even. */
  divide(other: DecimalLike, digits: number): Decimal {
    const left = finite(this)
    const right = finite(Decimal.from(other))
    if (right.coefficient === 0n) throw new RangeError("division by zero")
    const shift = digits + left.exponent - right.exponent
    const numerator = shift >= 0 ? left.coefficient * 10n ** BigInt(shift) : left.coefficient
    const denominator = shift >= 0 ? right.coefficient : right.coefficient * 10n ** BigInt(-shift)
    return pack(divideHalfEven(numerator, denominator), -digits)
  }

  /** This number with so many digits after the point, rounded half to even. */
  round(digits: number): Decimal {
    const { coefficient, exponent } = finite(this)
    const drop = -exponent - digits
    return drop <= 0 ? pack(coefficient * 10n ** BigInt(-drop), -digits) : pack(divideHalfEven(coefficient, 10n ** BigInt(drop)), -digits)
  }

  negate(): Decimal {
    const { coefficient, exponent } = finite(this)
    return pack(-coefficient, exponent)
  }

  /** Below, equal to or above 0. 1.5 and 1.50 are equal. */
  compare(other: DecimalLike): number {
    const [left, right] = aligned(finite(this), finite(Decimal.from(other)))
    return left < right ? -1 : left > right ? 1 : 0
  }

  equals(other: DecimalLike): boolean {
    return this.compare(other) === 0
  }

  /** The nearest number. */
  toNumber(): number {
    return Number(this.toString())
  }

  /** Plain digits, without an exponent up to 40 characters. */
  toString(): string {
    return format(this)
  }

  toJSON(): string {
    return format(this)
  }

  valueOf(): never {
    throw new TypeError("operators do not work on a Decimal: use add, subtract, multiply, compare")
  }
}

interface Parts {
  readonly coefficient: bigint
  readonly exponent: number
}

/** The sign, digits and exponent in the 16 bytes of a decimal128; undefined for infinities and NaN. */
function unpack(value: Decimal): Parts | undefined {
  const bytes = new DataView(native.bytes(value).buffer)
  const low = bytes.getBigUint64(0, true)
  const high = bytes.getBigUint64(8, true)
  const top = Number(high >> 58n) & 0x1f
  if (top >= 0x1e) return undefined
  const large = top >= 0x18
  const exponent = Number((large ? high >> 47n : high >> 49n) & 0x3fffn) - EXPONENT_BIAS
  const digits = large ? 0n : ((high & 0x1ffffffffffffn) << 64n) | low
  const coefficient = digits < COEFFICIENT_LIMIT ? digits : 0n
  return { coefficient: high >> 63n === 1n ? -coefficient : coefficient, exponent }
}

function finite(value: Decimal): Parts {
  const parts = unpack(value)
  if (parts === undefined) throw new RangeError(`${format(value)} is no finite number`)
  return parts
}

/** The decimal with this value: rounded to 34 digits, its exponent brought into range. */
function pack(value: bigint, exponent: number): Decimal {
  let digits = value < 0n ? -value : value
  let scale = exponent
  const surplus = Math.max(digits.toString().length - DIGITS_MAX, EXPONENT_MIN - scale)
  if (surplus > 0) {
    digits = surplus > 6200 ? 0n : divideHalfEven(digits, 10n ** BigInt(surplus))
    scale += surplus
    if (digits === COEFFICIENT_LIMIT) {
      digits /= 10n
      scale++
    }
  }
  while (scale > EXPONENT_MAX && digits !== 0n && digits * 10n < COEFFICIENT_LIMIT) {
    digits *= 10n
    scale--
  }
  if (digits === 0n) scale = Math.min(Math.max(scale, EXPONENT_MIN), EXPONENT_MAX)
  if (scale > EXPONENT_MAX) throw new RangeError("a decimal number above the largest")
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, digits & 0xffffffffffffffffn, true)
  view.setBigUint64(8, (value < 0n ? 1n << 63n : 0n) | (BigInt(scale + EXPONENT_BIAS) << 49n) | (digits >> 64n), true)
  return native.make(Kind.decimal, bytes) as unknown as Decimal // the engine gives it this prototype
}

function parse(text: string): Decimal | undefined {
  const match = NUMBER.exec(text.trim())
  if (match === null) return undefined
  const [, sign, whole = "", fraction = "", exponent = "0"] = match
  const coefficient = BigInt(whole + fraction)
  return pack(sign === "-" ? -coefficient : coefficient, Number(exponent) - fraction.length)
}

function format(value: Decimal): string {
  const parts = unpack(value)
  if (parts === undefined) {
    const top = native.bytes(value)[15] ?? 0
    return (top & 0x7c) === 0x7c ? "NaN" : top & 0x80 ? "-Infinity" : "Infinity"
  }
  const { coefficient, exponent } = parts
  const sign = coefficient < 0n ? "-" : ""
  const digits = (coefficient < 0n ? -coefficient : coefficient).toString()
  if (exponent === 0) return sign + digits
  if (exponent > 0 || exponent < -40) return `${sign}${digits}E${exponent > 0 ? "+" : ""}${exponent}`
  const padded = digits.padStart(1 - exponent, "0")
  return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`
}

function aligned(left: Parts, right: Parts): [bigint, bigint, number] {
  const exponent = Math.min(left.exponent, right.exponent)
  const scaled = (parts: Parts): bigint => parts.coefficient * 10n ** BigInt(parts.exponent - exponent)
  return [scaled(left), scaled(right), exponent]
}

function combine(left: Decimal, right: Decimal, operation: (left: bigint, right: bigint) => bigint): Decimal {
  const [first, second, exponent] = aligned(finite(left), finite(right))
  return pack(operation(first, second), exponent)
}

/** An integer quotient, rounded half to even. */
function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n !== denominator < 0n
  const top = numerator < 0n ? -numerator : numerator
  const bottom = denominator < 0n ? -denominator : denominator
  const quotient = top / bottom
  const twice = (top % bottom) * 2n
  const up = twice > bottom || (twice === bottom && quotient % 2n === 1n)
  const rounded = up ? quotient + 1n : quotient
  return negative ? -rounded : rounded
}

native.adopt(Kind.decimal, Decimal.prototype)
