/** What a repair found, and what it would make or has made of it. */
import type { LogGap } from "../Wal/Salvage.ts"
import type { TornTail } from "../Wal/Recovery.ts"
import type { ValueGap } from "./RepairValues.ts"

/** A document whose newest version cannot be read: the key as 32 hex digits, and where that version lies. */
export interface LostDocument {
  readonly key: string
  readonly file: string
  readonly offset: number
}

/** What becomes of one store. */
export interface RepairedStore {
  readonly name: string
  readonly id: number
  /** Documents it has afterwards. */
  readonly documents: number
  /** Whether its primary tree said where they are, or the value log had to be searched. */
  readonly from: "index" | "values"
  /** Documents that are lost; only the first LOST_LISTED_MAX of a store are listed. */
  readonly lost: { readonly count: number; readonly listed: ReadonlyArray<LostDocument> }
  /** Documents that may have been removed or replaced by what cannot be read: set aside in `file`, BSON one behind the other. */
  readonly uncertain: { readonly count: number; readonly file?: string }
}

/** Documents of a store whose definition is lost: set aside, all of them. */
export interface LostStore {
  readonly id: number
  readonly documents: number
  readonly file: string
}

export interface RepairReport {
  readonly databaseId: string
  /** The new timeline, and the one it comes from. */
  readonly timeline: string
  readonly parent: string
  /** The commit that the repaired database is at. */
  readonly lsn: number
  /** Where the definitions of the stores came from, besides the log. */
  readonly definitions: "index" | "copy" | "log"
  readonly stores: ReadonlyArray<RepairedStore>
  readonly lostStores: ReadonlyArray<LostStore>
  /** Bytes of the value log that cannot be read. */
  readonly values: ReadonlyArray<ValueGap>
  /** Commits that were on disk, are in no other file for certain, and cannot be read. */
  readonly log: ReadonlyArray<LogGap>
  /** No segment of the log is there: what was committed behind the index file is lost, and nobody knows whether there was anything. */
  readonly isLogMissing: boolean
  /** What was never acknowledged and is left out. */
  readonly tornTail?: TornTail
  /** The names that the damaged files get, relative to the directory. */
  readonly setAside: ReadonlyArray<string>
  /** Whether nothing is lost, and nothing was uncertain. */
  readonly isWhole: boolean
}

/** Lost documents that are listed for a store; more are only counted. */
export const LOST_LISTED_MAX = 1000
