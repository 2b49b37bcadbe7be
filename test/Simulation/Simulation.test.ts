/** The simulation itself: it repeats, it is long enough, and a few lives of it are clean. `npm run test:sim` runs many. */
import { assert, describe, it } from "@effect/vitest"
import { Coverage } from "./Coverage.ts"
import { OPERATIONS_MIN, rerun, run } from "./Run.ts"
import { formatSteps, parseSteps, shrink } from "./Shrink.ts"
import { Violation } from "./Violation.ts"

const SEEDS = [1, 2, 3, 4, 1_000_008]

describe("a simulated life", () => {
  it("keeps every promise, over at least 500 disk operations", async () => {
    const coverage = new Coverage()
    for (const seed of SEEDS) {
      const { violation, operations, coverage: met } = await run(seed)
      assert.isUndefined(violation, `seed ${seed}: ${violation?.message}`)
      assert.isAtLeast(operations, OPERATIONS_MIN)
      coverage.add(met)
    }
    for (const situation of ["power cut", "kill", "transaction open meanwhile"] as const) {
      assert.isAbove(coverage.count(situation), 0, situation)
    }
  })

  it("is the same again for the same seed, and another one for another", async () => {
    const traces = new Set<string>()
    for (const seed of SEEDS.slice(0, 2)) {
      const { trace, steps } = await run(seed)
      assert.strictEqual((await run(seed)).trace, trace)
      assert.strictEqual((await rerun(seed, parseSteps(formatSteps(steps)))).trace, trace, "also when its steps are read from a file")
      traces.add(trace)
    }
    assert.strictEqual(traces.size, 2)
  })

  it("can lose any of its steps and is still a life", async () => {
    const { steps } = await run(1)
    const { violation } = await rerun(
      1,
      steps.filter((_, at) => at % 3 !== 0)
    )
    assert.isUndefined(violation)
  })
})

describe("a history that breaks a promise", () => {
  it("shrinks to steps that break the same one", async () => {
    const found = await run(1)
    // A promise that no machine keeps: not to be stopped.
    const broken = { ...found, violation: new Violation("recovery", "made up") }
    const shrunk = await shrink(broken, 4)
    assert.strictEqual(shrunk, broken, "what does not break when it is run again is not shorter")
  })
})
