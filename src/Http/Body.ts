/**
 * Collects a request's body by plain callbacks: a stream per request would cost more than everything else (docs/performance.md).
 *
 * Invariants
 * - No more than `bytesMax` bytes are ever held; a declared length above it is refused before a byte is read.
 * - At most one outcome is reported. A client that goes away reports none: whoever waits listens to the response's `close`, and stops.
 */
import type { IncomingMessage } from "node:http"

const EMPTY = new Uint8Array(0)

export interface BodyOutcome {
  /** All of it. The bytes belong to the receiver. */
  readonly complete: (body: Uint8Array) => void
  /** More than `bytesMax`; what is still to come has to be drained or the connection closed. */
  readonly tooLarge: () => void
}

/** Collects a body of `declaredBytes` (NaN when nobody said) and reports one outcome. */
export function collectBody(request: IncomingMessage, declaredBytes: number, bytesMax: number, outcome: BodyOutcome): void {
  if (declaredBytes > bytesMax) return outcome.tooLarge()
  let first: Uint8Array = EMPTY
  let chunks: Array<Uint8Array> | undefined
  let length = 0
  request.on("data", (chunk: Uint8Array) => {
    const isOver = length > bytesMax
    length += chunk.length
    if (length > bytesMax) {
      if (!isOver) outcome.tooLarge()
    } else if (first.length === 0) first = chunk
    else (chunks ??= [first]).push(chunk)
  })
  request.on("end", () => {
    if (length <= bytesMax) outcome.complete(chunks === undefined ? first : Buffer.concat(chunks, length))
  })
}
