/** From a history that breaks a promise to a short one that breaks the same promise. */
import type { Outcome } from "./Run.ts"
import { rerun } from "./Run.ts"
import type { Step } from "./Steps.ts"

/** Runs that shrinking may take. */
const RUNS_MAX = 400

/** Leaves out steps, many at a time and then fewer, as long as the same promise stays broken. */
export async function shrink(failed: Outcome, runsMax = RUNS_MAX): Promise<Outcome> {
  const promise = failed.violation?.promise
  let best = failed
  let runs = 0
  for (let size = Math.ceil(best.steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = best.steps.length; at > 0 && runs < runsMax; at -= size) {
      const steps = [...best.steps.slice(0, Math.max(0, at - size)), ...best.steps.slice(at)]
      const outcome = await rerun(failed.seed, steps)
      runs++
      if (outcome.violation?.promise === promise) best = outcome
    }
  }
  return best
}

/** A history as text, one step a line, and back. */
export function formatSteps(steps: ReadonlyArray<Step>): string {
  return steps.map(({ kind, subject, salt }) => `${kind} ${subject} ${salt}`).join("\n")
}

export function parseSteps(text: string): ReadonlyArray<Step> {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [kind, subject, salt] = line.split(" ")
      return { kind: kind as Step["kind"], subject: Number(subject), salt: Number(salt) }
    })
}
