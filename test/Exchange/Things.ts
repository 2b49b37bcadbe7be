/** A store with a field of every type, and random documents for it. */
import * as Effect from "effect/Effect"
import type { Value } from "../../src/Bson/Value.ts"
import { Binary, decode, Decimal128, Key, Long, ObjectId, UUID } from "../../src/Bson/Value.ts"
import { Disk } from "../../src/Disk/Disk.ts"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { dump, type Format } from "../../src/Exchange/Exchange.ts"
import { Query } from "../../src/Query/Query.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import type { StorageLimits } from "../../src/Storage/Limits.ts"
import { Storage } from "../../src/Storage/Storage.ts"
import type { Random } from "../Storage/Random.ts"

export const THINGS: StoreDefinition = {
  name: "things",
  idKind: "string",
  schema: {
    text: { type: "string", optional: true, nullable: true },
    plain: { type: "string" },
    small: { type: "int" },
    large: { type: "long", optional: true },
    real: { type: "number", nullable: true },
    price: { type: "decimal" },
    isOn: { type: "boolean" },
    at: { type: "date" },
    key: { type: "key" },
    uuid: { type: "uuid", optional: true },
    object: { type: "objectId" },
    bytes: { type: "binary" },
    kind: { type: "literals", values: ["a", "null", ""] },
    mixed: { type: "literals", values: ["1", 1, true, null], optional: true },
    lines: { type: "array", items: { type: "struct", fields: { name: { type: "string" }, count: { type: "int" } } } },
    free: { type: "any", optional: true, nullable: true }
  },
  indexes: [{ name: "bySmall", on: [{ path: "small", direction: "asc" }] }]
}

const TEXTS = ["", "null", "plain", 'says "so"', "a,b", "two\nlines", "cr\r\nlf", "é😀", " space ", '{"$oid":"x"}', "a\0b"]

/** A document for THINGS; `n` makes its `_id`. */
export function thing(random: Random, n: number): { readonly [name: string]: Value } {
  const text = (): string => random.pick(TEXTS)
  const maybe = (name: string, value: Value): { readonly [name: string]: Value } => (random.chance(60) ? { [name]: value } : {})
  return {
    _id: `${text().replaceAll("\0", "")}-${n}`,
    ...maybe("text", random.chance(30) ? null : text()),
    plain: text(),
    small: random.pick([0, -1, 2147483647, random.below(1000)]),
    ...maybe("large", random.pick([Long.fromNumber(5), 2n ** 63n - 1n, -(2n ** 63n)])),
    real: random.pick([0.5, 5, -0, 1e300, null, 1e21]),
    price: Decimal128.fromString(random.pick(["9.90", "-0", "1E+3", "0.10", "12"])),
    isOn: random.chance(50),
    at: new Date(random.pick([0, -1, 1_700_000_000_123, 253_402_300_800_000, -62_135_596_800_001])),
    key: new Key(random.bytes(16)),
    ...maybe("uuid", new UUID(random.bytes(16))),
    object: new ObjectId(random.bytes(12)),
    bytes: new Binary(random.bytes(random.below(9))),
    kind: random.pick(["a", "null", ""]),
    ...maybe("mixed", random.pick<Value>(["1", 1, true, null])),
    lines: Array.from({ length: random.below(3) }, (_, count) => ({ name: text(), count })),
    ...maybe("free", random.pick<Value>([null, "null", 5n, 5, { $date: "x" }, [1.5, new Date(5)], text()]))
  }
}

/** Runs a program on a database of the volume, in a process of its own so to speak: opened before, closed after. */
export const onDatabase = <A, E>(
  volume: SimulatedVolume,
  program: Effect.Effect<A, E, Storage | Query>,
  stores: ReadonlyArray<StoreDefinition> = [THINGS],
  limits: Partial<StorageLimits> = {}
): Promise<A> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const storage = yield* Storage
      yield* storage.defineStores(stores)
      return yield* program.pipe(Effect.provide(Query.layer()))
    }).pipe(Effect.provide(Storage.layer({ directory: "data/shop", limits })), Effect.provideService(Disk, Disk.over(volume)))
  )

/** Stores documents. */
export const insert = (documents: ReadonlyArray<{ readonly [name: string]: Value }>) =>
  Effect.flatMap(Query, (query) => query.transact((transaction) => void transaction.insert("things", documents)))

/** A store in one of the formats. */
export const dumped = (format: Format, store = "things") =>
  Effect.gen(function* () {
    const chunks: Array<Uint8Array> = []
    yield* dump({ store, format, write: (chunk) => Effect.sync(() => void chunks.push(chunk.slice())) })
    return Buffer.concat(chunks)
  })

/** Bytes in pieces of random length. */
export async function* pieces(bytes: Uint8Array, random: Random): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + random.below(700))
    yield bytes.subarray(at, end)
    at = end
  }
}

/** What a BSON dump holds, as objects. */
export function documentsOf(bytes: Uint8Array): ReadonlyArray<Record<string, Value>> {
  const documents: Array<Record<string, Value>> = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at < bytes.length; at += view.getInt32(at, true)) documents.push(decode(bytes, at))
  return documents
}
