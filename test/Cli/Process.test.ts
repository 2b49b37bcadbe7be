/** The command as a process: signals, exit codes, the environment, a kill. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { existsSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import { Builder } from "../../src/Build/Builder.ts"
import { Folder } from "../Build/Folder.ts"
import { type Child, planckProcess } from "./Child.ts"
import { json, told } from "./Command.ts"
import { notesFolder, postNote, readNotes } from "./Service.ts"

const home = notesFolder()
const wasm = join(home.path, "notes.wasm")

beforeAll(async () => {
  const builder = await Builder.open(home.path)
  writeFileSync(wasm, (await builder.build()).file)
  await builder.close()
})
afterAll(() => home[Symbol.dispose]())

const serve = (data: string, ...rest: ReadonlyArray<string>): Child => planckProcess(["serve", wasm, "--dir", data, "--port", "0", ...rest])
const urlOf = async (child: Child): Promise<string> => (await child.shows(/http:\/\/localhost:\d+/))[0]

/** A POST whose body stays outstanding until `finish` is called. `arrived`: the server has read its headers. */
const halfSent = (url: string): { readonly arrived: Promise<void>; readonly finish: () => Promise<number> } => {
  const body = JSON.stringify({ text: "under way" })
  const headers = { "content-type": "application/json", "content-length": body.length, expect: "100-continue" }
  const sending = request(`${url}/notes`, { method: "POST", headers })
  sending.flushHeaders()
  const status = new Promise<number>((resolve, reject) => {
    sending.on("response", (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    sending.on("error", reject)
  })
  return {
    arrived: new Promise((resolve) => sending.once("continue", resolve)),
    finish: () => {
      sending.end(body)
      return status
    }
  }
}

describe("the process of planck serve", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`at ${signal} finishes the requests under way, takes no new ones, and exits 0`, async () => {
      using data = new Folder({})
      await using child = serve(data.path)
      const url = await urlOf(child)
      const posting = halfSent(url)
      await posting.arrived
      child.signal(signal)
      while (
        await fetch(url).then(
          () => true,
          () => false
        )
      )
        await new Promise((next) => setTimeout(next, 10))
      child.signal(signal)
      assert.strictEqual(await posting.finish(), 201)
      assert.deepStrictEqual(await child.ended, { code: 0, signal: null })
      assert.strictEqual(child.err, "")
      await using next = serve(data.path)
      assert.deepStrictEqual(await readNotes(await urlOf(next)), ["under way"])
    })
  }

  it("killed outright, has everything that it acknowledged at the next start, and says what it replayed", async () => {
    using data = new Folder({})
    await using child = serve(data.path)
    const url = await urlOf(child)
    const texts = Array.from({ length: 20 }, (_, index) => `note ${index}`)
    for (const text of texts) assert.strictEqual(await postNote(url, text), 201)
    child.signal("SIGKILL")
    assert.deepStrictEqual(await child.ended, { code: null, signal: "SIGKILL" })

    await using next = serve(data.path, "--json")
    const again = await urlOf(next)
    assert.deepStrictEqual(await readNotes(again), texts)
    const { recovery } = json<{ readonly recovery: { readonly replayed: number; readonly lastLsn: number } }>(next.out)
    assert.strictEqual(recovery.replayed, recovery.lastLsn)
    assert.isAtLeast(recovery.replayed, texts.length)
    await next.shows(/replayed the log/)
  })

  it("is named to a second server on its directory, and lets a query read beside it", async () => {
    using data = new Folder({})
    await using child = serve(data.path)
    const url = await urlOf(child)
    await using other = planckProcess(["serve", wasm, "--dir", data.path, "--port", "0"])
    assert.strictEqual((await other.ended).code, 1)
    assert.match(other.err, new RegExp(`^planck: .*services/notes is in use by process ${child.pid} on .*\\n$`))
    await using query = planckProcess(["query", data.path, "notes.count()", "--json"])
    assert.strictEqual((await query.ended).code, 0, query.err)
    assert.include(query.out, `"count":${(await readNotes(url)).length}`)
  })
})

describe("the environment", () => {
  it("wins over planck.yaml: PLANCK_DIR, PLANCK_HTTP_PORT", async () => {
    using folder = new Folder({ "planck.yaml": `dir: from-file\nhttp:\n  port: 1\nservices:\n  notes:\n    source: ${wasm}\n` })
    await using child = planckProcess(["serve"], { cwd: folder.path, env: { PLANCK_DIR: "from-environment", PLANCK_HTTP_PORT: "0" } })
    await urlOf(child)
    assert.isTrue(existsSync(join(folder.path, "from-environment/services/notes")))
    assert.isFalse(existsSync(join(folder.path, "from-file")))
  })

  it("is refused by name when a value does not fit", async () => {
    await using child = planckProcess(["serve", wasm], { env: { PLANCK_HTTP_PORT: "many" } })
    assert.strictEqual((await child.ended).code, 1)
    assert.match(child.err, /^environment variable PLANCK_HTTP_PORT: http\.port is "many"; expected /)
  })

  it("gives a service its own configuration", async () => {
    const source = `import { s, service, text } from "@planckdb/planck/guest"
export default service({ name: "tax", version: "1.0.0" }, (app) => {
  const config = app.config({ taxRate: s.number() })
  app.get("/", () => text(String(config.taxRate)))
})
`
    using folder = new Folder({ "service.ts": source, "planck.yaml": "services:\n  tax:\n    config:\n      taxRate: 0.19\n" })
    const argv = ["serve", folder.path, "--port", "0"]
    await using written = planckProcess(argv)
    assert.strictEqual(await (await fetch(await urlOf(written))).text(), "0.19")
    written.signal("SIGTERM")
    await written.ended
    await using given = planckProcess(argv, { env: { PLANCK_TAX_TAX_RATE: "0.07" } })
    assert.strictEqual(await (await fetch(await urlOf(given))).text(), "0.07")
  })
})

describe("exit codes", () => {
  it("are 0 for done, 1 for not done, 2 for wrong usage", async () => {
    const codes: Array<number | null> = []
    for (const argv of [["--help"], ["inspect", wasm], ["inspect", "nowhere.wasm"], ["frobnicate"]]) {
      await using child = planckProcess(argv)
      codes.push((await child.ended).code)
    }
    assert.deepStrictEqual(codes, [0, 0, 1, 2])
  })

  it("come with one JSON value on standard error under --json", async () => {
    await using child = planckProcess(["inspect", "nowhere.wasm", "--json"])
    assert.strictEqual((await child.ended).code, 1)
    assert.strictEqual(child.out, "")
    assert.strictEqual(told(child.err).code, "Unreadable")
  })
})
