import { notFound, redirect, s, type App } from "@planckdb/planck/guest"
import { take } from "../inventory/inventory.ts"
import page from "./page.zsx"
import { orders } from "./store.ts"

const wanted = {
  customer: s.string({ minLength: 1, maxLength: 80 }),
  sku: s.string({ minLength: 1, maxLength: 40 }),
  quantity: s.int({ min: 1, max: 1000 })
}

/** Keys are made in the order of time. */
const newest = () => orders.orderBy("_id", "desc").limit(50)

export const orderRoutes = (app: App) => {
  app.get("/", () => page.render({ orders: newest() }))

  app.post("/orders", { form: wanted }, ({ body }) => {
    const total = take(body.sku, body.quantity).multiply(body.quantity)
    orders.insert({ ...body, total, placedAt: new Date() })
    return redirect("/")
  })

  app.get("/api/orders/:id", { params: { id: s.key(orders) } }, ({ params }) => orders.get(params.id) ?? notFound())
}
