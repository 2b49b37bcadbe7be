import { assert, describe, it } from "@effect/vitest"
import { Random } from "../../src/Disk/Random.ts"
import { ValueView } from "../../src/Index/Entry.ts"
import { ABSENT, DELETED, PRESENT } from "../../src/Index/RootCursor.ts"
import type { Model } from "./Fixture.ts"
import { applyToModel, commit, newVolume, openOn, randomBatch, run, shapes, sourceOf, toBytes, toText } from "./Fixture.ts"

const TREE = 9

describe("SortedLookup", () => {
  for (const roots of [0, 1, 3]) {
    it(`finds what a point lookup finds for keys in order, over ${roots} root(s)`, () => {
      for (let seed = 1; seed <= 6; seed++) {
        const random = new Random(seed)
        const volume = newVolume(seed)
        const file = openOn(volume, { create: true, cacheBytes: 1 })
        const asked = new Set<string>(["\u0000", "\u00ff"])
        let model: Model = new Map()
        for (let layer = 0; layer < roots; layer++) {
          const batch = randomBatch(random, shapes[seed % 3]!, model, layer === 0 ? 700 : 250, layer === 0 ? 0 : 0.5)
          for (const key of batch.keys()) for (const near of [key, `${key}!`, key.slice(0, -1)]) if (near.length > 0) asked.add(near)
          commit(volume, file, layer + 1, (writer) => {
            writer.pushRoot(TREE)
            run(writer.apply(TREE, sourceOf(batch.values())), volume)
          })
          model = applyToModel(model, batch.values())
        }
        const removed = new Set([...asked].filter((key) => !model.has(key)))
        const sorted = [...asked].map(toBytes).toSorted((a, b) => Buffer.compare(a, b))
        const lookup = file.sortedLookup(file.current(), TREE)
        const out = new ValueView()
        let deleted = 0
        for (const key of sorted) {
          if (random.chance(0.3)) continue
          for (let again = random.below(3); again >= 0; again--) {
            const name = toText(key, 0, key.length)
            const found = lookup.find(key, 0, key.length, out)
            if (found === PRESENT) assert.strictEqual(toText(out.bytes, out.at, out.length), model.get(name))
            else assert.isTrue(removed.has(name), `${name} is there`)
            if (found === DELETED) deleted++
          }
        }
        if (roots > 1) assert.isAbove(deleted, 0)
        if (roots === 0) assert.strictEqual(lookup.find(sorted[0]!, 0, 1, out), ABSENT)
        file.close()
      }
    })
  }
})
