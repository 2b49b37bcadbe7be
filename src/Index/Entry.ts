/**
 * What goes into a tree and what comes out, as places in byte arrays.
 */

import type { PageMemory } from "./Layout.ts"

const NOTHING = new Uint8Array(0)
const NO_VIEW = new DataView(NOTHING.buffer)

/**
 * Entries to apply to a tree, in strictly ascending key order. The fields describe the entry that `next` moved to and stay valid until
 * `next` is called again; the arrays may be the caller's own memory.
 *
 * @example
 * ```ts
 * while (source.next()) console.log(source.key.subarray(source.keyAt, source.keyAt + source.keyLength), source.remove)
 * ```
 */
export interface EntrySource {
  /** Moves to the next entry, the first one included; false at the end. */
  next(): boolean
  readonly key: Uint8Array
  readonly keyAt: number
  /** 1 to KEY_BYTES_MAX bytes. */
  readonly keyLength: number
  readonly value: Uint8Array
  readonly valueAt: number
  /** At most VALUE_BYTES_MAX bytes; ignored when `remove` is set. */
  readonly valueLength: number
  /** Whether the key goes (the value is ignored then) instead of getting this value. */
  readonly remove: boolean
}

/** A value shown in place: valid until the next call on the index file it came from. */
export class ValueView {
  bytes: Uint8Array = NOTHING
  /** A view of `bytes`: one read of four bytes costs less than four reads of one. */
  view: DataView = NO_VIEW
  at = 0
  length = 0

  /** Shows `length` bytes at `at` of a page memory. */
  show({ bytes, view }: PageMemory, at: number, length: number): void {
    this.bytes = bytes
    this.view = view
    this.at = at
    this.length = length
  }
}

/** `more`: call again. `waiting`: call again after the wake-up. `done`: nothing is left to do. */
export type Progress = "more" | "waiting" | "done"

/**
 * Work that is done in slices. `budget` is in units of about 100 ns (an entry copied is one); a slice overruns it by at most a few
 * pages. After a thrown Fault a stepper must not be called again.
 */
export interface Stepper {
  step(budget: number): Progress
}

/** Units of a slice of 1 to 2 ms. */
export const SLICE_BUDGET = 8192
/** Units that loading, writing or checking a page counts for. */
export const PAGE_COST = 64

/** What is left of the slice that is running. */
export class Budget {
  left = 0
}

/** A stepper from a generator that yields whenever the budget is used up or it has to wait. */
export class GeneratorStepper implements Stepper {
  readonly #budget: Budget
  readonly #work: Generator<"more" | "waiting", void, void>

  constructor(budget: Budget, work: Generator<"more" | "waiting", void, void>) {
    this.#budget = budget
    this.#work = work
  }

  step(budget: number): Progress {
    this.#budget.left = budget
    const result = this.#work.next()
    return result.done === true ? "done" : result.value
  }
}
