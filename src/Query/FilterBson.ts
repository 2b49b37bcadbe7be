/**
 * The BSON form of filters: `{ status: "open", total: { $gt: 10, $lte: 50 }, $or: [{ … }, { … }], $not: { … } }`.
 *
 * Invariants
 * - A document whose first member begins with `$` is a list of operators, any other one is a value to be equal to; the two are not mixed.
 * - Inside `$any` (also `$elemMatch`) and `$every` the name `$this` is the element; operators may also stand there by themselves.
 * - Leaves come out in the order of their values in the bytes (see `StatementBson.ts`).
 */
import { compilePath } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { BSONRegExp, decodeValue, type Trail, type Value, writeElement } from "../Bson/Value.ts"
import { documentEnd, elementName, firstElement, readString, skipValue, valueOffset } from "../Bson/View.ts"
import type { Writer } from "../Bson/Writer.ts"
import { closest } from "../Config/Closest.ts"
import { ELEMENT } from "../Match/Filter.ts"
import { FILTER_DEPTH_MAX, type Filter } from "./Ast.ts"
import { refuseStatement } from "./Reasons.ts"

const COMPARISONS = { $eq: "eq", $ne: "ne", $lt: "lt", $lte: "le", $gt: "gt", $gte: "ge" } as const
const OPERATOR_OF = { eq: "$eq", ne: "$ne", lt: "$lt", le: "$lte", gt: "$gt", ge: "$gte" } as const
const TEXTS = { $prefix: "prefix", $suffix: "suffix" } as const
const ELEMENTS = { $any: "any", $elemMatch: "any", $every: "all" } as const
const OPERATORS = [
  ...Object.keys(COMPARISONS),
  "$in",
  "$nin",
  "$between",
  ...Object.keys(TEXTS),
  "$contains",
  "$regex",
  "$exists",
  "$type",
  "$size",
  "$any",
  "$every",
  "$not"
]
/** The name of the element itself, inside `$any` and `$every`. */
const THIS = "$this"
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
  const all = decodeConditions(bytes, at, where, 0, false)
  return all.length > 1 ? { op: "and", of: all } : all[0]
}

/** Reads the filter of elements at `at`, which is what stands inside `$any`. */
export function decodeElementFilter(bytes: Uint8Array, at: number, where: string): Filter {
  return group("and", decodeElements(bytes, at, where, 0))
}

function decodeElements(bytes: Uint8Array, at: number, where: string, depth: number): ReadonlyArray<Filter> {
  if (holdsOperators(bytes, at) && !isGroupOrThis(elementName(bytes, firstElement(at)))) {
    return decodeOperators(bytes, ELEMENT, at, where, depth)
  }
  return decodeConditions(bytes, at, where, depth, true)
}

function isGroupOrThis(name: string): boolean {
  return name === THIS || GROUPS.includes(name)
}

function decodeConditions(bytes: Uint8Array, at: number, where: string, depth: number, inside: boolean): ReadonlyArray<Filter> {
  if (depth > FILTER_DEPTH_MAX) refuseStatement(where, `a filter nests at most ${FILTER_DEPTH_MAX} deep`)
  const all: Array<Filter> = []
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end;) {
    const name = elementName(bytes, element)
    const type = bytes[element] ?? Type.MISSING
    const valueAt = valueOffset(bytes, element)
    const here = `${where}.${name}`
    const isThis = inside && name === THIS
    if (name.startsWith("$") && !isThis) all.push(decodeGroup(bytes, name, type, valueAt, here, depth, inside))
    else {
      const path = isThis ? ELEMENT : requirePath(name, here)
      if (type === Type.DOCUMENT && holdsOperators(bytes, valueAt)) all.push(...decodeOperators(bytes, path, valueAt, here, depth))
      else all.push({ op: "eq", path, value: decodeValue(bytes, type, valueAt) })
    }
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

function decodeGroup(bytes: Uint8Array, name: string, type: number, at: number, where: string, depth: number, inside: boolean): Filter {
  if (name === "$not") {
    if (type !== Type.DOCUMENT) refuseStatement(where, `$not takes a filter, found ${Type.typeName(type)}`)
    return { op: "not", of: group("and", decodeConditions(bytes, at, where, depth + 1, inside)) }
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
    of.push(group("and", decodeConditions(bytes, valueAt, here, depth + 1, inside)))
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
    } else if (Object.hasOwn(ELEMENTS, name)) {
      if (type !== Type.DOCUMENT) refuseStatement(here, `${name} takes a filter of the elements, found ${Type.typeName(type)}`)
      const of = group("and", decodeElements(bytes, valueAt, here, depth + 1))
      all.push({ op: ELEMENTS[name as keyof typeof ELEMENTS], path, of })
    } else all.push(decodeOperator(name, path, bytes, type, valueAt, here))
    element = skipValue(bytes, type, valueAt)
  }
  return all
}

function decodeOperator(name: string, path: string, bytes: Uint8Array, type: number, at: number, where: string): Filter {
  if (Object.hasOwn(COMPARISONS, name)) {
    return { op: COMPARISONS[name as keyof typeof COMPARISONS], path, value: decodeValue(bytes, type, at) }
  }
  if (Object.hasOwn(TEXTS, name)) {
    if (type !== Type.STRING) refuseStatement(where, `${name} takes text, found ${Type.typeName(type)}`)
    return { op: TEXTS[name as keyof typeof TEXTS], path, value: readString(bytes, at) }
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
    case "$contains":
      return { op: "contains", path, value: decodeValue(bytes, type, at) }
    case "$regex":
      if (type !== Type.STRING && type !== Type.REGEX && type !== Type.ARRAY) refusePattern(where, type)
      return { op: "regex", path, ...patternOf(decodeValue(bytes, type, at)) }
    case "$type":
      if (type !== Type.STRING) refuseStatement(where, `$type takes the name of a type, found ${Type.typeName(type)}`)
      return { op: "type", path, type: readString(bytes, at) }
    case "$size": {
      const size = type === Type.INT32 || type === Type.DOUBLE || type === Type.INT64 ? Number(decodeValue(bytes, type, at)) : Number.NaN
      if (!Number.isInteger(size) || size < 0) return refuseStatement(where, "$size takes a whole number of elements")
      return { op: "size", path, size }
    }
    case "$exists":
      if (type !== Type.BOOLEAN) refuseStatement(where, `$exists takes true or false, found ${Type.typeName(type)}`)
      return { op: "exists", path, value: bytes[at] === 1 }
    default: {
      const meant = closest(name, OPERATORS)
      return refuseStatement(where, `${name} is no operator, only ${OPERATORS.join(", ")}`, meant && `did you mean ${meant}?`)
    }
  }
}

function refusePattern(where: string, type: number): never {
  return refuseStatement(where, `$regex takes a pattern, or [pattern, flags], found ${Type.typeName(type)}`)
}

/** The pattern and flags that an operand of `$regex` is: text, a regular expression, or a list of pattern and flags. */
export function patternOf(value: Value): { readonly pattern: string; readonly flags: string } {
  if (typeof value === "string") return { pattern: value, flags: "" }
  if (value instanceof BSONRegExp) return { pattern: value.pattern, flags: value.options }
  const [pattern, flags = "", ...rest] = Array.isArray(value) ? (value as ReadonlyArray<Value>) : []
  if (typeof pattern !== "string" || typeof flags !== "string" || rest.length > 0) return refusePattern("filter", Type.ARRAY)
  return { pattern, flags }
}

function readList(bytes: Uint8Array, type: number, at: number, name: string, where: string): ReadonlyArray<Value> {
  const list = type === Type.ARRAY ? decodeValue(bytes, type, at) : undefined
  if (!Array.isArray(list)) refuseStatement(where, `${name} takes a list, found ${Type.typeName(type)}`)
  return list as ReadonlyArray<Value>
}

/** Appends what `encodeFilter` gives as an element to the `depth`th document that `writer` is in; see `writeElement`. */
export function writeFilter(writer: Writer, name: string, filter: Filter, trail: Trail, depth: number): void {
  trail[depth - 1] = name
  const start = beginWithin(writer, Type.DOCUMENT, name)
  switch (filter.op) {
    case "and":
    case "or":
      if (filter.of.length > 0) writeFilters(writer, filter.op === "and" ? "$and" : "$or", filter.of, trail, depth + 1)
      else if (filter.op === "or") writer.endDocument(beginWithin(writer, Type.DOCUMENT, "$not"))
      break
    case "not":
      writeFilter(writer, "$not", filter.of, trail, depth + 1)
      break
    default: {
      const path = filter.path === ELEMENT ? THIS : filter.path
      const [operator, value] = encodeCondition(filter)
      trail[depth] = path
      const condition = beginWithin(writer, Type.DOCUMENT, path)
      writeElement(writer, operator, value, trail, depth + 2)
      writer.endDocument(condition)
    }
  }
  writer.endDocument(start)
}

function writeFilters(writer: Writer, name: string, filters: ReadonlyArray<Filter>, trail: Trail, depth: number): void {
  trail[depth - 1] = name
  const start = beginWithin(writer, Type.ARRAY, name)
  for (let index = 0; index < filters.length; index++) writeFilter(writer, String(index), filters[index]!, trail, depth + 1)
  writer.endDocument(start)
}

function beginWithin(writer: Writer, type: number, name: string): number {
  writer.name(type, name)
  return writer.beginDocument()
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
    default: {
      const [operator, value] = encodeCondition(filter)
      return { [filter.path === ELEMENT ? THIS : filter.path]: { [operator]: value } }
    }
  }
}

function encodeCondition(filter: Exclude<Filter, { readonly op: "and" | "or" | "not" }>): readonly [operator: string, value: Value] {
  switch (filter.op) {
    case "in":
      return ["$in", filter.values]
    case "notIn":
      return ["$nin", filter.values]
    case "between":
      return ["$between", [filter.low, filter.high]]
    case "prefix":
      return ["$prefix", filter.value]
    case "suffix":
      return ["$suffix", filter.value]
    case "contains":
      return ["$contains", filter.value]
    case "regex":
      return ["$regex", filter.flags === "" ? filter.pattern : [filter.pattern, filter.flags]]
    case "exists":
      return ["$exists", filter.value]
    case "type":
      return ["$type", filter.type]
    case "size":
      return ["$size", filter.size]
    case "any":
      return ["$any", encodeFilter(filter.of)]
    case "all":
      return ["$every", encodeFilter(filter.of)]
    default:
      return [OPERATOR_OF[filter.op], filter.value]
  }
}
