import { assert, describe, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Disk } from "../../src/Disk/Disk.ts"
import { Storage } from "../../src/Storage/Storage.ts"
import type { Request } from "../../src/Wasm/Answer.ts"
import type { Service } from "../../src/Wasm/Service.ts"
import { Wasm } from "../../src/Wasm/Wasm.ts"
import { image } from "./Authors.ts"
import { request, text } from "./Bench.ts"

const source = `
import { service, store, s, notFound, status } from "@planckdb/planck/guest"

const orders = store("orders", { customer: s.string(), total: s.int() }, { indexes: [{ on: ["customer"] }] })

export default service({ name: "orders", version: "1.0.0" }, (app) => {
  app.get("/orders/:id", ({ params }) => orders.get(params.id) ?? notFound())
  app.get("/orders", { query: { customer: s.string() } }, ({ query }) => orders.filter({ customer: query.customer }))
  app.get("/count", () => ({ orders: orders.count() }))
  app.post("/orders", { body: orders.input }, ({ body }) => status(201, { _id: orders.insert(body) }))
  app.put("/orders/:id", { body: s.struct({ total: s.int() }) }, ({ params, body }) => orders.filter({ _id: params.id }).set(body))
  app.get("/now", () => ({ now: Date.now() }))
  app.get("/today", () => ({ today: new Date() }))
  app.get("/random", () => ({ random: Math.random() }))
  app.get("/uuid", () => ({ id: crypto.randomUUID() }))
  app.get("/logs", () => { console.log("seen"); return 1 })
  app.get("/request", ({ requestId }) => ({ requestId }))
  app.get("/spread", (request) => ({ ...request }))
  app.get("/headers", { headers: { "x-tenant": s.string().optional() } }, ({ headers }) => ({ tenant: headers["x-tenant"] }))
  app.get("/writes", { writes: true }, () => ({ orders: orders.count() }))
  app.get("/large", () => ({ text: "x".repeat(5000) }))
})
`

class Orders extends Context.Service<Orders, Service>()("test/KeptOrders") {}

const Live = (answerCacheBytesMax: number) =>
  Layer.effect(
    Orders,
    Effect.flatMap(Wasm, (wasm) => wasm.load(image(source)))
  ).pipe(
    Layer.provideMerge(Wasm.layer({ limits: { deadlineMs: 1000, coldDeadlineMs: 5000, answerCacheBytesMax } })),
    Layer.provideMerge(Storage.layer({ directory: "/db" })),
    Layer.provide(Disk.layerMemory())
  )

/** Sends a request as the gateway does, and waits until what it did is durable. */
const send = Effect.fnUntraced(function* (method: string, pattern: string, part: Partial<Request> = {}) {
  const service = yield* Orders
  const storage = yield* Storage
  const index = service.routes.findIndex((route) => route.method === method && route.pattern.source === pattern)
  const answer = service.handle(index, request({ method, path: pattern, ...part }))
  const body = text(answer)
  yield* storage.awaitDurable(answer.waitLsn)
  service.release(answer)
  return body
})

const body = (value: unknown): Partial<Request> => ({ contentType: "application/json", body: Buffer.from(JSON.stringify(value)) })
const insert = (customer: string) =>
  Effect.map(send("POST", "/orders", body({ customer, total: 1 })), (answer) => (JSON.parse(answer) as { _id: string })._id)
const read = (id: string) => send("GET", "/orders/:id", { path: `/orders/${id}`, params: [id] })
const list = (customer: string) => send("GET", "/orders", { query: `customer=${customer}` })
const kept = (target: string) =>
  Effect.map(Orders, (service) => {
    const answer = service.kept(target)
    return answer === undefined ? undefined : text(answer)
  })

describe("answers of read-only handlers", () => {
  layer(Live(1024 * 1024), { excludeTestServices: true })((it) => {
    it.effect("are given again until what they rest on has changed", () =>
      Effect.gen(function* () {
        const [one, other] = [yield* insert("acme"), yield* insert("acme")]
        const answer = yield* read(one)
        const rows = yield* list("acme")
        assert.strictEqual(yield* kept(`/orders/${one}`), answer)
        assert.strictEqual(yield* kept("/orders?customer=acme"), rows)

        yield* insert("somebody else")
        yield* send("PUT", "/orders/:id", { path: `/orders/${other}`, params: [other], ...body({ total: 2 }) })
        assert.strictEqual(yield* kept(`/orders/${one}`), answer, "another order does not matter to it")
        assert.isUndefined(yield* kept("/orders?customer=acme"), "a row of the list has changed, though no entry of its index")

        yield* send("PUT", "/orders/:id", { path: `/orders/${one}`, params: [one], ...body({ total: 2 }) })
        assert.isUndefined(yield* kept(`/orders/${one}`))
        assert.include(yield* read(one), '"total":2')
        assert.include((yield* kept(`/orders/${one}`)) ?? "", '"total":2')
      })
    )

    it.effect("change with a row that joins the list", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* list("nobody"), "[]")
        assert.strictEqual(yield* kept("/orders?customer=nobody"), "[]")
        yield* insert("nobody")
        assert.isUndefined(yield* kept("/orders?customer=nobody"))
      })
    )

    it.effect("are not kept when they rest on the moment, the client, or may write", () =>
      Effect.gen(function* () {
        for (const path of ["/now", "/today", "/random", "/uuid", "/logs", "/request", "/spread", "/headers", "/writes"]) {
          yield* send("GET", path)
          assert.isUndefined(yield* kept(path), path)
        }
        yield* send("GET", "/count")
        assert.isDefined(yield* kept("/count"))
      })
    )

    it.effect("are not kept when they say that there is nothing", () =>
      Effect.gen(function* () {
        const id = "0".repeat(32)
        yield* read(id)
        assert.isUndefined(yield* kept(`/orders/${id}`))
      })
    )
  })

  layer(Live(100 * 1024), { excludeTestServices: true })((it) => {
    it.effect("stay within their memory: the oldest goes, unless it was asked for again, for what is asked for twice", () =>
      Effect.gen(function* () {
        const target = (index: number): string => `/large?index=${index}`
        for (let index = 0; index < 10; index++) yield* send("GET", "/large", { query: `index=${index}` })
        assert.isDefined(yield* kept(target(0)))
        for (let index = 10; index < 25; index++)
          for (let time = 0; time < 2; time++) yield* send("GET", "/large", { query: `index=${index}` })
        yield* send("GET", "/large", { query: "index=25" })
        const present = yield* Effect.filter(
          Array.from({ length: 25 }, (_, index) => index),
          (index) => Effect.map(kept(target(index)), (answer) => answer !== undefined)
        )
        assert.include(present, 0)
        assert.notInclude(present, 1)
        assert.include(present, 24)
        assert.isUndefined(yield* kept(target(25)))
        assert.isAtMost(present.length, 19)
        assert.isAtLeast(present.length, 15)
      })
    )
  })

  layer(Live(0), { excludeTestServices: true })((it) => {
    it.effect("are not kept at all when there is no memory for them", () =>
      Effect.gen(function* () {
        yield* send("GET", "/count")
        assert.isUndefined(yield* kept("/count"))
      })
    )
  })
})
