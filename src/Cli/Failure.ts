import * as Data from "effect/Data"

/** One mistake in something the user wrote: where it is, what it is, and the lines around it. */
export interface Mistake {
  /** `service.ts:12:7`, a file, or empty. */
  readonly place: string
  readonly message: string
  readonly frame?: string | undefined
}

/**
 * Why a command ended without doing what was asked. `message` is one line for a person; `code` is for a program.
 */
export class Failure extends Data.TaggedError("Failure")<{
  readonly code: string
  readonly message: string
  readonly mistakes?: ReadonlyArray<Mistake>
}> {}

/** Any error of the folders below as a failure: its tag (or its reason's) is the code. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error
  const tagged = error as { readonly _tag?: unknown; readonly reason?: { readonly _tag?: unknown }; readonly message?: unknown }
  const tag = typeof tagged?.reason?._tag === "string" ? tagged.reason._tag : tagged?._tag
  const message = typeof tagged?.message === "string" && tagged.message !== "" ? tagged.message : String(error)
  return new Failure({ code: typeof tag === "string" ? tag : "Unexpected", message })
}
