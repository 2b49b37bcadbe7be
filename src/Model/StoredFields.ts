/**
 * From a schema of Effect to the fields of a store: its encoded side is what is stored, and the checks that a store knows are checked by the store, too.
 *
 * Invariant: a schema that a store cannot hold is refused where the store is declared, with the path to what it cannot hold.
 */
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type { Field, Fields, FieldType, IdKind } from "../Schema/Definition.ts"

/** The annotation of the schemas in `Identifiers.ts`: which type of field holds such a value. */
export const FIELD_TYPE = "planckFieldType"

/** How deep a schema may nest. */
const DEPTH_MAX = 32
const INT_MIN = -2147483648
const INT_MAX = 2147483647

/** What `_id` is, and the fields besides it. Throws a TypeError for what cannot be stored. */
export function storedFields(schema: Schema.Top, store: string): { readonly idKind: IdKind; readonly schema: Fields } {
  const ast = SchemaAST.toEncoded(schema.ast)
  if (!SchemaAST.isObjects(ast) || ast.indexSignatures.length > 0) throw new TypeError(`${store}: a store holds structs or classes`)
  const { _id: id, ...fields } = fieldsOf(ast, store, 0)
  return { idKind: idKindOf(id, store), schema: fields }
}

function idKindOf(id: Field | undefined, store: string): IdKind {
  if (id === undefined) throw new TypeError(`${store}._id: there has to be one, such as _id: Planck.KeyField`)
  const isPlain = id.optional !== true && id.nullable !== true
  switch (id.type) {
    case "key":
    case "uuid":
    case "objectId":
    case "string":
    case "int":
    case "long":
      if (isPlain) return id.type
  }
  throw new TypeError(`${store}._id: an id is a key, a UUID, an ObjectId, a string, an integer of 32 bits or a bigint, and always there`)
}

function fieldsOf(ast: SchemaAST.Objects, path: string, depth: number): Fields {
  return Object.fromEntries(
    ast.propertySignatures.map(({ name, type }) => {
      if (typeof name !== "string") throw new TypeError(`${path}: the name of a field is a string`)
      const field = fieldOf(type, `${path}.${name}`, depth + 1)
      return [name, type.context?.isOptional === true ? { ...field, optional: true } : field]
    })
  )
}

function fieldOf(ast: SchemaAST.AST, path: string, depth: number): Field {
  if (depth > DEPTH_MAX) throw new TypeError(`${path}: schemas nest at most ${DEPTH_MAX} deep, so none can hold itself`)
  if (SchemaAST.isUnion(ast)) return unionOf(ast.types, path, depth)
  return typeOf(ast, path, depth)
}

function unionOf(all: ReadonlyArray<SchemaAST.AST>, path: string, depth: number): Field {
  const types = all.filter((type) => !SchemaAST.isUndefined(type) && !SchemaAST.isNull(type))
  const nullable = all.some(SchemaAST.isNull) ? ({ nullable: true } as const) : {}
  const literals = types.filter(SchemaAST.isLiteral)
  const values = literals.map(({ literal }) => literal).filter((literal) => typeof literal !== "bigint")
  if (types.length > 0 && values.length === types.length) return { type: "literals", values, ...nullable }
  const members = types.map((type) => fieldOf(type, path, depth + 1))
  const [only] = members
  if (only === undefined) throw new TypeError(`${path}: null alone is no field`)
  return members.length === 1 ? { ...only, ...nullable } : { type: "union", members, ...nullable }
}

function typeOf(ast: SchemaAST.AST, path: string, depth: number): FieldType {
  if (SchemaAST.isString(ast) || SchemaAST.isTemplateLiteral(ast)) return stringOf(ast)
  if (SchemaAST.isNumber(ast)) return numberOf(ast)
  if (SchemaAST.isBoolean(ast)) return { type: "boolean" }
  if (SchemaAST.isBigInt(ast)) return { type: "long" }
  if (SchemaAST.isLiteral(ast) && typeof ast.literal !== "bigint") return { type: "literals", values: [ast.literal] }
  if (SchemaAST.isUnknown(ast) || SchemaAST.isAny(ast)) return { type: "any" }
  if (SchemaAST.isDeclaration(ast)) return declaredOf(ast, path)
  if (SchemaAST.isArrays(ast)) return arrayOf(ast, path, depth)
  if (SchemaAST.isObjects(ast)) return objectOf(ast, path, depth)
  if (SchemaAST.isSuspend(ast)) return typeOf(ast.thunk(), path, depth + 1)
  throw new TypeError(`${path}: a store has no field for ${ast._tag.toLowerCase()}`)
}

function declaredOf(ast: SchemaAST.Declaration, path: string): FieldType {
  const type = ast.annotations?.[FIELD_TYPE]
  if (type === "key" || type === "uuid" || type === "objectId" || type === "decimal" || type === "binary") return { type }
  if (representation(ast.annotations)?.id === "effect/schema/Date") return { type: "date" }
  throw new TypeError(`${path}: a store has no field for this class of values; encode it as one it has (Schema.decodeTo)`)
}

function arrayOf({ elements, rest }: SchemaAST.Arrays, path: string, depth: number): FieldType {
  const items = [...elements, ...rest].map((item) => fieldOf(item, `${path}[]`, depth + 1))
  const [only] = items
  if (only === undefined) throw new TypeError(`${path}: an array has to say what is in it`)
  return { type: "array", items: items.length === 1 ? only : { type: "union", members: items } }
}

function objectOf(ast: SchemaAST.Objects, path: string, depth: number): FieldType {
  const [entries] = ast.indexSignatures
  if (entries === undefined) return { type: "struct", fields: fieldsOf(ast, path, depth) }
  if (ast.propertySignatures.length > 0) throw new TypeError(`${path}: a struct has fields, a record has entries; this schema has both`)
  return { type: "record", values: fieldOf(entries.type, `${path}.*`, depth + 1) }
}

function stringOf(ast: SchemaAST.AST): FieldType {
  const found = limitsOf(ast)
  return {
    type: "string",
    // Lengths of Effect count UTF-16 units, those of a store code points, of which there are never more: a shortest length cannot be taken over.
    ...(found.maxLength === undefined ? {} : { maxLength: found.maxLength })
  }
}

function numberOf(ast: SchemaAST.AST): FieldType {
  const { isInt, max, min } = limitsOf(ast)
  const bounds = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }
  const isSmall = isInt && min !== undefined && max !== undefined && min >= INT_MIN && max <= INT_MAX
  return { type: isSmall ? "int" : "number", ...bounds }
}

interface Limits {
  readonly isInt: boolean
  readonly min: number | undefined
  readonly max: number | undefined
  readonly maxLength: number | undefined
}

/** What the checks of a schema say that a store can check, too. Others are checked by the schema alone. */
function limitsOf({ checks }: SchemaAST.AST): Limits {
  let limits: Limits = { isInt: false, min: undefined, max: undefined, maxLength: undefined }
  for (const check of (checks ?? []).flatMap(filtersOf)) {
    const { id, payload } = representation(check.annotations) ?? {}
    if (id === "effect/schema/isInt") limits = { ...limits, isInt: true }
    if (id === "effect/schema/isMaxLength") limits = { ...limits, maxLength: least(limits.maxLength, payload?.["maxLength"]) }
    if (id === "effect/schema/isGreaterThanOrEqualTo" || id === "effect/schema/isBetween")
      limits = { ...limits, min: greatest(limits.min, payload?.["minimum"]) }
    if (id === "effect/schema/isLessThanOrEqualTo" || id === "effect/schema/isBetween")
      limits = { ...limits, max: least(limits.max, payload?.["maximum"]) }
  }
  return limits
}

const filtersOf = (check: SchemaAST.Check<unknown>): ReadonlyArray<SchemaAST.Check<unknown>> =>
  check._tag === "FilterGroup" ? check.checks.flatMap(filtersOf) : [check]

const least = (a: number | undefined, b: unknown): number | undefined => (typeof b === "number" ? Math.min(a ?? b, b) : a)
const greatest = (a: number | undefined, b: unknown): number | undefined => (typeof b === "number" ? Math.max(a ?? b, b) : a)

interface Representation {
  readonly id?: string
  readonly payload?: Readonly<Record<string, unknown>>
}

function representation(annotations: { readonly [name: string]: unknown } | undefined): Representation | undefined {
  return annotations?.["representation"] as Representation | undefined // its form is part of Effect's schemas
}
