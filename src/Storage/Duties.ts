/**
 * What a database does by itself as long as it is open: flushes, compaction and builds in slices, what has a time, reports. Each is a fiber that never
 * ends and never fails: the engine poisons itself when work on its files does.
 */
import * as Effect from "effect/Effect"
import type { Engine } from "./Engine.ts"
import { attempt } from "./RunWork.ts"
import { clearReplaced } from "./StoreMigration.ts"
import type { Signal } from "./Waiters.ts"

/**
 * Units of about 100 ns that a slice of maintenance may take: 0.4 to 0.7 ms, about what a sync of the log takes. A longer one would go on when
 * the sync is over, and keep the answers that wait for it.
 */
const SLICE_BUDGET = 4000
/** How often documents whose time is over are looked for. */
const EXPIRY_INTERVAL_MS = 10_000
/** How often the log tells how far the builds of indexes are. */
const BUILD_REPORT_INTERVAL_MS = 10_000
/** How often snapshots are expired and full disks tried again. */
const TICK_INTERVAL_MS = 1000

/** Flushes until the memtable is empty, or nothing can be flushed any more; then the room of the log is given back. */
export const flushAll = Effect.fnUntraced(function* (engine: Engine, changes: Signal) {
  const maintainWhile = (isDue: () => boolean): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (!canMaintain(engine) || !isDue()) return Effect.void
      const seen = changes.raises
      return Effect.andThen(engine.maintain(SLICE_BUDGET) === "more" ? Effect.yieldNow : changes.wait(seen), () => maintainWhile(isDue))
    })
  yield* maintainWhile(() => engine.freeze() || engine.backlog.frozenMemtables > 0)
  const isResting = yield* Effect.orElseSucceed(
    attempt(() => canMaintain(engine) && engine.logRest.begin()),
    () => false
  )
  yield* maintainWhile(() => isResting && !engine.logRest.isOver)
})

/** What the duties wait for. */
export interface Signals {
  /** There is, or may be, something to do. */
  readonly work: Signal
  /** That, or more is on disk than was: raised with every group of the log. */
  readonly changes: Signal
}

/**
 * Flushes and builds in slices, for ever. The engine poisons itself when that fails, so this fiber never does. While there is nothing to do, groups
 * of the log do not wake it.
 */
export const maintain = (engine: Engine, { changes, work }: Signals): Effect.Effect<never> =>
  Effect.suspend(() => {
    const seenWork = work.raises
    const seenChanges = changes.raises
    const progress = engine.maintain(SLICE_BUDGET)
    if (progress === "more") return Effect.yieldNow
    return progress === "idle" ? work.wait(seenWork) : changes.wait(seenChanges)
  }).pipe(Effect.forever)

export const tick = (engine: Engine): Effect.Effect<never> =>
  Effect.sync(() => {
    engine.expireSnapshots()
    engine.logHolds.expire()
    engine.retry()
  }).pipe(Effect.andThen(Effect.sleep(TICK_INTERVAL_MS)), Effect.forever)

/** Removes the documents whose time is over, one transaction a turn, for ever. */
export const expire = (engine: Engine): Effect.Effect<never> =>
  Effect.suspend(() => (engine.expireDocuments() === "more" ? Effect.yieldNow : Effect.sleep(EXPIRY_INTERVAL_MS))).pipe(Effect.forever)

/** Removes the documents that migrations have replaced, one transaction a turn, for ever. */
export const clear = (engine: Engine): Effect.Effect<never> =>
  Effect.suspend(() => {
    const isOpen = engine.admission() === "open"
    return isOpen && clearReplaced(engine) ? Effect.yieldNow : Effect.sleep(isOpen ? EXPIRY_INTERVAL_MS : TICK_INTERVAL_MS)
  }).pipe(Effect.forever)

/** Asks for the syncs of stores of level `interval`, for ever. */
export const syncInIntervals = (engine: Engine, { work }: Signals): Effect.Effect<never> =>
  Effect.suspend(() => {
    const seen = work.raises
    if (!engine.isSyncDue) return work.wait(seen)
    return Effect.andThen(
      Effect.sleep(engine.limits.syncIntervalMs),
      Effect.sync(() => engine.sync())
    )
  }).pipe(Effect.forever)

/** Says in the log how far the builds of indexes are that take their time. */
export const reportBuilds = (engine: Engine): Effect.Effect<never> =>
  Effect.sleep(BUILD_REPORT_INTERVAL_MS).pipe(
    Effect.andThen(
      Effect.suspend(() => Effect.forEach(engine.builds(), (build) => Effect.logInfo("building an index", build), { discard: true }))
    ),
    Effect.forever
  )

/** Whether work on the files of the engine can come to anything. */
export function canMaintain(engine: Engine): boolean {
  const admission = engine.admission()
  return admission !== "poisoned" && admission !== "closed"
}
