/**
 * Queries: built step by step, run by the host. A query is a value: every step gives a new one, so a query can be kept, shared and passed to a
 * template or returned from a handler, in which case its rows never enter the service.
 */
import { undefinedValue } from "./errors.ts"
import { native, Operation } from "./native.ts"
import type { At, Path } from "./paths.ts"

/** What the path form of `filter` compares with. */
export type Operator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in" | "between" | "startsWith" | "exists"

/** A value in the form a filter takes it. Keys may also be given as text. */
type Comparable<Value> = Value extends { readonly toJSON: () => string } ? Value | string : Value

/** What an operator compares with. */
export type Operand<Value, With extends Operator> = With extends "in" | "not in"
  ? ReadonlyArray<Comparable<Value>>
  : With extends "between"
    ? readonly [low: Comparable<Value>, high: Comparable<Value>]
    : With extends "startsWith"
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
export type Condition<Row> = {
  [Where in Path<Row>]: { [With in Operator]: readonly [Where, With, Operand<At<Row, Where>, With>] }[Operator]
}[Path<Row>]

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

/** A filter in the form the host takes it. */
type Filter = Record<string, unknown>

/** A query in the form the host takes it (docs/abi.md). What is undefined is left out. */
export interface Statement {
  readonly store: string
  readonly filter?: Filter | undefined
  readonly orderBy?: ReadonlyArray<readonly [string, "asc" | "desc"]> | undefined
  readonly limit?: number | undefined
  readonly skip?: number | undefined
  readonly select?: ReadonlyArray<string> | undefined
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
  startsWith: "$prefix",
  exists: "$exists"
}

/** The store a query is about, and how its fields are made from text (keys may be given as text). */
export interface Target {
  readonly name: string
  readonly fromText: Readonly<Record<string, (text: string) => unknown>>
}

declare const selected: unique symbol

/** Rows that the host can get by itself: what a query is to answers and templates. */
export interface RowSource<Selected> {
  readonly [selected]: () => Selected
  toStatement(): Statement
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
    value: Operand<At<Row, Where>, With>
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

  /** The rows. */
  rows(): Selected[] {
    return native.call(Operation.query, { statement: this.statement }).rows as Selected[]
  }

  /** The first row; undefined when there is none. */
  first(): Selected | undefined {
    return this.limit(1).rows()[0]
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

  /** Updates all documents of this query in one statement. */
  update(update: Update<Row>): Updated {
    const { set, inc, unset } = update
    const filter = filterOnly(this.statement, "update")
    const { matched = 0, modified = 0 } = native.call(Operation.update, {
      store: this.target.name,
      filter,
      set: defined("set", set),
      inc: defined("inc", inc),
      unset
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

/** The same query with one more condition. */
function narrowed<Row, Selected>(target: Target, statement: Statement, condition: Filter): Query<Row, Selected> {
  const { filter } = statement
  return new Query(target, native.extend(statement, "filter", filter === undefined ? condition : both(filter, condition)))
}

/** The filter of an update or a delete, which are about all documents it finds. */
function filterOnly(statement: Statement, verb: string): Filter {
  const { filter = {}, orderBy, limit, skip } = statement
  if (orderBy === undefined && limit === undefined && skip === undefined) return filter
  throw new TypeError(`${verb} takes a filter only, no orderBy, limit or skip`)
}

/** A condition of either form, as a filter document. */
function group(target: Target, condition: object): Filter {
  const filter = Array.isArray(condition) ? comparison(target, condition[0], condition[1], condition[2]) : equalities(target, condition)
  return filter ?? {}
}

/** `{ path: value }` for every value that was not left out; undefined when all were. */
function equalities(target: Target, conditions: object): Filter | undefined {
  return native.conditions(conditions, target.fromText, SKIPPED)
}

/** `{ path: { $operator: value } }`; undefined when the value was left out. */
function comparison(target: Target, path: string, operator: Operator | undefined, value: unknown): Filter | undefined {
  const name = operator === undefined ? undefined : OPERATORS[operator]
  if (name === undefined) throw new TypeError(`"${String(operator)}" is no operator: ${Object.keys(OPERATORS).join(" ")}`)
  if (value === SKIPPED) return undefined
  const list = name === "$in" || name === "$nin" || name === "$between"
  return {
    [path]: { [name]: list && Array.isArray(value) ? value.map((each) => fromText(target, path, each)) : fromText(target, path, value) }
  }
}

/** The value to compare with: what the text of a key stands for, everything else as it is. */
function fromText(target: Target, path: string, value: unknown): unknown {
  if (value === undefined) throw undefinedValue(`the value for ${path} in a filter`)
  const parse = typeof value === "string" ? target.fromText[path] : undefined
  if (parse === undefined) return value
  const parsed = parse(value as string)
  if (parsed === undefined) throw new TypeError(`the text that ${path} is compared with is not what the field holds`)
  return parsed
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
