import { assert, describe, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Disk } from "../../src/Disk/Disk.ts"
import { Storage } from "../../src/Storage/Storage.ts"
import { compileTemplates } from "../../src/Template/Template.ts"
import type { Answer, Request } from "../../src/Wasm/Answer.ts"
import type { LogLine } from "../../src/Wasm/Log.ts"
import type { Service } from "../../src/Wasm/Service.ts"
import { Wasm } from "../../src/Wasm/Wasm.ts"
import { image } from "./Authors.ts"
import { json, request, text } from "./Bench.ts"

const source = `
import { service, store, s, Decimal, notFound, problem, redirect, html, status, Template } from "@planckdb/planck/guest"

const orders = store("orders", {
  number: s.string(), customer: s.string({ maxLength: 20 }), total: s.decimal(), placedAt: s.date(),
  lines: s.array(s.struct({ sku: s.string(), quantity: s.int({ min: 1 }) }))
}, { indexes: [{ on: ["customer", "-placedAt"] }] })
const page = new Template<{ title: string; orders: unknown }>("orders.zsx")
let calls = 0
const held: unknown[] = []

export default service({ name: "orders", version: "1.2.0" }, (app) => {
  const config = app.config({ currency: s.string().default("EUR"), apiKey: s.secret() })
  app.get("/orders/:id", ({ params }) => orders.get(params.id) ?? notFound())
  app.get("/orders", { query: { customer: s.string() } }, ({ query }) => orders.filter({ customer: query.customer }).orderBy("placedAt", "desc"))
  app.get("/page", { query: { customer: s.string() } }, ({ query }) =>
    page.render({ title: "Orders <of> " + query.customer, orders: orders.filter({ customer: query.customer }).orderBy("placedAt", "desc") }))
  app.post("/orders", { body: orders.input.omit("placedAt") }, ({ body }) => {
    const id = orders.insert({ ...body, placedAt: new Date() })
    return redirect(app.url("/orders/:id", { id }))
  })
  app.post("/orders/:id/pay", ({ params }) => {
    const { matched } = orders.filter({ _id: params.id }).set({ customer: "paid" })
    if (matched === 0) throw problem({ status: 409, title: "No such order" })
    return status(204)
  })
  app.delete("/orders/:id", ({ params }) => ({ deleted: orders.delete(params.id) }))
  app.get("/count", () => ({ orders: orders.count(), calls: ++calls, currency: config.currency }))

  app.post("/half", () => { orders.insert({ number: "X", customer: "x", total: Decimal.from("1"), placedAt: new Date(), lines: [] }); throw new Error("half way") })
  app.post("/caught", () => {
    try { orders.insert({ number: 5 } as never) } catch (error) { return { caught: (error as { code: string }).code } }
  })
  app.post("/uncaught", () => { orders.insert({ number: 5 } as never) })
  app.get("/throws", () => { throw new TypeError("boom " + config.apiKey) })
  app.get("/loops", () => { for (;;); })
  app.post("/loops", () => { orders.insert({ number: "L", customer: "x", total: Decimal.from("1"), placedAt: new Date(), lines: [] }); for (;;); })
  app.get("/recurses", () => { const again = (): number => again() + 1; return again() })
  app.get("/eats", () => { for (;;) held.push(new Array(100).fill(held.length)) })
  app.get("/nonsense", () => (() => 1) as never)
  app.get("/writes", () => orders.insert({ number: "W", customer: "x", total: Decimal.from("1"), placedAt: new Date(), lines: [] }))
  app.get("/silent", () => new Promise(() => {}) as never)
  app.get("/html", () => html("<b>hi</b>"))
  app.get("/logs", () => { console.log("seen", config.apiKey, { a: 1 }); console.error("bad"); return null })
  app.post("/reads", () => { throw notFound() })
})
`

const templates = (): Uint8Array => {
  const { set, issues } = compileTemplates(
    [
      {
        path: "orders.zsx",
        source: `{param title: string}
{param orders: Doc<orders>[]}
<h1>{title}</h1><ul>{for order in orders}<li>{order.number}</li>{else}<li>none</li>{/for}</ul>`
      }
    ],
    [
      {
        name: "orders",
        idKind: "key",
        schema: {
          number: { type: "string" },
          customer: { type: "string" },
          total: { type: "decimal" },
          placedAt: { type: "date" },
          lines: { type: "any" }
        },
        indexes: []
      }
    ]
  )
  if (set === undefined) throw new Error(issues.map((issue) => issue.message).join("\n"))
  return new TextEncoder().encode(JSON.stringify(set))
}

/** The loaded service, and what it said. */
class Orders extends Context.Service<Orders, { readonly service: Service; readonly lines: LogLine[] }>()("test/Orders") {
  static readonly layer = Layer.effect(
    Orders,
    Effect.gen(function* () {
      const wasm = yield* Wasm
      const service = yield* wasm.load(image(source, { templates: templates() }), { config: { apiKey: "s3cret-key" } })
      return Orders.of({ service, lines })
    })
  )
}

const lines: LogLine[] = []
const Live = Orders.layer.pipe(
  Layer.provideMerge(Wasm.layer({ log: (line) => lines.push(line), limits: { deadlineMs: 300, coldDeadlineMs: 5000, coldCalls: 12 } })),
  Layer.provideMerge(Storage.layer({ directory: "/db" })),
  Layer.provide(Disk.layerMemory())
)

/** Sends a request to the route of this method and pattern, waits as the gateway does, and returns the answer. */
const send = Effect.fnUntraced(function* (method: string, pattern: string, part: Partial<Request> = {}) {
  const { service } = yield* Orders
  const storage = yield* Storage
  const index = service.routes.findIndex((route) => route.method === method && route.pattern.source === pattern)
  assert.isAtLeast(index, 0, `${method} ${pattern}`)
  const answer = service.handle(index, request({ method, path: pattern, ...part }))
  yield* storage.awaitDurable(answer.waitLsn)
  yield* Effect.yieldNow
  return answer
})

const post = (number: string, customer: string): Effect.Effect<Answer, unknown, Orders | Storage> =>
  send("POST", "/orders", {
    contentType: "application/json",
    body: Buffer.from(JSON.stringify({ number, customer, total: "9.50", lines: [{ sku: "A", quantity: 2 }] })),
    nowMs: 1_700_000_000_000 + Number(number) * 1000
  })

const location = (answer: Answer): string => answer.headers[answer.headers.indexOf("location") + 1] ?? ""
const count = Effect.map(send("GET", "/count"), (answer) => json(answer)["orders"])

describe("a service in TypeScript on a database", () => {
  layer(Live, { excludeTestServices: true })((it) => {
    it.effect("stores what is posted, and reads it back", () =>
      Effect.gen(function* () {
        const posted = yield* post("1", "acme")
        assert.strictEqual(posted.status, 303)
        const id = location(posted).slice("/orders/".length)
        const read = yield* send("GET", "/orders/:id", { params: [id] })
        assert.deepStrictEqual(json(read), {
          _id: id,
          number: "1",
          customer: "acme",
          total: "9.50",
          placedAt: "2023-11-14T22:13:21.000Z",
          lines: [{ sku: "A", quantity: 2 }]
        })
        assert.strictEqual(read.waitLsn, 0)
        const removed = yield* send("DELETE", "/orders/:id", { params: [id] })
        assert.deepStrictEqual(json(removed), { deleted: true })
        assert.strictEqual((yield* send("GET", "/orders/:id", { params: [id] })).status, 404)
        assert.strictEqual((yield* send("GET", "/orders/:id", { params: ["no id at all"] })).status, 404)
      })
    )

    it.effect("lists rows as JSON and as a page, in order, without their entering the guest", () =>
      Effect.gen(function* () {
        for (const number of ["1", "2", "3"]) yield* post(number, "listed")
        const list = yield* send("GET", "/orders", { query: "customer=listed" })
        assert.deepStrictEqual(
          (JSON.parse(text(list)) as ReadonlyArray<{ number: string }>).map((order) => order.number),
          ["3", "2", "1"]
        )
        const page = yield* send("GET", "/page", { query: "customer=listed" })
        assert.include(text(page), "<h1>Orders &lt;of&gt; listed</h1><ul><li>3</li><li>2</li><li>1</li></ul>")
        assert.deepStrictEqual(page.headers, ["content-type", "text/html; charset=utf-8"])
        assert.include(text(yield* send("GET", "/page", { query: "customer=nobody" })), "<li>none</li>")
        const { service } = yield* Orders
        service.release(page)
      })
    )

    it.effect("names what is wrong with a request", () =>
      Effect.gen(function* () {
        const answer = yield* send("POST", "/orders", {
          contentType: "application/json",
          body: Buffer.from('{"number":"1","customer":"a very long name of a customer","total":"x","lines":[{"sku":"A","quantity":0}]}')
        })
        assert.sameMembers(
          (json(answer)["issues"] as ReadonlyArray<{ pointer: string }>).map((issue) => issue.pointer),
          ["/body/customer", "/body/total", "/body/lines/0/quantity"]
        )
        assert.strictEqual((yield* send("GET", "/orders")).status, 400)
      })
    )

    it.effect("rolls back what a failing handler wrote", () =>
      Effect.gen(function* () {
        const before = yield* count
        assert.deepInclude(json(yield* send("POST", "/half")), { code: "handler_failed", status: 500 })
        assert.deepInclude(json(yield* send("POST", "/loops")), { code: "deadline_exceeded", status: 503 })
        assert.strictEqual((yield* send("POST", "/orders/:id/pay", { params: ["0198f0c2a3b47d8e9f00112233445566"] })).status, 409)
        assert.strictEqual(yield* count, before)
      })
    )

    it.effect("lets a handler catch a failed operation and go on", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(json(yield* send("POST", "/caught")), { caught: "invalid_document" })
        assert.deepInclude(json(yield* send("POST", "/uncaught")), { code: "invalid_document", status: 422 })
      })
    )

    for (const [what, path, code] of [
      ["throws", "/throws", "handler_failed"],
      ["loops", "/loops", "deadline_exceeded"],
      ["overflows its stack", "/recurses", "stack_overflow"],
      ["returns nonsense", "/nonsense", "unsupported_value"],
      ["writes in a GET", "/writes", "write_in_read_only"],
      ["waits for ever", "/silent", "promise_pending"]
    ] as const) {
      it.effect(`answers for a handler that ${what}, and the next request is fine`, () =>
        Effect.gen(function* () {
          const before = yield* count
          assert.strictEqual(json(yield* send("GET", path))["code"], code)
          assert.strictEqual(yield* count, before)
          assert.strictEqual(text(yield* send("GET", "/html")), "<b>hi</b>")
        })
      )
    }

    it.effect("answers for a handler that eats memory, in bounds, and the next request is fine", () =>
      Effect.gen(function* () {
        const answer = json(yield* send("GET", "/eats"))
        assert.include(["out_of_memory", "deadline_exceeded"], answer["code"])
        assert.strictEqual((yield* send("GET", "/html")).status, 200)
      })
    )

    it.effect("replaces an instance that was stopped: its globals begin anew", () =>
      Effect.gen(function* () {
        const { service } = yield* Orders
        const calls = Effect.map(send("GET", "/count"), (answer) => json(answer)["calls"] as number)
        const first = yield* calls
        assert.strictEqual(yield* calls, first + 1)
        const replaced = service.replacedInstances
        yield* send("GET", "/loops")
        assert.strictEqual(service.replacedInstances, replaced + 1)
        assert.strictEqual(yield* calls, 1)
      })
    )

    it.effect("logs with the author's file and line, and without secrets", () =>
      Effect.gen(function* () {
        const { lines } = yield* Orders
        lines.length = 0
        yield* send("GET", "/throws")
        yield* send("GET", "/logs")
        const author = source.split("\n").findIndex((line) => line.includes('"/throws"')) + 1
        const [thrown, logged, complained] = lines
        assert.strictEqual(thrown?.message, "boom <redacted>")
        assert.match(JSON.stringify(thrown?.fields["stack"]), new RegExp(`^\\["[^"]*orders\\.ts:${author}:\\d+`))
        assert.deepInclude(logged, { level: "info", service: "orders", requestId: "r-1" })
        assert.include(logged?.message, "seen <redacted>")
        assert.strictEqual(complained?.level, "error")
      })
    )

    it.effect("makes a read in a writing handler wait for what it saw", () =>
      Effect.gen(function* () {
        const { service } = yield* Orders
        const storage = yield* Storage
        const index = (method: string, pattern: string): number =>
          service.routes.findIndex((route) => route.method === method && route.pattern.source === pattern)
        const written = service.handle(
          index("POST", "/orders"),
          request({
            method: "POST",
            contentType: "application/json",
            body: Buffer.from(JSON.stringify({ number: "9", customer: "w", total: "1", lines: [] }))
          })
        )
        assert.isAbove(written.waitLsn, storage.engine.durableLsn)
        const rolledBack = service.handle(index("POST", "/reads"), request({ method: "POST" }))
        assert.deepInclude(rolledBack, { status: 404, waitLsn: written.waitLsn })
        const unseen = service.handle(index("GET", "/orders/:id"), request({ params: [location(written).slice("/orders/".length)] }))
        assert.deepInclude(unseen, { status: 404, waitLsn: 0 })
        yield* storage.awaitDurable(written.waitLsn)
        const seen = service.handle(index("GET", "/orders/:id"), request({ params: [location(written).slice("/orders/".length)] }))
        assert.deepInclude(seen, { status: 200, waitLsn: 0 })
      })
    )
  })
})
