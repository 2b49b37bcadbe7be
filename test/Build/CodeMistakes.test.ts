/** What types let pass and the build finds all the same: promises nobody waits for, writes where only reading is allowed, reading of whole stores. */
import { assert, describe, it } from "@effect/vitest"
import { Builder } from "../../src/Build/Builder.ts"
import { formatBuildIssue } from "../../src/Build/Issue.ts"
import type { Checked } from "../../src/Build/Types.ts"
import { Folder, serviceText } from "./Folder.ts"

const STORES = `import { s, store } from "@planckdb/planck/guest"
export const orders = store("orders", {
  customer: s.string(),
  status: s.literals("pending", "paid").default("pending"),
  total: s.decimal(),
  tags: s.array(s.string()).default([])
}, { indexes: [{ on: ["status", "customer"] }, { on: ["total"], where: { status: "pending" } }] })
export const pay = (customer: string) => orders.filter({ customer, status: "pending" }).set({ status: "paid" })
export const settle = (customer: string, times: number): number => (times === 0 ? pay(customer).matched : settle(customer, times - 1))
export const count = async (): Promise<number> => orders.count()
export const isOpen = async (customer: string): Promise<boolean> => (await count()) > customer.length
`

async function check(routes: string, before = ""): Promise<Checked> {
  const imports = `import { count, isOpen, orders, pay, settle } from "./stores.ts"\n${before}`
  using folder = new Folder({ "stores.ts": STORES, "service.ts": serviceText(routes, "json, optional, s, status, text", imports) })
  const builder = await Builder.open(folder.path)
  try {
    await builder.build()
    return await builder.checkTypes()
  } finally {
    await builder.close()
  }
}

/** The expressions that are marked, and the first words of what is said of them. */
async function found(routes: string, before = ""): Promise<ReadonlyArray<string>> {
  const { issues } = await check(routes, before)
  return issues.map(({ frame, message }) => `${marked(frame)} — ${message.slice(0, message.search(/[,:]|$/))}`)
}

async function warned(routes: string): Promise<ReadonlyArray<string>> {
  const { issues, warnings } = await check(routes)
  assert.deepStrictEqual(issues.map(formatBuildIssue), [])
  return warnings.map(({ message }) => message)
}

function marked(frame: string): string {
  const lines = frame.split("\n")
  const at = lines.findIndex((line) => /^[\s|]*\^+$/.test(line))
  const carets = lines[at] ?? ""
  return (lines[at - 1] ?? "").slice(carets.indexOf("^"), carets.lastIndexOf("^") + 1)
}

describe("a forgotten await", () => {
  it("as a statement", async () => {
    const routes = `
      app.post("/a", async () => {
        isOpen("ada")
        void isOpen("eve")
        await isOpen("eve")
        return null
      })`
    assert.deepStrictEqual(await found(routes), ['isOpen("ada") — nothing waits for this promise'])
  })

  it("in a condition, a text, or the verdict of a callback", async () => {
    const routes = `
      app.get("/a", async () => (!isOpen("ada") ? "closed" : \`open \${await isOpen("ada")}\`))
      app.get("/b", () => text("there are " + count()))
      app.get("/c", () => text(\`there are \${count()}\`))
      app.get("/d", () => ["ada"].filter((name) => isOpen(name)))
      app.get("/e", () => ["ada"].some(isOpen))
      app.get("/f", () => ["ada"].forEach(async (name) => void (await isOpen(name))))
      app.get("/g", async () => (count() || 1).toString())`
    assert.deepStrictEqual(await found(routes), [
      'isOpen("ada") — a promise is never false',
      "count() — the text would have a promise in it",
      "count() — the text would have a promise in it",
      "(name) => isOpen(name) — filter decides by a promise",
      "isOpen — some decides by a promise",
      "async (name) => void (await isOpen(name)) — forEach does not wait for promises",
      "count() — a promise is never missing"
    ])
  })

  it("inside an answer, wherever its parts are made", async () => {
    const before = "const summary = () => ({ rows: [{ total: count() }] })\nconst shared = async () => summary()"
    const routes = `
      app.get("/a", () => ({ count: count() }))
      app.get("/b", () => json([1, count()]))
      app.get("/c", async () => (await isOpen("ada")) ? summary() : status(201, count()))
      app.get("/d", shared)`
    assert.deepStrictEqual(await found(routes, before), [
      "summary() — the answer has a promise at rows[].total",
      "count() — this part of the answer is a promise",
      "count() — this part of the answer is a promise",
      "summary() — the answer has a promise at rows[].total",
      "count() — this part of the answer is a promise"
    ])
  })

  it("is none where somebody waits: the host for the answer, Promise.all for a list", async () => {
    const routes = `
      app.get("/a", () => count())
      app.get("/b", async () => {
        const both = [count(), count()]
        let cached: Promise<number> | undefined
        const once = (cached ??= count())
        const [one] = await Promise.all(["ada"].map((name) => isOpen(name)))
        return { one, both: await Promise.all(both), once: await once, row: orders.all().first() }
      })`
    assert.deepStrictEqual(await found(routes), [])
  })
})

describe("a write in a route that only reads", () => {
  it("is found in the handler and in what it calls", async () => {
    const before = "const shared = () => pay('ada')"
    const routes = `
      app.get("/a", () => { orders.filter({ customer: "ada" }).set({ status: "paid" }) })
      app.get("/b", () => { pay("ada") })
      app.get("/c", () => ["ada"].map(pay))
      app.get("/d", () => settle("ada", 3))
      app.get("/e", shared)
      app.post("/f", { writes: false }, () => { orders.delete("0198f0c2a3b47d8e9f00112233445566") })`
    assert.deepStrictEqual(await found(routes, before), [
      "set — GET /a only reads",
      "pay — GET /b only reads",
      "pay — GET /c only reads",
      "settle — GET /d only reads",
      "get — GET /e only reads",
      "delete — POST /f only reads"
    ])
    const { issues } = await check(`app.get("/b", () => { pay("ada") })`)
    assert.strictEqual(
      issues[0]?.message,
      "GET /b only reads, and its handler calls set in stores.ts:8: make it a POST, or say { writes: true } among its inputs"
    )
  })

  it("is none in a route that may write, or on something that is no store", async () => {
    const before = "const inputs = { writes: Boolean(1) }\nconst seen = new Map<string, number>()"
    const routes = `
      app.post("/a", () => { pay("ada") })
      app.get("/b", { writes: true }, () => { pay("ada") })
      app.get("/c", inputs, () => { pay("ada") })
      app.get("/d", () => { seen.set("ada", 1); seen.delete("ada"); return [1].push(2) })`
    assert.deepStrictEqual(await found(routes, before), [])
  })
})

describe("a query that reads its whole store", () => {
  it("is a warning with the index that would serve it", async () => {
    const routes = `
      app.get("/a", () => orders.filter({ customer: "ada" }))
      app.get("/b", () => orders.filter({ customer: "ada" }).filter("tags", "contains", "x").orderBy("total", "desc").rows().length)
      app.post("/c", () => orders.filter({ tags: "new" }).set({ status: "paid" }))
      app.get("/d", () => { const names: Array<string> = []; for (const row of orders.filter("customer", ">", "a")) names.push(row.customer); return names })
      app.get("/e", { query: { customer: s.string().optional() } }, ({ query }) => orders.filter({ customer: optional(query.customer) }))`
    const whole = (condition: string, on: string): string =>
      `every document of the store "orders" is read for ${condition}: give the store the index { on: [${on}] }, or the statement a limit`
    assert.deepStrictEqual(await warned(routes), [
      whole("customer = ?", '"customer"'),
      whole("customer = ? and tags contains ?", '"customer", "-total"'),
      whole("tags = ?", '"tags"'),
      whole("customer > ?", '"customer"'),
      whole("customer = ?", '"customer"')
    ])
  })

  it("is none with a limit, an index, or a part that is known only when it runs", async () => {
    const routes = `
      const open = () => orders.filter({ customer: "ada" })
      app.get("/a", () => orders.filter({ customer: "ada" }).limit(20))
      app.get("/b", () => orders.filter({ customer: "ada", status: "paid" }))
      app.get("/c", () => orders.filter({ customer: "ada" }).first() ?? null)
      app.get("/d", () => open().limit(3))
      app.get("/e", () => orders.filter({ customer: "ada" }).page(3))
      app.get("/f", ({ params }) => orders.filter({ ...params }))
      app.get("/g", () => orders.all())
      app.get("/h", () => orders.filter("total", ">", "3").filter({ status: "pending" }))`
    assert.deepStrictEqual(await warned(routes), [])
  })
})
