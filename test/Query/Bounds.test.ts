import { assert, describe, it } from "@effect/vitest"
import { compareRanges } from "../../src/Bson/Compare.ts"
import { Decimal128, encode, MaxKey, MinKey, type Value } from "../../src/Bson/Value.ts"
import { encodeValue, KeyWriter } from "../../src/Index/KeyEncoding.ts"
import type { IndexAccess } from "../../src/Query/Access.ts"
import type { Filter } from "../../src/Query/Ast.ts"
import { BoundsBuilder } from "../../src/Query/Bounds.ts"
import { conditionOf, type Leaf } from "../../src/Query/Condition.ts"
import { Operands } from "../../src/Query/Operands.ts"
import { Shape } from "../../src/Query/Shape.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import { Random } from "../Storage/Random.ts"
import { matches } from "./Model.ts"

const LONG = "x".repeat(1500)
const VALUES: ReadonlyArray<Value> = [
  null,
  false,
  true,
  -1,
  0,
  -0,
  1,
  1.5,
  2,
  1n,
  9007199254740993n,
  Decimal128.fromString("1.0"),
  Decimal128.fromString("NaN"),
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  "",
  "a",
  "a\u0000",
  "a\u0001",
  "ab",
  "b",
  `${LONG}a`,
  `${LONG}b`,
  LONG,
  new Date(0),
  new Date(1),
  { a: 1 },
  {},
  { a: LONG }
]
const OPERANDS: ReadonlyArray<Value> = [...VALUES, new MinKey(), new MaxKey()]

function entryOf(values: ReadonlyArray<Value>, directions: ReadonlyArray<boolean>): Uint8Array {
  const writer = new KeyWriter()
  values.forEach((value, index) => {
    const bytes = encode({ "": value })
    encodeValue(writer, bytes, bytes[4]!, 6, directions[index]!)
  })
  return writer.bytes.slice(0, writer.length)
}

/** Ranges of an index on `a`, `b`, … with these filters on their fields; the last one may be a range. */
function build(filters: ReadonlyArray<Filter>, directions: ReadonlyArray<boolean>, rangesMax = 1000): BoundsBuilder {
  const filter: Filter = { op: "and", of: filters }
  const statement = encodeStatement({ kind: "find", store: "s", filter })
  const shape = new Shape()
  shape.scan(0, statement, 0)
  const operands = new Operands()
  operands.load(shape, statement, [])
  const { condition } = conditionOf(filter, 0)
  const leaves = (condition.op === "and" ? condition.of : []) as ReadonlyArray<Leaf>
  const bound: Array<IndexAccess["bound"][number]> = []
  let range: IndexAccess["range"]
  let field = 0
  for (const leaf of leaves) {
    const descending = directions[field]!
    if (leaf.op === "eq" || leaf.op === "in") {
      bound.push({ leaf, descending })
      field++
    } else if (leaf.op === "between" || leaf.op === "prefix") range = { descending, low: leaf, high: leaf }
    else if (leaf.op === "gt" || leaf.op === "ge") range = { descending, high: undefined, ...range, low: leaf }
    else range = { descending, low: undefined, ...range, high: leaf }
  }
  const index = { id: 1, ready: true, definition: { name: "i", on: [] } }
  const builder = new BoundsBuilder(rangesMax)
  builder.build({ kind: "index", index, bound, range, guard: undefined, covered: [], isMultikey: false, repeats: false }, operands)
  return builder
}

function holds(builder: BoundsBuilder, entry: Uint8Array): number {
  return builder.ranges.filter(
    ({ high, low }) =>
      compareRanges(entry, 0, entry.length, low, 0, low.length) >= 0 &&
      (high === undefined || compareRanges(entry, 0, entry.length, high, 0, high.length) < 0)
  ).length
}

/** Every document that matches has its entry in exactly one range; when the ranges are exact, no other one is in any. */
function check(
  filters: ReadonlyArray<Filter>,
  directions: ReadonlyArray<boolean>,
  documents: ReadonlyArray<ReadonlyArray<Value>>,
  rangesMax?: number
): void {
  const builder = build(filters, directions, rangesMax)
  for (const values of documents) {
    const document = Object.fromEntries(values.map((value, index) => ["abc"[index]!, value]))
    const expected = filters.every((filter) => matches(document, filter))
    const found = holds(builder, entryOf(values, directions))
    const message = `${String(JSON.stringify(filters, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value))).slice(0, 300)} on ${String(values).slice(0, 100)}`
    if (expected) assert.strictEqual(found, 1, message)
    else if (builder.exact) assert.strictEqual(found, 0, message)
  }
  for (let index = 1; index < builder.ranges.length; index++) {
    const before = builder.ranges[index - 1]!.high
    const { low } = builder.ranges[index]!
    assert.isTrue(
      before !== undefined && compareRanges(before, 0, before.length, low, 0, low.length) <= 0,
      "ranges ascend and do not overlap"
    )
  }
}

describe("bounds", () => {
  const single = VALUES.map((value) => [value])

  for (const descending of [false, true]) {
    const direction = descending ? "descending" : "ascending"

    it(`hold what one comparison lets through, and nothing else, for every value and operand (${direction})`, () => {
      for (const value of OPERANDS) {
        for (const op of ["eq", "lt", "le", "gt", "ge"] as const) check([{ op, path: "a", value }], [descending], single)
      }
      for (const value of ["", "a", "a\u0000", LONG, `${LONG}a`]) check([{ op: "prefix", path: "a", value }], [descending], single)
    })

    it(`hold what two ends let through (${direction})`, () => {
      for (const low of OPERANDS) {
        for (const high of OPERANDS) {
          check([{ op: "between", path: "a", low, high }], [descending], single)
          check(
            [
              { op: "gt", path: "a", value: low },
              { op: "le", path: "a", value: high }
            ],
            [descending],
            single
          )
        }
      }
    })

    it(`hold each value of a list once (${direction})`, () => {
      const random = new Random(4)
      for (let round = 0; round < 300; round++) {
        const values = Array.from({ length: random.below(6) }, () => random.pick(VALUES))
        check([{ op: "in", path: "a", values }], [descending], single)
      }
    })
  }

  it("join fields, whatever their directions, and stay right when values are too long or combinations too many", () => {
    const random = new Random(9)
    for (let round = 0; round < 800; round++) {
      const directions = [random.chance(50), random.chance(50), random.chance(50)]
      const list = (): Array<Value> => Array.from({ length: random.below(4) }, () => random.pick(VALUES))
      const filters: ReadonlyArray<Filter> = [
        random.chance(50) ? { op: "eq", path: "a", value: random.pick(VALUES) } : { op: "in", path: "a", values: list() },
        random.chance(50) ? { op: "eq", path: "b", value: random.pick(VALUES) } : { op: "in", path: "b", values: list() },
        { op: random.pick(["lt", "le", "gt", "ge"] as const), path: "c", value: random.pick(OPERANDS) }
      ].slice(0, 1 + random.below(3)) as ReadonlyArray<Filter>
      const documents = Array.from({ length: 40 }, () => Array.from({ length: 3 }, () => random.pick(VALUES)))
      check(filters, directions, documents, random.pick([1, 4, 1000]))
    }
  })
})
