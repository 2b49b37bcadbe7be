import { assert, describe, it } from "@effect/vitest"
import { decodeSegment, PAIRS_MAX, readPairs } from "../../src/Wasm/UrlEncoded.ts"

describe("text in a URL", () => {
  it("decodes the escapes of a segment and leaves + alone", () => {
    assert.strictEqual(decodeSegment("a%2Fb+c"), "a/b+c")
    assert.strictEqual(decodeSegment("%C3%BC"), "ü")
  })

  it.each(["%", "%2", "%zz", "%ff", "%C3"])("refuses the broken escape %s", (text) => {
    assert.isUndefined(decodeSegment(text))
  })

  it("reads the pairs of a query in their order", () => {
    assert.deepStrictEqual(readPairs("a=1&b=x+y&a=2&empty=&alone&&c=d=e"), [
      ["a", "1"],
      ["b", "x y"],
      ["a", "2"],
      ["empty", ""],
      ["alone", ""],
      ["c", "d=e"]
    ])
    assert.deepStrictEqual(readPairs(""), [])
  })

  it("names the value whose escape is broken", () => {
    assert.deepInclude(readPairs("a=1&page=%zz"), { name: "page" })
    assert.deepInclude(readPairs("%zz=1"), { name: "%zz" })
  })

  it("takes no more pairs than its limit", () => {
    assert.isArray(readPairs("a=1&".repeat(PAIRS_MAX)))
    assert.notTypeOf(readPairs("a=1&".repeat(PAIRS_MAX + 1)), "array")
  })
})
