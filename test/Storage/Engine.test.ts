import { assert, describe, it } from "@effect/vitest"
import { encode } from "../../src/Bson/Value.ts"
import { DocumentView, type Store } from "../../src/Storage/Reader.ts"
import { type Database, faultOf, openDatabase } from "./Database.ts"
import { CUSTOMERS, listIndex, listOrders, ORDERS, orderBytes, orderKey, putOrder, readOrder } from "./Shop.ts"

function openShop(): { database: Database; orders: Store } {
  const database = openDatabase()
  database.engine.define([ORDERS, CUSTOMERS])
  database.settle()
  return { database, orders: database.engine.store("orders")! }
}

describe("Engine", () => {
  it("shows a commit to snapshots once it is durable, and not before", () => {
    const { database, orders } = openShop()
    const transaction = database.engine.transact()
    assert.strictEqual(putOrder(transaction, orders, 1, { status: "open", total: 5 }), "inserted")
    const lsn = transaction.commit()
    const before = database.engine.snapshot()
    assert.isUndefined(readOrder(before, orders, 1))
    assert.isBelow(database.engine.durableLsn, lsn)
    database.sync()
    assert.strictEqual(database.engine.durableLsn, lsn)
    assert.deepStrictEqual(readOrder(database.engine.snapshot(), orders, 1), { status: "open", total: 5 })
    assert.isUndefined(readOrder(before, orders, 1))
  })

  it("keeps the indexes exact when documents change and go", () => {
    const { database, orders } = openShop()
    const transaction = database.engine.transact()
    putOrder(transaction, orders, 1, { status: "open", total: 5 })
    putOrder(transaction, orders, 2, { status: "done", total: 9 })
    putOrder(transaction, orders, 3, { status: "open", total: 7 })
    assert.deepStrictEqual(listIndex(transaction, orders, "byStatus"), [2, 1, 3])
    transaction.commit()
    const next = database.engine.transact()
    assert.strictEqual(putOrder(next, orders, 1, { status: "void", total: 50 }), "replaced")
    assert.isTrue(next.delete(orders, orderKey(3)))
    assert.isFalse(next.delete(orders, orderKey(3)))
    assert.deepStrictEqual(listIndex(next, orders, "byStatus"), [2, 1])
    assert.deepStrictEqual(listIndex(next, orders, "byTotal"), [1, 2])
    assert.deepStrictEqual(listIndex(next, orders, "byTotal", -1), [2, 1])
    next.commit()
    database.sync()
    assert.deepStrictEqual(listOrders(database.engine.snapshot(), orders), ["1:void:50", "2:done:9"])
  })

  it("leaves nothing of a rollback, not even memory", () => {
    const { database, orders } = openShop()
    const bytes = database.engine.backlog.activeBytes
    const transaction = database.engine.transact()
    for (let n = 0; n < 500; n++) putOrder(transaction, orders, n, { status: "x".repeat(5000), total: n })
    assert.isAbove(database.engine.backlog.activeBytes, bytes)
    transaction.rollback()
    assert.strictEqual(database.engine.backlog.activeBytes, bytes)
    const lsn = database.engine.lastLsn
    const after = database.engine.transact()
    assert.deepStrictEqual(listOrders(after, orders), [])
    assert.deepStrictEqual(listIndex(after, orders, "byTotal"), [])
    assert.strictEqual(after.commit(), lsn)
  })

  it("lets a statement read the state as of its own start", () => {
    const { database, orders } = openShop()
    const transaction = database.engine.transact()
    for (let n = 1; n <= 3; n++) putOrder(transaction, orders, n, { status: "open", total: n })
    const statement = transaction.statement()
    const cursor = transaction.documents(orders, undefined, 1)
    assert.isTrue(cursor.next())
    putOrder(transaction, orders, 2, { status: "done", total: 20 })
    putOrder(transaction, orders, 4, { status: "open", total: 4 })
    transaction.delete(orders, orderKey(3))
    const seen = [1]
    while (cursor.next()) seen.push(cursor.key[5]!)
    assert.deepStrictEqual(seen, [1, 2, 3])
    assert.deepStrictEqual(listOrders(statement, orders), ["1:open:1", "2:open:2", "3:open:3"])
    assert.deepStrictEqual(listIndex(statement, orders, "byTotal"), [3, 2, 1])
    assert.deepStrictEqual(listOrders(transaction, orders), ["1:open:1", "2:done:20", "4:open:4"])
  })

  it("returns to a savepoint", () => {
    const { database, orders } = openShop()
    const transaction = database.engine.transact()
    putOrder(transaction, orders, 1, { status: "open", total: 1 })
    const savepoint = transaction.savepoint()
    putOrder(transaction, orders, 1, { status: "done", total: 10 })
    putOrder(transaction, orders, 2, { status: "open", total: 2 })
    transaction.rollbackTo(savepoint)
    assert.deepStrictEqual(listOrders(transaction, orders), ["1:open:1"])
    putOrder(transaction, orders, 3, { status: "open", total: 3 })
    assert.deepStrictEqual(listIndex(transaction, orders, "byStatus"), [1, 3])
    transaction.commit()
    database.sync()
    assert.deepStrictEqual(listIndex(database.engine.snapshot(), orders, "byTotal"), [3, 1])
  })

  it("makes keys that ascend, also after a restart with a clock that went back", () => {
    const { database, orders } = openShop()
    const first = new Uint8Array(16)
    const transaction = database.engine.transact()
    transaction.insert(orders, encode({ status: "open", total: 1 }), 0, first)
    transaction.commit()
    const reopened = database.reopen()
    reopened.nowMs -= 100_000
    const key = reopened.engine.generateKey()
    assert.isAbove(Buffer.compare(key, first), 0)
    const view = new DocumentView()
    assert.isTrue(reopened.engine.snapshot().get(reopened.engine.store("orders")!, first, 0, view))
  })

  it("refuses a key that is taken, a missing id and an id that is not first", () => {
    const { database, orders } = openShop()
    const customers = database.engine.store("customers")!
    const transaction = database.engine.transact()
    const key = new Uint8Array(16)
    transaction.insert(customers, encode({ name: "Ada", _id: "ada" }), 0, key)
    assert.strictEqual(
      faultOf(() => transaction.insert(customers, encode({ _id: "ada", name: "Other" }), 0, key)),
      "DuplicateKey"
    )
    assert.strictEqual(
      faultOf(() => transaction.insert(customers, encode({ name: "Nobody" }), 0, key)),
      "IdMissing"
    )
    assert.strictEqual(
      faultOf(() => transaction.put(orders, orderKey(1), encode({ status: "open", total: 1 }), 0)),
      "IdMissing"
    )
    transaction.commit()
  })

  it("never overwrites a document whose id is another value with the same key", () => {
    const { database } = openShop()
    const customers = database.engine.store("customers")!
    const transaction = database.engine.transact()
    const key = orderKey(7)
    transaction.put(customers, key, encode({ _id: "ada", name: "Ada" }), 0)
    assert.strictEqual(transaction.put(customers, key, encode({ _id: "ada", name: "Ada L." }), 0), "replaced")
    assert.strictEqual(
      faultOf(() => transaction.put(customers, key, encode({ _id: "eve", name: "Eve" }), 0)),
      "IdCollision"
    )
    transaction.commit()
  })

  it("admits one transaction at a time and none that is over", () => {
    const { database, orders } = openShop()
    const transaction = database.engine.transact()
    assert.strictEqual(
      faultOf(() => database.engine.transact()),
      "TransactionOpen"
    )
    assert.strictEqual(
      faultOf(() => database.engine.define([])),
      "TransactionOpen"
    )
    const cursor = transaction.documents(orders, undefined, 1)
    transaction.commit()
    for (const use of [() => transaction.commit(), () => transaction.rollback(), () => transaction.savepoint(), () => cursor.next()]) {
      assert.strictEqual(faultOf(use), "TransactionOver")
    }
    database.engine.transact().rollback()
  })

  it("tells listeners what a commit changed, and detaches one that throws", () => {
    const { database, orders } = openShop()
    const seen: Array<string> = []
    database.engine.onCommit(() => {
      throw new Error("a listener's own trouble")
    })
    database.engine.onCommit((commit) => {
      const operations = commit.operations()
      while (operations.next()) {
        const { store, key, before, after } = operations
        seen.push(
          `${commit.lsn} ${store.definition.name} ${key[5]} ${before === undefined ? "-" : "old"} ${after === undefined ? "-" : "new"}`
        )
      }
    })
    const first = database.engine.transact()
    putOrder(first, orders, 1, { status: "open", total: 1 })
    putOrder(first, orders, 2, { status: "open", total: 1 })
    first.commit()
    const second = database.engine.transact()
    putOrder(second, orders, 1, { status: "done", total: 1 })
    second.delete(orders, orderKey(2))
    second.commit()
    assert.deepStrictEqual(seen, ["2 orders 1 - new", "2 orders 2 - new", "3 orders 1 old new", "3 orders 2 old -"])
    assert.strictEqual(database.reports.length, 1)
  })

  it("keeps to its limits and changes nothing when one is hit", () => {
    const database = openDatabase({ limits: { documentBytesMax: 1000, transactionBytesMax: 3000, transactionWritesMax: 4 } })
    database.engine.define([ORDERS])
    const orders = database.engine.store("orders")!
    const transaction = database.engine.transact()
    assert.strictEqual(
      faultOf(() => putOrder(transaction, orders, 1, { status: "x".repeat(1000), total: 1 })),
      "DocumentTooLarge"
    )
    for (let n = 1; n <= 3; n++) putOrder(transaction, orders, n, { status: "x".repeat(800), total: 1 })
    assert.strictEqual(
      faultOf(() => putOrder(transaction, orders, 4, { status: "x".repeat(800), total: 1 })),
      "TransactionTooLarge"
    )
    putOrder(transaction, orders, 5, { status: "x", total: 1 })
    assert.strictEqual(
      faultOf(() => transaction.delete(orders, orderKey(1))),
      "TransactionTooLarge"
    )
    assert.strictEqual(listOrders(transaction, orders).length, 4)
    transaction.commit()
  })

  it("expires a snapshot that lives too long", () => {
    const { database, orders } = openShop()
    const old = database.engine.snapshot()
    const cursor = old.documents(orders, undefined, 1)
    database.nowMs += 3000
    const young = database.engine.snapshot()
    database.nowMs += 2500
    database.engine.expireSnapshots()
    assert.strictEqual(
      faultOf(() => readOrder(old, orders, 1)),
      "SnapshotExpired"
    )
    assert.strictEqual(
      faultOf(() => cursor.next()),
      "SnapshotExpired"
    )
    assert.isUndefined(readOrder(young, orders, 1))
    old.close()
    young.close()
  })

  it("ranges over keys and entries by prefix, inclusive and exclusive, both ways", () => {
    const { database, orders } = openShop()
    const transaction = database.engine.transact()
    for (let n = 1; n <= 9; n++) putOrder(transaction, orders, n, { status: "open", total: n })
    const numbers = (range: Parameters<typeof transaction.documents>[1], direction: 1 | -1): Array<number> => {
      const cursor = transaction.documents(orders, range, direction)
      const seen: Array<number> = []
      while (cursor.next()) seen.push(cursor.key[5]!)
      return seen
    }
    assert.deepStrictEqual(numbers({ low: orderKey(3), high: orderKey(6) }, 1), [3, 4, 5, 6])
    assert.deepStrictEqual(numbers({ low: orderKey(3), lowInclusive: false, high: orderKey(6), highInclusive: false }, 1), [4, 5])
    assert.deepStrictEqual(numbers({ low: orderKey(3), high: orderKey(6) }, -1), [6, 5, 4, 3])
    assert.deepStrictEqual(numbers({ low: orderKey(7), lowInclusive: false }, -1), [9, 8])
    assert.deepStrictEqual(numbers({ high: orderKey(2).subarray(0, 6) }, 1), [1, 2])
    assert.deepStrictEqual(numbers({ low: new Uint8Array([255]), lowInclusive: false }, 1), [])
    transaction.rollback()
  })

  it("refuses to write a store it does not know", () => {
    const { database, orders } = openShop()
    const other = { ...orders, id: 999 }
    const transaction = database.engine.transact()
    assert.strictEqual(
      faultOf(() => transaction.put(other, orderKey(1), orderBytes(orderKey(1), { status: "a", total: 1 }), 0)),
      "UnknownStore"
    )
  })
})
