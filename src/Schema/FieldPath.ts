/** What a schema says about a path: which fields its values are of, and whether it can lead through or to an array. */
import type { Field, Fields } from "./Definition.ts"

export interface FieldPath {
  /** The fields whose values a filter on the path would look at; none when no document has a value there. */
  readonly fields: ReadonlyArray<Field>
  /** Whether a document may have several values there. */
  readonly meetsArray: boolean
}

const NOWHERE: FieldPath = { fields: [], meetsArray: false }

/** Follows a path (`Bson/Path.ts`) through the fields of a store, without `_id`. */
export function fieldsAt(schema: Fields, path: string): FieldPath {
  return inFields(schema, path.split("."), 0)
}

function inFields(fields: Fields, names: ReadonlyArray<string>, depth: number): FieldPath {
  const name = names[depth] ?? ""
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined
  return field === undefined ? NOWHERE : inField(field, names, depth + 1)
}

function inField(field: Field, names: ReadonlyArray<string>, depth: number): FieldPath {
  const isEnd = depth === names.length
  switch (field.type) {
    case "any":
      return { fields: [field], meetsArray: true }
    case "union":
      return joined(field.members.map((member) => inField(member, names, depth)))
    case "array":
      return isEnd ? { fields: [field.items, field], meetsArray: true } : inArray(field.items, names, depth)
    case "struct":
      return isEnd ? { fields: [field], meetsArray: false } : inFields(field.fields, names, depth)
    case "record":
      return isEnd ? { fields: [field], meetsArray: false } : inField(field.values, names, depth + 1)
    default:
      return isEnd ? { fields: [field], meetsArray: false } : NOWHERE
  }
}

/** A path goes on in every element that is a document, and, by number, in one element of any kind. */
function inArray(items: Field, names: ReadonlyArray<string>, depth: number): FieldPath {
  const inEach = items.type === "array" ? NOWHERE : inField(items, names, depth)
  const inOne = /^(0|[1-9]\d*)$/.test(names[depth] ?? "") ? inField(items, names, depth + 1) : NOWHERE
  return { fields: [...inEach.fields, ...inOne.fields], meetsArray: true }
}

function joined(parts: ReadonlyArray<FieldPath>): FieldPath {
  return { fields: parts.flatMap((part) => part.fields), meetsArray: parts.some((part) => part.meetsArray) }
}
