import { assert, describe, it } from "@effect/vitest"
import { type Database, openDatabase } from "./Database.ts"
import { listOrders, ORDERS, putOrder } from "./Shop.ts"

const LOG = "data/shop/wal"
const SEGMENT_BYTES = 64 * 1024
/** A header, a record without a body and a footer. */
const AT_REST_BYTES = 4096 + 56 + 64

function open(): Database {
  const database = openDatabase({ limits: { logSegmentBytesMax: SEGMENT_BYTES } })
  database.engine.define([ORDERS])
  return database.settle()
}

function write(database: Database, from: number, until: number): void {
  const orders = database.engine.store("orders")!
  for (let n = from; n < until; n++) {
    const transaction = database.engine.transact()
    putOrder(transaction, orders, n, { status: "open", total: n, note: "x".repeat(1000) })
    transaction.commit()
  }
  database.sync()
}

function flush(database: Database): void {
  database.engine.freeze()
  database.settle()
}

/** Bytes of each file of the log. */
const sizes = ({ volume }: Database): Array<number> =>
  volume.list(LOG).map((name) => {
    const file = volume.open(`${LOG}/${name}`, "read")
    const bytes = file.size()
    file.close()
    return bytes
  })

const list = (database: Database): Array<string> => {
  const snapshot = database.engine.snapshot()
  const seen = listOrders(snapshot, database.engine.store("orders")!)
  snapshot.close()
  return seen
}

const numbered = (until: number): Array<string> => Array.from({ length: until }, (_, n) => `${n}:open:${n}`)

describe("a log at rest", () => {
  it("is one small segment, once everything in it is in the index file", () => {
    const database = open()
    write(database, 0, 200)
    flush(database)
    assert.isAbove(
      sizes(database).reduce((sum, it) => sum + it, 0),
      SEGMENT_BYTES
    )
    assert.isTrue(database.engine.logRest.begin())
    assert.isFalse(database.engine.logRest.isOver)
    database.settle()
    assert.isTrue(database.engine.logRest.isOver)
    assert.deepStrictEqual(sizes(database), [AT_REST_BYTES])
    assert.strictEqual(database.engine.index.olderCheckpoint().lsn, database.engine.lastLsn - 1)
    assert.deepStrictEqual(list(database), numbered(200))
  })

  it("takes what comes next, and leads to it after a stop, and after a crash wherever it is on its way there", () => {
    for (let seed = 0; seed < 12; seed++) {
      let database = open()
      write(database, 0, 200)
      flush(database)
      assert.isTrue(database.engine.logRest.begin())
      for (let step = 0; step < seed; step++) {
        database.engine.maintain(1000)
        database.startSync()
        database.volume.pump()
      }
      if (seed === 0) database.settle()
      if (seed % 2 === 0) write(database, 200, 210)
      database = seed === 0 ? database.reopen() : database.crash(seed)
      assert.deepStrictEqual(list(database), numbered(seed % 2 === 0 ? 210 : 200))
      write(database, seed % 2 === 0 ? 210 : 200, 220)
      flush(database)
      database.engine.logRest.begin()
      database.settle()
      assert.deepStrictEqual(list(database), numbered(220))
      database.close()
    }
  })

  it("is not sought while something is in memory alone, while a transaction is open, and where there is little to give back", () => {
    const database = open()
    assert.isFalse(database.engine.logRest.begin(), "there is next to nothing in the log")
    write(database, 0, 200)
    assert.isFalse(database.engine.logRest.begin(), "nothing is flushed")
    flush(database)
    const transaction = database.engine.transact()
    assert.isFalse(database.engine.logRest.begin(), "a transaction is open")
    transaction.rollback()
    const { lastLsn } = database.engine
    assert.isTrue(database.engine.logRest.begin())
    database.settle()
    assert.isFalse(database.engine.logRest.begin(), "it rests")
    assert.strictEqual(database.engine.lastLsn, lastLsn + 1)
  })

  it("keeps what a hold keeps", () => {
    const database = open()
    const hold = database.engine.logHolds.hold({ name: "archive", lsn: database.engine.lastLsn })
    write(database, 0, 200)
    flush(database)
    const before = sizes(database)
    assert.isTrue(database.engine.logRest.begin())
    database.settle()
    assert.isTrue(database.engine.logRest.isOver)
    assert.isAtLeast(sizes(database).length, before.length)
    hold.release()
    database.engine.logHolds.release()
    assert.deepStrictEqual(sizes(database), [AT_REST_BYTES])
  })
})
