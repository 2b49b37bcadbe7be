/**
 * Rows to bytes: JSON for answers, BSON for guests. Straight from the stored documents; the statement's `select` is applied on the way.
 */
import type { ByteSink } from "../Bson/ByteSink.ts"
import { writeJson } from "../Bson/Json.ts"
import * as Type from "../Bson/Type.ts"
import { readInt32 } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import { type Projection, writeProjected } from "./Projection.ts"
import type { Join, RowList } from "./RowList.ts"
import type { Link } from "./RowTexts.ts"
import type { TextUse } from "./TextUse.ts"

const OPEN = 0x5b
const COMMA = 0x2c
const CLOSE = 0x5d
const END = 0x7d

/** Holds one selected document at a time. */
const scratch = new Writer()

/**
 * Appends the rows as a JSON array, in the plain form of routes. `projection` is the statement's `select` unless given.
 *
 * @example
 * ```ts
 * executor.find(reader, statement, 0, rows)
 * writeRowsJson(sink, rows) // [{"_id":"0190…","total":"12.50"},…]
 * ```
 */
export function writeRowsJson(sink: ByteSink, rows: RowList, projection: Projection | undefined = rows.projection): void {
  sink.byte(OPEN)
  const { count } = rows
  for (let index = 0; index < count; index++) {
    if (index > 0) sink.byte(COMMA)
    writeRowJson(sink, rows, index, projection)
  }
  sink.byte(CLOSE)
}

/** Appends one row as JSON; a missing one as null. */
export function writeRowJson(sink: ByteSink, rows: RowList, index: number, projection: Projection | undefined = rows.projection): void {
  const { join, texts } = rows
  if (join !== undefined && projection === undefined) return writeJoined(sink, rows, index, join)
  if (projection === undefined && texts?.write(sink, rows.segment(index), rows.offset(index)) === true) return
  const at = rows.at(index)
  if (at < 0) sink.ascii("null")
  else if (projection === undefined) writeDocument(sink, texts, rows.bytes(index), at, rows.segment(index), rows.offset(index))
  else {
    scratch.reset()
    writeProjected(scratch, projection, rows.bytes(index), at)
    writeJson(sink, scratch.bytes, Type.DOCUMENT, 0)
  }
}

/** Appends a document as JSON, and keeps its text, with a link where it has one. */
function writeDocument(
  sink: ByteSink,
  texts: TextUse | undefined,
  bytes: Uint8Array,
  at: number,
  segment: number,
  offset: number,
  link?: Link
): void {
  const start = sink.length
  writeJson(sink, bytes, Type.DOCUMENT, at)
  texts?.add(sink, start, segment, offset, link)
}

/** Appends a row that still lacks its list, and the list in it. */
function writeJoined(sink: ByteSink, rows: RowList, index: number, { document, link, opening, read, texts: joined }: Join): void {
  const { texts } = rows
  const segment = rows.segment(index)
  const offset = rows.offset(index)
  const start = sink.length
  const made = link(index)
  if (texts?.write(sink, segment, offset) !== true)
    writeDocument(sink, texts, rows.ownBytes(index), rows.ownAt(index), segment, offset, made)
  else if (made !== undefined) texts.add(sink, start, segment, offset, made)
  sink.length-- // its end, which comes behind the list; a document has at least its `_id` in front of that
  sink.raw(opening, 0, opening.length)
  const view = document(index)
  if (view !== undefined && joined?.write(sink, view.segment, view.offset) !== true) {
    read(view)
    writeDocument(sink, joined, view.bytes, view.at, view.segment, view.offset)
  }
  sink.byte(CLOSE)
  sink.byte(END)
}

/** Appends the rows as a BSON array (its bytes; the caller has written the element's type and name). A missing row is null. */
export function appendRows(writer: Writer, rows: RowList, projection: Projection | undefined = rows.projection): void {
  const start = writer.beginDocument()
  const { count } = rows
  for (let index = 0; index < count; index++) {
    const at = rows.at(index)
    writer.index(at < 0 ? Type.NULL : Type.DOCUMENT, index)
    if (at >= 0) appendRow(writer, rows, index, projection)
  }
  writer.endDocument(start)
}

/** Appends one row, which is not missing, as a BSON document. */
export function appendRow(writer: Writer, rows: RowList, index: number, projection: Projection | undefined = rows.projection): void {
  const bytes = rows.bytes(index)
  const at = rows.at(index)
  if (projection === undefined) writer.raw(bytes, at, readInt32(bytes, at))
  else writeProjected(writer, projection, bytes, at)
}
