import { assert, describe, it } from "@effect/vitest"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { type StorageReport, verify } from "../../src/Storage/Verify.ts"
import { openDatabase } from "./Database.ts"
import { ORDERS, orderKey, putOrder } from "./Shop.ts"

/** What an order without a note takes in the value log. */
const VALUE_BYTES = 104
const VALUES = "data/shop/values/00000001.values"

/** A closed database with 40 documents, a removed one and two indexes in its files. */
function closedDatabase(): SimulatedVolume {
  const database = openDatabase()
  database.engine.define([ORDERS])
  database.settle()
  const orders = database.engine.store("orders")!
  const transaction = database.engine.transact()
  for (let n = 0; n <= 40; n++) putOrder(transaction, orders, n, { status: "open", total: n % 9 })
  transaction.commit()
  database.engine.freeze()
  database.settle()
  const removal = database.engine.transact()
  removal.delete(orders, orderKey(40))
  putOrder(removal, orders, 0, { status: "done", total: 100 })
  removal.commit()
  database.engine.freeze()
  database.settle()
  database.close()
  return database.volume
}

function check(volume: SimulatedVolume): Promise<StorageReport> {
  return new Promise((resolve, reject) => {
    verify(volume, "data/shop", (fault, report) => {
      if (report === undefined) reject(fault ?? new Error("neither a report nor a fault"))
      else resolve(report)
    })
  })
}

describe("verify", () => {
  it("finds nothing wrong with a sound database, and changes nothing", async () => {
    const volume = closedDatabase()
    const before = volume.operations
    const { problems, ...counts } = await check(volume)
    assert.deepStrictEqual(problems, [])
    assert.deepStrictEqual(counts, { checkpointLsn: 3, stores: 1, documents: 40, indexEntries: 80, values: 43, problemCount: 0 })
    assert.strictEqual(volume.operations, before)
  })

  it("names file and offset of a value that has rotted, and of the location that leads to it", async () => {
    const volume = closedDatabase()
    volume.rot(VALUES, 64 + VALUE_BYTES + 50, 1)
    const { problems } = await check(volume)
    assert.deepStrictEqual(
      problems.map((it) => [it.file, it.offset]),
      [
        [VALUES, 64 + VALUE_BYTES],
        [VALUES, 64 + VALUE_BYTES]
      ]
    )
  })

  it("reports a segment that is missing or has a bad header", async () => {
    const missing = closedDatabase()
    missing.remove(VALUES)
    assert.deepInclude((await check(missing)).problems[0], { file: VALUES, message: "the value segment is missing" })
    const spoiled = closedDatabase()
    spoiled.rot(VALUES, 33, 1)
    assert.include((await check(spoiled)).problems[0]!.message, "fails its checksum")
  })

  it("reports a page of the index file that has rotted", async () => {
    const volume = closedDatabase()
    const pages = volume.open("data/shop/index.planck", "read").size() / 8192
    // A free page would not be looked into; the last one is in use.
    volume.rot("data/shop/index.planck", (pages - 1) * 8192 + 20, 1)
    const { problems } = await check(volume)
    assert.isTrue(problems.some((it) => it.file === "data/shop/index.planck"))
  })
})
