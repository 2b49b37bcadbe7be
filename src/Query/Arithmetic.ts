/**
 * Adding, subtracting, multiplying and dividing numbers of BSON.
 *
 * Invariants
 * - Whole numbers and decimals are exact; a result that needs more than the 34 digits of a decimal is rounded half to even, and only then.
 * - The result is a decimal where one of the two is (a double beside it counts as the shortest decimal that reads back as it), else a double
 *   where one is, else whole: int32, int64 where that is too small or one of the two was, a decimal beyond 64 bits. A quotient of whole numbers
 *   is a double.
 * - What is no number makes the result null, and so does dividing by zero.
 */
import { DecimalParts, decimalText, FINITE, parseDecimal, readDecimal, writeSmallDecimal } from "../Bson/Decimal.ts"
import * as Type from "../Bson/Type.ts"
import { isInt64Safe, readDouble, readInt32, readInt64, readInt64Number } from "../Bson/View.ts"
import type { Writer } from "../Bson/Writer.ts"
import type { Calculation } from "./Ast.ts"
import { addTo, type Big, bigOfText, divided, rounded } from "./BigDecimal.ts"

const NONE = 0
const WHOLE = 1
const DECIMAL = 2
const DOUBLE = 3
/** NaN or an infinity that is a decimal. */
const SPECIAL = 4

const LONG_MIN = -(2n ** 63n)
const LONG_MAX = 2n ** 63n - 1n
/** Powers of ten that keep a safe integer's product exact enough to be checked. */
const SCALE_MAX = 15
/** Exponents between which a small coefficient can be written without more ado. */
const EXPONENT_SMALL_MAX = 6000
/** More zeros than this between two decimals, and the smaller one cannot be seen in 34 digits. */
const SHIFT_MAX = 80
const EXPONENT_MAX = 6111
const EXPONENT_MIN = -6176

const parts = new DecimalParts()

/** A number in the middle of a calculation, or nothing; used again and again. */
export class Amount {
  kind = NONE
  /** Whether a whole number came from an int64. */
  isLong = false
  /** The coefficient while it is a safe integer; the value of a double. */
  small = 0
  exponent = 0
  /** The number when the coefficient is no safe integer. */
  big: Big | undefined

  clear(): void {
    this.kind = NONE
    this.big = undefined
  }

  /** Takes the value at `at`; nothing when it is no number. */
  read(bytes: Uint8Array, type: number, at: number): void {
    this.isLong = false
    switch (type) {
      case Type.INT32:
        return this.setSmall(WHOLE, readInt32(bytes, at), 0)
      case Type.DOUBLE:
        return this.setSmall(DOUBLE, readDouble(bytes, at), 0)
      case Type.INT64:
        if (isInt64Safe(bytes, at)) this.setSmall(WHOLE, readInt64Number(bytes, at), 0)
        else this.setBig(WHOLE, readInt64(bytes, at), 0)
        this.isLong = true
        return undefined
      case Type.DECIMAL128:
        return this.#readDecimal(bytes, at)
      default:
        return this.clear()
    }
  }

  #readDecimal(bytes: Uint8Array, at: number): void {
    readDecimal(bytes, at, parts)
    if (parts.kind !== FINITE) this.setSmall(SPECIAL, Number(decimalText(bytes, at)), 0)
    else if (parts.small >= 0) this.setSmall(DECIMAL, parts.negative ? -parts.small : parts.small, parts.exponent)
    else this.setBig(DECIMAL, parts.negative ? -parts.coefficient() : parts.coefficient(), parts.exponent)
  }

  setSmall(kind: number, small: number, exponent: number): void {
    this.kind = kind
    this.small = small
    this.exponent = exponent
    this.big = undefined
  }

  setBig(kind: number, coefficient: bigint, exponent: number): void {
    this.kind = kind
    const number = Number(coefficient)
    const isSmall = Number.isSafeInteger(number)
    this.small = isSmall ? number : 0
    this.exponent = exponent
    this.big = isSmall ? undefined : { coefficient, exponent }
  }

  /** Appends the number as a value without a name, and returns its type. */
  write(writer: Writer): number {
    switch (this.kind) {
      case WHOLE:
        return this.#writeWhole(writer)
      case DOUBLE:
        writer.double(this.small)
        return Type.DOUBLE
      case DECIMAL:
        return this.#writeDecimal(writer)
      case SPECIAL:
        writer.decimal128(parseDecimal(String(this.small)), 0)
        return Type.DECIMAL128
      default:
        return Type.NULL
    }
  }

  #writeWhole(writer: Writer): number {
    const { big, isLong, small } = this
    if (big === undefined && !isLong && (small | 0) === small) {
      writer.int32(small)
      return Type.INT32
    }
    if (big === undefined) writer.int64Number(small)
    else if (big.coefficient >= LONG_MIN && big.coefficient <= LONG_MAX) writer.int64(big.coefficient)
    else return this.#writeDecimal(writer)
    return Type.INT64
  }

  #writeDecimal(writer: Writer): number {
    const { exponent, small } = this
    if (this.big === undefined && Math.abs(exponent) <= EXPONENT_SMALL_MAX) {
      writer.ensure(16)
      writeSmallDecimal(writer.bytes, writer.length, small < 0, Math.abs(small), exponent)
      writer.length += 16
    } else writer.decimal128(decimalOf(bigOf(this)), 0)
    return Type.DECIMAL128
  }
}

/** Sets `into` to `a` op `b`; it may be one of them. */
export function calculate(op: Calculation, a: Amount, b: Amount, into: Amount): void {
  if (a.kind === NONE || b.kind === NONE) return into.clear()
  const isLong = a.isLong || b.isLong
  if (a.kind === SPECIAL || b.kind === SPECIAL) special(op, a, b, into)
  else if (a.kind === DECIMAL || b.kind === DECIMAL) decimal(op, a, b, into)
  else if (a.kind === DOUBLE || b.kind === DOUBLE || op === "divide") double(op, numberOf(a), numberOf(b), DOUBLE, into)
  else exact(op, WHOLE, a, b, into)
  into.isLong = isLong
}

/** As IEEE has it, for what is no finite decimal. */
function special(op: Calculation, a: Amount, b: Amount, into: Amount): void {
  double(op, numberOf(a), numberOf(b), SPECIAL, into)
  // A finite result among infinities is a zero.
  if (into.kind === SPECIAL && Number.isFinite(into.small)) into.setSmall(DECIMAL, 0, 0)
}

function double(op: Calculation, a: number, b: number, kind: number, into: Amount): void {
  if (op === "divide" && b === 0) return into.clear()
  const result = op === "add" ? a + b : op === "subtract" ? a - b : op === "multiply" ? a * b : a / b
  into.setSmall(kind, result, 0)
}

const left = new Amount()
const right = new Amount()

function decimal(op: Calculation, a: Amount, b: Amount, into: Amount): void {
  const x = asDecimal(a, left)
  const y = asDecimal(b, right)
  if (x.kind === SPECIAL || y.kind === SPECIAL) return special(op, x, y, into)
  if (op !== "divide") return exact(op, DECIMAL, x, y, into)
  const divisor = bigOf(y)
  if (divisor.coefficient === 0n) return into.clear()
  const dividend = bigOf(x)
  const sign = divisor.coefficient < 0n ? -1n : 1n
  const quotient = divided({ coefficient: sign * dividend.coefficient, exponent: dividend.exponent }, sign * divisor.coefficient)
  const result = bigOfText(quotient)
  into.setBig(DECIMAL, result.coefficient, result.exponent - divisor.exponent)
}

/** The amount as a decimal: a double is taken as the text it is shown as. */
function asDecimal(amount: Amount, scratch: Amount): Amount {
  if (amount.kind !== DOUBLE) return amount
  const value = amount.small
  if (Number.isSafeInteger(value)) scratch.setSmall(DECIMAL, value, 0)
  else if (!Number.isFinite(value)) scratch.setSmall(SPECIAL, value, 0)
  else {
    const { coefficient, exponent } = bigOfText(String(value))
    scratch.setBig(DECIMAL, coefficient, exponent)
  }
  return scratch
}

function exact(op: Calculation, kind: number, a: Amount, b: Amount, into: Amount): void {
  if (a.big === undefined && b.big === undefined) {
    const isDone = op === "multiply" ? product(kind, a, b, into) : sum(kind, a, b, op === "subtract" ? -1 : 1, into)
    if (isDone) return
  }
  const x = bigOf(a)
  const y = bigOf(b)
  if (op === "multiply") return set(into, kind, x.coefficient * y.coefficient, x.exponent + y.exponent)
  const added = op === "subtract" ? -y.coefficient : y.coefficient
  const shift = x.exponent - y.exponent
  // What is far beyond the digits of the other cannot change them.
  if (Math.abs(shift) > SHIFT_MAX && x.coefficient !== 0n && added !== 0n) {
    const larger = shift > 0 ? x : { coefficient: added, exponent: y.exponent }
    return set(into, kind, larger.coefficient, larger.exponent)
  }
  if (Math.abs(shift) > SHIFT_MAX) {
    const other = x.coefficient === 0n ? { coefficient: added, exponent: y.exponent } : x
    return set(into, kind, other.coefficient, other.exponent)
  }
  const total = { ...x }
  addTo(total, added, y.exponent)
  return set(into, kind, total.coefficient, total.exponent)
}

function product(kind: number, a: Amount, b: Amount, into: Amount): boolean {
  const result = a.small * b.small
  if (!Number.isSafeInteger(result)) return false
  into.setSmall(kind, result === 0 ? 0 : result, a.exponent + b.exponent)
  return true
}

function sum(kind: number, a: Amount, b: Amount, sign: number, into: Amount): boolean {
  const shift = a.exponent - b.exponent
  if (Math.abs(shift) > SCALE_MAX) return false
  const x = shift > 0 ? a.small * 10 ** shift : a.small
  const y = shift < 0 ? b.small * 10 ** -shift : b.small
  const result = x + sign * y
  if (!Number.isSafeInteger(x) || !Number.isSafeInteger(y) || !Number.isSafeInteger(result)) return false
  into.setSmall(kind, result === 0 ? 0 : result, Math.min(a.exponent, b.exponent))
  return true
}

/** Sets an exact result; of a decimal at most 34 digits are kept, so that long calculations do not grow. */
function set(into: Amount, kind: number, coefficient: bigint, exponent: number): void {
  if (kind === WHOLE) return into.setBig(kind, coefficient, exponent)
  const result = bigOfText(rounded(coefficient, exponent))
  into.setBig(kind, result.coefficient, result.exponent)
}

function bigOf({ big, exponent, small }: Amount): Big {
  return big ?? { coefficient: BigInt(small), exponent }
}

function numberOf(amount: Amount): number {
  if (amount.kind === DOUBLE || amount.kind === SPECIAL) return amount.small
  if (amount.big === undefined && amount.exponent === 0) return amount.small
  const { coefficient, exponent } = bigOf(amount)
  return Number(`${coefficient}e${exponent}`)
}

/** The bytes of a decimal, of one beyond its exponents an infinity or a zero. */
function decimalOf({ coefficient, exponent }: Big): Uint8Array {
  const { coefficient: kept, exponent: power } = bigOfText(rounded(coefficient, exponent))
  const digits = String(kept < 0n ? -kept : kept).length
  if (kept !== 0n && power + digits - 1 > EXPONENT_MAX + 33) return parseDecimal(kept < 0n ? "-Infinity" : "Infinity")
  if (kept === 0n || power < EXPONENT_MIN) return parseDecimal("0")
  return parseDecimal(`${kept}E${power}`)
}
