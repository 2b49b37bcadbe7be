import { assert, describe, it } from "@effect/vitest"
import { encode, type Value } from "../../src/Bson/Value.ts"
import { elementName, fieldName, firstElement, nextElement } from "../../src/Bson/View.ts"
import { TwoFields } from "../../src/Match/Fields.ts"
import { Random } from "../Storage/Random.ts"

const NAMES = ["", "a", "b", "ab", "abc", "abcd", "abcde", "customer", "customers", "café"]

/** The first field of a name, as the plainest walk finds it. */
function placeOf(bytes: Uint8Array, at: number, end: number, name: string): number {
  for (let element = firstElement(at); element < end; element = nextElement(bytes, element)) {
    if (elementName(bytes, element) === name) return element
  }
  return -1
}

function randomValue(random: Random): Value {
  const values: ReadonlyArray<Value> = [
    1,
    "text",
    "x".repeat(random.below(20)),
    true,
    null,
    { a: 1 },
    [1, 2],
    new Uint8Array(3),
    1.5,
    new Date(5)
  ]
  return values[random.below(values.length)] ?? null
}

/** Some fields in some order, among them often the ones looked for; each time with other values. */
function randomFields(random: Random): ReadonlyArray<string> {
  return NAMES.filter(() => random.below(2) === 0).toSorted(() => random.below(3) - 1)
}

describe("TwoFields", () => {
  it("finds what a plain walk finds, in documents that are alike and in others between them", () => {
    const random = new Random(7)
    const fields = new TwoFields()
    const names = new Map(NAMES.map((name) => [name, fieldName(name)]))
    let found = 0
    for (let round = 0; round < 300; round++) {
      const [first = "", second = ""] = [NAMES[random.below(NAMES.length)], NAMES[random.below(NAMES.length)]]
      const alike = randomFields(random)
      const values = new Map(alike.map((name) => [name, randomValue(random)]))
      for (let document = 0; document < 20; document++) {
        const isOther = random.below(5) === 0
        const of = (isOther ? randomFields(random) : alike).map((name) => {
          const value = isOther || random.below(30) === 0 ? randomValue(random) : values.get(name)
          return [name, typeof value === "string" ? "y".repeat(random.below(30)) : (value ?? null)] as const
        })
        const encoded = encode(Object.fromEntries(of))
        // Behind other bytes, and with nothing or with something else behind it.
        const at = random.below(3)
        const bytes = new Uint8Array(at + encoded.length + random.below(6)).fill(0x61)
        bytes.set(encoded, at)
        fields.find(bytes, at, names.get(first)!, names.get(second)!)
        const end = at + encoded.length - 1
        const expected = [placeOf(bytes, at, end, first), placeOf(bytes, at, end, second)]
        assert.deepStrictEqual([fields.first, fields.second], expected)
        if (fields.first >= 0) found++
      }
    }
    assert.isAbove(found, 1000)
  })

  it("tells documents apart that differ in one name, one type, or one field more", () => {
    const fields = new TwoFields()
    const [buyer, who] = [fieldName("buyer"), fieldName("who")]
    const find = (document: Record<string, Value>): ReadonlyArray<boolean> => {
      const bytes = new Uint8Array([...encode(document), 0, 0, 0, 0])
      fields.find(bytes, 0, buyer, who)
      return [fields.first >= 0, fields.second >= 0]
    }
    for (let time = 0; time < 3; time++) assert.deepStrictEqual(find({ _id: 1, buyer: "a", note: "n" }), [true, false])
    assert.deepStrictEqual(find({ _id: 1, buyer: "a", who: "n" }), [true, true])
    assert.deepStrictEqual(find({ _id: 1, buyes: "a", note: "n" }), [false, false])
    assert.deepStrictEqual(find({ _id: 1, buyer: 5, note: "n" }), [true, false])
    assert.deepStrictEqual(find({ _id: 1, buyer: "a", note: "n", who: 1 }), [true, true])
    assert.deepStrictEqual(find({ _id: 1, buyer: "a" }), [true, false])
    assert.deepStrictEqual(find({ _id: 1 }), [false, false])
  })
})
