/**
 * Statements as values in, values out: what embedders work with, on top of the executor. Synchronous.
 *
 * Rows become objects here and nowhere else; an answer that is wanted as bytes goes through `Rows.ts`.
 */
import { decode, decodeValue, type Value } from "../Bson/Value.ts"
import { Writer } from "../Bson/Writer.ts"
import type { Reader, Transaction } from "../Storage/Reader.ts"
import type { Aggregate, Count, Delete, DocumentValue, Explain, Find, Get, Update } from "./Ast.ts"
import type { Reading, Writing } from "./Builder.ts"
import type { Changes, Executor } from "./Executor.ts"
import type { Explanation } from "./Explanation.ts"
import { RowList } from "./RowList.ts"
import { appendRow } from "./Rows.ts"
import { encodeStatement } from "./StatementBson.ts"

/** A row as a JavaScript object; its values are those of `decode` in `Bson/Value.ts`. */
export type Document = { readonly [name: string]: Value }

/** Rows, and the cursor of what comes behind them. */
export interface Page<out Row> {
  readonly rows: ReadonlyArray<Row>
  readonly next: string | undefined
}

/** What an upsert did: the `_id` of the document it stored anew, or none. */
export interface Upserted<out Id = Value> extends Changes {
  readonly upserted: ReadonlyArray<Id>
}

/** Reads of one moment. */
export class ReadSession {
  protected readonly executor: Executor
  protected readonly rows: RowList = new RowList()
  readonly #reader: Reader

  constructor(executor: Executor, reader: Reader) {
    this.executor = executor
    this.#reader = reader
  }

  /** The rows of a statement. */
  find(statement: Find): ReadonlyArray<Document> {
    this.executor.find(this.#reader, encodeStatement(statement), 0, this.rows)
    return decodeRows(this.rows)
  }

  /** Some rows of a statement, at most its limit, and the cursor (`after`) for those behind them; undefined when there are none. */
  page(statement: Find): Page<Document> {
    const next = this.executor.findPage(this.#reader, encodeStatement(statement), 0, this.rows)
    return { rows: decodeRows(this.rows), next }
  }

  /** The groups of a statement. */
  aggregate(statement: Aggregate): ReadonlyArray<Document> {
    this.executor.aggregate(this.#reader, encodeStatement(statement), 0, this.rows)
    return decodeRows(this.rows)
  }

  /** The document with a key; undefined when there is none. */
  get(statement: Get): Document | undefined {
    this.executor.getRowOf(this.#reader, statement, this.rows)
    return decodeRows(this.rows)[0]
  }

  /** The number of rows of a statement. */
  count(statement: Count): number {
    return this.executor.count(this.#reader, encodeStatement(statement), 0)
  }

  /** How a statement is run, and what that came to; nothing is changed. */
  explain(statement: Explain["of"]): Explanation {
    return this.executor.explain(statement.kind, encodeStatement(statement), 0, this.#reader)
  }

  /** The result of a typed reading (`Builder.ts`). */
  read<A>(reading: Reading<A>): A {
    return this.#read(reading) as A // The builder pairs every statement with the type of its result.
  }

  #read({ decode: made = asItIs, isPage, statement, takesFirst }: Reading<unknown>): unknown {
    switch (statement.kind) {
      case "find": {
        if (isPage === true) {
          const { next, rows } = this.page(statement)
          return { rows: rows.map(made), next }
        }
        const rows = this.find(statement).map(made)
        return takesFirst === true ? rows[0] : rows
      }
      case "aggregate":
        return takesFirst === true ? this.aggregate(statement)[0] : this.aggregate(statement)
      case "get": {
        const document = this.get(statement)
        return document === undefined ? undefined : made(document)
      }
      case "count":
        return this.count(statement)
      case "explain":
        return this.explain(statement.of)
    }
  }
}

/** What a transaction is ended with when it is to be undone on purpose; see `WriteSession.abort`. */
export class Abort<out E> {
  readonly error: E

  constructor(error: E) {
    this.error = error
  }
}

/**
 * Reads and writes of one transaction; it sees its own writes. Each statement is all or nothing: one that throws leaves nothing behind, and
 * the transaction may go on. Not to be used after the transaction.
 */
export class WriteSession extends ReadSession {
  readonly #transaction: Transaction

  constructor(executor: Executor, transaction: Transaction) {
    super(executor, transaction)
    this.#transaction = transaction
  }

  /** Stores new documents; their `_id`s, in the order given. */
  insert(store: string, documents: DocumentValue | ReadonlyArray<DocumentValue>): ReadonlyArray<Value> {
    const list = (Array.isArray(documents) ? documents : [documents]) as ReadonlyArray<DocumentValue>
    this.executor.insert(this.#transaction, encodeStatement({ kind: "insert", store, documents: list }), 0, this.rows)
    return this.#takeIds()
  }

  /** The `_id`s of the rows, which are forgotten. */
  #takeIds(): ReadonlyArray<Value> {
    const { rows } = this
    const ids = Array.from({ length: rows.count }, (_, row) => decodeValue(rows.bytes(row), rows.idType(row), rows.idAt(row)))
    rows.reset()
    return ids
  }

  /** Puts a document in the place of the one with its `_id`, if there is one. */
  replace(store: string, document: DocumentValue): Changes {
    return this.executor.replace(this.#transaction, encodeStatement({ kind: "replace", store, document }), 0)
  }

  /** Puts a document in the place of the one with its `_id`, or stores it as a new one (`matched` is 0 then, and `upserted` has its `_id`). */
  upsert(store: string, document: DocumentValue): Upserted {
    const changes = this.executor.upsert(this.#transaction, encodeStatement({ kind: "upsert", store, document }), 0, this.rows)
    const ids = this.#takeIds()
    return { ...changes, upserted: changes.matched === 0 ? ids : [] }
  }

  /** Changes the documents of a filter. */
  update(statement: Update): Changes {
    return this.executor.update(this.#transaction, encodeStatement(statement), 0)
  }

  /** Removes the documents of a filter; how many there were. */
  delete(statement: Delete): number {
    return this.executor.delete(this.#transaction, encodeStatement(statement), 0)
  }

  /** The result of a typed writing (`Builder.ts`). */
  write<A>(writing: Writing<A>): A {
    return this.#write(writing) as A // The builder pairs every statement with the type of its result.
  }

  /**
   * What to return to undo the transaction and fail with `error`.
   *
   * @example
   * ```ts
   * const orders = store({ name: "orders", idKind: "string", schema: { isOpen: { type: "boolean" } }, indexes: [] })
   * query.transact((transaction) => {
   *   const open = transaction.read(orders.filter({ isOpen: true }).count())
   *   return open > 100 ? transaction.abort("busy") : transaction.write(orders.insert({ _id: "A-1", isOpen: true }))
   * })
   * ```
   */
  abort<E>(error: E): Abort<E> {
    return new Abort(error)
  }

  #write({ statement, takesFirst }: Writing<unknown>): unknown {
    switch (statement.kind) {
      case "insert": {
        const ids = this.insert(statement.store, statement.documents)
        return takesFirst === true ? ids[0] : ids
      }
      case "replace":
        return this.replace(statement.store, statement.document)
      case "upsert":
        return this.upsert(statement.store, statement.document)
      case "update":
        return this.update(statement)
      case "delete":
        return this.delete(statement)
    }
  }
}

const asItIs = (document: Document): unknown => document

const writer = new Writer()

/** The rows as objects, their `select` applied. Forgets them in `rows`. */
function decodeRows(rows: RowList): ReadonlyArray<Document> {
  const documents = Array.from({ length: rows.count }, (_, row) => {
    if (rows.projection === undefined) return decode(rows.bytes(row), rows.at(row))
    writer.reset()
    appendRow(writer, rows, row)
    return decode(writer.bytes, 0)
  })
  rows.reset()
  return documents
}
