import { assert, describe, it } from "@effect/vitest"
import { Decimal128, decode, type Value } from "../../src/Bson/Value.ts"
import { Executor } from "../../src/Query/Executor.ts"
import { RowList } from "../../src/Query/RowList.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import { openDatabase } from "../Storage/Database.ts"

/** A document with a list, changed as told; the list afterwards. */
function changed(list: ReadonlyArray<Value>, change: "addToSet" | "pull", elements: ReadonlyArray<Value>): ReadonlyArray<Value> {
  const database = openDatabase()
  database.engine.define([{ name: "lists", idKind: "int", schema: { list: { type: "array", items: { type: "any" } } }, indexes: [] }])
  database.settle()
  const executor = new Executor({ store: (name) => database.engine.store(name) })
  const transaction = database.engine.transact()
  const rows = new RowList()
  executor.insert(transaction, encodeStatement({ kind: "insert", store: "lists", documents: [{ _id: 1, list }] }), 0, rows)
  executor.update(transaction, encodeStatement({ kind: "update", store: "lists", [change]: { list: { $each: elements } } }), 0)
  executor.find(transaction, encodeStatement({ kind: "find", store: "lists" }), 0, rows)
  const { list: found } = decode(rows.bytes(0), rows.at(0))
  transaction.rollback()
  return found as ReadonlyArray<Value>
}

const LONG = "x".repeat(1500)
const MANY = Array.from({ length: 40 }, (_, number): Value => (number % 3 === 0 ? number : number % 3 === 1 ? `t${number}` : { n: number }))

describe("changes of long arrays", () => {
  it("add what is not there by value, as they do for short ones", () => {
    const added: ReadonlyArray<Value> = [
      0,
      Decimal128.fromString("3.0"),
      3.5,
      "t1",
      "t2",
      { n: 2 },
      { n: 3 },
      3.5,
      `${LONG}1`,
      `${LONG}2`,
      `${LONG}1`,
      null,
      [1],
      [1]
    ]
    const expected: ReadonlyArray<Value> = [3.5, "t2", { n: 3 }, `${LONG}1`, `${LONG}2`, null, [1]]
    assert.deepStrictEqual(changed(MANY, "addToSet", added), [...MANY, ...expected])
    assert.deepStrictEqual(changed([], "addToSet", added).length, 11)
    assert.deepStrictEqual(changed([`${LONG}2`, ...MANY], "addToSet", [`${LONG}2`, `${LONG}3`]).at(-1), `${LONG}3`)
  })

  it("take out what is equal, also many at once", () => {
    const gone = MANY.slice(0, 30)
    assert.deepStrictEqual(changed([...MANY, `${LONG}1`, `${LONG}2`], "pull", [...gone, `${LONG}1`]), [...MANY.slice(30), `${LONG}2`])
  })

  it("take time in proportion to the elements", () => {
    const half = Array.from({ length: 40_000 }, (_, number) => number)
    assert.strictEqual(
      changed(
        half,
        "addToSet",
        half.map((number) => number + 20_000)
      ).length,
      60_000
    )
    assert.strictEqual(changed(half, "pull", half.slice(0, 39_999)).length, 1)
  })
})
