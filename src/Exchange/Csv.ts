/**
 * CSV as RFC 4180 has it, with what a document needs beyond: a field that is left out is an empty cell, an empty text is `""`, null is `null`
 * without quotes and the text null is `"null"`. Values whose type the schema leaves open are Extended JSON in their cell.
 */
import type { ByteSink } from "../Bson/ByteSink.ts"
import { parseExtendedJson, writeExtendedValue } from "../Bson/ExtendedJson.ts"
import { writeJson } from "../Bson/Json.ts"
import * as Type from "../Bson/Type.ts"
import { readUtf8 } from "../Bson/Utf8.ts"
import { fieldName, findElement, readDouble, readString } from "../Bson/View.ts"
import type { Writer } from "../Bson/Writer.ts"
import type { Field, Fields } from "../Schema/Definition.ts"

const QUOTE = 0x22
const COMMA = 0x2c

/** A cell of a record. */
export interface Cell {
  readonly text: string
  readonly isQuoted: boolean
}

/** The cells of a record, or what is wrong with it. */
export function readCells(bytes: Uint8Array, start: number, end: number): ReadonlyArray<Cell> | string {
  const cells: Array<Cell> = []
  for (let at = start; ; at++) {
    const isQuoted = bytes[at] === QUOTE && at < end
    let stop = at
    if (isQuoted) {
      stop = at + 1
      while (stop < end && (bytes[stop] !== QUOTE || bytes[stop + 1] === QUOTE)) stop += bytes[stop] === QUOTE ? 2 : 1
      if (stop >= end) return `column ${cells.length + 1}: the quotes are not closed`
      cells.push({ text: readUtf8(bytes, at + 1, stop).replaceAll('""', '"'), isQuoted })
      stop++
      if (stop < end && bytes[stop] !== COMMA) return `column ${cells.length}: a comma is expected behind the closing quote`
    } else {
      while (stop < end && bytes[stop] !== COMMA)
        if (bytes[stop++] === QUOTE) return `column ${cells.length + 1}: a quote within a cell without quotes`
      cells.push({ text: readUtf8(bytes, at, stop), isQuoted })
    }
    if (stop >= end) return cells
    at = stop
  }
}

/** Fields whose values have one text each. The others are Extended JSON. */
function isPlain(field: Field): boolean {
  if (field.type === "literals") return field.values.every((value) => typeof value === "string")
  return !["array", "struct", "record", "union", "any"].includes(field.type)
}

const JSON_FORM = /^\{"\$/

/** A column of a CSV file: a field of the schema. */
export class Column {
  readonly name: string
  readonly #field: Field
  readonly #isPlain: boolean
  readonly #name: Uint8Array

  constructor(name: string, field: Field) {
    this.name = name
    this.#field = field
    this.#isPlain = isPlain(field)
    this.#name = fieldName(name)
  }

  /** Appends the element of a cell; none when it is left out. Throws what `parseExtendedJson` throws. */
  read(cell: Cell, writer: Writer): void {
    const field = this.#field
    const isNull = !cell.isQuoted && (cell.text === "null" || cell.text === "")
    if (isNull && cell.text === "" && (field.optional === true || field.default !== undefined)) return
    if (isNull && field.nullable === true) return writer.name(Type.NULL, this.#name)
    if (cell.text === "" && !cell.isQuoted && field.type !== "string") return
    const typeAt = writer.length
    writer.name(Type.STRING, this.#name)
    if (this.#isPlain && !(field.type !== "string" && JSON_FORM.test(cell.text))) return writer.string(cell.text)
    try {
      writer.bytes[typeAt] = parseExtendedJson(new TextEncoder().encode(cell.text), writer)
    } catch (error) {
      writer.length = typeAt
      throw error
    }
  }

  /** Writes the cell of a document; `scratch` is used and reset. */
  write(sink: ByteSink, scratch: ByteSink, bytes: Uint8Array, at: number): void {
    const element = findElement(bytes, at, this.#name)
    if (element < 0) return
    const type = bytes[element]!
    if (type === Type.NULL) return sink.ascii("null")
    const valueAt = element + 1 + this.#name.length
    if (type === Type.STRING && this.#isPlain) return writeQuoted(sink, readString(bytes, valueAt))
    scratch.reset()
    if (this.#isPlain) writePlain(scratch, bytes, type, valueAt)
    else writeExtendedValue(scratch, bytes, type, valueAt)
    writeQuoted(sink, scratch.toText())
  }
}

/** Numbers, dates, keys and the like: what their JSON has between the quotes, or Extended JSON where that would not come back. */
function writePlain(sink: ByteSink, bytes: Uint8Array, type: number, at: number): void {
  if (type === Type.DOUBLE && Object.is(readDouble(bytes, at), -0)) return writeExtendedValue(sink, bytes, type, at)
  writeJson(sink, bytes, type, at)
  const text = sink.toText()
  sink.reset()
  if (text === "null" || /^"[+-]\d/.test(text)) return writeExtendedValue(sink, bytes, type, at)
  sink.ascii(text.startsWith('"') ? text.slice(1, -1) : text)
}

function writeQuoted(sink: ByteSink, text: string): void {
  const needsQuotes = text === "" || text === "null" || /[",\r\n]/.test(text)
  sink.utf8(needsQuotes ? `"${text.replaceAll('"', '""')}"` : text)
}

/** The columns of a store's documents, `_id` first. */
export function columnsOf(fields: Fields): ReadonlyArray<Column> {
  return Object.entries(fields).map(([name, field]) => new Column(name, field))
}

/** The header of a file with these columns. */
export function writeHeader(sink: ByteSink, columns: ReadonlyArray<Column>): void {
  columns.forEach((column, index) => {
    if (index > 0) sink.byte(COMMA)
    writeQuoted(sink, column.name)
  })
  sink.byte(0x0a)
}
