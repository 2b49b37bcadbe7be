import { assert, describe, it } from "@effect/vitest"
import { decode, encode, Key } from "../../src/Bson/Value.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import { MigrationSet } from "../../src/Storage/MigrationSet.ts"
import { type Database, openDatabase } from "./Database.ts"
import { orderKey } from "./Shop.ts"

const first = (name: string): StoreDefinition => ({ name, idKind: "key", schema: { total: { type: "string" } }, indexes: [] })

const second = (name: string): StoreDefinition => ({
  name,
  idKind: "key",
  schema: { total: { type: "int" } },
  indexes: [],
  version: 2,
  migrations: [{ to: 2, steps: [{ op: "convert", path: "total", to: "int" }] }]
})

const NAMES = ["bills", "orders"]

function filled(): Database {
  const database = openDatabase()
  database.engine.define(NAMES.map(first))
  for (const name of NAMES) for (let n = 0; n < 20; n++) put(database, name, n, String(n))
  return database.settle()
}

function put(database: Database, name: string, n: number, total: string): void {
  const transaction = database.engine.transact()
  transaction.put(database.engine.store(name)!, orderKey(n), encode({ _id: new Key(orderKey(n)), total }), 0)
  transaction.commit()
}

/** What readers find now, by the name of the store. */
function totals({ engine }: Database, name: string): ReadonlyArray<unknown> {
  const snapshot = engine.snapshot()
  const cursor = snapshot.documents(engine.store(name)!, undefined, 1)
  const found: Array<unknown> = []
  while (cursor.next()) found.push(decode(cursor.document.bytes, cursor.document.at)["total"])
  snapshot.close()
  return found
}

const begin = ({ engine }: Database): MigrationSet => new MigrationSet(engine, NAMES.map(second), { handlers: new Map() }, () => 0)

/** Steps until there is nothing to do, without a sync. */
function catchUp(migrations: MigrationSet): number {
  while (migrations.step() === "more");
  return migrations.settle()
}

describe("migrations of several stores", () => {
  it("lets writers wait until what was made is on disk, so that readers miss nothing when the names change", () => {
    const database = filled()
    const migrations = begin(database)
    put(database, "orders", 3, "33")
    const lsn = catchUp(migrations)
    assert.isAbove(lsn, database.engine.durableLsn)
    assert.strictEqual(database.engine.admission(), "wait")
    assert.throws(() => put(database, "orders", 4, "44"), Fault, /Backpressure/)
    database.sync()
    assert.isAtLeast(database.engine.durableLsn, lsn)
    const finished = migrations.finish()
    assert.isAbove(finished ?? 0, database.engine.durableLsn)
    // The names are not on disk yet, and readers are at an LSN before them.
    for (const name of NAMES) assert.lengthOf(totals(database, name), 20)
    assert.strictEqual(totals(database, "orders")[3], 33)
    assert.strictEqual(database.engine.admission(), "open")
  })

  it("goes on when a transaction that was open is committed after everything was done", () => {
    const database = filled()
    const migrations = begin(database)
    while (migrations.step() === "more") database.sync()
    const transaction = database.engine.transact()
    migrations.settle()
    transaction.put(database.engine.store("bills")!, orderKey(5), encode({ _id: new Key(orderKey(5)), total: "55" }), 0)
    transaction.commit()
    assert.isUndefined(migrations.finish())
    catchUp(migrations)
    database.sync()
    assert.isDefined(migrations.finish())
    assert.strictEqual(totals(database, "bills")[5], 55)
  })

  it("lets writers go on when it is given up, and changes nothing", () => {
    const database = filled()
    const migrations = begin(database)
    catchUp(migrations)
    migrations.cancel()
    put(database, "bills", 5, "55")
    database.sync()
    assert.strictEqual(totals(database, "bills")[5], "55")
    assert.strictEqual(database.engine.store("bills")!.definition.version, undefined)
  })

  it("begins none when one of them has no program", () => {
    const database = filled()
    const coded: StoreDefinition = { ...second("orders"), migrations: [{ to: 2, handler: "round" }] }
    assert.throws(
      () => new MigrationSet(database.engine, [second("bills"), coded], { handlers: new Map() }, () => 0),
      /has no handler round/
    )
  })
})
