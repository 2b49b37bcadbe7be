import { assert, describe, it } from "@effect/vitest"
import { Random } from "../../src/Disk/Random.ts"
import { Staging } from "../../src/Wal/Staging.ts"

describe("Staging", () => {
  it("keeps what is staged in order while it is filled and emptied", () => {
    const random = new Random(1)
    const staging = new Staging(200_000)
    const model: Array<number> = []
    let counter = 0
    for (let step = 0; step < 5000; step++) {
      const count = 1 + random.below(3000)
      if (random.chance(0.6) && staging.hasRoom(count)) {
        const at = staging.reserve(count)
        for (let index = 0; index < count; index++) {
          staging.bytes[at + index] = counter & 0xff
          model.push(counter++ & 0xff)
        }
      } else if (model.length > 0) {
        const released = 1 + random.below(model.length)
        const head = staging.bytes.slice(staging.head, staging.head + released)
        assert.deepStrictEqual([...head], model.splice(0, released))
        staging.release(released)
      }
      assert.strictEqual(staging.length, model.length)
      assert.isAtMost(staging.bytes.length, 200_000)
      assert.strictEqual(staging.view.buffer, staging.bytes.buffer)
    }
  })

  it("has room up to its maximum, and for one longer record alone", () => {
    const staging = new Staging(1000)
    assert.isTrue(staging.hasRoom(5000))
    staging.reserve(400)
    assert.isTrue(staging.hasRoom(600))
    assert.isFalse(staging.hasRoom(601))
    staging.release(400)
    staging.reserve(5000)
    assert.isAtLeast(staging.bytes.length, 5000)
    staging.release(5000)
    assert.isAtMost(staging.bytes.length, 1000, "the room of the long record is given back")
  })
})
