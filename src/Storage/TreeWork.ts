/**
 * Work that ends in one commit of the index file: a flush, a batch of a compaction, a fold. Done in slices, one piece at a time.
 *
 *     values  →  trees and catalog, while the value log is synced  →  copy of the definitions, if they changed  →  commit of the index file
 *
 * Invariants
 * - It has the value log and the index file to itself from its first step to its end.
 * - All of it counts, or nothing: an aborted one leaves bytes beyond the committed lengths, which the next one overwrites.
 */
import type { Progress, Stepper } from "../Index/Entry.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import type { Checkpoint } from "../Index/Meta.ts"
import type { TreeWriter } from "../Index/TreeWriter.ts"
import type { Catalog } from "./Catalog.ts"
import { writeSegments } from "./CatalogFile.ts"
import type { DefinitionsKeeper } from "./DefinitionsFile.ts"
import type { ValueLog } from "./ValueLog.ts"

/** What the steps of a piece of work say while it is not done. */
export type Pause = "more" | "waiting"

export interface TreeWorkParts {
  readonly index: IndexFile
  readonly values: ValueLog
  readonly definitions: DefinitionsKeeper
  /** Called, never within a step, when a step that answered `waiting` may be tried again. */
  readonly wake: () => void
}

/** A sync of the value log that was begun. */
export interface ValueSync {
  isOver: boolean
  fault: unknown
}

export class TreeWork {
  readonly #parts: TreeWorkParts
  readonly #steps: Generator<Pause, void, void>
  #writer: TreeWriter | undefined
  #isCommitting = false
  /** What is left of the slice that is running, in units of about 100 ns. */
  budget = 0

  /** `body` does the work; it yields when the budget is spent, and ends with `commit`. */
  constructor(parts: TreeWorkParts, body: (work: TreeWork) => Generator<Pause, void, void>) {
    this.#parts = parts
    this.#steps = body(this)
  }

  /** Whether the commit has begun, after which the work cannot be aborted. */
  get isCommitting(): boolean {
    return this.#isCommitting
  }

  /** The transaction of the index file, begun when first asked for. */
  get writer(): TreeWriter {
    return (this.#writer ??= this.#parts.index.beginWrite())
  }

  /** Does a slice; the budget is in units of about 100 ns. Throws the fault of a failed write or sync; then `abort`. */
  step(budget: number): Progress {
    this.budget = budget
    const { done, value } = this.#steps.next()
    return done === true ? "done" : value
  }

  /**
   * Gives up. Nothing that was written counts, unless the index file is poisoned: then its meta may or may not be on disk, and what the meta
   * names has to stay.
   */
  abort(): void {
    const { index, values } = this.#parts
    this.#writer?.abort()
    if (index.poisoned === undefined) values.rewind(index.current().transaction + 1)
  }

  /** Brings the value log to disk. */
  *syncValues(): Generator<Pause, void, void> {
    yield* this.valuesSynced(this.beginValueSync())
  }

  /** Begins to bring the value log to disk. `valuesSynced` has to come before `commit`; pages may be written meanwhile, for nobody reads them before. */
  beginValueSync(): ValueSync {
    const outcome: ValueSync = { isOver: false, fault: undefined }
    this.#parts.values.sync((fault) => {
      outcome.isOver = true
      outcome.fault = fault
      this.#parts.wake()
    })
    return outcome
  }

  /** Waits for the end of a sync. Throws its fault. */
  *valuesSynced(outcome: ValueSync): Generator<Pause, void, void> {
    while (!outcome.isOver) yield "waiting"
    if (outcome.fault !== undefined) throw outcome.fault
  }

  /** Runs a part of the index file's transaction to its end. */
  *drive(stepper: Stepper): Generator<Pause, void, void> {
    for (;;) {
      const progress = stepper.step(Math.max(1, this.budget))
      if (progress === "done") return
      this.budget = 0
      yield progress
    }
  }

  /** Commits, with the segments of the value log and their accounts as they are now, and with another catalog when it is given. */
  *commit(checkpoint: Omit<Checkpoint, "valueSegments">, catalog?: Catalog): Generator<Pause, void, void> {
    const { definitions, index, values, wake } = this.#parts
    const { writer } = this
    yield* definitions.keep(values, checkpoint, catalog, wake)
    // In one turn: a segment that is sealed between the two would be named with its length by neither.
    writeSegments(writer, index, values)
    const valueSegments = values.growing
    this.#isCommitting = true
    yield* this.drive(writer.commit({ ...checkpoint, valueSegments }, wake))
    values.commit()
  }
}
