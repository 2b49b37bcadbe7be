/** Every name in a database's directory. The lock's files are Disk's, those in `wal` Wal's, those in `values` the value log's. */
import { joinPath } from "../Disk/Volume.ts"

export interface DirectoryNames {
  readonly directory: string
  readonly index: string
  /** The index file while it is made, until it gets its name. */
  readonly newIndex: string
  readonly log: string
  readonly values: string
  /** Keeps room on the disk for a compaction. */
  readonly reserve: string
}

export function directoryNames(directory: string): DirectoryNames {
  return {
    directory,
    index: joinPath(directory, "index.planck"),
    newIndex: joinPath(directory, "index.new"),
    log: joinPath(directory, "wal"),
    values: joinPath(directory, "values"),
    reserve: joinPath(directory, "reserve")
  }
}
