import type { File, SyncDone } from "../Disk/Volume.ts"
import { encodeFooter, FOOTER_BYTES, RECORDS_AT } from "./Segment.ts"

/** A segment that will never change again. `lastLsn` is at least `firstLsn`. */
export interface SealedSegment {
  readonly path: string
  readonly firstLsn: number
  readonly lastLsn: number
}

/**
 * A segment that takes records: planned (no file yet), then open.
 *
 * Invariants
 * - Records are given their place when they are appended (`plannedAt`) and reach the file in that order (`writtenAt`); what lies between
 *   the two is staged.
 * - Once `complete` it takes no further record, and it is sealed when nothing of it is staged and everything of it is on disk.
 */
export class OpenSegment {
  readonly path: string
  readonly salt: number
  readonly firstLsn: number
  file: File | undefined
  plannedAt = RECORDS_AT
  writtenAt = RECORDS_AT
  complete = false
  /** Whether the segment after this one has been started. */
  nextPrepared = false
  lastLsn: number
  firstCommitTimeMs = 0
  lastCommitTimeMs = 0
  lastChecksum = 0
  epoch = 0

  constructor(path: string, salt: number, firstLsn: number) {
    this.path = path
    this.salt = salt
    this.firstLsn = firstLsn
    this.lastLsn = firstLsn - 1
  }

  get isEmpty(): boolean {
    return this.plannedAt === RECORDS_AT
  }

  /** Bytes appended and not yet written. */
  get stagedBytes(): number {
    return this.plannedAt - this.writtenAt
  }

  /** Whether a record of `bytes` still fits, with the footer, within `bytesMax`. The first record always does. */
  takes(bytes: number, bytesMax: number): boolean {
    return !this.complete && (this.isEmpty || this.plannedAt + bytes + FOOTER_BYTES <= bytesMax)
  }

  /** Notes a record that was given its place. */
  note(bytes: number, lsn: number, commitTimeMs: number, epoch: number, checksum: number): void {
    if (this.isEmpty) this.firstCommitTimeMs = commitTimeMs
    this.plannedAt += bytes
    this.lastLsn = lsn
    this.lastCommitTimeMs = commitTimeMs
    this.epoch = epoch
    this.lastChecksum = checksum
  }

  /** Writes the footer after the last record. May be repeated after a failure. */
  writeFooter(): void {
    const { firstLsn, lastLsn, firstCommitTimeMs, lastCommitTimeMs, lastChecksum, epoch, writtenAt: offset } = this
    const footer = { firstLsn, lastLsn, firstCommitTimeMs, lastCommitTimeMs, lastChecksum, epoch, offset }
    this.file!.writeAt(offset, encodeFooter(footer, this.salt))
  }

  /** Cuts what was filled with zeros beyond the footer, and brings everything to disk. May be repeated when it was not cut. */
  cutAndSync(done: SyncDone): void {
    this.file!.truncateAndSync(this.writtenAt + FOOTER_BYTES, done)
  }
}
