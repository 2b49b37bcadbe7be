/** What groups are and what is computed of them: rules of Planck's own, by hand. `Oracle.test.ts` has what MongoDB shares. */
import { assert, describe, it } from "@effect/vitest"
import { Decimal128, decode, type Value } from "../../src/Bson/Value.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { Executor } from "../../src/Query/Executor.ts"
import { parsePql } from "../../src/Query/Pql.ts"
import type { QueryLimits } from "../../src/Query/Reasons.ts"
import { RowList } from "../../src/Query/RowList.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import { openDatabase } from "../Storage/Database.ts"

const STORE: StoreDefinition = {
  name: "things",
  idKind: "int",
  schema: { g: { type: "any", optional: true }, h: { type: "any", optional: true }, v: { type: "any", optional: true } },
  indexes: []
}

type Thing = { readonly g?: Value; readonly h?: Value; readonly v?: Value }

/** The rows of a statement about these things, as text. */
function ask(things: ReadonlyArray<Thing>, text: string, limits: Partial<QueryLimits> = {}): ReadonlyArray<Record<string, Value>> {
  const database = openDatabase({ limits: { snapshotTimeoutMs: 1_000_000 } })
  database.engine.define([STORE])
  database.settle()
  const executor = new Executor({ store: (name) => database.engine.store(name), limits })
  const transaction = database.engine.transact()
  const documents = things.map((thing, number) => ({ _id: number, ...thing })) as ReadonlyArray<Record<string, Value>>
  const rows = new RowList()
  if (documents.length > 0) executor.insert(transaction, encodeStatement({ kind: "insert", store: "things", documents }), 0, rows)
  executor.rows(transaction, encodeStatement(parsePql(text)), 0, rows)
  return Array.from({ length: rows.count }, (_, row) => decode(rows.bytes(row), rows.at(row)))
}

const decimal = (text: string): Decimal128 => Decimal128.fromString(text)
const sumOf = (...values: ReadonlyArray<Value>): Value | undefined =>
  ask(
    values.map((v) => ({ v })),
    "things.aggregate(r: sum(v))"
  )[0]?.["r"]
const averageOf = (...values: ReadonlyArray<Value>): string =>
  String(
    ask(
      values.map((v) => ({ v })),
      "things.aggregate(r: avg(v))"
    )[0]?.["r"]
  )

describe("sums", () => {
  it("of whole numbers are exact, a long, and a decimal where that is too small", () => {
    assert.strictEqual(sumOf(1, 2n, 3), 6n)
    assert.strictEqual(sumOf(9007199254740993n, 1, -1), 9007199254740993n)
    assert.strictEqual(sumOf(2n ** 63n - 1n, -5n), 2n ** 63n - 6n)
    assert.strictEqual(String(sumOf(2n ** 63n - 1n, 1)), "9223372036854775808")
  })

  it("of decimals keep every digit, in any order", () => {
    assert.strictEqual(String(sumOf(decimal("0.10"), decimal("0.2"))), "0.30")
    assert.strictEqual(String(sumOf(decimal("1E+20"), decimal("0.0001"), decimal("-1E+20"))), "0.0001")
    assert.strictEqual(String(sumOf(decimal("9007199254740993"), decimal("0.5"), 1)), "9007199254740994.5")
    assert.strictEqual(String(sumOf(decimal("1.5"), 0.25)), "1.75")
    assert.strictEqual(String(sumOf(decimal("NaN"), 1)), "NaN")
    assert.strictEqual(
      String(sumOf(decimal("9999999999999999999999999999999999"), decimal("0.6"))),
      "1.000000000000000000000000000000000E+34"
    )
  })

  it("of doubles lose nothing to the order of addition", () => {
    assert.strictEqual(sumOf(1e100, 1.5, -1e100), 1.5)
    assert.strictEqual(sumOf(0.1, 0.2, 0.3), 0.6)
    assert.strictEqual(sumOf(Number.POSITIVE_INFINITY, 1), Number.POSITIVE_INFINITY)
  })

  it("take what is a number, elements of arrays too, and are null of nothing", () => {
    assert.strictEqual(sumOf("x", [1, 2, "y"], null, 3), 6n)
    assert.isNull(sumOf("x"))
    assert.isNull(sumOf())
  })

  it("divide into averages: doubles, or decimals of 34 digits", () => {
    assert.strictEqual(averageOf(1, 2), "1.5")
    assert.strictEqual(averageOf(decimal("1"), decimal("2"), 2), "1.666666666666666666666666666666667")
    assert.strictEqual(averageOf(decimal("1.50"), decimal("2.50")), "2.00")
    assert.strictEqual(averageOf("x"), "null")
  })
})

describe("groups", () => {
  it("are equal by value, take missing for null, and come in the order of values", () => {
    const rows = ask(
      [{ g: 5 }, { g: decimal("5.0") }, { g: 5n }, {}, { g: null }, { g: "x" }, { g: [1] }, { g: [1] }],
      "things.groupBy(g).aggregate(n: count)"
    )
    assert.deepStrictEqual(rows, [
      { g: null, n: 2 },
      { g: 5, n: 3 },
      { g: "x", n: 1 },
      { g: [1], n: 2 }
    ])
  })

  it("are told apart beyond what an encoded key holds", () => {
    const long = "x".repeat(2000)
    const rows = ask(
      [{ g: `${long}1` }, { g: `${long}2` }, { g: `${long}1` }],
      "things.groupBy(g).aggregate(n: count, d: countDistinct(g))"
    )
    assert.deepStrictEqual(
      rows.map((row) => [row["n"], row["d"]]),
      [
        [2, 1],
        [1, 1]
      ]
    )
  })

  it("may have several paths, are chosen by having, ordered and limited", () => {
    const things = [1, 2, 3, 4, 5, 6].map((v) => ({ g: v % 2, h: v % 3, v }))
    const rows = ask(things, "things.groupBy(g, h).aggregate(total: sum(v)).having(total > 1).orderBy(total desc).skip(1).limit(2)")
    assert.deepStrictEqual(rows, [
      { g: 1, h: 2, total: 5n },
      { g: 0, h: 1, total: 4n }
    ])
  })

  it("see their rows in the order that stands before them", () => {
    const things = [3, 1, 2].map((v) => ({ v }))
    assert.deepStrictEqual(ask(things, "things.orderBy(v).aggregate(first: first(v), last: last(v), all: push(v))"), [
      { first: 1, last: 3, all: [1, 2, 3] }
    ])
    assert.deepStrictEqual(ask(things, "things.orderBy(v desc).aggregate(all: push(v))"), [{ all: [3, 2, 1] }])
  })

  it("give least and greatest values in the order of values, without null", () => {
    const things = [{ v: null }, { v: "b" }, { v: 7 }, {}, { v: [9, "c"] }]
    assert.deepStrictEqual(ask(things, "things.aggregate(low: min(v), high: max(v), n: countDistinct(v))"), [{ low: 7, high: "c", n: 4 }])
    assert.deepStrictEqual(ask([], "things.aggregate(low: min(v), n: count, all: push(v))"), [{ low: null, n: 0, all: [] }])
  })

  it("may be the distinct values of a path, elements of arrays for themselves", () => {
    assert.deepStrictEqual(ask([{ g: ["b", "a"] }, { g: "b" }, { g: 1 }, {}], "things.distinct(g)"), [{ g: 1 }, { g: "a" }, { g: "b" }])
  })

  it("end with a typed error when they take more memory than they may", () => {
    const things = Array.from({ length: 3000 }, (_, g) => ({ g }))
    try {
      ask(things, "things.groupBy(g).aggregate(n: count)", { groupBytesMax: 10_000 })
      assert.fail("it was answered")
    } catch (error) {
      if (!isFault<{ readonly _tag: "BudgetExceeded"; readonly budget: string }>(error, "BudgetExceeded")) throw error
      assert.strictEqual(error.reason.budget, "groupBytesMax")
    }
  })
})
