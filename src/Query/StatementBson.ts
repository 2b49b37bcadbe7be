/**
 * The BSON form of statements, as guests and embedders send them, to and from the AST.
 *
 * `{ store, filter: { field: value | { $gt: value, … }, $or: [ … ], $and: [ … ], $not: { … } }, orderBy: [[path, "asc"], …], limit, skip, select: [path, …], compute: { name: expression } }`
 *
 * Invariants
 * - Strict: an unknown member, operator or type is a Fault InvalidStatement that names it by path. Nothing is ignored, nothing guessed.
 * - The bytes are structurally valid BSON (whoever took them in ran `validate`); depth and counts are checked here.
 * - Leaves of a filter appear in the AST in the order of their values in the bytes. `Shape.ts` numbers values by that order.
 * - An update or delete says which documents it means: `key`, or `filter` (`{}` for all).
 */
import * as Type from "../Bson/Type.ts"
import { Decimal128, decode, decodeValue, type Trail, type Value, writeElement } from "../Bson/Value.ts"
import { documentLength, readDouble, readInt32, readInt64Number, readString } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import type { DocumentValue, Order, Shown, Statement } from "./Ast.ts"
import { ARRAY_CHANGES, ROW_NUMBER_MAX } from "./Ast.ts"
import {
  eachElement,
  type Members,
  readLookups,
  readMembers,
  readOrderBy,
  readPaths,
  requireType,
  type StatementKind
} from "./StatementMembers.ts"
import { decodeAggregate, encodeAggregate } from "./AggregateBson.ts"
import { decodeComputed, encodeComputed } from "./ExpressionBson.ts"
import { decodeFilter, requirePath, writeFilter } from "./FilterBson.ts"
import { refuseStatement } from "./Reasons.ts"

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
  const shown = kind === "find" || kind === "get" ? readShown(bytes, members) : {}
  switch (kind) {
    case "find":
      return {
        kind,
        ...rows,
        ...(members.has("orderBy") ? { orderBy: readOrderBy("orderBy", bytes, members) } : {}),
        ...(members.has("after") ? { after: readCursor(bytes, members) } : {}),
        ...shown,
        ...(members.has("lookup") ? { lookup: readLookups(bytes, members) } : {})
      }
    case "count":
      return { kind, ...rows }
    case "aggregate":
      return decodeAggregate(bytes, members, {
        ...rows,
        ...(members.has("orderBy") ? { orderBy: readOrderBy("orderBy", bytes, members) } : {})
      })
    case "get":
      return { kind, store, key: readKey(bytes, members), ...shown }
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

function readShown(bytes: Uint8Array, members: Members): Shown {
  if (members.has("compute")) requireType(members, "compute", Type.DOCUMENT, "a document of names and expressions")
  const compute = members.has("compute") ? decodeComputed(bytes, members.at("compute")) : undefined
  const isNothing =
    compute !== undefined && members.type("select") === Type.ARRAY && documentLength(bytes, members.at("select")) === EMPTY_BYTES
  const select = members.has("select") ? (isNothing ? [] : readPaths("select", bytes, members)) : undefined
  const omit = members.has("omit") ? readPaths("omit", bytes, members) : undefined
  if (select !== undefined && omit !== undefined) refuseStatement("omit", "select names what is shown, omit what is not: one of them")
  if (omit?.includes("_id") === true) refuseStatement("omit", "_id is always shown")
  return {
    ...(select === undefined ? {} : { select }),
    ...(omit === undefined ? {} : { omit }),
    ...(compute === undefined ? {} : { compute })
  }
}

/** The bytes of a list without elements. */
const EMPTY_BYTES = 5

function readCursor(bytes: Uint8Array, members: Members): string {
  requireType(members, "after", Type.STRING, "the text of a cursor")
  return readString(bytes, members.at("after"))
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

/** A writer that has grown further is not kept. */
const SCRATCH_BYTES_MAX = 64 * 1024

/** Members whose values are written as they are. Those that a kind does not have are written too, for whoever reads the statement to refuse. */
const PLAIN_MEMBERS = ["limit", "skip", "after", "select", "omit", "key", ...CHANGES, "unset", "document", "documents"] as const

/** Holds one statement at a time. */
let scratch: Writer | undefined

/**
 * The BSON form of a statement: what `decodeStatement` reads for the same kind. `explain` has the form of what it explains.
 * Faults with InvalidValue when a value has no BSON form.
 */
export function encodeStatement(statement: Statement): Uint8Array<ArrayBuffer> {
  return withStatement(statement, (bytes) => bytes.slice(0, documentLength(bytes, 0)) as Uint8Array<ArrayBuffer>)
}

/** As `encodeStatement`, for the time of one call: the bytes are written over afterwards, and others may follow behind the statement's end. */
export function withStatement<A>(statement: Statement, use: (bytes: Uint8Array) => A): A {
  const writer = takeScratch()
  writeStatement(writer, statement)
  const result = use(writer.bytes)
  giveScratch(writer)
  return result
}

// Taken away while in use: what is called meanwhile may encode a statement itself. One that a fault has left is not given back.
function takeScratch(): Writer {
  const writer = scratch ?? new Writer()
  scratch = undefined
  writer.reset()
  return writer
}

function giveScratch(writer: Writer): void {
  if (writer.bytes.length <= SCRATCH_BYTES_MAX) scratch = writer
}

function writeStatement(writer: Writer, statement: Statement): void {
  if (statement.kind === "explain") return writeStatement(writer, statement.of)
  const trail: Trail = []
  const start = writer.beginDocument()
  writeElement(writer, "store", statement.store, trail, 1)
  if ("filter" in statement && statement.filter !== undefined) writeFilter(writer, "filter", statement.filter, trail, 1)
  else if (statement.kind === "update" || statement.kind === "delete") writeElement(writer, "filter", {}, trail, 1)
  if ("orderBy" in statement && statement.orderBy !== undefined) writeOrders(writer, statement.orderBy, trail)
  if (statement.kind === "find" && statement.lookup !== undefined)
    writeElement(writer, "lookup", statement.lookup as unknown as Value, trail, 1)
  if (statement.kind === "aggregate")
    for (const [name, value] of Object.entries(encodeAggregate(statement))) writeElement(writer, name, value, trail, 1)
  if ("compute" in statement && statement.compute !== undefined)
    writeElement(writer, "compute", encodeComputed(statement.compute), trail, 1)
  for (const member of PLAIN_MEMBERS) {
    const value = (statement as Partial<Record<typeof member, Value>>)[member]
    if (value !== undefined) writeElement(writer, member, value, trail, 1)
  }
  writer.endDocument(start)
}

function writeOrders(writer: Writer, orders: ReadonlyArray<Order>, trail: Trail): void {
  trail[0] = "orderBy"
  writer.name(Type.ARRAY, "orderBy")
  const start = writer.beginDocument()
  orders.forEach(({ direction, path }, index) => {
    trail[1] = String(index)
    writer.index(Type.ARRAY, index)
    const order = writer.beginDocument()
    writeElement(writer, "0", path, trail, 3)
    writeElement(writer, "1", direction, trail, 3)
    writer.endDocument(order)
  })
  writer.endDocument(start)
}
