/** Nodes of numbers: int, long, number and decimal. None of them ever rounds. */
import { compareInt64 } from "../Bson/CompareNumbers.ts"
import { DecimalParts, FINITE, parseDecimal, partsOfInt64, readDecimal, writeSmallDecimal } from "../Bson/Decimal.ts"
import * as Type from "../Bson/Type.ts"
import { isInt64Safe, readDouble, readInt32, readInt64, readInt64Number, readString } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import { BAD, type Context, PLAIN_TEXT, REWRITE, SAME, SchemaNode, STRICT } from "./Node.ts"

/** A number as JSON has it, without the texts that `Number` would also take. */
const NUMBER_TEXT = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/
const INTEGER_TEXT = /^-?(0|[1-9]\d*)$/
/** Longer numbers are refused before they are parsed. */
const NUMBER_TEXT_LENGTH_MAX = 400

/** The number that a plain text stands for, NaN when it is none. */
function numberOfText(text: string): number {
  return text.length <= NUMBER_TEXT_LENGTH_MAX && NUMBER_TEXT.test(text) ? Number(text) : Number.NaN
}

/** The value as a double when that is exact; NaN otherwise. Strings count in plain text only. */
function exactNumber(context: Context, bytes: Uint8Array, type: number, at: number): number {
  switch (type) {
    case Type.INT32:
      return readInt32(bytes, at)
    case Type.DOUBLE:
      return readDouble(bytes, at)
    case Type.INT64:
      return isInt64Safe(bytes, at) ? readInt64Number(bytes, at) : Number.NaN
    case Type.STRING:
      return context.mode === PLAIN_TEXT ? numberOfText(readString(bytes, at)) : Number.NaN
    default:
      return Number.NaN
  }
}

function isNumeric(context: Context, type: number): boolean {
  return type === Type.INT32 || type === Type.DOUBLE || type === Type.INT64 || (type === Type.STRING && context.mode === PLAIN_TEXT)
}

function checkLimits(context: Context, value: number, min: number, max: number): number {
  if (value < min) return context.report("too_small", `must be at least ${min}`)
  if (value > max) return context.report("too_large", `must be at most ${max}`)
  return SAME
}

export class IntNode extends SchemaNode {
  readonly expected = "an int"
  private readonly min: number
  private readonly max: number

  constructor(min: number | undefined, max: number | undefined) {
    super()
    this.min = min ?? -0x80000000
    this.max = max ?? 0x7fffffff
    if (min === undefined && max === undefined) this.plainType = Type.INT32
  }

  check(context: Context, bytes: Uint8Array, type: number, at: number): number {
    if (!isNumeric(context, type)) return context.wrongType(this.expected, type)
    const value = exactNumber(context, bytes, type, at)
    if (!Number.isInteger(value)) return context.report("type", "expected an int, a whole number of 32 bits")
    if (checkLimits(context, value, this.min, this.max) === BAD) return BAD
    return type === Type.INT32 ? SAME : REWRITE
  }

  write(context: Context, writer: Writer, bytes: Uint8Array, type: number, at: number): number {
    writer.int32(exactNumber(context, bytes, type, at))
    return Type.INT32
  }
}

export class NumberNode extends SchemaNode {
  readonly expected = "a number"
  private readonly min: number
  private readonly max: number

  constructor(min: number | undefined, max: number | undefined) {
    super()
    this.min = min ?? Number.NEGATIVE_INFINITY
    this.max = max ?? Number.POSITIVE_INFINITY
  }

  check(context: Context, bytes: Uint8Array, type: number, at: number): number {
    if (!isNumeric(context, type)) return context.wrongType(this.expected, type)
    const value = exactNumber(context, bytes, type, at)
    if (!Number.isFinite(value)) return context.report("type", "expected a finite number that a double holds exactly")
    if (checkLimits(context, value, this.min, this.max) === BAD) return BAD
    return type === Type.DOUBLE ? SAME : REWRITE
  }

  write(context: Context, writer: Writer, bytes: Uint8Array, type: number, at: number): number {
    writer.double(exactNumber(context, bytes, type, at))
    return Type.DOUBLE
  }
}

/** An int64 limit ready for `compareInt64`. */
function int64Bytes(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined
  const writer = new Writer(8)
  writer.int64(BigInt(text))
  return writer.toBytes()
}

export class LongNode extends SchemaNode {
  readonly expected = "a long"
  private readonly min: string | undefined
  private readonly max: string | undefined
  private readonly minBytes: Uint8Array | undefined
  private readonly maxBytes: Uint8Array | undefined
  /** The value as an int64, from `load`. */
  private readonly scratch = new Writer(8)

  constructor(min: string | undefined, max: string | undefined) {
    super()
    this.min = min
    this.max = max
    this.minBytes = int64Bytes(min)
    this.maxBytes = int64Bytes(max)
    if (min === undefined && max === undefined) this.plainType = Type.INT64
  }

  check(context: Context, bytes: Uint8Array, type: number, at: number): number {
    if (!this.load(context, bytes, type, at)) return context.wrongType("a long, a whole number of 64 bits", type)
    const value = this.scratch.bytes
    if (this.minBytes !== undefined && compareInt64(value, 0, this.minBytes, 0) < 0) {
      return context.report("too_small", `must be at least ${this.min}`)
    }
    if (this.maxBytes !== undefined && compareInt64(value, 0, this.maxBytes, 0) > 0) {
      return context.report("too_large", `must be at most ${this.max}`)
    }
    return type === Type.INT64 ? SAME : REWRITE
  }

  /** Puts the value into `scratch`; whether it is a whole number of 64 bits. */
  private load(context: Context, bytes: Uint8Array, type: number, at: number): boolean {
    const { scratch } = this
    scratch.reset()
    if (type === Type.INT64) scratch.raw(bytes, at, 8)
    else if (type === Type.STRING && context.mode !== STRICT) return this.loadText(readString(bytes, at))
    else {
      const value = exactNumber(context, bytes, type, at)
      if (!Number.isSafeInteger(value)) return false
      scratch.int64Number(value)
    }
    return true
  }

  private loadText(text: string): boolean {
    if (text.length > 20 || !INTEGER_TEXT.test(text)) return false
    const value = BigInt(text)
    if (BigInt.asIntN(64, value) !== value) return false
    this.scratch.int64(value)
    return true
  }

  write(context: Context, writer: Writer, bytes: Uint8Array, type: number, at: number): number {
    this.load(context, bytes, type, at)
    writer.raw(this.scratch.bytes, 0, 8)
    return Type.INT64
  }
}

/** Numbers of JSON that are doubles by now: with up to this many digits the double's text is what was sent. */
const EXACT_DIGITS_MAX = 15

export class DecimalNode extends SchemaNode {
  readonly expected = "a decimal"
  private readonly parts = new DecimalParts()
  private readonly scratch = new Uint8Array(16)

  check(context: Context, bytes: Uint8Array, type: number, at: number): number {
    if (type === Type.DECIMAL128) {
      readDecimal(bytes, at, this.parts)
      return this.parts.kind === FINITE ? SAME : context.report("type", "expected a finite decimal")
    }
    if (type === Type.INT32 || type === Type.INT64) return REWRITE
    if (context.mode === STRICT || (type !== Type.STRING && type !== Type.DOUBLE)) return context.wrongType(this.expected, type)
    const text = decimalTextOf(bytes, type, at)
    if (text === undefined) {
      const hint = type === Type.STRING ? "a decimal, like 1.50" : "a decimal; one of more than 15 digits has to be a string to stay exact"
      return context.report("type", `expected ${hint}`)
    }
    try {
      parseDecimal(text)
      return REWRITE
    } catch {
      return context.report("type", "expected a decimal of at most 34 digits")
    }
  }

  write(_context: Context, writer: Writer, bytes: Uint8Array, type: number, at: number): number {
    writer.decimal128(this.convert(bytes, type, at), 0)
    return Type.DECIMAL128
  }

  private convert(bytes: Uint8Array, type: number, at: number): Uint8Array {
    switch (type) {
      case Type.DECIMAL128:
        return bytes.subarray(at, at + 16)
      case Type.INT64:
        partsOfInt64(bytes, at, this.parts)
        if (this.parts.small < 0) return parseDecimal(String(readInt64(bytes, at)))
        writeSmallDecimal(this.scratch, 0, this.parts.negative, this.parts.small, 0)
        return this.scratch
      case Type.INT32: {
        const value = readInt32(bytes, at)
        writeSmallDecimal(this.scratch, 0, value < 0, Math.abs(value), 0)
        return this.scratch
      }
      default:
        return parseDecimal(decimalTextOf(bytes, type, at) ?? "")
    }
  }
}

/** The text of a decimal sent as string or number, undefined when it is none or may have lost digits. */
function decimalTextOf(bytes: Uint8Array, type: number, at: number): string | undefined {
  const text = type === Type.STRING ? readString(bytes, at) : String(readDouble(bytes, at))
  if (text.length > NUMBER_TEXT_LENGTH_MAX || !NUMBER_TEXT.test(text)) return undefined
  if (type === Type.STRING) return text
  const digits = text.replace(/e.*$/, "").replaceAll(/[-.]/g, "").replace(/^0+/, "")
  return digits.length <= EXACT_DIGITS_MAX ? text : undefined
}
