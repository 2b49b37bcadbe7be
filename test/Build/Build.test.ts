import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { brotliDecompressSync, gunzipSync } from "node:zlib"
import { fileURLToPath } from "node:url"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { build } from "../../src/Build/Build.ts"
import { Builder } from "../../src/Build/Builder.ts"
import { formatBuildIssue } from "../../src/Build/Issue.ts"
import { readAssets } from "../../src/Wasm/Assets.ts"
import { loadEngine } from "../../src/Wasm/Engine.ts"
import { remakeImage } from "../../src/Wasm/Image.ts"
import { findCustom, readSections } from "../../src/Wasm/Sections.ts"
import { GuestInstance } from "../Guest/GuestInstance.ts"
import { buildFiles, Folder, issuesOfFiles, serviceText } from "./Folder.ts"

const HELLO = fileURLToPath(new URL("../Fixtures/services/hello/", import.meta.url))

describe("building a folder", () => {
  it.effect("gives one file that is the service, type-checked", () =>
    Effect.gen(function* () {
      const { file, manifest, sizes } = yield* build(HELLO)
      assert.strictEqual(manifest.name, "hello")
      assert.strictEqual(sizes.file, file.length)
      const reply = new GuestInstance(file, () => ({}), manifest).call("GET /hello/:name", { params: { name: "Ada" } })
      assert.deepStrictEqual(reply, { kind: "text", body: "Hello Ada" })
    })
  )

  it("gives the same bytes wherever the folder lies and however often it was built", async () => {
    const files = {
      "service.ts": serviceText(
        'app.get("/", () => page.render()); app.get("/b", () => b)',
        "",
        'import page from "./a.zsx"\nimport { b } from "./lib/b.ts"'
      ),
      "lib/b.ts": "export const b = { some: [1, 2, 3].map((n) => n * 2) }\n",
      "a.zsx": "<p>a</p>\n",
      "public/style.css": "body { color: red }\n".repeat(50)
    }
    const first = await buildFiles(files)
    using folder = new Folder(files)
    const builder = await Builder.open(folder.path)
    for (let round = 0; round < 2; round++) assert.deepStrictEqual((await builder.build()).file, first.file)
    await builder.close()
    assert.notInclude(Buffer.from(first.file).toString("latin1"), folder.path)
  })

  it("gives an image that the host makes again from its source, byte for byte", async () => {
    const { file } = await buildFiles({ "service.ts": serviceText('app.get("/", () => 1)') })
    assert.deepStrictEqual(remakeImage(loadEngine(), file), file)
  })

  it("finds the entry where package.json or the caller says it is", async () => {
    const text = serviceText('app.get("/", () => 1)')
    assert.isDefined(await buildFiles({ "package.json": '{ "planck": { "entry": "lib/main.ts" } }', "lib/main.ts": text }))
    assert.isDefined(await buildFiles({ "src/service.ts": text }))
    using folder = new Folder({ "other.ts": text })
    const builder = await Builder.open(folder.path, { entry: "other.ts" })
    assert.strictEqual((await builder.build()).manifest.name, "test")
    await builder.close()
  })

  it("lets a fragment of a template be rendered alone, and warns of raw markup", async () => {
    using folder = new Folder({
      "service.ts": serviceText(
        'app.post("/notes/:id", { params: { id: s.key(notes) } }, ({ params }) => { const note = notes.get(params.id); return note === undefined ? 404 : page.row.render({ note }) })',
        "s, store",
        'import page from "./page.zsx"\nconst notes = store("notes", { text: s.string() })'
      ),
      "page.zsx": "{param notes: Doc<notes>[]}\n{for note in notes}{fragment row(note)}<p>{raw note.text}</p>{/fragment}{/for}\n"
    })
    const builder = await Builder.open(folder.path)
    const { file, manifest, warnings } = await builder.build()
    assert.deepInclude(await builder.checkTypes(), { issues: [], warnings: [] })
    await builder.close()
    assert.deepStrictEqual(
      warnings.map(({ file, line, column }) => `${file}:${line}:${column}`),
      ["page.zsx:2:43"]
    )
    const note = { _id: "1", text: "x" }
    const guest = new GuestInstance(file, (call) => (call.operation === 1 ? { document: note } : { answer: 3 }), manifest)
    guest.call("POST /notes/:id", { params: { id: "0".repeat(32) } })
    assert.deepStrictEqual(guest.calls.at(-1)?.argument, { template: "page.zsx#row", parameters: { note } })
  })

  it("collects what the top level writes to the console", async () => {
    const { lines } = await buildFiles({ "service.ts": serviceText('console.warn("at build time", { a: 1 })') })
    assert.deepStrictEqual(lines, [{ level: 2, message: "at build time { a: 1 }" }])
  })
})

describe("mistakes", () => {
  const shown = async (files: Readonly<Record<string, string>>): Promise<string> =>
    (await issuesOfFiles(files)).map(formatBuildIssue).join("\n\n")

  it.each([
    {
      what: "a syntax error",
      files: { "service.ts": "export default {\n  a: ;\n}\n" },
      expected: /^service\.ts:2:6: Unexpected ";"\n\n.*\n> 2 \|   a: ;\n/
    },
    {
      what: "an import that does not exist",
      files: { "service.ts": 'import { x } from "./nowhere.ts"\nconsole.log(x)\n' },
      expected: /^service\.ts:1:19: Could not resolve "\.\/nowhere\.ts"/
    },
    {
      what: "a Node module",
      files: { "service.ts": 'import { readFileSync } from "node:fs"\nreadFileSync("x")\n' },
      expected: /^service\.ts:1:30: this uses Node's module "fs", which does not exist in a service: a service has no files/
    },
    {
      what: "a Node module in a package",
      files: {
        "service.ts": serviceText('app.get("/", () => x)', "", 'import x from "reader"'),
        "node_modules/reader/package.json": '{ "name": "reader", "main": "index.js" }',
        "node_modules/reader/index.js": 'const net = require("net")\nmodule.exports = net\n'
      },
      expected:
        /^node_modules\/reader\/index\.js:1:21: the package "reader" uses Node's module "net", which does not exist in a service: a service cannot call out/
    },
    {
      what: "a global that does not exist",
      files: {
        "service.ts": serviceText('  app.get("/", async () => {\n    const answer = await fetch("http://x")\n    return answer\n  })')
      },
      expected:
        /^service\.ts:5:26: this uses the global "fetch", which does not exist in a service: a service cannot call out[^]*> 5 \|     const answer = await fetch\("http:\/\/x"\)\n\s+\|\s+\^{5}\n/
    },
    {
      what: "a global in a package",
      files: {
        "service.ts": serviceText('app.get("/", () => x)', "", 'import x from "@scope/later"'),
        "node_modules/@scope/later/package.json": '{ "name": "@scope/later", "main": "index.js" }',
        "node_modules/@scope/later/index.js": "module.exports = function () {\n  return setTimeout(() => 1, 5)\n}\n"
      },
      expected: /^node_modules\/@scope\/later\/index\.js:2:10: the package "@scope\/later" uses the global "setTimeout"/
    },
    {
      what: "an error at the top level",
      files: {
        "service.ts": serviceText("  deep(2)", "", 'import { deep } from "./deep.ts"'),
        "deep.ts":
          'export function deep(n: number): number {\n  if (n === 0) throw new RangeError("broken here")\n  return deep(n - 1)\n}\n'
      },
      expected: /^deep\.ts:2:\d+: broken here\n\n[^]*> 2 \|   if \(n === 0\) throw new RangeError/
    },
    {
      what: "the clock at the top level",
      files: { "service.ts": serviceText('app.get("/", () => started)', "", "\nconst started = new Date()") },
      expected: /^service\.ts:3:\d+: the clock cannot be used at the top level of a service, which runs when the service is built/
    },
    {
      what: "the store at the top level",
      files: { "service.ts": serviceText("", "store, s", 'const a = store("a", { x: s.int() })\na.insert({ x: 1 })') },
      expected: /^service\.ts:3:\d+: the store cannot be used at the top level/
    },
    {
      what: "configuration at the top level",
      files: { "service.ts": serviceText("const config = app.config({ a: s.string() })\nconsole.log(config.a)", "s") },
      expected: /^service\.ts:5:\d+: the configuration "a" is not known at the top level/
    },
    {
      what: "two routes that overlap",
      files: { "service.ts": serviceText('  app.get("/a/:id", () => 1)\n  app.get("/b", () => 2)\n  app.get("/a/:name", () => 3)') },
      expected: /^service\.ts:\d+:\d+: .*\/a\/:/
    },
    {
      what: "a pattern that is none",
      files: { "service.ts": serviceText('  app.get("/a//b", () => 1)') },
      expected: /^service\.ts:4:\d+: .*empty segment/
    },
    {
      what: "an entry without a service",
      files: { "service.ts": "export const x = 1\n" },
      expected: /^service\.ts: the entry file has to export a service/
    },
    {
      what: "no entry",
      files: { "readme.md": "" },
      expected: /no service here: expected service\.ts or src\/service\.ts/
    },
    {
      what: "an unknown field in a template",
      files: {
        "service.ts": serviceText(
          'app.get("/", () => page.render({ notes: notes.all() }))',
          "store, s",
          'import page from "./t/page.zsx"\nconst notes = store("notes", { text: s.string() })'
        ),
        "t/page.zsx": "{param notes: Doc<notes>[]}\n<ul>{for note in notes}\n  <li>{note.txt}</li>\n{/for}</ul>\n"
      },
      expected: /^t\/page\.zsx:3:\d+: .*txt[^]*> 3 \|   <li>\{note\.txt\}<\/li>/
    },
    {
      what: "an unclosed tag in a template, reported beside a mistake of the code",
      files: { "service.ts": "export default {\n", "page.zsx": "<ul>\n  <li>\n</ul>\n" },
      expected: /^service\.ts:[^]*\n\npage\.zsx:/
    },
    {
      what: "a template that is not there",
      files: { "service.ts": serviceText('app.get("/", () => page.render())', "", 'import page from "./missing.zsx"') },
      expected: /^service\.ts:2:18: there is no template missing\.zsx/
    },
    {
      what: "a static file that is not there",
      files: {
        "service.ts":
          'import { service } from "@planckdb/planck/guest"\nexport default service({ name: "a", version: "1.0.0", assets: { "/": "public" } }, () => {})\n'
      },
      expected: /the static file or folder "public" for "\/" does not exist/
    },
    {
      what: "a static file where a route is",
      files: {
        "service.ts":
          'import { service } from "@planckdb/planck/guest"\nexport default service({ name: "a", version: "1.0.0", assets: { "/": "public" } }, (app) => app.get("/style.css", () => 1))\n',
        "public/style.css": "x"
      },
      expected: /there is a static file "\/style\.css" and a route GET \/style\.css/
    },
    {
      what: "a package's file that is not installed",
      files: {
        "service.ts":
          'import { service } from "@planckdb/planck/guest"\nexport default service({ name: "a", version: "1.0.0", assets: { "/a.js": "npm:nothing-here/a.js" } }, () => {})\n'
      },
      expected: /is the package "nothing-here" installed\?/
    }
  ])("$what", async ({ files, expected }) => {
    assert.match(await shown(files), expected)
  })

  it("a package that asks with typeof whether a global is there may name it", async () => {
    const { file, manifest } = await buildFiles({
      "service.ts": serviceText('app.get("/", () => careful())', "", 'import careful from "careful"'),
      "node_modules/careful/package.json": '{ "name": "careful", "main": "index.js" }',
      "node_modules/careful/index.js":
        'module.exports = () => ({ buffer: typeof Buffer !== "undefined" ? Buffer.from("a") : null, process: typeof process })\n'
    })
    assert.deepStrictEqual(new GuestInstance(file, () => ({}), manifest).call("GET /")?.["body"], { buffer: null, process: "undefined" })
  })

  it("a local name that is also a global's is nobody's business", async () => {
    const { file, manifest } = await buildFiles({
      "service.ts": serviceText('const process = { document: 5 }\napp.get("/", () => process.document)')
    })
    assert.strictEqual(new GuestInstance(file, () => ({}), manifest).call("GET /")?.["body"], 5)
  })
})

describe("types", () => {
  const typeIssues = async (files: Readonly<Record<string, string>>): Promise<ReadonlyArray<string>> => {
    using folder = new Folder(files)
    const builder = await Builder.open(folder.path)
    await builder.build()
    const { issues } = await builder.checkTypes()
    await builder.close()
    return issues.map(formatBuildIssue)
  }

  it("a wrong field, operator, value or template parameter is an error with its place", async () => {
    const issues = await typeIssues({
      "service.ts": serviceText(
        [
          '  app.get("/a", () => notes.filter({ txt: "x" }))',
          '  app.get("/b", () => notes.filter("size", "=~", 1))',
          '  app.get("/c", () => notes.filter({ kind: "large" }))',
          '  app.get("/d", () => page.render({ notse: [] }))',
          '  app.get("/e", ({ params }) => params.id)',
          '  app.post("/f", { body: notes.input }, ({ body }) => body.kind.length + body.size.length)',
          '  app.get("/g", () => document.title)'
        ].join("\n"),
        "store, s",
        'import page from "./page.zsx"\nconst notes = store("notes", { text: s.string(), kind: s.literals("small"), size: s.int() })\nconst document = { title: "" }'
      ),
      "page.zsx": "{param notes: Doc<notes>[]}\n<p>{notes.length}</p>\n"
    })
    assert.deepStrictEqual(
      issues.map((issue) => issue.slice(0, issue.indexOf(" "))),
      ["service.ts:6:38:", "service.ts:7:44:", "service.ts:8:38:", "service.ts:9:37:", "service.ts:10:40:", "service.ts:11:84:"]
    )
    assert.match(issues[0] ?? "", /"txt" is no field of the store "[a-z]+"[^]*> 6 \|   app\.get\("\/a"/)
  })

  it("queries and rows fit a template's parameter, others do not", async () => {
    const service = (argument: string): Record<string, string> => ({
      "service.ts": serviceText(
        `app.get("/", () => page.render({ notes: ${argument} }))`,
        "store, s",
        'import page from "./page.zsx"\nconst notes = store("notes", { text: s.string(), at: s.date() })\nconst others = store("others", { x: s.int() })'
      ),
      "page.zsx": "{param notes: Doc<notes>[]}\n{for note in notes}<p>{note.text}</p>{/for}\n"
    })
    assert.deepStrictEqual(await typeIssues(service("notes.all()")), [])
    assert.deepStrictEqual(await typeIssues(service('notes.filter({ text: "x" }).rows()')), [])
    assert.lengthOf(await typeIssues(service("others.all()")), 1)
  })

  it("browsers' and Node's globals have no types", async () => {
    const issues = await typeIssues({
      "service.ts": serviceText('app.get("/", () => null)', "", "export type Browser = HTMLElement\nexport type Node = NodeJS.Timeout")
    })
    assert.deepStrictEqual(
      issues.map((issue) => issue.slice(0, issue.indexOf(".", 12))),
      ["service.ts:2:23: Cannot find name 'HTMLElement'", "service.ts:3:20: Cannot find namespace 'NodeJS'"]
    )
  })

  it("types of templates are written beside the project and go away with the template", async () => {
    using folder = new Folder({ "service.ts": serviceText(""), "a/b.zsx": "<p/>\n" })
    const builder = await Builder.open(folder.path)
    await builder.build()
    const file = join(folder.path, ".planck/types/a/b.d.zsx.ts")
    assert.match(readFileSync(file, "utf8"), /Template<\{\}>/)
    const { rmSync } = await import("node:fs")
    rmSync(join(folder.path, "a/b.zsx"))
    await builder.build()
    assert.isFalse(existsSync(file))
    await builder.close()
  })

  it.effect("a service with a type error does not build", () =>
    Effect.gen(function* () {
      using folder = new Folder({ "service.ts": serviceText('const n: number = "text"\napp.get("/", () => n)') })
      const result = yield* Effect.result(build(folder.path))
      assert.isTrue(Result.isFailure(result))
      if (Result.isFailure(result))
        assert.match(result.failure.message, /service\.ts:4:7: Type 'string' is not assignable to type 'number'\. \(TS2322\)\n\n/)
    })
  )
})

describe("static files", () => {
  it("travel in the module, with variants where these are smaller", async () => {
    const css = "body { color: red }\n".repeat(200)
    const { file } = await buildFiles({
      "service.ts":
        'import { service } from "@planckdb/planck/guest"\nexport default service({ name: "a", version: "1.0.0", assets: { "/": "public", "/lib/htmx.js": "npm:htmx.org/dist/htmx.min.js", "/one.txt": "public/a/small.txt" } }, () => {})\n',
      "public/style.css": css,
      "public/a/small.txt": "small",
      "public/.hidden": "x",
      "public/pixel.png": "not really"
    })
    const section = findCustom(readSections(file), "planck.assets")
    assert.isDefined(section)
    const assets = readAssets(section)
    assert.deepStrictEqual([...assets.keys()], ["/a/small.txt", "/lib/htmx.js", "/one.txt", "/pixel.png", "/style.css"])
    const style = assets.get("/style.css")
    assert.strictEqual(style?.type, "text/css; charset=utf-8")
    assert.strictEqual(gunzipSync(style?.gzip ?? new Uint8Array()).toString(), css)
    assert.strictEqual(brotliDecompressSync(style?.brotli ?? new Uint8Array()).toString(), css)
    assert.isUndefined(assets.get("/pixel.png")?.gzip)
    assert.isUndefined(assets.get("/a/small.txt")?.brotli)
    assert.isAbove(assets.get("/lib/htmx.js")?.bytes.length ?? 0, 10_000)
  })
})
