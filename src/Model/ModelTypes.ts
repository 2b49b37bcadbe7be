/** Types of stores that schemas of Effect declare. No code. */
import type * as Schema from "effect/Schema"
import type { Key, UUID } from "../Bson/Value.ts"
import type { PathOf } from "../Query/DocumentType.ts"
import type { IndexDefinition, Migration } from "../Schema/Definition.ts"

/** A class or struct of Effect's Schema that reads and writes by itself. */
export type StorableSchema = Schema.Codec<unknown, unknown> & {
  readonly fields: Schema.Struct.Fields
  readonly make: (input: never) => unknown
}

/** A document as it is stored: the encoded side of the schema. */
export type StoredOf<S extends StorableSchema> = S["Encoded"]

/** The type of `_id`, as it is stored. */
export type ModelId<S extends StorableSchema> = StoredOf<S> extends { readonly _id: infer Id } ? Id : never

type Flat<T> = { [Name in keyof T]: T[Name] }
type Input<S> = S extends { readonly "~type.make.in": infer Given } ? Exclude<Given, void> : never

/** What is inserted: an instance, or what one is made of, without `_id` where the store makes it. */
export type NewModel<S extends StorableSchema> =
  | S["Type"]
  | ([ModelId<S>] extends [Key | UUID] ? Flat<Omit<Input<S>, "_id">> & { readonly _id?: ModelId<S> } : Input<S>)

/** What the schema does not say of its store. */
export interface ModelOptions<S extends StorableSchema> {
  readonly name: string
  readonly indexes?: ReadonlyArray<
    Omit<IndexDefinition, "on"> & { readonly on: ReadonlyArray<{ readonly path: PathOf<StoredOf<S>>; readonly direction: "asc" | "desc" }> }
  >
  /** Counts the versions of the schema between which documents are migrated; 1 when left out. */
  readonly version?: number
  readonly migrations?: ReadonlyArray<Migration>
}
