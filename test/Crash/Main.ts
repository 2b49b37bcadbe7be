/**
 * `npm run test:crash -- --rounds N`: a real server on a real disk is loaded and killed, again and again, and held to what it promised.
 *
 *     --rounds N     how many times it is killed (default 20)
 *     --seed S       decides what is asked for and when it is killed; a fresh one unless given. The machine decides the rest.
 *     --seconds T    stop earlier when this long has passed
 *     --keep         leave the directory of a failure where it is
 */
import { parseArgs } from "node:util"
import { Difference } from "./Journal.ts"
import { Life, type Tally } from "./Lives.ts"
import { buildLedger } from "./Module.ts"

/** Rounds after which a new directory is begun. */
const ROUNDS_PER_LIFE = 20

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    seed: { type: "string" },
    seconds: { type: "string", default: "Infinity" },
    keep: { type: "boolean", default: false }
  }
})

const rounds = Number(values.rounds)
const startMs = Date.now()
const seed = values.seed === undefined ? startMs % 1_000_000_000 : Number(values.seed)
const isOver = (): boolean => tally.rounds >= rounds || Date.now() - startMs >= Number(values.seconds) * 1000
const tally: Tally = { rounds: 0, answered: 0, unknown: 0, killedStarts: 0, cleanStops: 0, calls: 0 }
using module = await buildLedger()

/** Lives one directory; false when it was not what it had to be. */
async function live(life: Life): Promise<boolean> {
  const first = tally.rounds
  try {
    while (!isOver() && tally.rounds < first + ROUNDS_PER_LIFE) await life.round()
    await life.end()
    return true
  } catch (error) {
    const what = error instanceof Difference ? error.message : String((error as Error).stack)
    console.error(`seed ${seed}, round ${tally.rounds + 1} (round ${tally.rounds - first + 1} of its directory): ${what}`)
    if (values.keep) console.error(`the directory: ${life.data}`)
    else life.remove()
    return false
  }
}

let isClean = true
for (let number = 0; isClean && !isOver(); number++) isClean = await live(new Life(seed + number, module.path, tally))
if (!isClean) process.exitCode = 1
const { answered, calls, cleanStops, killedStarts, unknown } = tally
console.log(`${tally.rounds} rounds from seed ${seed}: ${isClean ? "clean" : "NOT clean"}, ${Math.round((Date.now() - startMs) / 1000)} s`)
console.log(`  ${answered} requests answered, ${unknown} cut off by the end of the server`)
console.log(`  ${killedStarts} more kills while starting, ${cleanStops} of the ends were clean stops`)
console.log(`  ${calls} calls of shared registers judged`)
