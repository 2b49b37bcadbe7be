import { assert, describe, it } from "@effect/vitest"
import { type DocumentValue, encode, type Value } from "../../src/Bson/Value.ts"
import { compileFilter } from "../../src/Match/Compile.ts"
import type { Filter } from "../../src/Match/Filter.ts"
import { Random } from "../Storage/Random.ts"

/** Names of which some begin others, or with the same letter. */
const NAMES = ["a", "ab", "abc", "b", "total", "type", ""]
const VALUES: ReadonlyArray<Value> = [1, 2.5, "x", null, true, [1, "x"], [], { a: 1 }, 2n]

function condition(random: Random): Filter {
  const path = random.pick(NAMES.slice(0, -1))
  const value = random.pick(VALUES)
  switch (random.below(6)) {
    case 0:
      return { op: "ne", path, value }
    case 1:
      return { op: "exists", path, value: random.chance(50) }
    case 2:
      return { op: "in", path, values: [value, 1] }
    case 3:
      return { op: "gt", path, value }
    case 4:
      return { op: "size", path, size: random.below(3) }
    default:
      return { op: "eq", path, value }
  }
}

/** A document with some of the fields, in any order. */
function document(random: Random): DocumentValue {
  const fields = NAMES.filter(() => random.chance(50)).toSorted(() => (random.chance(50) ? 1 : -1))
  return Object.fromEntries(fields.map((name) => [name, random.pick(VALUES)]))
}

describe("two conditions on two fields", () => {
  it("hold exactly when each of them holds", () => {
    const random = new Random(8)
    let held = 0
    for (let turn = 0; turn < 3000; turn++) {
      const of = [condition(random), condition(random)] as const
      const both = compileFilter({ op: "and", of })
      const [first, second] = [compileFilter(of[0]), compileFilter(of[1])]
      for (let number = 0; number < 8; number++) {
        const bytes = encode(document(random))
        const expected = first(bytes, 0) && second(bytes, 0)
        assert.strictEqual(
          both(bytes, 0),
          expected,
          JSON.stringify(of, (_, value) => (typeof value === "bigint" ? `${value}n` : value))
        )
        if (expected) held++
      }
    }
    assert.isAbove(held, 1000)
  })
})
