/**
 * The BSON element types Planck stores, as plain numbers: `import * as Type from "../Bson/Type.ts"`, then `Type.STRING`.
 *
 * Invariants
 * - `MISSING` (0) is the end-of-document byte. It stands for "no such element" wherever a (bytes, type, at) triple is passed on.
 * - The deprecated types (undefined, DBPointer, code, symbol) are not here: `validate` refuses them, so nothing behind it meets them.
 */

export const MISSING = 0
export const DOUBLE = 1
export const STRING = 2
export const DOCUMENT = 3
export const ARRAY = 4
export const BINARY = 5
export const OBJECT_ID = 7
export const BOOLEAN = 8
export const DATE = 9
export const NULL = 10
export const REGEX = 11
export const INT32 = 16
export const TIMESTAMP = 17
export const INT64 = 18
export const DECIMAL128 = 19
export const MAX_KEY = 127
export const MIN_KEY = 255

/** Binary subtype of a `Key`: 16 bytes, a big-endian 128-bit number. */
export const KEY_SUBTYPE = 0x80
/** Binary subtype of a UUID: 16 bytes, in RFC 9562 order. */
export const UUID_SUBTYPE = 4
/** Binary subtype of bytes without further meaning. */
export const GENERIC_SUBTYPE = 0

const names = new Map<number, string>([
  [MISSING, "missing"],
  [DOUBLE, "double"],
  [STRING, "string"],
  [DOCUMENT, "document"],
  [ARRAY, "array"],
  [BINARY, "binary"],
  [OBJECT_ID, "objectId"],
  [BOOLEAN, "boolean"],
  [DATE, "date"],
  [NULL, "null"],
  [REGEX, "regex"],
  [INT32, "int"],
  [TIMESTAMP, "timestamp"],
  [INT64, "long"],
  [DECIMAL128, "decimal"],
  [MAX_KEY, "maxKey"],
  [MIN_KEY, "minKey"]
])

/** The name people see for a type (`typeName(16)` is `"int"`); `"type 0x06"` for one that Planck does not store. */
export function typeName(type: number): string {
  return names.get(type) ?? `type 0x${type.toString(16).padStart(2, "0")}`
}
