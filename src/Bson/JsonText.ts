/**
 * The byte-level pieces of JSON output: escaped strings, shortest numbers, dates, hex and base64.
 *
 * Invariants
 * - A function called `…Into` writes at `to`, returns the offset behind what it wrote, and trusts its caller to have made room.
 * - Input strings are valid UTF-8 and go out as they are; only `"`, `\` and control characters are escaped.
 * - Doubles print as JavaScript prints them: the shortest text that reads back as the same double; -0 prints as 0.
 */
import type { ByteSink } from "./ByteSink.ts"
import { viewOf } from "./View.ts"

export { DATE_MS_MAX } from "./View.ts"

const HEX = new Uint8Array(16)
for (let index = 0; index < 16; index++) HEX[index] = "0123456789abcdef".charCodeAt(index)

const BASE64 = new Uint8Array(64)
for (let index = 0; index < 64; index++)
  BASE64[index] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".charCodeAt(index)

/** 1 for bytes that a JSON string cannot hold as they are. */
const escaped = new Uint8Array(256)
escaped.fill(1, 0, 0x20)
escaped[0x22] = 1
escaped[0x5c] = 1

/** The letter behind the backslash for control characters that have one. */
const shortEscapes = new Uint8Array(256)
shortEscapes[0x08] = 0x62
shortEscapes[0x09] = 0x74
shortEscapes[0x0a] = 0x6e
shortEscapes[0x0c] = 0x66
shortEscapes[0x0d] = 0x72
shortEscapes[0x22] = 0x22
shortEscapes[0x5c] = 0x5c

/** Tens and ones of 0 to 99, as characters. */
const tens = new Uint8Array(100)
const ones = new Uint8Array(100)
for (let index = 0; index < 100; index++) {
  tens[index] = 0x30 + Math.floor(index / 10)
  ones[index] = 0x30 + (index % 10)
}

/** How many input bytes are escaped between two checks of the sink's room. */
const CHUNK_BYTES = 16 * 1024
/** The longest escape, \\u00XX, is this many times longer than its byte. */
export const ESCAPE_GROWTH = 6

/** Writes the UTF-8 bytes [start, end) with JSON escapes, without quotes. For strings of any length. */
export function writeEscaped(sink: ByteSink, bytes: Uint8Array, start: number, end: number): void {
  const view = viewOf(bytes)
  let at = start
  while (at < end) {
    const stop = end - at > CHUNK_BYTES ? at + CHUNK_BYTES : end
    sink.ensure((stop - at) * ESCAPE_GROWTH)
    sink.length = escapeInto(sink.bytes, sink.view, sink.length, bytes, view, at, stop)
    at = stop
  }
}

/**
 * Whether any of the four bytes of a word is a control character, a quote or a backslash. Subtracting sets the top bit of a byte that is
 * below what is taken away; bytes beyond ASCII have it set anyway, so only when one is set at all are they told apart.
 */
function needsEscape(word: number): boolean {
  const quote = word ^ 0x22222222
  const backslash = word ^ 0x5c5c5c5c
  if ((((word - 0x20202020) | (quote - 0x01010101) | (backslash - 0x01010101)) & 0x80808080) === 0) return false
  return ((((word - 0x20202020) & ~word) | ((quote - 0x01010101) & ~quote) | ((backslash - 0x01010101) & ~backslash)) & 0x80808080) !== 0
}

/** The first `count` (1 to 3) bytes of a word, and spaces behind them. */
function cutWord(word: number, count: number): number {
  const mask = (1 << (count << 3)) - 1
  return (word & mask) | (0x20202020 & ~mask)
}

/**
 * Escapes the UTF-8 bytes [start, end) to `to`, four at a time where nothing has to be escaped; returns the offset behind them.
 * Needs room for `ESCAPE_GROWTH` bytes per byte, and 4 more. The views are those of the byte arrays.
 */
export function escapeInto(
  out: Uint8Array,
  outView: DataView,
  to: number,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number
): number {
  const lastWord = end - 4
  let at = start
  while (at < end) {
    while (at <= lastWord) {
      const word = view.getInt32(at, true)
      if (needsEscape(word)) break
      outView.setInt32(to, word, true)
      at += 4
      to += 4
    }
    const left = end - at
    if (left < 4 && left > 0 && at + 4 <= bytes.length) {
      const cut = cutWord(view.getInt32(at, true), left)
      if (!needsEscape(cut)) {
        outView.setInt32(to, cut, true)
        return to + left
      }
    }
    for (const stop = left > 4 ? at + 4 : end; at < stop; at++) {
      const byte = bytes[at]!
      if (escaped[byte] === 0) out[to++] = byte
      else to = escapeByte(out, to, byte)
    }
  }
  return to
}

/**
 * Copies the C string at `at` to `to` as far as nothing has to be escaped, and returns its length; -1 when something has to be.
 * Needs room for its length. (Names are short: a byte at a time beats a word at a time.)
 */
export function plainNameInto(out: Uint8Array, to: number, bytes: Uint8Array, at: number): number {
  let cursor = at
  let byte = bytes[cursor]!
  // NUL counts as one to be escaped, so one test per byte is enough.
  while (escaped[byte] === 0) {
    out[to++] = byte
    byte = bytes[++cursor]!
  }
  return byte === 0 ? cursor - at : -1
}

function escapeByte(out: Uint8Array, to: number, byte: number): number {
  out[to] = 0x5c
  const letter = shortEscapes[byte]!
  if (letter !== 0) {
    out[to + 1] = letter
    return to + 2
  }
  out[to + 1] = 0x75
  out[to + 2] = 0x30
  out[to + 3] = 0x30
  out[to + 4] = HEX[byte >> 4]!
  out[to + 5] = HEX[byte & 15]!
  return to + 6
}

/** Room for any number or date this file writes. */
export const NUMBER_BYTES_MAX = 32

/** Writes a safe integer; returns the offset behind it. Needs room for `NUMBER_BYTES_MAX`. */
export function integerInto(out: Uint8Array, to: number, value: number): number {
  if (value >= 0) return writeDigits(out, to, value)
  out[to] = 0x2d
  return writeDigits(out, to + 1, -value)
}

/** Writes ASCII text; returns the offset behind it. Needs room for its length. */
export function asciiInto(out: Uint8Array, to: number, text: string): number {
  for (let index = 0; index < text.length; index++) out[to + index] = text.charCodeAt(index)
  return to + text.length
}

/** The digits of a non-negative safe integer; returns the offset behind them. */
function writeDigits(out: Uint8Array, at: number, value: number): number {
  if (value < 10) {
    out[at] = 0x30 + value
    return at + 1
  }
  if (value > 0x7fffffff) {
    const high = Math.floor(value / 100000000)
    const start = writeDigits(out, at, high)
    return writePadded(out, start, value - high * 100000000, 8)
  }
  return writePadded(out, at, value, digitCount(value))
}

/** The number of digits of 0 to 2^31 - 1. */
function digitCount(value: number): number {
  if (value < 100) return value < 10 ? 1 : 2
  if (value < 10000) return value < 1000 ? 3 : 4
  if (value < 1000000) return value < 100000 ? 5 : 6
  if (value < 100000000) return value < 10000000 ? 7 : 8
  return value < 1000000000 ? 9 : 10
}

/** `count` digits of a 31-bit number, with leading zeros; returns the offset behind them. */
function writePadded(out: Uint8Array, at: number, value: number, count: number): number {
  const end = at + count
  let rest = value | 0
  let cursor = end
  while (cursor - at >= 2) {
    const quotient = (rest / 100) | 0
    const pair = rest - quotient * 100
    out[--cursor] = ones[pair]!
    out[--cursor] = tens[pair]!
    rest = quotient
  }
  if (cursor > at) out[at] = 0x30 + (rest % 10)
  return end
}

/** Writes a double, NaN and the infinities (which JSON lacks) as null; returns the offset behind it. Needs room for `NUMBER_BYTES_MAX`. */
export function numberInto(out: Uint8Array, to: number, value: number): number {
  if (Number.isSafeInteger(value)) return integerInto(out, to, value)
  const magnitude = Math.abs(value)
  if (magnitude < 1e13) {
    // Two decimals of at most 15 significant digits never share a double: if this one reads back, it is the shortest text.
    const cents = Math.round(magnitude * 100)
    if (cents / 100 === magnitude) return centsInto(out, to, value < 0, cents)
  }
  return asciiInto(out, to, Number.isFinite(value) ? String(value) : "null")
}

function centsInto(out: Uint8Array, to: number, negative: boolean, cents: number): number {
  if (negative) out[to++] = 0x2d
  const whole = cents <= 0x7fffffff ? (cents / 100) | 0 : Math.floor(cents / 100)
  const fraction = cents - whole * 100
  let at = writeDigits(out, to, whole)
  out[at++] = 0x2e
  out[at++] = tens[fraction]!
  if (fraction % 10 !== 0) out[at++] = ones[fraction]!
  return at
}

const DAY_MS = 86400000

/**
 * Writes a date as ISO 8601 in UTC with milliseconds, as JavaScript's `toISOString` does (years beyond 0 to 9999 with sign and six
 * digits); returns the offset behind it. Needs room for `NUMBER_BYTES_MAX`, and a time within `DATE_MS_MAX`.
 */
export function isoDateInto(out: Uint8Array, to: number, timeMs: number): number {
  const days = Math.floor(timeMs / DAY_MS)
  const dayMs = (timeMs - days * DAY_MS) | 0
  const seconds = (dayMs / 1000) | 0
  const minutes = (seconds / 60) | 0
  const hours = (minutes / 60) | 0
  let at = writeCalendarDay(out, to, days)
  out[at] = 0x54
  at = pairInto(out, at + 1, hours)
  out[at] = 0x3a
  at = pairInto(out, at + 1, minutes - hours * 60)
  out[at] = 0x3a
  at = pairInto(out, at + 1, seconds - minutes * 60)
  out[at] = 0x2e
  at = writePadded(out, at + 1, dayMs - seconds * 1000, 3)
  out[at] = 0x5a
  return at + 1
}

/** Two digits. */
function pairInto(out: Uint8Array, at: number, value: number): number {
  out[at] = tens[value]!
  out[at + 1] = ones[value]!
  return at + 2
}

/** Days since 1970-01-01 as year-month-day of the Gregorian calendar: years counted from March, in eras of 400 years. */
function writeCalendarDay(out: Uint8Array, at: number, days: number): number {
  const slot = days & (CACHED_DAYS - 1)
  if (cachedDays[slot] === days) {
    for (let index = 0; index < DAY_BYTES; index++) out[at + index] = cachedTexts[slot * DAY_BYTES + index]!
    return at + DAY_BYTES
  }
  const end = convertCalendarDay(out, at, days)
  if (end - at === DAY_BYTES) {
    cachedDays[slot] = days
    for (let index = 0; index < DAY_BYTES; index++) cachedTexts[slot * DAY_BYTES + index] = out[at + index]!
  }
  return end
}

/** Days as dates hold them are few: their texts are kept, each in the one slot it may have. */
const CACHED_DAYS = 256
const DAY_BYTES = 10
const cachedDays = new Float64Array(CACHED_DAYS).fill(Number.NaN)
const cachedTexts = new Uint8Array(CACHED_DAYS * DAY_BYTES)

function convertCalendarDay(out: Uint8Array, at: number, days: number): number {
  const shifted = (days + 719468) | 0
  const era = shifted >= 0 ? (shifted / 146097) | 0 : Math.floor(shifted / 146097) | 0
  const dayOfEra = shifted - era * 146097
  const yearOfEra = ((dayOfEra - ((dayOfEra / 1460) | 0) + ((dayOfEra / 36524) | 0) - ((dayOfEra / 146096) | 0)) / 365) | 0
  const dayOfYear = dayOfEra - (365 * yearOfEra + (yearOfEra >> 2) - ((yearOfEra / 100) | 0))
  const monthFromMarch = ((5 * dayOfYear + 2) / 153) | 0
  const day = dayOfYear - (((153 * monthFromMarch + 2) / 5) | 0) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  if (year >= 0 && year <= 9999) at = pairInto(out, pairInto(out, at, (year / 100) | 0), year % 100)
  else {
    out[at] = year < 0 ? 0x2d : 0x2b
    at = writePadded(out, at + 1, Math.abs(year), 6)
  }
  out[at] = 0x2d
  at = pairInto(out, at + 1, month)
  out[at] = 0x2d
  return pairInto(out, at + 1, day)
}

/** Writes `count` bytes as lower-case hex; returns the offset behind them. Needs room for twice as many. */
export function hexInto(out: Uint8Array, to: number, bytes: Uint8Array, at: number, count: number): number {
  for (let index = at; index < at + count; index++) {
    const byte = bytes[index]!
    out[to] = HEX[byte >> 4]!
    out[to + 1] = HEX[byte & 15]!
    to += 2
  }
  return to
}

/** The two hex digits of every byte, as the little-endian 16 bits that they are in memory. */
const hexPairs = new Uint16Array(256)
for (let byte = 0; byte < 256; byte++) hexPairs[byte] = HEX[byte >> 4]! | (HEX[byte & 15]! << 8)

/** The 16 bytes at `at` as hex, a pair of digits at a time; returns the offset behind them. Needs room for 32 bytes. */
export function keyInto(outView: DataView, to: number, bytes: Uint8Array, at: number): number {
  for (let index = 0; index < 16; index++) outView.setUint16(to + index * 2, hexPairs[bytes[at + index]!]!, true)
  return to + 32
}

/** Writes 16 bytes in a UUID's text form; returns the offset behind it. Needs room for 36 bytes. */
export function uuidInto(out: Uint8Array, to: number, bytes: Uint8Array, at: number): number {
  to = hexInto(out, to, bytes, at, 4)
  for (let index = 4; index < 10; index += 2) {
    out[to] = 0x2d
    to = hexInto(out, to + 1, bytes, at + index, 2)
  }
  out[to] = 0x2d
  return hexInto(out, to + 1, bytes, at + 10, 6)
}

/** The length of the base64 form of `count` bytes. */
export function base64Length(count: number): number {
  return Math.ceil(count / 3) * 4
}

/** Writes the bytes [start, end) as base64 with padding; returns the offset behind it. Needs room for `base64Length`. */
export function base64Into(out: Uint8Array, to: number, bytes: Uint8Array, start: number, end: number): number {
  let at = start
  for (; at + 3 <= end; at += 3) {
    const group = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
    out[to] = BASE64[group >> 18]!
    out[to + 1] = BASE64[(group >> 12) & 63]!
    out[to + 2] = BASE64[(group >> 6) & 63]!
    out[to + 3] = BASE64[group & 63]!
    to += 4
  }
  if (at === end) return to
  const group = (bytes[at]! << 16) | (at + 1 < end ? bytes[at + 1]! << 8 : 0)
  out[to] = BASE64[group >> 18]!
  out[to + 1] = BASE64[(group >> 12) & 63]!
  out[to + 2] = at + 1 < end ? BASE64[(group >> 6) & 63]! : 0x3d
  out[to + 3] = 0x3d
  return to + 4
}
