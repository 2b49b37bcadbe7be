/**
 * A pizza shop in one file: catalogue, search, cart and orders, as hypermedia for the browser and as JSON for whoever wants it.
 * The page is plain HTML with htmx; every part of it that changes is a fragment rendered next to the data.
 */
import { type App, notFound, s, service, status } from "@planckdb/planck/guest"
import { cartRoutes, cookieInput, findCart, totalOf } from "./cart.ts"
import { categories, customer, line, LINES_MAX, orders, products } from "./stores.ts"
import categoriesFragment from "./templates/categories.zsx"
import categoryPage from "./templates/category.zsx"
import productsFragment from "./templates/products.zsx"
import shopPage from "./templates/shop.zsx"

const FIRST_CATEGORY = 1

const menu = () => categories.orderBy("_id").limit(100)
const inCategory = (category: number) => products.filter({ category }).orderBy("name")

const menuRoutes = (app: App) => {
  app.get("/", { headers: cookieInput }, ({ headers }) =>
    shopPage.render({ categories: menu(), products: inCategory(FIRST_CATEGORY), cart: findCart(headers.cookie) ?? null })
  )

  app.get("/categories", () => categoriesFragment.render({ categories: menu() }))

  app.get("/categories/:id", { params: { id: s.int() }, headers: cookieInput }, ({ params, headers }) => {
    const category = categories.get(params.id)
    if (category === undefined) return notFound()
    const cart = findCart(headers.cookie) ?? null
    return categoryPage.render({ category, categories: menu(), products: inCategory(category._id), cart })
  })

  app.get("/products", { query: { category: s.int() } }, ({ query }) => productsFragment.render({ products: inCategory(query.category) }))

  app.get("/search", { query: { q: s.string({ maxLength: 80 }) } }, ({ query }) =>
    productsFragment.render({ products: products.filter("words", "startsWith", query.q.trim().toLowerCase()).orderBy("name").limit(30) })
  )
}

const apiRoutes = (app: App) => {
  app.get("/api/products", { query: { category: s.int() } }, ({ query }) => inCategory(query.category).select("_id", "name", "price"))

  const newOrder = s.struct({ ...customer, lines: s.array(line, { minItems: 1, maxItems: LINES_MAX }) })
  app.post("/api/orders", { body: newOrder }, ({ body }) =>
    status(201, { _id: orders.insert({ ...body, total: totalOf(body.lines), placedAt: new Date() }) })
  )

  app.get("/api/orders/:id", { params: { id: s.key(orders) } }, ({ params }) => orders.get(params.id) ?? notFound())
}

const assets = { "/": "public", "/htmx.js": "npm:htmx.org/dist/htmx.min.js" }

export default service({ name: "pizzahub", version: "1.0.0", assets }, (app) => {
  menuRoutes(app)
  cartRoutes(app)
  apiRoutes(app)
})
