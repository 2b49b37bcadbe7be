/**
 * JSON text to BSON bytes in one pass, for text from outside.
 *
 * Invariants
 * - Accepts RFC 8259 and nothing more: no comments, no trailing commas, no byte order mark, nothing behind the value.
 * - Refused with line and column: a name that an object has twice, a name with a NUL, invalid UTF-8, nesting deeper than `depthMax`,
 *   a number that is too large for a double.
 * - Numbers without fraction and exponent become int32, else int64, else double, whichever holds them first; all others, and -0, double.
 * - Escaped lone surrogates become U+FFFD.
 * - On a fault nothing of the value stays in the writer.
 */
import { findDuplicateName } from "./DuplicateNames.ts"
import { bsonFault } from "./Errors.ts"
import * as Type from "./Type.ts"
import { findInvalidUtf8, isValidUtf8, readLatin1 } from "./Utf8.ts"
import { DEPTH_MAX } from "./Value.ts"
import { firstElement, nextElement, writeInt32 } from "./View.ts"
import type { Writer } from "./Writer.ts"

export interface JsonLimits {
  /** How deep objects and arrays may nest. Default `DEPTH_MAX`. */
  readonly depthMax?: number
}

/**
 * Appends the value of the JSON text in `text` to `writer` and returns its BSON type; the value starts at the writer's former length.
 * Faults with InvalidJson (line, column) or TooLarge (the writer's limit); the writer is then as it was.
 *
 * @example
 * ```ts
 * const writer = new Writer()
 * const type = parseJson(body, writer)
 * if (type === Type.DOCUMENT) decode(writer.bytes, 0)
 * ```
 */
export function parseJson(text: Uint8Array, writer: Writer, limits: JsonLimits = {}): number {
  const start = writer.length
  try {
    return new JsonReader(text, writer, limits.depthMax ?? DEPTH_MAX).read()
  } catch (error) {
    writer.length = start
    throw error
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const REPLACEMENT = 0xfffd

/** 1 for bytes that end a run of plain characters in a string. */
const endsRun = new Uint8Array(256)
endsRun.fill(1, 0, 0x20)
endsRun[QUOTE] = 1
endsRun[BACKSLASH] = 1

/** What the letter behind a backslash stands for; 0 when it is none. */
const escapes = new Uint8Array(256)
escapes[QUOTE] = QUOTE
escapes[BACKSLASH] = BACKSLASH
escapes[0x2f] = 0x2f
escapes[0x62] = 0x08
escapes[0x66] = 0x0c
escapes[0x6e] = 0x0a
escapes[0x72] = 0x0d
escapes[0x74] = 0x09

/** Digits that a double surely holds, and the largest power of ten it holds exactly. */
const SAFE_DIGITS = 15
const EXACT_POWER_MAX = 22

class JsonReader {
  private readonly text: Uint8Array
  private readonly end: number
  private readonly writer: Writer
  private depthLeft: number
  private at = 0
  /** Where in the text the names of the objects being read are: to say where a duplicate is. */
  private readonly nameOffsets: Array<number> = []

  constructor(text: Uint8Array, writer: Writer, depthMax: number) {
    this.text = text
    this.end = text.length
    this.writer = writer
    this.depthLeft = depthMax
  }

  read(): number {
    if (!isValidUtf8(this.text, 0, this.end)) this.fail(findInvalidUtf8(this.text, 0, this.end), "the text is not valid UTF-8")
    this.skipSpace()
    const type = this.value()
    this.skipSpace()
    if (this.at < this.end) this.fail(this.at, "expected the end of the text")
    return type
  }

  private fail(offset: number, message: string): never {
    let line = 1
    let column = 1
    for (let at = 0; at < offset; at++) {
      const byte = this.text[at]!
      if (byte === 0x0a) {
        line++
        column = 1
      } else if ((byte & 0xc0) !== 0x80) column++
    }
    throw bsonFault({ _tag: "InvalidJson", offset, line, column, message: `line ${line}, column ${column}: ${message}` })
  }

  private unexpected(expected: string): never {
    if (this.at >= this.end) this.fail(this.at, `expected ${expected}, found the end of the text`)
    this.fail(this.at, `expected ${expected}, found ${describeByte(this.text[this.at]!)}`)
  }

  private skipSpace(): void {
    while (this.at < this.end) {
      const byte = this.text[this.at]!
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return
      this.at++
    }
  }

  /** Writes the value at the cursor and returns its type. */
  private value(): number {
    if (this.at >= this.end) this.unexpected("a value")
    const byte = this.text[this.at]!
    switch (byte) {
      case QUOTE:
        this.stringValue()
        return Type.STRING
      case 0x7b:
        return this.object()
      case 0x5b:
        return this.array()
      case 0x74:
        this.word("true")
        this.writer.boolean(true)
        return Type.BOOLEAN
      case 0x66:
        this.word("false")
        this.writer.boolean(false)
        return Type.BOOLEAN
      case 0x6e:
        this.word("null")
        return Type.NULL
      default:
        if (byte === 0x2d || isDigit(byte)) return this.number()
        return this.unexpected("a value")
    }
  }

  private word(word: string): void {
    for (let index = 0; index < word.length; index++) {
      if (this.text[this.at + index] !== word.charCodeAt(index)) this.fail(this.at, `expected "${word}"`)
    }
    this.at += word.length
  }

  private enter(): number {
    if (this.depthLeft === 0) this.fail(this.at, "objects and arrays nest too deep")
    this.depthLeft--
    this.at++
    this.skipSpace()
    return this.writer.beginDocument()
  }

  private leave(start: number): void {
    this.at++
    this.depthLeft++
    this.writer.endDocument(start)
  }

  private object(): number {
    const writer = this.writer
    const firstName = this.nameOffsets.length
    const start = this.enter()
    if (this.text[this.at] !== 0x7d) {
      for (;;) {
        if (this.text[this.at] !== QUOTE) this.unexpected("a name in double quotes")
        this.nameOffsets.push(this.at)
        const typeAt = writer.length
        writer.byte(0)
        this.nameText()
        this.skipSpace()
        if (this.text[this.at] !== 0x3a) this.unexpected('":"')
        this.at++
        this.skipSpace()
        const type = this.value()
        writer.bytes[typeAt] = type
        this.skipSpace()
        if (this.text[this.at] !== 0x2c) break
        this.at++
        this.skipSpace()
      }
      if (this.text[this.at] !== 0x7d) this.unexpected('"," or "}"')
    }
    this.leave(start)
    const duplicate = findDuplicateName(writer.bytes, start)
    if (duplicate >= 0) this.failDuplicate(start, duplicate, firstName)
    this.nameOffsets.length = firstName
    return Type.DOCUMENT
  }

  private failDuplicate(start: number, duplicate: number, firstName: number): never {
    let index = firstName
    for (let element = firstElement(start); element < duplicate; index++) element = nextElement(this.writer.bytes, element)
    this.fail(this.nameOffsets[index]!, "the object has this name already")
  }

  private array(): number {
    const writer = this.writer
    const start = this.enter()
    if (this.text[this.at] !== 0x5d) {
      for (let index = 0; ; index++) {
        const typeAt = writer.length
        writer.index(0, index)
        const type = this.value()
        writer.bytes[typeAt] = type
        this.skipSpace()
        if (this.text[this.at] !== 0x2c) break
        this.at++
        this.skipSpace()
      }
      if (this.text[this.at] !== 0x5d) this.unexpected('"," or "]"')
    }
    this.leave(start)
    return Type.ARRAY
  }

  private nameText(): void {
    const start = this.writer.length
    const textAt = this.at
    if (this.characters()) {
      const { bytes, length } = this.writer
      for (let at = start; at < length; at++) if (bytes[at] === 0) this.fail(textAt, "a name cannot hold a NUL")
    }
    this.writer.byte(0)
  }

  private stringValue(): void {
    const writer = this.writer
    const start = writer.length
    writer.int32(0)
    this.characters()
    writer.byte(0)
    writeInt32(writer.bytes, start, writer.length - start - 4)
  }

  /**
   * Writes the characters of the string at the cursor, which is on its opening quote, and moves behind the closing one. Whether there was
   * an escape: only then can there be a NUL.
   */
  private characters(): boolean {
    const text = this.text
    const opening = this.at++
    let isEscaped = false
    for (;;) {
      let stop = this.at
      while (stop < this.end && endsRun[text[stop]!] === 0) stop++
      if (stop > this.at) this.writer.raw(text, this.at, stop - this.at)
      this.at = stop
      if (stop >= this.end) this.fail(opening, "a string does not end")
      if (text[stop] === QUOTE) break
      if (text[stop] !== BACKSLASH) this.fail(stop, `a string holds ${describeByte(text[stop]!)}: write it as an escape`)
      this.escape()
      isEscaped = true
    }
    this.at++
    return isEscaped
  }

  private escape(): void {
    const letter = this.text[this.at + 1] ?? 0
    if (letter === 0x75) {
      const unit = this.hexUnit(this.at + 2)
      this.at += 6
      this.codePoint(unit)
      return
    }
    if (escapes[letter] === 0) this.fail(this.at, "an unknown escape in a string")
    this.writer.byte(escapes[letter]!)
    this.at += 2
  }

  private hexUnit(at: number): number {
    let unit = 0
    for (let index = 0; index < 4; index++) {
      const byte = this.text[at + index] ?? 0
      const lower = byte | 0x20
      const digit = isDigit(byte) ? byte - 0x30 : lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
      if (digit < 0) this.fail(at - 2, "an escape \\u needs four hex digits")
      unit = unit * 16 + digit
    }
    return unit
  }

  /** Writes the character of a \u escape; a high surrogate takes the low one that follows. */
  private codePoint(unit: number): void {
    const isHigh = unit >= 0xd800 && unit < 0xdc00
    if (isHigh && this.text[this.at] === BACKSLASH && this.text[this.at + 1] === 0x75) {
      const low = this.hexUnit(this.at + 2)
      if (low >= 0xdc00 && low < 0xe000) {
        this.at += 6
        return this.writer.utf8(String.fromCharCode(unit, low))
      }
    }
    this.writer.utf8(String.fromCharCode(unit >= 0xd800 && unit < 0xe000 ? REPLACEMENT : unit))
  }

  private number(): number {
    const text = this.text
    const start = this.at
    const negative = text[start] === 0x2d
    let at = negative ? start + 1 : start
    const digits = at
    let mantissa = 0
    while (isDigit(text[at]!)) mantissa = mantissa * 10 + text[at++]! - 0x30
    let digitCount = at - digits
    this.at = at
    if (digitCount === 0) this.unexpected("a digit")
    if (digitCount > 1 && text[digits] === 0x30) this.fail(start, "a number starts with 0")
    if (text[at] !== 0x2e && (text[at]! | 0x20) !== 0x65) return this.integer(start, negative, digitCount, mantissa)
    let fractionCount = 0
    if (text[at] === 0x2e) {
      const fraction = ++at
      while (isDigit(text[at]!)) mantissa = mantissa * 10 + text[at++]! - 0x30
      fractionCount = at - fraction
      digitCount += fractionCount
      this.at = at
      if (fractionCount === 0) this.unexpected("a digit")
    }
    const exponent = this.exponent()
    if (!exponent && digitCount <= SAFE_DIGITS && fractionCount <= EXACT_POWER_MAX) {
      // Both operands are exact, so the one division rounds correctly.
      const magnitude = mantissa / 10 ** fractionCount
      this.writer.double(negative ? -magnitude : magnitude)
    } else this.roundedDouble(start)
    return Type.DOUBLE
  }

  /** Moves behind an exponent; whether there is one. */
  private exponent(): boolean {
    if (((this.text[this.at] ?? 0) | 0x20) !== 0x65) return false
    this.at++
    if (this.text[this.at] === 0x2b || this.text[this.at] === 0x2d) this.at++
    if (!isDigit(this.text[this.at]!)) this.unexpected("a digit")
    while (isDigit(this.text[this.at]!)) this.at++
    return true
  }

  private integer(start: number, negative: boolean, digitCount: number, mantissa: number): number {
    if (digitCount > SAFE_DIGITS) return this.longInteger(start, digitCount)
    const value = negative ? -mantissa : mantissa
    if (value === 0 && negative) {
      this.writer.double(-0)
      return Type.DOUBLE
    }
    if ((value | 0) === value) {
      this.writer.int32(value)
      return Type.INT32
    }
    this.writer.int64Number(value)
    return Type.INT64
  }

  private longInteger(start: number, digitCount: number): number {
    // 19 digits hold every int64; a longer text is not worth a bigint.
    const value = digitCount <= 19 ? BigInt(readLatin1(this.text, start, this.at)) : undefined
    if (value !== undefined && BigInt.asIntN(64, value) === value) {
      this.writer.int64(value)
      return Type.INT64
    }
    this.roundedDouble(start)
    return Type.DOUBLE
  }

  private roundedDouble(start: number): void {
    const value = Number(readLatin1(this.text, start, this.at))
    if (!Number.isFinite(value)) this.fail(start, "the number is too large")
    this.writer.double(value)
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

function describeByte(byte: number): string {
  if (byte > 0x20 && byte < 0x7f) return `"${String.fromCharCode(byte)}"`
  return byte === 0x20
    ? "a space"
    : byte < 0x20
      ? `the control character 0x${byte.toString(16).padStart(2, "0")}`
      : "a character beyond ASCII"
}
