/**
 * Answers of read-only handlers, kept for as long as what they rest on is unchanged; see `Storage/Kept.ts`.
 *
 * Invariants
 * - Kept are answers that say the same whoever asks and when: the handler asked for neither time nor randomness nor the request's id, read no
 *   header field, and logged nothing. The caller knows.
 */
import type { ChangeTable } from "../Storage/ChangeTable.ts"
import type { Footprint } from "../Storage/Footprint.ts"
import { Kept } from "../Storage/Kept.ts"
import type { Answer } from "./Answer.ts"

export class AnswerCache {
  private readonly kept: Kept<Answer>

  constructor(changes: ChangeTable, bytesMax: number) {
    this.kept = new Kept(changes, bytesMax)
  }

  /** The answer kept for a target, if it still holds. */
  find(target: string): Answer | undefined {
    return this.kept.find(target)
  }

  /** Whether the answer for a target is to be kept once it is made; see `Kept.admits`. */
  admits(target: string): boolean {
    return this.kept.admits(target)
  }

  /** Keeps a copy of an answer that was made on a snapshot at `lsn`. */
  keep(target: string, answer: Answer, lsn: number, footprint: Footprint): void {
    this.kept.keep(target, answer.body?.length ?? 0, lsn, footprint, () => copyOf(answer))
  }
}

function copyOf({ body, headers, status }: Answer): Answer {
  return { status, headers, body: typeof body === "string" || body === undefined ? body : copyOfBytes(body), waitLsn: 0 }
}

/** A copy outside of Node's pool, whose slabs would stay for the smallest part of them. */
function copyOfBytes(body: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(body.length)
  copy.set(body)
  return copy
}
