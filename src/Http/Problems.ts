/** Problem answers of the gateway itself (RFC 9457), made once per code. */
import type { ErrorCodeName } from "../Wasm/ErrorCodes.ts"
import { ERROR_CODES } from "../Wasm/ErrorCodes.ts"

const HEADERS: ReadonlyArray<string> = ["content-type", "application/problem+json", "cache-control", "no-store"]

export interface ProblemAnswer {
  readonly status: number
  readonly headers: ReadonlyArray<string>
  readonly body: string
  readonly retryable: boolean
}

/** The answer for a code of `docs/errors.md`; `requestId` is printable ASCII. */
export function problemAnswer(code: ErrorCodeName, requestId: string): ProblemAnswer {
  const { status, title, retryable } = ERROR_CODES[code]
  const body = JSON.stringify({ type: "about:blank", title, status, code, instance: `urn:request:${requestId}` })
  return { status, headers: HEADERS, body, retryable }
}

/** The same as bytes of a whole HTTP/1.1 answer, for a connection whose request could not be parsed. */
export function rawProblem(code: ErrorCodeName): string {
  const { status, title } = ERROR_CODES[code]
  const body = JSON.stringify({ type: "about:blank", title, status, code })
  const fields = ["content-type: application/problem+json", `content-length: ${body.length}`, "connection: close"]
  return `HTTP/1.1 ${status} ${code}\r\n${fields.join("\r\n")}\r\n\r\n${body}`
}
