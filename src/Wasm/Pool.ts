/**
 * The instance that serves, and a warm spare beside it.
 *
 * Invariants
 * - A spare is made off the request path (`schedule`). Only when two calls in a row break their instance is one made while a request waits.
 * - A dropped instance is never used again.
 */
import type { Host } from "./Host.ts"
import { Instance } from "./Instance.ts"

/** Runs a task after the running turn. */
export type Schedule = (task: () => void) => void

export class Pool {
  /** Instances dropped so far. */
  replaced = 0
  private current: Instance | undefined
  private spare: Instance | undefined
  private scheduled = false
  private closed = false
  private readonly make: () => Instance
  private readonly schedule: Schedule

  constructor(module: WebAssembly.Module, handlers: ReadonlyArray<string>, host: Host, memoryBytes: number, schedule: Schedule) {
    this.make = () => new Instance(module, handlers, host, memoryBytes)
    this.schedule = schedule
    this.current = this.make()
    this.scheduleSpare()
  }

  /** The instance to call. Throws a Fault `StartFailed` when none comes up. */
  take(): Instance {
    this.current ??= this.takeSpare()
    return this.current
  }

  /** Drops the serving instance: the spare takes over, and another one is made later. */
  replace(): void {
    this.replaced++
    this.current = this.spare
    this.spare = undefined
    this.scheduleSpare()
  }

  /** Lets go of every instance. */
  close(): void {
    this.closed = true
    this.current = undefined
    this.spare = undefined
  }

  private takeSpare(): Instance {
    const spare = this.spare ?? this.make()
    this.spare = undefined
    this.scheduleSpare()
    return spare
  }

  private scheduleSpare(): void {
    if (this.scheduled || this.closed) return
    this.scheduled = true
    this.schedule(() => {
      this.scheduled = false
      if (this.closed || this.spare !== undefined) return
      try {
        this.spare = this.make()
      } catch {
        // The next call that finds no instance makes one itself and says why that failed.
      }
    })
  }
}
