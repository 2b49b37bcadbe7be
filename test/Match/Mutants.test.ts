/** Each operator of the matcher, broken, is found out by the random documents and filters that its tests are made of. */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"

const run = promisify(execFile)

describe("mutants of the matcher", () => {
  it("are all caught, and the matcher itself answers as the model does", async () => {
    const { stdout } = await run(process.execPath, [join(import.meta.dirname, "MutantMain.ts")])
    const [own, ...mutants] = JSON.parse(stdout) as ReadonlyArray<{ readonly name: string; readonly wrong: number }>
    assert.strictEqual(own?.wrong, 0)
    assert.isAtLeast(mutants.length, 35)
    assert.deepStrictEqual(
      mutants.filter(({ wrong }) => wrong === 0),
      []
    )
  }, 180_000)
})
