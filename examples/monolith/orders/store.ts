import { s, store } from "@planckdb/planck/guest"

export const orders = store(
  "orders",
  {
    customer: s.string({ minLength: 1, maxLength: 80 }),
    sku: s.string({ maxLength: 40 }),
    quantity: s.int({ min: 1 }),
    total: s.decimal(),
    placedAt: s.date()
  },
  { indexes: [{ on: ["customer", "-placedAt"] }] }
)
