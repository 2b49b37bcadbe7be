/**
 * `npm run test:fuzz -- --seed S --inputs N`: every reader of bytes from a disk gets bytes that nobody wrote, and has to refuse them with a reason.
 *
 *     --seed S       decides the inputs; a fresh one unless given
 *     --inputs N     how many (default 200000)
 *     --from I       begin with input I, to repeat one
 *     --seconds T    stop earlier when this long has passed
 *     --only TEXT    only the readers whose names contain it
 *     --all          go on after a finding, and list one of each kind
 */
import { parseArgs } from "node:util"
import { fuzz } from "./Run.ts"

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    inputs: { type: "string", default: "200000" },
    from: { type: "string", default: "0" },
    seconds: { type: "string", default: "Infinity" },
    only: { type: "string", default: "" },
    all: { type: "boolean", default: false }
  }
})

const startMs = Date.now()
const seed = values.seed === undefined ? startMs % 1_000_000_000 : Number(values.seed)
const { counts, done, findings } = await fuzz({
  seed,
  from: Number(values.from),
  inputs: Number(values.inputs),
  seconds: Number(values.seconds),
  only: values.only,
  keepsGoing: values.all
})
for (const finding of findings) console.error(finding)
if (findings.length > 0) process.exitCode = 1
console.log(
  `${done} inputs from seed ${seed}: ${findings.length === 0 ? "clean" : "NOT clean"}, ${Math.round((Date.now() - startMs) / 1000)} s`
)
for (const [target, inputs, taken, refused] of counts) {
  console.log(`  ${String(inputs).padStart(9)}  ${target}: ${taken} taken, ${refused} refused`)
}
