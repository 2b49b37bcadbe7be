/** A short run of `npm run test:traces`. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { buildLedger } from "../Crash/Module.ts"
import { runTraces, type TraceTally } from "./Traces.ts"

describe("a recorded server", () => {
  it("may lose power at any moment, and no answer says what could be lost", { timeout: 120_000 }, async () => {
    using built = await buildLedger()
    const tally: TraceTally = { lives: 0, events: 0, answers: 0, images: 0, opened: 0 }
    const seed = Date.now() % 1_000_000_000
    try {
      await runTraces({ seed, module: readFileSync(built.path), requests: 60, imagesMax: 40 }, tally)
    } catch (error) {
      throw new Error(`seed ${seed}: ${String(error)}`, { cause: error })
    }
    assert.strictEqual(tally.answers, 120)
    assert.isAbove(tally.opened, 80)
  })
})
