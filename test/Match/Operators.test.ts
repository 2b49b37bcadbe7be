/** The operators that look into texts and arrays, one by one; `test/Query/Find.test.ts` holds them against a model. */
import { assert, describe, it } from "@effect/vitest"
import {
  BSONRegExp,
  Decimal128,
  type DocumentValue,
  encode,
  Key,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
  type Value
} from "../../src/Bson/Value.ts"
import { compileFilter } from "../../src/Match/Compile.ts"
import type { Filter } from "../../src/Match/Filter.ts"
import { PATTERN_LENGTH_MAX } from "../../src/Match/Regex.ts"
import { TYPE_NAMES } from "../../src/Match/TypeName.ts"

const matches = (filter: Filter, document: DocumentValue): boolean => compileFilter(filter)(encode(document), 0)

describe("conditions on texts", () => {
  it("find a text at the end and anywhere, by bytes", () => {
    for (const [text, part, anywhere, atEnd] of [
      ["Bananas", "nan", true, false],
      ["Bananas", "nas", true, true],
      ["Bananas", "", true, true],
      ["", "", true, true],
      ["", "a", false, false],
      ["aaab", "aab", true, true],
      ["a\u0000b", "\u0000", true, false],
      ["grün", "ün", true, true],
      ["grün", "un", false, false],
      ["😀", "😀", true, true]
    ] as const) {
      assert.strictEqual(matches({ op: "contains", path: "a", value: part }, { a: text }), anywhere, `${text} contains ${part}`)
      assert.strictEqual(matches({ op: "suffix", path: "a", value: part }, { a: text }), atEnd, `${text} ends with ${part}`)
    }
    assert.isTrue(matches({ op: "contains", path: "tags", value: "geta" }, { tags: ["vegetarian", 5] }))
    assert.isFalse(matches({ op: "suffix", path: "a", value: "1" }, { a: 1 }))
  })

  it("match patterns anywhere, with flags, in linear time", () => {
    const regex = (pattern: string, flags = ""): Filter => ({ op: "regex", path: "a", pattern, flags })
    assert.isTrue(matches(regex("n.n"), { a: "Bananas" }))
    assert.isFalse(matches(regex("^n"), { a: "Bananas" }))
    assert.isTrue(matches(regex("^BAN", "i"), { a: "Bananas" }))
    assert.isTrue(matches(regex("^b$", "m"), { a: "a\nb" }))
    assert.isFalse(matches(regex("a.b"), { a: "a\nb" }))
    assert.isTrue(matches(regex("a.b", "s"), { a: "a\nb" }))
    assert.isTrue(matches(regex("^.$"), { a: "😀" }))
    assert.isTrue(matches(regex("\\p{Lu}"), { a: ["x", "É"] }))
    assert.isFalse(matches(regex("1"), { a: 1 }))
    assert.isFalse(matches(regex("^(a+)+$"), { a: `${"a".repeat(100_000)}b` }))
  })

  it("refuse patterns that need more than linear time, or are none", () => {
    for (const [pattern, flags, words] of [
      ["(?=a)", "", /linear-time/],
      ["(a)\\1", "", /linear-time/],
      ["[", "", /missing closing/],
      ["a", "g", /no flags/],
      ["a", "ii", /no flags/],
      ["a".repeat(PATTERN_LENGTH_MAX + 1), "", /at most/]
    ] as const) {
      assert.throws(() => compileFilter({ op: "regex", path: "a", pattern, flags }), words)
    }
  })
})

describe("conditions on types", () => {
  const samples: Readonly<Record<string, Value>> = {
    array: [],
    binary: new Uint8Array(3),
    boolean: true,
    date: new Date(0),
    decimal: Decimal128.fromString("1"),
    document: {},
    double: 1.5,
    int: 1,
    key: new Key(new Uint8Array(16)),
    long: 1n,
    maxKey: new MaxKey(),
    minKey: new MinKey(),
    null: null,
    objectId: new ObjectId("000000000000000000000000"),
    regex: new BSONRegExp("a"),
    string: "a",
    timestamp: new Timestamp({ t: 1, i: 1 }),
    uuid: new UUID("0190a5c2-d7f0-7d3a-8c1e-5b6f7a8b9c0d")
  }

  it("know every BSON type, the numbers together, and the two kinds of ids", () => {
    assert.deepStrictEqual([...TYPE_NAMES], [...Object.keys(samples), "number"].toSorted())
    for (const [name, value] of Object.entries(samples)) {
      const found = TYPE_NAMES.filter((type) => matches({ op: "type", path: "a", type }, { a: value }))
      const also = ["double", "int", "long", "decimal"].includes(name) ? ["number"] : ["key", "uuid"].includes(name) ? ["binary"] : []
      assert.deepStrictEqual(found, [name, ...also].toSorted(), name)
    }
  })

  it("look at elements too, and not at what is missing", () => {
    assert.isTrue(matches({ op: "type", path: "a", type: "string" }, { a: [1, "b"] }))
    assert.isTrue(matches({ op: "type", path: "a", type: "array" }, { a: [1, "b"] }))
    assert.isFalse(matches({ op: "type", path: "a", type: "null" }, {}))
    assert.throws(() => compileFilter({ op: "type", path: "a", type: "text" }), /no type/)
  })
})

describe("conditions on arrays", () => {
  const lines = [
    { sku: "A", quantity: 1 },
    { sku: "B", quantity: 9 }
  ]
  const both: Filter = {
    op: "and",
    of: [
      { op: "eq", path: "sku", value: "A" },
      { op: "gt", path: "quantity", value: 5 }
    ]
  }

  it("count elements of the array itself", () => {
    assert.isTrue(matches({ op: "size", path: "a", size: 2 }, { a: [[], []] }))
    assert.isFalse(matches({ op: "size", path: "a", size: 1 }, { a: [[1], [2]] }))
    assert.isTrue(matches({ op: "size", path: "a", size: 0 }, { a: [] }))
    assert.isFalse(matches({ op: "size", path: "a", size: 0 }, {}))
    assert.isTrue(matches({ op: "size", path: "a.b", size: 1 }, { a: [{ b: [1] }] }))
    assert.throws(() => compileFilter({ op: "size", path: "a", size: 1.5 }), /whole number/)
  })

  it("bind all conditions of any to one element", () => {
    assert.isFalse(matches({ op: "any", path: "lines", of: both }, { lines }))
    assert.isTrue(matches({ op: "any", path: "lines", of: both }, { lines: [...lines, { sku: "A", quantity: 6 }] }))
    assert.isFalse(matches({ op: "any", path: "lines", of: both }, { lines: { sku: "A", quantity: 6 } }))
    const within: Filter = { op: "between", path: "", low: 2, high: 8 }
    assert.isTrue(matches({ op: "any", path: "a", of: within }, { a: [1, 5, 9] }))
    assert.isFalse(matches({ op: "any", path: "a", of: { op: "not", of: within } }, { a: [5] }))
    assert.isTrue(matches({ op: "any", path: "a", of: { op: "any", path: "", of: within } }, { a: [[1], [5]] }))
  })

  it("let all hold for every element, and for an empty array", () => {
    const positive: Filter = { op: "all", path: "lines", of: { op: "gt", path: "quantity", value: 0 } }
    assert.isTrue(matches(positive, { lines }))
    assert.isTrue(matches(positive, { lines: [] }))
    assert.isFalse(matches(positive, {}))
    assert.isFalse(matches(positive, { lines: [...lines, 5] }))
  })

  it("take an element that is no document for nothing a filter of fields could hold for", () => {
    assert.isFalse(matches({ op: "any", path: "a", of: { op: "ne", path: "x", value: 1 } }, { a: [5] }))
    assert.isTrue(
      matches(
        {
          op: "any",
          path: "a",
          of: {
            op: "or",
            of: [
              { op: "eq", path: "", value: 5 },
              { op: "eq", path: "x", value: 1 }
            ]
          }
        },
        { a: [5] }
      )
    )
  })

  it("let contains find any value in an array, and nowhere else", () => {
    assert.isTrue(matches({ op: "contains", path: "a", value: 5 }, { a: [Decimal128.fromString("5.0")] }))
    assert.isFalse(matches({ op: "contains", path: "a", value: 5 }, { a: 5 }))
  })
})
