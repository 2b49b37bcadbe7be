/**
 * Brings the rows of a source into a store, in batches.
 *
 * Invariants
 * - A batch is a transaction that holds its rows and how far the source is then (in the reserved store `$loads`). So a load that ended, however it
 *   did, goes on behind the last row that is in the database: no row is lost and none comes twice.
 * - Going on, the source has to begin with the bytes that were loaded before; what is behind them may have been mended.
 * - A row that is there already, to the byte, counts as loaded. A row with the `_id` of another document is a bad row, unless it may replace it.
 * - A row whose values a unique index has already, of the database or of a row before it, is a bad row: each row is a statement of its own.
 * - A bad row ends the load with its place, after everything before it was committed; or it is handed to `reject`, and the load goes on.
 */
import { crc32 } from "node:zlib"
import { keyOf } from "../Bson/Key.ts"
import * as Type from "../Bson/Type.ts"
import { decode, encode } from "../Bson/Value.ts"
import { documentLength, equalBytes, fieldName, findElement } from "../Bson/View.ts"
import type { StoreDefinition } from "../Schema/Definition.ts"
import type { Engine } from "../Storage/Engine.ts"
import { DocumentView, KEY_BYTES, type Reader, type Store, type Transaction } from "../Storage/Reader.ts"
import type { Format } from "./Format.ts"
import { exchangeFault } from "./Reasons.ts"
import { problemOf, RowReader, type RowProblem } from "./RowReader.ts"
import { type Splitter, splitterOf } from "./Splitter.ts"

/** Rows and bytes of a batch; a batch ends with the row that reaches one of them. */
export const BATCH_ROWS_MAX = 1000
export const BATCH_BYTES_MAX = 4 * 1024 * 1024

/** How far loads are that have not ended. Services cannot name it. */
export const LOADS: StoreDefinition = {
  name: "$loads",
  idKind: "string",
  schema: {
    offset: { type: "number" },
    crc: { type: "number" },
    rows: { type: "number" },
    inserted: { type: "number" },
    replaced: { type: "number" },
    same: { type: "number" },
    rejected: { type: "number" }
  },
  indexes: []
}

/** A row that was not loaded. */
export interface RejectedRow extends RowProblem {
  readonly line: number
  readonly offset: number
  readonly row: Uint8Array
}

export interface LoadOptions {
  readonly store: string
  readonly format: Format
  /** The name of the source: for messages, and to find how far it was loaded before. */
  readonly source: string
  /** Whether a row takes the place of the document with its `_id`. */
  readonly replaces?: boolean
  /** Takes bad rows, so that the load goes on behind them. */
  readonly reject?: (row: RejectedRow) => void
  /** Forgets how far the source was loaded before. */
  readonly isFresh?: boolean
}

/** Rows so far: all of them, and what became of them. */
export interface LoadCounts {
  readonly rows: number
  readonly inserted: number
  readonly replaced: number
  /** Were in the store already, to the byte. */
  readonly same: number
  readonly rejected: number
}

export interface LoadReport extends LoadCounts {
  /** Bytes of the source that an earlier load had brought in. */
  readonly resumedAtBytes: number
}

const ID = fieldName("_id")

interface Position extends LoadCounts {
  readonly offset: number
  readonly crc: number
}

/** `hungry`: `push` or `finish`. `more`: call `step` again. `done`: everything is committed. */
export type LoadProgress = "more" | "hungry" | "done"

export class Load {
  readonly #engine: Engine
  readonly #options: LoadOptions
  readonly #store: Store
  readonly #loads: Store
  readonly #splitter: Splitter
  readonly #rows: RowReader
  readonly #positionKey: Uint8Array
  readonly #positionId: string
  readonly #resume: Position | undefined
  readonly #key = new Uint8Array(KEY_BYTES)
  readonly #view = new DocumentView()
  readonly #counts = { rows: 0, inserted: 0, replaced: 0, same: 0, rejected: 0 }
  #crc = 0
  /** Where the source is loaded up to, in bytes. */
  #done = 0
  /** Whether everything that was loaded before has been passed over. */
  #isAtWork: boolean
  /** A bad row that ends the load, once what was before it is committed. */
  #failure: ReturnType<typeof exchangeFault> | undefined

  /** The stores have to exist, `LOADS` included. Faults with NoStore. */
  constructor(engine: Engine, reader: Reader, options: LoadOptions) {
    this.#engine = engine
    this.#options = options
    this.#store = storeOf(engine, options.store)
    this.#loads = storeOf(engine, LOADS.name)
    this.#splitter = splitterOf(options.format)
    this.#rows = new RowReader(options.format, this.#store.definition)
    this.#positionId = `${options.store} ${options.source}`
    const { bytes, at, type } = idOf(encode({ _id: this.#positionId }))
    this.#positionKey = keyOf("string", type, bytes, at)
    const isKnown = options.isFresh !== true && reader.get(this.#loads, this.#positionKey, 0, this.#view)
    this.#resume = isKnown ? (decode(this.#view.bytes, this.#view.at) as unknown as Position) : undefined // As #notePosition wrote it.
    this.#isAtWork = this.#resume === undefined
  }

  push(chunk: Uint8Array): void {
    this.#splitter.push(chunk)
  }

  finish(): void {
    this.#splitter.finish()
  }

  get report(): LoadReport {
    return { ...this.#counts, resumedAtBytes: this.#resume?.offset ?? 0 }
  }

  /** Loads a batch; writes have to be admitted. Throws the fault of a bad row (BadRow, SourceChanged) and those of the engine. */
  step(): LoadProgress {
    if (this.#failure !== undefined) throw this.#failure
    const passed = this.#pass()
    if (passed !== undefined) return passed
    const transaction = this.#engine.transact()
    const before = this.#done
    let found: LoadProgress
    try {
      found = this.#batch(transaction)
      if (found === "done") transaction.delete(this.#loads, this.#positionKey)
      else this.#notePosition(transaction)
    } catch (error) {
      transaction.rollback()
      throw error
    }
    if (found === "hungry" && this.#done === before) transaction.rollback()
    // A commit that is refused has ended the transaction, and says why.
    else transaction.commit()
    if (this.#failure !== undefined) throw this.#failure
    return found
  }

  /** Passes over rows that an earlier load brought in; undefined when there are none left. */
  #pass(): LoadProgress | undefined {
    const resume = this.#resume
    if (resume === undefined || this.#isAtWork) return undefined
    const splitter = this.#splitter
    while (splitter.endOffset < resume.offset) {
      const found = splitter.next()
      if (found === "hungry") return "hungry"
      if (found !== "row") throw this.#changed("it is shorter than what was loaded of it")
      if (this.#rows.wantsHeader) this.#rows.readHeader(splitter.bytes, splitter.start, splitter.end)
      this.#crc = crc32(splitter.bytes.subarray(splitter.from, splitter.stop), this.#crc)
    }
    if (splitter.endOffset > resume.offset || this.#crc !== resume.crc)
      throw this.#changed("it does not begin as it did when it was loaded")
    const { inserted, rejected, replaced, rows, same } = resume
    Object.assign(this.#counts, { inserted, rejected, replaced, rows, same })
    this.#done = resume.offset
    this.#isAtWork = true
    return undefined
  }

  #batch(transaction: Transaction): LoadProgress {
    const splitter = this.#splitter
    let bytes = 0
    for (let rows = 0; rows < BATCH_ROWS_MAX && bytes < BATCH_BYTES_MAX; rows++) {
      const found = splitter.next()
      if (found === "hungry") return "hungry"
      if (found === "end") return "done"
      if (found === "bad") {
        this.#fail({ field: "", message: splitter.problem })
        return "more"
      }
      const problem = this.#takeRow(transaction)
      if (problem !== undefined && !this.#reject(problem)) return "more"
      this.#crc = crc32(splitter.bytes.subarray(splitter.from, splitter.stop), this.#crc)
      this.#done = splitter.endOffset
      bytes += splitter.end - splitter.start
    }
    return "more"
  }

  #takeRow(transaction: Transaction): RowProblem | undefined {
    const { bytes, end, start } = this.#splitter
    if (this.#rows.wantsHeader) return this.#rows.readHeader(bytes, start, end)
    this.#counts.rows++
    const problem = this.#rows.read(bytes, start, end)
    if (problem !== undefined) return problem
    const savepoint = transaction.savepoint()
    try {
      const outcome = this.#put(transaction)
      if (typeof outcome !== "string") return outcome
      transaction.endStatement()
      this.#counts[outcome]++
      return undefined
    } catch (error) {
      const refused = problemOf(error)
      if (refused === undefined) throw error
      transaction.rollbackTo(savepoint)
      return refused
    }
  }

  #put(transaction: Transaction): "inserted" | "replaced" | "same" | RowProblem {
    const { bytes } = this.#rows.document
    const element = findElement(bytes, 0, ID)
    if (element < 0) {
      transaction.insert(this.#store, bytes, 0, this.#key)
      return "inserted"
    }
    const key = keyOf(this.#store.definition.idKind, bytes[element]!, bytes, element + 1 + ID.length)
    const view = this.#view
    if (!transaction.get(this.#store, key, 0, view)) {
      transaction.put(this.#store, key, bytes, 0)
      return "inserted"
    }
    const length = documentLength(bytes, 0)
    if (view.length === length && equalBytes(bytes, 0, view.bytes, view.at, length)) return "same"
    if (this.#options.replaces !== true) return { field: "/_id", message: "another document has this _id" }
    transaction.put(this.#store, key, bytes, 0)
    return "replaced"
  }

  /** Hands a bad row over, or ends the load with it; whether the load goes on. A bad header always ends it. */
  #reject(problem: RowProblem): boolean {
    const { reject } = this.#options
    if (reject === undefined || this.#rows.wantsHeader) {
      if (!this.#rows.wantsHeader) this.#counts.rows--
      return this.#fail(problem)
    }
    const { bytes, end, line, offset, start } = this.#splitter
    reject({ ...problem, line, offset, row: bytes.slice(start, end) })
    this.#counts.rejected++
    return true
  }

  #fail({ field, message }: RowProblem): false {
    const { line, offset } = this.#splitter
    this.#failure = exchangeFault({ _tag: "BadRow", source: this.#options.source, line, offset, field, message })
    return false
  }

  #notePosition(transaction: Transaction): void {
    const position = { _id: this.#positionId, offset: this.#done, crc: this.#crc, ...this.#counts }
    transaction.put(this.#loads, this.#positionKey, encode(position), 0)
  }

  #changed(message: string): ReturnType<typeof exchangeFault> {
    const { offset } = this.#splitter
    return exchangeFault({ _tag: "SourceChanged", source: this.#options.source, offset, message: `${message}, so it cannot go on` })
  }
}

function storeOf(engine: Engine, name: string): Store {
  const store = engine.store(name)
  if (store === undefined) throw exchangeFault({ _tag: "NoStore", store: name })
  return store
}

function idOf(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly at: number; readonly type: number } {
  return { bytes, at: findElement(bytes, 0, ID) + 1 + ID.length, type: Type.STRING }
}
