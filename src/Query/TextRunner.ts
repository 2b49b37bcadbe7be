/**
 * Statements given as PQL text, with results as plain data: what `planck query`, `planck shell` and the operator's door of a server show.
 *
 * Invariants
 * - `read` refuses whatever would change something (Fault InvalidStatement); it sees the durable state.
 * - `write` is one transaction, undone when it throws; its `waitLsn` has to be durable before anybody is told.
 */
import { ByteSink } from "../Bson/ByteSink.ts"
import { writeExtendedJson, writeExtendedValue } from "../Bson/ExtendedJson.ts"
import { writeJson } from "../Bson/Json.ts"
import type { Value } from "../Bson/Value.ts"
import { Writer } from "../Bson/Writer.ts"
import { seenLsn } from "../Storage/Admission.ts"
import type { Engine } from "../Storage/Engine.ts"
import type { Reader, Transaction } from "../Storage/Reader.ts"
import { type DefinitionStatement, type Indexes, isWrite, type Statement, type Write } from "./Ast.ts"
import { changeDefinition, isDefinitionChange } from "./DefinitionStatements.ts"
import { Executor } from "./Executor.ts"
import type { Explanation } from "./Explanation.ts"
import { parseOperatorPql } from "./Pql.ts"
import { refuseStatement } from "./Reasons.ts"
import { RowList } from "./RowList.ts"
import { appendRow, writeRowJson } from "./Rows.ts"
import { encodeStatement } from "./StatementBson.ts"

/** What a statement gave. */
export interface TextResult {
  readonly kind: (Statement | DefinitionStatement)["kind"]
  /** Each row as JSON text. */
  readonly rows?: ReadonlyArray<string>
  /** The cursor of what comes behind the rows of a limited find. */
  readonly next?: string
  /** Counts: `count`, `deleted`, `matched`, `modified`. */
  readonly values?: Readonly<Record<string, number>>
  /** The `_id` of a document that an upsert stored anew, as JSON text. */
  readonly upserted?: ReadonlyArray<string>
  readonly explanation?: Explanation
  readonly elapsedMs?: number
}

export interface TextOptions {
  /** Milliseconds of a monotonic clock; without it nothing is timed. */
  readonly now?: () => number
  /** Rows as Extended JSON, which keeps every type, instead of the plain form. */
  readonly extended?: boolean
}

export class TextRunner {
  readonly #engine: Engine
  readonly #executor: Executor
  readonly #options: TextOptions

  constructor(engine: Engine, options: TextOptions = {}) {
    this.#engine = engine
    this.#options = options
    const { now } = options
    this.#executor = new Executor({
      store: (name) => engine.store(name),
      cursorSecret: engine.index.databaseId,
      ...(now === undefined ? {} : { now })
    })
  }

  /** Runs a statement that reads. */
  read(text: string, parameters: Readonly<Record<string, unknown>> = {}): TextResult {
    const statement = parseOperatorPql(text, parameters as Readonly<Record<string, Value>>)
    if (isDefinitionChange(statement) || (statement.kind !== "indexes" && isWrite(statement)))
      return refuseStatement("", `${statement.kind} changes data: only statements that read are taken here`)
    return this.#timed(() => this.#read(statement))
  }

  /** Runs any statement. */
  run(text: string, parameters: Readonly<Record<string, unknown>> = {}): TextResult & { readonly waitLsn: number } {
    const statement = parseOperatorPql(text, parameters as Readonly<Record<string, Value>>)
    if (isDefinitionChange(statement)) return { kind: statement.kind, ...changeDefinition(this.#engine, statement) }
    if (statement.kind === "indexes" || !isWrite(statement)) return { ...this.#timed(() => this.#read(statement)), waitLsn: 0 }
    let waitLsn = 0
    const result = this.#timed(() => {
      const transaction = this.#engine.transact()
      let done: TextResult
      try {
        done = this.#write(transaction, statement)
      } catch (error) {
        transaction.rollback()
        throw error
      }
      // A commit that is refused has ended the transaction, and says why.
      transaction.commit()
      waitLsn = seenLsn(this.#engine)
      return done
    })
    return { ...result, waitLsn }
  }

  #timed(work: () => TextResult): TextResult {
    const { now } = this.#options
    if (now === undefined) return work()
    const startedMs = now()
    const result = work()
    return { ...result, elapsedMs: now() - startedMs }
  }

  #read(statement: Exclude<Statement, Write> | Indexes): TextResult {
    const snapshot = this.#engine.snapshot()
    try {
      return this.#readIn(snapshot, statement)
    } finally {
      snapshot.close()
    }
  }

  #readIn(reader: Reader, statement: Exclude<Statement, Write> | Indexes): TextResult {
    const { kind } = statement
    if (kind === "indexes") return { kind, rows: this.#indexes(statement.store) }
    const executor = this.#executor
    const bytes = encodeStatement(statement)
    const rows = new RowList()
    switch (kind) {
      case "explain":
        return { kind, explanation: executor.explain(statement.of.kind, bytes, 0, reader) }
      case "count":
        return { kind, values: { count: executor.count(reader, bytes, 0) } }
      case "get":
        executor.getRow(reader, bytes, 0, rows)
        return { kind, rows: this.#texts(rows) }
      case "aggregate":
        executor.aggregate(reader, bytes, 0, rows)
        return { kind, rows: this.#texts(rows) }
      default: {
        const next = statement.limit === undefined ? undefined : executor.findPage(reader, bytes, 0, rows)
        if (statement.limit === undefined) executor.find(reader, bytes, 0, rows)
        return { kind, rows: this.#texts(rows), ...(next === undefined ? {} : { next }) }
      }
    }
  }

  #write(transaction: Transaction, statement: Write): TextResult {
    const { kind } = statement
    const executor = this.#executor
    const bytes = encodeStatement(statement)
    const rows = new RowList()
    switch (kind) {
      case "insert":
        executor.insert(transaction, bytes, 0, rows)
        return { kind, rows: this.#texts(rows) }
      case "upsert":
        return this.#upsert(transaction, bytes, rows)
      case "replace":
        return { kind, values: { ...executor.replace(transaction, bytes, 0) } }
      case "update":
        return { kind, values: { ...executor.update(transaction, bytes, 0) } }
      case "delete":
        return { kind, values: { deleted: executor.delete(transaction, bytes, 0) } }
    }
  }

  #upsert(transaction: Transaction, bytes: Uint8Array, rows: RowList): TextResult {
    const values = { ...this.#executor.upsert(transaction, bytes, 0, rows) }
    if (values.matched > 0) return { kind: "upsert", values, upserted: [] }
    const sink = new ByteSink()
    if (this.#options.extended === true) writeExtendedValue(sink, rows.bytes(0), rows.idType(0), rows.idAt(0))
    else writeJson(sink, rows.bytes(0), rows.idType(0), rows.idAt(0))
    return { kind: "upsert", values, upserted: [sink.toText()] }
  }

  #texts(rows: RowList): ReadonlyArray<string> {
    const sink = new ByteSink()
    const writer = new Writer()
    return Array.from({ length: rows.count }, (_, row) => {
      sink.reset()
      if (this.#options.extended === true) {
        writer.reset()
        appendRow(writer, rows, row)
        writeExtendedJson(sink, writer.bytes, 0)
      } else writeRowJson(sink, rows, row)
      return sink.toText()
    })
  }

  #indexes(name: string): ReadonlyArray<string> {
    const store = this.#engine.store(name)
    if (store === undefined) return refuseStatement("store", `there is no store ${name}`)
    const reader = this.#engine.snapshot()
    try {
      return store.indexes.map((index) => JSON.stringify({ ...index.definition, ready: index.ready, entries: reader.size(index).flushed }))
    } finally {
      reader.close()
    }
  }
}
