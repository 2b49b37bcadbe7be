import { assert, describe, it } from "vitest"
import { encode, type Value } from "../../src/Bson/Value.ts"
import { compileLayout, Locator } from "../../src/Template/Locator.ts"
import { randomFrom } from "./Shop.ts"
import { findElement, fieldName, valueOffset } from "../../src/Bson/View.ts"

const names = ["_id", "a", "ab", "abc", "abcd", "abcde", "customer", "customers", "custome", "total", "lines", "é", "x".repeat(40)]
const values: ReadonlyArray<Value> = [1, 1.5, "text", "", null, true, { a: 1 }, [1, 2], new Date(0), 5n]

function check(locator: Locator, document: Record<string, Value>, offset: number): void {
  const encoded = encode(document)
  const bytes = new Uint8Array(offset + encoded.length)
  bytes.set(encoded, offset)
  locator.find(bytes, new DataView(bytes.buffer), offset)
  for (const [index, name] of locator.names.entries()) {
    const element = findElement(bytes, offset, name)
    const type = locator.found[2 * index]
    const right = element < 0 ? type === 0 : type === bytes[element] && locator.found[2 * index + 1] === valueOffset(bytes, element)
    if (!right) assert.fail(`field ${index} of a document with ${Object.keys(document).join()}`)
  }
}

describe("a locator", () => {
  it("finds what a plain search finds, in documents of any shape", () => {
    const random = randomFrom(5)
    const pick = <T>(from: ReadonlyArray<T>): T => from[Math.floor(random() * from.length)]!
    for (let round = 0; round < 200; round++) {
      const wanted = names.filter(() => random() < 0.4)
      const locator = new Locator(wanted, new Int32Array(2 * wanted.length), compileLayout)
      const usual = names.filter(() => random() < 0.7)
      for (let document = 0; document < 80; document++) {
        const order = random() < 0.1 ? usual.toSorted(() => random() - 0.5) : usual
        const fields = order.filter(() => random() < 0.9).map((name): [string, Value] => [name, pick(values)])
        if (random() < 0.1) fields.splice(Math.floor(random() * fields.length), 0, ["other", 1])
        check(locator, Object.fromEntries(fields), Math.floor(random() * 9))
      }
    }
  })

  it("walks documents of the usual shape without a miss, also when some of their fields are missing", () => {
    const locator = new Locator(["a", "lines", "total"], new Int32Array(6), compileLayout)
    const usual = { _id: 1, a: "x", b: 2, lines: [], total: 1.5 }
    check(locator, usual, 0)
    assert.strictEqual(locator.misses, 1)
    for (let round = 0; round < 100; round++) {
      check(locator, usual, 3)
      check(locator, { _id: 1, lines: [], total: 5 }, 0)
      check(locator, { a: "x", b: "other type" }, 0)
      check(locator, {}, 0)
    }
    assert.strictEqual(locator.misses, 1)
  })

  it("learns a second shape and stops learning after a few", () => {
    const locator = new Locator(["a"], new Int32Array(2), compileLayout)
    for (let round = 0; round < 2000; round++) check(locator, { [`x${round}`]: 1, a: 2 }, 0)
    assert.isAtLeast(locator.misses, 6)
    const other = new Locator(["a"], new Int32Array(2), compileLayout)
    for (let round = 0; round < 100; round++) check(other, round % 2 === 0 ? { b: 1, a: 2 } : { c: 1, a: 2 }, 0)
    assert.isAtMost(other.misses, 20)
  })

  it("never takes the tail of a name for the name", () => {
    const locator = new Locator(["b", "abcd"], new Int32Array(4), compileLayout)
    check(locator, { abcd: 1, b: 2 }, 0)
    check(locator, { abce: 1, ab: 2 }, 0)
    check(locator, { xabcd: 1, bb: 2 }, 0)
    assert.deepEqual([...fieldName("b")], [0x62, 0])
  })
})
