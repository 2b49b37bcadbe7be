/** One statement, four ways in: text, the builder of the host, the builder of a service, and the BSON that all of them become. */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { encode } from "../../src/Bson/Value.ts"
import { each, matching, type Reading, store, type Writing } from "../../src/Query/Builder.ts"
import type { Filter, Statement } from "../../src/Query/Ast.ts"
import { parsePql } from "../../src/Query/Pql.ts"
import { decodeStatement, encodeStatement } from "../../src/Query/StatementBson.ts"
import type { StatementKind } from "../../src/Query/StatementMembers.ts"
import type { BuiltService } from "../../src/Build/Builder.ts"
import { buildFiles } from "../Build/Folder.ts"
import { GuestInstance, type Plain } from "../Guest/GuestInstance.ts"

const orders = store({
  name: "orders",
  idKind: "int",
  schema: {
    customer: { type: "string" },
    count: { type: "int" },
    note: { type: "string", optional: true, nullable: true },
    tags: { type: "array", items: { type: "string" } },
    lines: { type: "array", items: { type: "struct", fields: { sku: { type: "string" }, quantity: { type: "int" } } } },
    address: { type: "struct", fields: { city: { type: "string" } } }
  },
  indexes: []
})

type Built = Reading<unknown> | Writing<unknown>

/** Each statement as text, and as an expression that means the same to both builders. */
const CASES: ReadonlyArray<readonly [text: string, kind: StatementKind, build: () => Built]> = [
  ["orders.filter(customer = 'ada')", "find", () => orders.filter({ customer: "ada" })],
  ["orders.filter(customer = 'ada' and count = 2)", "find", () => orders.filter({ customer: "ada", count: 2 })],
  ["orders.filter(count > 1).filter(count <= 5)", "find", () => orders.filter("count", ">", 1).filter("count", "<=", 5)],
  [
    "orders.filter(customer != 'ada' and address.city = 'Bonn')",
    "find",
    () => orders.filter("customer", "!=", "ada").filter({ "address.city": "Bonn" })
  ],
  [
    "orders.filter(customer in ['a', 'b'] and count not in [1])",
    "find",
    () => orders.filter("customer", "in", ["a", "b"]).filter("count", "not in", [1])
  ],
  [
    "orders.filter(count between 1 and 5 and note exists)",
    "find",
    () => orders.filter("count", "between", [1, 5]).filter("note", "exists", true)
  ],
  [
    "orders.filter(customer startsWith 'a' and note endsWith 'z')",
    "find",
    () => orders.filter("customer", "startsWith", "a").filter("note", "endsWith", "z")
  ],
  ["orders.filter(note contains 'x' and note ~ /a+/i)", "find", () => orders.filter("note", "contains", "x").filter("note", "~", /a+/i)],
  ["orders.filter(note is null and tags size 2)", "find", () => orders.filter("note", "is", "null").filter("tags", "size", 2)],
  ["orders.filter(tags any (this startsWith 'a'))", "find", () => orders.filter("tags", "any", ["this", "startsWith", "a"])],
  [
    "orders.filter(lines all (sku = 'a' and quantity > 1))",
    "find",
    () => orders.filter("lines", "all", [{ sku: "a" }, ["quantity", ">", 1]])
  ],
  ["orders.filter(customer = 'a' or count > 1)", "find", () => orders.filterAny({ customer: "a" }, ["count", ">", 1])],
  ["orders.filter(not customer = 'a')", "find", () => orders.filterNot({ customer: "a" })],
  ["orders.filter(note = null)", "find", () => orders.filter({ note: null })],
  [
    "orders.orderBy(count desc, customer).skip(2).limit(3)",
    "find",
    () => orders.orderBy("count", "desc").orderBy("customer").skip(2).limit(3)
  ],
  ["orders.filter(count > 1).select(customer, address)", "find", () => orders.filter("count", ">", 1).select("customer", "address")],
  [
    "orders.filter(count > 1).omit(tags).compute(twice: count * 2, isBig: count > 5)",
    "find",
    () =>
      orders
        .filter("count", ">", 1)
        .omit("tags")
        .compute({ twice: ["count", "*", 2], isBig: ["count", ">", 5] })
  ],
  [
    "orders.orderBy(count).groupBy(customer).aggregate(n: count, s: sum(count), w: max(count * 2)).having(n > 1).orderBy(s desc).limit(3)",
    "aggregate",
    () =>
      orders
        .orderBy("count")
        .groupBy("customer")
        .aggregate({ n: { count: true }, s: { sum: "count" }, w: { max: ["count", "*", 2] } })
        .having("n", ">", 1)
        .orderBy("s", "desc")
        .limit(3)
  ],
  ["orders.filter(count = 1).distinct(address.city)", "aggregate", () => orders.filter({ count: 1 }).distinct("address.city")],
  ["orders.filter(count > 1).count()", "count", () => orders.filter("count", ">", 1).count()],
  [
    "orders.filter(count = 1).set({ 'address.city': 'x', note: null })",
    "update",
    () => orders.filter({ count: 1 }).set({ "address.city": "x", note: null })
  ],
  ["orders.filter(count = 1).inc({ count: 2 })", "update", () => orders.filter({ count: 1 }).inc({ count: 2 })],
  ["orders.filter(count = 1).unset(note)", "update", () => orders.filter({ count: 1 }).unset("note")],
  ["orders.filter(count = 1).push({ tags: 'a' })", "update", () => orders.filter({ count: 1 }).push({ tags: "a" })],
  [
    "orders.filter(count = 1).addToSet({ tags: each ['a', 'b'] })",
    "update",
    () => orders.filter({ count: 1 }).addToSet({ tags: each(["a", "b"]) })
  ],
  [
    "orders.filter(count = 1).pull({ lines: any (quantity < 1) })",
    "update",
    () => orders.filter({ count: 1 }).pull({ lines: matching(["quantity", "<", 1]) })
  ],
  ["orders.filter(count = 1).delete()", "delete", () => orders.filter({ count: 1 }).delete()]
]

const SERVICE = `
import { each, matching, s, service, store } from "@planckdb/planck/guest"
const orders = store("orders", {
  _id: s.int(),
  customer: s.string(),
  count: s.int(),
  note: s.string().optional().nullable(),
  tags: s.array(s.string()),
  lines: s.array(s.struct({ sku: s.string(), quantity: s.int() })),
  address: s.struct({ city: s.string() })
})
export default service({ name: "agreement", version: "1.0.0" }, (app) => {
${CASES.map(([, kind, build], number) => {
  // The transpiler that runs this test may have given imports a name of its own: `(0, module.each)(`.
  const code = build
    .toString()
    .replace(/^[^=]*=>\s*/, "")
    .replaceAll(/\(0,\s*[\w.]+\.(each|matching)\)/g, "$1")
    .replaceAll(/\b__\w+\.(each|matching)\b/g, "$1")
  return isReturned(kind) ? `  app.get("/${number}", () => ${code})` : `  app.post("/${number}", () => { ${code} })`
}).join("\n")}
  app.get("/hostile", ({ query }) => orders.filter({ customer: JSON.parse(query.given ?? "") }))
})
`

/** Whether a handler of a service returns such a statement; others are run where they stand. */
function isReturned(kind: StatementKind): boolean {
  return kind === "find" || kind === "aggregate"
}

/** A statement without differences that mean nothing: groups of conditions in groups, and `_id` in a selection, which always has it. */
function plain(statement: Statement): unknown {
  return {
    ...statement,
    ...("filter" in statement && statement.filter !== undefined ? { filter: flat(statement.filter) } : {}),
    ...("select" in statement && statement.select !== undefined ? { select: statement.select.filter((path) => path !== "_id") } : {})
  }
}

function flat(filter: Filter): Filter {
  if (filter.op !== "and" && filter.op !== "or") return filter
  const of = filter.of.map(flat).flatMap((part) => (part.op === filter.op ? part.of : [part]))
  return of.length === 1 && of[0] !== undefined ? of[0] : { op: filter.op, of }
}

describe("text, both builders and BSON", () => {
  let built: BuiltService
  beforeAll(async () => {
    built = await buildFiles({ "service.ts": SERVICE })
  })

  it("say the same", () => {
    for (const [number, [text, kind, build]] of CASES.entries()) {
      const expected = parsePql(text)
      assert.deepStrictEqual(plain(decodeStatement(kind, encodeStatement(expected), 0)), plain(expected), `${text} as BSON`)
      assert.deepStrictEqual(plain(build().statement), plain(expected), `${text} by the host's builder`)
      const guest = new GuestInstance(built.file, () => ({ count: 0, matched: 0, modified: 0, deleted: 0 }), built.manifest)
      guest.call(`${isReturned(kind) ? "GET" : "POST"} /${number}`)
      assert.isUndefined(guest.failure, text)
      const argument = guest.calls[0]?.argument ?? {}
      const given = (argument["statement"] ?? argument) as Plain
      assert.deepStrictEqual(plain(decodeStatement(kind, encode(given), 0)), plain(expected), `${text} by the service's builder`)
    }
  })

  it("take a document with names of operators for a value, never for a condition", () => {
    const hostile = { $ne: "" }
    const asked: Filter = { op: "eq", path: "customer", value: hostile }
    for (const statement of [
      parsePql("orders.filter(customer = $given)", { given: hostile }),
      parsePql("orders.filter(customer = { '$ne': '' })"),
      orders.filter({ customer: hostile as never }).statement,
      orders.filter("customer", "=", hostile as never).statement
    ]) {
      assert.deepStrictEqual((statement as { readonly filter: Filter }).filter, asked)
      assert.deepStrictEqual(decodeStatement("find", encodeStatement(statement), 0), { kind: "find", store: "orders", filter: asked })
    }
    const guest = new GuestInstance(built.file, () => ({}), built.manifest)
    guest.call("GET /hostile", { query: { given: JSON.stringify(hostile) } })
    const given = guest.calls[0]?.argument["statement"] as Plain
    assert.deepStrictEqual(decodeStatement("find", encode(given), 0), { kind: "find", store: "orders", filter: asked })
  })
})
