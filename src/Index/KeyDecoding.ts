/**
 * Encoded values back to BSON, as far as an encoding says what the value was: the reverse of `KeyEncoding.ts` for fields whose type a schema
 * gives.
 *
 * Invariants
 * - What is written is byte for byte the value that was encoded. Where the encoding does not tell (equal values have one encoding: 0 and -0,
 *   every NaN, null and a missing field), nothing is written and the answer says so.
 * - The encoding is whole: of an entry that may have been cut, its document has to be asked.
 */
import { CLASS_BINARY, CLASS_BOOLEAN, CLASS_DATE, CLASS_NULL, CLASS_NUMBER, CLASS_OBJECT_ID, CLASS_STRING } from "../Bson/Compare.ts"
import * as Type from "../Bson/Type.ts"
import type { Writer } from "../Bson/Writer.ts"
import { classByte } from "./KeyEncoding.ts"
import { FIELDS_BYTES_MAX } from "./Layout.ts"
import { readNumber, skipNumber } from "./NumberDecoding.ts"

/** Types whose values can be read back from their encodings. */
export type DecodedType =
  | typeof Type.STRING
  | typeof Type.INT32
  | typeof Type.INT64
  | typeof Type.DOUBLE
  | typeof Type.BOOLEAN
  | typeof Type.DATE
  | typeof Type.BINARY
  | typeof Type.OBJECT_ID

const NULL_BYTE = classByte(CLASS_NULL)
const LONG_LENGTH = 0xff
const ESCAPE = 1
const INT64_SIGN = 0x8000_0000

const text = new Uint8Array(FIELDS_BYTES_MAX)

/** Whether the encoding at `at` is that of null or of a missing field. */
export function isNullAt(bytes: Uint8Array, at: number, mask: number): boolean {
  return (bytes[at]! ^ mask) === NULL_BYTE
}

/** The offset behind the encoding at `at`, which is of null, a number, a string or anything else that `DecodedType` names. */
export function skipEncoded(bytes: Uint8Array, at: number, mask: number): number {
  switch (((bytes[at]! ^ mask) >>> 3) - 1) {
    case CLASS_NUMBER:
      return skipNumber(bytes, at + 1, mask)
    case CLASS_STRING: {
      let end = at + 1
      while ((bytes[end]! ^ mask) !== 0) end++
      return end + 1
    }
    case CLASS_BINARY: {
      const length = bytes[at + 1]! ^ mask
      return length === LONG_LENGTH ? at + 7 + word(bytes, at + 2, mask) : at + 3 + length
    }
    case CLASS_OBJECT_ID:
      return at + 13
    case CLASS_BOOLEAN:
      return at + 2
    case CLASS_DATE:
      return at + 9
    default:
      return at + 1
  }
}

/** Appends the value whose encoding is at `at` as an element; false, and nothing is written, when the encoding does not say which it was. */
export function decodeElement(
  writer: Writer,
  name: Uint8Array,
  type: DecodedType,
  bytes: Uint8Array,
  at: number,
  end: number,
  mask: number
): boolean {
  switch (type) {
    case Type.STRING:
      writer.name(type, name)
      decodeText(writer, bytes, at + 1, end - 1, mask)
      return true
    case Type.BINARY:
      writer.name(type, name)
      decodeBinary(writer, bytes, at + 1, mask)
      return true
    case Type.OBJECT_ID:
      writer.name(type, name)
      for (let index = at + 1; index < end; index++) writer.byte(bytes[index]! ^ mask)
      return true
    case Type.BOOLEAN:
      writer.name(type, name)
      writer.byte(bytes[at + 1]! ^ mask)
      return true
    case Type.DATE:
      writer.name(type, name)
      writer.int64Parts(word(bytes, at + 5, mask), word(bytes, at + 1, mask) ^ INT64_SIGN)
      return true
    default:
      return decodeNumber(writer, name, type, bytes, at + 1, mask)
  }
}

function decodeNumber(
  writer: Writer,
  name: Uint8Array,
  type: typeof Type.INT32 | typeof Type.INT64 | typeof Type.DOUBLE,
  bytes: Uint8Array,
  at: number,
  mask: number
): boolean {
  const value = readNumber(bytes, at, mask)
  if (type === Type.DOUBLE) {
    if (typeof value === "bigint" || value === 0 || Number.isNaN(value)) return false
    writer.name(type, name)
    writer.double(value)
    return true
  }
  writer.name(type, name)
  if (type === Type.INT32) writer.int32(Number(value))
  else if (typeof value === "number" && Number.isSafeInteger(value)) writer.int64Number(value)
  else writer.int64(BigInt(value))
  return true
}

function decodeText(writer: Writer, bytes: Uint8Array, at: number, end: number, mask: number): void {
  let length = 0
  for (let index = at; index < end; index++) {
    const byte = bytes[index]! ^ mask
    text[length++] = byte === ESCAPE ? (bytes[++index]! ^ mask) - 1 : byte
  }
  writer.stringBytes(text, 0, length)
}

function decodeBinary(writer: Writer, bytes: Uint8Array, at: number, mask: number): void {
  const short = bytes[at]! ^ mask
  const isLong = short === LONG_LENGTH
  const length = isLong ? word(bytes, at + 1, mask) : short
  const subtypeAt = at + (isLong ? 5 : 1)
  writer.int32(length)
  for (let index = subtypeAt; index <= subtypeAt + length; index++) writer.byte(bytes[index]! ^ mask)
}

/** Four bytes, big-endian. */
function word(bytes: Uint8Array, at: number, mask: number): number {
  return (((bytes[at]! ^ mask) << 24) | ((bytes[at + 1]! ^ mask) << 16) | ((bytes[at + 2]! ^ mask) << 8) | (bytes[at + 3]! ^ mask)) >>> 0
}
