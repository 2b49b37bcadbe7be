import { assert, describe, it } from "@effect/vitest"
import { parseKey } from "../../src/Bson/Key.ts"
import { Binary, Decimal128, ObjectId, UUID } from "../../src/Bson/Value.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import type { Filter, Statement } from "../../src/Query/Ast.ts"
import { parsePql } from "../../src/Query/Pql.ts"
import { PQL_LENGTH_MAX } from "../../src/Query/PqlLexer.ts"
import type { QueryReason } from "../../src/Query/Reasons.ts"
import { Random } from "../Storage/Random.ts"

const KEY = parseKey("0190a5c2d7f07d3a8c1e5b6f7a8b9c0d")

/** The refusal of a text: where it points, and what it says. */
function refusal(text: string): { readonly at: string; readonly message: string } {
  try {
    parsePql(text, { given: 1 })
  } catch (error) {
    if (!isFault<Extract<QueryReason, { _tag: "InvalidPql" }>>(error, "InvalidPql")) throw error
    const { column, line, message } = error.reason
    return { at: `${line}:${column}`, message: message.replace(/^line \d+, column \d+: /, "") }
  }
  throw new Error(`${text} was accepted`)
}

describe("PQL", () => {
  it("reads every step", () => {
    const cases: ReadonlyArray<readonly [string, Statement]> = [
      ["orders", { kind: "find", store: "orders" }],
      ["`my orders`.limit(1)", { kind: "find", store: "my orders", limit: 1 }],
      [
        "orders.orderBy(a, desc).orderBy(b).skip(2)",
        {
          kind: "find",
          store: "orders",
          skip: 2,
          orderBy: [
            { path: "a", direction: "desc" },
            { path: "b", direction: "asc" }
          ]
        }
      ],
      [
        "orders.orderBy(a desc, b.c, d, asc)",
        {
          kind: "find",
          store: "orders",
          orderBy: [
            { path: "a", direction: "desc" },
            { path: "b.c", direction: "asc" },
            { path: "d", direction: "asc" }
          ]
        }
      ],
      ["orders.omit(a, b.c)", { kind: "find", store: "orders", omit: ["a", "b.c"] }],
      ["orders.filter(a = 1).first()", { kind: "find", store: "orders", filter: { op: "eq", path: "a", value: 1 }, limit: 1 }],
      [
        'orders.select(a, t: b - 1 -2 * (c + 1), isBig: b > 5, d: date, e: date "2026-01-01")',
        {
          kind: "find",
          store: "orders",
          select: ["a"],
          compute: {
            t: {
              op: "subtract",
              left: { op: "subtract", left: { op: "path", path: "b" }, right: { op: "value", value: 1 } },
              right: {
                op: "multiply",
                left: { op: "value", value: 2 },
                right: { op: "add", left: { op: "path", path: "c" }, right: { op: "value", value: 1 } }
              }
            },
            isBig: { op: "test", filter: { op: "gt", path: "b", value: 5 } },
            d: { op: "path", path: "date" },
            e: { op: "value", value: new Date("2026-01-01") }
          }
        }
      ],
      ["orders.compute(t: `true`)", { kind: "find", store: "orders", compute: { t: { op: "path", path: "true" } } }],
      [
        "orders.aggregate(t: sum(a * b), n: sum(a))",
        {
          kind: "aggregate",
          store: "orders",
          aggregates: {
            t: { operator: "sum", value: { op: "multiply", left: { op: "path", path: "a" }, right: { op: "path", path: "b" } } },
            n: { operator: "sum", path: "a" }
          }
        }
      ],
      ["orders.pluck(a, b.0.c)", { kind: "find", store: "orders", select: ["a", "b.0.c"] }],
      ["orders.filter(a = 1).count()", { kind: "count", store: "orders", filter: { op: "eq", path: "a", value: 1 } }],
      ["orders.get(0190a5c2d7f07d3a8c1e5b6f7a8b9c0d)", { kind: "get", store: "orders", key: KEY }],
      ["orders.get(0x0190A5C2d7f07d3a8c1e5b6f7a8b9c0d).select(a)", { kind: "get", store: "orders", key: KEY, select: ["a"] }],
      ['orders.get("natural")', { kind: "get", store: "orders", key: "natural" }],
      [
        "orders.insert({ a: 1, 'b c': [1, { d: null }] })",
        { kind: "insert", store: "orders", documents: [{ a: 1, "b c": [1, { d: null }] }] }
      ],
      ["orders.insert([{}, {a: 1}])", { kind: "insert", store: "orders", documents: [{}, { a: 1 }] }],
      [
        'orders.set({ "a.b": 1 }).inc({ c: -2 }).unset(d, e.f)',
        { kind: "update", store: "orders", set: { "a.b": 1 }, inc: { c: -2 }, unset: ["d", "e.f"] }
      ],
      ["orders.replace({ _id: 1 })", { kind: "replace", store: "orders", document: { _id: 1 } }],
      ["orders.upsert({ _id: 1 })", { kind: "upsert", store: "orders", document: { _id: 1 } }],
      ["orders.delete()", { kind: "delete", store: "orders" }],
      [
        "orders.delete(key 0190a5c2d7f07d3a8c1e5b6f7a8b9c0d)",
        { kind: "delete", store: "orders", filter: { op: "eq", path: "_id", value: KEY } }
      ],
      [
        "explain orders.filter(a = 1)",
        { kind: "explain", of: { kind: "find", store: "orders", filter: { op: "eq", path: "a", value: 1 } } }
      ],
      ["explain.limit(1)", { kind: "find", store: "explain", limit: 1 }]
    ]
    for (const [text, statement] of cases) assert.deepStrictEqual(parsePql(text), statement, text)
  })

  it("reads every condition, and binds not before and before or", () => {
    const cases: ReadonlyArray<readonly [string, Filter]> = [
      ["a != 1", { op: "ne", path: "a", value: 1 }],
      ["a<1", { op: "lt", path: "a", value: 1 }],
      ["a >= -1.5e3", { op: "ge", path: "a", value: -1500 }],
      ["a in [1, 'b']", { op: "in", path: "a", values: [1, "b"] }],
      ["a not in []", { op: "notIn", path: "a", values: [] }],
      ["a in $list", { op: "in", path: "a", values: [7, 8] }],
      [
        "a between 1 and 2 and b = 3",
        {
          op: "and",
          of: [
            { op: "between", path: "a", low: 1, high: 2 },
            { op: "eq", path: "b", value: 3 }
          ]
        }
      ],
      ["a startsWith 'x'", { op: "prefix", path: "a", value: "x" }],
      ["a endsWith 'x'", { op: "suffix", path: "a", value: "x" }],
      ["a contains 5", { op: "contains", path: "a", value: 5 }],
      ["a ~ /^a\\/b\\\\/im", { op: "regex", path: "a", pattern: "^a/b\\\\", flags: "im" }],
      ["a ~ 'x+'", { op: "regex", path: "a", pattern: "x+", flags: "" }],
      ["a ~ /* why */ regex '*' 's'", { op: "regex", path: "a", pattern: "*", flags: "s" }],
      ["a is string", { op: "type", path: "a", type: "string" }],
      ["size size 2", { op: "size", path: "size", size: 2 }],
      [
        "a any (this > 1 and b = 2)",
        {
          op: "any",
          path: "a",
          of: {
            op: "and",
            of: [
              { op: "gt", path: "", value: 1 },
              { op: "eq", path: "b", value: 2 }
            ]
          }
        }
      ],
      [
        "a all (`this` any (this is null))",
        { op: "all", path: "a", of: { op: "any", path: "this", of: { op: "type", path: "", type: "null" } } }
      ],
      ["this = 1", { op: "eq", path: "this", value: 1 }],
      ["a exists", { op: "exists", path: "a", value: true }],
      ["a exists false", { op: "exists", path: "a", value: false }],
      [
        "`not` = 1 and a.not.in = 2",
        {
          op: "and",
          of: [
            { op: "eq", path: "not", value: 1 },
            { op: "eq", path: "a.not.in", value: 2 }
          ]
        }
      ],
      [
        "not a = 1 or b = 2 and c = 3",
        {
          op: "or",
          of: [
            { op: "not", of: { op: "eq", path: "a", value: 1 } },
            {
              op: "and",
              of: [
                { op: "eq", path: "b", value: 2 },
                { op: "eq", path: "c", value: 3 }
              ]
            }
          ]
        }
      ],
      [
        "not (a = 1 or (b = 2))",
        {
          op: "not",
          of: {
            op: "or",
            of: [
              { op: "eq", path: "a", value: 1 },
              { op: "eq", path: "b", value: 2 }
            ]
          }
        }
      ]
    ]
    for (const [text, filter] of cases) {
      assert.deepStrictEqual(parsePql(`s.filter(${text})`, { list: [7, 8] }), { kind: "find", store: "s", filter }, text)
    }
    assert.deepStrictEqual(parsePql("s.filter(a = 1).filter(b = 2)"), parsePql("s.filter(a = 1 and b = 2)"))
  })

  it("reads every literal", () => {
    const cases: ReadonlyArray<readonly [string, unknown]> = [
      ['"a\\n\\u00e9\\"\\\\"', 'a\né"\\'],
      ["'it\\'s \"it\"'", `it's "it"`],
      ["0", 0],
      ["-0", -0],
      ["long 9007199254740993", 9007199254740993n],
      ["long -5", -5n],
      ['long "9223372036854775807"', 9223372036854775807n],
      ['decimal "1.50"', Decimal128.fromString("1.50")],
      ["decimal 2", Decimal128.fromString("2")],
      ['date "2026-02-28"', new Date("2026-02-28T00:00:00Z")],
      ['date "2026-02-28T12:30+02:00"', new Date("2026-02-28T10:30:00Z")],
      ['date "2026-02-28T12:30:15.5Z"', new Date("2026-02-28T12:30:15.500Z")],
      ['key "0190a5c2-d7f0-7d3a-8c1e-5b6f7a8b9c0d"', KEY],
      ['uuid "0190a5c2-d7f0-7d3a-8c1e-5b6f7a8b9c0d"', new UUID("0190a5c2-d7f0-7d3a-8c1e-5b6f7a8b9c0d")],
      ['objectId "65a1b2c3d4e5f60718293a4b"', new ObjectId("65a1b2c3d4e5f60718293a4b")],
      ['binary "AQID"', new Binary(Buffer.from([1, 2, 3]), 0)],
      ['binary 5 "AQID"', new Binary(Buffer.from([1, 2, 3]), 5)],
      ['double "NaN"', Number.NaN],
      ["true", true],
      ["null", null],
      ["{ a: [1, {}] }", { a: [1, {}] }],
      ["$given", "it"]
    ]
    for (const [text, value] of cases) {
      const statement = parsePql(`s.filter(a = ${text})`, { given: "it" })
      assert.deepStrictEqual(statement, { kind: "find", store: "s", filter: { op: "eq", path: "a", value: value as null } }, text)
    }
  })

  it("lets comments and blanks stand anywhere", () => {
    const text = "orders // all of them\n .filter( /* only\n the open ones */ status\t= 'open' )\r\n.limit( 5 ) // enough"
    assert.deepStrictEqual(parsePql(text), parsePql("orders.filter(status = 'open').limit(5)"))
  })

  it("refuses everything else, and says where and what was expected", () => {
    const cases: ReadonlyArray<readonly [string, string, RegExp]> = [
      ["", "1:1", /expected the name of a store, found the end/],
      ["'orders'", "1:1", /write it without quotes/],
      ["orders.", "1:8", /expected a step .*found the end/],
      ["orders limit(1)", "1:8", /expected `\.` and a step or the end, found `limit`/],
      ["orders.fliter(a = 1)", "1:8", /did you mean filter\?/],
      ["orders.where(a = 1)", "1:8", /did you mean filter\?/],
      ["orders.sort(a)", "1:8", /did you mean orderBy\?/],
      ["orders.filter", "1:14", /expected `\(`, found the end/],
      ["orders.filter()", "1:15", /expected a path, found `\)`/],
      ["orders.filter(a = 1", "1:20", /expected `\)`, found the end/],
      ["orders.filter(a = 1 b = 2)", "1:21", /expected `\)`, found `b`/],
      ["orders.filter(a == 1)", "1:17", /equality is written =/],
      ["orders.filter(a <> 1)", "1:17", /inequality is written !=/],
      ["orders.filter(a = 1 && b = 2)", "1:21", /write and/],
      ["orders.filter(!a)", "1:15", /write not/],
      ["orders;", "1:7", /without a semicolon/],
      ["orders.filter(a contain 1)", "1:17", /expected an operator/],
      ["orders.filter(a startswith 'x')", "1:17", /did you mean startsWith\?/],
      ["orders.filter(a startsWith 5)", "1:28", /text after `startsWith`/],
      ["orders.filter(a = paid)", "1:19", /text is written in quotes: "paid"/],
      ["orders.filter(a = lng 5)", "1:19", /did you mean long\?/],
      ["orders.filter('a' = 1)", "1:15", /a path is written without quotes/],
      ["orders.filter(in = 1)", "1:15", /written `in` in backticks/],
      ["orders.filter(a.b. = 1)", "1:20", /a name or a number after `\.`/],
      ["orders.filter(`a.b` = 1)", "1:15", /a name without a dot/],
      ["orders.filter(`$a` = 1)", "1:15", /does not begin with \$/],
      ["orders.filter(a = $gvien)", "1:19", /did you mean \$given\?/],
      ["orders.filter(a = $)", "1:20", /the name of a parameter/],
      ["orders.filter(a in 5)", "1:20", /expected `\[`/],
      ["orders.filter(a in $given)", "1:20", /a parameter that holds a list/],
      ["orders.filter(a in [1, ])", "1:24", /expected a value/],
      ["orders.filter(a between 1 or 2)", "1:27", /`and` and the upper end/],
      ["orders.filter(a not 5)", "1:21", /`in` after `not`/],
      ["orders.filter(a = 9007199254740993)", "1:19", /write long 9007199254740993/],
      ["orders.filter(a = 99999999999999999999)", "1:19", /write decimal "99999999999999999999"/],
      ["orders.filter(a = 1e999)", "1:19", /below 1\.8e308/],
      ["orders.filter(a = 01)", "1:19", /expected a number/],
      ["orders.filter(a = 0190a5c2d7f07d3a8c1e5b6f7a8b9c0d)", "1:19", /a key is written key 0190/],
      ["orders.filter(a = long 9223372036854775808)", "1:24", /a whole number of 64 bits/],
      ["orders.filter(a = long 1.5)", "1:24", /a whole number after `long`/],
      ["orders.filter(a = decimal 'x')", "1:27", /a decimal such as/],
      ["orders.filter(a = decimal '12345678901234567890123456789012345')", "1:27", /at most 34 digits/],
      ["orders.filter(a = date '2026-02-30')", "1:24", /a date such as/],
      ["orders.filter(a = date '2026-01-01T00:00')", "1:24", /a date such as/],
      ["orders.filter(a = key 5)", "1:23", /a key of 32/],
      ["orders.filter(a = uuid 'x')", "1:24", /a UUID/],
      ["orders.filter(a = objectId 'x')", "1:28", /an ObjectId/],
      ["orders.filter(a = binary '?')", "1:26", /base64/],
      ["orders.filter(a = 'x\ny')", "1:21", /on one line/],
      ["orders.filter(a = 'x", "1:19", /a closing '/],
      ["orders.filter(a = 'x\\q')", "1:21", /an escape of JSON/],
      ["orders.filter(a = '\\ud800')", "1:19", /whole characters/],
      ["orders.filter(`a = 1)", "1:15", /a closing backtick/],
      ["orders.filter(`` = 1)", "1:15", /a name between the backticks/],
      ["orders /* open", "1:8", /`\*\/` at its end/],
      ["orders\n  .filter(\n    a ? 1)", "3:7", /a name, a value or a symbol/],
      ["orders.limit(-1)", "1:14", /a whole number from 0 to 2147483647/],
      ["orders.limit(1.5)", "1:14", /a whole number/],
      ["orders.limit(1).limit(2)", "1:17", /limit once/],
      ["orders.orderBy(a, a)", "1:19", /each path once/],
      ["orders.orderBy(a,)", "1:18", /expected a path/],
      ["orders.select(a, a)", "1:18", /each path once/],
      ["orders.select(a).select(b)", "1:18", /select once/],
      ["orders.limit(3).delete()", "1:17", /limit has no effect on delete/],
      ["orders.orderBy(a).count()", "1:19", /orderBy has no effect on count/],
      ["orders.filter(a = 1).get(5)", "1:22", /filter has no effect on get/],
      ["orders.select(a).set({b: 1})", "1:18", /select has no effect on set/],
      ["orders.count().limit(1)", "1:16", /the end after count/],
      ["orders.set({a: 1}).count()", "1:20", /set, inc, unset, push, addToSet, pull or the end/],
      ["orders.filter(a is txt)", "1:20", /expected a type .*did you mean/],
      ["orders.filter(a size -1)", "1:22", /a whole number of elements/],
      ["orders.filter(a ~ /x/g)", "1:18", /i, m and s, each once/],
      ["orders.filter(a ~ 5)", "1:19", /a pattern such as/],
      ["orders.filter(a ~ /x)", "1:19", /a pattern that ends with a slash/],
      ["orders.filter(a any this = 1)", "1:21", /expected `\(`/],
      ["orders.filter(a any ())", "1:22", /a path/],
      ["orders.push({a: each 5})", "1:22", /expected `\[`/],
      ["orders.push({a: any (b = 1)})", "1:17", /expected a value/],
      ["orders.filter(a = timestamp -1 2)", "1:29", /a whole number from 0/],
      ["orders.filter(a = regex 5)", "1:25", /a pattern in quotes/],
      ["orders.groupBy(a).filter(b = 1)", "1:19", /aggregate, having, orderBy, skip, limit or the end/],
      ["orders.limit(1).groupBy(a)", "1:17", /limit has no effect on groupBy/],
      ["orders.lookup(a, b, c)", "1:22", /expected `,`/],
      ["orders.lookup(a, b, c, _id)", "1:24", /a name without dots/],
      ["orders.lookup(a, b, c, d).count()", "1:27", /lookup has no effect on count/],
      ["orders.having(a = 1)", "1:8", /rows are chosen by filter/],
      ["orders.aggregate(a: summ(b))", "1:21", /did you mean sum\?/],
      ["orders.aggregate(a.b: count)", "1:19", /expected `:`/],
      ["orders.aggregate(a: count, a: count)", "1:28", /each name once/],
      ["orders.groupBy(a).distinct(b)", "1:19", /distinct without groupBy/],
      ["orders.drop()", "1:1", /dropping stores is for operators/],
      ["orders.omit(_id)", "1:13", /paths other than _id/],
      ["orders.omit(a).select(b)", "1:16", /without omit/],
      ["orders.select(t: a +)", "1:21", /expected a path or a value/],
      ["orders.select(t: a > )", "1:22", /expected a value/],
      ["orders.select(t: a b)", "1:20", /expected `,` or `\)`/],
      ["orders.select(_id: a)", "1:15", /not _id/],
      ["orders.select(t: a, t: b)", "1:21", /each name once/],
      ["orders.compute(a)", "1:16", /the name of a value/],
      ["orders.compute(t: a).count()", "1:22", /compute has no effect on count/],
      ["orders.limit(2).first()", "1:17", /first is limit\(1\)/],
      ["orders.aggregate(t: sum(a >))", "1:27", /expected `\)`/],
      ["orders.set({a: 1}).set({b: 1})", "1:20", /set once/],
      ["orders.set({})", "1:12", /at least one field/],
      ["orders.insert(5)", "1:15", /expected `\{`/],
      ["orders.insert([])", "1:15", /a document or a list of documents/],
      ["orders.insert({a: 1, a: 2})", "1:22", /each field once/],
      ["orders.insert({a 1})", "1:18", /expected `:`/],
      ["orders.replace({a: 1})", "1:16", /a document with its _id/],
      ["orders.filter(a = 1).delete(5)", "1:29", /a filter or a key, not both/],
      ["explain orders.insert({})", "1:1", /find documents after `explain`/],
      [`orders.filter(a = ${"[".repeat(70)}`, "1:84", /at most 64 levels/],
      [`orders.filter(${"(".repeat(70)}`, "1:80", /at most 64 levels/],
      [`orders.filter(${"not ".repeat(70)}`, "1:275", /at most 64 levels/]
    ]
    for (const [text, at, message] of cases) {
      const refused = refusal(text)
      assert.match(refused.message, message, text)
      assert.strictEqual(refused.at, at, text)
    }
    assert.match(refusal("x".repeat(PQL_LENGTH_MAX + 1)).message, /at most 1048576 characters/)
  })

  it("never does anything but read or refuse, whatever it is given", () => {
    const random = new Random(3)
    const pieces = [
      "orders",
      ".",
      "filter",
      "(",
      ")",
      "a",
      "=",
      "1",
      "'x'",
      "~",
      "/",
      "any",
      "this",
      "is",
      "push",
      "each",
      "and",
      "not",
      "in",
      "[",
      "]",
      "{",
      "}",
      ",",
      ":",
      "$p",
      "key",
      "long",
      "\n",
      "`",
      "//",
      "/*",
      "-",
      "0x",
      "select",
      "aggregate",
      "sum",
      "*",
      "+",
      "\ud800"
    ]
    for (let round = 0; round < 3000; round++) {
      const text = Array.from({ length: random.below(20) }, () => random.pick(pieces)).join(random.chance(50) ? " " : "")
      try {
        parsePql(text, { p: 1 })
      } catch (error) {
        if (!isFault(error, "InvalidPql")) throw error
      }
    }
  })
})
