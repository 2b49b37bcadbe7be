/** What the runs of a batch must have met at least once, or they prove less than they seem to. */

export const SITUATIONS = [
  "power cut",
  "power cut while opening",
  "power cut while flushing",
  "power cut while an index is built",
  "power cut in a transaction",
  "kill",
  "kill while opening",
  "clean stop",
  "torn tail cut",
  "older meta used",
  "newer meta destroyed",
  "flush with build and snapshot",
  "oversize segment",
  "log segment released",
  "value segment closed",
  "no room at rotate",
  "no room in the log",
  "no room in a flush",
  "no room while opening",
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
  "index built",
  "index build begun again",
  "index dropped",
  "other database seen",
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
