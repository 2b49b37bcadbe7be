/** A few rounds of `npm run test:crash`: a real server on a real disk, killed with SIGKILL under load. */
import { assert, describe, it } from "@effect/vitest"
import { Life, type Tally } from "./Lives.ts"
import { buildLedger } from "./Module.ts"

const ROUNDS = 3

describe("a server that is killed under load", () => {
  it("comes back with everything it acknowledged or showed, whole, and nothing it refused", { timeout: 120_000 }, async () => {
    using module = await buildLedger()
    const tally: Tally = { rounds: 0, answered: 0, unknown: 0, killedStarts: 0, cleanStops: 0, calls: 0 }
    const seed = Date.now() % 1_000_000_000
    const life = new Life(seed, module.path, tally)
    try {
      while (tally.rounds < ROUNDS) await life.round()
      await life.end()
    } catch (error) {
      throw new Error(`seed ${seed}, round ${tally.rounds + 1}: ${String(error)}`, { cause: error })
    } finally {
      life.remove()
    }
    assert.isAbove(tally.answered, 0)
  })
})
