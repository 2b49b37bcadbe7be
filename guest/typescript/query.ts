/**
 * Queries: built step by step, run by the host. A query is a value: every step gives a new one, so a query can be kept, shared and passed to a
 * template or returned from a handler, in which case its rows never enter the service.
 */
import { undefinedValue } from "./errors.ts"
import {
  type Condition,
  type Conditions,
  comparison,
  type ElementCondition,
  elements,
  equalities,
  type Filter,
  group,
  type Operand,
  type Operator,
  type Target
} from "./condition.ts"
import { type Computable, expressionOf, type WithComputed } from "./compute.ts"
import { type Aggregate, type GroupKeys, Groups, type LastName, type Result } from "./groups.ts"
import { native, Operation } from "./native.ts"
import type { At, ItemAt, Path } from "./paths.ts"

export { type Condition, type Conditions, type Operand, type Operator, optional, type Skipped, type Target } from "./condition.ts"

/** New values for an update. A path may be deep: `{ "address.city": "Berlin" }`. */
export type Changes<Row> = { readonly [Where in Exclude<Path<Row>, "_id">]?: At<Row, Where> }

/** What to add to numbers. */
export type Increments<Row> = {
  readonly [
    Where in Exclude<Path<Row>, "_id"> as At<Row, Where> extends number | bigint | { add(other: never): unknown } | undefined | null
      ? Where
      : never
  ]?: At<Row, Where>
}

/** Several elements of an array, made by `each`. */
export interface Each<Item> {
  readonly $each: ReadonlyArray<Item>
}

/** Several elements at once: `products.filter({ … }).addToSet({ tags: each(["new", "sale"]) })`. */
export function each<const Item>(items: ReadonlyArray<Item>): Each<Item> {
  return { $each: items }
}

/** The elements that a condition holds for, made by `matching`. */
export interface Matching<in Item> {
  readonly $any: Filter
  /** Only for types. */
  readonly item?: (item: Item) => void
}

/**
 * The elements that all of this holds for: `orders.filter({ … }).pull({ lines: matching(["quantity", "<", 1]) })`.
 *
 * @example
 * ```ts
 * orders.filter({ _id: id }).pull({ tags: matching(["this", "startsWith", "old-"]) })
 * ```
 */
export function matching<Item>(...conditions: ReadonlyArray<ElementCondition<NoInfer<Item>>>): Matching<Item> {
  return { $any: elements(conditions) }
}

type ArrayPath<Row> = {
  [Where in Exclude<Path<Row>, "_id">]: ItemAt<Row, Where> extends never ? never : Where
}[Exclude<Path<Row>, "_id">]

/** Elements for arrays: one, or several by `each`. */
export type Additions<Row> = { readonly [Where in ArrayPath<Row>]?: ItemAt<Row, Where> | Each<ItemAt<Row, Where>> }

/** Elements to take out of arrays: one, several by `each`, or those of a condition by `matching`. */
export type Removals<Row> = {
  readonly [Where in ArrayPath<Row>]?: ItemAt<Row, Where> | Each<ItemAt<Row, Where>> | Matching<ItemAt<Row, Where>>
}

/** An update: values to set, numbers to add, fields to remove, elements to append and to take out. */
export interface Update<Row> {
  readonly set?: Changes<Row>
  readonly inc?: Increments<Row>
  readonly unset?: ReadonlyArray<Exclude<Path<Row>, "_id">>
  readonly push?: Additions<Row>
  readonly addToSet?: Additions<Row>
  readonly pull?: Removals<Row>
}

export interface Updated {
  /** Documents the filter found. */
  readonly matched: number
  /** Documents that are different now. */
  readonly modified: number
}

/** A query in the form the host takes it (docs/abi.md). What is undefined is left out. */
export interface Statement {
  readonly store: string
  readonly filter?: Filter | undefined
  readonly orderBy?: ReadonlyArray<readonly [string, "asc" | "desc"]> | undefined
  readonly limit?: number | undefined
  readonly skip?: number | undefined
  readonly after?: string | undefined
  readonly select?: ReadonlyArray<string> | undefined
  readonly omit?: ReadonlyArray<string> | undefined
  readonly compute?: Record<string, unknown> | undefined
  readonly lookup?: ReadonlyArray<Lookup> | undefined
  readonly inputOrder?: ReadonlyArray<readonly [string, "asc" | "desc"]> | undefined
  readonly groupBy?: ReadonlyArray<string> | undefined
  readonly distinct?: string | undefined
  readonly aggregates?: Record<string, object> | undefined
  readonly having?: Filter | undefined
}

/** Documents of another store beside each row. */
export interface Lookup {
  readonly store: string
  readonly local: string
  readonly foreign: string
  readonly as: string
}

/** Rows with documents of other stores beside them. */
export class LookupQuery<Row, Selected> implements RowSource<Selected>, Iterable<Selected> {
  declare readonly [selected]: () => Selected
  declare private readonly statement: Statement

  /** Lookups begin at a query: `orders.lookup(…)`. */
  constructor(statement: Statement) {
    this.statement = statement
  }

  /** Puts documents of one more store beside each row. */
  lookup<Other, const As extends string>(
    store: { readonly name: string; readonly Row: Other },
    local: Path<Row>,
    foreign: Path<Other>,
    as: As
  ): LookupQuery<Row, Selected & { readonly [Name in As]: ReadonlyArray<Other> }> {
    return new LookupQuery(withLookup(this.statement, { store: store.name, local, foreign, as }))
  }

  /** The rows. */
  rows(): Selected[] {
    return native.call(Operation.query, { statement: this.statement }).rows as Selected[]
  }

  /** The first row; undefined when there is none. */
  first(): Selected | undefined {
    return (native.call(Operation.query, { statement: { ...this.statement, limit: 1 } }).rows as Selected[])[0]
  }

  [Symbol.iterator](): Iterator<Selected> {
    return this.rows()[Symbol.iterator]()
  }

  toStatement(): Statement {
    return this.statement
  }
}

function withLookup(statement: Statement, lookup: Lookup): Statement {
  return { ...statement, lookup: [...(statement.lookup ?? []), lookup] }
}

/** How a statement is run (docs/pql.md), and what a run came to. Conditions are text with `?` for values. */
export interface Explanation {
  readonly kind: string
  readonly store: string
  /** Where the documents come from: `index <name>`, `all documents` … */
  readonly access: string
  readonly index?: { readonly name: string; readonly backwards: boolean }
  readonly covering?: true
  readonly streaming?: true
  readonly bounds: ReadonlyArray<string>
  readonly residual: ReadonlyArray<string>
  readonly ordering: string
  readonly estimatedRows: number
  readonly estimatedReads: number
  readonly actual: {
    readonly rows: number
    readonly indexKeysRead: number
    readonly documentsRead: number
    readonly bytesRead: number
    readonly elapsedMs?: number
  }
  readonly rejected: ReadonlyArray<{ readonly access: string; readonly reason: string }>
}

/** Rows, and the cursor of what comes behind them. */
export interface Page<Row> {
  readonly rows: ReadonlyArray<Row>
  readonly next: string | undefined
}

/** The name under which rows carry their type; there is no value. */
export declare const selected: unique symbol

/** Rows that the host can get by itself: what a query is to answers and templates. */
export interface RowSource<Selected> {
  readonly [selected]: () => Selected
  toStatement(): Statement
}

/**
 * Documents of one store, chosen and ordered. Nothing is read before one of `rows`, `first`, `count`, `set`, `inc`, `unset`, `push`, `addToSet`, `pull`, `update`, `delete`
 * is called, a loop begins, or the query is returned or given to a template.
 *
 * @example
 * ```ts
 * orders.filter({ status: "pending" }).filter("total", ">=", "100").orderBy("placedAt", "desc").limit(20)
 * ```
 */
export class Query<Row, Selected = Row> implements RowSource<Selected>, Iterable<Selected> {
  declare readonly [selected]: () => Selected
  // Declared, not defined: a class field costs a call for every step of every query.
  declare private readonly target: Target
  declare private readonly statement: Statement

  /** Queries begin at a store: `orders.filter(…)`. */
  constructor(target: Target, statement: Statement) {
    this.target = target
    this.statement = statement
  }

  /** Keeps the documents for which all of this holds. */
  filter(conditions: Conditions<Row>): Query<Row, Selected>
  filter<const Where extends Path<Row>, const With extends Operator>(
    path: Where,
    operator: With,
    value: Operand<At<Row, Where>, ItemAt<Row, Where>, With>
  ): Query<Row, Selected>
  filter(first: Conditions<Row> | string, operator?: Operator, value?: unknown): Query<Row, Selected> {
    const condition = typeof first === "string" ? comparison(this.target, first, operator, value) : equalities(this.target, first)
    return condition === undefined ? this : narrowed(this.target, this.statement, condition)
  }

  /** Keeps the documents for which at least one of these holds. */
  filterAny(...alternatives: ReadonlyArray<Conditions<Row> | Condition<Row>>): Query<Row, Selected> {
    return narrowed(this.target, this.statement, { $or: alternatives.map((alternative) => group(this.target, alternative)) })
  }

  /** Keeps the documents for which this does not hold. */
  filterNot(condition: Conditions<Row> | Condition<Row>): Query<Row, Selected> {
    return narrowed(this.target, this.statement, { $not: group(this.target, condition) })
  }

  /** Orders by a path, ascending unless said otherwise; further calls decide among equals. */
  orderBy(path: Path<Row>, direction: "asc" | "desc" = "asc"): Query<Row, Selected> {
    const before = this.statement.orderBy
    const order = [path, direction] as const
    return new Query(this.target, native.extend(this.statement, "orderBy", before === undefined ? [order] : [...before, order]))
  }

  /** At most so many rows. */
  limit(rows: number): Query<Row, Selected> {
    return new Query(this.target, native.extend(this.statement, "limit", rows))
  }

  /** Leaves out the first rows. */
  skip(rows: number): Query<Row, Selected> {
    return new Query(this.target, native.extend(this.statement, "skip", rows))
  }

  /** Only these fields of each row, and `_id`. */
  select<const Name extends keyof Row & string>(...names: ReadonlyArray<Name>): Query<Row, Pick<Row, Name | (keyof Row & "_id")>> {
    const paths = names.includes("_id" as Name) ? names : ["_id", ...names]
    return new Query<Row, Pick<Row, Name | (keyof Row & "_id")>>(this.target, native.extend(this.statement, "select", paths))
  }

  /** All but these fields of each row. */
  omit<const Name extends Exclude<keyof Row & string, "_id">>(...names: ReadonlyArray<Name>): Query<Row, Omit<Row, Name>> {
    return new Query<Row, Omit<Row, Name>>(this.target, native.extend(this.statement, "omit", names))
  }

  /** Values that the host computes beside the fields of each row: `compute({ sum: ["price", "*", "quantity"], isLarge: ["quantity", ">", 10] })`. */
  compute<const Values extends { readonly [name: string]: Computable<Row> }>(
    values: Values
  ): Query<Row, WithComputed<Selected, Row, Values>> {
    const compute: Record<string, unknown> = { ...this.statement.compute }
    for (const name of Object.keys(values)) compute[name] = expressionOf(this.target, values[name])
    return new Query<Row, WithComputed<Selected, Row, Values>>(this.target, native.extend(this.statement, "compute", compute))
  }

  /**
   * How the host would find these documents, and what a run of it reads: for their rows, their number, or before they are deleted or changed. Nothing
   * is changed.
   */
  explain(what: "rows" | "count" | "delete" = "rows"): Explanation {
    const { store, filter = {}, limit, skip } = this.statement
    const statement = what === "rows" ? this.statement : what === "count" ? { store, filter, limit, skip } : { store, filter }
    return native.call(Operation.explain, what === "rows" ? { statement } : { statement, kind: what }).explanation as Explanation
  }

  /** The rows. */
  rows(): Selected[] {
    return native.call(Operation.query, { statement: this.statement }).rows as Selected[]
  }

  /**
   * Puts documents of another store beside each row: those with a value at `foreign` that is equal to one of the row at `local`, as the list
   * `as`: `orders.limit(20).lookup(customers, "customer", "_id", "buyers")`. All rows are served together.
   */
  lookup<Other, const As extends string>(
    store: { readonly name: string; readonly Row: Other },
    local: Path<Row>,
    foreign: Path<Other>,
    as: As
  ): LookupQuery<Row, Selected & { readonly [Name in As]: ReadonlyArray<Other> }> {
    return new LookupQuery(withLookup(this.statement, { store: store.name, local, foreign, as }))
  }

  /** Only rows behind a cursor that `page` gave. */
  after(cursor: string): Query<Row, Selected> {
    return new Query(this.target, native.extend(this.statement, "after", cursor))
  }

  /**
   * At most so many rows, and the cursor for the next ones, undefined at the end: `page(20)`, then `page(20, before.next)`. A page is a place in
   * the order, so documents that come and go in between neither repeat rows nor hide them.
   */
  page(rows: number, after?: string): Page<Selected> {
    const limited = this.limit(rows)
    const { statement } = after === undefined ? limited : limited.after(after)
    const reply = native.call(Operation.queryPage, { statement })
    return { rows: reply.rows as Selected[], next: reply.next }
  }

  /** The first row; undefined when there is none. */
  first(): Selected | undefined {
    return this.limit(1).rows()[0]
  }

  /** Groups of rows that have equal values at these paths. The order of the rows is that in which `first`, `last` and `push` see them. */
  groupBy<const Where extends Path<Row>>(...paths: ReadonlyArray<Where>): Groups<Row, GroupKeys<Row, Where>> {
    return new Groups(this.target, { ...grouped(this.statement, "groupBy"), groupBy: paths })
  }

  /** What is computed of all rows together. */
  aggregate<const Results extends { readonly [name: string]: Aggregate<Row> }>(
    results: Results
  ): Groups<Row, { readonly [Name in keyof Results]: Result<Row, Results[Name]> }> {
    return new Groups<Row, {}>(this.target, grouped(this.statement, "aggregate")).aggregate(results)
  }

  /** The values of a path, each once and in order; elements of arrays for themselves. */
  distinct<const Where extends Path<Row>>(path: Where): Groups<Row, { readonly [Each in Where as LastName<Each>]: At<Row, Where> | null }> {
    return new Groups(this.target, { ...grouped(this.statement, "distinct"), distinct: path })
  }

  /** How many rows there are. */
  count(): number {
    const { store, filter, limit, skip } = this.statement
    return native.call(Operation.count, { statement: { store, filter, limit, skip } }).count ?? 0
  }

  [Symbol.iterator](): Iterator<Selected> {
    return this.rows()[Symbol.iterator]()
  }

  /** Sets fields of all documents of this query. */
  set(changes: Changes<Row>): Updated {
    return this.update({ set: changes })
  }

  /** Adds to numbers of all documents of this query. */
  inc(increments: Increments<Row>): Updated {
    return this.update({ inc: increments })
  }

  /** Removes fields of all documents of this query. */
  unset(...paths: ReadonlyArray<Exclude<Path<Row>, "_id">>): Updated {
    return this.update({ unset: paths })
  }

  /** Appends elements to arrays of all documents of this query. */
  push(elements: Additions<Row>): Updated {
    return this.update({ push: elements })
  }

  /** Appends the elements that an array does not have yet. */
  addToSet(elements: Additions<Row>): Updated {
    return this.update({ addToSet: elements })
  }

  /** Takes elements out of arrays of all documents of this query. */
  pull(elements: Removals<Row>): Updated {
    return this.update({ pull: elements })
  }

  /** Updates all documents of this query in one statement. */
  update(update: Update<Row>): Updated {
    const { set, inc, unset, push, addToSet, pull } = update
    const filter = filterOnly(this.statement, "update")
    const { matched = 0, modified = 0 } = native.call(Operation.update, {
      store: this.target.name,
      filter,
      set: defined("set", set),
      inc: defined("inc", inc),
      unset,
      push: defined("push", push),
      addToSet: defined("addToSet", addToSet),
      pull: defined("pull", pull)
    })
    return { matched, modified }
  }

  /** Deletes all documents of this query; how many there were. */
  delete(): number {
    return native.call(Operation.delete, { store: this.target.name, filter: filterOnly(this.statement, "delete") }).deleted ?? 0
  }

  toStatement(): Statement {
    return this.statement
  }
}

/** Whether a value is rows that the host can get by itself: a query, or groups. */
export function isRowSource(value: unknown): value is RowSource<unknown> {
  return value instanceof Query || value instanceof LookupQuery || value instanceof Groups
}

/** The rows of groups: all of a filter, in an order or none. */
function grouped(statement: Statement, verb: string): Statement {
  const { store, filter, orderBy, limit, skip, after, select, omit, compute } = statement
  if ([limit, skip, after, select, omit, compute].some((part) => part !== undefined)) {
    throw new TypeError(`${verb} is about all rows of a filter: limit and skip stand behind it, and count groups`)
  }
  return { store, ...(filter === undefined ? {} : { filter }), ...(orderBy === undefined ? {} : { inputOrder: orderBy }) }
}

/** The same query with one more condition. */
function narrowed<Row, Selected>(target: Target, statement: Statement, condition: Filter): Query<Row, Selected> {
  const { filter } = statement
  return new Query(target, native.extend(statement, "filter", filter === undefined ? condition : both(filter, condition)))
}

/** The filter of an update or a delete, which are about all documents it finds. */
function filterOnly(statement: Statement, verb: string): Filter {
  const { filter = {}, orderBy, limit, skip, after } = statement
  if (orderBy === undefined && limit === undefined && skip === undefined && after === undefined) return filter
  throw new TypeError(`${verb} takes a filter only, no orderBy, limit, skip or after`)
}

/** One filter that asks for both. */
function both(left: Filter, right: Filter): Filter {
  const merged: Filter = {}
  for (const name in left) merged[name] = left[name]
  for (const name in right) {
    if (name in left) return { $and: [left, right] }
    merged[name] = right[name]
  }
  return merged
}

function defined<Values extends object>(what: string, values: Values | undefined): Values | undefined {
  for (const [path, value] of Object.entries(values ?? {})) {
    if (value === undefined) throw undefinedValue(`the value for ${path} in ${what}`)
  }
  return values
}
