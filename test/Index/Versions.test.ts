import { assert, describe, it } from "@effect/vitest"
import { Random } from "../../src/Disk/Random.ts"
import { ValueView } from "../../src/Index/Entry.ts"
import { IndexFile } from "../../src/Index/IndexFile.ts"
import { META_BYTES, PAGE_BYTES } from "../../src/Index/Layout.ts"
import type { TreeVersion } from "../../src/Index/Version.ts"
import type { Model } from "./Fixture.ts"
import {
  PATH,
  TIMELINE,
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
const numbered = (from: number, to: number, value: string) =>
  Array.from({ length: to - from }, (_, index) => ({ key: String(from + index).padStart(8, "0"), value }))

describe("TreeVersion", () => {
  it("reads the same for as long as it is pinned, whatever is committed meanwhile", () => {
    const random = new Random(3)
    const volume = newVolume()
    const file = openOn(volume, { create: true, cacheBytes: 1 })
    const pinned: Array<{ version: TreeVersion; model: Model }> = []
    let model: Model = new Map()
    for (let round = 2; round < 40; round++) {
      const batch = randomBatch(random, shape, model, 250, round % 10 < 6 ? 0.2 : 0.8)
      commit(volume, file, round, (writer) => run(writer.apply(1, sourceOf(batch.values())), volume))
      model = applyToModel(model, batch.values())
      if (random.chance(0.3)) {
        const version = file.current()
        file.pin(version)
        pinned.push({ version, model })
      }
      if (pinned.length > 0 && random.chance(0.25)) {
        const [gone] = pinned.splice(random.below(pinned.length), 1)
        file.unpin(gone!.version)
      }
      for (const one of pinned) assert.deepStrictEqual(contents(file, one.version, 1), sortedEntries(one.model))
      assert.deepStrictEqual(verify(volume).problems, [])
    }
  })

  it("keeps a cursor on a pinned version going across commits", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true, cacheBytes: 1 })
    commit(volume, file, 2, (writer) => run(writer.apply(1, sourceOf(numbered(0, 5000, "old"))), volume))
    const version = file.current()
    file.pin(version)
    const cursor = file.cursor(version, 1)
    let seen = 0
    for (let on = cursor.first(); on; on = cursor.next()) {
      assert.strictEqual(String.fromCharCode(...cursor.value.subarray(cursor.valueAt, cursor.valueAt + cursor.valueLength)), "old")
      if (seen++ % 500 === 0)
        commit(volume, file, 3 + seen, (writer) => run(writer.apply(1, sourceOf(numbered(0, 5000, `new ${seen}`))), volume))
    }
    assert.strictEqual(seen, 5000)
    file.unpin(version)
  })

  it("is refused once its pages may be gone", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true })
    const step = (lsn: number) => commit(volume, file, lsn, (writer) => run(writer.apply(1, sourceOf(numbered(0, 10, `${lsn}`))), volume))
    step(2)
    const version = file.current()
    const cursor = file.cursor(version, 1)
    const out = new ValueView()
    const key = toBytes("00000001")
    step(3)
    assert.isTrue(cursor.first())
    assert.isTrue(file.get(version, 1, key, 0, key.length, out))
    step(4)
    assert.throws(() => cursor.first(), /VersionGone/)
    assert.throws(() => file.get(version, 1, key, 0, key.length, out), /VersionGone/)
    assert.throws(() => file.entry(version, key), /VersionGone/)
    assert.throws(() => file.pin(version), /VersionGone/)
  })

  it("lets pages be written again from two transactions later on, and no earlier", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true, cacheBytes: 1 })
    const written = new Map<number, number>()
    let transaction = 2
    volume.onOperation(({ operation, path, offset, length }) => {
      if (operation !== "write" || path !== PATH || offset === undefined || offset < 2 * META_BYTES) return
      for (let page = offset / PAGE_BYTES; page < (offset + length!) / PAGE_BYTES; page++) {
        const before = written.get(page)
        // Written at N, in use until N + 1 at the earliest (which releases it), so written again at N + 3 at the earliest.
        if (before !== undefined && before !== transaction) assert.isAtLeast(transaction - before, 3)
        written.set(page, transaction)
      }
    })
    for (; transaction < 25; transaction++) {
      commit(volume, file, transaction, (writer) => run(writer.apply(1, sourceOf(numbered(0, 2000, `${transaction}`))), volume))
    }
    const pages = file.statistics(file.current(), 1).pages
    assert.isAtMost(file.sizeBytes / PAGE_BYTES, pages * 3 + 20)
  })

  it("says when nothing reaches any more what a transaction stopped using", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true })
    const step = () => {
      const lsn = file.current().transaction + 1
      commit(volume, file, lsn, (writer) => run(writer.apply(1, sourceOf(numbered(0, 10, `${lsn}`))), volume))
      return lsn
    }
    const first = step()
    assert.isFalse(file.released(first))
    const pinned = file.current()
    file.pin(pinned)
    const second = step()
    assert.isTrue(file.released(first - 1))
    assert.isFalse(file.released(first))
    step()
    assert.isFalse(file.released(second))
    file.unpin(pinned)
    assert.isTrue(file.released(second))
  })

  it("carries the checkpoint, the identity of the database and the timeline", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true })
    assert.strictEqual(file.current().checkpoint.lsn, 0)
    assert.deepStrictEqual(file.timeline, TIMELINE)
    const timeline = new Uint8Array(16).fill(3)
    commit(volume, file, 2, (writer) => run(writer.apply(1, sourceOf(numbered(0, 10, "v"))), volume))
    const writer = file.beginWrite()
    const valueSegments = Array.from({ length: 128 }, (_, index) => ({ segment: index * 1000, lengthBytes: 2 ** 40 + index }))
    const checkpoint = { lsn: 2 ** 53 - 1, recordCrc: 0xffff_ffff, epoch: 0xffff_fffe, commitTimeMs: 2 ** 45, valueSegments }
    run(
      writer.commit({ ...checkpoint, timeline }, () => {}),
      volume
    )
    const reopened = openOn(volume)
    assert.deepStrictEqual(reopened.current().checkpoint, checkpoint)
    assert.deepStrictEqual(reopened.olderCheckpoint(), checkpointAt(2))
    assert.deepStrictEqual(reopened.timeline, timeline)
    assert.deepStrictEqual(reopened.databaseId, file.databaseId)
  })
})

describe("a file opened for reading", () => {
  it("is never written to", async () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true })
    commit(volume, file, 2, (writer) => run(writer.apply(1, sourceOf(numbered(0, 10, "v"))), volume))
    const operations = volume.operations
    const reader = await new Promise<IndexFile>((resolve, reject) =>
      IndexFile.open({ volume, path: PATH, cacheBytes: 1, mode: "read" }, (fault, opened) =>
        opened === undefined ? reject(fault) : resolve(opened)
      )
    )
    assert.lengthOf(contents(reader, reader.current(), 1), 10)
    assert.throws(() => reader.beginWrite(), /reading only/)
    reader.close()
    assert.strictEqual(volume.operations, operations)
  })
})
