/**
 * JavaScript values to BSON and back, for the edges: tests, builders, configuration, embedders. Hot paths read bytes.
 *
 * Invariants
 * - Integral numbers in the int32 range become int32, all other numbers (also -0) double; bigint becomes int64.
 * - `undefined`, functions, symbols and instances of unknown classes are refused, never dropped.
 * - Documents nest at most `DEPTH_MAX` deep, which also ends cycles.
 * - A decoded value shares no memory with the bytes it came from.
 */
import { Binary, BSONRegExp, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp, UUID } from "bson"
import { bsonFault } from "./Errors.ts"
import { Key, KEY_BYTES } from "./Key.ts"
import * as Type from "./Type.ts"
import { readUtf8 } from "./Utf8.ts"
import {
  documentEnd,
  elementName,
  firstElement,
  readDouble,
  readInt32,
  readInt64,
  readInt64Number,
  readString,
  readUint32,
  skipValue,
  textEnd,
  valueOffset
} from "./View.ts"
import { Writer } from "./Writer.ts"

export { Binary, BSONRegExp, Decimal128, Double, Int32, Key, Long, MaxKey, MinKey, ObjectId, Timestamp, UUID }

/** How deep documents and arrays may nest. */
export const DEPTH_MAX = 100

/**
 * What `encode` takes. `decode` gives the same, except that Double, Int32 and Long come back as number and bigint, and Uint8Array as Binary.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Date
  | Key
  | Decimal128
  | ObjectId
  | Binary
  | BSONRegExp
  | Timestamp
  | MinKey
  | MaxKey
  | Double
  | Int32
  | Long
  | Uint8Array
  | ReadonlyArray<Value>
  | { readonly [name: string]: Value }

/** A document as a JavaScript object. */
export type DocumentValue = { readonly [name: string]: Value }

/** Where `encode` writes; kept for the next call unless it has grown much. */
let scratch: Writer | undefined
const SCRATCH_BYTES_MAX = 64 * 1024

/**
 * The BSON bytes of a document. Faults with InvalidValue (with the path of the offender) or TooLarge.
 *
 * @example
 * ```ts
 * const bytes = encode({ name: "Margherita", price: Decimal128.fromString("8.50") })
 * ```
 */
export function encode(document: DocumentValue): Uint8Array<ArrayBuffer> {
  // Taken away while in use: a getter of the document might encode something itself.
  const writer = scratch ?? new Writer()
  scratch = undefined
  writer.reset()
  encodeInto(writer, document)
  const bytes = writer.toBytes()
  if (writer.bytes.length <= SCRATCH_BYTES_MAX) scratch = writer
  return bytes
}

/** Appends the BSON bytes of a document to `writer`. Faults as `encode` does; the writer then holds a torn tail. */
export function encodeInto(writer: Writer, document: DocumentValue): void {
  if (!isPlainObject(document)) throw invalidValue([], 0, "a document has to be a plain object")
  writeDocument(writer, document, [], 1)
}

/** A single value ready for use as (bytes, type, at): `bytes` is a document with the value as its only element, named "". */
export interface EncodedValue {
  readonly bytes: Uint8Array
  readonly type: number
  readonly at: number
}

/** Encodes one value of any type. Faults with InvalidValue. */
export function encodeValue(value: Value): EncodedValue {
  const bytes = encode({ "": value })
  return { bytes, type: bytes[4]!, at: 6 }
}

/** The names on the way to the value being written: as many of them as it is deep. */
export type Trail = Array<string>

function invalidValue(trail: Trail, depth: number, message: string): Error {
  return bsonFault({ _tag: "InvalidValue", path: trail.slice(0, depth).join("."), message })
}

function isPlainObject(value: unknown): value is DocumentValue {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function writeDocument(writer: Writer, document: DocumentValue, trail: Trail, depth: number): void {
  if (depth > DEPTH_MAX) throw invalidValue(trail, depth - 1, `documents nest at most ${DEPTH_MAX} deep`)
  const start = writer.beginDocument()
  for (const name of Object.keys(document)) writeElement(writer, name, document[name], trail, depth)
  writer.endDocument(start)
}

function writeArray(writer: Writer, values: ReadonlyArray<Value>, trail: Trail, depth: number): void {
  if (depth > DEPTH_MAX) throw invalidValue(trail, depth - 1, `documents nest at most ${DEPTH_MAX} deep`)
  const start = writer.beginDocument()
  for (let index = 0; index < values.length; index++) writeElement(writer, String(index), values[index], trail, depth)
  writer.endDocument(start)
}

/**
 * Appends an element to the document that `writer` has begun, which is the `depth`th one it is in. Faults as `encode` does, with the names of `trail`
 * in front of the path; the writer then holds a torn tail.
 */
export function writeElement(writer: Writer, name: string, value: Value | undefined, trail: Trail, depth: number): void {
  trail[depth - 1] = name
  const typeAt = writer.length
  writer.name(Type.NULL, name)
  const type = writeValue(writer, value, trail, depth)
  writer.bytes[typeAt] = type
}

/** Writes the value's bytes and returns its type. */
function writeValue(writer: Writer, value: Value | undefined, trail: Trail, depth: number): number {
  switch (typeof value) {
    case "string":
      writer.string(value)
      return Type.STRING
    case "number":
      return writeNumber(writer, value)
    case "boolean":
      writer.boolean(value)
      return Type.BOOLEAN
    case "bigint":
      if (BigInt.asIntN(64, value) !== value) throw invalidValue(trail, depth, `${value} does not fit a 64-bit integer`)
      writer.int64(value)
      return Type.INT64
    case "object":
      if (value === null) return Type.NULL
      return writeObject(writer, value, trail, depth)
    default:
      throw invalidValue(
        trail,
        depth,
        value === undefined ? "undefined has no BSON form: leave the field out, or use null" : `a ${typeof value} has no BSON form`
      )
  }
}

function writeNumber(writer: Writer, value: number): number {
  if ((value | 0) === value && !Object.is(value, -0)) {
    writer.int32(value)
    return Type.INT32
  }
  writer.double(value)
  return Type.DOUBLE
}

function writeObject(
  writer: Writer,
  value: Exclude<Value, string | number | boolean | bigint | null>,
  trail: Trail,
  depth: number
): number {
  if (Array.isArray(value)) {
    writeArray(writer, value, trail, depth + 1)
    return Type.ARRAY
  }
  if (value instanceof Date) return writeDate(writer, value, trail, depth)
  if (value instanceof Key) {
    writer.key(value.bytes, 0)
    return Type.BINARY
  }
  if (value instanceof Uint8Array) {
    writer.binary(value, Type.GENERIC_SUBTYPE)
    return Type.BINARY
  }
  if (isPlainObject(value)) {
    writeDocument(writer, value, trail, depth + 1)
    return Type.DOCUMENT
  }
  return writeInstance(writer, value, trail, depth)
}

function writeDate(writer: Writer, value: Date, trail: Trail, depth: number): number {
  const timeMs = value.getTime()
  if (Number.isNaN(timeMs)) throw invalidValue(trail, depth, "an invalid Date has no BSON form")
  writer.date(timeMs)
  return Type.DATE
}

/** The classes of npm `bson`. */
function writeInstance(writer: Writer, value: unknown, trail: Trail, depth: number): number {
  if (value instanceof ObjectId) writer.objectId(value.id, 0)
  else if (value instanceof Decimal128) writer.decimal128(value.bytes, 0)
  else if (value instanceof Binary) writer.binary(value.buffer.subarray(0, value.position), value.sub_type)
  else if (value instanceof Int32) writer.int32(value.value)
  else if (value instanceof Double) writer.double(value.value)
  else if (value instanceof Long) writer.int64Parts(value.low, value.high)
  else if (value instanceof BSONRegExp) writeRegex(writer, value, trail, depth)
  else if (!(value instanceof MinKey || value instanceof MaxKey))
    throw invalidValue(trail, depth, `an instance of ${className(value)} has no BSON form`)
  return instanceType(value)
}

function instanceType(value: unknown): number {
  if (value instanceof ObjectId) return Type.OBJECT_ID
  if (value instanceof Decimal128) return Type.DECIMAL128
  if (value instanceof Binary) return Type.BINARY
  if (value instanceof Int32) return Type.INT32
  if (value instanceof Double) return Type.DOUBLE
  // A Timestamp is a Long to npm bson, so it has to be asked for first.
  if (value instanceof Timestamp) return Type.TIMESTAMP
  if (value instanceof Long) return Type.INT64
  if (value instanceof BSONRegExp) return Type.REGEX
  return value instanceof MinKey ? Type.MIN_KEY : Type.MAX_KEY
}

function className(value: unknown): string {
  return typeof value === "object" && value !== null ? (value.constructor?.name ?? "an unknown class") : typeof value
}

function writeRegex(writer: Writer, value: BSONRegExp, trail: Trail, depth: number): void {
  for (const text of [value.pattern, value.options]) {
    if (text.includes("\0")) throw invalidValue(trail, depth, "a regular expression cannot hold a NUL")
    writer.utf8(text)
    writer.byte(0)
  }
}

/**
 * The document at `at` as a JavaScript object. The bytes have passed `validate`.
 * UUIDs come as npm bson's `UUID`, keys as `Key`, other binary data as `Binary`; int64 as bigint, int32 and double as number.
 */
export function decode(bytes: Uint8Array, at = 0): Record<string, Value> {
  const document: Record<string, Value> = {}
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end;) {
    const name = elementName(bytes, element)
    const valueAt = valueOffset(bytes, element)
    const type = bytes[element]!
    const value = decodeValue(bytes, type, valueAt)
    // A plain assignment to this one name would change the prototype instead.
    if (name === "__proto__") Object.defineProperty(document, name, { value, enumerable: true, configurable: true, writable: true })
    else document[name] = value
    element = skipValue(bytes, type, valueAt)
  }
  return document
}

function decodeArray(bytes: Uint8Array, at: number): ReadonlyArray<Value> {
  const values: Array<Value> = []
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end;) {
    const valueAt = valueOffset(bytes, element)
    values.push(decodeValue(bytes, bytes[element]!, valueAt))
    element = skipValue(bytes, bytes[element]!, valueAt)
  }
  return values
}

/** The value (bytes, type, at) as a JavaScript value; see `decode`. */
export function decodeValue(bytes: Uint8Array, type: number, at: number): Value {
  switch (type) {
    case Type.DOUBLE:
      return readDouble(bytes, at)
    case Type.STRING:
      return readString(bytes, at)
    case Type.DOCUMENT:
      return decode(bytes, at)
    case Type.ARRAY:
      return decodeArray(bytes, at)
    case Type.BINARY:
      return decodeBinary(bytes, at)
    case Type.OBJECT_ID:
      return new ObjectId(bytes.slice(at, at + 12))
    case Type.BOOLEAN:
      return bytes[at] === 1
    case Type.DATE:
      return new Date(readInt64Number(bytes, at))
    case Type.NULL:
      return null
    case Type.REGEX:
      return decodeRegex(bytes, at)
    case Type.INT32:
      return readInt32(bytes, at)
    case Type.TIMESTAMP:
      return new Timestamp({ t: readUint32(bytes, at + 4), i: readUint32(bytes, at) })
    case Type.INT64:
      return readInt64(bytes, at)
    case Type.DECIMAL128:
      return new Decimal128(bytes.slice(at, at + 16))
    case Type.MIN_KEY:
      return new MinKey()
    case Type.MAX_KEY:
      return new MaxKey()
    default:
      throw bsonFault({ _tag: "InvalidBson", offset: at, path: "", message: `${Type.typeName(type)} is not stored by Planck` })
  }
}

function decodeBinary(bytes: Uint8Array, at: number): Value {
  const length = readInt32(bytes, at)
  const subtype = bytes[at + 4]!
  const data = bytes.slice(at + 5, at + 5 + length)
  if (length === KEY_BYTES && subtype === Type.KEY_SUBTYPE) return new Key(data)
  if (length === KEY_BYTES && subtype === Type.UUID_SUBTYPE) return new UUID(data)
  return new Binary(data, subtype)
}

function decodeRegex(bytes: Uint8Array, at: number): Value {
  const patternEnd = textEnd(bytes, at)
  return new BSONRegExp(readUtf8(bytes, at, patternEnd), readUtf8(bytes, patternEnd + 1, textEnd(bytes, patternEnd + 1)))
}
