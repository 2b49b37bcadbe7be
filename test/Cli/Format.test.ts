import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Folder } from "../Build/Folder.ts"
import { json, planck, told } from "./Command.ts"

const untidy = "{param n:int}\n<p  id=a>\n{n}\n</p>"
const tidy = '{param n: int}\n<p id="a">\n  {n}\n</p>\n'
const files = { "a.zsx": untidy, "b/c.zsx": tidy, "b/d.zsx": untidy, "node_modules/x/e.zsx": untidy, "b/text.txt": untidy }
const read = (folder: Folder, file: string) => readFileSync(join(folder.path, file), "utf8")

describe("planck fmt", () => {
  it("formats the templates of a folder, and those only", async () => {
    using folder = new Folder(files)
    const { code, err, out } = await planck("fmt", folder.path)
    assert.deepEqual([code, err], [0, ""])
    assert.strictEqual(out, `${join(folder.path, "a.zsx")}\n${join(folder.path, "b/d.zsx")}\n3 templates, 2 changed\n`)
    for (const file of ["a.zsx", "b/c.zsx", "b/d.zsx"]) assert.strictEqual(read(folder, file), tidy)
    for (const file of ["node_modules/x/e.zsx", "b/text.txt"]) assert.strictEqual(read(folder, file), untidy)
    assert.strictEqual((await planck("fmt", folder.path)).out, "3 templates, 0 changed\n")
  })

  it("formats single files", async () => {
    using folder = new Folder(files)
    const { code } = await planck("fmt", join(folder.path, "a.zsx"), join(folder.path, "b/c.zsx"))
    assert.strictEqual(code, 0)
    assert.strictEqual(read(folder, "a.zsx"), tidy)
    assert.strictEqual(read(folder, "b/d.zsx"), untidy)
  })

  it("changes nothing with --check, and fails when something would change", async () => {
    using folder = new Folder(files)
    const { code, err } = await planck("fmt", folder.path, "--check")
    assert.strictEqual(code, 1)
    assert.match(err, /2 templates of 3 not formatted: run planck fmt/)
    assert.strictEqual(read(folder, "a.zsx"), untidy)
    const machine = await planck("fmt", folder.path, "--check", "--json")
    assert.deepEqual(told(machine.err).details, { files: [join(folder.path, "a.zsx"), join(folder.path, "b/d.zsx")] })
    await planck("fmt", folder.path)
    const again = await planck("fmt", folder.path, "--check", "--json")
    assert.deepEqual([again.code, json(again.out)], [0, { templates: 3, changed: 0 }])
  })

  it("leaves what it cannot read as it is, says where the mistake is, and formats the rest", async () => {
    using folder = new Folder({ "a.zsx": "<p>\n{if n}</p>\n", "b.zsx": untidy })
    const { code, err } = await planck("fmt", folder.path)
    assert.strictEqual(code, 1)
    assert.match(err, /a\.zsx:2:1: \{if\} is not closed[^]*> 2 \| \{if n\}<\/p>[^]*planck: 1 template cannot be read: 1 mistake/)
    assert.strictEqual(read(folder, "b.zsx"), tidy)
    assert.match((await planck("fmt", join(folder.path, "nowhere"))).err, /nowhere/)
  })
})
