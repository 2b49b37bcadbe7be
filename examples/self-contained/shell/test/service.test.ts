import { openService } from "@planckdb/planck/testing"
import { expect, test } from "vitest"

const service = new URL("..", import.meta.url)
const areas = [
  { name: "Orders", address: "http://localhost:3001" },
  { name: "Billing & more", address: "https://billing.example" }
]

test("the shell leads to every area, and shows nothing of them", async () => {
  await using planck = await openService(service, { config: { areas } })
  const { text } = await planck.request("/")
  expect(text).toContain('<a href="http://localhost:3001">Orders</a>')
  expect(text).toContain('<a href="https://billing.example">Billing &amp; more</a>')
  expect((await planck.request("/first")).headers["location"]).toBe("http://localhost:3001")
})

test("an area without an address keeps the shell from starting", async () => {
  await expect(openService(service, { config: { areas: [{ name: "Orders", address: "nowhere" }] } })).rejects.toThrow(/areas\/0\/address/)
})
