import * as Schema from "effect/Schema"
import { isFault } from "../Fault/Fault.ts"
import type { DirectoryLocked as DirectoryLockedReason, DiskFailure as DiskFailureReason } from "./Volume.ts"

/** A disk operation failed; `code` is the system's, `offset` in bytes where there is one. */
export class DiskFailure extends Schema.TaggedError<DiskFailure>()("DiskFailure", {
  operation: Schema.String,
  path: Schema.String,
  offset: Schema.optionalKey(Schema.Int),
  code: Schema.String
}) {
  override get message(): string {
    return `${this.operation} of ${this.path}${this.offset === undefined ? "" : ` at ${this.offset}`} failed: ${this.code}`
  }
}

/** The directory belongs to a running process; `owner` says to which. */
export class DirectoryLocked extends Schema.TaggedError<DirectoryLocked>()("DirectoryLocked", {
  path: Schema.String,
  owner: Schema.String
}) {
  override get message(): string {
    return `${this.path} is in use by ${this.owner}`
  }
}

/**
 * What can go wrong with a disk.
 *
 * @example
 * ```ts
 * const isInUse = (error: unknown) => error instanceof DiskError && error.reason._tag === "DirectoryLocked"
 * ```
 */
export class DiskError extends Schema.TaggedError<DiskError>()("DiskError", {
  reason: Schema.Union([DiskFailure, DirectoryLocked])
}) {
  override get message(): string {
    return this.reason.message
  }
}

/** The disk error in a thrown fault, or `undefined` when the fault is not the disk's. */
export function toDiskError(error: unknown): DiskError | undefined {
  if (isFault<DiskFailureReason & Record<string, unknown>>(error, "DiskFailure")) {
    return new DiskError({ reason: new DiskFailure(error.reason) })
  }
  if (isFault<DirectoryLockedReason & Record<string, unknown>>(error, "DirectoryLocked")) {
    return new DiskError({ reason: new DirectoryLocked(error.reason) })
  }
  return undefined
}
