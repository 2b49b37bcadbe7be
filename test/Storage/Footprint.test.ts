import { assert, describe, it } from "@effect/vitest"
import { ChangeTable, stripeOfPrefix } from "../../src/Storage/ChangeTable.ts"
import { Footprint, isUnchanged } from "../../src/Storage/Footprint.ts"
import { DocumentView, type Range, type Reader } from "../../src/Storage/Reader.ts"
import { type Database, openDatabase } from "./Database.ts"
import { Random } from "./Random.ts"
import { listOrders, ORDERS, orderKey, putOrder, readOrder } from "./Shop.ts"

const STATUSES = ["a status of more than eight bytes", "a status of more than nine bytes", "open", "done"]

function shop(): Database {
  const database = openDatabase()
  database.engine.define([ORDERS])
  return database.settle()
}

function write(database: Database, work: (transaction: ReturnType<Database["engine"]["transact"]>) => void): void {
  const transaction = database.engine.transact()
  work(transaction)
  transaction.commit()
}

/** The bytes that all entries of `byStatus` with this status begin with. */
function statusRange(database: Database, status: string): Range {
  const orders = database.engine.store("orders")!
  const cursor = database.engine.snapshot().entries(orders.indexes[0]!, undefined, 1)
  while (cursor.next()) {
    const { bytes, at, length } = cursor.entry
    const entry = bytes.slice(at, at + length - 16)
    if (Buffer.from(entry).includes(`${status}\0`)) return { low: entry, high: entry }
  }
  throw new Error(`no order is ${status}`)
}

function entriesIn(reader: Reader, database: Database, range: Range | undefined): ReadonlyArray<string> {
  const orders = database.engine.store("orders")!
  const view = new DocumentView()
  const found: Array<string> = []
  const cursor = reader.entries(orders.indexes[0]!, range, 1)
  while (cursor.next()) {
    const { bytes, at, length } = cursor.entry
    reader.get(orders, bytes, at + length - 16, view)
    found.push(Buffer.from(view.bytes.subarray(view.at, view.at + view.length)).toString("hex"))
  }
  return found
}

/** Looks with `look` and returns what it saw, and a function that tells whether that still holds for sure. */
function watch<A>(database: Database, look: (reader: Reader) => A): { readonly seen: A; readonly holds: () => boolean } {
  const { changes } = database.engine
  const footprint = new Footprint()
  const snapshot = database.engine.snapshot(footprint)
  const seen = look(snapshot)
  snapshot.close()
  const stripes = footprint.stripes()
  return { seen, holds: () => !footprint.isBoundless && isUnchanged(changes, stripes, snapshot.lsn) }
}

describe("what a reader has looked at", () => {
  it("is unchanged while other documents are written, and changed with its own, found or not", () => {
    const database = shop()
    write(database, (transaction) => putOrder(transaction, database.engine.store("orders")!, 1, { status: "open", total: 1 }))
    database.settle()
    const orders = database.engine.store("orders")!
    const present = watch(database, (reader) => readOrder(reader, orders, 1))
    const absent = watch(database, (reader) => readOrder(reader, orders, 2))
    write(database, (transaction) => putOrder(transaction, orders, 3, { status: "open", total: 1 }))
    assert.isTrue(present.holds() && absent.holds())
    write(database, (transaction) => putOrder(transaction, orders, 2, { status: "open", total: 1 }))
    assert.deepStrictEqual([present.holds(), absent.holds()], [true, false])
    write(database, (transaction) => void transaction.delete(orders, orderKey(1)))
    assert.isFalse(present.holds())
  })

  it("is unchanged while entries are written beside the range of the index", () => {
    const database = shop()
    const orders = database.engine.store("orders")!
    write(database, (transaction) => {
      for (const [n, status] of STATUSES.entries()) putOrder(transaction, orders, n, { status, total: n })
    })
    database.settle()
    const range = statusRange(database, STATUSES[0]!)
    const some = watch(database, (reader) => entriesIn(reader, database, range))
    assert.lengthOf(some.seen, 1)
    write(database, (transaction) => putOrder(transaction, orders, 10, { status: STATUSES[1]!, total: 1 }))
    assert.isTrue(some.holds())
    write(database, (transaction) => putOrder(transaction, orders, 11, { status: STATUSES[0]!, total: 1 }))
    assert.isFalse(some.holds())
  })

  it("is the whole store when the whole store was walked, and with it every later write", () => {
    const database = shop()
    const orders = database.engine.store("orders")!
    const all = watch(database, (reader) => listOrders(reader, orders))
    assert.isTrue(all.holds())
    write(database, (transaction) => putOrder(transaction, orders, 7, { status: "open", total: 1 }))
    assert.isFalse(all.holds())
  })

  it("is unchanged by what was rolled back", () => {
    const database = shop()
    const orders = database.engine.store("orders")!
    const one = watch(database, (reader) => readOrder(reader, orders, 1))
    const transaction = database.engine.transact()
    putOrder(transaction, orders, 1, { status: "open", total: 1 })
    transaction.rollback()
    assert.isTrue(one.holds())
  })

  it("never passes for unchanged when it reads differently", () => {
    let held = 0
    for (let seed = 1; seed <= 40; seed++) {
      const random = new Random(seed)
      const database = shop()
      const orders = database.engine.store("orders")!
      write(database, (transaction) => {
        for (const [n, status] of STATUSES.entries()) putOrder(transaction, orders, n, { status, total: n })
      })
      database.settle()
      const ranges = [undefined, ...STATUSES.map((status) => statusRange(database, status))]
      const looks: Array<(reader: Reader) => unknown> = [
        ...ranges.map((range) => (reader: Reader) => entriesIn(reader, database, range)),
        ...Array.from({ length: 12 }, (_, n) => (reader: Reader) => readOrder(reader, orders, n)),
        (reader) => Array.from({ length: 400 }, (_, n) => readOrder(reader, orders, n))
      ]
      const watched = looks.map((look) => watch(database, look))
      for (let commits = random.below(4); commits >= 0; commits--) {
        write(database, (transaction) => {
          const n = random.below(16)
          if (random.chance(30)) transaction.delete(orders, orderKey(n))
          else putOrder(transaction, orders, n, { status: random.pick(STATUSES), total: random.below(9) })
        })
      }
      database.settle()
      const snapshot = database.engine.snapshot()
      for (const [index, { seen, holds }] of watched.entries()) {
        if (!holds()) continue
        held++
        assert.deepStrictEqual(looks[index]!(snapshot), seen, `seed ${seed}, look ${index}`)
      }
    }
    assert.isAbove(held, 100, "most of what was looked at should have been told apart from what was written")
  })
})

describe("when things were changed last", () => {
  it("counts everything as changed once distances no longer fit, so that nothing older passes for unchanged", () => {
    const changes = new ChangeTable(10)
    const words = Uint32Array.of(1, 2, 3, 4)
    const stripe = stripeOfPrefix(7, orderKey(1), 0, 16)
    changes.touch(9, words, 0, 12)
    assert.isTrue(isUnchanged(changes, Int32Array.of(stripe), 10))
    changes.touch(9, words, 0, 2 ** 33)
    assert.isFalse(isUnchanged(changes, Int32Array.of(stripe), 2 ** 33 - 1))
    assert.isTrue(isUnchanged(changes, Int32Array.of(stripe), 2 ** 33))
  })
})
