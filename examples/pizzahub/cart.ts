/** The cart: found by a cookie, kept in a store, turned into an order. */
import { type App, Decimal, notFound, problem, redirect, s } from "@planckdb/planck/guest"
import { carts, customer, LINES_MAX, orders, products } from "./stores.ts"
import cartFragment from "./templates/cart.zsx"
import orderPage from "./templates/order.zsx"

export const cookieInput = { cookie: s.string().optional() }

/** The cart's key out of a cookie header: 32 hex digits, or nothing. */
const cartKey = (cookie: string | undefined) => /(?:^|;\s*)cart=([0-9a-f]{32})(?:;|$)/.exec(cookie ?? "")?.[1]

/** The cart that a cookie header names. */
export const findCart = (cookie: string | undefined) => {
  const key = cartKey(cookie)
  return key === undefined ? undefined : carts.get(key)
}

export const totalOf = (lines: ReadonlyArray<{ readonly price: Decimal; readonly quantity: number }>) =>
  lines.reduce((total, { price, quantity }) => total.add(price.multiply(quantity)), Decimal.from("0.00"))

export const cartRoutes = (app: App) => {
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
      const next = { lines, total: totalOf(lines), changedAt: new Date() }
      const key = cart === undefined ? carts.insert(next) : (carts.replace({ _id: cart._id, ...next }), cart._id)
      return cartFragment.render({ cart: carts.get(key) ?? null }).header("set-cookie", `cart=${key}; Path=/; HttpOnly; SameSite=Lax`)
    }
  )

  app.post("/orders", { headers: cookieInput, form: customer }, ({ headers, body }) => {
    const cart = findCart(headers.cookie)
    if (cart === undefined || cart.lines.length === 0) return problem({ status: 422, title: "The cart is empty" })
    const id = orders.insert({ ...body, lines: cart.lines, total: cart.total, placedAt: new Date() })
    carts.delete(cart._id)
    return redirect(app.url("/orders/:id", { id }))
  })

  app.get("/orders/:id", { params: { id: s.key(orders) } }, ({ params }) => {
    const order = orders.get(params.id)
    return order === undefined ? notFound() : orderPage.render({ order })
  })
}
