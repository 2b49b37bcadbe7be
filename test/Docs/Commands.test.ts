/** Commands and settings that the documents name in passing exist. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { readConfiguration } from "../../src/Config/Configuration.ts"
import { namedSettings } from "../../src/Config/Settings.ts"
import { blocks } from "./Markdown.ts"
import { repository } from "./Served.ts"

const read = (path: string): string => readFileSync(join(repository, path), "utf8")
const pages = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(repository, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`)
]
const { scripts } = JSON.parse(read("package.json")) as { readonly scripts: Readonly<Record<string, string>> }

/** Verbs of npm itself. */
const NPM_VERBS = new Set(["install", "pack"])

/** All matches of the first group, with their page in front. */
const mentions = (pattern: RegExp): ReadonlyArray<readonly [page: string, name: string]> =>
  pages.flatMap((page) => [...read(page).matchAll(pattern)].map((match) => [page, match[1] ?? ""] as const))

describe("the documents", () => {
  it("name scripts of package.json that exist", () => {
    const named = mentions(/(?:`|\$ )npm (?:run (?:-s |--silent )?)?([a-z][a-z:]*)/g)
    assert.isAbove(named.length, 5)
    for (const [page, name] of named) if (!NPM_VERBS.has(name)) assert.property(scripts, name, page)
  })

  it("name files of the repository that exist", () => {
    const named = mentions(/`((?:src|test|guest|scripts|examples|bench|docs)\/[\w./-]+)`/g)
    const missing = named.filter(([, path]) => !existsSync(join(repository, path)))
    assert.deepStrictEqual(missing, [])
  })

  it("name settings that exist", () => {
    const keys = new Set(namedSettings.map(({ key }) => key))
    const groups = [...new Set([...keys].filter((key) => key.includes(".")).map((key) => key.split(".")[0]))].join("|")
    const unknown = mentions(new RegExp(`\`((?:${groups})\\.[a-zA-Z]+)\``, "g")).filter(([, key]) => !keys.has(key))
    assert.deepStrictEqual(unknown, [])
  })

  it("show configurations that are accepted", () => {
    const shown = pages.flatMap((page) =>
      blocks(read(page))
        .filter(({ language }) => language === "yaml")
        .map(({ line, text }) => ({ name: `${page}:${line}`, text }))
    )
    assert.isAtLeast(shown.length, 2)
    for (const file of shown) {
      const result = readConfiguration({ file, environment: {} })
      assert.property(result, "settings", "settings" in result ? "" : result.map(({ message }) => message).join("\n"))
    }
  })
})
