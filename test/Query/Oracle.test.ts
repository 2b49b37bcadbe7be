/**
 * Queries and updates beside npm `mingo`, which has MongoDB's semantics by other hands: random documents, the same question to both.
 *
 * What the two do not share is left out here and tested by hand elsewhere: comparisons with null, arrays and documents by order, NaN,
 * text beyond the BMP (mingo compares UTF-16), arrays in an order, elements that are no documents under a negation, and null or a size at
 * a path that leads into an array without documents (a missing value here, none at all there).
 */
import { assert, describe, it } from "@effect/vitest"
import { aggregate, Query as MingoQuery, update as mingoUpdate } from "mingo"
import { decode, encode, type Value } from "../../src/Bson/Value.ts"
import { compileFilter } from "../../src/Match/Compile.ts"
import type { Aggregate, Filter, Order } from "../../src/Query/Ast.ts"
import { Executor } from "../../src/Query/Executor.ts"
import { RowList } from "../../src/Query/RowList.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import type { Reader } from "../../src/Storage/Reader.ts"
import { type Database, openDatabase } from "../Storage/Database.ts"
import { Random } from "../Storage/Random.ts"
import { keyNumber } from "./Model.ts"

type Plain = null | boolean | number | string | Date | ReadonlyArray<Plain> | { readonly [name: string]: Plain }
type PlainDocument = { readonly [name: string]: Plain }

const TEXTS = ["", "a", "ab", "b", "é", "Ab", "a.b", "x+y"]
const NUMBERS = [0, -0, 1, 2, 2.5, -1, 2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2, 1e300]
const DATES = [0, 1, -1, 86_400_000].map((ms) => new Date(ms))
const PATTERNS = ["^a", "b$", "a.b", "[ab]+", "^$"]

function scalar(random: Random): Plain {
  switch (random.below(6)) {
    case 0:
      return random.pick(TEXTS)
    case 1:
    case 2:
      return random.pick(NUMBERS)
    case 3:
      return random.pick(DATES)
    case 4:
      return random.chance(50)
    default:
      return null
  }
}

/**
 * A value; arrays do not stand inside arrays: mingo flattens them, and of arrays in documents of an array it looks into either all or none.
 */
function anything(random: Random, depth: number, inArray = false): Plain {
  if (depth === 0 || random.chance(60)) return scalar(random)
  if (!inArray && random.chance(50)) return Array.from({ length: random.below(4) }, () => anything(random, depth - 1, true))
  return Object.fromEntries(["x", "y"].filter(() => random.chance(60)).map((name) => [name, anything(random, depth - 1, inArray)]))
}

const asc = (path: string) => ({ path, direction: "asc" as const })
const desc = (path: string) => ({ path, direction: "desc" as const })
const FIELDS: StoreDefinition["schema"] = {
  any: { type: "any", optional: true },
  n: { type: "number", optional: true, nullable: true },
  s: { type: "string", optional: true, nullable: true },
  d: { type: "date", optional: true, nullable: true },
  tags: { type: "array", items: { type: "any" }, optional: true },
  lines: {
    type: "array",
    items: { type: "struct", fields: { q: { type: "number", optional: true }, k: { type: "string", optional: true } } },
    optional: true
  }
}
const STORES: ReadonlyArray<StoreDefinition> = [
  { name: "plain", idKind: "key", schema: FIELDS, indexes: [] },
  {
    name: "indexed",
    idKind: "key",
    schema: FIELDS,
    indexes: [[asc("n")], [desc("s"), asc("n")], [asc("d"), desc("s")], [asc("s"), asc("d"), asc("n")]].map((on, index) => ({
      name: `index${index}`,
      on
    }))
  }
]

function randomDocument(random: Random): PlainDocument {
  const document: Record<string, Plain> = {}
  const maybe = (name: string, make: () => Plain): void => {
    if (random.chance(75)) document[name] = make()
  }
  maybe("any", () => anything(random, 3))
  maybe("n", () => (random.chance(10) ? null : random.pick(NUMBERS)))
  maybe("s", () => (random.chance(10) ? null : random.pick(TEXTS)))
  maybe("d", () => (random.chance(10) ? null : random.pick(DATES)))
  maybe("tags", () => Array.from({ length: random.below(4) }, () => scalar(random)))
  maybe("lines", () =>
    Array.from({ length: random.below(3) }, () => ({
      ...(random.chance(80) ? { q: random.below(4) } : {}),
      ...(random.chance(80) ? { k: random.pick(TEXTS) } : {})
    }))
  )
  return document
}

const PATHS = ["any", "any.x", "any.x.y", "any.0", "n", "s", "d", "tags", "tags.1", "lines.q", "lines.k", "lines.0.q", "nothing"]

/** A condition with its form for mingo. */
interface Asked {
  readonly ours: Filter
  readonly theirs: Record<string, unknown>
}

function notNull(random: Random): Exclude<Plain, null> {
  const value = scalar(random)
  return value === null ? 1 : value
}

function askLeaf(random: Random, path: string): Asked {
  const at = (operator: string, operand: unknown): Record<string, unknown> => ({ [path]: { [operator]: operand } })
  switch (random.below(10)) {
    case 0:
    case 1: {
      const value = path.includes(".") ? notNull(random) : anything(random, 1)
      return random.chance(70)
        ? { ours: { op: "eq", path, value }, theirs: at("$eq", value) }
        : { ours: { op: "ne", path, value }, theirs: at("$ne", value) }
    }
    case 2:
    case 3: {
      const [op, operator] = random.pick([
        ["lt", "$lt"],
        ["le", "$lte"],
        ["gt", "$gt"],
        ["ge", "$gte"]
      ] as const)
      const value = notNull(random)
      return { ours: { op, path, value }, theirs: at(operator, value) }
    }
    case 4: {
      const values = Array.from({ length: random.below(4) }, () => (path.includes(".") ? notNull(random) : scalar(random)))
      return random.chance(70)
        ? { ours: { op: "in", path, values }, theirs: at("$in", values) }
        : { ours: { op: "notIn", path, values }, theirs: at("$nin", values) }
    }
    case 5: {
      const value = random.pick(TEXTS)
      const quoted = value.replaceAll(/[.+]/g, "\\$&")
      const [op, pattern] = random.pick([
        ["prefix", `^${quoted}`] as const,
        ["suffix", `${quoted}$`] as const,
        ["contains", quoted] as const
      ])
      return { ours: { op, path, value }, theirs: at("$regex", new RegExp(pattern)) }
    }
    case 6: {
      const pattern = random.pick(PATTERNS)
      const flags = random.pick(["", "i"])
      return { ours: { op: "regex", path, pattern, flags }, theirs: at("$regex", new RegExp(pattern, flags)) }
    }
    case 7: {
      const size = random.below(4)
      const array = random.pick(["any", "tags", "lines", "n"])
      return { ours: { op: "size", path: array, size }, theirs: { [array]: { $size: size } } }
    }
    case 8: {
      const value = random.chance(50)
      const name = random.pick(["any", "n", "s", "tags", "lines", "nothing"])
      return { ours: { op: "exists", path: name, value }, theirs: { [name]: { $exists: value } } }
    }
    default: {
      const low = random.below(3)
      const of: Filter = {
        op: "and",
        of: [
          { op: "ge", path: "q", value: low },
          { op: "eq", path: "k", value: "a" }
        ]
      }
      return { ours: { op: "any", path: "lines", of }, theirs: { lines: { $elemMatch: { q: { $gte: low }, k: "a" } } } }
    }
  }
}

function ask(random: Random, depth: number): Asked {
  if (depth === 0 || random.chance(45)) return askLeaf(random, random.pick(PATHS))
  const parts = Array.from({ length: 2 + random.below(2) }, () => ask(random, depth - 1))
  const of = parts.map((part) => part.ours)
  const theirs = parts.map((part) => part.theirs)
  if (random.chance(20)) return { ours: { op: "not", of: { op: "or", of } }, theirs: { $nor: theirs } }
  return random.chance(60) ? { ours: { op: "and", of }, theirs: { $and: theirs } } : { ours: { op: "or", of }, theirs: { $or: theirs } }
}

const show = (value: unknown): string =>
  JSON.stringify(value, (_name, inner: unknown) => (inner instanceof RegExp ? String(inner) : Object.is(inner, -0) ? "-0" : inner))

describe("the oracle", () => {
  it("agrees about which documents match, on bytes", () => {
    const random = new Random(1)
    let matched = 0
    for (let round = 0; round < 12_000; round++) {
      const document = randomDocument(random)
      const asked = ask(random, 2)
      const ours = compileFilter(asked.ours)(encode(document), 0)
      assert.strictEqual(ours, new MingoQuery(asked.theirs).test(document), `${show(asked.theirs)} of ${show(document)}`)
      if (ours) matched++
    }
    assert.isAbove(matched, 2000)
  })

  it("agrees about rows and their order: with and without indexes, before a flush and after", () => {
    for (let seed = 1; seed <= 3; seed++) {
      const random = new Random(seed)
      const database = openDatabase({ seed, limits: { memtableBytesMax: 600 * 1024, snapshotTimeoutMs: 1_000_000 } })
      database.engine.define(STORES)
      database.settle()
      const executor = new Executor({ store: (name) => database.engine.store(name) })
      const documents = Array.from({ length: 100 }, () => randomDocument(random))
      insert(database, executor, documents)
      const numbered = documents.map((document, number) => ({ ...document, number }))
      const questions = Array.from({ length: 150 }, () => ({
        asked: ask(random, 2),
        order: randomOrder(random),
        limit: 1 + random.below(40)
      }))
      const check = (reader: Reader): void => {
        for (const { asked, limit, order } of questions) {
          const sort = Object.fromEntries([...order.map(({ direction, path }) => [path, direction === "asc" ? 1 : -1]), ["number", 1]])
          const expected = aggregate(numbered, [{ $match: asked.theirs }, { $sort: sort }, { $limit: limit }])
          for (const store of STORES) {
            const found = rowNumbers(executor, reader, { store: store.name, filter: asked.ours, orderBy: order, limit })
            assert.deepStrictEqual(
              found,
              expected.map((document) => document["number"] as number),
              `seed ${seed} ${store.name} ${show(asked.theirs)} by ${show(sort)}`
            )
          }
        }
      }
      check(database.engine.snapshot())
      database.engine.freeze()
      database.settle()
      check(database.engine.snapshot())
    }
  })

  it("agrees about groups and what is computed of them", () => {
    const random = new Random(9)
    const database = openDatabase({ seed: 9, limits: { snapshotTimeoutMs: 1_000_000 } })
    database.engine.define(STORES)
    database.settle()
    const executor = new Executor({ store: (name) => database.engine.store(name) })
    const documents = Array.from({ length: 120 }, () => randomDocument(random))
    insert(database, executor, documents)
    for (let round = 0; round < 150; round++) {
      const asked = ask(random, 1)
      const groupBy = ["s", "n", "d"].filter(() => random.chance(40))
      const id = Object.fromEntries(groupBy.map((path) => [path, { $ifNull: [`$${path}`, null] }]))
      const expected = aggregate(documents as ReadonlyArray<Record<string, unknown>> as Array<Record<string, unknown>>, [
        { $match: asked.theirs },
        {
          $group: {
            _id: id,
            rows: { $sum: 1 },
            least: { $min: "$n" },
            greatest: { $max: "$s" },
            firsts: { $first: "$d" },
            mean: { $avg: "$n" }
          }
        }
      ]).map(({ _id, ...results }) => ({ ...(_id as object), ...results, firsts: results["firsts"] ?? null }))
      for (const store of STORES) {
        const rows = new RowList()
        const statement: Aggregate = {
          kind: "aggregate",
          store: store.name,
          filter: asked.ours,
          ...(groupBy.length === 0 ? {} : { groupBy }),
          aggregates: {
            rows: { operator: "count" },
            least: { operator: "min", path: "n" },
            greatest: { operator: "max", path: "s" },
            firsts: { operator: "first", path: "d" },
            mean: { operator: "avg", path: "n" }
          }
        }
        executor.aggregate(database.engine.snapshot(), encodeStatement(statement), 0, rows)
        const found = Array.from({ length: rows.count }, (_, row) => decode(rows.bytes(row), rows.at(row)))
        if (groupBy.length === 0 && expected.length === 0) assert.deepStrictEqual(found.length, 1)
        else assert.deepStrictEqual(comparable(found), comparable(expected), `${store.name} ${show(asked.theirs)} by ${groupBy.join()}`)
      }
    }
  })

  it("agrees about what updates make of documents", () => {
    const random = new Random(5)
    const database = openDatabase({ seed: 5, limits: { snapshotTimeoutMs: 1_000_000 } })
    const store: StoreDefinition = {
      name: "free",
      idKind: "int",
      schema: { a: { type: "any", optional: true }, b: { type: "any", optional: true } },
      indexes: []
    }
    database.engine.define([store])
    database.settle()
    const executor = new Executor({ store: (name) => database.engine.store(name) })
    let changed = 0
    for (let round = 0; round < 1500; round++) {
      const document = Object.fromEntries(["a", "b"].filter(() => random.chance(80)).map((name) => [name, anything(random, 2)]))
      const { ours, theirs } = randomUpdate(random)
      // mingo takes an array with equal elements for a set already, and adds nothing.
      if ("$addToSet" in theirs && hasRepetition(document)) continue
      const transaction = database.engine.transact()
      executor.insert(
        transaction,
        encodeStatement({ kind: "insert", store: "free", documents: [{ _id: round, ...document }] }),
        0,
        new RowList()
      )
      const expected = structuredClone(document) as Record<string, unknown>
      try {
        executor.update(transaction, encodeStatement({ kind: "update", store: "free", ...ours }), 0)
        mingoUpdate(expected, theirs)
      } catch {
        // Refused by one of them: mingo lets through what changes no array of the kind it needs, and the other way round.
        transaction.rollback()
        continue
      }
      const rows = new RowList()
      executor.find(transaction, encodeStatement({ kind: "find", store: "free" }), 0, rows)
      const { _id, ...found } = decode(rows.bytes(0), rows.at(0))
      assert.strictEqual(_id, round)
      assert.deepStrictEqual(sorted(found), sorted(expected), `${show(theirs)} of ${show(document)}`)
      if (show(sorted(found)) !== show(sorted(document))) changed++
      transaction.rollback()
    }
    assert.isAbove(changed, 300)
  })
})

/** Order by paths that hold no arrays, whose place in an order the oracle sees differently. */
function randomOrder(random: Random): ReadonlyArray<Order> {
  const paths = ["n", "s", "d"].filter(() => random.chance(40))
  return paths.map((path) => ({ path, direction: random.pick(["asc", "desc"] as const) }))
}

function rowNumbers(
  executor: Executor,
  reader: Reader,
  find: { readonly store: string; readonly filter: Filter; readonly orderBy: ReadonlyArray<Order>; readonly limit: number }
): ReadonlyArray<number> {
  const rows = new RowList()
  const { orderBy, ...rest } = find
  executor.find(reader, encodeStatement({ kind: "find", ...rest, ...(orderBy.length === 0 ? {} : { orderBy }) }), 0, rows)
  return Array.from({ length: rows.count }, (_, row) => numbers.get(String(decode(rows.bytes(row), rows.at(row))["_id"])) ?? -1)
}

const numbers = new Map(Array.from({ length: 100 }, (_, number) => [String(keyNumber(number)), number]))

function hasRepetition(value: unknown): boolean {
  if (typeof value !== "object" || value === null || value instanceof Date) return false
  const inside: ReadonlyArray<unknown> = Object.values(value)
  const shown = inside.map((element) => show(sorted(element)))
  return (Array.isArray(value) && new Set(shown).size < shown.length) || inside.some(hasRepetition)
}

/** Fields in the order of their names: a new field's place is not a matter of semantics. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== "object" || value === null || value instanceof Date) return Object.is(value, -0) ? 0 : value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sorted(inner)])
  )
}

function randomUpdate(random: Random): { readonly ours: Record<string, Record<string, Value>>; readonly theirs: Record<string, unknown> } {
  const path = random.pick(["a", "b", "a.x", "b.y", "c.z"])
  const value = anything(random, 1) as Value
  const several = Array.from({ length: 1 + random.below(3) }, () => scalar(random)) as ReadonlyArray<Value>
  switch (random.below(7)) {
    case 0:
      return { ours: { set: { [path]: value } }, theirs: { $set: { [path]: value } } }
    case 1: {
      const amount = random.pick([1, -2, 0.5])
      return { ours: { inc: { [path]: amount } }, theirs: { $inc: { [path]: amount } } }
    }
    case 2:
      return { ours: { push: { [path]: value } }, theirs: { $push: { [path]: value } } }
    case 3:
      return {
        ours: { addToSet: { [path]: { $each: [...new Set(several)] } } },
        theirs: { $addToSet: { [path]: { $each: [...new Set(several)] } } }
      }
    case 4:
    case 5:
      return { ours: { pull: { [path]: { $each: several } } }, theirs: { $pullAll: { [path]: several } } }
    default:
      return { ours: { unset: [path] as never }, theirs: { $unset: { [path]: "" } } }
  }
}

function insert(database: Database, executor: Executor, documents: ReadonlyArray<PlainDocument>): void {
  const transaction = database.engine.transact()
  for (const store of STORES) {
    const given = documents.map((document, number) => ({ _id: keyNumber(number), ...document })) as ReadonlyArray<Record<string, Value>>
    executor.insert(transaction, encodeStatement({ kind: "insert", store: store.name, documents: given }), 0, new RowList())
  }
  transaction.commit()
  database.settle()
}

/** Groups in an order of their own; averages as far as doubles added in another order agree. */
function comparable(groups: ReadonlyArray<Record<string, unknown>>): ReadonlyArray<string> {
  return groups
    .map(({ mean, ...rest }) => show(sorted({ ...rest, mean: typeof mean === "number" ? Number(mean.toPrecision(10)) : null })))
    .toSorted()
}
