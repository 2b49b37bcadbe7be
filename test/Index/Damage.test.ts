import { assert, describe, it } from "@effect/vitest"
import { crc32 } from "node:zlib"
import { Random } from "../../src/Disk/Random.ts"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import type { Damage } from "../../src/Index/Errors.ts"
import type { IndexFile } from "../../src/Index/IndexFile.ts"
import {
  CHECKSUM_AT,
  COUNT_AT,
  HEADER_BYTES,
  KIND_AT,
  LEVEL_AT,
  META_BYTES,
  PAGE_BYTES,
  TRANSACTION_AT,
  TREE_AT,
  readU32,
  writeU32
} from "../../src/Index/Layout.ts"
import type { Root } from "../../src/Index/Version.ts"
import type { Model } from "./Fixture.ts"
import {
  PATH,
  applyToModel,
  commit,
  contents,
  newVolume,
  openOn,
  openingFault,
  randomBatch,
  run,
  shapes,
  sortedEntries,
  sourceOf,
  toBytes,
  verify
} from "./Fixture.ts"

const SALT = 0x1234_5678

/** A file with two trees, two roots in one of them, a large catalog entry and free pages. */
function filled(seed: number): { volume: SimulatedVolume; file: IndexFile; model: Model } {
  const random = new Random(seed)
  const volume = newVolume(seed)
  const file = openOn(volume, { create: true, cacheBytes: 1 })
  let model: Model = new Map()
  for (let round = 2; round < 10; round++) {
    const batch = randomBatch(random, shapes[0]!, model, 400, 0.3)
    commit(volume, file, round, (writer) => {
      if (round === 6) writer.pushRoot(1)
      run(writer.apply(1, sourceOf(batch.values())), volume)
      run(writer.apply(2, sourceOf([{ key: `k${round}`, value: "v" }])), volume)
      writer.setEntry(toBytes("large"), new Uint8Array(20_000).fill(round))
    })
    model = applyToModel(model, batch.values())
  }
  return { volume, file, model }
}

/** Rewrites a page with a checksum that fits it, the way no writer would; the checksum. */
function forge(volume: SimulatedVolume, page: number, change: (bytes: Uint8Array) => void): number {
  const raw = volume.open(PATH, "update")
  const bytes = new Uint8Array(PAGE_BYTES)
  raw.readAt(page * PAGE_BYTES, bytes)
  change(bytes)
  const checksum = crc32(bytes.subarray(4), SALT)
  writeU32(bytes, CHECKSUM_AT, checksum)
  raw.writeAt(page * PAGE_BYTES, bytes)
  return checksum
}

describe("a damaged index file", () => {
  it("goes without the commit before when the disk lost its meta and shows one from further back", () => {
    const volume = newVolume(1)
    const file = openOn(volume, { create: true })
    const raw = volume.open(PATH, "update")
    const slot = new Uint8Array(META_BYTES)
    for (const round of [2, 3, 4, 5]) {
      commit(volume, file, round, (writer) => writer.setEntry(toBytes(`k${round}`), toBytes("v")))
      if (round === 2) raw.readAt(0, slot)
    }
    raw.writeAt(0, slot)
    raw.syncData(() => {})
    volume.pumpAll()
    const opened = openOn(volume.crash(1), { mode: "update" })
    assert.strictEqual(opened.current().transaction, 5)
    assert.strictEqual(opened.older().transaction, 5)
    assert.lengthOf(opened.entries(opened.older(), toBytes("k")), 4)
  })

  it("never shows wrong entries: a rotten page that is read is named, whichever it is", () => {
    const { volume, file, model } = filled(1)
    const random = new Random(5)
    let named = 0
    const pages = file.sizeBytes / PAGE_BYTES
    for (let page = 1; page < pages; page++) {
      const damaged = volume.crash(1)
      damaged.rot(PATH, page * PAGE_BYTES + random.below(PAGE_BYTES), 1 << random.below(8))
      const report = verify(damaged)
      try {
        const opened = openOn(damaged, { cacheBytes: 1, mode: "update" })
        if (opened.fallback !== undefined) {
          assert.strictEqual(opened.current().transaction, file.current().transaction - 1)
          assert.isAbove(report.problemCount, 0)
          named++
          continue
        }
        assert.deepStrictEqual(contents(opened, opened.current(), 1), sortedEntries(model))
        assert.lengthOf(contents(opened, opened.current(), 2), 8)
        assert.lengthOf(opened.entry(opened.current(), toBytes("large"))!, 20_000)
        // Nothing that is read was damaged: what verify finds is the rotten page, and only the commit before needs it.
        for (const problem of report.problems) {
          assert.strictEqual(problem.page, page)
          assert.match(problem.message, /^the commit before needs it/)
        }
      } catch (error) {
        if (!isFault<Damage & Record<string, unknown>>(error, "Damage")) throw error
        const { reason } = error
        assert.deepStrictEqual(
          { file: reason.file, page: reason.page, offset: reason.offset },
          { file: PATH, page, offset: page * PAGE_BYTES }
        )
        assert.include(
          report.problems.map((problem) => problem.page),
          page
        )
        named++
      }
    }
    assert.isAbove(named, 10)
    assert.isBelow(named, pages)
  })

  it("notices that an earlier version of a page is in its place", () => {
    const { volume, file } = filled(2)
    const root = file.current().roots(1)[0]!
    forge(volume, root.page, (bytes) => {
      bytes[PAGE_BYTES - 1] = 7
    })
    const opened = openOn(volume)
    assert.throws(() => contents(opened, opened.current(), 1), /a write was lost/)
  })

  it("notices a page that was written to another place", () => {
    const { volume, file } = filled(3)
    const root = file.current().roots(1)[0]!
    const raw = volume.open(PATH, "update")
    const other = new Uint8Array(PAGE_BYTES)
    raw.readAt(file.current().roots(2)[0]!.page * PAGE_BYTES, other)
    raw.writeAt(root.page * PAGE_BYTES, other)
    const opened = openOn(volume)
    assert.throws(() => contents(opened, opened.current(), 1), /the page says it is page/)
    assert.match(
      verify(volume)
        .problems.map(({ message }) => message)
        .join("; "),
      /the page says it is page/
    )
  })

  it("is refused when neither meta is whole, and when the file is no index file", async () => {
    const { volume } = filled(4)
    const raw = volume.open(PATH, "update")
    raw.writeAt(0, new Uint8Array(8))
    raw.writeAt(META_BYTES, new Uint8Array(8))
    assert.match((await openingFault(volume)).message, /Damage: meta at offset 4096: no index file begins here/)
    raw.truncate(100)
    assert.strictEqual((await openingFault(volume)).reason._tag, "Damage")
  })

  it("is refused with the reason when it is of another format version, not taken for a torn meta", async () => {
    const { volume, file } = filled(5)
    const raw = volume.open(PATH, "update")
    const at = (file.current().transaction % 2) * META_BYTES
    const block = new Uint8Array(META_BYTES)
    raw.readAt(at, block)
    block[8] = 2
    writeU32(block, META_BYTES - 4, crc32(block.subarray(0, META_BYTES - 4)))
    raw.writeAt(at, block)
    assert.match((await openingFault(volume)).message, /format version 2, this program reads 1/)
  })

  it("falls back when it is shorter than its newest meta says", () => {
    const volume = newVolume(6)
    const file = openOn(volume, { create: true })
    const numbered = (from: number) =>
      Array.from({ length: 2000 }, (_, index) => ({ key: String(from + index).padStart(8, "0"), value: "v" }))
    commit(volume, file, 2, (writer) => run(writer.apply(1, sourceOf(numbered(0))), volume))
    const { sizeBytes } = file
    commit(volume, file, 3, (writer) => run(writer.apply(1, sourceOf(numbered(2000))), volume))
    assert.isAbove(file.sizeBytes, sizeBytes)
    volume.open(PATH, "update").truncate(sizeBytes)
    const opened = openOn(volume)
    assert.strictEqual(opened.current().transaction, 2)
    assert.match(opened.fallback!.message, /shorter/)
  })
})

describe("verifyIndex", () => {
  it("counts what is there", () => {
    const { volume, file, model } = filled(7)
    const report = verify(volume)
    assert.strictEqual(report.problemCount, 0)
    assert.strictEqual(report.transaction, file.current().transaction)
    assert.strictEqual(report.trees, 2)
    assert.isAtLeast(report.entries, model.size + 8)
    assert.strictEqual(report.pages + report.freePages, file.sizeBytes / PAGE_BYTES - 1)
  })

  it("finds what checksums cannot", () => {
    const { volume, file } = filled(8)
    const leaf = file.current().roots(2)[0]!
    const first = HEADER_BYTES
    const forgeries: ReadonlyArray<[RegExp, (bytes: Uint8Array) => void]> = [
      [/the head of entry 0 is not its key's/, (bytes) => (bytes[first] = 1)],
      [/entry 1 is out of order/, (bytes) => bytes.set(bytes.slice(first + 4, first + 8), first)],
      [
        /entry 0 is a tombstone with nothing older behind it/,
        (bytes) => bytes.fill(0x80 | bytes[first + 8 * 4 + 3]!, first + 8 * 4 + 3, first + 8 * 4 + 4)
      ],
      [/entry 2 is not behind the one before/, (bytes) => (bytes[first + 10 * 4] = 1)],
      [/entry 0 is not behind the one before/, (bytes) => (bytes[COUNT_AT] = 7)],
      [/kind 2 at level 0/, (bytes) => (bytes[KIND_AT] = 2)],
      [/level 1 where 0 was expected/, (bytes) => (bytes[LEVEL_AT] = 1)],
      [/a page of tree 3 in tree 2/, (bytes) => (bytes[TREE_AT] = 3)],
      [/written by transaction 200, the last one is/, (bytes) => (bytes[TRANSACTION_AT] = 200)]
    ]
    for (const [expected, change] of forgeries) {
      const copy = volume.crash(1)
      forgeLeaf(copy, file, leaf, change)
      const messages = verify(copy).problems.map(({ message }) => message)
      assert.match(messages.join("; "), expected)
    }
  })

  it("finds free pages that are in use, and pages that are neither", () => {
    const { volume, file } = filled(9)
    const { meta } = file.current()
    const used = file.current().roots(2)[0]!.page
    const copy = volume.crash(1)
    const checksum = forge(copy, meta.freeListPage, (bytes) => writeU32(bytes, HEADER_BYTES + 8, used))
    forgeMeta(copy, meta.transaction, (block) => writeU32(block, FREE_LIST_CHECKSUM_AT, checksum))
    const messages = verify(copy)
      .problems.map(({ page, message }) => `${page}: ${message}`)
      .join("; ")
    assert.include(messages, `${used}: the page is in use and free`)
    assert.include(messages, "the page is neither in use nor free")
  })
})

const CATALOG_CHECKSUM_AT = 92
const FREE_LIST_CHECKSUM_AT = 112

function forgeMeta(volume: SimulatedVolume, transaction: number, change: (block: Uint8Array) => void): void {
  const raw = volume.open(PATH, "update")
  const block = new Uint8Array(META_BYTES)
  raw.readAt((transaction % 2) * META_BYTES, block)
  change(block)
  writeU32(block, META_BYTES - 4, crc32(block.subarray(0, META_BYTES - 4)))
  raw.writeAt((transaction % 2) * META_BYTES, block)
}

/** Changes the only page of a tree, and the checksums in all that leads to it. */
function forgeLeaf(volume: SimulatedVolume, file: IndexFile, root: Root, change: (bytes: Uint8Array) => void): void {
  const { meta } = file.current()
  assert.strictEqual(root.level, 0)
  assert.strictEqual(meta.catalog!.level, 0)
  const checksum = forge(volume, root.page, change)
  const inCatalog = forge(volume, meta.catalog!.page, (bytes) => {
    for (let at = HEADER_BYTES; at < PAGE_BYTES - 8; at++) {
      if (readU32(bytes, at) === root.page && readU32(bytes, at + 4) === root.checksum) writeU32(bytes, at + 4, checksum)
    }
  })
  forgeMeta(volume, meta.transaction, (block) => writeU32(block, CATALOG_CHECKSUM_AT, inCatalog))
}
