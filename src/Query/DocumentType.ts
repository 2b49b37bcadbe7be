/**
 * Types of documents, taken from a store's definition: what an editor knows of rows, filters and updates. No code.
 *
 * The definition is plain data; `store(definition)` keeps its literal types.
 */
import type { Binary, Decimal128, Key, ObjectId, UUID, Value } from "../Bson/Value.ts"
import type { Field, Fields, IdKind, StoreDefinition } from "../Schema/Definition.ts"

type Flat<T> = { [Name in keyof T]: T[Name] }

/** The value a field of this type holds, as it is read. */
type Plain<F> = F extends { readonly type: "string" }
  ? string
  : F extends { readonly type: "int" | "number" }
    ? number
    : F extends { readonly type: "long" }
      ? bigint
      : F extends { readonly type: "decimal" }
        ? Decimal128
        : F extends { readonly type: "boolean" }
          ? boolean
          : F extends { readonly type: "date" }
            ? Date
            : F extends { readonly type: "key" }
              ? Key
              : F extends { readonly type: "uuid" }
                ? UUID
                : F extends { readonly type: "objectId" }
                  ? ObjectId
                  : F extends { readonly type: "binary" }
                    ? Binary
                    : Composite<F>

type Composite<F> = F extends { readonly type: "literals"; readonly values: ReadonlyArray<infer Literal> }
  ? Literal
  : F extends { readonly type: "array"; readonly items: infer Items extends Field }
    ? ReadonlyArray<FieldValue<Items>>
    : F extends { readonly type: "struct"; readonly fields: infer Inner extends Fields }
      ? FieldsValue<Inner>
      : F extends { readonly type: "record"; readonly values: infer Values extends Field }
        ? { readonly [name: string]: FieldValue<Values> }
        : F extends { readonly type: "union"; readonly members: ReadonlyArray<infer Member> }
          ? FieldValue<Member>
          : Value

/** The value of a field, null included where it may be. */
export type FieldValue<F> = F extends { readonly nullable: true } ? Plain<F> | null : Plain<F>

type OptionalNames<F> = { [Name in keyof F]: F[Name] extends { readonly optional: true } ? Name : never }[keyof F]
type DefaultedNames<F> = { [Name in keyof F]: F[Name] extends { readonly default: {} | null } ? Name : never }[keyof F]

/** A document with these fields, as it is read: defaults are filled in. */
export type FieldsValue<F extends Fields> = Flat<
  { readonly [Name in Exclude<keyof F, OptionalNames<F>>]: FieldValue<F[Name]> } & {
    readonly [Name in OptionalNames<F>]?: FieldValue<F[Name]>
  }
>

interface Ids {
  readonly key: Key
  readonly uuid: UUID
  readonly objectId: ObjectId
  readonly string: string
  readonly int: number
  readonly long: bigint
}

/** The type of `_id`. */
export type IdOf<D extends StoreDefinition> = Ids[D["idKind"]]

/** A document of a store as it is read. */
export type DocumentOf<D extends StoreDefinition> = Flat<{ readonly _id: IdOf<D> } & FieldsValue<D["schema"]>>

type MadeIds = "key" | "uuid"
type GivenId<Kind extends IdKind> = Kind extends MadeIds ? { readonly _id?: Ids[Kind] } : { readonly _id: Ids[Kind] }

/** A document of a store as it is given: `_id` may be left out where it is made, and so may fields with a default. */
export type NewDocumentOf<D extends StoreDefinition> = Flat<
  GivenId<D["idKind"]> & {
    readonly [Name in Exclude<keyof D["schema"], OptionalNames<D["schema"]> | DefaultedNames<D["schema"]>>]: FieldValue<D["schema"][Name]>
  } & { readonly [Name in OptionalNames<D["schema"]> | DefaultedNames<D["schema"]>]?: FieldValue<D["schema"][Name]> }
>

type Whole = string | number | bigint | boolean | null | undefined | Date | Key | UUID | ObjectId | Binary | Decimal128
/** The documents inside a value: itself, or the elements of an array. */
type Inside<T> = T extends Whole ? never : T extends ReadonlyArray<infer Item> ? Inside<Item> : T extends object ? T : never

/** How many names deep paths are typed. */
interface Less {
  readonly 4: 3
  readonly 3: 2
  readonly 2: 1
  readonly 1: 0
}

/** Paths of a document: `"customer"`, `"address.city"`, `"lines.sku"` (any element of an array); below `any`, any name. */
export type PathOf<T, Deep extends number = 4> = Deep extends keyof Less
  ? {
      [Name in keyof T & string]: IsAny<T[Name]> extends true ? Name | `${Name}.${string}` : Name | Below<Name, Inside<T[Name]>, Less[Deep]>
    }[keyof T & string]
  : never

type Below<Name extends string, T, Deep extends number> = [T] extends [never] ? never : `${Name}.${PathOf<T, Deep>}`

/** Whether a field holds any value at all: then everything can be compared with it. */
type IsAny<T> = [Value] extends [T] ? true : false

type Element<T> = T extends ReadonlyArray<infer Item> ? Item | T : T

/** What a path leads to; of an array, the array or one of its elements. */
export type AtPath<T, Path extends string> = Path extends keyof T
  ? Element<Exclude<T[Path], undefined>>
  : Path extends `${infer Name}.${infer Rest}`
    ? Name extends keyof T
      ? IsAny<T[Name]> extends true
        ? Value
        : AtPath<Inside<T[Name]>, Rest>
      : never
    : never

/** What a path leads to, as it is stored: arrays whole. */
export type StoredAt<T, Path extends string> = Path extends keyof T
  ? Exclude<T[Path], undefined>
  : Path extends `${infer Name}.${infer Rest}`
    ? Name extends keyof T
      ? IsAny<T[Name]> extends true
        ? Value
        : StoredAt<Inside<T[Name]>, Rest>
      : never
    : never

/** The elements of the arrays that a path leads to; never where it leads to none. */
export type ItemAt<T, Path extends string> =
  IsAny<StoredAt<T, Path>> extends true
    ? Value
    : Exclude<StoredAt<T, Path>, null> extends infer Stored
      ? Stored extends ReadonlyArray<infer Item>
        ? Item
        : never
      : never
