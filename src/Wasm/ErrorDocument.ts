/** Failures as documents: `{ code, message, …fields }`, written for a guest and read from one. */
import { decode, encodeInto, type Value } from "../Bson/Value.ts"
import type { Writer } from "../Bson/Writer.ts"
import { Fault } from "../Fault/Fault.ts"
import { codeOfFault, ERROR_CODES, isErrorCode, type ErrorCodeName } from "./ErrorCodes.ts"
import { isCallFault, type ErrorFields } from "./Reasons.ts"

/** What went wrong, in words of the registry. `cause` is set only when it was none of the guest's doing: a bug, for the log. */
export interface Failure {
  readonly code: ErrorCodeName
  readonly message: string
  readonly fields: ErrorFields
  readonly cause?: unknown
}

/** What any error thrown by the core means to a guest: a fault of the registry, or `internal`. */
export function failureOf(error: unknown): Failure {
  if (isCallFault(error)) return error.reason
  if (error instanceof Fault) {
    const code = codeOfFault(error.reason._tag)
    if (code !== undefined)
      return { code, message: messageOf(error.reason) ?? ERROR_CODES[code].title, fields: pick(error.reason, ERROR_CODES[code].fields) }
  }
  return { code: "internal", message: "the host failed", fields: {}, cause: error }
}

/** Writes a failure as an error document. */
export function writeFailure(writer: Writer, failure: Failure): void {
  encodeInto(writer, { code: failure.code, message: failure.message, ...failure.fields } as Record<string, Value>)
}

/** What a guest passed to `fail`. `document` has every field it gave. */
export interface GuestFailure {
  readonly code: string
  readonly message: string
  readonly stack: string | undefined
  readonly document: Readonly<Record<string, Value>>
}

/** Reads the (validated) error document of a guest. A missing code is `handler_failed`. */
export function readGuestFailure(bytes: Uint8Array, at: number): GuestFailure {
  const document = decode(bytes, at)
  const { code, message, stack } = document
  return {
    code: typeof code === "string" ? code : "handler_failed",
    message: typeof message === "string" ? message : "the handler failed without a message",
    stack: typeof stack === "string" ? stack : undefined,
    document
  }
}

/** The failure a guest's error document stands for: its own code when the registry has it, `handler_failed` otherwise. */
export function failureOfGuest(failure: GuestFailure): Failure {
  if (!isErrorCode(failure.code)) return { code: "handler_failed", message: failure.message, fields: {} }
  return { code: failure.code, message: failure.message, fields: pick(failure.document, ERROR_CODES[failure.code].fields) }
}

function messageOf(reason: object): string | undefined {
  return "message" in reason && typeof reason.message === "string" ? reason.message : undefined
}

function pick(from: object, names: ReadonlyArray<string>): ErrorFields {
  const fields: Record<string, ErrorFields[string]> = {}
  for (const name of names) {
    const value: unknown = (from as Record<string, unknown>)[name]
    if (value !== undefined) fields[name] = value as ErrorFields[string]
  }
  return fields
}
