/**
 * The rows of a reply: where each document lies. Documents stay where their reader shows them; nothing is copied.
 *
 * Invariants
 * - Rows are valid until the reader they came from closes (a transaction: ends), or `reset`. Nobody writes into their bytes.
 * - A list holds at most `rowsMax` rows and `rowsBytesMax` bytes of documents; the executor checks before it pushes.
 * - `reset` lets go of every document.
 */
import type { Projection } from "./Projection.ts"

/** Offset of the type of `_id` in a document whose first element it is, and of its value. */
const ID_TYPE_OFFSET = 4
const ID_VALUE_OFFSET = 9

/** Stands in a list for a document that was asked for by key and is not there. */
const MISSING_AT = -1
const NOTHING = new Uint8Array(0)

export class RowList {
  /** Number of rows. */
  count = 0
  /** Bytes of all rows' documents. */
  sizeBytes = 0
  /** What of each row the statement selected; undefined = everything. Applied where rows are written out. */
  projection: Projection | undefined
  readonly #bytes: Array<Uint8Array> = []
  readonly #places: Array<number> = []

  /** The array that row `index` lies in. */
  bytes(index: number): Uint8Array {
    return this.#bytes[index]!
  }

  /** Where in `bytes(index)` the row's document begins; -1 when it is missing (only `getMany` has such rows). */
  at(index: number): number {
    return this.#places[index]!
  }

  /** The BSON type of the row's `_id`. */
  idType(index: number): number {
    return this.#bytes[index]![this.#places[index]! + ID_TYPE_OFFSET]!
  }

  /** Where in `bytes(index)` the value of the row's `_id` lies. */
  idAt(index: number): number {
    return this.#places[index]! + ID_VALUE_OFFSET
  }

  /** Adds the document of `length` bytes at `bytes[at]` as a row. */
  push(bytes: Uint8Array, at: number, length: number): void {
    this.sizeBytes += length
    this.#place(bytes, at)
  }

  /** Takes the last row away again. */
  pop(length: number): void {
    this.#bytes.pop()
    this.#places.pop()
    this.count--
    this.sizeBytes -= length
  }

  /** Adds a row for a document that is not there. */
  pushMissing(): void {
    this.#place(NOTHING, MISSING_AT)
  }

  /** Forgets all rows. */
  reset(): void {
    this.count = 0
    this.sizeBytes = 0
    this.projection = undefined
    this.#bytes.length = 0
    this.#places.length = 0
  }

  #place(bytes: Uint8Array, at: number): void {
    this.#bytes.push(bytes)
    this.#places.push(at)
    this.count++
  }
}
