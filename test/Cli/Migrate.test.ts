import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { buildFiles, Folder } from "../Build/Folder.ts"
import { json, planck, Running } from "./Command.ts"
import { notesService, postNote, readNotes } from "./Service.ts"

const SECOND = `type Old = { readonly text: string }
type New = { readonly words: string[] }
const split = ({ text, ...rest }: Old) => {
  if (text === "") throw new RangeError("no words")
  return { ...rest, words: text.split(" ") }
}
const notes = store("notes", { words: s.array(s.string()) }, {
  version: 2,
  migrate: { 2: { up: split, down: ({ words, ...rest }: New) => ({ ...rest, text: words.join(" ") }) } }
})`

const home = new Folder({})
const [first, second] = ["first.wasm", "second.wasm"].map((name) => join(home.path, name)) as [string, string]

beforeAll(async () => {
  writeFileSync(first, (await buildFiles({ "service.ts": notesService("first") })).file)
  writeFileSync(second, (await buildFiles({ "service.ts": notesService("second", SECOND) })).file)
})
afterAll(() => home[Symbol.dispose]())

/** Serves a version while something is done. */
const serving = async <A>(wasm: string, data: string, use: (url: string) => Promise<A>): Promise<A> => {
  const running = new Running(["serve", wasm, "--dir", data, "--port", "0"])
  const [url] = await running.shows(/http:\/\/localhost:\d+/)
  try {
    return await use(url)
  } finally {
    await running.stop()
  }
}

describe("planck migrate", () => {
  it("says what would be converted and what not, converts, and goes back", async () => {
    using data = new Folder({})
    await serving(first, data.path, async (url) => {
      for (const text of ["one two", ""]) assert.strictEqual(await postNote(url, text), 201)
    })
    const refused = await planck("migrate", data.path, second, "--plan")
    assert.strictEqual(refused.code, 1)
    assert.match(
      refused.out,
      /^notes: version 1 to 2, 1 document to convert; there is a way back\n {2}"[0-9a-f]{32}" cannot be: no words .*\n$/
    )
    assert.match(refused.err, /1 document cannot be converted/)
    assert.strictEqual((await planck("query", data.path, "notes.filter(text = '').delete()")).code, 0)

    const planned = await planck("migrate", data.path, second, "--plan", "--json")
    assert.deepInclude(json<object>(planned.out), { store: "notes", from: 1, to: 2, documents: 1, failed: 0, isDone: false })
    const done = await planck("migrate", data.path, second)
    assert.strictEqual(done.out, "notes: version 1 to 2, 1 document converted; there is a way back\n")
    await serving(second, data.path, async (url) => {
      assert.deepInclude(await (await fetch(`${url}/notes`)).text(), '"words":["one","two"]')
    })
    assert.match((await planck("migrate", data.path, first)).err, /version 2 and do not go back to 1/)
    assert.strictEqual((await planck("migrate", data.path, first, "--back-from", second)).code, 0)
    assert.deepStrictEqual(await serving(first, data.path, readNotes), ["one two"])
    assert.strictEqual((await planck("migrate", data.path, first, "--plan")).out, "no documents have to be converted\n")
  })
})
