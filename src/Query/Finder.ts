/**
 * Runs plans that read: rows, counts, and the keys of what a write is about.
 *
 * Invariants
 * - Rows come in the order of the statement and then of their keys, whatever the plan was.
 * - Nothing of a run outlives it but the rows: cursors are closed and values let go, also when it throws.
 * - A finder runs one statement at a time; it is synchronous and calls nobody who could come back.
 */
import { compareKeys } from "../Bson/Key.ts"
import type { Predicate } from "../Match/Compile.ts"
import { KEY_BYTES, type DocumentView, type Range, type Reader, type Store } from "../Storage/Reader.ts"
import type { IndexAccess, IntersectionAccess, KeyAccess, ScanAccess, UnionAccess } from "./Access.ts"
import { missingIndex } from "./Advice.ts"
import type { AggregateProgram } from "./AggregateProgram.ts"
import { BoundsBuilder } from "./Bounds.ts"
import type { Leaf } from "./Condition.ts"
import { Grouping } from "./Grouping.ts"
import { areOwn, eachValue, getById, isExactRange, keyOrNone, mayEqualInteger } from "./IdKeys.ts"
import { KeyList } from "./KeyList.ts"
import { PageCursors } from "./PageCursor.ts"
import type { Plan } from "./Plan.ts"
import { PlanCache } from "./PlanCache.ts"
import { alternativeFor } from "./PlanCompiler.ts"
import { breakBudget, type QueryLimits } from "./Reasons.ts"
import { RowList } from "./RowList.ts"
import { SortBuffer } from "./SortBuffer.ts"
import { Source } from "./Source.ts"

/** Rows between two looks at what sorting takes. */
const SORT_CHECK_ROWS = 1024
const NO_SECRET = new Uint8Array(0)

export interface FinderOptions {
  readonly cursors?: PageCursors
  /** Milliseconds of a monotonic clock; without it no statement runs out of time. */
  readonly now?: (() => number) | undefined
  /** Hears of every plan that is made. */
  readonly onPlan?: ((plan: Plan) => void) | undefined
}

export class Finder {
  readonly plans: PlanCache
  readonly #limits: QueryLimits
  readonly #source: Source
  readonly #bounds: BoundsBuilder
  readonly #sorter = new SortBuffer()
  readonly #keys = new KeyList()
  /** Keys of the next index of an intersection, or of one part of a union. */
  readonly #others = new KeyList()

  /** Whether a reply that has no room for more ends a page instead of the statement. */
  #pages = false
  #isFull = false

  constructor(findStore: (name: string) => Store, limits: QueryLimits, options: FinderOptions = {}) {
    this.plans = new PlanCache(findStore, options.cursors ?? new PageCursors(NO_SECRET), options.onPlan)
    this.#limits = limits
    this.#source = new Source(limits, options.now)
    this.#bounds = new BoundsBuilder(limits.rangesMax)
  }

  /** Fills `rows` with what the plan finds for the values loaded last. */
  find(reader: Reader, planned: Plan, rows: RowList): void {
    const plan = alternativeFor(planned, reader.lsn, this.plans.operands)
    rows.reset()
    rows.projection = plan.projection
    this.#source.begin()
    if (this.plans.limit === 0) return
    try {
      this.#run(reader, plan, rows)
    } finally {
      this.#close()
    }
  }

  /** Fills `rows` with as many rows as there is room for, up to the statement's limit; whether there are more behind them. */
  findPage(reader: Reader, plan: Plan, rows: RowList): boolean {
    const { limit } = this.plans
    this.plans.limit = limit === 0 ? 0 : limit + 1
    this.#pages = true
    this.#isFull = false
    try {
      this.find(reader, plan, rows)
    } finally {
      this.#pages = false
    }
    if (rows.count <= limit) return this.#isFull
    rows.pop()
    return true
  }

  /** Fills `rows` with the groups of what the plan finds. */
  aggregate(reader: Reader, planned: Plan, rows: RowList): void {
    const plan = alternativeFor(planned, reader.lsn, this.plans.operands)
    const { aggregate } = plan
    rows.reset()
    this.#source.begin()
    if (aggregate === undefined) return
    const { limit, skip } = this.plans
    try {
      const having = aggregate.having.predicate(this.plans.operands)
      if (plan.streams && this.#streamed(reader, plan, aggregate.program, having, rows)) return
      const grouping = new Grouping(aggregate.program, this.#limits, plan.store.definition.name)
      if (plan.ordering === "any") this.#group(reader, plan, aggregate.program, grouping)
      else {
        this.plans.limit = Number.POSITIVE_INFINITY
        this.plans.skip = 0
        this.#run(reader, plan, rows)
        for (let row = 0; row < rows.count; row++) grouping.add(rows.bytes(row), rows.at(row))
      }
      rows.reset()
      grouping.finish(rows, having, skip, limit)
    } finally {
      this.#close()
    }
  }

  #group(reader: Reader, plan: Plan, program: AggregateProgram, grouping: Grouping): void {
    const source = this.#source
    this.#open(reader, plan, program.groupBy.length > 0 || program.aggregates.some((one) => one.operator !== "count"))
    while (source.next()) grouping.add(source.view.bytes, source.view.at)
  }

  /** Computes one group after another; false when entries were cut, so that the order of groups cannot be relied on. */
  #streamed(reader: Reader, plan: Plan, program: AggregateProgram, having: Predicate | undefined, rows: RowList): boolean {
    const source = this.#source
    const { limit, skip } = this.plans
    const grouping = new Grouping(program, this.#limits, plan.store.definition.name)
    // Groups that are put into another order are all needed.
    const enough = program.sort.length > 0 ? Number.POSITIVE_INFINITY : skip + limit
    grouping.startOrdered(having)
    this.#open(reader, plan, true)
    while (grouping.passed < enough && source.next()) {
      if (source.sawCut) return false
      grouping.addOrdered(source.view.bytes, source.view.at)
    }
    grouping.finishOrdered(rows, skip, limit)
    return true
  }

  /** Counts what the plan finds. */
  count(reader: Reader, planned: Plan): number {
    const plan = alternativeFor(planned, reader.lsn, this.plans.operands)
    const { limit, skip } = this.plans
    const enough = skip + limit
    let count = 0
    this.#source.begin()
    try {
      this.#open(reader, plan, false)
      while (count < enough && this.#source.next()) count++
    } finally {
      this.#close()
    }
    return Math.max(0, count - skip)
  }

  /**
   * Adds the keys of the documents the plan finds to `into`. The values stay loaded: the caller goes on with them, and clears them.
   * Faults with BudgetExceeded beyond `rowsMax`.
   */
  collect(reader: Reader, planned: Plan, into: KeyList): void {
    const plan = alternativeFor(planned, reader.lsn, this.plans.operands)
    const source = this.#source
    source.begin()
    source.leavesUnread = true
    try {
      this.#open(reader, plan, false)
      while (source.next()) {
        if (into.count === this.#limits.rowsMax) breakBudget("rowsMax", this.#limits, plan.store.definition.name)
        into.push(source.key, source.keyAt)
      }
    } finally {
      source.close()
    }
  }

  /** What the last run read. */
  get work(): Pick<Source, "entriesRead" | "documentsRead" | "bytesRead" | "scanned"> {
    return this.#source
  }

  /** Runs a plan of any kind and gives the number of its rows; nothing is kept of them, and nothing is changed. */
  measure(reader: Reader, plan: Plan): number {
    switch (plan.kind) {
      case "find":
      case "aggregate": {
        const rows = new RowList()
        if (plan.kind === "find") this.find(reader, plan, rows)
        else this.aggregate(reader, plan, rows)
        return rows.count
      }
      case "count":
        return this.count(reader, plan)
      default: {
        const keys = new KeyList()
        this.collect(reader, plan, keys)
        return keys.count
      }
    }
  }

  /** Finds the one document with the `_id` that the values of a get statement are. */
  get(reader: Reader, plan: Plan, out: DocumentView): boolean {
    const { operands } = this.plans
    try {
      return getById(reader, plan.store, operands.bytes(0), operands.type(0), operands.at(0), out)
    } finally {
      operands.clear()
    }
  }

  #run(reader: Reader, plan: Plan, rows: RowList): void {
    const { ordering } = plan
    if (ordering === "keys") return this.#byKeys(reader, plan, rows)
    if (ordering === "sort" || ordering === "any") return this.#sorted(reader, plan, rows)
    if (ordering === "walk") this.#walked(reader, plan, rows)
    else this.#tied(reader, plan, rows)
    if (!this.#source.sawCut) return
    // Entries that were cut stand in the order of what is left of them: the documents themselves have to be compared.
    const { projection } = rows
    rows.reset()
    rows.projection = projection
    this.#source.begin()
    this.#sorted(reader, plan, rows)
  }

  #walked(reader: Reader, plan: Plan, rows: RowList): void {
    const source = this.#source
    const { limit } = this.plans
    let { skip } = this.plans
    source.leavesUnread = this.plans.after === undefined
    this.#open(reader, plan, true)
    while (this.#next(plan)) {
      if (skip > 0) skip--
      else if (!this.#hasRoom(rows, plan.store, source.view.length)) break
      else {
        rows.pushFound(reader, source.view)
        if (rows.count >= limit) break
      }
    }
  }

  #sorted(reader: Reader, plan: Plan, rows: RowList): void {
    const source = this.#source
    const sorter = this.#sorter
    const { limit, skip } = this.plans
    sorter.start(plan.sort, limit + skip)
    this.#open(reader, plan, true)
    while (this.#next(plan)) {
      const { at, bytes, length } = source.view
      sorter.add(bytes, at, length, source.key, source.keyAt)
      if (sorter.count % SORT_CHECK_ROWS === 0 && sorter.sizeBytes() > this.#limits.sortBytesMax)
        breakBudget("sortBytesMax", this.#limits, plan.store.definition.name, missingIndex(plan))
    }
    this.#flush(rows, plan, skip)
  }

  /** Rows come in order except within runs of rows that sort alike: each run is put in the order of its keys. */
  #tied(reader: Reader, plan: Plan, rows: RowList): void {
    const source = this.#source
    const sorter = this.#sorter
    const { limit } = this.plans
    let { skip } = this.plans
    sorter.start(plan.sort, limit + skip)
    this.#open(reader, plan, true)
    while (this.#next(plan)) {
      const { at, bytes, length } = source.view
      if (sorter.count > 0 && !sorter.sortsAsFirst(bytes, at)) {
        skip = this.#flush(rows, plan, skip)
        if (rows.count >= limit || this.#isFull) return
      }
      sorter.add(bytes, at, length, source.key, source.keyAt)
    }
    this.#flush(rows, plan, skip)
  }

  /** Moves the rows of the sorter, in order and after `skip` of them, to `rows`. How many are still to be skipped. */
  #flush(rows: RowList, plan: Plan, skip: number): number {
    const sorter = this.#sorter
    const { limit } = this.plans
    sorter.sort()
    for (let rank = skip; rank < sorter.count && rows.count < limit; rank++) {
      if (!this.#hasRoom(rows, plan.store, sorter.length(rank))) break
      rows.push(sorter.bytes(rank), sorter.at(rank), sorter.length(rank))
    }
    const left = Math.max(0, skip - sorter.count)
    sorter.clear()
    return left
  }

  /** Points the source at the documents of an access, each once and in the order of keys, fetched only as far as asked for. */
  #openByKey(reader: Reader, plan: Plan, access: Combinable): void {
    this.#keys.reset()
    const isExact = this.#collectKeys(reader, plan, access, this.#keys)
    this.#keys.sortUnique(plan.direction)
    if (this.plans.after !== undefined && plan.ordering === "keys") this.#keys.startBehind(this.plans.after.key, plan.direction)
    const tests = isExact ? plan.tests.residual : plan.tests.all
    this.#source.fetch(reader, plan, this.#keys, tests.predicate(this.plans.operands))
  }

  /** Adds the keys of an access to `into`; whether what it takes care of holds for all of their documents. */
  #collectKeys(reader: Reader, plan: Plan, access: Combinable, into: KeyList): boolean {
    if (access.kind === "union") {
      for (const part of access.parts) {
        if (part.kind === "index") this.#collectKeys(reader, plan, part, into)
        else if (!this.#addKeys(plan.store, part.leaf, into)) this.#collectAll(reader, plan, into)
      }
      return false
    }
    if (access.kind === "intersection") {
      access.parts.forEach((part, number) => {
        const list = number === 0 ? into : this.#others
        if (number > 0) list.reset()
        this.#collectKeys(reader, plan, part, list)
        list.sortUnique(1)
        if (number > 0) into.intersect(list)
      })
      return false
    }
    const bounds = this.#bounds
    bounds.build(access, this.plans.operands)
    const isExact = bounds.exact
    this.#source.walk(reader, plan, access.index, bounds.ranges, 1, false, undefined)
    this.#drain(plan, into)
    return isExact
  }

  /** Adds all keys of the store: of an `_id` that could be equal to ids whose keys cannot be told. */
  #collectAll(reader: Reader, plan: Plan, into: KeyList): void {
    this.#source.scan(reader, plan, undefined, false, undefined)
    this.#drain(plan, into)
  }

  #drain(plan: Plan, into: KeyList): void {
    const source = this.#source
    while (source.next()) {
      into.push(source.key, source.keyAt)
      if (into.count * KEY_BYTES > this.#limits.sortBytesMax)
        breakBudget("sortBytesMax", this.#limits, plan.store.definition.name, missingIndex(plan))
    }
  }

  #byKeys(reader: Reader, plan: Plan, rows: RowList): void {
    const { access, store } = plan
    if (access.kind === "keys" || access.kind === "scan") return this.#sorted(reader, plan, rows)
    const source = this.#source
    this.#openByKey(reader, plan, access)
    const { limit } = this.plans
    let { skip } = this.plans
    while (this.#next(plan)) {
      if (skip > 0) skip--
      else if (!this.#hasRoom(rows, store, source.view.length)) return
      else {
        rows.pushFound(reader, source.view)
        if (rows.count >= limit) return
      }
    }
  }

  /** Points the source at what the plan's access gives. Without `needed` documents are fetched only if they have to be tested. */
  #open(reader: Reader, plan: Plan, needed: boolean): void {
    const { access, covering, direction, store, tests } = plan
    const { operands } = this.plans
    if (access.kind === "union" || access.kind === "intersection") this.#openByKey(reader, plan, access)
    else if (access.kind === "index") {
      const bounds = this.#bounds
      bounds.build(access, operands)
      // Without what was left unbound, a document may come several times where the access says it does not.
      if (access.repeats || (access.isMultikey && bounds.widened)) return this.#openByKey(reader, plan, access)
      const predicate = (bounds.exact ? tests.residual : tests.all).predicate(operands)
      if (this.plans.after !== undefined && (plan.ordering === "walk" || plan.ordering === "ties")) this.#startBehind(plan, access)
      const fetch = needed || predicate !== undefined
      if (covering === undefined || !fetch) this.#source.walk(reader, plan, access.index, bounds.ranges, direction, fetch, predicate)
      else {
        const keeps = plan.ordering !== "any"
        this.#source.cover(reader, plan, access.index, bounds.ranges, direction, covering, keeps, predicate)
      }
    } else if (access.kind === "keys" && this.#fillKeys(store, access)) {
      this.#keys.sortUnique(direction)
      const exact = areOwn(store, operands, access.leaf)
      this.#source.fetch(reader, plan, this.#keys, (exact ? tests.residual : tests.all).predicate(operands))
    } else {
      const bounds = access.kind === "scan" ? this.#keyRange(store, access) : undefined
      const range = plan.ordering === "walk" ? this.#behindCursor(bounds, direction) : bounds
      const exact = access.kind === "scan" && isExactRange(store, access, operands)
      const predicate = (exact ? tests.residual : tests.all).predicate(operands)
      this.#source.scan(reader, plan, range, needed || predicate !== undefined, predicate)
    }
  }

  /** Collects the keys of the `_id`s of an access; false when a value has no key of its own but could still be equal to an `_id`. */
  #fillKeys(store: Store, access: KeyAccess): boolean {
    this.#keys.reset()
    return this.#addKeys(store, access.leaf, this.#keys)
  }

  #addKeys(store: Store, leaf: Leaf, into: KeyList): boolean {
    let complete = true
    eachValue(this.plans.operands, leaf, (bytes, type, at) => {
      const key = keyOrNone(store, type, bytes, at)
      if (key !== undefined) into.push(key, 0)
      else if (mayEqualInteger(store, type)) complete = false
    })
    return complete
  }

  /** A range of keys without what a walk in this direction has before the statement's cursor. */
  #behindCursor(range: Range | undefined, direction: 1 | -1): Range | undefined {
    const key = this.plans.after?.key
    if (key === undefined) return range
    const bound = direction === 1 ? range?.low : range?.high
    if (bound !== undefined && direction * compareKeys(bound, 0, key, 0) > 0) return range
    return direction === 1 ? { ...range, low: key, lowInclusive: false } : { ...range, high: key, highInclusive: false }
  }

  #keyRange(store: Store, access: ScanAccess): Range | undefined {
    const low = this.#keyBound(store, access.low, 0)
    const high = this.#keyBound(store, access.high, 1)
    if (low === undefined && high === undefined) return undefined
    return {
      ...(low === undefined ? {} : { low, lowInclusive: access.low?.op !== "gt" }),
      ...(high === undefined ? {} : { high, highInclusive: access.high?.op !== "lt" })
    }
  }

  #keyBound(store: Store, leaf: Leaf | undefined, position: number): Uint8Array | undefined {
    const { operands } = this.plans
    if (leaf === undefined || !areOwn(store, operands, leaf)) return undefined
    let found: Uint8Array | undefined
    let index = 0
    eachValue(operands, leaf, (bytes, type, at) => {
      if (leaf.op !== "between" || index === position) found = keyOrNone(store, type, bytes, at)
      index++
    })
    return found
  }

  /** Whether there is room for one more row; without it a page ends, and a statement that is none is refused. */
  #hasRoom(rows: RowList, store: Store, length: number): boolean {
    const { rowsBytesMax, rowsMax } = this.#limits
    if (rows.count === rowsMax || rows.sizeBytes + length > rowsBytesMax) {
      this.#isFull = this.#pages && rows.count > 0
      if (this.#isFull) return false
      breakBudget(rows.count === rowsMax ? "rowsMax" : "rowsBytesMax", this.#limits, store.definition.name)
    }
    return true
  }

  /** Moves to the next document that passes and that lies behind the statement's cursor. */
  #next(plan: Plan): boolean {
    const source = this.#source
    const { after } = this.plans
    while (source.next()) {
      if (after === undefined || after.isBefore(plan.sort, source.view.bytes, source.view.at, source.key, source.keyAt)) return true
    }
    return false
  }

  /** Begins a walk in the statement's order at its cursor. */
  #startBehind(plan: Plan, access: IndexAccess): void {
    const position = this.plans.after
    if (position === undefined) return
    const levels: Array<number> = []
    for (const { path } of access.index.definition.on.slice(access.bound.length)) {
      const level = plan.sort.findIndex((sort) => sort.path.text === path)
      if (level < 0) break
      levels.push(level)
    }
    this.#bounds.startAt(access, this.plans.operands, position, levels, plan.direction)
  }

  #close(): void {
    this.#source.close()
    this.#sorter.clear()
    this.plans.operands.clear()
  }
}

/** Accesses whose keys are collected before documents are fetched. */
type Combinable = IndexAccess | UnionAccess | IntersectionAccess
