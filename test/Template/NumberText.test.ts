import { assert, describe, it } from "vitest"
import { decimalText } from "../../src/Bson/Decimal.ts"
import { Decimal128, encodeValue } from "../../src/Bson/Value.ts"
import { decimalInto, fixedDecimalInto, fixedText, fixedTwoInto, grouped } from "../../src/Template/NumberText.ts"
import { Reference } from "../../src/Template/Values.ts"
import { randomFrom } from "./Shop.ts"

const out = new Uint8Array(64)
const written = (end: number) => (end < 0 ? undefined : new TextDecoder().decode(out.subarray(0, end)))
const decimal = (text: string) => {
  const { bytes, type, at } = encodeValue(Decimal128.fromString(text))
  return new Reference(bytes, type, at)
}

/** Rounding written a second time, on the digits. */
function rounded(text: string, decimals: number): string {
  const [, sign = "", digits = "", exponent = ""] = /^(-?)(\d+)E([+-]?\d+)$/.exec(text)!
  const zeros = Number(exponent) + decimals
  let scaled = zeros >= 0 ? BigInt(digits) * 10n ** BigInt(zeros) : BigInt(digits) / 10n ** BigInt(-zeros)
  if (zeros < 0 && digits.padStart(1 - zeros, "0").at(zeros)! >= "5") scaled += 1n
  const all = String(scaled).padStart(decimals + 1, "0")
  return decimals === 0 ? sign + all : `${sign}${all.slice(0, -decimals)}.${all.slice(-decimals)}`
}

describe("numbers with fixed decimals", () => {
  it("are what toFixed(2) writes", () => {
    const random = randomFrom(3)
    let quick = 0
    const check = (value: number) => {
      const text = written(fixedTwoInto(out, 0, value))
      if (text === undefined) return
      quick++
      if (text !== value.toFixed(2)) assert.fail(`${value} became ${text}`)
    }
    for (const value of [0, -0, 0.005, 1.005, -0.001, 0.994999, 19999999.99, 2e7, -2e7, 1e300, Number.NaN, Number.POSITIVE_INFINITY])
      check(value)
    for (let round = 0; round < 30_000; round++) {
      const value = (random() - 0.5) * 10 ** Math.floor(random() * 9)
      check(value)
      check(Math.round(value * 1000) / 1000)
      check(Math.round(value * 100) / 100)
    }
    assert.isAbove(quick, 60_000)
  })

  it("of decimals are exact, with halves away from zero", () => {
    const random = randomFrom(4)
    let quick = 0
    for (let round = 0; round < 10_000; round++) {
      const digits = String(Math.floor(random() * 10 ** Math.floor(random() * 17)))
      const text = `${random() < 0.3 ? "-" : ""}${digits}E${Math.floor(random() * 24) - 20}`
      const value = decimal(text)
      const decimals = Math.floor(random() * 16)
      assert.strictEqual(fixedText(value, decimals), rounded(text, decimals), `${text} with ${decimals}`)
      const fixed = written(fixedDecimalInto(out, 0, value.bytes, value.at, decimals))
      if (fixed !== undefined) assert.strictEqual(fixed, rounded(text, decimals), `${text} with ${decimals}`)
      const plain = written(decimalInto(out, 0, value.bytes, value.at))
      if (plain !== undefined) assert.strictEqual(plain, decimalText(value.bytes, value.at))
      if (fixed !== undefined && plain !== undefined) quick++
    }
    assert.isAbove(quick, 1500)
    assert.strictEqual(fixedText(decimal("9999999999999999999999999999999999"), 2), "9999999999999999999999999999999999.00")
    assert.strictEqual(fixedText(decimal("1E+6000"), 2), "1E+6000")
    assert.strictEqual(fixedText(decimal("1E-6000"), 2), "0.00")
    assert.strictEqual(fixedText(decimal("NaN"), 2), "NaN")
  })

  it("are grouped by three digits", () => {
    assert.deepEqual(
      ["1", "123", "1234", "-1234567.891", "1e+21", "NaN"].map((text) => grouped(text, ".", ",")),
      ["1", "123", "1.234", "-1.234.567,891", "1e+21", "NaN"]
    )
    assert.strictEqual(grouped("1234567.5", "$&", "$1"), "1$&234$&567$15")
  })
})
