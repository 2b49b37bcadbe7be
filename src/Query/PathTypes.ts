/**
 * What a store's schema says about a path, for the planner: an index is of use for filters and order only where a path leads to one
 * value, and text may stand for a key only where the schema has a key.
 *
 * Stored documents follow the schema of their store, so what it rules out does not occur.
 */
import type { Field, StoreDefinition } from "../Schema/Definition.ts"
import { idField } from "../Schema/Validator.ts"

/** The field a path ends at, and whether a document can hold an array on the way or there. */
export interface PathType {
  /** Undefined when no document has a value there. Where a union is passed, the first member that has the rest of the path. */
  readonly field: Field | undefined
  readonly meetsArray: boolean
}

const ABSENT: PathType = { field: undefined, meetsArray: false }

/** Follows `path` through the schema of a store. */
export function typeOfPath(definition: StoreDefinition, path: string): PathType {
  const names = path.split(".")
  const first = names[0] ?? ""
  const field = first === "_id" ? idField(definition.idKind) : own(definition.schema, first)
  return field === undefined ? ABSENT : follow(field, names, 1)
}

/** Whether the order of `_id` values is the order of the keys: not for hashed ids. */
export function idsAreOrdered(definition: StoreDefinition): boolean {
  return definition.idKind === "key" || definition.idKind === "uuid" || definition.idKind === "objectId"
}

function own(fields: { readonly [name: string]: Field }, name: string): Field | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}

function follow(field: Field, names: ReadonlyArray<string>, depth: number): PathType {
  const name = names[depth]
  switch (field.type) {
    case "array":
    case "any":
      return { field, meetsArray: true }
    case "union":
      return followUnion(field.members, names, depth)
    case "struct": {
      if (name === undefined) return { field, meetsArray: false }
      const inner = own(field.fields, name)
      return inner === undefined ? ABSENT : follow(inner, names, depth + 1)
    }
    case "record":
      return name === undefined ? { field, meetsArray: false } : follow(field.values, names, depth + 1)
    default:
      return name === undefined ? { field, meetsArray: false } : ABSENT
  }
}

function followUnion(members: ReadonlyArray<Field>, names: ReadonlyArray<string>, depth: number): PathType {
  const types = members.map((member) => follow(member, names, depth))
  return { field: types.find((type) => type.field !== undefined)?.field, meetsArray: types.some((type) => type.meetsArray) }
}
