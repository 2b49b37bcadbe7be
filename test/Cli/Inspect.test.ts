import { assert, beforeAll, describe, it } from "@effect/vitest"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Builder } from "../../src/Build/Builder.ts"
import type { Manifest } from "../../src/Wasm/Manifest.ts"
import { Folder } from "../Build/Folder.ts"
import { json, planck, told } from "./Command.ts"

const SHOP = `import { s, service, store, text } from "@planckdb/planck/guest"
const orders = store("orders", { customer: s.string(), total: s.number() }, { indexes: [{ on: ["customer", "-total"] }] })
export default service(
  { name: "shop", version: "2.1.0", assets: { "/": "public" }, limits: { deadlineMs: 20 } },
  (app) => {
    app.config({ greeting: s.string(), token: s.secret() })
    app.get("/orders/:id", { params: { id: s.key(orders) } }, ({ params }) => orders.get(params.id) ?? text("none"))
    app.delete("/orders/:id", { params: { id: s.key(orders) } }, ({ params }) => (orders.delete(params.id), text("gone")))
  }
)
`

interface Inspected {
  readonly hash: string
  readonly manifest: Manifest
  readonly assets: ReadonlyArray<{ readonly path: string }>
  readonly sizes: { readonly file: number; readonly source: number }
}

describe("planck inspect", () => {
  const folder = new Folder({
    "service.ts": SHOP,
    "public/style.css": "body { color: black }",
    "public/long.css": "body { color: black } ".repeat(100),
    "text.txt": "no module"
  })
  const file = join(folder.path, "shop.wasm")

  beforeAll(async () => {
    const builder = await Builder.open(folder.path)
    writeFileSync(file, (await builder.build()).file)
    await builder.close()
    return () => folder[Symbol.dispose]()
  })

  it("shows name, size, stores, indexes, routes, configuration and static files", async () => {
    const { code, err, out } = await planck("inspect", file)
    assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
    for (const line of [
      /^shop 2\.1\.0 \(ABI 1, typescript\)$/m,
      /^sha256 [0-9a-f]{64}$/m,
      /^size \d+ bytes: source \d+, templates 0, assets \d+, source map \d+, manifest \d+$/m,
      /^ {2}orders \(id key\): customer, total$/m,
      /^ {4}index .* on customer, -total$/m,
      /^ {2}GET {4}\/orders\/:id {2}\(reads only\)$/m,
      /^ {2}DELETE \/orders\/:id$/m,
      /^ {2}greeting: string$/m,
      /^ {2}token: string \(secret\)$/m,
      /^limits\n {2}deadlineMs: 20$/m,
      /^capabilities\n {2}none but its own stores$/m,
      /^ {2}\/style\.css {2}text\/css; charset=utf-8, 21 bytes$/m,
      /^ {2}\/long\.css {2}text\/css; charset=utf-8, 2200 bytes \(gzip \d+, brotli \d+\)$/m
    ])
      assert.match(out, line)
  })

  it("gives the whole manifest as JSON", async () => {
    const { code, out } = await planck("inspect", file, "--json")
    assert.strictEqual(code, 0)
    const { assets, hash, manifest, sizes } = json<Inspected>(out)
    assert.match(hash, /^[0-9a-f]{64}$/)
    assert.deepInclude(manifest, { abi: 1, name: "shop", version: "2.1.0" })
    assert.deepStrictEqual(
      manifest.routes.map(({ method, pattern }) => `${method} ${pattern}`),
      ["GET /orders/:id", "DELETE /orders/:id"]
    )
    assert.deepStrictEqual(
      assets.map(({ path }) => path),
      ["/long.css", "/style.css"]
    )
    assert.deepStrictEqual([manifest.limits, manifest.capabilities], [{ deadlineMs: 20 }, []])
    assert.isAbove(sizes.file, 500_000)
    assert.isAbove(sizes.source, 1_000)
  })

  it("refuses what is no module, naming the file", async () => {
    const text = join(folder.path, "text.txt")
    const { code, err, out } = await planck("inspect", text)
    assert.deepStrictEqual({ code, out }, { code: 1, out: "" })
    assert.include(err, `planck: ${text}: not a WebAssembly module`)
    const { code: kind, details } = told((await planck("inspect", text, "--json")).err)
    assert.strictEqual(kind, "NotAModule")
    assert.strictEqual(details?.["file"], text)
  })

  it("says that there is no such file", async () => {
    const { code, err } = await planck("inspect", join(folder.path, "none.wasm"))
    assert.strictEqual(code, 1)
    assert.match(err, /^planck: .*none\.wasm: there is no such file or folder\n$/)
  })
})
