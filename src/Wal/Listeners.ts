/**
 * Who wants to hear of an event of the log.
 *
 * Invariants
 * - A listener that throws is detached and reported; the others are told all the same, and the log goes on.
 */
export class Listeners<A> {
  readonly #report: (error: unknown) => void
  #listeners: Array<(event: A) => void> = []

  constructor(report: (error: unknown) => void) {
    this.#report = report
  }

  add(listener: (event: A) => void): void {
    this.#listeners.push(listener)
  }

  tell(event: A): void {
    for (const listener of this.#listeners.slice()) {
      try {
        listener(event)
      } catch (error) {
        this.#listeners = this.#listeners.filter((other) => other !== listener)
        this.#report(error)
      }
    }
  }
}
