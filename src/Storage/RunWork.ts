/** Runs work of the core as Effects: faults become storage errors, long work goes in slices between which other fibers run. */
import * as Effect from "effect/Effect"
import type { StorageError } from "./Errors.ts"
import { toStorageError } from "./Errors.ts"
import { Signal } from "./Waiters.ts"
import type { Work, WorkPosition } from "./Work.ts"

/** Bytes of a slice: about a millisecond of reading and checking. */
const SLICE_BYTES = 512 * 1024

/** Runs work of the core; its faults become storage errors, anything else a defect. */
export function attempt<A>(work: () => A): Effect.Effect<A, StorageError> {
  return Effect.suspend(() => {
    try {
      return Effect.succeed(work())
    } catch (error) {
      const known = toStorageError(error)
      return known === undefined ? Effect.die(error) : Effect.fail(known)
    }
  })
}

/** Told how far a work is, after every slice. */
export type OnProgress = (position: WorkPosition) => void

/** Runs a work to its end; interruption gives it up. */
export const runWork = <A>(make: () => Work<A>, onProgress?: OnProgress): Effect.Effect<A, StorageError> =>
  Effect.acquireUseRelease(
    attempt(make),
    Effect.fnUntraced(function* (work: Work<A>) {
      const wakes = new Signal()
      work.onWake(() => wakes.raise())
      for (;;) {
        const seen = wakes.raises
        const progress = yield* attempt(() => work.step(SLICE_BYTES))
        onProgress?.(work.position)
        if (progress === "done") return work.result
        yield* progress === "more" ? Effect.yieldNow : wakes.wait(seen)
      }
    }),
    (work) => Effect.sync(() => work.release())
  )
