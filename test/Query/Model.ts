/** The plainest way to answer a query: every document as values, filtered and sorted in JavaScript, with Bson's order of values. */
import { compareValues, typeClass } from "../../src/Bson/Compare.ts"
import * as Type from "../../src/Bson/Type.ts"
import { type EncodedValue, encodeValue, Key, type Value } from "../../src/Bson/Value.ts"
import type { Filter, Find, Order } from "../../src/Query/Ast.ts"

export type Document = { readonly [name: string]: Value }

/** A value that is not there: equal to null, and told apart by `exists` alone. */
const MISSING = Symbol("missing")
type Found = Value | typeof MISSING

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
function valuesAt(value: Found, names: ReadonlyArray<string>): Array<Found> {
  const [name, ...rest] = names
  if (name === undefined) return Array.isArray(value) ? [...(value as ReadonlyArray<Value>), value] : [value]
  if (isDocument(value)) {
    const field = Object.hasOwn(value, name) ? value[name] : undefined
    return field === undefined ? [MISSING] : valuesAt(field, rest)
  }
  if (!Array.isArray(value)) return [MISSING]
  const list = value as ReadonlyArray<Value>
  const index = /^(0|[1-9]\d*)$/.test(name) ? Number(name) : -1
  return list.flatMap((element, position) => {
    const byPosition = position === index ? valuesAt(element, rest) : []
    const byName = isDocument(element) && (index < 0 || Object.hasOwn(element, name)) ? valuesAt(element, names) : []
    return [...byPosition, ...byName]
  })
}

function resolve(document: Document, path: string): Array<Found> {
  const values = valuesAt(document, path.split("."))
  return values.length === 0 ? [MISSING] : values
}

function isNaNValue(value: Found): boolean {
  return (typeof value === "number" && Number.isNaN(value)) || (typeof value === "object" && String(value) === "NaN")
}

function within(value: Found, operand: Value, test: (order: number) => boolean): boolean {
  const kind = typeClass(bytesOf(operand).type)
  const everyClass = bytesOf(operand).type === Type.MIN_KEY || bytesOf(operand).type === Type.MAX_KEY
  if (!everyClass && kind !== typeClass(bytesOf(value).type)) return false
  if (!everyClass && isNaNValue(operand) !== isNaNValue(value)) return false
  return test(compare(value, operand))
}

export function matches(document: Document, filter: Filter | undefined): boolean {
  if (filter === undefined) return true
  switch (filter.op) {
    case "and":
      return filter.of.every((part) => matches(document, part))
    case "or":
      return filter.of.some((part) => matches(document, part))
    case "not":
      return !matches(document, filter.of)
    default: {
      const some = (test: (value: Found) => boolean): boolean => resolve(document, filter.path).some(test)
      switch (filter.op) {
        case "eq":
          return some((value) => compare(value, filter.value) === 0)
        case "ne":
          return !some((value) => compare(value, filter.value) === 0)
        case "lt":
          return some((value) => within(value, filter.value, (order) => order < 0))
        case "le":
          return some((value) => within(value, filter.value, (order) => order <= 0))
        case "gt":
          return some((value) => within(value, filter.value, (order) => order > 0))
        case "ge":
          return some((value) => within(value, filter.value, (order) => order >= 0))
        case "in":
          return some((value) => filter.values.some((other) => compare(value, other) === 0))
        case "notIn":
          return !some((value) => filter.values.some((other) => compare(value, other) === 0))
        case "between":
          return some((value) => within(value, filter.low, (order) => order >= 0) && within(value, filter.high, (order) => order <= 0))
        case "prefix":
          return some((value) => typeof value === "string" && Buffer.from(value).indexOf(Buffer.from(filter.value)) === 0)
        case "exists":
          return some((value) => value !== MISSING) === filter.value
      }
    }
  }
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
