/**
 * Text in and out of bytes, without a new array or view per string.
 *
 * Invariants
 * - Short ASCII never leaves JavaScript: a call into the runtime costs more than copying a few dozen characters.
 * - Lone surrogates become U+FFFD, so what is written is always valid UTF-8.
 * - Works on plain `Uint8Array`s: the runtime's string functions are borrowed from `Buffer.prototype`, which accept any byte array.
 */
import { Buffer, isUtf8 } from "node:buffer"

interface NativeText {
  utf8Write(this: Uint8Array, text: string, at: number, lengthMax: number): number
  utf8Slice(this: Uint8Array, start: number, end: number): string
  latin1Slice(this: Uint8Array, start: number, end: number): string
}

// Node's type package leaves these long-standing methods out.
const native = Buffer.prototype as unknown as NativeText

/** Below this many characters, a loop in JavaScript beats the runtime call. */
const SHORT_LENGTH_MAX = 40

/** Room that is enough for the UTF-8 form of any text of this many UTF-16 units. */
export function utf8BytesMax(units: number): number {
  return units * 3
}

/** The bytes of the UTF-8 form of `text`. */
export function utf8Length(text: string): number {
  return Buffer.byteLength(text, "utf8")
}

/**
 * Writes `text` as UTF-8 at `at` and returns the offset behind it. The caller has made room for `utf8BytesMax(text.length)` bytes.
 *
 * @example
 * ```ts
 * const bytes = new Uint8Array(16)
 * writeUtf8("é", bytes, 0) // => 2
 * ```
 */
export function writeUtf8(text: string, bytes: Uint8Array, at: number): number {
  const length = text.length
  if (length > SHORT_LENGTH_MAX) return at + native.utf8Write.call(bytes, text, at, bytes.length - at)
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index)
    if (unit >= 0x80) return at + native.utf8Write.call(bytes, text, at, bytes.length - at)
    bytes[at + index] = unit
  }
  return at + length
}

/** The text of the UTF-8 bytes in [start, end). Invalid sequences read as U+FFFD. */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > SHORT_LENGTH_MAX / 2) return native.utf8Slice.call(bytes, start, end)
  let text = ""
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    if (byte >= 0x80) return native.utf8Slice.call(bytes, start, end)
    text += String.fromCharCode(byte)
  }
  return text
}

/** Names of fields, stores and templates are few and are read again and again: each of up to `NAME_BYTES_MAX` has one place it may be kept in. */
const NAME_BYTES_MAX = 32
const NAME_PLACES = 1024
const nameTexts: Array<string> = Array.from({ length: NAME_PLACES }, () => "")
const nameLengths = new Uint8Array(NAME_PLACES)
const nameBytes = new Uint8Array(NAME_PLACES * NAME_BYTES_MAX)

/** As `readUtf8`, for texts that come up often: one that was read lately is not made again. */
export function readName(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  if (length > NAME_BYTES_MAX) return readUtf8(bytes, start, end)
  let hash = length
  for (let at = start; at < end; at++) hash = Math.imul(hash, 31) + bytes[at]!
  const place = (hash ^ (hash >>> 10)) & (NAME_PLACES - 1)
  const kept = place * NAME_BYTES_MAX
  if (nameLengths[place] === length) {
    let same = 0
    while (same < length && nameBytes[kept + same] === bytes[start + same]) same++
    if (same === length) return nameTexts[place]!
  }
  for (let index = 0; index < length; index++) nameBytes[kept + index] = bytes[start + index]!
  nameLengths[place] = length
  return (nameTexts[place] = readUtf8(bytes, start, end))
}

/** One character per byte: distinct byte strings give distinct texts. For map keys, not for people. */
export function readLatin1(bytes: Uint8Array, start: number, end: number): string {
  return native.latin1Slice.call(bytes, start, end)
}

/** The number of code points in valid UTF-8 bytes [start, end). */
export function countCodePoints(bytes: Uint8Array, start: number, end: number): number {
  let count = 0
  for (let at = start; at < end; at++) if ((bytes[at]! & 0xc0) !== 0x80) count++
  return count
}

/** Whether [start, end) is valid UTF-8 (no overlong forms, no surrogates, nothing above U+10FFFF). */
export function isValidUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  const shortEnd = Math.min(end, start + 64)
  let at = start
  while (at < shortEnd && bytes[at]! < 0x80) at++
  return at === end || isUtf8(bytes.subarray(at, end))
}

/** The offset of the first byte in [start, end) that breaks UTF-8, or -1. Slow: to say where, once `isValidUtf8` said no. */
export function findInvalidUtf8(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end;) {
    const lead = bytes[at]!
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    if (at + length > end || !isUtf8(bytes.subarray(at, at + length))) return at
    at += length
  }
  return -1
}
