/**
 * Planck inside an Effect program: no server and no module, only typed stores beside the code that uses them.
 *
 * `start.ts` opens a directory and runs `day`; every run goes on where the last one ended.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Planck from "@planckdb/planck"

export const articles = Planck.store({
  name: "articles",
  idKind: "string",
  schema: { name: { type: "string", maxLength: 80 }, cents: { type: "int", min: 0 }, onShelf: { type: "int", min: 0 } },
  indexes: []
})

export const orders = Planck.store({
  name: "orders",
  idKind: "key",
  schema: {
    customer: { type: "string", maxLength: 80 },
    status: { type: "literals", values: ["open", "sent"], default: "open" },
    lines: { type: "array", items: { type: "struct", fields: { article: { type: "string" }, quantity: { type: "int", min: 1 } } } },
    cents: { type: "int", min: 0 }
  },
  indexes: [
    {
      name: "byStatus",
      on: [
        { path: "status", direction: "asc" },
        { path: "customer", direction: "asc" }
      ]
    }
  ]
})

/** What the layer is given: these stores are there, as defined, before anything else happens. */
export const stores = [articles.definition, orders.definition]

export interface Line {
  readonly article: string
  readonly quantity: number
}

/** There are not as many of an article as were asked for. */
export class SoldOut extends Data.TaggedError("SoldOut")<{ readonly article: string; readonly left: number }> {}

/** Puts articles on the shelf; new ones are listed first. */
export const deliver = Effect.fn("deliver")(function* (article: string, name: string, cents: number, quantity: number) {
  const database = yield* Planck.Query
  return yield* database.transact((transaction) => {
    const known = transaction.read(articles.get(article))
    if (known === undefined) transaction.write(articles.insert({ _id: article, name, cents, onShelf: quantity }))
    else transaction.write(articles.filter({ _id: article }).set({ name, cents }).inc({ onShelf: quantity }))
    return (known?.onShelf ?? 0) + quantity
  })
})

/**
 * Takes the articles from the shelf and keeps the order, or does neither: a line that cannot be had undoes the lines before it, and the
 * effect fails with `SoldOut`. When it succeeds with the order's key, the order is on disk.
 */
export const order = Effect.fn("order")(function* (customer: string, lines: ReadonlyArray<Line>) {
  const database = yield* Planck.Query
  return yield* database.transact((transaction) => {
    let cents = 0
    for (const { article, quantity } of lines) {
      const found = transaction.read(articles.get(article))
      if (found === undefined || found.onShelf < quantity) return transaction.abort(new SoldOut({ article, left: found?.onShelf ?? 0 }))
      transaction.write(articles.filter({ _id: article }).inc({ onShelf: -quantity }))
      cents += found.cents * quantity
    }
    return transaction.write(orders.insert({ customer, lines, cents }))
  })
})

/** Sends every open order of a customer; how many there were. */
export const send = Effect.fn("send")(function* (customer: string) {
  const database = yield* Planck.Query
  const { matched } = yield* database.write(orders.filter({ status: "open", customer }).set({ status: "sent" }))
  return matched
})

/** A day in the warehouse: a delivery, an order, one that cannot be had, and the evening's count. */
export const day = Effect.gen(function* () {
  const database = yield* Planck.Query
  const onShelf = yield* deliver("tea", "Darjeeling", 890, 3)
  yield* Effect.log("delivered tea", { onShelf })
  const key = yield* order("ada", [{ article: "tea", quantity: 2 }])
  const refused = yield* Effect.flip(order("bob", [{ article: "tea", quantity: 1_000_000 }]))
  yield* Effect.log("refused bob's order", { because: refused._tag })
  yield* send("ada")
  const kept = yield* database.query(orders.get(key))
  const sent = yield* database.query(orders.filter({ status: "sent" }).count())
  return { status: kept?.status, cents: kept?.cents, sent }
})
