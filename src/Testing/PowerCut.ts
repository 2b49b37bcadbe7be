/** The moment between a commit and its answer. */
import * as Effect from "effect/Effect"
import type { SimulatedVolume } from "../Disk/SimulatedVolume.ts"
import type { Engine } from "../Storage/Engine.ts"
import { TestError } from "./Errors.ts"

export interface PowerCutOptions {
  readonly seed: number
  /** Whether the commit's sync has completed when the power goes. */
  readonly synced: boolean
}

/** The log's own segments; one that is only being prepared has another name. */
const isLog = (path: string): boolean => path.endsWith(".wal")

/** Completes the syncs that the log itself may wait for, such as that of its next segment. */
function pumpOthers(volume: SimulatedVolume): void {
  for (;;) {
    const other = volume.waitingPaths.findIndex((path) => !isLog(path))
    if (other < 0) return
    volume.pump(other)
  }
}

/**
 * Starts a request, waits until what its handler committed is at the border, and takes what a machine would find that lost its power there. Fails when
 * the request is answered before.
 *
 * Invariant: between the last completed sync and the image no step of anybody comes, so no answer can have left.
 */
export const powerCut = (
  volume: SimulatedVolume,
  engine: Engine,
  answer: Effect.Effect<number, TestError>,
  { seed, synced }: PowerCutOptions
): Effect.Effect<SimulatedVolume, TestError> => {
  const before = engine.lastLsn
  const image = Effect.callback<SimulatedVolume>((resume) => {
    let isOver = false
    const look = (): void => {
      if (isOver) return
      if (synced) volume.pumpAll()
      else pumpOthers(volume)
      if (engine.lastLsn <= before || (synced ? engine.durableLsn < engine.lastLsn : !volume.waitingPaths.some(isLog))) return
      isOver = true
      resume(Effect.succeed(volume.crash(seed)))
    }
    volume.onOperation(({ operation }) => {
      if ((operation === "sync" || operation === "syncDirectory") && !isOver) queueMicrotask(look)
    })
    return Effect.sync(() => {
      isOver = true
    })
  })
  const answered = Effect.flatMap(answer, (status) =>
    Effect.fail(new TestError({ message: `the request was answered with ${status} before anything was committed` }))
  )
  return Effect.suspend(() => {
    volume.holdsSyncs = true
    return Effect.raceFirst(image, answered)
  }).pipe(
    Effect.onError(() =>
      Effect.sync(() => {
        volume.holdsSyncs = false
        volume.pumpAll()
      })
    )
  )
}
