/**
 * Durability levels: what an answer waits for, and what a reader is shown.
 *
 * A commit that wrote to a store of level `fsync` is **awaited**: nothing that may rest on it leaves, and no snapshot shows it, before it is
 * on disk. Any other commit is **relaxed**: it is shown once every awaited commit before it is on disk.
 *
 * Invariants
 * - What is shown is one LSN. No awaited commit between the durable LSN and the shown one exists, so the stores of level `fsync` look there
 *   exactly as they do at the durable LSN.
 * - Whoever waited for the newest awaited commit is shown every commit before that moment.
 * - The level changes neither what is logged nor its order: a relaxed commit is on disk before any later one is.
 */
import type { DurabilityLevel } from "../Schema/Definition.ts"
import type { Catalog } from "./Catalog.ts"
import type { Store } from "./Reader.ts"
import { OperationReader } from "./TransactionRecord.ts"

export type { DurabilityLevel }

const STRICTNESS: Readonly<Record<DurabilityLevel, number>> = { memory: 0, interval: 1, fsync: 2 }

/** Which level stores and transactions have. */
export class Levels {
  readonly #default: DurabilityLevel
  /** The catalog looked at last, and whether any store in it is relaxed. */
  #catalog: Catalog | undefined
  #isAnyRelaxed = false

  /** `level` is that of stores that do not say which. */
  constructor(level: DurabilityLevel) {
    this.#default = level
  }

  /** The level of a store. The engine's own stores are synced unless they say otherwise. */
  of({ definition }: Store): DurabilityLevel {
    return definition.durability ?? (definition.name.startsWith("$") ? "fsync" : this.#default)
  }

  /** The level of the strictest store that is written to by the transaction with this record's body. */
  ofTransaction(body: Uint8Array, length: number, catalog: Catalog): DurabilityLevel {
    if (catalog !== this.#catalog) {
      this.#catalog = catalog
      this.#isAnyRelaxed = catalog.stores.some((store) => this.of(store) !== "fsync")
    }
    return this.#isAnyRelaxed ? this.#strictest(body, length, catalog) : "fsync"
  }

  #strictest(body: Uint8Array, length: number, catalog: Catalog): DurabilityLevel {
    const operations = new OperationReader(body, 0, length)
    let strictest: DurabilityLevel = "memory"
    let last = 0
    while (strictest !== "fsync" && operations.next()) {
      if (operations.store === last) continue
      last = operations.store
      const level = this.of(catalog.storeById(last)!)
      if (STRICTNESS[level] > STRICTNESS[strictest]) strictest = level
    }
    return strictest
  }
}

/** What is shown of the commits that are not on disk yet. */
export class Shown {
  /** The newest commit that has to be on disk before anything leaves that may rest on it. */
  awaitedLsn: number
  /** Whether a commit of level `interval` waits for a sync to be asked for. */
  isSyncDue = false
  /**
   * The LSNs of relaxed commits behind the durable LSN, as runs without gaps: first, last, first, last, …. At most as many as there are
   * records that wait for the disk.
   */
  #runs: Array<number> = []

  constructor(lsn: number) {
    this.awaitedLsn = lsn
  }

  /** Notes a commit that was not awaited; an awaited one only sets `awaitedLsn`. */
  relaxed(lsn: number): void {
    const runs = this.#runs
    if (runs.length > 0 && runs.at(-1) === lsn - 1) runs[runs.length - 1] = lsn
    else runs.push(lsn, lsn)
  }

  /** Notes that a sync has to be asked for in time; whether that is news. */
  becomesDue(): boolean {
    if (this.isSyncDue) return false
    this.isSyncDue = true
    return true
  }

  /** The LSN that readers are shown when everything up to `durableLsn` is on disk. */
  lsn(durableLsn: number): number {
    const runs = this.#runs
    return runs.length > 0 && runs[0]! <= durableLsn + 1 ? Math.max(runs[1]!, durableLsn) : durableLsn
  }

  /** Everything up to `durableLsn` is on disk: what is behind it need not be known any longer. */
  settle(durableLsn: number): void {
    const runs = this.#runs
    let over = 0
    while (over < runs.length && runs[over + 1]! <= durableLsn) over += 2
    if (over > 0) this.#runs = runs.slice(over)
  }

  /** The log takes nothing more: what is not on disk is shown no longer. Whether any of it was. */
  forget(): boolean {
    const wasShown = this.#runs.length > 0
    this.#runs = []
    return wasShown
  }
}
