import { assert, describe, it } from "@effect/vitest"
import { Random } from "../../src/Disk/Random.ts"
import { ValueView } from "../../src/Index/Entry.ts"
import type { Model } from "./Fixture.ts"
import {
  applyToModel,
  commit,
  contents,
  newVolume,
  openOn,
  randomBatch,
  run,
  scan,
  shapes,
  sortedEntries,
  sourceOf,
  toBytes,
  verify
} from "./Fixture.ts"

describe("IndexFile", () => {
  for (const shape of shapes) {
    for (let seed = 1; seed <= 3; seed++) {
      it(`holds what a sorted map holds, across reopens: ${shape.name}, seed ${seed}`, () => {
        const random = new Random(seed * 1000)
        const sizeMax = shape.key(random).length > 100 ? 120 : 800
        const volume = newVolume(seed)
        let file = openOn(volume, { create: true, cacheBytes: 1 })
        let model: Model = new Map()
        for (let round = 1; round <= 30; round++) {
          const growing = round % 10 < 6
          const size = random.chance(0.3) ? random.below(10) : random.below(sizeMax)
          const batch = randomBatch(random, shape, model, size, growing ? 0.2 : 0.9)
          commit(volume, file, round, (writer) => run(writer.apply(1, sourceOf(batch.values())), volume, 1 + random.below(300)))
          model = applyToModel(model, batch.values())
          const expected = sortedEntries(model)
          assert.deepStrictEqual(contents(file, file.current(), 1), expected)
          assert.deepStrictEqual(scan(file.cursor(file.current(), 1), true), expected.toReversed())
          assert.strictEqual(file.statistics(file.current(), 1).entries, model.size)
          assert.deepStrictEqual(verify(volume).problems, [])
          if (random.chance(0.2)) {
            file.close()
            file = openOn(volume, { cacheBytes: 1 })
            assert.strictEqual(file.fallback, undefined)
          }
        }
        const out = new ValueView()
        for (const [key, value] of model) {
          const bytes = toBytes(key)
          assert.isTrue(file.get(file.current(), 1, bytes, 0, bytes.length, out))
          assert.deepStrictEqual(out.bytes.slice(out.at, out.at + out.length), toBytes(value))
        }
      })
    }
  }
})
