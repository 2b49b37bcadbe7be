/** What the runs of a batch must have met at least once, or they prove less than they seem to. */

export const SITUATIONS = [
  "power cut",
  "power cut while opening",
  "power cut while flushing",
  "power cut while an index is built",
  "power cut while compacting",
  "power cut in a backup",
  "power cut in a restore",
  "power cut in a transaction",
  "kill",
  "kill while opening",
  "clean stop",
  "torn tail cut",
  "older meta used",
  "newer meta destroyed",
  "flush with build and snapshot",
  "flush with compaction, build and snapshot",
  "small root pushed",
  "small root merged",
  "value segments compacted",
  "value segment given back",
  "index file made smaller",
  "backup taken",
  "backup after another",
  "backup restored",
  "oversize segment",
  "log segment released",
  "log put to rest",
  "value segment closed",
  "no room at rotate",
  "no room in the log",
  "no room in a flush",
  "no room while opening",
  "reserve given up",
  "written again after the disk was full",
  "failed write",
  "failed read",
  "failed sync of the log",
  "failed sync in a flush",
  "failed directory sync",
  "failed sync while opening",
  "poisoned",
  "recovered from poison",
  "reads while poisoned",
  "writers wait",
  "sync never returned",
  "clock went back",
  "savepoint rolled back",
  "transaction rolled back",
  "transaction open meanwhile",
  "snapshot held over a flush",
  "snapshot expired",
  "long snapshot held over a compaction",
  "long snapshot expired",
  "hold broken for the space it kept",
  "log kept for a reader",
  "hold on the log broken",
  "commit shown before it is on disk",
  "commit lost that nobody waited for",
  "sync asked for in time",
  "answer waits for the disk",
  "nothing found, and that waits for the disk",
  "document expired",
  "statement refused for values that come twice",
  "commit refused for values that come twice",
  "build ended by duplicates",
  "index built",
  "index build begun again",
  "index build gone on with after a restart",
  "index dropped",
  "index dropped while it is built",
  "field added",
  "store dropped",
  "store dropped under a snapshot",
  "store made again after it was dropped",
  "other database seen",
  "migration begun",
  "migration gone on with after an end",
  "migration given up",
  "slice of a migration refused",
  "commit of a slice refused",
  "migration ended by documents",
  "migration ended by values that come twice",
  "document migrated again",
  "store migrated by steps",
  "store migrated by a program",
  "document of a version before removed",
  "power cut in a migration",
  "power cut before new names were on disk",
  "lost write",
  "misdirected write",
  "bit rot",
  "damage found while opening",
  "damage found by a reader"
] as const

export type Situation = (typeof SITUATIONS)[number]

export class Coverage {
  readonly #counts = new Map<Situation, number>()

  note(situation: Situation): void {
    this.#counts.set(situation, this.count(situation) + 1)
  }

  count(situation: Situation): number {
    return this.#counts.get(situation) ?? 0
  }

  add(other: Coverage): void {
    for (const situation of SITUATIONS) {
      const count = other.count(situation)
      if (count > 0) this.#counts.set(situation, this.count(situation) + count)
    }
  }

  /** What was never met. */
  get missing(): ReadonlyArray<Situation> {
    return SITUATIONS.filter((situation) => this.count(situation) === 0)
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries(SITUATIONS.map((situation) => [situation, this.count(situation)]))
  }
}
