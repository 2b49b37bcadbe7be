/** What an index has to hold, worked out from documents as plain values. */
import type { Filter } from "../../src/Match/Filter.ts"
import type { IndexDefinition } from "../../src/Schema/Definition.ts"
import { compare, type Document, type Found, matches, resolve } from "../Query/Model.ts"

/** An entry: a value for each path. An array as such is `[]`. */
export type EntryValues = ReadonlyArray<Found>

/** The entries of one document. Filters of the definitions here are the same with JSON and with values. */
export function entriesOf(index: IndexDefinition, document: Document): ReadonlyArray<EntryValues> {
  if (index.where !== undefined && !matches(document, index.where as Filter)) return []
  const values = index.on.map(({ path }) => resolve(document, path).map((value) => (Array.isArray(value) ? [] : value)))
  if (index.sparse === true && values.flat().every((value) => compare(value, null) === 0)) return []
  const combined = values.reduce<ReadonlyArray<EntryValues>>(
    (entries, column) => entries.flatMap((entry) => column.map((value) => [...entry, value])),
    [[]]
  )
  return combined.filter((entry, place) => combined.findIndex((other) => areEqual(entry, other)) === place)
}

/** The order of entries in an index. */
export function compareEntries({ on }: IndexDefinition, a: EntryValues, b: EntryValues): number {
  for (const [place, { direction }] of on.entries()) {
    const order = compare(a[place]!, b[place]!)
    if (order !== 0) return direction === "asc" ? order : -order
  }
  return 0
}

/** Whether two of the documents have values that a unique index allows only one to have. */
export function isViolated(index: IndexDefinition, documents: ReadonlyArray<Document>): boolean {
  if (index.unique !== true) return false
  const entries = documents
    .flatMap((document) => entriesOf(index, document).filter((entry) => !entry.some((value) => Array.isArray(value))))
    .toSorted((a, b) => compareEntries(index, a, b))
  return entries.some((entry, place) => place > 0 && areEqual(entry, entries[place - 1]!))
}

function areEqual(a: EntryValues, b: EntryValues): boolean {
  return a.every((value, place) => compare(value, b[place]!) === 0)
}
