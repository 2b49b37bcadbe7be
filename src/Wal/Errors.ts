import type { DiskFailure } from "../Disk/Volume.ts"

/**
 * The reasons a log fails with. They are thrown as faults by the core; the door of the engine (Storage) turns them into its own
 * tagged error.
 */

/** Something that was durable is no longer right: refuse to open. `offset` in bytes of `file`; `message` says what to do. */
export interface LogDamaged {
  readonly _tag: "LogDamaged"
  readonly file: string
  readonly offset: number
  /** The LSN that was expected there. */
  readonly lsn: number
  readonly message: string
}

/** A segment of another database or timeline lies in the directory. */
export interface ForeignSegment {
  readonly _tag: "ForeignSegment"
  readonly file: string
  readonly message: string
}

/** The segment was written by a newer build, in a format this one does not know. */
export interface UnsupportedFormat {
  readonly _tag: "UnsupportedFormat"
  readonly file: string
  readonly format: number
  readonly message: string
}

/** A record of a kind this build does not know and may not pass over. */
export interface UnknownRecord {
  readonly _tag: "UnknownRecord"
  readonly file: string
  readonly offset: number
  readonly lsn: number
  readonly kind: number
  readonly message: string
}

/** A record was appended that the log does not take, as `takes` says: nothing was changed. */
export interface NotAdmitted {
  readonly _tag: "NotAdmitted"
  readonly admission: string
}

/** Why recovery refuses to open a log. */
export type RecoveryReason = LogDamaged | ForeignSegment | UnsupportedFormat | UnknownRecord | DiskFailure
