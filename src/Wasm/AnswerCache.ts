/**
 * Answers of read-only handlers, kept for as long as what they rest on is unchanged.
 *
 * Invariants
 * - An answer is given again only if no commit since the snapshot it was made on has changed anything its handler looked at. What was looked
 *   at is known exactly or more coarsely, never less: a document by its key, a range of an index by what its keys have in common.
 * - Kept are answers that say the same whoever asks and when: the handler asked for neither time nor randomness nor the request's id, read no
 *   header field, and logged nothing.
 * - The bytes of all answers, with what keeping them costs, stay within `bytesMax`. The one that came first goes first, but an answer that was
 *   asked for again stays another round.
 */
import type { ChangeTable } from "../Storage/ChangeTable.ts"
import { type Footprint, isUnchanged } from "../Storage/Footprint.ts"
import type { Answer } from "./Answer.ts"

/** What an entry takes besides its texts: objects, table, stripes of a usual list. About. */
const ENTRY_BYTES = 400
/** Share of `bytesMax` that one answer may take. */
const ANSWER_SHARE_MAX = 1 / 16

class KeptAnswer implements Answer {
  readonly status: number
  readonly headers: ReadonlyArray<string>
  readonly body: Uint8Array | string | undefined
  readonly waitLsn = 0
  readonly lsn: number
  readonly stripes: Int32Array
  readonly sizeBytes: number
  /** Whether it was given again since it was kept, or since it last escaped being dropped. */
  isUsed = false

  constructor({ status, headers, body }: Answer, lsn: number, stripes: Int32Array, sizeBytes: number) {
    this.status = status
    this.headers = headers
    this.body = typeof body === "string" || body === undefined ? body : copyOf(body)
    this.lsn = lsn
    this.stripes = stripes
    this.sizeBytes = sizeBytes
  }
}

export class AnswerCache {
  /** Answers given again, and requests for which there was none, so far. */
  hits = 0
  misses = 0
  private sizeBytes = 0
  private readonly entries = new Map<string, KeptAnswer>()
  private readonly changes: ChangeTable
  private readonly bytesMax: number

  constructor(changes: ChangeTable, bytesMax: number) {
    this.changes = changes
    this.bytesMax = bytesMax
  }

  /** The answer kept for a target, if it still holds. */
  find(target: string): Answer | undefined {
    const found = this.entries.get(target)
    if (found !== undefined && isUnchanged(this.changes, found.stripes, found.lsn)) {
      found.isUsed = true
      this.hits++
      return found
    }
    this.misses++
    return undefined
  }

  /** Keeps a copy of an answer that was made on a snapshot at `lsn`. */
  keep(target: string, answer: Answer, lsn: number, footprint: Footprint): void {
    const stripes = footprint.stripes()
    const sizeBytes = ENTRY_BYTES + target.length + (answer.body?.length ?? 0) + stripes.byteLength
    if (footprint.isBoundless || sizeBytes > this.bytesMax * ANSWER_SHARE_MAX) return
    this.drop(target)
    this.makeRoom(sizeBytes)
    this.entries.set(target, new KeptAnswer(answer, lsn, stripes, sizeBytes))
    this.sizeBytes += sizeBytes
  }

  private makeRoom(bytes: number): void {
    for (const [target, entry] of this.entries) {
      if (this.sizeBytes + bytes <= this.bytesMax) return
      this.drop(target)
      if (!entry.isUsed) continue
      entry.isUsed = false
      this.entries.set(target, entry)
      this.sizeBytes += entry.sizeBytes
    }
  }

  private drop(target: string): void {
    const entry = this.entries.get(target)
    if (entry === undefined) return
    this.entries.delete(target)
    this.sizeBytes -= entry.sizeBytes
  }
}

/** A copy outside of Node's pool, whose slabs would stay for the smallest part of them. */
function copyOf(body: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(body.length)
  copy.set(body)
  return copy
}
