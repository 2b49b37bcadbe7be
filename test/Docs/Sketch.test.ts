/**
 * The service that the SDK was drawn up with, and the template that ZSX was: built with types checked, served, and asked. What belongs to later work (topics,
 * schedules, streams) is not in it, and not in the types.
 */
import { assert, describe, it } from "@effect/vitest"
import { serving, withFolder, writeFiles } from "./Served.ts"

const SERVICE = `import { notFound, redirect, s, service, store } from "@planckdb/planck/guest"
import orderList from "./templates/orders.zsx"

const orders = store("orders", {
  _id: s.key(),
  number: s.string(), customer: s.string({ maxLength: 80 }),
  status: s.literals("pending", "paid", "cancelled"),
  total: s.decimal(),
  lines: s.array(s.struct({ sku: s.string(), quantity: s.int({ min: 1 }) })),
  placedAt: s.date()
}, { indexes: [{ on: ["customer", "status", "-placedAt"] }, { on: ["number"], unique: true }] })

export default service({ name: "orders", version: "1.2.0" }, (app) => {
  const config = app.config({ taxRate: s.number().default(0.19), stripeKey: s.secret() })

  app.get("/api/orders/:id", ({ params }) => orders.get(params.id) ?? notFound())

  app.get("/orders", { query: { customer: s.string() } }, ({ query }) =>
    orderList.render({ orders: orders.filter({ customer: query.customer, status: "pending" }).orderBy("placedAt", "desc").limit(20) }))

  app.get("/orders/:id", ({ params }) => {
    const order = orders.get(params.id)
    return order === undefined ? notFound() : orderList.row.render({ order })
  })

  app.post("/orders", { body: orders.input.omit("placedAt") }, ({ body }) => {
    const id = orders.insert({ ...body, placedAt: new Date() })
    return redirect(app.url("/orders/:id", { id }))
  })

  app.post("/orders/:id/paid", { params: { id: s.key(orders) } }, ({ params }) =>
    orders.filter({ _id: params.id, status: "pending" }).set({ status: "paid" }))

  app.get("/tax", () => ({ rate: config.taxRate, isKnown: config.stripeKey.length > 0 }))
})
`

const TEMPLATE = `{param orders: Doc<orders>[]}
{import Line from "./line.zsx"}

<ul id="orders" class={list, empty: orders.length == 0}>
  {for order, i in orders}
    {fragment row(order)}
    <li id="order-\${order._id}" class="row \${order.status}" data-n={order.lines.length}>
      <a href="/orders/\${order._id}">{order.customer}</a> owes {order.total | money("EUR")}
      {if order.status == "pending"} <b>pending</b> {else if order.status == "cancelled"} <s>cancelled</s> {else} paid {/if}
      {for line in order.lines}<Line line={line} />{/for}
    </li>
    {/fragment}
    <li class="n">{i}</li>
  {else}
    <li>No orders yet.</li>
  {/for}
</ul>
`

const LINE = `{param line: { sku: string, quantity: int }}
{let many = line.quantity > 1}
<i class={many: many}>{switch line.sku}{case "A-1"}{line.quantity} x tea{else}{line.quantity ?? 0} x {line.sku | upper}{/switch}</i>
`

const CONFIG = "services:\n  orders:\n    config:\n      stripeKey: k-1\n"

/** White space is the template's own business. */
const flat = (text: string): string => text.replaceAll(/\s+/g, " ").replaceAll("> <", "><")

describe("the sketch of the SDK", () => {
  it("builds, serves its pages from the stored rows, and answers JSON", () =>
    withFolder(async (folder) => {
      writeFiles(folder, { "service.ts": SERVICE, "templates/orders.zsx": TEMPLATE, "templates/line.zsx": LINE })
      await serving(
        folder,
        async (url) => {
          const page = async (path: string): Promise<string> => flat(await (await fetch(url + path)).text())
          assert.include(await page("/orders?customer=ada"), '<ul id="orders" class="list empty"><li>No orders yet.</li></ul>')
          const order = {
            number: "1",
            customer: "a & b",
            status: "pending",
            total: "12.5",
            lines: [
              { sku: "A-1", quantity: 2 },
              { sku: "b-2", quantity: 1 }
            ]
          }
          const body = JSON.stringify(order)
          const placed = await fetch(`${url}/orders`, {
            method: "POST",
            body,
            headers: { "content-type": "application/json" },
            redirect: "manual"
          })
          assert.strictEqual(placed.status, 303)
          const id = /\/orders\/([0-9a-f]{32})$/.exec(placed.headers.get("location") ?? "")?.[1] ?? ""
          const row =
            `<li id="order-${id}" class="row pending" data-n="2"><a href="/orders/${id}">a &amp; b</a> owes 12.50 EUR <b>pending</b>` +
            `<i class="many">2 x tea</i><i>1 x B-2</i></li>`
          assert.strictEqual((await page(`/orders/${id}`)).trim(), row)
          assert.include(await page("/orders?customer=a%20%26%20b"), `<ul id="orders" class="list">${row}<li class="n">0</li></ul>`)
          const again = await fetch(`${url}/orders`, { method: "POST", body, headers: { "content-type": "application/json" } })
          assert.strictEqual(again.status, 409)
          const paid = await fetch(`${url}/orders/${id}/paid`, { method: "POST" })
          assert.deepStrictEqual(await paid.json(), { matched: 1, modified: 1 })
          const stored = (await (await fetch(`${url}/api/orders/${id}`)).json()) as Record<string, unknown>
          assert.deepInclude(stored, { ...order, status: "paid", _id: id })
          assert.strictEqual((await fetch(`${url}/api/orders/none`)).status, 404)
          assert.deepStrictEqual(await (await fetch(`${url}/tax`)).json(), { rate: 0.19, isKnown: true })
        },
        CONFIG
      )
    }))
})
