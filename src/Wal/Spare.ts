import { isFault } from "../Fault/Fault.ts"
import type { Fault } from "../Fault/Fault.ts"
import type { DiskFailure, File, SyncDone, Volume } from "../Disk/Volume.ts"
import { joinPath } from "../Disk/Volume.ts"
import type { LogOptions } from "./Options.ts"
import { FILL_BYTES_MAX, SPARE_NAME } from "./Options.ts"
import { encodeHeader, RECORDS_AT } from "./Segment.ts"

/**
 * The next segment while it is prepared: header, zeros and name are brought to disk before a record needs them, so that a rotation
 * costs the commit that meets it no more than a rename.
 *
 * Invariants
 * - Zeros are written in slices and each slice is synced before the next, so that a commit's sync never waits for all of them.
 * - `ready` means: the header is on disk, and the file has a name (`next.new`) that is on disk.
 * - A file whose preparation failed is removed, never used.
 */

const ZEROS = new Uint8Array(FILL_BYTES_MAX)

export type SpareState = "preparing" | "ready" | "failed" | "claimed" | "abandoned"

export class Spare {
  readonly salt: number
  readonly path: string
  state: SpareState = "preparing"
  /** Why it failed. */
  fault: Fault<DiskFailure> | undefined
  readonly #volume: Volume
  readonly #directory: string
  readonly #settled: () => void
  readonly #targetBytes: number
  #file: File | undefined
  #filledBytes = 0
  #hurried = false
  #renamed = false

  /** Starts to prepare a segment of `targetBytes` with this salt. `settled` is called once it is ready or has failed, never within this call. */
  constructor(options: LogOptions, salt: number, targetBytes: number, settled: () => void) {
    this.salt = salt
    this.path = joinPath(options.directory, SPARE_NAME)
    this.#volume = options.volume
    this.#directory = options.directory
    this.#settled = settled
    this.#targetBytes = targetBytes
    try {
      if (this.#volume.exists(this.path)) this.#volume.remove(this.path)
      this.#file = this.#volume.open(this.path, "create")
      this.#file.writeAt(0, encodeHeader(options, salt, options.now()))
      this.#filledBytes = RECORDS_AT
      this.#file.syncData(this.#sliceSynced)
    } catch (error) {
      const fault = asDiskFault(error)
      options.schedule(() => this.#fail(fault))
    }
  }

  /** A record waits for it: leave the zeros that are not written yet. */
  hurry(): void {
    this.#hurried = true
  }

  /**
   * Gives the file its final name and hands it over: it is the log's from here on. Throws `DiskFailure`; it stays ready then, and the
   * claim may be repeated.
   */
  claim(path: string): File {
    if (!this.#renamed) this.#volume.rename(this.path, path)
    this.#renamed = true
    // Opened anew, so that its failures name the file by the name it has.
    const file = this.#volume.open(path, "update")
    this.#file?.close()
    this.#file = undefined
    this.state = "claimed"
    return file
  }

  /** Gives the file up. */
  abandon(): void {
    if (this.state === "claimed") return
    this.state = "abandoned"
    this.#discard()
  }

  readonly #sliceSynced: SyncDone = (fault) => {
    if (this.state !== "preparing") return
    if (fault !== undefined) return this.#fail(fault)
    if (this.#hurried || this.#filledBytes >= this.#targetBytes) {
      this.#volume.syncDirectory(this.#directory, this.#directorySynced)
      return
    }
    try {
      const count = Math.min(FILL_BYTES_MAX, this.#targetBytes - this.#filledBytes)
      this.#file!.writeAt(this.#filledBytes, ZEROS.subarray(0, count))
      this.#filledBytes += count
      this.#file!.syncData(this.#sliceSynced)
    } catch (error) {
      this.#fail(asDiskFault(error))
    }
  }

  readonly #directorySynced: SyncDone = (fault) => {
    if (this.state !== "preparing") return
    if (fault !== undefined) return this.#fail(fault)
    this.state = "ready"
    this.#settled()
  }

  #fail(fault: Fault<DiskFailure>): void {
    if (this.state !== "preparing") return
    this.state = "failed"
    this.fault = fault
    this.#discard()
    this.#settled()
  }

  /** Best effort: a file that cannot be removed now is removed by the next spare or the next start. */
  #discard(): void {
    const file = this.#file
    this.#file = undefined
    if (file === undefined) return
    try {
      file.close()
      this.#volume.remove(this.path)
    } catch (error) {
      asDiskFault(error)
    }
  }
}

/** A thrown disk failure as it is; anything else is a defect and flies on. */
export function asDiskFault(error: unknown): Fault<DiskFailure> {
  if (isFault<DiskFailure & Record<string, unknown>>(error, "DiskFailure")) return error
  throw error
}
