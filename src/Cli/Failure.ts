import * as Data from "effect/Data"
import { ConfigError, type ConfigReason } from "../Config/Errors.ts"
import { framedSource } from "./ConfigFrame.ts"
import { counted } from "./Words.ts"

/** One mistake in something the user wrote: where it is, what it is, and the lines around it. */
export interface Mistake {
  /** `service.ts:12:7`, a file, or empty. */
  readonly place: string
  readonly message: string
  readonly frame?: string | undefined
}

/** What a failure names, for a program: the `line` of a statement, the `file` and `offset` of damage, and so on. */
export type Details = Readonly<Record<string, unknown>>

/**
 * Why a command ended without doing what was asked. `message` is one line for a person; `code` and `details` are for a program.
 */
export class Failure extends Data.TaggedError("Failure")<{
  readonly code: string
  readonly message: string
  readonly mistakes?: ReadonlyArray<Mistake>
  readonly details?: Details
}> {}

/** Any error of the folders below as a failure: its tag (or its reason's) is the code, what its reason names are the details. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error
  if (error instanceof ConfigError) return configFailure(error)
  const tagged = error as { readonly _tag?: unknown; readonly reason?: { readonly _tag?: unknown }; readonly message?: unknown }
  const reason = typeof tagged?.reason?._tag === "string" ? tagged.reason : tagged
  const message = typeof tagged?.message === "string" && tagged.message !== "" ? tagged.message : String(error)
  return new Failure({ code: typeof reason?._tag === "string" ? reason._tag : "Unexpected", message, details: detailsOf(reason) })
}

/** The same failure, with the file it is about in front. */
export const about = (file: string, error: unknown): Failure => {
  const { code, details, message } = failureOf(error)
  return new Failure({ code, message: `${file}: ${message}`, details: { file, ...details } })
}

const NOT_DETAILS: ReadonlySet<string> = new Set(["_tag", "message", "stack", "cause"])

/** What a reason names beside its tag and its words. */
export function detailsOf(reason: object | null | undefined): Details {
  return Object.fromEntries(Object.entries(reason ?? {}).filter(([name]) => !NOT_DETAILS.has(name)))
}

function configFailure(error: ConfigError): Failure {
  const mistakes = error.reasons.map(configMistake)
  return new Failure({ code: "ConfigError", message: `the configuration is refused: ${counted(mistakes.length, "mistake")}`, mistakes })
}

function configMistake(reason: ConfigReason): Mistake {
  const place = "file" in reason ? reason.file : reason.source
  const message = reason.message.startsWith(`${place}: `) ? reason.message.slice(place.length + 2) : reason.message
  return { place, message, ...framedSource(place, message, reason._tag === "ConfigWrongValue") }
}
