import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { json, planck, told } from "./Command.ts"
import { notesFolder, notesService } from "./Service.ts"

const MAGIC = [0x00, 0x61, 0x73, 0x6d]

describe("planck build", () => {
  it("writes dist/<name>.wasm and says what is in it", async () => {
    using folder = notesFolder()
    const { code, err, out } = await planck("build", folder.path)
    assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
    assert.match(out, /^notes 1\.0\.0: 3 routes, 1 store, \d+ KiB \(source \d+ KiB, templates 0 KiB, assets 0 KiB\)$/m)
    const file = join(folder.path, "dist", "notes.wasm")
    assert.include(out, "notes.wasm")
    assert.deepStrictEqual([...readFileSync(file).subarray(0, 4)], MAGIC)
  })

  it("writes where --out says, making folders, and tells a program in JSON", async () => {
    using folder = notesFolder()
    const file = join(folder.path, "a", "b.wasm")
    const { code, out } = await planck("build", folder.path, "--out", file, "--json")
    assert.strictEqual(code, 0)
    const built = json<Readonly<Record<string, unknown>> & { readonly sizes: { readonly file: number } }>(out)
    assert.deepInclude(built, { file, name: "notes", version: "1.0.0", routes: 3, stores: 1 })
    assert.strictEqual(built.sizes.file, statSync(file).size)
  })

  it("shows every mistake with its place and the lines around it, writes nothing, and exits 1", async () => {
    using folder = notesFolder({
      "service.ts": notesService("hello").replace('text("hello")', "text(12)").replace("notes.insert(body)", "notes.insert({ txt: 1 })")
    })
    const { code, err, out } = await planck("build", folder.path)
    assert.strictEqual(code, 1)
    assert.strictEqual(out, "")
    assert.match(err, /^service\.ts:5:27: .*number.*string/m)
    assert.match(err, /^service\.ts:7:\d+: .*txt/m)
    assert.match(err, /5 \|.*text\(12\)/)
    assert.match(err, /^planck: not built: 2 mistakes$/m)
    assert.isFalse(existsSync(join(folder.path, "dist")))
  })

  it("shows mistakes of templates in the same way", async () => {
    using folder = notesFolder({ "page.zsx": "<ul>\n  {for note in\n</ul>\n" })
    const { code, err } = await planck("build", folder.path)
    assert.strictEqual(code, 1)
    assert.match(err, /^page\.zsx:\d+:\d+: /m)
    assert.match(err, /2 \|   \{for note in/)
  })

  it("gives mistakes as JSON with place, message and frame", async () => {
    using folder = notesFolder({ "service.ts": notesService("hello").replace('text("hello")', "text(") })
    const { code, err, out } = await planck("build", folder.path, "--json")
    assert.strictEqual(code, 1)
    assert.strictEqual(out, "")
    const { code: kind, mistakes } = told(err)
    assert.strictEqual(kind, "BuildFailed")
    assert.match(mistakes[0]?.place ?? "", /^service\.ts:\d+:\d+$/)
    assert.isNotEmpty(mistakes[0]?.message)
    assert.include(mistakes[0]?.frame ?? "", "|")
  })

  it("says what takes the room, and from the second build on what grew, shrank, came and went", async () => {
    using folder = notesFolder({
      "page.zsx": "<p>short</p>\n",
      "public/a.css": "a { color: red }",
      "old.ts": "export const old = [1, 2].join()\n"
    })
    const withAssets = (text: string): string =>
      text.replace('version: "1.0.0"', 'version: "1.0.0", assets: { "/": "public" }').replace('text("hello")', "text(`${old}`)")
    folder.write("service.ts", `import { old } from "./old.ts"\n${withAssets(notesService("hello"))}`)
    const first = await planck("build", folder.path)
    assert.match(first.out, /^ +[\d.]+ KiB {2}package @planckdb\/planck\/guest$/m)
    assert.match(first.out, /^ +\d+ bytes {2}module service\.ts$/m)
    assert.match(first.out, /^ +\d+ bytes {2}template page\.zsx$/m)
    assert.match(first.out, /^ +16 bytes {2}asset \/a\.css$/m)
    assert.notInclude(first.out, "since the build before")
    assert.notInclude((await planck("build", folder.path)).out, "since the build before")
    folder.write("public/a.css", "a { color: red; margin: 0 }")
    folder.write("public/b.css", "b {}")
    folder.write("service.ts", withAssets(notesService("hello")).replace("${old}", "none"))
    const { out } = await planck("build", folder.path)
    assert.match(out, /^since the build before$/m)
    assert.match(out, /^ +\+11 bytes {2}asset \/a\.css \(was 16 bytes\)$/m)
    assert.match(out, /^ +\+4 bytes {2}asset \/b\.css \(new\)$/m)
    assert.match(out, /^ +-\d+ bytes {2}module old\.ts \(gone\)$/m)
    const { parts } = json<{ readonly parts: ReadonlyArray<{ readonly name: string; readonly bytes: number; readonly before: number }> }>(
      (await planck("build", folder.path, "--json")).out
    )
    assert.deepInclude(
      parts.find(({ name }) => name === "/b.css"),
      { bytes: 4, before: 4 }
    )
  })

  it("says that a folder holds no service", async () => {
    using folder = notesFolder()
    const { code, err } = await planck("build", join(folder.path, "nowhere"))
    assert.strictEqual(code, 1)
    assert.match(err, /nowhere/)
    assert.match(err, /^planck: not built: 1 mistake$/m)
  })

  it("says in one line that the file cannot be written", async () => {
    using folder = notesFolder()
    const { code, err } = await planck("build", folder.path, "--out", join(folder.path, "service.ts", "x.wasm"))
    assert.strictEqual(code, 1)
    assert.match(err, /^planck: .*service\.ts.*(ENOTDIR|EEXIST)/)
  })
})
