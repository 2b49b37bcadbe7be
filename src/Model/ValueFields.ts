/** Schemas of the values that stores have and Effect does not: what `Planck.Key` and the others of npm's `bson` are in a `Schema.Class`. */
import * as Schema from "effect/Schema"
import { Binary, Decimal128, Key, ObjectId, UUID } from "../Bson/Value.ts"
import { FIELD_TYPE } from "./StoredFields.ts"

/**
 * A key of 128 bits: the usual `_id`, made by the store where an insert leaves it out.
 *
 * @example
 * ```ts
 * class Order extends Schema.Class<Order>("Order")({ _id: KeyField, customer: Schema.String }) {}
 * console.log(schemaStore(Order, { name: "orders" }).definition.idKind) // => key
 * ```
 */
export const KeyField = Schema.instanceOf(Key, { [FIELD_TYPE]: "key", expected: "a key" })

/**
 * A UUID. As `_id` it is made by the store where an insert leaves it out.
 *
 * @example
 * ```ts
 * class Device extends Schema.Class<Device>("Device")({ _id: UuidField, name: Schema.String }) {}
 * console.log(schemaStore(Device, { name: "devices" }).definition.idKind) // => uuid
 * ```
 */
export const UuidField = Schema.instanceOf(UUID, { [FIELD_TYPE]: "uuid", expected: "a UUID" })

/**
 * A MongoDB ObjectId.
 *
 * @example
 * ```ts
 * class Import extends Schema.Class<Import>("Import")({ _id: ObjectIdField, source: Schema.String }) {}
 * console.log(schemaStore(Import, { name: "imports" }).definition.idKind) // => objectId
 * ```
 */
export const ObjectIdField = Schema.instanceOf(ObjectId, { [FIELD_TYPE]: "objectId", expected: "an ObjectId" })

/**
 * An exact decimal number.
 *
 * @example
 * ```ts
 * class Price extends Schema.Class<Price>("Price")({ _id: Schema.String, amount: DecimalField }) {}
 * console.log(schemaStore(Price, { name: "prices" }).definition.schema) // => { amount: { type: 'decimal' } }
 * ```
 */
export const DecimalField = Schema.instanceOf(Decimal128, { [FIELD_TYPE]: "decimal", expected: "a Decimal128" })

/**
 * Bytes, as npm's `bson` has them.
 *
 * @example
 * ```ts
 * class Photo extends Schema.Class<Photo>("Photo")({ _id: Schema.String, content: BinaryField }) {}
 * console.log(schemaStore(Photo, { name: "photos" }).definition.schema) // => { content: { type: 'binary' } }
 * ```
 */
export const BinaryField = Schema.instanceOf(Binary, { [FIELD_TYPE]: "binary", expected: "binary data" })
