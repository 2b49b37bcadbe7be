/**
 * `npm run test:sim -- --seed N --runs M`: runs the seeds N, N+1, … and fails at the first that breaks a promise, with the seed that
 * repeats it and a shrunk history.
 *
 *     --seed N       the first seed; a fresh one unless given
 *     --runs M       how many runs (default 500: enough to meet every situation)
 *     --seconds S    stop earlier when this long has passed
 *     --history F    take the steps in a file, as printed by a failure, with --seed
 *     --uncovered    do not fail when some situation was never met (batches of few runs)
 *     --unshrunk     print the seed of a failure and nothing more
 *     --progress     say every hundred runs how many were clean so far
 *     --json         one line of JSON instead of text
 */
import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { Coverage, SITUATIONS } from "./Coverage.ts"
import type { Outcome } from "./Run.ts"
import { rerun, run } from "./Run.ts"
import { formatSteps, parseSteps, shrink } from "./Shrink.ts"

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    runs: { type: "string", default: "500" },
    seconds: { type: "string", default: "Infinity" },
    history: { type: "string" },
    uncovered: { type: "boolean", default: false },
    unshrunk: { type: "boolean", default: false },
    progress: { type: "boolean", default: false },
    json: { type: "boolean", default: false }
  }
})

const PROGRESS_RUNS = 100

const startMs = Date.now()
const first = values.seed === undefined ? startMs % 1_000_000_000 : Number(values.seed)
const seconds = (): number => (Date.now() - startMs) / 1000

if (values.history !== undefined) {
  const outcome = await rerun(first, parseSteps(readFileSync(values.history, "utf8")))
  if (outcome.violation !== undefined) await fail(outcome)
  console.log(`seed ${first}, ${outcome.steps.length} steps: clean, trace ${outcome.trace}`)
} else await batch()

async function batch(): Promise<void> {
  const coverage = new Coverage()
  const runsMax = Number(values.runs)
  let runs = 0
  let operations = 0
  let trace = ""
  for (; runs < runsMax && seconds() < Number(values.seconds); runs++) {
    const outcome = await run(first + runs)
    if (outcome.violation !== undefined) await fail(outcome)
    coverage.add(outcome.coverage)
    operations += outcome.operations
    trace = outcome.trace
    if (values.progress && (runs + 1) % PROGRESS_RUNS === 0) console.error(`${runs + 1} runs clean, ${Math.round(seconds())} s`)
  }
  const summary = { seed: first, runs, operations, seconds: Math.round(seconds()), trace, coverage }
  if (values.json) console.log(JSON.stringify(summary))
  else {
    console.log(`${runs} runs from seed ${first}: clean, ${operations} disk operations, ${summary.seconds} s, last trace ${trace}`)
    for (const situation of SITUATIONS) console.log(`  ${String(coverage.count(situation)).padStart(8)}  ${situation}`)
  }
  const { missing } = coverage
  if (missing.length === 0 || values.uncovered) return
  console.error(`never met: ${missing.join(", ")}`)
  process.exit(1)
}

async function fail(outcome: Outcome): Promise<never> {
  const { seed, steps, violation } = outcome
  console.error(`seed ${seed}: ${violation?.message}\n${String((violation?.cause as Error | undefined)?.stack ?? violation?.stack)}`)
  console.error(`repeat it: npm run -s test:sim -- --seed ${seed} --runs 1`)
  if (values.history === undefined && !values.unshrunk) {
    const shrunk = await shrink(outcome)
    console.error(`shrunk from ${steps.length} to ${shrunk.steps.length} steps: ${shrunk.violation?.message}\n${formatSteps(shrunk.steps)}`)
  }
  process.exit(1)
}
