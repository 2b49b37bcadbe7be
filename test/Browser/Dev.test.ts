/** `planck dev` as an author has it: the editor writes files, a real Chromium shows the page. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { type Browser, chromium, type Page } from "playwright-core"
import { Folder } from "../Build/Folder.ts"
import { type Child, planckProcess } from "../Cli/Child.ts"

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium"

const POLICY = "default-src 'none'; style-src 'none'; script-src 'self'; require-trusted-types-for 'script'"

const service = (greeting: string): string => `import { html, s, service, status, store } from "@planckdb/planck/guest"
import page from "./page.zsx"
const notes = store("notes", { text: s.string() })

export default service({ name: "notes", version: "1.0.0", assets: { "/static": "public" } }, (app) => {
  app.get("/", () => page.render({ greeting: ${JSON.stringify(greeting)}, notes: notes.orderBy("_id").limit(10) }))
  app.get("/strict", () => page.render({ greeting: ${JSON.stringify(greeting)}, notes: [] }).header("content-security-policy", ${JSON.stringify(POLICY)}))
  app.get("/fragment", () => html("<i>" + ${JSON.stringify(greeting)} + "</i>"))
  app.post("/notes", { body: notes.input }, ({ body }) => status(201, { _id: notes.insert(body) }))
})
`

const PAGE = `{param greeting: string}
{param notes: Doc<notes>[]}
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Notes</title></head>
<body><h1>{greeting}</h1><ul>{for note in notes}<li>{note.text}</li>{/for}</ul><input id="form"></body></html>
`

const STATIC = '<!doctype html><html lang="en"><head><title>Static</title></head><body><h1>static</h1></body></html>'

describe("planck dev in Chromium", () => {
  const folder = new Folder({ "service.ts": service("first"), "page.zsx": PAGE, "public/index.html": STATIC })
  const complaints: Array<string> = []
  let dev: Child
  let browser: Browser
  let page: Page
  let url: string

  /** Asks until it is so; by the protocol and not by a function of the page, whose policy may refuse that. */
  const until = async (expression: string): Promise<void> => {
    for (;;) {
      // A page that is loading has nothing to ask.
      if (await page.evaluate<boolean>(expression).catch(() => false)) return
      await page.waitForTimeout(20)
    }
  }
  const heading = (text: string) => until(`document.querySelector("h1")?.textContent === ${JSON.stringify(text)}`)
  /** What the overlay says; null while there is none. */
  const overlay = () => page.evaluate<string | null>(`document.querySelector("planck-mistakes")?.shadowRoot.textContent ?? null`)
  const shown = () => until(`document.querySelector("planck-mistakes") !== null`)
  const gone = () => until(`document.querySelector("planck-mistakes") === null`)

  beforeAll(async () => {
    assert.isTrue(existsSync(executablePath), `no Chromium at ${executablePath}: install it, or set CHROMIUM`)
    dev = planckProcess(["dev", folder.path, "--dir", join(folder.path, "data"), "--port", "0"])
    url = (await dev.shows(/http:\/\/localhost:\d+/))[0]
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"] })
    page = await browser.newPage()
    page.on("pageerror", (error) => complaints.push(error.message))
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().includes("favicon")) complaints.push(message.text())
    })
  })

  afterAll(async () => {
    await browser?.close()
    await dev?.[Symbol.asyncDispose]()
    folder[Symbol.dispose]()
  })

  it("loads the page again when an edit is live", async () => {
    await page.goto(url)
    await heading("first")
    folder.write("service.ts", service("second"))
    await heading("second")
    folder.write("page.zsx", PAGE.replace("<h1>{greeting}</h1>", "<h1>{greeting | upper}</h1>"))
    await heading("SECOND")
  })

  it("does not load it again when only the data changed, or a file without a change was written", async () => {
    await page.fill("#form", "half a sentence")
    await page.evaluate(`fetch("/notes", { method: "POST", headers: { "content-type": "application/json" }, body: '{"text":"new"}' })`)
    dev.out = ""
    folder.write("service.ts", service("second"))
    await dev.shows(/live at/)
    await page.waitForTimeout(300)
    assert.strictEqual(await page.inputValue("#form"), "half a sentence")
  })

  it("shows what the terminal shows when a build fails, and takes it away when it is well again", async () => {
    dev.out = ""
    folder.write("service.ts", service("third").replace(".limit(10)", ".limit("))
    await dev.shows(/not built; the version before keeps serving/)
    await shown()
    const said = (await overlay()) ?? ""
    assert.include(said, "not built; the version before keeps serving")
    const [mistake = ""] = dev.out.split("\nnot built;")
    assert.match(mistake, /^service\.ts:6:\d+: /)
    assert.include(said, mistake)
    assert.strictEqual(await page.textContent("h1"), "SECOND")
    assert.isTrue(await page.evaluate(`document.querySelector("planck-mistakes").matches(":popover-open")`))
    await page.keyboard.press("Escape")
    await gone()
    await page.reload()
    await shown()
    folder.write("service.ts", service("third"))
    await heading("THIRD")
    await gone()
  })

  it("shows mistakes of templates with their frame, as text and never as markup", async () => {
    folder.write("page.zsx", PAGE.replace("{greeting}", `{greeting | uper}<img src="x" onerror="document.title='run'">`))
    await shown()
    assert.match((await overlay()) ?? "", /page\.zsx:5:\d+: unknown pipe "uper" \(did you mean "upper"\?\)/)
    assert.include(await overlay(), '<img src="x"')
    assert.strictEqual(await page.title(), "Notes")
    folder.write("page.zsx", PAGE)
    await heading("third")
  })

  it("works below a strict policy, without a complaint", async () => {
    await page.goto(`${url}/strict`)
    await heading("third")
    folder.write("service.ts", service("strict"))
    await heading("strict")
    folder.write("service.ts", "export default {")
    await shown()
    assert.strictEqual(await page.evaluate(`getComputedStyle(document.querySelector("planck-mistakes")).position`), "fixed")
    folder.write("service.ts", service("strict again"))
    await heading("strict again")
  })

  it("follows static documents, and leaves fragments and what a script fetches alone", async () => {
    await page.goto(`${url}/static/index.html`)
    assert.strictEqual(await page.evaluate(`fetch("/").then((answer) => answer.text()).then((text) => text.includes("_planck"))`), false)
    folder.write("public/index.html", STATIC.replace("<h1>static</h1>", "<h1>moved</h1>"))
    await heading("moved")
    assert.notInclude(await (await fetch(`${url}/fragment`, { headers: { accept: "text/html" } })).text(), "_planck")
  })

  it("holds no connection for a page that is not looked at, which catches up when it is", async () => {
    await page.goto(url)
    await heading("strict again")
    await page.evaluate(`(() => {
      Object.defineProperty(document, "visibilityState", { configurable: true, get: () => window.seen ?? "hidden" })
      document.dispatchEvent(new Event("visibilitychange"))
    })()`)
    dev.out = ""
    folder.write("service.ts", service("unseen"))
    await dev.shows(/live at/)
    await page.waitForTimeout(200)
    assert.strictEqual(await page.textContent("h1"), "strict again")
    await page.evaluate(`(() => { window.seen = "visible"; document.dispatchEvent(new Event("visibilitychange")) })()`)
    await heading("unseen")
  })

  it("ends at once at SIGTERM although a page listens, and the page goes on with the next start", async () => {
    const startedAt = performance.now()
    dev.signal("SIGTERM")
    assert.strictEqual((await dev.ended).code, 0)
    assert.isBelow(performance.now() - startedAt, 8_000)
    folder.write("service.ts", service("after the restart"))
    complaints.length = 0
    dev = planckProcess(["dev", folder.path, "--dir", join(folder.path, "data"), "--port", new URL(url).port])
    await heading("after the restart")
    // The page could not reach the server in between, which a browser says.
    assert.deepStrictEqual(
      complaints.filter((text) => !text.includes("net::ERR")),
      []
    )
  })
})
