/**
 * JSON of lists, kept until something changes that it rests on; see `Storage/Kept.ts`.
 *
 * Invariants
 * - What is given was true at the newest commit there is, and rests on nothing that readers are not shown. A change of definitions forgets everything.
 */
import { type ByteSink, ByteSinkPool } from "../Bson/ByteSink.ts"
import { documentLength } from "../Bson/View.ts"
import type { Engine } from "../Storage/Engine.ts"
import { Footprint } from "../Storage/Footprint.ts"
import { Kept } from "../Storage/Kept.ts"
import type { Reader } from "../Storage/Reader.ts"
import type { Find, Get } from "./Ast.ts"
import type { Executor } from "./Executor.ts"
import { RowList } from "./RowList.ts"
import { writeRowJson, writeRowsJson } from "./Rows.ts"
import { withStatement } from "./StatementBson.ts"

/** Without a view of what is copied, which would be garbage for every answer. */
const { copy } = Buffer.prototype

export class KeptJson {
  readonly #engine: Engine
  readonly #executor: Executor
  readonly #bytesMax: number
  readonly #rows = new RowList()
  readonly #sinks = new ByteSinkPool({ keptMax: 1 })
  readonly #footprint = new Footprint()
  #kept: Kept<Uint8Array> | undefined
  #stores: unknown

  /** Nothing is kept when `bytesMax` is 0. */
  constructor(engine: Engine, executor: Executor, bytesMax: number) {
    this.#engine = engine
    this.#executor = executor
    this.#bytesMax = bytesMax
  }

  /** The rows of a statement as a JSON array, or the document as an object (`null` when there is none); the caller's own bytes. */
  json(statement: Find | Get): Uint8Array {
    // Finding one document costs no more than finding out that nothing has changed.
    if (statement.kind === "get") return this.#make((reader, sink) => this.#writeOne(statement, reader, sink), undefined)
    return withStatement(statement, (bytes) => this.#rowsOf(bytes))
  }

  #rowsOf(bytes: Uint8Array): Uint8Array {
    const write = (reader: Reader, sink: ByteSink): void => this.#writeRows(bytes, reader, sink)
    if (this.#bytesMax === 0) return this.#make(write, undefined)
    const stores = this.#engine.stores()
    const kept = (this.#kept ??= new Kept(this.#engine.changes, this.#bytesMax))
    if (this.#stores !== stores) {
      kept.clear()
      this.#stores = stores
    }
    const name = nameOf(bytes)
    const known = kept.find(name)
    if (known !== undefined) return Buffer.from(known)
    if (!kept.admits(name)) return this.#make(write, undefined)
    return this.#make(write, (made, lsn) => kept.keep(name, made.length, lsn, this.#footprint, () => copyOf(made)))
  }

  #make(write: (reader: Reader, sink: ByteSink) => void, keep: ((made: Uint8Array, lsn: number) => void) | undefined): Uint8Array {
    const sink = this.#sinks.take()
    if (keep !== undefined) this.#footprint.reset()
    const snapshot = this.#engine.snapshot(keep && this.#footprint)
    try {
      write(snapshot, sink)
      const made = Buffer.allocUnsafe(sink.length)
      copy.call(sink.bytes, made, 0, 0, sink.length)
      keep?.(made, snapshot.lsn)
      return made
    } finally {
      snapshot.close()
      this.#rows.reset()
      this.#sinks.give(sink)
    }
  }

  #writeRows(bytes: Uint8Array, reader: Reader, sink: ByteSink): void {
    this.#executor.find(reader, bytes, 0, this.#rows)
    writeRowsJson(sink, this.#rows)
  }

  #writeOne(statement: Get, reader: Reader, sink: ByteSink): void {
    if (this.#executor.getRowOf(reader, statement, this.#rows)) writeRowJson(sink, this.#rows, 0)
    else sink.ascii("null")
  }
}

/** The statement as text that only an equal one has. */
const nameOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, documentLength(bytes, 0)).toString("latin1")

/** A copy outside of Node's pool, whose slabs would stay for the smallest part of them. */
function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}
