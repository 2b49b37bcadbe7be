/** Every name in a database's directory. The lock's files are Disk's, those in `wal` Wal's, those in `values` the value log's. */
import { joinPath } from "../Disk/Volume.ts"

export interface DirectoryNames {
  readonly directory: string
  readonly index: string
  /** The index file while it is made, until it gets its name. */
  readonly newIndex: string
  /** A copy of the definitions, for a repair; and that copy while it is made. */
  readonly definitions: string
  readonly newDefinitions: string
  /** What a repair is about to rename; nobody opens the database while it exists. And that file while it is made. */
  readonly repair: string
  readonly newRepair: string
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
    definitions: joinPath(directory, "definitions.planck"),
    newDefinitions: joinPath(directory, "definitions.new"),
    repair: joinPath(directory, "repair.json"),
    newRepair: joinPath(directory, "repair.new"),
    log: joinPath(directory, "wal"),
    values: joinPath(directory, "values"),
    reserve: joinPath(directory, "reserve")
  }
}
