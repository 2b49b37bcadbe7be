import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Disk } from "../../src/Disk/Disk.ts"
import { MemoryVolume } from "../../src/Disk/MemoryVolume.ts"
import { PAGE_BYTES } from "../../src/Index/Layout.ts"
import { CHUNK_BYTES } from "../../src/Storage/Arena.ts"
import { Budget, type BudgetLimits, ProcessBudget } from "../../src/Storage/Budget.ts"
import { Storage } from "../../src/Storage/Storage.ts"
import { type Database, faultOf, openDatabase } from "./Database.ts"
import { listOrders, ORDERS, putOrder, readOrder } from "./Shop.ts"

const MIB = 1024 * 1024
/** What one transaction of these tests may take beyond the limit: a chunk of blocks, one of documents, a larger table. */
const OVERSHOOT_BYTES = 4 * CHUNK_BYTES

const LIMITS: Partial<BudgetLimits> = {
  memtableBytesMax: 8 * MIB,
  frozenMemtablesMax: 1,
  indexCacheBytesMax: MIB,
  valueCacheBytesMax: MIB,
  logStagingBytesMax: MIB
}

function openShops(count: number, budget: ProcessBudget): Array<Database> {
  return Array.from({ length: count }, (_, n) => {
    const database = openDatabase({ directory: `data/shop${n}`, seed: n + 1, budget })
    database.engine.define([ORDERS])
    return database.settle()
  })
}

function put(database: Database, n: number, noteLength: number): void {
  const transaction = database.engine.transact()
  putOrder(transaction, database.engine.store("orders")!, n, { status: "open", total: n, note: "x".repeat(noteLength) })
  transaction.commit()
}

/** Writes until the engine wants its writers to wait; nothing is flushed. Gives how many documents went in. */
function fill(database: Database, from = 0, noteLength = 10_000): number {
  for (let n = from; n < 10_000; n++) {
    if (database.engine.admission() !== "open") return n - from
    put(database, n, noteLength)
    database.sync()
  }
  throw new Error("the memtables never get full")
}

function count(database: Database): number {
  const snapshot = database.engine.snapshot()
  const orders = listOrders(snapshot, database.engine.store("orders")!)
  snapshot.close()
  return orders.length
}

const heldBytes = (budget: ProcessBudget): number => budget.state.memtables.heldBytes + budget.chunks.pooledBytes

describe("the memtables of a process", () => {
  for (const shopCount of [2, 4]) {
    it(`take no more for ${shopCount} databases under load than for one, and none of them stands still`, () => {
      const budget = new ProcessBudget(LIMITS)
      const shops = openShops(shopCount, budget)
      const { bytesMax } = budget.state.memtables
      const written = shops.map(() => 0)
      let peak = 0
      for (let round = 0; round < 500; round++) {
        for (const [at, shop] of shops.entries()) {
          if (shop.engine.admission() === "open") put(shop, written[at]!++, 25_000)
          else shop.settle()
          shop.sync()
          peak = Math.max(peak, heldBytes(budget))
          // One is flushed seldom: it must not keep what the others need.
          if (at > 0 && round % 20 === 0) shop.settle()
        }
      }
      assert.isAtMost(peak, bytesMax + OVERSHOOT_BYTES)
      assert.isAbove(peak, bytesMax / 2)
      for (const [at, shop] of shops.entries()) {
        assert.isAbove(written[at]!, 350)
        assert.strictEqual(count(shop.settle()), written[at])
      }
      for (const shop of shops) shop.close()
      assert.deepInclude(budget.state, { databases: 0, memtables: { heldBytes: 0, bytesMax } })
      assert.strictEqual(budget.chunks.bytesInUse, 0)
    })
  }

  it("may be all of one database that is alone", () => {
    const alone = new ProcessBudget(LIMITS)
    const [shop] = openShops(1, alone)
    fill(shop!)
    const { bytesMax, heldBytes } = alone.state.memtables
    assert.isAbove(heldBytes, bytesMax - CHUNK_BYTES)
    const shared = new ProcessBudget(LIMITS)
    const [busy] = openShops(3, shared)
    fill(busy!)
    assert.isAbove(shared.state.memtables.heldBytes, bytesMax * 0.75, "two that are idle take only what is sure to them")
  })

  it("have room for a database that was idle although another has everything it can get, and only the other one waits", () => {
    const budget = new ProcessBudget(LIMITS)
    const [busy, idle] = openShops(2, budget)
    fill(busy!)
    assert.strictEqual(
      faultOf(() => busy!.engine.transact()),
      "Backpressure"
    )
    for (let n = 0; n < 50; n++) {
      put(idle!, n, 10_000)
      idle!.sync()
    }
    assert.strictEqual(busy!.engine.admission(), "wait")
    assert.isAtMost(heldBytes(budget), budget.state.memtables.bytesMax + OVERSHOOT_BYTES)
    busy!.settle()
    assert.strictEqual(busy!.engine.admission(), "open")
  })

  it("are flushed, the largest first, before the databases that are written to have more than half, and who waits is told", () => {
    const budget = new ProcessBudget(LIMITS)
    const [large, small, third] = openShops(3, budget)
    const calls: Array<number> = []
    large!.engine.onWork(() => void calls.push(large!.engine.backlog.activeBytes))
    for (let n = 0; n < 500; n++) put(large!.sync(), n, 10_000)
    assert.strictEqual(large!.engine.backlog.frozenMemtables, 0)
    const before = calls.length
    for (let n = 0; n < 300 && calls.length === before; n++) {
      put(small!.sync(), n, 10_000)
      put(third!.sync(), n, 10_000)
    }
    assert.isAbove(calls.length, before)
    assert.isAbove(budget.state.memtables.heldBytes, 5 * MIB)
    large!.settle()
    assert.isBelow(large!.engine.backlog.activeBytes, MIB)
    assert.strictEqual(small!.engine.backlog.frozenMemtables, 0)
  })

  it("go to the others when a database is closed", () => {
    const budget = new ProcessBudget(LIMITS)
    const [first, second] = openShops(2, budget)
    fill(first!)
    second!.close()
    assert.strictEqual(budget.state.databases, 1)
    first!.settle()
    fill(first!, 5000)
    assert.isAbove(budget.state.memtables.heldBytes, budget.state.memtables.bytesMax - CHUNK_BYTES)
  })

  it("are refused to a database for which they are not enough, and that one leaves nothing behind", () => {
    const budget = new ProcessBudget({ ...LIMITS, memtableBytesMax: 4 * MIB })
    assert.strictEqual(budget.databasesMax, 2)
    const [first] = openShops(2, budget)
    const late = (): Database => openDatabase({ directory: "data/late", budget, volume: first!.volume })
    assert.strictEqual(faultOf(late), "Backpressure")
    first!.close()
    late().close()
    assert.strictEqual(budget.state.databases, 1)
  })
})

describe("the caches of a process", () => {
  it("serve all databases from one set of frames and blocks, and each finds its own", () => {
    const budget = new ProcessBudget({ ...LIMITS, indexCacheBytesMax: 1, valueCacheBytesMax: 64 * 1024, placeCacheBytesMax: 64 * 1024 })
    const shops = openShops(3, budget)
    for (const [at, shop] of shops.entries()) {
      for (let n = 0; n < 1500; n++) put(shop.sync(), n, at)
      shop.engine.freeze()
      shop.settle()
    }
    for (let n = 0; n < 1500; n += 7) {
      for (const [at, shop] of shops.entries()) {
        const snapshot = shop.engine.snapshot()
        assert.strictEqual(readOrder(snapshot, shop.engine.store("orders")!, n)?.note, "x".repeat(at))
        snapshot.close()
      }
    }
    const { indexPages, values } = budget.state
    assert.isAtMost(indexPages.heldBytes, 64 * PAGE_BYTES)
    assert.isAtMost(values.heldBytes, 64 * 1024)
    assert.isAbove(values.heldBytes, 0)
    for (const shop of shops) shop.close()
    assert.strictEqual(budget.state.indexPages.heldBytes, 0)
    assert.strictEqual(budget.state.values.heldBytes, 0)
  })
})

describe("a budget", () => {
  it.live("is shared by the databases whose layers are given one", () => {
    const volume = new MemoryVolume()
    const disk = Layer.sync(Disk, () => Disk.over(volume))
    const open = (directory: string) => Layer.build(Storage.layer({ directory }))
    return Effect.gen(function* () {
      yield* open("data/one")
      yield* open("data/two")
      assert.strictEqual((yield* Budget).state.databases, 2)
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(disk, Budget.layer(LIMITS))))
  })

  it.live("counts with its own limits, not with those that a database is opened with", () => {
    const volume = new MemoryVolume()
    const layer = Storage.layer({ directory: "data", limits: { memtableBytesMax: 64 * MIB, storesMax: 7 } })
    const disk = Layer.sync(Disk, () => Disk.over(volume))
    return Effect.gen(function* () {
      const { engine } = yield* Storage
      assert.deepInclude(engine.limits, { memtableBytesMax: 8 * MIB, storesMax: 7 })
    }).pipe(Effect.scoped, Effect.provide(layer.pipe(Layer.provide(Budget.layer(LIMITS)), Layer.provide(disk))))
  })
})
