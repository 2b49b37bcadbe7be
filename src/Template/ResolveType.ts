/** Written types to checked ones: names of stores, parameters of other templates, fields and items of either. */
import type { StoreDefinition } from "../Schema/Definition.ts"
import { suggestion, type Issues } from "./Issue.ts"
import type { TemplateSignature } from "./Signature.ts"
import {
  anyType,
  documentType,
  literalType,
  membersOf,
  orNull,
  presentType,
  typeText,
  unionOf,
  type SimpleKind,
  type StaticType
} from "./StaticType.ts"
import type { TypeSyntax } from "./Syntax.ts"

const simple: ReadonlySet<string> = new Set<SimpleKind>([
  "string",
  "int",
  "long",
  "number",
  "decimal",
  "boolean",
  "date",
  "uuid",
  "objectId",
  "binary",
  "any"
])
const known = [...simple, "key", "Doc", "record"]

export class TypeResolver {
  private readonly stores: ReadonlyMap<string, StaticType>
  private readonly components: ReadonlyMap<string, TemplateSignature | undefined>
  private readonly issues: Issues

  constructor(stores: ReadonlyMap<string, StaticType>, components: ReadonlyMap<string, TemplateSignature | undefined>, issues: Issues) {
    this.stores = stores
    this.components = components
    this.issues = issues
  }

  resolve(type: TypeSyntax): StaticType {
    switch (type.kind) {
      case "literal":
        return literalType(type.value)
      case "array":
        return { kind: "list", items: this.resolve(type.items) }
      case "union":
        return unionOf(type.members.map((member) => this.resolve(member)))
      case "struct": {
        const fields = type.fields.map((field): [string, StaticType] => {
          const inner = this.resolve(field.type)
          return [field.name, field.optional ? orNull(inner) : inner]
        })
        return { kind: "struct", fields: new Map(fields) }
      }
      case "named":
        return this.named(type)
      case "parameterOf":
        return this.parameterOf(type)
      case "fieldOf":
        return this.fieldOf(type)
      case "itemOf":
        return this.itemOf(type)
    }
  }

  private named(type: Extract<TypeSyntax, { kind: "named" }>): StaticType {
    const { name, store } = type
    if (name === "Doc") return this.document(type)
    if (name === "key") {
      if (store !== undefined && !this.stores.has(store)) this.unknownStore(type, store)
      return store === undefined ? { kind: "key" } : { kind: "key", store }
    }
    if (name === "record") {
      if (store !== undefined && simple.has(store)) return { kind: "record", values: { kind: store as SimpleKind } }
      this.issues.add("wrong-type", type, "a record names the type of its values: record<string>")
      return anyType
    }
    if (store === undefined && simple.has(name)) return { kind: name as SimpleKind }
    const hint = name === "bool" ? ' (did you mean "boolean"?)' : name === "integer" ? ' (did you mean "int"?)' : suggestion(name, known)
    this.issues.add("wrong-type", type, `unknown type "${name}"${hint}`)
    return anyType
  }

  private document(type: Extract<TypeSyntax, { kind: "named" }>): StaticType {
    if (type.store === undefined) {
      this.issues.add("wrong-type", type, "Doc names its store: Doc<orders>")
      return anyType
    }
    return this.stores.get(type.store) ?? this.unknownStore(type, type.store)
  }

  private unknownStore(type: Extract<TypeSyntax, { kind: "named" }>, store: string): StaticType {
    const hint = suggestion(store, this.stores.keys())
    const names = [...this.stores.keys()]
    const all =
      hint !== "" || names.length > 8 ? "" : names.length === 0 ? "; this service has no stores" : `; there are ${names.join(", ")}`
    this.issues.add("unknown-store", type.storeSpan ?? type, `unknown store "${store}"${hint}${all}`)
    return anyType
  }

  private parameterOf(type: Extract<TypeSyntax, { kind: "parameterOf" }>): StaticType {
    if (!this.components.has(type.component)) {
      this.issues.add(
        "unknown-component",
        type,
        `unknown component "${type.component}"${suggestion(type.component, this.components.keys())}`
      )
      return anyType
    }
    const signature = this.components.get(type.component)
    if (signature === undefined) return anyType
    const parameter = signature.parameters.find((candidate) => candidate.name === type.parameter)
    if (parameter !== undefined) return parameter.type
    const names = signature.parameters.map((candidate) => candidate.name)
    this.issues.add("unknown-property", type, `${type.component} has no parameter "${type.parameter}"${suggestion(type.parameter, names)}`)
    return anyType
  }

  private fieldOf(type: Extract<TypeSyntax, { kind: "fieldOf" }>): StaticType {
    const of = presentType(this.resolve(type.of))
    if (of.kind === "any") return of
    if (of.kind === "record") return of.values
    const field = of.kind === "struct" ? of.fields.get(type.name) : undefined
    if (field !== undefined) return presentType(field)
    const names = of.kind === "struct" ? of.fields.keys() : []
    this.issues.add("unknown-field", type, `${typeText(of)} has no field "${type.name}"${suggestion(type.name, names)}`)
    return anyType
  }

  private itemOf(type: Extract<TypeSyntax, { kind: "itemOf" }>): StaticType {
    const of = presentType(this.resolve(type.of))
    if (of.kind === "any") return of
    const lists = membersOf(of).map((member) => (member.kind === "list" ? member.items : undefined))
    if (lists.every((items) => items !== undefined) && lists.length > 0) return unionOf(lists)
    this.issues.add("wrong-type", type, `${typeText(of)} is no list, so it has no items`)
    return anyType
  }
}

/** The document types of all stores, by name. */
export function storeTypes(stores: ReadonlyArray<StoreDefinition>): ReadonlyMap<string, StaticType> {
  return new Map(stores.map((store) => [store.name, documentType(store)]))
}
