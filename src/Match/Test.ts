/**
 * What single values are tested for. Each test is made once per condition and sees values as (bytes, type, at); nothing is allocated.
 *
 * Invariants
 * - A test holds no state that changes, so one compiled filter may be used anywhere, also within another's run.
 * - Type 0 (missing) is tested like null, except by `ExistsTest`.
 */
import { CLASS_MAX_KEY, CLASS_MIN_KEY, CLASS_NUMBER, compareValues, typeClass } from "../Bson/Compare.ts"
import { DecimalParts, NOT_A_NUMBER, readDecimal } from "../Bson/Decimal.ts"
import type { PathVisitor } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import type { EncodedValue } from "../Bson/Value.ts"
import { equalBytes, isInt64Safe, readDouble, readInt32, readInt64Number } from "../Bson/View.ts"
import type { ElementPredicate } from "./ArrayTest.ts"
import type { Regex } from "./Regex.ts"

const decimalScratch = new DecimalParts()

/** Whether the value is a NaN of either kind. */
export function isNaNValue(bytes: Uint8Array, type: number, at: number): boolean {
  if (type === Type.DOUBLE) return Number.isNaN(readDouble(bytes, at))
  if (type !== Type.DECIMAL128) return false
  readDecimal(bytes, at, decimalScratch)
  return decimalScratch.kind === NOT_A_NUMBER
}

/** The operand as a double when that is exact and no NaN, else undefined. */
export function exactNumber(value: EncodedValue): number | undefined {
  const { bytes, type, at } = value
  if (type === Type.INT32) return readInt32(bytes, at)
  if (type === Type.INT64 && isInt64Safe(bytes, at)) return readInt64Number(bytes, at)
  if (type !== Type.DOUBLE) return undefined
  const number = readDouble(bytes, at)
  return Number.isNaN(number) ? undefined : number
}

/** Equal to any value, in the order of `Bson/Compare.ts`. */
export class EqualTest implements PathVisitor {
  private readonly operand: EncodedValue

  constructor(operand: EncodedValue) {
    this.operand = operand
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    return compareValues(bytes, type, at, this.operand.bytes, this.operand.type, this.operand.at) === 0
  }
}

/** Equal to a string. */
export class EqualStringTest implements PathVisitor {
  private readonly bytes: Uint8Array
  private readonly at: number
  /** Length field, text and NUL: all of it has to be the same. */
  private readonly length: number

  constructor(operand: EncodedValue) {
    this.bytes = operand.bytes
    this.at = operand.at
    this.length = readInt32(operand.bytes, operand.at) + 4
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    return type === Type.STRING && equalBytes(bytes, at, this.bytes, this.at, this.length)
  }
}

/** Equal to a number that a double holds exactly. */
export class EqualNumberTest implements PathVisitor {
  private readonly operand: EncodedValue
  private readonly number: number

  constructor(operand: EncodedValue, number: number) {
    this.operand = operand
    this.number = number
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    if (type === Type.INT32) return readInt32(bytes, at) === this.number
    if (type === Type.DOUBLE) return readDouble(bytes, at) === this.number
    return compareValues(bytes, type, at, this.operand.bytes, this.operand.type, this.operand.at) === 0
  }
}

/** One end of a range. */
export interface Bound {
  readonly value: EncodedValue
  readonly inclusive: boolean
}

/** Within bounds, among the values of the bounds' class. A NaN is in no range of numbers. */
export class RangeTest implements PathVisitor {
  private readonly low: Bound | undefined
  private readonly high: Bound | undefined

  constructor(low: Bound | undefined, high: Bound | undefined) {
    this.low = low
    this.high = high
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    const { low, high } = this
    if (low !== undefined && !isWithin(bytes, type, at, low, 1)) return false
    return high === undefined || isWithin(bytes, type, at, high, -1)
  }
}

/** Whether a value is on the inner side of a bound; `direction` is 1 for a low bound and -1 for a high one. */
function isWithin(bytes: Uint8Array, type: number, at: number, bound: Bound, direction: number): boolean {
  const { value } = bound
  const kind = typeClass(value.type)
  if (kind !== CLASS_MIN_KEY && kind !== CLASS_MAX_KEY) {
    if (kind !== typeClass(type)) return false
    if (kind === CLASS_NUMBER && isNaNValue(bytes, type, at)) return false
  }
  const order = direction * compareValues(bytes, type, at, value.bytes, value.type, value.at)
  return order > 0 || (order === 0 && bound.inclusive)
}

/** A range between numbers that doubles hold exactly; without an end, that end is infinite and included. */
export class NumberRangeTest implements PathVisitor {
  private readonly exact: RangeTest
  private readonly low: number
  private readonly lowInclusive: boolean
  private readonly high: number
  private readonly highInclusive: boolean

  constructor(exact: RangeTest, low: Bound | undefined, high: Bound | undefined) {
    this.exact = exact
    this.low = (low && exactNumber(low.value)) ?? Number.NEGATIVE_INFINITY
    this.lowInclusive = low?.inclusive ?? true
    this.high = (high && exactNumber(high.value)) ?? Number.POSITIVE_INFINITY
    this.highInclusive = high?.inclusive ?? true
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    if (type !== Type.INT32 && type !== Type.DOUBLE) return this.exact.visit(bytes, type, at)
    const number = type === Type.INT32 ? readInt32(bytes, at) : readDouble(bytes, at)
    if (this.lowInclusive ? !(number >= this.low) : !(number > this.low)) return false
    return this.highInclusive ? number <= this.high : number < this.high
  }
}

/** Equal to one of many values, which are sorted. */
export class AnyOfTest implements PathVisitor {
  private readonly sorted: ReadonlyArray<EncodedValue>

  constructor(values: ReadonlyArray<EncodedValue>) {
    this.sorted = values.toSorted((a, b) => compareValues(a.bytes, a.type, a.at, b.bytes, b.type, b.at))
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    let low = 0
    let high = this.sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const value = this.sorted[middle]!
      const order = compareValues(value.bytes, value.type, value.at, bytes, type, at)
      if (order === 0) return true
      if (order < 0) low = middle + 1
      else high = middle
    }
    return false
  }
}

/** A string that starts with these bytes. */
export class PrefixTest implements PathVisitor {
  private readonly prefix: Uint8Array

  constructor(prefix: Uint8Array) {
    this.prefix = prefix
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    if (type !== Type.STRING || readInt32(bytes, at) - 1 < this.prefix.length) return false
    return equalBytes(bytes, at + 4, this.prefix, 0, this.prefix.length)
  }
}

/** A string that ends with these bytes. */
export class SuffixTest implements PathVisitor {
  private readonly suffix: Uint8Array

  constructor(suffix: Uint8Array) {
    this.suffix = suffix
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    if (type !== Type.STRING) return false
    const length = readInt32(bytes, at) - 1
    const { suffix } = this
    return length >= suffix.length && equalBytes(bytes, at + 4 + length - suffix.length, suffix, 0, suffix.length)
  }
}

/** A string that has these bytes somewhere. */
export class ContainsTest implements PathVisitor {
  private readonly part: Uint8Array

  constructor(part: Uint8Array) {
    this.part = part
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    if (type !== Type.STRING) return false
    const { part } = this
    const last = at + 3 + readInt32(bytes, at) - part.length
    const first = part[0]
    if (first === undefined) return true
    for (let start = at + 4; start <= last; start++) {
      if (bytes[start] === first && equalBytes(bytes, start, part, 0, part.length)) return true
    }
    return false
  }
}

/** Longest text that is copied to be matched; of a longer one the engine gets a view. */
const COPIED_BYTES_MAX = 1024
const copied = new ArrayBuffer(COPIED_BYTES_MAX)
/** Views of the first bytes of `copied`, by length. */
const views: Array<Uint8Array | undefined> = []

/** The text as an array of its own length: a view that is used again for every text of that length, so that none is made for each document. */
function textAt(bytes: Uint8Array, at: number, length: number): Uint8Array {
  if (length > COPIED_BYTES_MAX) return bytes.subarray(at, at + length)
  const view = (views[length] ??= new Uint8Array(copied, 0, length))
  for (let index = 0; index < length; index++) view[index] = bytes[at + index]!
  return view
}

/** A string that a pattern matches somewhere. */
export class RegexTest implements PathVisitor {
  private readonly regex: Regex

  constructor(regex: Regex) {
    this.regex = regex
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    return type === Type.STRING && this.regex.test(textAt(bytes, at + 4, readInt32(bytes, at) - 1))
  }
}

/** A value of a type. */
export class TypeTest implements PathVisitor {
  private readonly isOfType: ElementPredicate

  constructor(isOfType: ElementPredicate) {
    this.isOfType = isOfType
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    return this.isOfType(bytes, type, at)
  }
}

/** There is a value, be it null. */
export class ExistsTest implements PathVisitor {
  visit(_bytes: Uint8Array, type: number): boolean {
    return type !== Type.MISSING
  }
}

/** Nothing passes. */
export class NeverTest implements PathVisitor {
  visit(): boolean {
    return false
  }
}
