/**
 * One life of a simulated machine, from a seed: its steps, and at the end a quiet time in which everything has to come right.
 *
 * Invariants
 * - The seed and the steps decide everything: the same ones give the same trace.
 */
import { Random } from "../../src/Disk/Random.ts"
import type { Coverage } from "./Coverage.ts"
import { finish } from "./Finish.ts"
import { Machine } from "./Machine.ts"
import { Plan } from "./Plan.ts"
import type { Step } from "./Steps.ts"
import { take } from "./Steps.ts"
import { Violation } from "./Violation.ts"

export interface Outcome {
  readonly seed: number
  readonly steps: ReadonlyArray<Step>
  /** Operations of the disk. */
  readonly operations: number
  /** Hash of everything that happened. */
  readonly trace: string
  readonly coverage: Coverage
  readonly violation: Violation | undefined
}

/** Disk operations that a run has at least. */
export const OPERATIONS_MIN = 500
const STEPS_MAX = 20_000
/** So that the plan's numbers have nothing to do with the machine's. */
const PLAN_SEED = 0x9e3779b9

/** Runs the plan of a seed. */
export async function run(seed: number): Promise<Outcome> {
  const machine = new Machine(seed)
  const plan = new Plan((seed ^ PLAN_SEED) >>> 0)
  const steps: Array<Step> = []
  const violation = await caught(async () => {
    while (steps.length < plan.stepsMin || machine.operations < OPERATIONS_MIN) {
      if (steps.length >= STEPS_MAX) throw new Violation("work gets done", `${STEPS_MAX} steps and ${machine.operations} disk operations`)
      const step = plan.next()
      steps.push(step)
      await take(machine, step)
    }
    await finish(machine, new Random(seed))
  })
  return outcomeOf(seed, steps, machine, violation)
}

/** Takes the given steps instead of those of the plan. */
export async function rerun(seed: number, steps: ReadonlyArray<Step>): Promise<Outcome> {
  const machine = new Machine(seed)
  const violation = await caught(async () => {
    for (const step of steps) await take(machine, step)
    await finish(machine, new Random(seed))
  })
  return outcomeOf(seed, steps, machine, violation)
}

async function caught(work: () => Promise<void>): Promise<Violation | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    return error instanceof Violation ? error : new Violation("the engine does not crash", String(error), error)
  }
}

function outcomeOf(seed: number, steps: ReadonlyArray<Step>, machine: Machine, violation: Violation | undefined): Outcome {
  machine.end()
  return { seed, steps, operations: machine.operations, trace: machine.trace, coverage: machine.coverage, violation }
}
