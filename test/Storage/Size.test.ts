/** The sizes that docs/limits.md promises, reached: as many stores, indexes and bytes as there may be, over a flush and a restart. */
import { assert, describe, it } from "@effect/vitest"
import { encode, Key } from "../../src/Bson/Value.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import { DEFAULT_LIMITS } from "../../src/Storage/Limits.ts"
import { DocumentView } from "../../src/Storage/Reader.ts"
import { type StorageReport, verify } from "../../src/Storage/Verify.ts"
import { type Database, faultOf, openDatabase } from "./Database.ts"
import { orderKey } from "./Shop.ts"

const TIMEOUT_MS = 300_000

const storeNamed = (name: string): StoreDefinition => ({
  name,
  idKind: "key",
  schema: { n: { type: "int" }, text: { type: "string", optional: true } },
  indexes: []
})

function flush(database: Database): void {
  database.settle()
  database.engine.freeze()
  database.settle()
}

const check = (database: Database): Promise<StorageReport> =>
  new Promise((resolve, reject) =>
    verify(database.volume, "data/shop", (fault, report) => (report === undefined ? reject(fault) : resolve(report)))
  )

describe("a database", () => {
  it(
    "has 1 000 stores, each with documents, and no more",
    async () => {
      const database = openDatabase()
      const names = Array.from({ length: DEFAULT_LIMITS.storesMax }, (_, n) => `store${n}`)
      database.engine.define(names.map(storeNamed))
      const transaction = database.engine.transact()
      for (const [n, name] of names.entries()) {
        transaction.put(database.engine.store(name)!, orderKey(n), encode({ _id: new Key(orderKey(n)), n }), 0)
      }
      transaction.commit()
      assert.strictEqual(
        faultOf(() => database.engine.define([storeNamed("more")])),
        "InvalidStore"
      )
      flush(database)
      const opened = database.reopen()
      const snapshot = opened.engine.snapshot()
      const view = new DocumentView()
      for (const [n, name] of names.entries()) assert.isTrue(snapshot.get(opened.engine.store(name)!, orderKey(n), 0, view), name)
      snapshot.close()
      opened.close()
      const report = await check(opened)
      assert.deepStrictEqual(report.problems, [])
      assert.deepStrictEqual([report.stores.length, report.documents], [names.length, names.length])
    },
    TIMEOUT_MS
  )

  it(
    "has 64 indexes on a store, all of them kept, and no more",
    async () => {
      const fields = Array.from({ length: DEFAULT_LIMITS.indexesPerStoreMax }, (_, n) => `f${n}`)
      const wide = (names: ReadonlyArray<string>): StoreDefinition => ({
        name: "wide",
        idKind: "key",
        schema: Object.fromEntries(names.map((name) => [name, { type: "int" as const }])),
        indexes: names.map((path) => ({ name: `by-${path}`, on: [{ path, direction: "asc" as const }] }))
      })
      const database = openDatabase()
      assert.strictEqual(
        faultOf(() => database.engine.define([wide([...fields, "more"])])),
        "InvalidStore"
      )
      database.engine.define([wide(fields)])
      const transaction = database.engine.transact()
      for (let n = 0; n < 50; n++) {
        const values = Object.fromEntries(fields.map((name, index) => [name, (n * 7 + index) % 11]))
        transaction.put(database.engine.store("wide")!, orderKey(n), encode({ _id: new Key(orderKey(n)), ...values }), 0)
      }
      transaction.commit()
      flush(database)
      database.close()
      const report = await check(database)
      assert.deepStrictEqual(report.problems, [])
      assert.deepStrictEqual([report.documents, report.indexEntries], [50, 50 * fields.length])
    },
    TIMEOUT_MS
  )

  it(
    "takes documents of 16 MiB, to the byte, and none that is larger",
    async () => {
      const database = openDatabase()
      database.engine.define([storeNamed("large")])
      // A record larger than the log's staging goes in alone.
      database.settle()
      const store = database.engine.store("large")!
      const sized = (n: number, bytes: number): Uint8Array => {
        const empty = encode({ _id: new Key(orderKey(n)), n, text: "" }).length
        return encode({ _id: new Key(orderKey(n)), n, text: "x".repeat(bytes - empty) })
      }
      const largest = DEFAULT_LIMITS.documentBytesMax
      for (let n = 0; n < 2; n++) {
        const transaction = database.engine.transact()
        transaction.put(store, orderKey(n), sized(n, largest), 0)
        transaction.commit()
        database.settle()
      }
      const transaction = database.engine.transact()
      assert.strictEqual(
        faultOf(() => transaction.put(store, orderKey(9), sized(9, largest + 1), 0)),
        "DocumentTooLarge"
      )
      transaction.rollback()
      flush(database)
      const opened = database.reopen()
      const snapshot = opened.engine.snapshot()
      const view = new DocumentView()
      assert.isTrue(snapshot.get(opened.engine.store("large")!, orderKey(1), 0, view))
      assert.deepStrictEqual(Buffer.compare(view.bytes.subarray(view.at, view.at + view.length), sized(1, largest)), 0)
      snapshot.close()
      opened.close()
      const report = await check(opened)
      assert.deepStrictEqual(report.problems, [])
      assert.strictEqual(report.stores[0]?.documentBytes, 2 * largest)
    },
    TIMEOUT_MS
  )
})
