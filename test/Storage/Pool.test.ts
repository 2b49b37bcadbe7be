import { assert, describe, it } from "@effect/vitest"
import { Pool } from "../../src/Storage/Pool.ts"

describe("bytes that several share", () => {
  it("are all for one who is alone, and no more", () => {
    const part = new Pool(1000).join()
    part.take(900)
    assert.isTrue(part.hasRoom(100))
    assert.isFalse(part.hasRoom(101))
  })

  it("are never refused up to the part that is sure to each, whatever the others have", () => {
    const pool = new Pool(800)
    const greedy = pool.join()
    const modest = pool.join()
    while (greedy.hasRoom(10)) greedy.take(10)
    assert.strictEqual(greedy.heldBytes, 700)
    assert.isTrue(modest.hasRoom(100))
    assert.isFalse(modest.hasRoom(101))
    modest.take(100)
    assert.strictEqual(pool.heldBytes, 800)
  })

  it("go to another one when they were given back, and whoever was refused hears of it once", () => {
    const pool = new Pool(800)
    const calls: Array<string> = []
    const first = pool.join({ roomMade: () => calls.push("first") })
    const second = pool.join({ roomMade: () => calls.push("second") })
    first.take(700)
    first.give(10)
    assert.deepStrictEqual(calls, [])
    assert.isFalse(second.hasRoom(200))
    first.give(300)
    assert.deepStrictEqual(calls, ["first", "second"])
    assert.isTrue(second.hasRoom(200))
    first.give(100)
    assert.lengthOf(calls, 2)
  })

  it("are asked back from the others before anybody is refused", () => {
    const pool = new Pool(800)
    const busy = pool.join()
    const idle = pool.join({ reclaim: () => idle.give(idle.heldBytes) })
    idle.take(600)
    assert.isTrue(busy.hasRoom(500))
    assert.strictEqual(idle.heldBytes, 0)
  })

  it("come back with who leaves", () => {
    const pool = new Pool(800)
    const [stays, leaves] = [pool.join(), pool.join()]
    leaves.take(700)
    assert.isFalse(stays.hasRoom(800))
    leaves.leave()
    assert.isTrue(stays.hasRoom(800))
    assert.strictEqual(pool.heldBytes, 0)
  })
})
