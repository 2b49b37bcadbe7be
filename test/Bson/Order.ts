/** The order of values written down a second time, over JavaScript values: what `compareValues` is held against. */
import {
  Binary,
  BSONRegExp,
  Decimal128,
  Double,
  Key,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
  type Value
} from "../../src/Bson/Value.ts"
import { exactValue } from "./Generate.ts"

function rankOf(value: Value): number {
  if (value instanceof MinKey) return 0
  if (value === null) return 1
  if (value instanceof Timestamp) return 10
  if (
    typeof value === "number" ||
    typeof value === "bigint" ||
    value instanceof Double ||
    value instanceof Long ||
    value instanceof Decimal128
  ) {
    return 2
  }
  if (typeof value === "string") return 3
  if (Array.isArray(value)) return 5
  if (value instanceof Key || value instanceof Binary || value instanceof Uint8Array) return 6
  if (value instanceof ObjectId) return 7
  if (typeof value === "boolean") return 8
  if (value instanceof Date) return 9
  if (value instanceof BSONRegExp) return 11
  return value instanceof MaxKey ? 12 : 4
}

const sign = (difference: number | bigint): number => (difference < 0 ? -1 : difference > 0 ? 1 : 0)
const bytesOrder = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b)
const textOrder = (a: string, b: string): number => bytesOrder(Buffer.from(a), Buffer.from(b))

function numberOrder(a: Value, b: Value): number {
  const one = exactValue(a)
  const other = exactValue(b)
  if (one === undefined || other === undefined) throw new Error("no number")
  if (one.rank !== other.rank) return sign(one.rank - other.rank)
  return sign(one.numerator * other.denominator - other.numerator * one.denominator)
}

function binaryParts(value: Value): { readonly subtype: number; readonly bytes: Uint8Array } {
  if (value instanceof Key) return { subtype: 0x80, bytes: value.bytes }
  if (value instanceof UUID) return { subtype: 4, bytes: value.buffer }
  if (value instanceof Binary) return { subtype: value.sub_type, bytes: value.buffer.subarray(0, value.position) }
  throw new Error("no binary data")
}

function binaryOrder(a: Value, b: Value): number {
  const one = binaryParts(a)
  const other = binaryParts(b)
  return sign(one.bytes.length - other.bytes.length) || sign(one.subtype - other.subtype) || bytesOrder(one.bytes, other.bytes)
}

function entriesOrder(a: ReadonlyArray<[string, Value]>, b: ReadonlyArray<[string, Value]>, named: boolean): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const [aName, aValue] = a[index] ?? ["", null]
    const [bName, bValue] = b[index] ?? ["", null]
    const order = sign(rankOf(aValue) - rankOf(bValue)) || (named ? textOrder(aName, bName) : 0) || order_(aValue, bValue)
    if (order !== 0) return order
  }
  return sign(a.length - b.length)
}

function order_(a: Value, b: Value): number {
  const rank = rankOf(a)
  if (rank !== rankOf(b)) return sign(rank - rankOf(b))
  if (rank === 2) return numberOrder(a, b)
  if (rank === 3) return textOrder(String(a), String(b))
  if (rank === 4) return entriesOrder(Object.entries(a as object), Object.entries(b as object), true)
  if (rank === 5) return entriesOrder(Object.entries(a as object), Object.entries(b as object), false)
  if (rank === 6) return binaryOrder(a, b)
  if (a instanceof ObjectId && b instanceof ObjectId) return bytesOrder(a.id, b.id)
  if (rank === 8) return sign(Number(a) - Number(b))
  if (a instanceof Date && b instanceof Date) return sign(a.getTime() - b.getTime())
  if (a instanceof Timestamp && b instanceof Timestamp) return sign(BigInt.asUintN(64, a.toBigInt()) - BigInt.asUintN(64, b.toBigInt()))
  if (a instanceof BSONRegExp && b instanceof BSONRegExp) return textOrder(a.pattern, b.pattern) || textOrder(a.options, b.options)
  return 0
}

/** -1, 0 or 1. */
export const modelOrder: (a: Value, b: Value) => number = order_
