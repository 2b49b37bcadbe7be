/**
 * Who waits: for an LSN to be durable, or for anything to change. Plain arrays, woken by the engine's listeners.
 *
 * Invariants
 * - A waiter is called exactly once, or removed because nobody waits any more.
 * - Nothing is missed between looking and waiting: a Signal counts its raises, and who waits names the count it has seen.
 */
import * as Effect from "effect/Effect"

interface Waiter {
  readonly lsn: number
  readonly wake: () => void
}

/** Who waits for an LSN. */
export class DurableWaiters {
  #waiting: Array<Waiter> = []

  /** Calls back, once, when `wake` is called with at least `lsn`. The caller has looked in the same turn. Gives what `cancel` takes. */
  wait(lsn: number, wake: () => void): object {
    const waiter: Waiter = { lsn, wake }
    this.#waiting.push(waiter)
    return waiter
  }

  /** Forgets a waiter, if it still waits. */
  cancel(waiter: object): void {
    const at = this.#waiting.findIndex((candidate) => candidate === waiter)
    if (at !== -1) this.#waiting.splice(at, 1)
  }

  /** Calls those that wait for at most `lsn`; all of them with `Infinity`. */
  wake(lsn: number): void {
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    for (const waiter of waiting) {
      if (waiter.lsn > lsn) this.#waiting.push(waiter)
    }
    for (const waiter of waiting) {
      if (waiter.lsn <= lsn) waiter.wake()
    }
  }
}

/** Something changed. */
export class Signal {
  #raises = 0
  #waiting = new Set<(effect: Effect.Effect<void>) => void>()

  /** How often it was raised so far: read it before looking, give it to `wait` after. */
  get raises(): number {
    return this.#raises
  }

  raise(): void {
    this.#raises++
    const waiting = this.#waiting
    if (waiting.size === 0) return
    this.#waiting = new Set()
    for (const resume of waiting) resume(Effect.void)
  }

  /** Waits until it is raised; not at all when it was since `seen`. */
  wait(seen: number): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (this.#raises !== seen) return resume(Effect.void)
      this.#waiting.add(resume)
      return Effect.sync(() => {
        this.#waiting.delete(resume)
      })
    })
  }
}
