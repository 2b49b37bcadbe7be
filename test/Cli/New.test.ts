/** Every shape and client of `planck new`: the project builds with types checked, its tests have the right types, and formatter and linter find nothing. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, symlinkSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { build } from "../../src/Build/Build.ts"
import { CLIENTS, SHAPES } from "../../src/Cli/NewCommand.ts"
import { Folder } from "../Build/Folder.ts"
import { json, planck, told } from "./Command.ts"

const repository = join(import.meta.dirname, "../..")
const bin = (name: string): string => join(repository, "node_modules/.bin", name)
const repositoryFile = (name: string): string => join(repository, name)

/** Packages as if installed: those of this checkout. */
function install(project: string): void {
  const modules = join(project, "node_modules")
  mkdirSync(join(modules, "@planckdb"), { recursive: true })
  symlinkSync(repository, join(modules, "@planckdb/planck"))
  for (const name of ["vitest", "vite", "htmx.org", "@types"]) symlinkSync(join(repository, "node_modules", name), join(modules, name))
  // No packages of this checkout: the files that the build would take from them.
  for (const file of ["alpinejs/dist/cdn.min.js", "@starfederation/datastar/dist/datastar.js"]) {
    mkdirSync(dirname(join(modules, file)), { recursive: true })
    execFileSync("cp", [join(repository, "node_modules/htmx.org/dist/htmx.min.js"), join(modules, file)])
  }
}

describe("planck new", () => {
  const make = async (home: Folder, shape: string, client: string): Promise<string> => {
    const project = join(home.path, "corner-shop")
    const { code, err, out } = await planck("new", project, "--shape", shape, "--client", client)
    assert.deepStrictEqual([code, err], [0, ""])
    assert.match(out, /^corner-shop: \d+ files\n\n {2}cd \S+ && npm install\n {2}npm run dev\n$/)
    install(project)
    const { manifest } = await Effect.runPromise(build(project))
    assert.strictEqual(manifest.name, "corner-shop")
    assert.isAtLeast(manifest.routes.length, 4)
    return project
  }
  const silent = (command: string, argv: ReadonlyArray<string>, project: string): void => {
    const { status, stderr, stdout } = spawnSync(bin(command), argv, { cwd: project, encoding: "utf8" })
    assert.strictEqual(status, 0, stdout + stderr)
  }

  for (const shape of SHAPES) {
    it(`writes a ${shape} that builds, whose tests have the right types, and in which formatter and linter find nothing`, async () => {
      using home = new Folder({})
      const project = await make(home, shape, "htmx")
      silent("tsc", ["-p", "test", "--customConditions", "planck-source", "--types", "node"], project)
      silent("oxlint", ["-c", repositoryFile(".oxlintrc.json"), "--deny-warnings", "--ignore-pattern", ".planck", "."], project)
      silent("oxfmt", ["-c", repositoryFile(".oxfmtrc.json"), "--check", "."], project)
      const formatted = await planck("fmt", "--check", project)
      assert.strictEqual(formatted.code, 0, formatted.err)
      const all = ["-r", "--exclude-dir=node_modules", "--exclude-dir=.planck", "", "."]
      assert.notMatch(execFileSync("grep", all, { cwd: project, encoding: "utf8" }), /__[A-Z]+__/)
    })
  }

  for (const client of CLIENTS.filter((client) => client !== "htmx")) {
    it(`writes pages with ${client} that build`, async () => {
      using home = new Folder({})
      const project = await make(home, "scs", client)
      const formatted = await planck("fmt", "--check", project)
      assert.strictEqual(formatted.code, 0, formatted.err)
      const page = readFileSync(join(project, "templates/layout.zsx"), "utf8")
      assert.strictEqual(page.includes("<script"), client !== "none")
      assert.notMatch(page, /\/\//, "nothing is loaded from elsewhere")
    })
  }

  for (const [example, ...flags] of [
    ["self-contained/orders", "--shape", "scs"],
    ["monolith", "--shape", "monolith", "--client", "none"],
    ["microservice", "--shape", "microservice"]
  ] as const) {
    it(`writes what examples/${example} shows`, async () => {
      using home = new Folder({})
      const project = join(home.path, basename(example))
      const { files } = json<{ readonly files: ReadonlyArray<string> }>((await planck("new", project, ...flags, "--json")).out)
      const shown = join(repository, "examples", example)
      for (const file of files) assert.strictEqual(readFileSync(join(shown, file), "utf8"), readFileSync(join(project, file), "utf8"), file)
      const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "."], { cwd: shown, encoding: "utf8" })
      assert.deepStrictEqual(tracked.trim().split("\n").toSorted(), [...files])
    })
  }

  it("names the packages it was tried with, and none that it does not need", async () => {
    using home = new Folder({})
    const dependencies = async (...flags: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
      const project = join(home.path, `shop${flags.join("")}`.toLowerCase())
      await planck("new", project, ...flags)
      const file = json<Record<"dependencies" | "devDependencies", object>>(readFileSync(join(project, "package.json"), "utf8"))
      return [...Object.keys(file.dependencies), ...Object.keys(file.devDependencies)]
    }
    assert.deepStrictEqual(await dependencies(), ["@planckdb/planck", "htmx.org", "vitest"])
    assert.deepStrictEqual(await dependencies("--client", "none"), ["@planckdb/planck", "vitest"])
    assert.deepStrictEqual(await dependencies("--shape", "microservice"), ["@planckdb/planck", "vite", "vitest"])
  })

  it("refuses a name that no service can have, with one that it could, and a folder that is not empty", async () => {
    using home = new Folder({ "taken/file": "" })
    const named = await planck("new", join(home.path, "Corner Shop!"), "--json")
    assert.strictEqual(named.code, 1)
    assert.match(told(named.err).message, /"Corner Shop!" is no name of a service: .*like corner-shop$/)
    const taken = await planck("new", join(home.path, "taken"), "--json")
    assert.strictEqual(told(taken.err).code, "FolderTaken")
  })
})

describe("planck test", () => {
  it("says what to install when there is no vitest", async () => {
    using home = new Folder({ "service.ts": "" })
    const { code, err } = await planck("test", home.path, "--json")
    assert.strictEqual(code, 1)
    assert.match(told(err).message, /vitest is not installed in .*: npm install --save-dev vitest$/)
  })
})
