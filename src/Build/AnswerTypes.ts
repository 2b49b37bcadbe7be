/**
 * What routes answer, as their code says: the type of what a handler gives, as the field that its JSON would fill.
 *
 * Invariant: what has no such field is `any`; a route of which nothing is known (it answers with HTML, with text, with nothing) has none.
 */
import type { Type } from "typescript/unstable/async"
import type { Field, Fields } from "../Schema/Definition.ts"
import type { Code } from "./Code.ts"
import type { DeclaredRoute } from "./Routes.ts"

/** How deep types are followed; deeper, anything may be there. */
const DEPTH_MAX = 8
/** Fields of one struct that are written down. */
const FIELDS_MAX = 200
/** `SymbolFlags.Optional`. */
const OPTIONAL = 1 << 24
const ANY: Field = { type: "any" }
/** Of which parameter of a generic of the SDK the rows, or the JSON, are. */
const ROWS: Readonly<Record<string, number>> = { Query: 1, LookupQuery: 1, Groups: 1 }
const VALUES: Readonly<Record<string, Field>> = {
  Date: { type: "date" },
  Decimal: { type: "decimal" },
  Key: { type: "key" },
  Uuid: { type: "uuid" },
  ObjectId: { type: "objectId" },
  Uint8Array: { type: "binary" }
}
const PRIMITIVES: Readonly<Record<string, Field>> = {
  string: { type: "string" },
  number: { type: "number" },
  bigint: { type: "long" },
  boolean: { type: "boolean" }
}

/** The answers of routes by `GET /orders`. */
export async function answerTypes(code: Code, routes: ReadonlyArray<DeclaredRoute>): Promise<ReadonlyMap<string, Field>> {
  const reader = new AnswerReader(code)
  const found = new Map<string, Field>()
  // One after another: types that routes share are read once.
  for (const { handler, title } of routes) {
    const signature = await code.checker.getSignatureFromDeclaration(handler)
    const type = signature === undefined ? undefined : await code.checker.getReturnTypeOfSignature(signature)
    const field = type === undefined ? undefined : await reader.answer(type)
    if (field !== undefined && field.type !== "any" && title.includes(" ")) found.set(title, field)
  }
  return found
}

class AnswerReader {
  private readonly code: Code
  private readonly known = new Map<number, Field>()

  constructor(code: Code) {
    this.code = code
  }

  /** The JSON of an answer: without problems, which have their own form, and without the promise around it. */
  async answer(type: Type): Promise<Field | undefined> {
    const parts = await this.sentBy(type, 0)
    if (parts === undefined) return undefined
    return parts.length === 0 ? undefined : plain(await this.union(parts, 0))
  }

  /** The types of what is sent; undefined where one of them is no JSON. */
  private async sentBy(type: Type, depth: number): Promise<ReadonlyArray<Type> | undefined> {
    if (type.isUnionType() && depth < DEPTH_MAX) {
      const parts = await Promise.all(((await type.getTypes()) ?? []).map((part) => this.sentBy(part, depth + 1)))
      return parts.includes(undefined) ? undefined : parts.flatMap((part) => part ?? [])
    }
    const kind = type.isObjectType() ? await this.code.kindOf(type) : undefined
    if (kind?.owner === "sdk" && kind.name === "Problem") return []
    const isPromise = kind?.owner === "other" && kind.name === "Promise"
    if (!isPromise && !(kind?.owner === "sdk" && kind.name === "Answer")) return [type]
    const inner = await this.argument(type, 0)
    if (inner === undefined || (inner.isIntrinsicType() && inner.intrinsicName === "unknown")) return undefined
    return depth < DEPTH_MAX ? this.sentBy(inner, depth + 1) : undefined
  }

  private async fieldOf(type: Type, depth: number): Promise<Field> {
    if (depth > DEPTH_MAX) return ANY
    const known = this.known.get(type.id)
    if (known !== undefined) return known
    const field = await this.read(type, depth)
    this.known.set(type.id, field)
    return field
  }

  private async read(type: Type, depth: number): Promise<Field> {
    if (type.isUnionType()) return this.union((await type.getTypes()) ?? [], depth)
    if (type.isStringLiteralType() || type.isNumberLiteralType() || type.isBooleanLiteralType()) {
      return { type: "literals", values: [type.value] }
    }
    if (type.isBigIntLiteralType()) return { type: "long" }
    if (type.isTemplateLiteralType()) return { type: "string" }
    if (type.isIntrinsicType()) return PRIMITIVES[type.intrinsicName] ?? ANY
    if (type.isIntersectionType() || type.isObjectType()) return this.object(type, depth)
    return ANY
  }

  /** Of several types: what they have in common is said once, null and a missing value as what they are. */
  private async union(types: ReadonlyArray<Type>, depth: number): Promise<Field> {
    const names = types.map((type) => (type.isIntrinsicType() ? type.intrinsicName : ""))
    const nullable = names.includes("null") ? ({ nullable: true } as const) : {}
    // A field that is undefined is not sent.
    const extras = names.includes("undefined") ? { ...nullable, optional: true as const } : nullable
    const rest = types.filter((_, index) => !/^(null|undefined|void|never)$/.test(names[index] ?? ""))
    const fields = await Promise.all(rest.map((type) => this.fieldOf(type, depth + 1)))
    if (fields.some(({ type }) => type === "any") || fields.length === 0) return ANY
    const literals = [...new Set(fields.flatMap((field) => (field.type === "literals" ? field.values : [])))]
    const isBoolean = literals.includes(true) && literals.includes(false)
    const values = literals.filter((value) => !isBoolean || typeof value !== "boolean").toSorted(byText)
    const found: ReadonlyArray<Field> = [
      ...fields.filter(({ type }) => type !== "literals"),
      ...(isBoolean ? [{ type: "boolean" } as const] : []),
      ...(values.length === 0 ? [] : [{ type: "literals", values } as const])
    ]
    const members = found.map(plain).toSorted(byText)
    const [only] = members
    return members.length === 1 && only !== undefined ? { ...only, ...extras } : { type: "union", members, ...extras }
  }

  private async object(type: Type, depth: number): Promise<Field> {
    const kind = await this.code.kindOf(type)
    if (kind !== undefined && kind.owner !== "author") {
      const value = VALUES[kind.name]
      if (value !== undefined) return value
      const rows = kind.owner === "sdk" ? ROWS[kind.name] : /^(Readonly)?Array$/.test(kind.name) ? 0 : undefined
      if (rows !== undefined) return this.list(type, rows, depth)
    }
    if (kind === undefined && (await this.code.checker.isTupleType(type))) {
      const items = type.isTypeReference() ? await this.code.checker.getTypeArguments(type) : []
      return { type: "array", items: items.length === 0 ? ANY : plain(await this.union(items, depth + 1)) }
    }
    const properties = await this.code.checker.getPropertiesOfType(type)
    const entries = properties.length === 0 ? await this.code.checker.getIndexInfosOfType(type) : []
    if (entries.length > 0) return { type: "record", values: await this.valuesOf(type, depth) }
    if (properties.length === 0 || properties.length > FIELDS_MAX || properties.some(({ name }) => name === "toJSON")) return ANY
    const types = await this.code.checker.getTypeOfSymbol(properties)
    const fields: Record<string, Field> = {}
    for (const [index, { flags, name }] of properties.entries()) {
      const value = types[index]
      // Methods, and what is named by a symbol, are not sent.
      if (value === undefined || name.startsWith("__@") || (await this.isFunction(value))) continue
      const field = await this.fieldOf(value, depth + 1)
      fields[name] = (flags & OPTIONAL) === 0 ? field : { ...field, optional: true }
    }
    return { type: "struct", fields: fields satisfies Fields }
  }

  private async list(type: Type, at: number, depth: number): Promise<Field> {
    const item = await this.argument(type, at)
    return { type: "array", items: item === undefined ? ANY : plain(await this.fieldOf(item, depth + 1)) }
  }

  private async valuesOf(type: Type, depth: number): Promise<Field> {
    const [entry] = await this.code.checker.getIndexInfosOfType(type)
    return entry === undefined ? ANY : plain(await this.fieldOf(entry.valueType, depth + 1))
  }

  private async argument(type: Type, at: number): Promise<Type | undefined> {
    if (!type.isTypeReference()) return undefined
    return (await this.code.checker.getTypeArguments(type))[at]
  }

  private async isFunction(type: Type): Promise<boolean> {
    if (!type.isObjectType()) return false
    return (await this.code.checker.getSignaturesOfType(type, CALL)).length > 0
  }
}

/** A field where none can be missing: an element, a member of a union. */
function plain({ optional: _optional, ...field }: Field): Field {
  return field
}

/** Types come in the order in which the compiler met them, which is not said to stay. */
function byText(a: unknown, b: unknown): number {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

/** `SignatureKind.Call`. */
const CALL = 0
