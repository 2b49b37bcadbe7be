import { assert, beforeAll, describe, it } from "@effect/vitest"
import { Decimal128, Key } from "../../src/Bson/Value.ts"
import type { BuiltService } from "../../src/Build/Build.ts"
import { buildFiles } from "../Build/Folder.ts"
import { type Call, GuestInstance, HostFailure, type Plain } from "./GuestInstance.ts"

const SERVICE = `
import { bytes, Decimal, each, empty, html, json, Key, matching, notFound, optional, PlanckError, problem, redirect, s, service, status, store, text } from "@planckdb/planck/guest"
import page from "./page.zsx"

const orders = store("orders", {
  _id: s.key(),
  number: s.string({ minLength: 1, pattern: /^[A-Z]/ }),
  status: s.literals("pending", "paid").default("pending"),
  total: s.decimal(),
  size: s.long().optional(),
  lines: s.array(s.struct({ sku: s.string(), quantity: s.int({ min: 1 }) }), { maxItems: 100 }),
  address: s.struct({ city: s.string() }).nullable(),
  customer: s.key("customers"),
  tags: s.record(s.boolean()),
  either: s.union(s.int(), s.string()),
  placedAt: s.date()
}, { indexes: [{ on: ["status", "-placedAt"] }, { on: ["address.city"], name: "by_city" },
  { on: ["number"], unique: true, sparse: true, where: [["status", "=", "paid"], ["placedAt", ">=", new Date(0)], ["size", "in", [5n]], ["total", "between", ["1", Decimal.from("2.50")]]] },
  { on: ["placedAt"], where: { "address.city": "Bonn" }, expireAfterMs: 60_000 }], durability: "interval" })
const customers = store("customers", { _id: s.string(), name: s.string() })
const ID = "0198f0c2a3b47d8e9f00112233445566"

export default service({ name: "sdk", version: "1.2.3", limits: { deadlineMs: 20 } }, (app) => {
  const config = app.config({ rate: s.number().default(0.19), secret: s.secret() })
  app.get("/value", () => ({ a: 1 }))
  app.get("/nothing", () => {})
  app.get("/null", () => null)
  app.get("/text", () => "plain string")
  app.get("/answers/text", () => text("hello"))
  app.get("/answers/html", () => html("<b>x</b>", { status: 201, headers: { "X-A": "1" } }))
  app.get("/answers/json", () => json([1], { headers: { a: "b" } }).status(202).header("Set-Cookie", "c=1"))
  app.get("/answers/bytes", () => bytes(new Uint8Array([1, 2]), "image/png"))
  app.get("/answers/redirect", () => redirect(app.url("/orders/:id/*rest", { id: "a b", rest: "x/y z" }, { q: "ä&" })))
  app.get("/answers/status", () => status(201, { id: 1 }))
  app.get("/answers/empty", () => empty())
  app.get("/answers/notFound", () => notFound("no such order"))
  app.get("/answers/problem", () => problem({ status: 409, title: "Taken", balance: 3, headers: { "retry-after": "5" } }))
  app.get("/answers/thrown", () => { throw problem({ status: 409, title: "Taken" }) })
  app.get("/answers/async", async () => status(200, await Promise.resolve({ late: true })))
  app.get("/orders/:id", ({ params }) => orders.get(params.id) ?? notFound())
  app.get("/query", () => orders.filter({ status: "paid", _id: ID }).filter("total", ">=", "1.50").orderBy("placedAt", "desc").skip(2).limit(3))
  app.get("/select", () => orders.all().select("number"))
  app.get("/filters", () => orders.filter("number", "in", ["a", "b"]).filter("number", "startsWith", "A").filterAny({ status: "paid" }, ["size", ">", 5n]).filterNot({ status: "paid" }).filter("lines.sku", "exists", true).filter({ address: { city: "x" } }).filter("number", "between", ["A", "B"]))
  app.get("/inside", () => orders.filter("number", "~", /^a/gi).filter("number", "~", "b").filter("status", "endsWith", "d").filter("lines", "any", [{ sku: "x" }, ["quantity", ">", 1]]).filter("lines", "size", 2).filter("either", "is", "int"))
  app.post("/arrays", () => orders.all().update({ push: { lines: { sku: "a", quantity: 1 } }, pull: { "lines": matching({ sku: "b" }) } }))
  app.post("/each", () => orders.all().addToSet({ lines: each([{ sku: "a", quantity: 1 }]) }))
  app.get("/groups", () => orders.filter({ status: "paid" }).orderBy("placedAt").groupBy("status", "address.city").aggregate({ n: { count: true }, sold: { sum: "lines.quantity" }, half: { sum: ["total", "/", 2] } }).having("n", ">", 1).having({ status: "paid" }).orderBy("sold", "desc").limit(3))
  app.get("/computed", () => orders.all().omit("lines").compute({ worth: ["total", "*", [Decimal.from("1.5"), "-", 1]], isPaid: ["status", "=", "paid"], city: "address.city" }))
  app.get("/explained", () => ({ rows: orders.filter({ status: "paid" }).limit(2).explain(), deletes: orders.filter({ status: "paid" }).explain("delete"), groups: orders.all().groupBy("status").explain() }))
  app.get("/distinct", () => ({ cities: orders.all().distinct("address.city").rows().map((row) => row.city) }))
  app.get("/optional", () => orders.filter({ status: optional(undefined), number: optional("A") }))
  app.get("/undefined", () => orders.filter({ number: undefined as unknown as string }))
  app.get("/setUndefined", () => orders.all().set({ number: undefined as unknown as string }))
  app.get("/badKey", () => orders.filter({ _id: "nonsense" }))
  app.get("/missingKey", () => ({ found: orders.get("nonsense") ?? null, deleted: orders.delete("nonsense"), many: orders.getMany(["nonsense", ID]).length }))
  app.get("/rows", () => { const rows = []; for (const row of orders.all()) rows.push(row.number); return { rows, first: orders.orderBy("number").first()?.number, count: orders.filter({ status: "paid" }).count() } })
  app.post("/write", () => {
    const id = orders.insert({ number: "A", total: Decimal.from("1.5"), lines: [], address: null, customer: Key.parse<"customers">(ID)!, tags: {}, either: 1, placedAt: new Date() })
    orders.filter({ _id: id }).update({ set: { "address.city": "Berlin" }, inc: { total: Decimal.from(1) }, unset: ["size"] })
    orders.filter({ status: "pending" }).delete()
    customers.upsert({ _id: "c1", name: "n" })
    return { id, replaced: customers.replace({ _id: "c1", name: "m" }), many: customers.insertMany([{ _id: "a", name: "a" }]) }
  })
  app.post("/caught", () => { try { customers.insert({ _id: "x", name: "y" }) } catch (error) { return { is: error instanceof PlanckError, code: (error as PlanckError).code, store: (error as PlanckError).store } } })
  app.post("/deleteLimited", () => ({ n: orders.orderBy("number").delete() }))
  app.get("/page", () => page.render({ title: "T", orders: orders.filter({ status: "paid" }) }).header("x", "y"))
  app.get("/pageOfRows", () => page.render({ title: "T", orders: [] }))
  app.get("/config", () => ({ rate: config.rate, again: config.rate }))
  app.get("/platform", () => ({
    encoded: new TextEncoder().encode("ä😀"), decoded: new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 0xc3, 0xa4])), uuid: crypto.randomUUID(), base64: atob(btoa("x")),
    clone: (() => { const a: { n: Map<string, Date>; self?: unknown } = { n: new Map([["d", new Date(5)]]) }; a.self = a; const b = structuredClone(a); return b !== a && b.self === b && b.n.get("d")!.getTime() === 5 })(),
    globals: ["performance", "setTimeout", "fetch", "process", "window", "__planck"].filter((name) => name in globalThis)
  }))
  app.get("/log", () => { console.log("a", { b: [1, new Date(0)] }); console.warn(new Error("w").message); console.error(1n, undefined, Key.parse(ID)); return null })
  app.post("/input/:id", { params: { id: s.key(orders) }, query: { page: s.int({ min: 0 }).default(0) }, headers: { cookie: s.string().optional() }, body: orders.input.pick("number") }, (request) => ({ ...request }))
  app.post("/form", { form: { name: s.string() } }, ({ body }) => body)
  app.post("/raw", { bytes: true }, ({ body }) => ({ length: body.length }))
  app.post("/search", { writes: false }, () => null)
  app.get("/visit", { writes: true }, () => null)
  app.get("/decimal", ({ query }) => {
    const values = (query as unknown as { a: string; b: string })
    const a = Decimal.from(values.a), b = Decimal.from(values.b)
    const operator = (() => { try { return String((a as unknown as number) + 1) } catch (error) { return (error as Error).message } })()
    return { sum: a.add(b), difference: a.subtract(b).toString(), product: a.multiply(b).toString(), order: a.compare(b), rounded: a.round(1).toString(), quotient: b.compare(0) === 0 ? "" : a.divide(b, 4).toString(), operator }
  })
})
`
const TEMPLATE = "{param title: string}\n{param orders: Doc<orders>[]}\n<h1>{title}</h1>{for order in orders}<p>{order.number}</p>{/for}\n"

let built: BuiltService
beforeAll(async () => {
  built = await buildFiles({ "service.ts": SERVICE, "page.zsx": TEMPLATE })
})
const guest = (answers?: (call: Call) => Plain | HostFailure): GuestInstance => new GuestInstance(built.file, answers, built.manifest)
const reply = (route: string, request?: Plain): Plain | undefined => guest().call(route, request)

describe("what a handler returns", () => {
  it.each([
    ["/value", { kind: "json", body: { a: 1 } }],
    ["/nothing", { kind: "empty" }],
    ["/null", { kind: "json", body: null }],
    ["/text", { kind: "json", body: "plain string" }],
    ["/answers/text", { kind: "text", body: "hello" }],
    ["/answers/html", { kind: "html", body: "<b>x</b>", status: 201, headers: { "x-a": "1" } }],
    ["/answers/json", { kind: "json", body: [1], headers: { a: "b", "set-cookie": "c=1" }, status: 202 }],
    ["/answers/redirect", { kind: "redirect", location: "/orders/a%20b/x/y%20z?q=%C3%A4%26" }],
    ["/answers/status", { kind: "json", body: { id: 1 }, status: 201 }],
    ["/answers/empty", { kind: "empty" }],
    ["/answers/notFound", { kind: "problem", status: 404, problem: { status: 404, title: "Not found", detail: "no such order" } }],
    [
      "/answers/problem",
      { kind: "problem", status: 409, problem: { status: 409, title: "Taken", balance: 3 }, headers: { "retry-after": "5" } }
    ],
    ["/answers/async", { kind: "json", body: { late: true }, status: 200 }]
  ] as const)("GET %s", (path, expected) => {
    assert.deepStrictEqual(reply(`GET ${path}`), expected as unknown as Plain)
  })

  it("bytes have their content type", () => {
    const found = reply("GET /answers/bytes")
    assert.strictEqual(found?.["kind"], "bytes")
    assert.deepStrictEqual(found?.["headers"], { "content-type": "image/png" })
  })

  it("a problem that is thrown is a failure that carries it", () => {
    const instance = guest()
    assert.isUndefined(instance.call("GET /answers/thrown"))
    assert.strictEqual(instance.failure?.["code"], "problem")
    assert.deepStrictEqual(instance.failure?.["problem"], { status: 409, title: "Taken" })
  })
})

describe("queries", () => {
  const statement = (route: string): { operation: number; argument: Plain } => {
    const instance = guest(() => ({ answer: 7 }))
    assert.deepStrictEqual(instance.call(route), { kind: "answer", answer: 7 })
    return instance.calls[0]!
  }

  it("that are returned become an answer made by the host", () => {
    assert.deepStrictEqual(statement("GET /query"), {
      operation: 13,
      argument: {
        statement: {
          store: "orders",
          filter: {
            status: "paid",
            _id: new Key(Uint8Array.from(Buffer.from("0198f0c2a3b47d8e9f00112233445566", "hex"))),
            total: { $gte: Decimal128.fromString("1.50") }
          },
          orderBy: [["placedAt", "desc"]],
          limit: 3,
          skip: 2
        }
      }
    } as unknown as Call)
  })

  it("keep _id when fields are selected", () => {
    assert.deepStrictEqual(statement("GET /select").argument["statement"], { store: "orders", select: ["_id", "number"] })
  })

  it("combine conditions", () => {
    const found = statement("GET /filters").argument["statement"] as Plain
    assert.deepStrictEqual(
      JSON.parse(JSON.stringify(found["filter"], (_name, value: unknown) => (typeof value === "bigint" ? `${value}n` : value))),
      {
        $and: [{ number: { $in: ["a", "b"] } }, { number: { $prefix: "A" } }],
        $or: [{ status: "paid" }, { size: { $gt: "5n" } }],
        $not: { status: "paid" },
        "lines.sku": { $exists: true },
        address: { $eq: { city: "x" } },
        number: { $between: ["A", "B"] }
      }
    )
  })

  it("look into texts and arrays", () => {
    const found = statement("GET /inside").argument["statement"] as Plain
    assert.deepStrictEqual(found["filter"], {
      $and: [
        {
          $and: [{ number: { $regex: ["^a", "i"] } }, { number: { $regex: "b" } }],
          status: { $suffix: "d" },
          lines: { $any: { $and: [{ sku: "x" }, { quantity: { $gt: 1 } }] } }
        },
        { lines: { $size: 2 } }
      ],
      either: { $type: "int" }
    } as never)
  })

  it("make groups, by the host when they are returned", () => {
    assert.deepStrictEqual(statement("GET /groups"), {
      operation: 13,
      argument: {
        statement: {
          store: "orders",
          filter: { status: "paid" },
          inputOrder: [["placedAt", "asc"]],
          groupBy: ["status", "address.city"],
          aggregates: { n: { $count: true }, sold: { $sum: "lines.quantity" }, half: { $sum: { $divide: ["total", 2] } } },
          having: { $and: [{ n: { $gt: 1 } }, { status: "paid" }] },
          orderBy: [["sold", "desc"]],
          limit: 3
        }
      }
    } as never)
    const instance = guest(() => ({ rows: [{ city: "Bonn" }] }))
    assert.deepStrictEqual(instance.call("GET /distinct")?.["body"], { cities: ["Bonn"] })
    assert.deepStrictEqual(instance.calls[0], {
      operation: 11,
      argument: { statement: { store: "orders", distinct: "address.city" } }
    } as never)
  })

  it("compute values, and leave fields out", () => {
    assert.deepStrictEqual(statement("GET /computed").argument["statement"], {
      store: "orders",
      omit: ["lines"],
      compute: {
        worth: { $multiply: ["total", { $subtract: [Decimal128.fromString("1.5"), 1] }] },
        isPaid: { $test: { status: { $eq: "paid" } } },
        city: "address.city"
      }
    } as never)
  })

  it("are explained by the host", () => {
    const instance = guest(() => ({ explanation: { access: "keys" } }))
    const [found, filter] = [{ access: "keys" }, { status: "paid" }]
    assert.deepStrictEqual(instance.call("GET /explained")?.["body"], { rows: found, deletes: found, groups: found })
    assert.deepStrictEqual(instance.calls, [
      { operation: 21, argument: { statement: { store: "orders", filter, limit: 2 } } },
      { operation: 21, argument: { statement: { store: "orders", filter }, kind: "delete" } },
      { operation: 21, argument: { statement: { store: "orders", groupBy: ["status"] } } }
    ] as never)
  })

  it("change arrays", () => {
    for (const [route, expected] of [
      ["POST /arrays", { push: { lines: { sku: "a", quantity: 1 } }, pull: { lines: { $any: { sku: "b" } } } }],
      ["POST /each", { addToSet: { lines: { $each: [{ sku: "a", quantity: 1 }] } } }]
    ] as const) {
      const instance = guest(() => ({ matched: 1, modified: 1 }))
      assert.deepStrictEqual(instance.call(route)?.["body"], { matched: 1, modified: 1 })
      assert.deepStrictEqual(instance.calls[0]?.argument, { store: "orders", filter: {}, ...expected } as never)
    }
  })

  it("leave out what was left out on purpose, and refuse undefined", () => {
    assert.deepStrictEqual((statement("GET /optional").argument["statement"] as Plain)["filter"], { number: "A" })
    for (const route of ["GET /undefined", "GET /setUndefined"]) {
      const instance = guest()
      assert.isUndefined(instance.call(route))
      assert.strictEqual(instance.failure?.["code"], "undefined_value")
      assert.deepStrictEqual(instance.calls, [])
    }
  })

  it("refuse a text that is no key; get and delete know that there is no such document", () => {
    const instance = guest(() => ({ documents: [null] }))
    assert.isUndefined(instance.call("GET /badKey"))
    assert.match(String(instance.failure?.["message"]), /the text that _id is compared with is not what the field holds/)
    assert.deepStrictEqual(instance.call("GET /missingKey")?.["body"], { found: null, deleted: false, many: 2 })
  })

  it("give rows, the first one, and their number", () => {
    const instance = guest(({ operation }) => (operation === 12 ? { count: 9 } : { rows: [{ number: "A" }, { number: "B" }] }))
    assert.deepStrictEqual(instance.call("GET /rows")?.["body"], { rows: ["A", "B"], first: "A", count: 9 })
    assert.deepStrictEqual(
      instance.calls.map(({ argument }) => argument["statement"]),
      [{ store: "orders" }, { store: "orders", orderBy: [["number", "asc"]], limit: 1 }, { store: "orders", filter: { status: "paid" } }]
    )
  })

  it("that order or limit cannot delete", () => {
    const instance = guest()
    assert.isUndefined(instance.call("POST /deleteLimited"))
    assert.match(String(instance.failure?.["message"]), /delete takes a filter only/)
  })
})

describe("documents", () => {
  it("are fetched by key, and passed on as they are", () => {
    const document = { _id: new Key(new Uint8Array(16)), number: "A" }
    const instance = guest(() => ({ document }))
    assert.deepStrictEqual(instance.call("GET /orders/:id", { params: { id: "0198f0c2a3b47d8e9f00112233445566" } }), {
      kind: "json",
      body: document
    })
    assert.deepStrictEqual(instance.calls[0]?.argument, {
      store: "orders",
      key: new Key(Uint8Array.from(Buffer.from("0198f0c2a3b47d8e9f00112233445566", "hex")))
    })
    const none = guest(() => ({}))
    assert.strictEqual(none.call("GET /orders/:id", { params: { id: "0198f0c2a3b47d8e9f00112233445566" } })?.["status"], 404)
  })

  it("are written by the operations of the ABI", () => {
    const key = new Key(new Uint8Array(16).fill(1))
    const instance = guest(({ operation }) =>
      operation === 3 ? { key } : operation === 4 ? { keys: ["a"] } : { matched: 1, modified: 1, deleted: 2 }
    )
    assert.deepStrictEqual(instance.call("POST /write")?.["body"], { id: key, replaced: { matched: 1, modified: 1 }, many: ["a"] })
    assert.deepStrictEqual(
      instance.calls.map(({ operation, argument }) => [operation, argument["filter"], argument["set"], argument["inc"], argument["unset"]]),
      [
        [3, undefined, undefined, undefined, undefined],
        [6, { _id: key }, { "address.city": "Berlin" }, { total: Decimal128.fromString("1") }, ["size"]],
        [8, { status: "pending" }, undefined, undefined, undefined],
        [7, undefined, undefined, undefined, undefined],
        [5, undefined, undefined, undefined, undefined],
        [4, undefined, undefined, undefined, undefined]
      ] as unknown as Array<Array<unknown>>
    )
  })

  it("errors of the host can be caught, with their fields", () => {
    const instance = guest(() => new HostFailure({ code: "duplicate_key", message: "taken", store: "customers" }))
    assert.deepStrictEqual(instance.call("POST /caught")?.["body"], { is: true, code: "duplicate_key", store: "customers" })
  })
})

describe("templates", () => {
  it("get a query's rows from the host", () => {
    const instance = guest(() => ({ answer: 3 }))
    assert.deepStrictEqual(instance.call("GET /page"), { kind: "answer", answer: 3, headers: { x: "y" } })
    assert.deepStrictEqual(instance.calls[0], {
      operation: 15,
      argument: { template: "page.zsx", parameters: { title: "T" }, queries: { orders: { store: "orders", filter: { status: "paid" } } } }
    })
  })

  it("get lists as parameters", () => {
    const instance = guest(() => ({ answer: 1 }))
    instance.call("GET /pageOfRows")
    assert.deepStrictEqual(instance.calls[0], { operation: 14, argument: { template: "page.zsx", parameters: { title: "T", orders: [] } } })
  })
})

describe("configuration", () => {
  it("is asked of the host once", () => {
    const instance = guest(() => ({ value: 0.5 }))
    instance.call("GET /config")
    assert.deepStrictEqual(instance.call("GET /config")?.["body"], { rate: 0.5, again: 0.5 })
    assert.deepStrictEqual(instance.calls, [{ operation: 19, argument: { name: "rate" } }])
  })
})

describe("the platform", () => {
  it("has text encoding, randomness from the host, base64 and deep copies, and nothing of browsers or Node", () => {
    const body = reply("GET /platform")?.["body"] as Plain
    assert.deepStrictEqual(Buffer.from((body["encoded"] as { buffer: Uint8Array }).buffer).toString(), "ä😀")
    assert.strictEqual(body["decoded"], "ä")
    assert.strictEqual(body["uuid"], "5a5a5a5a-5a5a-4a5a-9a5a-5a5a5a5a5a5a")
    assert.strictEqual(body["base64"], "x")
    assert.strictEqual(body["clone"], true)
    assert.deepStrictEqual(body["globals"], [])
  })

  it("console writes to the log", () => {
    const instance = guest()
    instance.call("GET /log")
    assert.deepStrictEqual(instance.lines, [
      { level: 1, message: "a { b: [1, 1970-01-01T00:00:00.000Z] }" },
      { level: 2, message: "w" },
      { level: 3, message: "1n undefined 0198f0c2a3b47d8e9f00112233445566" }
    ])
  })
})

describe("the manifest", () => {
  it("has what the service declared", () => {
    const { manifest } = built
    assert.strictEqual(manifest.name, "sdk")
    assert.deepStrictEqual(manifest.limits, { deadlineMs: 20 })
    assert.deepStrictEqual(manifest.config, { rate: { type: "number", default: 0.19 }, secret: { type: "string", secret: true } })
    assert.deepStrictEqual(manifest.stores[0], {
      name: "orders",
      idKind: "key",
      schema: {
        number: { type: "string", minLength: 1, pattern: "^[A-Z]" },
        status: { type: "literals", values: ["pending", "paid"], default: "pending" },
        total: { type: "decimal" },
        size: { type: "long", optional: true },
        lines: {
          type: "array",
          items: { type: "struct", fields: { sku: { type: "string" }, quantity: { type: "int", min: 1 } } },
          maxItems: 100
        },
        address: { type: "struct", fields: { city: { type: "string" } }, nullable: true },
        customer: { type: "key", store: "customers" },
        tags: { type: "record", values: { type: "boolean" } },
        either: { type: "union", members: [{ type: "int" }, { type: "string" }] },
        placedAt: { type: "date" }
      },
      indexes: [
        {
          name: "status_asc_placedAt_desc",
          on: [
            { path: "status", direction: "asc" },
            { path: "placedAt", direction: "desc" }
          ]
        },
        { name: "by_city", on: [{ path: "address.city", direction: "asc" }] },
        {
          name: "number_asc",
          on: [{ path: "number", direction: "asc" }],
          unique: true,
          sparse: true,
          where: {
            op: "and",
            of: [
              { op: "eq", path: "status", value: "paid" },
              { op: "ge", path: "placedAt", value: "1970-01-01T00:00:00.000Z" },
              { op: "in", path: "size", values: ["5"] },
              { op: "between", path: "total", low: "1", high: "2.50" }
            ]
          }
        },
        {
          name: "placedAt_asc",
          on: [{ path: "placedAt", direction: "asc" }],
          where: { op: "eq", path: "address.city", value: "Bonn" },
          expireAfterMs: 60_000
        }
      ],
      durability: "interval"
    })
  })

  it("has the inputs of routes and says which may write", () => {
    const route = (name: string) => built.manifest.routes.find(({ handler }) => handler === name)
    assert.deepStrictEqual(route("POST /input/:id"), {
      method: "POST",
      pattern: "/input/:id",
      handler: "POST /input/:id",
      writes: true,
      bodyKind: "json",
      input: {
        params: { id: { type: "key", store: "orders" } },
        query: { page: { type: "int", min: 0, default: 0 } },
        headers: { cookie: { type: "string", optional: true } },
        body: { type: "struct", fields: { number: { type: "string", minLength: 1, pattern: "^[A-Z]" } } }
      }
    })
    assert.strictEqual(route("POST /form")?.bodyKind, "form")
    assert.strictEqual(route("POST /raw")?.bodyKind, "any")
    assert.deepStrictEqual(
      ["GET /value", "POST /search", "GET /visit", "POST /write"].map((name) => route(name)?.writes),
      [false, false, true, true]
    )
  })
})

describe("Decimal", () => {
  const compute = (a: string, b: string): Plain => guest().call("GET /decimal", { query: { a, b } })?.["body"] as Plain

  it("adds, subtracts, multiplies, divides, rounds and compares exactly", () => {
    assert.deepStrictEqual(compute("19.90", "0.1"), {
      sum: Decimal128.fromString("20.00"),
      difference: "19.80",
      product: "1.990",
      order: 1,
      rounded: "19.9",
      quotient: "199.0000",
      operator: "operators do not work on a Decimal: use add, subtract, multiply, compare"
    })
    assert.deepStrictEqual(compute("-0.25", "3")["rounded"], "-0.2")
    assert.deepStrictEqual(compute("1", "3")["quotient"], "0.3333")
    assert.deepStrictEqual(compute("12345678901234567890123456789012345", "1")["product"], "1234567890123456789012345678901234E+1")
  })

  it("agrees with integers scaled by hand", () => {
    let state = 99
    const next = (): bigint => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return BigInt(state % 2_000_001) - 1_000_000n
    }
    const instance = guest()
    const written = (value: bigint, digits: number): string => {
      const text = (value < 0n ? -value : value).toString().padStart(digits + 1, "0")
      return `${value < 0n ? "-" : ""}${text.slice(0, -digits)}.${text.slice(-digits)}`
    }
    for (let round = 0; round < 100; round++) {
      const [a, b] = [next(), next()]
      const body = instance.call("GET /decimal", { query: { a: written(a, 2), b: written(b, 3) } })?.["body"] as Plain
      assert.strictEqual(String(body["sum"]), written(a * 10n + b, 3))
      assert.strictEqual(body["product"], written(a * b, 5))
      assert.strictEqual(body["order"], a * 10n < b ? -1 : a * 10n > b ? 1 : 0)
    }
  })
})
