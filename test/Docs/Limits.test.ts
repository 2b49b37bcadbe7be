import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { limitsPage } from "../../scripts/limits.ts"
import { repository } from "./Served.ts"

describe("docs/limits.md", () => {
  it("is what the sources say: node scripts/run.mjs scripts/limits.ts > docs/limits.md", () => {
    assert.strictEqual(readFileSync(join(repository, "docs/limits.md"), "utf8"), limitsPage())
  })
})
