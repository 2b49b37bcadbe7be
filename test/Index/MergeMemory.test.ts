import { assert, describe, it } from "@effect/vitest"
import { MemoryVolume } from "../../src/Disk/MemoryVolume.ts"
import { Budget } from "../../src/Index/Entry.ts"
import { FreePages } from "../../src/Index/FreePages.ts"
import { KEY_BYTES_MAX, LEVELS_MAX, PAGE_BYTES, TREE_AT, readU32 } from "../../src/Index/Layout.ts"
import { MergeMemory } from "../../src/Index/MergeMemory.ts"
import type { PageBuilder } from "../../src/Index/PageBuilder.ts"
import { PageCache } from "../../src/Index/PageCache.ts"
import { PageFrames } from "../../src/Index/PageFrames.ts"
import { PageRun } from "../../src/Index/PageRun.ts"
import { toBytes } from "./Fixture.ts"

function makeMemory(): { memory: MergeMemory; run: PageRun } {
  const file = new MemoryVolume().open("pages", "create")
  const run = new PageRun(file, new PageCache(file, 1, new PageFrames(1)), new FreePages("pages", 1, 128), 1)
  return { memory: new MergeMemory(run), run }
}

/** Entries with these keys, in order, and no values. */
function fill(builder: PageBuilder, keys: ReadonlyArray<string>): void {
  for (const key of keys) {
    const bytes = toBytes(key)
    builder.add(bytes, 0, bytes.length, bytes, 0, 0, false)
  }
}

const numbered = (count: number, length: number): Array<string> =>
  Array.from({ length: count }, (_, index) => String(index).padStart(length, "0"))

/** The pages of a merge that brings these keys to an empty tree, as they are written. */
function pagesOf(memory: MergeMemory, run: PageRun, treeId: number, keys: ReadonlyArray<string>): Uint8Array {
  run.discard()
  memory.begin(treeId, 1, new Budget())
  const leaves = memory.builder(0)
  leaves.startRun(toBytes(""), 0)
  fill(leaves, keys)
  leaves.close(true)
  memory.builder(1).close(true)
  return run.memory.bytes.slice(0, run.base() + PAGE_BYTES)
}

describe("MergeMemory", () => {
  it("is used again, with nothing in it of the merge before", () => {
    const { memory } = makeMemory()
    memory.begin(1, 1, new Budget())
    const leaves = memory.builder(0)
    fill(leaves, numbered(2000, 16))
    const position = memory.position(2)
    Object.assign(position, { level: 3, count: 4, slot: 5, bounded: true })
    position.separator.set(toBytes("abc"), 0, 3)
    position.upper.set(toBytes("abd"), 0, 3)
    memory.lastKey.set(toBytes("abc"), 0, 3)
    memory.scratch.set(toBytes("abc"), 0, 3)
    assert.isTrue(leaves.pages > 0 && !leaves.isEmpty)
    assert.strictEqual(memory.levels, 2)

    memory.begin(2, 2, new Budget())
    assert.strictEqual(memory.levels, 0)
    assert.strictEqual(memory.builder(0), leaves)
    assert.strictEqual(memory.levels, 1)
    assert.isTrue(leaves.isEmpty)
    assert.strictEqual(leaves.pages, 0)
    assert.strictEqual(memory.position(2), position)
    const { level, count, slot, bounded, separator, upper } = position
    assert.deepStrictEqual({ level, count, slot, bounded }, { level: 0, count: 0, slot: 0, bounded: false })
    assert.deepStrictEqual(
      [separator, upper, memory.lastKey, memory.scratch].map((it) => it.length),
      [0, 0, 0, 0]
    )
  })

  it("makes the same pages whatever a merge before has left", () => {
    const used = makeMemory()
    pagesOf(used.memory, used.run, 7, numbered(700, KEY_BYTES_MAX))
    used.memory.begin(8, 1, new Budget())
    fill(used.memory.builder(0), ["b", "c"])
    const fresh = makeMemory()
    // Page numbers of both have to be the same.
    pagesOf(fresh.memory, fresh.run, 7, numbered(700, KEY_BYTES_MAX))
    const keys = numbered(3000, 9)
    const pages = pagesOf(used.memory, used.run, 9, keys)
    const again = new MergeMemory(fresh.run)
    assert.deepStrictEqual(pages, pagesOf(again, fresh.run, 9, keys))
    assert.strictEqual(readU32(pages, TREE_AT), 9)
    assert.isAbove(pages.length, 3 * PAGE_BYTES)
  })

  it("counts every page that is built in the budget of the merge it is for", () => {
    const { memory, run } = makeMemory()
    const before = new Budget()
    memory.begin(1, 1, before)
    memory.builder(1)
    const budget = new Budget()
    run.discard()
    memory.begin(1, 1, budget)
    fill(memory.builder(0), numbered(2000, 16))
    assert.isBelow(budget.left, 0)
    assert.strictEqual(before.left, 0)
  })

  it("has no position beyond the levels that a tree can have", () => {
    const { memory } = makeMemory()
    assert.throws(() => memory.position(LEVELS_MAX + 1), /more levels/)
  })
})
