/** Writes the documents of a store, as one reader sees them and in key order, in one of the formats. */
import { ByteSink } from "../Bson/ByteSink.ts"
import { writeExtendedJson } from "../Bson/ExtendedJson.ts"
import { storeFields } from "../Schema/Validator.ts"
import { type DocumentCursor, KEY_BYTES, type Reader, type Store } from "../Storage/Reader.ts"
import { type Column, columnsOf, writeHeader } from "./Csv.ts"
import type { Format } from "./Format.ts"
import { ROW_BYTES_MAX } from "./Splitter.ts"

/** Bytes that a step gives at least, unless the store ends. */
export const CHUNK_BYTES = 256 * 1024

export interface DumpOptions {
  readonly format: Format
  /** The key of the last document that an earlier dump wrote: it goes on behind it. */
  readonly after?: Uint8Array
}

/** One store, in steps. */
export class Dump {
  /** Documents written so far by this dump. */
  rows = 0
  /** The key of the last one. */
  readonly lastKey = new Uint8Array(KEY_BYTES)
  readonly #cursor: DocumentCursor
  readonly #format: Format
  readonly #columns: ReadonlyArray<Column>
  readonly #sink = new ByteSink(CHUNK_BYTES * 2, CHUNK_BYTES + ROW_BYTES_MAX)
  readonly #cell = new ByteSink(1024, ROW_BYTES_MAX)
  #needsHeader: boolean

  constructor(reader: Reader, store: Store, { after, format }: DumpOptions) {
    this.#cursor = reader.documents(store, after === undefined ? undefined : { low: after, lowInclusive: false }, 1)
    this.#format = format
    this.#columns = format === "csv" ? columnsOf(storeFields(store.definition)) : []
    this.#needsHeader = format === "csv" && after === undefined
  }

  /** What the last step wrote; valid until the next one. */
  get chunk(): Uint8Array {
    return this.#sink.bytes.subarray(0, this.#sink.length)
  }

  /** Writes the next documents into `chunk`; false when there are none left. */
  step(): boolean {
    const sink = this.#sink
    sink.reset()
    if (this.#needsHeader) writeHeader(sink, this.#columns)
    this.#needsHeader = false
    while (sink.length < CHUNK_BYTES && this.#cursor.next()) {
      this.#write(sink)
      this.lastKey.set(this.#cursor.key)
      this.rows++
    }
    return sink.length > 0
  }

  close(): void {
    this.#cursor.close()
  }

  #write(sink: ByteSink): void {
    const { at, bytes, length } = this.#cursor.document
    if (this.#format === "bson") return sink.raw(bytes, at, length)
    if (this.#format === "ndjson") writeExtendedJson(sink, bytes, at)
    this.#columns.forEach((column, index) => {
      if (index > 0) sink.byte(0x2c)
      column.write(sink, this.#cell, bytes, at)
    })
    sink.byte(0x0a)
  }
}
