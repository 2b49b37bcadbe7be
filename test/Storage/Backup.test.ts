import { assert, describe, it } from "@effect/vitest"
import { crc32 } from "node:zlib"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import { Backup } from "../../src/Storage/Backup.ts"
import { DocumentView } from "../../src/Storage/Reader.ts"
import { Restore } from "../../src/Storage/Restore.ts"
import { Verify } from "../../src/Storage/Verify.ts"
import type { Work } from "../../src/Storage/Work.ts"
import { Database, openDatabase } from "./Database.ts"
import { Random } from "./Random.ts"
import { ORDERS, orderKey, putOrder } from "./Shop.ts"

const ROUNDS_MAX = 100_000

/** Runs a work to its end; `between` its slices something else happens. */
async function finish<A>(volume: SimulatedVolume, work: Work<A>, between: () => void = () => {}): Promise<A> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const progress = work.step(4096)
    if (progress === "done") return work.result
    between()
    if (progress === "waiting") {
      volume.pump()
      await Promise.resolve()
    }
  }
  throw new Error("the work does not end")
}

const backup = (database: Database, between?: () => void) => {
  database.settle()
  database.engine.freeze(true)
  database.settle()
  const { engine, volume } = database
  return finish(volume, new Backup({ volume, directory: "data/shop", index: engine.index, target: "backups", nowMs: 5 }), between)
}

const restore = (volume: SimulatedVolume, directory: string, number?: number) => {
  const random = new Random(77)
  const which = number === undefined ? {} : { number }
  return finish(
    volume,
    new Restore({ volume, source: "backups", directory, random: (into) => into.set(random.bytes(into.length)), ...which })
  )
}

/** Every order that a database has, by number: its total. */
function totals(database: Database): ReadonlyArray<readonly [number, number]> {
  const { engine } = database
  const snapshot = engine.snapshot()
  const orders = engine.store("orders")!
  const view = new DocumentView()
  const found: Array<readonly [number, number]> = []
  for (let n = 0; n < 200; n++) if (snapshot.get(orders, orderKey(n), 0, view)) found.push([n, view.length])
  snapshot.close()
  return found
}

function write(database: Database, from: number, count: number): void {
  const transaction = database.engine.transact()
  for (let n = from; n < from + count; n++) putOrder(transaction, database.engine.store("orders")!, n, { status: "open", total: n })
  transaction.commit()
}

function filled(): Database {
  const database = openDatabase()
  database.engine.define([ORDERS])
  database.settle()
  write(database, 0, 60)
  return database
}

/** The copy, when what is left of it can be opened. */
function opened(volume: SimulatedVolume): Database | undefined {
  try {
    return openDatabase({ volume, directory: "data/copy" })
  } catch (error) {
    if (error instanceof Fault) return undefined
    throw error
  }
}

describe("a backup", () => {
  it("is of one commit, while writes and flushes go on; restored it is that database on a new timeline", async () => {
    const database = filled()
    database.sync()
    const expected = totals(database)
    let n = 100
    const report = await backup(database, () => {
      if (n >= 140) return
      write(database, n++, 1)
      if (n % 10 === 0) database.engine.freeze()
      database.engine.maintain(1 << 20)
    })
    assert.isAbove(n, 105)
    const restored = await restore(database.volume, "data/copy")
    assert.deepInclude(restored, { lsn: report.lsn, parent: report.timeline, databaseId: report.databaseId })
    assert.notStrictEqual(restored.timeline, report.timeline)
    const checked = await finish(database.volume, new Verify(database.volume, "data/copy"))
    assert.deepStrictEqual(checked.problems, [])
    assert.deepInclude(checked, { documents: 60, lastLsn: report.lsn, timeline: restored.timeline })
    const copy = openDatabase({ volume: database.volume, directory: "data/copy" })
    assert.deepStrictEqual(totals(copy), expected)
    write(copy, 150, 3)
    copy.settle()
    assert.lengthOf(totals(copy.crash(1)), 63)
    assert.lengthOf(totals(copy.reopen()), 63)
  })

  it("copies only what an earlier one does not have, and leaves the earlier one as it was", async () => {
    const database = filled()
    const first = await backup(database)
    write(database, 60, 20)
    const second = await backup(database)
    const third = await backup(database)
    const values = (report: typeof first): number => report.files.slice(1).reduce((sum, it) => sum + it.bytes, 0)
    assert.strictEqual(second.copiedBytes, second.files[0]!.bytes + values(second) - values(first))
    assert.strictEqual(third.copiedBytes, third.files[0]!.bytes)
    assert.deepStrictEqual([first.number, second.number, third.number], [1, 2, 3])
    await restore(database.volume, "data/one", 1)
    await restore(database.volume, "data/two")
    assert.lengthOf(totals(openDatabase({ volume: database.volume, directory: "data/one" })), 60)
    assert.lengthOf(totals(openDatabase({ volume: database.volume, directory: "data/two" })), 80)
  })

  it("has the definitions of stores that have no document yet", async () => {
    const database = openDatabase()
    database.engine.define([ORDERS])
    await backup(database)
    await restore(database.volume, "data/copy")
    assert.isDefined(openDatabase({ volume: database.volume, directory: "data/copy" }).engine.store("orders"))
  })

  it("survives a crash at every operation: the earlier one is whole, and the next one can be taken", async () => {
    for (let failAt = 1; failAt < 60; failAt += 5) {
      const database = filled()
      await backup(database)
      write(database, 60, 20)
      database.settle()
      database.engine.freeze()
      database.settle()
      let operations = 0
      database.volume.failWhen(({ path }) => (path.startsWith("backups") && ++operations > failAt ? "EIO" : undefined))
      const isWhole = await backup(database).then(
        () => true,
        (error: unknown) => {
          if (!(error instanceof Fault)) throw error
          return false
        }
      )
      const volume = database.volume.crash(failAt)
      await restore(volume, "data/one", 1)
      assert.lengthOf(totals(openDatabase({ volume, directory: "data/one" })), 60, `failed at ${failAt}`)
      const again = await backup(new Database({ volume }).open())
      await restore(volume, "data/two", again.number)
      assert.lengthOf(totals(openDatabase({ volume, directory: "data/two" })), 80, `failed at ${failAt}`)
      if (isWhole) break
    }
  })
})

describe("a restore", () => {
  it("refuses a directory that is not empty, a backup that is not there, and one that is not as it was written", async () => {
    const database = filled()
    const report = await backup(database)
    const { volume } = database
    const reasonOf = async (directory: string, number?: number) => {
      try {
        await restore(volume, directory, number)
      } catch (error) {
        if (error instanceof Fault) return error.reason
      }
      return assert.fail("it was restored")
    }
    assert.deepInclude(await reasonOf("data/shop"), { _tag: "TargetTaken", path: "data/shop" })
    assert.deepInclude(await reasonOf("data/x", 9), { _tag: "NoBackup" })
    for (const [index, file] of report.files.entries()) {
      volume.rot(`backups/${file.path}`, 90, 1)
      assert.deepInclude(await reasonOf(`data/rot-${index}`), { _tag: "StorageDamaged", file: `backups/${file.path}` })
      volume.rot(`backups/${file.path}`, 90, 1)
    }
    volume.rot("backups/00000001.json", 20, 1)
    assert.deepInclude(await reasonOf("data/y"), { _tag: "StorageDamaged", file: "backups/00000001.json" })
    // The checksum is right, and what it is of is no manifest.
    for (const text of ["no JSON\n", "null\n", '{"planckBackup":1}\n', '{"planckBackup":1,"files":[{}]}\n']) {
      const manifest = volume.open("backups/00000001.json", "update")
      manifest.truncate(0)
      manifest.writeAt(0, new TextEncoder().encode(`${text}${crc32(text).toString(16).padStart(8, "0")}\n`))
      assert.deepInclude(await reasonOf("data/z"), { _tag: "StorageDamaged", file: "backups/00000001.json" })
    }
  })

  it("that ended early is no database, and says so", async () => {
    const database = filled()
    await backup(database)
    let refused = 0
    for (let failAt = 1; failAt < 60; failAt++) {
      const volume = database.volume.crash(failAt)
      let operations = 0
      volume.failWhen(({ path }) => (path.startsWith("data/copy") && ++operations > failAt ? "EIO" : undefined))
      const isWhole = await restore(volume, "data/copy").then(
        () => true,
        () => false
      )
      const crashed = volume.crash(failAt)
      if (isWhole) {
        assert.lengthOf(totals(openDatabase({ volume: crashed, directory: "data/copy" })), 60)
        return assert.isAbove(refused, 3)
      }
      const begun = crashed.exists("data/copy/values") ? crashed.list("data/copy/values") : []
      const copy = opened(crashed)
      if (copy === undefined) refused++
      else if (copy.engine.store("orders") === undefined) assert.deepStrictEqual(begun, [], `failed at ${failAt}`)
      else assert.lengthOf(totals(copy), 60, `failed at ${failAt}`)
    }
    assert.fail("no restore got to its end")
  })
})
