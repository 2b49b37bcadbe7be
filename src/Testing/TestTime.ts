/**
 * The clock of a machine under test. What it says is the test's time; who sleeps on it wakes when the test says so.
 *
 * Invariants
 * - Deadlines of calls run on real time: a handler that never ends has to be stopped although the test's clock stands still.
 * - A jump of any length wakes every sleeper once, at its end. A server sleeps every second; to wake it for each of them would make a year last for hours.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as TestClock from "effect/testing/TestClock"

interface Sleeper {
  readonly atMs: number
  readonly wake: () => void
}

/** The clock of a test when it is one that is moved by hand; undefined for real time. */
export const asTestClock = (clock: Clock.Clock): TestClock.TestClock | undefined =>
  "adjust" in clock ? (clock as TestClock.TestClock) : undefined

export class TestTime {
  readonly clock: Clock.Clock
  readonly #sleepers = new Set<Sleeper>()

  constructor(clock: Clock.Clock) {
    const live = Clock.Clock.defaultValue()
    this.clock = {
      currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
      currentTimeMillis: clock.currentTimeMillis,
      currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
      currentTimeNanos: clock.currentTimeNanos,
      monotonicTimeNanosUnsafe: () => live.monotonicTimeNanosUnsafe(),
      monotonicTimeNanos: live.monotonicTimeNanos,
      sleep: asTestClock(clock) === undefined ? (duration) => clock.sleep(duration) : (duration) => this.#sleep(clock, duration)
    }
  }

  /** Wakes whoever has slept long enough. */
  wake(): void {
    const nowMs = this.clock.currentTimeMillisUnsafe()
    const due = [...this.#sleepers].filter(({ atMs }) => atMs <= nowMs)
    for (const sleeper of due) {
      this.#sleepers.delete(sleeper)
      sleeper.wake()
    }
  }

  #sleep(clock: Clock.Clock, duration: Duration.Duration): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const atMs = clock.currentTimeMillisUnsafe() + Duration.toMillis(duration)
      const sleeper: Sleeper = { atMs, wake: () => resume(Effect.void) }
      this.#sleepers.add(sleeper)
      return Effect.sync(() => void this.#sleepers.delete(sleeper))
    })
  }
}
