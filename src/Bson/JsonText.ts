/**
 * The byte-level pieces of JSON output: escaped strings, shortest numbers, dates, hex and base64, all written straight into a sink.
 *
 * Invariants
 * - Input strings are valid UTF-8 and go out as they are; only `"`, `\` and control characters are escaped.
 * - Doubles print as JavaScript prints them: the shortest text that reads back as the same double; -0 prints as 0.
 */
import type { ByteSink } from "./ByteSink.ts"

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
const CHUNK_BYTES = 4096
/** The longest escape: \u00XX. */
const ESCAPE_BYTES_MAX = 6

/** Writes the UTF-8 bytes [start, end) with JSON escapes, without quotes. */
export function writeEscaped(sink: ByteSink, bytes: Uint8Array, start: number, end: number): void {
  let at = start
  while (at < end) {
    const stop = end - at > CHUNK_BYTES ? at + CHUNK_BYTES : end
    sink.ensure((stop - at) * ESCAPE_BYTES_MAX)
    sink.length = escapeInto(sink.bytes, sink.length, bytes, at, stop)
    at = stop
  }
}

/** Writes a quoted JSON string. */
export function writeQuoted(sink: ByteSink, bytes: Uint8Array, start: number, end: number): void {
  if (end - start > CHUNK_BYTES) {
    sink.byte(0x22)
    writeEscaped(sink, bytes, start, end)
    sink.byte(0x22)
    return
  }
  sink.ensure((end - start) * ESCAPE_BYTES_MAX + 2)
  const out = sink.bytes
  out[sink.length] = 0x22
  const to = escapeInto(out, sink.length + 1, bytes, start, end)
  out[to] = 0x22
  sink.length = to + 1
}

/** The caller has made room for six bytes per input byte. */
function escapeInto(out: Uint8Array, to: number, bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end) {
    while (at + 4 <= end) {
      const byte0 = bytes[at]!
      const byte1 = bytes[at + 1]!
      const byte2 = bytes[at + 2]!
      const byte3 = bytes[at + 3]!
      if ((escaped[byte0]! | escaped[byte1]! | escaped[byte2]! | escaped[byte3]!) !== 0) break
      out[to] = byte0
      out[to + 1] = byte1
      out[to + 2] = byte2
      out[to + 3] = byte3
      at += 4
      to += 4
    }
    // At most the four bytes that ended the fast run: then it is tried again.
    for (const stop = Math.min(end, at + 4); at < stop; at++) {
      const byte = bytes[at]!
      if (escaped[byte] === 0) out[to++] = byte
      else to = escapeByte(out, to, byte)
    }
  }
  return to
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

/** Room for any number this file writes. */
const NUMBER_BYTES_MAX = 32

/** Writes a safe integer. */
export function writeInteger(sink: ByteSink, value: number): void {
  sink.ensure(NUMBER_BYTES_MAX)
  if (value < 0) {
    sink.bytes[sink.length++] = 0x2d
    value = -value
  }
  sink.length = writeDigits(sink.bytes, sink.length, value)
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

/** Writes a double; NaN and the infinities, which JSON lacks, as null. */
export function writeNumber(sink: ByteSink, value: number): void {
  if (Number.isSafeInteger(value)) return writeInteger(sink, value)
  if (!Number.isFinite(value)) return sink.ascii("null")
  const magnitude = Math.abs(value)
  if (magnitude < 1e13) {
    // Two decimals of at most 15 significant digits never share a double: if this one reads back, it is the shortest text.
    const cents = Math.round(magnitude * 100)
    if (cents / 100 === magnitude) return writeCents(sink, value < 0, cents)
  }
  sink.ascii(String(value))
}

function writeCents(sink: ByteSink, negative: boolean, cents: number): void {
  sink.ensure(NUMBER_BYTES_MAX)
  const out = sink.bytes
  if (negative) out[sink.length++] = 0x2d
  const whole = Math.floor(cents / 100)
  const fraction = cents - whole * 100
  let at = writeDigits(out, sink.length, whole)
  out[at++] = 0x2e
  out[at++] = tens[fraction]!
  if (fraction % 10 !== 0) out[at++] = ones[fraction]!
  sink.length = at
}

const DAY_MS = 86400000
/** JavaScript's dates end here; later ones have no ISO 8601 text. */
const DATE_MS_MAX = 8.64e15

/**
 * Writes a date as quoted ISO 8601 in UTC with milliseconds, as JavaScript's `toISOString` does (years beyond 0 to 9999 with sign and
 * six digits); beyond JavaScript's range as null.
 */
export function writeIsoDate(sink: ByteSink, timeMs: number): void {
  if (!(Math.abs(timeMs) <= DATE_MS_MAX)) return sink.ascii("null")
  sink.ensure(NUMBER_BYTES_MAX)
  const out = sink.bytes
  const days = Math.floor(timeMs / DAY_MS)
  const dayMs = timeMs - days * DAY_MS
  let at = sink.length
  out[at++] = 0x22
  at = writeCalendarDay(out, at, days)
  const seconds = Math.floor(dayMs / 1000)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  out[at++] = 0x54
  at = writePadded(out, at, hours, 2)
  out[at++] = 0x3a
  at = writePadded(out, at, minutes - hours * 60, 2)
  out[at++] = 0x3a
  at = writePadded(out, at, seconds - minutes * 60, 2)
  out[at++] = 0x2e
  at = writePadded(out, at, dayMs - seconds * 1000, 3)
  out[at++] = 0x5a
  out[at++] = 0x22
  sink.length = at
}

/** Days since 1970-01-01 as year-month-day of the Gregorian calendar: years counted from March, in eras of 400 years. */
function writeCalendarDay(out: Uint8Array, at: number, days: number): number {
  const shifted = days + 719468
  const era = Math.floor(shifted / 146097)
  const dayOfEra = shifted - era * 146097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096)) / 365
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  if (year >= 0 && year <= 9999) at = writePadded(out, at, year, 4)
  else {
    out[at++] = year < 0 ? 0x2d : 0x2b
    at = writePadded(out, at, Math.abs(year), 6)
  }
  out[at++] = 0x2d
  at = writePadded(out, at, month, 2)
  out[at++] = 0x2d
  return writePadded(out, at, day, 2)
}

/** Writes `count` bytes as lower-case hex. */
export function writeHex(sink: ByteSink, bytes: Uint8Array, at: number, count: number): void {
  sink.ensure(count * 2)
  const out = sink.bytes
  let to = sink.length
  for (let index = at; index < at + count; index++) {
    const byte = bytes[index]!
    out[to++] = HEX[byte >> 4]!
    out[to++] = HEX[byte & 15]!
  }
  sink.length = to
}

/** Writes 16 bytes in a UUID's text form. */
export function writeUuid(sink: ByteSink, bytes: Uint8Array, at: number): void {
  writeHex(sink, bytes, at, 4)
  for (let index = 4; index < 10; index += 2) {
    sink.byte(0x2d)
    writeHex(sink, bytes, at + index, 2)
  }
  sink.byte(0x2d)
  writeHex(sink, bytes, at + 10, 6)
}

/** Writes bytes as base64 with padding. */
export function writeBase64(sink: ByteSink, bytes: Uint8Array, start: number, end: number): void {
  sink.ensure(Math.ceil((end - start) / 3) * 4)
  const out = sink.bytes
  let to = sink.length
  let at = start
  for (; at + 3 <= end; at += 3) {
    const group = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
    out[to++] = BASE64[group >> 18]!
    out[to++] = BASE64[(group >> 12) & 63]!
    out[to++] = BASE64[(group >> 6) & 63]!
    out[to++] = BASE64[group & 63]!
  }
  if (at < end) {
    const group = (bytes[at]! << 16) | (at + 1 < end ? bytes[at + 1]! << 8 : 0)
    out[to++] = BASE64[group >> 18]!
    out[to++] = BASE64[(group >> 12) & 63]!
    out[to++] = at + 1 < end ? BASE64[(group >> 6) & 63]! : 0x3d
    out[to++] = 0x3d
  }
  sink.length = to
}
