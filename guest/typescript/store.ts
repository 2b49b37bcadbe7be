/** Stores: named sets of documents with a schema. */
import { Decimal } from "./decimal.ts"
import { type AnyIndex, type Index, type IndexDefinition, indexDefinition } from "./indexes.ts"
import { Kind, native, Operation } from "./native.ts"
import { type MigrationDefinition, type MigrationProgram, type Migrations, migrationsOf } from "./migration.ts"
import type { At, ItemAt, Path } from "./paths.ts"
import { type Condition, type Conditions, type Operand, type Operator, Query, type Updated } from "./query.ts"
import {
  type AnySchema,
  definitions,
  type Document,
  type FieldDefinition,
  type Fields,
  type Given,
  type Infer,
  type Schema,
  StructSchema
} from "./schema.ts"
import { Key, ObjectId, Uuid } from "./values.ts"

/** What identifies the documents of a store. */
export type IdKind = "key" | "uuid" | "objectId" | "string" | "int" | "long"

/** A store as the manifest has it. */
export interface StoreDefinition {
  readonly name: string
  readonly idKind: IdKind
  readonly schema: Record<string, FieldDefinition>
  readonly indexes: ReadonlyArray<IndexDefinition>
  readonly durability?: DurabilityLevel
  readonly version?: number
  readonly migrations?: ReadonlyArray<MigrationDefinition>
}

/** What an answer waits for that rests on a store: the disk, or nothing (and then a sync follows soon, or whenever there is one). */
export type DurabilityLevel = "fsync" | "interval" | "memory"

export interface StoreOptions<Row> {
  readonly indexes?: ReadonlyArray<Index<Row>>
  /**
   * `fsync`: what was answered is on disk. `interval`: a crash may take back what was written within `storage.syncIntervalMs` before it.
   * `memory`: a crash may take back what was not synced with something else. Left out: what the operator has set, `fsync` unless they did.
   */
  readonly durability?: DurabilityLevel
  /** Counts the versions of the schema between which documents have to be migrated; 1 when left out. */
  readonly version?: number
  /** By version: what makes documents of the version before it into documents of it, steps or a function, and with `{ up, down }` the way back too. */
  readonly migrate?: Migrations
}

/** The type of `_id`: what the schema says, a key of this store when it says nothing. */
type IdOf<Name extends string, Shape> = Shape extends { readonly _id: infer Id }
  ? Infer<Id> extends Key
    ? Key<Name>
    : Infer<Id>
  : Key<Name>

/** A document of a store, as it is read. */
export type Row<Name extends string, Shape> = { readonly _id: IdOf<Name, Shape> } & Document<Omit<Shape, "_id">>

/** A document as it is given to a store: `_id` may be left out where the host can make one. */
export type NewRow<Name extends string, Shape> = Given<Omit<Shape, "_id">> &
  (IdOf<Name, Shape> extends string | number | bigint ? { readonly _id: IdOf<Name, Shape> } : { readonly _id?: IdOf<Name, Shape> })

/** An id, or its text where an id has one. */
type IdLike<Id> = Id extends { readonly toJSON: () => string } ? Id | string : Id

/** Every store that was declared, in order. */
export const declaredStores: StoreDefinition[] = []
/** The functions of their migrations, in the order in which the definitions name them. */
export const migrationPrograms: MigrationProgram[] = []
/** Where each was declared, as stacks. */
export const storeOrigins: string[] = []

const ID_TYPES: Readonly<Record<string, IdKind>> = {
  key: "key",
  uuid: "uuid",
  objectId: "objectId",
  string: "string",
  int: "int",
  long: "long"
}
const TEXT_IDS: Readonly<Record<string, (text: string) => unknown>> = {
  key: (text) => Key.parse(text),
  uuid: (text) => Uuid.parse(text),
  objectId: (text) => ObjectId.parse(text),
  decimal: (text) => Decimal.parse(text)
}

/**
 * A store: documents of one shape. Declared at the top level with `store(name, fields, options)`.
 *
 * @example
 * ```ts
 * const orders = store("orders", { number: s.string(), total: s.decimal() }, { indexes: [{ on: ["number"] }] })
 * const id = orders.insert({ number: "A-1", total: Decimal.from("9.90") })
 * orders.get(id)?.total
 * const isStore = (value: unknown) => value instanceof Store
 * ```
 */
export class Store<Name extends string, Shape extends Fields> {
  readonly name: Name
  readonly definition: StoreDefinition
  /** The schema of a document without `_id`: `{ body: orders.input }`. */
  readonly input: StructSchema<Omit<Shape, "_id">>
  /** The type of a document. `typeof orders.Row` */
  declare readonly Row: Row<Name, Shape>
  readonly #query: Query<Row<Name, Shape>>
  readonly #parseId: ((text: string) => unknown) | undefined
  /** The kind of value a text id stands for, -1 when it is the id itself. */
  readonly #textKind: number

  constructor(name: Name, fields: Shape, options: StoreOptions<Row<Name, Shape>>) {
    const { _id, ...rest } = fields as Fields
    this.name = name
    this.input = new StructSchema(rest as unknown as Omit<Shape, "_id">) // rest types do not follow generics
    this.definition = {
      name,
      idKind: idKindOf(name, _id),
      schema: definitions(rest),
      indexes: (options.indexes ?? []).map((index) => indexDefinition(index as AnyIndex)),
      ...(options.durability === undefined ? {} : { durability: options.durability }),
      ...versions(name, options)
    }
    this.#parseId = TEXT_IDS[this.definition.idKind]
    this.#textKind = (Kind as Readonly<Record<string, number>>)[this.definition.idKind] ?? -1
    this.#query = new Query({ name, fromText: parsers(this.definition) }, { store: name })
  }

  /** The document with this id; undefined when there is none. A text that is no id has no document. */
  get(id: IdLike<IdOf<Name, Shape>>): Row<Name, Shape> | undefined {
    return native.get(this.name, id, this.#textKind) as Row<Name, Shape> | undefined
  }

  /** The documents with these ids, in their order; undefined where there is none. */
  getMany(ids: ReadonlyArray<IdLike<IdOf<Name, Shape>>>): (Row<Name, Shape> | undefined)[] {
    const keys = ids.map((id) => idValue(this.#parseId, id))
    const found = native.call(Operation.getMany, { store: this.name, keys: keys.filter((key) => key !== undefined) }).documents ?? []
    let next = 0
    return keys.map((key) => (key === undefined ? undefined : ((found[next++] ?? undefined) as Row<Name, Shape> | undefined)))
  }

  /** Inserts a document; its id, generated when none is given. Throws `duplicate_key` when the id is taken. */
  insert(document: NewRow<Name, Shape>): IdOf<Name, Shape> {
    return native.call(Operation.insert, { store: this.name, document }).key as IdOf<Name, Shape>
  }

  /** Inserts documents; their ids, in order. All or none. */
  insertMany(documents: ReadonlyArray<NewRow<Name, Shape>>): IdOf<Name, Shape>[] {
    if (documents.length === 0) return []
    return (native.call(Operation.insertMany, { store: this.name, documents }).keys ?? []) as IdOf<Name, Shape>[]
  }

  /** Puts a document in the place of the one with its id; `matched` is 0 when there is none. */
  replace(document: Given<Omit<Shape, "_id">> & { readonly _id: IdOf<Name, Shape> }): Updated {
    const { matched = 0, modified = 0 } = native.call(Operation.replace, { store: this.name, document })
    return { matched, modified }
  }

  /** Inserts a document or puts it in the place of the one with its id; `matched` is 0 when it was inserted. */
  upsert(document: NewRow<Name, Shape>): Updated & { readonly key: IdOf<Name, Shape> } {
    const { matched = 0, modified = 0, key } = native.call(Operation.upsert, { store: this.name, document })
    return { matched, modified, key: key as IdOf<Name, Shape> }
  }

  /** Deletes the document with this id; whether there was one. */
  delete(id: IdLike<IdOf<Name, Shape>>): boolean {
    const key = idValue(this.#parseId, id)
    return key !== undefined && (native.call(Operation.delete, { store: this.name, key }).deleted ?? 0) > 0
  }

  /** The documents for which all of this holds. */
  filter(conditions: Conditions<Row<Name, Shape>>): Query<Row<Name, Shape>>
  filter<const Where extends Path<Row<Name, Shape>>, const With extends Operator>(
    path: Where,
    operator: With,
    value: Operand<At<Row<Name, Shape>, Where>, ItemAt<Row<Name, Shape>, Where>, With>
  ): Query<Row<Name, Shape>>
  filter(first: unknown, operator?: unknown, value?: unknown): Query<Row<Name, Shape>> {
    return this.#query.filter(first as never, operator as never, value as never)
  }

  /** The documents for which at least one of these holds. */
  filterAny(...alternatives: ReadonlyArray<Conditions<Row<Name, Shape>> | Condition<Row<Name, Shape>>>): Query<Row<Name, Shape>> {
    return this.#query.filterAny(...alternatives)
  }

  /** The documents for which this does not hold. */
  filterNot(condition: Conditions<Row<Name, Shape>> | Condition<Row<Name, Shape>>): Query<Row<Name, Shape>> {
    return this.#query.filterNot(condition)
  }

  /** All documents, ordered by a path. */
  orderBy(path: Path<Row<Name, Shape>>, direction: "asc" | "desc" = "asc"): Query<Row<Name, Shape>> {
    return this.#query.orderBy(path, direction)
  }

  /** All documents. */
  all(): Query<Row<Name, Shape>> {
    return this.#query
  }

  /** How many documents there are. */
  count(): number {
    return this.#query.count()
  }
}

/** Declares a store. At the top level only. */
export function store<const Name extends string, const Shape extends Fields>(
  name: Name,
  fields: Shape,
  options: StoreOptions<Row<Name, Shape>> = {}
): Store<Name, Shape> {
  if (!native.building()) throw new TypeError("a store is declared at the top level, not inside a handler")
  const declared = new Store(name, fields, options)
  if (declaredStores.some((other) => other.name === name)) throw new TypeError(`the store "${name}" is declared twice`)
  declaredStores.push(declared.definition)
  migrationPrograms.push(...migrationsOf(name, options.migrate ?? {}).programs)
  storeOrigins.push(new Error(name).stack ?? "")
  return declared
}

/** Version and migrations as the manifest has them; nothing for a store that never had another version. */
function versions(
  store: string,
  { migrate = {}, version = 1 }: Pick<StoreOptions<never>, "migrate" | "version">
): Pick<StoreDefinition, "version" | "migrations"> {
  const migrations = migrationsOf(store, migrate).definitions
  return { ...(version === 1 ? {} : { version }), ...(migrations.length === 0 ? {} : { migrations }) }
}

/** The id as a value; undefined for a text that is none. */
function idValue(parse: ((text: string) => unknown) | undefined, id: unknown): unknown {
  return typeof id === "string" && parse !== undefined ? parse(id) : id
}

function idKindOf(store: string, schema: AnySchema | undefined): IdKind {
  if (schema === undefined) return "key"
  const kind = ID_TYPES[(schema as Schema<unknown>).definition.type]
  if (kind === undefined) throw new TypeError(`the _id of "${store}" has to be one of ${Object.keys(ID_TYPES).join(", ")}`)
  return kind
}

/** Which fields are made from text, and how. */
function parsers(definition: StoreDefinition): Record<string, (text: string) => unknown> {
  const found: Record<string, (text: string) => unknown> = {}
  for (const [name, type] of [["_id", definition.idKind], ...Object.entries(definition.schema).map(([name, { type }]) => [name, type])] as [
    string,
    string
  ][]) {
    const parse = TEXT_IDS[type]
    if (parse !== undefined) found[name] = parse
  }
  return found
}
