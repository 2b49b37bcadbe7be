/**
 * Values while rendering, and what the operators do with them.
 *
 * Invariants
 * - Missing, null and undefined are one value: `null`.
 * - Every operation has a result for all values: mistyped data prints differently, it never throws.
 * - A list, a document and a decimal stay where they lie, as a `Reference`; everything else is the plain JavaScript value. Ids are
 *   their text.
 */
import { compareValues } from "../Bson/Compare.ts"
import { DecimalParts, decimalText, readDecimal } from "../Bson/Decimal.ts"
import { base64Into, base64Length } from "../Bson/JsonText.ts"
import { formatHex, formatKey, formatUuid } from "../Bson/Key.ts"
import * as Type from "../Bson/Type.ts"
import { readLatin1, readUtf8 } from "../Bson/Utf8.ts"
import { Decimal128, encodeValue } from "../Bson/Value.ts"
import {
  documentEnd,
  findElement,
  firstElement,
  isInt64Safe,
  readDouble,
  readInt32,
  readInt64,
  readInt64Number,
  valueOffset
} from "../Bson/View.ts"
import { textLengthMax } from "./Limits.ts"
import { renderLimit } from "./Page.ts"

/** The rows of a query. Where `at(i)` is negative there is no document. */
export interface RowList {
  readonly count: number
  bytes(index: number): Uint8Array
  at(index: number): number
}

/** A value that stays in its document. */
export class Reference {
  readonly bytes: Uint8Array
  readonly type: number
  readonly at: number

  constructor(bytes: Uint8Array, type: number, at: number) {
    this.bytes = bytes
    this.type = type
    this.at = at
  }
}

export type RenderValue = null | boolean | number | bigint | string | Date | Reference | RowList

export function isRows(value: RenderValue): value is RowList {
  return typeof value === "object" && value !== null && "count" in value
}

/** The value at (bytes, type, at). */
export function read(bytes: Uint8Array, type: number, at: number): RenderValue {
  switch (type) {
    case Type.STRING:
      return readUtf8(bytes, at + 4, at + 3 + readInt32(bytes, at))
    case Type.INT32:
      return readInt32(bytes, at)
    case Type.DOUBLE:
      return readDouble(bytes, at)
    case Type.DOCUMENT:
    case Type.ARRAY:
    case Type.DECIMAL128:
      return new Reference(bytes, type, at)
    case Type.BOOLEAN:
      return bytes[at] === 1
    case Type.DATE:
      return new Date(readInt64Number(bytes, at))
    case Type.INT64:
      return isInt64Safe(bytes, at) ? readInt64Number(bytes, at) : readInt64(bytes, at)
    case Type.BINARY:
      return binaryText(bytes, at)
    case Type.OBJECT_ID:
      return formatHex(bytes, at, 12)
    default:
      return null
  }
}

function binaryText(bytes: Uint8Array, at: number): string {
  const length = readInt32(bytes, at)
  const subtype = bytes[at + 4]
  if (length === 16 && subtype === Type.KEY_SUBTYPE) return formatKey(bytes, at + 5)
  if (length === 16 && subtype === Type.UUID_SUBTYPE) return formatUuid(bytes, at + 5)
  const text = new Uint8Array(base64Length(length))
  return readLatin1(text, 0, base64Into(text, 0, bytes, at + 5, at + 5 + length))
}

/** The text of a value: nothing for null, lists and documents. */
export function textOf(value: RenderValue): string {
  if (typeof value === "string") return value
  if (value === null) return ""
  if (typeof value !== "object") return String(value)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "" : value.toISOString()
  return value instanceof Reference && value.type === Type.DECIMAL128 ? decimalText(value.bytes, value.at) : ""
}

const parts = new DecimalParts()

/** What counts as true: everything but null, false, 0, NaN, "" and an empty list. */
export function truth(value: RenderValue): boolean {
  if (typeof value !== "object") return Boolean(value)
  if (value === null) return false
  if (value instanceof Reference) return trueAt(value.bytes, value.type, value.at)
  return value instanceof Date || value.count > 0
}

/** `truth(read(bytes, type, at))` without making the value. */
export function trueAt(bytes: Uint8Array, type: number, at: number): boolean {
  switch (type) {
    case Type.BOOLEAN:
      return bytes[at] === 1
    case Type.STRING:
      return readInt32(bytes, at) > 1
    case Type.INT32:
      return readInt32(bytes, at) !== 0
    case Type.DOUBLE: {
      const value = readDouble(bytes, at)
      return value !== 0 && !Number.isNaN(value)
    }
    case Type.INT64:
      return readInt32(bytes, at) !== 0 || readInt32(bytes, at + 4) !== 0
    case Type.ARRAY:
      return firstElement(at) < documentEnd(bytes, at)
    case Type.BINARY:
      return readInt32(bytes, at) > 0
    case Type.DECIMAL128:
      readDecimal(bytes, at, parts)
      return !parts.isZero() && parts.kind !== NOT_A_NUMBER
    default:
      return type === Type.DOCUMENT || type === Type.DATE || type === Type.OBJECT_ID
  }
}

/** Whether `read(bytes, type, at)` is neither null nor false. */
export function shownAt(bytes: Uint8Array, type: number, at: number): boolean {
  if (type === Type.BOOLEAN) return bytes[at] === 1
  return (
    type !== Type.MISSING &&
    type !== Type.NULL &&
    type !== Type.REGEX &&
    type !== Type.TIMESTAMP &&
    type !== Type.MIN_KEY &&
    type !== Type.MAX_KEY
  )
}

/** Whether the string at `at` is `text`, given as UTF-8. */
export function sameText(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  const { length } = text
  if (readInt32(bytes, at) !== length + 1) return false
  for (let index = 0; index < length; index++) if (bytes[at + 4 + index] !== text[index]) return false
  return true
}

/** `==`: the same value; numbers by value, dates by their time, lists and documents by their content. */
export function equal(left: RenderValue, right: RenderValue): boolean {
  if (left === right) return true
  if (left === null || right === null) return false
  if (isNumber(left) && isNumber(right)) return left == right // eslint-disable-line eqeqeq -- number and bigint by value
  if (left instanceof Date && right instanceof Date) return left.getTime() === right.getTime()
  if (left instanceof Reference || right instanceof Reference) return inOrder(left, right) === 0
  return false
}

/** Less than, equal to or greater than 0; NaN when the two cannot be ordered. Texts in the order of their code points. */
export function order(left: RenderValue, right: RenderValue): number {
  if (isNumber(left) && isNumber(right)) return left < right ? -1 : left > right ? 1 : left == right ? 0 : Number.NaN // eslint-disable-line eqeqeq -- number and bigint by value
  if (typeof left === "string" && typeof right === "string") return textOrder(left, right)
  if (left instanceof Date && right instanceof Date) return left.getTime() - right.getTime()
  if ((isNumber(left) || isDecimal(left)) && (isNumber(right) || isDecimal(right))) return inOrder(left, right)
  return Number.NaN
}

function isNumber(value: RenderValue): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint"
}

function isDecimal(value: RenderValue): value is Reference {
  return value instanceof Reference && value.type === Type.DECIMAL128
}

function textOrder(left: string, right: string): number {
  const length = Math.min(left.length, right.length)
  for (let index = 0; index < length; index++) {
    const difference = rank(left.charCodeAt(index)) - rank(right.charCodeAt(index))
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

/** Surrogates stand for the code points above all other units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

/** The exact order of two values of which at least one lies in a document. */
function inOrder(left: RenderValue, right: RenderValue): number {
  const a = referenceTo(left)
  const b = referenceTo(right)
  if (a === undefined || b === undefined || isNotANumber(a) || isNotANumber(b)) return Number.NaN
  return compareValues(a.bytes, a.type, a.at, b.bytes, b.type, b.at)
}

const NOT_A_NUMBER = 2

function isNotANumber(value: Reference): boolean {
  if (value.type === Type.DOUBLE) return Number.isNaN(readDouble(value.bytes, value.at))
  if (value.type !== Type.DECIMAL128) return false
  readDecimal(value.bytes, value.at, parts)
  return parts.kind === NOT_A_NUMBER
}

function referenceTo(value: RenderValue): Reference | undefined {
  if (value instanceof Reference) return value
  if (value === null || isRows(value)) return undefined
  const wide = typeof value === "bigint" && BigInt.asIntN(64, value) !== value
  const encoded = encodeValue(wide ? Decimal128.fromString(String(value)) : value)
  return new Reference(encoded.bytes, encoded.type, encoded.at)
}

/** `+`: joins texts, adds numbers; null when neither fits. */
export function add(left: RenderValue, right: RenderValue): RenderValue {
  if (typeof left === "number" && typeof right === "number") return left + right
  if (typeof left === "string" || typeof right === "string") return join(textOf(left), textOf(right))
  return isNumber(left) && isNumber(right) ? Number(left) + Number(right) : null
}

function join(left: string, right: string): string {
  if (left.length + right.length > textLengthMax) throw renderLimit("textLengthMax", textLengthMax)
  return left + right
}

/** `-`, `*`, `/`, `%` and negation of numbers as JavaScript has them; null when an operand is no number. */
export function subtract(left: RenderValue, right: RenderValue): RenderValue {
  return isNumber(left) && isNumber(right) ? Number(left) - Number(right) : null
}

export function multiply(left: RenderValue, right: RenderValue): RenderValue {
  return isNumber(left) && isNumber(right) ? Number(left) * Number(right) : null
}

export function divide(left: RenderValue, right: RenderValue): RenderValue {
  return isNumber(left) && isNumber(right) ? Number(left) / Number(right) : null
}

export function remainder(left: RenderValue, right: RenderValue): RenderValue {
  return isNumber(left) && isNumber(right) ? Number(left) % Number(right) : null
}

export function negate(value: RenderValue): RenderValue {
  return isNumber(value) ? -Number(value) : null
}

/** `??`. */
export function coalesce(left: RenderValue, right: RenderValue): RenderValue {
  return left === null ? right : left
}

/** The field of a document; `name` with its NUL. */
export function field(value: RenderValue, name: Uint8Array): RenderValue {
  if (!(value instanceof Reference) || value.type !== Type.DOCUMENT) return null
  const element = findElement(value.bytes, value.at, name)
  return element < 0 ? null : read(value.bytes, value.bytes[element]!, valueOffset(value.bytes, element))
}
