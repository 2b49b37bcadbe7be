/**
 * From the stores a program wants to the change of the catalog that gives them: all checks, and nothing else.
 *
 * Invariants
 * - A definition is additive: no store is dropped but by `planDrop`, no field at all, and a store that has documents keeps every promise it made about them.
 *   New fields are optional, nullable with a default, or have one. Indexes come and go; one whose build has failed begins anew.
 *   Everything else is a new version of the store, to which its documents are migrated (StoreMigration.ts).
 * - What is refused is refused whole: no part of a set of definitions is applied.
 */
import { checkIndexes } from "../Schema/CheckIndexes.ts"
import { DURABILITY_LEVELS, type StoreDefinition } from "../Schema/Definition.ts"
import { type Change, difference, isBuiltAnew } from "../Schema/Difference.ts"
import { keptDefinition, migrationsFrom, versionOf } from "../Schema/Migration.ts"
import { Reporter } from "../Schema/Reporter.ts"
import type { Catalog, CatalogStore, DefinitionRecord, IndexRecord, StoreRecord } from "./Catalog.ts"
import type { Duplicates } from "./Duplicates.ts"
import type { StorageLimits } from "./Limits.ts"
import { storageFault } from "./Reasons.ts"
import { beforeName, shadowName } from "./StoreMigration.ts"

/** What a definition changes: the stores that differ afterwards, those that are gone, and the id counter. */
export type CatalogChange = DefinitionRecord

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
  for (const wanted of definitions) {
    const definition = keptDefinition(wanted)
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
  if (definition.durability !== undefined && !DURABILITY_LEVELS.includes(definition.durability))
    throw invalid(definition.name, `durability cannot be ${definition.durability as string}: it is one of ${DURABILITY_LEVELS.join(", ")}`)
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
  const [before, after] = [versionOf(existing.definition), versionOf(definition)]
  if (after < before && !isEmpty(existing)) {
    const message = `its documents are of version ${before} and do not go back to ${after}`
    throw incompatible(definition.name, "/version", message)
  }
  const blocking = blockingChange(existing.definition, definition)
  if (blocking === undefined || isEmpty(existing)) return
  const hint = after > before ? ": no migration says what becomes of them" : ": it needs a new version and a migration"
  const isFinal = existing.definition.idKind !== definition.idKind
  throw incompatible(definition.name, blocking.pointer, `${blocking.message}, and there are documents${isFinal ? "" : hint}`)
}

function blockingChange(before: StoreDefinition, after: StoreDefinition): Change | undefined {
  return difference(before, after).find((change) => !change.additive)
}

/** Whether the documents of a store, if it has any, have to be migrated before it can be as it is wanted; `newer` may say how they get back. */
export function needsMigration(existing: Pick<CatalogStore, "definition">, wanted: StoreDefinition, newer?: StoreDefinition): boolean {
  const [before, after] = [versionOf(existing.definition), versionOf(wanted)]
  if (existing.definition.idKind !== wanted.idKind) return false
  return after < before ? newer !== undefined : after > before && migrationsFrom(wanted, before).length > 0
}

/** The change that gives stores other names, all at once: `names` maps each to its new one. No two may have the same afterwards. */
export function planRename(catalog: Catalog, names: ReadonlyMap<string, string>): CatalogChange {
  const stores = [...names].map(([from, to]): StoreRecord => {
    const { record } = catalog.store(from)!
    return { ...record, definition: { ...record.definition, name: to } }
  })
  return { stores, nextId: catalog.nextId }
}

/** The change that takes a store away, and with it what migrations have left of it. Faults with InvalidStore. */
export function planDrop(catalog: Catalog, name: string): CatalogChange {
  const store = catalog.store(name)
  if (store === undefined) throw invalid(name, `there is no store ${name}`)
  if (name.startsWith("$")) throw invalid(name, "stores whose names begin with $ are the database's own")
  const beside = [shadowName(name), beforeName(name)].flatMap((other) => catalog.store(other) ?? [])
  return { stores: [], nextId: catalog.nextId, dropped: [store, ...beside].map(({ id }) => id) }
}

/** The change after the build of an index: ready with the record at `lsn`, or given up for values that come twice. */
export function planBuilt(
  catalog: Catalog,
  { record }: CatalogStore,
  indexId: number,
  duplicates: Duplicates | undefined,
  lsn: number
): CatalogChange {
  const outcome = duplicates === undefined ? { readyLsn: lsn } : { duplicates }
  const indexes = record.indexes.map((it) => (it.id === indexId ? { ...it, ...outcome } : it))
  return { stores: [{ ...record, indexes }], nextId: catalog.nextId }
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
