import { assert, describe, it } from "@effect/vitest"
import { encode, type Value } from "../../src/Bson/Value.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import type { Statement } from "../../src/Query/Ast.ts"
import type { QueryReason } from "../../src/Query/Reasons.ts"
import { Shape, SHAPE_BYTES_MAX, SLOTS_MAX } from "../../src/Query/Shape.ts"
import { encodeFilter } from "../../src/Query/FilterBson.ts"
import { decodeStatement, encodeStatement } from "../../src/Query/StatementBson.ts"
import type { StatementKind } from "../../src/Query/StatementMembers.ts"
import { Random } from "../Storage/Random.ts"
import { randomFind } from "./Things.ts"

type Document = { readonly [name: string]: Value }

function refusal(kind: StatementKind, document: Document): string {
  try {
    decodeStatement(kind, encode(document), 0)
  } catch (error) {
    if (!isFault<Extract<QueryReason, { _tag: "InvalidStatement" }>>(error, "InvalidStatement")) throw error
    return `${error.reason.path}: ${error.reason.message}`
  }
  throw new Error("it was accepted")
}

function nested(levels: number): Document {
  let filter: Document = { a: 1 }
  for (let level = 0; level < levels; level++) filter = { $not: filter }
  return filter
}

describe("the BSON form of statements", () => {
  it("says what the AST says", () => {
    const statement: Statement = decodeStatement(
      "find",
      encode({
        store: "orders",
        filter: {
          status: "open",
          total: { $gt: 10, $lte: 50 },
          $or: [{ a: { $in: [1, 2] } }, { b: { $not: { $prefix: "x" } } }],
          $not: { c: { $exists: false } },
          d: { e: 1 }
        },
        orderBy: [["total", "desc"]],
        limit: 20,
        skip: 5n,
        select: ["a", "b.c"]
      }),
      0
    )
    assert.deepStrictEqual(statement, {
      kind: "find",
      store: "orders",
      filter: {
        op: "and",
        of: [
          { op: "eq", path: "status", value: "open" },
          { op: "gt", path: "total", value: 10 },
          { op: "le", path: "total", value: 50 },
          {
            op: "or",
            of: [
              { op: "in", path: "a", values: [1, 2] },
              { op: "not", of: { op: "prefix", path: "b", value: "x" } }
            ]
          },
          { op: "not", of: { op: "exists", path: "c", value: false } },
          { op: "eq", path: "d", value: { e: 1 } }
        ]
      },
      orderBy: [{ path: "total", direction: "desc" }],
      limit: 20,
      skip: 5,
      select: ["a", "b.c"]
    })
  })

  it("is read back as what was written", () => {
    const random = new Random(5)
    for (let round = 0; round < 500; round++) {
      const bytes = encodeStatement({ kind: "find", store: "things", ...randomFind(random) })
      assert.deepStrictEqual(encodeStatement(decodeStatement("find", bytes, 0)), bytes)
    }
    const others: ReadonlyArray<Statement> = [
      { kind: "get", store: "s", key: "k", select: ["a"] },
      { kind: "get", store: "s", key: "k", omit: ["a.b"], compute: { c: { op: "path", path: "d" } } },
      {
        kind: "find",
        store: "s",
        select: [],
        compute: { t: { op: "add", left: { op: "value", value: "x" }, right: { op: "test", filter: { op: "gt", path: "a", value: 1 } } } }
      },
      {
        kind: "aggregate",
        store: "s",
        aggregates: { t: { operator: "sum", value: { op: "divide", left: { op: "path", path: "a" }, right: { op: "value", value: 2 } } } }
      },
      { kind: "count", store: "s", limit: 5 },
      { kind: "insert", store: "s", documents: [{ a: 1 }, {}] },
      { kind: "update", store: "s", filter: { op: "eq", path: "a", value: 1 }, set: { "b.c": 1 }, inc: { d: 2 }, unset: ["e"] },
      { kind: "update", store: "s", set: { a: 1 } },
      { kind: "replace", store: "s", document: { _id: 1 } },
      { kind: "upsert", store: "s", document: { _id: 1 } },
      { kind: "delete", store: "s" }
    ]
    for (const statement of others) {
      assert.deepStrictEqual(decodeStatement(statement.kind as StatementKind, encodeStatement(statement), 0), statement)
    }
  })

  it("has filters in the form that they have as values", () => {
    const random = new Random(6)
    for (let round = 0; round < 500; round++) {
      const { filter } = randomFind(random)
      if (filter === undefined) continue
      assert.deepStrictEqual(encodeStatement({ kind: "count", store: "s", filter }), encode({ store: "s", filter: encodeFilter(filter) }))
    }
  })

  it("keeps members that the kind does not have, so that they are refused", () => {
    const mistaken = { kind: "get", store: "s", key: "k", limit: 1 } as unknown as Statement
    assert.throws(() => decodeStatement("get", encodeStatement(mistaken), 0), /get has no member limit/)
  })

  it("reads a key as the filter it stands for", () => {
    assert.deepStrictEqual(decodeStatement("delete", encode({ store: "s", key: "k" }), 0), {
      kind: "delete",
      store: "s",
      filter: { op: "eq", path: "_id", value: "k" }
    })
  })

  it("refuses what it does not know, and names it", () => {
    const cases: ReadonlyArray<readonly [StatementKind, Document, RegExp]> = [
      ["find", {}, /^store: store has to be the name of a store, found missing/],
      ["find", { store: 5 }, /^store: .*found int/],
      ["find", { store: "s", fliter: {} }, /^fliter: find has no member fliter.*did you mean filter\?/],
      ["find", { store: "s", filter: [] }, /^filter: filter has to be a document, found array/],
      ["find", { store: "s", filter: { a: { $gtt: 1 } } }, /^filter\.a\.\$gtt: \$gtt is no operator.*did you mean \$gt\?/],
      ["find", { store: "s", filter: { a: { $gt: 1, b: 2 } } }, /^filter\.a\.b: b is no operator/],
      ["find", { store: "s", filter: { a: { $in: 5 } } }, /^filter\.a\.\$in: \$in takes a list, found int/],
      ["find", { store: "s", filter: { a: { $between: [1] } } }, /^filter\.a\.\$between: \$between takes \[low, high\]/],
      ["find", { store: "s", filter: { a: { $between: [1, 2, 3] } } }, /^filter\.a\.\$between/],
      ["find", { store: "s", filter: { a: { $prefix: 5 } } }, /^filter\.a\.\$prefix: \$prefix takes text, found int/],
      ["find", { store: "s", filter: { a: { $exists: 1 } } }, /^filter\.a\.\$exists/],
      ["find", { store: "s", filter: { a: { $not: 5 } } }, /^filter\.a\.\$not: \$not takes operators/],
      ["find", { store: "s", filter: { a: { $not: {} } } }, /^filter\.a\.\$not/],
      ["find", { store: "s", filter: { $nor: [] } }, /^filter\.\$nor: \$nor is no group/],
      ["find", { store: "s", filter: { $and: [] } }, /^filter\.\$and: \$and takes at least one filter/],
      ["find", { store: "s", filter: { $or: {} } }, /^filter\.\$or: \$or takes a list of filters, found document/],
      ["find", { store: "s", filter: { $or: [{ a: 1 }, 5] } }, /^filter\.\$or\.1: a filter is needed, found int/],
      ["find", { store: "s", filter: { $not: 5 } }, /^filter\.\$not: \$not takes a filter/],
      ["find", { store: "s", filter: { "a..b": 1 } }, /is no path/],
      ["find", { store: "s", filter: { "a.$b": 1 } }, /is no path/],
      ["find", { store: "s", filter: nested(40) }, /a filter nests at most 32 deep/],
      ["find", { store: "s", orderBy: [["a", "up"]] }, /^orderBy\.0: an order is/],
      [
        "find",
        {
          store: "s",
          orderBy: [
            ["a", "asc"],
            ["a", "desc"]
          ]
        },
        /^orderBy\.1: a is named twice/
      ],
      ["find", { store: "s", orderBy: Array.from({ length: 17 }, (_, index) => [`a${index}`, "asc"]) }, /at most 16 paths/],
      ["find", { store: "s", orderBy: { a: 1 } }, /^orderBy: orderBy has to be an array/],
      ["find", { store: "s", limit: -1 }, /^limit: limit has to be a whole number/],
      ["find", { store: "s", limit: 2 ** 31 }, /^limit/],
      ["find", { store: "s", skip: "5" }, /^skip/],
      ["find", { store: "s", select: [] }, /^select: select names no path/],
      ["find", { store: "s", select: ["a", 5] }, /^select\.1: a path is text/],
      ["count", { store: "s", select: ["a"] }, /^select: count has no member select/],
      ["get", { store: "s" }, /^key: key is missing/],
      ["insert", { store: "s" }, /insert takes either document or documents/],
      ["insert", { store: "s", documents: [5] }, /^documents\.0: a document is needed/],
      ["replace", { store: "s", document: 5 }, /^document: document has to be a document/],
      ["update", { store: "s", filter: {} }, /update needs set, inc, push, addToSet, pull or unset/],
      ["update", { store: "s", set: { a: 1 } }, /update takes either key or filter/],
      ["update", { store: "s", key: 1, filter: {}, set: { a: 1 } }, /either key or filter/],
      ["update", { store: "s", filter: {}, set: {} }, /^set: set names no field/],
      ["update", { store: "s", filter: {}, inc: { a: "1" } }, /^inc\.a: inc of a takes a number/],
      ["update", { store: "s", filter: {}, inc: [] }, /^inc: inc has to be a document/],
      ["update", { store: "s", filter: {}, unset: ["a", "a"] }, /^unset\.1: a is named twice/],
      ["delete", { store: "s" }, /delete takes either key or filter/]
    ]
    for (const [kind, document, message] of cases) assert.match(refusal(kind, document), message)
  })
})

describe("shapes", () => {
  const shapeOf = (document: Document): string => {
    const shape = new Shape()
    shape.scan(0, encode(document), 0)
    return Buffer.from(shape.bytes.subarray(0, shape.length)).toString("latin1")
  }

  it("are the same whatever the values are", () => {
    const one = { store: "s", filter: { a: "x", b: { $gt: 1, $in: [1, 2] }, $or: [{ c: 1 }, { d: { e: 1 } }] }, limit: 5 }
    const two = { store: "s", filter: { a: "longer", b: { $gt: 7, $in: [] }, $or: [{ c: 3 }, { d: { f: "x" } }] }, limit: 6 }
    assert.strictEqual(shapeOf(one), shapeOf(two))
  })

  it("differ with every name, type, operator and order", () => {
    const shapes = [
      { store: "s" },
      { store: "t" },
      { store: "s", filter: {} },
      { store: "s", filter: { a: 1 } },
      { store: "s", filter: { a: "1" } },
      { store: "s", filter: { b: 1 } },
      { store: "s", filter: { a: { $gt: 1 } } },
      { store: "s", filter: { a: { $lt: 1 } } },
      { store: "s", filter: { a: { b: 1 } } },
      { store: "s", filter: { $and: [{ a: 1 }, { b: 1 }] } },
      { store: "s", filter: { $and: [{ a: 1, b: 1 }] } },
      { store: "s", filter: { $or: [{ a: 1, b: 1 }] } },
      { store: "s", filter: { a: 1, b: 1 } },
      { store: "s", filter: { b: 1, a: 1 } },
      { store: "s", filter: { a: { $not: { $gt: 1 } } } },
      { store: "s", filter: { $not: { a: { $gt: 1 } } } },
      { store: "s", limit: 1 },
      { store: "s", skip: 1 },
      { store: "s", orderBy: [["a", "asc"]] },
      { store: "s", orderBy: [["a", "desc"]] },
      { store: "s", select: ["a"] },
      { store: "s", set: { a: 1 } },
      { store: "s", set: { b: 1 } },
      { store: "s", inc: { a: 1 } }
    ].map(shapeOf)
    assert.strictEqual(new Set(shapes).size, shapes.length)
  })

  it("are bounded in bytes, values and depth", () => {
    const fault = (document: Document): boolean => {
      try {
        shapeOf(document)
        return false
      } catch (error) {
        return isFault(error, "InvalidStatement")
      }
    }
    assert.isTrue(fault({ store: "x".repeat(SHAPE_BYTES_MAX) }))
    assert.isTrue(fault({ store: "s", filter: Object.fromEntries(Array.from({ length: SLOTS_MAX + 1 }, (_, index) => [`a${index}`, 1])) }))
    assert.isTrue(fault({ store: "s", filter: nested(90) }))
    assert.isFalse(fault({ store: "s", filter: nested(30) }))
  })
})
