import { assert, describe, it } from "@effect/vitest"
import { type DocumentValue, encode, Key } from "../../src/Bson/Value.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import { ENTRIES_MAX } from "../../src/Index/EntryList.ts"
import type { IndexDefinition, StoreDefinition } from "../../src/Schema/Definition.ts"
import { verify } from "../../src/Storage/Verify.ts"
import { type Database, openDatabase } from "./Database.ts"
import { orderKey } from "./Shop.ts"

const DOCUMENTS = 800

const index = (path: string, options: Partial<IndexDefinition> = {}): IndexDefinition => ({
  name: `by ${path}`.replace(" ", "-"),
  on: [{ path, direction: "asc" }],
  ...options
})

function storeWith(name: string, ...indexes: ReadonlyArray<IndexDefinition>): StoreDefinition {
  const schema = { n: { type: "int" }, tags: { type: "array", items: { type: "int" }, optional: true } } as const
  return { name, idKind: "key", schema, indexes }
}

function fill(database: Database, store: string, documents: number, make: (n: number) => DocumentValue): void {
  const transaction = database.engine.transact()
  for (let n = 0; n < documents; n++) {
    const key = orderKey(n)
    transaction.put(database.engine.store(store)!, key, encode({ _id: new Key(key), ...make(n) }), 0)
  }
  transaction.commit()
}

/** A store with documents in the index file, and no index yet. */
function filled(...stores: ReadonlyArray<string>): Database {
  const database = openDatabase()
  database.engine.define(stores.map((name) => storeWith(name)))
  for (const name of stores) fill(database, name, DOCUMENTS, (n) => ({ n: n % 50, tags: [n, n + 1] }))
  database.engine.freeze()
  return database.settle()
}

/** Works in small slices until the build has done so many documents. */
function buildUpTo(database: Database, documents: number): void {
  while (database.engine.builds()[0]!.documents < documents) {
    database.engine.maintain(400)
    database.sync()
  }
}

/** Brings what is in memory to the index file; the build goes on meanwhile, in slices as small as can be. */
function flush(database: Database): void {
  database.engine.freeze()
  while (database.engine.backlog.frozenMemtables > 0) {
    database.engine.maintain(40)
    database.sync()
  }
}

/** Keys in an index that is ready, by number, each as often as it has entries. */
function entriesOf(database: Database, store: string): number {
  const snapshot = database.engine.snapshot()
  const cursor = snapshot.entries(database.engine.store(store)!.indexes[0]!, undefined, 1)
  let entries = 0
  while (cursor.next()) entries++
  snapshot.close()
  return entries
}

function problemsOf(database: Database): Promise<unknown> {
  database.close()
  return new Promise((resolve) => verify(database.volume, "data/shop", (fault, report) => resolve(fault ?? report?.problems)))
}

describe("the build of an index", () => {
  it("says how far it is", () => {
    const database = filled("things")
    database.engine.define([storeWith("things", index("n"))])
    assert.deepStrictEqual(database.engine.builds(), [
      { store: "things", index: "by-n", phase: "filling", documents: 0, documentsExpected: DOCUMENTS }
    ])
    let before = 0
    while (database.engine.isBuilding) {
      const documents = database.engine.builds()[0]?.documents ?? DOCUMENTS
      assert.isAtLeast(documents, before)
      before = documents
      database.engine.maintain(2000)
      database.sync()
    }
    assert.isAbove(before, DOCUMENTS / 2)
    assert.deepStrictEqual(database.engine.builds(), [])
  })

  it("goes on after a crash from where the last flush has it", async () => {
    const database = filled("things")
    database.engine.define([storeWith("things", index("tags"))])
    buildUpTo(database, 200)
    const frozenAt = database.engine.builds()[0]!.documents
    flush(database)
    buildUpTo(database, frozenAt + 100)
    const crashed = database.crash(5)
    const { documents } = crashed.engine.builds()[0]!
    assert.strictEqual(documents, frozenAt)
    const transaction = crashed.engine.transact()
    transaction.delete(crashed.engine.store("things")!, orderKey(3))
    transaction.delete(crashed.engine.store("things")!, orderKey(frozenAt + 50))
    transaction.commit()
    crashed.settle()
    assert.strictEqual(entriesOf(crashed, "things"), (DOCUMENTS - 2) * 3)
    crashed.engine.freeze()
    assert.deepStrictEqual(await problemsOf(crashed.settle()), [])
  })

  it("goes on after a clean stop, also when another index has to be built before", () => {
    const database = filled("first", "second")
    database.engine.define([storeWith("second", index("n"))])
    buildUpTo(database, 300)
    flush(database)
    const { documents } = database.engine.builds()[0]!
    database.engine.define([storeWith("first", index("n"))])
    flush(database.sync())
    const reopened = database.reopen()
    const [first, second] = reopened.engine.builds()
    assert.deepStrictEqual([first?.store, second?.store], ["first", "second"])
    assert.isAtLeast(second!.documents, documents)
    reopened.settle()
    assert.deepStrictEqual([entriesOf(reopened, "first"), entriesOf(reopened, "second")], [DOCUMENTS, DOCUMENTS])
  })

  it("looks for duplicates again after a crash, over entries that are all there", () => {
    const database = filled("things")
    database.engine.define([storeWith("things", index("n", { unique: true }))])
    while (database.engine.builds()[0]!.phase === "filling") {
      database.engine.maintain(400)
      database.sync()
    }
    flush(database)
    const crashed = database.crash(9)
    assert.deepInclude(crashed.engine.builds()[0], { phase: "checking", documents: DOCUMENTS })
    crashed.settle()
    assert.strictEqual(crashed.engine.store("things")!.indexes[0]!.duplicates?.total, 50)
  })

  it("ends when the index is dropped, and leaves nothing behind", async () => {
    const database = filled("things")
    database.engine.define([storeWith("things", index("n"))])
    buildUpTo(database, 300)
    flush(database)
    database.engine.define([storeWith("things")])
    assert.deepStrictEqual(database.engine.builds(), [])
    database.engine.freeze()
    database.settle()
    const reopened = database.reopen()
    assert.deepStrictEqual(reopened.engine.builds(), [])
    assert.deepStrictEqual(await problemsOf(reopened), [])
  })

  it("fails over a document with more values than an index may have of one, and says so", () => {
    const database = openDatabase()
    database.engine.define([storeWith("things")])
    fill(database, "things", 1, () => ({ n: 1, tags: Array.from({ length: ENTRIES_MAX + 1 }, (_, n) => n) }))
    database.settle()
    database.engine.define([storeWith("things", index("tags"))])
    database.settle()
    const failure = database.engine.buildFailure(database.engine.store("things")!.indexes[0]!)
    assert.isTrue(failure instanceof Fault && failure.reason._tag === "TooManyEntries")
    assert.strictEqual(database.reports.length, 1)
  })
})

describe("dropping an index", () => {
  it("gives its pages back in slices, while everything else goes on", async () => {
    const database = openDatabase()
    database.engine.define([storeWith("things", index("tags"))])
    fill(database, "things", 2000, (n) => ({ n, tags: Array.from({ length: 12 }, (_, place) => n * 31 + place * 1009) }))
    database.engine.freeze()
    database.settle()
    database.engine.define([storeWith("things")])
    database.sync()
    const transaction = database.engine.transact()
    transaction.delete(database.engine.store("things")!, orderKey(0))
    transaction.commit()
    database.sync()
    database.engine.freeze()
    let slices = 0
    for (; database.engine.backlog.frozenMemtables > 0; slices++) {
      database.engine.maintain(20)
      assert.strictEqual(database.engine.admission(), "open")
      database.sync()
    }
    assert.isAbove(slices, 3)
    assert.deepStrictEqual(await problemsOf(database), [])
  })
})
