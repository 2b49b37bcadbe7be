/** Every plan a planner could choose gives the same bytes in the same order: rows made from entries, groups one after another, unions, intersections. */
import { assert, describe, it } from "@effect/vitest"
import { Binary, ObjectId, UUID, type Value } from "../../src/Bson/Value.ts"
import { Writer } from "../../src/Bson/Writer.ts"
import type { Aggregate, AggregateOperator, Filter, Find, Order } from "../../src/Query/Ast.ts"
import { Executor } from "../../src/Query/Executor.ts"
import { Finder } from "../../src/Query/Finder.ts"
import type { Candidate } from "../../src/Query/Plan.ts"
import { planWith, type PlannedKind, serves } from "../../src/Query/PlanCompiler.ts"
import { describeCandidate } from "../../src/Query/Planner.ts"
import { DEFAULT_QUERY_LIMITS } from "../../src/Query/Reasons.ts"
import { RowList } from "../../src/Query/RowList.ts"
import { appendRows } from "../../src/Query/Rows.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import type { IdKind, StoreDefinition } from "../../src/Schema/Definition.ts"
import type { Reader, Store } from "../../src/Storage/Reader.ts"
import { openDatabase } from "../Storage/Database.ts"
import { Random } from "../Storage/Random.ts"
import { keyNumber } from "./Model.ts"

const asc = (path: string) => ({ path, direction: "asc" as const })
const desc = (path: string) => ({ path, direction: "desc" as const })

const SCHEMA: StoreDefinition["schema"] = {
  text: { type: "string" },
  count: { type: "int" },
  maybe: { type: "int", optional: true },
  none: { type: "string", nullable: true },
  either: { type: "string", optional: true, nullable: true },
  long: { type: "long" },
  real: { type: "number" },
  flag: { type: "boolean" },
  when: { type: "date" },
  state: { type: "literals", values: ["new", "paid", "sent"] },
  id: { type: "uuid", optional: true },
  object: { type: "objectId" },
  data: { type: "binary" },
  price: { type: "decimal" },
  place: { type: "struct", fields: { city: { type: "string" }, zip: { type: "int", optional: true } } },
  other: { type: "struct", fields: { city: { type: "string", optional: true } }, optional: true },
  tags: { type: "array", items: { type: "string" } }
}

const INDEXES: StoreDefinition["indexes"] = [
  [asc("state"), asc("count"), asc("text")],
  [desc("state"), desc("when")],
  [desc("count"), asc("real"), desc("long")],
  [asc("text"), desc("maybe"), asc("none")],
  [asc("either"), asc("count")],
  [asc("place.city"), asc("place.zip"), asc("flag")],
  [desc("other.city"), desc("text"), desc("count")],
  [desc("id"), desc("object"), desc("data"), desc("flag")],
  [asc("price"), asc("count")],
  [asc("tags"), asc("count")],
  [asc("long")],
  [desc("flag"), asc("long"), desc("real")]
].map((on, number) => ({ name: `by${number}`, on }))

const PATHS = [
  "text",
  "count",
  "maybe",
  "none",
  "either",
  "long",
  "real",
  "flag",
  "when",
  "state",
  "id",
  "place.city",
  "place.zip",
  "other.city",
  "price"
]
const TEXTS = ["", "a", "ab", "é", "a\u0000b", "\u0001", `${"x".repeat(1100)}1`, `${"x".repeat(1100)}2`]
const LONGS = [0n, 1n, -1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 60n, 12_345_678_901n]
const REALS = [0, -0, 1, 2.5, -2.5, 1e300, -1e-300, 5e-324]
const UUIDS = [1, 2, 3].map((number) => new UUID(keyNumber(number).bytes))
const OBJECTS = ["0123456789abcdef01234567", "ffffffffffffffffffffffff"].map((text) => new ObjectId(text))
const DATA = [0, 1, 300].map((length) => new Binary(Buffer.alloc(length, 7), length === 1 ? 5 : 0))

function randomDocument(random: Random, _id: Value): Record<string, Value> {
  const maybe = (name: string, make: () => Value): Record<string, Value> => (random.chance(60) ? { [name]: make() } : {})
  return {
    _id,
    text: random.pick(TEXTS),
    count: random.pick([0, 1, 2, -3, 2 ** 31 - 1, -(2 ** 31)]),
    ...maybe("maybe", () => random.below(3)),
    none: random.chance(30) ? null : random.pick(TEXTS),
    ...maybe("either", () => (random.chance(50) ? null : random.pick(["a", "b"]))),
    long: random.pick(LONGS),
    real: random.pick(REALS),
    flag: random.chance(50),
    when: new Date(random.pick([0, -1, 86_400_000, 8.64e15, -8.64e15])),
    state: random.pick(["new", "paid", "sent"]),
    ...maybe("id", () => random.pick(UUIDS)),
    object: random.pick(OBJECTS),
    data: random.pick(DATA),
    price: random.below(3),
    place: { city: random.pick(["Rome", "Oslo"]), ...maybe("zip", () => random.below(3)) },
    ...maybe("other", () => (random.chance(50) ? { city: random.pick(["Rome", "Oslo"]) } : {})),
    tags: Array.from({ length: random.below(3) }, () => random.pick(["a", "b", "c"]))
  }
}

function valueFor(random: Random, path: string): Value {
  const values: Readonly<Record<string, ReadonlyArray<Value>>> = {
    text: TEXTS,
    long: LONGS,
    real: REALS,
    flag: [true, false],
    when: [new Date(0), new Date(-1)],
    state: ["new", "paid"],
    id: UUIDS,
    tags: ["a", "b"],
    "place.city": ["Rome"],
    "other.city": ["Rome", null],
    none: ["a", null],
    either: ["a", null]
  }
  return random.pick(values[path] ?? [0, 1, 2])
}

function randomLeaf(random: Random): Filter {
  const path = random.pick([...PATHS, "tags"])
  const value = valueFor(random, path)
  switch (random.below(6)) {
    case 0:
      return { op: random.pick(["lt", "ge"] as const), path, value }
    case 1:
      return { op: "in", path, values: [value, valueFor(random, path)] }
    case 2:
      return { op: random.pick(["ne", "exists"] as const), path, value: true } as Filter
    default:
      return { op: "eq", path, value }
  }
}

function randomFilter(random: Random): Filter {
  const leaves = Array.from({ length: 1 + random.below(3) }, () => randomLeaf(random))
  const first = leaves[0]!
  if (leaves.length === 1) return first
  if (random.chance(40)) return { op: "or", of: leaves }
  if (random.chance(30)) return { op: "and", of: [randomLeaf(random), { op: "or", of: leaves }] }
  return { op: "and", of: leaves }
}

const OPERATORS: ReadonlyArray<AggregateOperator> = ["count", "sum", "avg", "min", "max", "first", "last", "push", "countDistinct"]

/** A few paths, most of the time those of one index: what it could cover. */
function somePaths(random: Random, most: number): Array<string> {
  const { on } = random.pick(INDEXES)
  const from = random.chance(80) ? on.map(({ path }) => path).filter((path) => PATHS.includes(path)) : PATHS
  const names = from.slice(0, 1 + random.below(most))
  const last = (path: string): string => path.slice(path.lastIndexOf(".") + 1)
  return names.filter((path, at) => names.findIndex((other) => last(other) === last(path)) === at)
}

/** Rows in the order of an index, with fields of it: what could be read from its entries alone. */
function indexFind(random: Random): Find {
  const { on } = random.pick(INDEXES)
  const backwards = random.chance(30)
  const turned = (direction: "asc" | "desc"): "asc" | "desc" => (backwards === (direction === "asc") ? "desc" : "asc")
  const paths = on.map(({ path }) => path)
  return {
    kind: "find",
    store: "things",
    ...(random.chance(40) ? { filter: { op: "ge", path: paths.at(-1)!, value: valueFor(random, paths.at(-1)!) } } : {}),
    orderBy: on.slice(0, 1 + random.below(on.length)).map(({ direction, path }) => ({ path, direction: turned(direction) })),
    ...(random.chance(50) ? { limit: 1 + random.below(12) } : {}),
    select: paths.slice(random.below(paths.length))
  }
}

function randomFind(random: Random): Find {
  if (random.chance(35)) return indexFind(random)
  const orderBy: Array<Order> = random.chance(40)
    ? somePaths(random, 2).map((path) => ({ path, direction: random.pick(["asc", "desc"] as const) }))
    : []
  const select = somePaths(random, 3)
  return {
    kind: "find",
    store: "things",
    ...(random.chance(75) ? { filter: randomFilter(random) } : {}),
    ...(orderBy.length === 0 ? {} : { orderBy }),
    ...(random.chance(50) ? { limit: 1 + random.below(12) } : {}),
    ...(random.chance(20) ? { skip: random.below(4) } : {}),
    ...(random.chance(80) && select.length > 0 ? { select } : {})
  }
}

function randomAggregate(random: Random): Aggregate {
  const groupBy = somePaths(random, 2)
  const { on } = random.pick(INDEXES)
  const aggregates = Object.fromEntries(
    Array.from({ length: 1 + random.below(2) }, (_, number) => {
      const operator = random.chance(70) ? random.pick(["count", "sum", "min", "countDistinct"] as const) : random.pick(OPERATORS)
      return [`a${number}`, operator === "count" ? { operator } : { operator, path: random.pick(on).path }]
    })
  )
  return {
    kind: "aggregate",
    store: "things",
    ...(random.chance(50) ? { filter: randomFilter(random) } : {}),
    ...(groupBy.length > 0 && random.chance(90) ? { groupBy } : {}),
    aggregates,
    ...(random.chance(20) ? { having: { op: "gt", path: "a0", value: 1 } } : {}),
    ...(random.chance(20) ? { orderBy: [{ path: "a0", direction: "desc" }] } : {}),
    ...(random.chance(40) ? { limit: random.below(4) } : {}),
    ...(random.chance(20) ? { skip: random.below(3) } : {})
  }
}

type Ways = Map<string, number>

function note(ways: Ways, { access, covering, ordering, streams }: Candidate): void {
  const names = [access.kind, ...(covering === undefined ? [] : ["covering", `covering ${ordering}`]), ...(streams ? ["streams"] : [])]
  if (covering !== undefined && streams) names.push("covering streams")
  for (const name of names) ways.set(name, (ways.get(name) ?? 0) + 1)
}

function check(reader: Reader, findStore: (name: string) => Store, statement: Find | Aggregate, ways: Ways, when: string): void {
  const finder = new Finder(findStore, DEFAULT_QUERY_LIMITS)
  const rows = new RowList()
  const kind: PlannedKind = statement.kind
  const bytes = encodeStatement(statement)
  const plan = finder.plans.take(kind, bytes, 0)
  const outcomeOf = (candidate: Candidate): string => {
    finder.plans.take(kind, bytes, 0)
    if (kind === "find") finder.find(reader, planWith(plan, candidate), rows)
    else finder.aggregate(reader, planWith(plan, candidate), rows)
    const writer = new Writer(1024)
    appendRows(writer, rows)
    return Buffer.from(writer.toBytes()).toString("latin1")
  }
  const scan = plan.candidates.find(({ access }) => access.kind === "scan")!
  const expected = outcomeOf(scan)
  for (const candidate of plan.candidates) {
    finder.plans.take(kind, bytes, 0)
    if (serves(candidate, reader.lsn, finder.plans.operands)) note(ways, candidate)
    const shown = JSON.stringify(statement, (_name, value: unknown) => (typeof value === "bigint" ? `${value}n` : value))
    assert.strictEqual(outcomeOf(candidate), expected, `${when} ${shown} by ${describeCandidate(candidate)} (${candidate.ordering})`)
  }
}

const idOf = (kind: IdKind, number: number): Value => {
  if (kind === "string") return `id${number}`
  return kind === "objectId" ? new ObjectId(number.toString(16).padStart(24, "0")) : keyNumber(number)
}

describe("plans", () => {
  const ways: Ways = new Map()

  for (const idKind of ["key", "objectId", "string"] as const) {
    it(`give the same rows and groups, to the byte, in a store of ids of kind ${idKind}`, () => {
      const random = new Random(idKind.length)
      const database = openDatabase({ seed: 3, limits: { memtableBytesMax: 600 * 1024, snapshotTimeoutMs: 1_000_000 } })
      database.engine.define([{ name: "things", idKind, schema: SCHEMA, indexes: INDEXES }])
      database.settle()
      const executor = new Executor({ store: (name) => database.engine.store(name) })
      const transaction = database.engine.transact()
      const documents = Array.from({ length: 90 }, (_, number) => randomDocument(random, idOf(idKind, number)))
      executor.insert(transaction, encodeStatement({ kind: "insert", store: "things", documents }), 0, new RowList())
      transaction.commit()
      database.settle()
      for (const when of ["unflushed", "flushed"]) {
        if (when === "flushed") {
          database.engine.freeze()
          database.settle()
        }
        const reader = database.engine.snapshot()
        for (let round = 0; round < 60; round++) {
          const statement = round % 2 === 0 ? randomFind(random) : randomAggregate(random)
          check(reader, (name) => database.engine.store(name)!, statement, ways, when)
        }
        reader.close()
      }
    })
  }

  it("have been taken of every kind", () => {
    for (const way of [
      "scan",
      "index",
      "union",
      "intersection",
      "covering walk",
      "covering sort",
      "covering any",
      "streams",
      "covering streams"
    ]) {
      assert.isAbove(ways.get(way) ?? 0, 5, `${way} of ${JSON.stringify([...ways])}`)
    }
  })
})
