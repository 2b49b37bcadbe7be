/**
 * The one order of values: sorting, comparing, and the order-preserving keys of indexes all follow it.
 *
 * It is a total preorder over (bytes, type, at): transitive, and two values that compare as 0 are interchangeable in any comparison.
 * By class first, as MongoDB has them:
 *
 *     MinKey < null = missing < numbers < strings < documents < arrays < binary < ObjectId < boolean < date < timestamp < regex < MaxKey
 *
 * and within a class:
 * - null and missing (type 0) are equal.
 * - numbers: int32, int64, double and decimal128 by exact value, whatever their encoding. NaN equals NaN, also across double and
 *   decimal128, and is below every other number (also -Infinity). -0 equals 0, and a decimal's trailing zeros do not count: 1.50 equals 1.5.
 * - strings: by their UTF-8 bytes, unsigned, the shorter first when it is a prefix. (That is code point order; NUL is an ordinary byte.)
 * - documents: element by element in stored order: class of the values, then the names as bytes, then the values; the one that ends
 *   first is smaller. So field order counts, and `{}` is the smallest document.
 * - arrays: element by element: class, then value; the one that ends first is smaller. Names of elements do not count.
 *   This is the order of whole arrays; what an array means to a filter is in Match.
 * - binary: by length, then subtype (unsigned), then bytes (unsigned). So UUIDs (subtype 4) come before keys (0x80); each by value.
 * - ObjectId: by its 12 bytes. Boolean: false before true. Date: signed milliseconds. Timestamp: unsigned 64-bit.
 * - regex: by the pattern's bytes, then by the options' bytes. All MinKeys are equal, and all MaxKeys.
 */
import { compareInt64, compareNumbers } from "./CompareNumbers.ts"
import * as Type from "./Type.ts"
import { documentEnd, firstElement, readInt32, readUint32, skipValue, textEnd } from "./View.ts"

export const CLASS_MIN_KEY = 0
export const CLASS_NULL = 1
export const CLASS_NUMBER = 2
export const CLASS_STRING = 3
export const CLASS_DOCUMENT = 4
export const CLASS_ARRAY = 5
export const CLASS_BINARY = 6
export const CLASS_OBJECT_ID = 7
export const CLASS_BOOLEAN = 8
export const CLASS_DATE = 9
export const CLASS_TIMESTAMP = 10
export const CLASS_REGEX = 11
export const CLASS_MAX_KEY = 12

const classes = new Uint8Array(256).fill(255)
classes[Type.MIN_KEY] = CLASS_MIN_KEY
classes[Type.MISSING] = CLASS_NULL
classes[Type.NULL] = CLASS_NULL
classes[Type.DOUBLE] = CLASS_NUMBER
classes[Type.INT32] = CLASS_NUMBER
classes[Type.INT64] = CLASS_NUMBER
classes[Type.DECIMAL128] = CLASS_NUMBER
classes[Type.STRING] = CLASS_STRING
classes[Type.DOCUMENT] = CLASS_DOCUMENT
classes[Type.ARRAY] = CLASS_ARRAY
classes[Type.BINARY] = CLASS_BINARY
classes[Type.OBJECT_ID] = CLASS_OBJECT_ID
classes[Type.BOOLEAN] = CLASS_BOOLEAN
classes[Type.DATE] = CLASS_DATE
classes[Type.TIMESTAMP] = CLASS_TIMESTAMP
classes[Type.REGEX] = CLASS_REGEX
classes[Type.MAX_KEY] = CLASS_MAX_KEY

/** The class of a type, 0 to 12 in the order of the classes: types of one class compare by value. */
export function typeClass(type: number): number {
  return classes[type]!
}

/**
 * Negative, zero or positive: the order of two values. Type 0 stands for a missing value.
 *
 * @example
 * ```ts
 * compareValues(bytes, Type.INT32, at, other, Type.DOUBLE, otherAt) < 0
 * ```
 */
export function compareValues(a: Uint8Array, aType: number, aAt: number, b: Uint8Array, bType: number, bAt: number): number {
  const kind = classes[aType]!
  const order = kind - classes[bType]!
  if (order !== 0) return order
  switch (kind) {
    case CLASS_NUMBER:
      return compareNumbers(a, aType, aAt, b, bType, bAt)
    case CLASS_STRING:
      return compareRanges(a, aAt + 4, readInt32(a, aAt) - 1, b, bAt + 4, readInt32(b, bAt) - 1)
    case CLASS_DOCUMENT:
      return compareDocuments(a, aAt, b, bAt, true)
    case CLASS_ARRAY:
      return compareDocuments(a, aAt, b, bAt, false)
    case CLASS_BINARY:
      return compareBinary(a, aAt, b, bAt)
    case CLASS_OBJECT_ID:
      return compareRanges(a, aAt, 12, b, bAt, 12)
    case CLASS_BOOLEAN:
      return a[aAt]! - b[bAt]!
    case CLASS_DATE:
      return compareInt64(a, aAt, b, bAt)
    case CLASS_TIMESTAMP:
      return readUint32(a, aAt + 4) - readUint32(b, bAt + 4) || readUint32(a, aAt) - readUint32(b, bAt)
    case CLASS_REGEX:
      return compareRegex(a, aAt, b, bAt)
    default:
      return 0
  }
}

/** Whether two values are equal in the order above. */
export function equalValues(a: Uint8Array, aType: number, aAt: number, b: Uint8Array, bType: number, bAt: number): boolean {
  return compareValues(a, aType, aAt, b, bType, bAt) === 0
}

/** Unsigned bytes, the shorter first when it is a prefix of the longer. */
export function compareRanges(a: Uint8Array, aAt: number, aLength: number, b: Uint8Array, bAt: number, bLength: number): number {
  const length = aLength < bLength ? aLength : bLength
  for (let index = 0; index < length; index++) {
    const difference = a[aAt + index]! - b[bAt + index]!
    if (difference !== 0) return difference
  }
  return aLength - bLength
}

function compareBinary(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): number {
  const length = readInt32(a, aAt)
  const order = length - readInt32(b, bAt) || a[aAt + 4]! - b[bAt + 4]!
  return order !== 0 ? order : compareRanges(a, aAt + 5, length, b, bAt + 5, length)
}

function compareRegex(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): number {
  const aEnd = textEnd(a, aAt)
  const bEnd = textEnd(b, bAt)
  const patterns = compareRanges(a, aAt, aEnd - aAt, b, bAt, bEnd - bAt)
  if (patterns !== 0) return patterns
  return compareRanges(a, aEnd + 1, textEnd(a, aEnd + 1) - aEnd - 1, b, bEnd + 1, textEnd(b, bEnd + 1) - bEnd - 1)
}

/** Documents (names count) and arrays (they do not). */
function compareDocuments(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, named: boolean): number {
  const aEnd = documentEnd(a, aStart)
  const bEnd = documentEnd(b, bStart)
  let aAt = firstElement(aStart)
  let bAt = firstElement(bStart)
  while (aAt < aEnd && bAt < bEnd) {
    const aType = a[aAt]!
    const bType = b[bAt]!
    const kinds = classes[aType]! - classes[bType]!
    if (kinds !== 0) return kinds
    const aName = textEnd(a, aAt + 1)
    const bName = textEnd(b, bAt + 1)
    if (named) {
      const names = compareRanges(a, aAt + 1, aName - aAt - 1, b, bAt + 1, bName - bAt - 1)
      if (names !== 0) return names
    }
    const values = compareValues(a, aType, aName + 1, b, bType, bName + 1)
    if (values !== 0) return values
    aAt = skipValue(a, aType, aName + 1)
    bAt = skipValue(b, bType, bName + 1)
  }
  return (aAt < aEnd ? 1 : 0) - (bAt < bEnd ? 1 : 0)
}
