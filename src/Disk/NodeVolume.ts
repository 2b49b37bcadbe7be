import * as fs from "node:fs"
import { codeOf, diskFault } from "./Failure.ts"
import { lockDirectory } from "./NodeLock.ts"
import { readFully, writeFully } from "./Transfer.ts"
import type { Attempt } from "./Transfer.ts"
import type { DirectoryLock, DiskOperation, File, OpenMode, SyncDone, Volume } from "./Volume.ts"
import { parentOf } from "./Volume.ts"

/**
 * The volume of the real file system: the only file of Planck's core that opens, reads and writes files.
 *
 * Invariants
 * - Reads and writes run on the calling thread (a cached read costs 1 µs, a hop through libuv 6); syncs run on libuv's pool.
 * - A handle is given back to the system only when no sync of it is under way, so a sync never meets a reused descriptor.
 * - A removed file's name is gone when the call returns. Its blocks are given back on libuv's pool, one file after the other: for a segment
 *   of 16 MiB that takes the system 6 ms, and the thread that takes requests is not to wait for it. So it is with a file that is replaced: a
 *   small one takes 1 to 5 ms while syncs are under way.
 */

const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700
/** Removed files whose blocks may wait to be given back; what is removed beyond that gives them back at once. */
const REMOVALS_WAITING_MAX = 64
/** Never waits, whatever is there. */
const REMOVE_FLAGS = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK
const OPEN_FLAGS: Record<OpenMode, string> = { read: "r", update: "r+", create: "wx+" }

/** Runs a call of the system and turns what it throws into a `DiskFailure`. */
function attempt<A>(operation: DiskOperation, path: string, call: () => A, offset?: number): A {
  try {
    return call()
  } catch (error) {
    throw diskFault(operation, path, codeOf(error), offset)
  }
}

class NodeFile implements File {
  readonly path: string
  readonly #descriptor: number
  readonly #read: Attempt
  readonly #write: Attempt
  #syncsUnderWay = 0
  #closed = false

  constructor(path: string, descriptor: number) {
    this.path = path
    this.#descriptor = descriptor
    this.#read = (bytes, at, length, offset) => fs.readSync(descriptor, bytes, at, length, offset)
    this.#write = (bytes, at, length, offset) => fs.writeSync(descriptor, bytes, at, length, offset)
  }

  size(): number {
    this.#assertOpen("size")
    return attempt("size", this.path, () => fs.fstatSync(this.#descriptor).size)
  }

  readAt(offset: number, into: Uint8Array): number {
    this.#assertOpen("read")
    try {
      return readFully(this.#read, offset, into)
    } catch (error) {
      throw diskFault("read", this.path, codeOf(error), offset)
    }
  }

  writeAt(offset: number, bytes: Uint8Array): void {
    this.#assertOpen("write")
    try {
      writeFully(this.#write, offset, bytes)
    } catch (error) {
      throw diskFault("write", this.path, codeOf(error), offset)
    }
  }

  truncate(sizeBytes: number): void {
    this.#assertOpen("truncate")
    attempt("truncate", this.path, () => fs.ftruncateSync(this.#descriptor, sizeBytes), sizeBytes)
  }

  syncData(done: SyncDone): void {
    this.#assertOpen("sync")
    this.#syncsUnderWay++
    fs.fdatasync(this.#descriptor, (error) =>
      this.#syncOver(error === null ? undefined : diskFault("sync", this.path, codeOf(error)), done)
    )
  }

  truncateAndSync(sizeBytes: number, done: SyncDone): void {
    this.#assertOpen("truncate")
    this.#syncsUnderWay++
    fs.ftruncate(this.#descriptor, sizeBytes, (refused) => {
      if (refused !== null) return this.#syncOver(diskFault("truncate", this.path, codeOf(refused), sizeBytes), done)
      fs.fdatasync(this.#descriptor, (error) =>
        this.#syncOver(error === null ? undefined : diskFault("sync", this.path, codeOf(error)), done)
      )
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#syncsUnderWay === 0) this.#release()
  }

  #syncOver(fault: Parameters<SyncDone>[0], done: SyncDone): void {
    this.#syncsUnderWay--
    if (this.#closed && this.#syncsUnderWay === 0) this.#release()
    done(fault)
  }

  #release(): void {
    attempt("close", this.path, () => fs.closeSync(this.#descriptor))
  }

  #assertOpen(operation: DiskOperation): void {
    if (this.#closed) throw diskFault(operation, this.path, "EBADF")
  }
}

/** Keeps a file's blocks beyond its name; undefined where it cannot be opened, and removing it says why. */
function descriptorOf(path: string): number | undefined {
  try {
    return fs.openSync(path, REMOVE_FLAGS)
  } catch {
    return undefined
  }
}

/**
 * The file system of this machine.
 *
 * @example
 * ```ts
 * const volume = new NodeVolume()
 * volume.makeDirectory("data")
 * const lock = volume.lock("data")
 * ```
 */
export class NodeVolume implements Volume {
  /** Of removed files, which keep their blocks until they are closed. The first is being closed. */
  readonly #removed: Array<number> = []

  open(path: string, mode: OpenMode): File {
    return new NodeFile(
      path,
      attempt("open", path, () => fs.openSync(path, OPEN_FLAGS[mode], FILE_MODE))
    )
  }

  exists(path: string): boolean {
    return attempt("exists", path, () => fs.statSync(path, { throwIfNoEntry: false })) !== undefined
  }

  list(directory: string): Array<string> {
    return attempt("list", directory, () => fs.readdirSync(directory)).toSorted()
  }

  makeDirectory(path: string): void {
    attempt("makeDirectory", path, () => fs.mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE }))
  }

  rename(from: string, to: string): void {
    if (parentOf(from) !== parentOf(to)) throw diskFault("rename", from, "EXDEV")
    this.#keepingBlocks(to, () => attempt("rename", from, () => fs.renameSync(from, to)))
  }

  remove(path: string): void {
    this.#keepingBlocks(path, () => attempt("remove", path, () => fs.unlinkSync(path)))
  }

  /** Does what takes the file at `path` its name; its blocks are given back afterwards, on the pool. */
  #keepingBlocks(path: string, work: () => void): void {
    const descriptor = this.#removed.length < REMOVALS_WAITING_MAX ? descriptorOf(path) : undefined
    try {
      work()
    } finally {
      if (descriptor !== undefined && this.#removed.push(descriptor) === 1) this.#closeRemoved()
    }
  }

  /** Closes what waits, one after the other, so that syncs find a thread of the pool. What cannot be closed holds no data anybody needs. */
  #closeRemoved(): void {
    const [descriptor] = this.#removed
    if (descriptor === undefined) return
    fs.close(descriptor, () => {
      this.#removed.shift()
      this.#closeRemoved()
    })
  }

  syncDirectory(directory: string, done: SyncDone): void {
    fs.open(directory, "r", (openError, descriptor) => {
      if (openError !== null) return done(diskFault("syncDirectory", directory, codeOf(openError)))
      fs.fsync(descriptor, (syncError) => {
        fs.close(descriptor, (closeError) => {
          const error = syncError ?? closeError
          done(error === null || error === undefined ? undefined : diskFault("syncDirectory", directory, codeOf(error)))
        })
      })
    })
  }

  lock(directory: string): DirectoryLock {
    return lockDirectory(directory)
  }
}
