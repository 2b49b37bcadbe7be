/** What a command says: for a person, or with `--json` one JSON value a line for a program. */
import * as Console from "effect/Console"
import type * as Effect from "effect/Effect"
import type { Failure, Mistake } from "./Failure.ts"

export interface Output {
  readonly json: boolean
}

/** Says something once: `human` for a person, `machine` for a program. */
export const say = (output: Output, human: string, machine: unknown): Effect.Effect<void> =>
  Console.log(output.json ? JSON.stringify(machine) : human)

/** A mistake as a person reads it: place, message, then the lines around it. */
export const formatMistake = (mistake: Mistake): string => {
  const head = mistake.place === "" ? mistake.message : `${mistake.place}: ${mistake.message}`
  return mistake.frame === undefined ? head : `${head}\n${mistake.frame}`
}

/** Says why a command failed, on standard error. */
export const sayFailure = (output: Output, failure: Failure): Effect.Effect<void> => {
  const mistakes = failure.mistakes ?? []
  if (output.json) {
    const { code, details, message } = failure
    return Console.error(JSON.stringify({ error: { code, message, mistakes, ...(details === undefined ? {} : { details }) } }))
  }
  return Console.error([...mistakes.map(formatMistake), `planck: ${failure.message}`].join("\n"))
}
