/** Gives inputs to readers and notes what must not be: an error without a reason, too much work, too much memory. */
import { Random } from "../../src/Disk/Random.ts"
import { beginInput, endInput, hex } from "./Guard.ts"
import { inputOf } from "./Mutate.ts"
import type { Target } from "./Target.ts"
import { isReason } from "./WholeTargets.ts"

/** A reader that did what no input may make it do. */
export interface Finding {
  readonly target: string
  readonly input: number
  readonly bytes: Uint8Array
  readonly error: unknown
}

export interface TargetCounts {
  inputs: number
  /** Inputs that were taken for good, and those refused with a reason. */
  taken: number
  refused: number
}

export class Fuzzer {
  readonly counts = new Map<string, TargetCounts>()
  readonly #targets: ReadonlyArray<Target>
  readonly #seed: number
  readonly #weights: number

  constructor(targets: ReadonlyArray<Target>, seed: number) {
    this.#targets = targets
    this.#seed = seed
    this.#weights = targets.reduce((sum, it) => sum + it.weight, 0)
    for (const { name } of targets) this.counts.set(name, { inputs: 0, taken: 0, refused: 0 })
  }

  /** Input number `input`: its number and the seed decide everything about it. */
  async give(input: number): Promise<Finding | undefined> {
    const random = new Random(Math.imul(this.#seed, 0x9e37_79b1) + input)
    const target = this.#choose(random)
    const bytes = inputOf(target.samples, random)
    if (random.chance(0.5)) target.mend?.(bytes)
    const counts = this.counts.get(target.name)!
    counts.inputs++
    beginInput(bytes.length)
    try {
      const outcome = target.read(bytes)
      if (typeof outcome === "boolean" ? outcome : await outcome) counts.taken++
      else counts.refused++
      return undefined
    } catch (error) {
      counts.refused++
      return isReason(error) ? undefined : { target: target.name, input, bytes, error }
    } finally {
      endInput()
    }
  }

  #choose(random: Random): Target {
    let left = (random.next() / 0x1_0000_0000) * this.#weights
    for (const target of this.#targets) if ((left -= target.weight) < 0) return target
    return this.#targets[0]!
  }
}

const SHOWN_BYTES_MAX = 400

/** A finding as it is printed: enough to repeat it. */
export function describeFinding({ bytes, error, input, target }: Finding, seed: number): string {
  const shown = bytes.length > SHOWN_BYTES_MAX ? `${hex(bytes.subarray(0, SHOWN_BYTES_MAX))}…` : hex(bytes)
  const stack = error instanceof Error ? error.stack : String(error)
  return `seed ${seed}, input ${input} (${target}, ${bytes.length} bytes): ${stack}\n  repeat it: npm run -s test:fuzz -- --seed ${seed} --from ${input} --inputs 1\n  ${shown}`
}
