import { assert, describe, it } from "@effect/vitest"
import { decode, encode, type DocumentValue, Key } from "../../src/Bson/Value.ts"
import { Fault, isFault } from "../../src/Fault/Fault.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import type { MigrationHandler } from "../../src/Storage/Conversion.ts"
import { beforeName, clearReplaced, shadowName, StoreMigration } from "../../src/Storage/StoreMigration.ts"
import { type Database, openDatabase } from "./Database.ts"
import { orderKey } from "./Shop.ts"

const FIRST: StoreDefinition = {
  name: "orders",
  idKind: "key",
  schema: { customer: { type: "string" }, total: { type: "string" }, legacy: { type: "int", optional: true } },
  indexes: [{ name: "byCustomer", on: [{ path: "customer", direction: "asc" }] }]
}

const SECOND: StoreDefinition = {
  name: "orders",
  idKind: "key",
  schema: { buyer: { type: "string" }, total: { type: "int" }, status: { type: "string" } },
  indexes: [{ name: "byBuyer", on: [{ path: "buyer", direction: "asc" }] }],
  version: 2,
  migrations: [
    {
      to: 2,
      steps: [
        { op: "rename", from: "customer", to: "buyer" },
        { op: "convert", path: "total", to: "int" },
        { op: "drop", path: "legacy" },
        { op: "default", path: "status", value: "open" }
      ]
    }
  ]
}

function filled(count: number): Database {
  const database = openDatabase()
  database.engine.define([FIRST])
  database.settle()
  for (let from = 0; from < count; from += 100) {
    const transaction = database.engine.transact()
    for (let n = from; n < Math.min(count, from + 100); n++) {
      const document = { _id: new Key(orderKey(n)), customer: `c${n}`, total: String(n), ...(n % 2 === 0 ? { legacy: n } : {}) }
      transaction.put(database.engine.store("orders")!, orderKey(n), encode(document), 0)
    }
    transaction.commit()
  }
  database.settle()
  return database
}

/** A write of the old version. */
function put(database: Database, n: number, customer: string, total: string): void {
  const transaction = database.engine.transact()
  transaction.put(database.engine.store("orders")!, orderKey(n), encode({ _id: new Key(orderKey(n)), customer, total }), 0)
  transaction.commit()
}

function remove(database: Database, n: number): void {
  const transaction = database.engine.transact()
  transaction.delete(database.engine.store("orders")!, orderKey(n))
  transaction.commit()
}

function documents(database: Database, name: string): ReadonlyArray<DocumentValue> {
  database.settle()
  const store = database.engine.store(name)
  if (store === undefined) return []
  const snapshot = database.engine.snapshot()
  const cursor = snapshot.documents(store, undefined, 1)
  const found: Array<DocumentValue> = []
  while (cursor.next()) {
    const { _id: _key, ...document } = decode(cursor.document.bytes, cursor.document.at)
    found.push(document)
  }
  snapshot.close()
  return found
}

function entries(database: Database, index: string): number {
  const snapshot = database.engine.snapshot()
  const cursor = snapshot.entries(
    database.engine.store("orders")!.indexes.find((it) => it.definition.name === index)!,
    undefined,
    1
  )
  let count = 0
  while (cursor.next()) count++
  snapshot.close()
  return count
}

const begin = (database: Database, definition = SECOND, handlers: ReadonlyMap<string, MigrationHandler> = new Map()): StoreMigration =>
  new StoreMigration(database.engine, definition, { handlers }, () => database.nowMs)

/** Steps to the end; `between` two slices something else happens. */
function run(database: Database, migration: StoreMigration, between: (slice: number) => void = () => {}): void {
  for (let slice = 0; migration.step() !== "caughtUp"; slice++) {
    between(slice)
    database.settle()
    if (slice > 10_000) throw new Error("the migration does not end")
  }
  migration.finish()
}

const migratedOf = (n: number): DocumentValue => ({ buyer: `c${n}`, total: n, status: "open" })

/** What a migration failed with. */
function failureOf(work: () => void): { readonly total: number; readonly listed: ReadonlyArray<unknown>; readonly message: string } {
  try {
    work()
  } catch (error) {
    if (isFault<{ _tag: string; total: number; listed: ReadonlyArray<unknown>; message: string }>(error, "MigrationFailed"))
      return error.reason
    throw error
  }
  return assert.fail("nothing failed")
}

describe("the migration of a store", () => {
  it("converts every document, and changes documents, definition and indexes in one commit", () => {
    const database = filled(250)
    const migration = begin(database)
    run(database, migration, () => {
      assert.deepStrictEqual(database.engine.store("orders")!.definition, FIRST)
    })
    assert.deepStrictEqual(
      documents(database, "orders"),
      Array.from({ length: 250 }, (_, n) => migratedOf(n))
    )
    assert.strictEqual(entries(database, "byBuyer"), 250)
    const { migrations: _way, ...kept } = SECOND
    assert.deepStrictEqual(database.engine.store("orders")!.definition, kept)
  })

  it("has what was written meanwhile, before and behind it, and nothing that was removed", () => {
    const database = filled(250)
    const migration = begin(database)
    let writes = 0
    run(database, migration, (slice) => {
      if (slice > 12) return
      put(database, 3, "changed", String(1000 + slice))
      put(database, 240, "behind", String(2000 + slice))
      put(database, 1000 + slice, "new", "7")
      remove(database, 20 + slice)
      writes++
    })
    const found = documents(database, "orders")
    assert.strictEqual(writes, 13)
    assert.lengthOf(found, 250)
    assert.deepInclude(found, { buyer: "changed", total: 1012, status: "open" })
    assert.deepInclude(found, { buyer: "behind", total: 2012, status: "open" })
    assert.lengthOf(
      found.filter(({ buyer }) => buyer === "new"),
      13
    )
    for (let slice = 0; slice < 13; slice++) assert.notDeepInclude(found, migratedOf(20 + slice))
  })

  it("lists what cannot be converted and changes nothing; mended, it goes on with what it has", () => {
    const database = filled(250)
    put(database, 7, "seven", "many")
    put(database, 9, "nine", "more")
    const before = documents(database, "orders")
    const failure = failureOf(() => run(database, begin(database)))
    assert.strictEqual(failure.total, 2)
    assert.deepStrictEqual(failure.listed, [
      { id: `"${new Key(orderKey(7)).toString()}"`, pointer: "/total", message: "cannot be converted to int" },
      { id: `"${new Key(orderKey(9)).toString()}"`, pointer: "/total", message: "cannot be converted to int" }
    ])
    assert.match(
      failure.message,
      /^orders stays at version 1: document "0+\w+" cannot be migrated: \/total cannot be converted to int, and 1 more$/
    )
    assert.deepStrictEqual(documents(database, "orders"), before)
    put(database, 7, "c7", "7")
    put(database, 9, "c9", "9")
    const lsn = database.engine.lastLsn
    run(database, begin(database))
    assert.deepStrictEqual(documents(database, "orders")[9], migratedOf(9))
    // One slice had two documents to put; then the names changed.
    assert.isAtMost(database.engine.lastLsn - lsn, 3)
  })

  it("goes on after a crash without writing again what is there", () => {
    const database = filled(400)
    const migration = begin(database)
    for (let slice = 0; slice < 6; slice++) migration.step()
    database.settle()
    const half = documents(database, shadowName("orders")).length
    assert.isAbove(half, 100)
    const again = database.crash(3)
    put(again, 1, "after", "11")
    remove(again, 2)
    let written = 0
    again.engine.onCommit((commit) => {
      const operations = commit.operations()
      while (operations.next()) if (operations.store.definition.name === shadowName("orders")) written++
    })
    run(again, begin(again))
    assert.strictEqual(written, 400 - half + 2)
    const found = documents(again, "orders")
    assert.lengthOf(found, 399)
    assert.deepInclude(found, { buyer: "after", total: 11, status: "open" })
  })

  it("keeps what was acknowledged whenever power is lost: the old version whole, or the new", () => {
    const database = filled(120)
    const migration = begin(database)
    let operations = 0
    const crashes: Array<Database> = []
    database.volume.onOperation(() => {
      if (operations++ >= 0) crashes.push(database.crash(operations))
    })
    run(database, migration)
    database.settle()
    assert.isAbove(crashes.length, 3)
    const versions = new Set<number>()
    for (const crashed of crashes) {
      const found = documents(crashed, "orders")
      assert.lengthOf(found, 120)
      const version = crashed.engine.store("orders")!.definition.version ?? 1
      versions.add(version)
      if (version === 2) assert.deepStrictEqual(found[5], migratedOf(5))
      else assert.deepStrictEqual(found[5], { customer: "c5", total: "5" })
    }
    assert.isTrue(versions.has(1))
  })

  it("leaves the way free for writers when the disk fails while the old documents are removed", () => {
    const database = filled(20)
    run(database, begin(database))
    database.engine.freeze()
    const cold = database.settle().reopen()
    let isFailing = true
    cold.volume.failWhen(({ operation, path }) => (isFailing && operation === "read" && path.includes("values") ? "EIO" : undefined))
    assert.throws(() => clearReplaced(cold.engine), /DiskFailure/)
    isFailing = false
    cold.engine.transact().rollback()
    while (clearReplaced(cold.engine)) cold.settle()
    assert.lengthOf(documents(cold, beforeName("orders")), 0)
  })

  it("gives the old documents' space back, and the next one uses their place", () => {
    const database = filled(150)
    run(database, begin(database))
    assert.lengthOf(documents(database, beforeName("orders")), 150)
    while (clearReplaced(database.engine)) database.settle()
    assert.lengthOf(documents(database, beforeName("orders")), 0)
    const third: StoreDefinition = {
      ...SECOND,
      schema: { buyer: { type: "string" }, sum: { type: "int" }, status: { type: "string" } },
      version: 3,
      migrations: [...SECOND.migrations!, { to: 3, steps: [{ op: "rename", from: "total", to: "sum" }] }]
    }
    run(database, begin(database, third))
    while (clearReplaced(database.engine)) database.settle()
    assert.deepStrictEqual(documents(database, "orders")[1], { buyer: "c1", sum: 1, status: "open" })
    assert.lengthOf(database.engine.stores(), 3)
    run(database, begin(database, { ...third, version: 4, migrations: [{ to: 4, steps: [{ op: "convert", path: "sum", to: "int" }] }] }))
    assert.lengthOf(database.engine.stores(), 3)
    assert.lengthOf(documents(database, "orders"), 150)
  })

  it("goes through several versions at once, by steps and by programs", () => {
    const database = filled(50)
    const definition: StoreDefinition = {
      ...SECOND,
      schema: { buyer: { type: "string" }, total: { type: "int" }, status: { type: "string" } },
      version: 3,
      migrations: [...SECOND.migrations!, { to: 3, handler: "shout" }]
    }
    const shout: MigrationHandler = (bytes) => {
      const document = decode(bytes) as DocumentValue & { readonly buyer: string }
      return encode({ ...document, buyer: document.buyer.toUpperCase() })
    }
    run(database, begin(database, definition, new Map([["shout", shout]])))
    assert.deepStrictEqual(documents(database, "orders")[3], { ...migratedOf(3), buyer: "C3" })
    assert.throws(() => begin(filled(1), definition), /has no handler shout/)
  })

  it("lets others have their turn after a few milliseconds, however slow a program is", () => {
    const database = filled(20)
    const definition: StoreDefinition = { ...SECOND, schema: FIRST.schema, indexes: [], migrations: [{ to: 2, handler: "slow" }] }
    const slow: MigrationHandler = (bytes) => {
      database.nowMs += 3
      return bytes
    }
    const migration = begin(database, definition, new Map([["slow", slow]]))
    const converted: Array<number> = []
    run(database, migration, () => converted.push(migration.converted))
    const most = Math.max(...converted.map((count, slice) => count - (converted[slice - 1] ?? 0)))
    assert.strictEqual(most, 2)
    assert.lengthOf(documents(database, "orders"), 20)
  })

  it("goes back by the ways of the later version, in reverse, and not where one is missing", () => {
    const third: StoreDefinition = {
      ...SECOND,
      schema: { buyer: { type: "string" }, total: { type: "int" }, state: { type: "string" } },
      version: 3,
      migrations: [
        {
          ...SECOND.migrations![0]!,
          down: {
            steps: [
              { op: "drop", path: "status" },
              { op: "convert", path: "total", to: "string" },
              { op: "rename", from: "buyer", to: "customer" }
            ]
          }
        },
        { to: 3, steps: [{ op: "rename", from: "status", to: "state" }], down: { steps: [{ op: "rename", from: "state", to: "status" }] } }
      ]
    }
    const database = filled(30)
    run(database, begin(database, third))
    const back = (newer: StoreDefinition): StoreMigration =>
      new StoreMigration(database.engine, FIRST, { handlers: new Map(), newer: [newer] }, () => database.nowMs)
    const [, last] = third.migrations!
    assert.throws(() => back({ ...third, migrations: [SECOND.migrations![0]!, last!] }), /migration to version 2 has no way down/)
    run(database, back(third))
    assert.deepStrictEqual(
      documents(database, "orders"),
      Array.from({ length: 30 }, (_, n) => ({ customer: `c${n}`, total: String(n) }))
    )
    assert.deepStrictEqual(database.engine.store("orders")!.definition, FIRST)
  })

  it("fails where values are taken in a unique index, and not where they become free", () => {
    const unique: StoreDefinition = { ...SECOND, indexes: [{ name: "byBuyer", on: [{ path: "buyer", direction: "asc" }], unique: true }] }
    const database = filled(10)
    put(database, 4, "c7", "4")
    const failure = failureOf(() => run(database, begin(database, unique)))
    assert.strictEqual(failure.total, 1)
    // 7 is looked at after 4 has taken its value, which it gives up while the migration goes on.
    const migration = begin(database, unique)
    run(database, migration, (slice) => {
      if (slice === 3) put(database, 4, "c4", "4")
    })
    assert.lengthOf(documents(database, "orders"), 10)
  })

  it("follows documents that exchange the values of a unique index", () => {
    const unique: StoreDefinition = { ...SECOND, indexes: [{ name: "byBuyer", on: [{ path: "buyer", direction: "asc" }], unique: true }] }
    const database = filled(10)
    run(database, begin(database, unique), (slice) => {
      if (slice !== 2) return
      put(database, 4, "c7", "4")
      put(database, 7, "c8", "7")
      put(database, 8, "c4", "8")
    })
    const found = documents(database, "orders")
    assert.deepStrictEqual(
      [4, 7, 8].map((at) => found[at]!["buyer"]),
      ["c7", "c8", "c4"]
    )
  })

  it("leaves nothing out when a slice finds no room in the log", () => {
    const database = openDatabase({ limits: { logStagingBytesMax: 64 * 1024 } })
    database.engine.define([FIRST])
    database.settle()
    const wide = "w".repeat(600)
    for (let n = 0; n < 120; n++) {
      put(database, n, `${wide}${n}`, String(n))
      database.settle()
    }
    const migration = begin(database)
    let refusals = 0
    for (let slice = 0; slice < 100; slice++) {
      // Not synced: it takes a part of the room that the next slice needs.
      if (refusals < 2) put(database, 60, "w".repeat(40 * 1024), "60")
      try {
        if (migration.step() === "caughtUp") break
      } catch (error) {
        if (!isFault(error, "Backpressure")) throw error
        refusals++
      }
      database.settle()
    }
    migration.finish()
    assert.strictEqual(refusals, 2)
    const found = documents(database, "orders")
    assert.deepStrictEqual(
      found.map(({ total }) => total),
      Array.from({ length: 120 }, (_, n) => n)
    )
    assert.strictEqual(found[60]!["buyer"], "w".repeat(40 * 1024))
  })

  it("forgets what it could not convert when the document goes, also when it loses count of what changes", () => {
    const database = filled(50)
    put(database, 7, "seven", "many")
    const migration = new StoreMigration(database.engine, SECOND, { handlers: new Map() }, () => database.nowMs, { changedDocumentsMax: 3 })
    run(database, migration, (slice) => {
      if (slice !== 2) return
      for (let n = 0; n < 8; n++) remove(database, n)
    })
    assert.lengthOf(documents(database, "orders"), 42)
  })

  it("does not bring back what an earlier attempt has made and is removed now, whenever that is", () => {
    const slicesMax = 9
    for (let at = 0; at < slicesMax; at++) {
      const database = filled(30)
      const first = begin(database)
      for (let slice = 0; slice < 3; slice++) first.step()
      first.cancel()
      database.settle()
      const second = new StoreMigration(database.engine, SECOND, { handlers: new Map() }, () => database.nowMs, { sliceDocumentsMax: 10 })
      let removals = 0
      run(database, second, (slice) => {
        if (slice !== at) return
        for (const n of [4, 14, 24]) remove(database, n)
        removals++
      })
      const found = documents(database, "orders")
      assert.strictEqual(removals, 1)
      assert.lengthOf(found, 27, `removed after slice ${at}`)
      for (const n of [4, 14, 24]) assert.notDeepInclude(found, migratedOf(n))
    }
  })

  it("does not change an _id", () => {
    const database = filled(2)
    const definition: StoreDefinition = { ...SECOND, migrations: [{ to: 2, handler: "move" }] }
    const move: MigrationHandler = (bytes) => encode({ ...decode(bytes), _id: new Key(orderKey(77)) })
    assert.match(failureOf(() => run(database, begin(database, definition, new Map([["move", move]])))).message, /leaves _id as it is/)
  })
})

describe("a store of a later version", () => {
  it("does not go back while it has documents", () => {
    const database = filled(3)
    run(database, begin(database))
    assert.throws(() => database.engine.define([FIRST]), Fault, /its documents are of version 2 and do not go back to 1/)
  })

  it("needs no migration for what is additive", () => {
    const database = filled(3)
    const schema = { ...FIRST.schema, note: { type: "string", optional: true } } as const
    database.engine.define([{ ...FIRST, schema, version: 2 }])
    assert.strictEqual(database.engine.store("orders")!.definition.version, 2)
    assert.lengthOf(documents(database, "orders"), 3)
  })
})
