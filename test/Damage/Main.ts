/**
 * `npm run test:damage`: every byte of a small, cleanly stopped database flipped, every file cut at every length and removed.
 *
 *     --stride N     only every N-th byte and length (default 1)
 */
import { parseArgs } from "node:util"
import { damageFile } from "./Matrix.ts"
import { newSpecimen, read } from "./Specimen.ts"

/** Bytes of a file, in percent, that may change without anybody noticing. */
const HARMLESS_PERCENT_MAX = 2
const PAGE_BYTES = 8192

const { values } = parseArgs({ options: { stride: { type: "string", default: "1" } } })
const stride = Number(values.stride)
const specimen = newSpecimen()
const whole = await read(specimen.durable())
for (const path of specimen.paths()) {
  const { damages, found, reported, harmless } = await damageFile(specimen, path, whole, stride)
  const flips = Math.ceil(specimen.peek(path).length / stride)
  const { free, rest } = path.endsWith("index.planck") ? freePages(harmless) : { free: [], rest: harmless }
  const percent = (100 * rest.length) / flips
  console.log(`${path}: ${damages} damages, ${found} found, ${reported} reported, ${percent.toFixed(2)} % of ${flips} bytes harmless`)
  if (free.length > 0) console.log(`  pages that nothing reaches: ${free.join(", ")}`)
  if (rest.length > 0) console.log(`  harmless: ${runsOf(rest)}`)
  if (percent > HARMLESS_PERCENT_MAX) process.exitCode = 1
}

/** Tells the pages of which no byte matters from single bytes that do not. */
function freePages(harmless: ReadonlyArray<number>): { readonly free: ReadonlyArray<number>; readonly rest: ReadonlyArray<number> } {
  const byPage = Map.groupBy(harmless, (offset) => Math.floor(offset / PAGE_BYTES))
  const free = [...byPage].filter(([, offsets]) => offsets.length >= Math.floor(PAGE_BYTES / stride)).map(([page]) => page)
  return { free, rest: harmless.filter((offset) => !free.includes(Math.floor(offset / PAGE_BYTES))) }
}

/** Offsets as ranges. */
function runsOf(offsets: ReadonlyArray<number>): string {
  const runs: Array<[number, number]> = []
  for (const offset of offsets) {
    const last = runs.at(-1)
    if (last !== undefined && offset - last[1] <= stride) last[1] = offset
    else runs.push([offset, offset])
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(", ")
}
