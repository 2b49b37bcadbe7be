import type { Fault } from "../Fault/Fault.ts"

/**
 * The file seam: everything Planck asks of a disk, and nothing else.
 *
 * Invariants
 * - Reads and writes are synchronous and positional; only syncs, and what goes with them, are asynchronous. `done` is never called inside
 *   the call that takes it, and it is called exactly once.
 * - A write is on disk only after a `syncData` that was called after it has completed without a fault. A created, renamed or
 *   removed name is on disk only after a `syncDirectory` of its directory, called after it, has.
 * - After a failed sync nothing written since the last good sync may be trusted, not even when a later sync succeeds.
 * - Every failure is a `Fault` with a `DiskFailure` (or `DirectoryLocked`) reason that names operation and path.
 */

/** What a disk operation was doing when it failed. */
export type DiskOperation =
  | "open"
  | "read"
  | "write"
  | "truncate"
  | "size"
  | "sync"
  | "close"
  | "exists"
  | "list"
  | "makeDirectory"
  | "rename"
  | "remove"
  | "syncDirectory"
  | "lock"

/** The reason of a failed disk operation; `code` is the system's (`ENOSPC`, `EIO`, `ENOENT`…), `offset` in bytes. */
export interface DiskFailure {
  readonly _tag: "DiskFailure"
  readonly operation: DiskOperation
  readonly path: string
  readonly offset?: number
  readonly code: string
}

/** The reason of a refused lock; `owner` says who holds it: process, host and since when. */
export interface DirectoryLocked {
  readonly _tag: "DirectoryLocked"
  readonly path: string
  readonly owner: string
}

/** Told when a sync is over: with the fault, or with nothing when everything it covers is on disk. */
export type SyncDone = (fault: Fault<DiskFailure> | undefined) => void

/**
 * How a file is opened: `read` an existing one, `update` (read and write) an existing one, or `create` a new, empty one for
 * reading and writing. A missing file is `ENOENT`, an existing one under `create` is `EEXIST`.
 */
export type OpenMode = "read" | "update" | "create"

/** An open file, addressed by byte offsets from its start. */
export interface File {
  /** The path it was opened by. A rename does not change it. */
  readonly path: string
  /** Length in bytes. */
  size(): number
  /** Fills `into` from `offset` on and returns the bytes read: fewer than `into.length` only at the end of the file. */
  readAt(offset: number, into: Uint8Array): number
  /** Writes all of `bytes` at `offset`, growing the file when needed; a gap reads as zeros. A failed write may have written a part. */
  writeAt(offset: number, bytes: Uint8Array): void
  /** Cuts or extends (with zeros) to `sizeBytes`. */
  truncate(sizeBytes: number): void
  /** Brings everything written before this call, and the length, to disk. */
  syncData(done: SyncDone): void
  /**
   * Cuts to `sizeBytes` and then does what `syncData` does, without keeping the calling thread: cutting a file waits for syncs that are under
   * way. Until it is over the length is the old or the new one, and nothing may be written. A fault of the operation `truncate` says that it was not
   * cut; nothing was brought to disk then, and nothing is lost.
   */
  truncateAndSync(sizeBytes: number, done: SyncDone): void
  /** Gives the handle back; a sync that is under way still completes and reports. A second close does nothing. */
  close(): void
}

/** A directory lock that is held until `release` or until the process dies. */
export interface DirectoryLock {
  /** The holder as a second opener would be told: `process 4711 on host since 2026-01-01T00:00:00.000Z`. */
  readonly owner: string
  release(): void
}

/**
 * A tree of directories and files. Paths are plain strings with `/` between names.
 *
 * @example
 * ```ts
 * const file = volume.open("data/wal/one", "create")
 * file.writeAt(0, new Uint8Array([1, 2, 3]))
 * file.syncData((fault) => { if (fault === undefined) volume.syncDirectory("data/wal", () => {}) })
 * ```
 */
export interface Volume {
  open(path: string, mode: OpenMode): File
  /** Whether there is a file or directory at `path`. */
  exists(path: string): boolean
  /** The names of the files and directories in `directory`, sorted. */
  list(directory: string): Array<string>
  /** Creates a directory and the missing ones above it; nothing happens when it exists. On disk once each parent is synced. */
  makeDirectory(path: string): void
  /** Renames a file within its directory, replacing what is at `to`. Open handles stay valid. Another directory is `EXDEV`. */
  rename(from: string, to: string): void
  /** Unlinks a file; open handles stay valid. Its room on the disk may come back a moment later, so cut it first where that matters. */
  remove(path: string): void
  /** Brings the names in `directory` (created, renamed and removed before this call) to disk. */
  syncDirectory(directory: string, done: SyncDone): void
  /** Takes the directory for this process, or throws a `DirectoryLocked` fault at once. The directory must exist. */
  lock(directory: string): DirectoryLock
}

/** The last name of a path. `nameOf("data/wal/one")` is `"one"`. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1)
}

/** The directory a path lies in. `parentOf("data/wal")` is `"data"`, `parentOf("data")` is `"."`, `parentOf("/data")` is `"/"`. */
export function parentOf(path: string): string {
  const cut = path.lastIndexOf("/")
  if (cut < 0) return "."
  return cut === 0 ? "/" : path.slice(0, cut)
}

/** A path from its parts. `joinPath("data", "wal")` is `"data/wal"`. */
export function joinPath(directory: string, name: string): string {
  return directory.endsWith("/") ? directory + name : `${directory}/${name}`
}
