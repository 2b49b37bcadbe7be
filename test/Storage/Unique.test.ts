import { assert, describe, it } from "@effect/vitest"
import { type DocumentValue, encode, Key } from "../../src/Bson/Value.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import type { IndexDefinition, StoreDefinition } from "../../src/Schema/Definition.ts"
import type { DuplicateValues, UniqueViolation } from "../../src/Storage/Reasons.ts"
import type { Transaction } from "../../src/Storage/Reader.ts"
import { verify } from "../../src/Storage/Verify.ts"
import { type Database, openDatabase } from "./Database.ts"
import { orderKey } from "./Shop.ts"

const LONG = "x".repeat(2000)

const SCHEMA: StoreDefinition["schema"] = {
  a: { type: "any", optional: true },
  b: { type: "string", optional: true },
  n: { type: "int", optional: true }
}

const on = (...paths: ReadonlyArray<string>): IndexDefinition["on"] =>
  paths.map((path) => (path.startsWith("-") ? { path: path.slice(1), direction: "desc" } : { path, direction: "asc" }))

function storeWith(index: Partial<IndexDefinition>): StoreDefinition {
  return { name: "things", idKind: "key", schema: SCHEMA, indexes: [{ name: "only", on: on("b"), unique: true, ...index }] }
}

function open(index: Partial<IndexDefinition> = {}): Database {
  const database = openDatabase()
  database.engine.define([storeWith(index)])
  return database.settle()
}

function put(database: Database, transaction: Transaction, n: number, document: DocumentValue): void {
  const key = orderKey(n)
  transaction.put(database.engine.store("things")!, key, encode({ _id: new Key(key), ...document }), 0)
}

/** Commits documents by their numbers; undefined removes one. What the commit was refused for. */
function commit(database: Database, documents: Readonly<Record<number, DocumentValue | undefined>>): UniqueViolation | undefined {
  const transaction = database.engine.transact()
  for (const [n, document] of Object.entries(documents)) {
    if (document === undefined) transaction.delete(database.engine.store("things")!, orderKey(Number(n)))
    else put(database, transaction, Number(n), document)
  }
  return violationOf(() => transaction.commit())
}

function violationOf(work: () => unknown): UniqueViolation | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    if (error instanceof Fault && error.reason._tag === "UniqueViolation") return error.reason as UniqueViolation
    throw error
  }
}

/** How many documents there are, once the newest commit is durable. */
function count(database: Database): number {
  database.sync()
  const snapshot = database.engine.snapshot()
  const cursor = snapshot.documents(database.engine.store("things")!, undefined, 1)
  let documents = 0
  while (cursor.next()) documents++
  snapshot.close()
  return documents
}

describe("a unique index", () => {
  it("refuses the commit that brings a value twice, and names store, index, values and the other document", () => {
    const database = open()
    assert.isUndefined(commit(database, { 1: { b: "x" }, 2: { b: "y" } }))
    const { message, ...violation } = commit(database, { 3: { b: "z" }, 4: { b: "y" } })!
    assert.deepStrictEqual(violation, {
      _tag: "UniqueViolation",
      store: "things",
      index: "only",
      paths: ["b"],
      values: ['"y"'],
      key: Buffer.from(orderKey(2)).toString("hex")
    })
    assert.include(message, 'b "y"')
    assert.strictEqual(count(database), 2)
    assert.isUndefined(commit(database, { 3: { b: "z" } }))
  })

  it("looks into memtables, frozen ones and the index file", () => {
    const database = open()
    for (const when of ["active", "frozen", "flushed", "reopened"]) {
      assert.isUndefined(commit(database, { 1: { b: when } }))
      if (when === "frozen") database.engine.freeze()
      if (when === "flushed") {
        database.engine.freeze()
        database.settle()
      }
      const target = when === "reopened" ? database.settle().reopen() : database
      assert.isDefined(commit(target, { 2: { b: when } }), when)
      assert.isUndefined(commit(target, { 2: { b: `${when} 2` } }), when)
    }
  })

  it("asks about the state at the end: values may move, be swapped, go and come back", () => {
    const database = open()
    assert.isUndefined(commit(database, { 1: { b: "x" }, 2: { b: "y" } }))
    assert.isUndefined(commit(database, { 1: { b: "y" }, 2: { b: "x" } }), "swapped")
    assert.isUndefined(commit(database, { 1: undefined, 3: { b: "y" } }), "moved")
    assert.isUndefined(commit(database, { 2: { b: "x", n: 1 } }), "another field")
    const transaction = database.engine.transact()
    put(database, transaction, 4, { b: "x" })
    put(database, transaction, 4, { b: "w" })
    transaction.commit()
    assert.strictEqual(count(database), 3)
  })

  it("asks at the end of a statement, and what is rolled back counts no more", () => {
    const database = open()
    commit(database, { 1: { b: "x" } })
    const transaction = database.engine.transact()
    const savepoint = transaction.savepoint()
    put(database, transaction, 2, { b: "x" })
    assert.isDefined(violationOf(() => transaction.endStatement()))
    assert.isDefined(
      violationOf(() => transaction.endStatement()),
      "the writes are still there"
    )
    transaction.rollbackTo(savepoint)
    assert.isUndefined(violationOf(() => transaction.endStatement()))
    put(database, transaction, 2, { b: "y" })
    transaction.endStatement()
    transaction.commit()
    assert.strictEqual(count(database), 2)
  })

  it("asks again about what a rollback brought back to light", () => {
    const database = open()
    commit(database, { 1: { b: "x" } })
    const transaction = database.engine.transact()
    put(database, transaction, 2, { b: "x" })
    const between = transaction.savepoint()
    transaction.delete(database.engine.store("things")!, orderKey(1))
    transaction.endStatement()
    transaction.rollbackTo(between)
    assert.isDefined(violationOf(() => transaction.commit()))
    assert.strictEqual(count(database), 1)
  })

  it("counts a missing field as null, unless it is sparse", () => {
    const plain = open()
    assert.isUndefined(commit(plain, { 1: {} }))
    assert.deepStrictEqual(commit(plain, { 2: {} })?.values, ["null"])
    const sparse = open({ sparse: true })
    assert.isUndefined(commit(sparse, { 1: {}, 2: {}, 3: { b: "x" } }))
    assert.isDefined(commit(sparse, { 4: { b: "x" } }))
  })

  it("covers all fields of a compound index, in whatever direction", () => {
    const database = open({ on: on("n", "-b") })
    assert.isUndefined(commit(database, { 1: { n: 1, b: "x" }, 2: { n: 1, b: "y" }, 3: { n: 2, b: "x" } }))
    assert.deepStrictEqual(commit(database, { 4: { n: 1, b: "y" } })?.values, ["1", '"y"'])
  })

  it("holds only for the documents of a partial index", () => {
    const database = open({ where: { op: "eq", path: "n", value: 1 } })
    assert.isUndefined(commit(database, { 1: { b: "x", n: 1 }, 2: { b: "x", n: 2 }, 3: { b: "x" } }))
    assert.isDefined(commit(database, { 2: { b: "x", n: 1 } }))
  })

  it("keeps an element of an array from being in two documents, not twice in one; arrays as such may be equal", () => {
    const database = open({ on: on("a") })
    assert.isUndefined(commit(database, { 1: { a: ["x", "x", "y"] }, 2: { a: [] }, 3: { a: [] }, 4: { a: [["x"]] }, 5: { a: [["x"]] } }))
    assert.deepStrictEqual(commit(database, { 6: { a: ["z", "y"] } })?.values, ['"y"'])
    assert.deepStrictEqual(commit(database, { 6: { a: "x" } })?.values, ['"x"'])
  })

  it("tells long values apart that begin alike", () => {
    const database = open()
    assert.isUndefined(commit(database, { 1: { b: `${LONG}1` }, 2: { b: `${LONG}2` }, 3: { b: LONG } }))
    assert.isDefined(commit(database, { 4: { b: `${LONG}2` } }))
    assert.isUndefined(commit(database, { 4: { b: `${LONG}4` } }))
  })

  it("compares as filters do: 1 is 1.0", () => {
    const database = open({ on: on("a") })
    assert.isUndefined(commit(database, { 1: { a: 1 }, 2: { a: "1" }, 3: { a: 1.5 } }))
    assert.isDefined(commit(database, { 4: { a: 1n } }))
  })
})

/** Documents without an index first, then the index. */
function build(documents: ReadonlyArray<DocumentValue>, index: Partial<IndexDefinition> = {}): Database {
  const database = openDatabase()
  database.engine.define([{ ...storeWith(index), indexes: [] }])
  commit(database, Object.fromEntries(documents.map((document, n) => [n, document])))
  database.engine.freeze()
  database.settle()
  database.engine.define([storeWith(index)])
  return database
}

function failureOf(database: Database): DuplicateValues | undefined {
  const index = database.engine.store("things")!.indexes[0]!
  const failure = database.engine.buildFailure(index)
  if (failure === undefined) return undefined
  if (!(failure instanceof Fault)) throw failure
  return failure.reason as DuplicateValues
}

describe("building a unique index", () => {
  it("ends as ready when no value comes twice", () => {
    const database = build([{ b: "x" }, { b: "y" }, {}]).settle()
    assert.isTrue(database.engine.store("things")!.indexes[0]!.ready)
    assert.isDefined(commit(database, { 7: { b: "y" } }))
  })

  it("ends as failed with the values and documents, for good, and is neither kept nor asked", () => {
    const database = build([{ b: "x" }, { b: "y" }, { b: "x" }, { b: "z" }, { b: "y" }, { b: "x" }]).settle()
    const id = (n: number): string => `"${Buffer.from(orderKey(n)).toString("hex")}"`
    const expected = {
      total: 2,
      listed: [
        { values: ['"x"'], ids: [id(0), id(2), id(5)] },
        { values: ['"y"'], ids: [id(1), id(4)] }
      ]
    }
    assert.deepStrictEqual(failureOf(database)?.duplicates, expected)
    assert.isUndefined(commit(database, { 7: { b: "y" } }))
    assert.isFalse(database.engine.isBuilding)
    const reopened = database.settle().reopen()
    assert.deepStrictEqual(failureOf(reopened)?.duplicates, expected)
    reopened.engine.freeze()
    assert.deepStrictEqual(failureOf(reopened.settle().reopen())?.duplicates, expected)
  })

  it("begins anew when the store is defined once more, and is ready when the duplicates are gone", () => {
    const database = build([{ b: "x" }, { b: "x" }]).settle()
    assert.isDefined(failureOf(database))
    database.engine.define([storeWith({})])
    assert.isUndefined(failureOf(database))
    assert.isDefined(failureOf(database.settle()))
    commit(database, { 1: { b: "y" } })
    database.engine.define([storeWith({})])
    database.settle()
    assert.isUndefined(failureOf(database))
    assert.isTrue(database.engine.store("things")!.indexes[0]!.ready)
    assert.isDefined(commit(database, { 7: { b: "y" } }))
  })

  it("looks again when what it has found is mended before it has looked at everything", () => {
    const documents = Array.from({ length: 600 }, (_, n) => ({ b: `v${String(n === 1 ? 0 : n).padStart(4, "0")}` }))
    const mended = build(documents)
    const { engine } = mended
    while (engine.builds()[0]!.phase === "filling") {
      engine.maintain(400)
      mended.sync()
    }
    // Far enough to have passed the first two, not so far as to have seen them all.
    for (let slice = 0; slice < 3; slice++) engine.maintain(400)
    assert.strictEqual(engine.builds()[0]?.phase, "checking")
    commit(mended, { 1: { b: "v0001" } })
    mended.settle()
    assert.isUndefined(failureOf(mended))
    assert.isTrue(engine.store("things")!.indexes[0]!.ready)
    assert.isDefined(commit(mended, { 700: { b: "v0001" } }))
  })

  it("finds long values, elements of arrays and nulls that come twice, and only those", () => {
    const index = { on: on("a") }
    const ready = build([{ a: `${LONG}1` }, { a: `${LONG}2` }, { a: [] }, { a: [] }, { a: ["x"] }, { a: ["y", ["x"]] }, {}], index).settle()
    assert.isUndefined(failureOf(ready))
    const documents = [
      { a: `${LONG}1` },
      { a: `${LONG}2` },
      { a: ["x"] },
      { a: ["y"] },
      { a: ["z", "x"] },
      {},
      { a: `${LONG}1` },
      { a: null }
    ]
    const values = failureOf(build(documents, index).settle())!.duplicates.listed.map((it) => it.values[0]!.slice(0, 5))
    assert.deepStrictEqual(values, ["null", '"x"', '"xxxx'])
  })

  it("refuses what becomes a duplicate while it is being built", () => {
    const database = build(Array.from({ length: 200 }, (_, n) => ({ b: `value ${n}` })))
    let slices = 0
    for (; database.engine.isBuilding; slices++) {
      database.engine.maintain(200)
      assert.isDefined(commit(database, { [1000 + slices]: { b: "value 0" } }), "a document that is in the index already")
      assert.isDefined(commit(database, { [1000 + slices]: { b: "new" }, [2000 + slices]: { b: "new" } }), "two new ones")
      assert.isUndefined(commit(database, { [1000 + slices]: { b: `new ${slices}` } }))
      database.sync()
    }
    assert.isAbove(slices, 10)
    assert.isDefined(commit(database, { 5000: { b: "value 199" } }))
  })

  it("is proven by the check of the files", async () => {
    const database = build([{ b: "x" }, { b: "y" }, { b: `${LONG}1` }, { b: `${LONG}2` }]).settle()
    database.engine.freeze()
    database.settle()
    database.close()
    const problems = await new Promise((resolve) =>
      verify(database.volume, "data/shop", (fault, report) => resolve(fault ?? report?.problems))
    )
    assert.deepStrictEqual(problems, [])
  })
})
