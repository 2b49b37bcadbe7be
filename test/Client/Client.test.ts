/** Clients and OpenAPI documents made from a manifest: valid, and true of the service they are made from. */
import { Validator } from "@seriousme/openapi-schema-validator"
import { assert, describe, it } from "@effect/vitest"
import { spawn, spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { openApiOf } from "../../src/Client/OpenApi.ts"
import { typeScriptClient } from "../../src/Client/TypeScript.ts"
import { buildFiles, Folder } from "../Build/Folder.ts"
import { planck } from "../Cli/Command.ts"
import { repository, serving, withFolder, writeFiles } from "../Docs/Served.ts"

const SERVICE = `import { bytes, notFound, s, service, status, store, text } from "@planckdb/planck/guest"

const everything = {
  text: s.string({ minLength: 1, maxLength: 9, pattern: /^[a-z]/ }),
  small: s.int({ min: 1, max: 9 }).default(3),
  large: s.long(),
  ratio: s.number({ min: 0 }).nullable(),
  price: s.decimal(),
  isOpen: s.boolean().optional(),
  at: s.date(),
  uuid: s.uuid().optional(),
  object: s.objectId().optional(),
  raw: s.binary({ maxLength: 9 }).optional(),
  kind: s.literals("a", "b"),
  tags: s.array(s.string(), { minItems: 1 }),
  "odd-name": s.struct({ inner: s.int() }).optional(),
  counts: s.record(s.int(), { maxEntries: 3 }).optional(),
  either: s.union(s.int(), s.string()).optional(),
  anything: s.any().optional()
}
const things = store("things", everything)

export default service({ name: "desk", version: "1.2.0" }, (app) => {
  app.get("/", () => text("hello"))
  app.get("/things/:id", { params: { id: s.key(things) } }, ({ params }) => things.get(params.id) ?? notFound())
  app.post("/things", { body: s.struct(everything), headers: { "x-trace": s.string().optional() } }, ({ body }) =>
    status(201, { _id: things.insert(body) }))
  app.get("/search", { query: { q: s.string(), tag: s.array(s.string()).default([]) } }, ({ query }) => ({ q: query.q, tag: query.tag }))
  app.post("/form", { form: { name: s.string(), age: s.int() } }, ({ body }) => ({ name: body.name, age: body.age }))
  app.post("/echo", { bytes: true }, ({ body }) => bytes(body, "text/plain"))
  app.get("/files/*path", ({ params }) => ({ path: params.path }))
})
`

/** With the types of answers that the build found in the code. */
const USE = `import { client, ProblemError } from "./client.ts"

const desk = client({ url: process.argv[2] ?? "" })
const thing = { text: "tea", large: "9007199254740993", ratio: null, price: "8.90", at: "2026-01-01T00:00:00.000Z", kind: "a", tags: ["new"] } as const
const { _id } = await desk.postThings({ body: thing, headers: { "x-trace": "1" } })
const found = await desk.getThingsById({ params: { id: _id } })
const open: boolean | undefined = found.isOpen
const words: ReadonlyArray<string> = [found.price, found.kind, ...found.tags, (await desk.getSearch({ query: { q: "" } })).q]
void [open, words]
const refused = await desk.postThings({ body: { ...thing, price: "cheap" } }).catch((error: unknown) => (error instanceof ProblemError ? error.problem.issues?.[0]?.pointer : error))
const gone = await desk.getThingsById({ params: { id: "0".repeat(32) } }).catch((error: unknown) => (error instanceof ProblemError ? error.message : error))
console.log(JSON.stringify([
  await desk.getRoot<string>(), found.price, found.large, refused, gone,
  await desk.getSearch({ query: { q: "a&b", tag: ["x", "y"] } }),
  await desk.postForm({ body: { name: "Ada", age: 36 } }),
  await desk.postEcho({ body: "raw" }),
  await desk.getFilesByPath({ params: { path: "a b/c.txt" } })
]))
`

const WRONG = `import { client } from "./client.ts"

const desk = client({ url: "" })
void desk.postForm({ body: { name: "Ada", age: "36" } })
void desk.getThingsById({})
void desk.getSearch({ query: { w: "" } })
void desk.getSearch({ query: { q: "" } }).then(({ q }) => q * 2)
void desk.getThingsById({ params: { id: "" } }).then(({ prize }) => prize)
`

const compile = (folder: string, file: string): string => {
  const options = [
    "--strict",
    "--exactOptionalPropertyTypes",
    "--module",
    "nodenext",
    "--target",
    "es2024",
    "--lib",
    "ES2024,DOM",
    "--types",
    "node"
  ]
  const roots = ["--typeRoots", join(repository, "node_modules/@types"), "--allowImportingTsExtensions", "--noEmit", "--pretty", "false"]
  const compiler = join(repository, "node_modules/typescript/bin/tsc")
  return spawnSync(process.execPath, [compiler, ...options, ...roots, file], { cwd: folder, encoding: "utf8" }).stdout
}

describe("planck client", () => {
  it("writes a client whose types fit, and that gets what the service answers", () =>
    withFolder(async (folder) => {
      writeFiles(folder, { "package.json": '{ "type": "module" }', "service.ts": SERVICE })
      const made = await planck("client", folder, "--out", join(folder, "client.ts"))
      assert.strictEqual(made.code, 0, made.err)
      writeFiles(folder, { "client/client.ts": readFileSync(join(folder, "client.ts"), "utf8") })
      writeFiles(join(folder, "client"), { "use.ts": USE, "wrong.ts": WRONG })
      assert.strictEqual(compile(join(folder, "client"), "use.ts"), "")
      const wrong = compile(join(folder, "client"), "wrong.ts")
      assert.deepStrictEqual(
        [...wrong.matchAll(/^wrong\.ts\((\d+),/gm)].map((found) => found[1]),
        ["4", "5", "6", "7", "8"]
      )
      await serving(folder, async (url) => {
        const child = spawn(process.execPath, ["client/use.ts", url], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] })
        let out = ""
        for await (const chunk of child.stdout) out += String(chunk)
        assert.deepStrictEqual(JSON.parse(out), [
          "hello",
          "8.90",
          "9007199254740993",
          "/body/price",
          "404 Not found",
          { q: "a&b", tag: ["x", "y"] },
          { name: "Ada", age: 36 },
          "raw",
          { path: "a b/c.txt" }
        ])
      })
    }))

  it("writes an OpenAPI 3.1 document that a validator finds nothing in", async () => {
    using folder = new Folder({ "service.ts": SERVICE })
    const { out } = await planck("client", folder.path, "--format", "openapi", "--server", "https://desk.example")
    const document = JSON.parse(out) as Record<string, unknown>
    assert.nestedPropertyVal(document, "paths./form.post.responses.2XX.content.application/json.schema.properties.age.type", "number")
    const { errors, valid } = await new Validator().validate(structuredClone(document))
    assert.isTrue(valid, JSON.stringify(errors))
    assert.deepStrictEqual(Object.keys(document["paths"] as object), [
      "/",
      "/things/{id}",
      "/things",
      "/search",
      "/form",
      "/echo",
      "/files/{path}"
    ])
    const broken = await new Validator().validate({ ...document, paths: { things: {} } })
    assert.isFalse(broken.valid)
  })

  it("leaves answers open where a module says nothing of them", async () => {
    const { manifest } = await buildFiles({ "service.ts": SERVICE })
    assert.include(typeScriptClient(manifest), "getThingsById: <A = unknown>(")
    assert.notInclude(
      JSON.stringify(openApiOf(manifest, "https://desk.example")),
      '"application/json":{"schema":{"type":"object","properties":{"q"'
    )
  })

  it("takes a folder or a built file, and writes to a file or to standard output", async () => {
    using folder = new Folder({ "service.ts": SERVICE })
    const out = join(folder.path, "api.json")
    const written = await planck("client", folder.path, "--format", "openapi", "--server", "https://desk.example", "--out", out)
    assert.deepStrictEqual([written.code, written.out], [0, `${out}\n`])
    assert.deepInclude(JSON.parse(readFileSync(out, "utf8")), { openapi: "3.1.0", servers: [{ url: "https://desk.example" }] })
    assert.match((await planck("client", folder.path)).out, /^\/\/ Made by planck client from desk 1\.2\.0\./)
    assert.strictEqual((await planck("client", join(folder.path, "none.wasm"))).code, 1)
  })
})
