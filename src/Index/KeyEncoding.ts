/**
 * Values as bytes that sort as the values do: what the keys of secondary indexes are made of.
 *
 * Invariants
 * - For any two values the order of their encodings as byte strings is `compareValues` of the values; equal values (1 and 1.0, null and
 *   missing) have the same encoding.
 * - No encoding begins another one, so encodings can stand one behind the other, and descending (every byte inverted) is the exact reverse.
 * - All values of one class, and only they, begin with the class's byte.
 * - A writer takes FIELDS_BYTES_MAX bytes. What does not fit is cut off and flagged; cut encodings are still in order, except that values
 *   that differ only behind the cut come out equal.
 *
 * An encoding is a class byte, then:
 *
 *     null, MinKey, MaxKey   nothing
 *     number                 see NumberEncoding.ts
 *     string                 its UTF-8 bytes, 00 as 01 01 and 01 as 01 02; 00
 *     document               for each element: class byte, name, 00, the rest of the value's encoding; 00
 *     array                  for each element: class byte, the rest of the value's encoding; 00
 *     binary                 length (one byte, or FF and u32 big-endian from 255 on), subtype, bytes
 *     ObjectId               12 bytes
 *     boolean                00 or 01
 *     date, timestamp        8 bytes big-endian, the date's sign bit inverted
 *     regex                  pattern, 00, options, 00
 */
import {
  CLASS_ARRAY,
  CLASS_BINARY,
  CLASS_BOOLEAN,
  CLASS_DATE,
  CLASS_DOCUMENT,
  CLASS_NUMBER,
  CLASS_OBJECT_ID,
  CLASS_REGEX,
  CLASS_STRING,
  CLASS_TIMESTAMP,
  typeClass
} from "../Bson/Compare.ts"
import * as Type from "../Bson/Type.ts"
import { documentEnd, firstElement, readInt32, readUint32, skipValue, textEnd } from "../Bson/View.ts"
import { FIELDS_BYTES_MAX, KEY_BYTES_MAX, PRIMARY_KEY_BYTES } from "./Layout.ts"
import { encodeNumber } from "./NumberEncoding.ts"

const ESCAPE = 1
const ESCAPED_ZERO = 1
const ESCAPED_ONE = 2
const END = 0
/** Lengths of binaries from here on take five bytes. */
const LONG_LENGTH = 0xff

/** The byte that all values of a class (0 to 12, see Bson/Compare.ts) begin with. Never 0, which ends documents and arrays. */
export function classByte(kind: number): number {
  return (kind + 1) << 3
}

/** Where encodings are written: a buffer for the fields of one entry, with room for a primary key behind them. */
export class KeyWriter {
  readonly bytes = new Uint8Array(KEY_BYTES_MAX)
  length = 0
  /** Whether something did not fit. */
  cut = false

  reset(): void {
    this.length = 0
    this.cut = false
  }

  byte(value: number): void {
    if (this.length < FIELDS_BYTES_MAX) this.bytes[this.length++] = value
    else this.cut = true
  }

  /** A u32, big-endian, every byte combined with `mask`. */
  word(value: number, mask: number): void {
    this.byte((value >>> 24) ^ mask)
    this.byte(((value >>> 16) & 0xff) ^ mask)
    this.byte(((value >>> 8) & 0xff) ^ mask)
    this.byte((value & 0xff) ^ mask)
  }

  raw(bytes: Uint8Array, at: number, length: number, mask: number): void {
    const fitting = Math.min(length, FIELDS_BYTES_MAX - this.length)
    const to = this.length
    for (let index = 0; index < fitting; index++) this.bytes[to + index] = bytes[at + index]! ^ mask
    this.length = to + fitting
    if (fitting < length) this.cut = true
  }

  /** Puts a primary key behind the fields; there is always room. The length of the whole entry. */
  primaryKey(key: Uint8Array, at: number): number {
    for (let index = 0; index < PRIMARY_KEY_BYTES; index++) this.bytes[this.length + index] = key[at + index]!
    return this.length + PRIMARY_KEY_BYTES
  }
}

/** Whether the fields of an entry this long may have been cut, so that the document has the last word. */
export function mayBeCut(entryLength: number): boolean {
  return entryLength >= KEY_BYTES_MAX
}

/**
 * Appends a value (type 0: missing) in ascending or descending order.
 *
 * @example
 * ```ts
 * const writer = new KeyWriter()
 * encodeValue(writer, bytes, Type.INT32, at, false)
 * ```
 */
export function encodeValue(writer: KeyWriter, bytes: Uint8Array, type: number, at: number, descending: boolean): void {
  const kind = typeClass(type)
  const mask = descending ? 0xff : 0
  writer.byte(classByte(kind) ^ mask)
  encodeRest(writer, bytes, type, kind, at, mask)
}

/**
 * Appends a value as indexes hold it: as `encodeValue` does, but an array as the empty one. Its elements have entries of their own; this one
 * says only that there is an array, so that every document has an entry, and arrays compared as a whole are found to be looked at.
 */
export function encodeIndexed(writer: KeyWriter, bytes: Uint8Array, type: number, at: number, descending: boolean): void {
  if (type !== Type.ARRAY) return encodeValue(writer, bytes, type, at, descending)
  const mask = descending ? 0xff : 0
  writer.byte(classByte(CLASS_ARRAY) ^ mask)
  writer.byte(END ^ mask)
}

/** Appends what all values of a class, and only they, begin with. */
export function encodeClass(writer: KeyWriter, kind: number, descending: boolean): void {
  writer.byte(classByte(kind) ^ (descending ? 0xff : 0))
}

/** Appends what all strings that start with these UTF-8 bytes, and only they, begin with. */
export function encodeTextPrefix(writer: KeyWriter, bytes: Uint8Array, at: number, length: number, descending: boolean): void {
  const mask = descending ? 0xff : 0
  writer.byte(classByte(CLASS_STRING) ^ mask)
  encodeText(writer, bytes, at, length, mask)
}

/**
 * Turns a byte string into the first one above all that begin with it, in place, and returns its length: with the string as inclusive
 * lower and this as exclusive upper bound a range holds exactly what begins with the string. 0 when there is none above.
 */
export function successor(bytes: Uint8Array, length: number): number {
  for (let end = length; end > 0; end--) {
    if (bytes[end - 1] === 0xff) continue
    bytes[end - 1]!++
    return end
  }
  return 0
}

/** What follows the class byte. */
function encodeRest(writer: KeyWriter, bytes: Uint8Array, type: number, kind: number, at: number, mask: number): void {
  switch (kind) {
    case CLASS_NUMBER:
      return encodeNumber(writer, bytes, type, at, mask)
    case CLASS_STRING:
      encodeText(writer, bytes, at + 4, readInt32(bytes, at) - 1, mask)
      return writer.byte(END ^ mask)
    case CLASS_DOCUMENT:
      return encodeElements(writer, bytes, at, true, mask)
    case CLASS_ARRAY:
      return encodeElements(writer, bytes, at, false, mask)
    case CLASS_BINARY:
      return encodeBinary(writer, bytes, at, mask)
    case CLASS_OBJECT_ID:
      return writer.raw(bytes, at, 12, mask)
    case CLASS_BOOLEAN:
      return writer.byte(bytes[at]! ^ mask)
    case CLASS_DATE:
      writer.word(readUint32(bytes, at + 4) ^ 0x8000_0000, mask)
      return writer.word(readUint32(bytes, at), mask)
    case CLASS_TIMESTAMP:
      writer.word(readUint32(bytes, at + 4), mask)
      return writer.word(readUint32(bytes, at), mask)
    case CLASS_REGEX:
      return encodeRegex(writer, bytes, at, mask)
  }
}

function encodeText(writer: KeyWriter, bytes: Uint8Array, at: number, length: number, mask: number): void {
  for (let index = at; index < at + length && !writer.cut; index++) {
    const byte = bytes[index]!
    if (byte > ESCAPE) writer.byte(byte ^ mask)
    else {
      writer.byte(ESCAPE ^ mask)
      writer.byte((byte === 0 ? ESCAPED_ZERO : ESCAPED_ONE) ^ mask)
    }
  }
}

function encodeElements(writer: KeyWriter, bytes: Uint8Array, at: number, named: boolean, mask: number): void {
  const end = documentEnd(bytes, at)
  let element: number = firstElement(at)
  while (element < end && !writer.cut) {
    const type: number = bytes[element]!
    const kind = typeClass(type)
    const nameEnd = textEnd(bytes, element + 1)
    writer.byte(classByte(kind) ^ mask)
    if (named) writer.raw(bytes, element + 1, nameEnd - element, mask)
    encodeRest(writer, bytes, type, kind, nameEnd + 1, mask)
    element = skipValue(bytes, type, nameEnd + 1)
  }
  writer.byte(END ^ mask)
}

function encodeBinary(writer: KeyWriter, bytes: Uint8Array, at: number, mask: number): void {
  const length = readInt32(bytes, at)
  if (length < LONG_LENGTH) writer.byte(length ^ mask)
  else {
    writer.byte(LONG_LENGTH ^ mask)
    writer.word(length, mask)
  }
  writer.raw(bytes, at + 4, length + 1, mask)
}

/** Two texts without NUL, each with its NUL behind it. */
function encodeRegex(writer: KeyWriter, bytes: Uint8Array, at: number, mask: number): void {
  const optionsAt = textEnd(bytes, at) + 1
  writer.raw(bytes, at, textEnd(bytes, optionsAt) + 1 - at, mask)
}
