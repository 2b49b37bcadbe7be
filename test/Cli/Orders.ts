/** A database with six orders, in real files. */
import * as Effect from "effect/Effect"
import { join } from "node:path"
import type { StoreDefinition } from "../../src/Planck.ts"
import * as Planck from "../../src/Planck.ts"

export const orders: StoreDefinition = {
  name: "orders",
  idKind: "int",
  schema: { customer: { type: "string" }, total: { type: "int" } },
  indexes: [{ name: "byCustomer", on: [{ path: "customer", direction: "asc" }] }]
}

/** Opens the database of a service below `data`, with six orders in it, and closes it again. */
export const fill = (data: string, service: string): Promise<void> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const query = yield* Planck.Query
      yield* query.transact((transaction) => {
        const customers = ["ada", "bob", "ada", "eve", "ada", "bob"]
        transaction.insert(
          "orders",
          customers.map((customer, index) => ({ _id: index + 1, customer, total: 10 * (index + 1) }))
        )
      })
    }).pipe(Effect.provide(Planck.layer({ directory: join(data, "services", service), stores: [orders] })))
  )
