import { assert, describe, it } from "@effect/vitest"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { joinPath } from "../../src/Disk/Volume.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import { Database, openDatabase } from "./Database.ts"
import { listIndex, listOrders, ORDERS, putOrder, readOrder } from "./Shop.ts"

const DIRECTORY = "data/shop"
const FIRST_VALUES = `${DIRECTORY}/values/00000001.values`

function openOrders(limits = {}): Database {
  const database = openDatabase({ limits })
  database.engine.define([ORDERS])
  return database.settle()
}

function put(database: Database, n: number, total: number): number {
  const transaction = database.engine.transact()
  putOrder(transaction, database.engine.store("orders")!, n, { status: "open", total })
  return transaction.commit()
}

function list(database: Database): Array<string> {
  return listOrders(database.engine.snapshot(), database.engine.store("orders")!)
}

/** The reason for which a database on `volume` stays closed. */
function refusal(
  volume: SimulatedVolume,
  directory = DIRECTORY
): { readonly _tag: string; readonly file?: string; readonly message?: string } {
  try {
    new Database({ volume, directory }).open()
  } catch (error) {
    if (error instanceof Fault) return error.reason as { _tag: string; file?: string; message?: string }
    throw error
  }
  throw new Error("the database was opened")
}

function readFile(volume: SimulatedVolume, path: string): Uint8Array {
  const file = volume.open(path, "read")
  const bytes = new Uint8Array(file.size())
  file.readAt(0, bytes)
  return bytes
}

describe("opening a database", () => {
  it("replays what the index file does not have, by the same code that committed it", () => {
    const database = openOrders()
    for (let n = 0; n < 30; n++) put(database, n, 30 - n)
    database.engine.freeze()
    database.settle()
    for (let n = 10; n < 40; n++) put(database, n, n)
    database.sync()
    const expected = list(database)
    const reopened = database.crash(7)
    assert.strictEqual(reopened.engine.report.replayed, 30)
    assert.deepStrictEqual(list(reopened), expected)
    const orders = reopened.engine.store("orders")!
    assert.strictEqual(listIndex(reopened.engine.snapshot(), orders, "byTotal").length, 40)
  })

  it("continues LSNs and commit times where they ended", () => {
    const database = openOrders()
    const lsn = put(database, 1, 1)
    const reopened = database.reopen()
    reopened.nowMs -= 1_000_000
    let timeMs = 0
    reopened.engine.onCommit((commit) => (timeMs = commit.commitTimeMs))
    assert.strictEqual(put(reopened, 2, 2), lsn + 1)
    assert.strictEqual(timeMs, database.nowMs)
  })

  it("cuts a torn tail and says which LSNs it held", () => {
    const found: Array<string> = []
    for (let seed = 1; seed < 30; seed++) {
      const database = openOrders()
      put(database, 1, 1)
      database.sync()
      const acknowledged = database.engine.durableLsn
      for (let n = 2; n < 30; n++) put(database, n, n)
      // The group is written, its sync is still under way.
      database.startSync()
      const reopened = database.crash(seed)
      const { cut, lastLsn } = reopened.engine.report
      assert.isAtLeast(lastLsn, acknowledged)
      if (cut !== undefined) {
        assert.strictEqual(cut.fromLsn, lastLsn + 1)
        found.push(cut.file)
      }
    }
    assert.isAbove(found.length, 0)
  })

  it("falls back to the index file's older commit, loses nothing and reports it", () => {
    const database = openOrders()
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 20; n++) put(database, n, round)
      database.engine.freeze()
      database.settle()
    }
    const expected = list(database)
    database.close()
    const bytes = readFile(database.volume, `${DIRECTORY}/index.planck`)
    const view = new DataView(bytes.buffer)
    const newer = view.getUint32(16, true) > view.getUint32(4096 + 16, true) ? 0 : 4096
    database.volume.rot(`${DIRECTORY}/index.planck`, newer + 100, 0xff)
    const reopened = new Database({ volume: database.volume }).open()
    assert.isDefined(reopened.engine.report.fallback)
    assert.deepStrictEqual(list(reopened), expected)
    put(reopened, 99, 9)
    reopened.engine.freeze()
    reopened.settle()
    assert.strictEqual(list(reopened.reopen()).length, expected.length + 1)
  })

  it("removes value segments that no commit knows and cuts what lies behind the committed length", () => {
    const database = openOrders()
    put(database, 1, 1)
    database.engine.freeze()
    database.settle()
    database.close()
    const size = readFile(database.volume, FIRST_VALUES).length
    database.volume.open(FIRST_VALUES, "update").writeAt(size, new Uint8Array(1000).fill(7))
    database.volume.open(`${DIRECTORY}/values/00000002.values`, "create").writeAt(0, new Uint8Array(100))
    const reopened = new Database({ volume: database.volume }).open()
    assert.deepStrictEqual(database.volume.list(`${DIRECTORY}/values`), ["00000001.values"])
    assert.strictEqual(readFile(database.volume, FIRST_VALUES).length, size)
    put(reopened, 2, 2)
    reopened.engine.freeze()
    reopened.settle()
    assert.deepStrictEqual(list(reopened.reopen()), ["1:open:1", "2:open:2"])
  })

  it("refuses a directory that another engine holds, and opens it once that is closed", () => {
    const database = openOrders()
    assert.strictEqual(refusal(database.volume)._tag, "DirectoryLocked")
    database.close()
    new Database({ volume: database.volume }).open()
  })

  it("gives the lock back when it refuses", () => {
    const database = openOrders()
    database.close()
    database.volume.remove(`${DIRECTORY}/index.planck`)
    assert.strictEqual(refusal(database.volume)._tag, "StorageDamaged")
    assert.strictEqual(refusal(database.volume)._tag, "StorageDamaged")
  })

  it("refuses when the index file is gone but a log is there", () => {
    const database = openOrders()
    database.close()
    database.volume.remove(`${DIRECTORY}/index.planck`)
    const reason = refusal(database.volume)
    assert.include(reason.message, "index.planck is missing although")
  })

  it("refuses a value segment that is missing, short, of another database or of a newer format", () => {
    const spoil: ReadonlyArray<readonly [string, string, (volume: SimulatedVolume) => void]> = [
      ["StorageDamaged", "is missing", (volume) => volume.remove(FIRST_VALUES)],
      ["StorageDamaged", "shorter than", (volume) => volume.open(FIRST_VALUES, "update").truncate(70)],
      ["StorageDamaged", "checksum", (volume) => volume.rot(FIRST_VALUES, 20, 1)],
      ["StorageDamaged", "no value segment", (volume) => volume.rot(FIRST_VALUES, 0, 1)],
      ["NewerFormat", "format 3", (volume) => volume.rot(FIRST_VALUES, 8, 2)]
    ]
    for (const [tag, message, damage] of spoil) {
      const database = openOrders()
      put(database, 1, 1)
      database.engine.freeze()
      database.settle()
      database.close()
      damage(database.volume)
      const reason = refusal(database.volume)
      assert.strictEqual(reason._tag, tag)
      assert.strictEqual(reason.file, FIRST_VALUES)
      assert.include(reason.message, message)
    }
  })

  it("refuses to show a value that has rotted, with file and offset, and shows all others", () => {
    const database = openOrders()
    for (let n = 1; n <= 3; n++) put(database, n, n)
    database.engine.freeze()
    database.settle()
    database.close()
    database.volume.rot(FIRST_VALUES, 64 + 50, 4)
    const reopened = new Database({ volume: database.volume }).open()
    const orders = reopened.engine.store("orders")!
    const snapshot = reopened.engine.snapshot()
    assert.deepStrictEqual(readOrder(snapshot, orders, 2), { status: "open", total: 2 })
    try {
      readOrder(snapshot, orders, 1)
      assert.fail("the rotten value was shown")
    } catch (error) {
      const reason: unknown = error instanceof Fault ? error.reason : error
      assert.deepEqual(reason, { _tag: "StorageDamaged", file: FIRST_VALUES, offset: 64, message: "the value fails its checksum" })
    }
  })

  it("refuses a sealed part of the log that has rotted, with file and offset", () => {
    const database = openOrders()
    for (let n = 0; n < 20; n++) put(database, n, n)
    database.close()
    const [name] = database.volume.list(joinPath(DIRECTORY, "wal"))
    const path = `${DIRECTORY}/wal/${name}`
    database.volume.rot(path, 6000, 1)
    const reason = refusal(database.volume)
    assert.deepInclude(reason, { _tag: "LogDamaged", file: path })
  })

  it("survives a power loss at every moment of its first opening", () => {
    const volume = new SimulatedVolume({ seed: 3 })
    let cuts = 0
    volume.onOperation(({ index }) => {
      cuts++
      const again = new Database({ volume: volume.crash(index) }).open()
      assert.strictEqual(again.engine.lastLsn, 0)
      again.engine.define([ORDERS])
      put(again, 1, 1)
      again.sync()
      assert.deepStrictEqual(list(again), ["1:open:1"])
    })
    new Database({ volume }).open()
    assert.isAbove(cuts, 10)
  })
})
