/**
 * The BSON form of aggregates: `{ store, filter?, groupBy: [path, …], aggregates: { total: { $sum: "amount" }, orders: { $count: true } }, having?, … }`.
 *
 * Invariants
 * - Names of results are plain: no dots, no `$`. Each is there once, the last names of group paths included.
 * - `distinct` stands instead of `groupBy` and `aggregates`.
 */
import * as Type from "../Bson/Type.ts"
import type { Value } from "../Bson/Value.ts"
import { documentEnd, elementName, firstElement, nextElement, readString, valueOffset } from "../Bson/View.ts"
import { closest } from "../Config/Closest.ts"
import { groupName } from "./AggregateProgram.ts"
import { type Aggregate, AGGREGATE_OPERATORS, type AggregateOperator, type AggregateResult, type Order } from "./Ast.ts"
import { decodeExpression, encodeExpression } from "./ExpressionBson.ts"
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
  const found: Array<readonly [string, AggregateResult]> = []
  const at = members.at("aggregates")
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end; element = nextElement(bytes, element)) {
    const name = requireName(elementName(bytes, element))
    if (found.length === AGGREGATES_MAX) refuseStatement("aggregates", `at most ${AGGREGATES_MAX} results`)
    found.push([name, readAggregate(`aggregates.${name}`, bytes, bytes[element] ?? Type.MISSING, valueOffset(bytes, element))])
  }
  if (found.length === 0) refuseStatement("aggregates", "aggregates names no result")
  return Object.fromEntries(found)
}

function requireName(name: string): string {
  if (name === "" || name.includes(".") || name.startsWith("$"))
    refuseStatement("aggregates", `"${name}" is no name of a result: no dots, no $`)
  return name
}

function readAggregate(where: string, bytes: Uint8Array, type: number, at: number): AggregateResult {
  const element = type === Type.DOCUMENT ? firstElement(at) : -1
  if (element < 0 || element >= documentEnd(bytes, at) || nextElement(bytes, element) < documentEnd(bytes, at))
    return refuseStatement(where, 'an aggregate is one operator, such as { $sum: "total" }')
  const name = elementName(bytes, element)
  const operandType = bytes[element] ?? Type.MISSING
  const operandAt = valueOffset(bytes, element)
  const operator = AGGREGATE_OPERATORS.find((known) => `$${known}` === name)
  if (operator === undefined) return refuseOperator(where, name)
  if (operator === "count") {
    const isTrue = operandType === Type.BOOLEAN && bytes[operandAt] === 1
    return isTrue ? { operator } : refuseStatement(where, "$count takes true: it counts rows")
  }
  const value = decodeExpression(bytes, operandType, operandAt, where)
  return value.op === "path" ? { operator, path: value.path } : { operator, value }
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
      Object.entries(aggregates).map(([name, { operator, path, value }]) => [
        name,
        { [`$${operator}`]: value === undefined ? (path ?? true) : encodeExpression(value) }
      ])
    )
  }
  if (having !== undefined) document["having"] = encodeFilter(having)
  return document
}
