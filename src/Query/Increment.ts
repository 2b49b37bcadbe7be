/**
 * `inc`: a number plus an amount, exact or refused.
 *
 * The result has the wider type of the two: int32 + int32 is int32, or int64 when it does not fit; with a double it is a double; with a
 * decimal128 a decimal128 (a double there has to be a whole number below 2^53, since others would not be exact). A sum beyond int64, or
 * beyond the 34 digits of a decimal, is refused. Doubles add as doubles do. Amounts are numbers: the reader of statements has seen to it.
 */
import { parseDecimal, decimalText } from "../Bson/Decimal.ts"
import * as Type from "../Bson/Type.ts"
import { readDouble, readInt32, readInt64 } from "../Bson/View.ts"
import type { Writer } from "../Bson/Writer.ts"
import type { Operands } from "./Operands.ts"
import { refuseUpdate } from "./Reasons.ts"

const INT64_BITS = 64
const INT32_BITS = 32

/** Writes the element `name` with the sum of the value (bytes, type, at) and the amount in `slot`. Faults with InvalidUpdate. */
export function writeSum(
  writer: Writer,
  name: Uint8Array,
  path: string,
  bytes: Uint8Array,
  type: number,
  at: number,
  operands: Operands,
  slot: number
): void {
  const amountBytes = operands.bytes(slot)
  const amountType = operands.type(slot)
  const amountAt = operands.at(slot)
  if (!isNumber(type)) refuseUpdate(path, `${path} is ${Type.typeName(type)}: inc adds to numbers`)
  if (type === Type.INT32 && amountType === Type.INT32) {
    const sum = readInt32(bytes, at) + readInt32(amountBytes, amountAt)
    if ((sum | 0) === sum) {
      writer.name(Type.INT32, name)
      writer.int32(sum)
    } else {
      writer.name(Type.INT64, name)
      writer.int64Number(sum)
    }
  } else if (type === Type.DECIMAL128 || amountType === Type.DECIMAL128) {
    const sum = addDecimals(path, exactOf(path, bytes, type, at), exactOf(path, amountBytes, amountType, amountAt))
    writer.name(Type.DECIMAL128, name)
    writer.decimal128(sum, 0)
  } else if (type === Type.DOUBLE || amountType === Type.DOUBLE) {
    writer.name(Type.DOUBLE, name)
    writer.double(doubleOf(path, bytes, type, at) + doubleOf(path, amountBytes, amountType, amountAt))
  } else {
    const sum = integerOf(bytes, type, at) + integerOf(amountBytes, amountType, amountAt)
    if (BigInt.asIntN(INT64_BITS, sum) !== sum) refuseUpdate(path, `${path} would be ${sum}, beyond 64 bits`)
    writer.name(Type.INT64, name)
    writer.int64(sum)
  }
}

function isNumber(type: number): boolean {
  return type === Type.INT32 || type === Type.DOUBLE || type === Type.INT64 || type === Type.DECIMAL128
}

function integerOf(bytes: Uint8Array, type: number, at: number): bigint {
  return type === Type.INT64 ? readInt64(bytes, at) : BigInt.asIntN(INT32_BITS, BigInt(readInt32(bytes, at)))
}

function doubleOf(path: string, bytes: Uint8Array, type: number, at: number): number {
  if (type === Type.DOUBLE) return readDouble(bytes, at)
  const value = integerOf(bytes, type, at)
  const double = Number(value)
  if (BigInt(double) !== value) refuseUpdate(path, `${path}: ${value} has no exact double to add with`)
  return double
}

/** A decimal as coefficient and exponent, or the name of what is none: NaN, Infinity, -Infinity. */
type Exact = { readonly coefficient: bigint; readonly exponent: number } | string

const DECIMAL_TEXT = /^(-?)(\d+)(?:\.(\d+))?(?:E([+-]\d+))?$/

function exactOf(path: string, bytes: Uint8Array, type: number, at: number): Exact {
  if (type === Type.DECIMAL128) return parseExact(decimalText(bytes, at))
  if (type !== Type.DOUBLE) return { coefficient: integerOf(bytes, type, at), exponent: 0 }
  const double = readDouble(bytes, at)
  if (!Number.isFinite(double)) return String(double)
  if (!Number.isSafeInteger(double)) refuseUpdate(path, `${path}: ${double} is not exact as a decimal; write the amount as a decimal`)
  return { coefficient: BigInt(double), exponent: 0 }
}

function parseExact(text: string): Exact {
  const found = DECIMAL_TEXT.exec(text)
  if (found === null) return text
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = found
  return { coefficient: BigInt(`${sign}${whole}${fraction}`), exponent: Number(exponent) - fraction.length }
}

function addDecimals(path: string, a: Exact, b: Exact): Uint8Array {
  if (typeof a === "string" || typeof b === "string") return parseDecimal(addSpecial(a, b))
  const exponent = a.coefficient === 0n ? b.exponent : b.coefficient === 0n ? a.exponent : Math.min(a.exponent, b.exponent)
  const sum = scaled(a, exponent, path) + scaled(b, exponent, path)
  try {
    return parseDecimal(`${sum}E${exponent}`)
  } catch {
    return refuseUpdate(path, `${path} would need more than the 34 digits of a decimal`)
  }
}

/** More zeros than a decimal has digits, and a sum cannot be exact unless the other addend is zero. */
const SHIFT_MAX = 70

function scaled(value: Exclude<Exact, string>, exponent: number, path: string): bigint {
  const shift = value.exponent - exponent
  if (value.coefficient === 0n) return 0n
  if (shift > SHIFT_MAX) refuseUpdate(path, `${path} would need more than the 34 digits of a decimal`)
  return value.coefficient * 10n ** BigInt(shift)
}

/** NaN and infinities, as IEEE adds them. */
function addSpecial(a: Exact, b: Exact): string {
  const special = [a, b].filter((value) => typeof value === "string")
  const [first = "NaN", second = first] = special
  return first === second ? first : "NaN"
}
