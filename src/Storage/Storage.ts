/**
 * The door of this folder: one database as an Effect service.
 *
 * It owns the opening and closing of the engine, the fiber that flushes and builds in slices, the one that removes documents whose time is
 * over, the tick that expires snapshots and retries after a full disk, and the waiting. Folders above call `engine` synchronously within a running call or transaction.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { Disk } from "../Disk/Disk.ts"
import { cacheBytesDefault } from "../Config/Memory.ts"
import { diskFault } from "../Disk/Failure.ts"
import type { Fault } from "../Fault/Fault.ts"
import type { DurabilityLevel, StoreDefinition } from "../Schema/Definition.ts"
import { Backup, type BackupReport } from "./Backup.ts"
import { Budget } from "./Budget.ts"
import { defineAll, type DefineOptions, type Waiting } from "./Defining.ts"
import { canMaintain, clear, expire, flushAll, maintain, reportBuilds, syncInIntervals, tick } from "./Duties.ts"
import type { Engine } from "./Engine.ts"
import { Closed, Poisoned, ReadOnly, StorageError, toStorageError } from "./Errors.ts"
import type { StorageLimits } from "./Limits.ts"
import { Inspect, type InspectedDirectory } from "./Inspect.ts"
import { inspectFile, type InspectedFile, type InspectOptions } from "./InspectFile.ts"
import type { HoldBroken, LogHold, LogHoldRequest } from "./LogHolds.ts"
import type { LongSnapshot, LongSnapshotRequest } from "./LongSnapshots.ts"
import { MigrationPlan, type MigrationReport } from "./MigrationPlan.ts"
import { Opening } from "./Opening.ts"
import { storageFault } from "./Reasons.ts"
import type { Snapshot } from "./Reader.ts"
import { attempt, type OnProgress, runWork } from "./RunWork.ts"
import { discardRepair, Repair } from "./Repair.ts"
import type { RepairReport } from "./RepairReport.ts"
import { RepairSwap } from "./RepairSwap.ts"
import { Restore, type RestoreReport } from "./Restore.ts"
import type { CompactionReport } from "./TreeQueue.ts"
import { type StorageReport, Verify } from "./Verify.ts"
import { DurableWaiters, Signal } from "./Waiters.ts"

export interface StorageOptions {
  /** The database's directory; made when it does not exist. */
  readonly directory: string
  /** Where a `Budget` is provided, its limits count instead of those it has too. */
  readonly limits?: Partial<StorageLimits>
  /** What answers wait for that rest on stores which do not say so themselves. Default `fsync`. */
  readonly durability?: DurabilityLevel
  /** Whether closing writes the memtable to the index file, so that the next start replays nothing. Default false. */
  readonly flushOnClose?: boolean
}

/** Bytes of the log that a slice of opening works on. */
const OPENING_SLICE_BYTES = 256 * 1024

/**
 * One database.
 *
 * @example
 * ```ts
 * const program = Effect.gen(function* () {
 *   const storage = yield* Storage
 *   yield* storage.defineStores([{ name: "orders", idKind: "key", schema: { total: { type: "int" } }, indexes: [] }])
 *   const transaction = storage.engine.transact()
 *   transaction.insert(storage.engine.store("orders")!, encode({ total: 5 }), 0, new Uint8Array(16))
 *   yield* storage.awaitDurable(transaction.commit())
 * }).pipe(Effect.provide(Storage.layer({ directory: "data/shop" })), Effect.provide(Disk.layer))
 * ```
 */
export class Storage extends Context.Service<
  Storage,
  {
    /** The synchronous engine. */
    readonly engine: Engine
    /** Waits until the LSN is on disk. Fails with Poisoned when that can no longer be known, with Closed when the engine was closed before. */
    readonly awaitDurable: (lsn: number) => Effect.Effect<void, StorageError>
    /** The same without a fiber, for whoever waits very often: calls back once, at once when it is on disk already. */
    readonly whenDurable: (lsn: number, settled: (error: StorageError | undefined) => void) => void
    /** Waits while writers have to; then a transaction may begin in the same turn. Fails with Poisoned, ReadOnly or Closed. */
    readonly admitWrite: Effect.Effect<void, StorageError>
    /**
     * Makes the stores exist as defined, durably, and waits until their indexes are built; StorageDamaged when a document cannot be read. Stores of
     * a new version are migrated first, beside the work that goes on, and change together at the end (see `DefineOptions`); MigrationFailed
     * lists the documents for which that is not possible, and then nothing has changed.
     */
    readonly defineStores: (definitions: ReadonlyArray<StoreDefinition>, options?: DefineOptions) => Effect.Effect<void, StorageError>
    /**
     * What `defineStores` would do to the documents of stores of another version: how many, and which of them cannot be converted. Changes
     * nothing. Fails with InvalidStore when there is no way from the version that is there.
     */
    readonly planMigrations: (
      definitions: ReadonlyArray<StoreDefinition>,
      options?: Pick<DefineOptions, "handlers" | "newer">
    ) => Effect.Effect<ReadonlyArray<MigrationReport>, StorageError>
    /**
     * Takes a store away, with its documents and indexes. Succeeds when that is durable; open readers keep it. Fails with InvalidStore when there is none,
     * and for a store that `defineStores` was given while this database has been open: whoever declares it relies on it.
     */
    readonly dropStore: (name: string) => Effect.Effect<void, StorageError>
    /** A reader of what may be shown (see `Engine.shownLsn`), closed with the scope. */
    readonly snapshot: Effect.Effect<Snapshot, StorageError, Scope.Scope>
    /**
     * Keeps the log from being released behind an LSN, for whoever reads it there; given up with the scope. `broken` succeeds when it is over
     * before: it kept too much or was not moved for too long, the disk was full, or what it asked for was gone already.
     */
    readonly holdLog: (request: Omit<LogHoldRequest, "onBroken">) => Effect.Effect<HeldLog, never, Scope.Scope>
    /** Writes what is committed to the index file and the value log, and gives the room of the log back when nothing was written meanwhile. */
    readonly flush: Effect.Effect<void, StorageError>
    /**
     * A reader for a backup or an export, of everything committed before: flushed up to its LSN, it holds files and no memory. It expires
     * after hours, or when it keeps too much space from being given back. Closed with the scope.
     */
    readonly longSnapshot: Effect.Effect<LongSnapshot, StorageError, Scope.Scope>
    /**
     * Copies the database as it is now to a directory of backups, while everything goes on; what an earlier backup has there is not copied again.
     * Fails with TargetTaken when the directory has another database's backups.
     */
    readonly backup: (target: string, onProgress?: OnProgress) => Effect.Effect<BackupReport, StorageError>
    /**
     * Flushes, merges every tree into one root, moves what is alive in every value segment in which anything is lost to new segments, in key
     * order, and gives the free pages of the index file back, all of it while everything else goes on; the old segments are removed as soon
     * as no snapshot reads from them. One at a time: a second one waits for the first. Fails
     * with ReadOnly when the disk is full, Poisoned and Closed.
     */
    readonly compact: Effect.Effect<CompactionReport, StorageError>
  }
>()("planck/Storage/Storage") {
  /** Opens the database for the lifetime of the layer. */
  static readonly layer = (options: StorageOptions): Layer.Layer<Storage, StorageError, Disk> => Layer.effect(Storage, make(options))

  /** Checks a database that is not open, and changes nothing; see `Verify.ts`. Fails with DirectoryLocked while somebody has it open. */
  static readonly verify = (directory: string, onProgress?: OnProgress): Effect.Effect<StorageReport, StorageError, Disk> =>
    Effect.gen(function* () {
      const { volume } = yield* acquire(directory)
      return yield* runWork(() => new Verify(volume, directory), onProgress)
    }).pipe(Effect.scoped)

  /** What a database that is not open consists of: files, stores, trees. */
  static readonly inspect = (directory: string): Effect.Effect<InspectedDirectory, StorageError, Disk> =>
    Effect.gen(function* () {
      const { volume } = yield* acquire(directory)
      return yield* runWork(() => new Inspect(volume, directory))
    }).pipe(Effect.scoped)

  /** What a file of a database holds; undefined when it is none of Planck's. `owner`, its directory, is locked meanwhile. */
  static readonly inspectFile = (
    path: string,
    owner: string | undefined,
    options: InspectOptions = {}
  ): Effect.Effect<InspectedFile | undefined, StorageError, Disk> =>
    Effect.gen(function* () {
      const { volume } = yield* owner === undefined ? Disk : acquire(owner)
      return yield* attempt(() => inspectFile(volume, path, options))
    }).pipe(Effect.scoped)

  /**
   * Makes a database from a backup (the newest unless `number` says which) in a directory that is empty or does not exist, on a new timeline.
   * Fails with TargetTaken, NoBackup, and StorageDamaged when the backup is not as it was written.
   */
  static readonly restore = (
    source: string,
    directory: string,
    options: { readonly number?: number; readonly onProgress?: OnProgress } = {}
  ): Effect.Effect<RestoreReport, StorageError, Disk> =>
    Effect.gen(function* () {
      const { volume } = yield* Disk
      const { number, onProgress } = options
      const which = number === undefined ? {} : { number }
      return yield* runWork(() => new Restore({ volume, source, directory, random, ...which }), onProgress)
    })

  /**
   * Makes a damaged database whole from what can be read of it, when `decide` says so; see `Repair.ts`. Then its indexes are built by the next
   * opening. The report is missing when an earlier repair had only to be ended. Fails with DirectoryLocked while somebody has it open.
   */
  static readonly repair = (
    directory: string,
    { decide, keepsUncertain = false, onProgress }: RepairOptions
  ): Effect.Effect<{ readonly isDone: boolean; readonly report?: RepairReport }, StorageError, Disk> =>
    Effect.gen(function* () {
      const { volume } = yield* acquire(directory)
      if (yield* runWork(() => new RepairSwap(volume, directory))) return { isDone: true }
      const made = yield* runWork(() => new Repair({ volume, directory, random, keepsUncertain }), onProgress)
      const { report } = made
      const isDone = yield* Effect.onExit(decide(report), (exit) =>
        Exit.isSuccess(exit) && exit.value ? Effect.void : Effect.sync(() => discardRepair(volume, made))
      )
      if (isDone) yield* runWork(() => new RepairSwap(volume, directory, made.plan))
      return { isDone, report }
    }).pipe(Effect.scoped)
}

/** What has to be said of a repair before it is done, and what was. */
export interface RepairOptions {
  /** Asked with what the repair would make; unless true nothing changes. */
  readonly decide: (report: RepairReport) => Effect.Effect<boolean>
  /** Keeps documents that may have been removed or replaced by what cannot be read, instead of setting them aside. */
  readonly keepsUncertain?: boolean
  readonly onProgress?: OnProgress
}

/** Filled in place; never shared memory. */
const random = (into: Uint8Array): void => void crypto.getRandomValues(into as Uint8Array<ArrayBuffer>)

/** The disk, with the directory (which has to exist) locked for the scope. */
const acquire = Effect.fnUntraced(function* (directory: string) {
  const disk = yield* Disk
  yield* attempt(() => {
    if (!disk.volume.exists(directory)) throw diskFault("open", directory, "ENOENT")
  })
  yield* disk.acquire(directory).pipe(Effect.mapError(({ reason }) => new StorageError({ reason })))
  return disk
})

const make = Effect.fnUntraced(function* (options: StorageOptions) {
  const durable = new DurableWaiters()
  const changes = new Signal()
  const engine = yield* Effect.acquireRelease(open(options), (engine) => close(engine, changes, options.flushOnClose === true))
  const work = new Signal()
  engine.onDurable((lsn) => {
    durable.wake(canMaintain(engine) ? lsn : Infinity)
    changes.raise()
    // What writers wait for may be a flush that nobody has begun.
    if (engine.admission() !== "open") work.raise()
  })
  engine.onWork(() => {
    work.raise()
    changes.raise()
  })
  yield* Effect.forkScoped(maintain(engine, { work, changes }))
  yield* Effect.forkScoped(tick(engine))
  yield* Effect.forkScoped(expire(engine))
  yield* Effect.forkScoped(clear(engine))
  yield* Effect.forkScoped(syncInIntervals(engine, { work, changes }))
  yield* Effect.forkScoped(reportBuilds(engine))

  const { awaitDurable, whenDurable } = durability(engine, durable)
  /** Waits until `isReached` says so, looking again at every change; fails when the engine is over. */
  const until = (isReached: () => boolean): Effect.Effect<void, StorageError> =>
    Effect.suspend(() => {
      const seen = changes.raises
      if (isReached()) return Effect.void
      return canMaintain(engine) ? Effect.flatMap(changes.wait(seen), () => until(isReached)) : Effect.fail(ended(engine))
    })
  const admitWrite = Effect.flatMap(
    until(() => engine.admission() !== "wait"),
    () => (engine.admission() === "open" ? Effect.void : attempt(() => engine.transact().rollback()))
  )
  const waiting: Waiting = { awaitDurable, admitWrite, until }
  const { defineStores, dropStore } = definitionsOf(engine, waiting)
  const snapshot = Effect.acquireRelease(
    attempt(() => engine.snapshot()),
    (snapshot) => Effect.sync(() => snapshot.close())
  )
  const longSnapshot = Effect.acquireRelease(requestLongSnapshot(engine, until), (request) => Effect.sync(() => request.cancel())).pipe(
    Effect.tap((request) => until(() => request.snapshot !== undefined)),
    Effect.map((request) => request.snapshot!)
  )
  const { flush, rested, settle } = flushesOf(engine, until)
  const { volume } = yield* Disk
  const clock = yield* Clock.Clock
  const { directory } = options
  const backup = (target: string, onProgress?: OnProgress): Effect.Effect<BackupReport, StorageError> =>
    Effect.andThen(
      settle,
      runWork(() => new Backup({ volume, directory, index: engine.index, target, nowMs: clock.currentTimeMillisUnsafe() }), onProgress)
    )
  return Storage.of({
    engine,
    awaitDurable,
    whenDurable,
    admitWrite,
    defineStores,
    planMigrations: (definitions, { handlers = new Map(), newer = [] } = {}) =>
      runWork(() => new MigrationPlan(engine, definitions, { handlers, newer })),
    dropStore,
    snapshot,
    longSnapshot,
    holdLog: (request) => holdLog(engine, request),
    flush,
    backup,
    compact: flush.pipe(
      Effect.andThen(compact(engine, until)),
      Effect.tap(() => rested)
    )
  })
})

type Settled = (error: StorageError | undefined) => void

/** Both ways to wait for an LSN. */
function durability(engine: Engine, durable: DurableWaiters) {
  const wait = (lsn: number, settled: Settled): object | undefined => {
    if (engine.durableLsn >= lsn) return void settled(undefined)
    if (!canMaintain(engine)) return void settled(ended(engine))
    // Nothing more than a look when it is on its way already.
    engine.sync()
    return durable.wait(lsn, () => void wait(lsn, settled))
  }
  const awaitDurable = (lsn: number): Effect.Effect<void, StorageError> =>
    Effect.suspend(() => {
      if (engine.durableLsn >= lsn) return Effect.void
      return Effect.callback<void, StorageError>((resume) => {
        const waiter = wait(lsn, (error) => resume(error === undefined ? Effect.void : Effect.fail(error)))
        return waiter && Effect.sync(() => durable.cancel(waiter))
      })
    })
  const whenDurable = (lsn: number, settled: Settled): void => void wait(lsn, settled)
  return { awaitDurable, whenDurable }
}

/** A hold on the log, and its end. */
export interface HeldLog {
  readonly hold: LogHold
  readonly broken: Effect.Effect<HoldBroken>
}

const holdLog = Effect.fnUntraced(function* (engine: Engine, request: Omit<LogHoldRequest, "onBroken">) {
  const broken = yield* Deferred.make<HoldBroken>()
  const hold = yield* Effect.acquireRelease(
    Effect.sync(() => engine.logHolds.hold({ ...request, onBroken: (why) => void Deferred.doneUnsafe(broken, Effect.succeed(why)) })),
    (taken) => Effect.sync(() => taken.release())
  )
  return { hold, broken: Deferred.await(broken) }
})

/** Ways to bring what is committed to the index file and the value log. */
function flushesOf(engine: Engine, until: Waiting["until"]) {
  const flushed = until(() => engine.backlog.frozenMemtables === 0)
  const rested = Effect.flatMap(
    attempt(() => engine.logRest.begin()),
    (isBegun) => (isBegun ? until(() => engine.logRest.isOver) : Effect.void)
  )
  const flush = flushed.pipe(Effect.andThen(attempt(() => engine.freeze())), Effect.andThen(flushed), Effect.andThen(rested))
  /** Everything, definitions without documents included. */
  const settle = Effect.suspend(() => (canMaintain(engine) ? flushed : Effect.fail(ended(engine)))).pipe(
    Effect.andThen(attempt(() => engine.freeze(engine.lastLsn > engine.index.current().checkpoint.lsn))),
    Effect.andThen(flushed)
  )
  return { flush, rested, settle }
}

/** Asks for a long snapshot once the engine can freeze its memtable. */
const requestLongSnapshot = (
  engine: Engine,
  until: (isReached: () => boolean) => Effect.Effect<void, StorageError>
): Effect.Effect<LongSnapshotRequest, StorageError> =>
  Effect.suspend(() => {
    let request: LongSnapshotRequest | undefined
    return Effect.map(
      until(() => (request = engine.requestLongSnapshot()) !== undefined),
      () => request!
    )
  })

/** Begins a compaction once none that was asked for is under way, and waits for its end. */
const compact = (
  engine: Engine,
  until: (isReached: () => boolean) => Effect.Effect<void, StorageError>
): Effect.Effect<CompactionReport, StorageError> =>
  Effect.suspend(() => {
    const outcome: { isOver: boolean; report: CompactionReport | undefined } = { isOver: false, report: undefined }
    const begin = (): boolean => engine.compact((report) => Object.assign(outcome, { isOver: true, report }))
    return until(begin).pipe(
      Effect.andThen(until(() => outcome.isOver)),
      Effect.flatMap(() => {
        if (outcome.report !== undefined) return Effect.succeed(outcome.report)
        if (!canMaintain(engine)) return Effect.fail(ended(engine))
        return Effect.fail(new StorageError({ reason: new ReadOnly({ message: "the disk is full: there is no room to compact in" }) }))
      })
    )
  })

/** Runs the opening in slices. Not interruptible: what it holds is given back by its own failure or by closing the engine. */
const open = Effect.fnUntraced(function* (options: StorageOptions) {
  const { volume } = yield* Disk
  const clock = yield* Clock.Clock
  const runFork = Effect.runForkWith(yield* Effect.context<never>())
  const { directory, limits, durability } = options
  const budget = yield* Effect.serviceOption(Budget)
  const opening = new Opening({
    volume,
    directory,
    limits: { ...cacheBytesDefault(), ...limits },
    ...(Option.isNone(budget) ? {} : { budget: budget.value }),
    ...(durability === undefined ? {} : { durability }),
    now: () => clock.currentTimeMillisUnsafe(),
    random,
    schedule: (task) => setImmediate(task),
    report: (error) => runFork(Effect.logError("the database goes on after a failure", toStorageError(error) ?? error))
  })
  const wakes = new Signal()
  opening.onWake(() => wakes.raise())
  for (;;) {
    const seen = wakes.raises
    const progress = yield* attempt(() => opening.step(OPENING_SLICE_BYTES))
    if (progress === "done") return opening.engine
    yield* progress === "more" ? Effect.yieldNow : wakes.wait(seen)
  }
})

const close = Effect.fnUntraced(function* (engine: Engine, changes: Signal, isFlushed: boolean) {
  if (isFlushed) yield* flushAll(engine, changes)
  const fault = yield* Effect.callback<Fault | undefined>((resume) => engine.close((fault) => resume(Effect.succeed(fault))))
  if (fault !== undefined) yield* Effect.logError("the database could not be closed cleanly", fault.message)
})

/** What changes the stores. Those that were declared here cannot be dropped here. */
function definitionsOf(engine: Engine, waiting: Waiting): Pick<Storage["Service"], "defineStores" | "dropStore"> {
  const declared = new Set<string>()
  const drop = (name: string): number => {
    if (!declared.has(name)) return engine.drop(name)
    const message = `${name} is declared by what runs on this database: take it out of the declaration first`
    throw storageFault({ _tag: "InvalidStore", path: name, message })
  }
  return {
    defineStores: (definitions, options) =>
      Effect.suspend(() => {
        for (const { name } of definitions) declared.add(name)
        return defineAll(engine, waiting, definitions, options)
      }),
    dropStore: (name) =>
      Effect.andThen(
        waiting.admitWrite,
        attempt(() => drop(name))
      ).pipe(Effect.flatMap(waiting.awaitDurable))
  }
}

/** Why something waited for will not come. */
function ended(engine: Engine): StorageError {
  const reason = engine.admission() === "poisoned" ? new Poisoned({ message: engine.fault?.message ?? "a write failed" }) : new Closed()
  return new StorageError({ reason })
}
