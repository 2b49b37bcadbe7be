/** What an engine is made from and what it tells about itself. */
import type { Volume } from "../Disk/Volume.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import type { DurabilityLevel } from "../Schema/Definition.ts"
import type { ChunkAllocator } from "./Arena.ts"
import type { BudgetShare, ProcessBudget } from "./Budget.ts"
import type { Catalog } from "./Catalog.ts"
import type { StorageLimits } from "./Limits.ts"
import type { ValueLog } from "./ValueLog.ts"

/** Time, entropy and the disk, which the engine does not have by itself. */
export interface EngineOptions {
  readonly volume: Volume
  /** The directory of the database; made when it does not exist. */
  readonly directory: string
  readonly limits?: Partial<StorageLimits>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly random: (into: Uint8Array) => void
  /** Runs a task at the end of this turn. */
  readonly schedule: (task: () => void) => void
  /** Told what a listener threw; the listener is detached. */
  readonly report: (error: unknown) => void
  /** What answers wait for that rest on stores which do not say so themselves. Default `fsync`. */
  readonly durability?: DurabilityLevel
  /** Memory that several engines share; its limits count then, not those of `limits`. */
  readonly budget?: ProcessBudget
  /** Where the memory of memtables comes from when there is no `budget`. */
  readonly allocator?: ChunkAllocator
}

/** What an engine that has been opened consists of. */
export interface EngineParts {
  readonly options: EngineOptions
  readonly limits: StorageLimits
  readonly share: BudgetShare
  readonly index: IndexFile
  readonly values: ValueLog
  readonly catalog: Catalog
  readonly release: () => void
}

/** What opening found out. Nothing in it is an error; all of it is worth telling an operator. */
export interface RecoveryReport {
  readonly lastLsn: number
  /** Records replayed from the log. */
  readonly replayed: number
  /** The torn tail that was cut away, if any: LSNs that were never acknowledged. */
  readonly cut?: { readonly fromLsn: number; readonly toLsn: number; readonly file: string; readonly offset: number }
  /** Why the index file was opened at its older commit, if it was. */
  readonly fallback?: string
}
