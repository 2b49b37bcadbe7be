/**
 * Gives the room of the log back once everything in it is in the index file: asked for after a flush, a compaction and before a clean stop.
 *
 *     the segment that is written is sealed  →  a record that changes nothing, in a segment of its own, which is sealed too
 *                                            →  the older meta moves on  →  everything before that record is released
 *
 * The newest sealed segment of a log always stays, as what tells a log that was released from one that was lost. So it is a small one.
 *
 * Invariants
 * - It begins only when nothing is in memory alone, and costs a few syncs; what is committed meanwhile is not touched.
 * - Named holds keep what they keep.
 */
import type { Log } from "../Wal/Log.ts"
import type { StorageLimits } from "./Limits.ts"
import type { LogHolds } from "./LogHolds.ts"

/** What it sees of the engine, and does there. */
export interface LogRestHost {
  /** Undefined while nothing may be written. */
  readonly log: () => Log | undefined
  /** Whether the index file has everything up to the newest LSN, and nobody is about to write. */
  readonly isSettled: () => boolean
  readonly lastLsn: () => number
  /** Sees to it that the older meta moves on to an LSN where the newer one is; true when it is there. */
  readonly settle: (lsn: number) => boolean
  /** Appends the record. */
  readonly append: (log: Log) => void
  readonly wake: () => void
  readonly report: (error: unknown) => void
}

/** A log that takes less than this part of one segment is left as it is. */
const SEGMENT_SHARE_MIN = 1 / 16

export class LogRest {
  readonly #host: LogRestHost
  readonly #holds: LogHolds
  readonly #bytesMin: number
  #isSealing = false
  /** Up to here the log is to be given back. */
  #lsn = 0

  constructor(host: LogRestHost, holds: LogHolds, limits: Pick<StorageLimits, "logSegmentBytesMax">) {
    this.#host = host
    this.#holds = holds
    this.#bytesMin = limits.logSegmentBytesMax * SEGMENT_SHARE_MIN
  }

  /** Begins, when nothing is in memory alone and there is noticeable room to give back; whether it did. Throws `DiskFailure`. */
  begin(): boolean {
    const log = this.#host.log()
    if (log === undefined || this.#isSealing || !this.#host.isSettled()) return false
    if (log.sizeBytes < this.#bytesMin || log.admit(0) !== "admitted") return false
    this.#isSealing = true
    this.#lsn = this.#host.lastLsn()
    log.rotate(() => {})
    this.#host.append(log)
    log.rotate((fault) => {
      this.#isSealing = false
      if (fault === undefined) this.#release()
      this.#host.wake()
    })
    this.#host.settle(this.#lsn)
    return true
  }

  /** Whether what was begun is done, or will not be: the log takes nothing at present. */
  get isOver(): boolean {
    if (this.#host.log() === undefined) return true
    return !this.#isSealing && this.#host.settle(this.#lsn)
  }

  /** What cannot be removed now is tried again after the next commit of the index file. */
  #release(): void {
    try {
      this.#holds.release()
    } catch (error) {
      this.#host.report(error)
    }
  }
}
