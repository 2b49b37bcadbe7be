/**
 * `lookup`: the rows of a statement with the documents of another store that belong to them.
 *
 * Invariants
 * - Rows that each name one `_id` get their documents by key. All others are served by few statements: the distinct local values are asked
 *   for together, `VALUES_MAX` at a time, as one `in`; the planner finds the documents by key or by index where there is one.
 * - A document of the other store stands once in the list of a row, in the order of keys.
 * - What the rows take with their lists is held against `rowsBytesMax`.
 */
import { compilePath, type Path, type PathVisitor, resolve } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { decodeValue, encode, type Value } from "../Bson/Value.ts"
import { documentEnd, documentLength, fieldName, findElement, firstElement, skipValue, valueOffset } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import { encodeValue, KeyWriter } from "../Index/KeyEncoding.ts"
import { TwoFields } from "../Match/Fields.ts"
import { DocumentView } from "../Storage/Reader.ts"
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
const LIST_BYTES_MIN = 8
const NOTHING: Uint8Array = new Uint8Array(0)
/** Largest buffer of rows with their lists. */
const RESULT_BYTES_MAX = 256 * 1024 * 1024

/** A lookup ready to run. */
export interface LookupProgram {
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

/** Finds the document of the other store whose `_id` is equal to a value. */
type GetById = (bytes: Uint8Array, type: number, at: number, out: DocumentView) => boolean

/** The one value a row's path leads to. */
class OnlyValue implements PathVisitor {
  count = 0
  bytes = NOTHING
  type = 0
  at = 0

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    if (type === Type.MISSING || type === Type.NULL || type === Type.ARRAY) return false
    this.bytes = bytes
    this.type = type
    this.at = at
    return ++this.count > 1
  }
}

/** What rows have by key. */
interface ByKey {
  /** For each row its document, or none. */
  readonly views: ReadonlyArray<DocumentView | undefined>
  /** Whether no row has a field of the list's name yet. */
  readonly isFree: boolean
}

/**
 * For each row the document whose `_id` is its only value; undefined when a row has several values, or one that may be equal to an `_id` of
 * another type. Nothing for a row without one.
 */
function findByKey({ as, local }: LookupProgram, rows: RowList, get: GetById): ByKey | undefined {
  const value = new OnlyValue()
  const fields = new TwoFields()
  const name = local.components.length === 1 ? local.components[0]!.name : undefined
  const views: Array<DocumentView | undefined> = []
  let isFree = true
  for (let row = 0; row < rows.count; row++) {
    const rowBytes = rows.bytes(row)
    const rowAt = rows.at(row)
    value.count = 0
    fields.find(rowBytes, rowAt, name ?? as, as)
    isFree &&= fields.second < 0
    if (name === undefined || (fields.first >= 0 && rowBytes[fields.first] === Type.ARRAY)) resolve(local, rowBytes, rowAt, value)
    else if (fields.first >= 0) value.visit(rowBytes, rowBytes[fields.first]!, fields.first + 1 + name.length)
    const { at, bytes, count, type } = value
    if (count > 1 || (count === 1 && (type === Type.DOUBLE || type === Type.DECIMAL128))) return undefined
    const view = new DocumentView()
    views.push(count === 1 && get(bytes, type, at, view) ? view : undefined)
  }
  return { views, isFree }
}

/** Gives each row a list with its document or none: at once, or, where rows have no field of that name, when somebody needs their bytes. */
function joinByKey(lookup: LookupProgram, rows: RowList, limits: QueryLimits, { isFree, views }: ByKey): void {
  const finish = (): void =>
    writeRows(lookup, rows, limits, (writer, row) => {
      const view = views[row]
      if (view === undefined) return
      writer.index(Type.DOCUMENT, 0)
      writer.raw(view.bytes, view.at, view.length)
    })
  let bytes = rows.sizeBytes + rows.count * LIST_BYTES_MIN
  for (const view of views) bytes += view?.length ?? 0
  if (!isFree || rows.projection !== undefined) return finish()
  if (bytes > limits.rowsBytesMax) breakBudget("rowsBytesMax", limits, lookup.store)
  rows.join = { opening: lookup.opening, document: (row) => views[row], finish }
}

/**
 * Replaces the rows by rows with the lists of a lookup. `find` fills a list with the rows of a statement, `get` finds a document of the other
 * store by its `_id`.
 */
export function applyLookup(
  lookup: LookupProgram,
  rows: RowList,
  limits: QueryLimits,
  find: (statement: Uint8Array, into: RowList) => void,
  get: GetById
): void {
  const single = lookup.foreignPath === "_id" ? findByKey(lookup, rows, get) : undefined
  if (single !== undefined) return joinByKey(lookup, rows, limits, single)
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
type WriteList = (writer: Writer, row: number) => void

function writeRows({ as, store }: LookupProgram, rows: RowList, limits: QueryLimits, write: WriteList): void {
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
