import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { Disk } from "../../src/Disk/Disk.ts"
import { MemoryVolume } from "../../src/Disk/MemoryVolume.ts"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import type { Volume } from "../../src/Disk/Volume.ts"
import { Storage, type StorageOptions } from "../../src/Storage/Storage.ts"
import { listIndex, listOrders, ORDERS, putOrder } from "./Shop.ts"

const MIB = 1024 * 1024

/** The service over a volume that several openings may share. */
function storageOn(volume: Volume, options: Partial<StorageOptions> = {}): Layer.Layer<Storage, unknown> {
  const disk = Layer.sync(Disk, () => Disk.over(volume))
  return Storage.layer({ directory: "data/shop", ...options }).pipe(Layer.provide(disk))
}

const putOne = Effect.fnUntraced(function* (n: number, total: number) {
  const storage = yield* Storage
  yield* storage.admitWrite
  const transaction = storage.engine.transact()
  putOrder(transaction, storage.engine.store("orders")!, n, { status: "open", total })
  return transaction.commit()
})

const list = Effect.gen(function* () {
  const storage = yield* Storage
  const reader = yield* storage.snapshot
  return listOrders(reader, storage.engine.store("orders")!)
}).pipe(Effect.scoped)

describe("Storage", () => {
  it.live("keeps what was awaited, over a restart", () => {
    const volume = new MemoryVolume()
    const write = Effect.gen(function* () {
      const storage = yield* Storage
      yield* storage.defineStores([ORDERS])
      yield* storage.awaitDurable(yield* putOne(1, 5))
      assert.deepStrictEqual(yield* list, ["1:open:5"])
    }).pipe(Effect.provide(storageOn(volume)))
    const read = Effect.provide(list, storageOn(volume))
    return Effect.gen(function* () {
      yield* write
      assert.deepStrictEqual(yield* read, ["1:open:5"])
    })
  })

  it.live("compacts when asked to, one request after the other, and says what that gave", () =>
    Effect.gen(function* () {
      const storage = yield* Storage
      yield* storage.defineStores([ORDERS])
      for (let round = 0; round < 3; round++) {
        for (let n = 0; n < 50; n++) yield* putOne(n, round)
        yield* storage.flush
      }
      const [first, second] = yield* Effect.all([storage.compact, storage.compact], { concurrency: 2 })
      assert.isBelow(first.bytesAfter, first.bytesBefore / 2)
      assert.strictEqual(second.bytesBefore, first.bytesAfter)
      assert.strictEqual(second.movedBytes, 0)
      assert.strictEqual((yield* list).length, 50)
    }).pipe(Effect.provide(storageOn(new MemoryVolume())))
  )

  it.live("keeps a long snapshot as it was, over writes and a compaction, and gives its space back afterwards", () =>
    Effect.gen(function* () {
      const storage = yield* Storage
      yield* storage.defineStores([ORDERS])
      for (let n = 0; n < 50; n++) yield* putOne(n, 1)
      const kept = yield* Effect.gen(function* () {
        const long = yield* storage.longSnapshot
        assert.strictEqual(long.lsn, storage.engine.lastLsn)
        assert.lengthOf(long.segments, 1)
        for (let n = 0; n < 50; n++) yield* putOne(n, 2)
        yield* storage.compact
        assert.isAbove(storage.engine.space.condemnedBytes, 0)
        return listOrders(long, storage.engine.store("orders")!)
      }).pipe(Effect.scoped)
      assert.isTrue(kept.length === 50 && kept.every((it) => it.endsWith(":1")))
      yield* storage.compact
      assert.strictEqual(storage.engine.space.condemnedBytes, 0)
    }).pipe(Effect.provide(storageOn(new MemoryVolume())))
  )

  it.live("flushes on closing when asked to, so that the next start replays nothing", () => {
    const volume = new MemoryVolume()
    const write = Effect.gen(function* () {
      const storage = yield* Storage
      yield* storage.defineStores([ORDERS])
      yield* putOne(1, 5)
    }).pipe(Effect.provide(storageOn(volume, { flushOnClose: true })))
    const read = Effect.gen(function* () {
      const storage = yield* Storage
      assert.strictEqual(storage.engine.report.replayed, 0)
      return yield* list
    }).pipe(Effect.provide(storageOn(volume)))
    return Effect.gen(function* () {
      yield* write
      assert.deepStrictEqual(yield* read, ["1:open:5"])
    })
  })

  it.live("builds an index over stored documents while it is written to", () =>
    Effect.gen(function* () {
      const storage = yield* Storage
      yield* storage.defineStores([{ ...ORDERS, indexes: [] }])
      for (let n = 0; n < 5000; n++) yield* putOne(n, n % 100)
      yield* storage.flush
      const building = yield* Effect.forkChild(storage.defineStores([ORDERS]))
      for (let n = 5000; n < 5200; n++) {
        yield* putOne(n, n % 100)
        yield* Effect.yieldNow
      }
      yield* Fiber.join(building)
      yield* storage.awaitDurable(yield* putOne(9999, 1))
      const reader = yield* storage.snapshot
      const orders = storage.engine.store("orders")!
      assert.isTrue(orders.indexes.every((it) => it.ready))
      assert.strictEqual(listIndex(reader, orders, "byTotal").length, 5201)
    }).pipe(Effect.scoped, Effect.provide(storageOn(new MemoryVolume(), { limits: { memtableBytesMax: MIB } })))
  )

  it.live("makes writers wait while flushes do not keep up, and loses nothing", () =>
    Effect.gen(function* () {
      const storage = yield* Storage
      yield* storage.defineStores([ORDERS])
      const orders = storage.engine.store("orders")!
      for (let n = 0; n < 3000; n++) {
        yield* storage.admitWrite
        const transaction = storage.engine.transact()
        putOrder(transaction, orders, n, { status: "open", total: n, note: "x".repeat(3000) })
        transaction.commit()
      }
      yield* storage.flush
      assert.strictEqual((yield* list).length, 3000)
    }).pipe(Effect.provide(storageOn(new MemoryVolume(), { limits: { memtableBytesMax: MIB, frozenMemtablesMax: 1 } })))
  )

  it.effect("asks for the sync of a store of level interval when the interval is over, and not before", () =>
    Effect.gen(function* () {
      const storage = yield* Storage
      yield* storage.defineStores([{ ...ORDERS, durability: "interval" }])
      const turns = Effect.promise(async () => {
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
      })
      yield* turns
      const lsn = yield* putOne(1, 5)
      yield* turns
      yield* TestClock.adjust(249)
      yield* turns
      assert.isBelow(storage.engine.durableLsn, lsn)
      assert.deepStrictEqual(yield* list, ["1:open:5"])
      yield* TestClock.adjust(1)
      yield* turns
      assert.strictEqual(storage.engine.durableLsn, lsn)
    }).pipe(Effect.provide(storageOn(new MemoryVolume(), { limits: { syncIntervalMs: 250 } })))
  )

  it.live("brings to disk what is awaited, whatever its level", () =>
    Effect.gen(function* () {
      const storage = yield* Storage
      yield* storage.defineStores([{ ...ORDERS, durability: "memory" }])
      const lsn = yield* putOne(1, 5)
      yield* storage.awaitDurable(lsn)
      assert.strictEqual(storage.engine.durableLsn, lsn)
    }).pipe(Effect.provide(storageOn(new MemoryVolume(), { durability: "fsync" })))
  )

  it.effect("holds the log for the life of a scope, and tells when a hold is broken before", () =>
    Effect.gen(function* () {
      const { engine, holdLog } = yield* Storage
      const names = () => engine.logHolds.states().map(({ name }) => name)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* holdLog({ name: "archive", lsn: engine.lastLsn })
          assert.deepStrictEqual(names(), ["older meta", "archive"])
        })
      )
      assert.deepStrictEqual(names(), ["older meta"])
      const { broken, hold } = yield* holdLog({ name: "replica", lsn: engine.lastLsn, ageMsMax: 5000 })
      yield* TestClock.adjust(5000)
      assert.isFalse(hold.isBroken)
      yield* TestClock.adjust(2000)
      assert.deepStrictEqual(yield* broken, { _tag: "HoldBroken", name: "replica", lsn: engine.lastLsn, cause: "age", keptBytes: 0 })
    }).pipe(Effect.scoped, Effect.provide(storageOn(new MemoryVolume())))
  )

  it.live("tells a second opener who has the database", () => {
    const volume = new MemoryVolume()
    const second = Effect.flip(Effect.provide(list, storageOn(volume)))
    return Effect.gen(function* () {
      const error = yield* second
      assert.include(String(error), "in use by")
    }).pipe(Effect.provide(storageOn(volume)))
  })

  it.live("fails those who wait, and new writers, when a sync fails; reads go on", () => {
    const volume = new SimulatedVolume({ seed: 1, syncs: "automatic" })
    return Effect.gen(function* () {
      const storage = yield* Storage
      yield* storage.defineStores([ORDERS])
      yield* storage.awaitDurable(yield* putOne(1, 5))
      volume.failWhen((operation) => (operation.operation === "syncCompletes" ? "EIO" : undefined))
      const waiting = yield* Effect.forkChild(storage.awaitDurable(yield* putOne(2, 6)))
      const failed = yield* Effect.flip(Fiber.join(waiting))
      assert.strictEqual(failed.reason._tag, "Poisoned")
      assert.strictEqual((yield* Effect.flip(storage.admitWrite)).reason._tag, "Poisoned")
      assert.deepStrictEqual(yield* list, ["1:open:5"])
    }).pipe(Effect.provide(storageOn(volume)))
  })

  it.live("checks a closed database, and none that is open", () => {
    const volume = new MemoryVolume()
    const verify = Storage.verify("data/shop").pipe(Effect.provideService(Disk, Disk.over(volume)))
    const write = Effect.gen(function* () {
      const storage = yield* Storage
      yield* storage.defineStores([ORDERS])
      yield* putOne(1, 5)
      assert.strictEqual((yield* Effect.flip(verify)).reason._tag, "DirectoryLocked")
    }).pipe(Effect.provide(storageOn(volume, { flushOnClose: true })))
    return Effect.gen(function* () {
      yield* write
      const report = yield* verify
      assert.strictEqual(report.problemCount, 0)
      assert.strictEqual(report.documents, 1)
    })
  })

  it.live("refuses a bad definition with a path and changes nothing", () =>
    Effect.gen(function* () {
      const storage = yield* Storage
      const bad = { ...ORDERS, indexes: [{ name: "byNothing", on: [{ path: "nothing", direction: "asc" as const }] }] }
      const error = yield* Effect.flip(storage.defineStores([ORDERS, { ...bad, name: "others" }]))
      assert.include(error.message, "others.indexes.byNothing: on.0.path: leads to no field of the schema")
      assert.isUndefined(storage.engine.store("orders"))
    }).pipe(Effect.provide(storageOn(new MemoryVolume())))
  )
})
