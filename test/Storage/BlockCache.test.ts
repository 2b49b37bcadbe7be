import { assert, describe, it } from "@effect/vitest"
import { type Block, OVERLAPPED_BYTES, BlockCache } from "../../src/Storage/BlockCache.ts"

const block = () => new Uint8Array(OVERLAPPED_BYTES)

describe("a cache of blocks", () => {
  it("lets every block in while there is room", () => {
    const cache = new BlockCache(2 * OVERLAPPED_BYTES)
    assert.isTrue(cache.admits(1, 7))
    cache.add([], 7, block(), OVERLAPPED_BYTES)
    assert.isTrue(cache.admits(1, 8))
    cache.add([], 8, block(), OVERLAPPED_BYTES)
    assert.isFalse(cache.admits(1, 9))
  })

  it("lets a block in when it is missed a second time, soon, once it is full", () => {
    const cache = new BlockCache(64 * OVERLAPPED_BYTES)
    for (let number = 0; number < 64; number++) cache.add([], number, block(), OVERLAPPED_BYTES)
    assert.isFalse(cache.admits(1, 7))
    assert.isTrue(cache.admits(1, 7))
    assert.isFalse(cache.admits(2, 7))
    for (let number = 100; number < 2000; number++) cache.admits(1, number)
    assert.isFalse(cache.admits(1, 7), "that it was missed before is forgotten")
  })

  it("forgets blocks that were not used lately before those that were", () => {
    const cache = new BlockCache(4 * OVERLAPPED_BYTES)
    const home: Array<Block | undefined> = []
    for (let number = 0; number < 4; number++) cache.add(home, number, block(), OVERLAPPED_BYTES)
    cache.add(home, 4, block(), OVERLAPPED_BYTES)
    home[2]!.isUsed = true
    cache.add(home, 5, block(), OVERLAPPED_BYTES)
    cache.add(home, 6, block(), OVERLAPPED_BYTES)
    assert.isDefined(home[2])
    assert.strictEqual(home.filter((it) => it !== undefined).length, 4)
  })
})
