/** Problem answers (RFC 9457) for the codes of the registry. */
import { ERROR_CODES, type ErrorCodeName } from "./ErrorCodes.ts"
import type { ErrorFields } from "./Reasons.ts"

/** Content type of a problem. */
export const PROBLEM_TYPE = "application/problem+json"

/** Longest text that goes out as one ASCII string instead of bytes. */
export const SHORT_TEXT_LENGTH_MAX = 1024

/** A problem ready to be sent: `headers` is a flat list with the content type; `body` a string when it is short ASCII, bytes otherwise. */
export interface Problem {
  readonly status: number
  readonly headers: ReadonlyArray<string>
  readonly body: Uint8Array | string
}

/** What may stand in a problem beside what its code says. */
export interface ProblemOptions {
  readonly requestId?: string
  /** Fields of the code, for example `issues`. */
  readonly fields?: ErrorFields
}

/** After how many seconds a client may try again when the code says that it may at all. */
export const RETRY_AFTER_SECONDS = 1

/**
 * The problem of a code: `{ title, status, code, detail?, …fields, requestId? }`.
 *
 * @example
 * ```ts
 * problem("route_not_found", "there is no /ordres", { requestId: "7f3a" }).status // => 404
 * ```
 */
export function problem(code: ErrorCodeName, detail?: string, options: ProblemOptions = {}): Problem {
  const { status, title, retryable } = ERROR_CODES[code]
  const body = JSON.stringify({
    title,
    status,
    code,
    ...(detail === undefined ? {} : { detail }),
    ...options.fields,
    ...(options.requestId === undefined ? {} : { requestId: options.requestId })
  })
  return {
    status,
    headers: retryable
      ? ["content-type", PROBLEM_TYPE, "retry-after", String(RETRY_AFTER_SECONDS), "cache-control", "no-store"]
      : ["content-type", PROBLEM_TYPE, "cache-control", "no-store"],
    body: isShortAscii(body) ? body : Buffer.from(body)
  }
}

function isShortAscii(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- ASCII is exactly this range.
  return text.length < SHORT_TEXT_LENGTH_MAX && /^[\x00-\x7f]*$/.test(text)
}
