/**
 * Plain JSON from BSON bytes and back, without JavaScript values in between. Reading JSON is in `JsonReader.ts`.
 *
 * How values print
 * - int32 and double as numbers (-0 as 0, NaN and infinities as null); int64 as a number when it is a safe integer, else as a string.
 * - decimal128 as a string (`"1.50"`, `"NaN"`); date as ISO 8601 with milliseconds, null beyond JavaScript's range.
 * - key as 32 hex digits, UUID in its text form, other binary data as base64, ObjectId as 24 hex digits.
 * - regex as `"/pattern/options"`; timestamp as `{"t":seconds,"i":ordinal}`; the ends of the order as `{"$minKey":1}` and `{"$maxKey":1}`.
 *
 * Room is asked for in advance, six bytes per byte of a value of up to 16 KB: a sink may refuse a value that near its maximum.
 * Fields keep their stored order. The bytes have passed `validate`, which bounds the recursion.
 */
import type { ByteSink } from "./ByteSink.ts"
import { decimalText } from "./Decimal.ts"
import {
  asciiInto,
  base64Into,
  base64Length,
  DATE_MS_MAX,
  ESCAPE_GROWTH,
  escapeInto,
  hexInto,
  integerInto,
  isoDateInto,
  keyInto,
  numberInto,
  plainNameInto,
  uuidInto,
  writeEscaped
} from "./JsonText.ts"
import * as Type from "./Type.ts"
import {
  documentEnd,
  firstElement,
  isInt64Safe,
  readInt32,
  readInt64,
  readInt64Number,
  readUint32,
  skipValue,
  textEnd,
  viewOf
} from "./View.ts"

export { type JsonLimits, parseJson } from "./JsonReader.ts"

/** Documents up to this size are written with one check of the sink's room; larger ones element by element. */
const SMALL_BYTES_MAX = 16 * 1024
/**
 * No element prints longer than this many times its BSON form (a control character in a string, the worst, takes 6 bytes for one),
 * but for an element without a name, of which a document has at most one: `SMALL_EXTRA_BYTES` are for that.
 */
const GROWTH = ESCAPE_GROWTH
const SMALL_EXTRA_BYTES = 32

/**
 * Writes the value (bytes, type, at) as JSON. Faults with TooLarge when the sink is full; the sink then holds a torn tail.
 *
 * @example
 * ```ts
 * const sink = new ByteSink()
 * writeJson(sink, bytes, Type.DOCUMENT, 0)
 * ```
 */
export function writeJson(sink: ByteSink, bytes: Uint8Array, type: number, at: number): void {
  const count = skipValue(bytes, type, at) - at
  if (count > SMALL_BYTES_MAX) return writeLarge(sink, bytes, type, at)
  sink.ensure(count * GROWTH + SMALL_EXTRA_BYTES)
  sink.length = valueInto(sink.bytes, sink.view, sink.length, bytes, viewOf(bytes), type, at)
}

/** Writes the name of the element at `elementAt`, quoted, and a colon; returns the offset of its value. */
export function writeJsonName(sink: ByteSink, bytes: Uint8Array, elementAt: number): number {
  const stop = textEnd(bytes, elementAt + 1)
  sink.byte(0x22)
  writeEscaped(sink, bytes, elementAt + 1, stop)
  sink.byte(0x22)
  sink.byte(0x3a)
  return stop + 1
}

function writeLarge(sink: ByteSink, bytes: Uint8Array, type: number, at: number): void {
  switch (type) {
    case Type.DOCUMENT:
    case Type.ARRAY:
      return writeLargeDocument(sink, bytes, type, at)
    case Type.STRING:
      sink.byte(0x22)
      writeEscaped(sink, bytes, at + 4, at + 3 + readInt32(bytes, at))
      return sink.byte(0x22)
    case Type.REGEX:
      return writeLargeRegex(sink, bytes, at)
    default:
      // Only binary data is left that can be this long.
      sink.ensure(base64Length(readInt32(bytes, at)) + 2)
      sink.length = binaryInto(sink.bytes, sink.view, sink.length, bytes, at)
  }
}

function writeLargeDocument(sink: ByteSink, bytes: Uint8Array, type: number, at: number): void {
  const end = documentEnd(bytes, at)
  let separator = type === Type.ARRAY ? 0x5b : 0x7b
  for (let element = firstElement(at); element < end;) {
    sink.byte(separator)
    separator = 0x2c
    const valueAt = type === Type.ARRAY ? textEnd(bytes, element + 1) + 1 : writeJsonName(sink, bytes, element)
    writeJson(sink, bytes, bytes[element]!, valueAt)
    element = skipValue(bytes, bytes[element]!, valueAt)
  }
  sink.byte(type === Type.ARRAY ? 0x5d : 0x7d)
}

function writeLargeRegex(sink: ByteSink, bytes: Uint8Array, at: number): void {
  const patternEnd = textEnd(bytes, at)
  sink.ascii('"/')
  writeEscaped(sink, bytes, at, patternEnd)
  sink.byte(0x2f)
  writeEscaped(sink, bytes, patternEnd + 1, textEnd(bytes, patternEnd + 1))
  sink.byte(0x22)
}

/** From here on: room has been made for the whole value. Each function returns the offset behind what it wrote. */
function valueInto(out: Uint8Array, outView: DataView, to: number, bytes: Uint8Array, view: DataView, type: number, at: number): number {
  switch (type) {
    case Type.STRING:
      out[to] = 0x22
      to = escapeInto(out, outView, to + 1, bytes, view, at + 4, at + 3 + view.getInt32(at, true))
      out[to] = 0x22
      return to + 1
    case Type.INT32:
      return integerInto(out, to, view.getInt32(at, true))
    case Type.DOUBLE:
      return numberInto(out, to, view.getFloat64(at, true))
    case Type.DOCUMENT:
    case Type.ARRAY:
      return elementsInto(out, outView, to, bytes, view, at, type === Type.ARRAY)
    case Type.DATE:
      return dateInto(out, to, readInt64Number(bytes, at))
    case Type.BINARY:
      return binaryInto(out, outView, to, bytes, at)
    default:
      return rareInto(out, outView, to, bytes, view, type, at)
  }
}

/** A document or an array: every value and where the next element starts, in one step for the common types. */
function elementsInto(
  out: Uint8Array,
  outView: DataView,
  to: number,
  bytes: Uint8Array,
  view: DataView,
  at: number,
  isArray: boolean
): number {
  const end = at + view.getInt32(at, true) - 1
  out[to++] = isArray ? 0x5b : 0x7b
  for (let element = at + 4; element < end;) {
    if (element !== at + 4) out[to++] = 0x2c
    const type = bytes[element]!
    let valueAt = element + 2
    if (isArray) while (bytes[valueAt++] !== 0);
    else {
      out[to] = 0x22
      let length = plainNameInto(out, to + 1, bytes, element + 1)
      if (length >= 0) to += length + 1
      else {
        length = textEnd(bytes, element + 1) - element - 1
        to = escapeInto(out, outView, to + 1, bytes, view, element + 1, element + 1 + length)
      }
      outView.setUint16(to, 0x3a22, true)
      to += 2
      valueAt += length
    }
    switch (type) {
      case Type.STRING: {
        const next = valueAt + 4 + view.getInt32(valueAt, true)
        out[to] = 0x22
        to = escapeInto(out, outView, to + 1, bytes, view, valueAt + 4, next - 1)
        out[to++] = 0x22
        element = next
        break
      }
      case Type.INT32:
        to = integerInto(out, to, view.getInt32(valueAt, true))
        element = valueAt + 4
        break
      case Type.DOUBLE:
        to = numberInto(out, to, view.getFloat64(valueAt, true))
        element = valueAt + 8
        break
      case Type.DOCUMENT:
      case Type.ARRAY:
        to = elementsInto(out, outView, to, bytes, view, valueAt, type === Type.ARRAY)
        element = valueAt + view.getInt32(valueAt, true)
        break
      case Type.BINARY:
        to = binaryInto(out, outView, to, bytes, valueAt)
        element = valueAt + 5 + view.getInt32(valueAt, true)
        break
      default:
        to = valueInto(out, outView, to, bytes, view, type, valueAt)
        element = skipValue(bytes, type, valueAt)
    }
  }
  out[to] = isArray ? 0x5d : 0x7d
  return to + 1
}

function dateInto(out: Uint8Array, to: number, timeMs: number): number {
  if (!(Math.abs(timeMs) <= DATE_MS_MAX)) return asciiInto(out, to, "null")
  out[to] = 0x22
  const stop = isoDateInto(out, to + 1, timeMs)
  out[stop] = 0x22
  return stop + 1
}

function binaryInto(out: Uint8Array, outView: DataView, to: number, bytes: Uint8Array, at: number): number {
  const length = readInt32(bytes, at)
  const subtype = bytes[at + 4]!
  out[to++] = 0x22
  if (subtype === Type.KEY_SUBTYPE && length === 16) to = keyInto(outView, to, bytes, at + 5)
  else if (subtype === Type.UUID_SUBTYPE && length === 16) to = uuidInto(out, to, bytes, at + 5)
  else to = base64Into(out, to, bytes, at + 5, at + 5 + length)
  out[to] = 0x22
  return to + 1
}

function rareInto(out: Uint8Array, outView: DataView, to: number, bytes: Uint8Array, view: DataView, type: number, at: number): number {
  switch (type) {
    case Type.BOOLEAN:
      return asciiInto(out, to, bytes[at] === 1 ? "true" : "false")
    case Type.INT64:
      if (isInt64Safe(bytes, at)) return integerInto(out, to, readInt64Number(bytes, at))
      return asciiInto(out, to, `"${readInt64(bytes, at)}"`)
    case Type.DECIMAL128:
      return asciiInto(out, to, `"${decimalText(bytes, at)}"`)
    case Type.OBJECT_ID:
      out[to] = 0x22
      to = hexInto(out, to + 1, bytes, at, 12)
      out[to] = 0x22
      return to + 1
    case Type.REGEX: {
      const patternEnd = textEnd(bytes, at)
      to = escapeInto(out, outView, asciiInto(out, to, '"/'), bytes, view, at, patternEnd)
      out[to] = 0x2f
      to = escapeInto(out, outView, to + 1, bytes, view, patternEnd + 1, textEnd(bytes, patternEnd + 1))
      out[to] = 0x22
      return to + 1
    }
    case Type.TIMESTAMP:
      return asciiInto(out, to, `{"t":${readUint32(bytes, at + 4)},"i":${readUint32(bytes, at)}}`)
    case Type.MIN_KEY:
      return asciiInto(out, to, '{"$minKey":1}')
    case Type.MAX_KEY:
      return asciiInto(out, to, '{"$maxKey":1}')
    default:
      return asciiInto(out, to, "null")
  }
}
