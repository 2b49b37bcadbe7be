import { assert, describe, it } from "@effect/vitest"
import { parseKey } from "../../src/Bson/Key.ts"
import { Binary, BSONRegExp, MaxKey, MinKey, Timestamp, UUID } from "../../src/Bson/Value.ts"
import type { DocumentValue, Filter, Order, Statement } from "../../src/Query/Ast.ts"
import { encodeFilter } from "../../src/Query/FilterBson.ts"
import { parsePql } from "../../src/Query/Pql.ts"
import { printPql } from "../../src/Query/Print.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import { Random } from "../Storage/Random.ts"
import { randomExpression, randomFilter, randomFind, randomShown } from "./Things.ts"

const KEY = parseKey("0190a5c2d7f07d3a8c1e5b6f7a8b9c0d")

describe("printed PQL", () => {
  it("is read back as the same statement", () => {
    const random = new Random(7)
    for (let round = 0; round < 1500; round++) {
      const statement = randomStatement(random)
      const text = printPql(statement)
      assert.deepStrictEqual(encoded(parsePql(text)), encoded(statement), text)
      assert.strictEqual(printPql(parsePql(text)), text)
    }
  })
})

function encoded(statement: Statement): string {
  return `${statement.kind} ${Buffer.from(encodeStatement(statement)).toString("latin1")}`
}

function randomStatement(random: Random): Statement {
  const store = random.pick(["orders", "my orders", "explain", "in", "a`b\n"])
  const filter = random.chance(70) ? { filter: randomFilter(random, 3) } : {}
  const document: DocumentValue = {
    _id: KEY,
    "a b": new UUID("0190a5c2-d7f0-7d3a-8c1e-5b6f7a8b9c0d"),
    c: new Binary(Buffer.from([random.below(256)]), random.below(9)),
    others: [new BSONRegExp("a/b", "i"), new BSONRegExp("x"), new Timestamp({ t: random.below(1e9), i: 2 }), new MinKey(), new MaxKey()]
  }
  switch (random.below(8)) {
    case 0:
      return { kind: "count", store, ...filter }
    case 1:
      return { kind: "get", store, key: random.pick<string | number | bigint>(["x", 5, 5n]), ...randomShown(random) }
    case 2:
      return random.chance(50)
        ? { kind: "update", store, ...filter, set: { "a.b": random.below(5) }, inc: { in: 1.5 }, unset: ["desc", "x.y"] }
        : {
            kind: "update",
            store,
            ...filter,
            push: { "a.b": "each", c: { $each: [1, [2]] } },
            addToSet: { d: { x: 1 } },
            pull: {
              e: 5,
              f: { $each: ["x"] },
              g: { $any: encodeFilter({ op: "any", path: "h", of: { op: "gt", path: "", value: random.below(5) } }) }
            }
          }
    case 3:
      return { kind: "delete", store, ...filter }
    case 4:
      return { kind: random.chance(50) ? "replace" : "upsert", store, document }
    case 7:
      return randomAggregate(random, store, filter)
    case 5:
      return { kind: "insert", store, documents: [document, {}] }
    default: {
      const { orderBy, ...rest } = randomFind(random)
      const lookup = random.chance(20) ? { lookup: [{ store: "in", local: "a.b", foreign: "_id", as: "the others" }] } : {}
      const find = {
        kind: "find" as const,
        store,
        ...rest,
        ...(random.chance(50) ? {} : randomShown(random)),
        ...lookup,
        ...(orderBy === undefined ? {} : { orderBy: orderBy as ReadonlyArray<Order> })
      }
      return random.chance(20) ? { kind: "explain", of: find } : find
    }
  }
}

function randomAggregate(random: Random, store: string, filter: { readonly filter?: Filter }): Statement {
  if (random.chance(20)) return { kind: "aggregate", store, ...filter, distinct: "a.b", limit: 5 }
  return {
    kind: "aggregate",
    store,
    ...filter,
    ...(random.chance(30) ? { inputOrder: [{ path: "in", direction: "desc" }] } : {}),
    groupBy: ["a.b", "desc"],
    ...(random.chance(70)
      ? {
          aggregates: {
            n: { operator: "count" },
            "the sum": { operator: "sum", path: "in" },
            product: { operator: "sum", value: { op: "multiply", left: randomExpression(random, 2), right: { op: "value", value: 2 } } },
            last: { operator: "last", path: "x.y" }
          }
        }
      : {}),
    ...(random.chance(40) ? { having: randomFilter(random, 1) } : {}),
    ...(random.chance(40) ? { orderBy: [{ path: "n", direction: "desc" }] } : {}),
    ...(random.chance(30) ? { limit: 3, skip: 1 } : {})
  }
}
