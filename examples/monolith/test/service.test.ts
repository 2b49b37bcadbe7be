import { openService } from "@planckdb/planck/testing"
import { expect, test } from "vitest"
import type { articles } from "../inventory/store.ts"
import type { orders } from "../orders/store.ts"

const service = new URL("..", import.meta.url)
const tea = { sku: "T-1", name: "Tea", price: "8.90", onShelf: "3" }
const order = { customer: "Ada", sku: "T-1", quantity: "2" }

test("an order takes what it wants off the shelf", async () => {
  await using planck = await openService(service)
  await planck.request("/inventory", { form: tea })
  expect((await planck.request("/orders", { form: order })).status).toBe(303)
  expect(await planck.store<typeof articles.Row>("articles").get("T-1")).toMatchObject({ onShelf: 1 })
  expect(await planck.store<typeof orders.Row>("orders").all()).toMatchObject([{ customer: "Ada", quantity: 2, total: "17.80" }])
  expect((await planck.request("/")).text).toContain("2 × T-1")
})

test("an order of more than there is changes nothing in either domain", async () => {
  await using planck = await openService(service)
  await planck.request("/inventory", { form: tea })
  const refused = await planck.request("/orders", { form: { ...order, quantity: "4" } })
  expect([refused.status, refused.json<{ onShelf: number }>().onShelf]).toEqual([409, 3])
  expect(await planck.store("orders").count()).toBe(0)
  expect(await planck.store("articles").get("T-1")).toMatchObject({ onShelf: 3 })
})

test("when the power goes between commit and answer, both domains have the order", async () => {
  await using planck = await openService(service, { seed: 7 })
  await planck.request("/inventory", { form: tea })
  await planck.crashBeforeAnswer("/orders", { form: order })
  await planck.restart()
  expect(await planck.store("orders").count()).toBe(1)
  expect(await planck.store("articles").get("T-1")).toMatchObject({ onShelf: 1 })
})
