import { assert, describe, it } from "@effect/vitest"
import { decimalText, parseDecimal, writeSmallDecimal } from "../../src/Bson/Decimal.ts"
import { Decimal128 } from "../../src/Bson/Value.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { forSeeds } from "./Generate.ts"

describe("decimalText", () => {
  it("prints as npm bson does", () => {
    forSeeds(20_000, (generator) => {
      const value = generator.below(3) === 0 ? generator.number() : generator.decimal()
      if (value instanceof Decimal128) assert.strictEqual(decimalText(value.bytes, 0), value.toString())
    })
    for (const text of [
      "0.000001",
      "1E-7",
      "-0.00",
      "123.450",
      "1E+3",
      "0E+3",
      "NaN",
      "-Infinity",
      "9999999999999999999999999999999999E+6111"
    ]) {
      const value = Decimal128.fromString(text)
      assert.strictEqual(decimalText(value.bytes, 0), value.toString())
    }
  })
})

describe("parseDecimal", () => {
  it("reads 34 digits and refuses to round more", () => {
    assert.strictEqual(decimalText(parseDecimal("-1234567890123456789012345678901.234"), 0), "-1234567890123456789012345678901.234")
    for (const text of ["1.2345678901234567890123456789012345", "", "1,5", "abc", "1e99999"]) {
      try {
        parseDecimal(text)
        assert.fail(`took ${text}`)
      } catch (error) {
        assert.isTrue(isFault(error, "InvalidValue"), text)
      }
    }
  })
})

describe("writeSmallDecimal", () => {
  it("writes what npm bson writes", () => {
    const bytes = new Uint8Array(16)
    for (const [negative, magnitude, exponent, text] of [
      [false, 0, 0, "0"],
      [true, 150, -2, "-1.50"],
      [false, Number.MAX_SAFE_INTEGER, 0, "9007199254740991"],
      [false, 4294967296, 3, "4294967296E+3"]
    ] as const) {
      writeSmallDecimal(bytes, 0, negative, magnitude, exponent)
      assert.deepStrictEqual(bytes, new Uint8Array(Decimal128.fromString(text).bytes))
    }
  })
})
