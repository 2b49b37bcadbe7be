import { assert, describe, it } from "@effect/vitest"
import { Random } from "../../src/Disk/Random.ts"
import { ValueView } from "../../src/Index/Entry.ts"
import type { IndexFile } from "../../src/Index/IndexFile.ts"
import type { TreeCursor } from "../../src/Index/TreeCursor.ts"
import type { Model } from "./Fixture.ts"
import {
  applyToModel,
  commit,
  newVolume,
  openOn,
  randomBatch,
  run,
  scan,
  shapes,
  sortedEntries,
  sourceOf,
  toBytes,
  toText,
  verify
} from "./Fixture.ts"

const TREE = 9

/** A tree of `roots` roots over one another, with tombstones between them, and what it should hold. */
function layered(seed: number, roots: number): { file: IndexFile; model: Model; random: Random } {
  const random = new Random(seed)
  const shape = shapes[seed % 3]!
  const volume = newVolume(seed)
  const file = openOn(volume, { create: true, cacheBytes: 1 })
  let model: Model = new Map()
  for (let layer = 0; layer < roots; layer++) {
    const batch = randomBatch(random, shape, model, layer === 0 ? 700 : 250, layer === 0 ? 0 : 0.5)
    commit(volume, file, layer + 1, (writer) => {
      writer.pushRoot(TREE)
      run(writer.apply(TREE, sourceOf(batch.values())), volume)
    })
    model = applyToModel(model, batch.values())
  }
  assert.strictEqual(file.statistics(file.current(), TREE).roots, roots)
  assert.deepStrictEqual(verify(volume).problems, [])
  return { file, model, random }
}

const keyOf = (cursor: TreeCursor): string => toText(cursor.key, cursor.keyAt, cursor.keyLength)

describe("TreeCursor", () => {
  for (const roots of [1, 2, 4]) {
    it(`shows every entry once in both directions, over ${roots} root(s)`, () => {
      for (let seed = 1; seed <= 6; seed++) {
        const { file, model } = layered(seed, roots)
        const expected = sortedEntries(model)
        assert.deepStrictEqual(scan(file.cursor(file.current(), TREE)), expected)
        assert.deepStrictEqual(scan(file.cursor(file.current(), TREE), true), expected.toReversed())
        const out = new ValueView()
        for (const [key, value] of expected) {
          assert.isTrue(file.get(file.current(), TREE, toBytes(key), 0, key.length, out))
          assert.strictEqual(toText(out.bytes, out.at, out.length), value)
        }
      }
    })

    it(`finds the place of any key and goes on from it either way, over ${roots} root(s)`, () => {
      for (let seed = 1; seed <= 6; seed++) {
        const { file, model, random } = layered(seed, roots)
        const keys = sortedEntries(model).map(([key]) => key)
        const cursor = file.cursor(file.current(), TREE)
        const shape = shapes[seed % 3]!
        const out = new ValueView()
        for (let round = 0; round < 300; round++) {
          const probe = random.chance(0.5) ? shape.key(random) : keys[random.below(keys.length)]!
          const bytes = toBytes(probe)
          assert.strictEqual(file.get(file.current(), TREE, bytes, 0, bytes.length, out), model.has(probe))
          const seeks: ReadonlyArray<[boolean, number]> = [
            [cursor.seekAtLeast(bytes, 0, bytes.length), keys.findIndex((key) => key >= probe)],
            [cursor.seekAfter(bytes, 0, bytes.length), keys.findIndex((key) => key > probe)],
            [cursor.seekAtMost(bytes, 0, bytes.length), keys.findLastIndex((key) => key <= probe)],
            [cursor.seekBefore(bytes, 0, bytes.length), keys.findLastIndex((key) => key < probe)]
          ]
          for (const [found, place] of seeks) assert.strictEqual(found, place >= 0)
          let place = seeks[3]![1]
          for (let step = 0; step < 12 && place >= 0 && place < keys.length; step++) {
            assert.strictEqual(keyOf(cursor), keys[place])
            const forwards = random.chance(0.5)
            place += forwards ? 1 : -1
            assert.strictEqual(forwards ? cursor.next() : cursor.previous(), place >= 0 && place < keys.length)
          }
        }
      }
    })
  }

  it("shows nothing of a tree that does not exist", () => {
    const { file } = layered(1, 1)
    const cursor = file.cursor(file.current(), 77)
    const key = toBytes("a")
    assert.isFalse(cursor.first() || cursor.last() || cursor.next() || cursor.previous())
    assert.isFalse(cursor.seekAtLeast(key, 0, 1) || cursor.seekAfter(key, 0, 1))
    assert.isFalse(cursor.seekAtMost(key, 0, 1) || cursor.seekBefore(key, 0, 1))
    assert.deepStrictEqual(file.statistics(file.current(), 77), { roots: 0, entries: 0, pages: 0 })
  })

  it("stays off an end until it is placed again", () => {
    const { file, model } = layered(2, 1)
    const cursor = file.cursor(file.current(), TREE)
    assert.isTrue(cursor.last())
    assert.isFalse(cursor.next())
    assert.isFalse(cursor.next())
    assert.isFalse(cursor.previous())
    assert.isTrue(cursor.first())
    assert.strictEqual(keyOf(cursor), sortedEntries(model)[0]![0])
    assert.isFalse(cursor.previous())
  })

  it("keeps what it shows while other cursors push its pages out of the cache", () => {
    const { file, model } = layered(3, 1)
    const slow = file.cursor(file.current(), TREE)
    const shown: Array<[string, string]> = []
    for (let on = slow.first(); on; on = slow.next()) {
      shown.push([keyOf(slow), toText(slow.value, slow.valueAt, slow.valueLength)])
      if (shown.length % 50 === 0) scan(file.cursor(file.current(), TREE))
    }
    assert.deepStrictEqual(shown, sortedEntries(model))
  })
})
