import { assert, describe, it } from "@effect/vitest"
import { joinPath } from "../../src/Disk/Volume.ts"
import { VALUE_HEADER_BYTES } from "../../src/Storage/ValueSegment.ts"
import { segmentName } from "../../src/Storage/ValueLog.ts"
import { type Database, faultOf, openDatabase } from "./Database.ts"
import { listIndex, listOrders, ORDERS, orderKey, putOrder, readOrder } from "./Shop.ts"

const VALUES = "data/shop/values"

function openOrders(limits = {}): Database {
  const database = openDatabase({ limits })
  database.engine.define([ORDERS])
  return database.settle()
}

function put(database: Database, n: number, total: number, note = ""): void {
  const transaction = database.engine.transact()
  putOrder(transaction, database.engine.store("orders")!, n, { status: "open", total, ...(note === "" ? {} : { note }) })
  transaction.commit()
}

function list(database: Database): Array<string> {
  const snapshot = database.engine.snapshot()
  const seen = listOrders(snapshot, database.engine.store("orders")!)
  snapshot.close()
  return seen
}

/** Header fields of every value in a segment. */
function readValues(database: Database, segment: number): Array<{ kind: number; lsn: number; length: number }> {
  const file = database.volume.open(joinPath(VALUES, segmentName(segment)), "read")
  const bytes = new Uint8Array(file.size())
  file.readAt(0, bytes)
  const view = new DataView(bytes.buffer)
  const found: Array<{ kind: number; lsn: number; length: number }> = []
  for (let at = 64; at < bytes.length; at += (VALUE_HEADER_BYTES + view.getUint32(at, true) + 7) & ~7) {
    found.push({ length: view.getUint32(at, true), kind: bytes[at + 12]!, lsn: view.getUint32(at + 16, true) })
  }
  return found
}

describe("a flush", () => {
  it("comes sooner where documents are replaced than where they are added, and the log is shorter there", () => {
    const MIB = 1024 * 1024
    const kept = { compactionDeadPercentMax: 80, compactionUrgentPercentMax: 95, segmentDeadPercentMax: 101 }
    const database = openOrders({ memtableBytesMax: 4 * MIB, logSegmentBytesMax: 2 * MIB, ...kept })
    const note = "n".repeat(16_000)
    /** Writes orders; the most that a memtable had, and the longest segment of the log but the first and the last ones. */
    const write = (count: number): { most: number; longest: number } => {
      let most = 0
      const segments = new Map<string, number>()
      for (let n = 0; n < count; n++) {
        put(database, n, n, note)
        database.settle()
        most = Math.max(most, database.engine.backlog.activeBytes)
        for (const name of database.volume.list("data/shop/wal").filter((it) => it.endsWith(".wal"))) {
          const file = database.volume.open(joinPath("data/shop/wal", name), "read")
          segments.set(name, file.size())
          file.close()
        }
      }
      return { most, longest: Math.max(...[...segments.values()].slice(2, -2)) }
    }
    const added = write(1000)
    write(1000)
    const replaced = write(600)
    assert.isAbove(added.most, 3.5 * MIB)
    assert.isBelow(replaced.most, 1.5 * MIB)
    assert.isAbove(added.longest, 1.9 * MIB)
    assert.isBelow(replaced.longest, 0.6 * MIB)
  })

  it("waits until its boundary is durable", () => {
    const database = openOrders()
    put(database, 1, 5)
    assert.isTrue(database.engine.freeze())
    assert.strictEqual(database.engine.maintain(1e9), "waiting")
    assert.deepStrictEqual(database.volume.list(VALUES), [])
    database.settle()
    assert.deepStrictEqual(database.volume.list(VALUES), [segmentName(1)])
    assert.strictEqual(database.engine.backlog.frozenMemtables, 0)
  })

  it("writes the newest version of a key, and a tombstone for a removed one", () => {
    const database = openOrders()
    for (let total = 1; total <= 20; total++) put(database, 1, total)
    put(database, 2, 1)
    const transaction = database.engine.transact()
    transaction.delete(database.engine.store("orders")!, orderKey(2))
    transaction.commit()
    database.engine.freeze()
    database.settle()
    const values = readValues(database, 1)
    assert.deepStrictEqual(
      values.map((it) => [it.kind, it.lsn]),
      [
        [1, 21],
        [2, 23]
      ]
    )
    assert.strictEqual(values[1]!.length, 0)
    assert.deepStrictEqual(list(database), ["1:open:20"])
  })

  it("leaves snapshots from before it what they saw", () => {
    const database = openOrders()
    put(database, 1, 1)
    put(database, 2, 2)
    database.sync()
    const before = database.engine.snapshot()
    put(database, 1, 10)
    database.engine.freeze()
    const transaction = database.engine.transact()
    transaction.delete(database.engine.store("orders")!, orderKey(2))
    transaction.commit()
    database.engine.freeze()
    database.settle()
    const orders = database.engine.store("orders")!
    assert.deepStrictEqual(listOrders(before, orders), ["1:open:1", "2:open:2"])
    assert.deepStrictEqual(listIndex(before, orders, "byTotal"), [2, 1])
    assert.deepStrictEqual(list(database), ["1:open:10"])
  })

  it("goes on in slices while others write and read", () => {
    const database = openOrders()
    for (let n = 0; n < 300; n++) put(database, n, n)
    database.sync()
    database.engine.freeze()
    let slices = 0
    while (database.engine.backlog.frozenMemtables > 0) {
      slices++
      database.engine.maintain(50)
      put(database, 1000 + slices, 1)
      if (slices % 10 === 0) database.sync()
      assert.strictEqual(list(database).filter((it) => Number.parseInt(it, 10) < 1000).length, 300)
    }
    assert.isAbove(slices, 20)
  })

  it("closes full value segments and finds everything again after a restart", () => {
    const database = openOrders({ valueSegmentBytesMax: 8192 })
    for (let n = 0; n < 40; n++) put(database, n, n, "x".repeat(700))
    database.engine.freeze()
    database.settle()
    put(database, 100, 1, "y".repeat(40_000))
    database.engine.freeze()
    database.settle()
    assert.isAbove(database.volume.list(VALUES).length, 4)
    const expected = list(database)
    const reopened = database.reopen()
    assert.deepStrictEqual(list(reopened), expected)
    assert.strictEqual(readOrder(reopened.engine.snapshot(), reopened.engine.store("orders")!, 100)!.note!.length, 40_000)
  })

  it("releases the log that its older commit no longer needs", () => {
    const database = openOrders({ logSegmentBytesMax: 8192 })
    for (let round = 0; round < 6; round++) {
      for (let n = 0; n < 60; n++) put(database, n, round)
      database.engine.freeze()
      database.settle()
    }
    assert.isBelow(database.volume.list("data/shop/wal").length, 12)
    assert.strictEqual(list(database.reopen()).length, 60)
  })

  it("gives up without loss when the disk is full, and succeeds when there is room", () => {
    const database = openOrders()
    for (let n = 0; n < 50; n++) put(database, n, n)
    database.sync()
    const expected = list(database)
    for (const place of ["values", "index.planck"]) {
      database.engine.freeze()
      database.volume.failWhen((it) => (it.operation === "write" && it.path.includes(place) ? "ENOSPC" : undefined))
      database.settle()
      assert.strictEqual(database.engine.admission(), "open")
      assert.strictEqual(database.engine.backlog.frozenMemtables, 1)
      assert.deepStrictEqual(list(database), expected)
      database.volume.heal()
      database.engine.retry()
      database.settle()
      assert.strictEqual(database.engine.backlog.frozenMemtables, 0)
      put(database, 50, 1)
      put(database, 50, 50)
      database.sync()
      if (expected.length === 50) expected.push("50:open:50")
      assert.deepStrictEqual(list(database), expected)
    }
    assert.deepStrictEqual(list(database.reopen()), expected)
  })

  it("poisons the engine when a sync of its files fails; a restart has everything", () => {
    for (const place of ["values", "index.planck"]) {
      const database = openOrders()
      put(database, 1, 1)
      database.sync()
      database.engine.freeze()
      database.volume.failWhen((it) => (it.operation === "syncCompletes" && it.path.includes(place) ? "EIO" : undefined))
      database.settle()
      assert.strictEqual(database.engine.admission(), "poisoned")
      assert.strictEqual(
        faultOf(() => database.engine.transact()),
        "Poisoned"
      )
      assert.deepStrictEqual(list(database), ["1:open:1"])
      database.volume.heal()
      assert.deepStrictEqual(list(database.reopen()), ["1:open:1"])
    }
  })

  it("ends with the engine, wherever it is and though the disk is full", () => {
    for (let slices = 0; slices < 30; slices++) {
      const database = openOrders()
      for (let n = 0; n < 10; n++) put(database, n, n)
      database.sync()
      database.engine.freeze()
      let isWaiting = false
      for (let slice = 0; slice < slices; slice++) {
        if (isWaiting) database.volume.pump()
        isWaiting = !isWaiting && database.engine.maintain(200) === "waiting"
      }
      database.volume.failWhen((it) => (it.operation === "write" && it.path.includes("index.planck") ? "ENOSPC" : undefined))
      assert.isUndefined(database.close(), `after ${slices} slices`)
      database.volume.heal()
      assert.lengthOf(list(openDatabase({ volume: database.volume })), 10)
    }
  })

  it("makes writers wait when memtables pile up", () => {
    const database = openOrders({ memtableBytesMax: 600 * 1024, frozenMemtablesMax: 2 })
    let writes = 0
    while (database.engine.admission() === "open") put(database, writes++, 1, "x".repeat(4000))
    assert.strictEqual(database.engine.admission(), "wait")
    assert.strictEqual(database.engine.backlog.frozenMemtables, 2)
    assert.strictEqual(
      faultOf(() => database.engine.transact()),
      "Backpressure"
    )
    database.settle()
    assert.strictEqual(database.engine.admission(), "open")
    assert.strictEqual(list(database).length, writes)
  })

  it("commits what a writer brings that could begin, however large it is", () => {
    const database = openOrders({ logStagingBytesMax: 64 * 1024 })
    put(database, 1, 1, "x".repeat(20_000))
    assert.strictEqual(database.engine.admission(), "open")
    put(database, 2, 1, "y".repeat(200_000))
    assert.strictEqual(database.engine.admission(), "wait")
    database.settle()
    assert.strictEqual(database.engine.admission(), "open")
    assert.strictEqual(list(database).length, 2)
  })

  it("tells writers that wait when there is nothing left to wait for", () => {
    for (const [code, admission, tag] of [
      ["EIO", "poisoned", "Poisoned"],
      ["ENOSPC", "full", "ReadOnly"]
    ] as const) {
      const database = openOrders({ memtableBytesMax: 600 * 1024, frozenMemtablesMax: 2 })
      while (database.engine.admission() === "open") put(database, 1, 1, "x".repeat(4000))
      database.volume.failWhen(({ operation, growth }) => (operation === "write" && (growth ?? 1) > 0 ? code : undefined))
      database.sync()
      assert.strictEqual(database.engine.admission(), admission)
      assert.strictEqual(
        faultOf(() => database.engine.transact()),
        tag
      )
    }
  })
})
