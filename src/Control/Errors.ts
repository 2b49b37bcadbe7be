import * as Data from "effect/Data"

/** A running server could not be asked (code NoControl), or refused what it was asked for (its reason's tag as the code). */
export class ControlError extends Data.TaggedError("ControlError")<{
  readonly code: string
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
}> {}
