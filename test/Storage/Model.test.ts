import { assert, describe, it } from "@effect/vitest"
import type { StorageLimits } from "../../src/Storage/Limits.ts"
import type { Reader, Snapshot, Transaction } from "../../src/Storage/Reader.ts"
import { type Database, openDatabase } from "./Database.ts"
import { Random } from "./Random.ts"
import { listIndex, listOrders, type Order, ORDERS, orderKey, putOrder, readOrder } from "./Shop.ts"

/** The plainest thing that behaves like the store: a map. */
type Model = Map<number, Order>

const KEYS = 300

/** Small budgets, so that a short test freezes, flushes, closes segments and evicts blocks. */
const SMALL: Partial<StorageLimits> = {
  memtableBytesMax: 600 * 1024,
  valueSegmentBytesMax: 64 * 1024,
  valueCacheBytesMax: 64 * 1024,
  logSegmentBytesMax: 64 * 1024,
  snapshotTimeoutMs: 1_000_000
}

function makeOrder(random: Random): Order {
  const order = { status: random.pick(["open", "done", "void", "paid", ""]), total: random.below(50) - 25 }
  return random.chance(15) ? { ...order, note: "n".repeat(random.below(random.chance(5) ? 30_000 : 900)) } : order
}

/** Random writes and savepoints through `transaction`; returns the model after them. */
function writeSome(random: Random, transaction: Transaction, database: Database, before: Model): Model {
  const orders = database.engine.store("orders")!
  let model = new Map(before)
  const saved: Array<{ savepoint: number; model: Model }> = []
  for (let i = random.below(30); i >= 0; i--) {
    const n = random.below(KEYS)
    if (random.chance(8)) saved.push({ savepoint: transaction.savepoint(), model: new Map(model) })
    if (random.chance(4) && saved.length > 0) {
      const { savepoint, model: then } = saved.splice(random.below(saved.length))[0]!
      transaction.rollbackTo(savepoint)
      model = then
    } else if (random.chance(25)) {
      assert.strictEqual(transaction.delete(orders, orderKey(n)), model.delete(n))
    } else {
      const order = makeOrder(random)
      assert.strictEqual(putOrder(transaction, orders, n, order), model.has(n) ? "replaced" : "inserted")
      model.set(n, order)
    }
  }
  return model
}

function checkReader(reader: Reader, database: Database, model: Model, message: string): void {
  const orders = database.engine.store("orders")!
  const numbers = [...model.keys()].toSorted((a, b) => a - b)
  const expected = numbers.map((n) => `${n}:${model.get(n)!.status}:${model.get(n)!.total}`)
  assert.deepStrictEqual(listOrders(reader, orders), expected, message)
  assert.deepStrictEqual(listOrders(reader, orders, -1), expected.toReversed(), message)
  const byStatus = numbers.toSorted((a, b) => compareText(model.get(a)!.status, model.get(b)!.status) || a - b)
  assert.deepStrictEqual(listIndex(reader, orders, "byStatus"), byStatus, message)
  const byTotal = numbers.toSorted(
    (a, b) => model.get(b)!.total - model.get(a)!.total || compareText(model.get(a)!.status, model.get(b)!.status) || a - b
  )
  assert.deepStrictEqual(listIndex(reader, orders, "byTotal", -1), byTotal.toReversed(), message)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

describe("an engine beside a map", () => {
  for (let seed = 1; seed <= 12; seed++) {
    it(`agrees with it through commits, rollbacks, flushes, snapshots and restarts (seed ${seed})`, () => {
      const random = new Random(seed)
      let database = openDatabase({ seed, limits: SMALL })
      database.engine.define([ORDERS])
      database.settle()
      let model: Model = new Map()
      let snapshots: Array<{ snapshot: Snapshot; model: Model }> = []
      for (let round = 0; round < 150; round++) {
        const message = `seed ${seed} round ${round}`
        const transaction = database.engine.transact()
        const next = writeSome(random, transaction, database, model)
        if (random.chance(10)) checkReader(transaction, database, next, message)
        if (random.chance(15)) transaction.rollback()
        else {
          transaction.commit()
          model = next
        }
        database.nowMs += random.below(10)
        if (random.chance(40)) database.sync()
        if (random.chance(10)) database.engine.freeze()
        if (random.chance(20) || database.engine.admission() === "wait") database.settle()
        if (random.chance(60)) database.engine.maintain(random.below(300))
        if (random.chance(10)) {
          database.sync()
          snapshots.push({ snapshot: database.engine.snapshot(), model })
        }
        const n = random.below(KEYS)
        database.sync()
        const reader = database.engine.snapshot()
        assert.deepStrictEqual(readOrder(reader, database.engine.store("orders")!, n), model.get(n), message)
        reader.close()
        if (random.chance(8)) {
          for (const it of snapshots) checkReader(it.snapshot, database, it.model, message)
          for (const it of snapshots) it.snapshot.close()
          snapshots = []
        }
        if (random.chance(3)) {
          snapshots = []
          database = database.reopen()
          checkReader(database.engine.snapshot(), database, model, `${message} reopened`)
        }
        if (random.chance(3)) {
          snapshots = []
          database.sync()
          database = database.crash(seed * 1000 + round)
          checkReader(database.engine.snapshot(), database, model, `${message} crashed`)
        }
      }
      database.engine.freeze()
      database.settle()
      checkReader(database.engine.snapshot(), database, model, `seed ${seed} at the end`)
    })
  }
})
