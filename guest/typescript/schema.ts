/**
 * Schemas: what the fields of a document, a route's input or a configuration hold. One declaration gives the type in the editor, the check in the
 * host and the encoding on disk.
 */
import { Decimal } from "./decimal.ts"
import { Key, ObjectId, Uuid } from "./values.ts"

/** Whether a field has to be there: always; not at all; or not when it is given, because a default stands in. */
export type Presence = "required" | "optional" | "defaulted"

/** A field as the manifest has it. The host knows the same type from `src/Schema/Definition.ts`. */
export interface FieldDefinition {
  readonly type: string
  readonly optional?: true
  readonly nullable?: true
  readonly default?: unknown
  readonly secret?: true
  readonly [option: string]: unknown
}

declare const valueOf: unique symbol

/**
 * The schema of one value of type `Value`. Made by the functions of `s`.
 *
 * @example
 * ```ts
 * s.string({ maxLength: 80 }).optional()
 * ```
 */
export class Schema<Value, Present extends Presence = "required"> {
  declare readonly [valueOf]: { readonly present: Present; readonly value: Value }
  readonly definition: FieldDefinition

  constructor(definition: FieldDefinition) {
    this.definition = definition
  }

  /** The field may be left out. */
  optional(): Schema<Value, "optional"> {
    return new Schema({ ...this.definition, optional: true })
  }

  /** The field may be null. */
  nullable(): Schema<Value | null, Present> {
    return new Schema({ ...this.definition, nullable: true })
  }

  /** The value of the field when it is left out. */
  default(value: Value): Schema<Value, "defaulted"> {
    return new Schema({ ...this.definition, default: plain(value) })
  }
}

/**
 * A schema of a struct, which also knows its fields.
 *
 * @example
 * ```ts
 * const address: StructSchema<{ readonly city: Schema<string> }> = s.struct({ city: s.string() })
 * ```
 */
export class StructSchema<Shape extends Fields, Present extends Presence = "required"> extends Schema<Document<Shape>, Present> {
  readonly fields: Shape

  constructor(fields: Shape) {
    super({ type: "struct", fields: definitions(fields) })
    this.fields = fields
  }

  /** The same struct without some of its fields. */
  omit<const Name extends keyof Shape & string>(...names: ReadonlyArray<Name>): StructSchema<Omit<Shape, Name>> {
    const kept = Object.entries(this.fields).filter(([name]) => !(names as ReadonlyArray<string>).includes(name))
    return new StructSchema(Object.fromEntries(kept) as unknown as Omit<Shape, Name>) // entries lose the names
  }

  /** Some of its fields only. */
  pick<const Name extends keyof Shape & string>(...names: ReadonlyArray<Name>): StructSchema<Pick<Shape, Name>> {
    const kept = Object.entries(this.fields).filter(([name]) => (names as ReadonlyArray<string>).includes(name))
    return new StructSchema(Object.fromEntries(kept) as unknown as Pick<Shape, Name>) // entries lose the names
  }
}

/** Any schema. */
export type AnySchema = Schema<unknown, Presence>

/** Named schemas. */
export interface Fields {
  readonly [name: string]: AnySchema
}

/** The type of a schema's values. */
export type Infer<S> = S extends Schema<infer Value, Presence> ? Value : never

type NamesWith<Shape, Wanted extends Presence> = {
  [Name in keyof Shape]: Shape[Name] extends Schema<unknown, infer Present> ? (Present extends Wanted ? Name : never) : never
}[keyof Shape]
type Flat<Type> = { [Name in keyof Type]: Type[Name] }

/** A document with these fields as it is read: defaults are filled in. */
export type Document<Shape> = Flat<
  { [Name in NamesWith<Shape, "required" | "defaulted">]: Infer<Shape[Name]> } & {
    [Name in NamesWith<Shape, "optional">]?: Infer<Shape[Name]>
  }
>

/** A document with these fields as it is given: fields with a default may be left out. */
export type Given<Shape> = Flat<
  { [Name in NamesWith<Shape, "required">]: Infer<Shape[Name]> } & {
    [Name in NamesWith<Shape, "optional" | "defaulted">]?: Infer<Shape[Name]>
  }
>

export interface StringOptions {
  readonly minLength?: number
  readonly maxLength?: number
  /** A regular expression that has to match somewhere; write `^…$` for the whole text. */
  readonly pattern?: RegExp | string
}

export interface NumberOptions {
  readonly min?: number
  readonly max?: number
}

export interface LongOptions {
  readonly min?: bigint
  readonly max?: bigint
}

export interface ArrayOptions {
  readonly minItems?: number
  readonly maxItems?: number
}

type Literal = string | number | boolean | null

/** Makers of schemas. */
export const s = {
  /** A 128-bit key: of documents of one store, when its name is given. */
  key<const Store extends string = string>(store?: Store | { readonly name: Store }): Schema<Key<Store>> {
    const name = typeof store === "object" ? store.name : store
    return new Schema({ type: "key", ...(name === undefined ? {} : { store: name }) })
  },

  /** Text. Lengths count characters. */
  string(options: StringOptions = {}): Schema<string> {
    const { pattern, ...lengths } = options
    return new Schema({
      type: "string",
      ...lengths,
      ...(pattern === undefined ? {} : { pattern: typeof pattern === "string" ? pattern : pattern.source })
    })
  },

  /** A whole number of 32 bits. */
  int(options: NumberOptions = {}): Schema<number> {
    return new Schema({ type: "int", ...options })
  },

  /** A whole number of 64 bits, as bigint. */
  long(options: LongOptions = {}): Schema<bigint> {
    const { min, max } = options
    return new Schema({
      type: "long",
      ...(min === undefined ? {} : { min: min.toString() }),
      ...(max === undefined ? {} : { max: max.toString() })
    })
  },

  /** A number (a double). */
  number(options: NumberOptions = {}): Schema<number> {
    return new Schema({ type: "number", ...options })
  },

  /** An exact decimal number. */
  decimal(): Schema<Decimal> {
    return new Schema({ type: "decimal" })
  },

  boolean(): Schema<boolean> {
    return new Schema({ type: "boolean" })
  },

  /** A point in time, to the millisecond. */
  date(): Schema<Date> {
    return new Schema({ type: "date" })
  },

  uuid(): Schema<Uuid> {
    return new Schema({ type: "uuid" })
  },

  objectId(): Schema<ObjectId> {
    return new Schema({ type: "objectId" })
  },

  /** Bytes. */
  binary(options: { readonly maxLength?: number } = {}): Schema<Uint8Array> {
    return new Schema({ type: "binary", ...options })
  },

  /** One of some values. */
  literals<const Values extends ReadonlyArray<Literal>>(...values: Values): Schema<Values[number]> {
    return new Schema({ type: "literals", values })
  },

  /** A list. */
  array<Item, Present extends Presence>(items: Schema<Item, Present>, options: ArrayOptions = {}): Schema<Item[]> {
    return new Schema({ type: "array", items: items.definition, ...options })
  },

  /** A document inside a document. */
  struct<const Shape extends Fields>(fields: Shape): StructSchema<Shape> {
    return new StructSchema(fields)
  },

  /** A document with any names, whose values are all alike. */
  record<Value, Present extends Presence>(
    values: Schema<Value, Present>,
    options: { readonly maxEntries?: number } = {}
  ): Schema<Record<string, Value>> {
    return new Schema({ type: "record", values: values.definition, ...options })
  },

  /** One of some types; the first that fits. */
  union<const Members extends ReadonlyArray<AnySchema>>(...members: Members): Schema<Infer<Members[number]>> {
    return new Schema({ type: "union", members: members.map((member) => member.definition) })
  },

  /** Anything a document can hold. */
  any(): Schema<unknown> {
    return new Schema({ type: "any" })
  },

  /** Text from the configuration that is never shown. */
  secret(options: StringOptions = {}): Schema<string> {
    return new Schema({ ...s.string(options).definition, secret: true })
  }
}

/** The definitions of named schemas. */
export function definitions(fields: Fields): Record<string, FieldDefinition> {
  return Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, schema.definition]))
}

/** A value as plain JSON, the way the manifest holds it. */
export function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString()
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Decimal || value instanceof Key || value instanceof Uuid || value instanceof ObjectId) return value.toString()
  if (value instanceof Uint8Array) return btoa(String.fromCharCode(...value))
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]))
  return value
}
