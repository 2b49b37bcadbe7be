/** Planck as a part of an Effect program: examples/embedding on a directory, in memory, and on a disk that crashes. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { day, deliver, order, send, stores } from "../examples/embedding/warehouse.ts"
import * as Warehouse from "../examples/embedding/warehouse.ts"
import * as Planck from "../src/Planck.ts"
import { Folder } from "./Build/Folder.ts"
import { Child } from "./Cli/Child.ts"

const ORDERS = 12
const QUANTITY = 2

const read = Effect.gen(function* () {
  const database = yield* Planck.Query
  const shelf = yield* database.query(Warehouse.articles.orderBy("_id"))
  const kept = yield* database.query(Warehouse.orders.orderBy("_id"))
  return { shelf: shelf.map(({ _id, onShelf }) => [_id, onShelf]), orders: kept }
})

describe("the example of embedding", () => {
  it.effect("delivers, orders, refuses, sends and counts", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* day, { status: "sent", cents: 1780, sent: 1 })
      const { orders, shelf } = yield* read
      assert.deepStrictEqual(shelf, [["tea", 1]])
      assert.strictEqual(orders[0]?.customer, "ada")
      assert.match(String(orders[0]?._id), /^[0-9a-f]{32}$/)
    }).pipe(Effect.provide(Planck.layerMemory({ stores })))
  )

  it.effect("undoes the lines before the one that cannot be had, and fails with the typed error", () =>
    Effect.gen(function* () {
      yield* deliver("tea", "Darjeeling", 890, 5)
      yield* deliver("pot", "Teapot", 2900, 1)
      const refused = yield* Effect.flip(
        order("bob", [
          { article: "tea", quantity: 5 },
          { article: "pot", quantity: 2 }
        ])
      )
      assert.deepInclude(refused, { _tag: "SoldOut", article: "pot", left: 1 })
      assert.deepStrictEqual(yield* read, {
        shelf: [
          ["pot", 1],
          ["tea", 5]
        ],
        orders: []
      })
    }).pipe(Effect.provide(Planck.layerMemory({ stores })))
  )

  it("is a program that goes on where its last run ended", async () => {
    using folder = new Folder({})
    const start = join(import.meta.dirname, "../examples/embedding/start.ts")
    for (const sent of [1, 2]) {
      await using child = new Child(process.execPath, ["--conditions=planck-source", start, join(folder.path, "data")])
      assert.deepStrictEqual(await child.ended, { code: 0, signal: null }, child.err)
      assert.include(child.out, `the order is sent and costs 1780 cents; orders sent so far: ${sent}`)
    }
  })
})

describe("Planck.layer", () => {
  it("makes its directory, holds its lock while it lives, and has the data the next time", async () => {
    using folder = new Folder({})
    const directory = join(folder.path, "made/for/it")
    const layer = Planck.layer({ directory, stores })
    const refused = await Effect.runPromise(
      Effect.gen(function* () {
        yield* deliver("tea", "Darjeeling", 890, 3)
        return yield* Effect.flip(Effect.scoped(Effect.provide(read, Planck.layer({ directory, stores }), { local: true })))
      }).pipe(Effect.provide(layer))
    )
    assert.strictEqual(refused._tag, "StorageError")
    assert.strictEqual(refused.reason._tag, "DirectoryLocked")
    assert.isTrue(existsSync(join(directory, "index.planck")))
    assert.deepStrictEqual((await Effect.runPromise(read.pipe(Effect.provide(Planck.layer({ directory, stores }))))).shelf, [["tea", 3]])
  })

  it.effect("is not built when a store does not fit what is stored", () =>
    Effect.gen(function* () {
      const volume = new Planck.SimulatedVolume({ seed: 1, syncs: "automatic" })
      yield* deliver("tea", "Darjeeling", 890, 3).pipe(Effect.provide(Planck.layerSimulated({ disk: volume, stores })))
      const changed = { ...Warehouse.articles.definition, schema: { name: { type: "string" }, cents: { type: "string" } } } as const
      const error = yield* Effect.flip(read.pipe(Effect.provide(Planck.layerSimulated({ disk: volume, stores: [changed] }))))
      assert.strictEqual(error._tag === "StorageError" && error.reason._tag, "IncompatibleSchema")
      assert.deepStrictEqual((yield* read.pipe(Effect.provide(Planck.layerSimulated({ disk: volume, stores })))).shelf, [["tea", 3]])
    })
  )
})

/** A delivery and some orders; `acknowledged` counts those whose effect has succeeded. */
const work = (acknowledged: { delivered: boolean; orders: number }) =>
  Effect.gen(function* () {
    yield* deliver("tea", "Darjeeling", 890, ORDERS * QUANTITY)
    acknowledged.delivered = true
    for (let n = 0; n < ORDERS; n++) {
      yield* order(`customer ${n}`, [{ article: "tea", quantity: QUANTITY }])
      acknowledged.orders++
    }
    yield* send("customer 0")
  })

describe("Planck.layerSimulated", () => {
  it.effect("keeps what was acknowledged, whole transactions only, when the machine stops between any two operations", () =>
    Effect.gen(function* () {
      const volume = new Planck.SimulatedVolume({ seed: 3, syncs: "automatic" })
      const acknowledged = { delivered: false, orders: 0 }
      const cuts: Array<{
        readonly left: InstanceType<typeof Planck.SimulatedVolume>
        readonly delivered: boolean
        readonly orders: number
      }> = []
      volume.onOperation(({ index }) => cuts.push({ left: volume.crash(index), ...acknowledged }))
      yield* work(acknowledged).pipe(Effect.provide(Planck.layerSimulated({ disk: volume, stores })))
      assert.isAbove(cuts.length, ORDERS)
      for (const { delivered, left, orders } of cuts) {
        const found = yield* read.pipe(Effect.provide(Planck.layerSimulated({ disk: left, stores })))
        assert.isAtLeast(found.orders.length, orders)
        assert.deepStrictEqual(
          found.orders.map(({ customer }) => customer),
          Array.from({ length: found.orders.length }, (_, n) => `customer ${n}`)
        )
        if (delivered) assert.deepStrictEqual(found.shelf, [["tea", (ORDERS - found.orders.length) * QUANTITY]])
      }
    })
  )

  it.effect("reads on when a sync has failed, and refuses writes", () =>
    Effect.gen(function* () {
      const volume = new Planck.SimulatedVolume({ seed: 3, syncs: "automatic" })
      yield* Effect.gen(function* () {
        yield* deliver("tea", "Darjeeling", 890, 3)
        volume.failWhen(({ operation }) => (operation === "syncCompletes" ? "EIO" : undefined))
        const unknown = yield* Effect.flip(deliver("tea", "Darjeeling", 890, 1))
        assert.strictEqual(unknown.reason._tag, "Poisoned")
        volume.heal()
        const refused = yield* Effect.flip(deliver("tea", "Darjeeling", 890, 1))
        assert.strictEqual(refused.reason._tag, "Poisoned")
        assert.deepStrictEqual((yield* read).shelf, [["tea", 3]])
      }).pipe(Effect.provide(Planck.layerSimulated({ disk: volume, stores })))
      const { shelf } = yield* read.pipe(Effect.provide(Planck.layerSimulated({ disk: volume.crash(1), stores })))
      assert.include([3, 4], shelf[0]?.[1])
    })
  )
})
