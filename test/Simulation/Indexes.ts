/**
 * What an index must contain, and what it must not let happen, from its definition and the documents alone.
 *
 * A kind of index that the engine learns needs two things here: what entries a document has in it (`entriesOf`), and definitions of it in
 * `Shapes.ts`. Everything else (building, dropping, crashing, comparing) follows.
 */
import type { IndexDefinition, IndexFilter } from "../../src/Schema/Definition.ts"
import type { StoredDocument } from "./Model.ts"

/** The values of one entry, in the order of the definition. */
export type EntryValues = ReadonlyArray<unknown>

type Fields = Readonly<Record<string, unknown>>
type Documents = ReadonlyMap<string, Pick<StoredDocument, "fields">>

/** Fields of an entry take at most 1 KiB; texts of this length are cut, and nothing behind them counts. */
const CUT_CHARACTERS = 1000
/** Stands for an array as such: it has an entry beside those of its elements. */
const ARRAY = Symbol("array")
/** Classes of values, as they are ordered. */
const CLASSES = ["null", "number", "string", "array", "boolean", "date"]

/** The entries of a document in an index. */
export function entriesOf(definition: IndexDefinition, fields: Fields): ReadonlyArray<EntryValues> {
  const entries = new Map<string, EntryValues>()
  for (const values of combinationsOf(definition, fields)) {
    const cutAt = values.findIndex((it) => typeof it === "string" && it.length > CUT_CHARACTERS)
    const kept = cutAt === -1 ? values : [...values.slice(0, cutAt), String(values[cutAt]).slice(0, CUT_CHARACTERS)]
    entries.set(textOf(kept), kept)
  }
  return [...entries.values()]
}

/** The keys of the documents of a store in the order of an index, in hex; a document with several entries comes several times. */
export function expectedOrder(definition: IndexDefinition, documents: Documents): ReadonlyArray<string> {
  const entries = [...documents].flatMap(([key, { fields }]) => entriesOf(definition, fields).map((values) => ({ key, values })))
  return entries.toSorted((a, b) => compareEntries(definition, a.values, b.values) || (a.key < b.key ? -1 : 1)).map(({ key }) => key)
}

/** Keys of documents that have the same values where the index wants them to be unique: a list for each such combination of values. */
export function duplicatesIn(definition: IndexDefinition, documents: Documents): ReadonlyArray<ReadonlyArray<string>> {
  const keys = new Map<string, Array<string>>()
  for (const [key, { fields }] of documents) {
    const own = new Set(combinationsOf(definition, fields).flatMap((values) => (values.includes(ARRAY) ? [] : [textOf(values)])))
    for (const text of own) {
      const known = keys.get(text)
      if (known === undefined) keys.set(text, [key])
      else known.push(key)
    }
  }
  return [...keys.values()].filter((it) => it.length > 1).map((it) => it.toSorted())
}

/** Whether the time of a document is over, as an index says that has `expireAfterMs`. */
export function isOverdue(definition: IndexDefinition, fields: Fields, nowMs: number): boolean {
  const lastMs = nowMs - definition.expireAfterMs!
  return combinationsOf(definition, fields).some(([value]) => value instanceof Date && value.getTime() <= lastMs)
}

/** The values of every entry, before any is cut; none when the index leaves the document out. */
function combinationsOf(definition: IndexDefinition, fields: Fields): ReadonlyArray<EntryValues> {
  if (definition.where !== undefined && !isIncluded(definition.where, fields)) return []
  const places = definition.on.map(({ path }) => valuesAt(fields, path))
  if (definition.sparse === true && places.every((values) => values.every((it) => it === null))) return []
  let combinations: ReadonlyArray<EntryValues> = [[]]
  for (const values of places) combinations = combinations.flatMap((before) => values.map((value) => [...before, value]))
  return combinations
}

/** Where a path leads to: null for a missing field, every element of an array, and then the array. */
function valuesAt(fields: Fields, path: string): ReadonlyArray<unknown> {
  const values = walk(fields, path.split("."))
  return values.length === 0 ? [null] : values
}

function walk(value: unknown, names: ReadonlyArray<string>): ReadonlyArray<unknown> {
  const [name, ...rest] = names
  if (name === undefined) return Array.isArray(value) ? [...(value as ReadonlyArray<unknown>), ARRAY] : [value ?? null]
  if (Array.isArray(value)) return value.filter(isStruct).flatMap((it) => walk(it[name], rest))
  return isStruct(value) ? walk(value[name], rest) : [null]
}

const isStruct = (value: unknown): value is Fields => typeof value === "object" && value !== null && !(value instanceof Date)

/** The filters that `Shapes.ts` has, of single values. */
function isIncluded(filter: IndexFilter, fields: Fields): boolean {
  switch (filter.op) {
    case "eq":
      return valuesAt(fields, filter.path).includes(filter.value)
    case "gt":
      return valuesAt(fields, filter.path).some((it) => typeof it === typeof filter.value && Number(it) > Number(filter.value))
    case "exists":
      return valuesAt(fields, filter.path).some((it) => it !== null) === filter.value
    default:
      throw new Error(`the model knows no filter ${filter.op}`)
  }
}

function compareEntries(definition: IndexDefinition, a: EntryValues, b: EntryValues): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const order = compareValues(a[at], b[at])
    if (order !== 0) return definition.on[at]!.direction === "asc" ? order : -order
  }
  return 0
}

/** The order of values of the kinds that the workload writes. */
function compareValues(a: unknown, b: unknown): number {
  const kind = classOf(a)
  const order = CLASSES.indexOf(kind) - CLASSES.indexOf(classOf(b))
  if (order !== 0 || kind === "array") return order
  if (kind === "string") return Buffer.compare(Buffer.from(a as string), Buffer.from(b as string))
  return Number(a) - Number(b)
}

/** The same text for the same values. */
const textOf = (values: EntryValues): string => values.map((it) => `${classOf(it)} ${JSON.stringify(it === ARRAY ? 0 : it)}`).join()

function classOf(value: unknown): string {
  if (value === null) return "null"
  if (value === ARRAY) return "array"
  if (value instanceof Date) return "date"
  const kind = typeof value
  if (CLASSES.includes(kind)) return kind
  throw new Error(`the model knows no order for ${String(value)}`)
}
