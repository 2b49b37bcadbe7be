/** Nodes of everything that is neither a number nor a container: strings, booleans, dates, ids, binary data, literals, and any. */
import { Buffer } from "node:buffer"
import { equalValues } from "../Bson/Compare.ts"
import { KEY_BYTES, readKeyText } from "../Bson/Key.ts"
import * as Type from "../Bson/Type.ts"
import { countCodePoints } from "../Bson/Utf8.ts"
import { type EncodedValue, encodeValue } from "../Bson/Value.ts"
import { DATE_MS_MAX, readInt32, readInt64Number, readString, skipValue } from "../Bson/View.ts"
import type { Writer } from "../Bson/Writer.ts"
import { parseIsoDate } from "./IsoDate.ts"
import { type Context, PLAIN_TEXT, REWRITE, SAME, SchemaNode, STRICT } from "./Node.ts"

/** Copies a value as it is and returns its type. */
function copyValue(writer: Writer, bytes: Uint8Array, type: number, at: number): number {
  writer.raw(bytes, at, skipValue(bytes, type, at) - at)
  return type
}

export class StringNode extends SchemaNode {
  readonly expected = "a string"
  private readonly minLength: number
  private readonly maxLength: number
  private readonly pattern: RegExp | undefined

  constructor(minLength: number | undefined, maxLength: number | undefined, pattern: string | undefined) {
    super()
    this.minLength = minLength ?? 0
    this.maxLength = maxLength ?? Number.POSITIVE_INFINITY
    this.pattern = pattern === undefined ? undefined : new RegExp(pattern, "u")
    if (minLength === undefined && maxLength === undefined && pattern === undefined) this.plainType = Type.STRING
  }

  check(context: Context, bytes: Uint8Array, type: number, at: number): number {
    if (type !== Type.STRING) return context.wrongType(this.expected, type)
    const byteLength = readInt32(bytes, at) - 1
    // As many bytes as the limit asks for code points: only then do they have to be counted.
    if (byteLength > this.maxLength && countCodePoints(bytes, at + 4, at + 4 + byteLength) > this.maxLength) {
      return context.report("too_long", `must have at most ${this.maxLength} characters`)
    }
    if (this.minLength > 0 && countCodePoints(bytes, at + 4, at + 4 + byteLength) < this.minLength) {
      return context.report("too_short", `must have at least ${this.minLength} characters`)
    }
    if (this.pattern !== undefined && !this.pattern.test(readString(bytes, at))) {
      return context.report("pattern", `must match ${this.pattern.source}`)
    }
    return SAME
  }

  write(_context: Context, writer: Writer, bytes: Uint8Array, type: number, at: number): number {
    return copyValue(writer, bytes, type, at)
  }
}

const truthTexts = new Map([
  ["true", true],
  ["on", true],
  ["1", true],
  ["false", false],
  ["off", false],
  ["0", false]
])

export class BooleanNode extends SchemaNode {
  readonly expected = "a boolean"
  override plainType = Type.BOOLEAN

  check(context: Context, bytes: Uint8Array, type: number, at: number): number {
    if (type === Type.STRING && context.mode === PLAIN_TEXT && truthTexts.has(readString(bytes, at))) return REWRITE
    return context.wrongType("a boolean (true or false)", type)
  }

  write(_context: Context, writer: Writer, bytes: Uint8Array, type: number, at: number): number {
    writer.boolean(type === Type.BOOLEAN ? bytes[at] === 1 : truthTexts.get(readString(bytes, at)) === true)
    return Type.BOOLEAN
  }
}

export class DateNode extends SchemaNode {
  readonly expected = "a date"

  check(context: Context, bytes: Uint8Array, type: number, at: number): number {
    if (type === Type.DATE) {
      return Math.abs(readInt64Number(bytes, at)) <= DATE_MS_MAX ? SAME : context.report("invalid", "the date is out of range")
    }
    if (type !== Type.STRING || context.mode === STRICT) return context.wrongType(this.expected, type)
    if (parseIsoDate(readString(bytes, at)) !== undefined) return REWRITE
    return context.report("invalid", "expected a date: 2026-01-31, or 2026-01-31T12:00:00Z with Z or an offset")
  }

  write(_context: Context, writer: Writer, bytes: Uint8Array, type: number, at: number): number {
    if (type === Type.DATE) return copyValue(writer, bytes, type, at)
    writer.date(parseIsoDate(readString(bytes, at)) ?? 0)
    return Type.DATE
  }
}

/** Keys and UUIDs: the same 128 bits under two subtypes. */
export class KeyNode extends SchemaNode {
  readonly expected: string
  private readonly subtype: number
  private readonly scratch = new Uint8Array(KEY_BYTES)

  constructor(subtype: number) {
    super()
    this.subtype = subtype
    this.expected = subtype === Type.KEY_SUBTYPE ? "a key" : "a UUID"
  }

  check(context: Context, bytes: Uint8Array, type: number, at: number): number {
    if (type === Type.BINARY) {
      const subtype = bytes[at + 4]!
      if (subtype === this.subtype) return SAME
      return subtype === Type.KEY_SUBTYPE || subtype === Type.UUID_SUBTYPE ? REWRITE : context.wrongType(this.expected, type)
    }
    if (type !== Type.STRING || context.mode === STRICT) return context.wrongType(this.expected, type)
    if (this.read(bytes, at)) return REWRITE
    return context.report("invalid", `expected ${this.expected}: 32 hex digits, or a UUID`)
  }

  write(_context: Context, writer: Writer, bytes: Uint8Array, type: number, at: number): number {
    if (type === Type.STRING) this.read(bytes, at)
    else this.scratch.set(bytes.subarray(at + 5, at + 5 + KEY_BYTES))
    writer.binary(this.scratch, this.subtype)
    return Type.BINARY
  }

  private read(bytes: Uint8Array, at: number): boolean {
    return readKeyText(bytes, at + 4, readInt32(bytes, at) - 1, this.scratch, 0)
  }
}

const OBJECT_ID_TEXT = /^[0-9a-fA-F]{24}$/

export class ObjectIdNode extends SchemaNode {
  readonly expected = "an ObjectId"
  override plainType = Type.OBJECT_ID

  check(context: Context, bytes: Uint8Array, type: number, at: number): number {
    if (type !== Type.STRING || context.mode === STRICT) return context.wrongType(this.expected, type)
    return OBJECT_ID_TEXT.test(readString(bytes, at)) ? REWRITE : context.report("invalid", "expected an ObjectId: 24 hex digits")
  }

  write(_context: Context, writer: Writer, bytes: Uint8Array, type: number, at: number): number {
    if (type === Type.OBJECT_ID) return copyValue(writer, bytes, type, at)
    writer.objectId(Buffer.from(readString(bytes, at), "hex"), 0)
    return Type.OBJECT_ID
  }
}

const BASE64_TEXT = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

export class BinaryNode extends SchemaNode {
  readonly expected = "binary data"
  private readonly maxLength: number

  constructor(maxLength: number | undefined) {
    super()
    this.maxLength = maxLength ?? Number.POSITIVE_INFINITY
  }

  check(context: Context, bytes: Uint8Array, type: number, at: number): number {
    const isText = type === Type.STRING && context.mode !== STRICT
    if (type !== Type.BINARY && !isText) return context.wrongType(this.expected, type)
    const text = isText ? readString(bytes, at) : ""
    if (isText && !BASE64_TEXT.test(text)) return context.report("invalid", "expected binary data as base64")
    const length = isText ? Buffer.byteLength(text, "base64") : readInt32(bytes, at)
    if (length > this.maxLength) return context.report("too_long", `must have at most ${this.maxLength} bytes`)
    return isText ? REWRITE : SAME
  }

  write(_context: Context, writer: Writer, bytes: Uint8Array, type: number, at: number): number {
    if (type === Type.BINARY) return copyValue(writer, bytes, type, at)
    writer.binary(Buffer.from(readString(bytes, at), "base64"), Type.GENERIC_SUBTYPE)
    return Type.BINARY
  }
}

export class LiteralsNode extends SchemaNode {
  readonly expected: string
  private readonly values: ReadonlyArray<EncodedValue>
  private readonly texts: ReadonlyArray<string>

  constructor(values: ReadonlyArray<string | number | boolean | null>) {
    super()
    this.values = values.map((value) => encodeValue(value))
    this.texts = values.map(String)
    this.expected = `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`
  }

  check(context: Context, bytes: Uint8Array, type: number, at: number): number {
    const index = this.indexOf(context, bytes, type, at)
    if (index < 0) return context.report("literal", `must be ${this.expected}`)
    return this.values[index]!.type === type ? SAME : REWRITE
  }

  private indexOf(context: Context, bytes: Uint8Array, type: number, at: number): number {
    for (let index = 0; index < this.values.length; index++) {
      const value = this.values[index]!
      if (equalValues(bytes, type, at, value.bytes, value.type, value.at)) return index
    }
    return type === Type.STRING && context.mode === PLAIN_TEXT ? this.texts.indexOf(readString(bytes, at)) : -1
  }

  write(context: Context, writer: Writer, bytes: Uint8Array, type: number, at: number): number {
    const value = this.values[this.indexOf(context, bytes, type, at)]!
    return copyValue(writer, value.bytes, value.type, value.at)
  }
}

export class AnyNode extends SchemaNode {
  readonly expected = "anything"

  check(): number {
    return SAME
  }

  write(_context: Context, writer: Writer, bytes: Uint8Array, type: number, at: number): number {
    return copyValue(writer, bytes, type, at)
  }
}
