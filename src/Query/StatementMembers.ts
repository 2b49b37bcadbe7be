/**
 * The members of statements in their BSON form: which there are, where they lie, and how paths and orders are read from them.
 *
 * An unknown member is a Fault InvalidStatement that names it; so is one of another type than it has to have.
 */
import * as Type from "../Bson/Type.ts"
import { decode } from "../Bson/Value.ts"
import { documentEnd, elementName, firstElement, readString, skipValue, valueOffset } from "../Bson/View.ts"
import { closest } from "../Config/Closest.ts"
import { ARRAY_CHANGES, type ArrayChange, type Lookup, LOOKUPS_MAX, type Order, ORDER_PATHS_MAX, type Statement } from "./Ast.ts"
import { requirePath } from "./FilterBson.ts"
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
  | "after"
  | "select"
  | "omit"
  | "compute"
  | "key"
  | "set"
  | "inc"
  | "unset"
  | ArrayChange
  | "lookup"
  | "inputOrder"
  | "groupBy"
  | "distinct"
  | "aggregates"
  | "having"
  | "document"
  | "documents"

/** The kinds of argument documents: those of statements, and a list of keys to get. */
export type ArgumentKind = StatementKind | "getMany"

const MEMBERS: Readonly<Record<ArgumentKind, ReadonlyArray<Member>>> = {
  getMany: ["store", "keys"],
  find: ["store", "filter", "orderBy", "limit", "skip", "after", "select", "omit", "compute", "lookup"],
  get: ["store", "key", "select", "omit", "compute"],
  count: ["store", "filter", "limit", "skip"],
  aggregate: ["store", "filter", "inputOrder", "groupBy", "distinct", "aggregates", "having", "orderBy", "limit", "skip"],
  insert: ["store", "document", "documents"],
  update: ["store", "filter", "key", "set", "inc", "unset", ...ARRAY_CHANGES],
  replace: ["store", "document"],
  upsert: ["store", "document"],
  delete: ["store", "filter", "key"]
}

/** Most paths of `select`, `omit` and `unset`. */
export const PATHS_MAX = 1000

/** Where each member of a statement lies: its type (MISSING when it is not there) and the offset of its value. */
export interface Members {
  has(member: Member): boolean
  type(member: Member): number
  at(member: Member): number
}

/** A handful of members, looked for one by one. The last of several of one name counts. */
class FoundMembers implements Members {
  readonly #names: Array<string> = []
  readonly #types: Array<number> = []
  readonly #places: Array<number> = []

  add(name: string, type: number, at: number): void {
    this.#names.push(name)
    this.#types.push(type)
    this.#places.push(at)
  }

  has(member: Member): boolean {
    return this.#names.includes(member)
  }

  type(member: Member): number {
    return this.#types[this.#names.lastIndexOf(member)] ?? Type.MISSING
  }

  at(member: Member): number {
    return this.#places[this.#names.lastIndexOf(member)] ?? 0
  }
}

/**
 * Finds the members of a statement in its bytes. Faults with InvalidStatement on one that its kind does not have, and when `store` is no text.
 */
export function readMembers(kind: ArgumentKind, bytes: Uint8Array, at: number): Members {
  const known: ReadonlyArray<string> = MEMBERS[kind]
  const members = new FoundMembers()
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end;) {
    const name = elementName(bytes, element)
    if (!known.includes(name)) refuseMember(kind, name, known)
    const valueAt = valueOffset(bytes, element)
    const type = bytes[element] ?? Type.MISSING
    members.add(name, type, valueAt)
    element = skipValue(bytes, type, valueAt)
  }
  requireType(members, "store", Type.STRING, "the name of a store")
  if (members.has("filter")) requireType(members, "filter", Type.DOCUMENT, "a document")
  return members
}

/** Reads `[{ store, local, foreign, as }, …]`. */
export function readLookups(bytes: Uint8Array, members: Members): ReadonlyArray<Lookup> {
  const lookups: Array<Lookup> = []
  eachElement("lookup", bytes, members, (type, valueAt, index) => {
    const where = `lookup.${index}`
    const given = type === Type.DOCUMENT ? decode(bytes, valueAt) : {}
    const { as, foreign, local, store, ...rest } = given
    if (typeof as !== "string" || typeof foreign !== "string" || typeof local !== "string" || typeof store !== "string") {
      return refuseStatement(where, "a lookup is { store, local, foreign, as }, each a text")
    }
    const [other] = Object.keys(rest)
    if (other !== undefined) refuseStatement(`${where}.${other}`, `a lookup has no member ${other}`)
    if (as === "" || as === "_id" || as.includes(".") || as.startsWith("$"))
      refuseStatement(`${where}.as`, `"${as}" is no name for the documents: no dots, no $, not _id`)
    if (lookups.some((lookup) => lookup.as === as)) refuseStatement(`${where}.as`, `two lookups are called ${as}`)
    requirePath(local, `${where}.local`)
    requirePath(foreign, `${where}.foreign`)
    if (lookups.push({ store, local, foreign, as }) > LOOKUPS_MAX) refuseStatement(where, `at most ${LOOKUPS_MAX} lookups`)
    return undefined
  })
  return lookups
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

export function readPaths(member: "select" | "omit" | "unset" | "groupBy", bytes: Uint8Array, members: Members): ReadonlyArray<string> {
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

export function readOrderBy(member: "orderBy" | "inputOrder", bytes: Uint8Array, members: Members): ReadonlyArray<Order> {
  const orders: Array<Order> = []
  eachElement(member, bytes, members, (type, valueAt, index) => {
    const where = `${member}.${index}`
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
