/**
 * MongoDB Extended JSON v2 from BSON bytes and back: JSON that keeps every type.
 *
 * Invariants
 * - Reading what was written gives the same bytes, for every document that `validate` accepts.
 * - Numbers that plain JSON keeps (int32, doubles with a fraction or an exponent) are written plainly, all others as `$numberLong`,
 *   `$numberDouble` or `$numberDecimal`. Read are both forms, relaxed and canonical.
 * - A stored document whose first name begins with `$` would be taken for one of these forms: it is written as `{"$document": …}`, which no
 *   other program knows. Nothing else here is of our own making.
 */
import type { ByteSink } from "./ByteSink.ts"
import { decimalText, parseDecimal } from "./Decimal.ts"
import { bsonFault } from "./Errors.ts"
import { parseJson } from "./JsonReader.ts"
import { base64Into, base64Length, hexInto, isoDateInto, NUMBER_BYTES_MAX, uuidInto, writeEscaped } from "./JsonText.ts"
import * as Type from "./Type.ts"
import { decodeValue } from "./Value.ts"
import {
  documentEnd,
  elementName,
  firstElement,
  nextElement,
  readDouble,
  readInt32,
  readInt64,
  readInt64Number,
  readUint32,
  skipValue,
  textEnd,
  valueOffset
} from "./View.ts"
import { Writer } from "./Writer.ts"

const DOLLAR = 0x24
const LITERAL = "$document"
/** The last moment of the year 9999: dates from 1970 to it are written as text. */
const TEXT_DATE_MS_MAX = 253_402_300_799_999

/**
 * Writes the document at `at` as one line of Extended JSON.
 *
 * @example
 * ```ts
 * const sink = new ByteSink()
 * writeExtendedJson(sink, encode({ total: 5n }), 0) // {"total":{"$numberLong":"5"}}
 * ```
 */
export function writeExtendedJson(sink: ByteSink, bytes: Uint8Array, at: number): void {
  writeExtendedValue(sink, bytes, Type.DOCUMENT, at)
}

/** Writes one value as Extended JSON. */
export function writeExtendedValue(sink: ByteSink, bytes: Uint8Array, type: number, at: number): void {
  switch (type) {
    case Type.STRING:
      return writeText(sink, bytes, at + 4, at + 3 + readInt32(bytes, at))
    case Type.INT32:
      return sink.ascii(String(readInt32(bytes, at)))
    case Type.DOUBLE:
      return writeDouble(sink, readDouble(bytes, at))
    case Type.DOCUMENT: {
      const isEscaped = bytes[firstElement(at)] !== 0 && bytes[firstElement(at) + 1] === DOLLAR
      if (isEscaped) sink.ascii(`{"${LITERAL}":`)
      writeElements(sink, bytes, type, at)
      return isEscaped ? sink.byte(0x7d) : undefined
    }
    case Type.ARRAY:
      return writeElements(sink, bytes, type, at)
    case Type.BOOLEAN:
      return sink.ascii(bytes[at] === 1 ? "true" : "false")
    case Type.NULL:
      return sink.ascii("null")
    case Type.DATE:
      return writeDate(sink, bytes, at)
    case Type.BINARY:
      return writeBinary(sink, bytes, at)
    default:
      return writeRare(sink, bytes, type, at)
  }
}

function writeElements(sink: ByteSink, bytes: Uint8Array, type: number, at: number): void {
  const end = documentEnd(bytes, at)
  const isArray = type === Type.ARRAY
  sink.byte(isArray ? 0x5b : 0x7b)
  for (let element = firstElement(at); element < end;) {
    if (element !== firstElement(at)) sink.byte(0x2c)
    const valueAt = valueOffset(bytes, element)
    if (!isArray) {
      writeText(sink, bytes, element + 1, valueAt - 1)
      sink.byte(0x3a)
    }
    writeExtendedValue(sink, bytes, bytes[element]!, valueAt)
    element = skipValue(bytes, bytes[element]!, valueAt)
  }
  sink.byte(isArray ? 0x5d : 0x7d)
}

function writeText(sink: ByteSink, bytes: Uint8Array, start: number, end: number): void {
  sink.byte(0x22)
  writeEscaped(sink, bytes, start, end)
  sink.byte(0x22)
}

function writeDouble(sink: ByteSink, value: number): void {
  const text = Object.is(value, -0) ? "-0" : String(value)
  if (/[.e]/.test(text)) return sink.ascii(text)
  sink.ascii(`{"$numberDouble":"${Number.isFinite(value) ? `${text}.0` : text}"}`)
}

function writeDate(sink: ByteSink, bytes: Uint8Array, at: number): void {
  const isText = readInt64(bytes, at) >= 0n && readInt64(bytes, at) <= BigInt(TEXT_DATE_MS_MAX)
  if (!isText) return sink.ascii(`{"$date":{"$numberLong":"${readInt64(bytes, at)}"}}`)
  sink.ascii('{"$date":"')
  sink.ensure(NUMBER_BYTES_MAX)
  sink.length = isoDateInto(sink.bytes, sink.length, readInt64Number(bytes, at))
  sink.ascii('"}')
}

function writeBinary(sink: ByteSink, bytes: Uint8Array, at: number): void {
  const length = readInt32(bytes, at)
  const subtype = bytes[at + 4]!
  if (subtype === Type.UUID_SUBTYPE && length === 16) {
    sink.ascii('{"$uuid":"')
    sink.ensure(NUMBER_BYTES_MAX * 2)
    sink.length = uuidInto(sink.bytes, sink.length, bytes, at + 5)
    return sink.ascii('"}')
  }
  sink.ascii('{"$binary":{"base64":"')
  sink.ensure(base64Length(length))
  sink.length = base64Into(sink.bytes, sink.length, bytes, at + 5, at + 5 + length)
  sink.ascii(`","subType":"${subtype.toString(16).padStart(2, "0")}"}}`)
}

function writeRare(sink: ByteSink, bytes: Uint8Array, type: number, at: number): void {
  switch (type) {
    case Type.INT64:
      return sink.ascii(`{"$numberLong":"${readInt64(bytes, at)}"}`)
    case Type.DECIMAL128:
      return sink.ascii(`{"$numberDecimal":"${decimalText(bytes, at)}"}`)
    case Type.OBJECT_ID:
      sink.ascii('{"$oid":"')
      sink.ensure(NUMBER_BYTES_MAX)
      sink.length = hexInto(sink.bytes, sink.length, bytes, at, 12)
      return sink.ascii('"}')
    case Type.REGEX: {
      const patternEnd = textEnd(bytes, at)
      sink.ascii('{"$regularExpression":{"pattern":')
      writeText(sink, bytes, at, patternEnd)
      sink.ascii(',"options":')
      writeText(sink, bytes, patternEnd + 1, textEnd(bytes, patternEnd + 1))
      return sink.ascii("}}")
    }
    case Type.TIMESTAMP:
      return sink.ascii(`{"$timestamp":{"t":${readUint32(bytes, at + 4)},"i":${readUint32(bytes, at)}}}`)
    case Type.MIN_KEY:
      return sink.ascii('{"$minKey":1}')
    default:
      return sink.ascii('{"$maxKey":1}')
  }
}

const plain = new Writer()

/**
 * Appends the value of an Extended JSON text to `writer` and returns its type. Faults with InvalidJson (line, column) when the text is no
 * JSON, with InvalidValue (path) when one of the `$` forms is not right, and with TooLarge; the writer is then as it was.
 *
 * @example
 * ```ts
 * const type = parseExtendedJson(new TextEncoder().encode('{"at":{"$date":"2026-01-31T12:00:00Z"}}'), writer)
 * ```
 */
export function parseExtendedJson(text: Uint8Array, writer: Writer): number {
  const start = writer.length
  plain.reset()
  const type = parseJson(text, plain)
  try {
    const { bytes } = plain
    if (type !== Type.DOCUMENT && type !== Type.ARRAY) {
      writer.raw(bytes, 0, plain.length)
      return type
    }
    const form = type === Type.DOCUMENT ? formOf(bytes, 0) : undefined
    return form === undefined ? convertElements(bytes, type, 0, writer, "") : writeForm(form, bytes, 0, writer, "")
  } catch (error) {
    writer.length = start
    throw error
  }
}

/** The `$` name that a document begins with; undefined when it is an ordinary one. */
function formOf(bytes: Uint8Array, at: number): string | undefined {
  const first = firstElement(at)
  return bytes[first] !== 0 && bytes[first + 1] === DOLLAR ? elementName(bytes, first) : undefined
}

function convertElements(bytes: Uint8Array, type: number, at: number, writer: Writer, path: string): number {
  const end = documentEnd(bytes, at)
  const start = writer.beginDocument()
  for (let element = firstElement(at); element < end; element = nextElement(bytes, element)) {
    const valueAt = valueOffset(bytes, element)
    const typeAt = writer.length
    writer.raw(bytes, element, valueAt - element)
    const converted = convert(bytes, bytes[element]!, valueAt, writer, element, path)
    writer.bytes[typeAt] = converted
  }
  writer.endDocument(start)
  return type
}

function convert(bytes: Uint8Array, type: number, at: number, writer: Writer, element: number, path: string): number {
  if (type !== Type.DOCUMENT && type !== Type.ARRAY) {
    writer.raw(bytes, at, skipValue(bytes, type, at) - at)
    return type
  }
  const inner = `${path}/${elementName(bytes, element)}`
  const form = type === Type.DOCUMENT ? formOf(bytes, at) : undefined
  return form === undefined ? convertElements(bytes, type, at, writer, inner) : writeForm(form, bytes, at, writer, inner)
}

/** The one value of a `$` form, as JavaScript knows it. */
type Given = string | number | boolean | null | { readonly [name: string]: unknown }

function writeForm(form: string, bytes: Uint8Array, at: number, writer: Writer, path: string): number {
  const first = firstElement(at)
  const valueAt = valueOffset(bytes, first)
  const type = bytes[first]!
  const refuse = (message: string): never => {
    throw bsonFault({ _tag: "InvalidValue", path, message: `${path === "" ? "/" : path}: ${message}` })
  }
  if (nextElement(bytes, first) !== documentEnd(bytes, at)) refuse(`${form} stands alone in its object`)
  if (form === LITERAL) {
    if (type !== Type.DOCUMENT) refuse(`${form} has an object`)
    return convertElements(bytes, type, valueAt, writer, path)
  }
  const given = decodeValue(bytes, type, valueAt) as Given
  const text = typeof given === "string" ? given : undefined
  const record = typeof given === "object" && given !== null ? given : {}
  switch (form) {
    case "$numberInt":
      if (text === undefined || !/^-?\d{1,10}$/.test(text) || Number(text) !== (Number(text) | 0))
        return refuse(`${form} has an int32 as text`)
      writer.int32(Number(text))
      return Type.INT32
    case "$numberLong":
      if (text === undefined || !isLong(text)) return refuse(`${form} has an int64 as text`)
      writer.int64(BigInt(text))
      return Type.INT64
    case "$numberDouble":
      if (text === undefined || !isDouble(text)) return refuse(`${form} has a number as text`)
      writer.double(Number(text))
      return Type.DOUBLE
    case "$numberDecimal":
      if (text === undefined) return refuse(`${form} has a decimal as text`)
      writer.decimal128(parseDecimal(text), 0)
      return Type.DECIMAL128
    case "$date":
      return writeDateForm(given, writer, refuse)
    case "$oid":
      if (text === undefined || !/^[0-9a-fA-F]{24}$/.test(text)) return refuse(`${form} has 24 hex digits`)
      writer.raw(hexBytes(text), 0, 12)
      return Type.OBJECT_ID
    case "$uuid":
      if (text === undefined || !/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(text)) return refuse(`${form} has a UUID`)
      writer.binary(hexBytes(text.replaceAll("-", "")), Type.UUID_SUBTYPE)
      return Type.BINARY
    case "$binary":
      return writeBinaryForm(record, writer, refuse)
    default:
      return writeRareForm(form, given, record, writer, refuse)
  }
}

type Refuse = (message: string) => never

function writeDateForm(given: Given, writer: Writer, refuse: Refuse): number {
  const long = typeof given === "object" && given !== null ? given["$numberLong"] : undefined
  if (typeof long === "string" && isLong(long)) writer.int64(BigInt(long))
  else if (typeof given === "number" && Number.isSafeInteger(given)) writer.date(given)
  else {
    const timeMs =
      typeof given === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/.test(given)
        ? Date.parse(given)
        : Number.NaN
    if (Number.isNaN(timeMs)) refuse("$date has an ISO 8601 text with a zone, or $numberLong")
    writer.date(timeMs)
  }
  return Type.DATE
}

function writeBinaryForm({ base64, subType }: Record<string, unknown>, writer: Writer, refuse: Refuse): number {
  if (typeof base64 !== "string" || typeof subType !== "string" || !/^[0-9a-fA-F]{1,2}$/.test(subType))
    return refuse("$binary has base64 and subType")
  const data = Buffer.from(base64, "base64")
  if (data.toString("base64").replace(/=+$/, "") !== base64.replace(/=+$/, "")) refuse("$binary has no valid base64")
  writer.binary(data, Number.parseInt(subType, 16))
  return Type.BINARY
}

function writeRareForm(form: string, given: Given, record: Record<string, unknown>, writer: Writer, refuse: Refuse): number {
  const { i, options, pattern, t } = record
  switch (form) {
    case "$regularExpression": {
      if (typeof pattern !== "string" || typeof options !== "string") return refuse(`${form} has pattern and options`)
      if (pattern.includes("\0") || options.includes("\0")) return refuse(`${form} has no NUL`)
      for (const text of [pattern, options]) {
        writer.utf8(text)
        writer.byte(0)
      }
      return Type.REGEX
    }
    case "$timestamp":
      if (!isUint32(t) || !isUint32(i)) return refuse(`${form} has t and i`)
      writer.int64Parts(Number(i), Number(t))
      return Type.TIMESTAMP
    case "$minKey":
    case "$maxKey":
      if (given !== 1) return refuse(`${form} has 1`)
      return form === "$minKey" ? Type.MIN_KEY : Type.MAX_KEY
    default:
      return refuse(`there is no Extended JSON type ${form}`)
  }
}

/** From 2^31 on the numbers of a text are read as int64. */
function isUint32(value: unknown): boolean {
  return (typeof value === "number" || typeof value === "bigint") && Number(value) === Number(value) >>> 0
}

function isLong(text: string): boolean {
  return /^-?\d{1,19}$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text)
}

function isDouble(text: string): boolean {
  return ["NaN", "Infinity", "-Infinity"].includes(text) || /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)
}

function hexBytes(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, index) => Number.parseInt(text.slice(index * 2, index * 2 + 2), 16))
}
