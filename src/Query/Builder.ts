/**
 * The typed way to write statements on the host: `orders.filter({ status: "open" }).orderBy("placedAt", "desc").limit(20)`.
 *
 * Invariants
 * - Every step gives a new value; nothing is read or changed until a statement is given to the Query service or to a transaction.
 * - A path, operator or value that the store's schema does not have does not compile. What types cannot say (a limit below 0, say) is
 *   refused when the statement runs.
 */
import type { Value } from "../Bson/Value.ts"
import type { IdKind, StoreDefinition } from "../Schema/Definition.ts"
import type {
  Aggregate,
  Computed,
  Count,
  Delete,
  DocumentValue,
  Explain,
  Filter,
  Find,
  Get,
  Insert,
  Order,
  OrderDirection,
  Replace,
  Update,
  Upsert
} from "./Ast.ts"
import {
  type Condition,
  type Conditions,
  type Each,
  filtersOf,
  joined,
  type Matching,
  type Operand,
  type Operator
} from "./BuilderCondition.ts"
import { type AggregateOf, type GroupKeys, GroupQuery, type LastName, type ResultOf } from "./BuilderGroups.ts"
import { type Computable, computedOf, type WithComputed } from "./BuilderCompute.ts"
import { type LookedUp, type LookupQuery, type WithList, withLookup } from "./BuilderLookup.ts"
import type { AtPath, DocumentOf, IdOf, ItemAt, NewDocumentOf, PathOf, StoredAt } from "./DocumentType.ts"
import type { Changes } from "./Executor.ts"
import type { Explanation } from "./Explanation.ts"
import type { Document, Page, Upserted } from "./Session.ts"

/** The name under which a statement carries the type of its result; there is no value. */
export declare const result: unique symbol

/** A statement that reads and gives an `A`. */
export interface Reading<out A> {
  readonly statement: Find | Get | Count | Aggregate | Explain
  /** Whether the result is the first row (or nothing) rather than all of them. */
  readonly takesFirst?: boolean
  /** Whether the result is a page: rows, and the cursor of what comes behind them. */
  readonly isPage?: boolean
  /** What is made of each document before it is given. */
  readonly decode?: (document: Document) => unknown
  readonly [result]?: A
}

/** A statement that changes documents and gives an `A`. */
export interface Writing<out A> {
  readonly statement: Insert | Update | Replace | Upsert | Delete
  /** Whether an insert was given one document rather than a list. */
  readonly takesFirst?: boolean
  readonly [result]?: A
}

export {
  type Conditions,
  type Condition,
  each,
  type Each,
  type ElementCondition,
  matching,
  type Matching,
  type Operand,
  type Operator
} from "./BuilderCondition.ts"

type Changeable<Row> = Exclude<PathOf<Row>, "_id">

/** New values of paths. */
export type Assignments<Row> = { readonly [Path in Changeable<Row>]?: StoredAt<Row, Path> }

/** What to add to numbers. */
export type Increments<Row> = {
  readonly [Path in Changeable<Row> as StoredAt<Row, Path> extends NumberLike | null ? Path : never]?: Exclude<StoredAt<Row, Path>, null>
}
/** Elements for arrays: one, or several by `each`. */
export type Additions<Row> = {
  readonly [Path in Changeable<Row> as ItemAt<Row, Path> extends never ? never : Path]?: ItemAt<Row, Path> | Each<ItemAt<Row, Path>>
}

/** Elements to take out of arrays: one, several by `each`, or those of a condition by `matching`. */
export type Removals<Row> = {
  readonly [Path in Changeable<Row> as ItemAt<Row, Path> extends never ? never : Path]?:
    | ItemAt<Row, Path>
    | Each<ItemAt<Row, Path>>
    | Matching<ItemAt<Row, Path>>
}
type NumberLike = number | bigint | { readonly _bsontype: "Decimal128" }

interface Parts {
  readonly store: string
  readonly filters: ReadonlyArray<Filter>
  readonly orderBy: ReadonlyArray<Order>
  readonly limit?: number
  readonly skip?: number
  readonly after?: string
  readonly select?: ReadonlyArray<string>
  readonly omit?: ReadonlyArray<string>
  readonly compute?: Computed
}

/** Documents of one store, chosen and ordered; given to the Query service, its rows. */
export class DocumentQuery<Row, Selected = Row> implements Reading<ReadonlyArray<Selected>> {
  declare readonly [result]?: ReadonlyArray<Selected>
  readonly #parts: Parts

  /** Queries begin at a store: `orders.filter(…)`. */
  constructor(parts: Parts) {
    this.#parts = parts
  }

  get statement(): Find {
    const { after, compute, limit, omit, orderBy, select, skip, store } = this.#parts
    return {
      kind: "find",
      store,
      ...this.#filter(),
      ...(orderBy.length === 0 ? {} : { orderBy }),
      ...(limit === undefined ? {} : { limit }),
      ...(skip === undefined ? {} : { skip }),
      ...(after === undefined ? {} : { after }),
      ...(select === undefined ? {} : { select }),
      ...(omit === undefined ? {} : { omit }),
      ...(compute === undefined ? {} : { compute })
    }
  }

  /** Keeps the documents for which all of this holds. */
  filter(conditions: Conditions<Row>): DocumentQuery<Row, Selected>
  filter<const Path extends PathOf<Row>, const Op extends Operator>(
    path: Path,
    operator: Op,
    value: Operand<AtPath<Row, Path>, ItemAt<Row, Path>, Op>
  ): DocumentQuery<Row, Selected>
  filter(...condition: ReadonlyArray<unknown>): DocumentQuery<Row, Selected> {
    return this.#with({ filters: [...this.#parts.filters, ...filtersOf(condition.length === 1 ? condition[0] : condition)] })
  }

  /** Keeps the documents for which at least one of these holds. */
  filterAny(...alternatives: ReadonlyArray<Conditions<Row> | Condition<Row>>): DocumentQuery<Row, Selected> {
    return this.#with({
      filters: [...this.#parts.filters, { op: "or", of: alternatives.map((alternative) => joined(filtersOf(alternative))) }]
    })
  }

  /** Keeps the documents for which this does not hold. */
  filterNot(condition: Conditions<Row> | Condition<Row>): DocumentQuery<Row, Selected> {
    return this.#with({ filters: [...this.#parts.filters, { op: "not", of: joined(filtersOf(condition)) }] })
  }

  /** Orders by a path; further calls decide among equals. */
  orderBy(path: PathOf<Row>, direction: OrderDirection = "asc"): DocumentQuery<Row, Selected> {
    return this.#with({ orderBy: [...this.#parts.orderBy, { path, direction }] })
  }

  /** At most so many rows. */
  limit(rows: number): DocumentQuery<Row, Selected> {
    return this.#with({ limit: rows })
  }

  /** Leaves out the first rows. */
  skip(rows: number): DocumentQuery<Row, Selected> {
    return this.#with({ skip: rows })
  }

  /** Only these fields of each row, and `_id`. */
  select<const Name extends keyof Row & string>(...names: ReadonlyArray<Name>): DocumentQuery<Row, Pick<Row, Name | (keyof Row & "_id")>> {
    return new DocumentQuery<Row, Pick<Row, Name | (keyof Row & "_id")>>({ ...this.#parts, select: names })
  }

  /** All but these fields of each row. */
  omit<const Name extends Exclude<keyof Row & string, "_id">>(...names: ReadonlyArray<Name>): DocumentQuery<Row, Omit<Row, Name>> {
    return new DocumentQuery<Row, Omit<Row, Name>>({ ...this.#parts, omit: names })
  }

  /**
   * Values that are computed, beside the fields of each row: `compute({ sum: ["price", "*", "quantity"], isLarge: ["quantity", ">", 10] })`. A number
   * of what is none, and a quotient by zero, is null.
   */
  compute<const Values extends { readonly [name: string]: Computable<Row> }>(
    values: Values
  ): DocumentQuery<Row, WithComputed<Selected, Row, Values>> {
    const compute = { ...this.#parts.compute, ...computedOf(values) }
    return new DocumentQuery<Row, WithComputed<Selected, Row, Values>>({ ...this.#parts, compute })
  }

  /** The first row; undefined when there is none. */
  first(): Reading<Selected | undefined> {
    return { statement: this.limit(1).statement, takesFirst: true }
  }

  /**
   * At most so many rows, and the cursor for the next ones: `page(20)`, then `page(20, before.next)`. Pages are places in the order, so
   * documents that come and go in between neither repeat rows nor hide them.
   */
  page(rows: number, after?: string): Reading<Page<Selected>> {
    const parts = { ...this.#parts, limit: rows, ...(after === undefined ? {} : { after }) }
    return { statement: new DocumentQuery<Row, Selected>(parts).statement, isPage: true }
  }

  /** Only rows behind a cursor. */
  after(cursor: string): DocumentQuery<Row, Selected> {
    return this.#with({ after: cursor })
  }

  /**
   * Puts documents of another store beside each row: those with a value at `foreign` that is equal to one of the row at `local`, as the list
   * `as`. All rows are served together.
   *
   * @example
   * ```ts
   * const customers = store({ name: "customers", idKind: "string", schema: { city: { type: "string" } }, indexes: [] })
   * const orders = store({ name: "orders", idKind: "key", schema: { customer: { type: "string" } }, indexes: [] })
   * const withBuyers = orders.limit(20).lookup(customers, "customer", "_id", "buyers") // each row has buyers: [{ _id, city }]
   * ```
   */
  lookup<Other, const As extends string>(
    store: LookedUp<Other>,
    local: PathOf<Row>,
    foreign: PathOf<Other>,
    as: As
  ): LookupQuery<Row, WithList<Selected, As, Other>> {
    return withLookup(this.statement, { store: store.definition.name, local, foreign, as })
  }

  /** How many rows there are. */
  count(): Reading<number> {
    const { limit, skip, store } = this.#parts
    const limits = { ...(limit === undefined ? {} : { limit }), ...(skip === undefined ? {} : { skip }) }
    return { statement: { kind: "count", store, ...this.#filter(), ...limits } }
  }

  /** Groups of rows that have equal values at these paths. The order of the rows is that in which `first`, `last` and `push` see them. */
  groupBy<const Path extends PathOf<Row>>(...paths: ReadonlyArray<Path>): GroupQuery<Row, GroupKeys<Row, Path>> {
    return new GroupQuery({ ...this.#grouped("groupBy"), groupBy: paths })
  }

  /** What is computed of all rows together: one row. */
  aggregate<const Results extends { readonly [name: string]: AggregateOf<Row> }>(
    results: Results
  ): GroupQuery<Row, { readonly [Name in keyof Results]: ResultOf<Row, Results[Name]> }> {
    return new GroupQuery<Row, {}>(this.#grouped("aggregate")).aggregate(results)
  }

  /** The values of a path, each once and in order; elements of arrays for themselves. */
  distinct<const Path extends PathOf<Row>>(
    path: Path
  ): GroupQuery<Row, { readonly [Name in Path as LastName<Name>]: AtPath<Row, Path> | null }> {
    return new GroupQuery({ ...this.#grouped("distinct"), distinct: path })
  }

  #grouped(verb: string): Aggregate {
    const { after, compute, limit, omit, orderBy, select, skip, store } = this.#parts
    if ([limit, skip, after, select, omit, compute].some((part) => part !== undefined)) {
      throw new TypeError(`${verb} is about all rows of a filter: limit and skip stand behind it, and count groups`)
    }
    return { kind: "aggregate", store, ...this.#filter(), ...(orderBy.length === 0 ? {} : { inputOrder: orderBy }) }
  }

  /** How the rows would be found. */
  explain(): Reading<Explanation> {
    return { statement: { kind: "explain", of: this.statement } }
  }

  /** Sets paths of all these documents. */
  set(values: Assignments<Row>): Updating<Row> {
    return this.#updating().set(values)
  }

  /** Adds to numbers of all these documents. */
  inc(amounts: Increments<Row>): Updating<Row> {
    return this.#updating().inc(amounts)
  }

  /** Removes paths from all these documents. */
  unset(...paths: ReadonlyArray<Changeable<Row>>): Updating<Row> {
    return this.#updating().unset(...paths)
  }

  /** Appends elements to arrays of all these documents. */
  push(elements: Additions<Row>): Updating<Row> {
    return this.#updating().push(elements)
  }

  /** Appends the elements that an array does not have yet. */
  addToSet(elements: Additions<Row>): Updating<Row> {
    return this.#updating().addToSet(elements)
  }

  /** Takes elements out of arrays of all these documents. */
  pull(elements: Removals<Row>): Updating<Row> {
    return this.#updating().pull(elements)
  }

  /** Removes all these documents; how many there were. */
  delete(): Writing<number> {
    this.#refuseRows("delete")
    return { statement: { kind: "delete", store: this.#parts.store, ...this.#filter() } }
  }

  #updating(): Updating<Row> {
    this.#refuseRows("update")
    return new Updating({ kind: "update", store: this.#parts.store, ...this.#filter() })
  }

  /** A change is about all documents of a filter: what picks rows among them would be without effect. */
  #refuseRows(verb: string): void {
    const { after, compute, limit, omit, orderBy, select, skip } = this.#parts
    if ([after, limit, skip, select, omit, compute].some((part) => part !== undefined) || orderBy.length > 0) {
      throw new TypeError(`${verb} takes a filter only: no orderBy, limit, skip, after or select`)
    }
  }

  #filter(): { readonly filter?: Filter } {
    const { filters } = this.#parts
    return filters.length === 0 ? {} : { filter: joined(filters) }
  }

  #with(change: Partial<Parts>): DocumentQuery<Row, Selected> {
    return new DocumentQuery({ ...this.#parts, ...change })
  }
}

/** An update that can be added to; given to a transaction, what it changed. */
export class Updating<Row> implements Writing<Changes> {
  declare readonly [result]?: Changes
  readonly statement: Update

  constructor(statement: Update) {
    this.statement = statement
  }

  /** Sets paths. */
  set(values: Assignments<Row>): Updating<Row> {
    return new Updating({ ...this.statement, set: { ...this.statement.set, ...(values as DocumentValue) } })
  }

  /** Adds to numbers. */
  inc(amounts: Increments<Row>): Updating<Row> {
    return new Updating({ ...this.statement, inc: { ...this.statement.inc, ...(amounts as DocumentValue) } })
  }

  /** Removes paths. */
  unset(...paths: ReadonlyArray<Changeable<Row>>): Updating<Row> {
    return new Updating({ ...this.statement, unset: [...(this.statement.unset ?? []), ...paths] })
  }

  /** Appends elements to arrays. */
  push(elements: Additions<Row>): Updating<Row> {
    return new Updating({ ...this.statement, push: { ...this.statement.push, ...(elements as DocumentValue) } })
  }

  /** Appends the elements that an array does not have yet. */
  addToSet(elements: Additions<Row>): Updating<Row> {
    return new Updating({ ...this.statement, addToSet: { ...this.statement.addToSet, ...(elements as DocumentValue) } })
  }

  /** Takes elements out of arrays. */
  pull(elements: Removals<Row>): Updating<Row> {
    return new Updating({ ...this.statement, pull: { ...this.statement.pull, ...(elements as DocumentValue) } })
  }
}

/** A store as statements begin at it. */
export class StoreQuery<D extends StoreDefinition> extends DocumentQuery<DocumentOf<D>> {
  readonly definition: D

  constructor(definition: D) {
    super({ store: definition.name, filters: [], orderBy: [] })
    this.definition = definition
  }

  /** The document with this `_id`. A key or UUID may be given as text. */
  get(id: IdOf<D> | (D["idKind"] extends TextIds ? string : never)): Reading<DocumentOf<D> | undefined> {
    const key: unknown = id
    return { statement: { kind: "get", store: this.definition.name, key: key as Value }, takesFirst: true }
  }

  /** Stores a new document, or several; their `_id`. */
  insert(document: NewDocumentOf<D>): Writing<IdOf<D>>
  insert(documents: ReadonlyArray<NewDocumentOf<D>>): Writing<ReadonlyArray<IdOf<D>>>
  insert(given: NewDocumentOf<D> | ReadonlyArray<NewDocumentOf<D>>): Writing<unknown> {
    const documents = (Array.isArray(given) ? given : [given]).map(plain)
    return { statement: { kind: "insert", store: this.definition.name, documents }, takesFirst: !Array.isArray(given) }
  }

  /** Puts the document in the place of the one with its `_id`, if there is one. */
  replace(document: WithId<D>): Writing<Changes> {
    return { statement: { kind: "replace", store: this.definition.name, document: plain(document) } }
  }

  /** Puts the document in the place of the one with its `_id`, or stores it as a new one: then `upserted` has its `_id`. */
  upsert(document: WithId<D>): Writing<Upserted<IdOf<D>>> {
    return { statement: { kind: "upsert", store: this.definition.name, document: plain(document) } }
  }
}

type TextIds = Extract<IdKind, "key" | "uuid">
type WithId<D extends StoreDefinition> = NewDocumentOf<D> & { readonly _id: IdOf<D> }

/**
 * Statements about a store, typed by its definition.
 *
 * @example
 * ```ts
 * const orders = store({ name: "orders", idKind: "key", schema: { customer: { type: "string" }, total: { type: "int" } }, indexes: [] })
 * const open = orders.filter({ customer: "ada" }).filter("total", ">", 10).orderBy("total", "desc").limit(20)
 * ```
 */
export function store<const D extends StoreDefinition>(definition: D): StoreQuery<D> {
  return new StoreQuery(definition)
}

/**
 * How a statement of any kind would be run, and what a run comes to; a change finds its documents and leaves them alone. Refused with a
 * TypeError for what has no documents to find (insert, replace, upsert).
 *
 * @example
 * ```ts
 * const orders = store({ name: "orders", idKind: "key", schema: { status: { type: "string" } }, indexes: [] })
 * const plan = explain(orders.filter({ status: "open" }).count())
 * ```
 */
export function explain({ statement }: Reading<unknown> | Writing<unknown>): Reading<Explanation> {
  switch (statement.kind) {
    case "explain":
      return { statement }
    case "insert":
    case "replace":
    case "upsert":
      throw new TypeError(`${statement.kind} has no plan: it looks for no documents`)
    default:
      return { statement: { kind: "explain", of: statement } }
  }
}

/** A typed document as the values it is made of. */
function plain(document: unknown): DocumentValue {
  return document as DocumentValue
}
