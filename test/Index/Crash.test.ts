import { assert, describe, it } from "@effect/vitest"
import { Random } from "../../src/Disk/Random.ts"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { META_BYTES, PAGE_BYTES } from "../../src/Index/Layout.ts"
import { verifyIndex } from "../../src/Index/Verify.ts"
import type { Model } from "./Fixture.ts"
import {
  PATH,
  applyToModel,
  checkpointAt,
  commit,
  contents,
  newVolume,
  openOn,
  randomBatch,
  run,
  shapes,
  sortedEntries,
  sourceOf,
  toBytes,
  verify
} from "./Fixture.ts"

const shape = shapes[0]!

/** What the database was after each transaction. */
type History = Map<number, Model>

/** Opens what a crash left, holds it against the history and shows that it can go on. */
function checkAfterCrash(volume: SimulatedVolume, history: History, acknowledged: number): number {
  const file = openOn(volume, { cacheBytes: 1 })
  const { transaction } = file.current()
  assert.isAtLeast(transaction, acknowledged)
  const model = history.get(transaction)
  if (model === undefined) return assert.fail(`transaction ${transaction} never was`)
  assert.deepStrictEqual(contents(file, file.current(), 1), sortedEntries(model))
  assert.deepStrictEqual(file.current().checkpoint.lsn, transaction < 2 ? 0 : transaction)
  commit(volume, file, 1000, (writer) => run(writer.apply(1, sourceOf([{ key: "after the crash", value: "v" }])), volume))
  assert.deepStrictEqual(contents(file, file.current(), 1), sortedEntries(new Map(model).set("after the crash", "v")))
  assert.deepStrictEqual(verify(volume).problems, [])
  return transaction
}

describe("IndexFile in a crash", () => {
  for (let seed = 1; seed <= 4; seed++) {
    it(`opens at the last acknowledged commit or the one under way, wherever the power fails: seed ${seed}`, () => {
      const random = new Random(seed)
      const volume = newVolume(seed)
      const file = openOn(volume, { create: true, cacheBytes: 1 })
      const history: History = new Map([[1, new Map()]])
      let acknowledged = 1
      let crashes = 0
      let aheadOfAnswer = 0
      volume.onOperation(() => {
        if (!random.chance(0.6)) return
        crashes++
        if (checkAfterCrash(volume.crash(random.next()), history, acknowledged) > acknowledged) aheadOfAnswer++
      })
      let model: Model = new Map()
      for (let transaction = 2; transaction <= 20; transaction++) {
        const batch = randomBatch(random, shape, model, random.chance(0.3) ? 5 : 300, transaction % 8 < 5 ? 0.2 : 0.9)
        model = applyToModel(model, batch.values())
        history.set(transaction, model)
        commit(volume, file, transaction, (writer) => run(writer.apply(1, sourceOf(batch.values())), volume))
        acknowledged = transaction
        history.delete(transaction - 2)
      }
      assert.isAbove(crashes, 40)
      assert.isAbove(aheadOfAnswer, 0)
    })
  }

  it("falls back to the commit before when the newest meta is lost, loses nothing that was in it, and says so", () => {
    const random = new Random(2)
    const volume = newVolume(2)
    const file = openOn(volume, { create: true, cacheBytes: 1 })
    let model: Model = new Map()
    let before = model
    for (let transaction = 2; transaction <= 30; transaction++) {
      const batch = randomBatch(random, shape, model, 300, transaction % 8 < 5 ? 0.2 : 0.9)
      commit(volume, file, transaction, (writer) => run(writer.apply(1, sourceOf(batch.values())), volume))
      before = model
      model = applyToModel(model, batch.values())
      assert.deepStrictEqual(file.olderCheckpoint().lsn, transaction === 2 ? 0 : transaction - 1)
      const damaged = volume.crash(1)
      damaged.rot(PATH, (transaction % 2) * META_BYTES + random.below(META_BYTES), 1 << random.below(8))
      const reopened = openOn(damaged, { cacheBytes: 1 })
      assert.strictEqual(reopened.current().transaction, transaction - 1)
      assert.strictEqual(reopened.fallback?.transaction, transaction - 1)
      assert.deepStrictEqual(reopened.olderCheckpoint(), reopened.current().checkpoint)
      assert.deepStrictEqual(contents(reopened, reopened.current(), 1), sortedEntries(before))
      reopened.close()
      assert.deepStrictEqual(verifyIndex(damaged.open(PATH, "read")).problems, [], "there are two metas again")
    }
  })

  it("falls back as well when the newest catalog or free list cannot be read", () => {
    const volume = newVolume(3)
    const file = openOn(volume, { create: true })
    const numbered = (from: number) =>
      Array.from({ length: 300 }, (_, index) => ({ key: String(from + index).padStart(8, "0"), value: "v" }))
    for (const lsn of [2, 3, 4]) commit(volume, file, lsn, (writer) => run(writer.apply(1, sourceOf(numbered(lsn * 100))), volume))
    const { catalog, freeListPage } = file.current().meta
    for (const page of [catalog!.page, freeListPage]) {
      const damaged = volume.crash(1)
      damaged.rot(PATH, page * PAGE_BYTES + 100, 4)
      const reopened = openOn(damaged)
      assert.strictEqual(reopened.current().transaction, 3)
      assert.match(reopened.fallback!.message, /checksum/)
      assert.lengthOf(contents(reopened, reopened.current(), 1), 400)
    }
  })

  it("cuts off what a crash left behind the end", () => {
    const volume = newVolume(4)
    const file = openOn(volume, { create: true })
    commit(volume, file, 2, (writer) => run(writer.apply(1, sourceOf([{ key: "a", value: "b" }])), volume))
    const raw = volume.open(PATH, "update")
    raw.writeAt(file.sizeBytes, new Uint8Array(5 * PAGE_BYTES))
    const reopened = openOn(volume)
    assert.strictEqual(raw.size(), reopened.sizeBytes)
  })

  it("trusts nothing that was only in memory after a failed sync", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const volume = newVolume(seed)
      const file = openOn(volume, { create: true, cacheBytes: 1 })
      commit(volume, file, 2, (writer) => run(writer.apply(1, sourceOf([{ key: "a", value: "1" }])), volume))
      volume.failWhen(({ operation }) => (operation === "syncCompletes" ? "EIO" : undefined))
      const writer = file.beginWrite()
      run(writer.apply(1, sourceOf([{ key: "b", value: "2" }])), volume)
      assert.throws(() =>
        run(
          writer.commit(checkpointAt(3), () => {}),
          volume
        )
      )
      assert.throws(() => file.beginWrite(), /sync failed/)
      assert.deepStrictEqual(contents(file, file.current(), 1), [["a", "1"]])
      volume.heal()
      const history: History = new Map([[2, new Map([["a", "1"]])]])
      checkAfterCrash(volume.crash(seed), history, 2)
    }
  })

  it("survives a crash right after it was reopened from what the page cache still showed", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const volume = newVolume(seed)
      const file = openOn(volume, { create: true, cacheBytes: 1 })
      const history: History = new Map([[1, new Map()]])
      let model: Model = new Map()
      const random = new Random(seed)
      for (let transaction = 2; transaction <= 4; transaction++) {
        const batch = randomBatch(random, shape, model, 60, 0.3)
        model = applyToModel(model, batch.values())
        history.set(transaction, model)
        commit(volume, file, transaction, (writer) => run(writer.apply(1, sourceOf(batch.values())), volume))
      }
      // The meta of transaction 5 is written, its sync fails: in the page cache, perhaps not on disk.
      let syncs = 0
      volume.failWhen(({ operation }) => (operation === "syncCompletes" && ++syncs === 2 ? "EIO" : undefined))
      const batch = randomBatch(random, shape, model, 60, 0.3)
      history.set(5, applyToModel(model, batch.values()))
      const writer = file.beginWrite()
      run(writer.apply(1, sourceOf(batch.values())), volume)
      assert.throws(() =>
        run(
          writer.commit(checkpointAt(5), () => {}),
          volume
        )
      )
      volume.heal()
      const reopened = openOn(volume, { cacheBytes: 1 })
      const { transaction } = reopened.current()
      const next = randomBatch(random, shape, history.get(transaction)!, 60, 0.3)
      history.set(transaction + 1, applyToModel(history.get(transaction)!, next.values()))
      volume.onOperation(() => {
        checkAfterCrash(volume.crash(random.next()), history, transaction)
      })
      commit(volume, reopened, transaction + 1, (writer) => run(writer.apply(1, sourceOf(next.values())), volume))
    }
  })

  it("keeps an index file that is created by halves from looking like one", () => {
    let opened = 0
    for (let seed = 1; seed <= 40; seed++) {
      const volume = newVolume(seed)
      volume.makeDirectory("data")
      volume.syncDirectory(".", () => {})
      volume.pumpAll()
      const images: Array<SimulatedVolume> = []
      volume.onOperation(() => images.push(volume.crash(seed)))
      openOn(volume, { create: true })
      for (const image of images) {
        if (!image.exists(PATH)) continue
        const block = new Uint8Array(2 * META_BYTES)
        const length = image.open(PATH, "read").readAt(0, block)
        if (length < block.length || !hasMeta(block)) continue
        const file = openOn(image)
        assert.deepStrictEqual(contents(file, file.current(), 1), [])
        opened++
      }
    }
    assert.isAbove(opened, 0)
  })
})

const hasMeta = (block: Uint8Array): boolean =>
  [0, META_BYTES].some((at) => toBytes("PLANCKIX").every((byte, index) => block[at + index] === byte) && block[at + META_BYTES - 1] !== 0)
