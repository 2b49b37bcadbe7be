/** The test kit, tried on a small service of orders: what it is for is that these tests can fail. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { openService, PlanckTest } from "../../src/Testing/Testing.ts"
import { Folder } from "../Build/Folder.ts"

const SERVICE = `import { empty, notFound, redirect, s, service, status, store, text } from "@planckdb/planck/guest"

export const orders = store("orders", {
  customer: s.string({ maxLength: 80 }),
  total: s.decimal(),
  status: s.literals("pending", "paid").default("pending"),
  placedAt: s.date()
})
const sessions = store("sessions", { _id: s.string(), endsAt: s.date() }, { indexes: [{ on: ["endsAt"], expireAfterMs: 0 }] })
const seen: Array<string> = []

export default service({ name: "desk", version: "1.0.0" }, (app) => {
  const config = app.config({ currency: s.string().default("EUR") })
  app.post("/orders", { body: orders.input.omit("placedAt", "status") }, ({ body }) =>
    status(201, { _id: orders.insert({ ...body, placedAt: new Date() }) }))
  app.get("/orders/:id", { params: { id: s.key(orders) } }, ({ params }) => orders.get(params.id) ?? notFound())
  app.post("/sessions/:id", ({ params }) => {
    sessions.insert({ _id: params.id, endsAt: new Date(Date.now() + 60_000) })
    return empty({ status: 201 })
  })
  app.post("/seen/:name", ({ params }) => {
    seen.push(params.name)
    return { seen: seen.length }
  })
  app.get("/currency", () => text(config.currency))
  app.get("/elsewhere", () => redirect("/currency"))
  app.post("/echo", { form: { word: s.string() } }, ({ body }) => text(body.word))
  app.get("/broken", () => {
    console.warn("about to break")
    throw new Error("on purpose")
  })
  app.get("/endless", () => {
    for (;;) void 0
  })
})
`

const folder = new Folder({ "service.ts": SERVICE })
afterAll(() => folder[Symbol.dispose]())
const order = (customer: string) => ({ json: { customer, total: "12.50" } })

describe("PlanckTest.layer", () => {
  it.effect("serves the real module, on the test's clock", () =>
    Effect.gen(function* () {
      const planck = yield* PlanckTest
      assert.deepStrictEqual([planck.manifest.name, planck.manifest.stores.length], ["desk", 2])
      const placed = yield* planck.request("/orders", order("ada"))
      assert.strictEqual(placed.status, 201)
      const { _id } = placed.json<{ readonly _id: string }>()
      const expected = { _id, customer: "ada", total: "12.50", status: "pending", placedAt: "2026-05-01T00:00:00.000Z" }
      assert.deepStrictEqual((yield* planck.request(`/orders/${_id}`)).json(), expected)
      assert.deepStrictEqual(yield* planck.store("orders").get(_id), expected)
      assert.deepStrictEqual(yield* planck.query(`orders.filter(customer = "ada")`), [expected])
      assert.strictEqual(yield* planck.store("orders").get("0".repeat(32)), undefined)
    }).pipe(Effect.provide(PlanckTest.layer(folder.path, { startsAt: "2026-05-01" })))
  )

  it.effect("an order survives a crash between its commit and the answer, on any disk", () =>
    Effect.forEach([1, 2, 3, 4, 5], (seed) =>
      Effect.gen(function* () {
        const planck = yield* PlanckTest
        yield* planck.request("/orders", order("ada"))
        yield* planck.crashBeforeAnswer("/orders", order("bob"))
        assert.match((yield* Effect.flip(planck.request("/currency"))).message, /machine is down/)
        yield* planck.restart
        const customers = (yield* planck.store<{ customer: string }>("orders").all).map(({ customer }) => customer)
        assert.deepStrictEqual(customers, ["ada", "bob"])
        assert.strictEqual((yield* planck.request("/orders", order("cleo"))).status, 201)
      }).pipe(Effect.provide(PlanckTest.layer(folder.path, { seed })))
    )
  )

  it.effect("an order whose sync did not complete is there whole or not at all, as the seed decides", () =>
    Effect.gen(function* () {
      const planck = yield* PlanckTest
      const counts = new Set<number>()
      for (let seed = 1; seed <= 12; seed++) {
        const before = yield* planck.store("orders").count
        yield* planck.crashBeforeAnswer("/orders", { ...order(`${seed}`), synced: false, seed })
        yield* planck.restart
        counts.add((yield* planck.store("orders").count) - before)
      }
      assert.deepStrictEqual([...counts].toSorted(), [0, 1])
    }).pipe(Effect.provide(PlanckTest.layer(folder.path)))
  )

  it.effect("crashBeforeAnswer fails when nothing was committed, and the machine goes on", () =>
    Effect.gen(function* () {
      const planck = yield* PlanckTest
      const refused = yield* Effect.flip(planck.crashBeforeAnswer("/orders", { json: { customer: 1 } }))
      assert.match(refused.message, /answered with 400 before anything was committed/)
      assert.strictEqual((yield* planck.request("/orders", order("ada"))).status, 201)
    }).pipe(Effect.provide(PlanckTest.layer(folder.path)))
  )

  it.effect("the disk fails as told", () =>
    Effect.gen(function* () {
      const planck = yield* PlanckTest
      yield* planck.request("/orders", order("ada"))
      planck.disk().failWhen(({ operation }) => (operation === "syncCompletes" ? "EIO" : undefined))
      const unknown = yield* planck.request("/orders", order("bob"))
      assert.deepStrictEqual([unknown.status, unknown.json<{ code: string }>().code], [503, "outcome_unknown"])
      yield* planck.crash()
      yield* planck.restart
      assert.strictEqual((yield* planck.request("/orders", order("bob"))).status, 201)
    }).pipe(Effect.provide(PlanckTest.layer(folder.path)))
  )

  it.effect("documents whose time is over go when the test's clock says so", () =>
    Effect.gen(function* () {
      const planck = yield* PlanckTest
      yield* planck.request("/sessions/ada", { method: "POST" })
      yield* planck.advance("30 seconds")
      assert.strictEqual(yield* planck.store("sessions").count, 1)
      yield* planck.advance("2 minutes")
      assert.strictEqual(yield* planck.store("sessions").count, 0)
    }).pipe(Effect.provide(PlanckTest.layer(folder.path)))
  )
})

describe("openService", () => {
  it("is the same without Effect", async () => {
    await using planck = await openService(folder.path, { startsAt: "2026-05-01T12:00:00Z", config: { currency: "CHF" } })
    assert.strictEqual((await planck.request("/currency")).text, "CHF")
    const [id] = await planck.store("orders").insert({ customer: "eve", total: "1", placedAt: "2026-01-01" })
    const found = (await planck.request(`/orders/${id}`)).json<{ readonly placedAt: string }>()
    assert.strictEqual(found.placedAt, "2026-01-01T00:00:00.000Z")
    await planck.crashBeforeAnswer("/orders", order("bob"))
    await planck.restart()
    assert.strictEqual((await planck.store<{ placedAt: Date }>("orders").all())[1]?.placedAt, "2026-05-01T12:00:00.000Z")
    await planck.advance("1 hour")
    await planck.request("/orders", order("late"))
    assert.strictEqual((await planck.query<{ placedAt: string }>("orders.orderBy(_id).skip(2)"))[0]?.placedAt, "2026-05-01T13:00:00.000Z")
  })

  it("sends forms, follows no redirect, and gives every call a fresh instance", async () => {
    await using planck = await openService(folder.path, { disk: "memory" })
    assert.strictEqual((await planck.request("/echo", { form: { word: "hello" } })).text, "hello")
    const elsewhere = await planck.request("/elsewhere")
    assert.deepStrictEqual([elsewhere.status, elsewhere.headers["location"]], [303, "/currency"])
    for (let call = 0; call < 3; call++) assert.deepStrictEqual((await planck.request("/seen/ada", { method: "POST" })).json(), { seen: 1 })
    assert.throws(() => planck.disk(), /cannot fail/)
  })

  it("keeps what was logged, with the line of the author's file, and stops a handler that never ends", async () => {
    await using planck = await openService(folder.path)
    const broken = await planck.request("/broken")
    assert.strictEqual(broken.status, 500)
    assert.match(broken.text, /service\.ts:30:15/)
    assert.deepStrictEqual(
      planck.log.map(({ level, message }) => [level, message]),
      [
        ["warn", "about to break"],
        ["error", "on purpose"]
      ]
    )
    assert.strictEqual((await planck.request("/endless")).json<{ code: string }>().code, "deadline_exceeded")
  })

  it("says what is wrong: a store that is not there, a document that does not fit, a folder without a service", async () => {
    await using planck = await openService(folder.path)
    assert.throws(() => planck.store("order"), /no store "order"; it has orders, sessions/)
    const misfit = await planck.store("orders").insert({ customer: "ada", total: "cheap", placedAt: "2026-01-01" }).catch(String)
    assert.match(String(misfit), /\/total: /)
    using empty = new Folder({})
    assert.match(String(await openService(empty.path).catch(String)), /no service here/)
  })
})
