/**
 * The BSON form of statements, as guests and embedders send them, to and from the AST.
 *
 * `{ store, filter: { field: value | { $gt: value, … }, $or: [ … ], $and: [ … ], $not: { … } }, orderBy: [[path, "asc"], …], limit, skip, select: [path, …] }`
 *
 * Invariants
 * - Strict: an unknown member, operator or type is a Fault InvalidStatement that names it by path. Nothing is ignored, nothing guessed.
 * - The bytes are structurally valid BSON (whoever took them in ran `validate`); depth and counts are checked here.
 * - Leaves of a filter appear in the AST in the order of their values in the bytes. `Shape.ts` numbers values by that order.
 * - An update or delete says which documents it means: `key`, or `filter` (`{}` for all).
 */
import * as Type from "../Bson/Type.ts"
import { Decimal128, decode, decodeValue, encode, type Value } from "../Bson/Value.ts"
import {
  documentEnd,
  elementName,
  firstElement,
  readDouble,
  readInt32,
  readInt64Number,
  readString,
  skipValue,
  valueOffset
} from "../Bson/View.ts"
import { closest } from "../Config/Closest.ts"
import type { ArrayChange, DocumentValue, Order, Statement } from "./Ast.ts"
import { ARRAY_CHANGES, ORDER_PATHS_MAX, ROW_NUMBER_MAX } from "./Ast.ts"
import { decodeFilter, encodeFilter, requirePath } from "./FilterBson.ts"
import { refuseStatement } from "./Reasons.ts"

/** The kinds of statements that have a BSON form of their own; the form itself does not name its kind. */
export type StatementKind = Exclude<Statement["kind"], "explain">

export type Member =
  | "keys"
  | "store"
  | "filter"
  | "orderBy"
  | "limit"
  | "skip"
  | "select"
  | "key"
  | "set"
  | "inc"
  | "unset"
  | ArrayChange
  | "document"
  | "documents"

/** The kinds of argument documents: those of statements, and a list of keys to get. */
export type ArgumentKind = StatementKind | "getMany"

const MEMBERS: Readonly<Record<ArgumentKind, ReadonlyArray<Member>>> = {
  getMany: ["store", "keys"],
  find: ["store", "filter", "orderBy", "limit", "skip", "select"],
  get: ["store", "key", "select"],
  count: ["store", "filter", "limit", "skip"],
  insert: ["store", "document", "documents"],
  update: ["store", "filter", "key", "set", "inc", "unset", ...ARRAY_CHANGES],
  replace: ["store", "document"],
  upsert: ["store", "document"],
  delete: ["store", "filter", "key"]
}

/** Most paths of `select` and of `unset`. */
export const PATHS_MAX = 1000

/** Where each member of a statement lies: its type (MISSING when it is not there) and the offset of its value. */
export interface Members {
  has(member: Member): boolean
  type(member: Member): number
  at(member: Member): number
}

/**
 * Finds the members of a statement in its bytes. Faults with InvalidStatement on one that its kind does not have, and when `store` is no text.
 */
export function readMembers(kind: ArgumentKind, bytes: Uint8Array, at: number): Members {
  const known: ReadonlyArray<string> = MEMBERS[kind]
  const places = new Map<string, { readonly type: number; readonly at: number }>()
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end;) {
    const name = elementName(bytes, element)
    if (!known.includes(name)) refuseMember(kind, name, known)
    const valueAt = valueOffset(bytes, element)
    const type = bytes[element] ?? Type.MISSING
    places.set(name, { type, at: valueAt })
    element = skipValue(bytes, type, valueAt)
  }
  const members: Members = {
    has: (member) => places.has(member),
    type: (member) => places.get(member)?.type ?? Type.MISSING,
    at: (member) => places.get(member)?.at ?? 0
  }
  requireType(members, "store", Type.STRING, "the name of a store")
  if (members.has("filter")) requireType(members, "filter", Type.DOCUMENT, "a document")
  return members
}

function refuseMember(kind: string, name: string, known: ReadonlyArray<string>): never {
  const meant = closest(name, known)
  return refuseStatement(
    name,
    `${kind} has no member ${name}, only ${known.join(", ")}`,
    meant === undefined ? undefined : `did you mean ${meant}?`
  )
}

/** Faults with InvalidStatement unless the member has this type. */
export function requireType(members: Members, member: Member, type: number, what: string): void {
  if (members.type(member) !== type) refuseStatement(member, `${member} has to be ${what}, found ${Type.typeName(members.type(member))}`)
}

/**
 * Reads the BSON form of a statement of the given kind. Faults with InvalidStatement.
 *
 * @example
 * ```ts
 * decodeStatement("find", encode({ store: "orders", filter: { total: { $gt: 10 } }, limit: 20 }), 0)
 * // => { kind: "find", store: "orders", filter: { op: "gt", path: "total", value: 10 }, limit: 20 }
 * ```
 */
export function decodeStatement(kind: StatementKind, bytes: Uint8Array, at: number): Statement {
  const members = readMembers(kind, bytes, at)
  const store = readString(bytes, members.at("store"))
  const filter = members.has("filter") ? decodeFilter(bytes, members.at("filter"), "filter") : undefined
  const rows = {
    store,
    ...(filter === undefined ? {} : { filter }),
    ...(members.has("limit") ? { limit: readRowNumber("limit", bytes, members.type("limit"), members.at("limit")) } : {}),
    ...(members.has("skip") ? { skip: readRowNumber("skip", bytes, members.type("skip"), members.at("skip")) } : {})
  }
  const select = members.has("select") ? { select: readPaths("select", bytes, members) } : {}
  switch (kind) {
    case "find":
      return { kind, ...rows, ...(members.has("orderBy") ? { orderBy: readOrderBy(bytes, members) } : {}), ...select }
    case "count":
      return { kind, ...rows }
    case "get":
      return { kind, store, key: readKey(bytes, members), ...select }
    case "insert":
      return { kind, store, documents: readDocuments(bytes, members) }
    case "replace":
    case "upsert":
      requireType(members, "document", Type.DOCUMENT, "a document")
      return { kind, store, document: decode(bytes, members.at("document")) }
    default:
      return decodeChange(kind, bytes, members, rows)
  }
}

function decodeChange(kind: "update" | "delete", bytes: Uint8Array, members: Members, rows: { readonly store: string }): Statement {
  if (members.has("key") === members.has("filter")) {
    refuseStatement(members.has("key") ? "filter" : "", `${kind} takes either key or filter (an empty filter means every document)`)
  }
  const chosen = members.has("key") ? { ...rows, filter: { op: "eq" as const, path: "_id", value: readKey(bytes, members) } } : rows
  if (kind === "delete") return { kind, ...chosen }
  const given = CHANGES.filter((member) => members.has(member))
  if (given.length === 0 && !members.has("unset")) refuseStatement("", `update needs ${CHANGES.join(", ")} or unset`)
  return {
    kind,
    ...chosen,
    ...Object.fromEntries(given.map((member) => [member, readChanges(member, bytes, members)])),
    ...(members.has("unset") ? { unset: readPaths("unset", bytes, members) } : {})
  }
}

/** The members of an update that are documents of paths and operands. */
const CHANGES = ["set", "inc", ...ARRAY_CHANGES] as const
export type ChangeMember = (typeof CHANGES)[number]

/** Whether a member of an update is a document of paths and operands. */
export function isChange(member: string): member is ChangeMember {
  return (CHANGES as ReadonlyArray<string>).includes(member)
}

function readKey(bytes: Uint8Array, members: Members): Value {
  if (!members.has("key")) refuseStatement("key", "key is missing")
  return decodeValue(bytes, members.type("key"), members.at("key"))
}

function readDocuments(bytes: Uint8Array, members: Members): ReadonlyArray<DocumentValue> {
  if (members.has("document") === members.has("documents")) refuseStatement("", "insert takes either document or documents")
  if (members.has("document")) {
    requireType(members, "document", Type.DOCUMENT, "a document")
    return [decode(bytes, members.at("document"))]
  }
  const documents: Array<DocumentValue> = []
  eachElement("documents", bytes, members, (type, valueAt, index) => {
    if (type !== Type.DOCUMENT) refuseStatement(`documents.${index}`, `a document is needed, found ${Type.typeName(type)}`)
    documents.push(decode(bytes, valueAt))
  })
  return documents
}

function readChanges(member: ChangeMember, bytes: Uint8Array, members: Members): DocumentValue {
  requireType(members, member, Type.DOCUMENT, "a document of paths and values")
  const changes = decode(bytes, members.at(member))
  const paths = Object.keys(changes)
  if (paths.length === 0) refuseStatement(member, `${member} names no field`)
  for (const [path, value] of Object.entries(changes)) {
    requirePath(path, `${member}.${path}`)
    if (member === "inc" && !isNumber(value)) refuseStatement(`inc.${path}`, `inc of ${path} takes a number`)
  }
  return changes
}

function isNumber(value: Value): boolean {
  return typeof value === "number" || typeof value === "bigint" || value instanceof Decimal128
}

/** Visits the elements of the array that `member` is. Faults with InvalidStatement when it is none. */
export function eachElement(
  member: Member,
  bytes: Uint8Array,
  members: Members,
  visit: (type: number, at: number, index: number) => void
): void {
  requireType(members, member, Type.ARRAY, "an array")
  const at = members.at(member)
  const end = documentEnd(bytes, at)
  let index = 0
  for (let element = firstElement(at); element < end; index++) {
    const valueAt = valueOffset(bytes, element)
    const type = bytes[element] ?? Type.MISSING
    visit(type, valueAt, index)
    element = skipValue(bytes, type, valueAt)
  }
}

function readPaths(member: "select" | "unset", bytes: Uint8Array, members: Members): ReadonlyArray<string> {
  const paths: Array<string> = []
  eachElement(member, bytes, members, (type, valueAt, index) => {
    const where = `${member}.${index}`
    if (type !== Type.STRING) refuseStatement(where, `a path is text, found ${Type.typeName(type)}`)
    const path = requirePath(readString(bytes, valueAt), where)
    if (paths.includes(path)) refuseStatement(where, `${path} is named twice`)
    if (paths.push(path) > PATHS_MAX) refuseStatement(where, `at most ${PATHS_MAX} paths`)
  })
  if (paths.length === 0) refuseStatement(member, `${member} names no path`)
  return paths
}

function readOrderBy(bytes: Uint8Array, members: Members): ReadonlyArray<Order> {
  const orders: Array<Order> = []
  eachElement("orderBy", bytes, members, (type, valueAt, index) => {
    const where = `orderBy.${index}`
    const pair = type === Type.ARRAY ? Object.values(decode(bytes, valueAt)) : []
    const [path, direction] = pair
    if (pair.length !== 2 || typeof path !== "string" || (direction !== "asc" && direction !== "desc")) {
      return refuseStatement(where, 'an order is [path, "asc"] or [path, "desc"]')
    }
    requirePath(path, where)
    if (orders.some((order) => order.path === path)) refuseStatement(where, `${path} is named twice`)
    if (orders.push({ path, direction }) > ORDER_PATHS_MAX) refuseStatement(where, `at most ${ORDER_PATHS_MAX} paths`)
    return undefined
  })
  return orders
}

/** The value of `limit` or `skip`, of any numeric type that holds it. Faults with InvalidStatement when it is no whole number in range. */
export function readRowNumber(member: "limit" | "skip", bytes: Uint8Array, type: number, at: number): number {
  const value = readNumber(bytes, type, at)
  if (!Number.isInteger(value) || value < 0 || value > ROW_NUMBER_MAX) {
    refuseStatement(member, `${member} has to be a whole number from 0 to ${ROW_NUMBER_MAX}`)
  }
  return value
}

function readNumber(bytes: Uint8Array, type: number, at: number): number {
  if (type === Type.INT32) return readInt32(bytes, at)
  if (type === Type.DOUBLE) return readDouble(bytes, at)
  return type === Type.INT64 ? readInt64Number(bytes, at) : Number.NaN
}

/**
 * The BSON form of a statement: what `decodeStatement` reads for the same kind. `explain` has the form of what it explains.
 * Faults with InvalidValue when a value has no BSON form.
 */
export function encodeStatement(statement: Statement): Uint8Array<ArrayBuffer> {
  if (statement.kind === "explain") return encodeStatement(statement.of)
  const document: Record<string, Value> = { store: statement.store }
  if ("filter" in statement && statement.filter !== undefined) document["filter"] = encodeFilter(statement.filter)
  else if (statement.kind === "update" || statement.kind === "delete") document["filter"] = {}
  if ("orderBy" in statement && statement.orderBy !== undefined) {
    document["orderBy"] = statement.orderBy.map((order) => [order.path, order.direction])
  }
  for (const member of ["limit", "skip", "select", "key", ...CHANGES, "unset", "document", "documents"] as const) {
    const value = (statement as Partial<Record<typeof member, Value>>)[member]
    if (value !== undefined) document[member] = value
  }
  return encode(document)
}
