/**
 * What the pipes do.
 *
 * Invariants
 * - A pipe takes any value; one that it cannot use goes through as null, which prints as nothing.
 * - Results depend on the arguments and on the place of the service only: no locale, no clock, no time zone but UTC.
 */
import { ByteSink } from "../Bson/ByteSink.ts"
import { writeJson } from "../Bson/Json.ts"
import * as Type from "../Bson/Type.ts"
import { encodeValue } from "../Bson/Value.ts"
import { textLengthMax } from "./Limits.ts"
import { countOf, isList, ListCursor } from "./Lists.ts"
import { currencyDecimals, fixedText, grouped } from "./NumberText.ts"
import { type Page, renderLimit } from "./Page.ts"
import { patternTokens, type PipeName } from "./Pipes.ts"
import { isRows, read, Reference, textOf, type RenderValue } from "./Values.ts"

export type Pipe = (page: Page, value: RenderValue, first: RenderValue, second: RenderValue, third: RenderValue) => RenderValue

/** Characters that cost one step. */
const charactersPerStep = 256

/** The text of a value, charged to the page; null when it has none. */
function charged(page: Page, value: RenderValue): string | null {
  if (value === null || isList(value) || (value instanceof Reference && value.type === Type.DOCUMENT)) return null
  const text = textOf(value)
  page.spend(1 + text.length / charactersPerStep)
  return text
}

function bounded(text: string): string {
  if (text.length > textLengthMax) throw renderLimit("textLengthMax", textLengthMax)
  return text
}

function onText(change: (text: string) => string): Pipe {
  return (page, value) => {
    const text = charged(page, value)
    return text === null ? null : bounded(change(text))
  }
}

const number: Pipe = (_page, value, decimals, separator, point) => {
  const fixed =
    typeof decimals === "number"
      ? fixedText(value, decimals)
      : typeof value === "number" || typeof value === "bigint" || value instanceof Reference
        ? textOf(value)
        : undefined
  if (fixed === undefined || fixed === "") return null
  if (separator === null && point === null) return fixed
  return bounded(grouped(fixed, textOf(separator), point === null ? "." : textOf(point)))
}

const money: Pipe = (_page, value, currency) => {
  const name = textOf(currency)
  const fixed = fixedText(value, currencyDecimals(name))
  if (fixed === undefined) return null
  return name === "" ? fixed : bounded(`${fixed} ${name}`)
}

const date: Pipe = (_page, value, pattern) => {
  if (!(value instanceof Date) || Number.isNaN(value.getTime())) return null
  return bounded(dateText(value, pattern === null ? "YYYY-MM-DD" : textOf(pattern)))
}

const json: Pipe = (page, value) => {
  const sink = new ByteSink(4096, textLengthMax * 3)
  try {
    if (isRows(value)) rowsJson(page, value, sink)
    else if (value instanceof Reference) writeJson(sink, value.bytes, value.type, value.at)
    else {
      const encoded = encodeValue(value)
      writeJson(sink, encoded.bytes, encoded.type, encoded.at)
    }
  } finally {
    page.spend(1 + sink.length / charactersPerStep)
  }
  return bounded(sink.toText())
}

function rowsJson(page: Page, rows: RenderValue, sink: ByteSink): void {
  const cursor = new ListCursor(page, rows)
  let separator = 0x5b
  while (cursor.next()) {
    sink.byte(separator)
    separator = 0x2c
    writeJson(sink, cursor.bytes, cursor.type === 0 ? Type.NULL : cursor.type, cursor.at)
  }
  sink.ascii(separator === 0x5b ? "[]" : "]")
}

const join: Pipe = (page, value, separator) => {
  if (!isList(value)) return null
  const between = separator === null ? ", " : textOf(separator)
  const cursor = new ListCursor(page, value)
  let text = ""
  let first = true
  while (cursor.next()) {
    const item = charged(page, cursor.type === 0 ? null : read(cursor.bytes, cursor.type, cursor.at))
    if (item === null) continue
    text = bounded(first ? item : text + between + item)
    first = false
  }
  return text
}

/** All pipes. `date` and `number` are given their literal arguments like any others. */
export const pipes: Readonly<Record<PipeName, Pipe>> = {
  upper: onText((text) => text.toUpperCase()),
  lower: onText((text) => text.toLowerCase()),
  trim: onText((text) => text.trim()),
  url: onText((text) =>
    encodeURIComponent(text.toWellFormed()).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
  ),
  link: (page, value) => {
    const text = charged(page, value)
    return text === null ? null : text.startsWith("/") && !text.startsWith("//") ? bounded(page.mountPath + text) : text
  },
  number,
  money,
  date,
  json,
  default: (_page, value, instead) => (value === null || value === "" ? instead : value),
  count: (page, value) => countOf(page, value),
  join
}

const months = "January February March April May June July August September October November December".split(" ")
const days = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ")
const two = (value: number) => String(value).padStart(2, "0")

const dateTokens: Readonly<Record<string, (date: Date) => string>> = {
  YYYY: (date) => yearText(date.getUTCFullYear()),
  YY: (date) => two(Math.abs(date.getUTCFullYear()) % 100),
  MMMM: (date) => months[date.getUTCMonth()] ?? "",
  MMM: (date) => (months[date.getUTCMonth()] ?? "").slice(0, 3),
  MM: (date) => two(date.getUTCMonth() + 1),
  M: (date) => String(date.getUTCMonth() + 1),
  DDDD: (date) => days[date.getUTCDay()] ?? "",
  DDD: (date) => (days[date.getUTCDay()] ?? "").slice(0, 3),
  DD: (date) => two(date.getUTCDate()),
  D: (date) => String(date.getUTCDate()),
  HH: (date) => two(date.getUTCHours()),
  H: (date) => String(date.getUTCHours()),
  mm: (date) => two(date.getUTCMinutes()),
  ss: (date) => two(date.getUTCSeconds()),
  SSS: (date) => String(date.getUTCMilliseconds()).padStart(3, "0")
}

function yearText(year: number): string {
  const digits = String(Math.abs(year)).padStart(4, "0")
  return year < 0 ? `-${digits}` : digits
}

/** Patterns kept in their parsed form; when there are more, all are parsed anew. */
const patternsKeptMax = 256
const patterns = new Map<string, ReadonlyArray<string>>()

/** A date in UTC by a pattern such as `YYYY-MM-DD HH:mm`. */
function dateText(value: Date, pattern: string): string {
  let tokens = patterns.get(pattern)
  if (tokens === undefined) {
    tokens = patternTokens(pattern)
    if (patterns.size >= patternsKeptMax) patterns.clear()
    patterns.set(pattern, tokens)
  }
  let text = ""
  for (const token of tokens) {
    if (Object.hasOwn(dateTokens, token)) text += dateTokens[token]!(value)
    else text += token.length > 1 && token.startsWith("[") ? token.slice(1, -1) : token
  }
  return text
}
