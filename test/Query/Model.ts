/** The plainest way to answer a query: every document as values, filtered and sorted in JavaScript, with Bson's order of values. */
import { compareValues, typeClass } from "../../src/Bson/Compare.ts"
import * as Type from "../../src/Bson/Type.ts"
import { type EncodedValue, encodeValue, Key, UUID, type Value } from "../../src/Bson/Value.ts"
import type { Filter, Find, Order } from "../../src/Query/Ast.ts"

export type Document = { readonly [name: string]: Value }

/** A value that is not there: equal to null, and told apart by `exists` alone. */
const MISSING = Symbol("missing")
export type Found = Value | typeof MISSING

const encoded = new Map<Value, EncodedValue>()

function bytesOf(value: Found): EncodedValue {
  if (value === MISSING) return { bytes: new Uint8Array(0), type: Type.MISSING, at: 0 }
  const known = encoded.get(value)
  if (known !== undefined) return known
  const fresh = encodeValue(value)
  if (typeof value !== "number") encoded.set(value, fresh)
  return fresh
}

export function compare(a: Found, b: Found): number {
  const [left, right] = [bytesOf(a), bytesOf(b)]
  return compareValues(left.bytes, left.type, left.at, right.bytes, right.type, right.at)
}

function isDocument(value: Found): value is Document {
  return typeof value === "object" && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value) as object)
}

/** All values a path leads to: elements of arrays, then the arrays; MISSING where a document has no such field. */
function valuesAt(value: Found, names: ReadonlyArray<string>, whole: boolean): Array<Found> {
  const [name, ...rest] = names
  if (name === undefined) return Array.isArray(value) && !whole ? [...(value as ReadonlyArray<Value>), value] : [value]
  if (isDocument(value)) {
    const field = Object.hasOwn(value, name) ? value[name] : undefined
    return field === undefined ? [MISSING] : valuesAt(field, rest, whole)
  }
  if (!Array.isArray(value)) return [MISSING]
  const list = value as ReadonlyArray<Value>
  const index = /^(0|[1-9]\d*)$/.test(name) ? Number(name) : -1
  return list.flatMap((element, position) => {
    const byPosition = position === index ? valuesAt(element, rest, whole) : []
    const byName = isDocument(element) && (index < 0 || Object.hasOwn(element, name)) ? valuesAt(element, names, whole) : []
    return [...byPosition, ...byName]
  })
}

/** The values of a path in a document, or in an element of an array (whose empty path is the element). */
export function resolve(value: Found, path: string, whole = false): Array<Found> {
  if (path === "") return [value]
  const values = valuesAt(value, path.split("."), whole)
  return values.length === 0 ? [MISSING] : values
}

function isNaNValue(value: Found): boolean {
  // A list of one NaN prints as NaN too.
  return (
    (typeof value === "number" && Number.isNaN(value)) || (typeof value === "object" && !Array.isArray(value) && String(value) === "NaN")
  )
}

function within(value: Found, operand: Value, test: (order: number) => boolean): boolean {
  const kind = typeClass(bytesOf(operand).type)
  const everyClass = bytesOf(operand).type === Type.MIN_KEY || bytesOf(operand).type === Type.MAX_KEY
  if (!everyClass && kind !== typeClass(bytesOf(value).type)) return false
  if (!everyClass && isNaNValue(operand) !== isNaNValue(value)) return false
  return test(compare(value, operand))
}

type Condition = Exclude<Filter, { readonly op: "and" | "or" } | { readonly op: "not" }>

export function matches(document: Document, filter: Filter | undefined): boolean {
  return filter === undefined || holds(document, filter)
}

function holds(value: Found, filter: Filter): boolean {
  switch (filter.op) {
    case "and":
      return filter.of.every((part) => holds(value, part))
    case "or":
      return filter.of.some((part) => holds(value, part))
    case "not":
      return !holds(value, filter.of)
    default:
      return conditionHolds(value, filter)
  }
}

function namesElement(filter: Filter): boolean {
  if (filter.op === "and" || filter.op === "or") return filter.of.some(namesElement)
  return filter.op === "not" ? namesElement(filter.of) : (filter as Condition).path === ""
}

function conditionHolds(value: Found, filter: Condition): boolean {
  const some = (test: (value: Found) => boolean): boolean => resolve(value, filter.path).some(test)
  const someArray = (test: (list: ReadonlyArray<Value>) => boolean): boolean =>
    resolve(value, filter.path, true).some((found) => Array.isArray(found) && test(found as ReadonlyArray<Value>))
  const someText = (test: (text: string) => boolean): boolean => some((found) => typeof found === "string" && test(found))
  switch (filter.op) {
    case "eq":
      return some((found) => compare(found, filter.value) === 0)
    case "ne":
      return !some((found) => compare(found, filter.value) === 0)
    case "lt":
      return some((found) => within(found, filter.value, (order) => order < 0))
    case "le":
      return some((found) => within(found, filter.value, (order) => order <= 0))
    case "gt":
      return some((found) => within(found, filter.value, (order) => order > 0))
    case "ge":
      return some((found) => within(found, filter.value, (order) => order >= 0))
    case "in":
      return some((found) => filter.values.some((other) => compare(found, other) === 0))
    case "notIn":
      return !some((found) => filter.values.some((other) => compare(found, other) === 0))
    case "between":
      return some((found) => within(found, filter.low, (order) => order >= 0) && within(found, filter.high, (order) => order <= 0))
    case "prefix":
      return someText((text) => text.startsWith(filter.value))
    case "suffix":
      return someText((text) => text.endsWith(filter.value))
    case "contains": {
      const { value: part } = filter
      if (typeof part === "string") return someText((text) => text.includes(part))
      return someArray((list) => list.some((element) => compare(element, part) === 0))
    }
    case "regex":
      return someText((text) => new RegExp(filter.pattern, `${filter.flags}u`).test(text))
    case "type":
      return some((found) => found !== MISSING && isOfType(found, filter.type))
    case "size":
      return someArray((list) => list.length === filter.size)
    case "any":
    case "all": {
      const passes = (element: Value): boolean => (isDocument(element) || namesElement(filter.of)) && holds(element, filter.of)
      return someArray((list) => (filter.op === "any" ? list.some(passes) : list.every(passes)))
    }
    case "exists":
      return some((found) => found !== MISSING) === filter.value
  }
}

function isOfType(value: Value, name: string): boolean {
  const own = Type.typeName(bytesOf(value).type)
  if (name === "number") return ["int", "long", "double", "decimal"].includes(own)
  if (name === "key") return value instanceof Key
  return name === "uuid" ? value instanceof UUID : own === name
}

/** The value a document sorts by: the smallest or largest element that is no array, else nothing. */
function sortValue(document: Document, { direction, path }: Order): Found {
  const plain = resolve(document, path).filter((value) => !Array.isArray(value))
  const sorted = plain.toSorted(compare)
  return (direction === "asc" ? sorted[0] : sorted.at(-1)) ?? MISSING
}

function keyOrder(a: Document, b: Document): number {
  return Buffer.compare((a["_id"] as Key).bytes, (b["_id"] as Key).bytes)
}

/** The rows of a find, with everything that is selected. */
export function find(documents: ReadonlyArray<Document>, statement: Omit<Find, "kind" | "store">): Array<Document> {
  const { filter, limit = Number.POSITIVE_INFINITY, orderBy = [], skip = 0 } = statement
  const rows = documents.filter((document) => matches(document, filter))
  rows.sort((a, b) => {
    for (const order of orderBy) {
      const difference = compare(sortValue(a, order), sortValue(b, order))
      if (difference !== 0) return order.direction === "asc" ? difference : -difference
    }
    return keyOrder(a, b)
  })
  return rows.slice(skip, skip + limit)
}

/** A key that ascends with `n`. */
export function keyNumber(n: number): Key {
  const bytes = new Uint8Array(16)
  bytes[6] = 0x70
  new DataView(bytes.buffer).setUint32(2, n)
  return new Key(bytes)
}
