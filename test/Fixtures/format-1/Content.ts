/** What the golden directories of format 1 hold: the definitions, and the documents as extended text, by key. */
import { Binary, Decimal128, encode, type DocumentValue, Key, ObjectId, type Value } from "../../../src/Bson/Value.ts"
import { keyOf } from "../../../src/Bson/Key.ts"
import { firstElement, valueOffset } from "../../../src/Bson/View.ts"
import type { StoreDefinition } from "../../../src/Schema/Definition.ts"

export const THINGS: StoreDefinition = {
  name: "things",
  idKind: "key",
  schema: {
    title: { type: "string" },
    rank: { type: "int" },
    price: { type: "decimal", optional: true },
    ratio: { type: "number", optional: true },
    big: { type: "long", optional: true },
    made: { type: "date", optional: true },
    link: { type: "objectId", optional: true },
    isOpen: { type: "boolean", optional: true },
    raw: { type: "binary", optional: true },
    tags: { type: "array", items: { type: "string" }, optional: true },
    place: { type: "struct", fields: { city: { type: "string" } }, optional: true }
  },
  indexes: [
    {
      name: "byRank",
      on: [
        { path: "rank", direction: "desc" },
        { path: "title", direction: "asc" }
      ]
    }
  ]
}

/** The same store with an index that was added when there were documents. */
export const GROWN_THINGS: StoreDefinition = {
  ...THINGS,
  indexes: [...THINGS.indexes, { name: "byCity", on: [{ path: "place.city", direction: "asc" }] }]
}

export const PEOPLE: StoreDefinition = { name: "people", idKind: "string", schema: { age: { type: "int" } }, indexes: [] }

/** Document number `n` of `things` in its version `version`. */
export function thing(n: number, version: number): { readonly key: Uint8Array; readonly bytes: Uint8Array } {
  const key = new Uint8Array(16)
  key[6] = 0x70
  key[8] = 0x80
  key[15] = n
  const rare: Record<string, Value> = {
    price: Decimal128.fromString(`${n}.50`),
    ratio: n / 3,
    big: 9_007_199_254_740_993n + BigInt(n),
    made: new Date(1_700_000_000_000 + n),
    link: new ObjectId("0123456789abcdef01234567"),
    isOpen: n % 2 === 0,
    raw: new Binary(new Uint8Array([n, 255, 0])),
    tags: ["a", `b${n}`]
  }
  const document = {
    _id: new Key(key),
    title: `thing ${n} – ${"é".repeat(n % 7)}`,
    rank: (n * 7 + version) % 5,
    ...(n % 3 === 0 ? rare : {})
  }
  return { key, bytes: encode({ ...document, place: { city: ["Ghent", "Turin", "Porto"][n % 3]! } } as DocumentValue) }
}

export function person(name: string, age: number): { readonly key: Uint8Array; readonly bytes: Uint8Array } {
  const bytes = encode({ _id: name, age })
  const id = firstElement(0)
  return { key: keyOf("string", bytes[id]!, bytes, valueOffset(bytes, id)), bytes }
}

/** Which version of each thing is there in the end; -1 for one that was removed. */
export function finalVersion(n: number): number {
  if (n % 10 === 9) return -1
  return n % 4 === 0 ? 2 : 1
}

export const THING_COUNT = 60
export const PERSON_COUNT = 20
