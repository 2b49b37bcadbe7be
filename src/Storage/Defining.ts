/** Making stores what a program wants them to be: migrations first, then definitions, then the wait until all of it is there. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { StoreDefinition } from "../Schema/Definition.ts"
import type { MigrationHandler, MigrationPrograms } from "./Conversion.ts"
import { needsMigration } from "./Definition.ts"
import type { Engine } from "./Engine.ts"
import type { StorageError } from "./Errors.ts"
import type { StoreIndex } from "./Reader.ts"
import { attempt } from "./RunWork.ts"
import { MigrationSet } from "./MigrationSet.ts"

/** What goes with definitions whose stores have to be migrated. */
export interface DefineOptions {
  /** The handlers that their migrations name. */
  readonly handlers?: ReadonlyMap<string, MigrationHandler>
  /** Definitions of a later version of the program, by whose `down` stores that have its versions go back to these. */
  readonly newer?: ReadonlyArray<StoreDefinition>
  /**
   * Called in the turn in which everything is as defined, when that was done without fail: who goes on from here works on the new version, and
   * nobody has seen it before.
   */
  readonly switched?: () => void
}

/** How the door waits. */
export interface Waiting {
  readonly awaitDurable: (lsn: number) => Effect.Effect<void, StorageError>
  readonly admitWrite: Effect.Effect<void, StorageError>
  readonly until: (isReached: () => boolean) => Effect.Effect<void, StorageError>
}

export const defineAll = (
  engine: Engine,
  waiting: Waiting,
  definitions: ReadonlyArray<StoreDefinition>,
  { handlers = new Map(), newer = [], switched = () => {} }: DefineOptions = {}
): Effect.Effect<void, StorageError> => {
  const { admitWrite, awaitDurable, until } = waiting
  const ready = until(() => isReady(engine, definitions)).pipe(
    Effect.andThen(Effect.suspend(() => attempt(() => throwBuildFailure(engine, definitions))))
  )
  const define = (wanted: ReadonlyArray<StoreDefinition>): Effect.Effect<void, StorageError> =>
    admitWrite.pipe(Effect.andThen(attempt(() => engine.define(wanted))), Effect.flatMap(awaitDurable), Effect.andThen(ready))
  const programs: MigrationPrograms = { handlers, newer }
  return Effect.flatMap(Clock.Clock, (clock) => {
    const moving = movingStores(engine, definitions, programs)
    if (moving.length === 0) return Effect.andThen(define(definitions), Effect.sync(switched))
    const others = definitions.filter((it) => !moving.includes(it))
    return Effect.acquireUseRelease(
      attempt(() => new MigrationSet(engine, moving, programs, () => clock.currentTimeMillisUnsafe())),
      (migrations) =>
        sayAll("migrating a store", migrations).pipe(
          Effect.andThen(catchUp(migrations, waiting, () => 0)),
          // Only now, so that a migration that fails leaves everything as it was.
          Effect.andThen(define(others)),
          Effect.andThen(switchOver(migrations, waiting, switched)),
          Effect.flatMap(awaitDurable),
          Effect.andThen(sayAll("migrated a store", migrations)),
          Effect.andThen(ready)
        ),
      (migrations) => Effect.sync(() => migrations.cancel())
    )
  })
}

/** Steps the migrations until none of them has anything to do, and in that very turn does what comes `then`. */
const catchUp = (migrations: MigrationSet, waiting: Waiting, then: () => number): Effect.Effect<number, StorageError> =>
  Effect.andThen(
    waiting.admitWrite,
    attempt(() => (migrations.step() === "caughtUp" ? then() : undefined))
  ).pipe(
    Effect.flatMap((lsn) => (lsn === undefined ? Effect.andThen(Effect.yieldNow, catchUp(migrations, waiting, then)) : Effect.succeed(lsn)))
  )

/** Ends them once everything they made is on disk. */
const switchOver = (migrations: MigrationSet, waiting: Waiting, switched: () => void): Effect.Effect<number, StorageError> =>
  catchUp(migrations, waiting, () => migrations.settle()).pipe(
    Effect.flatMap(waiting.awaitDurable),
    Effect.andThen(
      attempt(() => {
        const lsn = migrations.finish()
        if (lsn !== undefined) switched()
        return lsn
      })
    ),
    Effect.flatMap((lsn) => (lsn === undefined ? switchOver(migrations, waiting, switched) : Effect.succeed(lsn)))
  )

const sayAll = (message: string, migrations: MigrationSet): Effect.Effect<void> =>
  Effect.suspend(() => Effect.forEach(migrations.progress, (it) => Effect.logInfo(message, it), { discard: true }))

/** The stores that have another version, from which documents have to be brought to the one that is wanted. */
export function movingStores(
  engine: Engine,
  definitions: ReadonlyArray<StoreDefinition>,
  { newer = [] }: MigrationPrograms
): ReadonlyArray<StoreDefinition> {
  return definitions.filter((wanted) => {
    const existing = engine.store(wanted.name)
    const later = newer.find((it) => it.name === wanted.name)
    return existing !== undefined && needsMigration(existing, wanted, later)
  })
}

function indexesOf(engine: Engine, definitions: ReadonlyArray<StoreDefinition>): ReadonlyArray<StoreIndex> {
  return definitions.flatMap(({ name }) => engine.store(name)?.indexes ?? [])
}

/** Whether every index of the stores is ready, or never will be. */
function isReady(engine: Engine, definitions: ReadonlyArray<StoreDefinition>): boolean {
  return indexesOf(engine, definitions).every((it) => it.ready || engine.buildFailure(it) !== undefined)
}

function throwBuildFailure(engine: Engine, definitions: ReadonlyArray<StoreDefinition>): void {
  for (const index of indexesOf(engine, definitions)) {
    const failure = engine.buildFailure(index)
    if (failure !== undefined) throw failure
  }
}
