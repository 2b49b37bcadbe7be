import { assert, describe, it } from "@effect/vitest"
import { Random } from "../../src/Disk/Random.ts"
import { ValueView } from "../../src/Index/Entry.ts"
import type { IndexFile } from "../../src/Index/IndexFile.ts"
import { KeyFilter } from "../../src/Index/KeyFilter.ts"
import { applyToModel, commit, type Model, newVolume, openOn, randomBatch, run, shapes, sourceOf, toBytes } from "./Fixture.ts"

/** A key of 16 bytes that ends with a number. */
function counted(number: number): Uint8Array {
  const key = new Uint8Array(16)
  new DataView(key.buffer).setUint32(12, number)
  return key
}

function randomKey(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256))
}

const valueOf = (file: IndexFile, text: string): string | undefined => {
  const key = toBytes(text)
  const out = new ValueView()
  if (!file.get(file.current(), 3, key, 0, key.length, out)) return undefined
  return String.fromCharCode(...out.bytes.subarray(out.at, out.at + out.length))
}

describe("KeyFilter", () => {
  it("says of no key that was added that it is absent, whatever its length", () => {
    const random = new Random(5)
    const filter = new KeyFilter(100)
    const keys = Array.from({ length: 3000 }, (_, index) => randomKey(random, 1 + (index % 70)))
    for (const key of keys) filter.add(key, 0, key.length)
    for (const key of keys) {
      const within = new Uint8Array(key.length + 9)
      within.set(key, 5)
      assert.isTrue(filter.mayHave(within, 5, key.length))
    }
  })

  it("knows of nearly all others that they are absent, be keys random or counted up", () => {
    const random = new Random(6)
    const everyNth = (step: number): (() => Uint8Array) => {
      let next = 0
      return () => counted((next += step))
    }
    const makers = [() => randomKey(random, 16), everyNth(1), everyNth(256)]
    for (const make of makers) {
      const filter = new KeyFilter(50_000)
      for (let index = 0; index < 50_000; index++) filter.add(make(), 0, 16)
      let wrong = 0
      for (let index = 0; index < 20_000; index++) if (filter.mayHave(make(), 0, 16)) wrong++
      assert.isBelow(wrong, 1000)
    }
  })

  it("takes a few MiB at the most", () => {
    assert.isAtMost(new KeyFilter(1e9).bytes, 4 * 1024 * 1024)
    assert.isAtMost(new KeyFilter(0).bytes, 1024)
  })

  it("hides nothing of a tree with several roots: commits, transactions given up, merges and restarts", () => {
    const shape = shapes[0]!
    const random = new Random(7)
    const volume = newVolume()
    let file = openOn(volume, { create: true })
    let model: Model = new Map()
    let filtered = 0
    for (let round = 1; round <= 60; round++) {
      const batch = randomBatch(random, shape, model, 100, 0.4)
      if (random.chance(0.2)) {
        const writer = file.beginWrite()
        run(writer.apply(3, sourceOf(batch.values())), volume)
        writer.abort()
      }
      const { length } = file.current().roots(3)
      commit(volume, file, round, (writer) => {
        if (length === 4 || (length > 1 && random.chance(0.2))) run(writer.foldRoot(3), volume)
        if (random.chance(0.3)) writer.pushRoot(3)
        run(writer.apply(3, sourceOf(batch.values())), volume)
      })
      model = applyToModel(model, batch.values())
      for (const key of [...batch.keys(), ...model.keys()]) assert.strictEqual(valueOf(file, key), model.get(key))
      const roots = file.current().roots(3)
      assert.strictEqual(roots[0]!.filter !== undefined, roots.length > 1)
      if (roots.length > 1 && [...model.keys()].some((key) => !roots[0]!.filter!.mayHave(toBytes(key), 0, key.length))) filtered++
      if (random.chance(0.2)) {
        file.close()
        file = openOn(volume)
        for (const key of model.keys()) assert.strictEqual(valueOf(file, key), model.get(key))
      }
    }
    assert.isAbove(filtered, 20)
  })
})
