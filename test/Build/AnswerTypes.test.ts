/** What routes answer, as the build reads it from their code. */
import { assert, describe, it } from "@effect/vitest"
import { Builder } from "../../src/Build/Builder.ts"
import { readAnswers } from "../../src/Wasm/Answered.ts"
import { loadModule } from "../../src/Wasm/Module.ts"
import { Folder, serviceText } from "./Folder.ts"

const BEFORE = `interface Tree { readonly name: string; readonly children: ReadonlyArray<Tree> }
const tree = (): Tree => ({ name: "a", children: [] })
const notes = store("notes", { text: s.string(), at: s.date(), price: s.decimal().nullable(), size: s.long().optional() })`

const ROUTES = `
  app.get("/rows", () => notes.all().select("text", "at").limit(3))
  app.get("/one", ({ path }) => notes.filter({ text: path }).first() ?? notFound())
  app.post("/made", async () => status(201, { ok: true, kind: "a" as "a" | "b", total: 3n, next: undefined as string | undefined }))
  app.get("/pair", () => json([1, "a"]))
  app.get("/tree", tree)
  app.get("/groups", () => notes.all().groupBy("text").aggregate({ rows: { count: true } }))
  app.get("/deep", () => ({ found: notes.all().limit(1).rows().map(({ _id }) => ({ _id })), counts: { a: 1 } as Record<string, number> }))
  app.get("/text", () => text("x"))
  app.get("/none", () => {})
  app.get("/either", ({ path }) => (path === "" ? redirect("/") : { x: 1 }))`

const SOURCE = serviceText(ROUTES, "json, notFound, redirect, s, status, store, text", BEFORE)

async function built(text: string): Promise<Uint8Array> {
  using folder = new Folder({ "service.ts": text })
  const builder = await Builder.open(folder.path)
  try {
    return (await builder.buildChecked()).file
  } finally {
    await builder.close()
  }
}

const answersOf = (file: Uint8Array) => readAnswers(loadModule(file, { memoryBytes: 64 * 1024 * 1024, judge: () => {} }).answers)

describe("types of answers", () => {
  it("are in the module, as fields, for routes that answer with JSON", async () => {
    const file = await built(SOURCE)
    const answers = answersOf(file)
    assert.deepStrictEqual(
      [...answers.keys()],
      ["GET /rows", "GET /one", "POST /made", "GET /pair", "GET /tree", "GET /groups", "GET /deep"]
    )
    const row = { _id: { type: "key" }, text: { type: "string" }, at: { type: "date" } } as const
    const of = (route: string): unknown => answers.get(route)
    assert.deepStrictEqual(of("GET /rows"), { type: "array", items: { type: "struct", fields: row } })
    assert.deepStrictEqual(of("GET /one"), {
      type: "struct",
      fields: { ...row, price: { type: "decimal", nullable: true }, size: { type: "long", optional: true } }
    })
    assert.deepStrictEqual(of("POST /made"), {
      type: "struct",
      fields: {
        ok: { type: "literals", values: [true] },
        kind: { type: "literals", values: ["a", "b"] },
        total: { type: "long" },
        next: { type: "string", optional: true }
      }
    })
    assert.deepStrictEqual(of("GET /groups"), {
      type: "array",
      items: { type: "struct", fields: { rows: { type: "number" }, text: { type: "string", nullable: true } } }
    })
    assert.deepStrictEqual(of("GET /deep"), {
      type: "struct",
      fields: {
        found: { type: "array", items: { type: "struct", fields: { _id: { type: "key" } } } },
        counts: { type: "record", values: { type: "number" } }
      }
    })
    assert.deepStrictEqual(await built(SOURCE), file)
  })

  it("do not come with a build that checks no types, and a section that makes no sense is none", async () => {
    using folder = new Folder({ "service.ts": SOURCE })
    const builder = await Builder.open(folder.path)
    const { file } = await builder.build()
    await builder.close()
    assert.strictEqual(answersOf(file).size, 0)
    assert.strictEqual(readAnswers(new TextEncoder().encode("{")).size, 0)
    assert.deepStrictEqual(
      [...readAnswers(new TextEncoder().encode('{"GET /a":{"type":"int"},"GET /b":{"type":"ink"}}')).keys()],
      ["GET /a"]
    )
  })
})
