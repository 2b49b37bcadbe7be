import { assert, describe, it } from "@effect/vitest"
import { checkField, checkFields, checkStore, FIELD_DEPTH_MAX, FIELDS_MAX } from "../../src/Schema/Check.ts"
import type { Field, StoreDefinition } from "../../src/Schema/Definition.ts"
import { difference } from "../../src/Schema/Difference.ts"
import { INDEX_FILTER_DEPTH_MAX } from "../../src/Schema/IndexFilter.ts"
import { ISSUES_MAX, type Issue } from "../../src/Schema/Issue.ts"
import { forSeeds } from "../Bson/Generate.ts"

const shape = (issues: ReadonlyArray<Issue>): ReadonlyArray<string> => issues.map((issue) => `${issue.pointer} ${issue.code}`)

const orders: StoreDefinition = {
  name: "orders",
  idKind: "key",
  schema: {
    number: { type: "string" },
    customer: { type: "string", maxLength: 80 },
    status: { type: "literals", values: ["pending", "paid", "cancelled"] },
    total: { type: "decimal", default: "0.00" },
    lines: { type: "array", items: { type: "struct", fields: { sku: { type: "string" }, quantity: { type: "int", min: 1 } } } },
    labels: { type: "record", values: { type: "string" }, optional: true },
    address: { type: "struct", fields: { city: { type: "string" } }, optional: true },
    placedAt: { type: "date", nullable: true }
  },
  indexes: [
    {
      name: "byCustomer",
      on: [
        { path: "customer", direction: "asc" },
        { path: "placedAt", direction: "desc" }
      ]
    },
    { name: "byCity", on: [{ path: "address.city", direction: "asc" }] }
  ]
}

function nested(depth: number): unknown {
  return depth === 0 ? { op: "exists", path: "number", value: true } : { op: "not", of: nested(depth - 1) }
}

describe("checkStore", () => {
  it("accepts a good definition, also after a way through JSON", () => {
    assert.deepStrictEqual(checkStore(orders), [])
    assert.deepStrictEqual(checkStore(JSON.parse(JSON.stringify(orders))), [])
  })

  it("refuses what is no definition at all", () => {
    for (const value of [null, undefined, 5, "x", [], [orders]]) assert.deepStrictEqual(shape(checkStore(value)), [" type"])
    assert.deepStrictEqual(shape(checkStore({})).slice(0, 4), [
      "/name required",
      "/idKind required",
      "/schema required",
      "/indexes required"
    ])
  })

  it("refuses names that guests may not use, unknown kinds and members", () => {
    assert.deepStrictEqual(shape(checkStore({ ...orders, name: "$jobs", idKind: "number", extra: 1 })), [
      "/extra unknown_field",
      "/name invalid",
      "/idKind invalid"
    ])
    assert.deepStrictEqual(shape(checkStore({ ...orders, schema: { _id: { type: "int" } }, indexes: [] })), ["/schema/_id invalid"])
  })

  it("takes the three levels of durability, and no other", () => {
    for (const durability of ["fsync", "interval", "memory"]) assert.deepStrictEqual(checkStore({ ...orders, durability }), [])
    assert.deepStrictEqual(shape(checkStore({ ...orders, durability: "often" })), ["/durability invalid"])
  })

  it("takes unique, sparse, partial and expiring indexes, and paths through arrays", () => {
    const schema = { ...orders.schema, placedAt: { type: "date" }, tags: { type: "array", items: { type: "string" } } }
    const on = (path: string) => [{ path, direction: "asc" }]
    const where = {
      op: "and",
      of: [
        { op: "in", path: "number", values: ["1", null] },
        {
          op: "or",
          of: [
            { op: "between", path: "placedAt", low: "2026-01-01T00:00:00Z", high: "2026-02-01T00:00:00Z" },
            { op: "eq", path: "tags", value: "x" }
          ]
        },
        { op: "not", of: { op: "exists", path: "lines.sku", value: false } },
        { op: "prefix", path: "number", value: "A" }
      ]
    }
    const indexes = [
      { name: "a", on: on("number"), unique: true, sparse: true },
      { name: "b", on: [...on("number"), ...on("lines.sku")], where },
      { name: "c", on: on("placedAt"), expireAfterMs: 0 },
      { name: "d", on: on("lines.0.sku") },
      { name: "e", on: on("tags") }
    ]
    assert.deepStrictEqual(checkStore({ ...orders, schema, indexes }), [])
  })

  it("refuses options of indexes that make no sense, with a pointer", () => {
    const schema = { ...orders.schema, placedAt: { type: "date" } }
    const on = (...paths: ReadonlyArray<string>) => paths.map((path) => ({ path, direction: "asc" }))
    const whereOf = (where: unknown) => ({ name: "a", on: on("number"), where })
    const refused: ReadonlyArray<readonly [unknown, ReadonlyArray<string>]> = [
      [{ name: "a", on: on("number"), unique: false, sparse: 1 }, ["/indexes/0/unique invalid", "/indexes/0/sparse invalid"]],
      [{ name: "a", on: on("number"), expireAfterMs: 5 }, ["/indexes/0/expireAfterMs invalid"]],
      [{ name: "a", on: on("placedAt", "number"), expireAfterMs: 5 }, ["/indexes/0/expireAfterMs invalid"]],
      [{ name: "a", on: on("placedAt"), expireAfterMs: -1 }, ["/indexes/0/expireAfterMs invalid"]],
      [{ name: "a", on: on("lines.sku", "lines") }, ["/indexes/0/on/1/path unsupported"]],
      [whereOf("x"), ["/indexes/0/where/op invalid"]],
      [whereOf({ op: "like", path: "number", value: 1 }), ["/indexes/0/where/op invalid"]],
      [whereOf({ op: "eq", path: "nowhere", value: 1 }), ["/indexes/0/where/path invalid"]],
      [whereOf({ op: "eq", path: "number", value: 1 }), ["/indexes/0/where/value invalid"]],
      [whereOf({ op: "gt", path: "placedAt", value: "soon" }), ["/indexes/0/where/value invalid"]],
      [whereOf({ op: "eq", path: "number" }), ["/indexes/0/where/value required"]],
      [whereOf({ op: "or", of: [] }), ["/indexes/0/where/of invalid"]],
      [whereOf({ op: "in", path: "number", values: ["1", 2] }), ["/indexes/0/where/values/1 invalid"]],
      [
        whereOf({ op: "exists", path: "number", value: "yes", more: 1 }),
        ["/indexes/0/where/more unknown_field", "/indexes/0/where/value invalid"]
      ],
      [whereOf(nested(INDEX_FILTER_DEPTH_MAX)), [`/indexes/0/where${"/of".repeat(INDEX_FILTER_DEPTH_MAX)} invalid`]]
    ]
    for (const [index, expected] of refused) assert.deepStrictEqual(shape(checkStore({ ...orders, schema, indexes: [index] })), expected)
  })

  it("refuses indexes with wrong names, paths and directions", () => {
    const on = [{ path: "number", direction: "asc" }]
    const indexes = [
      { name: "a", on },
      { name: "a", on },
      { name: "1", on: [] },
      { name: "b", on: [{ path: "nowhere", direction: "asc" }] },
      { name: "c", on: [{ path: "number.more", direction: "up" }] },
      { name: "d", on: [...on, ...on] },
      { name: "e", on: "number" },
      "f",
      { name: "g", on: [{ path: "address..city", direction: "asc", more: 1 }] },
      { name: "h", on: [{ path: "lines.0", direction: "asc" }] },
      { name: "i", on: [{ path: "lines.nowhere", direction: "asc" }] },
      { name: "j", on: [{ path: "_id", direction: "asc" }] },
      { name: "k", on: [{ path: 5, direction: "asc" }] }
    ]
    assert.deepStrictEqual(shape(checkStore({ ...orders, indexes })), [
      "/indexes/1/name duplicate",
      "/indexes/2/name invalid",
      "/indexes/2/on type",
      "/indexes/3/on/0/path invalid",
      "/indexes/4/on/0/path invalid",
      "/indexes/4/on/0/direction invalid",
      "/indexes/5/on/1/path duplicate",
      "/indexes/6/on type",
      "/indexes/7 type",
      "/indexes/8/on/0/more unknown_field",
      "/indexes/8/on/0/path invalid",
      "/indexes/10/on/0/path invalid",
      "/indexes/11/on/0/path invalid",
      "/indexes/12/on/0/path type"
    ])
  })
})

describe("checkField", () => {
  const bad: ReadonlyArray<[unknown, ReadonlyArray<string>]> = [
    [5, [" type"]],
    [{}, ["/type invalid"]],
    [{ type: "text" }, ["/type invalid"]],
    [{ type: "constructor" }, ["/type invalid"]],
    [{ type: "int", minimum: 1 }, ["/minimum unknown_field"]],
    [{ type: "int", min: "1" }, ["/min invalid"]],
    [{ type: "int", max: 2 ** 31 }, ["/max invalid"]],
    [{ type: "int", min: 5, max: 4 }, ["/min invalid"]],
    [{ type: "long", min: 1 }, ["/min invalid"]],
    [{ type: "long", min: "9223372036854775808" }, ["/min invalid"]],
    [{ type: "long", min: "10", max: "9" }, ["/min invalid"]],
    [{ type: "number", min: Number.NaN }, ["/min invalid"]],
    [{ type: "string", minLength: -1, pattern: "(" }, ["/minLength invalid", "/pattern invalid"]],
    [{ type: "string", minLength: 3, maxLength: 2 }, ["/minLength invalid"]],
    [{ type: "string", optional: false }, ["/optional invalid"]],
    [{ type: "literals", values: [] }, ["/values type"]],
    [{ type: "literals", values: ["a", "a", {}] }, ["/values/1 duplicate", "/values/2 invalid"]],
    [{ type: "array" }, ["/items required"]],
    [{ type: "array", items: { type: "x" } }, ["/items/type invalid"]],
    [
      { type: "struct", fields: { "a.b": { type: "int" }, $c: { type: "int" }, "": 5 } },
      ["/fields/a.b invalid", "/fields/$c invalid", "/fields/ invalid", "/fields/ type"]
    ],
    [{ type: "union", members: [] }, ["/members type"]],
    [{ type: "union", members: [{ type: "int", optional: true }] }, ["/members/0 invalid"]],
    [{ type: "int", default: "5" }, ["/default type"]],
    [{ type: "int", max: 4, default: 5 }, ["/default too_large"]],
    [{ type: "struct", fields: { a: { type: "date" } }, default: { a: "soon" } }, ["/default/a invalid"]],
    [{ type: "any", default: () => 1 }, ["/default invalid"]],
    [{ type: "int", default: null }, ["/default type"]]
  ]
  for (const [value, expected] of bad) {
    it(`refuses ${JSON.stringify(value)}`, () => assert.deepStrictEqual(shape(checkField(value)), expected))
  }

  it("accepts every type with all its members", () => {
    const good: ReadonlyArray<Field> = [
      { type: "string", minLength: 1, maxLength: 5, pattern: "^\\p{L}+$", default: "abc" },
      { type: "int", min: -1, max: 1, default: 0 },
      { type: "long", min: "-5", max: "5", default: 1 },
      { type: "number", default: 1.5 },
      { type: "decimal", default: "1.50" },
      { type: "date", default: "2026-01-01", optional: true },
      { type: "key", store: "orders" },
      { type: "binary", maxLength: 5, default: "AQI=" },
      { type: "array", items: { type: "uuid" }, minItems: 0, maxItems: 3, default: [] },
      { type: "record", values: { type: "objectId" }, maxEntries: 3, nullable: true, default: null },
      { type: "union", members: [{ type: "boolean" }, { type: "any", nullable: true }] }
    ]
    for (const field of good) assert.deepStrictEqual(checkField(field), [], field.type)
  })

  it("bounds depth, number of fields and number of issues", () => {
    let deep: unknown = { type: "int" }
    for (let level = 0; level < FIELD_DEPTH_MAX; level++) deep = { type: "array", items: deep }
    assert.include(shape(checkField(deep)).join(), "invalid")
    const many = Object.fromEntries(Array.from({ length: FIELDS_MAX + 50 }, (_, index) => [`f${index}`, { type: "int" }]))
    assert.deepStrictEqual(shape(checkFields(many)), [" invalid"])
    const wrong = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`f${index}`, 5]))
    assert.strictEqual(checkFields(wrong).length, ISSUES_MAX)
  })

  it("says something about any value whatever, and throws about none", () => {
    forSeeds(3000, (generator) => {
      const value: unknown =
        generator.below(2) === 0
          ? generator.document(3)
          : { type: generator.pick(["int", "struct", "union", "literals"]), ...generator.document(2) }
      assert.isArray(checkField(value))
      assert.isArray(checkFields(value))
      assert.isArray(checkStore(value))
    })
  })
})

describe("difference", () => {
  const change = (schema: StoreDefinition["schema"], more: Partial<StoreDefinition> = {}): ReadonlyArray<string> =>
    difference(orders, { ...orders, schema: { ...orders.schema, ...schema }, ...more }).map((one) => `${one.pointer} ${one.additive}`)

  it("finds none between equal definitions", () => assert.deepStrictEqual(difference(orders, structuredClone(orders)), []))

  it("calls additive what old documents already fulfil", () => {
    assert.deepStrictEqual(change({ note: { type: "string", optional: true } }), ["/schema/note true"])
    assert.deepStrictEqual(change({ note: { type: "string", default: "" } }), ["/schema/note true"])
    assert.deepStrictEqual(change({ customer: { type: "string", maxLength: 90 } }), ["/schema/customer/maxLength true"])
    assert.deepStrictEqual(change({ customer: { type: "string" } }), ["/schema/customer/maxLength true"])
    assert.deepStrictEqual(change({ status: { type: "literals", values: ["pending", "paid", "cancelled", "late"] } }), [
      "/schema/status/values true"
    ])
    assert.deepStrictEqual(change({ number: { type: "union", members: [{ type: "string" }, { type: "int" }] } }), [
      "/schema/number/type true"
    ])
    assert.deepStrictEqual(change({}, { indexes: [] }).length, 2)
    assert.deepStrictEqual(change({}, { durability: "memory" }), ["/durability true"])
  })

  it("calls everything else what it is: in need of a migration", () => {
    assert.deepStrictEqual(change({ note: { type: "string" } }), ["/schema/note false"])
    assert.deepStrictEqual(change({ customer: { type: "string", maxLength: 10 } }), ["/schema/customer/maxLength false"])
    assert.deepStrictEqual(change({ placedAt: { type: "date" } }), ["/schema/placedAt false"])
    assert.deepStrictEqual(change({ number: { type: "int" } }), ["/schema/number/type false"])
    assert.deepStrictEqual(change({ status: { type: "literals", values: ["pending"] } }), ["/schema/status/values false"])
    assert.deepStrictEqual(change({}, { idKind: "uuid", name: "bills" }), ["/name false", "/idKind false"])
    const { number: _number, ...rest } = orders.schema
    assert.deepStrictEqual(
      difference(orders, { ...orders, schema: rest }).map((one) => one.additive),
      [false]
    )
    const lines: Field = {
      type: "array",
      items: { type: "struct", fields: { sku: { type: "string" }, quantity: { type: "int", min: 2 } } }
    }
    assert.deepStrictEqual(change({ lines }), ["/schema/lines/items/fields/quantity/min false"])
  })
})
