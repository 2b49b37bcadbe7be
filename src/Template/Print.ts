/**
 * Values into the page: escaped, without a string in between where they come from a document.
 *
 * Invariants
 * - Everything printed is escaped for texts and quoted attribute values at once (`& < > " '`), so one form is right in both.
 * - `printAt(…)` and `printValue(…, read(…))` write the same bytes.
 * - All functions take the offset `q` of the next byte and return the next one.
 */
import { decimalText } from "../Bson/Decimal.ts"
import { asciiInto, base64Length, base64Into, integerInto, isoDateInto, NUMBER_BYTES_MAX, numberInto, uuidInto } from "../Bson/JsonText.ts"
import * as Type from "../Bson/Type.ts"
import { readLatin1, utf8Length, writeUtf8 } from "../Bson/Utf8.ts"
import { DATE_MS_MAX, isInt64Safe, readDouble, readInt32, readInt64, readInt64Number } from "../Bson/View.ts"
import { escapeText } from "./CompiledNodes.ts"
import { blockedAddress, safeAddress } from "./Html.ts"
import { currencyDecimals, decimalInto, fixedDecimalInto, fixedTwoInto } from "./NumberText.ts"
import type { Page } from "./Page.ts"
import { pipes } from "./PipeValues.ts"
import { read, textOf, type RenderValue } from "./Values.ts"

/** Room for any decimal that is written without a string. */
const DECIMAL_BYTES_MAX = 40
/** Longest escape: `&quot;`. */
const growth = 6
/** Longer repetitions are copied by the runtime. */
const repeatedInWordsMax = 64
/** Bytes escaped with one check of room. */
const chunkBytes = 4096

/** Per byte, the number of the escape, or 0. */
const escapeOf = new Uint8Array(256)
const escapes = ["", "&amp;", "&lt;", "&gt;", "&quot;", "&#39;"].map((text) => Uint8Array.from(text, (unit) => unit.charCodeAt(0)))
for (const [index, sign] of [..."&<>\"'"].entries()) escapeOf[sign.charCodeAt(0)] = index + 1

/** Writes the string at `at`, escaped. */
export function printString(page: Page, q: number, bytes: Uint8Array, view: DataView, at: number): number {
  const start = at + 4
  const end = at + 3 + view.getInt32(at, true)
  if (end - start <= chunkBytes && end + 3 <= bytes.length) return escapeChunk(page, q, bytes, view, start, end)
  return escapeLong(page, q, bytes, view, start, end)
}

/** Strings that are long, or end so close to the end of their buffer that no whole word can be read there. */
function escapeLong(page: Page, q: number, bytes: Uint8Array, view: DataView, start: number, end: number): number {
  for (let at = start; at < end;) {
    const stop = Math.min(end, at + chunkBytes)
    if (stop + 3 <= bytes.length) q = escapeChunk(page, q, bytes, view, at, stop)
    else {
      page.room(q, (stop - at) * growth)
      q = escapeSome(page.out, q, bytes, at, stop)
    }
    at = stop
  }
  return q
}

/**
 * Four bytes a step as long as none of them needs an escape. Reads up to three bytes behind `end` and writes up to three bytes behind
 * the result; neither count for anything.
 */
function escapeChunk(page: Page, q: number, bytes: Uint8Array, view: DataView, at: number, end: number): number {
  page.room(q, (end - at) * growth)
  const out = page.view
  for (; at < end; at += 4) {
    const word = view.getInt32(at, true)
    // A byte of `quotes` is 0 for " # & ' and one of `angles` for < >; a zero byte borrows into its highest bit.
    const quotes = (word | 0x05050505) ^ 0x27272727
    const angles = (word | 0x02020202) ^ 0x3e3e3e3e
    if ((((quotes - 0x01010101) & ~quotes) | ((angles - 0x01010101) & ~angles)) & 0x80808080) {
      q = escapeSome(page.out, q, bytes, at, at + 4 < end ? at + 4 : end)
      if (at + 4 >= end) return q
    } else {
      out.setInt32(q, word, true)
      q += 4
    }
  }
  return q - (at - end)
}

/** Byte by byte. */
function escapeSome(out: Uint8Array, q: number, bytes: Uint8Array, at: number, end: number): number {
  for (; at < end; at++) {
    const byte = bytes[at]!
    const escape = escapeOf[byte]!
    if (escape === 0) out[q++] = byte
    else q = rawBytes(out, q, escapes[escape]!)
  }
  return q
}

function rawBytes(out: Uint8Array, q: number, from: Uint8Array): number {
  for (let index = 0; index < from.length; index++) out[q + index] = from[index]!
  return q + from.length
}

/** Writes the bytes [from, to) of the page once more. */
export function repeat(page: Page, q: number, from: number, to: number): number {
  const count = to - from
  page.room(q, count)
  if (count > repeatedInWordsMax) page.out.copyWithin(q, from, to)
  else for (let at = 0, out = page.view; at < count; at += 4) out.setInt32(q + at, out.getInt32(from + at, true), true)
  return q + count
}

/** Writes a text, escaped. */
export function printText(page: Page, q: number, text: string): number {
  const escaped = /[&<>"']/.test(text) ? escapeText(text) : text
  page.room(q, escaped.length < 64 ? escaped.length * 3 : utf8Length(escaped))
  return writeUtf8(escaped, page.out, q)
}

/** Writes text that needs no escape and is ASCII. */
function printAscii(page: Page, q: number, text: string): number {
  page.room(q, text.length)
  return asciiInto(page.out, q, text)
}

function printNumber(page: Page, q: number, value: number): number {
  if (!Number.isFinite(value)) return printAscii(page, q, String(value))
  page.room(q, NUMBER_BYTES_MAX)
  return numberInto(page.out, q, value)
}

/** The digits of 0 to 9999 as one word each, the first digit in the lowest byte. */
const digitWords = Int32Array.from({ length: 10_000 }, (_, value) => {
  return [...String(value)].reduceRight((word, digit) => (word << 8) | digit.charCodeAt(0), 0)
})

/** Writes the int32 at `at`. */
export function printInteger(page: Page, q: number, view: DataView, at: number): number {
  page.room(q, NUMBER_BYTES_MAX)
  const value = view.getInt32(at, true)
  if (value < 0 || value >= 10_000) return integerInto(page.out, q, value)
  page.view.setInt32(q, digitWords[value]!, true)
  return q + (value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4)
}

/** Writes the value at (bytes, type, at); nothing for null, missing values, lists and documents. */
export function printAt(page: Page, q: number, bytes: Uint8Array, view: DataView, type: number, at: number): number {
  switch (type) {
    case Type.STRING:
      return printString(page, q, bytes, view, at)
    case Type.INT32:
      return printInteger(page, q, view, at)
    case Type.DOUBLE:
      return printNumber(page, q, readDouble(bytes, at))
    case Type.BINARY:
      return printBinary(page, q, bytes, at)
    case Type.DATE:
      return printDate(page, q, readInt64Number(bytes, at))
    case Type.BOOLEAN:
      return printAscii(page, q, bytes[at] === 1 ? "true" : "false")
    case Type.INT64:
      if (isInt64Safe(bytes, at)) return printNumber(page, q, readInt64Number(bytes, at))
      return printAscii(page, q, String(readInt64(bytes, at)))
    case Type.DECIMAL128:
      return printDecimal(page, q, bytes, at)
    case Type.OBJECT_ID:
      page.room(q, 24)
      return printHex(page.view, q, bytes, at, 12)
    default:
      return q
  }
}

function printDecimal(page: Page, q: number, bytes: Uint8Array, at: number): number {
  page.room(q, DECIMAL_BYTES_MAX)
  const end = decimalInto(page.out, q, bytes, at)
  return end >= 0 ? end : printAscii(page, q, decimalText(bytes, at))
}

/** The two hex digits of each byte, the first in the lower half. */
const hexPairs = Uint16Array.from({ length: 256 }, (_, byte) => {
  const text = byte.toString(16).padStart(2, "0")
  return text.charCodeAt(0) | (text.charCodeAt(1) << 8)
})

/** An even number of bytes as hex, two of them a step. */
function printHex(out: DataView, q: number, bytes: Uint8Array, at: number, count: number): number {
  for (const end = at + count; at < end; at += 2, q += 4) out.setInt32(q, hexPairs[bytes[at]!]! | (hexPairs[bytes[at + 1]!]! << 16), true)
  return q
}

function printBinary(page: Page, q: number, bytes: Uint8Array, at: number): number {
  const length = readInt32(bytes, at)
  const subtype = bytes[at + 4]!
  page.room(q, Math.max(64, base64Length(length)))
  if (length === 16 && subtype === Type.KEY_SUBTYPE) return printHex(page.view, q, bytes, at + 5, 16)
  if (length === 16 && subtype === Type.UUID_SUBTYPE) return uuidInto(page.out, q, bytes, at + 5)
  return base64Into(page.out, q, bytes, at + 5, at + 5 + length)
}

function printDate(page: Page, q: number, timeMs: number): number {
  if (!(Math.abs(timeMs) <= DATE_MS_MAX)) return q
  page.room(q, NUMBER_BYTES_MAX)
  return isoDateInto(page.out, q, timeMs)
}

/** Writes any value; nothing for null, lists and documents. */
export function printValue(page: Page, q: number, value: RenderValue): number {
  if (typeof value === "string") return printText(page, q, value)
  if (typeof value === "number") return printNumber(page, q, value)
  if (value instanceof Date) return printDate(page, q, value.getTime())
  return value === null ? q : printAscii(page, q, textOf(value))
}

/** `value | number(2)` and `value | money(…)` straight into the page; the usual amounts without a string. */
export function printFixed(page: Page, q: number, value: RenderValue): number {
  page.room(q, NUMBER_BYTES_MAX)
  const end = typeof value === "number" ? fixedTwoInto(page.out, q, value) : -1
  return end >= 0 ? end : printValue(page, q, pipes.number(page, value, 2, null, null))
}

/** `printFixed` of the value at (bytes, type, at). */
export function printFixedAt(page: Page, q: number, bytes: Uint8Array, view: DataView, type: number, at: number): number {
  if (type === Type.DECIMAL128) {
    page.room(q, DECIMAL_BYTES_MAX)
    const end = fixedDecimalInto(page.out, q, bytes, at, 2)
    if (end >= 0) return end
  }
  if (type !== Type.DOUBLE) return printFixed(page, q, read(bytes, type, at))
  page.room(q, NUMBER_BYTES_MAX)
  const value = view.getFloat64(at, true)
  const end = fixedTwoInto(page.out, q, value)
  return end >= 0 ? end : printFixed(page, q, value)
}

/** `printMoney` of the value at (bytes, type, at). */
export function printMoneyAt(
  page: Page,
  q: number,
  bytes: Uint8Array,
  view: DataView,
  type: number,
  at: number,
  currency: RenderValue
): number {
  const simple = (type === Type.DOUBLE || type === Type.DECIMAL128) && typeof currency === "string" && currencyDecimals(currency) === 2
  if (!simple) return printMoney(page, q, read(bytes, type, at), currency)
  return printCurrency(page, printFixedAt(page, q, bytes, view, type, at), currency)
}

export function printMoney(page: Page, q: number, value: RenderValue, currency: RenderValue): number {
  const name = textOf(currency)
  if (typeof value !== "number" || currencyDecimals(name) !== 2) return printValue(page, q, pipes.money(page, value, currency, null, null))
  return printCurrency(page, printFixed(page, q, value), name)
}

function printCurrency(page: Page, q: number, name: string): number {
  if (name === "") return q
  page.room(q, 1)
  page.out[q] = 0x20
  return printText(page, q + 1, name)
}

const COLON = 0x3a

/**
 * Looks at the address that was written into [from, q): one with a scheme that is not harmless is replaced. The slow way reads one
 * character a byte: bytes of other than ASCII characters are part of no harmless scheme.
 */
export function checkAddress(page: Page, from: number, q: number): number {
  const { out } = page
  for (let at = from; ; at++) {
    if (at === q) return q
    const byte = out[at]!
    if (byte === 0x2f || byte === 0x3f || byte === 0x23) return q
    if (byte === COLON && isHttp(out, from, at)) return q
    const plain =
      (byte >= 0x61 && byte <= 0x7a) ||
      (byte >= 0x30 && byte <= 0x39) ||
      (byte >= 0x41 && byte <= 0x5a) ||
      byte === 0x2d ||
      byte === 0x2e ||
      byte === 0x5f
    if (!plain) break
  }
  if (safeAddress(readLatin1(out, from, q))) return q
  page.room(from, blockedAddress.length)
  return asciiInto(page.out, from, blockedAddress)
}

function isHttp(out: Uint8Array, from: number, colon: number): boolean {
  const length = colon - from
  if (length !== 4 && length !== 5) return false
  if (out[from] !== 0x68 || out[from + 1] !== 0x74 || out[from + 2] !== 0x74 || out[from + 3] !== 0x70) return false
  return length === 4 || out[from + 4] === 0x73
}
