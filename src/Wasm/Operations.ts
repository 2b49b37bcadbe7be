/**
 * The host operations: what a handler asks of the data, of the templates and of its configuration.
 *
 * Invariants
 * - Operations run on the reader of the running call, or write through its transaction; without a transaction every write is refused.
 * - An operation that throws has undone itself: the executor takes a savepoint for each statement, and a reply that does not fit undoes its writes.
 * - A guest reaches the stores of its manifest and no others: the executor was made to know only them.
 * - Rows go from the store to the reply or to the answer as bytes; no document becomes an object.
 */
import type { ByteSink } from "../Bson/ByteSink.ts"
import * as Type from "../Bson/Type.ts"
import { readName } from "../Bson/Utf8.ts"
import { encodeInto } from "../Bson/Value.ts"
import { documentEnd, elementName, fieldName, findElement, firstElement, nextElement, readInt32, valueOffset } from "../Bson/View.ts"
import type { Writer } from "../Bson/Writer.ts"
import type { Executor } from "../Query/Executor.ts"
import { plainExplanation } from "../Query/Explanation.ts"
import { isPlannedKind, PLANNED_KINDS } from "../Query/PlanCompiler.ts"
import { RowList } from "../Query/RowList.ts"
import { appendRows, writeRowJson, writeRowsJson } from "../Query/Rows.ts"
import { DocumentView, type Reader, type Transaction } from "../Storage/Reader.ts"
import type { Binding, Renderer } from "../Template/Template.ts"
import { Operation } from "./Abi.ts"
import { type Answers, ContentType, tooLarge } from "./Answers.ts"
import type { ConfigValues } from "./ConfigValues.ts"
import type { OperationRunner } from "./Host.ts"
import { callFault } from "./Reasons.ts"

/** Queries one `renderQuery` may have. */
export const QUERIES_MAX = 32

const DOCUMENT = fieldName("document")
const DOCUMENTS = fieldName("documents")
const KEY = fieldName("key")
const KEYS = fieldName("keys")
const MATCHED = fieldName("matched")
const MODIFIED = fieldName("modified")
const DELETED = fieldName("deleted")
const ROWS = fieldName("rows")
const NEXT = fieldName("next")
const COUNT = fieldName("count")
const ANSWER = fieldName("answer")
const STATEMENT = fieldName("statement")
const FIRST = fieldName("first")
const TEMPLATE = fieldName("template")
const PARAMETERS = fieldName("parameters")
const QUERIES = fieldName("queries")
const NAME = fieldName("name")
const VALUE = fieldName("value")
const KIND = fieldName("kind")
const EXPLANATION = fieldName("explanation")
const PATH = fieldName("path")

/** What operations work with. */
export interface OperationsSources {
  readonly executor: Executor
  readonly renderer: Renderer
  readonly config: ConfigValues
  /** The path that the service's own paths are below; empty at the root. */
  readonly mountPath: string
  readonly answers: Answers
}

export class Operations implements OperationRunner {
  private reader: Reader | undefined
  private transaction: Transaction | undefined
  private readonly rows = new RowList()
  private readonly queryRows: RowList[] = []
  private readonly view = new DocumentView()
  private readonly executor: Executor
  private readonly renderer: Renderer
  private readonly config: ConfigValues
  private readonly mountPath: string
  private readonly answers: Answers

  constructor(sources: OperationsSources) {
    this.executor = sources.executor
    this.renderer = sources.renderer
    this.config = sources.config
    this.mountPath = sources.mountPath
    this.answers = sources.answers
  }

  /** Starts a call on a reader; `transaction` is the same object when the handler may write. */
  begin(reader: Reader, transaction: Transaction | undefined): void {
    this.reader = reader
    this.transaction = transaction
  }

  /** Ends the call and lets go of its reader. */
  end(): void {
    this.reader = undefined
    this.transaction = undefined
    if (this.rows.count > 0) this.rows.reset()
    for (const rows of this.queryRows) if (rows.count > 0) rows.reset()
    this.answers.clear()
  }

  run(op: number, bytes: Uint8Array, at: number, reply: Writer): void {
    const start = reply.beginDocument()
    switch (op) {
      case Operation.get:
        this.get(bytes, at, reply)
        break
      case Operation.getMany:
        this.getMany(bytes, at, reply)
        break
      case Operation.insert:
      case Operation.insertMany:
        this.insert(op, bytes, at, reply)
        break
      case Operation.replace:
      case Operation.update:
        this.change(op, bytes, at, reply)
        break
      case Operation.upsert:
        this.upsert(bytes, at, reply)
        break
      case Operation.delete:
        writeCount(reply, DELETED, this.executor.delete(this.writer(), bytes, at))
        break
      case Operation.query:
      case Operation.aggregate:
        this.query(bytes, at, reply)
        break
      case Operation.queryPage:
        this.queryPage(bytes, at, reply)
        break
      case Operation.count:
        writeCount(reply, COUNT, this.executor.count(this.source(), bytes, document(bytes, at, STATEMENT)))
        break
      case Operation.json:
        this.json(bytes, at, reply)
        break
      case Operation.render:
        this.render(bytes, at, reply, false)
        break
      case Operation.renderQuery:
        this.render(bytes, at, reply, true)
        break
      case Operation.explain:
        this.explain(bytes, at, reply)
        break
      case Operation.config:
        this.configValue(bytes, at, reply)
        break
      case Operation.mount:
        reply.name(Type.STRING, PATH)
        reply.string(this.mountPath)
        break
      default:
        throw callFault("unknown_operation", `this host has no operation ${op}`, { operation: op })
    }
    reply.endDocument(start)
  }

  private get(bytes: Uint8Array, at: number, reply: Writer): void {
    const { view } = this
    if (!this.executor.get(this.source(), bytes, at, view)) return
    reply.name(Type.DOCUMENT, DOCUMENT)
    reply.raw(view.bytes, view.at, view.length)
  }

  private getMany(bytes: Uint8Array, at: number, reply: Writer): void {
    const { rows } = this
    this.executor.getMany(this.source(), bytes, at, rows)
    reply.name(Type.ARRAY, DOCUMENTS)
    const start = reply.beginDocument()
    for (let index = 0; index < rows.count; index++) {
      const rowAt = rows.at(index)
      reply.index(rowAt < 0 ? Type.NULL : Type.DOCUMENT, index)
      if (rowAt < 0) continue
      const row = rows.bytes(index)
      reply.raw(row, rowAt, readInt32(row, rowAt))
    }
    reply.endDocument(start)
  }

  private insert(op: number, bytes: Uint8Array, at: number, reply: Writer): void {
    const { rows } = this
    const transaction = this.writer()
    const one = op === Operation.insert
    expectField(bytes, at, one ? DOCUMENT : DOCUMENTS, one ? Type.DOCUMENT : Type.ARRAY)
    const savepoint = transaction.savepoint()
    this.executor.insert(transaction, bytes, at, rows)
    if (one) return writeId(reply, rows, 0, KEY)
    try {
      writeIds(reply, rows)
    } catch (error) {
      transaction.rollbackTo(savepoint)
      throw error
    }
  }

  private change(op: number, bytes: Uint8Array, at: number, reply: Writer): void {
    const transaction = this.writer()
    const changes = op === Operation.replace ? this.executor.replace(transaction, bytes, at) : this.executor.update(transaction, bytes, at)
    writeCount(reply, MATCHED, changes.matched)
    writeCount(reply, MODIFIED, changes.modified)
  }

  private upsert(bytes: Uint8Array, at: number, reply: Writer): void {
    const changes = this.executor.upsert(this.writer(), bytes, at, this.rows)
    writeCount(reply, MATCHED, changes.matched)
    writeCount(reply, MODIFIED, changes.modified)
    writeId(reply, this.rows, 0, KEY)
  }

  private query(bytes: Uint8Array, at: number, reply: Writer): void {
    this.executor.rows(this.source(), bytes, document(bytes, at, STATEMENT), this.rows)
    reply.name(Type.ARRAY, ROWS)
    appendRows(reply, this.rows)
  }

  private queryPage(bytes: Uint8Array, at: number, reply: Writer): void {
    const next = this.executor.findPage(this.source(), bytes, document(bytes, at, STATEMENT), this.rows)
    reply.name(Type.ARRAY, ROWS)
    appendRows(reply, this.rows)
    if (next === undefined) return
    reply.name(Type.STRING, NEXT)
    reply.string(next)
  }

  private json(bytes: Uint8Array, at: number, reply: Writer): void {
    const { rows } = this
    const firstAt = findElement(bytes, at, FIRST)
    const first = firstAt >= 0 && bytes[firstAt] === Type.BOOLEAN && bytes[firstAt + 1 + FIRST.length] === 1
    this.executor.rows(this.source(), bytes, document(bytes, at, STATEMENT), rows)
    if (first && rows.count === 0) return
    const sink = this.answers.take()
    try {
      if (first) writeRowJson(sink, rows, 0)
      else writeRowsJson(sink, rows)
    } catch (error) {
      this.answers.drop(sink)
      throw tooLarge(error)
    }
    this.park(sink, ContentType.json, reply)
  }

  private render(bytes: Uint8Array, at: number, reply: Writer, withQueries: boolean): void {
    const template = text(bytes, at, TEMPLATE)
    const bindings: Record<string, Binding> = Object.create(null) as Record<string, Binding>
    bindValues(bindings, bytes, document(bytes, at, PARAMETERS))
    if (withQueries) this.bindRows(bindings, bytes, document(bytes, at, QUERIES))
    const sink = this.answers.take()
    try {
      this.renderer.render(template, bindings, sink)
    } catch (error) {
      this.answers.drop(sink)
      throw tooLarge(error, template)
    }
    this.park(sink, ContentType.html, reply)
  }

  private bindRows(bindings: Record<string, Binding>, bytes: Uint8Array, at: number): void {
    const end = documentEnd(bytes, at)
    let used = 0
    for (let element = firstElement(at); element < end; element = nextElement(bytes, element)) {
      const name = elementName(bytes, element)
      if (bytes[element] !== Type.DOCUMENT) throw bad(`queries.${name}`, "is not a statement")
      if (used === QUERIES_MAX) throw bad("queries", `has more than ${QUERIES_MAX} statements`)
      const rows = (this.queryRows[used++] ??= new RowList())
      this.executor.rows(this.source(), bytes, valueOffset(bytes, element), rows)
      bindings[name] = rows
    }
  }

  private explain(bytes: Uint8Array, at: number, reply: Writer): void {
    const statement = document(bytes, at, STATEMENT)
    const kind = findElement(bytes, at, KIND) < 0 ? this.executor.kindOfRows(bytes, statement) : text(bytes, at, KIND)
    if (!isPlannedKind(kind)) throw bad("kind", `is none of ${PLANNED_KINDS.join(", ")}`)
    const explanation = this.executor.explain(kind, bytes, statement, this.source())
    reply.name(Type.DOCUMENT, EXPLANATION)
    encodeInto(reply, plainExplanation(explanation))
  }

  private configValue(bytes: Uint8Array, at: number, reply: Writer): void {
    const name = text(bytes, at, NAME)
    const value = this.config.find(name)
    if (value === undefined) throw callFault("unknown_config", `the manifest declares no configuration ${name}`, { name })
    if (value.type === 0) return
    reply.name(value.type, VALUE)
    reply.raw(value.bytes, value.at, value.length)
  }

  private park(sink: ByteSink, contentType: string, reply: Writer): void {
    writeCount(reply, ANSWER, this.answers.park(sink, contentType))
  }

  private source(): Reader {
    if (this.reader === undefined) throw callFault("internal", "an operation outside a call")
    return this.reader
  }

  private writer(): Transaction {
    if (this.transaction !== undefined) return this.transaction
    throw callFault("write_in_read_only", "this handler reads only: a route that writes says so, { writes: true }")
  }
}

/** A count as int32, or as double where that is too small: never as int64, which guests do not take for a plain number. */
function writeCount(reply: Writer, name: Uint8Array, count: number): void {
  const isSmall = (count | 0) === count
  reply.name(isSmall ? Type.INT32 : Type.DOUBLE, name)
  if (isSmall) reply.int32(count)
  else reply.double(count)
}

/** The `_id` of a row, as the field `name` or, without one, as the array element of that index. */
function writeId(reply: Writer, rows: RowList, index: number, name: Uint8Array | undefined): void {
  const bytes = rows.bytes(index)
  const type = rows.idType(index)
  if (name === undefined) reply.index(type, index)
  else reply.name(type, name)
  const end = nextElement(bytes, firstElement(rows.at(index)))
  reply.raw(bytes, rows.idAt(index), end - rows.idAt(index))
}

function writeIds(reply: Writer, rows: RowList): void {
  reply.name(Type.ARRAY, KEYS)
  const start = reply.beginDocument()
  for (let index = 0; index < rows.count; index++) writeId(reply, rows, index, undefined)
  reply.endDocument(start)
}

function bindValues(bindings: Record<string, Binding>, bytes: Uint8Array, at: number): void {
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end; element = nextElement(bytes, element)) {
    bindings[elementName(bytes, element)] = { bytes, type: bytes[element] ?? 0, at: valueOffset(bytes, element) }
  }
}

function expectField(bytes: Uint8Array, at: number, name: Uint8Array, type: number): number {
  const element = findElement(bytes, at, name)
  if (element < 0) throw bad(nameText(name), "is missing")
  if (bytes[element] !== type)
    throw bad(nameText(name), `is not ${type === Type.STRING ? "a string" : type === Type.ARRAY ? "a list" : "a document"}`)
  return element + 1 + name.length
}

function document(bytes: Uint8Array, at: number, name: Uint8Array): number {
  return expectField(bytes, at, name, Type.DOCUMENT)
}

function text(bytes: Uint8Array, at: number, name: Uint8Array): string {
  const valueAt = expectField(bytes, at, name, Type.STRING)
  return readName(bytes, valueAt + 4, valueAt + 3 + readInt32(bytes, valueAt))
}

function nameText(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.length - 1).toString()
}

function bad(path: string, message: string): Error {
  return callFault("bad_argument", `the argument's ${path} ${message}`, { path })
}
