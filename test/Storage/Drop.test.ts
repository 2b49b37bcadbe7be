/** Dropping a store: at once for who comes later, not at all for who reads already, and its room comes back. */
import { assert, describe, it } from "@effect/vitest"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { DocumentView } from "../../src/Storage/Reader.ts"
import { type StorageReport, verify } from "../../src/Storage/Verify.ts"
import { type Database, faultOf, openDatabase } from "./Database.ts"
import { ORDERS, orderKey, putOrder } from "./Shop.ts"

const OTHERS = { ...ORDERS, name: "others" }
const COUNT = 60
const SMALL_STEP = 20

function filled(): Database {
  const database = openDatabase({ limits: { snapshotTimeoutMs: 1_000_000 } })
  database.engine.define([ORDERS, OTHERS])
  database.settle()
  for (const name of [ORDERS.name, OTHERS.name]) {
    const transaction = database.engine.transact()
    for (let n = 0; n < COUNT; n++) putOrder(transaction, database.engine.store(name)!, n, { status: "open", total: n % 9 })
    transaction.commit()
  }
  database.engine.freeze()
  database.settle()
  // Some of it is in the memtable, and some of that removes or replaces what is on disk.
  const transaction = database.engine.transact()
  const orders = database.engine.store(ORDERS.name)!
  for (let n = COUNT - 5; n < COUNT + 5; n++) putOrder(transaction, orders, n, { status: "late", total: 1 })
  for (let n = 0; n < 5; n++) transaction.delete(orders, orderKey(n))
  transaction.commit()
  return database.sync()
}

/** How many documents a store has; undefined when there is none. */
function count(database: Database, name: string): number | undefined {
  const store = database.engine.store(name)
  if (store === undefined) return undefined
  const snapshot = database.engine.snapshot()
  let found = 0
  for (const cursor = snapshot.documents(store, undefined, 1); cursor.next();) found++
  snapshot.close()
  return found
}

function check(volume: SimulatedVolume): Promise<StorageReport> {
  return new Promise((resolve, reject) => {
    verify(volume, "data/shop", (fault, report) => {
      if (report === undefined) reject(fault ?? new Error("neither a report nor a fault"))
      else resolve(report)
    })
  })
}

describe("a dropped store", () => {
  it("is gone at once, and stays gone", async () => {
    const database = filled()
    const live = database.engine.space.liveBytes
    database.engine.drop(ORDERS.name)
    assert.isUndefined(database.engine.store(ORDERS.name))
    database.settle()
    assert.strictEqual(count(database, OTHERS.name), COUNT)
    // What is left alive is the other store's; both had as many documents on disk.
    assert.strictEqual(database.engine.space.liveBytes, live / 2)
    const again = database.reopen()
    assert.isUndefined(again.engine.store(ORDERS.name))
    assert.strictEqual(count(again, OTHERS.name), COUNT)
    assert.strictEqual(again.engine.space.liveBytes, live / 2)
    again.close()
    const { problems } = await check(again.volume)
    assert.deepStrictEqual(problems, [])
  })

  it("gives its room back when segments are compacted", () => {
    const database = filled()
    database.engine.drop(ORDERS.name)
    database.settle()
    const before = database.engine.space.totalBytes
    let isDone = false
    assert.isTrue(database.engine.compact(() => (isDone = true)))
    database.settle()
    assert.isTrue(isDone)
    assert.isBelow(database.engine.space.totalBytes, before * 0.6)
    assert.strictEqual(count(database, OTHERS.name), COUNT)
  })

  it("is still there for a reader that is open", () => {
    const database = filled()
    const orders = database.engine.store(ORDERS.name)!
    const snapshot = database.engine.snapshot()
    database.engine.drop(ORDERS.name)
    database.settle()
    database.engine.compact(() => {})
    database.settle()
    const view = new DocumentView()
    let found = 0
    for (const cursor = snapshot.documents(orders, undefined, 1); cursor.next();) found++
    assert.strictEqual(found, COUNT)
    assert.isTrue(snapshot.get(orders, orderKey(30), 0, view))
    let entries = 0
    const index = orders.indexes[0]!
    for (const cursor = snapshot.entries(index, undefined, 1); cursor.next();) entries++
    assert.isAbove(entries, 0)
    snapshot.close()
  })

  it("leaves its name to a new one, which has nothing of it", () => {
    const database = filled()
    database.engine.drop(ORDERS.name)
    database.engine.define([ORDERS])
    assert.strictEqual(count(database, ORDERS.name), 0)
    const transaction = database.engine.transact()
    putOrder(transaction, database.engine.store(ORDERS.name)!, 1, { status: "new", total: 1 })
    transaction.commit()
    database.settle()
    assert.strictEqual(count(database, ORDERS.name), 1)
    assert.strictEqual(count(database.crash(3).settle(), ORDERS.name), 1)
  })

  it("is dropped or not, whenever the power goes", async () => {
    const outcomes = new Set<string>()
    for (let steps = 0; steps < 20; steps++) {
      const database = filled()
      const lsn = database.engine.drop(ORDERS.name)
      if (steps % 2 === 1) database.startSync()
      for (let step = 0; step < steps; step++) {
        if (database.engine.maintain(SMALL_STEP) === "waiting" || step % 3 === 0) database.startSync()
        if (step % 4 === 3) database.volume.pump()
      }
      const isDurable = database.engine.durableLsn >= lsn
      const after = database.crash(steps)
      const found = count(after, ORDERS.name)
      outcomes.add(found === undefined ? "dropped" : "kept")
      if (isDurable) assert.isUndefined(found, `after ${steps} steps`)
      else assert.include([undefined, COUNT], found, `after ${steps} steps`)
      assert.strictEqual(count(after, OTHERS.name), COUNT)
      after.engine.freeze(true)
      after.settle().close()
      assert.deepStrictEqual((await check(after.volume)).problems, [], `after ${steps} steps`)
    }
    assert.deepStrictEqual([...outcomes].toSorted(), ["dropped", "kept"])
  })

  it("has to be there, to be no store of the database's own, and not to be in the way of a transaction", () => {
    const database = filled()
    assert.strictEqual(
      faultOf(() => database.engine.drop("nothing")),
      "InvalidStore"
    )
    database.engine.define([{ ...OTHERS, name: "$own" }])
    assert.strictEqual(
      faultOf(() => database.engine.drop("$own")),
      "InvalidStore"
    )
    const transaction = database.engine.transact()
    assert.strictEqual(
      faultOf(() => database.engine.drop(ORDERS.name)),
      "TransactionOpen"
    )
    transaction.rollback()
    assert.strictEqual(count(database, ORDERS.name), COUNT)
  })
})
