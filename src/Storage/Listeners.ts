/** Listeners of one kind of event. One that throws is detached and reported; the others and the event go on. */
import type { Commit } from "./Commit.ts"

export class Listeners<A> {
  readonly #report: (error: unknown) => void
  #listeners: ReadonlyArray<(event: A) => void> = []

  constructor(report: (error: unknown) => void) {
    this.#report = report
  }

  get count(): number {
    return this.#listeners.length
  }

  /** Attaches a listener; the function it returns detaches it. */
  add(listener: (event: A) => void): () => void {
    this.#listeners = [...this.#listeners, listener]
    return () => this.#remove(listener)
  }

  tell(event: A): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        this.#remove(listener)
        this.#report(error)
      }
    }
  }

  #remove(listener: (event: A) => void): void {
    this.#listeners = this.#listeners.filter((it) => it !== listener)
  }
}

/** Those of an engine. */
export interface EngineListeners {
  readonly commit: Listeners<Commit>
  readonly durable: Listeners<number>
  readonly work: Listeners<void>
}

/** None yet; `report` is told what one throws. */
export function listenersOf(report: (error: unknown) => void): EngineListeners {
  return { commit: new Listeners(report), durable: new Listeners(report), work: new Listeners(report) }
}
