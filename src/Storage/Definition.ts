/**
 * From the stores a program wants to the change of the catalog that gives them: all checks, and nothing else.
 *
 * Invariants
 * - A definition is additive: stores and fields are never dropped, and a store that has documents keeps every promise it made about them.
 *   New fields are optional, nullable with a default, or have one. Indexes come and go; one whose build has failed begins anew.
 * - What is refused is refused whole: no part of a set of definitions is applied.
 */
import { checkIndexes } from "../Schema/CheckIndexes.ts"
import type { StoreDefinition } from "../Schema/Definition.ts"
import { difference, isBuiltAnew } from "../Schema/Difference.ts"
import { Reporter } from "../Schema/Reporter.ts"
import type { Catalog, CatalogStore, IndexRecord, StoreRecord } from "./Catalog.ts"
import type { StorageLimits } from "./Limits.ts"
import { storageFault } from "./Reasons.ts"

/** What a definition changes: the stores that differ afterwards, and the id counter. */
export interface CatalogChange {
  readonly stores: ReadonlyArray<StoreRecord>
  readonly nextId: number
}

const ID_KINDS: ReadonlySet<string> = new Set(["key", "uuid", "objectId", "string", "int", "long"])
const NAME_LENGTH_MAX = 120

/**
 * The change that leads from `catalog` to one with the given stores; undefined when nothing has to change. `isEmpty` says whether a store
 * has no documents: its indexes are ready from the beginning, the record at `lsn`. Faults: InvalidStore, IncompatibleSchema.
 */
export function planDefinition(
  catalog: Catalog,
  definitions: ReadonlyArray<StoreDefinition>,
  limits: StorageLimits,
  isEmpty: (store: CatalogStore) => boolean,
  lsn: number
): CatalogChange | undefined {
  const names = new Set<string>()
  const stores: Array<StoreRecord> = []
  let nextId = catalog.nextId
  let storeCount = catalog.stores.length
  for (const definition of definitions) {
    checkDefinition(definition, limits)
    if (names.has(definition.name)) throw invalid(definition.name, "the store is defined twice")
    names.add(definition.name)
    const existing = catalog.store(definition.name)
    if (existing === undefined && ++storeCount > limits.storesMax)
      throw invalid(definition.name, `a database has at most ${limits.storesMax} stores`)
    if (existing !== undefined && isSame(existing.definition, definition) && existing.kept.length === existing.indexes.length) continue
    if (existing !== undefined) checkCompatible(existing, definition, isEmpty)
    const id = existing?.id ?? nextId++
    const indexes = definition.indexes.map((index): IndexRecord => {
      const kept = existing?.record.indexes.find((it) => it.name === index.name && it.duplicates === undefined)
      const before = existing?.definition.indexes.find((it) => it.name === index.name)
      return kept !== undefined && before !== undefined && !isBuiltAnew(before, index)
        ? kept
        : { id: nextId++, name: index.name, readyLsn: 0 }
    })
    const isBorn = indexes.some((it) => it.readyLsn === 0) && (existing === undefined || isEmpty(existing))
    stores.push({ id, definition, indexes: isBorn ? indexes.map((it) => (it.readyLsn === 0 ? { ...it, readyLsn: lsn } : it)) : indexes })
  }
  return stores.length === 0 ? undefined : { stores, nextId }
}

function checkDefinition(definition: StoreDefinition, limits: StorageLimits): void {
  checkName(definition.name, definition.name)
  if (!ID_KINDS.has(definition.idKind)) throw invalid(definition.name, `ids cannot be of kind ${definition.idKind}`)
  if (definition.indexes.length > limits.indexesPerStoreMax) {
    throw invalid(`${definition.name}.indexes`, `a store has at most ${limits.indexesPerStoreMax} indexes`)
  }
  const reporter = new Reporter()
  checkIndexes(reporter, "", definition.indexes, definition.schema)
  const [issue] = reporter.issues
  if (issue === undefined) return
  const [, position, ...part] = issue.pointer.split("/")
  const path = `${definition.name}.indexes.${definition.indexes[Number(position)]?.name ?? position}`
  throw invalid(path, part.length === 0 ? issue.message : `${part.join(".")}: ${issue.message}`)
}

/** A store that has documents takes only changes that leave every one of them valid as it lies. */
function checkCompatible(existing: CatalogStore, definition: StoreDefinition, isEmpty: (store: CatalogStore) => boolean): void {
  const blocking = difference(existing.definition, definition).find((change) => !change.additive)
  if (blocking === undefined || isEmpty(existing)) return
  throw incompatible(definition.name, blocking.pointer, `${blocking.message}, and there are documents`)
}

function checkName(name: string, path: string): void {
  const length = name.length
  if (length === 0 || length > NAME_LENGTH_MAX) throw invalid(path, `a name has 1 to ${NAME_LENGTH_MAX} characters`)
  if (/\p{Cc}/u.test(name)) throw invalid(path, "a name has no control characters")
}

/** Whether two pieces of plain data are equal; the order of an object's members counts, for it is the order of fields in documents. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function invalid(path: string, message: string): Error {
  return storageFault({ _tag: "InvalidStore", path, message })
}

function incompatible(store: string, path: string, message: string): Error {
  return storageFault({ _tag: "IncompatibleSchema", store, path, message })
}
