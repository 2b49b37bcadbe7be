/**
 * docs/services.md, whole: one service made of its blocks, built with types checked, served, and asked.
 *
 * A `ts` block is the body of a function of `app`; one marked `handler` is the body of a POST handler, whose `// =>` comments are checked; a
 * block with a file name is that file.
 */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { checked } from "./Expectations.ts"
import { type Block, blocks } from "./Markdown.ts"
import { repository, request, serving, withFolder, writeFiles } from "./Served.ts"

const found = blocks(readFileSync(join(repository, "docs/services.md"), "utf8"))
const isFile = (block: Block): boolean => block.words[0]?.includes(".") === true
const files: Record<string, string> = Object.fromEntries(found.filter(isFile).map(({ text, words }) => [words[0] ?? "", `${text}\n`]))
const fragments = found.filter((block) => block.language === "ts" && !isFile(block))
const isHandler = (block: Block): boolean => block.words[0] === "handler"

const PLACE = "  // the routes of this page\n"
const EXPORTS =
  "Decimal, PlanckError, bytes, empty, html, json, notFound, optional, problem, redirect, s, status, text, type App, type JsonValue"

/** Compares two values by their JSON; undefined by its name. */
const SAME = `function same(actual: unknown, expected: unknown, line: number): void {
  const written = (value: unknown) => value === undefined ? "undefined" : JSON.stringify(value)
  if (written(actual) !== written(expected)) throw problem({ status: 500, title: \`line \${line}: \${written(actual)} is not \${written(expected)}\` })
}`

/** A block as a module that declares what it shows. */
function moduleOf(block: Block): string {
  const body = isHandler(block)
    ? `app.post("/line/${block.line}", () => {\n${checked(block.text, (actual, expected, line) => `same(${actual}, ${expected}, ${block.line + line})`)}\n})`
    : block.text
  const imports = `import { ${EXPORTS} } from "@planckdb/planck/guest"\nimport { accounts } from "../accounts.ts"\nimport { customers, orders } from "../stores.ts"\n`
  return `${imports}export const declare = (app: App): void => {\n${body}\n}\n${SAME}\n`
}

/** `service.ts` as the page shows it, with all its routes. */
function entry(): string {
  const shown = files["service.ts"] ?? ""
  assert.include(shown, PLACE)
  const names = fragments.map(({ line }) => `line${line}`)
  const imports = fragments.map(({ line }) => `import { declare as line${line} } from "./fragments/${line}.ts"\n`)
  const calls = [...names, "pages"].map((name) => `  ${name}(app)\n`)
  return `import { pages } from "./page.ts"\n${imports.join("")}${shown.replace(PLACE, calls.join(""))}`
}

describe("docs/services.md", () => {
  it("builds, answers as shown, and computes what it says", () =>
    withFolder(async (folder) => {
      writeFiles(folder, { ...files, "service.ts": entry() })
      writeFiles(folder, Object.fromEntries(fragments.map((block) => [`fragments/${block.line}.ts`, moduleOf(block)])))
      const play = async (url: string): Promise<void> => {
        let requests = 0
        for (const block of found) {
          if (isHandler(block)) {
            const answer = await fetch(`${url}/line/${block.line}`, { method: "POST" })
            assert.strictEqual(answer.status, 204, await answer.text())
          } else if (block.language === "console") requests += await request("docs/services.md", [block], url)
        }
        assert.isAtLeast(requests, 20)
      }
      await serving(folder, play, files["planck.yaml"])
    }))
})
