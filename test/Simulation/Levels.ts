/**
 * What a database promises of its commits that are not on disk yet, by the levels of the stores that each wrote to: kept here by what its
 * listeners are told of each commit, and by the definitions of the model.
 *
 * Invariants
 * - A commit that wrote to a store that waits for the disk, or is no transaction, is awaited: nobody is shown it before it is on disk.
 * - Commits that are not awaited are shown as soon as every awaited one before them is on disk, and may be lost: the newest first.
 */
import type { StoreDefinition } from "../../src/Schema/Definition.ts"

type Level = NonNullable<StoreDefinition["durability"]>

const STRICTEST: ReadonlyArray<Level> = ["fsync", "interval", "memory"]

export class CommitLevels {
  /** Of transactions that are not awaited. */
  readonly #relaxed = new Map<number, Level>()

  /** A transaction wrote to stores of these levels. */
  committed(lsn: number, levels: ReadonlySet<Level>): void {
    const level = STRICTEST.find((it) => levels.has(it)) ?? "fsync"
    if (level !== "fsync") this.#relaxed.set(lsn, level)
  }

  /** The newest LSN that readers are shown when everything up to `durableLsn` is on disk. */
  shownLsn(durableLsn: number): number {
    let lsn = durableLsn
    while (this.#relaxed.has(lsn + 1)) lsn++
    return lsn
  }

  /** Of what is shown at `lsn`, the part that no crash may take back. */
  promisedLsn(lsn: number, durableLsn: number): number {
    let promised = lsn
    while (promised > durableLsn && this.#relaxed.has(promised)) promised--
    return promised
  }

  /** The newest commit up to `lsn` that has to get to disk by itself, and not only with another. */
  dueLsn(lsn: number): number {
    let due = lsn
    while (this.#relaxed.get(due) === "memory") due--
    return due
  }

  /** What was after `lsn` is lost; how many relaxed commits that were. */
  forgetAfter(lsn: number): number {
    const lost = [...this.#relaxed.keys()].filter((it) => it > lsn)
    for (const it of lost) this.#relaxed.delete(it)
    return lost.length
  }

  follow(other: CommitLevels): void {
    for (const [lsn, level] of other.#relaxed) this.#relaxed.set(lsn, level)
  }
}
