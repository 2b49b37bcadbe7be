/**
 * Damages a specimen in every single way and holds the engine to this: it says which file is damaged and where, or everything that can be
 * read is what it was.
 */
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { parentOf } from "../../src/Disk/Volume.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import { check, placeOf, type Reading, readAll } from "./Specimen.ts"

export type Damage =
  | { readonly kind: "flip"; readonly path: string; readonly offset: number; readonly mask: number }
  | { readonly kind: "cut"; readonly path: string; readonly offset: number }
  | { readonly kind: "remove"; readonly path: string; readonly offset: 0 }

/**
 * `found` with its file and place; `reported`: opened at an older state of a file, or with a cut tail, with everything there, or told of as a
 * place that nothing needs; `harmless`.
 */
export type Verdict = "found" | "reported" | "harmless"

/** What the full check finds is opened and read as well at every so manieth byte: nothing wrong may be shown. */
const OPENED_EVERY = 16

/** What one file of the specimen went through. */
export interface Row {
  readonly path: string
  readonly damages: number
  readonly found: number
  readonly reported: number
  /** Offsets of bytes whose change nobody noticed, and that changed nothing. */
  readonly harmless: ReadonlyArray<number>
}

/** Every flip of one bit of a byte, every length and the removal; of flips and lengths each `stride`-th. */
export function* damagesOf(path: string, sizeBytes: number, stride: number): Generator<Damage> {
  for (let offset = 0; offset < sizeBytes; offset += stride) yield { kind: "flip", path, offset, mask: 1 << (offset % 8) }
  for (let offset = 0; offset < sizeBytes; offset += stride) yield { kind: "cut", path, offset }
  yield { kind: "remove", path, offset: 0 }
}

/** Damages one file of the specimen in every way. Throws what must not be. */
export async function damageFile(specimen: SimulatedVolume, path: string, whole: Reading, stride: number): Promise<Row> {
  const counts = { damages: 0, found: 0, reported: 0 }
  const harmless: Array<number> = []
  for (const damage of damagesOf(path, specimen.peek(path).length, stride)) {
    const verdict = await judge(specimen, damage, whole)
    counts.damages++
    if (verdict !== "harmless") counts[verdict]++
    else if (damage.kind === "flip") harmless.push(damage.offset)
  }
  return { path, ...counts, harmless }
}

export async function judge(specimen: SimulatedVolume, damage: Damage, whole: Reading): Promise<Verdict> {
  const volume = specimen.durable()
  inflict(volume, damage)
  const name = `${damage.kind} at ${damage.offset} of ${damage.path}`
  const place = damage.kind === "remove" ? parentOf(damage.path) : damage.path
  const { leftovers, problems } = await check(volume)
  const isFound = problems.some(({ file }) => isPlace(file, place))
  if (problems.length > 0 && !isFound) throw new Error(`${name}: the check blames ${JSON.stringify(problems[0])}`)
  if (isFound && damage.offset % OPENED_EVERY !== 0) return "found"
  try {
    const { report, text } = await readAll(volume)
    if (text !== whole.text) throw new Error(`${name}: nobody noticed, and this is what was read:\n${text}`)
    if (isFound) return "found"
    return report === whole.report && !leftovers.some(({ file }) => isPlace(file, place)) ? "harmless" : "reported"
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const { file, offset } = placeOf(error)
    if (!isPlace(file, place) || offset < 0) throw new Error(`${name}: the fault is ${error.message}`, { cause: error })
    return "found"
  }
}

/** What is gone may be named by its directory, or missed at its neighbour, which lies in the same one. */
const isPlace = (file: string, path: string): boolean => file === path || file.startsWith(`${path}/`) || path.startsWith(`${file}/`)

function inflict(volume: SimulatedVolume, damage: Damage): void {
  if (damage.kind === "flip") volume.rot(damage.path, damage.offset, damage.mask)
  else if (damage.kind === "remove") volume.remove(damage.path)
  else volume.open(damage.path, "update").truncate(damage.offset)
}
