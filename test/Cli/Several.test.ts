/** A folder of services: built, served and developed together. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Folder } from "../Build/Folder.ts"
import { json, planck, Running, told } from "./Command.ts"

/** A service that keeps notes and says who it is and where. */
const named = (name: string, greeting = name): string => `import { redirect, s, service, store, text } from "@planckdb/planck/guest"
import page from "./page.zsx"
const notes = store("notes", { text: s.string() })

export default service({ name: "${name}", version: "1.0.0" }, (app) => {
  app.get("/", () => text("${greeting}"))
  app.get("/notes", () => notes.orderBy("_id").limit(10))
  app.get("/notes/:id", ({ params }) => text(app.url("/notes/:id", { id: params.id }, { a: 1 })))
  app.get("/page", () => page.render({ to: "/notes" }))
  app.post("/notes", { body: notes.input }, ({ body }) => {
    notes.insert(body)
    return redirect(app.url("/notes"))
  })
})
`

const PAGE = '{param to: string}<a href={to | link}>notes</a><a href="${"/" | link}">home</a><a href={"//other/x" | link}>other</a>\n'

const folderOfTwo = (more: Readonly<Record<string, string>> = {}): Folder =>
  new Folder({
    "orders/service.ts": named("orders"),
    "orders/page.zsx": PAGE,
    "shell/service.ts": named("shell"),
    "shell/page.zsx": PAGE,
    "planck.yaml": "services:\n  shell:\n    mount: /\n",
    ...more
  })

const urlOf = async (running: Running): Promise<string> => {
  const [, url = ""] = await running.shows(/(?:shell 1\.0\.0|live) at (http:\/\/localhost:\d+)(?: |$)/m)
  return url
}

const textAt = async (address: string): Promise<string> => (await fetch(address)).text()

const post = async (address: string): Promise<Response> => {
  const body = JSON.stringify({ text: "kept" })
  return fetch(address, { method: "POST", redirect: "manual", headers: { "content-type": "application/json" }, body })
}

const notesAt = async (address: string): Promise<number> => ((await (await fetch(address)).json()) as ReadonlyArray<unknown>).length

describe("planck build of a folder of services", () => {
  it("builds all of them into one folder", async () => {
    using folder = folderOfTwo()
    const { code, err, out } = await planck("build", folder.path)
    assert.deepStrictEqual([code, err], [0, ""])
    assert.match(out, /^orders 1\.0\.0: 5 routes/m)
    assert.match(out, /^shell 1\.0\.0: 5 routes/m)
    assert.deepStrictEqual(readdirSync(join(folder.path, "dist")), ["orders.wasm", "shell.wasm"])
  })

  it("names those that fail with all their mistakes, and writes the others", async () => {
    using folder = folderOfTwo({ "orders/service.ts": named("orders").replace('text("orders")', "text(") })
    const { code, err } = await planck("build", folder.path)
    assert.strictEqual(code, 1)
    assert.match(err, /^orders\/service\.ts:\d+:\d+: /m)
    assert.match(err, /^planck: 1 of 2 services not built: orders$/m)
    assert.isTrue(existsSync(join(folder.path, "dist", "shell.wasm")))
    assert.isFalse(existsSync(join(folder.path, "dist", "orders.wasm")))
    assert.deepStrictEqual(told((await planck("build", folder.path, "--json")).err).details, { services: ["orders"] })
  })

  it("refuses two of one name, whose files and data would be one", async () => {
    using folder = folderOfTwo({ "shell/service.ts": named("orders") })
    const { code, err } = await planck("build", folder.path)
    assert.strictEqual(code, 1)
    assert.match(err, /^(orders|shell): (orders|shell) is named orders as well$/m)
  })
})

describe("planck serve of a folder of services", () => {
  it("serves each with its own data, at its own place, below which its addresses and links are", async () => {
    using folder = folderOfTwo()
    await planck("build", folder.path, "--out", join(folder.path, "built"))
    writeFileSync(join(folder.path, "built", "planck.yaml"), "services:\n  shell:\n    mount: /\n")
    const running = new Running(["serve", join(folder.path, "built"), "--dir", join(folder.path, "data"), "--port", "0"])
    const url = await urlOf(running)
    await running.shows(/^orders 1\.0\.0 at http:\/\/localhost:\d+\/orders\/$/m)
    assert.deepStrictEqual([await textAt(url), await textAt(`${url}/orders/`)], ["shell", "orders"])
    assert.strictEqual(await textAt(`${url}/orders/notes/7`), "/orders/notes/7?a=1")
    assert.strictEqual(await textAt(`${url}/notes/7`), "/notes/7?a=1")
    assert.strictEqual((await post(`${url}/orders/notes`)).headers.get("location"), "/orders/notes")
    assert.deepStrictEqual([await notesAt(`${url}/orders/notes`), await notesAt(`${url}/notes`)], [1, 0])
    assert.strictEqual(
      await textAt(`${url}/orders/page`),
      '<a href="/orders/notes">notes</a><a href="/orders/">home</a><a href="//other/x">other</a>'
    )
    assert.strictEqual(await textAt(`${url}/page`), '<a href="/notes">notes</a><a href="/">home</a><a href="//other/x">other</a>')
    assert.strictEqual(await textAt(`${url}/_planck/health`), '{"status":"ok","services":{"orders":"ok","shell":"ok"}}')
    for (const name of ["orders", "shell"]) assert.isTrue(existsSync(join(folder.path, "data", "services", name, "control.sock")), name)
    const backup = await planck("backup", join(folder.path, "data"), join(folder.path, "backups"), "--service", "orders")
    assert.strictEqual(backup.code, 0, backup.err)
    const { code, err } = await running.stop()
    assert.deepStrictEqual([code, err], [0, ""])
    assert.match((await planck("query", join(folder.path, "data"), "notes.count()", "--service", "orders")).out, /count 1/)
  })

  it("serves the others when one cannot be, whose place answers 503", async () => {
    using folder = folderOfTwo({ "data/services/orders": "a file where the directory should be" })
    const running = new Running(["serve", folder.path, "--dir", join(folder.path, "data"), "--port", "0"])
    const url = await urlOf(running)
    await running.shows(/^planck: .*services\/orders.*(ENOTDIR|EEXIST)/m)
    await running.shows(/^1 of 2 services are served$/m)
    assert.strictEqual(await textAt(url), "shell")
    const answer = await fetch(`${url}/orders/`)
    assert.strictEqual(answer.status, 503)
    assert.include(await answer.text(), '"code":"no_service"')
    assert.strictEqual(await textAt(`${url}/_planck/health`), '{"status":"no_service","services":{"orders":"no_service","shell":"ok"}}')
    await running.stop()
  })

  it("serves none when two have one place or one name, or one has another name than its source was given", async () => {
    const refusal = async (files: Readonly<Record<string, string>>): Promise<string> => {
      using folder = folderOfTwo(files)
      const { code, err } = await planck("serve", folder.path, "--dir", join(folder.path, "data"), "--port", "0")
      assert.strictEqual(code, 1)
      assert.isFalse(existsSync(join(folder.path, "data")))
      return err
    }
    assert.match(
      await refusal({ "planck.yaml": "services:\n  shell:\n    mount: /orders\n" }),
      /^planck: (shell|orders) and (shell|orders) are both mounted at \/orders: give one another place/m
    )
    assert.match(await refusal({ "shell/service.ts": named("orders") }), /both named orders: their data would lie in one place/)
  })
})

describe("planck dev of a folder of services", () => {
  it("makes an edit of one live without the other noticing; mistakes say whose they are", async () => {
    using folder = folderOfTwo()
    const running = new Running(["dev", folder.path, "--dir", join(folder.path, "data"), "--port", "0", "--json"])
    await running.shows(/"service":"orders"/)
    await running.shows(/"service":"shell"/)
    const [, url = ""] = /"service":"shell","url":"([^"]+)"/.exec(running.out) ?? []
    assert.strictEqual((await post(`${url}/orders/notes`)).status, 303)
    running.forget()
    folder.write("orders/service.ts", named("orders", "edited"))
    await running.shows(/"event":"live"/)
    assert.notInclude(running.out, '"service":"shell"')
    assert.deepStrictEqual([await textAt(`${url}/orders/`), await textAt(url)], ["edited", "shell"])
    assert.strictEqual(await notesAt(`${url}/orders/notes`), 1)
    running.forget()
    folder.write("shell/service.ts", "export default {")
    await running.shows(/"event":"failed"/)
    const failed = json<{ readonly folder: string; readonly mistakes: ReadonlyArray<{ readonly place: string }> }>(running.out)
    assert.strictEqual(failed.folder, "shell")
    assert.match(failed.mistakes[0]?.place ?? "", /^shell\/service\.ts:1:\d+$/)
    assert.deepStrictEqual([await textAt(`${url}/orders/`), await textAt(url)], ["edited", "shell"])
    await running.stop()
  })

  it("takes the sources and places that planck.yaml names", async () => {
    using folder = folderOfTwo({ "planck.yaml": "services:\n  orders:\n    source: ./orders\n    mount: shop.example/o\n" })
    const running = new Running(["dev", folder.path, "--dir", join(folder.path, "data"), "--port", "0"])
    const [, url = ""] = await running.shows(/live at (http:\/\/shop\.example:\d+\/o\/) after/)
    assert.notInclude(running.out, "shell")
    assert.strictEqual((await fetch(url.replace("shop.example", "localhost"))).status, 404)
    await running.stop()
  })
})
