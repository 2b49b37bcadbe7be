/**
 * `lookup`: the rows of a statement with the documents of another store that belong to them.
 *
 * Invariants
 * - Rows that each name one `_id` get their documents by key (`JoinByKey.ts`). All others are served here by few statements: the distinct
 *   local values are asked for together, `VALUES_MAX` at a time, as one `in`; the planner finds the documents by key or by index where there
 *   is one.
 * - A document of the other store stands once in the list of a row, in the order of keys.
 * - What the rows take with their lists is held against `rowsBytesMax`.
 */
import { compilePath, type Path, type PathVisitor, resolve } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { decodeValue, encode, type Value } from "../Bson/Value.ts"
import { documentEnd, documentLength, fieldName, findElement, firstElement, skipValue, valueOffset } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import { encodeValue, KeyWriter } from "../Index/KeyEncoding.ts"
import { withRaw } from "./Accumulator.ts"
import type { Lookup } from "./Ast.ts"
import { GroupTable } from "./GroupTable.ts"
import { writeProjected } from "./Projection.ts"
import { breakBudget, type QueryLimits } from "./Reasons.ts"
import { RowList } from "./RowList.ts"

/** Values that one statement asks for. */
export const VALUES_MAX = 1000
/** About what a row takes beside its document and its list. */
const ROW_BYTES = 64
/** Type, end of the shortest name, length and end of an empty list. */
export const LIST_BYTES_MIN = 8
/** Largest buffer of rows with their lists. */
const RESULT_BYTES_MAX = 256 * 1024 * 1024

/** A lookup ready to run. */
export interface LookupProgram {
  /** Tells it from every other lookup: the store, the path that leads there, and the field that the list takes. */
  readonly name: string
  readonly store: string
  readonly foreignPath: string
  readonly local: Path
  readonly foreign: Path
  readonly as: Uint8Array
  /** How the list begins as JSON behind other fields. */
  readonly opening: Uint8Array
}

export function compileLookup({ as, foreign, local, store }: Lookup): LookupProgram {
  return {
    name: JSON.stringify([store, local, as]),
    store,
    foreignPath: foreign,
    local: compilePath(local),
    foreign: compilePath(foreign),
    as: fieldName(as),
    opening: Buffer.from(`,${JSON.stringify(as)}:[`)
  }
}

/** Numbers for values: equal values have one number. */
class Values implements PathVisitor {
  readonly table = new GroupTable()
  /** Where the values met lie; rows stay where they are meanwhile. */
  readonly wanted: Array<{ readonly bytes: Uint8Array; readonly type: number; readonly at: number }> = []
  /** The numbers of the values of the document that was looked at last. */
  seen: Array<number> = []
  readonly #key = new KeyWriter()
  #collects = true

  /** Collects the numbers of a document's values into `seen`; without `collects` those of values that were met before. */
  look(path: Path, bytes: Uint8Array, at: number, collects: boolean): void {
    this.seen = []
    this.#collects = collects
    resolve(path, bytes, at, this)
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    if (type === Type.MISSING || type === Type.NULL || type === Type.ARRAY) return false
    const key = this.#key
    key.reset()
    encodeValue(key, bytes, type, at, false)
    const whole = key.cut ? withRaw(key, bytes, type, at) : key.bytes
    const number = this.table.find(whole, key.cut ? whole.length : key.length)
    if (this.table.isNew && this.#collects) this.wanted.push({ bytes, type, at })
    // What is met only in the other store has a number beyond those that rows have.
    if (number < this.wanted.length) this.seen.push(number)
    return false
  }
}

/** Documents of the other store, each once, and which of them have which value. */
class Found {
  readonly bytes: Array<Uint8Array> = []
  readonly places: Array<number> = []
  readonly byValue: Array<Array<number> | undefined> = []
  readonly #ids = new GroupTable()
  readonly #key = new KeyWriter()

  add(rows: RowList, row: number, values: ReadonlyArray<number>): void {
    const key = this.#key
    key.reset()
    encodeValue(key, rows.bytes(row), rows.idType(row), rows.idAt(row), false)
    const document = this.#ids.find(key.bytes, key.length)
    if (!this.#ids.isNew) return
    this.bytes.push(rows.bytes(row))
    this.places.push(rows.at(row))
    for (const value of new Set(values)) (this.byValue[value] ??= []).push(document)
  }

  /** The documents with any of these values, in order. */
  of(values: ReadonlyArray<number>): ReadonlyArray<number> {
    const [only] = values
    if (values.length === 1 && only !== undefined) return this.byValue[only] ?? []
    return [...new Set(values.flatMap((value) => this.byValue[value] ?? []))].toSorted((a, b) => a - b)
  }
}

/**
 * Replaces the rows by rows with the lists of a lookup. `find` fills a list with the rows of a statement.
 */
export function applyLookup(
  lookup: LookupProgram,
  rows: RowList,
  limits: QueryLimits,
  find: (statement: Uint8Array, into: RowList) => void
): void {
  const values = new Values()
  const ofRow = Array.from({ length: rows.count }, (_, row) => {
    values.look(lookup.local, rows.bytes(row), rows.at(row), true)
    return values.seen
  })
  const found = new Found()
  const some = new RowList()
  for (let first = 0; first < values.wanted.length; first += VALUES_MAX) {
    const wanted: ReadonlyArray<Value> = values.wanted
      .slice(first, first + VALUES_MAX)
      .map(({ at, bytes, type }) => decodeValue(bytes, type, at))
    find(encode({ store: lookup.store, filter: { [lookup.foreignPath]: { $in: wanted } } }), some)
    for (let row = 0; row < some.count; row++) {
      values.look(lookup.foreign, some.bytes(row), some.at(row), false)
      found.add(some, row, values.seen)
    }
  }
  writeRows(lookup, rows, limits, (writer, row) => {
    found.of(ofRow[row] ?? []).forEach((document, index) => {
      const at = found.places[document]!
      writer.index(Type.DOCUMENT, index)
      writer.raw(found.bytes[document]!, at, documentLength(found.bytes[document]!, at))
    })
  })
}

/** Writes the elements of the list of a row. */
export type WriteList = (writer: Writer, row: number) => void

export function writeRows({ as, store }: LookupProgram, rows: RowList, limits: QueryLimits, write: WriteList): void {
  // Lists about as long as their rows; a writer of just the right size would have to be asked for all documents first.
  const writer = new Writer(Math.min(RESULT_BYTES_MAX, rows.sizeBytes * 2 + ROW_BYTES * rows.count), RESULT_BYTES_MAX)
  const starts: Array<number> = []
  for (let row = 0; row < rows.count; row++) {
    starts.push(writer.length)
    const start = beginRow(writer, rows, row, as)
    writer.name(Type.ARRAY, as)
    const list = writer.beginDocument()
    write(writer, row)
    writer.endDocument(list)
    writer.endDocument(start)
    if (writer.length > limits.rowsBytesMax) breakBudget("rowsBytesMax", limits, store)
  }
  const { bytes } = writer
  rows.reset()
  for (const at of starts) rows.push(bytes, at, documentLength(bytes, at))
}

/** Starts a row with what was selected of its document, without a field that the list takes the place of. */
function beginRow(writer: Writer, rows: RowList, row: number, as: Uint8Array): number {
  if (rows.projection !== undefined) {
    const start = writer.length
    writeProjected(writer, rows.projection, rows.bytes(row), rows.at(row))
    const taken = findElement(writer.bytes, start, as)
    if (taken < 0) {
      writer.length-- // its end, which comes behind the list
      return start
    }
    const projected = writer.bytes.slice(start, writer.length)
    writer.length = start
    return copyWithout(writer, projected, 0, as)
  }
  return copyWithout(writer, rows.bytes(row), rows.at(row), as)
}

function copyWithout(writer: Writer, bytes: Uint8Array, at: number, name: Uint8Array): number {
  const start = writer.beginDocument()
  const first = firstElement(at)
  const end = documentEnd(bytes, at)
  const taken = findElement(bytes, at, name)
  if (taken < 0) writer.raw(bytes, first, end - first)
  else {
    const next = skipValue(bytes, bytes[taken]!, valueOffset(bytes, taken))
    writer.raw(bytes, first, taken - first)
    writer.raw(bytes, next, end - next)
  }
  return start
}
