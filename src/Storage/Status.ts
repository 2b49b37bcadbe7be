/** What a database that is open says of itself: where it is, what waits, and what keeps space from being given back. */
import type { WriteAdmission } from "./Admission.ts"
import type { BudgetState } from "./Budget.ts"
import type { BuildState } from "./Builds.ts"
import type { Engine } from "./Engine.ts"
import type { HoldState } from "./LogHolds.ts"
import type { ValueSpace } from "./ValueLog.ts"

export interface Status {
  /** Whether it takes writes, and why not. */
  readonly admission: WriteAdmission
  /** Of the newest commit, the newest on disk, the newest that readers are shown, and the newest in index file and value log. */
  readonly lastLsn: number
  readonly durableLsn: number
  readonly shownLsn: number
  readonly checkpointLsn: number
  readonly frozenMemtables: number
  readonly memtableBytes: number
  /** What all databases of the process have of the memory that they share. */
  readonly memory: BudgetState
  readonly values: ValueSpace
  /** What keeps the log. */
  readonly holds: ReadonlyArray<HoldState>
  /** Long snapshots, which keep value segments. */
  readonly snapshots: ReadonlyArray<{ readonly lsn: number; readonly ageMs: number }>
  readonly builds: ReadonlyArray<BuildState>
}

/** Throws `DiskFailure` where a file cannot be measured. */
export function statusOf(engine: Engine, nowMs: number): Status {
  const { activeBytes, frozenMemtables } = engine.backlog
  return {
    admission: engine.admission(),
    lastLsn: engine.lastLsn,
    durableLsn: engine.durableLsn,
    shownLsn: engine.shownLsn,
    checkpointLsn: engine.index.current().checkpoint.lsn,
    frozenMemtables,
    memtableBytes: activeBytes,
    memory: engine.share.budget.state,
    values: engine.space,
    holds: engine.logHolds.states(),
    snapshots: engine.longSnapshots.map(({ lsn, startMs }) => ({ lsn, ageMs: nowMs - startMs })),
    builds: engine.builds()
  }
}
