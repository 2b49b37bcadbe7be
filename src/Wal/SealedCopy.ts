import type { Fault } from "../Fault/Fault.ts"
import { diskFault } from "../Disk/Failure.ts"
import type { DiskFailure, File } from "../Disk/Volume.ts"
import { joinPath } from "../Disk/Volume.ts"
import type { LogOptions } from "./Options.ts"
import { COPY_NAME } from "./Options.ts"
import type { SegmentFooter } from "./Segment.ts"
import { encodeFooter } from "./Segment.ts"
import { asDiskFault } from "./Spare.ts"

/**
 * A segment that was never sealed, written anew as a sealed one: its valid bytes are copied to a new file, which is synced and renamed
 * over the old. What the page cache says about the old file after a failed sync is thereby on disk, or the copy fails.
 *
 * Invariants
 * - The copied bytes are the same bytes: salt, header and records are kept, so that replicas and archives find what they know.
 * - The old file is not written to. Until the rename is on disk (the directory's sync is the caller's) a crash finds the old one.
 */

const SLICE_BYTES = 1024 * 1024

export class SealedCopy {
  /** `done`: the copy has its name, which is on disk once the directory is synced. */
  state: "copying" | "syncing" | "done" | "failed" = "copying"
  fault: Fault<DiskFailure> | undefined
  readonly #options: LogOptions
  readonly #path: string
  readonly #footer: SegmentFooter
  readonly #salt: number
  readonly #wake: () => void
  readonly #source: File
  readonly #target: File
  readonly #slice: Uint8Array
  #copiedBytes = 0

  /** Copies the segment at `path` up to `footer.offset`. `wake` is called when a sync that `step` waits for is over. */
  constructor(options: LogOptions, path: string, footer: SegmentFooter, salt: number, wake: () => void) {
    this.#options = options
    this.#path = path
    this.#footer = footer
    this.#salt = salt
    this.#wake = wake
    this.#slice = new Uint8Array(Math.min(SLICE_BYTES, footer.offset))
    this.#source = options.volume.open(path, "read")
    const copyPath = joinPath(options.directory, COPY_NAME)
    if (options.volume.exists(copyPath)) options.volume.remove(copyPath)
    this.#target = options.volume.open(copyPath, "create")
  }

  /** Copies about `budgetBytes` more; after the last the syncs start. */
  step(budgetBytes: number): void {
    const end = this.#footer.offset
    const stopAt = Math.min(end, this.#copiedBytes + budgetBytes)
    while (this.#copiedBytes < stopAt) {
      const slice = this.#slice.subarray(0, Math.min(this.#slice.length, end - this.#copiedBytes))
      if (this.#source.readAt(this.#copiedBytes, slice) < slice.length) throw diskFault("read", this.#path, "EIO", this.#copiedBytes)
      this.#target.writeAt(this.#copiedBytes, slice)
      this.#copiedBytes += slice.length
    }
    if (this.#copiedBytes < end) return
    this.#target.writeAt(end, encodeFooter(this.#footer, this.#salt))
    this.state = "syncing"
    this.#target.syncData((fault) => this.#contentSynced(fault))
  }

  #contentSynced(fault: Fault<DiskFailure> | undefined): void {
    this.#finish(fault ?? this.#rename())
  }

  #rename(): Fault<DiskFailure> | undefined {
    try {
      this.#options.volume.rename(joinPath(this.#options.directory, COPY_NAME), this.#path)
      return undefined
    } catch (error) {
      return asDiskFault(error)
    }
  }

  #finish(fault: Fault<DiskFailure> | undefined): void {
    this.fault = fault
    this.state = fault === undefined ? "done" : "failed"
    this.close()
    this.#wake()
  }

  close(): void {
    this.#source.close()
    this.#target.close()
  }
}
