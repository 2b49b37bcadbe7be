import { notFound, redirect, s, service, status } from "@planckdb/planck/guest"
import { orders } from "./stores.ts"
import page from "./templates/page.zsx"

/** What a form or a program has to say about a new order. */
const wanted = {
  customer: s.string({ minLength: 1, maxLength: 80 }),
  item: s.string({ minLength: 1, maxLength: 120 }),
  price: s.decimal()
}

/** Keys are made in the order of time. */
const newest = () => orders.orderBy("_id", "desc").limit(50)

const assets = { "/": "public", "/htmx.js": "npm:htmx.org/dist/htmx.min.js" }

export default service({ name: "orders", version: "0.1.0", assets }, (app) => {
  app.get("/", () => page.render({ orders: newest() }))

  app.post("/orders", { form: wanted }, ({ body }) => {
    orders.insert({ ...body, placedAt: new Date() })
    return redirect("/")
  })

  app.post("/orders/:id/pay", { params: { id: s.key(orders) } }, ({ params }) => {
    const { matched } = orders.filter({ _id: params.id }).set({ status: "paid" })
    return matched === 0 ? notFound() : redirect("/")
  })

  app.get("/api/orders", () => newest())

  app.get("/api/orders/:id", { params: { id: s.key(orders) } }, ({ params }) => orders.get(params.id) ?? notFound())

  app.post("/api/orders", { body: s.struct(wanted) }, ({ body }) => status(201, { _id: orders.insert({ ...body, placedAt: new Date() }) }))
})
