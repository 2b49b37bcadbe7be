/** docs/testing-services.md: its service and its tests as files of one folder, run by a vitest of their own. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { blocks } from "./Markdown.ts"
import { repository, withFolder, writeFiles } from "./Served.ts"

const files = blocks(readFileSync(join(repository, "docs/testing-services.md"), "utf8")).filter(({ words }) => words[0] !== undefined)
const KIT = JSON.stringify(join(repository, "src/Testing/Testing.ts"))

describe("docs/testing-services.md", () => {
  it(
    "shows tests that pass",
    () =>
      withFolder(async (folder) => {
        mkdirSync(join(folder, "node_modules"))
        for (const name of ["vitest", "@effect", "effect"])
          symlinkSync(join(repository, "node_modules", name), join(folder, "node_modules", name))
        const texts = files.map(({ text, words: [name = ""] }) => {
          const path = name.endsWith(".test.ts") ? `test/${name}` : name
          return [path, `${text.replaceAll('"@planckdb/planck/testing"', KIT)}\n`] as const
        })
        writeFiles(folder, Object.fromEntries(texts))
        const runner = join(repository, "node_modules/vitest/vitest.mjs")
        const argv = [
          runner,
          "run",
          "--root",
          folder,
          "--reporter=json",
          "--outputFile=report.json",
          "--no-file-parallelism",
          "--no-isolate"
        ]
        const { stderr, stdout } = spawnSync(process.execPath, argv, { cwd: folder, encoding: "utf8" })
        const report = JSON.parse(readFileSync(join(folder, "report.json"), "utf8")) as {
          readonly numPassedTests: number
          readonly numTotalTests: number
        }
        assert.deepStrictEqual([report.numPassedTests, report.numTotalTests], [8, 8], stdout + stderr)
      }),
    120_000
  )
})
