import { assert, describe, it } from "@effect/vitest"
import { Random } from "./Random.ts"
import { Slabs } from "../../src/Storage/Slabs.ts"

describe("room in slabs", () => {
  it("is never handed out twice, starts at a multiple of 8, and is as large as asked for", () => {
    const random = new Random(3)
    const slabs = new Slabs()
    const taken = Array.from({ length: 3000 }, (_, index) => {
      const length = random.chance(3) ? random.below(200_000) : random.below(600)
      slabs.take(length)
      const { bytes, at } = slabs
      assert.strictEqual(at % 8, 0)
      assert.isAtMost(at + length, bytes.length)
      bytes.fill(index & 0xff, at, at + length)
      return { bytes, at, length, mark: index & 0xff }
    })
    for (const { bytes, at, length, mark } of taken) assert.isTrue(bytes.subarray(at, at + length).every((byte) => byte === mark))
  })
})
