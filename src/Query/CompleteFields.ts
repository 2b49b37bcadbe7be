/** What a store's schema offers at a place of a statement: its fields, the operators that make sense for one, and how its values begin. */
import type { Field, Fields, StoreDefinition } from "../Schema/Definition.ts"
import { idField } from "../Schema/Validator.ts"
import { ARRAY_CHANGES } from "./Ast.ts"
import type { Completion } from "./Complete.ts"
import { joined, type PqlPlace } from "./PqlPlace.ts"
import { LITERAL_WORDS } from "./PqlValue.ts"
import { OPERATORS } from "./PqlWords.ts"
import { printName } from "./Print.ts"

const FIELD_DEPTH_MAX = 4

const NUMBERS: ReadonlySet<string> = new Set(["int", "long", "number", "decimal"])
const NUMBER_WORDS: ReadonlyArray<string> = ["long", "decimal", "double"]
/** Types of fields that any value may be under. */
const OPEN: ReadonlySet<string> = new Set(["any", "union", "record"])
const OF_TEXT: ReadonlySet<string> = new Set(["startsWith", "endsWith", "~"])
const OF_ARRAYS: ReadonlySet<string> = new Set(["any", "all", "size"])

/**
 * The paths that may stand at the place: of the rows of groups, of the elements of an array, or of documents. Places in arrays are taken
 * over from the `word` that has been written of the path: behind `lines.0.` comes `lines.0.sku`.
 */
export function fieldsAt(store: StoreDefinition, place: PqlPlace, word: string): ReadonlyArray<Completion> {
  if (place.groups !== undefined)
    return [...place.groups].map(([name, path]) => {
      const field = path === "" ? undefined : fieldAtPath(store, path)
      return { text: printName(name), kind: "field", ...(field === undefined ? {} : { detail: describe(field) }) }
    })
  const numbered = /^.*\.\d+(?=\.)/.exec(word)?.[0]
  const found = paths(membersOf(store, place.elements), "", 0)
  if (numbered === undefined) return found
  const above = `${numbered.replaceAll(/\.\d+(?=\.|$)/g, "")}.`
  return found
    .filter(({ text }) => text.startsWith(above))
    .map((item) => ({ ...item, text: `${numbered}.${item.text.slice(above.length)}` }))
}

/** The names that a document of values may have at the place; a change also takes paths in quotes, of fields that it can change. */
export function membersAt(store: StoreDefinition, { change, path }: PqlPlace): ReadonlyArray<Completion> {
  const members = membersOf(store, path)
  if (change === undefined) return Object.entries(members).map(([name, field]) => offer(printName(name), field))
  const { _id, ...changeable } = members
  return paths(changeable, "", 0, false)
    .filter(({ text }) => changes(change, fieldAtPath(store, text.replaceAll("`", ""))))
    .map((item) => (item.text.includes(".") ? { ...item, text: JSON.stringify(item.text.replaceAll("`", "")) } : item))
}

function changes(change: string, field: Field | undefined): boolean {
  if (field === undefined || OPEN.has(field.type)) return true
  if (change === "inc") return NUMBERS.has(field.type)
  return ARRAY_CHANGES.every((name) => name !== change) || field.type === "array"
}

/** The fields below a path, through arrays; all fields of a document when it is empty. */
function membersOf(store: StoreDefinition, path: string): Fields {
  if (path === "") return { _id: idField(store.idKind), ...store.schema }
  const inner = elementOf(fieldAtPath(store, path))
  return inner?.type === "struct" ? inner.fields : {}
}

/** The field that a path leads to, also inside arrays; undefined where no schema says. */
function fieldAtPath(store: StoreDefinition, path: string): Field | undefined {
  const [first = "", ...rest] = path.split(".")
  const all = membersOf(store, "")
  return rest.reduce(inside, Object.hasOwn(all, first) ? all[first] : undefined)
}

function inside(field: Field | undefined, name: string): Field | undefined {
  if (field?.type === "array" && /^\d+$/.test(name)) return field.items
  const item = elementOf(field)
  switch (item?.type) {
    case "struct":
      return Object.hasOwn(item.fields, name) ? item.fields[name] : undefined
    case "record":
      return item.values
    case "union":
      return item.members.map((member) => inside(member, name)).find((found) => found !== undefined)
    default:
      return undefined
  }
}

/** What an array holds; any other field itself. */
function elementOf(field: Field | undefined): Field | undefined {
  return field?.type === "array" ? elementOf(field.items) : field
}

/** The fields with those inside them; `throughArrays` says whether arrays count as what they hold. */
function paths(fields: Fields, above: string, depth: number, throughArrays = true): ReadonlyArray<Completion> {
  return Object.entries(fields).flatMap(([name, field]): ReadonlyArray<Completion> => {
    const text = joined(above, printName(name))
    const item = throughArrays ? elementOf(field) : field
    const inside = item?.type === "struct" && depth < FIELD_DEPTH_MAX ? paths(item.fields, text, depth + 1, throughArrays) : []
    return [offer(text, field), ...inside]
  })
}

function offer(text: string, field: Field): Completion {
  return { text, kind: "field", detail: describe(field) }
}

function describe(field: Field): string {
  const type = field.type === "array" ? `array of ${field.items.type}` : field.type
  return field.optional === true ? `${type}, optional` : type
}

/** The field that an operator or a value at the place is about; undefined where no schema says. */
function fieldOf(store: StoreDefinition | undefined, { elements, path }: PqlPlace): Field | undefined {
  if (store === undefined || path === "") return undefined
  const field = fieldAtPath(store, path)
  return elements !== "" && path === elements ? elementOf(field) : field
}

/** The operators that make sense for the field at the place. */
export function operatorsAt(store: StoreDefinition | undefined, place: PqlPlace): ReadonlyArray<Completion> {
  const field = fieldOf(store, place)
  const item = elementOf(field)
  const isOpen = field === undefined || OPEN.has(field.type) || (item !== undefined && OPEN.has(item.type))
  const isArray = isOpen || field.type === "array"
  const isText = isOpen || item?.type === "string" || item?.type === "literals"
  return OPERATORS.filter((operator) => {
    if (OF_TEXT.has(operator)) return isText
    return OF_ARRAYS.has(operator) ? isArray : operator !== "contains" || isText || isArray
  }).map((text) => ({ text, kind: "operator" }))
}

/** Whether a number may be a value of the field at the place. */
export function numbersFit(store: StoreDefinition | undefined, place: PqlPlace): boolean {
  const item = elementOf(fieldOf(store, place))
  return (
    item === undefined || OPEN.has(item.type) || NUMBERS.has(item.type) || (item.type === "literals" && item.values.some(Number.isFinite))
  )
}

/** How values of the field at the place begin; a number is in no list. */
export function valuesAt(store: StoreDefinition | undefined, place: PqlPlace): ReadonlyArray<Completion> {
  const field = fieldOf(store, place)
  const item = elementOf(field)
  const words = [...beginningsOf(item), ...(item?.nullable === true || item?.optional === true || field?.optional === true ? ["null"] : [])]
  const list = field?.type === "array" ? ["["] : []
  return [...words, ...list].map((text) => ({ text, kind: /^["[{]$/.test(text) ? "sign" : "value" }))
}

function beginningsOf(field: Field | undefined): ReadonlyArray<string> {
  if (field === undefined || OPEN.has(field.type)) return [...LITERAL_WORDS, '"', "[", "{"]
  if (NUMBERS.has(field.type)) return NUMBER_WORDS
  switch (field.type) {
    case "boolean":
      return ["true", "false"]
    case "literals":
      return field.values.map((value) => JSON.stringify(value))
    case "string":
      return ['"']
    case "struct":
      return ["{"]
    case "key":
    case "uuid":
    case "objectId":
      return [field.type, '"']
    default:
      return [field.type]
  }
}
