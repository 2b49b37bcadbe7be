import { assert, describe, it } from "@effect/vitest"
import type { Root } from "../../src/Index/Version.ts"
import { PLACE_BYTES, PlaceTable } from "../../src/Storage/PlaceTable.ts"
import type { Place } from "../../src/Storage/Reader.ts"
import { Random } from "./Random.ts"

const root = (page: number): Root => ({ page, checksum: 0, level: 0, entries: 1, pages: 1 })
const nowhere = (): Place => ({ segment: 0, offset: 0, lsn: 0, length: 0 })

function keyOf(number: number): Uint8Array {
  const key = new Uint8Array(16)
  new DataView(key.buffer).setUint32(12, number)
  return key
}

describe("PlaceTable", () => {
  it("tells a place as it was added, beyond four gigabytes too", () => {
    const table = new PlaceTable(1024 * PLACE_BYTES)
    const roots = [root(1)]
    const place: Place = { segment: 4_000_000_000, offset: 2 ** 40 + 5, lsn: 2 ** 52 + 1, length: 16 * 1024 * 1024 }
    const key = new Uint8Array(20).fill(0xfe)
    assert.isFalse(table.find(roots, 7, key, 3, nowhere()))
    table.add(roots, 7, key, 3, place)
    const found = nowhere()
    assert.isTrue(table.find(roots, 7, key, 4, found))
    assert.deepStrictEqual(found, place)
  })

  it("knows nothing of another tree, of another list of roots, or of another key", () => {
    const table = new PlaceTable(1024 * PLACE_BYTES)
    const roots = [root(1)]
    table.add(roots, 7, keyOf(1), 0, { segment: 1, offset: 2, lsn: 3, length: 4 })
    assert.isFalse(table.find(roots, 8, keyOf(1), 0, nowhere()))
    assert.isFalse(table.find([root(1)], 7, keyOf(1), 0, nowhere()))
    assert.isFalse(table.find(roots, 7, keyOf(2), 0, nowhere()))
    assert.isTrue(table.find(roots, 7, keyOf(1), 0, nowhere()))
  })

  it("never tells what was not added last, whatever it forgets, and remembers most of what there is room for", () => {
    const random = new Random(11)
    const table = new PlaceTable(4096 * PLACE_BYTES)
    const lists = [[root(1)], [root(1), root(2)], [root(3)]]
    const model = new Map<string, number>()
    let asked = 0
    let known = 0
    for (let step = 0; step < 200_000; step++) {
      const list = random.below(100) === 0 ? random.below(lists.length) : 0
      const tree = 1 + random.below(2)
      const number = random.below(700)
      const name = `${list} ${tree} ${number}`
      if (random.below(10) === 0) {
        table.add(lists[list]!, tree, keyOf(number), 0, { segment: 1, offset: step, lsn: step, length: 1 })
        model.set(name, step)
        continue
      }
      const found = nowhere()
      const isKnown = table.find(lists[list]!, tree, keyOf(number), 0, found)
      if (isKnown) assert.strictEqual(found.offset, model.get(name))
      if (list > 0 || !model.has(name)) continue
      asked++
      if (isKnown) known++
    }
    assert.isAbove(known / asked, 0.8)
  })

  it("keeps nothing without room", () => {
    const table = new PlaceTable(0)
    const roots = [root(1)]
    table.add(roots, 1, keyOf(1), 0, { segment: 1, offset: 1, lsn: 1, length: 1 })
    assert.isFalse(table.find(roots, 1, keyOf(1), 0, nowhere()))
  })

  it("rests while a large store is asked for evenly, and is there again for what is asked for often", () => {
    const random = new Random(12)
    const table = new PlaceTable(1024 * PLACE_BYTES)
    const roots = [root(1)]
    const place: Place = { segment: 1, offset: 2, lsn: 3, length: 4 }
    const read = (number: number): boolean => {
      if (table.find(roots, 1, keyOf(number), 0, nowhere())) return true
      table.add(roots, 1, keyOf(number), 0, place)
      return false
    }
    let forgotten = 0
    for (let step = 0; step < 20_000; step++) {
      const number = random.below(1_000_000)
      read(number)
      if (!read(number)) forgotten++
    }
    assert.isBelow(forgotten, 100, "half of what is asked for was found, so it goes on")
    for (let step = 0; step < 20_000; step++) read(random.below(1_000_000))
    const number = 7_000_000
    assert.isFalse(read(number) || read(number), "nothing is noted meanwhile")
    let found = 0
    for (let step = 0; step < 20_000; step++) if (read(random.below(200))) found++
    assert.isAbove(found, 12_000)
  })
})
