/** Links between the documents: the file is there, and so is the heading. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { anchors, links } from "./Markdown.ts"

const root = resolve(import.meta.dirname, "../..")
const notOurs = new Set(["node_modules", ".git", "dist", "data"])

const pages = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory, { withFileTypes: true }).flatMap((item) => {
    const path = join(directory, item.name)
    if (item.isDirectory()) return notOurs.has(item.name) ? [] : pages(path)
    return item.name.endsWith(".md") ? [path] : []
  })

/** What is wrong with a link, if anything. */
const mistake = (page: string, target: string): string | undefined => {
  if (/^(https?|mailto):/.test(target)) return undefined
  const [path = "", anchor] = target.split("#")
  const file = path === "" ? page : resolve(dirname(page), decodeURIComponent(path))
  if (!existsSync(file)) return "there is no such file"
  if (anchor === undefined || statSync(file).isDirectory()) return undefined
  return anchors(readFileSync(file, "utf8")).has(anchor) ? undefined : "the file has no such heading"
}

describe("the documents", () => {
  it("link to files and headings that exist", () => {
    const broken = pages(root).flatMap((page) =>
      links(readFileSync(page, "utf8")).flatMap(({ target, line }) => {
        const what = mistake(page, target)
        return what === undefined ? [] : [`${relative(root, page)}:${line}: ${target}: ${what}`]
      })
    )
    assert.deepStrictEqual(broken, [])
  })

  it("are all reachable from the README", () => {
    const seen = new Set<string>()
    const visit = (page: string): void => {
      if (seen.has(page) || !existsSync(page)) return
      seen.add(page)
      if (statSync(page).isDirectory()) for (const inner of pages(page)) visit(inner)
      else if (page.endsWith(".md"))
        for (const { target } of links(readFileSync(page, "utf8"))) {
          if (!/^[a-z]+:/.test(target)) visit(resolve(dirname(page), target.replace(/#.*/, "")))
        }
    }
    visit(join(root, "README.md"))
    const documents = pages(join(root, "docs")).filter((page) => !seen.has(page))
    assert.deepStrictEqual(
      documents.map((page) => relative(root, page)),
      []
    )
  })
})
