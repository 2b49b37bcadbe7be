/**
 * The BSON form of filters: `{ status: "open", total: { $gt: 10, $lte: 50 }, $or: [{ … }, { … }], $not: { … } }`.
 *
 * Invariants
 * - A document whose first member begins with `$` is a list of operators, any other one is a value to be equal to; the two are not mixed.
 * - Leaves come out in the order of their values in the bytes (see `StatementBson.ts`).
 */
import { compilePath } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { decodeValue, type Value } from "../Bson/Value.ts"
import { documentEnd, elementName, firstElement, readString, skipValue, valueOffset } from "../Bson/View.ts"
import { closest } from "../Config/Closest.ts"
import { FILTER_DEPTH_MAX, type Filter } from "./Ast.ts"
import { refuseStatement } from "./Reasons.ts"

const COMPARISONS = { $eq: "eq", $ne: "ne", $lt: "lt", $lte: "le", $gt: "gt", $gte: "ge" } as const
const OPERATOR_OF = { eq: "$eq", ne: "$ne", lt: "$lt", le: "$lte", gt: "$gt", ge: "$gte" } as const
const OPERATORS = [...Object.keys(COMPARISONS), "$in", "$nin", "$between", "$prefix", "$exists", "$not"]
const GROUPS = ["$and", "$or", "$not"]

/** A path of field names and positions joined by dots. Faults with InvalidStatement at `where`; returns the path. */
export function requirePath(path: string, where: string): string {
  if (path.startsWith("$") || path.includes(".$")) refuseStatement(where, `"${path}" is no path: a name begins with $`)
  try {
    compilePath(path)
  } catch {
    refuseStatement(where, `"${path}" is no path: names are joined by single dots and not empty`)
  }
  return path
}

/** Reads the filter document at `at`; undefined when it is empty and so matches everything. `where` is its path, for errors. */
export function decodeFilter(bytes: Uint8Array, at: number, where: string): Filter | undefined {
  const all = decodeConditions(bytes, at, where, 0)
  return all.length > 1 ? { op: "and", of: all } : all[0]
}

function decodeConditions(bytes: Uint8Array, at: number, where: string, depth: number): ReadonlyArray<Filter> {
  if (depth > FILTER_DEPTH_MAX) refuseStatement(where, `a filter nests at most ${FILTER_DEPTH_MAX} deep`)
  const all: Array<Filter> = []
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end;) {
    const name = elementName(bytes, element)
    const type = bytes[element] ?? Type.MISSING
    const valueAt = valueOffset(bytes, element)
    const here = `${where}.${name}`
    if (name.startsWith("$")) all.push(decodeGroup(bytes, name, type, valueAt, here, depth))
    else if (type === Type.DOCUMENT && holdsOperators(bytes, valueAt)) {
      all.push(...decodeOperators(bytes, requirePath(name, here), valueAt, here, depth))
    } else all.push({ op: "eq", path: requirePath(name, here), value: decodeValue(bytes, type, valueAt) })
    element = skipValue(bytes, type, valueAt)
  }
  return all
}

/** Whether the document at `at` is a list of operators: whether its first name begins with `$`. */
export function holdsOperators(bytes: Uint8Array, at: number): boolean {
  const first = firstElement(at)
  return first < documentEnd(bytes, at) && bytes[first + 1] === 0x24
}

function group(op: "and" | "or", of: ReadonlyArray<Filter>): Filter {
  const only = of.length === 1 ? of[0] : undefined
  return only ?? { op, of }
}

function decodeGroup(bytes: Uint8Array, name: string, type: number, at: number, where: string, depth: number): Filter {
  if (name === "$not") {
    if (type !== Type.DOCUMENT) refuseStatement(where, `$not takes a filter, found ${Type.typeName(type)}`)
    return { op: "not", of: group("and", decodeConditions(bytes, at, where, depth + 1)) }
  }
  if (name !== "$and" && name !== "$or") {
    const meant = closest(name, GROUPS)
    return refuseStatement(where, `${name} is no group of conditions, only ${GROUPS.join(", ")}`, meant && `did you mean ${meant}?`)
  }
  if (type !== Type.ARRAY) refuseStatement(where, `${name} takes a list of filters, found ${Type.typeName(type)}`)
  const of: Array<Filter> = []
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end;) {
    const here = `${where}.${of.length}`
    const memberType = bytes[element] ?? Type.MISSING
    const valueAt = valueOffset(bytes, element)
    if (memberType !== Type.DOCUMENT) refuseStatement(here, `a filter is needed, found ${Type.typeName(memberType)}`)
    of.push(group("and", decodeConditions(bytes, valueAt, here, depth + 1)))
    element = skipValue(bytes, memberType, valueAt)
  }
  if (of.length === 0) refuseStatement(where, `${name} takes at least one filter`)
  return { op: name === "$and" ? "and" : "or", of }
}

function decodeOperators(bytes: Uint8Array, path: string, at: number, where: string, depth: number): ReadonlyArray<Filter> {
  if (depth > FILTER_DEPTH_MAX) refuseStatement(where, `a filter nests at most ${FILTER_DEPTH_MAX} deep`)
  const all: Array<Filter> = []
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end;) {
    const name = elementName(bytes, element)
    const type = bytes[element] ?? Type.MISSING
    const valueAt = valueOffset(bytes, element)
    const here = `${where}.${name}`
    if (name === "$not") {
      if (type !== Type.DOCUMENT || !holdsOperators(bytes, valueAt)) refuseStatement(here, "$not takes operators, such as { $gt: 5 }")
      all.push({ op: "not", of: group("and", decodeOperators(bytes, path, valueAt, here, depth + 1)) })
    } else all.push(decodeOperator(name, path, bytes, type, valueAt, here))
    element = skipValue(bytes, type, valueAt)
  }
  return all
}

function decodeOperator(name: string, path: string, bytes: Uint8Array, type: number, at: number, where: string): Filter {
  if (Object.hasOwn(COMPARISONS, name)) {
    return { op: COMPARISONS[name as keyof typeof COMPARISONS], path, value: decodeValue(bytes, type, at) }
  }
  switch (name) {
    case "$in":
    case "$nin":
      return { op: name === "$in" ? "in" : "notIn", path, values: readList(bytes, type, at, name, where) }
    case "$between": {
      const [low, high, ...rest] = readList(bytes, type, at, name, where)
      if (low === undefined || high === undefined || rest.length > 0) return refuseStatement(where, "$between takes [low, high]")
      return { op: "between", path, low, high }
    }
    case "$prefix":
      if (type !== Type.STRING) refuseStatement(where, `$prefix takes text, found ${Type.typeName(type)}`)
      return { op: "prefix", path, value: readString(bytes, at) }
    case "$exists":
      if (type !== Type.BOOLEAN) refuseStatement(where, `$exists takes true or false, found ${Type.typeName(type)}`)
      return { op: "exists", path, value: bytes[at] === 1 }
    default: {
      const meant = closest(name, OPERATORS)
      return refuseStatement(where, `${name} is no operator, only ${OPERATORS.join(", ")}`, meant && `did you mean ${meant}?`)
    }
  }
}

function readList(bytes: Uint8Array, type: number, at: number, name: string, where: string): ReadonlyArray<Value> {
  const list = type === Type.ARRAY ? decodeValue(bytes, type, at) : undefined
  if (!Array.isArray(list)) refuseStatement(where, `${name} takes a list, found ${Type.typeName(type)}`)
  return list as ReadonlyArray<Value>
}

/** The BSON form of a filter, as a value for `encode`. */
export function encodeFilter(filter: Filter): { readonly [name: string]: Value } {
  switch (filter.op) {
    case "and":
      return filter.of.length === 0 ? {} : { $and: filter.of.map(encodeFilter) }
    case "or":
      return filter.of.length === 0 ? { $not: {} } : { $or: filter.of.map(encodeFilter) }
    case "not":
      return { $not: encodeFilter(filter.of) }
    case "in":
      return { [filter.path]: { $in: filter.values } }
    case "notIn":
      return { [filter.path]: { $nin: filter.values } }
    case "between":
      return { [filter.path]: { $between: [filter.low, filter.high] } }
    case "prefix":
      return { [filter.path]: { $prefix: filter.value } }
    case "exists":
      return { [filter.path]: { $exists: filter.value } }
    default:
      return { [filter.path]: { [OPERATOR_OF[filter.op]]: filter.value } }
  }
}
