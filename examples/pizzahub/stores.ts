/** What the shop keeps: a catalogue that changes rarely, and carts and orders that come and go. */
import { s, store } from "@planckdb/planck/guest"

export const categories = store("categories", {
  _id: s.int(),
  name: s.string({ maxLength: 80 }),
  description: s.string({ maxLength: 200 })
})

export const products = store(
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

export const LINES_MAX = 50

export const line = s.struct({ product: s.int(), name: s.string(), price: s.decimal(), quantity: s.int({ min: 1, max: 99 }) })

export const carts = store("carts", { lines: s.array(line, { maxItems: LINES_MAX }), total: s.decimal(), changedAt: s.date() })

export const customer = { name: s.string({ minLength: 1, maxLength: 80 }), address: s.string({ minLength: 1, maxLength: 200 }) }

export const orders = store("orders", {
  ...customer,
  lines: s.array(line, { minItems: 1, maxItems: LINES_MAX }),
  total: s.decimal(),
  placedAt: s.date()
})
