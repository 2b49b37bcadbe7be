/**
 * Queries: built step by step, run by the host. A query is a value: every step gives a new one, so a query can be kept, shared and passed to a
 * template or returned from a handler, in which case its rows never enter the service.
 */
import { undefinedValue } from "./errors.ts"
import { native, Operation } from "./native.ts"
import type { At, Path } from "./paths.ts"

/** What the path form of `filter` compares with. */
export type Operator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in" | "between" | "starts with" | "exists"

/** What a document can hold in the form a filter takes it. Keys may also be given as text. */
type Comparable<Value> = Value extends { readonly toJSON: () => string } ? Value | string : Value

type Operand<Value, With extends Operator> = With extends "in" | "not in"
  ? ReadonlyArray<Comparable<Value>>
  : With extends "between"
    ? readonly [low: Comparable<Value>, high: Comparable<Value>]
    : With extends "starts with"
      ? string
      : With extends "exists"
        ? boolean
        : Comparable<Value> | null

declare const skipped: unique symbol
/** A condition that was left out on purpose. */
export interface Skipped {
  readonly [skipped]: true
}
const SKIPPED = Object.freeze({}) as Skipped

/**
 * Leaves a condition out when there is no value for it.
 *
 * @example
 * ```ts
 * orders.filter({ status: "pending", customer: optional(query.customer) })
 * ```
 */
export function optional<Value>(value: Value | undefined): Value | Skipped {
  return value === undefined ? SKIPPED : value
}

/** Conditions that all have to hold: the value of each path. */
export type Conditions<Row> = { readonly [Where in Path<Row>]?: Comparable<At<Row, Where>> | null | Skipped }

/** A condition as a list: path, operator, value. */
export type Condition<Row> = { [Where in Path<Row>]: { [With in Operator]: readonly [Where, With, Operand<At<Row, Where>, With>] }[Operator] }[Path<Row>]

/** New values for an update. A path may be deep: `{ "address.city": "Berlin" }`. */
export type Changes<Row> = { readonly [Where in Exclude<Path<Row>, "_id">]?: At<Row, Where> }

/** What to add to numbers. */
export type Increments<Row> = {
  readonly [Where in Exclude<Path<Row>, "_id"> as At<Row, Where> extends number | bigint | { add(other: never): unknown } | undefined | null ? Where : never]?: At<Row, Where>
}

/** An update: values to set, numbers to add, fields to remove. */
export interface Update<Row> {
  readonly set?: Changes<Row>
  readonly inc?: Increments<Row>
  readonly unset?: ReadonlyArray<Exclude<Path<Row>, "_id">>
}

export interface Updated {
  /** Documents the filter found. */
  readonly matched: number
  /** Documents that are different now. */
  readonly modified: number
}

/** The BSON form of a query: docs/abi.md. */
export interface Statement {
  readonly store: string
  readonly filter?: object
  readonly orderBy?: ReadonlyArray<readonly [string, "asc" | "desc"]>
  readonly limit?: number
  readonly skip?: number
  readonly select?: ReadonlyArray<string>
}

interface Parts {
  readonly store: string
  readonly conditions: ReadonlyArray<Record<string, unknown>>
  readonly orderBy: ReadonlyArray<readonly [string, "asc" | "desc"]>
  readonly limit?: number
  readonly skip?: number
  readonly select?: ReadonlyArray<string>
}

const OPERATORS: Readonly<Record<Operator, string>> = {
  "=": "$eq",
  "!=": "$ne",
  "<": "$lt",
  "<=": "$lte",
  ">": "$gt",
  ">=": "$gte",
  in: "$in",
  "not in": "$nin",
  between: "$between",
  "starts with": "$prefix",
  exists: "$exists"
}

/** What turns a row's field given as text (a key's, for example) into its value. */
export type Reviver = (path: string, value: unknown) => unknown

declare const selected: unique symbol

/** Rows that the host can get by itself: what a query is to answers and templates. */
export abstract class RowSource<Selected> {
  declare readonly [selected]: () => Selected

  /** The query as the host takes it. */
  abstract toStatement(): Statement
}

/**
 * Documents of one store, chosen and ordered. Nothing is read before one of `rows`, `first`, `count`, `set`, `inc`, `unset`, `update`, `delete`
 * is called, a loop begins, or the query is returned or given to a template.
 *
 * @example
 * ```ts
 * orders.filter({ status: "pending" }).filter("total", ">=", "100").orderBy("placedAt", "desc").limit(20)
 * ```
 */
export class Query<Row, Selected = Row> extends RowSource<Selected> implements Iterable<Selected> {
  readonly #parts: Parts
  readonly #revive: Reviver

  /** Queries begin at a store: `orders.filter(…)`. */
  constructor(parts: Parts, revive: Reviver) {
    super()
    this.#parts = parts
    this.#revive = revive
  }

  #with(change: Partial<Parts>): Query<Row, Selected> {
    return new Query({ ...this.#parts, ...change }, this.#revive)
  }

  /** Keeps the documents for which all of this holds. */
  filter(conditions: Conditions<Row>): Query<Row, Selected>
  filter<const Where extends Path<Row>, const With extends Operator>(path: Where, operator: With, value: Operand<At<Row, Where>, With>): Query<Row, Selected>
  filter(first: Conditions<Row> | string, operator?: Operator, value?: unknown): Query<Row, Selected> {
    const added = typeof first === "string" ? this.#compare(first, operator, value) : this.#equal(first)
    return this.#with({ conditions: [...this.#parts.conditions, ...added] })
  }

  /** Keeps the documents for which at least one of these holds. */
  filterAny(...alternatives: ReadonlyArray<Conditions<Row> | Condition<Row>>): Query<Row, Selected> {
    const of = alternatives.map((alternative) => this.#group(alternative))
    return this.#with({ conditions: [...this.#parts.conditions, { $or: of }] })
  }

  /** Keeps the documents for which this does not hold. */
  filterNot(condition: Conditions<Row> | Condition<Row>): Query<Row, Selected> {
    return this.#with({ conditions: [...this.#parts.conditions, { $not: this.#group(condition) }] })
  }

  /** Orders by a path, ascending unless said otherwise; further calls decide among equals. */
  orderBy(path: Path<Row>, direction: "asc" | "desc" = "asc"): Query<Row, Selected> {
    return this.#with({ orderBy: [...this.#parts.orderBy, [path, direction]] })
  }

  /** At most so many rows. */
  limit(rows: number): Query<Row, Selected> {
    return this.#with({ limit: rows })
  }

  /** Leaves out the first rows. */
  skip(rows: number): Query<Row, Selected> {
    return this.#with({ skip: rows })
  }

  /** Only these fields of each row, and `_id`. */
  select<const Name extends keyof Row & string>(...names: ReadonlyArray<Name>): Query<Row, Pick<Row, Name | (keyof Row & "_id")>> {
    const select = names.includes("_id" as Name) ? names : ["_id", ...names]
    return new Query<Row, Pick<Row, Name | (keyof Row & "_id")>>({ ...this.#parts, select }, this.#revive)
  }

  /** The rows. */
  rows(): Selected[] {
    return native.call(Operation.query, { statement: this.toStatement() }).rows as Selected[]
  }

  /** The first row; undefined when there is none. */
  first(): Selected | undefined {
    return this.limit(1).rows()[0]
  }

  /** How many rows there are. */
  count(): number {
    const { select: _select, orderBy: _orderBy, ...statement } = this.toStatement()
    return native.call(Operation.count, { statement }).count ?? 0
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

  /** Updates all documents of this query in one statement. */
  update(update: Update<Row>): Updated {
    const set = defined("set", update.set)
    const inc = defined("inc", update.inc)
    const argument = { ...this.#change("update"), ...(set && { set }), ...(inc && { inc }), ...(update.unset && { unset: update.unset }) }
    const { matched = 0, modified = 0 } = native.call(Operation.update, argument)
    return { matched, modified }
  }

  /** Deletes all documents of this query; how many there were. */
  delete(): number {
    return native.call(Operation.delete, this.#change("delete")).deleted ?? 0
  }

  override toStatement(): Statement {
    const { store, conditions, orderBy, limit, skip, select } = this.#parts
    return {
      store,
      ...(conditions.length > 0 && { filter: conjunction(conditions) }),
      ...(orderBy.length > 0 && { orderBy }),
      ...(limit !== undefined && { limit }),
      ...(skip !== undefined && { skip }),
      ...(select !== undefined && { select })
    }
  }

  /** The documents an update or a delete is about: all that the filter finds. */
  #change(verb: string): { readonly store: string; readonly filter: object } {
    const { store, conditions, orderBy, limit, skip } = this.#parts
    if (orderBy.length > 0 || limit !== undefined || skip !== undefined) throw new TypeError(`${verb} takes a filter only, no orderBy, limit or skip`)
    return { store, filter: conjunction(conditions) }
  }

  #group(condition: Conditions<Row> | Condition<Row>): Record<string, unknown> {
    const list = condition as ReadonlyArray<unknown>
    const [path, operator, value] = Array.isArray(list) ? list : []
    return conjunction(Array.isArray(list) ? this.#compare(path as string, operator as Operator, value) : this.#equal(condition as Conditions<Row>))
  }

  #equal(conditions: Conditions<Row>): Record<string, unknown>[] {
    return Object.entries(conditions).flatMap(([path, value]) => (value === SKIPPED ? [] : [{ [path]: this.#operand(path, "$eq", value) }]))
  }

  #compare(path: string, operator: Operator | undefined, value: unknown): Record<string, unknown>[] {
    const name = operator === undefined ? undefined : OPERATORS[operator]
    if (name === undefined) throw new TypeError(`"${String(operator)}" is no operator: ${Object.keys(OPERATORS).join(" ")}`)
    return value === SKIPPED ? [] : [{ [path]: this.#operand(path, name, value) }]
  }

  #operand(path: string, operator: string, value: unknown): unknown {
    if (value === undefined) throw undefinedValue(`the value for ${path} in a filter`)
    const list = operator === "$in" || operator === "$nin" || operator === "$between"
    const revived = list ? (value as ReadonlyArray<unknown>).map((each) => this.#revive(path, each)) : this.#revive(path, value)
    if (list && (revived as ReadonlyArray<unknown>).includes(undefined)) throw undefinedValue(`a value for ${path} in a filter`)
    const plain = operator === "$eq" && (typeof revived !== "object" || revived === null || native.kind(revived) >= 0)
    return plain ? revived : { [operator]: revived }
  }
}

/** One filter document that asks for all of these. */
function conjunction(conditions: ReadonlyArray<Record<string, unknown>>): Record<string, unknown> {
  const merged: Record<string, unknown> = {}
  for (const condition of conditions) {
    for (const [name, value] of Object.entries(condition)) {
      if (name in merged) return { $and: conditions }
      merged[name] = value
    }
  }
  return merged
}

function defined<Values extends object>(what: string, values: Values | undefined): Values | undefined {
  for (const [path, value] of Object.entries(values ?? {})) {
    if (value === undefined) throw undefinedValue(`the value for ${path} in ${what}`)
  }
  return values
}
