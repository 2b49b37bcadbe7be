/** The names that `is` knows: those of BSON types, `number` for all four numbers, `key` and `uuid` for the two special binaries. */
import * as Type from "../Bson/Type.ts"
import { isKnownType, readInt32 } from "../Bson/View.ts"

const NUMBERS = [Type.DOUBLE, Type.INT32, Type.INT64, Type.DECIMAL128]
const ID_BYTES = 16

const typesByName: ReadonlyMap<string, ReadonlyArray<number>> = new Map([
  ...Array.from({ length: 256 }, (_, type) => type)
    .filter((type) => type !== Type.MISSING && isKnownType(type))
    .map((type): [string, ReadonlyArray<number>] => [Type.typeName(type), [type]]),
  ["number", NUMBERS],
  ["key", [Type.BINARY]],
  ["uuid", [Type.BINARY]]
])

const subtypes: Readonly<Record<string, number>> = { key: Type.KEY_SUBTYPE, uuid: Type.UUID_SUBTYPE }

/** Every name, in the order of people. */
export const TYPE_NAMES: ReadonlyArray<string> = [...typesByName.keys()].toSorted()

/** The test for a type by its name; undefined when there is no such name. */
export function typeTest(name: string): ((bytes: Uint8Array, type: number, at: number) => boolean) | undefined {
  const types = typesByName.get(name)
  if (types === undefined) return undefined
  const wanted = new Uint8Array(256)
  for (const type of types) wanted[type] = 1
  const subtype = Object.hasOwn(subtypes, name) ? subtypes[name] : undefined
  if (subtype === undefined) return (_bytes, type) => wanted[type] === 1
  return (bytes, type, at) => type === Type.BINARY && readInt32(bytes, at) === ID_BYTES && bytes[at + 4] === subtype
}
