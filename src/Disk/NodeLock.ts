import * as fs from "node:fs"
import * as os from "node:os"
import { DatabaseSync } from "node:sqlite"
import { Fault } from "../Fault/Fault.ts"
import { codeOf, diskFault } from "./Failure.ts"
import type { DirectoryLock } from "./Volume.ts"
import { joinPath } from "./Volume.ts"

/**
 * One process per directory, decided by the kernel.
 *
 * Invariants
 * - The lock is an exclusive transaction held open on `LOCK`, an empty SQLite database: the kernel drops it with the process, so
 *   a directory can be opened right after a kill -9. Node itself offers no lock on a file.
 * - `LOCK` is never opened by anything else in this process: closing any other handle of it would drop the lock (POSIX).
 * - `LOCK.owner` only tells people who holds it. It is never believed: it may outlive its process.
 */

const LOCK_NAME = "LOCK"
const OWNER_NAME = "LOCK.owner"
const OWNER_BYTES_MAX = 1024

const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6

/** Takes `directory` for this process, or throws `DirectoryLocked` with the owner, or `DiskFailure`. */
export function lockDirectory(directory: string): DirectoryLock {
  const path = joinPath(directory, LOCK_NAME)
  const database = openLock(path)
  try {
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE")
  } catch (error) {
    database.close()
    if (!isBusy(error)) throw diskFault("lock", path, codeOf(error))
    throw new Fault({ _tag: "DirectoryLocked", path: directory, owner: readOwner(directory) })
  }
  const owner = describeProcess()
  const ownerPath = joinPath(directory, OWNER_NAME)
  try {
    fs.writeFileSync(ownerPath, `${owner}\n`, { mode: 0o600 })
  } catch (error) {
    database.close()
    throw diskFault("lock", ownerPath, codeOf(error))
  }
  let held = true
  return {
    owner,
    release: () => {
      if (!held) return
      held = false
      fs.rmSync(ownerPath, { force: true })
      database.close()
    }
  }
}

function openLock(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 0 })
  } catch (error) {
    throw diskFault("lock", path, codeOf(error))
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && (error.errcode === SQLITE_BUSY || error.errcode === SQLITE_LOCKED)
}

function describeProcess(): string {
  const startedAt = new Date(Date.now() - Math.round(process.uptime() * 1000)).toISOString()
  return `process ${process.pid} on ${os.hostname()} since ${startedAt}`
}

/** What the owner file says, as one short line; the lock may be held before the file is written. */
function readOwner(directory: string): string {
  try {
    const text = fs.readFileSync(joinPath(directory, OWNER_NAME), "utf8").slice(0, OWNER_BYTES_MAX).trim()
    return text === "" ? "another process" : text
  } catch {
    return "another process"
  }
}
