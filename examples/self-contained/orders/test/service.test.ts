import { openService } from "@planckdb/planck/testing"
import { expect, test } from "vitest"
import type { orders } from "../stores.ts"

const service = new URL("..", import.meta.url)
const tea = { customer: "Ada", item: "Tea", price: "8.90" }

test("an order is on the page, and can be paid", async () => {
  await using planck = await openService(service)
  expect((await planck.request("/")).text).toContain("No orders yet.")
  const posted = await planck.request("/orders", { form: tea })
  expect([posted.status, posted.headers["location"]]).toEqual([303, "/"])
  const [order] = await planck.store<typeof orders.Row>("orders").all()
  expect(order).toMatchObject({ ...tea, status: "pending" })
  await planck.request(`/orders/${order?._id}/pay`, { method: "POST" })
  expect((await planck.request(`/api/orders/${order?._id}`)).json()).toMatchObject({ status: "paid" })
  expect((await planck.request("/")).text).toContain("<small>paid</small>")
})

test("what does not fit is refused, with the place", async () => {
  await using planck = await openService(service)
  const refused = await planck.request("/api/orders", { json: { customer: "Ada", price: "cheap" } })
  expect(refused.status).toBe(400)
  const { issues } = refused.json<{ issues: ReadonlyArray<{ pointer: string }> }>()
  expect(issues.map(({ pointer }) => pointer).toSorted()).toEqual(["/body/item", "/body/price"])
  expect(await planck.store("orders").count()).toBe(0)
})

test("an order survives when the power goes between its commit and the answer", async () => {
  await using planck = await openService(service, { seed: 7 })
  await planck.crashBeforeAnswer("/api/orders", { json: tea })
  await planck.restart()
  expect(await planck.store("orders").all()).toMatchObject([tea])
})
