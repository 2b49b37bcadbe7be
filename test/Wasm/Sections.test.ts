import { assert, describe, it } from "@effect/vitest"
import { Fault } from "../../src/Fault/Fault.ts"
import { SectionReader } from "../../src/Wasm/Sections.ts"

describe("a vector", () => {
  it("is refused when it says more elements than its section has bytes", () => {
    const reader = new SectionReader(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2))
    try {
      reader.vector((it) => it.byte())
      assert.fail("it was taken")
    } catch (error) {
      assert.instanceOf(error, Fault)
      assert.include((error as Fault).message, "a vector reaches beyond its section")
    }
  })

  it("has its elements", () => {
    assert.deepStrictEqual(
      new SectionReader(Uint8Array.of(2, 7, 8)).vector((it) => it.byte()),
      [7, 8]
    )
  })
})
