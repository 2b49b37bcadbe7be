/**
 * No engine: writes so many bytes for each entry to a file, and syncs it again and again. What it keeps the event loop from is what a disk costs
 * a process that does nothing else.
 */
import { closeSync, fdatasync, mkdirSync, openSync, writeSync } from "node:fs"
import { dirname } from "node:path"
import type { EngineStore, OpenStore } from "./Store.ts"

const none = (): never => {
  throw new Error("the control only writes")
}

export const openControl =
  (bytesPerEntry: () => number): OpenStore =>
  async (directory) => {
    mkdirSync(dirname(directory), { recursive: true })
    const file = openSync(directory, "w")
    let bytes = Buffer.alloc(0)
    let isSyncing = false
    let isDirty = false
    const sync = (): void => {
      isDirty = isSyncing
      if (isSyncing) return
      isSyncing = true
      fdatasync(file, () => {
        isSyncing = false
        if (isDirty) sync()
      })
    }
    return {
      putBatch: (keys) => {
        const length = Math.round(keys.length * bytesPerEntry())
        if (bytes.length !== length) bytes = Buffer.alloc(length, 1)
        writeSync(file, bytes)
        sync()
      },
      putSynced: none,
      get: none,
      scan: none,
      settle: () => {},
      compact: none,
      close: () => closeSync(file)
    } satisfies EngineStore
  }
