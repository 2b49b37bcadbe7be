/**
 * What changed between two versions of a store, and whether documents of the old version are documents of the new one as they lie.
 *
 * A change is **additive** when every document that was valid stays valid with the same bytes (a default that is missing from old
 * documents is filled in when they are next written). Everything else needs a migration.
 */
import type { Field, Fields, IndexDefinition, StoreDefinition } from "./Definition.ts"
import { pointerPart } from "./Issue.ts"

/** One change: where in the definition, whether it is additive, and what it is in words. */
export interface Change {
  readonly pointer: string
  readonly additive: boolean
  readonly message: string
}

/**
 * All changes from one (checked) definition to another; none when they are the same.
 *
 * @example
 * ```ts
 * const blocking = difference(before, after).filter((change) => !change.additive)
 * ```
 */
export function difference(before: StoreDefinition, after: StoreDefinition): ReadonlyArray<Change> {
  const changes: Array<Change> = []
  const add = (pointer: string, additive: boolean, message: string): void => void changes.push({ pointer, additive, message })
  if (before.name !== after.name) add("/name", false, `the store is called ${after.name}, no longer ${before.name}`)
  if (before.idKind !== after.idKind) add("/idKind", false, `ids are of kind ${after.idKind}, no longer ${before.idKind}`)
  if (before.durability !== after.durability) add("/durability", true, "answers wait for something else")
  compareFields(add, "/schema", before.schema, after.schema)
  compareIndexes(add, before, after)
  return changes
}

type Add = (pointer: string, additive: boolean, message: string) => void

function compareIndexes(add: Add, before: StoreDefinition, after: StoreDefinition): void {
  const old = new Map(before.indexes.map((index) => [index.name, index]))
  for (const index of after.indexes) {
    const previous = old.get(index.name)
    old.delete(index.name)
    const pointer = `/indexes/${pointerPart(index.name)}`
    if (previous === undefined) add(pointer, true, "the index is new")
    else if (isBuiltAnew(previous, index)) add(pointer, true, "the index is another and built anew")
    else if (previous.expireAfterMs !== index.expireAfterMs) add(pointer, true, "documents expire after another time")
  }
  for (const name of old.keys()) add(`/indexes/${pointerPart(name)}`, true, "the index is dropped")
}

/** Whether the entries of an index, or what is promised about them, differ: all but the time after which documents expire. */
export function isBuiltAnew(before: IndexDefinition, after: IndexDefinition): boolean {
  const essence = ({ on, unique, sparse, where }: IndexDefinition): string => JSON.stringify([on, unique, sparse, where])
  return essence(before) !== essence(after)
}

function compareFields(add: Add, pointer: string, before: Fields, after: Fields): void {
  for (const [name, field] of Object.entries(after)) {
    const place = `${pointer}/${pointerPart(name)}`
    const previous = Object.hasOwn(before, name) ? before[name] : undefined
    if (previous !== undefined) compareField(add, place, previous, field)
    else {
      const isFilled = field.optional === true || field.default !== undefined
      add(place, isFilled, isFilled ? "the field is new" : "the field is new and required: make it optional or give it a default")
    }
  }
  for (const name of Object.keys(before)) {
    if (!Object.hasOwn(after, name)) add(`${pointer}/${pointerPart(name)}`, false, "the field is gone")
  }
  const common = (fields: Fields, others: Fields): string =>
    Object.keys(fields)
      .filter((name) => Object.hasOwn(others, name))
      .join("\0")
  if (common(before, after) !== common(after, before)) add(pointer, true, "the fields are in another order")
}

function compareField(add: Add, pointer: string, before: Field, after: Field): void {
  const mayMiss = (field: Field): boolean => field.optional === true || field.default !== undefined
  if (mayMiss(before) !== mayMiss(after)) {
    add(pointer, mayMiss(after), mayMiss(after) ? "the field may be left out" : "the field is required")
  }
  if ((before.nullable === true) !== (after.nullable === true)) {
    add(pointer, after.nullable === true, after.nullable === true ? "the field may be null" : "the field may no longer be null")
  }
  if (JSON.stringify(before.default) !== JSON.stringify(after.default)) add(`${pointer}/default`, true, "the default is another")
  if (before.type !== after.type) {
    const widens = after.type === "any" || (after.type === "union" && after.members.some((member) => isSame(member, before)))
    return add(`${pointer}/type`, widens, `the type is ${after.type}, no longer ${before.type}`)
  }
  compareLimits(add, pointer, before, after)
  compareParts(add, pointer, before, after)
}

/** Whether two fields take the same values, apart from being left out. */
function isSame(one: Field, other: Field): boolean {
  const essence = ({ optional: _optional, default: _default, ...rest }: Field): string =>
    JSON.stringify(Object.entries(rest).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  return essence(one) === essence(other)
}

const lowLimits = ["min", "minLength", "minItems"]
const highLimits = ["max", "maxLength", "maxItems", "maxEntries"]

function compareLimits(add: Add, pointer: string, before: Field, after: Field): void {
  const one = before as Readonly<Record<string, unknown>>
  const other = after as Readonly<Record<string, unknown>>
  for (const name of [...lowLimits, ...highLimits]) {
    if (one[name] === other[name]) continue
    const loosened = other[name] === undefined || (one[name] !== undefined && isLooser(name, one[name], other[name]))
    add(`${pointer}/${name}`, loosened, loosened ? "the limit is loosened" : "the limit is tightened")
  }
  for (const name of ["pattern", "store"]) {
    if (one[name] !== other[name]) add(`${pointer}/${name}`, name === "store" || other[name] === undefined, `${name} is another`)
  }
}

/** Limits are numbers, or texts of whole numbers for long. */
function isLooser(name: string, before: unknown, after: unknown): boolean {
  const isLower = typeof before === "string" ? BigInt(String(after)) < BigInt(before) : Number(after) < Number(before)
  return lowLimits.includes(name) ? isLower : !isLower
}

function compareParts(add: Add, pointer: string, before: Field, after: Field): void {
  if (before.type === "struct" && after.type === "struct") return compareFields(add, `${pointer}/fields`, before.fields, after.fields)
  if (before.type === "array" && after.type === "array") return compareField(add, `${pointer}/items`, before.items, after.items)
  if (before.type === "record" && after.type === "record") return compareField(add, `${pointer}/values`, before.values, after.values)
  if (before.type === "literals" && after.type === "literals") {
    const kept = before.values.every((value) => after.values.includes(value))
    if (!kept) add(`${pointer}/values`, false, "a value is gone")
    else if (after.values.length > before.values.length) add(`${pointer}/values`, true, "a value is new")
  }
  if (before.type === "union" && after.type === "union") {
    const kept = before.members.every((member) => after.members.some((other) => isSame(member, other)))
    if (!kept) add(`${pointer}/members`, false, "a member is gone or another")
    else if (after.members.length > before.members.length) add(`${pointer}/members`, true, "a member is new")
  }
}
