import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"

const root = join(import.meta.dirname, "../..")
const folder = join(import.meta.dirname, "Mutants")
const FILE = /^--- a\/(.*)$/m
const HUNK = /^@@ .*\n((?:[ +-].*\n|\n)*)/gm

/** What a patch wants to find in its file, hunk by hunk. */
function wantedBy(patch: string): ReadonlyArray<string> {
  return [...patch.matchAll(HUNK)].map(([, body]) =>
    body!
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("+"))
      .map((line) => line.slice(1))
      .join("\n")
  )
}

describe("the mutants", () => {
  const names = readdirSync(folder).filter((name) => name.endsWith(".patch"))

  it("are as many as the issue wants, and more", () => assert.isAtLeast(names.length, 16))

  it.each(names)("%s still fits the code it breaks", (name) => {
    const patch = readFileSync(join(folder, name), "utf8")
    const parts = patch.split(/^(?=--- a\/)/m).filter((part) => FILE.test(part))
    assert.isAbove(parts.length, 0)
    for (const part of parts) {
      const [, path] = FILE.exec(part)!
      const code = readFileSync(join(root, path!), "utf8")
      const wanted = wantedBy(part)
      assert.isAbove(wanted.length, 0)
      for (const hunk of wanted) assert.isTrue(code.includes(hunk), `${path} has no longer\n${hunk}`)
    }
  })
})
