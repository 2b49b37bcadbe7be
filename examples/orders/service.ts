/** Orders as a JSON service with one HTML fragment: the workload of `npm run bench -- http`. */
import { notFound, s, service, status, store } from "@planckdb/planck/guest"
import page from "./page.zsx"

const orders = store(
  "orders",
  {
    customer: s.string({ maxLength: 80 }),
    status: s.literals("pending", "paid", "shipped", "cancelled"),
    total: s.number({ min: 0 }),
    currency: s.string({ minLength: 3, maxLength: 3 }),
    items: s.array(s.struct({ sku: s.string({ maxLength: 40 }), quantity: s.int({ min: 1 }), price: s.number({ min: 0 }) })),
    note: s.string({ maxLength: 500 }),
    createdAt: s.number()
  },
  { indexes: [{ on: ["customer", "status"] }] }
)

/** The newest orders of a customer: ids made by Planck sort by time. */
const newest = (query: { readonly customer: string; readonly status: "pending" | "paid" | "shipped" | "cancelled" }) =>
  orders.filter({ customer: query.customer, status: query.status }).orderBy("_id", "desc").limit(20)

const listing = { query: { customer: s.string(), status: s.literals("pending", "paid", "shipped", "cancelled") } }

export default service({ name: "orders", version: "1.0.0" }, (app) => {
  app.get("/orders", listing, ({ query }) => newest(query))

  app.get("/orders/page", listing, ({ query }) => page.render({ orders: newest(query) }))

  app.get("/orders/:id", { params: { id: s.key(orders) } }, ({ params }) => orders.get(params.id) ?? notFound())

  app.post("/orders", { body: orders.input }, ({ body }) => status(201, { _id: orders.insert(body) }))
})
