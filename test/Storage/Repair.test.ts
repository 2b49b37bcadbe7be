import { assert, describe, it } from "@effect/vitest"
import { createHash } from "node:crypto"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import { Opening } from "../../src/Storage/Opening.ts"
import { discardRepair, Repair } from "../../src/Storage/Repair.ts"
import type { RepairReport } from "../../src/Storage/RepairReport.ts"
import { RepairSwap } from "../../src/Storage/RepairSwap.ts"
import { Verify } from "../../src/Storage/Verify.ts"
import type { Work } from "../../src/Storage/Work.ts"
import { type Database, openDatabase } from "./Database.ts"
import { Random } from "./Random.ts"
import { CUSTOMERS, listIndex, listOrders, ORDERS, putOrder } from "./Shop.ts"

const DIRECTORY = "data/shop"
const ROUNDS_MAX = 100_000
const LIMITS = { valueSegmentBytesMax: 4096, logSegmentBytesMax: 8192, indexCacheBytesMax: 512 * 1024 }

/** Runs a work to its end. */
async function finish<A>(volume: SimulatedVolume, work: Work<A>): Promise<A> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const progress = work.step(4096)
    if (progress === "done") return work.result
    if (progress === "waiting") {
      volume.pump()
      await Promise.resolve()
    }
  }
  throw new Error("the work does not end")
}

const made = (volume: SimulatedVolume, keepsUncertain = false) => {
  const random = new Random(77)
  const options = { volume, directory: DIRECTORY, random: (into: Uint8Array) => into.set(random.bytes(into.length)), keepsUncertain }
  return finish(volume, new Repair(options))
}

/** Repairs what is damaged, and checks that it is whole then. */
async function repaired(volume: SimulatedVolume, keepsUncertain = false): Promise<{ report: RepairReport; database: Database }> {
  const { plan, report } = await made(volume, keepsUncertain)
  await finish(volume, new RepairSwap(volume, DIRECTORY, plan))
  const database = openDatabase({ volume, directory: DIRECTORY, limits: LIMITS })
  database.settle()
  database.engine.freeze(true)
  database.settle()
  database.close()
  const { problems, space } = await finish(volume, new Verify(volume, DIRECTORY))
  assert.deepStrictEqual(problems, [])
  assert.deepStrictEqual(space.strangers, [])
  return { report, database: openDatabase({ volume, directory: DIRECTORY, limits: LIMITS }) }
}

/** Everything that can be read of the orders; every index has to say the same as the documents. */
function contents(database: Database): ReadonlyArray<string> {
  const { engine } = database
  const snapshot = engine.snapshot()
  const orders = engine.store("orders")
  if (orders === undefined) return []
  const listed = listOrders(snapshot, orders)
  for (const { definition, ready } of orders.indexes) {
    assert.isTrue(ready)
    assert.lengthOf(listIndex(snapshot, orders, definition.name), listed.length)
  }
  snapshot.close()
  return listed
}

function write(database: Database, numbers: Iterable<number>, status: string): void {
  const transaction = database.engine.transact()
  for (const n of numbers) putOrder(transaction, database.engine.store("orders")!, n, { status, total: n, note: "x".repeat(50) })
  transaction.commit()
  database.sync()
}

function remove(database: Database, numbers: Iterable<number>): void {
  const transaction = database.engine.transact()
  const orders = database.engine.store("orders")!
  for (const n of numbers) transaction.delete(orders, keyOf(n))
  transaction.commit()
  database.sync()
}

function keyOf(n: number): Uint8Array {
  const key = new Uint8Array(16)
  key[6] = 0x70
  new DataView(key.buffer).setUint32(2, n)
  return key
}

function flush(database: Database): void {
  database.engine.freeze(true)
  database.settle()
}

const range = (from: number, until: number): ReadonlyArray<number> => Array.from({ length: until - from }, (_, at) => from + at)

/**
 * A life: several flushes (so the log of the first ones is gone), documents replaced and removed in the value log, and then, in the log alone,
 * others written, replaced and removed.
 */
function lived(): { volume: SimulatedVolume; expected: ReadonlyArray<string> } {
  const database = openDatabase({ directory: DIRECTORY, limits: LIMITS })
  database.engine.define([ORDERS])
  database.settle()
  write(database, range(0, 120), "open")
  flush(database)
  write(database, range(40, 60), "paid")
  remove(database, range(60, 80))
  flush(database)
  write(database, range(120, 150), "open")
  remove(database, range(0, 5))
  flush(database)
  write(database, range(20, 25), "sent")
  database.engine.define([CUSTOMERS])
  write(database, range(150, 170), "late")
  remove(database, [30, 31, 155])
  database.settle()
  const expected = contents(database)
  database.close()
  return { volume: database.volume.durable(), expected }
}

const segments = (volume: SimulatedVolume): ReadonlyArray<string> =>
  volume.list(`${DIRECTORY}/values`).map((name) => `${DIRECTORY}/values/${name}`)

const logs = (volume: SimulatedVolume): ReadonlyArray<string> =>
  volume.list(`${DIRECTORY}/wal`).flatMap((name) => (name.endsWith(".wal") ? [`${DIRECTORY}/wal/${name}`] : []))

const index = `${DIRECTORY}/index.planck`

/** Pages of the index file, the metas' left out. */
const pages = (volume: SimulatedVolume): ReadonlyArray<number> => range(1, volume.peek(index).length / 8192)

const numbersOf = (orders: ReadonlyArray<string>): ReadonlyArray<number> => orders.map((it) => Number(it.split(":")[0]))

describe("a repair", () => {
  it("makes a lost index file anew from value log and log: everything is there, and what was removed stays so", async () => {
    const { expected, volume } = lived()
    volume.remove(index)
    const { database, report } = await repaired(volume)
    assert.deepStrictEqual(contents(database), expected)
    assert.isTrue(report.isWhole)
    assert.strictEqual(report.definitions, "copy")
    assert.deepStrictEqual([report.values, report.log, report.lostStores], [[], [], []])
    assert.deepStrictEqual(
      report.stores.map(({ documents, from, lost, name }) => ({ name, documents, from, lost: lost.count })),
      [
        { name: "orders", documents: expected.length, from: "values", lost: 0 },
        { name: "customers", documents: 0, from: "values", lost: 0 }
      ]
    )
  })

  it("goes on behind everything that was committed, on a new timeline, and can be repaired again", async () => {
    const { expected, volume } = lived()
    volume.remove(index)
    const first = await repaired(volume)
    assert.notStrictEqual(first.report.timeline, first.report.parent)
    assert.isAtLeast(first.database.engine.lastLsn, first.report.lsn)
    write(first.database, [500], "new")
    remove(first.database, [100])
    flush(first.database)
    first.database.close()
    const again = first.database.volume.durable()
    again.remove(index)
    const second = await repaired(again)
    assert.isTrue(second.report.isWhole)
    assert.strictEqual(second.report.parent, first.report.timeline)
    const after = [...expected.filter((it) => !it.startsWith("100:")), "500:new:500"]
    assert.deepStrictEqual(contents(second.database), after)
  })

  it("loses nothing when a meta, both metas or any page of the index file is damaged", async () => {
    const { expected, volume } = lived()
    const damages = [[20], [4096 + 20], [20, 4096 + 20], ...pages(volume).flatMap((page) => (page % 3 === 0 ? [[page * 8192 + 40]] : []))]
    for (const offsets of damages) {
      const damaged = volume.durable()
      for (const offset of offsets) damaged.rot(index, offset, 4)
      const { database, report } = await repaired(damaged)
      assert.deepStrictEqual(contents(database), expected, `${offsets}`)
      assert.isTrue(report.isWhole)
    }
  })

  it("names every document that was in a value segment that is gone or damaged, keeps the others, and brings no older version back", async () => {
    const { expected, volume } = lived()
    const whole = openDatabase({ volume: volume.durable(), directory: DIRECTORY, limits: LIMITS })
    assert.deepStrictEqual(contents(whole), expected)
    for (const [place, path] of segments(volume).entries()) {
      const size = volume.peek(path).length
      const damages: ReadonlyArray<(damaged: SimulatedVolume) => void> = [
        (it) => it.open(path, "update").truncate(size >> 1),
        (it) => it.rot(path, 64 + 50, 1),
        (it) => it.rot(path, size >> 1, 16),
        (it) => it.rot(path, 3, 1)
      ]
      for (const damage of [(it: SimulatedVolume) => it.remove(path), damages[place % damages.length]!]) {
        const damaged = volume.durable()
        damage(damaged)
        const { database, report } = await repaired(damaged)
        const lost = new Set(report.stores[0]!.lost.listed.map(({ key }) => Number.parseInt(key.slice(4, 12), 16)))
        assert.strictEqual(lost.size, report.stores[0]!.lost.count)
        assert.deepStrictEqual(
          contents(database),
          expected.filter((it) => !lost.has(Number(it.split(":")[0])))
        )
        assert.isAbove(report.values.length, 0)
        assert.isTrue(report.values.every((it) => it.file === path))
        assert.strictEqual(report.isWhole, lost.size === 0)
        for (const { file } of report.stores[0]!.lost.listed) assert.strictEqual(file, path)
        // Nor does it after the index file was lost as well.
        const before = contents(database)
        database.close()
        const again = database.volume.durable()
        again.remove(index)
        const second = await repaired(again)
        assert.deepStrictEqual(contents(second.database), before)
      }
    }
  })

  it("says which commits of a damaged log are lost, where they were, and keeps the others", async () => {
    const { expected, volume } = lived()
    const damaged = volume.durable()
    // The body of the record that sent 20 to 24 is the first that the checkpoint does not have.
    const places = logs(volume).map((path) => ({ path, at: new TextDecoder("latin1").decode(volume.peek(path)).indexOf("sent") }))
    const { at, path: last } = places.find((it) => it.at > 0)!
    const size = volume.peek(last).length
    damaged.rot(last, at, 1)
    const { database, report } = await repaired(damaged)
    assert.lengthOf(report.log, 1)
    const gap = report.log[0]!
    assert.strictEqual(gap.file, last)
    assert.isTrue(gap.offset < at && at < gap.offset + gap.bytes && gap.offset + gap.bytes <= size)
    assert.strictEqual(gap.fromLsn, gap.toLsn)
    assert.deepStrictEqual(
      contents(database),
      expected.map((it) => it.replace(":sent:", ":open:"))
    )
    assert.deepStrictEqual(report.stores[0]!.lost, { count: 0, listed: [] })
    assert.isFalse(report.isWhole)
  })

  it("says that the log is gone when it is", async () => {
    const { expected, volume } = lived()
    for (const path of logs(volume)) volume.remove(path)
    const { database, report } = await repaired(volume)
    assert.isTrue(report.isLogMissing)
    const numbers = numbersOf(contents(database))
    assert.includeMembers([...numbers], [30, 31])
    assert.notIncludeMembers([...numbers], [...range(0, 5), ...range(60, 80), ...range(150, 170)])
    assert.isBelow(numbers.length, expected.length)
  })

  it("sets documents aside that may have been removed by what cannot be read, when the index file is lost too", async () => {
    const { expected, volume } = lived()
    volume.rot(segments(volume)[1]!, 64 + 50, 1)
    volume.rot(index, 20, 1)
    volume.rot(index, 4096 + 20, 1)
    const { database, report } = await repaired(volume.durable())
    const { uncertain } = report.stores[0]!
    assert.isAbove(uncertain.count, 0)
    // What the log tells is certain.
    assert.includeMembers(
      [...contents(database)],
      expected.filter((it) => it.includes(":late:") || it.includes(":sent:"))
    )
    assert.isEmpty(contents(database).filter((it) => !expected.includes(it)))
    assert.isAbove(database.volume.peek(`${DIRECTORY}/${uncertain.file}`).length, uncertain.count * 50)
    const kept = await repaired(volume.durable(), true)
    assert.isAtLeast(contents(kept.database).length, expected.length - 1)
  })

  it("sets the documents of a store aside whose definition is nowhere", async () => {
    const { volume } = lived()
    for (const path of [index, `${DIRECTORY}/definitions.planck`, ...logs(volume)]) volume.remove(path)
    const { database, report } = await repaired(volume)
    assert.strictEqual(report.definitions, "log")
    assert.lengthOf(report.lostStores, 1)
    assert.isAbove(report.lostStores[0]!.documents, 100)
    assert.isUndefined(database.engine.store("orders"))
  })

  it("leaves out what was never acknowledged", async () => {
    const database = openDatabase({ directory: DIRECTORY, limits: LIMITS })
    database.engine.define([ORDERS])
    database.settle()
    write(database, range(0, 10), "open")
    const expected = contents(database)
    const volume = database.volume.durable()
    const [log] = logs(volume)
    const bytes = volume.peek(log!)
    const end = bytes.findLastIndex((byte) => byte !== 0) + 1
    const torn = Uint8Array.from({ length: 100 }, (_, at) => at + 1)
    volume.open(log!, "update").writeAt((end + 7) & ~7, torn)
    volume.rot(index, 20, 1)
    volume.rot(index, 4096 + 20, 1)
    const { database: after, report } = await repaired(volume)
    assert.deepStrictEqual(contents(after), expected)
    assert.isTrue(report.isWhole)
  })

  it("changes nothing until it is wanted", async () => {
    const { volume } = lived()
    volume.remove(index)
    const before = volume.paths().map((path) => [path, Buffer.from(volume.peek(path)).toString("base64")])
    discardRepair(volume, await made(volume))
    assert.deepStrictEqual(
      volume.paths().map((path) => [path, Buffer.from(volume.peek(path)).toString("base64")]),
      before
    )
  })

  it("keeps every damaged file under another name", async () => {
    const { volume } = lived()
    volume.rot(index, 20, 1)
    volume.rot(index, 4096 + 20, 1)
    const damaged = volume.peek(index)
    const log = logs(volume).map((path) => hash(volume.peek(path)))
    const { report } = await repaired(volume)
    assert.isTrue(Buffer.from(volume.peek(`${index}.damaged-1`)).equals(damaged))
    assert.deepStrictEqual(
      report.setAside.filter((it) => it.startsWith("wal/")).map((it) => hash(volume.peek(`${DIRECTORY}/${it}`))),
      log
    )
  })

  it("survives a loss of power between any two operations: it is as before, or waits to be ended, or done", async () => {
    const { expected, volume } = lived()
    volume.rot(segments(volume)[0]!, 64 + 50, 1)
    volume.rot(index, 20, 1)
    volume.rot(index, 4096 + 20, 1)
    const probe = volume.durable()
    const { plan } = await made(probe)
    const before = probe.durable()
    let operations = 0
    before.onOperation(() => operations++)
    await finish(before, new RepairSwap(before, DIRECTORY, plan))
    const seen = new Set<string>()
    for (let stop = 1; stop <= operations + 1; stop++) {
      const disk = probe.durable()
      let count = 0
      let crashed: SimulatedVolume | undefined
      disk.onOperation(() => {
        if (++count === stop) crashed ??= disk.crash(stop)
      })
      await finish(disk, new RepairSwap(disk, DIRECTORY, plan))
      const left = crashed ?? disk.crash(stop)
      const isOpen = await opens(left)
      const isEnded = await finish(left, new RepairSwap(left, DIRECTORY))
      seen.add(`${isOpen} ${isEnded}`)
      assert.isFalse(isOpen && isEnded)
      const database =
        isEnded || isOpen ? openDatabase({ volume: left, directory: DIRECTORY, limits: LIMITS }) : (await repaired(left)).database
      database.settle()
      const numbers = contents(database)
      assert.isEmpty(numbers.filter((it) => !expected.includes(it)))
      assert.isAbove(numbers.length, 20)
    }
    assert.deepStrictEqual([...seen].toSorted(), ["false false", "false true", "true false"])
  })
})

/** Whether a copy of the directory can be opened. */
async function opens(volume: SimulatedVolume): Promise<boolean> {
  const options = { volume: volume.durable(), directory: DIRECTORY, limits: LIMITS }
  const none = (): never => assert.fail("nothing is to be reported")
  const opening = new Opening({ ...options, now: () => 1, random: () => {}, schedule: (task) => queueMicrotask(task), report: none })
  try {
    for (;;) {
      const progress = opening.step(1 << 20)
      if (progress === "done") return true
      if (progress === "waiting") options.volume.pump()
      await Promise.resolve()
    }
  } catch (error) {
    if (error instanceof Fault) return false
    throw error
  }
}

/** The bytes of a file, short. */
function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}
