/** Types of paths: `"customer"`, `"address.city"`, `"lines.sku"` (any element of an array). Four names deep. */
import type { Decimal } from "./decimal.ts"
import type { Key, ObjectId, Uuid } from "./values.ts"

type Whole = string | number | bigint | boolean | null | undefined | Date | Uint8Array | Decimal | Key | Uuid | ObjectId
type Inner<Value> = Value extends Whole
  ? never
  : Value extends ReadonlyArray<infer Item>
    ? Inner<Item>
    : Value extends object
      ? Value
      : never

type Less = { 4: 3; 3: 2; 2: 1; 1: 0; 0: 0 }
type Depth = keyof Less

/** Paths of a document's fields. */
export type Path<Value, Deep extends Depth = 4> = Deep extends 0
  ? never
  : {
      [Name in keyof Value & string]: unknown extends Value[Name]
        ? Name | `${Name}.${string}`
        : Name | Below<Name, Inner<Value[Name]>, Less[Deep]>
    }[keyof Value & string]

type Below<Name extends string, Value, Deep extends Depth> = [Value] extends [never] ? never : `${Name}.${Path<Value, Deep>}`

type Element<Value> = Value extends ReadonlyArray<infer Item> ? Item : Value

/** The type of what a path leads to: of an array, the array or one of its elements. */
export type At<Value, Where extends string> = Where extends keyof Value
  ? Element<Exclude<Value[Where], undefined>> | Exclude<Value[Where], undefined>
  : Where extends `${infer Name}.${infer Rest}`
    ? Name extends keyof Value
      ? unknown extends Value[Name]
        ? unknown
        : At<Inner<Value[Name]>, Rest>
      : unknown
    : unknown

/** What a path leads to, arrays whole. */
export type Stored<Value, Where extends string> = Where extends keyof Value
  ? Exclude<Value[Where], undefined>
  : Where extends `${infer Name}.${infer Rest}`
    ? Name extends keyof Value
      ? unknown extends Value[Name]
        ? unknown
        : Stored<Inner<Value[Name]>, Rest>
      : unknown
    : unknown

/** The elements of the array that a path leads to; never where it leads to none. */
export type ItemAt<Value, Where extends string> =
  unknown extends Stored<Value, Where>
    ? unknown
    : Exclude<Stored<Value, Where>, null> extends infer Whole
      ? Whole extends ReadonlyArray<infer Item>
        ? Item
        : never
      : never
