import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Builder } from "../../src/Build/Builder.ts"
import * as Planck from "../../src/Planck.ts"
import { Folder } from "../Build/Folder.ts"
import { json, planck, Running, told } from "./Command.ts"
import { fill } from "./Orders.ts"
import { notesFolder, postNote } from "./Service.ts"
import { rot } from "./Rot.ts"

describe("planck backup and restore", () => {
  it("copy a stopped server's data and make a database of the copy", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const [backups, copy] = [join(data.path, "backups"), join(data.path, "copy")]
    const { code, err, out } = await planck("backup", data.path, backups)
    assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
    assert.match(out, /^backup 1 at LSN 2 in \S+: 2 files, /)
    const restored = await planck("restore", backups, copy)
    assert.match(
      restored.out,
      /^restored backup 1 at LSN 2 into \S+: 6 documents, .*no problem found\ntimeline [0-9a-f]{32}, from [0-9a-f]{32}\n$/
    )
    assert.strictEqual((await planck("query", copy, "orders.count()")).out, "count 6\n")
    await planck("query", copy, "orders.filter(_id = 1).delete()")
    assert.strictEqual((await planck("query", copy, "orders.count()")).out, "count 5\n")
  })

  it("refuse a target that is not empty, and a backup that was damaged", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const [backups, full] = [join(data.path, "backups"), join(data.path, "full")]
    await planck("backup", data.path, backups)
    mkdirSync(full)
    writeFileSync(join(full, "letter.txt"), "mine")
    assert.deepInclude(told((await planck("restore", backups, full, "--json")).err), { code: "TargetTaken", details: { path: full } })
    assert.deepInclude(told((await planck("restore", backups, join(data.path, "x"), "--number", "4", "--json")).err), { code: "NoBackup" })
    const index = join(backups, "index/00000001.planck")
    rot(index, 9000)
    const { code, details } = told((await planck("restore", backups, join(data.path, "y"), "--json")).err)
    assert.strictEqual(code, "StorageDamaged")
    assert.deepInclude(details, { file: index })
  })

  it("are taken through the server that runs, and name the owner where there is no way in", async () => {
    using home = notesFolder()
    const wasm = join(home.path, "notes.wasm")
    const builder = await Builder.open(home.path)
    writeFileSync(wasm, (await builder.build()).file)
    await builder.close()
    using data = new Folder({})
    const backups = join(data.path, "backups")
    const server = new Running(["serve", wasm, "--dir", data.path, "--port", "0"])
    const [url] = await server.shows(/http:\/\/localhost:\d+/)
    for (let n = 0; n < 5; n++) assert.strictEqual(await postNote(url, `note ${n}`), 201)
    const report = json<{ readonly number: number }>((await planck("backup", data.path, backups, "--json")).out)
    assert.strictEqual(report.number, 1)
    assert.strictEqual(await postNote(url, "after"), 201)
    assert.match((await planck("compact", data.path)).out, /^value log: .* before, .* now\n$/)
    assert.strictEqual((await server.stop()).code, 0)
    assert.match((await planck("restore", backups, join(data.path, "copy"))).out, /: 5 documents, /)

    const directory = join(data.path, "services/notes")
    const refused = Effect.promise(() => planck("backup", directory, backups)).pipe(Effect.provide(Planck.layer({ directory })))
    const { code, err } = await Effect.runPromise(refused)
    assert.strictEqual(code, 1)
    assert.match(err, new RegExp(`is in use by process ${process.pid} on .*; the process that has .* cannot be asked`))
  })
})

describe("planck compact", () => {
  it("gives back the space of removed documents", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    await planck("query", data.path, "orders.filter(total > 10).delete()")
    const { bytesAfter, bytesBefore } = json<Record<string, number>>((await planck("compact", data.path, "--json")).out)
    assert.isBelow(bytesAfter!, bytesBefore!)
    assert.strictEqual((await planck("query", data.path, "orders.count()")).out, "count 1\n")
    assert.strictEqual((await planck("verify", data.path)).code, 0)
  })
})
