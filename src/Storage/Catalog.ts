/**
 * The catalog: which stores and indexes exist at one moment, and, as of a freeze, how far builds of indexes are.
 *
 * Invariants
 * - A catalog, its stores and its indexes never change; a definition makes a new catalog that shares what stayed the same. So a plan that
 *   was made for a Store object stays right for that object.
 * - Ids of stores and indexes come from one counter, are the tree ids of memtables and index file, and are never used twice.
 * - A store's persistent form is its StoreRecord, the same in the log and in the index file.
 */
import { decode, type DocumentValue, encode, type Value } from "../Bson/Value.ts"
import type { EntryList } from "../Index/EntryList.ts"
import { compileIndex, type IndexExtractor } from "../Index/Extract.ts"
import { compileFilter, type Predicate } from "../Match/Compile.ts"
import type { IndexDefinition, IndexFilter, StoreDefinition } from "../Schema/Definition.ts"
import { readIndexFilter } from "../Schema/IndexFilter.ts"
import type { Duplicates } from "./Duplicates.ts"
import type { BuildProgress } from "./IndexBuild.ts"
import type { Store, StoreIndex } from "./Reader.ts"

/**
 * An index as it is kept: `readyLsn` is the LSN from which on readers may use it, 0 while it is being built. One whose build met
 * `duplicates` is not kept any longer; defining its store once more makes another one.
 */
export interface IndexRecord {
  readonly id: number
  readonly name: string
  readonly readyLsn: number
  readonly duplicates?: Duplicates
}

/** A store as it is kept. */
export interface StoreRecord {
  readonly id: number
  readonly definition: StoreDefinition
  readonly indexes: ReadonlyArray<IndexRecord>
}

export class CatalogIndex implements StoreIndex {
  readonly id: number
  readonly definition: IndexDefinition
  readonly readyLsn: number
  /** Whether the record that says `readyLsn` is durable, so that every reader made from now on sees the whole index. */
  readonly ready: boolean
  readonly duplicates: Duplicates | undefined
  readonly filter: IndexFilter<Value> | undefined
  readonly isUnique: boolean
  readonly #extractor: IndexExtractor
  readonly #isIncluded: Predicate | undefined

  constructor(record: IndexRecord, store: StoreDefinition, definition: IndexDefinition, durableLsn: number) {
    this.id = record.id
    this.definition = definition
    this.readyLsn = record.readyLsn
    this.ready = record.readyLsn !== 0 && record.readyLsn <= durableLsn
    this.duplicates = record.duplicates
    this.filter = definition.where === undefined ? undefined : readIndexFilter(definition.where, store.schema)
    this.isUnique = definition.unique === true
    this.#extractor = compileIndex(definition)
    this.#isIncluded = this.filter === undefined ? undefined : compileFilter(this.filter)
  }

  /** Fills `into` with the entries of the document at `at`, whose key is at `keyAt` in `key`; none when the index leaves it out. */
  extract(bytes: Uint8Array, at: number, key: Uint8Array, keyAt: number, into: EntryList): void {
    if (this.#isIncluded === undefined || this.#isIncluded(bytes, at)) this.#extractor.extract(bytes, at, key, keyAt, into)
    else into.reset()
  }
}

export class CatalogStore implements Store {
  readonly id: number
  readonly definition: StoreDefinition
  readonly indexes: ReadonlyArray<CatalogIndex>
  /** The indexes that every write keeps exact: all but those whose build has failed for good. */
  readonly kept: ReadonlyArray<CatalogIndex>
  readonly record: StoreRecord

  constructor(record: StoreRecord, durableLsn: number) {
    this.record = record
    this.id = record.id
    this.definition = record.definition
    this.indexes = record.definition.indexes.map((definition) => {
      const index = record.indexes.find((it) => it.name === definition.name)
      if (index === undefined) throw new Error(`the catalog has no id for index ${record.definition.name}.${definition.name}`)
      return new CatalogIndex(index, record.definition, definition, durableLsn)
    })
    this.kept = this.indexes.filter((it) => it.duplicates === undefined)
  }

  /** Whether something changed by the record of an index becoming durable. */
  needsRefresh(durableLsn: number): boolean {
    return this.indexes.some((it) => !it.ready && it.readyLsn !== 0 && it.readyLsn <= durableLsn)
  }
}

export class Catalog {
  static readonly empty = new Catalog([], 1)

  /** In order of their ids. */
  readonly stores: ReadonlyArray<CatalogStore>
  /** The id that the next store or index gets. */
  readonly nextId: number
  /** By index. */
  readonly builds: ReadonlyMap<number, BuildProgress>
  readonly #byName = new Map<string, CatalogStore>()
  readonly #byId = new Map<number, CatalogStore>()
  readonly #indexes = new Map<number, CatalogIndex>()

  constructor(stores: ReadonlyArray<CatalogStore>, nextId: number, builds: ReadonlyMap<number, BuildProgress> = new Map()) {
    this.stores = stores.toSorted((a, b) => a.id - b.id)
    this.nextId = nextId
    for (const store of this.stores) {
      this.#byName.set(store.definition.name, store)
      this.#byId.set(store.id, store)
      for (const index of store.kept) this.#indexes.set(index.id, index)
    }
    this.builds = new Map([...builds].filter(([id]) => this.#indexes.get(id)?.readyLsn === 0))
  }

  store(name: string): CatalogStore | undefined {
    return this.#byName.get(name)
  }

  storeById(id: number): CatalogStore | undefined {
    return this.#byId.get(id)
  }

  /** The index with this id, if it is kept. */
  index(id: number): CatalogIndex | undefined {
    return this.#indexes.get(id)
  }

  /** Ids of all trees that are kept. */
  get trees(): ReadonlyArray<number> {
    return [...this.#byId.keys(), ...this.#indexes.keys()]
  }

  /** This catalog with some stores replaced, added or, by id, dropped. */
  with(records: ReadonlyArray<StoreRecord>, nextId: number, durableLsn: number, dropped: ReadonlyArray<number> = []): Catalog {
    const changed = new Map(records.map((it) => [it.id, new CatalogStore(it, durableLsn)]))
    const kept = this.stores.filter((it) => !changed.has(it.id) && !dropped.includes(it.id))
    return new Catalog([...kept, ...changed.values()], nextId, this.builds)
  }

  /** This catalog with other builds; those of indexes that are ready or gone are left out. */
  withBuilds(builds: ReadonlyMap<number, BuildProgress>): Catalog {
    return builds.size === 0 && this.builds.size === 0 ? this : new Catalog(this.stores, this.nextId, builds)
  }

  /** This catalog with the indexes ready whose record has become durable; itself when there are none. */
  refreshed(durableLsn: number): Catalog {
    const records = this.stores.filter((it) => it.needsRefresh(durableLsn)).map((it) => it.record)
    return records.length === 0 ? this : this.with(records, this.nextId, durableLsn)
  }
}

/** The bytes of a store's record in the index file's catalog. */
export function encodeStoreRecord(record: StoreRecord): Uint8Array {
  return encode(toDocument(record))
}

/** The record in `bytes`, which this engine wrote. */
export function decodeStoreRecord(bytes: Uint8Array): StoreRecord {
  return decode(bytes) as unknown as StoreRecord // What toDocument made comes back in the same shape.
}

/** The body of a definition's log record: the stores as they are after it, and the id counter. */
export interface DefinitionRecord {
  readonly nextId: number
  readonly stores: ReadonlyArray<StoreRecord>
  /** Ids of stores that are there no longer. */
  readonly dropped?: ReadonlyArray<number>
}

export function encodeDefinition(record: DefinitionRecord): Uint8Array {
  const { dropped = [], nextId, stores } = record
  return encode({ nextId, stores: stores.map(toDocument), ...(dropped.length === 0 ? {} : { dropped }) })
}

export function decodeDefinition(bytes: Uint8Array, at: number): DefinitionRecord {
  return decode(bytes, at) as unknown as DefinitionRecord // What encodeDefinition made comes back in the same shape.
}

/** The record without whatever else its definition object may carry. A definition is JSON, so it is BSON too. */
function toDocument(record: StoreRecord): DocumentValue {
  const { id, definition, indexes } = record
  const schema = JSON.parse(JSON.stringify(definition.schema)) as DocumentValue
  return {
    id,
    definition: {
      name: definition.name,
      idKind: definition.idKind,
      schema,
      indexes: definition.indexes.map(indexDocument),
      ...(definition.durability === undefined ? {} : { durability: definition.durability }),
      ...(definition.version === undefined ? {} : { version: definition.version })
    },
    indexes: indexes.map(({ id, name, readyLsn, duplicates }) => ({
      id,
      name,
      readyLsn,
      ...(duplicates === undefined ? {} : { duplicates: duplicates as unknown as DocumentValue }) // Plain numbers and texts.
    }))
  }
}

function indexDocument({ name, on, unique, sparse, where, expireAfterMs }: IndexDefinition): DocumentValue {
  return {
    name,
    on: on.map(({ path, direction }) => ({ path, direction })),
    ...(unique === undefined ? {} : { unique }),
    ...(sparse === undefined ? {} : { sparse }),
    ...(where === undefined ? {} : { where: JSON.parse(JSON.stringify(where)) as DocumentValue }),
    ...(expireAfterMs === undefined ? {} : { expireAfterMs })
  }
}
