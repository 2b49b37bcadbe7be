import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { type DocumentValue, encode, Key } from "../../src/Bson/Value.ts"
import { Disk } from "../../src/Disk/Disk.ts"
import { MemoryVolume } from "../../src/Disk/MemoryVolume.ts"
import type { IndexDefinition, StoreDefinition } from "../../src/Schema/Definition.ts"
import type { Engine } from "../../src/Storage/Engine.ts"
import { Storage } from "../../src/Storage/Storage.ts"
import { type Database, openDatabase } from "./Database.ts"
import { orderKey } from "./Shop.ts"

const MINUTE_MS = 60_000

function storeWith(index: Partial<IndexDefinition>): StoreDefinition {
  return {
    name: "sessions",
    idKind: "key",
    schema: { at: { type: "any", optional: true }, kept: { type: "boolean", optional: true } },
    indexes: [{ name: "end", on: [{ path: "at", direction: "asc" }], expireAfterMs: MINUTE_MS, ...index }]
  }
}

function open(index: Partial<IndexDefinition> = {}): Database {
  const database = openDatabase()
  database.engine.define([storeWith(index)])
  return database.settle()
}

function put(engine: Engine, documents: Readonly<Record<number, DocumentValue>>): number {
  const transaction = engine.transact()
  for (const [n, document] of Object.entries(documents)) {
    const key = orderKey(Number(n))
    transaction.put(engine.store("sessions")!, key, encode({ _id: new Key(key), ...document }), 0)
  }
  return transaction.commit()
}

/** Numbers of the documents that are there. */
function numbers(engine: Engine): Array<number> {
  const snapshot = engine.snapshot()
  const cursor = snapshot.documents(engine.store("sessions")!, undefined, 1)
  const found: Array<number> = []
  while (cursor.next()) found.push(new DataView(cursor.key.buffer, cursor.key.byteOffset).getUint32(2))
  snapshot.close()
  return found
}

/** Lets time pass, and everything be removed that is over then. */
function pass(database: Database, timeMs: number): Array<number> {
  database.nowMs += timeMs
  while (database.engine.expireDocuments() === "more");
  database.settle()
  return numbers(database.engine)
}

describe("documents whose time is over", () => {
  for (const direction of ["asc", "desc"] as const) {
    it(`go, and no others (index ${direction})`, () => {
      const database = open({ on: [{ path: "at", direction }] })
      const now = database.nowMs
      put(database.engine, {
        1: { at: new Date(now) },
        2: { at: new Date(now + 1) },
        3: { at: new Date(now + MINUTE_MS) },
        4: { at: now },
        5: { at: "2001-01-01" },
        6: { at: null },
        7: {},
        8: { at: [new Date(now + 5 * MINUTE_MS), new Date(now), 7] },
        9: { at: new Date(-MINUTE_MS) }
      })
      assert.deepStrictEqual(pass(database, 0), [1, 2, 3, 4, 5, 6, 7, 8])
      assert.deepStrictEqual(pass(database, MINUTE_MS), [2, 3, 4, 5, 6, 7])
      assert.deepStrictEqual(pass(database, 1), [3, 4, 5, 6, 7])
      database.engine.freeze()
      database.settle()
      assert.deepStrictEqual(pass(database, 10 * MINUTE_MS), [4, 5, 6, 7])
    })
  }

  it("go at the date itself when they expire after 0 ms, and only those of a partial index", () => {
    const database = open({ expireAfterMs: 0, where: { op: "ne", path: "kept", value: true } })
    const at = new Date(database.nowMs)
    put(database.engine, { 1: { at }, 2: { at, kept: true }, 3: { at, kept: false } })
    assert.deepStrictEqual(pass(database, 0), [2])
  })

  it("stay when they were put off before anybody looked", () => {
    const database = open()
    put(database.engine, { 1: { at: new Date(database.nowMs) } })
    put(database.engine, { 1: { at: new Date(database.nowMs + MINUTE_MS) } })
    assert.deepStrictEqual(pass(database, MINUTE_MS + 5), [1])
  })

  it("go in transactions like any other: several when there are many, told to listeners, durable, gone after a crash", () => {
    const database = open()
    const at = new Date(database.nowMs)
    put(database.engine, Object.fromEntries(Array.from({ length: 600 }, (_, n) => [n, { at }])))
    database.settle()
    const commits: Array<number> = []
    database.engine.onCommit((commit) => {
      const operations = commit.operations()
      let count = 0
      while (operations.next()) if (operations.after === undefined) count++
      commits.push(count)
    })
    assert.deepStrictEqual(pass(database, 2 * MINUTE_MS), [])
    assert.deepStrictEqual(commits, [256, 256, 88])
    assert.deepStrictEqual(numbers(database.crash(3).engine), [])
  })

  it("wait while a transaction is open", () => {
    const database = open()
    put(database.engine, { 1: { at: new Date(0) } })
    const transaction = database.engine.transact()
    assert.strictEqual(database.engine.expireDocuments(), "waiting")
    transaction.rollback()
    assert.deepStrictEqual(pass(database, 0), [])
  })

  it("need no new index when only their time changes", () => {
    const database = open()
    const { id } = database.engine.store("sessions")!.indexes[0]!
    put(database.engine, { 1: { at: new Date(database.nowMs) } })
    database.engine.define([storeWith({ expireAfterMs: 5 * MINUTE_MS })])
    assert.strictEqual(database.engine.store("sessions")!.indexes[0]!.id, id)
    assert.deepStrictEqual(pass(database, 2 * MINUTE_MS), [1])
    assert.deepStrictEqual(pass(database, 3 * MINUTE_MS), [])
  })

  it.effect("vanish within a minute by themselves", () =>
    Effect.gen(function* () {
      const { awaitDurable, defineStores, engine } = yield* Storage
      yield* defineStores([storeWith({})])
      yield* awaitDurable(put(engine, { 1: { at: new Date(0) }, 2: { at: new Date(10 * MINUTE_MS) } }))
      yield* TestClock.adjust(MINUTE_MS - 1)
      assert.deepStrictEqual(numbers(engine), [1, 2])
      yield* TestClock.adjust(MINUTE_MS)
      yield* awaitDurable(engine.lastLsn)
      assert.deepStrictEqual(numbers(engine), [2])
    }).pipe(
      Effect.provide(Storage.layer({ directory: "data/shop" }).pipe(Layer.provide(Layer.sync(Disk, () => Disk.over(new MemoryVolume())))))
    )
  )
})
