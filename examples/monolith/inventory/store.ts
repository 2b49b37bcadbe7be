import { s, store } from "@planckdb/planck/guest"

export const articles = store("articles", {
  _id: s.string({ minLength: 1, maxLength: 40 }),
  name: s.string({ minLength: 1, maxLength: 120 }),
  price: s.decimal(),
  onShelf: s.int({ min: 0 })
})
