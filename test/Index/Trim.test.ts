import { assert, describe, it } from "@effect/vitest"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import type { IndexFile } from "../../src/Index/IndexFile.ts"
import { META_BYTES, PAGE_BYTES } from "../../src/Index/Layout.ts"
import { checkpointAt, commit, contents, newVolume, openOn, PATH, run, sourceOf, verify } from "./Fixture.ts"

const VALUE = "v".repeat(64)
const ENTRIES = 20_000
const KEPT = 500

const numbered = (from: number, to: number, value: string | undefined) =>
  Array.from({ length: to - from }, (_, index) => ({ key: String(from + index).padStart(16, "0"), value }))

/** A file of some hundred pages from which almost everything was removed. */
function emptied(volume: SimulatedVolume): IndexFile {
  const file = openOn(volume, { create: true })
  commit(volume, file, 2, (writer) => run(writer.apply(1, sourceOf(numbered(0, ENTRIES, VALUE))), volume))
  commit(volume, file, 3, (writer) => run(writer.apply(1, sourceOf(numbered(KEPT, ENTRIES, undefined))), volume))
  return file
}

/** A small commit that moves what lies at the end. */
function touch(volume: SimulatedVolume, file: IndexFile, lsn: number): void {
  const { pageCount, freePages } = file.current().meta
  commit(volume, file, lsn, (writer) => {
    run(writer.moveTail(pageCount - freePages, 20, { leaves: 0 }), volume)
    writer.setEntry(Uint8Array.of(1), new Uint8Array(200).fill(lsn))
  })
}

const pagesOnDisk = (volume: SimulatedVolume): number => {
  const file = volume.open(PATH, "read")
  const pages = file.size() / PAGE_BYTES
  file.close()
  return pages
}

describe("free pages at the end of the file", () => {
  it("are given back once neither meta has them", () => {
    const volume = newVolume()
    const file = emptied(volume)
    const before = pagesOnDisk(volume)
    for (let lsn = 4; lsn < 10; lsn++) touch(volume, file, lsn)
    assert.isBelow(pagesOnDisk(volume), before / 4)
    assert.strictEqual(file.sizeBytes, pagesOnDisk(volume) * PAGE_BYTES)
    assert.lengthOf(contents(file, file.current(), 1), KEPT)
    assert.deepStrictEqual(verify(volume).problems, [])
    commit(volume, file, 10, (writer) => run(writer.apply(1, sourceOf(numbered(0, ENTRIES, VALUE))), volume))
    assert.lengthOf(contents(file, file.current(), 1), ENTRIES)
    assert.deepStrictEqual(verify(volume).problems, [])
  })

  it("stay while a pinned version reaches them", () => {
    const volume = newVolume()
    const file = openOn(volume, { create: true })
    commit(volume, file, 2, (writer) => run(writer.apply(1, sourceOf(numbered(0, ENTRIES, VALUE))), volume))
    const version = file.current()
    file.pin(version)
    commit(volume, file, 3, (writer) => run(writer.apply(1, sourceOf(numbered(KEPT, ENTRIES, undefined))), volume))
    for (let lsn = 4; lsn < 8; lsn++) touch(volume, file, lsn)
    assert.lengthOf(contents(file, version, 1), ENTRIES)
    file.unpin(version)
    const before = pagesOnDisk(volume)
    for (let lsn = 8; lsn < 14; lsn++) touch(volume, file, lsn)
    assert.isBelow(pagesOnDisk(volume), before / 4)
  })

  it("are cut meanwhile when that was asked for: no transaction begins before it is over", () => {
    const volume = newVolume()
    const file = emptied(volume)
    const before = pagesOnDisk(volume)
    let cuts = 0
    file.cutMeanwhile(() => cuts++)
    let lsn = 4
    for (; !file.isCutting; lsn++) touch(volume, file, lsn)
    assert.throws(() => file.beginWrite(), /IndexBusy/)
    assert.strictEqual(cuts, 0)
    assert.lengthOf(contents(file, file.current(), 1), KEPT)
    volume.pumpAll()
    assert.strictEqual(cuts, 1)
    assert.isFalse(file.isCutting)
    assert.isBelow(pagesOnDisk(volume), before)
    commit(volume, file, lsn, (writer) => run(writer.apply(1, sourceOf(numbered(0, ENTRIES, VALUE))), volume))
    volume.pumpAll()
    assert.lengthOf(contents(file, file.current(), 1), ENTRIES)
    assert.deepStrictEqual(verify(volume).problems, [])
  })

  it("are cut at a later commit when the system refuses, and nothing is trusted any more when the sync of it fails", () => {
    for (const refused of ["truncate", "syncCompletes"]) {
      const volume = newVolume()
      const file = emptied(volume)
      file.cutMeanwhile(() => {})
      let lsn = 4
      const seen = { cuts: 0 }
      volume.onOperation(({ operation }) => {
        if (operation === "truncate") seen.cuts++
      })
      volume.failWhen(({ operation }) => (operation === refused && (refused === "truncate" || seen.cuts > 0) ? "EIO" : undefined))
      for (; seen.cuts === 0; lsn++) touch(volume, file, lsn)
      volume.pumpAll()
      assert.isFalse(file.isCutting)
      volume.heal()
      if (refused === "syncCompletes") {
        assert.throws(() => file.beginWrite(), /IndexPoisoned/)
        continue
      }
      assert.isUndefined(file.poisoned)
      const uncut = pagesOnDisk(volume)
      assert.isAbove(uncut, file.current().meta.pageCount)
      touch(volume, file, lsn)
      volume.pumpAll()
      assert.isBelow(pagesOnDisk(volume), uncut)
    }
  })

  it("stay in the file while a pinned version counts them: whoever copies it finds as many as it has", () => {
    const volume = newVolume()
    const file = emptied(volume)
    // What the second one moves away is free in the version of the third, and not cut off yet.
    for (let lsn = 4; lsn < 7; lsn++) touch(volume, file, lsn)
    const version = file.current()
    file.pin(version)
    for (let lsn = 7; lsn < 11; lsn++) touch(volume, file, lsn)
    assert.isBelow(file.current().meta.pageCount, version.meta.pageCount / 4)
    assert.isAtLeast(pagesOnDisk(volume), version.meta.pageCount)
    file.unpin(version)
    assert.deepStrictEqual(verify(volume).problems, [])
    file.close()
    assert.strictEqual(pagesOnDisk(volume), file.current().meta.pageCount)
  })

  it("leave a file that opens wherever the power fails, also at its older commit, and after a commit that was given up", () => {
    const volume = newVolume()
    const file = emptied(volume)
    let cuts = 0
    volume.onOperation(({ index }) => {
      const image = volume.crash(index)
      const opened = openOn(image)
      assert.lengthOf(contents(opened, opened.current(), 1), KEPT, `cut before operation ${index}`)
      touch(image, opened, 100)
      assert.deepStrictEqual(verify(image).problems, [], `cut before operation ${index}`)
      cuts++
    })
    for (let lsn = 4; lsn < 9; lsn++) {
      const writer = file.beginWrite()
      run(writer.apply(2, sourceOf([{ key: "other", value: "x" }])), volume)
      writer.abort()
      touch(volume, file, lsn)
      const fallen = volume.crash(lsn)
      fallen.rot(PATH, (file.current().transaction % 2) * META_BYTES + 100, 1)
      const opened = openOn(fallen)
      assert.isDefined(opened.fallback)
      assert.lengthOf(contents(opened, opened.current(), 1), KEPT)
    }
    assert.isAbove(cuts, 20)
  })

  it("come back when the commit that cut them is given up", () => {
    const volume = newVolume()
    const file = emptied(volume)
    touch(volume, file, 4)
    const { sizeBytes } = file
    volume.failWhen((it) => (it.operation === "write" && it.path === PATH ? "ENOSPC" : undefined))
    const writer = file.beginWrite()
    writer.setEntry(Uint8Array.of(1), new Uint8Array(200))
    assert.throws(() =>
      run(
        writer.commit(checkpointAt(5), () => {}),
        volume
      )
    )
    writer.abort()
    volume.heal()
    assert.strictEqual(file.sizeBytes, sizeBytes)
    for (let lsn = 6; lsn < 9; lsn++) touch(volume, file, lsn)
    assert.lengthOf(contents(file, file.current(), 1), KEPT)
    assert.deepStrictEqual(verify(volume).problems, [])
  })
})
