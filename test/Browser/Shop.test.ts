/**
 * The example shop as a person uses it: a real Chromium, a real server process, a real directory, and a kill -9 in between.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import type { Browser, Page } from "playwright-core"
import { chromium } from "playwright-core"

const root = resolve(import.meta.dirname, "../..")
const directory = mkdtempSync(join(tmpdir(), "planck-shop-"))
const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium"

interface Running {
  readonly url: string
  readonly child: ChildProcess
}

const shopOf = (running: Running | undefined): Running => running ?? assert.fail("the shop is not running")

/** Starts the shop and waits for the line that says where it is. */
const start = (): Promise<Running> =>
  new Promise((done, refuse) => {
    const child = spawn(process.execPath, [join(root, "examples/pizzahub/start.ts")], {
      env: { ...process.env, PLANCK_DIR: directory, PLANCK_HTTP_PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"]
    })
    let output = ""
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString()
      const url = /http:\/\/localhost:\d+/.exec(output)?.[0]
      if (url !== undefined) done({ url, child })
    })
    child.on("exit", (code) => refuse(new Error(`the shop ended with ${code}: ${output}`)))
  })

const stop = (running: Running, signal: "SIGTERM" | "SIGKILL"): Promise<number | null> =>
  new Promise((done) => {
    running.child.removeAllListeners("exit")
    running.child.once("exit", (code) => done(code))
    running.child.kill(signal)
  })

describe("the shop in Chromium", () => {
  let running: Running | undefined
  let browser: Browser | undefined
  let page: Page
  let orderPath = ""
  const complaints: Array<string> = []

  beforeAll(async () => {
    assert.isTrue(existsSync(executablePath), `no Chromium at ${executablePath}: install it, or set CHROMIUM`)
    running = await start()
    browser = await chromium.launch({
      executablePath,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync"
      ]
    })
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    page.on("pageerror", (error) => complaints.push(error.message))
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text())
    })
  })

  afterAll(async () => {
    await browser?.close()
    if (running?.child.exitCode === null && running.child.signalCode === null) await stop(running, "SIGKILL")
    rmSync(directory, { recursive: true, force: true })
  })

  it("opens with 17 categories and the first category's products", async () => {
    await page.goto(shopOf(running).url)
    assert.strictEqual(await page.title(), "Menu · PizzaHub")
    assert.strictEqual(await page.locator("#categories .category").count(), 17)
    assert.strictEqual(await page.locator("#products .product").count(), 15)
    assert.include(await page.locator("#products").innerText(), "Margherita")
  })

  it("shows a category's products without loading the page again", async () => {
    await page.evaluate("window.stillTheSamePage = true")
    await page.click("#categories .category:has-text('Risotto')")
    await page.waitForFunction("document.querySelectorAll('#products .product').length === 7")
    assert.include(await page.locator("#products").innerText(), "Risotto Milanese")
    assert.strictEqual(await page.evaluate("window.stillTheSamePage"), true)
  })

  it("searches as one types", async () => {
    await page.fill(".search", "truf")
    await page.waitForFunction("document.querySelector('#products').innerText.includes('Truffle Mayo')")
    assert.strictEqual(await page.locator("#products .product").count(), 3)
  })

  it("keeps a cart and turns it into an order", async () => {
    await page.click("#products .product:has-text('Truffle & Fior di Latte') .add")
    await page.waitForSelector("#cart .lines li")
    await page.click("#products .product:has-text('Truffle & Fior di Latte') .add")
    await page.waitForFunction("document.querySelector('#cart .quantity').innerText.startsWith('2')")
    assert.include(await page.locator("#cart .total").innerText(), "29.80")
    await page.fill("#cart input[name=name]", "Ada <b>L.</b>")
    await page.fill("#cart input[name=address]", "12 St James's Square")
    await page.click("#cart .order")
    await page.waitForSelector("#order")
    orderPath = new URL(page.url()).pathname
    assert.match(orderPath, /^\/orders\/[0-9a-f]{32}$/)
    assert.include(await page.locator("#order h1").innerText(), "Thank you, Ada <b>L.</b>!")
    const screenshot = process.env["SCREENSHOT"]
    if (screenshot !== undefined) {
      await page.goto(shopOf(running).url)
      await page.screenshot({ path: screenshot })
    }
  })

  it("still has the order after kill -9", async () => {
    await stop(shopOf(running), "SIGKILL")
    running = await start()
    await page.goto(running.url + orderPath)
    assert.include(await page.locator("#order h1").innerText(), "Thank you, Ada <b>L.</b>!")
    assert.include(await page.locator("#order .total").innerText(), "29.80")
  })

  it("drains and exits 0 at SIGTERM", async () => {
    assert.strictEqual(await stop(shopOf(running), "SIGTERM"), 0)
  })

  it("was used without one complaint of the browser", () => {
    assert.deepStrictEqual(complaints, [])
  })
})
