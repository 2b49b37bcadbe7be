import { service } from "@planckdb/planck/guest"
import { inventoryRoutes } from "./inventory/routes.ts"
import { orderRoutes } from "./orders/routes.ts"

const assets = { __ASSETS__ }

export default service({ name: "__NAME__", version: "0.1.0", assets }, (app) => {
  inventoryRoutes(app)
  orderRoutes(app)
})
