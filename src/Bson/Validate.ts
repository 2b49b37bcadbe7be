/**
 * The gate for BSON from outside: after it, everything else may trust the bytes.
 *
 * Invariants of an accepted document
 * - Every length lies within its parent's, every document ends with its NUL exactly where its length says.
 * - Only the types of `Type.ts` occur; booleans are 0 or 1; dates are within `DATE_MS_MAX`; keys and UUIDs have 16 bytes;
 *   the options of regular expressions are known and in order.
 * - Names and strings are valid UTF-8; no document has a name twice; the elements of an array are named 0, 1, 2 and so on.
 * - Documents nest at most `depthMax` deep (the document itself is depth 1).
 */
import { findDuplicateName } from "./DuplicateNames.ts"
import { bsonFault } from "./Errors.ts"
import * as Type from "./Type.ts"
import { isValidUtf8 } from "./Utf8.ts"
import { DEPTH_MAX } from "./Value.ts"
import { DATE_MS_MAX, EMPTY_DOCUMENT_BYTES, elementName, fixedSize, isKnownType, readInt32, readInt64Number } from "./View.ts"

/** Largest document, in bytes. */
export const DOCUMENT_BYTES_MAX = 16 * 1024 * 1024

export interface ValidateLimits {
  /** Default `DOCUMENT_BYTES_MAX`. */
  readonly documentBytesMax?: number
  /** Default `DEPTH_MAX`. */
  readonly depthMax?: number
}

/** The options of regular expressions; they are stored in this order, each at most one time. */
const REGEX_OPTIONS = "ilmsux"

/** What is wrong and where; filled before a check returns -1, and completed with the names on the way out. */
let failureOffset = 0
let failureMessage = ""
let failurePath: Array<string> = []

function fail(offset: number, message: string): -1 {
  failureOffset = offset
  failureMessage = message
  failurePath = []
  return -1
}

/**
 * Checks the document at `at`, which has to lie within [at, end), and returns the offset behind it.
 * Faults with InvalidBson (offset, path of the element, message). Changes nothing.
 *
 * @example
 * ```ts
 * const end = validate(body, 0, body.length)
 * if (end !== body.length) throw new Error("more than one document")
 * ```
 */
export function validate(bytes: Uint8Array, at: number, end: number, limits: ValidateLimits = {}): number {
  const documentBytesMax = limits.documentBytesMax ?? DOCUMENT_BYTES_MAX
  const stop = checkDocument(bytes, at, Math.min(end, bytes.length), Type.DOCUMENT, limits.depthMax ?? DEPTH_MAX)
  if (stop >= 0 && stop - at > documentBytesMax) fail(at, `the document has ${stop - at} bytes, the limit is ${documentBytesMax}`)
  else if (stop >= 0) return stop
  throw bsonFault({ _tag: "InvalidBson", offset: failureOffset, path: failurePath.join("."), message: failureMessage })
}

function checkDocument(bytes: Uint8Array, at: number, end: number, kind: number, depthLeft: number): number {
  if (depthLeft === 0) return fail(at, "documents nest too deep")
  if (end - at < EMPTY_DOCUMENT_BYTES) return fail(at, "the bytes end within a document")
  const length = readInt32(bytes, at)
  if (length < EMPTY_DOCUMENT_BYTES || length > end - at) return fail(at, `a document's length of ${length} does not fit its place`)
  const last = at + length - 1
  if (bytes[last] !== 0) return fail(last, "a document does not end with NUL")
  let element = at + 4
  for (let index = 0; element < last; index++) {
    const type = bytes[element]!
    let stop = element + 1
    let bits = 0
    for (let byte = bytes[stop]!; byte !== 0; byte = bytes[++stop]!) bits |= byte
    if (stop >= last) return fail(element, "a name does not end within its document")
    const isAscii = bits < 0x80
    const valueEnd = checkElement(bytes, element, type, stop, isAscii, last, kind === Type.ARRAY ? index : -1, depthLeft)
    if (valueEnd < 0) {
      failurePath.unshift(elementName(bytes, element))
      return -1
    }
    element = valueEnd
  }
  return kind === Type.DOCUMENT ? checkNames(bytes, at, last + 1) : last + 1
}

function checkNames(bytes: Uint8Array, at: number, end: number): number {
  const duplicate = findDuplicateName(bytes, at)
  if (duplicate < 0) return end
  const name = elementName(bytes, duplicate)
  fail(duplicate, `the name "${name}" occurs twice`)
  failurePath.unshift(name)
  return -1
}

/** The first NUL in [at, end), or -1. */
function findNul(bytes: Uint8Array, at: number, end: number): number {
  while (at < end) {
    if (bytes[at] === 0) return at
    at++
  }
  return -1
}

function checkElement(
  bytes: Uint8Array,
  element: number,
  type: number,
  nameStop: number,
  isAscii: boolean,
  last: number,
  index: number,
  depthLeft: number
): number {
  if (!isKnownType(type)) return fail(element, `${Type.typeName(type)} is not stored by Planck`)
  if (index >= 0 && !isIndexName(bytes, element + 1, nameStop, index)) return fail(element, `an array's element ${index} has another name`)
  if (index < 0 && !isAscii && !isValidUtf8(bytes, element + 1, nameStop)) return fail(element, "a name is not valid UTF-8")
  return checkValue(bytes, type, nameStop + 1, last, depthLeft)
}

/** Whether the name is the decimal form of `index`. */
function isIndexName(bytes: Uint8Array, start: number, stop: number, index: number): boolean {
  if (stop === start) return false
  let rest = index
  for (let at = stop - 1; at >= start; at--) {
    if (bytes[at] !== 0x30 + (rest % 10) || (rest === 0 && at !== stop - 1)) return false
    rest = Math.floor(rest / 10)
  }
  return rest === 0
}

function checkValue(bytes: Uint8Array, type: number, at: number, last: number, depthLeft: number): number {
  const size = fixedSize(type)
  if (size >= 0) {
    if (at + size > last) return fail(at, `a value of type ${Type.typeName(type)} does not end within its document`)
    if (type === Type.BOOLEAN && bytes[at]! > 1) return fail(at, "a boolean is neither 0 nor 1")
    if (type === Type.DATE && Math.abs(readInt64Number(bytes, at)) > DATE_MS_MAX) return fail(at, "a date is out of range")
    return at + size
  }
  switch (type) {
    case Type.STRING:
      return checkString(bytes, at, last)
    case Type.BINARY:
      return checkBinary(bytes, at, last)
    case Type.REGEX:
      return checkRegex(bytes, at, last)
    default:
      return checkDocument(bytes, at, last, type, depthLeft - 1)
  }
}

function checkString(bytes: Uint8Array, at: number, last: number): number {
  const length = last - at < 5 ? 0 : readInt32(bytes, at)
  if (length < 1 || length > last - at - 4) return fail(at, "a string's length does not fit its place")
  const stop = at + 3 + length
  if (bytes[stop] !== 0) return fail(stop, "a string does not end with NUL")
  if (!isValidUtf8(bytes, at + 4, stop)) return fail(at + 4, "a string is not valid UTF-8")
  return stop + 1
}

function checkBinary(bytes: Uint8Array, at: number, last: number): number {
  const length = last - at < 5 ? -1 : readInt32(bytes, at)
  if (length < 0 || length > last - at - 5) return fail(at, "binary data's length does not fit its place")
  const subtype = bytes[at + 4]!
  if (length !== 16 && (subtype === Type.KEY_SUBTYPE || subtype === Type.UUID_SUBTYPE)) {
    return fail(at, `a ${subtype === Type.KEY_SUBTYPE ? "key" : "UUID"} has 16 bytes, not ${length}`)
  }
  return at + 5 + length
}

function checkRegex(bytes: Uint8Array, at: number, last: number): number {
  const patternEnd = findNul(bytes, at, last)
  const optionsEnd = patternEnd < 0 ? -1 : findNul(bytes, patternEnd + 1, last)
  if (optionsEnd < 0) return fail(at, "a regular expression does not end within its document")
  if (!isValidUtf8(bytes, at, optionsEnd)) return fail(at, "a regular expression is not valid UTF-8")
  for (let option = patternEnd + 1; option < optionsEnd; option++) {
    const isInOrder = option === patternEnd + 1 || bytes[option]! > bytes[option - 1]!
    if (!isInOrder || !REGEX_OPTIONS.includes(String.fromCharCode(bytes[option]!)))
      return fail(option, "a regular expression has unknown options")
  }
  return optionsEnd + 1
}
