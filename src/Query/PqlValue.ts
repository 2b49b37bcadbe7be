/**
 * The values of PQL: `12`, `"text"`, `long 12`, `decimal "1.5"`, `date "2026-01-01"`, `key 0190…`, lists, documents, `$parameter`.
 *
 * Invariants
 * - A number that a double cannot hold exactly as a whole number is refused, with the literal that can.
 * - A parameter becomes the value given for it; one that was not given is refused where it stands.
 */
import { type Key, parseKey } from "../Bson/Key.ts"
import { Binary, BSONRegExp, Decimal128, MaxKey, MinKey, ObjectId, Timestamp, UUID, type Value } from "../Bson/Value.ts"
import { closest } from "../Config/Closest.ts"
import type { DocumentValue } from "./Ast.ts"
import type { Lexer, Token } from "./PqlLexer.ts"
import { joined } from "./PqlPlace.ts"

/** Most levels of lists and documents inside one value, and of parentheses in one expression. */
export const PQL_DEPTH_MAX = 64

/** Values for the `$names` of a text. */
export type Parameters = { readonly [name: string]: Value }

const VALUE = ["a value"]
const LONG_MIN = -(2n ** 63n)
const LONG_MAX = 2n ** 63n - 1n
const DATE = /^(\d{4}|[+-]\d{6})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?(Z|[+-]\d\d:\d\d))?$/
const UUID_TEXT = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const BINARY_SUBTYPE_MAX = 255
const UINT32_MAX = 4294967295

/** Reads one value. `depth` is how deep it already stands. */
export function readValue(lexer: Lexer, parameters: Parameters, depth: number): Value {
  const token = lexer.peek()
  if (depth > PQL_DEPTH_MAX) lexer.refuseToken(token, [`at most ${PQL_DEPTH_MAX} levels`])
  switch (token.kind) {
    case "string":
      return lexer.next().text
    case "number":
      return readNumber(lexer)
    case "parameter":
      return readParameter(lexer, parameters)
    case "symbol":
      if (token.text === "[") return readList(lexer, parameters, depth)
      if (token.text === "{") return readDocument(lexer, parameters, depth)
      break
    case "name":
      return readNamed(lexer, token)
    default:
  }
  return lexer.refuseToken(token, VALUE)
}

/** Reads a value that has to be of one kind; anything else, and the end of the text, is refused with `what` was expected. */
export function readValueOf<A extends Value>(lexer: Lexer, parameters: Parameters, what: string, is: (value: Value) => value is A): A {
  const token = lexer.peek()
  lexer.note("a parameter")
  const value = token.kind === "end" ? undefined : readValue(lexer, parameters, 0)
  return value !== undefined && is(value) ? value : lexer.refuseToken(token, [what])
}

/** Reads `{ name: value, … }`; names may be strings. */
export function readDocument(lexer: Lexer, parameters: Parameters, depth = 0): DocumentValue {
  return readFields(lexer, () => readValue(lexer, parameters, depth + 1))
}

/** Reads `{ name: …, … }`; `readOne` reads what stands behind each colon. */
export function readFields(lexer: Lexer, readOne: () => Value): DocumentValue {
  lexer.expect("{")
  const { place } = lexer
  const { change, path } = place
  const entries = new Map<string, Value>()
  while (!lexer.accept("}")) {
    if (entries.size > 0) lexer.expect(",")
    const name = lexer.peek()
    if (name.kind !== "name" && name.kind !== "quotedName" && name.kind !== "string")
      lexer.refuseToken(name, entries.size === 0 ? ["the name of a field", "`}`"] : ["the name of a field"])
    if (entries.has(name.text)) lexer.refuseToken(name, ["each field once"])
    if (name.text.includes("\0")) lexer.refuseToken(name, ["a name without a NUL character"])
    lexer.next()
    lexer.expect(":")
    place.path = joined(path, name.text)
    place.change = undefined
    entries.set(name.text, readOne())
    place.path = path
    place.change = change
  }
  return Object.fromEntries(entries)
}

/** Reads `[ value, … ]`, or a parameter that holds a list. */
export function readList(lexer: Lexer, parameters: Parameters, depth = 0): ReadonlyArray<Value> {
  const first = lexer.peek()
  lexer.note("a parameter")
  if (first.kind === "parameter") {
    const value = readParameter(lexer, parameters)
    if (!Array.isArray(value)) lexer.refuseToken(first, ["a parameter that holds a list"])
    return value
  }
  lexer.expect("[")
  const values: Array<Value> = []
  while (!lexer.accept("]")) {
    if (values.length > 0) lexer.expect(",")
    values.push(readValue(lexer, parameters, depth + 1))
  }
  return values
}

function readParameter(lexer: Lexer, parameters: Parameters): Value {
  const token = lexer.next()
  const value = Object.hasOwn(parameters, token.text) ? parameters[token.text] : undefined
  if (value !== undefined) return value
  const known = Object.keys(parameters)
  const meant = closest(token.text, known)
  return lexer.refuseToken(token, ["a parameter that was given"], meant === undefined ? undefined : `did you mean $${meant}?`)
}

function readNumber(lexer: Lexer): number {
  const token = lexer.next()
  const value = Number(token.text)
  if (!Number.isFinite(value)) lexer.refuseToken(token, ["a number below 1.8e308"], `write decimal "${token.text}"`)
  if (/^-?\d+$/.test(token.text) && !Number.isSafeInteger(value)) {
    const inRange = fitsLong(BigInt(token.text))
    lexer.refuseToken(token, ["a whole number below 2^53"], inRange ? `write long ${token.text}` : `write decimal "${token.text}"`)
  }
  return value
}

type Literal = (lexer: Lexer, name: Token) => Value

const LITERALS: ReadonlyMap<string, Literal> = new Map<string, Literal>([
  ["true", () => true],
  ["false", () => false],
  ["null", () => null],
  ["long", readLong],
  ["double", readDouble],
  ["decimal", readDecimal],
  ["date", readDate],
  ["key", readKey],
  ["uuid", readUuid],
  ["objectId", readObjectId],
  ["binary", readBinary],
  ["regex", readRegex],
  ["timestamp", readTimestamp],
  ["minKey", () => new MinKey()],
  ["maxKey", () => new MaxKey()]
])

/** The words that begin a value, for completion. */
export const LITERAL_WORDS: ReadonlyArray<string> = [...LITERALS.keys()]

function readNamed(lexer: Lexer, token: Token): Value {
  const literal = LITERALS.get(token.text)
  if (literal === undefined) {
    const mark = lexer.mark()
    lexer.next()
    const follows = lexer.peek().kind
    lexer.reset(mark)
    const meant = follows === "string" || follows === "number" ? closest(token.text, [...LITERALS.keys()]) : undefined
    return lexer.refuseToken(token, VALUE, meant === undefined ? `text is written in quotes: "${token.text}"` : `did you mean ${meant}?`)
  }
  return literal(lexer, lexer.next())
}

function fitsLong(value: bigint): boolean {
  return value >= LONG_MIN && value <= LONG_MAX
}

function readLong(lexer: Lexer): bigint {
  const token = lexer.peek()
  if ((token.kind !== "number" && token.kind !== "string") || !/^-?\d+$/.test(token.text))
    lexer.refuseToken(token, ["a whole number after `long`"])
  const value = BigInt(token.text)
  if (!fitsLong(value)) lexer.refuseToken(token, ["a whole number of 64 bits"], `write decimal "${token.text}"`)
  lexer.next()
  return value
}

/** The doubles that have no number of their own: `double "NaN"`, `double "Infinity"`, `double "-Infinity"`. */
function readDouble(lexer: Lexer): number {
  const token = lexer.peek()
  lexer.seek('"')
  const special = ["NaN", "Infinity", "-Infinity"].includes(token.text)
  if (token.kind === "number" || (token.kind === "string" && special)) return Number(lexer.next().text)
  return lexer.refuseToken(token, ['a number, "NaN", "Infinity" or "-Infinity"'])
}

function text(lexer: Lexer, what: string, valid: (text: string) => boolean): string {
  const token = lexer.peek()
  lexer.seek('"')
  if (token.kind !== "string" || !valid(token.text)) lexer.refuseToken(token, [what])
  return lexer.next().text
}

function readDecimal(lexer: Lexer): Decimal128 {
  const token = lexer.peek()
  lexer.seek('"')
  if (token.kind !== "string" && token.kind !== "number") lexer.refuseToken(token, ['a decimal such as "1.5"'])
  try {
    const value = Decimal128.fromString(token.text)
    lexer.next()
    return value
  } catch {
    return lexer.refuseToken(token, ['a decimal such as "1.5", of at most 34 digits'])
  }
}

function readDate(lexer: Lexer): Date {
  const token = lexer.peek()
  lexer.seek('"')
  const date = token.kind === "string" ? parseDate(token.text) : undefined
  if (date === undefined) lexer.refuseToken(token, ['a date such as "2026-01-31" or "2026-01-31T12:00:00Z"'])
  lexer.next()
  return date
}

/** A date of ISO 8601 with its zone, or a day (midnight UTC); undefined when it is none or names a day that does not exist. */
function parseDate(text: string): Date | undefined {
  const found = DATE.exec(text)
  if (found === null || text.startsWith("-000000")) return undefined
  const [, year = "", month = "", day = "", hour = "00", minute = "00", second = "00", fraction = "0", zone = "Z"] = found
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, "0")}`
  const wall = new Date(`${local}Z`)
  if (Number.isNaN(wall.getTime()) || wall.toISOString() !== `${local}Z`.replace(/^\+00(?=\d{4}-)/, "")) return undefined
  const date = new Date(`${local}${zone}`)
  return Number.isNaN(date.getTime()) ? undefined : date
}

function readKey(lexer: Lexer): Key {
  const bare = lexer.acceptKey()
  if (bare !== undefined) return parseKey(bare)
  const token = lexer.peek()
  lexer.seek('"')
  const inside = token.text.replaceAll("-", "")
  if (token.kind !== "string" || !/^[0-9a-fA-F]{32}$/.test(inside)) lexer.refuseToken(token, ["a key of 32 hexadecimal digits"])
  lexer.next()
  return parseKey(inside.toLowerCase())
}

function readUuid(lexer: Lexer): UUID {
  return new UUID(text(lexer, "a UUID in quotes", (candidate) => UUID_TEXT.test(candidate)).toLowerCase())
}

function readObjectId(lexer: Lexer): ObjectId {
  return new ObjectId(text(lexer, "an ObjectId of 24 hexadecimal digits in quotes", (candidate) => /^[0-9a-fA-F]{24}$/.test(candidate)))
}

/** `binary "base64"`, or with its subtype `binary 5 "base64"`. */
function readBinary(lexer: Lexer): Binary {
  const token = lexer.peek()
  let subtype = 0
  if (token.kind === "number") {
    subtype = Number(token.text)
    if (!Number.isInteger(subtype) || subtype < 0 || subtype > BINARY_SUBTYPE_MAX) lexer.refuseToken(token, ["a subtype from 0 to 255"])
    lexer.next()
  }
  const base64 = text(lexer, "bytes in base64 in quotes", (candidate) => BASE64.test(candidate))
  return new Binary(Buffer.from(base64, "base64"), subtype)
}

/** `regex "pattern"`, or with its options `regex "pattern" "i"`: the value, not a condition. */
function readRegex(lexer: Lexer): BSONRegExp {
  const noNul = (candidate: string): boolean => !candidate.includes("\0")
  const pattern = text(lexer, "a pattern in quotes", noNul)
  return new BSONRegExp(pattern, lexer.peek().kind === "string" ? text(lexer, "options in quotes", (it) => /^[ilmsux]*$/.test(it)) : "")
}

/** `timestamp 1700000000 1`: seconds and a counter, both of 32 bits. */
function readTimestamp(lexer: Lexer): Timestamp {
  const part = (): number => {
    const token = lexer.peek()
    const value = Number(token.text)
    if (token.kind !== "number" || !Number.isInteger(value) || value < 0 || value > UINT32_MAX)
      lexer.refuseToken(token, [`a whole number from 0 to ${UINT32_MAX}`])
    lexer.next()
    return value
  }
  const t = part()
  return new Timestamp({ t, i: part() })
}
