/**
 * Reading documents where they lie: offsets in, offsets out, no object per document.
 *
 * Invariants
 * - A document is (bytes, at): its little-endian int32 length is at `at`. Every offset is absolute in `bytes`.
 * - A value is (bytes, type, at) with `at` behind the element's name. Type 0 means that there is no value.
 * - Everything here trusts its input: bytes from outside pass `validate` first. Even so no walk leaves its document.
 * - Names are compared as bytes with their NUL: prepare them once with `fieldName`.
 */
import { bsonFault } from "./Errors.ts"
import * as Type from "./Type.ts"
import { readName, readUtf8, utf8BytesMax, writeUtf8 } from "./Utf8.ts"

/** Bytes of an empty document: length and closing NUL. */
export const EMPTY_DOCUMENT_BYTES = 5

/** Dates end here, before and after 1970: JavaScript's range, which is also what has an ISO 8601 text. */
export const DATE_MS_MAX = 8.64e15

const INT32_PREFIXED = -1
const DOCUMENT_LIKE = -2
const BINARY_LIKE = -3
const TWO_CSTRINGS = -4
const UNKNOWN = -5

/** Per type: bytes of the value when fixed, else how its length is found. */
const sizes = new Int8Array(256).fill(UNKNOWN)
sizes[Type.DOUBLE] = 8
sizes[Type.STRING] = INT32_PREFIXED
sizes[Type.DOCUMENT] = DOCUMENT_LIKE
sizes[Type.ARRAY] = DOCUMENT_LIKE
sizes[Type.BINARY] = BINARY_LIKE
sizes[Type.OBJECT_ID] = 12
sizes[Type.BOOLEAN] = 1
sizes[Type.DATE] = 8
sizes[Type.NULL] = 0
sizes[Type.REGEX] = TWO_CSTRINGS
sizes[Type.INT32] = 4
sizes[Type.TIMESTAMP] = 8
sizes[Type.INT64] = 8
sizes[Type.DECIMAL128] = 16
sizes[Type.MAX_KEY] = 0
sizes[Type.MIN_KEY] = 0

const doubleScratch = new Float64Array(1)
const doubleBytes = new Uint8Array(doubleScratch.buffer)
const doubleWords = new Uint32Array(doubleScratch.buffer)

let viewedBytes: Uint8Array = new Uint8Array(0)
let lastView: DataView = new DataView(viewedBytes.buffer)
let olderBytes = viewedBytes
let olderView = lastView

/**
 * A DataView of the array's bytes, offsets as in the array. The last two are kept: documents of one page or arena share theirs, and calls
 * go to and fro between them and the memory of a guest.
 * For loops over many bytes: one read of four bytes is much cheaper than four reads of one.
 */
export function viewOf(bytes: Uint8Array): DataView {
  if (bytes === viewedBytes) return lastView
  const view = bytes === olderBytes ? olderView : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  olderBytes = viewedBytes
  olderView = lastView
  viewedBytes = bytes
  lastView = view
  return view
}

/** The signed 32-bit little-endian number at `at`. */
export function readInt32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

/** The unsigned 32-bit little-endian number at `at`. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at) >>> 0
}

/** Writes a signed or unsigned 32-bit number, little-endian. */
export function writeInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

/** The double at `at`. */
export function readDouble(bytes: Uint8Array, at: number): number {
  doubleWords[0] = readInt32(bytes, at)
  doubleWords[1] = readInt32(bytes, at + 4)
  return doubleScratch[0]!
}

/** Writes a double, little-endian. */
export function writeDouble(bytes: Uint8Array, at: number, value: number): void {
  doubleScratch[0] = value
  for (let index = 0; index < 8; index++) bytes[at + index] = doubleBytes[index]!
}

/** The int64 at `at` as a number: exact up to 2^53, beyond that the nearest double. */
export function readInt64Number(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at + 4) * 4294967296 + readUint32(bytes, at)
}

/** Whether the int64 at `at` is a safe integer, so that `readInt64Number` is exact. */
export function isInt64Safe(bytes: Uint8Array, at: number): boolean {
  const high = readInt32(bytes, at + 4)
  return high >= -0x200000 && high < 0x200000 && !(high === -0x200000 && readInt32(bytes, at) === 0)
}

/** The int64 at `at`, exact. Allocates: not for hot paths. */
export function readInt64(bytes: Uint8Array, at: number): bigint {
  return (BigInt(readInt32(bytes, at + 4)) << 32n) | BigInt(readUint32(bytes, at))
}

/** The whole length in bytes of the document (or array) at `at`. */
export function documentLength(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at)
}

/** The offset of the closing NUL of the document at `at`: where a walk over its elements stops. */
export function documentEnd(bytes: Uint8Array, at: number): number {
  return at + readInt32(bytes, at) - 1
}

/** The offset of the first element of the document at `at` (the closing NUL when it is empty). */
export function firstElement(at: number): number {
  return at + 4
}

/** The offset behind the value of `type` at `valueAt`. Faults with InvalidBson on a type that Planck does not store. */
export function skipValue(bytes: Uint8Array, type: number, valueAt: number): number {
  const size = sizes[type]!
  if (size >= 0) return valueAt + size
  if (size === INT32_PREFIXED) return valueAt + 4 + readInt32(bytes, valueAt)
  if (size === DOCUMENT_LIKE) return valueAt + readInt32(bytes, valueAt)
  if (size === BINARY_LIKE) return valueAt + 5 + readInt32(bytes, valueAt)
  if (size === TWO_CSTRINGS) return textEnd(bytes, textEnd(bytes, valueAt) + 1) + 1
  throw bsonFault({ _tag: "InvalidBson", offset: valueAt, path: "", message: `${Type.typeName(type)} is not stored by Planck` })
}

/** Whether Planck stores values of this type. */
export function isKnownType(type: number): boolean {
  return sizes[type] !== UNKNOWN
}

/** The fixed size in bytes of a value of `type`, or -1 when its length varies or the type is not known. */
export function fixedSize(type: number): number {
  const size = sizes[type]!
  return size >= 0 ? size : -1
}

/** The offset of the NUL that ends the C string at `at`. */
export function textEnd(bytes: Uint8Array, at: number): number {
  const length = bytes.length
  while (at < length && bytes[at] !== 0) at++
  return at
}

/** The offset of the NUL that ends the name of the element at `elementAt`. */
export function nameEnd(bytes: Uint8Array, elementAt: number): number {
  return textEnd(bytes, elementAt + 1)
}

/** The offset of the value of the element at `elementAt`. */
export function valueOffset(bytes: Uint8Array, elementAt: number): number {
  return textEnd(bytes, elementAt + 1) + 1
}

/** The offset behind the element at `elementAt`. */
export function nextElement(bytes: Uint8Array, elementAt: number): number {
  return skipValue(bytes, bytes[elementAt]!, valueOffset(bytes, elementAt))
}

/** The name of the element at `elementAt` as text. */
export function elementName(bytes: Uint8Array, elementAt: number): string {
  return readName(bytes, elementAt + 1, nameEnd(bytes, elementAt))
}

/** The string value at `at` as text. */
export function readString(bytes: Uint8Array, at: number): string {
  return readUtf8(bytes, at + 4, at + 3 + readInt32(bytes, at))
}

/**
 * A field name as `findElement` and `Writer.name` want it: UTF-8 with its NUL. Prepare it once, not per document.
 * Faults with InvalidValue when the name holds a NUL.
 */
export function fieldName(name: string): Uint8Array {
  if (name.includes("\0")) throw bsonFault({ _tag: "InvalidValue", path: name, message: "a field name cannot hold a NUL" })
  const bytes = new Uint8Array(utf8BytesMax(name.length) + 1)
  return bytes.slice(0, writeUtf8(name, bytes, 0) + 1)
}

/**
 * The offset of the element called `name` (from `fieldName`) in the document at `documentAt`, or -1.
 * The type is the byte at that offset, the value lies at `offset + 1 + name.length`.
 *
 * @example
 * ```ts
 * const status = fieldName("status")
 * const at = findElement(bytes, 0, status)
 * if (at >= 0 && bytes[at] === Type.STRING) readString(bytes, at + 1 + status.length)
 * ```
 */
export function findElement(bytes: Uint8Array, documentAt: number, name: Uint8Array): number {
  const end = documentAt + readInt32(bytes, documentAt) - 1
  const first = name[0]
  let at = documentAt + 4
  while (at < end) {
    let cursor = at + 1
    if (bytes[cursor] === first) {
      let index = 0
      while (bytes[cursor] === name[index]) {
        if (name[index] === 0) return at
        cursor++
        index++
      }
    }
    while (cursor < end && bytes[cursor] !== 0) cursor++
    at = skipValue(bytes, bytes[at]!, cursor + 1)
  }
  return -1
}

/**
 * Copies `length` bytes between views that do not overlap. Eight bytes at a time, as integers, which keep every bit: up to some 300 bytes this
 * costs half of what a call of the runtime costs, and a loop over bytes four times as much.
 */
export function copyRange(from: DataView, at: number, to: DataView, toAt: number, length: number): void {
  let done = 0
  for (; done + 32 <= length; done += 32) {
    to.setBigInt64(toAt + done, from.getBigInt64(at + done, true), true)
    to.setBigInt64(toAt + done + 8, from.getBigInt64(at + done + 8, true), true)
    to.setBigInt64(toAt + done + 16, from.getBigInt64(at + done + 16, true), true)
    to.setBigInt64(toAt + done + 24, from.getBigInt64(at + done + 24, true), true)
  }
  for (; done + 8 <= length; done += 8) to.setBigInt64(toAt + done, from.getBigInt64(at + done, true), true)
  for (; done < length; done++) to.setUint8(toAt + done, from.getUint8(at + done))
}

/** Whether the `length` bytes at `aAt` and `bAt` are the same. */
export function equalBytes(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let index = 0; index < length; index++) if (a[aAt + index] !== b[bAt + index]) return false
  return true
}
