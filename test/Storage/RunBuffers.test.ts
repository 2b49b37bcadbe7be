import { assert, describe, it } from "@effect/vitest"
import { RUN_BUFFER_BYTES, RunBuffers } from "../../src/Storage/RunBuffers.ts"

describe("buffers for runs", () => {
  it("have one owner each, and are handed out again when they were given back", () => {
    const buffers = new RunBuffers()
    const first = buffers.take()
    const second = buffers.take()
    assert.notStrictEqual(first, second)
    assert.strictEqual(first.length, RUN_BUFFER_BYTES)
    buffers.give(second)
    assert.strictEqual(buffers.take(), second)
    assert.notStrictEqual(buffers.take(), second)
  })

  it("are kept up to 16, and none of another size", () => {
    const buffers = new RunBuffers()
    const taken = Array.from({ length: 20 }, () => buffers.take())
    for (const buffer of taken) buffers.give(buffer)
    buffers.give(new Uint8Array(2 * RUN_BUFFER_BYTES))
    const again = Array.from({ length: 20 }, () => buffers.take())
    assert.lengthOf(
      again.filter((it) => taken.includes(it)),
      16
    )
    assert.isTrue(again.every((it) => it.length === RUN_BUFFER_BYTES))
  })
})
