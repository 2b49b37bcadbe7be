/** The service in README.md is what it says: thirty lines that build, and answer as shown. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { commands } from "./Console.ts"
import { blocks } from "./Markdown.ts"
import { repository, request, serving, withFolder, writeFiles } from "./Served.ts"

const readme = readFileSync(join(repository, "README.md"), "utf8")
const scripts = (JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as { scripts: Record<string, string> }).scripts

describe("README.md", () => {
  const found = blocks(readme)
  const files: Record<string, string> = Object.fromEntries(
    found.filter(({ words }) => words[0] !== undefined).map(({ text, words }) => [words[0] ?? "", `${text}\n`])
  )
  const consoles = found.filter(({ language }) => language === "console")

  it("shows a service of thirty lines", () => {
    assert.deepStrictEqual(Object.keys(files), ["service.ts", "shelf.zsx"])
    const lines = Object.values(files).flatMap((text) => text.split("\n").filter((line) => line.trim() !== ""))
    assert.isAtMost(lines.length, 40)
    assert.isAtMost((files["service.ts"] ?? "").split("\n").filter((line) => line.trim() !== "").length, 30)
  })

  it("answers as shown", () =>
    withFolder(async (folder) => {
      writeFiles(folder, files)
      await serving(folder, async (url) => assert.isAtLeast(await request("README.md", consoles, url), 3))
    }))

  it("names scripts that exist", () => {
    const named = consoles
      .flatMap(commands)
      .filter(({ words }) => words[0] === "npm")
      .map(({ words }) => words.find((word, at) => at > 0 && word !== "run" && !word.startsWith("-")) ?? "")
    assert.isAbove(named.length, 0)
    for (const name of named) assert.property(scripts, name)
  })
})
