import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Disk } from "../../src/Disk/Disk.ts"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { dumpFolder, loadFolder } from "../../src/Exchange/DumpFolder.ts"
import { ExchangeError } from "../../src/Exchange/Errors.ts"
import type { Query } from "../../src/Query/Query.ts"
import type { Storage } from "../../src/Storage/Storage.ts"
import { Random } from "../Storage/Random.ts"
import { dumped, insert, onDatabase, thing, THINGS } from "./Things.ts"

const NOTES = { name: "notes", idKind: "key", schema: { n: { type: "int" } }, indexes: [] } as const

const on = <A, E>(volume: SimulatedVolume, program: Effect.Effect<A, E, Storage | Query | Disk>, stores = [THINGS, NOTES]) =>
  onDatabase(volume, Effect.provideService(program, Disk, Disk.over(volume)), stores)

const newDisk = (seed: number): SimulatedVolume => new SimulatedVolume({ seed, syncs: "automatic" })

/** Copies a folder from one volume to another. */
function carry(from: SimulatedVolume, to: SimulatedVolume, folder: string): void {
  to.makeDirectory(folder)
  for (const name of from.list(folder)) {
    const source = from.open(`${folder}/${name}`, "read")
    const bytes = new Uint8Array(source.size())
    source.readAt(0, bytes)
    to.open(`${folder}/${name}`, "create").writeAt(0, bytes)
  }
}

async function filled(seed: number): Promise<SimulatedVolume> {
  const volume = newDisk(seed)
  const random = new Random(seed)
  await on(volume, insert(Array.from({ length: 30 }, (_, n) => thing(random, n))))
  return volume
}

describe("a dump folder", () => {
  it("makes an empty database what the dumped one was, stores and indexes included", async () => {
    const volume = await filled(1)
    const manifest = await on(volume, dumpFolder({ folder: "dump", format: "ndjson" }))
    assert.deepStrictEqual(
      manifest.stores.map(({ file, rows }) => [file, rows]),
      [
        ["things.ndjson", 30],
        ["notes.ndjson", 0]
      ]
    )
    const other = newDisk(2)
    carry(volume, other, "dump")
    const reports = await on(other, loadFolder({ folder: "dump" }), [])
    assert.deepStrictEqual(
      reports.map(([store, report]) => [store, report.inserted]),
      [
        ["things", 30],
        ["notes", 0]
      ]
    )
    assert.deepStrictEqual(await on(other, dumped("bson"), []), await on(volume, dumped("bson")))
  })

  it("that was not finished is gone on with, wherever it ended", async () => {
    const whole = await filled(3)
    await on(whole, dumpFolder({ folder: "dump", format: "csv" }))
    const expected = whole.open("dump/things.csv", "read").size()
    let unfinished = 0
    for (let failAt = 1; failAt <= 16; failAt++) {
      const volume = await filled(3)
      let operations = 0
      volume.failWhen(({ path }) => (path.startsWith("dump") && ++operations > failAt ? "EIO" : undefined))
      if (Exit.isFailure(await on(volume, Effect.exit(dumpFolder({ folder: "dump", format: "csv" }))))) unfinished++
      const crashed = volume.crash(failAt)
      const manifest = await on(crashed, dumpFolder({ folder: "dump", format: "csv" }))
      assert.isTrue(manifest.stores.length === 2 && manifest.stores.every((it) => it.isComplete), `failed at ${failAt}`)
      assert.strictEqual(crashed.open("dump/things.csv", "read").size(), expected, `failed at ${failAt}`)
      await on(crashed, loadFolder({ folder: "dump" }))
    }
    assert.isAbove(unfinished, 8)
  })

  it("that is damaged loads nothing, and says which file is not as it was written", async () => {
    const volume = await filled(4)
    await on(volume, dumpFolder({ folder: "dump", format: "bson" }))
    const damages: ReadonlyArray<readonly [(disk: SimulatedVolume) => void, string]> = [
      [(disk) => disk.rot("dump/things.bson", 100, 4), "dump/things.bson"],
      [(disk) => disk.open("dump/things.bson", "update").truncate(99), "dump/things.bson"],
      [(disk) => disk.remove("dump/notes.bson"), "dump/notes.bson"],
      [(disk) => disk.open("dump/dump.json", "update").truncate(50), "dump/dump.json"]
    ]
    for (const [damage, file] of damages) {
      const other = newDisk(5)
      carry(volume, other, "dump")
      damage(other)
      const error = await on(other, Effect.flip(loadFolder({ folder: "dump" })), [])
      assert.isTrue(error instanceof ExchangeError)
      assert.deepInclude((error as ExchangeError).reason, { _tag: "DumpDamaged", file })
      await on(other, Effect.flip(dumped("bson")), [])
    }
  })

  it("whose manifest is JSON and no manifest loads nothing, and says so", async () => {
    for (const text of ["null", "5", '{"planckDump":1,"lsn":1,"format":"bson","stores":[null]}']) {
      const volume = newDisk(7)
      volume.makeDirectory("dump")
      volume.open("dump/dump.json", "create").writeAt(0, new TextEncoder().encode(text))
      const error = await on(volume, Effect.flip(loadFolder({ folder: "dump" })), [])
      assert.deepInclude((error as ExchangeError).reason, { _tag: "DumpDamaged", file: "dump/dump.json" })
    }
  })

  it("of another moment, or with anything else in it, is not written over", async () => {
    const volume = await filled(6)
    await on(volume, dumpFolder({ folder: "dump", format: "bson" }))
    await on(volume, insert([thing(new Random(9), 99)]))
    assert.match((await on(volume, Effect.flip(dumpFolder({ folder: "dump", format: "bson" })))).message, /another moment/)
    volume.makeDirectory("mine")
    volume.open("mine/letter.txt", "create")
    assert.match((await on(volume, Effect.flip(dumpFolder({ folder: "mine", format: "bson" })))).message, /letter\.txt: .*has to be empty/)
  })
})
