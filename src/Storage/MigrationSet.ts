/**
 * Migrations of stores that go over to their new versions together.
 *
 * Invariants
 * - The stores change their names only when everything that was made for them is on disk. Until that change is on disk itself readers are at
 *   an LSN before it, and find the stores by the names they have now: what they find is whole.
 */
import type { StoreDefinition } from "../Schema/Definition.ts"
import type { MigrationPrograms } from "./Conversion.ts"
import { type MigrationEngine, type MigrationLimits, StoreMigration } from "./StoreMigration.ts"

export class MigrationSet {
  readonly #engine: MigrationEngine
  readonly #migrations: Array<StoreMigration> = []
  #release: (() => void) | undefined

  /** Begins one for each definition; `nowMs` is a clock by which slices end. Faults as `StoreMigration`. */
  constructor(
    engine: MigrationEngine,
    definitions: ReadonlyArray<StoreDefinition>,
    programs: MigrationPrograms,
    nowMs: () => number,
    limits: Partial<MigrationLimits> = {}
  ) {
    this.#engine = engine
    try {
      for (const definition of definitions) this.#migrations.push(new StoreMigration(engine, definition, programs, nowMs, limits))
    } catch (error) {
      this.cancel()
      throw error
    }
  }

  /** The stores, and how many documents of each were converted so far. */
  get progress(): ReadonlyArray<{ readonly store: string; readonly converted: number }> {
    return this.#migrations.map(({ converted, store }) => ({ store, converted }))
  }

  /** Does a slice of each; `caughtUp` when there was nothing to do for any. Faults as `StoreMigration.step`. */
  step(): "more" | "caughtUp" {
    return this.#migrations.every((it) => it.step() === "caughtUp") ? "caughtUp" : "more"
  }

  /** To be called in the turn in which `step` was caught up: lets writers wait, and gives the LSN that has to be on disk before `finish`. */
  settle(): number {
    this.#release ??= this.#engine.hold.begin()
    return this.#engine.lastLsn
  }

  /** The new stores take the place of the old ones; gives the LSN to wait for. Undefined when there is something to do again. */
  finish(): number | undefined {
    this.#letGo()
    if (this.step() === "more") return undefined
    return Math.max(...this.#migrations.map((it) => it.finish()))
  }

  /** Ends them, and lets writers go on; what they have made stays for the next attempt. Once they are over this does nothing. */
  cancel(): void {
    this.#letGo()
    for (const migration of this.#migrations) migration.cancel()
  }

  #letGo(): void {
    this.#release?.()
    this.#release = undefined
  }
}
