import { assert, describe, it } from "@effect/vitest"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Folder } from "../Build/Folder.ts"
import { json, Running } from "./Command.ts"
import { notesFolder, notesService, postNote, readNotes } from "./Service.ts"

const URL = /http:\/\/localhost:\d+/
const LIVE = /live at .* after \d+ ms/

const dev = async (folder: Folder, ...rest: ReadonlyArray<string>): Promise<{ readonly running: Running; readonly url: string }> => {
  const running = new Running(["dev", folder.path, "--dir", join(folder.path, "data"), "--port", "0", ...rest])
  const [url] = await running.shows(URL)
  return { running, url }
}

const greeting = async (url: string): Promise<string> => (await fetch(url)).text()

/** Waits until the server answers so; how long that took, in milliseconds. */
const until = async (url: string, expected: string): Promise<number> => {
  const startedAt = performance.now()
  while ((await greeting(url)) !== expected) await new Promise((next) => setTimeout(next, 5))
  return performance.now() - startedAt
}

describe("planck dev", () => {
  it("makes an edit live, again and again, and keeps the data", async () => {
    using folder = notesFolder()
    const { running, url } = await dev(folder)
    assert.strictEqual(await greeting(url), "hello")
    assert.match(running.out, LIVE)
    assert.strictEqual(await postNote(url, "kept"), 201)
    const figures: Array<string> = []
    for (const text of ["one", "two", "three"]) {
      folder.write("service.ts", notesService(text))
      figures.push(`${(await until(url, text)).toFixed(0)} ms`)
      assert.deepStrictEqual(await readNotes(url), ["kept"])
    }
    console.log(`planck dev, from the save of an edit to the first answer with it: ${figures.join(", ")}`)
    const { code, err } = await running.stop()
    assert.deepStrictEqual([code, err], [0, ""])
  })

  it("keeps the version before when a build fails, says where the mistake is, and recovers when it is mended", async () => {
    using folder = notesFolder()
    const { running, url } = await dev(folder)
    running.forget()
    folder.write("service.ts", notesService("new").replace('text("new")', "text("))
    await running.shows(/^not built; the version before keeps serving$/m)
    assert.match(running.out, /^service\.ts:\d+:\d+: /m)
    assert.match(running.out, /\|.*text\(/)
    assert.strictEqual(await greeting(url), "hello")
    folder.write("service.ts", notesService("mended"))
    await until(url, "mended")
    await running.stop()
  })

  it("shows mistakes of types beside, for they stop no build", async () => {
    using folder = notesFolder()
    const { running, url } = await dev(folder)
    running.forget()
    folder.write("service.ts", notesService("typed").replace('text("typed")', 'text("typed", "of type")'))
    await running.shows(/^the code has mistakes$/m)
    assert.match(running.out, /^service\.ts:5:\d+: /m)
    assert.strictEqual(await greeting(url), "typed")
    await running.stop()
  })

  it("begins with a folder that does not build, and serves as soon as it does", async () => {
    using folder = notesFolder({ "service.ts": "export default {" })
    const running = new Running(["dev", folder.path, "--port", "0"])
    await running.shows(/^not built$/m)
    folder.write("service.ts", notesService("at last"))
    const [url] = await running.shows(URL)
    assert.strictEqual(await greeting(url), "at last")
    await running.stop()
  })

  it("refuses a schema that the stored documents might not fit; the version before keeps serving, and an additive change is taken", async () => {
    using folder = notesFolder()
    const { running, url } = await dev(folder)
    await postNote(url, "old")
    running.forget()
    folder.write("service.ts", notesService("numbers", 'const notes = store("notes", { text: s.int() })'))
    await running.shows(/^refused: notes\..*text/m)
    assert.strictEqual(await greeting(url), "hello")
    assert.deepStrictEqual(await readNotes(url), ["old"])
    const additive =
      'const notes = store("notes", { text: s.string({ maxLength: 100 }), tag: s.string().optional() }, { indexes: [{ on: ["text"] }] })'
    folder.write("service.ts", notesService("tagged", additive))
    await until(url, "tagged")
    assert.strictEqual(await postNote(url, "new"), 201)
    assert.deepStrictEqual(await readNotes(url), ["old", "new"])
    await running.stop()
  })

  it("asks for a new start when the service is renamed, for the data lies under its name", async () => {
    using folder = notesFolder()
    const { running, url } = await dev(folder)
    running.forget()
    folder.write("service.ts", notesService("other").replace('name: "notes"', 'name: "memos"'))
    await running.shows(/renamed to memos: start planck dev again/)
    assert.strictEqual(await greeting(url), "hello")
    await running.stop()
  })

  it("does not build because of its own data", async () => {
    using folder = notesFolder()
    const { running, url } = await dev(folder, "--json")
    await running.shows(/"event":"live"/)
    running.forget()
    mkdirSync(join(folder.path, "data", "more"))
    writeFileSync(join(folder.path, "data", "more", "file.ts"), "x")
    await postNote(url, "written")
    folder.write("service.ts", notesService("edited"))
    await running.shows(/"event":"live"/)
    assert.lengthOf(running.out.match(/"event":"live"/g) ?? [], 1)
    await running.stop()
  })

  it("tells a program everything in JSON, one value a line", async () => {
    using folder = notesFolder()
    const { running, url } = await dev(folder, "--json")
    folder.write("service.ts", "export default {")
    await running.shows(/"event":"failed"/)
    interface Event {
      readonly event: string
      readonly url?: string
      readonly mistakes?: ReadonlyArray<{ readonly place: string }>
    }
    const events = running.out
      .trimEnd()
      .split("\n")
      .map((line) => json<Event>(line))
    assert.deepStrictEqual(
      events.map(({ event }) => event),
      ["live", "failed"]
    )
    assert.strictEqual(events[0]?.url, url)
    assert.match(events[1]?.mistakes?.[0]?.place ?? "", /^service\.ts:1:\d+$/)
    await running.stop()
  })

  it("ends in one line when there is no service, or when the port is busy", async () => {
    using folder = notesFolder()
    const { running, url } = await dev(folder)
    const port = new globalThis.URL(url).port
    const busy = await new Running(["dev", folder.path, "--dir", join(folder.path, "data2"), "--port", port]).end()
    assert.strictEqual(busy.code, 1)
    assert.match(busy.err, new RegExp(`^planck: port ${port} on 127\\.0\\.0\\.1 is in use`))
    const locked = await new Running(["dev", folder.path, "--dir", join(folder.path, "data"), "--port", "0"]).end()
    assert.strictEqual(locked.code, 1)
    assert.match(locked.err, /^planck: .* is in use by process \d+/)
    await running.stop()
    const none = await new Running(["dev", join(folder.path, "nowhere")]).end()
    assert.strictEqual(none.code, 1)
    assert.match(none.err, /^planck: not built: 1 mistake$/m)
  })
})
