import { assert, describe, it } from "@effect/vitest"
import { Random } from "../../src/Disk/Random.ts"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { toStorageError } from "../../src/Storage/Errors.ts"
import type { CompactionReport } from "../../src/Storage/TreeQueue.ts"
import { type StorageReport, verify } from "../../src/Storage/Verify.ts"
import { type Database, faultOf, openDatabase } from "./Database.ts"
import { listIndex, listOrders, ORDERS, orderKey, putOrder } from "./Shop.ts"
import { newestDocuments, readValueFiles } from "./ValueFiles.ts"

const VALUES = "data/shop/values"
const SMALL = { valueSegmentBytesMax: 16 * 1024, segmentDeadPercentMax: 101 }

function openOrders(limits = {}): Database {
  const database = openDatabase({ limits: { ...SMALL, ...limits } })
  database.engine.define([ORDERS])
  return database.settle()
}

/** Writes the orders `from` to `until` in one commit and flushes them. */
function write(database: Database, from: number, until: number, total: number): void {
  const transaction = database.engine.transact()
  for (let n = from; n < until; n++) {
    putOrder(transaction, database.engine.store("orders")!, n, { status: "open", total, note: "x".repeat(100) })
  }
  transaction.commit()
  flush(database)
}

function remove(database: Database, from: number, until: number): void {
  const transaction = database.engine.transact()
  for (let n = from; n < until; n++) transaction.delete(database.engine.store("orders")!, orderKey(n))
  transaction.commit()
  flush(database)
}

function flush(database: Database): void {
  database.engine.freeze()
  database.settle()
}

function compact(database: Database): CompactionReport | undefined {
  const outcomes: Array<CompactionReport | undefined> = []
  assert.isTrue(database.engine.compact((report) => outcomes.push(report)))
  database.settle()
  assert.strictEqual(outcomes.length, 1)
  return outcomes[0]
}

function list(database: Database): Array<string> {
  const snapshot = database.engine.snapshot()
  const seen = listOrders(snapshot, database.engine.store("orders")!)
  snapshot.close()
  return seen
}

function check(volume: SimulatedVolume): Promise<StorageReport> {
  return new Promise((resolve, reject) => {
    verify(volume, "data/shop", (fault, report) => {
      if (report === undefined) reject(fault ?? new Error("neither a report nor a fault"))
      else resolve(report)
    })
  })
}

const files = (database: Database): Array<string> => database.volume.list(VALUES)
const tombstones = (database: Database): number => readValueFiles(database.volume, VALUES).filter((it) => !it.isPut).length

describe("a compaction", () => {
  it("keeps up with writers that never pause: lost space stays a bounded part of all", () => {
    const database = openOrders({ memtableBytesMax: 1024 * 1024, valueSegmentBytesMax: 256 * 1024, valueCacheBytesMax: 1024 * 1024 })
    const { engine } = database
    const orders = engine.store("orders")!
    const note = "x".repeat(1000)
    const documents = 4000
    let most = 0
    for (let round = 0; round < 300; round++) {
      // The engine gets a slice for each transaction, and whatever it needs to take the next one: it is never idle.
      for (let step = 0; engine.admission() === "wait" && step < 100_000; step++) {
        engine.maintain(10_000)
        database.sync()
      }
      const transaction = engine.transact()
      for (let n = 0; n < 100; n++) putOrder(transaction, orders, (round * 100 + n) % documents, { status: "open", total: round, note })
      transaction.commit()
      database.sync()
      engine.maintain(1000)
      most = Math.max(most, engine.space.totalBytes)
    }
    const live = documents * 1200
    assert.isBelow(most / live, 3)
  })

  it("finds small segments where there is little: what it moves is there twice for a while", () => {
    const database = openDatabase()
    database.engine.define([ORDERS])
    database.settle()
    for (let round = 0; round < 3; round++) {
      const transaction = database.engine.transact()
      for (let n = 0; n < 12; n++)
        putOrder(transaction, database.engine.store("orders")!, round * 12 + n, { status: "open", total: n, note: "x".repeat(400_000) })
      transaction.commit()
      flush(database)
    }
    assert.isAtLeast(files(database).length, 3)
    assert.isAtMost(files(database).length, 5)
  })

  it("gives back the space of replaced and removed documents, and keeps the others, their indexes and their order", async () => {
    const database = openOrders()
    for (let round = 0; round < 5; round++) write(database, 0, 300, round)
    remove(database, 100, 200)
    const expected = list(database)
    const before = files(database).length
    const report = compact(database)!
    assert.isBelow(report.bytesAfter, report.bytesBefore / 3)
    assert.strictEqual(report.segmentsBefore, before)
    assert.strictEqual(report.segmentsAfter, files(database).length)
    assert.deepStrictEqual(list(database), expected)
    const snapshot = database.engine.snapshot()
    assert.strictEqual(listIndex(snapshot, database.engine.store("orders")!, "byTotal").length, 200)
    snapshot.close()
    database.close()
    const { problems, values } = await check(database.volume)
    assert.deepStrictEqual(problems, [])
    assert.isAtLeast(values, 200)
  })

  it("brings documents into the order of their keys", () => {
    const database = openOrders()
    const random = new Random(3)
    const numbers = Array.from({ length: 200 }, (_, n) => n)
    for (let n = numbers.length - 1; n > 0; n--) {
      const other = random.below(n + 1)
      ;[numbers[n], numbers[other]] = [numbers[other]!, numbers[n]!]
    }
    for (let n = 0; n < 200; n += 20) {
      for (const number of numbers.slice(n, n + 20)) {
        const transaction = database.engine.transact()
        putOrder(transaction, database.engine.store("orders")!, number, { status: "open", total: 1, note: "x".repeat(100) })
        putOrder(transaction, database.engine.store("orders")!, 1000 + number, { status: "gone", total: 1, note: "x".repeat(100) })
        transaction.commit()
      }
      flush(database)
    }
    remove(database, 1000, 1200)
    compact(database)
    const keys = readValueFiles(database.volume, VALUES)
      .filter((it) => it.isPut)
      .map((it) => it.key)
    assert.strictEqual(keys.length, 200)
    assert.deepStrictEqual(keys, keys.toSorted())
  })

  it("loses nothing of many small flushes: a batch ends where the next runs begin again at the lowest key", async () => {
    const database = openOrders({ valueSegmentBytesMax: 1024 * 1024 })
    // One flush for each order, so that every order is a run of its own, and far more of them than are merged at once.
    for (let n = 199; n >= 0; n--) write(database, n, n + 1, 1)
    for (let n = 0; n < 200; n += 2) remove(database, n, n + 1)
    const expected = list(database)
    assert.isAbove(compact(database)!.movedBytes, 0)
    assert.deepStrictEqual(list(database), expected)
    database.close()
    assert.deepStrictEqual((await check(database.volume)).problems, [])
  })

  it("makes the index file smaller too", () => {
    const database = openOrders()
    const transaction = database.engine.transact()
    for (let n = 0; n < 24_000; n++) putOrder(transaction, database.engine.store("orders")!, n, { status: "open", total: n })
    transaction.commit()
    flush(database)
    remove(database, 20, 24_000)
    const sizeOf = (): number => {
      const file = database.volume.open("data/shop/index.planck", "read")
      const size = file.size()
      file.close()
      return size
    }
    const before = sizeOf()
    compact(database)
    assert.isBelow(sizeOf(), before / 3)
    assert.strictEqual(list(database).length, 20)
    assert.strictEqual(list(database.reopen()).length, 20)
  })

  it("keeps the database until the index file is cut, when it is closed meanwhile: whoever opens it next may write there", () => {
    const database = openOrders()
    const { engine, volume } = database
    const transaction = engine.transact()
    for (let n = 0; n < 24_000; n++) putOrder(transaction, engine.store("orders")!, n, { status: "open", total: n })
    transaction.commit()
    flush(database)
    remove(database, 20, 24_000)
    const seen = { cuts: 0 }
    volume.onOperation(({ operation, path }) => {
      if (operation === "truncate" && path.endsWith("index.planck")) seen.cuts++
    })
    engine.compact(() => {})
    while (seen.cuts === 0) {
      if (engine.maintain(1000) === "more") continue
      database.startSync()
      volume.pump()
    }
    const outcomes: Array<unknown> = []
    engine.close((fault) => outcomes.push(fault))
    for (;;) {
      database.startSync()
      const other = volume.waitingPaths.findIndex((path) => !path.endsWith("index.planck"))
      if (other === -1) break
      volume.pump(other)
    }
    assert.deepStrictEqual(volume.waitingPaths, ["data/shop/index.planck"])
    assert.deepStrictEqual(outcomes, [])
    while (outcomes.length === 0) {
      database.startSync()
      volume.pump()
    }
    assert.deepStrictEqual(outcomes, [undefined])
    assert.strictEqual(list(openDatabase({ volume, limits: SMALL })).length, 20)
  })

  it("begins by itself when most of a segment is dead", () => {
    const database = openOrders({ segmentDeadPercentMax: 50 })
    for (let round = 0; round < 20; round++) write(database, 0, 200, round)
    assert.isBelow(files(database).length, 8)
    assert.strictEqual(list(database).length, 200)
  })

  it("goes on in slices while others write, read and flush", () => {
    const database = openOrders()
    for (let round = 0; round < 4; round++) write(database, 0, 600, round)
    const outcomes: Array<CompactionReport | undefined> = []
    database.engine.compact((report) => outcomes.push(report))
    let slices = 0
    for (; outcomes.length === 0; slices++) {
      database.engine.maintain(100)
      const transaction = database.engine.transact()
      putOrder(transaction, database.engine.store("orders")!, slices % 600, { status: "new", total: slices })
      transaction.commit()
      if (slices % 50 === 0) database.engine.freeze()
      database.sync()
      if (slices % 10 === 0) assert.strictEqual(list(database).length, 600)
    }
    database.settle()
    assert.isAbove(slices, 50)
    assert.strictEqual(list(database).length, 600)
    assert.strictEqual(list(database).filter((it) => it.includes("new")).length, Math.min(slices, 600))
  })

  it("keeps a segment for as long as a snapshot reads from it", () => {
    const database = openOrders()
    write(database, 0, 200, 1)
    const snapshot = database.engine.snapshot()
    const before = listOrders(snapshot, database.engine.store("orders")!)
    const old = files(database)
    write(database, 0, 200, 2)
    compact(database)
    assert.includeMembers(files(database), old)
    assert.deepStrictEqual(listOrders(snapshot, database.engine.store("orders")!), before)
    snapshot.close()
    database.settle()
    assert.deepStrictEqual(
      files(database).filter((it) => old.includes(it)),
      []
    )
    assert.isTrue(list(database).every((it) => it.endsWith(":2")))
  })

  it("is not held up by a long snapshot for longer than that may live, or keep", () => {
    for (const limits of [{ longSnapshotTimeoutMs: 1000 }, { longSnapshotBytesMax: 1000 }]) {
      const database = openOrders(limits)
      write(database, 0, 200, 1)
      const request = database.engine.requestLongSnapshot()!
      database.settle()
      const snapshot = request.snapshot!
      write(database, 0, 200, 2)
      compact(database)
      const orders = database.engine.store("orders")!
      assert.isTrue(listOrders(snapshot, orders).every((it) => it.endsWith(":1")))
      database.nowMs += 1000
      database.engine.expireSnapshots()
      assert.strictEqual(
        faultOf(() => listOrders(snapshot, orders)),
        "SnapshotExpired"
      )
      database.settle()
      assert.strictEqual(database.engine.space.condemnedBytes, 0)
    }
  })

  it("keeps a tombstone until no segment has an older document of its key", () => {
    const database = openOrders({ valueSegmentBytesMax: 64 * 1024 })
    write(database, 0, 50, 1)
    remove(database, 0, 10)
    const all = (): Map<string, Uint8Array> => newestDocuments(readValueFiles(database.volume, VALUES))
    assert.strictEqual(all().size, 40)
    compact(database)
    assert.strictEqual(all().size, 40)
    compact(database)
    assert.strictEqual(all().size, 40)
    assert.strictEqual(tombstones(database), 0)
  })

  it("reports a segment that has rotted, leaves it as it is, and compacts the others", () => {
    const database = openOrders()
    write(database, 0, 200, 1)
    write(database, 0, 90, 2)
    const rotten = files(database)[1]!
    database.volume.rot(`${VALUES}/${rotten}`, 200, 1)
    const report = compact(database)!
    assert.isBelow(report.bytesAfter, report.bytesBefore)
    assert.strictEqual(database.reports.length, 1)
    assert.include(toStorageError(database.reports[0])?.message, rotten)
    assert.include(files(database), rotten)
    assert.strictEqual(database.engine.admission(), "open")
  })

  it("ends without loss when the disk is full, and begins again when there is room", () => {
    const database = openOrders()
    for (let round = 0; round < 3; round++) write(database, 0, 200, round)
    remove(database, 0, 50)
    const expected = list(database)
    for (const place of ["values", "index.planck"]) {
      database.volume.failWhen((it) => ((it.growth ?? 0) > 0 && it.path.includes(place) ? "ENOSPC" : undefined))
      const growing = compact(database)
      assert.strictEqual(database.engine.admission(), "open")
      assert.deepStrictEqual(list(database), expected)
      database.volume.heal()
      database.engine.retry()
      database.settle()
      if (growing === undefined) assert.isDefined(compact(database))
    }
    assert.deepStrictEqual(list(database.reopen()), expected)
  })
})

describe("a full disk", () => {
  it("gets room by a compaction that the reserve lets begin", () => {
    const volume = new SimulatedVolume({ seed: 1, capacityBytes: 900 * 1024 })
    const limits = { ...SMALL, reserveBytes: 96 * 1024, logSegmentBytesMax: 32 * 1024 }
    const database = openDatabase({ volume, limits })
    database.engine.define([ORDERS])
    database.settle()
    assert.include(volume.list("data/shop"), "reserve")
    let rounds = 0
    for (; database.engine.admission() === "open"; rounds++) write(database, 0, 100, rounds)
    assert.strictEqual(database.engine.admission(), "full")
    for (let tick = 0; tick < 5; tick++) {
      database.engine.retry()
      database.settle()
    }
    assert.strictEqual(database.engine.admission(), "open")
    write(database, 0, 100, rounds)
    assert.isTrue(list(database).every((it) => it.endsWith(`:${rounds}`)))
    for (let tick = 0; tick < 3; tick++) {
      database.engine.retry()
      database.settle()
    }
    assert.include(volume.list("data/shop"), "reserve")
    assert.strictEqual(list(database.reopen()).length, 100)
  })
})

describe("the accounts of value segments", () => {
  it("say after a restart what they said before", () => {
    const database = openOrders()
    for (let round = 0; round < 3; round++) write(database, round * 50, 200, round)
    remove(database, 0, 20)
    const { space } = database.engine
    assert.isAbove(space.deadBytes, 0)
    assert.isAbove(space.tombstoneBytes, 0)
    assert.deepStrictEqual(database.reopen().engine.space, space)
  })
})
