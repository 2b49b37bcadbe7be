import { assert, describe, it } from "@effect/vitest"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import type { DurabilityLevel, StoreDefinition } from "../../src/Schema/Definition.ts"
import { seenLsn } from "../../src/Storage/Admission.ts"
import { isUnchanged, Footprint } from "../../src/Storage/Footprint.ts"
import type { Database } from "./Database.ts"
import { SMALL } from "./CrashMachine.ts"
import { faultOf, openDatabase } from "./Database.ts"
import { Random } from "./Random.ts"
import { listOrders, ORDERS, putOrder } from "./Shop.ts"

function orders(name: string, durability?: DurabilityLevel): StoreDefinition {
  return { ...ORDERS, name, ...(durability === undefined ? {} : { durability }) }
}

/** `synced`, `timed` and `kept` are of the three levels. */
function openLevels(options: ConstructorParameters<typeof Database>[0] = {}): Database {
  const database = openDatabase(options)
  database.engine.define([orders("synced", "fsync"), orders("timed", "interval"), orders("kept", "memory")])
  return database.settle()
}

/** Writes one document to each of the stores, in one transaction. */
function put(database: Database, stores: ReadonlyArray<string>, n: number, total: number): number {
  const transaction = database.engine.transact()
  for (const name of stores) putOrder(transaction, database.engine.store(name)!, n, { status: "open", total })
  return transaction.commit()
}

function list(database: Database, name: string): Array<string> {
  const snapshot = database.engine.snapshot()
  try {
    return listOrders(snapshot, database.engine.store(name)!)
  } finally {
    snapshot.close()
  }
}

describe("what an answer waits for", () => {
  it("is the disk where a store of level fsync was written, and nothing where none was", () => {
    const database = openLevels()
    for (const [stores, waits] of [
      [["synced"], true],
      [["timed"], false],
      [["kept"], false],
      [["timed", "kept"], false],
      [["kept", "synced"], true],
      [["timed", "synced", "kept"], true]
    ] as const) {
      database.sync()
      const lsn = put(database, stores, 1, 1)
      assert.strictEqual(seenLsn(database.engine), waits ? lsn : 0, stores.join(" and "))
    }
  })

  it("is the newest commit of level fsync that came before, so that nothing rests on what may go", () => {
    const database = openLevels()
    const synced = put(database, ["synced"], 1, 1)
    put(database, ["kept"], 1, 1)
    assert.strictEqual(seenLsn(database.engine), synced)
    database.sync()
    assert.strictEqual(seenLsn(database.engine), 0)
  })

  it("is the disk for a definition, and for stores that do not say otherwise", () => {
    const database = openDatabase()
    const defined = database.engine.define([orders("orders")])
    assert.strictEqual(seenLsn(database.engine), defined)
    database.settle()
    assert.strictEqual(seenLsn(database.engine), 0)
    assert.strictEqual(put(database, ["orders"], 1, 1), seenLsn(database.engine))
  })

  it("is what the options say for stores that do not, but not for the engine's own", () => {
    const database = openDatabase({ durability: "memory" })
    database.engine.define([orders("orders"), orders("synced", "fsync"), orders("$own")])
    database.settle()
    put(database, ["orders"], 1, 1)
    assert.strictEqual(seenLsn(database.engine), 0)
    assert.strictEqual(put(database, ["$own"], 1, 1), seenLsn(database.engine))
    database.sync()
    assert.strictEqual(put(database, ["synced"], 1, 1), seenLsn(database.engine))
  })

  it("changes with the store's definition, and is kept with it", () => {
    const database = openLevels()
    database.engine.define([orders("kept", "fsync"), orders("synced", "memory")])
    const reopened = database.settle().reopen()
    assert.strictEqual(reopened.engine.store("kept")!.definition.durability, "fsync")
    put(reopened, ["synced"], 1, 1)
    assert.strictEqual(seenLsn(reopened.engine), 0)
    assert.strictEqual(put(reopened, ["kept"], 1, 1), seenLsn(reopened.engine))
  })

  it("counts a store that was written and then rolled back to before as not written", () => {
    const database = openLevels()
    const transaction = database.engine.transact()
    putOrder(transaction, database.engine.store("kept")!, 1, { status: "open", total: 1 })
    const savepoint = transaction.savepoint()
    putOrder(transaction, database.engine.store("synced")!, 1, { status: "open", total: 1 })
    transaction.rollbackTo(savepoint)
    transaction.commit()
    assert.strictEqual(seenLsn(database.engine), 0)
  })

  it("is refused in a definition when it is none of the three", () => {
    const wrong = { ...orders("orders"), durability: "often" } as unknown as StoreDefinition
    assert.strictEqual(
      faultOf(() => openDatabase().engine.define([wrong])),
      "InvalidStore"
    )
  })
})

describe("what a reader is shown", () => {
  it("is its own answered write, of any level", () => {
    const database = openLevels()
    put(database, ["kept"], 1, 1)
    assert.deepStrictEqual(list(database, "kept"), ["1:open:1"])
    put(database, ["timed"], 2, 2)
    assert.deepStrictEqual(list(database, "timed"), ["2:open:2"])
  })

  it("is nothing behind a commit of level fsync that is not on disk, and everything relaxed up to the next such commit", () => {
    const database = openLevels()
    const before = put(database, ["kept"], 1, 1)
    put(database, ["synced"], 1, 1)
    put(database, ["kept"], 2, 2)
    assert.strictEqual(database.engine.shownLsn, before)
    database.startSync()
    const later = put(database, ["kept"], 3, 3)
    put(database, ["synced"], 2, 2)
    database.volume.pump()
    assert.isBelow(database.engine.durableLsn, later)
    assert.strictEqual(database.engine.shownLsn, later)
    assert.deepStrictEqual(list(database, "kept"), ["1:open:1", "2:open:2", "3:open:3"])
    assert.deepStrictEqual(list(database, "synced"), ["1:open:1"])
    database.sync()
    assert.deepStrictEqual(list(database, "synced"), ["1:open:1", "2:open:2"])
  })

  it("is one moment: of a transaction over two levels both parts or none", () => {
    const database = openLevels()
    put(database, ["synced", "kept"], 1, 1)
    assert.deepStrictEqual([list(database, "synced"), list(database, "kept")], [[], []])
    database.sync()
    assert.deepStrictEqual([list(database, "synced"), list(database, "kept")], [["1:open:1"], ["1:open:1"]])
  })

  it("is the durable moment again once the log is poisoned, and nothing that was kept from later counts", () => {
    const database = openLevels()
    const { changes } = database.engine
    put(database, ["kept"], 1, 1)
    database.engine.sync()
    database.sync()
    const lsn = put(database, ["kept"], 2, 2)
    const footprint = new Footprint()
    const snapshot = database.engine.snapshot(footprint)
    listOrders(snapshot, database.engine.store("kept")!)
    assert.strictEqual(snapshot.lsn, lsn)
    snapshot.close()
    assert.isTrue(isUnchanged(changes, footprint.stripes(), lsn))
    database.volume.failWhen((it) => (it.operation === "syncCompletes" ? "EIO" : undefined))
    database.engine.sync()
    database.sync()
    assert.strictEqual(database.engine.admission(), "poisoned")
    assert.deepStrictEqual(list(database, "kept"), ["1:open:1"])
    assert.isFalse(isUnchanged(changes, footprint.stripes(), lsn))
  })

  it("stays as it is while the disk is full, and is kept when there is room again", () => {
    const database = openLevels()
    database.volume.failWhen((it) => (it.operation === "write" && it.path.includes("wal") ? "ENOSPC" : undefined))
    put(database, ["kept"], 1, 1)
    database.engine.sync()
    database.sync()
    assert.strictEqual(database.engine.admission(), "full")
    assert.deepStrictEqual(list(database, "kept"), ["1:open:1"])
    database.volume.heal()
    database.engine.retry()
    database.sync()
    assert.strictEqual(database.engine.admission(), "open")
    assert.deepStrictEqual(list(database.crash(3), "kept"), ["1:open:1"])
  })
})

describe("the disk", () => {
  it("is not asked for a commit of level interval or memory, but for the next of level fsync, with all that came before", () => {
    const database = openLevels()
    const before = database.volume.operations
    put(database, ["kept"], 1, 1)
    put(database, ["timed"], 1, 1)
    database.sync()
    assert.strictEqual(database.volume.operations, before)
    put(database, ["synced"], 1, 1)
    database.sync()
    assert.strictEqual(database.engine.durableLsn, database.engine.lastLsn)
    const after = database.crash(5)
    assert.deepStrictEqual(list(after, "kept"), ["1:open:1"])
  })

  it("is asked within the interval: `sync` is announced as due by the first such commit, once", () => {
    const database = openLevels()
    let told = 0
    database.engine.onWork(() => {
      if (database.engine.isSyncDue) told++
    })
    put(database, ["kept"], 1, 1)
    assert.isFalse(database.engine.isSyncDue)
    put(database, ["timed"], 1, 1)
    put(database, ["timed"], 2, 2)
    assert.isTrue(database.engine.isSyncDue)
    assert.strictEqual(told, 1)
    database.engine.sync()
    database.sync()
    assert.isFalse(database.engine.isSyncDue)
    assert.strictEqual(database.engine.durableLsn, database.engine.lastLsn)
  })

  it("gets what nobody asked for when much is staged, when a memtable freezes, and at a clean stop", () => {
    const database = openLevels({ limits: { logStagingBytesMax: 64 * 1024 } })
    for (let n = 0; n < 300; n++) {
      assert.strictEqual(database.engine.admission(), "open", `after ${n}`)
      put(database, ["kept"], n, n)
      if (n % 50 === 0) database.sync()
    }
    assert.isAbove(database.engine.durableLsn, 100)
    put(database, ["kept"], 300, 300)
    database.engine.freeze()
    database.settle()
    assert.strictEqual(database.engine.durableLsn, database.engine.lastLsn)
    put(database, ["kept"], 301, 301)
    assert.lengthOf(list(database.reopen(), "kept"), 302)
  })
})

describe("a crash", () => {
  /** Transactions over the levels at random, syncs at random, a power cut at a random moment; told is what an answer said. */
  function live(seed: number): void {
    const random = new Random(seed)
    const volume = new SimulatedVolume({ seed })
    const database = openLevels({ volume, seed, limits: SMALL })
    /** The state of all stores after each LSN, and the newest LSN whose stores of level fsync anybody was shown or told of. */
    const states = new Map<number, string>([[database.engine.lastLsn, ""]])
    const synced = new Map<number, string>([[database.engine.lastLsn, ""]])
    const content = new Map<string, number>()
    const waiting: Array<{ readonly lsn: number; readonly waitLsn: number }> = []
    let toldLsn = database.engine.lastLsn
    const render = (only?: string): string =>
      [...content]
        .filter(([key]) => only === undefined || key.startsWith(only))
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, total]) => `${key}=${total}`)
        .join(" ")
    const steps = 10 + random.below(50)
    for (let step = 0; step < steps; step++) {
      const stores = ["synced", "timed", "kept"].filter(() => random.below(3) === 0)
      if (stores.length > 0) {
        const n = random.below(8)
        const lsn = put(database, stores, n, step)
        for (const name of stores) content.set(`${name}${n}`, step)
        states.set(lsn, render())
        synced.set(lsn, render("synced"))
        waiting.push({ lsn, waitLsn: seenLsn(database.engine) })
      }
      if (random.below(6) === 0) database.engine.sync()
      if (random.below(3) === 0) database.startSync()
      if (random.below(2) === 0) volume.pump()
      if (random.below(12) === 0) database.engine.freeze()
      if (random.below(6) === 0) database.engine.maintain(1 << 16)
      // Whoever has an answer sees what it did.
      const { durableLsn, shownLsn } = database.engine
      for (const answer of waiting) if (answer.waitLsn <= durableLsn) assert.isAtLeast(shownLsn, answer.lsn)
      // What is shown is the state of one LSN, and its synced part is that of the durable LSN.
      const shown = ["kept", "synced", "timed"].flatMap((name) =>
        list(database, name).map((it) => `${name}${it.split(":")[0]}=${it.split(":")[2]}`)
      )
      assert.strictEqual(shown.join(" "), states.get(shownLsn))
      assert.strictEqual(synced.get(shownLsn), synced.get(durableLsn))
      toldLsn = Math.max(toldLsn, shownLsn)
    }
    const after = database.crash(random.below(1 << 30))
    const { lastLsn } = after.engine
    const found = ["kept", "synced", "timed"].flatMap((name) =>
      list(after, name).map((it) => `${name}${it.split(":")[0]}=${it.split(":")[2]}`)
    )
    assert.strictEqual(found.join(" "), states.get(lastLsn), `seed ${seed}`)
    if (lastLsn < toldLsn) assert.strictEqual(synced.get(lastLsn), synced.get(toldLsn), `seed ${seed}: of level fsync nothing is lost`)
  }

  it("takes back what was shown of relaxed stores at most, from the end, and nothing of level fsync", () => {
    for (let seed = 1; seed <= 30; seed++) live(seed)
  })

  it("loses a relaxed commit that nothing followed, and keeps the order: no later one without an earlier", () => {
    const database = openLevels()
    put(database, ["kept"], 1, 1)
    put(database, ["synced"], 1, 1)
    database.sync()
    put(database, ["kept"], 2, 2)
    const after = database.crash(9)
    assert.deepStrictEqual(list(after, "kept"), ["1:open:1"])
    assert.deepStrictEqual(list(after, "synced"), ["1:open:1"])
  })
})
