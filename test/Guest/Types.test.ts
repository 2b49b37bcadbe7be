import { assert, it } from "@effect/vitest"
import { Builder } from "../../src/Build/Builder.ts"
import { formatBuildIssue } from "../../src/Build/Issue.ts"
import { Folder } from "../Build/Folder.ts"

/** Everything behind `@ts-expect-error` has to be refused, everything else accepted: an unused directive is an error too. */
const SERVICE = `
import { Decimal, each, type Key, matching, optional, problem, redirect, type Rows, s, service, store, Template } from "@planckdb/planck/guest"

const orders = store("orders", {
  _id: s.key(),
  number: s.string(),
  customer: s.string({ maxLength: 80 }),
  status: s.literals("pending", "paid", "cancelled"),
  total: s.decimal(),
  lines: s.array(s.struct({ sku: s.string(), quantity: s.int({ min: 1 }) })),
  note: s.string().optional(),
  visits: s.int().default(1),
  big: s.long().optional(),
  address: s.struct({ city: s.string(), zip: s.string().optional() }).nullable(),
  anything: s.any().optional(),
  placedAt: s.date()
}, { indexes: [{ on: ["customer", "status", "-placedAt"] }, { on: ["lines.sku"] }, { on: ["number"], unique: true, where: { status: "paid" } },
  { on: ["placedAt"], expireAfterMs: 1000, where: [["status", "in", ["paid"]], ["address.city", "startsWith", "B"]] }] })
type Order = typeof orders.Row
const customers = store("customers", { _id: s.string(), name: s.string() })
const plain = store("plain", { text: s.string() })
const page = new Template<{ orders: Rows<Order>; title?: string }>("page.zsx")
declare const otherKey: Key<"customers">

// @ts-expect-error an index on a field that does not exist
store("z", { a: s.string() }, { indexes: [{ on: ["b"] }] })
// @ts-expect-error a filter of an index on a field that does not exist
store("y", { a: s.string() }, { indexes: [{ on: ["a"], where: { b: 1 } }] })

export default service({ name: "types", version: "1.0.0" }, (app) => {
  const config = app.config({ rate: s.number(), secret: s.secret() })

  app.get("/orders/:id", ({ params }) => orders.get(params.id) ?? null)
  app.get("/orders", { query: { customer: s.string(), page: s.int().default(0), note: s.string().optional() } }, ({ query }) =>
    page.render({ orders: orders.filter({ customer: query.customer, status: "pending", note: optional(query.note) }).limit(query.page) }))
  app.post("/orders", { body: orders.input.omit("placedAt") }, ({ body }) => {
    const id = orders.insert({ ...body, placedAt: new Date() })
    const again: Key<"orders"> = id
    return redirect(app.url("/orders/:id", { id: again }))
  })
  app.get("/deep", () => orders.filter("lines.sku", "=", "x").filter("address.city", "startsWith", "B").filter("anything.below", "=", 1).filterAny({ status: "paid" }, ["visits", ">", 5]))
  app.get("/inside", () => orders.filter("customer", "contains", "a").filter("customer", "~", /^a/i).filter("lines", "any", [{ sku: "x" }, ["quantity", ">", 1]]).filter("lines", "size", 2).filter("note", "is", "null"))
  app.get("/groups", () => orders.filter({ status: "paid" }).groupBy("customer").aggregate({ n: { count: true }, last: { max: "placedAt" } }).having("n", ">", 1).orderBy("n", "desc"))
  app.get("/group", () => {
    const group = orders.all().groupBy("address.city").aggregate({ n: { count: true }, last: { last: "placedAt" } }).first()
    const [city, n, last]: [string | null | undefined, number | undefined, Date | null | undefined] = [group?.city, group?.n, group?.last]
    return { city: city ?? null, n: n ?? 0, last: last ?? null }
  })
  app.post("/arrays", () => {
    orders.all().push({ lines: { sku: "a", quantity: 1 } })
    orders.all().update({ addToSet: { lines: each([{ sku: "a", quantity: 1 }]) }, pull: { lines: matching(["quantity", "<", 1]) } })
  })
  app.get("/computed", () => orders.all().select("number").compute({ twice: ["total", "*", 2], more: [["visits", "+", 1], "-", "lines.quantity"], isPaid: ["status", "=", "paid"], city: "address.city" })
    .rows().map((row): [string, number | bigint | Decimal | null, boolean, string | null] => [row.number, row.twice, row.isPaid, row.city]))
  app.get("/omitted", () => orders.all().omit("lines", "note").rows().map((row) => row.number))
  app.get("/sums", () => orders.all().groupBy("customer").aggregate({ worth: { sum: ["total", "*", "visits"] } }).rows().map((row): number | bigint | Decimal | null => row.worth))
  app.get("/explained", () => [orders.filter({ status: "paid" }).explain().access, orders.all().explain("delete").actual.rows, orders.all().groupBy("status").explain().kind])
  app.get("/select", () => orders.all().select("customer").rows().map((row) => [row._id, row.customer]))
  app.get("/types", () => {
    const order = orders.all().first()
    if (order === undefined) return null
    const [text, count, big, date, decimal, note]: [string, number, bigint | undefined, Date, Decimal, string | undefined] = [order.number, order.visits, order.big, order.placedAt, order.total, order.note]
    return { text, count, big: big ?? 0n, date, decimal: decimal.add(1), note: note ?? null, city: order.address?.city ?? null, rate: config.rate * 2 }
  })
  app.post("/writes/:id", { params: { id: s.key(orders) } }, ({ params }) => {
    orders.filter({ _id: params.id }).update({ set: { status: "paid", "address.city": "Bonn" }, inc: { visits: 1, total: Decimal.from(1), big: 2n }, unset: ["note"] })
    orders.delete(params.id)
    customers.insert({ _id: "a", name: "b" })
    plain.insert({ text: "x" })
    throw problem({ status: 409, title: "no" })
  })
  app.post("/form", { form: { name: s.string(), age: s.int().optional() } }, ({ body }) => ({ name: body.name, age: body.age ?? 0 }))
  app.post("/raw", { bytes: true }, ({ body }) => body.length)
  app.get("/async", async () => {
    await Promise.resolve()
    return { tax: config.rate }
  })

  // @ts-expect-error an unknown field
  orders.filter({ custmer: "x" })
  // @ts-expect-error a value that is none of the literals
  orders.filter({ status: "open" })
  // @ts-expect-error an operand of another type
  orders.filter("visits", ">", "x")
  // @ts-expect-error a path that does not exist
  orders.all().groupBy("custmer")
  // @ts-expect-error text cannot be multiplied
  orders.all().compute({ a: ["customer", "*", 2] })
  // @ts-expect-error _id is always there
  orders.all().omit("_id")
  // @ts-expect-error no such way to explain
  orders.all().explain("update")
  // @ts-expect-error a result that does not exist
  orders.all().groupBy("customer").aggregate({ n: { count: true } }).orderBy("m")
  // @ts-expect-error an operator that does not exist
  orders.filter("visits", "like", 1)
  // @ts-expect-error a field that the elements do not have
  orders.filter("lines", "any", { price: 1 })
  // @ts-expect-error an element of another type
  orders.all().push({ lines: 5 })
  // @ts-expect-error in takes a list
  orders.filter("visits", "in", 1)
  // @ts-expect-error undefined in a filter
  orders.filter({ note: undefined })
  // @ts-expect-error undefined in an update
  orders.all().set({ note: undefined })
  // @ts-expect-error a document without its id, where none is generated
  customers.insert({ name: "b" })
  // @ts-expect-error a document without a required field
  plain.insert({})
  // @ts-expect-error a field too many
  plain.insert({ text: "x", more: 1 })
  // @ts-expect-error a key of another store
  orders.get(otherKey)
  // @ts-expect-error operators on a decimal
  orders.all().first()!.total + 1
  // @ts-expect-error order by an unknown field
  orders.orderBy("nope")
  // @ts-expect-error an unknown direction
  orders.orderBy("total", "down")
  // @ts-expect-error an address without its parameter
  app.url("/a/:b", {})
  // @ts-expect-error adding to a text
  orders.all().inc({ number: 1 })
  // @ts-expect-error setting the id
  orders.all().set({ _id: otherKey })
  // @ts-expect-error a parameter the template does not have
  page.render({ orderz: [] })
  // @ts-expect-error rows of another store
  page.render({ orders: plain.all() })
  // @ts-expect-error a field that was not selected
  orders.all().select("customer").first()!.total
  // @ts-expect-error a query parameter that was not declared
  app.get("/x", { query: { a: s.string() } }, ({ query }) => query.b)
  // @ts-expect-error a path parameter that is not in the pattern
  app.get("/x/:a", ({ params }) => params.b)
  // @ts-expect-error a body where none was declared
  app.post("/x", ({ body }) => body.a)
  // @ts-expect-error a default of another type
  s.int().default("one")
  // @ts-expect-error configuration that was not declared
  config.missing
  // @ts-expect-error what comes later is not there yet
  app.subscribe
})
`

it("types follow from the schemas, and mistakes are errors", async () => {
  using folder = new Folder({ "service.ts": SERVICE })
  const builder = await Builder.open(folder.path)
  const { issues } = await builder.checkTypes()
  await builder.close()
  assert.deepStrictEqual(issues.map(formatBuildIssue), [])
})

it("fifty stores and three hundred routes are checked in a few seconds", async () => {
  const stores = Array.from(
    { length: 50 },
    (_, n) =>
      `export const store${n} = store("store${n}", { name: s.string(), n: s.int(), at: s.date(), total: s.decimal(), lines: s.array(s.struct({ sku: s.string(), q: s.int() })), more: s.struct({ a: s.struct({ b: s.string() }) }) }, { indexes: [{ on: ["name", "-at"] }] })`
  )
  const routes = Array.from(
    { length: 300 },
    (_, n) =>
      `  app.get("/r${n}/:id", { query: { q: s.string().optional() } }, ({ params, query }) => store${n % 50}.filter({ name: optional(query.q), "more.a.b": params.id }).filter("lines.q", ">", 1).orderBy("at", "desc").limit(20))`
  )
  const text = `import { optional, s, service, store } from "@planckdb/planck/guest"\n${stores.join("\n")}\nexport default service({ name: "big", version: "1.0.0" }, (app) => {\n${routes.join("\n")}\n})\n`
  using folder = new Folder({ "service.ts": text })
  const builder = await Builder.open(folder.path)
  const startedAt = performance.now()
  assert.deepInclude(await builder.checkTypes(), { issues: [], warnings: [] })
  console.log(`types of 50 stores and 300 routes: ${Math.round(performance.now() - startedAt)} ms`)
  await builder.close()
})
