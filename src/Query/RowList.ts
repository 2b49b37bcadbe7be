/**
 * The rows of a reply: where each document lies. Documents stay where their reader shows them; nothing is copied.
 *
 * Invariants
 * - Rows are valid until the reader they came from closes (a transaction: ends), or `reset`. Nobody writes into their bytes.
 * - A list holds at most `rowsMax` rows and `rowsBytesMax` bytes of documents; the executor checks before it pushes.
 * - A row may be a place in the value log whose document was not read yet: it is when somebody asks for its bytes. In the same way the
 *   documents of a lookup may not be in their rows yet (`join`): they are once somebody asks for the bytes of any.
 * - `reset` lets go of every document.
 */
import { DocumentView, type Reader } from "../Storage/Reader.ts"
import type { Projection } from "./Projection.ts"
import type { Link } from "./RowTexts.ts"
import type { TextUse } from "./TextUse.ts"

/** Offset of the type of `_id` in a document whose first element it is, and of its value. */
const ID_TYPE_OFFSET = 4
const ID_VALUE_OFFSET = 9

/** Stands in a list for a document that was asked for by key and is not there. */
const MISSING_AT = -1
/** Stands in a list for a document that was not read yet. */
const UNREAD_AT = -2
const NOTHING = new Uint8Array(0)
const NO_NUMBERS = new Float64Array(0)

/** Numbers of a row: where its document lies in its bytes, its length, and its place in the value log: segment, offset, LSN. */
const ROW_NUMBERS = 5
const LENGTH = 1
const SEGMENT = 2
const OFFSET = 3
const LSN = 4
const ROWS_MIN = 32
/** A list that had more rows makes a smaller array the next time. */
const ROWS_KEPT_MAX = 4096

/** A document of another store for each row, in a list at the end of the row. */
export interface Join {
  /** The name of the list as JSON, with a comma before and `:[` behind it. */
  readonly opening: Uint8Array
  /** Texts of the other store's documents, when they are asked for. */
  readonly texts: TextUse | undefined
  /** The document of a row. */
  readonly document: (row: number) => DocumentView | undefined
  /** What to keep beside the text of a row that was joined anew. */
  readonly link: (row: number) => Link | undefined
  /** Reads such a document: it may be unread. */
  readonly read: (document: DocumentView) => void
  /** Makes rows that have their lists of those that have not. */
  readonly finish: () => void
}

export class RowList {
  /** Number of rows. */
  count = 0
  /** Bytes of all rows' documents. */
  sizeBytes = 0
  /** What of each row the statement selected; undefined = everything. Applied where rows are written out. */
  projection: Projection | undefined
  /** What is still to be put into the rows. JSON can be written without. */
  join: Join | undefined
  /** Texts of rows that were written out before, when they are asked for. */
  texts: TextUse | undefined
  /** As long as the most rows there were, up to ROWS_KEPT_MAX: an array cut to nothing would be made anew by the next row. */
  readonly #bytes: Array<Uint8Array> = []
  /** None before the first row: many a list is made for a change, which has no rows, and an array of this length is dear to make. */
  #numbers = NO_NUMBERS
  readonly #view = new DocumentView()
  #reader: Reader | undefined

  /** The array that row `index` lies in. */
  bytes(index: number): Uint8Array {
    if (this.join !== undefined) this.finish()
    return this.ownBytes(index)
  }

  /** Where in `bytes(index)` the row's document begins; -1 when it is missing (only `getMany` has such rows). */
  at(index: number): number {
    if (this.join !== undefined) this.finish()
    return this.ownAt(index)
  }

  /** Puts into the rows what is still to be put into them. */
  finish(): void {
    const { join } = this
    this.join = undefined
    join?.finish()
  }

  /** As `bytes`, but of the row as it was found: without the list that it still lacks. */
  ownBytes(index: number): Uint8Array {
    if (this.#numbers[index * ROW_NUMBERS] === UNREAD_AT) this.#read(index)
    return this.#bytes[index]!
  }

  /** Where in `ownBytes(index)` that begins. */
  ownAt(index: number): number {
    if (this.#numbers[index * ROW_NUMBERS] === UNREAD_AT) this.#read(index)
    return this.#numbers[index * ROW_NUMBERS]!
  }

  /** The segment of the value log that row `index` lies in, 0 when it lies in none. */
  segment(index: number): number {
    return this.#numbers[index * ROW_NUMBERS + SEGMENT]!
  }

  /** Where in its segment row `index` lies. */
  offset(index: number): number {
    return this.#numbers[index * ROW_NUMBERS + OFFSET]!
  }

  /** The BSON type of the row's `_id`. */
  idType(index: number): number {
    return this.bytes(index)[this.at(index) + ID_TYPE_OFFSET]!
  }

  /** Where in `bytes(index)` the value of the row's `_id` lies. */
  idAt(index: number): number {
    return this.at(index) + ID_VALUE_OFFSET
  }

  /** Adds the document of `length` bytes at `bytes[at]` as a row. */
  push(bytes: Uint8Array, at: number, length: number): void {
    this.#place(bytes, at, length, 0, 0, 0)
  }

  /** Adds a document that `reader` has found. */
  pushFound(reader: Reader, { at, bytes, isRead, length, lsn, offset, segment }: DocumentView): void {
    this.#reader = reader
    this.#place(isRead ? bytes : NOTHING, isRead ? at : UNREAD_AT, length, segment, offset, lsn)
  }

  /** Takes the last row away again. */
  pop(): void {
    this.#bytes[--this.count] = NOTHING
    this.sizeBytes -= this.#numbers[this.count * ROW_NUMBERS + LENGTH]!
  }

  /** Adds a row for a document that is not there. */
  pushMissing(): void {
    this.#place(NOTHING, MISSING_AT, 0, 0, 0, 0)
  }

  /** Forgets all rows. */
  reset(): void {
    if (this.#bytes.length > ROWS_KEPT_MAX) this.#bytes.length = 0
    else for (let row = 0; row < this.count; row++) this.#bytes[row] = NOTHING
    this.count = 0
    this.sizeBytes = 0
    this.projection = undefined
    this.join = undefined
    this.#reader = undefined
    if (this.#numbers.length > ROWS_KEPT_MAX * ROW_NUMBERS) this.#numbers = NO_NUMBERS
  }

  #place(bytes: Uint8Array, at: number, length: number, segment: number, offset: number, lsn: number): void {
    const first = this.count * ROW_NUMBERS
    if (first === this.#numbers.length) this.#grow()
    const numbers = this.#numbers
    this.#bytes[this.count] = bytes
    numbers[first] = at
    numbers[first + LENGTH] = length
    numbers[first + SEGMENT] = segment
    numbers[first + OFFSET] = offset
    numbers[first + LSN] = lsn
    this.sizeBytes += length
    this.count++
  }

  #grow(): void {
    const larger = new Float64Array(Math.max(ROWS_MIN * ROW_NUMBERS, this.#numbers.length * 2))
    larger.set(this.#numbers)
    this.#numbers = larger
  }

  #read(index: number): void {
    const view = this.#view
    const numbers = this.#numbers
    const first = index * ROW_NUMBERS
    view.segment = numbers[first + SEGMENT]!
    view.offset = numbers[first + OFFSET]!
    view.length = numbers[first + LENGTH]!
    view.lsn = numbers[first + LSN]!
    view.isRead = false
    this.#reader!.read(view)
    this.#bytes[index] = view.bytes
    numbers[first] = view.at
  }
}
