import { assert, describe, it } from "@effect/vitest"
import type { HoldBroken, LogHold } from "../../src/Storage/LogHolds.ts"
import type { Database } from "./Database.ts"
import { openDatabase } from "./Database.ts"
import { ORDERS, putOrder } from "./Shop.ts"

const SEGMENT_BYTES = 16 * 1024
const HOUR_MS = 3_600_000

/** A database whose log has small segments; a hold may keep some of them, for an hour. */
function openSmall(): Database {
  const limits = { logSegmentBytesMax: SEGMENT_BYTES, logHoldBytesMax: 8 * SEGMENT_BYTES, logHoldAgeMsMax: HOUR_MS }
  const database = openDatabase({ limits })
  database.engine.define([ORDERS])
  return database.settle()
}

/** Writes about `segments` segments of the log and flushes them, so that nothing but a hold needs them. */
function write(database: Database, segments: number): void {
  const orders = database.engine.store("orders")!
  for (let part = 0; part < segments * 2; part++) {
    const transaction = database.engine.transact()
    for (let n = 0; n < 20; n++) putOrder(transaction, orders, n, { status: "open", total: part, note: "x".repeat(300) })
    transaction.commit()
    database.sync()
    if (part % 4 !== 3) continue
    database.engine.freeze()
    database.settle()
  }
  // The older meta keeps a moment longer what the newer one has.
  for (let round = 0; round < 2; round++) {
    database.engine.freeze(true)
    database.settle()
  }
}

function take(
  database: Database,
  name: string,
  more: { readonly lsn?: number; readonly bytesMax?: number; readonly ageMsMax?: number } = {}
) {
  const broken: Array<HoldBroken> = []
  const request = { name, lsn: database.engine.lastLsn, ...more, onBroken: (why: HoldBroken) => broken.push(why) }
  const hold: LogHold = database.engine.logHolds.hold(request)
  return { hold, broken }
}

const keptBytes = (database: Database, name: string): number | undefined =>
  database.engine.logHolds.states().find((it) => it.name === name)?.keptBytes

const segments = (database: Database): number => database.volume.list("data/shop/wal").filter((name) => name.endsWith(".wal")).length

describe("a hold on the log", () => {
  it("can be taken on everything the log has, at whatever moment of a change of segments", () => {
    const database = openSmall()
    const first = take(database, "first", { lsn: 1 })
    let taken = 0
    database.volume.onOperation(() => {
      const { broken, hold } = take(database, "another", { lsn: 1 })
      assert.deepStrictEqual(broken, [])
      hold.release()
      taken++
    })
    write(database, 3)
    assert.isAbove(taken, 50)
    assert.deepStrictEqual(first.broken, [])
  })

  it("keeps what is behind its LSN, lets go as it moves, and of everything when it is given up", () => {
    const database = openSmall()
    const { hold } = take(database, "archive")
    const from = hold.lsn
    write(database, 4)
    assert.isAtLeast(segments(database), 4)
    assert.isAtLeast(keptBytes(database, "archive")!, 3 * SEGMENT_BYTES)
    assert.isBelow(keptBytes(database, "older meta")!, SEGMENT_BYTES)
    hold.move(from - 1)
    assert.strictEqual(hold.lsn, from, "it never goes back")
    hold.move(database.engine.lastLsn)
    database.engine.logHolds.release()
    assert.isAtMost(segments(database), 2)
    write(database, 4)
    hold.release()
    database.engine.logHolds.release()
    assert.isAtMost(segments(database), 2)
    assert.deepStrictEqual(
      database.engine.logHolds.states().map(({ name }) => name),
      ["older meta"]
    )
  })

  it("is broken when it keeps more than it may: its owner is told where it was, and the log goes", () => {
    const database = openSmall()
    const { broken, hold } = take(database, "archive")
    write(database, 4)
    database.engine.logHolds.expire()
    assert.deepStrictEqual(broken, [])
    write(database, 8)
    database.engine.logHolds.expire()
    database.engine.logHolds.expire()
    const [why] = broken
    assert.deepInclude(why, { _tag: "HoldBroken", name: "archive", lsn: hold.lsn, cause: "bytes" })
    assert.isAbove(why!.keptBytes, 8 * SEGMENT_BYTES)
    assert.lengthOf(broken, 1)
    assert.isTrue(hold.isBroken)
    assert.isAtMost(segments(database), 2)
  })

  it("is broken when its owner does not move it for too long, and not while it does", () => {
    const database = openSmall()
    const alive = take(database, "replica one")
    const gone = take(database, "replica two", { ageMsMax: HOUR_MS / 2 })
    for (let minute = 0; minute <= 31; minute++) {
      alive.hold.move(alive.hold.lsn)
      database.engine.logHolds.expire()
      database.nowMs += 60_000
    }
    assert.deepStrictEqual(alive.broken, [])
    assert.strictEqual(gone.broken[0]?.cause, "age")
  })

  it("may ask for less than the limits of the database, not for more", () => {
    const database = openSmall()
    take(database, "modest", { bytesMax: 1000, ageMsMax: 1000 })
    take(database, "greedy", { bytesMax: 1e12, ageMsMax: 1e12 })
    assert.deepStrictEqual(
      database.engine.logHolds.states().map(({ ageMsMax, bytesMax }) => [bytesMax, ageMsMax]),
      [
        [undefined, undefined],
        [1000, 1000],
        [8 * SEGMENT_BYTES, HOUR_MS]
      ]
    )
  })

  it("is over at once when the log has lost what it asks for", () => {
    const database = openSmall()
    write(database, 4)
    const { broken, hold } = take(database, "late", { lsn: 1 })
    assert.isTrue(hold.isBroken)
    assert.strictEqual(broken[0]?.cause, "released")
    assert.isUndefined(keptBytes(database, "late"))
  })

  it("goes, the largest first, when the disk is full, so that writes are taken again", () => {
    const database = openSmall()
    const first = take(database, "first")
    write(database, 2)
    const second = take(database, "second")
    write(database, 2)
    let isFull = true
    database.volume.failWhen((it) => (isFull && (it.growth ?? 0) > 0 ? "ENOSPC" : undefined))
    database.volume.onOperation(({ operation, path }) => {
      if (operation === "remove" && path.endsWith(".wal")) isFull = false
    })
    const orders = database.engine.store("orders")!
    for (let part = 0; part < 60 && database.engine.admission() === "open"; part++) {
      const transaction = database.engine.transact()
      for (let n = 0; n < 20; n++) putOrder(transaction, orders, n, { status: "open", total: part, note: "x".repeat(300) })
      transaction.commit()
      database.sync()
    }
    assert.strictEqual(database.engine.admission(), "full")
    database.engine.retry()
    database.sync()
    database.engine.retry()
    database.sync()
    assert.strictEqual(first.broken[0]?.cause, "disk")
    assert.strictEqual(database.engine.admission(), "open")
    assert.deepStrictEqual(second.broken, [])
  })

  it("may throw in its owner's face: that is reported, and the engine goes on", () => {
    const database = openSmall()
    database.engine.logHolds.hold({
      name: "bad",
      lsn: database.engine.lastLsn,
      ageMsMax: 1,
      onBroken: () => {
        throw new Error("no")
      }
    })
    database.nowMs += 10
    database.engine.logHolds.expire()
    assert.lengthOf(database.reports, 1)
    write(database, 1)
  })
})
