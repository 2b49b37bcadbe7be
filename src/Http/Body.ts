/**
 * Collects a request's body by plain callbacks: a stream per request would cost more than everything else (docs/performance.md).
 *
 * Invariants
 * - No more than `bytesMax` bytes are ever held; a declared length above it is refused before a byte is read.
 * - Exactly one outcome is reported, and after it no listener of ours is left.
 */
import type { IncomingMessage } from "node:http"

const EMPTY = new Uint8Array(0)

/** Whether this request has a body to collect. */
export function hasBody(request: IncomingMessage): boolean {
  return request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined
}

export interface BodyOutcome {
  /** All of it. The bytes belong to the receiver. */
  readonly complete: (body: Uint8Array) => void
  /** More than `bytesMax`; what is still to come has to be drained or the connection closed. */
  readonly tooLarge: () => void
  /** The client went away. */
  readonly aborted: () => void
}

/** Collects the body and reports one outcome; gives back a function that stops listening. */
export function collectBody(request: IncomingMessage, bytesMax: number, outcome: BodyOutcome): () => void {
  const declared = Number(request.headers["content-length"] ?? Number.NaN)
  if (declared > bytesMax) {
    outcome.tooLarge()
    return () => {}
  }
  let first: Uint8Array = EMPTY
  let chunks: Array<Uint8Array> | undefined
  let length = 0
  const stop = () => {
    request.off("data", onData)
    request.off("end", onEnd)
    request.off("error", onError)
    request.off("close", onError)
  }
  const onData = (chunk: Uint8Array) => {
    length += chunk.length
    if (length > bytesMax) {
      stop()
      outcome.tooLarge()
    } else if (first.length === 0) first = chunk
    else (chunks ??= [first]).push(chunk)
  }
  const onEnd = () => {
    stop()
    outcome.complete(chunks === undefined ? first : Buffer.concat(chunks, length))
  }
  const onError = () => {
    stop()
    outcome.aborted()
  }
  request.on("data", onData)
  request.on("end", onEnd)
  request.on("error", onError)
  request.on("close", onError)
  return stop
}
