/**
 * `npm run test:traces -- --seed N --runs M`: the disk of a real server is recorded, and the power is cut at every moment of the trace.
 *
 *     --seed N       the first seed; a fresh one unless given. It decides what is asked for and which images are opened, not the trace.
 *     --runs M       how many directories, of two lives each (default 3)
 *     --requests R   requests of one life (default 300)
 *     --images I     images of one life that are opened, besides one before every answer (default 400)
 */
import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { buildLedger } from "../Crash/Module.ts"
import { runTraces, type TraceTally } from "./Traces.ts"

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    runs: { type: "string", default: "3" },
    requests: { type: "string", default: "300" },
    images: { type: "string", default: "400" }
  }
})

const startMs = Date.now()
const first = values.seed === undefined ? startMs % 1_000_000_000 : Number(values.seed)
const runs = Number(values.runs)
const tally: TraceTally = { lives: 0, events: 0, answers: 0, images: 0, opened: 0 }
using built = await buildLedger()
const module = readFileSync(built.path)

let failed: number | undefined
for (let run = 0; run < runs && failed === undefined; run++) {
  try {
    await runTraces({ seed: first + run, module, requests: Number(values.requests), imagesMax: Number(values.images) }, tally)
  } catch (error) {
    failed = first + run
    console.error(
      `seed ${failed}: ${error instanceof Error && error.name === "Violation" ? error.message : String((error as Error).stack)}`
    )
  }
}
if (failed !== undefined) process.exitCode = 1
const { answers, events, images, lives, opened } = tally
console.log(
  `${lives} lives from seed ${first}: ${failed === undefined ? "clean" : "NOT clean"}, ${Math.round((Date.now() - startMs) / 1000)} s`
)
console.log(
  `  ${events} events with ${answers} answers; of ${images} crash images by change and those before answers, ${opened} were opened`
)
