import { assert, describe, it } from "@effect/vitest"
import { Random } from "../../src/Disk/Random.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { ENTRY_VALUE_BYTES_MAX } from "../../src/Index/Catalog.ts"
import { KEY_BYTES_MAX, PAGE_BYTES } from "../../src/Index/Layout.ts"
import { PackPart } from "../../src/Index/LooseLeaves.ts"
import { FoldPart } from "../../src/Index/RootCursor.ts"
import { ROOTS_MAX } from "../../src/Index/Version.ts"
import type { Change, Model } from "./Fixture.ts"
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

const put = (key: string, value = "v"): Change => ({ key, value })
const remove = (key: string): Change => ({ key, value: undefined })
const shape = shapes[0]!
const numbered = (from: number, to: number): Array<Change> =>
  Array.from({ length: to - from }, (_, index) => put(String(from + index).padStart(8, "0"), `value ${from + index}`))

function tagOf(work: () => void): string {
  try {
    work()
  } catch (error) {
    if (isFault(error)) return error.reason._tag
    throw error
  }
  return "nothing was thrown"
}

describe("TreeWriter", () => {
  it("leaves the file as before when it is aborted, and leaks no page", () => {
    const random = new Random(1)
    const volume = newVolume()
    const file = openOn(volume, { create: true, cacheBytes: 1 })
    let model: Model = new Map()
    for (let round = 1; round <= 20; round++) {
      const batch = randomBatch(random, shape, model, 400, 0.3)
      const writer = file.beginWrite()
      const stepper = writer.apply(1, sourceOf(batch.values()))
      for (let step = random.below(40); step > 0; step--) if (stepper.step(random.below(200)) === "done") break
      writer.setEntry(toBytes("entry"), new Uint8Array(random.below(20_000)))
      const before = { transaction: file.current().transaction, sizeBytes: file.sizeBytes }
      writer.abort()
      writer.abort()
      assert.deepStrictEqual({ transaction: file.current().transaction, sizeBytes: file.sizeBytes }, before)
      assert.deepStrictEqual(contents(file, file.current(), 1), sortedEntries(model))
      assert.isUndefined(file.entry(file.current(), toBytes("entry")))
      commit(volume, file, round, (next) => run(next.apply(1, sourceOf(batch.values())), volume))
      model = applyToModel(model, batch.values())
      assert.deepStrictEqual(contents(file, file.current(), 1), sortedEntries(model))
      assert.deepStrictEqual(verify(volume).problems, [])
    }
  })

  it("can be aborted while its pages are being synced", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true })
    const writer = file.beginWrite()
    run(writer.apply(1, sourceOf(numbered(0, 100))), volume)
    const stepper = writer.commit(checkpointAt(1), () => {})
    while (stepper.step(1000) !== "waiting");
    writer.abort()
    volume.pumpAll()
    assert.deepStrictEqual(contents(file, file.current(), 1), [])
    commit(volume, file, 2, (next) => run(next.apply(1, sourceOf(numbered(0, 5))), volume))
    assert.lengthOf(contents(file, file.current(), 1), 5)
    assert.deepStrictEqual(verify(volume).problems, [])
  })

  it("commits several trees and several batches of one tree together", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true })
    commit(volume, file, 1, (writer) => {
      run(writer.apply(1, sourceOf(numbered(0, 3000))), volume)
      run(writer.apply(7, sourceOf(numbered(0, 10))), volume)
      run(writer.apply(1, sourceOf(numbered(1000, 2000).map(({ key }) => remove(key)))), volume)
      run(writer.apply(1, sourceOf(numbered(2990, 3100))), volume)
    })
    assert.lengthOf(contents(file, file.current(), 1), 2100)
    assert.lengthOf(contents(file, file.current(), 7), 10)
    assert.deepStrictEqual(verify(volume).problems, [])
    const reopened = openOn(volume)
    assert.deepStrictEqual(contents(reopened, reopened.current(), 1), contents(file, file.current(), 1))
    assert.deepStrictEqual(reopened.current().checkpoint, checkpointAt(1))
  })

  it("gives a tree back when its last entry goes or when it is dropped", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true })
    for (const empty of ["remove", "drop"]) {
      commit(volume, file, 1, (writer) => {
        run(writer.apply(1, sourceOf(numbered(0, 5000))), volume)
        writer.pushRoot(1)
        run(writer.apply(1, sourceOf(numbered(10, 20))), volume)
        if (empty === "remove") run(writer.foldRoot(1), volume)
      })
      commit(volume, file, 2, (writer) => {
        if (empty === "drop") run(writer.dropTree(1), volume)
        else run(writer.apply(1, sourceOf(numbered(0, 5000).map(({ key }) => remove(key)))), volume)
      })
      assert.deepStrictEqual(contents(file, file.current(), 1), [])
      assert.strictEqual(file.statistics(file.current(), 1).pages, 0)
      const report = verify(volume)
      assert.deepStrictEqual(report.problems, [])
      assert.strictEqual(report.trees, 0)
    }
  })

  it("merges small pages with their neighbours when most entries go", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true })
    commit(volume, file, 1, (writer) => run(writer.apply(1, sourceOf(numbered(0, 20_000))), volume))
    const before = file.statistics(file.current(), 1).pages
    for (let round = 2; round <= 6; round++) {
      const gone = numbered(0, 20_000).filter((_, index) => index % 50 !== 0 && index % 5 === round - 2)
      commit(volume, file, round, (writer) => run(writer.apply(1, sourceOf(gone.map(({ key }) => remove(key)))), volume))
    }
    assert.strictEqual(file.statistics(file.current(), 1).entries, 400)
    assert.isAtMost(file.statistics(file.current(), 1).pages, Math.ceil(before / 12))
    assert.deepStrictEqual(verify(volume).problems, [])
  })

  it("packs ascending entries densely, in one batch or in many", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true })
    commit(volume, file, 1, (writer) => run(writer.apply(1, sourceOf(numbered(0, 20_000))), volume))
    for (let round = 0; round < 100; round++) {
      const from = round * 200
      commit(volume, file, round + 2, (writer) => run(writer.apply(2, sourceOf(numbered(from, from + 200))), volume))
    }
    const dense = file.statistics(file.current(), 1).pages
    assert.isAtMost(file.statistics(file.current(), 2).pages, dense * 1.1)
  })

  it("packs what random keys have split, part by part, as densely as ascending keys are, and changes no entry", () => {
    let given = 0
    for (const [index, keys] of shapes.entries()) {
      const random = new Random(index)
      const volume = newVolume()
      const file = openOn(volume, { create: true, cacheBytes: 1 })
      let model: Model = new Map()
      let lsn = 1
      for (let round = 0; round < 8; round++) {
        const batch = randomBatch(random, keys, model, 250, 0.1)
        model = applyToModel(model, batch.values())
        commit(volume, file, lsn++, (writer) => run(writer.apply(1, sourceOf(batch.values())), volume))
      }
      const all = sortedEntries(model).map(([key, value]) => ({ key, value }))
      commit(volume, file, lsn++, (writer) => run(writer.apply(2, sourceOf(all)), volume))
      const dense = file.statistics(file.current(), 2).pages
      const loose = file.statistics(file.current(), 1).pages
      let part = new PackPart(undefined, 32)
      for (;;) {
        const { from, leavesMax } = part
        commit(volume, file, lsn++, (writer) => run(writer.pack(1, (part = new PackPart(from, leavesMax))), volume, 100))
        if (part.next === undefined) break
        part = new PackPart(part.next, leavesMax)
        if (from === undefined) assert.deepStrictEqual(contents(file, file.current(), 1), sortedEntries(model))
      }
      assert.deepStrictEqual(contents(file, file.current(), 1), sortedEntries(model))
      assert.deepStrictEqual(verify(volume).problems, [])
      const packed = file.statistics(file.current(), 1)
      assert.strictEqual(packed.entries, model.size)
      assert.isAtMost(packed.pages, Math.min(loose, Math.ceil(dense * 1.1) + 1))
      given += loose - packed.pages
    }
    assert.isAtLeast(given, 20)
  })

  it("leaves a packed tree, and one that is not there, as they are", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true })
    commit(volume, file, 1, (writer) => run(writer.apply(1, sourceOf(numbered(0, 20_000))), volume))
    const [before] = file.current().roots(1)
    const parts = [new PackPart(undefined, 8), new PackPart(undefined, 8)]
    commit(volume, file, 2, (writer) => {
      run(writer.pack(1, parts[0]!), volume)
      run(writer.pack(9, parts[1]!), volume)
    })
    assert.deepStrictEqual(file.current().roots(1)[0], before)
    for (const part of parts) assert.isUndefined(part.next)
    assert.deepStrictEqual(verify(volume).problems, [])
  })

  it("folds the newest root into the next, tombstones and all", () => {
    const random = new Random(4)
    const volume = newVolume()
    const file = openOn(volume, { create: true, cacheBytes: 1 })
    let model: Model = new Map()
    for (let round = 1; round <= 40; round++) {
      const roots = file.statistics(file.current(), 3).roots
      commit(volume, file, round, (writer) => {
        if (roots === 4 || (roots > 1 && random.chance(0.3))) run(writer.foldRoot(3), volume, 100)
        else {
          const batch = randomBatch(random, shape, model, 300, 0.5)
          if (random.chance(0.5)) writer.pushRoot(3)
          run(writer.apply(3, sourceOf(batch.values())), volume)
          model = applyToModel(model, batch.values())
        }
      })
      assert.deepStrictEqual(contents(file, file.current(), 3), sortedEntries(model))
      assert.deepStrictEqual(verify(volume).problems, [])
    }
    while (file.statistics(file.current(), 3).roots > 1) commit(volume, file, 50, (writer) => run(writer.foldRoot(3), volume))
    assert.strictEqual(file.statistics(file.current(), 3).entries, model.size)
    assert.deepStrictEqual(contents(file, file.current(), 3), sortedEntries(model))
  })

  it("folds the rest at once when a part has emptied the older root", () => {
    for (const last of [put("8"), remove("8")]) {
      const volume = newVolume()
      const file = openOn(volume, { create: true })
      commit(volume, file, 1, (writer) => run(writer.apply(3, sourceOf([put("1"), put("2")])), volume))
      commit(volume, file, 2, (writer) => {
        writer.pushRoot(3)
        run(writer.apply(3, sourceOf([remove("1"), remove("2"), remove("5"), put("6"), remove("7"), last])), volume)
      })
      const part = new FoldPart(undefined, 3)
      commit(volume, file, 3, (writer) => run(writer.foldRoot(3, part), volume))
      assert.isUndefined(part.next)
      const expected = [put("6"), last].flatMap(({ key, value }) => (value === undefined ? [] : [[key, value] as [string, string]]))
      assert.deepStrictEqual(contents(file, file.current(), 3), expected)
      assert.deepStrictEqual(verify(volume).problems, [])
    }
  })

  it("leaves no tombstone in a root that becomes the only one because the older ones are empty", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true })
    commit(volume, file, 1, (writer) => run(writer.apply(3, sourceOf([put("1"), put("2")])), volume))
    commit(volume, file, 2, (writer) => {
      writer.pushRoot(3)
      run(writer.apply(3, sourceOf([remove("1"), remove("2")])), volume)
    })
    commit(volume, file, 3, (writer) => {
      writer.pushRoot(3)
      run(writer.apply(3, sourceOf([remove("1"), put("5"), remove("6")])), volume)
    })
    commit(volume, file, 4, (writer) => run(writer.foldRoot(3), volume))
    assert.deepStrictEqual(contents(file, file.current(), 3), [["5", put("5").value!]])
    assert.strictEqual(file.statistics(file.current(), 3).entries, 1)
    assert.deepStrictEqual(verify(volume).problems, [])
  })

  it("limits how many roots a tree has", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true })
    for (let root = 0; root < ROOTS_MAX; root++) {
      commit(volume, file, root + 1, (writer) => {
        writer.pushRoot(1)
        writer.pushRoot(1)
        run(writer.apply(1, sourceOf([put(`k${root}`)])), volume)
      })
    }
    const writer = file.beginWrite()
    assert.strictEqual(
      tagOf(() => writer.pushRoot(1)),
      "InvalidEntry"
    )
    writer.abort()
    assert.lengthOf(contents(file, file.current(), 1), ROOTS_MAX)
  })

  it("keeps catalog entries of any size with the trees", () => {
    const random = new Random(8)
    const volume = newVolume()
    let file = openOn(volume, { create: true, cacheBytes: 1 })
    const expected = new Map<string, Uint8Array>()
    for (let round = 1; round <= 25; round++) {
      commit(volume, file, round, (writer) => {
        for (let change = random.below(4); change >= 0; change--) {
          const key = `${random.chance(0.5) ? "store" : "index"} ${random.below(12)}`
          const size = [0, 1, 62, 63, 64, 8159, 8160, 8161, 40_000][random.below(9)]!
          if (random.chance(0.3)) {
            writer.removeEntry(toBytes(key))
            expected.delete(key)
          } else {
            const value = Uint8Array.from({ length: size }, () => random.below(256))
            writer.setEntry(toBytes(key), value)
            expected.set(key, value)
          }
        }
        if (random.chance(0.5)) run(writer.apply(1, sourceOf(numbered(round * 10, round * 20))), volume)
      })
      for (const prefix of ["", "store ", "index", "none"]) {
        const found = file.entries(file.current(), toBytes(prefix)).map(({ key, value }) => [String.fromCharCode(...key), value])
        const wanted = [...expected].filter(([key]) => key.startsWith(prefix)).toSorted(([a], [b]) => (a < b ? -1 : 1))
        assert.deepStrictEqual(found, wanted)
      }
      for (const [key, value] of expected) assert.deepStrictEqual(file.entry(file.current(), toBytes(key)), value)
      assert.isUndefined(file.entry(file.current(), toBytes("none")))
      assert.deepStrictEqual(verify(volume).problems, [])
      if (random.chance(0.2)) file = openOn(volume, { cacheBytes: 1 })
    }
  })

  it("refuses entries that break the rules of a tree", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true })
    const refusals: ReadonlyArray<ReadonlyArray<Change>> = [
      [put("")],
      [put("k".repeat(KEY_BYTES_MAX + 1))],
      [put("k", "v".repeat(65))],
      [put("a"), put("a")]
    ]
    for (const changes of refusals) {
      const writer = file.beginWrite()
      assert.strictEqual(
        tagOf(() => run(writer.apply(1, sourceOf(changes)), volume)),
        "InvalidEntry"
      )
      assert.throws(() => writer.apply(1, sourceOf([put("b")])), /failed/)
      writer.abort()
    }
    const writer = file.beginWrite()
    for (const treeId of [0, -1, 1.5, 2 ** 32]) {
      assert.strictEqual(
        tagOf(() => writer.apply(treeId, sourceOf([]))),
        "InvalidEntry"
      )
    }
    assert.strictEqual(
      tagOf(() => writer.setEntry(toBytes(""), toBytes(""))),
      "InvalidEntry"
    )
    assert.strictEqual(
      tagOf(() => writer.setEntry(toBytes("k"), new Uint8Array(ENTRY_VALUE_BYTES_MAX + 1))),
      "InvalidEntry"
    )
    assert.strictEqual(
      tagOf(() => writer.commit({ ...checkpointAt(1), lsn: -1 }, () => {})),
      "InvalidEntry"
    )
    assert.strictEqual(
      tagOf(() =>
        writer.commit({ ...checkpointAt(1), valueSegments: Array.from({ length: 129 }, () => ({ segment: 1, lengthBytes: 1 })) }, () => {})
      ),
      "InvalidEntry"
    )
    run(writer.apply(1, sourceOf([put("k".repeat(KEY_BYTES_MAX), "v".repeat(64))])), volume)
    run(
      writer.commit(checkpointAt(1), () => {}),
      volume
    )
    assert.deepStrictEqual(verify(volume).problems, [])
  })

  it("is the only one at a time", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true })
    const writer = file.beginWrite()
    assert.strictEqual(
      tagOf(() => file.beginWrite()),
      "IndexBusy"
    )
    assert.strictEqual(
      tagOf(() => file.close()),
      "IndexBusy"
    )
    writer.abort()
    file.beginWrite().abort()
    file.close()
  })

  it("stays usable when the disk is full, and poisons the file after any other failed write or sync", () => {
    for (const code of ["ENOSPC", "EIO"]) {
      for (let failing = 1; failing < 30; failing++) {
        const volume = newVolume(failing)
        const file = openOn(volume, { create: true })
        commit(volume, file, 1, (writer) => run(writer.apply(1, sourceOf(numbered(0, 2000))), volume))
        const first = volume.operations
        let writes = true
        volume.failWhen(({ index, operation }) => {
          if (index !== first + failing) return undefined
          writes = operation === "write"
          return code
        })
        const writer = file.beginWrite()
        let tag = ""
        let metaWritten = false
        try {
          run(writer.apply(1, sourceOf(numbered(1000, 4000))), volume)
          const stepper = writer.commit(checkpointAt(2), () => {})
          let waits = 0
          for (let progress = stepper.step(500); progress !== "done"; progress = stepper.step(500)) {
            if (progress !== "waiting") continue
            metaWritten = ++waits > 1
            volume.pumpAll()
          }
        } catch (error) {
          if (!isFault(error)) throw error
          tag = error.reason._tag
        }
        volume.heal()
        if (tag === "") {
          assert.lengthOf(contents(file, file.current(), 1), 4000)
          break
        }
        assert.strictEqual(tag, "DiskFailure")
        assert.lengthOf(contents(file, file.current(), 1), 2000)
        assert.isBelow(failing, 29)
        if (!metaWritten && file.poisoned === undefined) {
          assert.strictEqual(code, "ENOSPC")
          assert.isTrue(writes)
          writer.abort()
          commit(volume, file, 3, (next) => run(next.apply(1, sourceOf(numbered(1000, 4000))), volume))
          assert.lengthOf(contents(file, file.current(), 1), 4000)
        } else {
          assert.isString(file.poisoned)
          const reopened = openOn(volume.crash(failing))
          assert.include([2000, 4000], contents(reopened, reopened.current(), 1).length)
        }
      }
    }
  })

  it("writes pages in runs of neighbours", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true })
    const writes: Array<number> = []
    volume.onOperation(({ operation, path, length }) => {
      if (operation === "write" && path === PATH) writes.push((length ?? 0) / PAGE_BYTES)
    })
    commit(volume, file, 1, (writer) => run(writer.apply(1, sourceOf(numbered(0, 50_000))), volume))
    const pages = file.statistics(file.current(), 1).pages
    assert.isAtMost(writes.length, Math.ceil(pages / 64) + 4)
  })
})
