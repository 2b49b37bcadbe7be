import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { Skeleton } from "./Skeleton.ts"

const HELLO = `console.log("ran", process.argv.slice(2).join(" "), process.env.PINNED ?? "not pinned", process.env.UV_THREADPOOL_SIZE)`
const INSTALL = ["begin ci --no-audit --no-fund --loglevel=error", "end"]
/** So that the launcher does not find the Node of this test, which is new enough, as its own. */
const HIDDEN = ["--import", 'data:text/javascript,process.execPath="/nowhere/node"']
const CLAIMS = ".planck-install.lock"

describe("the launchers' sources", () => {
  for (const name of ["scripts/run.mjs", "bin/launch.js", "bin/planck.js"]) {
    it(`import nothing but what Node 18 has: ${name}`, () => {
      const source = readFileSync(join(import.meta.dirname, "../..", name), "utf8")
      const imports = [...source.matchAll(/^import .* from "(.*)"$/gm)].map((match) => match[1] ?? "")
      assert.isNotEmpty(imports)
      for (const from of imports) assert.match(from, /^node:|^(\.\.\/bin|\.)\/launch\.js$/)
      assert.notMatch(
        source,
        /import\.meta\.(dirname|filename)|\.toSorted\(|\.toReversed\(|\.with\(|Promise\.withResolvers|Object\.groupBy|\busing /
      )
    })
  }
})

describe("installing", () => {
  it("happens at the first start, not at the next, and again when the lock file has changed", async () => {
    using project = new Skeleton({ "hello.mjs": HELLO })
    await using first = project.start(["hello.mjs"])
    assert.deepStrictEqual(await first.ended, { code: 0, signal: null })
    assert.match(first.out, /^ran/)
    assert.include(first.err, "planck: installing what package-lock.json names")
    assert.deepStrictEqual(project.npmLog, INSTALL)

    await using second = project.start(["hello.mjs"])
    assert.deepStrictEqual(await second.ended, { code: 0, signal: null })
    assert.strictEqual(second.err, "")
    assert.deepStrictEqual(project.npmLog, INSTALL)

    project.write("package-lock.json", '{ "changed": true }')
    await using third = project.start(["hello.mjs"])
    assert.strictEqual((await third.ended).code, 0)
    assert.deepStrictEqual(project.npmLog, [...INSTALL, ...INSTALL])
  })

  it("happens once when several start at once; the others wait", async () => {
    using project = new Skeleton({ "hello.mjs": HELLO })
    const env = { NPM_MS: "1000" }
    const starts = Array.from({ length: 4 }, () => project.start(["hello.mjs"], { env }))
    for (const start of starts) {
      assert.strictEqual((await start.ended).code, 0)
      assert.match(start.out, /^ran/)
    }
    assert.deepStrictEqual(project.npmLog, INSTALL)
  })

  it("happens once when several find the lock of a start that is dead", async () => {
    using project = new Skeleton({ "hello.mjs": HELLO })
    const dead = spawn("true")
    await new Promise((ended) => dead.once("close", ended))
    project.write(`${CLAIMS}/3`, String(dead.pid))
    const starts = Array.from({ length: 4 }, () => project.start(["hello.mjs"], { env: { NPM_MS: "500" } }))
    for (const start of starts) assert.strictEqual((await start.ended).code, 0)
    assert.deepStrictEqual(project.npmLog, INSTALL)
  })

  it("waits for an npm that outlived its launcher", async () => {
    using project = new Skeleton({ "hello.mjs": HELLO })
    const dead = spawn("true")
    await new Promise((ended) => dead.once("close", ended))
    const npm = spawn("sleep", ["60"])
    project.write(`${CLAIMS}/1`, `${dead.pid} ${npm.pid}`)
    await using start = project.start(["hello.mjs"])
    await start.shows(/planck: another start is installing; waiting for it/)
    assert.deepStrictEqual(project.npmLog, [])
    npm.kill()
    assert.strictEqual((await start.ended).code, 0)
    assert.deepStrictEqual(project.npmLog, INSTALL)
  })

  it("that fails says so in one line, runs nothing, and is tried again by the next start", async () => {
    using project = new Skeleton({ "hello.mjs": HELLO })
    await using failed = project.start(["hello.mjs"], { env: { NPM_EXIT: "7" } })
    assert.strictEqual((await failed.ended).code, 1)
    assert.strictEqual(failed.out, "")
    assert.match(failed.err, /^planck: npm ci failed \(exit code 7\); its messages are above$/m)
    await using next = project.start(["hello.mjs"])
    assert.strictEqual((await next.ended).code, 0)
    assert.deepStrictEqual(project.npmLog, [...INSTALL, ...INSTALL])
  })

  it("that is stopped by a signal ends npm too, and is tried again by the next start", async () => {
    using project = new Skeleton({ "hello.mjs": HELLO })
    await using stopped = project.start(["hello.mjs"], { env: { NPM_MS: "60000" } })
    while (project.npmLog.length === 0) await new Promise((next) => setTimeout(next, 10))
    stopped.signal("SIGTERM")
    assert.deepStrictEqual(await stopped.ended, { code: 143, signal: null })
    assert.deepStrictEqual(project.npmLog, INSTALL.slice(0, 1))
    await using next = project.start(["hello.mjs"])
    assert.strictEqual((await next.ended).code, 0)
  })
})

describe("the Node it runs with", () => {
  it("is the pinned one, with the arguments as given and threads for the disk", async () => {
    using project = new Skeleton({ "hello.mjs": HELLO })
    project.pin()
    await using child = project.start(["hello.mjs", "one", "--two", "three four"])
    assert.strictEqual((await child.ended).code, 0)
    assert.strictEqual(child.out, "ran one --two three four yes 8\n")
  })

  it("leaves the number of threads to whoever sets it", async () => {
    using project = new Skeleton({ "hello.mjs": HELLO })
    project.pin()
    await using child = project.start(["hello.mjs"], { env: { UV_THREADPOOL_SIZE: "3" } })
    await child.ended
    assert.strictEqual(child.out, "ran  yes 3\n")
  })

  it("has the project's tools and itself in front of the PATH", async () => {
    using project = new Skeleton({ "path.mjs": "console.log(process.env.PATH)" })
    project.pin()
    await using child = project.start(["path.mjs"])
    await child.ended
    const [tools, node] = child.out.split(":")
    assert.strictEqual(tools, join(project.path, "node_modules/.bin"))
    assert.strictEqual(node, join(project.path, `node_modules/node-${process.platform}-${process.arch}/bin`))
  })

  it("is one of the PATH that is new enough, when none is pinned or the pinned one does not run", async () => {
    using project = new Skeleton({ "hello.mjs": HELLO })
    project.script("old/node", 'echo "v20.1.0"')
    project.script("new/node", `PINNED="from the path" exec "${process.execPath}" "$@"`)
    project.script(`node_modules/node-${process.platform}-${process.arch}/bin/node`, "exit 127")
    const env = { PATH: ["/nowhere", "old", "new"].map((name) => join(project.path, name)).join(":") }
    await using install = project.start(["hello.mjs"])
    await install.ended
    await using child = project.start(["hello.mjs"], { env: { ...env, npm_execpath: "" }, flags: HIDDEN })
    assert.strictEqual((await child.ended).code, 0, child.err)
    assert.strictEqual(child.out, "ran  from the path 8\n")
  })

  it("is missing: one clear line", async () => {
    using project = new Skeleton({ "hello.mjs": HELLO })
    project.script("old/node", 'echo "v20.1.0"')
    await using install = project.start(["hello.mjs"])
    await install.ended
    await using child = project.start(["hello.mjs"], { env: { PATH: join(project.path, "old") }, flags: HIDDEN })
    assert.strictEqual((await child.ended).code, 1)
    assert.strictEqual(child.out, "")
    assert.match(child.err, /^planck: Planck needs Node 24 or newer: none is packaged for \S+ and none is on the PATH\n$/)
  })

  it("is not looked for without a program", async () => {
    using project = new Skeleton({})
    await using child = project.start([])
    assert.strictEqual((await child.ended).code, 1)
    assert.match(child.err, /^planck: usage: /)
    assert.deepStrictEqual(project.npmLog, [])
  })
})

const launch = join(import.meta.dirname, "../../bin/launch.js")
const { withLargePages } = (await import(launch)) as {
  readonly withLargePages: (environment: NodeJS.ProcessEnv, file?: string) => NodeJS.ProcessEnv
}

describe("large pages", () => {
  const given = (says: string | undefined, tunables?: string): string | undefined => {
    using project = new Skeleton({})
    if (says !== undefined) project.write("enabled", says)
    const environment = tunables === undefined ? {} : { GLIBC_TUNABLES: tunables }
    const larger = withLargePages(environment, join(project.path, "enabled"))
    if (larger["GLIBC_TUNABLES"] === tunables) assert.strictEqual(larger, environment, "nothing was to be added")
    return larger["GLIBC_TUNABLES"]
  }

  it.runIf(process.platform === "linux")("are asked for where the system gives them to those who ask", () => {
    assert.strictEqual(given("always [madvise] never"), "glibc.malloc.hugetlb=1")
    assert.strictEqual(given("always [madvise] never", "glibc.malloc.arena_max=2"), "glibc.malloc.arena_max=2:glibc.malloc.hugetlb=1")
  })

  it("are not asked for where everybody or nobody has them, or where it is not known", () => {
    assert.isUndefined(given("[always] madvise never"))
    assert.isUndefined(given("always madvise [never]"))
    assert.isUndefined(given(undefined))
  })

  it("are left to whoever has said something about them", () => {
    assert.strictEqual(given("always [madvise] never", "glibc.malloc.hugetlb=0"), "glibc.malloc.hugetlb=0")
  })

  it("are what the launcher's programs get", async () => {
    using project = new Skeleton({ "tunables.mjs": "console.log(process.env.GLIBC_TUNABLES)" })
    await using child = project.start(["tunables.mjs"], { env: { GLIBC_TUNABLES: "" } })
    await child.ended
    assert.strictEqual(child.out.trim(), withLargePages({ GLIBC_TUNABLES: "" })["GLIBC_TUNABLES"])
  })
})

describe("the program", () => {
  it("gives its exit code", async () => {
    using project = new Skeleton({ "exit.mjs": "process.exit(Number(process.argv[2]))", "die.mjs": 'process.kill(process.pid, "SIGKILL")' })
    for (const code of [0, 1, 42]) {
      await using child = project.start(["exit.mjs", String(code)])
      assert.deepStrictEqual(await child.ended, { code, signal: null })
    }
    await using died = project.start(["die.mjs"])
    assert.deepStrictEqual(await died.ended, { code: 137, signal: null })
  })

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    it(`gets ${signal}, as often as it is sent, and takes its time`, async () => {
      const program = `let times = 0
process.on("${signal}", () => { if (++times === 2) setTimeout(() => { console.log("cleaned up"); process.exit(3) }, 100); else console.log("once") })
setInterval(() => {}, 1000)
console.log("ready")`
      using project = new Skeleton({ "wait.mjs": program })
      await using child = project.start(["wait.mjs"])
      await child.shows(/ready/)
      child.signal(signal)
      await child.shows(/once/)
      child.signal(signal)
      assert.deepStrictEqual(await child.ended, { code: 3, signal: null })
      assert.include(child.out, "cleaned up")
    })
  }

  it("stops when the launcher is killed outright: a server gives its port and its directory back", async () => {
    const cli = join(import.meta.dirname, "../../src/Cli/Cli.ts")
    const service = `import { service, text } from "@planckdb/planck/guest"
export default service({ name: "hello", version: "1.0.0" }, (app) => void app.get("/", () => text("hello")))`
    using project = new Skeleton({ "planck.ts": `import { main } from "${cli}"\nmain(process.argv.slice(2))`, "hello/service.ts": service })
    const argv = ["planck.ts", "serve", "hello", "--dir", "data", "--port"]
    await using launcher = project.start([...argv, "0"])
    const port = Number((await launcher.shows(/http:\/\/localhost:(\d+)/))[1])
    launcher.signal("SIGKILL")
    assert.strictEqual((await launcher.ended).signal, "SIGKILL")
    await untilFree(port)
    const owner = join(project.path, "data/services/hello/LOCK.owner")
    while (existsSync(owner)) await new Promise((next) => setTimeout(next, 20))
    await using again = project.start([...argv, String(port)])
    await again.shows(/hello 1\.0\.0 at /)
    again.signal("SIGTERM")
    assert.strictEqual((await again.ended).code, 0)
  })
})

/** Waits until nobody listens on the port. */
async function untilFree(port: number): Promise<void> {
  for (;;) {
    const isFree = await new Promise<boolean>((resolve) => {
      const probe = createServer().once("error", () => resolve(false))
      probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)))
    })
    if (isFree) return
    await new Promise((next) => setTimeout(next, 20))
  }
}
