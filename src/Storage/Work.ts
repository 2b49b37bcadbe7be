/**
 * Long work on a database's files, done in slices by whoever drives it: a check, a backup, a restore, a repair.
 *
 * Invariants
 * - A slice ends soon after its budget is spent; the budget is in bytes read or written.
 * - `release` is called once, whichever way the work ends: done, failed, or given up between two slices.
 */
import type { SyncDone } from "../Disk/Volume.ts"

/** `more`: call again. `waiting`: call again after `onWake`. `done`: `result` is there. */
export type WorkProgress = "more" | "waiting" | "done"

/** The steps of a work, as its generators yield them. */
export type Steps<A = void> = Generator<"more" | "waiting", A, void>

/** How far a work is, in bytes of the files it goes through; `totalBytes` may grow. */
export interface WorkPosition {
  readonly doneBytes: number
  readonly totalBytes: number
}

/** A work to its end, or a slice of it. */
export abstract class Work<A> {
  readonly #steps: Steps<A>
  #wake: () => void = () => {}
  #left = 0
  #doneBytes = 0
  #isReleased = false
  #outcome: { readonly result: A } | undefined
  protected totalBytes = 0

  constructor() {
    this.#steps = this.run()
  }

  /** Called, never within `step`, when a step that answered `waiting` may be repeated. */
  onWake(wake: () => void): void {
    this.#wake = wake
  }

  /** Works on about `budgetBytes`. Throws the fault that ends the work. */
  step(budgetBytes: number): WorkProgress {
    this.#left = budgetBytes
    try {
      const { done, value } = this.#steps.next()
      if (done !== true) return value
      this.#outcome = { result: value }
    } catch (error) {
      this.release()
      throw error
    }
    this.release()
    return "done"
  }

  /** What the work found or made, once `step` has answered `done`. */
  get result(): A {
    if (this.#outcome === undefined) throw new Error("the work is not done")
    return this.#outcome.result
  }

  get position(): WorkPosition {
    return { doneBytes: Math.min(this.#doneBytes, this.totalBytes), totalBytes: this.totalBytes }
  }

  /** Gives everything back. Called by `step` at the end; call it to give the work up. */
  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.close()
  }

  protected abstract run(): Steps<A>
  protected abstract close(): void

  /** Counts bytes that were worked on; whether the slice is over. */
  protected spend(bytes: number): boolean {
    this.#doneBytes += bytes
    this.#left -= bytes
    return this.#left <= 0
  }

  /** What is left of the slice, for parts that have a budget of their own. */
  protected get left(): number {
    return Math.max(1, this.#left)
  }

  /** Waits for something that is told to a callback, and gives what it was told. */
  protected *told<T>(start: (done: (value: T) => void) => void): Generator<"waiting", T, void> {
    const outcome: { value?: T; isOver: boolean } = { isOver: false }
    start((value) => {
      outcome.value = value
      outcome.isOver = true
      this.#wake()
    })
    while (!outcome.isOver) yield "waiting"
    return outcome.value as T // It is over, so it was told.
  }

  /** Waits for a sync; throws its fault. */
  protected *synced(start: (done: SyncDone) => void): Generator<"waiting", void, void> {
    const fault = yield* this.told<Parameters<SyncDone>[0]>(start)
    if (fault !== undefined) throw fault
  }

  /** The wake-up, for parts that take one. */
  protected readonly wake = (): void => this.#wake()
}
