/** Sentences of docs/pql.md that no other test states: each by the smallest statement that shows it. */
import { assert, describe, it } from "@effect/vitest"
import { Binary, BSONRegExp, Decimal128, decode, MaxKey, MinKey, ObjectId, Timestamp, type Value } from "../../src/Bson/Value.ts"
import type { DocumentValue } from "../../src/Query/Ast.ts"
import { PUSH_MAX } from "../../src/Query/Accumulator.ts"
import { Executor } from "../../src/Query/Executor.ts"
import { parseOperatorPql, parsePql } from "../../src/Query/Pql.ts"
import { appendRow } from "../../src/Query/Rows.ts"
import { Writer } from "../../src/Bson/Writer.ts"
import { RowList } from "../../src/Query/RowList.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import { type Database, openDatabase } from "../Storage/Database.ts"

/** A store whose documents may have anything at `a` and `b`, with these in it. */
class Anything {
  readonly database: Database = openDatabase()
  readonly executor = new Executor({ store: (name) => this.database.engine.store(name) })

  constructor(documents: ReadonlyArray<DocumentValue>) {
    const any = { type: "any" as const, optional: true as const }
    this.database.engine.define([{ name: "things", idKind: "int", schema: { a: any, b: any }, indexes: [] }])
    this.database.settle()
    const given = documents.map((document, _id) => ({ _id, ...document }))
    this.write((transaction) =>
      this.executor.insert(transaction, encodeStatement({ kind: "insert", store: "things", documents: given }), 0, new RowList())
    )
  }

  write(work: (transaction: ReturnType<Database["engine"]["transact"]>) => unknown): unknown {
    const transaction = this.database.engine.transact()
    try {
      const done = work(transaction)
      transaction.commit()
      this.database.settle()
      return done
    } catch (error) {
      transaction.rollback()
      throw error
    }
  }

  update(text: string): unknown {
    return this.write((transaction) => this.executor.update(transaction, encodeStatement(parsePql(text)), 0))
  }

  rows(text: string): ReadonlyArray<Record<string, Value>> {
    const statement = parsePql(text)
    const rows = new RowList()
    const snapshot = this.database.engine.snapshot()
    const bytes = encodeStatement(statement)
    if (statement.kind === "aggregate") this.executor.aggregate(snapshot, bytes, 0, rows)
    else this.executor.find(snapshot, bytes, 0, rows)
    snapshot.close()
    return Array.from({ length: rows.count }, (_, row) => {
      const writer = new Writer()
      appendRow(writer, rows, row)
      return decode(writer.bytes)
    })
  }

  ids(text: string): ReadonlyArray<Value> {
    return this.rows(text).map((row) => row["_id"] ?? null)
  }
}

describe("the order of all values", () => {
  const ORDER: ReadonlyArray<Value> = [
    new MinKey(),
    null,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
    -1,
    0.5,
    2 ** 53,
    9007199254740993n,
    Decimal128.fromString("9007199254740993.5"),
    "",
    "Z",
    "a",
    "\uFFFD",
    "\u{1F600}",
    {},
    { a: 1 },
    new Binary(Buffer.from([1]), 0),
    new ObjectId("65a1b2c3d4e5f60718293a4b"),
    false,
    true,
    new Date(-1),
    new Date(1),
    new Timestamp({ t: 1, i: 1 }),
    new BSONRegExp("a"),
    new MaxKey()
  ]

  it("is that of the page, up and down", () => {
    const things = new Anything(ORDER.toReversed().map((a) => ({ a })))
    const up = ORDER.map((_, place) => ORDER.length - 1 - place)
    assert.deepStrictEqual(things.ids("things.orderBy(a)"), up)
    assert.deepStrictEqual(things.ids("things.orderBy(a desc)"), up.toReversed())
  })

  it("is that of min and max, and of groups", () => {
    const things = new Anything(ORDER.toReversed().map((a) => ({ a })))
    assert.deepStrictEqual(things.rows("things.aggregate(least: min(a), most: max(a))"), [{ least: new MinKey(), most: new MaxKey() }])
    assert.strictEqual(things.rows("things.groupBy(a)").length, ORDER.length)
    assert.deepStrictEqual(
      things.rows("things.groupBy(a)").map((row) => String(row["a"])),
      ORDER.map(String)
    )
  })

  it("takes a missing field and an empty array for null, and never leaves a document out", () => {
    const things = new Anything([{ a: 1 }, {}, { a: [] }, { a: null }, { a: new MinKey() }])
    assert.strictEqual(things.ids("things.orderBy(a)")[0], 4)
    assert.strictEqual(things.ids("things.orderBy(a)").at(-1), 0)
    assert.sameMembers([...things.ids("things.orderBy(a)")], [0, 1, 2, 3, 4])
  })
})

describe("paths", () => {
  it("of computed values enter arrays by position only, and lead to null where nothing is", () => {
    const things = new Anything([{ a: [{ x: 1 }, { x: 2 }] }])
    assert.deepStrictEqual(things.rows("things.select(first: a.0.x, all: a.x, third: a.2.x, other: b)"), [
      { _id: 0, first: 1, all: null, third: null, other: null }
    ])
  })

  it("of groups take an array for one value, those of distinct each element", () => {
    const things = new Anything([{ a: [1, 2] }, { a: [1, 2] }, { a: 1 }])
    assert.deepStrictEqual(things.rows("things.groupBy(a).aggregate(n: count)"), [
      { a: 1, n: 1 },
      { a: [1, 2], n: 2 }
    ])
    assert.deepStrictEqual(things.rows("things.distinct(a)"), [{ a: 1 }, { a: 2 }])
  })

  it("of one name at the end cannot both be group paths", () => {
    assert.throws(() => new Anything([]).rows("things.groupBy(a.x, b.x)"), /x/)
  })

  it("of changes name elements that are there", () => {
    const things = new Anything([{ a: [1, 2] }])
    things.update("things.set({ 'a.1': 5 })")
    assert.deepStrictEqual(things.rows("things"), [{ _id: 0, a: [1, 5] }])
    assert.throws(() => things.update("things.set({ 'a.7': 5 })"), /a/)
    assert.deepStrictEqual(things.rows("things"), [{ _id: 0, a: [1, 5] }])
  })
})

describe("push of an aggregate", () => {
  it("keeps as many values as it may", () => {
    const things = new Anything(Array.from({ length: PUSH_MAX + 5 }, (_, a) => ({ a })))
    const [row] = things.rows("things.orderBy(a).aggregate(all: push(a))")
    assert.deepStrictEqual(
      row?.["all"],
      Array.from({ length: PUSH_MAX }, (_, a) => a)
    )
  })
})

describe("negations", () => {
  it("hold wherever the plain condition does not, also of other classes and of nothing", () => {
    const things = new Anything([{ a: 1 }, { a: "x" }, {}, { a: [1, 2] }, { a: null }])
    assert.sameMembers([...things.ids("things.filter(a != 1)")], [1, 2, 4])
    assert.sameMembers([...things.ids("things.filter(a not in [1, null])")], [1])
    assert.sameMembers([...things.ids("things.filter(not a > 0)")], [1, 2, 4])
    assert.sameMembers([...things.ids("things.filter(not (a exists))")], [2])
  })
})

describe("createIndex", () => {
  it("takes paths, then properties in any order, and times in every unit", () => {
    const index = (text: string): unknown => {
      const statement = parseOperatorPql(`s.createIndex(${text})`)
      return statement.kind === "createIndex" ? statement.index : undefined
    }
    assert.deepStrictEqual(index("a desc, b.c"), {
      name: "by_a_desc_b_c",
      on: [
        { path: "a", direction: "desc" },
        { path: "b.c", direction: "asc" }
      ]
    })
    assert.deepStrictEqual(index("`unique`, sparse, unique, name x, where a > 1, ttl 2 h"), {
      name: "x",
      on: [{ path: "unique", direction: "asc" }],
      sparse: true,
      unique: true,
      where: { op: "gt", path: "a", value: 1 },
      expireAfterMs: 7_200_000
    })
    assert.deepInclude(index("name"), { on: [{ path: "name", direction: "asc" }] })
    assert.deepInclude(index("a, name desc, ttl.x"), {
      on: [
        { path: "a", direction: "asc" },
        { path: "name", direction: "desc" },
        { path: "ttl.x", direction: "asc" }
      ]
    })
    for (const [time, ms] of [
      ["250", 250],
      ["250 ms", 250],
      ["3 s", 3000],
      ["3 min", 180_000],
      ["2 h", 7_200_000],
      ["30 days", 2_592_000_000]
    ] as const)
      assert.deepInclude(index(`a, ttl ${time}`), { expireAfterMs: ms }, time)
    for (const wrong of [
      "unique",
      "a, unique, b",
      "a, unique, unique",
      "a, ttl -1",
      "a, ttl 5 fortnights",
      "a, where b ~ /x/",
      "a, name 5",
      "sparse, a"
    ])
      assert.throws(() => index(wrong), /line 1/, wrong)
  })
})
