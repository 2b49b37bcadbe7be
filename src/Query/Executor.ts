/**
 * Statements run: what Wasm calls for a guest, and the Query service for an embedder. Synchronous, on bytes.
 *
 * Invariants
 * - Statements are the BSON documents of `docs/abi.md`, structurally valid; everything else about them is checked here.
 * - A statement sees the state as of its own start: a write first collects the keys it is about, then changes.
 * - A write is all or nothing: when it throws, everything it did is undone (a savepoint of the transaction).
 * - One statement runs at a time. Plans are kept by shape, validators by version of a store.
 */
import * as Type from "../Bson/Type.ts"
import { Key } from "../Bson/Value.ts"
import { fieldName, findElement, readString } from "../Bson/View.ts"
import { Fault } from "../Fault/Fault.ts"
import { DocumentView, KEY_BYTES, type Reader, type Store, type Transaction } from "../Storage/Reader.ts"
import { unboundedAdvice } from "./Advice.ts"
import type { Get } from "./Ast.ts"
import { Changer, undoing } from "./Changer.ts"
import { type ActualRun, explainPlan, type Explanation } from "./Explanation.ts"
import { Finder } from "./Finder.ts"
import { getById } from "./IdKeys.ts"
import { JoinByKey } from "./JoinByKey.ts"
import { KeyList } from "./KeyList.ts"
import { applyLookup } from "./Lookups.ts"
import { PageCursors } from "./PageCursor.ts"
import type { Plan } from "./Plan.ts"
import type { PlannedKind } from "./PlanCompiler.ts"
import { breakBudget, DEFAULT_QUERY_LIMITS, type QueryLimits, type QueryReason, refuseStatement } from "./Reasons.ts"
import type { RowList } from "./RowList.ts"
import { RowTexts } from "./RowTexts.ts"
import { TextUses } from "./TextUse.ts"
import { eachElement, type Members, readMembers, requireType } from "./StatementMembers.ts"
import { withStatement } from "./StatementBson.ts"
import type { StatementLog } from "./StatementLog.ts"
import { UpdateRun } from "./UpdateProgram.ts"

/** Members that make a statement an aggregate. */
const AGGREGATE_MEMBERS = ["groupBy", "aggregates", "distinct"].map(fieldName)

export interface ExecutorOptions {
  /** The current version of a store; undefined when statements may not know it. */
  readonly store: (name: string) => Store | undefined
  readonly limits?: Partial<QueryLimits>
  /** How many databases share the memory for texts now; one without it. */
  readonly sharers?: () => number
  /** What cursors are signed with: bytes that only this database has. */
  readonly cursorSecret?: Uint8Array
  /** Where the cost of each run is noted. */
  readonly log?: StatementLog
  /** Milliseconds of a monotonic clock, with fractions; without it nothing is timed. */
  readonly now?: () => number
  /** Hears of a statement that reads its whole store although an index would serve it, once a plan. */
  readonly onUnbounded?: (advice: string) => void
}

/** What a write did to documents that were there. */
export interface Changes {
  /** Documents it was about. */
  readonly matched: number
  /** Those that are different now. */
  readonly modified: number
}

const unboundedListener = (listener: ((advice: string) => void) | undefined): ((plan: Plan) => void) | undefined =>
  listener === undefined
    ? undefined
    : (plan) => {
        const advice = unboundedAdvice(plan)
        if (advice !== undefined) listener(advice)
      }

/**
 * Runs statements against readers and transactions of one engine.
 *
 * @example
 * ```ts
 * const executor = new Executor({ store: (name) => engine.store(name) })
 * const rows = new RowList()
 * executor.find(snapshot, encodeStatement(parsePql("orders.limit(20)")), 0, rows)
 * writeRowsJson(sink, rows)
 * ```
 */
export class Executor {
  readonly #findStore: (name: string) => Store
  readonly #limits: QueryLimits
  readonly #finder: Finder
  readonly #changer = new Changer()
  readonly #keys = new KeyList()
  readonly #view = new DocumentView()
  readonly #now: (() => number) | undefined
  readonly #cursors: PageCursors
  readonly #log: StatementLog | undefined
  readonly #texts: TextUses
  readonly #joins: JoinByKey

  constructor(options: ExecutorOptions) {
    this.#findStore = (name) => {
      const store = options.store(name)
      if (store === undefined) throw new Fault<QueryReason>({ _tag: "UnknownStore", store: name, message: `there is no store ${name}` })
      return store
    }
    this.#limits = { ...DEFAULT_QUERY_LIMITS, ...options.limits }
    const texts = new RowTexts(this.#limits.textCacheBytesMax, options.sharers)
    this.#texts = new TextUses(texts)
    this.#joins = new JoinByKey(this.#limits, texts, this.#texts)
    this.#cursors = new PageCursors(options.cursorSecret ?? new Uint8Array(0))
    this.#finder = new Finder(this.#findStore, this.#limits, {
      cursors: this.#cursors,
      now: options.now,
      onPlan: unboundedListener(options.onUnbounded)
    })
    this.#now = options.now
    this.#log = options.log
  }

  /** Fills `rows` with the rows of a find statement; they are valid as long as `reader` is open. Faults: see `QueryReason`. */
  find(reader: Reader, bytes: Uint8Array, at: number, rows: RowList): void {
    const plan = this.#finder.plans.take("find", bytes, at, reader)
    rows.texts = this.#texts.begin(plan)
    for (const lookup of plan.lookups) this.#findStore(lookup.store)
    const startedMs = this.#started()
    try {
      this.#finder.find(reader, plan, rows)
    } finally {
      this.#note(plan, startedMs, rows.count)
    }
    this.#lookUp(reader, plan, rows)
  }

  #started(): number {
    return this.#log === undefined ? 0 : this.#log.now()
  }

  #note(plan: Plan, startedMs: number, returned: number): void {
    this.#log?.record(plan, startedMs, this.#finder.work.scanned, returned)
  }

  /**
   * As `find`, for a page: the cursor for the next one, undefined when there is none. A page also ends where `rowsMax` or `rowsBytesMax`
   * would be exceeded.
   */
  findPage(reader: Reader, bytes: Uint8Array, at: number, rows: RowList): string | undefined {
    const plan = this.#finder.plans.take("find", bytes, at, reader)
    rows.texts = this.#texts.begin(plan)
    for (const lookup of plan.lookups) this.#findStore(lookup.store)
    const startedMs = this.#started()
    const hasMore = this.#finder.findPage(reader, plan, rows)
    this.#note(plan, startedMs, rows.count)
    const last = rows.count - 1
    const next = hasMore && last >= 0 ? this.#cursors.write(plan, rows.bytes(last), rows.at(last)) : undefined
    this.#lookUp(reader, plan, rows)
    return next
  }

  #lookUp(reader: Reader, plan: Plan, rows: RowList): void {
    for (const lookup of plan.lookups) {
      if (this.#joins.join(lookup, rows, reader, this.#findStore(lookup.store))) continue
      applyLookup(lookup, rows, this.#limits, (statement, into) =>
        this.#finder.find(reader, this.#finder.plans.take("find", statement, 0, reader), into)
      )
    }
  }

  /** Fills `rows` with the groups of an aggregate statement; they are valid until the list is reset. */
  aggregate(reader: Reader, bytes: Uint8Array, at: number, rows: RowList): void {
    const plan = this.#finder.plans.take("aggregate", bytes, at, reader)
    const startedMs = this.#started()
    try {
      this.#finder.aggregate(reader, plan, rows)
    } finally {
      this.#note(plan, startedMs, rows.count)
    }
  }

  /** Fills `rows` with the rows of a find or an aggregate, whichever the statement is by its members. */
  rows(reader: Reader, bytes: Uint8Array, at: number, rows: RowList): void {
    if (this.kindOfRows(bytes, at) === "aggregate") this.aggregate(reader, bytes, at, rows)
    else this.find(reader, bytes, at, rows)
  }

  /** Whether a statement that gives rows is an aggregate, by its members. */
  kindOfRows(bytes: Uint8Array, at: number): "find" | "aggregate" {
    return AGGREGATE_MEMBERS.some((name) => findElement(bytes, at, name) >= 0) ? "aggregate" : "find"
  }

  /** The number of rows of `{ store, filter?, limit?, skip? }`. */
  count(reader: Reader, bytes: Uint8Array, at: number): number {
    const plan = this.#finder.plans.take("count", bytes, at, reader)
    const startedMs = this.#started()
    try {
      return this.#finder.count(reader, plan)
    } finally {
      // A count is one row, whatever it says.
      this.#note(plan, startedMs, 1)
    }
  }

  /** Finds the document of `{ store, key }`. A key that no document of the store can have finds nothing. */
  get(reader: Reader, bytes: Uint8Array, at: number, out: DocumentView): boolean {
    const plan = this.#finder.plans.take("get", bytes, at, reader)
    if (plan.projection !== undefined)
      refuseStatement("select", "a document is taken as it lies here: select, omit and compute need a find")
    if (!this.#finder.get(reader, plan, out)) return false
    reader.read(out)
    return true
  }

  /** As `get`, but as one row or none, with the statement's `select`. */
  getRow(reader: Reader, bytes: Uint8Array, at: number, rows: RowList): boolean {
    const plan = this.#finder.plans.take("get", bytes, at, reader)
    rows.reset()
    rows.projection = plan.projection
    rows.texts = this.#texts.begin(plan)
    const view = this.#view
    if (!this.#finder.get(reader, plan, view)) return false
    rows.pushFound(reader, view)
    return true
  }

  /** As `getRow`, of a statement without bytes; that for a key of a store of keys, which is most of them, needs neither them nor a plan. */
  getRowOf(reader: Reader, statement: Get, rows: RowList): boolean {
    const { compute, key, omit, select } = statement
    const store = this.#findStore(statement.store)
    const isPlain = select === undefined && omit === undefined && compute === undefined
    if (!isPlain || !(key instanceof Key) || store.definition.idKind !== "key") {
      return withStatement(statement, (bytes) => this.getRow(reader, bytes, 0, rows))
    }
    rows.reset()
    rows.texts = this.#texts.begin(store)
    const view = this.#view
    if (!reader.find(store, key.bytes, 0, view)) return false
    rows.pushFound(reader, view)
    return true
  }

  /** One row for each key of `{ store, keys: [ … ] }`, in their order; `rows.at` is -1 where there is no document. */
  getMany(reader: Reader, bytes: Uint8Array, at: number, rows: RowList): void {
    const members = readMembers("getMany", bytes, at)
    const store = this.#storeOf(bytes, members)
    const view = this.#view
    rows.reset()
    rows.texts = this.#texts.begin(store)
    eachElement("keys", bytes, members, (type, valueAt) => {
      if (rows.count === this.#limits.rowsMax) breakBudget("rowsMax", this.#limits, store.definition.name)
      if (rows.sizeBytes > this.#limits.rowsBytesMax) breakBudget("rowsBytesMax", this.#limits, store.definition.name)
      if (getById(reader, store, bytes, type, valueAt, view)) rows.pushFound(reader, view)
      else rows.pushMissing()
    })
  }

  /**
   * Stores the document of `{ store, document }` or those of `{ store, documents }`; `rows` are the stored documents in that order.
   * Faults with InvalidDocument and, from Storage, DuplicateKey, IdMissing, IdCollision, InvalidKey and its limits.
   */
  insert(transaction: Transaction, bytes: Uint8Array, at: number, rows: RowList): void {
    const members = readMembers("insert", bytes, at)
    const store = this.#storeOf(bytes, members)
    if (members.has("document") === members.has("documents")) refuseStatement("", "insert takes either document or documents")
    rows.reset()
    undoing(transaction, () => {
      if (members.has("document")) return this.#insertOne(transaction, store, bytes, documentOf(members), undefined, rows)
      return eachElement("documents", bytes, members, (type, valueAt, index) => {
        if (type !== Type.DOCUMENT) refuseStatement(`documents.${index}`, `a document is needed, found ${Type.typeName(type)}`)
        this.#insertOne(transaction, store, bytes, valueAt, index, rows)
      })
    })
  }

  /** Puts the document of `{ store, document }` in the place of the one with its `_id`; matches none when there is no such one. */
  replace(transaction: Transaction, bytes: Uint8Array, at: number): Changes {
    const members = readMembers("replace", bytes, at)
    const store = this.#storeOf(bytes, members)
    const done = undoing(transaction, () => this.#changer.put(transaction, store, bytes, documentOf(members), false))
    return { matched: done === "none" ? 0 : 1, modified: done === "changed" ? 1 : 0 }
  }

  /** As `replace`, but stores the document also when there is none with its `_id` (it matches 0 then). `rows` is the stored document. */
  upsert(transaction: Transaction, bytes: Uint8Array, at: number, rows: RowList): Changes {
    const members = readMembers("upsert", bytes, at)
    const store = this.#storeOf(bytes, members)
    rows.reset()
    const done = undoing(transaction, () => this.#changer.put(transaction, store, bytes, documentOf(members), true))
    const { view } = this.#changer
    rows.push(view.bytes, view.at, view.length)
    return { matched: done === "inserted" ? 0 : 1, modified: done === "changed" ? 1 : 0 }
  }

  /** Changes the documents of `{ store, key or filter, set?, inc?, unset?, push?, addToSet?, pull? }`. Faults with InvalidUpdate and InvalidDocument. */
  update(transaction: Transaction, bytes: Uint8Array, at: number): Changes {
    const { plans } = this.#finder
    const plan = plans.take("update", bytes, at, transaction)
    const { program, store } = plan
    if (program === undefined) return refuseStatement("", "update changes nothing")
    return this.#changing(transaction, () => {
      const change = new UpdateRun(program, plans.operands)
      this.#collect(transaction, plan)
      const { bytes: keys, count } = this.#keys
      let modified = 0
      for (let index = 0; index < count; index++) {
        if (this.#changer.update(transaction, store, change, keys, index * KEY_BYTES)) modified++
      }
      return { matched: count, modified }
    })
  }

  /** Removes the documents of `{ store, key or filter }` and returns how many there were. */
  delete(transaction: Transaction, bytes: Uint8Array, at: number): number {
    const plan = this.#finder.plans.take("delete", bytes, at, transaction)
    return this.#changing(transaction, () => {
      this.#collect(transaction, plan)
      const { bytes: keys, count } = this.#keys
      for (let index = 0; index < count; index++) this.#changer.delete(transaction, plan.store, keys, index * KEY_BYTES)
      return count
    })
  }

  /** Collects the keys of what a write is about; that is what the log notes of it. */
  #collect(transaction: Transaction, plan: Plan): void {
    const startedMs = this.#started()
    try {
      this.#finder.collect(transaction, plan, this.#keys)
    } finally {
      this.#note(plan, startedMs, this.#keys.count)
    }
  }

  /**
   * How a statement of this kind is run, as plain data. With `reader` it is planned for what that sees and run, as far as it reads: a change
   * finds its documents and leaves them as they are.
   */
  explain(kind: PlannedKind, bytes: Uint8Array, at: number, reader?: Reader): Explanation {
    const { plans } = this.#finder
    const plan = plans.take(kind, bytes, at, reader, true)
    let explanation: Explanation
    try {
      explanation = explainPlan(plan, plans.operands, reader?.lsn ?? Number.MAX_SAFE_INTEGER)
      if (reader === undefined) return explanation
      return { ...explanation, actual: this.#measure(reader, plan) }
    } finally {
      plans.operands.clear()
    }
  }

  #measure(reader: Reader, plan: Plan): ActualRun {
    const finder = this.#finder
    const startedMs = this.#now?.()
    let rows = 0
    let budget: keyof QueryLimits | undefined
    try {
      rows = finder.measure(reader, plan)
    } catch (error) {
      if (!(error instanceof Fault) || error.reason._tag !== "BudgetExceeded") throw error
      budget = (error.reason as Extract<QueryReason, { readonly _tag: "BudgetExceeded" }>).budget
    }
    const { bytesRead, documentsRead, entriesRead } = finder.work
    return {
      rows,
      indexKeysRead: entriesRead,
      documentsRead,
      bytesRead,
      ...(startedMs === undefined || this.#now === undefined ? {} : { elapsedMs: this.#now() - startedMs }),
      ...(budget === undefined ? {} : { budget })
    }
  }

  #storeOf(bytes: Uint8Array, members: Members): Store {
    return this.#findStore(readString(bytes, members.at("store")))
  }

  #insertOne(transaction: Transaction, store: Store, bytes: Uint8Array, at: number, index: number | undefined, rows: RowList): void {
    this.#changer.insert(transaction, store, bytes, at, index)
    const { view } = this.#changer
    rows.push(view.bytes, view.at, view.length)
  }

  #changing<A>(transaction: Transaction, change: () => A): A {
    this.#keys.reset()
    try {
      return undoing(transaction, change)
    } finally {
      this.#finder.plans.operands.clear()
    }
  }
}

function documentOf(members: Members): number {
  requireType(members, "document", Type.DOCUMENT, "a document")
  return members.at("document")
}
