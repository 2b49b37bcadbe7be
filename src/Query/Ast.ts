/**
 * What can be asked of a store: the one form that PQL text, the typed builder and the BSON of the guest ABI all become.
 *
 * Invariants
 * - A statement is plain data and immutable; it names a store, it does not hold one.
 * - Nothing in it is advisory: a reader of statements refuses what it does not know, and an executor uses everything that is there.
 * - Without `orderBy` rows come in the order of their keys. With it, rows that compare equal come in the order of their keys.
 */
import type { Value } from "../Bson/Value.ts"
import type { Filter } from "../Match/Filter.ts"
import type { IndexDefinition } from "../Schema/Definition.ts"

export type { Filter }

/** A document given as values: what `insert` stores, before the schema has normalised it. */
export type DocumentValue = { readonly [name: string]: Value }

export type OrderDirection = "asc" | "desc"

/** One level of a sort order. Missing sorts as null; a path that meets an array sorts by its smallest (asc) or largest (desc) element. */
export interface Order {
  readonly path: string
  readonly direction: OrderDirection
}

/** What can be done with two numbers. */
export const CALCULATIONS = { "+": "add", "-": "subtract", "*": "multiply", "/": "divide" } as const
export type Calculation = (typeof CALCULATIONS)[keyof typeof CALCULATIONS]

/** Most levels of an expression. */
export const EXPRESSION_DEPTH_MAX = 32

/** A value that is computed of a document: what a path leads to, a fixed value, a number of two others, or whether a condition holds. */
export type Expression =
  | { readonly op: "path"; readonly path: string }
  | { readonly op: "value"; readonly value: Value }
  | { readonly op: Calculation; readonly left: Expression; readonly right: Expression }
  | { readonly op: "test"; readonly filter: Filter }

/** Values by the names they get in a row. */
export type Computed = { readonly [name: string]: Expression }

/** Most computed values of one statement. */
export const COMPUTED_MAX = 100

/** What is shown of a document: with `select` the named paths, and `_id` always; without the paths of `omit`; `compute` adds values. */
export interface Shown {
  readonly select?: ReadonlyArray<string>
  readonly omit?: ReadonlyArray<string>
  readonly compute?: Computed
}

/** Some rows of a store. `limit` and `skip` are whole numbers from 0 to 2^31 - 1. */
export interface Find extends Shown {
  readonly kind: "find"
  readonly store: string
  readonly filter?: Filter
  readonly orderBy?: ReadonlyArray<Order>
  readonly limit?: number
  readonly skip?: number
  /** Only rows behind this place: the cursor of an earlier page of the same order. */
  readonly after?: string
  readonly lookup?: ReadonlyArray<Lookup>
}

/**
 * Documents of another store beside each row: those with a value at `foreign` that is equal to one at `local`, as the list `as` at the
 * end of the row, in the order of their keys. Null and missing values have no partner.
 */
export interface Lookup {
  readonly store: string
  readonly local: string
  readonly foreign: string
  readonly as: string
}

/** Most lookups of one statement. */
export const LOOKUPS_MAX = 8

/** The document with this `_id`. */
export interface Get extends Shown {
  readonly kind: "get"
  readonly store: string
  readonly key: Value
}

/** How many rows `find` with the same members would have. */
export interface Count {
  readonly kind: "count"
  readonly store: string
  readonly filter?: Filter
  readonly limit?: number
  readonly skip?: number
}

/** What can be computed of the rows of a group. `count` counts rows; the others look at the values of a path, or of an expression. */
export const AGGREGATE_OPERATORS = ["count", "sum", "avg", "min", "max", "first", "last", "push", "countDistinct"] as const
export type AggregateOperator = (typeof AGGREGATE_OPERATORS)[number]

/** One result of a group: of a path, of an expression that is more than one (`value`), or a count. */
export interface AggregateResult {
  readonly operator: AggregateOperator
  readonly path?: string
  readonly value?: Expression
}

/**
 * Groups of rows, or all rows together: a row for each group with the last names of its paths and the names of `aggregates`. `distinct` is
 * one path, whose every value is a group. `having`, `orderBy`, `skip` and `limit` are about the groups; `inputOrder` is the order in which
 * `first`, `last` and `push` see the rows (by key without it).
 */
export interface Aggregate {
  readonly kind: "aggregate"
  readonly store: string
  readonly filter?: Filter
  readonly inputOrder?: ReadonlyArray<Order>
  readonly groupBy?: ReadonlyArray<string>
  readonly distinct?: string
  readonly aggregates?: { readonly [name: string]: AggregateResult }
  readonly having?: Filter
  readonly orderBy?: ReadonlyArray<Order>
  readonly limit?: number
  readonly skip?: number
}

/** Stores new documents, all or none. `_id` is generated where it is missing and the store's id kind allows it. */
export interface Insert {
  readonly kind: "insert"
  readonly store: string
  readonly documents: ReadonlyArray<DocumentValue>
}

/** The changes of arrays. */
export const ARRAY_CHANGES = ["push", "addToSet", "pull"] as const
export type ArrayChange = (typeof ARRAY_CHANGES)[number]

/**
 * Changes fields of every matching document: `set` paths to values, add `inc` amounts, remove `unset` paths, append to arrays (`push`,
 * `addToSet` what is not in yet), and take elements out (`pull`). At least one is there. The operand of a change of arrays is one element,
 * or `{ $each: [ … ] }`; `pull` also takes `{ $any: filter }` in the BSON form of filters, for the elements it lets through.
 */
export interface Update {
  readonly kind: "update"
  readonly store: string
  readonly filter?: Filter
  readonly set?: DocumentValue
  readonly inc?: DocumentValue
  readonly unset?: ReadonlyArray<string>
  readonly push?: DocumentValue
  readonly addToSet?: DocumentValue
  readonly pull?: DocumentValue
}

/** Puts a document in the place of the one with the same `_id`; does nothing when there is none. */
export interface Replace {
  readonly kind: "replace"
  readonly store: string
  readonly document: DocumentValue
}

/** Puts a document in the place of the one with the same `_id`, or inserts it. */
export interface Upsert {
  readonly kind: "upsert"
  readonly store: string
  readonly document: DocumentValue
}

/** Removes every matching document. */
export interface Delete {
  readonly kind: "delete"
  readonly store: string
  readonly filter?: Filter
}

/** The statements whose documents a planner has to find. */
export type Planned = Find | Get | Count | Aggregate | Update | Delete

/** Gives a store an index. It is built on the side where there are documents. */
export interface CreateIndex {
  readonly kind: "createIndex"
  readonly store: string
  readonly index: IndexDefinition
}

/** Takes an index away. */
export interface DropIndex {
  readonly kind: "dropIndex"
  readonly store: string
  readonly name: string
}

/** The indexes of a store. */
export interface Indexes {
  readonly kind: "indexes"
  readonly store: string
}

/** Takes a store away, with its documents and indexes. */
export interface Drop {
  readonly kind: "drop"
  readonly store: string
}

/** How a statement would be run, as plain data. */
export interface Explain {
  readonly kind: "explain"
  readonly of: Planned
}

/** The statements that change something. */
export type Write = Insert | Update | Replace | Upsert | Delete

/** The statements that executors run; they have a BSON form. */
export type Statement = Find | Get | Count | Aggregate | Write | Explain

/** The statements about the definition of a store: for operators, and only as text. */
export type DefinitionStatement = CreateIndex | DropIndex | Indexes | Drop

/** Most levels of and, or and not inside one another. */
export const FILTER_DEPTH_MAX = 32

/** Most paths of an `orderBy`. */
export const ORDER_PATHS_MAX = 16

/** Largest `limit` and `skip`. */
export const ROW_NUMBER_MAX = 2147483647

/** Whether `statement` writes: whether it needs a transaction. */
export function isWrite(statement: Statement): statement is Write {
  return ["insert", "update", "replace", "upsert", "delete"].includes(statement.kind)
}
