import { s, store } from "@planckdb/planck/guest"

export const orders = store(
  "orders",
  {
    customer: s.string({ minLength: 1, maxLength: 80 }),
    item: s.string({ minLength: 1, maxLength: 120 }),
    price: s.decimal(),
    status: s.literals("pending", "paid").default("pending"),
    placedAt: s.date()
  },
  { indexes: [{ on: ["customer", "-placedAt"] }] }
)
