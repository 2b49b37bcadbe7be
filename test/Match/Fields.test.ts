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

/** The same fields in their order, some with another value, and seldom one more or one less. */
function alike(random: Random, of: DocumentValue): DocumentValue {
  const fields = Object.entries(of).map(([name, value]) => [name, random.chance(85) ? value : random.pick(VALUES)] as const)
  if (random.chance(10)) fields.splice(random.below(fields.length + 1), random.below(2), ["more", random.pick(VALUES)])
  return Object.fromEntries(fields)
}

/** The document behind other bytes, and with nothing or with something else behind it. */
function placed(random: Random, of: DocumentValue): { readonly bytes: Uint8Array; readonly at: number } {
  const encoded = encode(of)
  const at = random.below(3)
  const bytes = new Uint8Array(at + encoded.length + random.below(6)).fill(0x61)
  bytes.set(encoded, at)
  return { bytes, at }
}

describe("two conditions on two fields", () => {
  it("hold exactly when each of them holds, in documents that are alike and in others between them", () => {
    const random = new Random(8)
    let held = 0
    for (let turn = 0; turn < 3000; turn++) {
      const of = [condition(random), condition(random)] as const
      const both = compileFilter({ op: "and", of })
      const [first, second] = [compileFilter(of[0]), compileFilter(of[1])]
      const like = document(random)
      for (let number = 0; number < 24; number++) {
        const { at, bytes } = placed(random, random.chance(70) ? alike(random, like) : document(random))
        const expected = first(bytes, at) && second(bytes, at)
        assert.strictEqual(
          both(bytes, at),
          expected,
          JSON.stringify(of, (_, value) => (typeof value === "bigint" ? `${value}n` : value))
        )
        if (expected) held++
      }
    }
    assert.isAbove(held, 3000)
  })
})
