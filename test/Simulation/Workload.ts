/** What the databases of a simulation hold: stores, documents and the indexes that come and go. */
import { BSON, Binary } from "bson"
import { keyOf } from "../../src/Bson/Key.ts"
import { valueOffset } from "../../src/Bson/View.ts"
import type { Random } from "../../src/Disk/Random.ts"
import type { Fields, IndexDefinition, StoreDefinition } from "../../src/Schema/Definition.ts"
import type { StoredDocument } from "./Model.ts"

interface StoreShape {
  readonly definition: StoreDefinition
  /** Indexes that may be defined; any of them at any time. */
  readonly indexes: ReadonlyArray<IndexDefinition>
  readonly document: (random: Random) => Readonly<Record<string, unknown>>
}

const asc = (path: string) => ({ path, direction: "asc" as const })
const desc = (path: string) => ({ path, direction: "desc" as const })

const KEY_SUBTYPE = 0x80
const NUMBERS = 40
const NAMES = ["ann", "bob", "cleo", "dora", "emil", "fay", "гри", "日本", "zoë"]
const STATUSES = ["open", "paid", "sent", "", "open\u0000", "open\u0001a"]

function pick<T>(random: Random, values: ReadonlyArray<T>): T {
  return values[random.below(values.length)]!
}

/** Keys that ascend with their numbers. */
function keyNumber(number: number): Binary {
  const key = new Uint8Array(16)
  key[6] = 0x70
  new DataView(key.buffer).setUint32(2, number)
  return new Binary(key, KEY_SUBTYPE)
}

/** Mostly short, now and then longer than an index entry, a block or a log segment of a simulation. */
function note(random: Random): string {
  const letter = String.fromCharCode(97 + random.below(26))
  if (random.chance(0.015)) return letter.repeat(30_000 + random.below(20_000))
  if (random.chance(0.1)) return letter.repeat(2000 + random.below(4000))
  return letter.repeat(random.below(400))
}

const ORDER_FIELDS: Fields = {
  status: { type: "string", optional: true, nullable: true },
  total: { type: "number", optional: true },
  paid: { type: "boolean", optional: true },
  at: { type: "date", optional: true },
  place: { type: "struct", optional: true, fields: { city: { type: "string", optional: true }, floor: { type: "int", optional: true } } },
  note: { type: "string", optional: true }
}

function order(random: Random): Readonly<Record<string, unknown>> {
  const fields: Record<string, unknown> = { _id: keyNumber(random.below(NUMBERS)) }
  if (random.chance(0.9)) fields["status"] = random.chance(0.1) ? null : pick(random, STATUSES)
  if (random.chance(0.03)) fields["status"] = "z".repeat(1500) + String(random.below(5))
  if (random.chance(0.9)) fields["total"] = random.chance(0.2) ? random.below(40) / 4 - 5 : random.below(20) - 10
  if (random.chance(0.5)) fields["paid"] = random.chance(0.5)
  if (random.chance(0.5)) fields["at"] = new Date(1_700_000_000_000 + (random.below(10) - 5) * 1000)
  if (random.chance(0.6)) fields["place"] = random.chance(0.8) ? { city: pick(random, NAMES), floor: random.below(5) } : {}
  if (random.chance(0.6)) fields["note"] = note(random)
  return fields
}

const SHAPES: ReadonlyArray<StoreShape> = [
  {
    definition: { name: "orders", idKind: "key", schema: ORDER_FIELDS, indexes: [] },
    indexes: [
      { name: "byStatus", on: [asc("status")] },
      { name: "byTotal", on: [desc("total"), asc("status")] },
      { name: "byPlace", on: [asc("place.city"), desc("place.floor"), asc("paid")] },
      { name: "byMoment", on: [desc("at")] }
    ],
    document: order
  },
  {
    definition: {
      name: "people",
      idKind: "string",
      schema: { age: { type: "int", optional: true }, note: { type: "string", optional: true } },
      indexes: []
    },
    indexes: [{ name: "byAge", on: [asc("age")] }],
    document: (random) => ({ _id: pick(random, NAMES) + random.below(4), age: random.below(6), note: note(random) })
  },
  {
    definition: { name: "ticks", idKind: "key", schema: { of: { type: "int" } }, indexes: [] },
    indexes: [{ name: "byOf", on: [desc("of")] }],
    document: (random) => ({ _id: keyNumber(random.below(1_000_000)), of: random.below(3) })
  }
]

/** The store in which a database notes what it saw of another one. */
export const SIGHTINGS: StoreDefinition = {
  name: "sightings",
  idKind: "string",
  schema: { lsn: { type: "long" }, digest: { type: "string" } },
  indexes: []
}

/** A note that the database `name` was seen at `lsn`. */
export function sighting(name: string, lsn: number, digest: string): StoredDocument {
  return stored(SIGHTINGS, { _id: name, lsn, digest })
}

/** Definitions of some of the stores, each with any of its indexes. */
export function someDefinitions(random: Random): ReadonlyArray<StoreDefinition> {
  const shapes = SHAPES.filter(() => random.chance(0.6))
  return (shapes.length === 0 ? SHAPES.slice(0, 1) : shapes).map(({ definition, indexes }) => ({
    ...definition,
    indexes: indexes.filter(() => random.chance(0.5))
  }))
}

/** Stores to begin with. */
export function firstDefinitions(random: Random): ReadonlyArray<StoreDefinition> {
  return [...someDefinitions(random), SIGHTINGS]
}

/** A document for the store. */
export function someDocument(definition: StoreDefinition, random: Random): StoredDocument {
  const shape = SHAPES.find((it) => it.definition.name === definition.name)!
  return stored(definition, shape.document(random))
}

/** Whether documents are made for it: not those that have a purpose of their own. */
export const isFilledAtRandom = (name: string): boolean => SHAPES.some((it) => it.definition.name === name)

function stored(definition: StoreDefinition, fields: Readonly<Record<string, unknown>>): StoredDocument {
  const bytes = BSON.serialize(fields)
  // The key is what a client hands in beside the document.
  return { key: keyOf(definition.idKind, bytes[4]!, bytes, valueOffset(bytes, 4)), bytes, fields }
}
