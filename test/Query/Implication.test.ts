import { assert, describe, it } from "@effect/vitest"
import type { Value } from "../../src/Bson/Value.ts"
import { encode } from "../../src/Bson/Value.ts"
import { compileFilter } from "../../src/Match/Compile.ts"
import { conditionOf, conjunctsOf } from "../../src/Query/Condition.ts"
import { holds, requirementOf } from "../../src/Query/Implication.ts"
import { Operands } from "../../src/Query/Operands.ts"
import { Shape } from "../../src/Query/Shape.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import type { IndexFilter, StoreDefinition } from "../../src/Schema/Definition.ts"
import type { Store, StoreIndex } from "../../src/Storage/Reader.ts"
import { Random } from "../Storage/Random.ts"

type Filter = IndexFilter<Value>

const STORE: StoreDefinition = {
  name: "things",
  idKind: "key",
  schema: {
    s: { type: "union", members: [{ type: "number" }, { type: "string" }], optional: true, nullable: true },
    m: { type: "any", optional: true }
  },
  indexes: []
}

/** Whether an index with this filter, or a sparse one over `s`, serves a statement with that filter. */
function serves(where: Filter | "sparse", statement: Filter): boolean {
  const definition = { name: "i", on: [{ path: "s", direction: "asc" as const }], ...(where === "sparse" ? { sparse: true as const } : {}) }
  const index: StoreIndex = { id: 1, definition, ready: true, filter: where === "sparse" ? undefined : where }
  const store: Store = { id: 1, definition: STORE, indexes: [index] }
  const bytes = encodeStatement({ kind: "find", store: "things", filter: statement })
  const shape = new Shape()
  shape.scan(0, bytes, 0)
  const operands = new Operands()
  operands.load(shape, bytes, [])
  const requirement = requirementOf(store, conjunctsOf(conditionOf(statement, 0).condition), index)
  return requirement !== undefined && (requirement.guard === undefined || holds(requirement.guard, operands))
}

const is = (op: "eq" | "ne" | "lt" | "le" | "gt" | "ge", value: Value, path = "s"): Filter => ({ op, path, value })
const among = (op: "in" | "notIn", values: ReadonlyArray<Value>, path = "s"): Filter => ({ op, path, values })
const between = (low: Value, high: Value): Filter => ({ op: "between", path: "s", low, high })

describe("implication", () => {
  const implied: ReadonlyArray<readonly [Filter | "sparse", Filter]> = [
    [is("eq", 1), is("eq", 1)],
    [is("eq", null), is("eq", null)],
    [is("ge", 1), is("gt", 1)],
    [is("gt", 1), is("gt", 1)],
    [is("gt", 1), is("eq", 2)],
    [is("lt", 5), between(1, 4)],
    [between(0, 10), between(0, 10)],
    [is("gt", 1), among("in", [2, 3])],
    [among("in", [1, 2, null]), is("eq", null)],
    [among("in", [1, 2]), among("in", [2])],
    [is("ne", 1), is("eq", 2)],
    [is("ne", 1), is("ne", 1)],
    [is("ne", 1), among("notIn", [1, 2])],
    [is("ne", null), is("gt", 1)],
    [among("notIn", [1, 2]), is("eq", "x")],
    [
      { op: "prefix", path: "s", value: "ab" },
      { op: "prefix", path: "s", value: "abc" }
    ],
    [{ op: "prefix", path: "s", value: "ab" }, is("eq", "abx")],
    [{ op: "exists", path: "s", value: true }, is("eq", 1)],
    [
      { op: "exists", path: "s", value: false },
      { op: "exists", path: "s", value: false }
    ],
    [{ op: "or", of: [is("eq", 1), is("eq", 2)] }, is("eq", 2)],
    [{ op: "and", of: [is("gt", 1), is("lt", 5)] }, is("eq", 2)],
    [is("eq", 1, "m"), is("eq", 1, "m")],
    ["sparse", is("eq", 1)],
    ["sparse", between("a", "b")],
    ["sparse", { op: "prefix", path: "s", value: "" }]
  ]
  const notImplied: ReadonlyArray<readonly [Filter | "sparse", Filter]> = [
    [is("eq", 1), is("eq", 2)],
    [is("eq", 1), among("in", [1, 2])],
    [is("gt", 1), is("ge", 1)],
    [is("gt", 1), is("gt", "a")],
    [is("gt", 1), is("lt", 5)],
    [between(0, 10), is("gt", 0)],
    [is("lt", 5), between(1, 5)],
    [is("ne", 1), is("eq", 1)],
    [is("ne", 1, "m"), is("eq", 2, "m")],
    [is("ne", null), is("eq", null)],
    [among("notIn", [1, 2]), is("ne", 1)],
    [
      { op: "prefix", path: "s", value: "abc" },
      { op: "prefix", path: "s", value: "ab" }
    ],
    [{ op: "exists", path: "s", value: true }, is("eq", null)],
    [{ op: "exists", path: "s", value: true }, is("ne", 1)],
    [is("gt", 1), is("ge", Number.NaN)],
    [
      { op: "not", of: is("eq", 1) },
      { op: "not", of: is("eq", 1) }
    ],
    [is("gt", 1), { op: "or", of: [is("eq", 2), is("eq", 3)] }],
    ["sparse", is("eq", null)],
    ["sparse", is("le", null)],
    ["sparse", is("ne", 1)],
    ["sparse", { op: "exists", path: "s", value: true }]
  ]

  it("recognises what follows from a statement", () => {
    for (const [where, statement] of implied) assert.isTrue(serves(where, statement), JSON.stringify([where, statement]))
  })

  it("does not take for implied what is not, or is not known to be", () => {
    for (const [where, statement] of notImplied) assert.isFalse(serves(where, statement), JSON.stringify([where, statement]))
  })

  it("is never wrong: whatever a served statement finds, the index has", () => {
    const random = new Random(7)
    const values: ReadonlyArray<Value> = [null, 0, 1, 2, 2.5, "a", "ab", "abc", "", Number.NaN]
    const leaf = (path: string): Filter => {
      const [value, other] = [random.pick(values), random.pick(values)]
      return random.pick<Filter>([
        { op: random.pick(["eq", "ne", "lt", "le", "gt", "ge"] as const), path, value },
        { op: random.pick(["in", "notIn"] as const), path, values: [value, other] },
        { op: "between", path, low: value, high: other },
        { op: "prefix", path, value: random.pick(["", "a", "ab"]) },
        { op: "exists", path, value: random.chance(50) }
      ])
    }
    const field = (): Value => (random.chance(40) ? [random.pick(values), random.pick(values)] : random.pick(values))
    const documents = Array.from({ length: 200 }, () => ({
      ...(random.chance(85) ? { s: random.pick(values) } : {}),
      ...(random.chance(85) ? { m: field() } : {})
    })).map((document) => encode(document))
    let served = 0
    for (let round = 0; round < 6000; round++) {
      const path = random.pick(["s", "m"])
      const where = random.chance(20) ? { op: "or" as const, of: [leaf(path), leaf("s")] } : leaf(path)
      const statement: Filter = random.chance(50) ? leaf(path) : { op: "and", of: [leaf(path), leaf("m")] }
      if (!serves(where, statement)) continue
      served++
      const isAsked = compileFilter(statement)
      const isThere = compileFilter(where)
      const missed = documents.find((document) => isAsked(document, 0) && !isThere(document, 0))
      assert.isUndefined(missed, JSON.stringify([where, statement]))
    }
    assert.isAbove(served, 300)
  })
})
