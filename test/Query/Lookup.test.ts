/** Rows with the documents that belong to them, beside the plainest way to find those. */
import { assert, describe, it } from "@effect/vitest"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { writeJson } from "../../src/Bson/Json.ts"
import * as Type from "../../src/Bson/Type.ts"
import { Decimal128, decode, type Value } from "../../src/Bson/Value.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { Executor } from "../../src/Query/Executor.ts"
import { VALUES_MAX } from "../../src/Query/Lookups.ts"
import { parsePql } from "../../src/Query/Pql.ts"
import type { QueryLimits } from "../../src/Query/Reasons.ts"
import { RowList } from "../../src/Query/RowList.ts"
import { writeRowsJson } from "../../src/Query/Rows.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import { openDatabase } from "../Storage/Database.ts"
import { Random } from "../Storage/Random.ts"
import { compare } from "./Model.ts"

const STORES: ReadonlyArray<StoreDefinition> = [
  { name: "left", idKind: "int", schema: { at: { type: "any", optional: true } }, indexes: [] },
  {
    name: "right",
    idKind: "int",
    schema: { at: { type: "any", optional: true }, n: { type: "number", optional: true } },
    indexes: [{ name: "byN", on: [{ path: "n", direction: "asc" }] }]
  }
]

type Row = Record<string, Value>

/** The rows of a statement about two stores. */
function asking(
  left: ReadonlyArray<Row>,
  right: ReadonlyArray<Row>,
  limits: Partial<QueryLimits> = {}
): (text: string) => ReadonlyArray<Row> {
  const database = openDatabase({ limits: { snapshotTimeoutMs: 1_000_000 } })
  database.engine.define(STORES)
  database.settle()
  const executor = new Executor({ store: (name) => database.engine.store(name), limits })
  const transaction = database.engine.transact()
  const rows = new RowList()
  executor.insert(transaction, encodeStatement({ kind: "insert", store: "left", documents: left }), 0, rows)
  executor.insert(transaction, encodeStatement({ kind: "insert", store: "right", documents: right }), 0, rows)
  return (text) => {
    executor.find(transaction, encodeStatement(parsePql(text)), 0, rows)
    return Array.from({ length: rows.count }, (_, row) => decode(rows.bytes(row), rows.at(row)))
  }
}

/** The rows of a statement on what is on disk as JSON, first as they are written at once, then from their bytes. */
function askingTwice(left: ReadonlyArray<Row>, right: ReadonlyArray<Row>): (text: string) => readonly [string, string] {
  const database = openDatabase({ limits: { snapshotTimeoutMs: 1_000_000 } })
  database.engine.define(STORES)
  database.settle()
  const executor = new Executor({ store: (name) => database.engine.store(name) })
  const transaction = database.engine.transact()
  const rows = new RowList()
  executor.insert(transaction, encodeStatement({ kind: "insert", store: "left", documents: left }), 0, rows)
  executor.insert(transaction, encodeStatement({ kind: "insert", store: "right", documents: right }), 0, rows)
  transaction.commit()
  database.engine.freeze()
  database.settle()
  return (text) => {
    const snapshot = database.engine.snapshot()
    const sink = new ByteSink()
    executor.find(snapshot, encodeStatement(parsePql(text)), 0, rows)
    writeRowsJson(sink, rows)
    const direct = sink.toText()
    const made = Array.from({ length: rows.count }, (_, row) => {
      sink.reset()
      writeJson(sink, rows.bytes(row), Type.DOCUMENT, rows.at(row))
      return sink.toText()
    })
    snapshot.close()
    return [direct, `[${made.join(",")}]`]
  }
}

const numbered = (values: ReadonlyArray<Row>): ReadonlyArray<Row> => values.map((value, _id) => ({ _id, ...value }))

function valuesOf(value: Value | undefined): ReadonlyArray<Value> {
  return (Array.isArray(value) ? (value as ReadonlyArray<Value>) : [value ?? null]).filter((one) => one !== null && !Array.isArray(one))
}

describe("lookup", () => {
  it("finds what the plainest join finds, in the order of keys", () => {
    const random = new Random(1)
    const value = (): Value =>
      random.chance(20)
        ? Array.from({ length: random.below(4) }, () => random.pick<Value>([1, "a", 2.5, null]))
        : random.pick<Value>([1, 1n, "a", "b", 2.5, null, { x: 1 }])
    for (let round = 0; round < 20; round++) {
      const make = (): ReadonlyArray<Row> => numbered(Array.from({ length: 12 }, () => (random.chance(90) ? { at: value() } : {})))
      const [left, right] = [make(), make()]
      const rows = asking(left, right)("left.orderBy(_id).lookup(right, at, at, found)")
      assert.deepStrictEqual(
        rows.map((row) => (row["found"] as ReadonlyArray<Row>).map((document) => document["_id"]).toSorted()),
        left.map((row) =>
          right
            .filter((other) => valuesOf(row["at"]).some((mine) => valuesOf(other["at"]).some((theirs) => compare(mine, theirs) === 0)))
            .map((other) => other["_id"])
            .toSorted()
        )
      )
    }
  })

  it("finds by _id what is equal, whatever the type of the number, and nothing that only looks so", () => {
    const right = numbered(Array.from({ length: 6 }, (_, n) => ({ n })))
    for (const others of [[], [2.5], [Decimal128.fromString("3.0")], [[1, 4]]] as ReadonlyArray<ReadonlyArray<Value>>) {
      const values: ReadonlyArray<Value> = [1, 1n, 5, 99, "1", null, { x: 1 }, ...others]
      const rows = asking(numbered(values.map((at) => ({ at }))), right)("left.orderBy(_id).lookup(right, at, _id, found)")
      assert.deepStrictEqual(
        rows.map((row) => (row["found"] as ReadonlyArray<Row>).map((document) => document["_id"]).toSorted()),
        values.map((at) =>
          right.filter((other) => valuesOf(at).some((mine) => compare(mine, other["_id"] ?? null) === 0)).map((other) => other["_id"])
        )
      )
    }
  })

  it("asks for many values in several statements, and gives each document once", () => {
    const count = VALUES_MAX * 2 + 5
    const left = [{ _id: 1, at: Array.from({ length: count }, (_, n) => n) }]
    const right = Array.from({ length: count + 10 }, (_, n) => ({ _id: n, n }))
    const [row] = asking(left, right)("left.lookup(right, at, n, found)")
    assert.lengthOf(row?.["found"] as ReadonlyArray<Row>, count)
    const spread = [{ _id: 5, at: [0, VALUES_MAX + 1] }]
    assert.lengthOf(asking(left, spread)("left.lookup(right, at, at, found)")[0]?.["found"] as ReadonlyArray<Row>, 1)
  })

  it("is the same as JSON whether the rows are made first or not, however often it is asked", () => {
    const left = numbered([{ at: 1 }, { at: [2] }, {}, { at: null }, { at: 99 }, { at: 2n }])
    const right = numbered([{ at: "a" }, { at: 'quote " and \\' }, { n: 3 }])
    const ask = askingTwice(left, right)
    const statements = [
      "left.lookup(right, at, _id, found)",
      'left.lookup(right, at, _id, `a "name"`)',
      "left.lookup(right, at, _id, at)",
      "left.lookup(right, at, _id, a).lookup(right, _id, _id, b)",
      "left.select(at).lookup(right, at, _id, found)",
      "left.filter(_id >= 1).orderBy(_id desc).limit(4).lookup(right, at, _id, found)"
    ]
    for (const statement of [...statements, ...statements]) {
      const [direct, made] = ask(statement)
      assert.strictEqual(direct, made, statement)
      assert.include(direct, '"n":3', statement)
    }
  })

  it("stands beside select, other lookups and a field of its name", () => {
    const ask = asking([{ _id: 1, at: 5 }], [{ _id: 5, at: 1, n: 5 }])
    assert.deepStrictEqual(ask("left.lookup(right, at, n, at)"), [{ _id: 1, at: [{ _id: 5, at: 1, n: 5 }] }])
    assert.deepStrictEqual(ask("left.select(at).lookup(right, at, n, a).lookup(right, _id, at, b)"), [
      { _id: 1, at: 5, a: [{ _id: 5, at: 1, n: 5 }], b: [{ _id: 5, at: 1, n: 5 }] }
    ])
    assert.deepStrictEqual(ask("left.filter(_id = 2).lookup(right, at, n, a)"), [])
  })

  it("ends when rows with their documents take more than they may", () => {
    const ask = asking(numbered(Array.from({ length: 50 }, () => ({ at: 1 }))), numbered(Array.from({ length: 50 }, () => ({ at: 1 }))), {
      rowsBytesMax: 10_000
    })
    try {
      ask("left.lookup(right, at, at, found)")
      assert.fail("it was answered")
    } catch (error) {
      if (!isFault<{ readonly _tag: "BudgetExceeded"; readonly budget: string }>(error, "BudgetExceeded")) throw error
      assert.strictEqual(error.reason.budget, "rowsBytesMax")
    }
  })
})
