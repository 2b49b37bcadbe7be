import { assert, describe, it } from "@effect/vitest"
import {
  Binary,
  BSONRegExp,
  Decimal128,
  decode,
  type DocumentValue,
  Double,
  encode,
  Key,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  type Value
} from "../../src/Bson/Value.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { compileFilter, FILTER_CONDITIONS_MAX, FILTER_DEPTH_MAX } from "../../src/Match/Compile.ts"
import type { Filter } from "../../src/Match/Filter.ts"
import { forSeeds, type Generator } from "../Bson/Generate.ts"
import { modelOrder } from "../Bson/Order.ts"

const matches = (filter: Filter, document: DocumentValue): boolean => compileFilter(filter)(encode(document), 0)

const missing = Symbol("missing")
type Seen = Value | typeof missing

const isDocument = (value: Value): value is DocumentValue =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** The values a path leads to, over JavaScript values. */
function valuesAt(components: ReadonlyArray<string>, value: Value): ReadonlyArray<Seen> {
  const [name, ...rest] = components
  if (name === undefined) return Array.isArray(value) ? [...value, value] : [value]
  if (isDocument(value)) {
    const next = Object.hasOwn(value, name) ? value[name] : undefined
    return next === undefined ? [missing] : valuesAt(rest, next)
  }
  if (!Array.isArray(value)) return [missing]
  const isPosition = /^\d+$/.test(name)
  return value.flatMap((item: Value, index) => [
    ...(isPosition && index === Number(name) ? valuesAt(rest, item) : []),
    ...(isDocument(item) && (!isPosition || Object.hasOwn(item, name)) ? valuesAt(components, item) : [])
  ])
}

const isNaNValue = (value: Value): boolean => (value instanceof Decimal128 ? value.toString() === "NaN" : Number.isNaN(value))

/** The class of a value, found by comparing with the least value of every class. */
const leastOfClass: ReadonlyArray<Value> = [
  new MinKey(),
  null,
  Number.NaN,
  "",
  {},
  [],
  new Binary(new Uint8Array(0)),
  new ObjectId("000000000000000000000000"),
  false,
  new Date(-8.64e15),
  new Timestamp({ t: 0, i: 0 }),
  new BSONRegExp(""),
  new MaxKey()
]
const classOf = (value: Value): number => leastOfClass.filter((least) => modelOrder(least, value) <= 0).length

function compareModel(op: "lt" | "le" | "gt" | "ge", value: Value, operand: Value): boolean {
  const order = modelOrder(value, operand)
  const isEnd = operand instanceof MinKey || operand instanceof MaxKey
  if (!isEnd) {
    if (classOf(value) !== classOf(operand)) return false
    if (isNaNValue(value) || isNaNValue(operand)) return order === 0 && (op === "le" || op === "ge")
  }
  return op === "lt" ? order < 0 : op === "le" ? order <= 0 : op === "gt" ? order > 0 : order >= 0
}

function model(filter: Filter, document: DocumentValue): boolean {
  switch (filter.op) {
    case "and":
      return filter.of.every((part) => model(part, document))
    case "or":
      return filter.of.some((part) => model(part, document))
    case "not":
      return !model(filter.of, document)
    default: {
      const found = valuesAt(filter.path.split("."), document)
      const seen = found.length === 0 ? [missing] : found
      const some = (test: (value: Value) => boolean): boolean => seen.some((value) => test(value === missing ? null : (value as Value)))
      switch (filter.op) {
        case "eq":
          return some((value) => modelOrder(value, filter.value) === 0)
        case "ne":
          return !some((value) => modelOrder(value, filter.value) === 0)
        case "in":
          return some((value) => filter.values.some((other) => modelOrder(value, other) === 0))
        case "notIn":
          return !some((value) => filter.values.some((other) => modelOrder(value, other) === 0))
        case "between":
          return some((value) => compareModel("ge", value, filter.low) && compareModel("le", value, filter.high))
        case "prefix":
          return some((value) => typeof value === "string" && value.startsWith(filter.value))
        case "exists":
          return seen.some((value) => value !== missing) === filter.value
        case "lt":
        case "le":
        case "gt":
        case "ge": {
          const { op, value: operand } = filter
          return some((value) => compareModel(op, value, operand))
        }
        default:
          throw new Error(`${filter.op} is checked by the model of test/Query`)
      }
    }
  }
}

function randomFilter(generator: Generator, document: DocumentValue, depth: number): Filter {
  const path = Array.from({ length: 1 + generator.below(2) }, () => generator.name()).join(".")
  // Operands that documents really hold make conditions that are sometimes true.
  const operand = (): Value => {
    const held = valuesAt(path.split("."), document).filter((value): value is Value => value !== missing)
    return held.length > 0 && generator.below(2) === 0 ? generator.pick(held.map((value) => ({ value }))).value : generator.value(1)
  }
  switch (generator.below(depth > 0 ? 11 : 8)) {
    case 0:
      return { op: generator.pick(["eq", "ne"] as const), path, value: operand() }
    case 1:
    case 2:
    case 3:
      return { op: generator.pick(["lt", "le", "gt", "ge"] as const), path, value: operand() }
    case 4:
      return { op: generator.pick(["in", "notIn"] as const), path, values: Array.from({ length: generator.below(5) }, operand) }
    case 5:
      return { op: "between", path, low: operand(), high: operand() }
    case 6:
      return { op: "prefix", path, value: generator.text() }
    case 7:
      return { op: "exists", path, value: generator.below(2) === 0 }
    case 8:
      return { op: "not", of: randomFilter(generator, document, depth - 1) }
    default:
      return {
        op: generator.pick(["and", "or"] as const),
        of: Array.from({ length: generator.below(4) }, () => randomFilter(generator, document, depth - 1))
      }
  }
}

describe("compileFilter", () => {
  it("agrees with the same rules over JavaScript values", () => {
    let held = 0
    forSeeds(15_000, (generator) => {
      const document = decode(encode(generator.document()))
      const filter = randomFilter(generator, document, 2)
      const expected = model(filter, document)
      assert.strictEqual(
        matches(filter, document),
        expected,
        JSON.stringify(filter, (_, own: unknown) => (typeof own === "bigint" ? `${own}n` : own))
      )
      if (expected) held++
    })
    assert.isAbove(held, 3000)
  })

  it("compares numbers by value whatever their encoding", () => {
    for (const value of [5, new Double(5), 5n, Decimal128.fromString("5.00")]) {
      for (const operand of [5, new Double(5), 5n, Decimal128.fromString("5")]) {
        assert.isTrue(matches({ op: "eq", path: "a", value: operand }, { a: value }))
        assert.isTrue(matches({ op: "le", path: "a", value: operand }, { a: value }))
        assert.isFalse(matches({ op: "lt", path: "a", value: operand }, { a: value }))
      }
    }
    assert.isFalse(matches({ op: "eq", path: "a", value: 2 ** 53 }, { a: 2n ** 53n + 1n }))
    assert.isTrue(matches({ op: "gt", path: "a", value: 2 ** 53 }, { a: 2n ** 53n + 1n }))
  })

  it("takes missing for null, and lets negations include it", () => {
    assert.isTrue(matches({ op: "eq", path: "a", value: null }, {}))
    assert.isTrue(matches({ op: "ne", path: "a", value: 5 }, {}))
    assert.isTrue(matches({ op: "notIn", path: "a", values: [5] }, {}))
    assert.isTrue(matches({ op: "not", of: { op: "gt", path: "a", value: 5 } }, {}))
    assert.isFalse(matches({ op: "ne", path: "a", value: null }, {}))
    assert.isTrue(matches({ op: "exists", path: "a", value: true }, { a: null }))
    assert.isTrue(matches({ op: "exists", path: "a.b", value: false }, { a: 5 }))
  })

  it("keeps ranges within the operand's class", () => {
    assert.isFalse(matches({ op: "lt", path: "a", value: 5 }, {}))
    assert.isFalse(matches({ op: "lt", path: "a", value: "b" }, { a: 5 }))
    assert.isFalse(matches({ op: "lt", path: "a", value: 5 }, { a: Number.NaN }))
    assert.isTrue(matches({ op: "lt", path: "a", value: new MaxKey() }, { a: "x" }))
    assert.isFalse(matches({ op: "between", path: "a", low: 1, high: "z" }, { a: 5 }))
  })

  it("matches an array when any element does, or the array as a whole", () => {
    const document = {
      tags: ["red", "blue"],
      lines: [
        { sku: "A", quantity: 1 },
        { sku: "B", quantity: 9 }
      ]
    }
    assert.isTrue(matches({ op: "eq", path: "tags", value: "blue" }, document))
    assert.isTrue(matches({ op: "eq", path: "tags", value: ["red", "blue"] }, document))
    assert.isFalse(matches({ op: "ne", path: "tags", value: "blue" }, document))
    assert.isTrue(matches({ op: "eq", path: "lines.sku", value: "B" }, document))
    assert.isTrue(matches({ op: "eq", path: "lines.1.sku", value: "B" }, document))
    assert.isFalse(matches({ op: "between", path: "lines.quantity", low: 2, high: 8 }, document))
    const each: Filter = {
      op: "and",
      of: [
        { op: "ge", path: "lines.quantity", value: 2 },
        { op: "le", path: "lines.quantity", value: 8 }
      ]
    }
    assert.isTrue(matches(each, document))
  })

  it("finds one value among many", () => {
    const values = Array.from({ length: 2000 }, (_, index) => (index % 2 === 0 ? index : `text ${index}`))
    const matches = compileFilter({ op: "in", path: "a", values })
    for (const value of values) assert.isTrue(matches(encode({ a: value }), 0))
    for (const value of [1, "text 2", null, {}]) assert.isFalse(matches(encode({ a: value }), 0))
  })

  it("compares keys, and reads documents at any offset", () => {
    const key = new Key(new Uint8Array(16).fill(9))
    const bytes = new Uint8Array(200)
    bytes.set(encode({ _id: key }), 77)
    assert.isTrue(compileFilter({ op: "eq", path: "_id", value: key })(bytes, 77))
  })

  it("may run a compiled filter on another document within a run", () => {
    const inner = compileFilter({ op: "gt", path: "a", value: 1 })
    const both = [encode({ a: 2 }), encode({ a: 1 })]
    assert.deepStrictEqual(
      both.map((bytes) => inner(bytes, 0)),
      [true, false]
    )
  })

  const refused: ReadonlyArray<[string, Filter, string]> = [
    ["an empty path", { op: "eq", path: "", value: 1 }, ""],
    ["an empty component", { op: "exists", path: "a..b", value: true }, "a..b"],
    ["undefined", { op: "eq", path: "a", value: undefined as unknown as Value }, "a"],
    ["a value without BSON form", { op: "in", path: "a", values: [1, (() => 1) as unknown as Value] }, "a"],
    ["too many values", { op: "in", path: "a", values: new Array<number>(FILTER_CONDITIONS_MAX + 1).fill(1) }, "a"]
  ]
  for (const [what, filter, path] of refused) {
    it(`refuses ${what}`, () => {
      try {
        compileFilter(filter)
        assert.fail("was accepted")
      } catch (error) {
        if (!isFault<{ _tag: "InvalidFilter"; path: string }>(error, "InvalidFilter")) throw error
        assert.strictEqual(error.reason.path, path)
      }
    })
  }

  it("refuses filters that are too deep or too large", () => {
    let deep: Filter = { op: "eq", path: "a", value: 1 }
    for (let depth = 0; depth < FILTER_DEPTH_MAX; depth++) deep = { op: "not", of: deep }
    assert.throws(() => compileFilter(deep), /nest/)
    const wide: Filter = { op: "or", of: Array.from({ length: FILTER_CONDITIONS_MAX }, (): Filter => ({ op: "eq", path: "a", value: 1 })) }
    assert.throws(() => compileFilter(wide), /at most/)
  })
})
