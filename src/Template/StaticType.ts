/**
 * What the checker knows of a value: the types of store schemas, of `{param}` declarations and of expressions.
 *
 * Invariants
 * - "May be missing" is a union with `null`: a missing value, null and undefined are one thing in a template.
 * - Unions are flat, without duplicates, and never have one member.
 */
import type { Field, StoreDefinition } from "../Schema/Definition.ts"
import type { LiteralValue } from "./Syntax.ts"

export type SimpleKind =
  | "string"
  | "int"
  | "long"
  | "number"
  | "decimal"
  | "boolean"
  | "date"
  | "uuid"
  | "objectId"
  | "binary"
  | "any"
  | "null"

export type StaticType =
  | { readonly kind: SimpleKind }
  | { readonly kind: "key"; readonly store?: string }
  | { readonly kind: "literals"; readonly values: ReadonlyArray<Exclude<LiteralValue, null>> }
  | { readonly kind: "list"; readonly items: StaticType }
  | { readonly kind: "struct"; readonly name?: string; readonly fields: ReadonlyMap<string, StaticType> }
  | { readonly kind: "record"; readonly values: StaticType }
  | { readonly kind: "union"; readonly members: ReadonlyArray<StaticType> }

export const anyType: StaticType = { kind: "any" }
export const nullType: StaticType = { kind: "null" }
export const stringType: StaticType = { kind: "string" }
export const numberType: StaticType = { kind: "number" }
export const intType: StaticType = { kind: "int" }
export const booleanType: StaticType = { kind: "boolean" }

/** The union of some types, flat and without duplicates. */
export function unionOf(types: Iterable<StaticType>): StaticType {
  const members: Array<StaticType> = []
  for (const type of types) {
    for (const member of type.kind === "union" ? type.members : [type]) {
      if (member.kind === "any") return anyType
      if (!members.some((other) => sameType(other, member))) members.push(member)
    }
  }
  return members.length === 1 ? members[0]! : { kind: "union", members }
}

function sameType(left: StaticType, right: StaticType): boolean {
  return left === right || typeText(left) === typeText(right)
}

/** The type with "may be missing" added. */
export function orNull(type: StaticType): StaticType {
  return type.kind === "any" ? type : unionOf([type, nullType])
}

export function mayBeNull(type: StaticType): boolean {
  return type.kind === "any" || type.kind === "null" || (type.kind === "union" && type.members.some((member) => member.kind === "null"))
}

/** The members of a type without `null`. */
export function membersOf(type: StaticType): ReadonlyArray<StaticType> {
  return (type.kind === "union" ? type.members : [type]).filter((member) => member.kind !== "null")
}

/** The type without `null`. */
export function presentType(type: StaticType): StaticType {
  return type.kind === "union" ? unionOf(membersOf(type)) : type
}

/** The type of a literal as written. */
export function literalType(value: LiteralValue): StaticType {
  return value === null ? nullType : { kind: "literals", values: [value] }
}

/** The type of a store's documents, `_id` first. */
export function documentType(store: StoreDefinition): StaticType {
  const id: StaticType = store.idKind === "key" ? { kind: "key", store: store.name } : { kind: store.idKind }
  const fields = new Map<string, StaticType>([["_id", id]])
  for (const [name, field] of Object.entries(store.schema)) fields.set(name, fieldType(field))
  return { kind: "struct", name: `Doc<${store.name}>`, fields }
}

/** The type of a field of a schema. */
export function fieldType(field: Field): StaticType {
  const type = presentFieldType(field)
  return field.optional === true || field.nullable === true ? orNull(type) : type
}

function presentFieldType(field: Field): StaticType {
  switch (field.type) {
    case "key":
      return field.store === undefined ? { kind: "key" } : { kind: "key", store: field.store }
    case "literals":
      return unionOf(field.values.map(literalType))
    case "array":
      return { kind: "list", items: fieldType(field.items) }
    case "struct":
      return { kind: "struct", fields: new Map(Object.entries(field.fields).map(([name, inner]) => [name, fieldType(inner)])) }
    case "record":
      return { kind: "record", values: fieldType(field.values) }
    case "union":
      return unionOf(field.members.map(fieldType))
    default:
      return { kind: field.type }
  }
}

/** Merges the literals of a union into one member, so that messages and checks see one set. */
export function literalsOf(type: StaticType): ReadonlyArray<Exclude<LiteralValue, null>> | undefined {
  const members = membersOf(type)
  const values: Array<Exclude<LiteralValue, null>> = []
  for (const member of members) {
    if (member.kind !== "literals") return undefined
    values.push(...member.values)
  }
  return members.length === 0 ? undefined : values
}

/** Deepest comparison of two types; deeper ones are taken to fit. */
const comparedDepthMax = 60

/** Whether a value of type `from` may stand where `to` is expected. Objects with more fields fit. */
export function fits(from: StaticType, to: StaticType, depth = 0): boolean {
  if (from === to || from.kind === "any" || to.kind === "any" || depth > comparedDepthMax) return true
  if (from.kind === "union") return from.members.every((member) => fits(member, to, depth + 1))
  if (to.kind === "union") {
    return (
      to.members.some((member) => fits(from, member, depth + 1)) ||
      (from.kind === "literals" && from.values.every((value) => fitsSome(value, to.members)))
    )
  }
  if (from.kind === "literals") return from.values.every((value) => literalFits(value, to))
  if (from.kind === "struct" && to.kind === "struct") {
    for (const [name, type] of to.fields) {
      const given = from.fields.get(name)
      if (given === undefined ? !mayBeNull(type) : !fits(given, type, depth + 1)) return false
    }
    return true
  }
  if (from.kind === "struct" && to.kind === "record") return [...from.fields.values()].every((type) => fits(type, to.values, depth + 1))
  if (from.kind === "record" && to.kind === "record") return fits(from.values, to.values, depth + 1)
  if (from.kind === "list" && to.kind === "list") return fits(from.items, to.items, depth + 1)
  if (from.kind === "key" && to.kind === "key") return to.store === undefined || from.store === undefined || to.store === from.store
  if (from.kind === "int") return to.kind === "int" || to.kind === "number" || to.kind === "long"
  return from.kind === to.kind
}

function fitsSome(value: Exclude<LiteralValue, null>, members: ReadonlyArray<StaticType>): boolean {
  return members.some((member) => literalFits(value, member))
}

function literalFits(value: Exclude<LiteralValue, null>, to: StaticType): boolean {
  if (to.kind === "literals") return to.values.includes(value)
  if (typeof value === "string") return to.kind === "string"
  if (typeof value === "boolean") return to.kind === "boolean"
  return to.kind === "number" || ((to.kind === "int" || to.kind === "long") && Number.isInteger(value))
}

/** The families of values that `==` and `<` can tell apart; undefined for those that cannot be compared. */
export type Family = "text" | "number" | "boolean" | "date" | "id"

/** The families of a type without null; undefined when some member is a list, an object or any. */
export function familiesOf(type: StaticType): ReadonlySet<Family> | undefined {
  const found = new Set<Family>()
  for (const member of membersOf(type)) {
    if (member.kind === "literals") for (const value of member.values) found.add(familyOfLiteral(value))
    else {
      const family = families[member.kind]
      if (family === undefined) return undefined
      found.add(family)
    }
  }
  return found
}

const families: Readonly<Partial<Record<StaticType["kind"], Family>>> = {
  string: "text",
  int: "number",
  long: "number",
  number: "number",
  decimal: "number",
  boolean: "boolean",
  date: "date",
  key: "id",
  uuid: "id",
  objectId: "id"
}

function familyOfLiteral(value: Exclude<LiteralValue, null>): Family {
  return typeof value === "string" ? "text" : typeof value === "number" ? "number" : "boolean"
}

const textLengthShown = 200

/** A type as it is written in messages. */
export function typeText(type: StaticType): string {
  const text = fullText(type, 0)
  return text.length > textLengthShown ? `${text.slice(0, textLengthShown)}…` : text
}

function fullText(type: StaticType, depth: number): string {
  switch (type.kind) {
    case "key":
      return type.store === undefined ? "key" : `key<${type.store}>`
    case "literals":
      return type.values.map((value) => JSON.stringify(value)).join(" | ")
    case "list": {
      const items = fullText(type.items, depth + 1)
      return items.includes(" | ") ? `(${items})[]` : `${items}[]`
    }
    case "struct": {
      if (type.name !== undefined) return type.name
      if (depth > 4) return "{ … }"
      const fields = [...type.fields].map(([name, field]) => {
        const optional = mayBeNull(field) && field.kind !== "any"
        return `${name}${optional ? "?" : ""}: ${fullText(optional ? presentType(field) : field, depth + 1)}`
      })
      return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`
    }
    case "record":
      return `record<${fullText(type.values, depth + 1)}>`
    case "union":
      return type.members.map((member) => fullText(member, depth + 1)).join(" | ")
    default:
      return type.kind
  }
}
