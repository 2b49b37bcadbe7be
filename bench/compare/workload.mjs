// What every peer serves: 100 000 orders of about 200 bytes (1000 customers with 100 each, 25 of each status), and the 17 categories of the
// pizzahub example. Ids are 32 hex digits everywhere, as Planck's keys are; a peer may keep them as it likes.

export const PORT = Number(process.env.PORT ?? 4100)
export const DIRECTORY = process.env.DIRECTORY ?? "."
export const SEED = Number(process.env.SEED ?? 100_000)

const CUSTOMERS = 1000
const STATUSES = ["pending", "paid", "shipped", "cancelled"]

/** `17` → `00000000000000000000000000000011`. */
export const hexId = (id) => id.toString(16).padStart(32, "0")
/** The number of such an id, NaN when it is none. */
export const numberId = (text) => (/^0{19}[0-9a-f]{13}$/.test(text) ? Number.parseInt(text, 16) : Number.NaN)

/** The order number `index` (from 0), without its id. */
export const order = (index) => ({
  customer: `c${String(index % CUSTOMERS).padStart(4, "0")}`,
  status: STATUSES[Math.floor(index / CUSTOMERS) % STATUSES.length],
  total: ((index * 7919) % 100_000) / 100,
  currency: "EUR",
  items: [
    { sku: `SKU-${String(index % 500).padStart(5, "0")}`, quantity: 1 + (index % 3), price: 19.99 },
    { sku: `SKU-${String(index % 311).padStart(5, "0")}`, quantity: 1, price: 5.5 }
  ],
  note: "leave at the door",
  createdAt: 1_700_000_000_000 + index
})

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" }
export const escapeHtml = (value) => {
  const text = String(value)
  return /[&<>"']/.test(text) ? text.replace(/[&<>"']/g, (character) => ENTITIES[character]) : text
}

/** The list of orders as an HTML fragment. */
export const ordersPage = (orders) => {
  let html = '<ul id="orders">'
  for (const order of orders) {
    html += `<li class="order" id="order-${order._id}"><a href="/orders/${order._id}">${order._id}</a> `
    html += `<span class="status ${escapeHtml(order.status)}">${escapeHtml(order.status)}</span> `
    html += `<b>${order.total} ${escapeHtml(order.currency)}</b><ul>`
    for (const item of order.items) html += `<li>${item.quantity} x ${escapeHtml(item.sku)}</li>`
    html += `</ul><i>${escapeHtml(order.note)}</i></li>`
  }
  return `${html}</ul>`
}

/** The categories as an HTML fragment of about 4 KB; the same bytes as examples/pizzahub renders. */
export const categoriesFragment = (categories) => {
  const classes = "category block w-full rounded-lg px-3 py-2 text-left text-sm transition hover:bg-orange-50 hover:text-orange-700"
  const button = (category) =>
    `<button class="${classes}" hx-get="/products?category=${category._id}" hx-target="#products" title="${escapeHtml(category.description)}">${escapeHtml(category.name)}</button>`
  return `<nav id="categories"><h2 class="heading">Categories</h2>${categories.map(button).join("")}</nav>`
}

/** The categories of the pizzahub example, as documents. */
export const loadCategories = async () => {
  const { catalogue } = await import("../../examples/pizzahub/catalogue.ts")
  return catalogue.map(({ id, name, description }) => ({ _id: id, name, description }))
}

export const isOrder = (body) =>
  typeof body === "object" &&
  body !== null &&
  typeof body.customer === "string" &&
  typeof body.status === "string" &&
  typeof body.total === "number" &&
  Array.isArray(body.items)

export const ready = () => console.log("ready")
