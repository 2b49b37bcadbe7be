/**
 * The BSON form of aggregates: `{ store, filter?, groupBy: [path, …], aggregates: { total: { $sum: "amount" }, orders: { $count: true } }, having?, … }`.
 *
 * Invariants
 * - Names of results are plain: no dots, no `$`. Each is there once, the last names of group paths included.
 * - `distinct` stands instead of `groupBy` and `aggregates`.
 */
import * as Type from "../Bson/Type.ts"
import { decode, type Value } from "../Bson/Value.ts"
import { readString } from "../Bson/View.ts"
import { closest } from "../Config/Closest.ts"
import { groupName } from "./AggregateProgram.ts"
import { type Aggregate, AGGREGATE_OPERATORS, type AggregateOperator, type Order } from "./Ast.ts"
import { decodeFilter, encodeFilter, requirePath } from "./FilterBson.ts"
import { refuseStatement } from "./Reasons.ts"
import { type Members, readOrderBy, readPaths, requireType } from "./StatementMembers.ts"

/** Most results of one aggregate. */
export const AGGREGATES_MAX = 100

type Aggregates = NonNullable<Aggregate["aggregates"]>

/** Reads what an aggregate has beside its rows. Faults with InvalidStatement. */
export function decodeAggregate(
  bytes: Uint8Array,
  members: Members,
  rows: Pick<Aggregate, "store" | "filter" | "orderBy" | "limit" | "skip">
): Aggregate {
  const groupBy = members.has("groupBy") ? readPaths("groupBy", bytes, members) : undefined
  const aggregates = members.has("aggregates") ? readAggregates(bytes, members) : undefined
  const distinct = members.has("distinct") ? readDistinct(bytes, members) : undefined
  const having = members.has("having") ? readHaving(bytes, members) : undefined
  if (distinct !== undefined && (groupBy ?? aggregates) !== undefined)
    refuseStatement("distinct", "distinct stands without groupBy and aggregates")
  if (distinct === undefined && groupBy === undefined && aggregates === undefined) {
    refuseStatement("", "aggregate needs groupBy, aggregates or distinct")
  }
  refuseRepeated([...(groupBy ?? []).map(groupName), ...Object.keys(aggregates ?? {})])
  return {
    kind: "aggregate",
    ...rows,
    ...(members.has("inputOrder") ? { inputOrder: readOrderBy("inputOrder", bytes, members) } : {}),
    ...(groupBy === undefined ? {} : { groupBy }),
    ...(distinct === undefined ? {} : { distinct }),
    ...(aggregates === undefined ? {} : { aggregates }),
    ...(having === undefined ? {} : { having })
  }
}

function refuseRepeated(names: ReadonlyArray<string>): void {
  const repeated = names.find((name, index) => names.indexOf(name) < index)
  if (repeated !== undefined) refuseStatement("aggregates", `two results are called ${repeated}`)
}

function readDistinct(bytes: Uint8Array, members: Members): string {
  requireType(members, "distinct", Type.STRING, "a path")
  return requirePath(readString(bytes, members.at("distinct")), "distinct")
}

function readHaving(bytes: Uint8Array, members: Members): Aggregate["having"] {
  requireType(members, "having", Type.DOCUMENT, "a filter")
  return decodeFilter(bytes, members.at("having"), "having")
}

function readAggregates(bytes: Uint8Array, members: Members): Aggregates {
  requireType(members, "aggregates", Type.DOCUMENT, "a document of names and operators")
  const given = Object.entries(decode(bytes, members.at("aggregates")))
  if (given.length === 0) refuseStatement("aggregates", "aggregates names no result")
  if (given.length > AGGREGATES_MAX) refuseStatement("aggregates", `at most ${AGGREGATES_MAX} results`)
  return Object.fromEntries(given.map(([name, value]) => [requireName(name), readAggregate(`aggregates.${name}`, value)]))
}

function requireName(name: string): string {
  if (name === "" || name.includes(".") || name.startsWith("$"))
    refuseStatement("aggregates", `"${name}" is no name of a result: no dots, no $`)
  return name
}

function readAggregate(where: string, value: Value): Aggregates[string] {
  const [entry, ...rest] = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : []
  if (entry === undefined || rest.length > 0) return refuseStatement(where, 'an aggregate is one operator, such as { $sum: "total" }')
  const [name, operand] = entry as [string, Value]
  const operator = AGGREGATE_OPERATORS.find((known) => `$${known}` === name)
  if (operator === undefined) return refuseOperator(where, name)
  if (operator === "count") return operand === true ? { operator } : refuseStatement(where, "$count takes true: it counts rows")
  if (typeof operand !== "string") return refuseStatement(where, `${name} takes a path`)
  return { operator, path: requirePath(operand, where) }
}

function refuseOperator(where: string, name: string): never {
  const known = AGGREGATE_OPERATORS.map((operator: AggregateOperator) => `$${operator}`)
  const meant = closest(name, known)
  return refuseStatement(where, `${name} is no aggregate, only ${known.join(", ")}`, meant && `did you mean ${meant}?`)
}

/** What `decodeAggregate` reads, as values. */
export function encodeAggregate(statement: Aggregate): Record<string, Value> {
  const { aggregates, distinct, groupBy, having, inputOrder } = statement
  const document: Record<string, Value> = {}
  if (inputOrder !== undefined) document["inputOrder"] = inputOrder.map((order: Order) => [order.path, order.direction])
  if (groupBy !== undefined) document["groupBy"] = groupBy
  if (distinct !== undefined) document["distinct"] = distinct
  if (aggregates !== undefined) {
    document["aggregates"] = Object.fromEntries(
      Object.entries(aggregates).map(([name, { operator, path }]) => [name, { [`$${operator}`]: path ?? true }])
    )
  }
  if (having !== undefined) document["having"] = encodeFilter(having)
  return document
}
