/** The migration that docs/services.md shows, run: the document it names becomes the one it says, and comes back. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { buildFiles, Folder } from "../Build/Folder.ts"
import { planck, Running } from "../Cli/Command.ts"
import { blocks } from "./Markdown.ts"
import { repository } from "./Served.ts"

const page = readFileSync(join(repository, "docs/services.md"), "utf8")
const [, before = "", after = ""] = /`(\{"first":.*?\})` becomes `(\{.*?\})`\./.exec(page) ?? []

const versionOf = async (file: string): Promise<Uint8Array> => {
  const { text } = blocks(page).find(({ words }) => words[0] === file)!
  const service = `import { service } from "@planckdb/planck/guest"
import { people } from "./people.ts"
export default service({ name: "people", version: "1.0.0" }, (app) => {
  app.get("/people", () => people.orderBy("_id").limit(10))
  app.post("/people", { body: people.input }, ({ body }) => people.insert(body))
})
`
  return (await buildFiles({ "people.ts": text, "service.ts": service })).file
}

/** The documents that a version serves, after one more was posted. */
const served = async (wasm: string, data: string, posted?: string): Promise<unknown> => {
  const running = new Running(["serve", wasm, "--dir", data, "--port", "0"])
  const [url] = await running.shows(/http:\/\/localhost:\d+/)
  try {
    if (posted !== undefined) {
      const answer = await fetch(`${url}/people`, { method: "POST", headers: { "content-type": "application/json" }, body: posted })
      assert.strictEqual(answer.status, 200, await answer.text())
    }
    const rows = (await (await fetch(`${url}/people`)).json()) as ReadonlyArray<{ readonly _id: string }>
    return rows.map(({ _id, ...row }) => row)
  } finally {
    await running.stop()
  }
}

describe("docs/services.md, changing a schema", () => {
  it("shows a function that does what it says, and its way back", async () => {
    using home = new Folder({})
    using data = new Folder({})
    const [first, second] = ["people-1", "people-2"].map((name) => join(home.path, `${name}.wasm`)) as [string, string]
    writeFileSync(first, await versionOf("people-1.ts"))
    writeFileSync(second, await versionOf("people-2.ts"))
    assert.deepStrictEqual(await served(first, data.path, before), [JSON.parse(before)])
    assert.deepStrictEqual(await served(second, data.path), [JSON.parse(after)])
    assert.strictEqual((await planck("migrate", data.path, first, "--back-from", second)).code, 0)
    assert.deepStrictEqual(await served(first, data.path), [JSON.parse(before)])
  })
})
