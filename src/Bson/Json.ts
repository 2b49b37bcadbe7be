/**
 * Plain JSON from BSON bytes and back, without JavaScript values in between. Reading JSON is in `JsonReader.ts`.
 *
 * How values print
 * - int32 and double as numbers (-0 as 0, NaN and infinities as null); int64 as a number when it is a safe integer, else as a string.
 * - decimal128 as a string (`"1.50"`, `"NaN"`); date as ISO 8601 with milliseconds, null beyond JavaScript's range.
 * - key as 32 hex digits, UUID in its text form, other binary data as base64, ObjectId as 24 hex digits.
 * - regex as `"/pattern/options"`; timestamp as `{"t":seconds,"i":ordinal}`; the ends of the order as `{"$minKey":1}` and `{"$maxKey":1}`.
 *
 * Fields keep their stored order. The bytes have passed `validate`, which bounds the recursion.
 */
import type { ByteSink } from "./ByteSink.ts"
import { decimalText } from "./Decimal.ts"
import { writeBase64, writeEscaped, writeHex, writeInteger, writeIsoDate, writeNumber, writeQuoted, writeUuid } from "./JsonText.ts"
import * as Type from "./Type.ts"
import {
  documentEnd,
  firstElement,
  isInt64Safe,
  readDouble,
  readInt32,
  readInt64,
  readInt64Number,
  readUint32,
  skipValue,
  textEnd
} from "./View.ts"

export { type JsonLimits, parseJson } from "./JsonReader.ts"

/**
 * Writes the value (bytes, type, at) as JSON. Faults with TooLarge when the sink is full.
 *
 * @example
 * ```ts
 * const sink = new ByteSink()
 * writeJson(sink, bytes, Type.DOCUMENT, 0)
 * ```
 */
export function writeJson(sink: ByteSink, bytes: Uint8Array, type: number, at: number): void {
  switch (type) {
    case Type.STRING:
      return writeQuoted(sink, bytes, at + 4, at + 3 + readInt32(bytes, at))
    case Type.INT32:
      return writeInteger(sink, readInt32(bytes, at))
    case Type.DOUBLE:
      return writeNumber(sink, readDouble(bytes, at))
    case Type.DOCUMENT:
      return writeDocument(sink, bytes, at)
    case Type.ARRAY:
      return writeArray(sink, bytes, at)
    case Type.BOOLEAN:
      return sink.ascii(bytes[at] === 1 ? "true" : "false")
    case Type.DATE:
      return writeIsoDate(sink, readInt64Number(bytes, at))
    case Type.BINARY:
      return writeBinary(sink, bytes, at)
    case Type.DECIMAL128:
      return writeDecimal(sink, bytes, at)
    case Type.INT64:
      return writeInt64(sink, bytes, at)
    case Type.OBJECT_ID:
      sink.byte(0x22)
      writeHex(sink, bytes, at, 12)
      return sink.byte(0x22)
    default:
      return writeRare(sink, bytes, type, at)
  }
}

/** Writes the name of the element at `elementAt` and a colon, and returns the offset of its value. */
export function writeJsonName(sink: ByteSink, bytes: Uint8Array, elementAt: number): number {
  const stop = textEnd(bytes, elementAt + 1)
  writeQuoted(sink, bytes, elementAt + 1, stop)
  sink.byte(0x3a)
  return stop + 1
}

function writeDocument(sink: ByteSink, bytes: Uint8Array, at: number): void {
  const end = documentEnd(bytes, at)
  let element = firstElement(at)
  if (element >= end) return sink.ascii("{}")
  let separator = 0x7b
  while (element < end) {
    const type = bytes[element]!
    sink.byte(separator)
    separator = 0x2c
    const valueAt = writeJsonName(sink, bytes, element)
    writeJson(sink, bytes, type, valueAt)
    element = skipValue(bytes, type, valueAt)
  }
  sink.byte(0x7d)
}

function writeArray(sink: ByteSink, bytes: Uint8Array, at: number): void {
  const end = documentEnd(bytes, at)
  let element = firstElement(at)
  if (element >= end) return sink.ascii("[]")
  let separator = 0x5b
  while (element < end) {
    const type = bytes[element]!
    sink.byte(separator)
    separator = 0x2c
    const valueAt = textEnd(bytes, element + 1) + 1
    writeJson(sink, bytes, type, valueAt)
    element = skipValue(bytes, type, valueAt)
  }
  sink.byte(0x5d)
}

function writeInt64(sink: ByteSink, bytes: Uint8Array, at: number): void {
  if (isInt64Safe(bytes, at)) writeInteger(sink, readInt64Number(bytes, at))
  else sink.ascii(`"${readInt64(bytes, at)}"`)
}

function writeDecimal(sink: ByteSink, bytes: Uint8Array, at: number): void {
  sink.byte(0x22)
  sink.ascii(decimalText(bytes, at))
  sink.byte(0x22)
}

function writeBinary(sink: ByteSink, bytes: Uint8Array, at: number): void {
  const length = readInt32(bytes, at)
  const subtype = bytes[at + 4]!
  sink.byte(0x22)
  if (subtype === Type.KEY_SUBTYPE && length === 16) writeHex(sink, bytes, at + 5, 16)
  else if (subtype === Type.UUID_SUBTYPE && length === 16) writeUuid(sink, bytes, at + 5)
  else writeBase64(sink, bytes, at + 5, at + 5 + length)
  sink.byte(0x22)
}

function writeRare(sink: ByteSink, bytes: Uint8Array, type: number, at: number): void {
  switch (type) {
    case Type.REGEX: {
      const patternEnd = textEnd(bytes, at)
      sink.ascii('"/')
      writeEscaped(sink, bytes, at, patternEnd)
      sink.byte(0x2f)
      writeEscaped(sink, bytes, patternEnd + 1, textEnd(bytes, patternEnd + 1))
      return sink.byte(0x22)
    }
    case Type.TIMESTAMP:
      return sink.ascii(`{"t":${readUint32(bytes, at + 4)},"i":${readUint32(bytes, at)}}`)
    case Type.MIN_KEY:
      return sink.ascii('{"$minKey":1}')
    case Type.MAX_KEY:
      return sink.ascii('{"$maxKey":1}')
    default:
      return sink.ascii("null")
  }
}
