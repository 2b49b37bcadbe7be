import { assert, describe, it } from "@effect/vitest"
import { ID_BYTES_MAX, KeyMemo, PLACES } from "../../src/Bson/KeyMemo.ts"

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe("KeyMemo", () => {
  it("tells the key of exactly the id and kind it was made of", () => {
    const memo = new KeyMemo(16)
    const key = new Uint8Array(16).fill(9)
    const into = new Uint8Array(16)
    const id = text("--customer-1--")
    assert.isFalse(memo.find(2, id, 2, 10, into))
    memo.add(2, id, 2, 10, key)
    assert.isTrue(memo.find(2, text("customer-1"), 0, 10, into))
    assert.deepStrictEqual(into, key)
    assert.isFalse(memo.find(3, text("customer-1"), 0, 10, into))
    assert.isFalse(memo.find(2, text("customer-2"), 0, 10, into))
    assert.isFalse(memo.find(2, text("customer-1"), 0, 9, into))
  })

  it("is never wrong when many more ids come than it has places for", () => {
    const memo = new KeyMemo(4)
    const into = new Uint8Array(4)
    const ids = PLACES * 3
    for (let number = 0; number < ids; number++) {
      const id = text(`id ${number}`)
      memo.add(2, id, 0, id.length, new Uint8Array(new Uint32Array([number]).buffer))
    }
    let known = 0
    for (let number = 0; number < ids; number++) {
      const id = text(`id ${number}`)
      if (!memo.find(2, id, 0, id.length, into)) continue
      known++
      assert.strictEqual(new Uint32Array(into.buffer)[0], number)
    }
    assert.isAbove(known, PLACES / 4)
  })

  it("leaves long ids alone", () => {
    const memo = new KeyMemo(16)
    const id = new Uint8Array(ID_BYTES_MAX + 1).fill(65)
    memo.add(2, id, 0, id.length, new Uint8Array(16))
    assert.isFalse(memo.find(2, id, 0, id.length, new Uint8Array(16)))
    memo.add(2, id, 0, ID_BYTES_MAX, new Uint8Array(16))
    assert.isTrue(memo.find(2, id, 0, ID_BYTES_MAX, new Uint8Array(16)))
  })
})
