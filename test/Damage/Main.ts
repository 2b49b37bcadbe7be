/**
 * `npm run test:damage`: every byte of a small, cleanly stopped database flipped, every file cut at every length and removed.
 *
 *     --stride N     only every N-th byte and length (default 1)
 *     --only TEXT    only the files whose paths contain it
 */
import { parseArgs } from "node:util"
import { damageFile } from "./Matrix.ts"
import { newSpecimen, read } from "./Specimen.ts"

/** Bytes of a file, in percent, that may change without anybody noticing. */
const HARMLESS_PERCENT_MAX = 2
/** Of the log, as docs/format.md has it. */
const LOG_HEADER_BYTES = 4096
const RECORD_MAGIC = 0x43525057

const { values } = parseArgs({ options: { stride: { type: "string", default: "1" }, only: { type: "string", default: "" } } })
const stride = Number(values.stride)
const specimen = newSpecimen()
const whole = await read(specimen.durable())
for (const path of specimen.paths().filter((it) => it.includes(values.only))) {
  const { damages, found, reported, harmless } = await damageFile(specimen, path, whole, stride)
  const flips = Math.ceil(specimen.peek(path).length / stride)
  const percent = (100 * harmless.length) / flips
  console.log(`${path}: ${damages} damages, ${found} found, ${reported} reported, ${percent.toFixed(2)} % of ${flips} bytes harmless`)
  for (const [field, offsets] of Map.groupBy(harmless, (offset) => fieldAt(path, offset))) console.log(`  ${field}: ${runsOf(offsets)}`)
  if (percent > HARMLESS_PERCENT_MAX) process.exitCode = 1
}

/** What a byte of a log segment is for; everything else that may be harmless is told by its offset. */
function fieldAt(path: string, offset: number): string {
  if (!path.endsWith(".wal")) return "bytes"
  const bytes = Buffer.from(specimen.peek(path))
  for (let at = LOG_HEADER_BYTES; at + 8 <= bytes.length && bytes.readUInt32LE(at) === RECORD_MAGIC;) {
    const length = bytes.readUInt32LE(at + 4)
    const next = at + Math.ceil(length / 8) * 8
    if (offset >= at && offset < next) return offset < at + length ? "records" : "zeros that pad records"
    at = next
  }
  return offset < LOG_HEADER_BYTES ? "header" : "behind the records"
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
