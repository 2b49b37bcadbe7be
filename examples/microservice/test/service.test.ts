import { openService } from "@planckdb/planck/testing"
import { expect, test } from "vitest"
import type { orders } from "../stores.ts"

const service = new URL("..", import.meta.url)
const tea = { customer: "ada", item: "Tea", price: "8.90" }

test("an order is made, found and paid", async () => {
  await using planck = await openService(service, { startsAt: "2026-05-01T12:00:00Z" })
  const made = await planck.request("/api/orders", { json: tea })
  expect(made.status).toBe(201)
  const place = made.headers["location"] ?? ""
  expect((await planck.request(place)).json()).toMatchObject({ ...tea, status: "pending", placedAt: "2026-05-01T12:00:00.000Z" })
  expect((await planck.request(`${place}/pay`, { method: "POST" })).json()).toMatchObject({ status: "paid" })
  expect((await planck.request("/api/orders?customer=ada")).json()).toHaveLength(1)
  expect((await planck.request("/api/orders?customer=bob")).json()).toEqual([])
})

test("what does not fit is refused, with the place", async () => {
  await using planck = await openService(service)
  const refused = await planck.request("/api/orders", { json: { ...tea, price: "cheap" } })
  expect(refused.status).toBe(400)
  expect(refused.json()).toMatchObject({ issues: [{ pointer: "/body/price" }] })
})

test("an order survives when the power goes between its commit and the answer", async () => {
  await using planck = await openService(service, { seed: 7 })
  await planck.crashBeforeAnswer("/api/orders", { json: tea })
  await planck.restart()
  expect(await planck.store<typeof orders.Row>("orders").all()).toMatchObject([tea])
})
