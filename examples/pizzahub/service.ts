/**
 * A pizza shop in one file: catalogue, search, cart and orders, as hypermedia for the browser and as JSON for whoever wants it.
 * The page is plain HTML with htmx; every part of it that changes is a fragment rendered next to the data.
 */
import type { Decimal } from "@planckdb/planck/guest"
import { notFound, problem, redirect, s, service, status, store } from "@planckdb/planck/guest"
import cartFragment from "./templates/cart.zsx"
import categoriesFragment from "./templates/categories.zsx"
import categoryPage from "./templates/category.zsx"
import orderPage from "./templates/order.zsx"
import productsFragment from "./templates/products.zsx"
import shopPage from "./templates/shop.zsx"

const categories = store("categories", { _id: s.int(), name: s.string({ maxLength: 80 }), description: s.string({ maxLength: 200 }) })

const products = store(
  "products",
  {
    _id: s.int(),
    category: s.int(),
    name: s.string({ maxLength: 80 }),
    /** The words of the name in lower case, for the search. */
    words: s.array(s.string()),
    price: s.decimal()
  },
  { indexes: [{ on: ["category", "name"] }] }
)

const line = s.struct({ product: s.int(), name: s.string(), price: s.decimal(), quantity: s.int({ min: 1, max: 99 }) })

const carts = store("carts", { lines: s.array(line), total: s.decimal(), changedAt: s.date() })

const orders = store("orders", {
  name: s.string({ minLength: 1, maxLength: 80 }),
  address: s.string({ minLength: 1, maxLength: 200 }),
  lines: s.array(line),
  total: s.decimal(),
  placedAt: s.date()
})

const LINES_MAX = 50
const cookieInput = { cookie: s.string().optional() }

/** The cart's key out of a cookie header: 32 hex digits, or nothing. */
const cartKey = (cookie: string | undefined) => /(?:^|;\s*)cart=([0-9a-f]{32})(?:;|$)/.exec(cookie ?? "")?.[1]

const findCart = (cookie: string | undefined) => {
  const key = cartKey(cookie)
  return key === undefined ? undefined : carts.get(key)
}

const sum = (lines: ReadonlyArray<{ readonly price: Decimal; readonly quantity: number }>, zero: Decimal) =>
  lines.reduce((total, { price, quantity }) => total.add(price.multiply(quantity)), zero)

export default service(
  { name: "pizzahub", version: "1.0.0", assets: { "/": "public", "/htmx.js": "npm:htmx.org/dist/htmx.min.js" } },
  (app) => {
    app.get("/", { headers: cookieInput }, ({ headers }) =>
      shopPage.render({
        categories: categories.orderBy("_id").limit(100),
        products: products.filter({ category: 1 }).orderBy("name"),
        cart: findCart(headers.cookie) ?? null
      })
    )

    app.get("/categories", () => categoriesFragment.render({ categories: categories.orderBy("_id").limit(100) }))

    app.get("/categories/:id", { params: { id: s.int() }, headers: cookieInput }, ({ params, headers }) => {
      const category = categories.get(params.id)
      if (category === undefined) return notFound()
      return categoryPage.render({
        category,
        categories: categories.orderBy("_id").limit(100),
        products: products.filter({ category: category._id }).orderBy("name"),
        cart: findCart(headers.cookie) ?? null
      })
    })

    app.get("/products", { query: { category: s.int() } }, ({ query }) =>
      productsFragment.render({ products: products.filter({ category: query.category }).orderBy("name") })
    )

    app.get("/search", { query: { q: s.string({ maxLength: 80 }) } }, ({ query }) =>
      productsFragment.render({ products: products.filter("words", "starts with", query.q.trim().toLowerCase()).orderBy("name").limit(30) })
    )

    app.post(
      "/cart",
      { headers: cookieInput, form: { product: s.int(), quantity: s.int({ min: 1, max: 99 }).default(1) } },
      ({ headers, body }) => {
        const product = products.get(body.product)
        if (product === undefined) return notFound()
        const cart = findCart(headers.cookie)
        const lines = [...(cart?.lines ?? [])]
        const at = lines.findIndex((line) => line.product === product._id)
        const before = lines[at]
        if (before !== undefined) lines[at] = { ...before, quantity: Math.min(99, before.quantity + body.quantity) }
        else if (lines.length === LINES_MAX) return problem({ status: 422, title: "The cart is full" })
        else lines.push({ product: product._id, name: product.name, price: product.price, quantity: body.quantity })
        const next = { lines, total: sum(lines, product.price.subtract(product.price)), changedAt: new Date() }
        const key = cart === undefined ? carts.insert(next) : (carts.replace({ _id: cart._id, ...next }), cart._id)
        return cartFragment.render({ cart: carts.get(key) ?? null }).header("set-cookie", `cart=${key}; Path=/; HttpOnly; SameSite=Lax`)
      }
    )

    app.post(
      "/orders",
      {
        headers: cookieInput,
        form: { name: s.string({ minLength: 1, maxLength: 80 }), address: s.string({ minLength: 1, maxLength: 200 }) }
      },
      ({ headers, body }) => {
        const cart = findCart(headers.cookie)
        if (cart === undefined || cart.lines.length === 0) return problem({ status: 422, title: "The cart is empty" })
        const id = orders.insert({ ...body, lines: cart.lines, total: cart.total, placedAt: new Date() })
        carts.delete(cart._id)
        return redirect(app.url("/orders/:id", { id }))
      }
    )

    app.get("/orders/:id", { params: { id: s.key(orders) } }, ({ params }) => {
      const order = orders.get(params.id)
      return order === undefined ? notFound() : orderPage.render({ order })
    })

    app.get("/api/products", { query: { category: s.int() } }, ({ query }) =>
      products.filter({ category: query.category }).orderBy("name").select("_id", "name", "price")
    )

    app.post(
      "/api/orders",
      {
        body: s.struct({
          name: s.string({ minLength: 1 }),
          address: s.string({ minLength: 1 }),
          lines: s.array(line, { minItems: 1, maxItems: LINES_MAX })
        })
      },
      ({ body }) => {
        const first = body.lines[0]
        if (first === undefined) return problem({ status: 422, title: "An order has at least one line" })
        const total = sum(body.lines, first.price.subtract(first.price))
        return status(201, { _id: orders.insert({ ...body, total, placedAt: new Date() }) })
      }
    )

    app.get("/api/orders/:id", { params: { id: s.key(orders) } }, ({ params }) => orders.get(params.id) ?? notFound())
  }
)
