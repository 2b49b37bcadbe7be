/** A sample of the damage matrix: `npm run test:damage` does all of it. */
import { assert, describe, it } from "@effect/vitest"
import { damageFile } from "./Matrix.ts"
import { newSpecimen, read } from "./Specimen.ts"

const STRIDE = 1499

describe("a stopped database that is damaged", () => {
  it("says where, or shows everything as it was", async () => {
    const specimen = newSpecimen()
    const whole = await read(specimen.durable())
    assert.deepStrictEqual(whole.findings, { problems: [], leftovers: [] })
    let found = 0
    for (const path of specimen.paths()) {
      const row = await damageFile(specimen, path, whole, STRIDE)
      found += row.found
      assert.isBelow(row.harmless.length, 2, path)
    }
    assert.isAbove(found, 20)
  })
})
