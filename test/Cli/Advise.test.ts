import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { PassThrough, Readable } from "node:stream"
import { Builder } from "../../src/Build/Builder.ts"
import { shell } from "../../src/Cli/ShellCommand.ts"
import { Folder } from "../Build/Folder.ts"
import { json, planck, Running } from "./Command.ts"
import { notesFolder, postNote, readNotes } from "./Service.ts"

interface Advised {
  readonly statements: ReadonlyArray<{
    readonly statement: string
    readonly count: number
    readonly slow: number
    readonly runs: ReadonlyArray<object>
  }>
}

describe("an operator", () => {
  it("asks a running server for rows and for what its statements cost, and a stopped one's data afterwards", async () => {
    using home = notesFolder({ "planck.yaml": "query:\n  slowMs: 0\n" })
    const wasm = join(home.path, "notes.wasm")
    const builder = await Builder.open(home.path)
    writeFileSync(wasm, (await builder.build()).file)
    await builder.close()
    using data = new Folder({})
    const server = new Running(["serve", wasm, "--dir", data.path, "--port", "0", "--config", join(home.path, "planck.yaml")])
    const [url] = await server.shows(/http:\/\/localhost:\d+/)
    for (let n = 0; n < 3; n++) assert.strictEqual(await postNote(url, `note ${n}`), 201)
    assert.strictEqual((await readNotes(url)).length, 3)

    const rows = json<{ readonly rows: ReadonlyArray<{ readonly text: string }>; readonly next: string }>(
      (await planck("query", data.path, "notes.orderBy(text desc).limit(2)", "--json")).out
    )
    assert.deepStrictEqual(
      rows.rows.map((row) => row.text),
      ["note 2", "note 1"]
    )
    const next = json<{ readonly rows: ReadonlyArray<{ readonly text: string }> }>(
      (await planck("query", data.path, `notes.orderBy(text desc).limit(2).after($at)`, "--param", `at=${rows.next}`, "--json")).out
    )
    assert.deepStrictEqual(
      next.rows.map((row) => row.text),
      ["note 0"]
    )
    assert.match((await planck("query", data.path, "notes.delete()")).err, /delete changes data: only statements that read are taken here/)

    const output = new PassThrough()
    const input = Readable.from(["notes.count()\nnotes.delete()\n.stores\n"])
    await Effect.runPromise(shell({ directory: data.path, service: undefined, extended: false, input, output }))
    const shown = String(output.read())
    assert.match(shown, /^count 3\n/)
    assert.include(shown, "✗ delete changes data")
    assert.include(shown, "notes (_id: key)")

    const listed = (advised: Advised): unknown => advised.statements.find((it) => it.statement === "notes.limit(?)")
    const beside = json<Advised>((await planck("advise", data.path, "--json")).out)
    assert.deepInclude(listed(beside), { store: "notes", count: 1, slow: 1 })
    assert.strictEqual((await server.stop()).code, 0)
    const afterwards = json<Advised>((await planck("advise", data.path, "--json")).out)
    assert.deepInclude(listed(afterwards), { store: "notes", count: 1, slow: 1 })
    assert.match((await planck("advise", data.path)).out, /shapes? of statements, those that took the most time first\n\nnotes/)
  })
})
