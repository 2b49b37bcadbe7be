import { notFound, s, service, status } from "@planckdb/planck/guest"
import { orders } from "./stores.ts"

const page = { customer: s.string().optional(), limit: s.int({ min: 1, max: 100 }).default(20) }

export default service({ name: "microservice", version: "0.1.0" }, (app) => {
  app.get("/api/orders", { query: page }, ({ query }) => {
    const found = query.customer === undefined ? orders.all() : orders.filter({ customer: query.customer })
    return found.orderBy("_id", "desc").limit(query.limit)
  })

  app.get("/api/orders/:id", { params: { id: s.key(orders) } }, ({ params }) => orders.get(params.id) ?? notFound())

  app.post("/api/orders", { body: orders.input.omit("placedAt", "status") }, ({ body }) => {
    const id = orders.insert({ ...body, placedAt: new Date() })
    return status(201, { _id: id }).header("location", app.url("/api/orders/:id", { id }))
  })

  app.post("/api/orders/:id/pay", { params: { id: s.key(orders) } }, ({ params }) => {
    orders.filter({ _id: params.id }).set({ status: "paid" })
    return orders.get(params.id) ?? notFound()
  })
})
