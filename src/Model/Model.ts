/**
 * The door of this folder: stores that are declared by a class of Effect's Schema.
 *
 * Invariants
 * - Reads give what the schema makes, instances of the class; writes take it. Filters, orders and updates are about what is stored: the encoded side.
 * - A document that the schema refuses is never given half made: the statement fails with `InvalidDocument`.
 */
import {
  type Additions,
  type Assignments,
  type Condition,
  type Conditions,
  DocumentQuery,
  type Increments,
  type Operand,
  type Operator,
  type Reading,
  type Removals,
  type result,
  type Updating,
  type Writing
} from "../Query/Builder.ts"
import type { Find, OrderDirection } from "../Query/Ast.ts"
import type { AtPath, ItemAt, PathOf } from "../Query/DocumentType.ts"
import type { Changes } from "../Query/Executor.ts"
import type { Explanation } from "../Query/Explanation.ts"
import type { Document, Page } from "../Query/Session.ts"
import type { Value } from "../Bson/Value.ts"
import type { StoreDefinition } from "../Schema/Definition.ts"
import { DocumentCodec } from "./DocumentCodec.ts"
import type { ModelId, ModelOptions, NewModel, StorableSchema, StoredOf } from "./ModelTypes.ts"
import { storedFields } from "./StoredFields.ts"

export type { ModelId, ModelOptions, NewModel, StorableSchema, StoredOf } from "./ModelTypes.ts"
export { BinaryField, DecimalField, KeyField, ObjectIdField, UuidField } from "./ValueFields.ts"

type Changeable<Row> = Exclude<PathOf<Row>, "_id">
type Decode = (document: Document) => unknown

/** Instances of one class, chosen and ordered. The steps are those of `DocumentQuery`. */
export class ModelQuery<Row, Model> implements Reading<ReadonlyArray<Model>> {
  declare readonly [result]?: ReadonlyArray<Model>
  /** The same rows as stored documents: for `select`, `lookup`, `groupBy`, `aggregate` and `distinct`. */
  readonly documents: DocumentQuery<Row>
  readonly decode: Decode

  /** Queries begin at a store: `orders.filter(…)`. */
  constructor(documents: DocumentQuery<Row>, decode: Decode) {
    this.documents = documents
    this.decode = decode
  }

  get statement(): Find {
    return this.documents.statement
  }

  /** Keeps the documents for which all of this holds. */
  filter(conditions: Conditions<Row>): ModelQuery<Row, Model>
  filter<const Path extends PathOf<Row>, const Op extends Operator>(
    path: Path,
    operator: Op,
    value: Operand<AtPath<Row, Path>, ItemAt<Row, Path>, Op>
  ): ModelQuery<Row, Model>
  filter(...condition: ReadonlyArray<unknown>): ModelQuery<Row, Model> {
    const filter = this.documents.filter.bind(this.documents) as (...given: ReadonlyArray<unknown>) => DocumentQuery<Row>
    return this.#of(filter(...condition))
  }

  /** Keeps the documents for which at least one of these holds. */
  filterAny(...alternatives: ReadonlyArray<Conditions<Row> | Condition<Row>>): ModelQuery<Row, Model> {
    return this.#of(this.documents.filterAny(...alternatives))
  }

  /** Keeps the documents for which this does not hold. */
  filterNot(condition: Conditions<Row> | Condition<Row>): ModelQuery<Row, Model> {
    return this.#of(this.documents.filterNot(condition))
  }

  /** Orders by a path; further calls decide among equals. */
  orderBy(path: PathOf<Row>, direction: OrderDirection = "asc"): ModelQuery<Row, Model> {
    return this.#of(this.documents.orderBy(path, direction))
  }

  /** At most so many rows. */
  limit(rows: number): ModelQuery<Row, Model> {
    return this.#of(this.documents.limit(rows))
  }

  /** Leaves out the first rows. */
  skip(rows: number): ModelQuery<Row, Model> {
    return this.#of(this.documents.skip(rows))
  }

  /** Only rows behind a cursor. */
  after(cursor: string): ModelQuery<Row, Model> {
    return this.#of(this.documents.after(cursor))
  }

  /** The first row; undefined when there is none. */
  first(): Reading<Model | undefined> {
    return { statement: this.limit(1).statement, takesFirst: true, decode: this.decode }
  }

  /** At most so many rows, and the cursor for the next ones. */
  page(rows: number, after?: string): Reading<Page<Model>> {
    const { statement } = this.documents.page(rows, after)
    return { statement, isPage: true, decode: this.decode }
  }

  /** How many rows there are. */
  count(): Reading<number> {
    return this.documents.count()
  }

  /** How the rows would be found. */
  explain(): Reading<Explanation> {
    return this.documents.explain()
  }

  /** Sets paths of all these documents, to values as they are stored. */
  set(values: Assignments<Row>): Updating<Row> {
    return this.documents.set(values)
  }

  /** Adds to numbers of all these documents. */
  inc(amounts: Increments<Row>): Updating<Row> {
    return this.documents.inc(amounts)
  }

  /** Removes paths from all these documents. */
  unset(...paths: ReadonlyArray<Changeable<Row>>): Updating<Row> {
    return this.documents.unset(...paths)
  }

  /** Appends elements to arrays of all these documents. */
  push(elements: Additions<Row>): Updating<Row> {
    return this.documents.push(elements)
  }

  /** Appends the elements that an array does not have yet. */
  addToSet(elements: Additions<Row>): Updating<Row> {
    return this.documents.addToSet(elements)
  }

  /** Takes elements out of arrays of all these documents. */
  pull(elements: Removals<Row>): Updating<Row> {
    return this.documents.pull(elements)
  }

  /** Removes all these documents; how many there were. */
  delete(): Writing<number> {
    return this.documents.delete()
  }

  #of(documents: DocumentQuery<Row>): ModelQuery<Row, Model> {
    return new ModelQuery(documents, this.decode)
  }
}

/** A store of instances of one class, as statements begin at it. */
export class ModelStore<S extends StorableSchema> extends ModelQuery<StoredOf<S>, S["Type"]> {
  readonly definition: StoreDefinition
  readonly #codec: DocumentCodec

  constructor(schema: S, { indexes = [], name, ...versions }: ModelOptions<S>) {
    const codec = new DocumentCodec(name, schema)
    super(new DocumentQuery({ store: name, filters: [], orderBy: [] }), (document) => codec.decode(document))
    this.definition = { name, ...storedFields(schema, name), indexes, ...versions }
    this.#codec = codec
  }

  /** The instance with this `_id`; undefined when there is none. */
  get(id: ModelId<S>): Reading<S["Type"] | undefined> {
    return { statement: { kind: "get", store: this.definition.name, key: id as Value }, takesFirst: true, decode: this.decode }
  }

  /** Stores a new instance, or several; their `_id`. Fields alone do: they are made into an instance, with its defaults. */
  insert(value: NewModel<S>): Writing<ModelId<S>>
  insert(values: ReadonlyArray<NewModel<S>>): Writing<ReadonlyArray<ModelId<S>>>
  insert(given: NewModel<S> | ReadonlyArray<NewModel<S>>): Writing<unknown> {
    const isList = Array.isArray(given)
    const values = (isList ? given : [given]) as ReadonlyArray<unknown>
    const documents = () => values.map((value, index) => this.#codec.encode(value, isList ? index : undefined))
    return lazily(() => ({ kind: "insert", store: this.definition.name, documents: documents() }), !isList)
  }

  /** Puts an instance in the place of the one with its `_id`, if there is one. */
  replace(value: S["Type"]): Writing<Changes> {
    return lazily(() => ({ kind: "replace", store: this.definition.name, document: this.#codec.encode(value, undefined) }))
  }

  /** Puts an instance in the place of the one with its `_id`, or stores it as a new one. */
  upsert(value: S["Type"]): Writing<Changes> {
    return lazily(() => ({ kind: "upsert", store: this.definition.name, document: this.#codec.encode(value, undefined) }))
  }
}

/** A writing whose documents are made when it runs: what the schema refuses is an error of the statement, like every other. */
function lazily<A>(make: () => Writing<A>["statement"], takesFirst = false): Writing<A> {
  return {
    get statement() {
      return make()
    },
    takesFirst
  }
}

/**
 * A store whose documents are instances of a `Schema.Class` (or what a `Schema.Struct` makes). The schema's encoded side is what is stored.
 * Throws a TypeError for a schema that has no stored form, with the path to what it is.
 *
 * @example
 * ```ts
 * class Order extends Schema.Class<Order>("Order")({ _id: KeyField, customer: Schema.String, cents: Schema.Int }) {
 *   get euros() {
 *     return this.cents / 100
 *   }
 * }
 * const orders = schemaStore(Order, { name: "orders", indexes: [{ name: "byCustomer", on: [{ path: "customer", direction: "asc" }] }] })
 * const ofAda = orders.filter({ customer: "ada" }).orderBy("cents", "desc") // gives instances of Order
 * console.log(orders.definition.schema) // => { customer: { type: 'string' }, cents: { type: 'number' } }
 * ```
 */
export function schemaStore<S extends StorableSchema>(schema: S, options: ModelOptions<S>): ModelStore<S> {
  return new ModelStore(schema, options)
}
