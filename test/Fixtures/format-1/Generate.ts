/**
 * Makes the golden directories of format 1 anew: `node test/Fixtures/format-1/Generate.ts`.
 *
 * They are history, not a snapshot of today's code: once format 1 is released they are only ever added to. Time and entropy are fixed, so
 * the same build makes the same bytes.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { SimulatedVolume } from "../../../src/Disk/SimulatedVolume.ts"
import type { Transaction } from "../../../src/Storage/Reader.ts"
import { type Database, openDatabase } from "../../Storage/Database.ts"
import { GROWN_THINGS, PEOPLE, person, PERSON_COUNT, thing, THING_COUNT, THINGS } from "./Content.ts"

const DIRECTORY = "data/shop"
/** With this one the last record is torn. */
const CRASH_SEED = 3
/** Small files: the golden directories live in the repository. */
const LIMITS = { logSegmentBytesMax: 16 * 1024, valueSegmentBytesMax: 8 * 1024 }

function commit(database: Database, work: (transaction: Transaction) => void): void {
  const transaction = database.engine.transact()
  work(transaction)
  transaction.commit()
  database.nowMs += 17
}

/** A life with flushes, closed segments, removals, an index that was built later, and a log that is ahead of the index file. */
function live(): Database {
  const database = openDatabase({ seed: 1, limits: LIMITS })
  database.engine.define([THINGS, PEOPLE])
  database.settle()
  const put = (transaction: Transaction, n: number, version: number): void => {
    const { key, bytes } = thing(n, version)
    transaction.put(database.engine.store("things")!, key, bytes, 0)
  }
  for (let n = 0; n < THING_COUNT; n++) commit(database, (transaction) => put(transaction, n, 1))
  commit(database, (transaction) => {
    for (let i = 0; i < PERSON_COUNT; i++) {
      const { key, bytes } = person(`person ${i}`, i)
      transaction.put(database.engine.store("people")!, key, bytes, 0)
    }
  })
  database.engine.freeze()
  database.settle()
  database.engine.define([GROWN_THINGS])
  database.settle()
  for (let n = 0; n < THING_COUNT; n += 8) commit(database, (transaction) => put(transaction, n, 2))
  for (let n = 9; n < THING_COUNT; n += 20)
    commit(database, (transaction) => transaction.delete(database.engine.store("things")!, thing(n, 1).key))
  database.engine.freeze()
  database.settle()
  for (let n = 4; n < THING_COUNT; n += 8) commit(database, (transaction) => put(transaction, n, 2))
  for (let n = 19; n < THING_COUNT; n += 20)
    commit(database, (transaction) => transaction.delete(database.engine.store("things")!, thing(n, 1).key))
  return database
}

function save(volume: SimulatedVolume, path: string, to: string): void {
  for (const name of volume.list(path)) {
    const from = `${path}/${name}`
    const target = join(to, name)
    if (name.startsWith("LOCK")) continue
    if (["wal", "values"].includes(name)) {
      save(volume, from, target)
      continue
    }
    const file = volume.open(from, "read")
    const bytes = new Uint8Array(file.size())
    file.readAt(0, bytes)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, bytes)
  }
}

const home = import.meta.dirname
for (const name of ["after-clean-stop", "after-crash"]) rmSync(join(home, name), { recursive: true, force: true })

const stopped = live()
stopped.close()
save(stopped.volume, DIRECTORY, join(home, "after-clean-stop"))

const crashed = live()
crashed.sync()
commit(crashed, (transaction) => {
  const { key, bytes } = person("nobody", 0)
  transaction.put(crashed.engine.store("people")!, key, bytes, 0)
})
crashed.startSync()
save(crashed.volume.crash(CRASH_SEED), DIRECTORY, join(home, "after-crash"))
