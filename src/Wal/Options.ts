import type { Volume } from "../Disk/Volume.ts"
import type { LogIdentity } from "./Segment.ts"
import type { StagingRoom } from "./Staging.ts"

/** Bytes of a segment unless the options say otherwise: 16 MiB. A record that does not fit gets a longer segment of its own. */
export const SEGMENT_BYTES_MAX = 16 * 1024 * 1024

/** Bytes of records that may wait to be written unless the options say otherwise: 8 MiB. One record beyond that waits alone. */
export const STAGING_BYTES_MAX = 8 * 1024 * 1024

/** Bytes of zeros written ahead, and then synced, at a time while the next segment is prepared. */
export const FILL_BYTES_MAX = 1024 * 1024

/** The file under which the next segment is prepared, and the one under which recovery writes a sealed copy. */
export const SPARE_NAME = "next.new"
export const COPY_NAME = "recovered.new"

/** What a log needs from its owner. */
export interface LogOptions extends LogIdentity {
  readonly volume: Volume
  /** The directory of the segments, which exists and whose name is on disk. Nothing else may be kept in it. */
  readonly directory: string
  /** Only this segment, by its name: for a check of one alone. */
  readonly segment?: string
  /** Bytes, default `SEGMENT_BYTES_MAX`. */
  readonly segmentBytesMax?: number
  /** Bytes, default `STAGING_BYTES_MAX`. */
  readonly stagingBytesMax?: number
  /** Memory for what is staged that other logs take from too. */
  readonly stagingRoom?: StagingRoom
  /** Milliseconds since 1970, for the headers of segments. */
  readonly now: () => number
  /** Fills `into` with random bytes, for the salts of segments. Must not throw. */
  readonly random: (into: Uint8Array) => void
  /** Runs a task at the end of this turn; the group that was appended until then is written by it. */
  readonly schedule: (task: () => void) => void
  /** Told what a listener of the log threw. The listener is detached; the log goes on. */
  readonly report: (error: unknown) => void
}
