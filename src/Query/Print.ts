/**
 * Statements as PQL. What `printPql` writes, `parsePql` reads back as the same statement, as far as PQL can say it.
 *
 * Faults with InvalidValue for what PQL has no way to say (an empty group). Paths can always be printed.
 */
import { bsonFault } from "../Bson/Errors.ts"
import {
  Binary,
  BSONRegExp,
  Decimal128,
  Double,
  encode,
  Int32,
  Key,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
  type Value
} from "../Bson/Value.ts"
import { ELEMENT } from "../Match/Filter.ts"
import {
  type Aggregate,
  ARRAY_CHANGES,
  type ArrayChange,
  type DocumentValue,
  type Expression,
  type Filter,
  type Find,
  type Shown,
  type Statement
} from "./Ast.ts"
import { decodeElementFilter } from "./FilterBson.ts"
import { PATH_WORDS, VALUE_WORDS } from "./PqlWords.ts"

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
/** Names that mean something else at the beginning of a path or a statement. */
const WORDS: ReadonlySet<string> = new Set([...PATH_WORDS, ...VALUE_WORDS, "this", "asc", "desc", "explain"])
const SIGNS = { eq: "=", ne: "!=", lt: "<", le: "<=", gt: ">", ge: ">=" } as const

/**
 * The statement as PQL text.
 *
 * @example
 * ```ts
 * printPql({ kind: "find", store: "orders", filter: { op: "gt", path: "total", value: 10 }, limit: 20 })
 * // => "orders.filter(total > 10).limit(20)"
 * ```
 */
export function printPql(statement: Statement): string {
  if (statement.kind === "explain") return `explain ${printPql(statement.of)}`
  return printName(statement.store) + steps(statement).join("")
}

function steps(statement: Exclude<Statement, { readonly kind: "explain" }>): ReadonlyArray<string> {
  switch (statement.kind) {
    case "find":
      return [
        ...filterStep(statement.filter),
        ...orderStep(statement),
        ...rowSteps(statement),
        ...(statement.after === undefined ? [] : [`.after(${printValue(statement.after)})`]),
        ...printShown(statement),
        ...lookupSteps(statement)
      ]
    case "aggregate":
      return aggregateSteps(statement)
    case "count":
      return [...filterStep(statement.filter), ...rowSteps(statement), ".count()"]
    case "get":
      return [`.get(${printValue(statement.key)})`, ...printShown(statement)]
    case "insert":
      return [`.insert(${printList(statement.documents)})`]
    case "replace":
    case "upsert":
      return [`.${statement.kind}(${printValue(statement.document)})`]
    case "delete":
      return [...filterStep(statement.filter), ".delete()"]
    case "update":
      return [
        ...filterStep(statement.filter),
        ...(statement.set === undefined ? [] : [`.set(${printValue(statement.set)})`]),
        ...(statement.inc === undefined ? [] : [`.inc(${printValue(statement.inc)})`]),
        ...(statement.unset === undefined ? [] : [`.unset(${statement.unset.map(printPath).join(", ")})`]),
        ...ARRAY_CHANGES.flatMap((member) => arrayStep(member, statement[member]))
      ]
  }
}

function lookupSteps({ lookup = [] }: Find): ReadonlyArray<string> {
  return lookup.map(
    ({ as, foreign, local, store }) => `.lookup(${printName(store)}, ${printPath(local)}, ${printPath(foreign)}, ${printName(as)})`
  )
}

function aggregateSteps(statement: Aggregate): ReadonlyArray<string> {
  const { aggregates, distinct, filter, groupBy, having, inputOrder } = statement
  const results = Object.entries(aggregates ?? {}).map(
    ([name, { operator, path, value }]) => `${printName(name)}: ${operator}${printOperand(path, value)}`
  )
  return [
    ...filterStep(filter),
    ...orderStep(inputOrder === undefined ? {} : { orderBy: inputOrder }),
    ...(groupBy === undefined ? [] : [`.groupBy(${groupBy.map(printPath).join(", ")})`]),
    ...(distinct === undefined ? [] : [`.distinct(${printPath(distinct)})`]),
    ...(results.length === 0 ? [] : [`.aggregate(${results.join(", ")})`]),
    ...(having === undefined ? [] : [`.having(${printFilter(having, LOOSE)})`]),
    ...orderStep(statement),
    ...rowSteps(statement)
  ]
}

function arrayStep(member: ArrayChange, changes: DocumentValue | undefined): ReadonlyArray<string> {
  if (changes === undefined) return []
  const fields = Object.entries(changes).map(([path, operand]) => `${JSON.stringify(path)}: ${printElements(member, operand)}`)
  return [`.${member}({ ${fields.join(", ")} })`]
}

function printElements(member: ArrayChange, operand: Value): string {
  const names = isPlain(operand) ? Object.keys(operand) : []
  const [each, filter] = names.length === 1 && isPlain(operand) ? [operand["$each"], operand["$any"]] : []
  if (Array.isArray(each)) return `each ${printList(each as ReadonlyArray<Value>)}`
  if (member === "pull" && isPlain(filter)) return `any (${printFilter(decodeElementFilter(encode(filter), 0, "pull"), LOOSE)})`
  return printValue(operand)
}

function isPlain(value: Value | undefined): value is DocumentValue {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

function filterStep(filter: Filter | undefined): ReadonlyArray<string> {
  return filter === undefined ? [] : [`.filter(${printFilter(filter, 0)})`]
}

function orderStep({
  orderBy = []
}: {
  readonly orderBy?: ReadonlyArray<{ readonly path: string; readonly direction: string }>
}): ReadonlyArray<string> {
  const orders = orderBy.map(({ direction, path }) => `${printPath(path)} ${direction}`)
  return orders.length === 0 ? [] : [`.orderBy(${orders.join(", ")})`]
}

function rowSteps({ limit, skip }: { readonly limit?: number; readonly skip?: number }): ReadonlyArray<string> {
  return [...(skip === undefined ? [] : [`.skip(${skip})`]), ...(limit === undefined ? [] : [`.limit(${limit})`])]
}

function printOperand(path: string | undefined, value: Expression | undefined): string {
  if (path !== undefined) return `(${printPath(path)})`
  return value === undefined ? "" : `(${printExpression(value)})`
}

/** The steps that say what of a document is shown. */
export function printShown({ compute, omit, select }: Shown): ReadonlyArray<string> {
  const computed = Object.entries(compute ?? {}).map(([name, value]) => `${printName(name)}: ${printExpression(value)}`)
  const selected = select?.map(printPath) ?? []
  const omitted = omit === undefined ? [] : [`.omit(${omit.map(printPath).join(", ")})`]
  if (select === undefined) return [...omitted, ...(computed.length === 0 ? [] : [`.compute(${computed.join(", ")})`])]
  return [`.select(${[...selected, ...computed].join(", ")})`]
}

const SUM = 0
const PRODUCT = 1

/** An expression; `binding` is how tightly what stands around it binds. */
export function printExpression(expression: Expression, binding: number = SUM): string {
  switch (expression.op) {
    case "path":
      return printPath(expression.path)
    case "value":
      return printValue(expression.value)
    case "test":
      return printFilter(expression.filter, LOOSE)
    default: {
      const isSum = expression.op === "add" || expression.op === "subtract"
      const own = isSum ? SUM : PRODUCT
      const text = `${printExpression(expression.left, own)} ${OPERATOR_SIGNS[expression.op]} ${printExpression(expression.right, own + 1)}`
      return binding > own ? `(${text})` : text
    }
  }
}

const OPERATOR_SIGNS = { add: "+", subtract: "-", multiply: "*", divide: "/" } as const

const LOOSE = 0
const AND = 1
const TIGHT = 2

/** A condition; `binding` is how tightly what stands around it binds. */
function printFilter(filter: Filter, binding: number): string {
  switch (filter.op) {
    case "or":
      return group(filter.of.map((part) => printFilter(part, AND)).join(" or "), filter.of.length, binding > LOOSE)
    case "and":
      return group(filter.of.map((part) => printFilter(part, TIGHT)).join(" and "), filter.of.length, binding > AND)
    case "not":
      return `not ${printFilter(filter.of, TIGHT)}`
    case "in":
    case "notIn":
      return `${printPath(filter.path)} ${filter.op === "in" ? "in" : "not in"} ${printList(filter.values)}`
    case "between":
      return `${printPath(filter.path)} between ${printValue(filter.low)} and ${printValue(filter.high)}`
    case "prefix":
      return `${printPath(filter.path)} startsWith ${printValue(filter.value)}`
    case "suffix":
      return `${printPath(filter.path)} endsWith ${printValue(filter.value)}`
    case "contains":
      return `${printPath(filter.path)} contains ${printValue(filter.value)}`
    case "regex":
      return `${printPath(filter.path)} ~ ${printPattern(filter.pattern, filter.flags)}`
    case "type":
      return `${printPath(filter.path)} is ${filter.type}`
    case "size":
      return `${printPath(filter.path)} size ${filter.size}`
    case "any":
    case "all":
      return `${printPath(filter.path)} ${filter.op} (${printFilter(filter.of, LOOSE)})`
    case "exists":
      return `${printPath(filter.path)} exists ${filter.value}`
    default:
      return `${printPath(filter.path)} ${SIGNS[filter.op]} ${printValue(filter.value)}`
  }
}

/** Between slashes where that says the same, else as a value. */
function printPattern(pattern: string, flags: string): string {
  const plain = pattern !== "" && !pattern.startsWith("*") && /^(?:[^\\]|\\[^/])*$/.test(pattern)
  if (plain) return `/${pattern.replaceAll("/", "\\/")}/${flags}`
  return flags === "" ? JSON.stringify(pattern) : printRegex(pattern, flags)
}

function printRegex(pattern: string, options: string): string {
  return `regex ${JSON.stringify(pattern)}${options === "" ? "" : ` ${JSON.stringify(options)}`}`
}

/** Groups inside groups keep their parentheses, also those of the same kind: they are groups of their own. */
function group(text: string, parts: number, inside: boolean): string {
  if (parts === 0) throw unprintable("an empty group of conditions")
  return inside ? `(${text})` : text
}

function unprintable(what: string): Error {
  return bsonFault({ _tag: "InvalidValue", path: "", message: `PQL has no way to write ${what}` })
}

/** A path, with backticks where they are needed; inside `any` and `all`, the element itself is `this`. */
export function printPath(path: string): string {
  if (path === ELEMENT) return "this"
  return path
    .split(".")
    .map((name, index) => (index > 0 && /^\d+$/.test(name) ? name : printName(name, index > 0)))
    .join(".")
}

/** A name, in backticks where it has to be. */
export function printName(name: string, inside = false): string {
  if (PLAIN_NAME.test(name) && (inside || !WORDS.has(name))) return name
  return `\`${name.replaceAll("`", "``")}\``
}

function printList(values: ReadonlyArray<Value>): string {
  return `[${values.map(printValue).join(", ")}]`
}

/** A value as a literal of PQL. */
export function printValue(value: Value): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value)
    case "number":
      return printNumber(value)
    case "bigint":
      return `long ${value}`
    case "boolean":
      return String(value)
    default:
      if (value === null) return "null"
      if (Array.isArray(value)) return printList(value as ReadonlyArray<Value>)
      return printObject(value as Exclude<typeof value, ReadonlyArray<Value>>)
  }
}

function printNumber(value: number): string {
  if (!Number.isFinite(value)) return `double "${value}"`
  if (Object.is(value, -0)) return "-0"
  // A whole number beyond 2^53 is read as a double only when it looks like one.
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : String(value)
}

function printObject(value: Exclude<Value, string | number | bigint | boolean | null | ReadonlyArray<Value>>): string {
  if (value instanceof Date) return `date "${value.toISOString()}"`
  if (value instanceof Key) return `key ${value}`
  if (value instanceof Decimal128) return `decimal "${value}"`
  if (value instanceof ObjectId) return `objectId "${value.toHexString()}"`
  if (value instanceof Int32 || value instanceof Double) return printNumber(value.value)
  // A Timestamp is a Long to npm bson, so it has to be asked for first.
  if (value instanceof Timestamp) return `timestamp ${value.t} ${value.i}`
  if (value instanceof Long) return `long ${value}`
  if (value instanceof BSONRegExp) return printRegex(value.pattern, value.options)
  if (value instanceof MinKey) return "minKey"
  if (value instanceof MaxKey) return "maxKey"
  if (value instanceof UUID) return `uuid "${value.toHexString(true)}"`
  if (value instanceof Binary) return printBinary(value.value(), value.sub_type)
  if (value instanceof Uint8Array) return printBinary(value, 0)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw unprintable(`a ${value.constructor.name}`)
  const fields = Object.entries(value as DocumentValue).map(([name, inner]) => `${JSON.stringify(name)}: ${printValue(inner)}`)
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`
}

function printBinary(bytes: Uint8Array, subtype: number): string {
  const base64 = Buffer.from(bytes).toString("base64")
  return subtype === 0 ? `binary "${base64}"` : `binary ${subtype} "${base64}"`
}
