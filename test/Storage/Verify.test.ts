import { assert, describe, it } from "@effect/vitest"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { type StorageReport, Verify, verify } from "../../src/Storage/Verify.ts"
import { checksum } from "../../src/Wal/Checksum.ts"
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
    const { checkpointLsn, documents, indexEntries, lastLsn, problemCount, problems, stores, values } = await check(volume)
    assert.deepStrictEqual(problems, [])
    assert.deepStrictEqual(
      { checkpointLsn, lastLsn, documents, indexEntries, values, problemCount },
      { checkpointLsn: 3, lastLsn: 3, documents: 40, indexEntries: 80, values: 43, problemCount: 0 }
    )
    assert.deepStrictEqual(
      stores.map(({ indexes, name }) => [name, indexes.map((it) => [it.isReady, it.entries])]),
      [
        [
          "orders",
          [
            [true, 40],
            [true, 40]
          ]
        ]
      ]
    )
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

  it("reports lengths that no value can have, and asks for no memory for them", async () => {
    for (const [length, message] of [
      [0x8000_0000, "an entry ends behind the committed length"],
      [0xffff_ffff, "an entry ends behind the committed length"]
    ] as const) {
      const volume = closedDatabase()
      const bytes = new Uint8Array(4)
      new DataView(bytes.buffer).setUint32(0, length, true)
      volume.open(VALUES, "update").writeAt(64, bytes)
      assert.deepInclude((await check(volume)).problems[0], { file: VALUES, offset: 64, message })
    }
  })

  it("reports a value whose checksum is right and that is no document", async () => {
    const volume = closedDatabase()
    const bytes = new Uint8Array(volume.peek(VALUES))
    const view = new DataView(bytes.buffer)
    const salt = view.getUint32(32, true)
    // The second entry; the first was replaced.
    const at = 64 + VALUE_BYTES
    const length = view.getUint32(at, true)
    // The type of the first element.
    bytes[at + 40 + 4] = 0x77
    view.setUint32(at + 4, checksum(bytes, at + 8, 32 + length, (salt ^ length) >>> 0), true)
    volume.open(VALUES, "update").writeAt(0, bytes)
    const { problems } = await check(volume)
    assert.isTrue(
      problems.some((it) => it.file === VALUES && it.message === "a value of orders is no document"),
      JSON.stringify(problems)
    )
  })

  it("reports a page of the index file that has rotted", async () => {
    const volume = closedDatabase()
    const pages = volume.open("data/shop/index.planck", "read").size() / 8192
    // A free page would not be looked into; the last one is in use.
    volume.rot("data/shop/index.planck", (pages - 1) * 8192 + 20, 1)
    const { problems } = await check(volume)
    assert.isTrue(problems.some((it) => it.file === "data/shop/index.planck"))
  })

  it("knows of every page of the index file whether it is as it was written, also when only the older commit needs it, or nothing", async () => {
    const database = openDatabase({ volume: closedDatabase() })
    for (let total = 0; total < 2; total++) {
      const transaction = database.engine.transact()
      putOrder(transaction, database.engine.store("orders")!, 1, { status: "open", total })
      transaction.commit()
      database.engine.freeze()
      database.settle()
    }
    database.close()
    const whole = database.volume
    const bytes = whole.peek("data/shop/index.planck")
    const kinds = new Set<string>()
    for (let page = 1; page < bytes.length / 8192; page++) {
      const volume = whole.durable()
      volume.rot("data/shop/index.planck", page * 8192 + 4000, 1)
      const { leftovers, problems } = await check(volume)
      const [told] = [...problems, ...leftovers]
      assert.deepInclude(told, { file: "data/shop/index.planck", offset: page * 8192 })
      kinds.add(leftovers.length > 0 ? "a leftover" : /commit before/.test(told!.message) ? "of the commit before" : "in use")
    }
    assert.deepStrictEqual([...kinds].toSorted(), ["a leftover", "in use", "of the commit before"])
  })

  it("reads what only an older segment of the log has, and the zeros behind each value", async () => {
    const database = openDatabase({ limits: { logSegmentBytesMax: 8192 } })
    database.engine.define([ORDERS])
    for (let n = 0; n < 60; n++) {
      const transaction = database.engine.transact()
      putOrder(transaction, database.engine.store("orders")!, n, { status: "open", total: n, note: "n".repeat(n * 4) })
      transaction.commit()
      database.sync()
      if (n % 25 === 0) database.engine.freeze()
    }
    database.settle()
    database.engine.freeze()
    database.settle()
    database.close()
    const { volume } = database
    assert.deepInclude(await check(volume), { problems: [], leftovers: [] })
    const [oldest] = volume.paths().filter((path) => path.endsWith(".wal"))
    const rotten = volume.durable()
    rotten.rot(oldest!, 4096 + 20, 1)
    assert.strictEqual((await check(rotten)).problems[0]?.file, oldest)
    const unpadded = volume.durable()
    const values = Buffer.from(volume.peek(VALUES))
    let at = 64
    while (values.readUInt32LE(at) % 8 === 0) at += (40 + values.readUInt32LE(at) + 7) & ~7
    unpadded.rot(VALUES, at + 40 + values.readUInt32LE(at), 1)
    assert.match((await check(unpadded)).problems[0]!.message, /zeros/)
  })

  it("tells of a meta that is torn, as a power cut may leave it, and of damage only when the other is too", async () => {
    const volume = closedDatabase()
    volume.rot("data/shop/index.planck", 20, 1)
    const torn = await check(volume)
    assert.deepStrictEqual(torn.problems, [])
    assert.strictEqual(torn.fallback, "meta at offset 0: the meta does not match its checksum")
    volume.rot("data/shop/index.planck", 4096 + 20, 1)
    assert.isAbove((await check(volume)).problemCount, 0)
  })

  it("accounts for every byte of the directory, and names files that are nobody's", async () => {
    const volume = closedDatabase()
    const { space } = await check(volume)
    const files = [
      "index.planck",
      "definitions.planck",
      ...["wal", "values"].flatMap((name) => volume.list(`data/shop/${name}`).map((file) => `${name}/${file}`))
    ]
    const sizes = files.map((name) => volume.open(`data/shop/${name}`, "read").size())
    assert.strictEqual(
      space.indexBytes + space.valueBytes + space.logBytes + space.unfinishedBytes,
      sizes.reduce((sum, size) => sum + size, 0)
    )
    assert.deepStrictEqual([space.liveValueBytes, space.strangers], [40 * VALUE_BYTES, []])
    volume.open("data/shop/values/notes.txt", "create")
    assert.deepStrictEqual((await check(volume)).space.strangers, ["data/shop/values/notes.txt"])
  })

  it("knows the file that keeps room on the disk", async () => {
    const database = openDatabase({ limits: { reserveBytes: 64 * 1024 } })
    database.engine.define([ORDERS])
    database.settle().close()
    const { space } = await check(database.volume)
    assert.deepStrictEqual([space.reserveBytes, space.strangers], [64 * 1024, []])
  })

  it("reads the log behind the checkpoint: its newest commit, a torn tail, a record that has rotted", async () => {
    const database = openDatabase()
    database.engine.define([ORDERS])
    database.settle()
    const orders = database.engine.store("orders")!
    for (let n = 0; n < 5; n++) {
      const transaction = database.engine.transact()
      putOrder(transaction, orders, n, { status: "open", total: n })
      transaction.commit()
      database.settle()
    }
    const { volume } = database
    const sound = await check(volume)
    assert.deepInclude(sound, { checkpointLsn: 0, lastLsn: 6, problemCount: 0 })
    const log = `data/shop/wal/${volume.list("data/shop/wal").find((name) => name.endsWith(".wal"))!}`
    const record = (lsn: number): number => offsetsOf(volume, log)[lsn - 1]!
    volume.rot(log, record(6) + 20, 1)
    const { problems, tornTail } = await check(volume)
    assert.deepStrictEqual(problems, [])
    assert.deepInclude(tornTail, { fromLsn: 6, file: log, offset: record(6) })
    volume.rot(log, record(3) + 60, 1)
    const damaged = (await check(volume)).problems
    assert.deepStrictEqual(
      damaged.map((it) => [it.file, it.offset]),
      [[log, record(3)]]
    )
  })

  it("reports an index file that is missing or cannot be opened at all", async () => {
    const missing = closedDatabase()
    missing.remove("data/shop/index.planck")
    assert.deepInclude((await check(missing)).problems[0], {
      file: "data/shop/index.planck",
      offset: 0,
      message: "the index file is missing"
    })
    const spoiled = closedDatabase()
    for (const meta of [0, 4096]) spoiled.rot("data/shop/index.planck", meta + 70, 1)
    const { problems } = await check(spoiled)
    assert.strictEqual(problems.length, 1)
    assert.match(problems[0]!.message, /meta/)
  })

  it("goes in slices, each about as long as its budget", async () => {
    const work = new Verify(closedDatabase(), "data/shop")
    let slices = 0
    for (let progress = work.step(1024); progress !== "done"; progress = work.step(1024)) {
      slices++
      if (progress === "waiting") await Promise.resolve()
    }
    assert.isAbove(slices, 10)
    assert.strictEqual(work.result.problemCount, 0)
  })
})

/** Where the records of a segment begin. */
function offsetsOf(volume: SimulatedVolume, path: string): ReadonlyArray<number> {
  const file = volume.open(path, "read")
  const bytes = new Uint8Array(file.size())
  file.readAt(0, bytes)
  const view = new DataView(bytes.buffer)
  const offsets: Array<number> = []
  for (
    let at = 4096;
    at + 56 <= bytes.length && view.getUint32(at, true) === 0x43525057;
    at += Math.ceil(view.getUint32(at + 4, true) / 8) * 8
  )
    offsets.push(at)
  return offsets
}
