import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { parseKey } from "../../src/Bson/Key.ts"
import { Decimal128, encode, type Key } from "../../src/Bson/Value.ts"
import { Disk } from "../../src/Disk/Disk.ts"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { store } from "../../src/Query/Builder.ts"
import type { QueryError } from "../../src/Query/Errors.ts"
import { Query } from "../../src/Query/Query.ts"
import { adviseStatements } from "../../src/Query/StatementStore.ts"
import { Storage } from "../../src/Storage/Storage.ts"

const orders = store({
  name: "orders",
  idKind: "key",
  schema: {
    customer: { type: "string" },
    status: { type: "literals", values: ["open", "paid"] },
    total: { type: "decimal" },
    lines: { type: "int", default: 1 }
  },
  indexes: [{ name: "byCustomer", on: [{ path: "customer", direction: "asc" }] }]
})

const KEY = parseKey("0190a5c2d7f07d3a8c1e5b6f7a8b9c0d")

const Database = Query.layer({ rowsMax: 50 }).pipe(
  Layer.provideMerge(Storage.layer({ directory: "data/shop" })),
  Layer.provideMerge(Disk.layerMemory())
)

/** Runs a program on a database of its own with an empty store of orders. */
const onOrders = <A, E>(program: Effect.Effect<A, E, Query | Storage>) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    yield* storage.defineStores([orders.definition])
    return yield* program
  }).pipe(Effect.provide(Database))

const order = (customer: string, total: string) => ({ customer, status: "open" as const, total: Decimal128.fromString(total) })

describe("Query", () => {
  it.live("answers a write to a store of level memory while the disk does nothing, and waits for it with one of level fsync", () => {
    const volume = new SimulatedVolume({ seed: 1, syncs: "automatic" })
    const storage = Storage.layer({ directory: "data/shop", durability: "memory" })
    const database = Query.layer().pipe(Layer.provideMerge(storage), Layer.provide(Layer.sync(Disk, () => Disk.over(volume))))
    const visits = store({ ...orders.definition, name: "visits" })
    const synced = store({ ...orders.definition, name: "synced", durability: "fsync" })
    return Effect.gen(function* () {
      const { defineStores, engine } = yield* Storage
      yield* defineStores([visits.definition, synced.definition])
      const query = yield* Query
      volume.holdsSyncs = true
      yield* query.write(visits.insert(order("ada", "5")))
      assert.isBelow(engine.durableLsn, engine.lastLsn)
      assert.strictEqual(yield* query.query(visits.count()), 1)
      const waiting = yield* Effect.forkChild(query.write(synced.insert(order("bob", "1"))))
      yield* Effect.sleep(5)
      assert.isUndefined(waiting.pollUnsafe())
      assert.strictEqual(yield* query.query(synced.count()), 0)
      volume.holdsSyncs = false
      volume.pumpAll()
      yield* Fiber.join(waiting)
      assert.strictEqual(engine.durableLsn, engine.lastLsn)
    }).pipe(Effect.provide(database))
  })

  it.effect("runs typed statements, reads and writes", () =>
    onOrders(
      Effect.gen(function* () {
        const query = yield* Query
        const ids: ReadonlyArray<Key> = yield* query.write(orders.insert([order("ada", "5"), order("ada", "7"), order("bob", "1")]))
        const one: Key = yield* query.write(orders.insert(order("eve", "2")))
        assert.strictEqual(ids.length, 3)
        const rows = yield* query.query(orders.filter({ customer: "ada" }).orderBy("total", "desc").select("total"))
        assert.deepStrictEqual(
          rows.map((row) => String(row.total)),
          ["7", "5"]
        )
        assert.strictEqual(yield* query.query(orders.filter("total", ">", Decimal128.fromString("1")).count()), 3)
        assert.strictEqual((yield* query.query(orders.get(String(one))))?.customer, "eve")
        assert.isUndefined(yield* query.query(orders.get("00000000000070000000000000000000")))
        assert.strictEqual((yield* query.query(orders.orderBy("total").first()))?.customer, "bob")
        assert.strictEqual((yield* query.query(orders.filter({ customer: "ada" }).explain())).access, "index byCustomer")
        assert.deepStrictEqual(yield* query.write(orders.filter({ customer: "ada" }).set({ status: "paid" }).inc({ lines: 2 })), {
          matched: 2,
          modified: 2
        })
        assert.strictEqual(yield* query.write(orders.filter({ status: "paid" }).delete()), 2)
        assert.deepStrictEqual(yield* query.write(orders.upsert({ ...order("zoe", "3"), _id: one })), {
          matched: 1,
          modified: 1,
          upserted: []
        })
        const other = parseKey("0190a5c2d7f07d3a8c1e5b6f7a8b9c0e")
        assert.deepStrictEqual(yield* query.write(orders.upsert({ ...order("max", "3"), _id: other })), {
          matched: 0,
          modified: 0,
          upserted: [other]
        })
        const [shown] = yield* query.query(
          orders
            .filter({ _id: other })
            .omit("total")
            .compute({ twice: ["lines", "*", 2], isMax: ["customer", "=", "max"] })
        )
        assert.deepStrictEqual(shown, { _id: other, customer: "max", status: "open", lines: 1, twice: 2, isMax: true })
        assert.deepStrictEqual(yield* query.write(orders.replace({ ...order("zoe", "4"), _id: one })), { matched: 1, modified: 1 })
      })
    )
  )

  it.effect("drops stores that nobody declares, and forgets what was made of them", () =>
    onOrders(
      Effect.gen(function* () {
        const query = yield* Query
        const storage = yield* Storage
        assert.match((yield* Effect.flip(query.drop(orders))).message, /orders is declared by what runs on this database/)
        assert.match((yield* Effect.flip(query.drop("nothing"))).message, /there is no store nothing/)
        const lsn = storage.engine.define([{ ...orders.definition, name: "old" }])
        yield* storage.awaitDurable(lsn)
        yield* query.transact((transaction) => transaction.insert("old", order("ada", "5")))
        const list = { kind: "find", store: "old" } as const
        assert.isAbove((yield* query.json(list)).length, 2)
        yield* query.drop("old")
        assert.match((yield* Effect.flip(query.json(list))).message, /there is no store old/)
        yield* storage.awaitDurable(storage.engine.define([{ ...orders.definition, name: "old" }]))
        assert.strictEqual(String(Buffer.from(yield* query.json(list))), "[]")
      })
    )
  )

  it.effect("notes what statements cost, for the next who opens the database", () =>
    Effect.gen(function* () {
      const disk = yield* Layer.build(Disk.layerMemory())
      const database = (layer: Layer.Layer<Query, never, Storage>) =>
        layer.pipe(Layer.provideMerge(Storage.layer({ directory: "data/noted" })), Layer.provide(Layer.succeedContext(disk)), Layer.fresh)
      yield* Effect.gen(function* () {
        yield* (yield* Storage).defineStores([orders.definition])
        const query = yield* Query
        yield* query.write(orders.insert([order("ada", "5"), order("bob", "1")]))
        yield* query.query(orders.filter({ status: "open" }).count())
        yield* query.write(orders.filter({ status: "open" }).set({ status: "paid" }))
        // Only later is it written down.
        assert.isUndefined((yield* Storage).engine.store("$statements"))
      }).pipe(Effect.provide(database(Query.layer())))
      yield* Effect.gen(function* () {
        const noted = adviseStatements((yield* Storage).engine).map(({ count, statement }) => `${count} ${statement}`)
        assert.deepStrictEqual(noted.toSorted(), ["1 orders.filter(status = ?).count()", "1 orders.filter(status = ?).set({ … })"])
        const query = yield* Query
        yield* query.query(orders.filter({ status: "paid" }).count())
        yield* TestClock.adjust("61 seconds")
        const [first] = adviseStatements((yield* Storage).engine)
        assert.strictEqual(first?.count, 2)
      }).pipe(Effect.provide(database(Query.layer({}, { slowMs: 5 }))))
    }).pipe(Effect.scoped)
  )

  it.effect("runs plain statements and gives their JSON from the stored bytes", () =>
    onOrders(
      Effect.gen(function* () {
        const query = yield* Query
        const [id] = yield* query.transact((transaction) => transaction.insert("orders", order("ada", "1.50")))
        assert.strictEqual(yield* query.count({ kind: "count", store: "orders" }), 1)
        assert.strictEqual((yield* query.find({ kind: "find", store: "orders", limit: 1 }))[0]?.["customer"], "ada")
        assert.strictEqual((yield* query.get({ kind: "get", store: "orders", key: String(id) }))?.["customer"], "ada")
        const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
        assert.strictEqual(
          text(yield* query.json({ kind: "find", store: "orders", select: ["total"] })),
          `[{"_id":"${id}","total":"1.50"}]`
        )
        assert.strictEqual(
          text(yield* query.json({ kind: "get", store: "orders", key: String(id), select: ["lines"] })),
          `{"_id":"${id}","lines":1}`
        )
        assert.strictEqual(text(yield* query.json({ kind: "get", store: "orders", key: "x" })), "null")
        const plan = yield* query.explain({ kind: "delete", store: "orders" })
        assert.strictEqual(plan.access, "all documents")
        assert.deepInclude(plan.actual, { rows: 1, indexKeysRead: 0, documentsRead: 0 })
        assert.isAtLeast(plan.actual?.elapsedMs ?? -1, 0)
      })
    )
  )

  it.effect("commits a transaction as a whole, which sees its own writes", () =>
    onOrders(
      Effect.gen(function* () {
        const query = yield* Query
        const total = yield* query.transact((transaction) => {
          transaction.write(orders.insert([order("ada", "5"), order("bob", "7")]))
          transaction.update({ kind: "update", store: "orders", set: { status: "paid" } })
          transaction.upsert("orders", { ...order("eve", "1"), _id: KEY })
          transaction.replace("orders", { ...order("eve", "2"), _id: KEY })
          transaction.delete({ kind: "delete", store: "orders", filter: { op: "eq", path: "customer", value: "bob" } })
          return transaction.read(orders.count())
        })
        assert.strictEqual(total, 2)
        assert.strictEqual(yield* query.query(orders.filter({ status: "paid" }).count()), 1)
      })
    )
  )

  it.effect("undoes a transaction that aborts, throws or breaks a rule, and says why", () =>
    onOrders(
      Effect.gen(function* () {
        const query = yield* Query
        class SoldOut {
          readonly _tag = "SoldOut"
        }
        const aborted = query.transact((transaction) => {
          transaction.write(orders.insert(order("ada", "5")))
          return transaction.read(orders.count()) > 0 ? transaction.abort(new SoldOut()) : "kept"
        })
        const error: QueryError | SoldOut | { readonly _tag: "StorageError" } = yield* Effect.flip(aborted)
        assert.strictEqual(error._tag, "SoldOut")
        const broken = yield* Effect.flip(
          query.transact((transaction) => {
            transaction.write(orders.insert(order("ada", "5")))
            transaction.insert("orders", { customer: 5 })
          })
        )
        assert.strictEqual(broken._tag, "QueryError")
        assert.strictEqual((broken as QueryError).reason._tag, "InvalidDocument")
        assert.match(broken.message, /not a document of orders/)
        const thrown = yield* Effect.exit(
          query.transact((transaction) => {
            transaction.write(orders.insert(order("ada", "5")))
            throw new RangeError("a bug")
          })
        )
        assert.strictEqual(thrown._tag, "Failure")
        // A failed statement that is caught leaves the rest standing.
        yield* query.transact((transaction) => {
          transaction.write(orders.insert(order("kept", "1")))
          assert.throws(() => transaction.insert("orders", [order("lost", "1"), { customer: 5 }]))
        })
        assert.deepStrictEqual(
          (yield* query.query(orders)).map((row) => row.customer),
          ["kept"]
        )
      })
    )
  )

  it.effect("says what a transaction saw, undone or refused, only when that is on disk", () =>
    onOrders(
      Effect.gen(function* () {
        const query = yield* Query
        const { engine } = yield* Storage
        const undone = query.transact((transaction) => transaction.abort(transaction.read(orders.count())))
        const refused = query.write(orders.insert({ ...order("eve", "2"), _id: KEY }))
        for (const [n, ending] of [undone, refused, undone].entries()) {
          const transaction = engine.transact()
          const document = encode({ ...(n === 0 ? { _id: KEY } : {}), ...order("ada", "5"), lines: 1 })
          transaction.insert(engine.store("orders")!, document, 0, new Uint8Array(16))
          const lsn = transaction.commit()
          assert.isBelow(engine.durableLsn, lsn)
          yield* Effect.flip(ending)
          assert.isAtLeast(engine.durableLsn, lsn)
        }
      })
    )
  )

  it.effect("refuses a transaction that goes on after its end", () =>
    onOrders(
      Effect.gen(function* () {
        const query = yield* Query
        // @ts-expect-error an Effect inside would run after the transaction
        const withEffect = yield* Effect.exit(query.transact(() => Effect.succeed(1)))
        // @ts-expect-error so would a promise
        const withPromise = yield* Effect.exit(query.transact(async (transaction) => transaction.write(orders.insert(order("ada", "5")))))
        assert.deepStrictEqual([withEffect._tag, withPromise._tag], ["Failure", "Failure"])
        assert.strictEqual(yield* query.query(orders.count()), 0)
      })
    )
  )

  it.effect("names what is wrong with a statement", () =>
    onOrders(
      Effect.gen(function* () {
        const query = yield* Query
        const reasons = yield* Effect.forEach(
          [
            query.find({ kind: "find", store: "nothing" }),
            query.find({ kind: "find", store: "orders", limit: -1 }),
            query.find({ kind: "find", store: "orders", filter: { op: "eq", path: "a..b", value: 1 } }),
            query.transact((transaction) =>
              transaction.insert("orders", [
                { ...order("a", "1"), _id: KEY },
                { ...order("a", "1"), _id: KEY }
              ])
            ),
            Effect.andThen(
              query.write(orders.insert(Array.from({ length: 60 }, () => order("a", "1")))),
              query.find({ kind: "find", store: "orders" })
            )
          ],
          (statement) => Effect.map(Effect.flip(Effect.asVoid(statement)), (error) => error.reason._tag)
        )
        assert.deepStrictEqual(reasons, ["UnknownStore", "InvalidStatement", "InvalidStatement", "DuplicateKey", "BudgetExceeded"])
      })
    )
  )

  it.effect("lets transactions of many fibers happen one after another", () =>
    onOrders(
      Effect.gen(function* () {
        const query = yield* Query
        yield* query.write(orders.insert(order("ada", "0")))
        const add = query.write(orders.inc({ lines: 1 }))
        const fibers = yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.forkChild(add))
        yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber))
        assert.strictEqual((yield* query.query(orders.first()))?.lines, 21)
      })
    )
  )
})
