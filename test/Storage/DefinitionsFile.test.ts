import { assert, describe, it } from "@effect/vitest"
import { encode, Key } from "../../src/Bson/Value.ts"
import { type Database, openDatabase } from "./Database.ts"
import { orderKey } from "./Shop.ts"

const ORDERS = { name: "orders", idKind: "key", schema: { total: { type: "int" } }, indexes: [] } as const
const NEW = "data/shop/definitions.new"

function write(database: Database, count: number): void {
  const transaction = database.engine.transact()
  const store = database.engine.store("orders")!
  for (let n = 0; n < count; n++) transaction.put(store, orderKey(n), encode({ _id: new Key(orderKey(n)), total: n }), 0)
  transaction.commit()
  database.engine.freeze()
}

function opened(): Database {
  const database = openDatabase()
  database.engine.define([ORDERS])
  return database
}

describe("the copy of the definitions", () => {
  it("leaves nothing beside it when the disk is full, and is written when there is room", () => {
    const database = opened()
    let refused = 0
    database.volume.failWhen((it) => {
      if ((it.growth ?? 0) === 0 || it.path !== NEW) return undefined
      refused++
      return "ENOSPC"
    })
    write(database, 5)
    database.settle()
    assert.isAbove(refused, 0)
    assert.isFalse(database.volume.exists(NEW))
    database.volume.heal()
    database.engine.retry()
    database.settle()
    assert.isTrue(database.volume.exists("data/shop/definitions.planck"))
    assert.isFalse(database.volume.exists(NEW))
  })

  it("is rid of what a commit left that did not come to its end, when the database is opened", () => {
    const database = opened()
    write(database, 5)
    database.settle()
    const file = database.volume.open(NEW, "create")
    file.writeAt(0, Uint8Array.of(1, 2, 3))
    file.close()
    assert.strictEqual(database.reopen().engine.store("orders")?.definition.name, "orders")
    assert.isFalse(database.volume.exists(NEW))
  })
})
