/**
 * What the gateway hands to a service and what it gets back: plain data, no promise, no Effect.
 *
 * Invariants
 * - No byte of an answer may leave before `waitLsn` is durable. 0 means that nothing has to be waited for.
 * - A pooled answer's body lives in a buffer that is used again: give the answer back with `service.release(answer)` once the bytes are
 *   with the socket (in the callback of `end`), and do not touch `body` afterwards. Releasing twice, or an answer without a pooled buffer, does nothing.
 */

/** Header fields of a request, as `node:http` has them: lower-case names, one string, or several for the few that may repeat. */
export interface RequestHeaders {
  readonly [name: string]: string | ReadonlyArray<string> | undefined
}

/**
 * A request, as the gateway has matched and collected it.
 *
 * `params` are the raw (still percent-encoded) path segments in the order in which the pattern names them, a wildcard being the last one;
 * `query` is the raw text after `?`, without it; `body` is complete and within the gateway's size limit.
 */
export interface Request {
  readonly method: string
  readonly path: string
  readonly params: ReadonlyArray<string>
  readonly query: string
  readonly headers: RequestHeaders
  readonly body: Uint8Array | undefined
  readonly contentType: string | undefined
  readonly requestId: string
  /** Milliseconds since 1970; what the handler sees as the current time, fixed for the length of the call. */
  readonly nowMs: number
}

/**
 * An answer, complete: status, header fields as a flat list `name, value, name, value…` (`content-type` included when there is a body,
 * `content-length` left to the gateway), and the body as bytes, as a short ASCII string, or absent.
 */
export interface Answer {
  readonly status: number
  readonly headers: ReadonlyArray<string>
  readonly body: Uint8Array | string | undefined
  /** The LSN that must be durable before anything of this answer leaves; 0 when nothing has to be waited for. */
  readonly waitLsn: number
}
