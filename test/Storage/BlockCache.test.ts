import { assert, describe, it } from "@effect/vitest"
import { ALONE, BlockCache, KEPT, PLACE_BYTES, PASSING, SegmentBlocks } from "../../src/Storage/BlockCache.ts"
import { Random } from "./Random.ts"

/** A cache of so many blocks, and reading through it: whether the block was there. */
function reading(blocks: number): {
  readonly home: SegmentBlocks
  readonly read: (number: number) => boolean
  readonly leave: () => void
} {
  return readingOf(new BlockCache(blocks * PLACE_BYTES))
}

function readingOf(cache: BlockCache): ReturnType<typeof reading> {
  const owner = cache.enter()
  const home = new SegmentBlocks(owner)
  const read = (number: number): boolean => {
    if (has(home, number)) {
      home.used[number] = 1
      return true
    }
    const stay = cache.admits(owner, 1, number)
    if (stay !== ALONE) cache.add(home, number, new Uint8Array(1), stay)
    return false
  }
  const leave = (): void => cache.leave(owner)
  return { home, leave, read }
}

const has = (home: SegmentBlocks, number: number): boolean => home.bytes[number] !== undefined
const present = (home: SegmentBlocks): number => home.bytes.filter((it) => it !== undefined).length

describe("a cache of blocks", () => {
  it("lets every block in while there is room", () => {
    const { home, read } = reading(300)
    for (let number = 0; number < 200; number++) read(number)
    assert.strictEqual(present(home), 200)
  })

  it("never holds more than it may", () => {
    const { home, read } = reading(300)
    const random = new Random(2)
    for (let turn = 0; turn < 50_000; turn++) read(random.below(1000))
    assert.isAtMost(present(home), 300)
  })

  it("leaves blocks that are used in place when others are asked for as often", () => {
    const { home, read } = reading(400)
    const random = new Random(3)
    for (let number = 0; number < 400; number++) read(number)
    for (let turn = 0; turn < 20_000; turn++) read(random.below(400))
    const before = home.bytes.map((it) => it !== undefined)
    let loads = 0
    for (let turn = 0; turn < 20_000; turn++) {
      const number = random.below(500)
      if (!read(number) && has(home, number)) loads++
    }
    const stayed = before.filter((was, number) => was && has(home, number)).length
    assert.isAbove(stayed, 300)
    assert.isBelow(loads, 2500)
  })

  it("has turned to what is asked for now after one round", () => {
    const { read } = reading(300)
    for (let turn = 0; turn < 3000; turn++) read(turn % 200)
    const random = new Random(4)
    for (let turn = 0; turn < 3000; turn++) read(1000 + random.below(200))
    let hits = 0
    for (let turn = 0; turn < 1000; turn++) if (read(1000 + random.below(200))) hits++
    assert.isAbove(hits, 950)
  })

  it("reads a block in for a short time when it was missed a moment ago", () => {
    const cache = new BlockCache(300 * PLACE_BYTES)
    const owner = cache.enter()
    const home = new SegmentBlocks(owner)
    // Of 300 places 64 are for blocks that stay for a short time.
    for (let number = 0; number < 236; number++) cache.add(home, number, new Uint8Array(1), KEPT)
    assert.strictEqual(cache.admits(owner, 1, 1000), ALONE)
    assert.strictEqual(cache.admits(owner, 1, 1000), PASSING)
    cache.add(home, 1000, new Uint8Array(1), PASSING)
    assert.isTrue(has(home, 1000))
    for (let number = 2000; number < 2064; number++) cache.add(home, number, new Uint8Array(1), PASSING)
    assert.isFalse(has(home, 1000))
    assert.isTrue(has(home, 0))
  })

  it("leaves a log its sure part while another one reads without end, and gives all of it to that one when it is closed", () => {
    const cache = new BlockCache(800 * PLACE_BYTES)
    const [idle, busy] = [readingOf(cache), readingOf(cache)]
    for (let number = 0; number < 800; number++) idle.read(number)
    const random = new Random(5)
    for (let turn = 0; turn < 20_000; turn++) busy.read(random.below(700))
    const held = present(idle.home)
    assert.isAtLeast(held, 90)
    assert.isAtMost(held, 100)
    assert.isAbove(present(busy.home), 600)
    assert.isAtMost(cache.bytes, 800 * PLACE_BYTES)
    idle.leave()
    assert.strictEqual(present(idle.home), 0)
    for (let turn = 0; turn < 20_000; turn++) busy.read(random.below(700))
    assert.strictEqual(present(busy.home), 700)
  })

  it("does with a single block", () => {
    const { home, read } = reading(1)
    for (let turn = 0; turn < 10; turn++) read(turn % 3)
    assert.isAtMost(present(home), 1)
  })
})
