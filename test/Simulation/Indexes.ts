/**
 * What an index must contain, from its definition and the documents alone.
 *
 * A kind of index that the engine learns needs two things here: what entries a document has in it (`entriesOf`), and definitions of it in
 * `Workload.ts`. Everything else (building, dropping, crashing, comparing) follows.
 */
import type { IndexDefinition } from "../../src/Schema/Definition.ts"
import type { StoreState } from "./Model.ts"

/** The values of one entry, in the order of the definition. */
export type EntryValues = ReadonlyArray<unknown>

/** Fields of an entry take at most 1 KiB; texts of this length are cut, and nothing behind them counts. */
const CUT_CHARACTERS = 1000

/** The entries of a document in an index. */
export function entriesOf(definition: IndexDefinition, fields: Readonly<Record<string, unknown>>): ReadonlyArray<EntryValues> {
  const values: Array<unknown> = []
  for (const { path } of definition.on) {
    const value = valueAt(fields, path)
    const isCut = typeof value === "string" && value.length > CUT_CHARACTERS
    values.push(isCut ? value.slice(0, CUT_CHARACTERS) : value)
    if (isCut) break
  }
  return [values]
}

/** The keys of the documents of a store in the order of an index, in hex. */
export function expectedOrder(definition: IndexDefinition, { documents }: StoreState): ReadonlyArray<string> {
  const entries = [...documents].flatMap(([key, { fields }]) => entriesOf(definition, fields).map((values) => ({ key, values })))
  return entries.toSorted((a, b) => compareEntries(definition, a.values, b.values) || (a.key < b.key ? -1 : 1)).map(({ key }) => key)
}

function compareEntries(definition: IndexDefinition, a: EntryValues, b: EntryValues): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const order = compareValues(a[at], b[at])
    if (order !== 0) return definition.on[at]!.direction === "asc" ? order : -order
  }
  return 0
}

/** A missing field is null. */
function valueAt(fields: Readonly<Record<string, unknown>>, path: string): unknown {
  let value: unknown = fields
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null) return null
    value = (value as Record<string, unknown>)[name] ?? null
  }
  return value
}

/** The order of values of the kinds that the workload writes. */
function compareValues(a: unknown, b: unknown): number {
  const rank = rankOf(a) - rankOf(b)
  if (rank !== 0) return rank
  if (typeof a === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b as string))
  return Number(a) - Number(b)
}

function rankOf(value: unknown): number {
  if (value === null) return 0
  if (typeof value === "number") return 1
  if (typeof value === "string") return 2
  if (typeof value === "boolean") return 3
  if (value instanceof Date) return 4
  throw new Error(`the model knows no order for ${String(value)}`)
}
