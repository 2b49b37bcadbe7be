import { assert, describe, it } from "@effect/vitest"
import { MemoryVolume } from "../../src/Disk/MemoryVolume.ts"
import { Random } from "../../src/Disk/Random.ts"
import { FreePages } from "../../src/Index/FreePages.ts"
import { PAGE_BYTES } from "../../src/Index/Layout.ts"
import { copyKey, entryCount, findChild, findSlot } from "../../src/Index/Page.ts"
import { PageBuilder } from "../../src/Index/PageBuilder.ts"
import { PageCache } from "../../src/Index/PageCache.ts"
import { PageFrames } from "../../src/Index/PageFrames.ts"
import { PageRun } from "../../src/Index/PageRun.ts"
import { shapes, toBytes, toText } from "./Fixture.ts"

/** Pages of one level with these keys (and no values), and where their runs begin. */
function build(keys: ReadonlyArray<string>, level: number): { run: PageRun; counts: Array<number>; separators: Array<string> } {
  const file = new MemoryVolume().open("pages", "create")
  const free = new FreePages("pages", 1, 128)
  const run = new PageRun(file, new PageCache(file, 1, new PageFrames(1)), free, 1)
  const counts: Array<number> = []
  const separators: Array<string> = []
  const builder = new PageBuilder(run, level, (separator, length) => {
    separators.push(toText(separator, 0, length))
    counts.push(entryCount(run.memory.bytes, run.base()))
  })
  builder.begin(1, 1)
  if (level === 0) builder.startRun(new Uint8Array(0), 0)
  for (const key of keys) {
    const bytes = toBytes(key)
    if (level === 0) builder.add(bytes, 0, bytes.length, bytes, 0, 0, false)
    else builder.addChild(bytes, bytes.length, 1, 1)
  }
  builder.close(false)
  return { run, counts, separators }
}

describe("Page", () => {
  for (const shape of shapes) {
    it(`finds every key, and the place of every other: ${shape.name}`, () => {
      const random = new Random(3)
      for (let round = 0; round < 6; round++) {
        const keys = [...new Set(Array.from({ length: 1 + random.below(120) }, () => shape.key(random)))].toSorted()
        const { run, counts, separators } = build(keys, 0)
        let before = 0
        for (const [index, count] of counts.entries()) {
          const base = index * PAGE_BYTES
          const own = keys.slice(before, before + count)
          const buffer = new Uint8Array(2000)
          for (const [slot, key] of own.entries()) {
            assert.strictEqual(toText(buffer, 0, copyKey(run.memory, base, slot, buffer, 0)), key)
            assert.strictEqual(findSlot(run.memory, base, 0, toBytes(key), 0, key.length), slot)
          }
          for (let probe = 0; probe < 20; probe++) {
            const text = random.chance(0.5) ? shape.key(random) : `${own[random.below(count)]!}\u0000`
            const found = findSlot(run.memory, base, 0, toBytes(text), 0, text.length)
            const expected = own.findIndex((key) => key >= text)
            const place = expected < 0 ? count : expected
            assert.strictEqual(found, own[place] === text ? place : ~place)
          }
          if (index > 0) {
            assert.isTrue(keys[before - 1]! < separators[index]! && separators[index]! <= keys[before]!)
          }
          before += count
        }
        assert.strictEqual(before, keys.length)
      }
    })
  }

  it("leads everything below the second separator of a branch to its first child", () => {
    const { run, counts } = build(["", "m", "p", "pq", "z"], 1)
    assert.deepStrictEqual(counts, [5])
    const child = (key: string) => findChild(run.memory, 0, toBytes(key), 0, key.length)
    assert.deepStrictEqual(["a", "l\u00ff", "m", "mm", "p", "pp", "pq", "pz", "zz"].map(child), [0, 0, 1, 1, 2, 2, 3, 3, 4])
  })

  it("fills pages and evens out the last two", () => {
    const keys = Array.from({ length: 5000 }, (_, index) => String(index * 7).padStart(16, "0"))
    const { counts } = build(keys, 0)
    const fullest = Math.max(...counts)
    assert.isTrue(counts.slice(0, -2).every((count) => count > fullest * 0.8))
    assert.isTrue(counts.slice(-2).every((count) => count > fullest * 0.4))
  })

  it("takes the common prefix off once", () => {
    const long = "common".repeat(150)
    const { counts } = build(
      Array.from({ length: 300 }, (_, index) => long + String(index).padStart(6, "0")),
      0
    )
    assert.deepStrictEqual(counts, [300])
  })
})
