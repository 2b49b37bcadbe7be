/** The form every suite reports in. */
export interface Row {
  readonly work: string
  readonly peer: string
  /** Null where the row is a figure of another kind; the suite's notes say which. */
  readonly perSecond: number | null
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  /** Processor time of the serving process per request; null where the system does not tell. */
  readonly cpuMicros: number | null
  /** Sync calls under this load; null when they were not counted (only writes are, and only where strace is installed). */
  readonly syncsPerSecond: number | null
  /** How many times the peer the suite compares with. */
  readonly ratio: number
}

export interface Report {
  readonly suite: string
  readonly notes: ReadonlyArray<string>
  readonly rows: ReadonlyArray<Row>
}

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

/**
 * How many times as much as the reference, in the median of the rounds: what a machine that others use too gives differs from one second to
 * the next, and hardly within a round.
 */
export const medianRatio = (own: ReadonlyArray<number>, reference: ReadonlyArray<number>): number =>
  median(own.map((value, round) => value / (reference[round] ?? Number.NaN)))

const number = (value: number | null, digits: number): string => (value === null ? "–" : value.toFixed(digits))

/** A Markdown table, so that it can go into docs/performance.md as it is. */
export function table(report: Report): string {
  const head = ["work", "peer", "per second", "p50 ms", "p99 ms", "CPU µs", "syncs/s", "ratio"]
  const rows = report.rows.map((row) => [
    row.work,
    row.peer,
    number(row.perSecond, 0),
    number(row.p50Ms, 2),
    number(row.p99Ms, 1),
    number(row.cpuMicros, 1),
    number(row.syncsPerSecond, 0),
    number(row.ratio, 3)
  ])
  const lines = [head, ["---", "---", "--:", "--:", "--:", "--:", "--:", "--:"], ...rows].map((cells) => `| ${cells.join(" | ")} |`)
  return [...report.notes.map((note) => `* ${note}`), "", ...lines].join("\n")
}
