import { assert, describe, it } from "@effect/vitest"
import { Random } from "../../src/Disk/Random.ts"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { IndexFile } from "../../src/Index/IndexFile.ts"
import { ABSENT, PRESENT } from "../../src/Index/RootCursor.ts"
import type { StorageLimits } from "../../src/Storage/Limits.ts"
import { foldFactor, ReplacedSample } from "../../src/Storage/RootLists.ts"
import { storageFault } from "../../src/Storage/Reasons.ts"
import { type StorageReport, verify } from "../../src/Storage/Verify.ts"
import { Database, openDatabase } from "./Database.ts"
import { listIndex, listOrders, ORDERS, orderKey, putOrder, readOrder } from "./Shop.ts"

/** Every flush of random keys pushes a root, and merges take many transactions. */
const LISTS: Partial<StorageLimits> = {
  directTreeBytesMax: 0,
  foldEntriesMax: 20,
  valueSegmentBytesMax: 16 * 1024,
  segmentDeadPercentMax: 40
}

function check(volume: SimulatedVolume): Promise<StorageReport> {
  return new Promise((resolve, reject) => {
    verify(volume, "data/shop", (fault, report) => {
      if (report === undefined) reject(fault ?? new Error("neither a report nor a fault"))
      else resolve(report)
    })
  })
}

/** Roots of the largest list in the index file of a closed database. */
function rootsOf(volume: SimulatedVolume): Promise<number> {
  return new Promise((resolve, reject) => {
    IndexFile.open({ volume, path: "data/shop/index.planck", cacheBytes: 1, mode: "read" }, (fault, file) => {
      if (file === undefined) return reject(fault ?? new Error("the file was not opened"))
      resolve(Math.max(...[...file.current().trees.values()].map((roots) => roots.length)))
      file.close()
    })
  })
}

function open(limits: Partial<StorageLimits> = LISTS): Database {
  const database = openDatabase({ limits })
  database.engine.define([ORDERS])
  return database.settle()
}

function put(database: Database, numbers: ReadonlyArray<number>, total: number): void {
  const transaction = database.engine.transact()
  for (const n of numbers) putOrder(transaction, database.engine.store("orders")!, n, { status: "open", total })
  transaction.commit()
}

/** All of the orders by scans in both directions, by key and by an index. */
function assertOrders(database: Database, totals: ReadonlyMap<number, number>): void {
  const orders = database.engine.store("orders")!
  const snapshot = database.engine.snapshot()
  const numbers = [...totals.keys()].toSorted((a, b) => a - b)
  const expected = numbers.map((n) => `${n}:open:${totals.get(n)}`)
  assert.deepStrictEqual(listOrders(snapshot, orders), expected)
  assert.deepStrictEqual(listOrders(snapshot, orders, -1), expected.toReversed())
  assert.deepStrictEqual(
    listIndex(snapshot, orders, "byTotal").toSorted((a, b) => a - b),
    numbers
  )
  for (let n = 0; n < 300; n += 7) assert.strictEqual(readOrder(snapshot, orders, n)?.total, totals.get(n), `order ${n}`)
  snapshot.close()
}

describe("a list of roots", () => {
  it("is merged sooner where entries are replaced than where they are added", () => {
    const database = open({ directTreeBytesMax: 0, segmentDeadPercentMax: 101 })
    const { engine } = database
    const orders = engine.store("orders")!
    const flush = (): number => {
      engine.freeze()
      database.settle()
      return engine.index.current().roots(orders.id).length
    }
    const random = new Random(1)
    const even = Array.from({ length: 12_000 }, (_, index) => 2 * index)
    const someOf = (count: number, offset: 0 | 1): Array<number> => [
      ...new Set(Array.from({ length: count }, () => 2 * random.below(even.length) + offset))
    ]
    put(database, even, 1)
    assert.strictEqual(flush(), 1)
    put(database, someOf(900, 1), 2)
    assert.strictEqual(flush(), 2, "what was added is not much yet")
    put(database, someOf(2500, 0), 3)
    assert.strictEqual(flush(), 1, "an eighth is merged")
    put(database, someOf(900, 0), 4)
    assert.strictEqual(flush(), 1, "what is replaced hides lost space, so it is merged sooner")
    put(database, someOf(900, 1), 5)
    assert.strictEqual(flush(), 2, "and what is added after that is not")
  })

  it("is told what a flush replaces by those of its entries that can be read", () => {
    const key = new Uint8Array(16)
    const asked = (find: () => number, stride: number, count: number): boolean => {
      const sample = new ReplacedSample({ find }, stride)
      for (let entry = 0; entry < count; entry++) sample.see(key, 0)
      return sample.isReplacing
    }
    let calls = 0
    assert.isTrue(asked(() => (calls++, PRESENT), 4, 10))
    assert.strictEqual(calls, 3, "of four one is looked up")
    assert.isFalse(asked(() => (calls++ % 2 === 0 ? PRESENT : ABSENT), 1, 10))
    const rotten = (): never => {
      throw storageFault({ _tag: "StorageDamaged", file: "index.planck", offset: 0, message: "rotten" })
    }
    assert.isFalse(asked(rotten, 1, 10), "a flush does not fail for a page that it does not need")
    const broken = (): never => {
      throw new TypeError("a mistake")
    }
    assert.throws(() => asked(broken, 1, 10), "a mistake")
  })

  it("is merged at the share that writes least: a flush that brings much fills a larger one", () => {
    const written = (entries: number, arriving: number, factor: number): number => entries / factor / (2 * arriving) + factor
    for (const entries of [1e5, 1e6, 1e7, 1e8]) {
      for (const arriving of [1, 1e3, 2e4, 1e5, 1e6]) {
        const factor = foldFactor(entries, arriving, false)
        for (const other of [4, 6, 8, 12, 16, 24, 32]) {
          assert.isAtMost(written(entries, arriving, factor), written(entries, arriving, other) * 1.000001)
        }
        assert.isAtLeast(foldFactor(entries, arriving, true), Math.max(16, factor))
      }
    }
  })

  it("is begun for a flush of few entries before the tree is large, and not for one that would be merged at once", () => {
    const rootsAfter = (count: number): number => {
      const database = open({ directTreeBytesMax: 1024 * 1024 })
      const { engine } = database
      const even = Array.from({ length: 12_000 }, (_, index) => 2 * index)
      put(database, even, 1)
      engine.freeze()
      database.settle()
      const between = Array.from({ length: count }, (_, index) => 2 * Math.floor((index * even.length) / count) + 1)
      put(database, between, 2)
      engine.freeze()
      database.settle()
      assertOrders(database, new Map([...even.map((n) => [n, 1] as const), ...between.map((n) => [n, 2] as const)]))
      return engine.index.current().roots(engine.store("orders")!.id).length
    }
    assert.strictEqual(rootsAfter(300), 2)
    assert.strictEqual(rootsAfter(3000), 1)
  })

  it.each([1, 2, 3])("reads as one tree whatever is flushed, merged, compacted and started again meanwhile (seed %i)", async (seed) => {
    const random = new Random(seed)
    const totals = new Map<number, number>()
    let database = open()
    let roots = 0
    for (let round = 0; round < 40; round++) {
      const transaction = database.engine.transact()
      const orders = database.engine.store("orders")!
      for (let count = 0; count < 30; count++) {
        const n = random.below(300)
        if (random.chance(0.3)) {
          transaction.delete(orders, orderKey(n))
          totals.delete(n)
        } else {
          putOrder(transaction, orders, n, { status: "open", total: round })
          totals.set(n, round)
        }
      }
      transaction.commit()
      database.sync()
      database.engine.freeze()
      for (let slice = random.below(60); slice > 0; slice--) {
        database.engine.maintain(200)
        database.sync()
      }
      assertOrders(database, totals)
      if (!random.chance(0.2)) continue
      if (random.chance(0.5)) database.settle()
      database.close()
      const report = await check(database.volume)
      assert.deepStrictEqual(report.problems, [])
      roots = Math.max(roots, await rootsOf(database.volume))
      database = new Database({ volume: database.volume, limits: LISTS }).open()
      assertOrders(database, totals)
    }
    assert.isAtLeast(roots, 2)
  })

  it("becomes one root again when everything is compacted", async () => {
    const database = open()
    const all = Array.from({ length: 300 }, (_, n) => n)
    put(database, all, 1)
    database.engine.freeze()
    database.settle()
    put(database, [5], 2)
    database.engine.freeze()
    database.sync()
    while (database.engine.backlog.frozenMemtables > 0) {
      database.engine.maintain(1e6)
      database.sync()
    }
    database.engine.compact(() => {})
    database.settle()
    assertOrders(database, new Map(all.map((n) => [n, n === 5 ? 2 : 1])))
    database.close()
    assert.strictEqual(await rootsOf(database.volume), 1)
  })

  it("is not begun by keys that come behind all others", async () => {
    const database = open()
    for (let round = 0; round < 5; round++) {
      const transaction = database.engine.transact()
      const customers = database.engine.store("orders")!
      for (let n = 0; n < 50; n++) putOrder(transaction, customers, round * 50 + n, { status: `s${round}`, total: -(round * 50 + n) })
      transaction.commit()
      database.engine.freeze()
      database.sync()
      while (database.engine.backlog.frozenMemtables > 0) {
        database.engine.maintain(1e6)
        database.sync()
      }
    }
    database.close()
    assert.strictEqual(await rootsOf(database.volume), 1)
  })
})
