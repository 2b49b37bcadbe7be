import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { DocumentView, type Reader, type Store } from "../../src/Storage/Reader.ts"
import { finalVersion, GROWN_THINGS, PEOPLE, person, PERSON_COUNT, thing, THING_COUNT } from "../Fixtures/format-1/Content.ts"
import { Database } from "./Database.ts"

const HOME = join(import.meta.dirname, "../Fixtures/format-1")
const DIRECTORY = "data/shop"

/** Copies a golden directory to a fresh volume, for opening writes. */
function load(name: string): SimulatedVolume {
  const volume = new SimulatedVolume({ seed: 1 })
  const copy = (from: string, to: string): void => {
    volume.makeDirectory(to)
    for (const entry of readdirSync(from)) {
      if (statSync(join(from, entry)).isDirectory()) copy(join(from, entry), `${to}/${entry}`)
      else volume.open(`${to}/${entry}`, "create").writeAt(0, readFileSync(join(from, entry)))
    }
  }
  copy(join(HOME, name), DIRECTORY)
  volume.pumpAll()
  return volume
}

function assertDocument(reader: Reader, store: Store, key: Uint8Array, expected: Uint8Array | undefined, message: string): void {
  const view = new DocumentView()
  const isThere = reader.get(store, key, 0, view)
  assert.strictEqual(isThere, expected !== undefined, message)
  if (expected === undefined) return
  assert.isTrue(Buffer.from(view.bytes.subarray(view.at, view.at + view.length)).equals(expected), message)
}

function assertContent(database: Database): void {
  const { engine } = database
  assert.deepStrictEqual(engine.store("things")!.definition, GROWN_THINGS)
  assert.deepStrictEqual(engine.store("people")!.definition, PEOPLE)
  const reader = engine.snapshot()
  const things = engine.store("things")!
  const left: Array<number> = []
  for (let n = 0; n < THING_COUNT; n++) {
    const version = finalVersion(n)
    if (version !== -1) left.push(n)
    const { key, bytes } = thing(n, Math.max(version, 1))
    assertDocument(reader, things, key, version === -1 ? undefined : bytes, `thing ${n}`)
  }
  for (let i = 0; i < PERSON_COUNT; i++) {
    const { key, bytes } = person(`person ${i}`, i)
    assertDocument(reader, engine.store("people")!, key, bytes, `person ${i}`)
  }
  for (const index of things.indexes) {
    if (!index.ready) continue
    const cursor = reader.entries(index, undefined, 1)
    const seen: Array<number> = []
    while (cursor.next()) seen.push(cursor.entry.bytes[cursor.entry.at + cursor.entry.length - 1]!)
    assert.deepStrictEqual(
      seen.toSorted((a, b) => a - b),
      left,
      index.definition.name
    )
  }
  reader.close()
}

describe("a directory of format 1", () => {
  for (const name of ["after-clean-stop", "after-crash"]) {
    it(`opens ${name.replaceAll("-", " ")} with everything in it, and can be written to`, () => {
      const database = new Database({ volume: load(name) }).open()
      assertContent(database)
      database.settle()
      assert.isTrue(database.engine.store("things")!.indexes.every((it) => it.ready))
      database.engine.freeze()
      database.settle()
      assertContent(database.reopen())
    })
  }

  it("holds what it is meant to hold: a flushed part, closed value segments, and a log that goes on from there", () => {
    const database = new Database({ volume: load("after-clean-stop") }).open()
    assert.isAbove(database.engine.report.replayed, 0)
    assert.isBelow(database.engine.report.replayed, database.engine.lastLsn)
    assert.isAbove(readdirSync(join(HOME, "after-clean-stop/values")).length, 1)
    assert.isUndefined(database.engine.report.cut)
    const crashed = new Database({ volume: load("after-crash") }).open()
    assert.deepInclude(crashed.engine.report.cut, { fromLsn: 86, toLsn: 86, offset: 14_280 })
  })
})
