/** The package as npm makes it, installed where nothing of the checkout is. `npm run test:package` has the long version. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { OLD_NODE } from "../Scripts/Skeleton.ts"
import { Consumer, NODES, pack, versionOf } from "./Consumer.ts"

const LARGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"
const PACKED_BYTES_MAX = 2 * 1024 * 1024

const home = mkdtempSync(join(tmpdir(), "planck-packed-"))
const consumer = new Consumer(OLD_NODE)
let tarball = ""

const EMBEDDED = `import * as Effect from "effect/Effect"
import * as Planck from "@planckdb/planck"

const pets = Planck.store({ name: "pets", idKind: "string", schema: { legs: { type: "int" } }, indexes: [] })
const program = Effect.gen(function* () {
  const database = yield* Planck.Query
  yield* database.write(pets.insert({ _id: "rex", legs: 4 }))
  const legs: number | undefined = (yield* database.query(pets.filter({ _id: "rex" })))[0]?.legs
  console.log(legs)
})
await Effect.runPromise(program.pipe(Effect.provide(Planck.layerMemory({ stores: [pets.definition] }))))
`

const SERVICE = `import { s, service, store, text } from "@planckdb/planck/guest"

const notes = store("notes", { text: s.string({ maxLength: 100 }) })

export default service({ name: "notes", version: "1.0.0" }, (app) => {
  app.get("/", () => text(\`\${notes.count()} notes\`))
})
`

beforeAll(() => {
  tarball = pack(home)
  consumer.write("package.json", JSON.stringify({ type: "module", dependencies: { "@planckdb/planck": `file:${tarball}` } }))
  consumer.write("embedded.ts", EMBEDDED)
  consumer.write("notes/service.ts", SERVICE)
  consumer.install()
}, 120_000)

afterAll(() => {
  consumer[Symbol.dispose]()
  rmSync(home, { recursive: true, force: true })
})

describe("the packed package", () => {
  it("holds what runs and nothing else", () => {
    const names = execFileSync("tar", ["tzf", tarball], { encoding: "utf8" }).trim().split("\n")
    const folders = new Set(names.map((name) => name.split("/").slice(1, 3).join("/")).filter((name) => !name.startsWith("dist/")))
    assert.deepStrictEqual(
      [...folders].toSorted(),
      [
        "README.md",
        "bin/launch.js",
        "bin/planck.js",
        "guest/engine",
        "guest/typescript",
        "package.json",
        "scaffold/common",
        "scaffold/microservice",
        "scaffold/monolith",
        "scaffold/scs"
      ].toSorted()
    )
    assert.isEmpty(names.filter((name) => /^package\/dist\/.*\.ts$/.test(name) && !name.endsWith(".d.ts")))
    const packed = statSync(tarball).size
    console.log(`packed: ${(packed / 1024).toFixed(0)} KiB, ${names.length} files; installed: ${consumer.installedMib()} MiB`)
    assert.isAtMost(packed, PACKED_BYTES_MAX)
  })

  it("needs no tool of its own development, and nothing of the platform that only the command needs", () => {
    const installed = new Set(consumer.list("node_modules"))
    for (const name of ["binaryen", "assemblyscript", "vitest", "redis", "undici", "@effect"]) assert.isFalse(installed.has(name), name)
  })

  it("leaves the consumer's Node alone", () => {
    assert.notInclude(consumer.list("node_modules/.bin"), "node")
    assert.strictEqual(consumer.nodeVersion(), versionOf(OLD_NODE))
  })

  for (const node of NODES) {
    it(`builds a service for a user of Node ${versionOf(node)}`, () => {
      using user = new Consumer(node, { of: consumer })
      const built = user.planck("build", "notes")
      assert.strictEqual(built.code, 0, built.err)
      assert.match(built.out, /^notes 1\.0\.0: 1 route, 1 store, [\s\S]*\nnotes\/dist\/notes\.wasm\n/)
      assert.isTrue(WebAssembly.validate(readFileSync(join(user.path, "notes/dist/notes.wasm"))))
    })
  }

  it("serves in memory of large pages where the system gives them to those who ask, in the process that was started", async () => {
    if (!existsSync("/proc/self/environ")) return
    using user = new Consumer(process.execPath, { of: consumer })
    const planck = join(user.path, "node_modules/.bin/planck")
    await using server = user.start(process.execPath, [planck, "serve", "notes", "--dir", "large", "--port", "0"])
    await server.shows(/http:\/\/localhost:\d+/)
    const environment = readFileSync(`/proc/${server.pid}/environ`, "utf8").split("\0")
    const gives = existsSync(LARGE_PAGES) && readFileSync(LARGE_PAGES, "utf8").includes("[madvise]")
    assert.strictEqual(environment.includes("GLIBC_TUNABLES=glibc.malloc.hugetlb=1"), gives)
    server.signal("SIGTERM")
    assert.strictEqual((await server.ended).code, 0, server.err)
  })

  it("says in one line what to install when no Node is new enough", () => {
    if (OLD_NODE === process.execPath) return
    using user = new Consumer(OLD_NODE, { alone: true, of: consumer })
    const ran = user.planck("--help")
    assert.strictEqual(ran.code, 1)
    assert.strictEqual(ran.out, "")
    assert.match(
      ran.err,
      /^planck: this is Node \d+\.\d+\.\d+, and Planck needs 24 or newer: install it from \S+, or with nvm install 24\n$/
    )
  })

  it("has types and modules for programs that embed it", () => {
    const options = ["--strict", "--module", "nodenext", "--target", "es2024", "--skipLibCheck", "--noEmit", "--types", ""]
    const types = consumer.run("node_modules/.bin/tsc", [...options, "embedded.ts"])
    assert.strictEqual(types.code, 0, types.out)
    const ran = consumer.run(process.execPath, ["embedded.ts"])
    assert.strictEqual(ran.out, "4\n", ran.err)
  })
})
