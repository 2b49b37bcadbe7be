/** The stores of a simulation: what their documents look like, and every index that may be defined on them. */
import { Binary } from "bson"
import type { Random } from "../../src/Disk/Random.ts"
import type { Fields, IndexDefinition, StoreDefinition } from "../../src/Schema/Definition.ts"

export interface StoreShape {
  readonly definition: StoreDefinition
  /** Indexes that may be defined; any of them at any time, of one name one at a time. */
  readonly indexes: ReadonlyArray<IndexDefinition>
  readonly document: (random: Random) => Readonly<Record<string, unknown>>
}

const asc = (path: string) => ({ path, direction: "asc" as const })
const desc = (path: string) => ({ path, direction: "desc" as const })

const KEY_SUBTYPE = 0x80
const NUMBERS = 40
const NAMES = ["ann", "bob", "cleo", "dora", "emil", "fay", "гри", "日本", "zoë"]
const STATUSES = ["open", "paid", "sent", "", "open\u0000", "open\u0001a"]
const TAGS = ["red", "green", "blue", "", "зелёный"]
/** Where the clock of a simulation begins. */
const EPOCH_MS = 1_700_000_000_000

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

const listOf = <A>(random: Random, max: number, make: () => A): ReadonlyArray<A> => Array.from({ length: random.below(max + 1) }, make)

const ORDER_FIELDS: Fields = {
  status: { type: "string", optional: true, nullable: true },
  total: { type: "number", optional: true },
  paid: { type: "boolean", optional: true },
  at: { type: "date", optional: true },
  until: { type: "array", items: { type: "date" }, optional: true },
  tags: { type: "array", items: { type: "string" }, optional: true },
  lines: {
    type: "array",
    items: { type: "struct", fields: { sku: { type: "string", optional: true }, count: { type: "int" } } },
    optional: true
  },
  place: { type: "struct", optional: true, fields: { city: { type: "string", optional: true }, floor: { type: "int", optional: true } } },
  note: { type: "string", optional: true }
}

function order(random: Random): Readonly<Record<string, unknown>> {
  const fields: Record<string, unknown> = { _id: keyNumber(random.below(NUMBERS)) }
  if (random.chance(0.9)) fields["status"] = random.chance(0.1) ? null : pick(random, STATUSES)
  if (random.chance(0.03)) fields["status"] = "z".repeat(1500) + String(random.below(5))
  if (random.chance(0.9)) fields["total"] = random.chance(0.2) ? random.below(40) / 4 - 5 : random.below(20) - 10
  if (random.chance(0.5)) fields["paid"] = random.chance(0.5)
  if (random.chance(0.5)) fields["at"] = new Date(EPOCH_MS + (random.below(10) - 5) * 1000)
  if (random.chance(0.25)) fields["until"] = listOf(random, 2, () => new Date(EPOCH_MS + random.below(60) * 1000))
  if (random.chance(0.5)) fields["tags"] = listOf(random, 4, () => pick(random, TAGS))
  if (random.chance(0.4)) {
    fields["lines"] = listOf(random, 3, () => ({ ...(random.chance(0.8) ? { sku: pick(random, NAMES) } : {}), count: random.below(4) }))
  }
  if (random.chance(0.6)) fields["place"] = random.chance(0.8) ? { city: pick(random, NAMES), floor: random.below(5) } : {}
  if (random.chance(0.6)) fields["note"] = note(random)
  return fields
}

const PERSON_FIELDS: Fields = {
  age: { type: "int", optional: true },
  mail: { type: "string", optional: true },
  badges: { type: "array", items: { type: "int" }, optional: true },
  code: { type: "string", optional: true },
  note: { type: "string", optional: true }
}

/** Values that are to be unique are mostly: a few tries in a hundred are not. */
function person(random: Random): Readonly<Record<string, unknown>> {
  const number = random.below(36)
  const own = random.chance(0.93) ? number : random.below(36)
  return {
    _id: NAMES[number % NAMES.length]! + String(Math.floor(number / NAMES.length)),
    ...(random.chance(0.9) ? { age: random.below(6) } : {}),
    ...(random.chance(0.97) ? { mail: `mail${own}${random.chance(0.05) ? "@".repeat(1100) : ""}` } : {}),
    ...(random.chance(0.5) ? { badges: listOf(random, 2, () => own * 2 + random.below(2)) } : {}),
    ...(random.chance(0.6) ? { code: `c${random.chance(0.5) ? own : random.below(36)}` } : {}),
    note: note(random)
  }
}

export const SHAPES: ReadonlyArray<StoreShape> = [
  {
    definition: { name: "orders", idKind: "key", schema: ORDER_FIELDS, indexes: [] },
    indexes: [
      { name: "byStatus", on: [asc("status")] },
      { name: "byTotal", on: [desc("total"), asc("status")] },
      { name: "byPlace", on: [asc("place.city"), desc("place.floor"), asc("paid")] },
      { name: "byMoment", on: [desc("at")], sparse: true },
      { name: "byMoment", on: [asc("at")], where: { op: "exists", path: "at", value: true } },
      { name: "byTag", on: [asc("tags")] },
      { name: "byTag", on: [desc("tags"), asc("total")], sparse: true },
      { name: "bySku", on: [desc("total"), asc("lines.sku")] },
      { name: "openOnly", on: [desc("total")], where: { op: "eq", path: "status", value: "open" } },
      { name: "dear", on: [asc("place.city")], where: { op: "gt", path: "total", value: 3 }, sparse: true },
      { name: "ending", on: [asc("until")], expireAfterMs: 2000 },
      { name: "ending", on: [desc("until")], expireAfterMs: 9000, where: { op: "eq", path: "paid", value: true } }
    ],
    document: order
  },
  {
    definition: { name: "people", idKind: "string", schema: PERSON_FIELDS, indexes: [] },
    indexes: [
      { name: "byAge", on: [asc("age")] },
      { name: "byMail", on: [asc("mail")] },
      { name: "byMail", on: [desc("mail")], unique: true },
      { name: "byBadge", on: [asc("badges")], unique: true, sparse: true },
      { name: "byCode", on: [asc("code"), desc("age")], unique: true, where: { op: "gt", path: "age", value: 2 } }
    ],
    document: person
  },
  {
    definition: { name: "ticks", idKind: "key", schema: { of: { type: "int" } }, indexes: [] },
    indexes: [{ name: "byOf", on: [desc("of")] }],
    document: (random) => ({ _id: keyNumber(random.below(1_000_000)), of: random.below(3) })
  }
]
