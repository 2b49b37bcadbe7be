import { service } from "@planckdb/planck/guest"
import { inventoryRoutes } from "./inventory/routes.ts"
import { orderRoutes } from "./orders/routes.ts"

const assets = { "/": "public" }

export default service({ name: "monolith", version: "0.1.0", assets }, (app) => {
  inventoryRoutes(app)
  orderRoutes(app)
})
