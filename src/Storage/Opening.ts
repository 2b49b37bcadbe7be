/**
 * From a directory to an open engine, in steps: lock, directories, index file, value log, catalog, log.
 *
 * Invariants
 * - The index file is made under another name and renamed when it is whole, before anything else of a new database; so a log or value
 *   segment without it means that it was lost, and opening refuses.
 * - Nothing that was durable is given up without refusal: the index file may fall back to its older commit, for the log still has what it
 *   misses; a torn tail of the log was never acknowledged. Both are reported.
 * - A failure gives everything back, the lock too.
 */
import { type DirectoryLock, joinPath, parentOf, type SyncDone } from "../Disk/Volume.ts"
import type { Fault } from "../Fault/Fault.ts"
import { IndexFile } from "../Index/IndexFile.ts"
import { Recovery } from "../Wal/Recovery.ts"
import { type BudgetShare, ProcessBudget } from "./Budget.ts"
import { readAccounts, readCatalog, readSegmentTable } from "./CatalogFile.ts"
import { type DirectoryNames, directoryNames } from "./Directory.ts"
import { Engine } from "./Engine.ts"
import type { EngineOptions } from "./EngineParts.ts"
import { DEFAULT_LIMITS, type StorageLimits } from "./Limits.ts"
import { storageFault } from "./Reasons.ts"
import { UNFINISHED_REPAIR } from "./RepairSwap.ts"
import { forkAt } from "./Timeline.ts"
import { ValueLog } from "./ValueLog.ts"

/** `more`: call again. `waiting`: call again after `onWake`. `done`: `engine` is there. */
export type OpeningProgress = "more" | "waiting" | "done"

/**
 * Opens a database.
 *
 * @example
 * ```ts
 * const opening = new Opening(options)
 * const run = (): void => {
 *   let progress = opening.step(1024 * 1024)
 *   while (progress === "more") progress = opening.step(1024 * 1024)
 *   if (progress === "done") use(opening.engine)
 * }
 * opening.onWake(run)
 * run()
 * ```
 */
export class Opening {
  readonly #options: EngineOptions
  readonly #limits: StorageLimits
  readonly #names: DirectoryNames
  readonly #work: Generator<"more" | "waiting", Engine, number>
  #wake: () => void = () => {}
  #lock: DirectoryLock | undefined
  #index: IndexFile | undefined
  #values: ValueLog | undefined
  #engine: Engine | undefined
  readonly #budget: ProcessBudget
  #share: BudgetShare | undefined

  constructor(options: EngineOptions) {
    this.#options = options
    this.#budget = options.budget ?? new ProcessBudget(options.limits, options.allocator)
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits, ...this.#budget.limits }
    this.#names = directoryNames(options.directory)
    this.#work = this.#run()
  }

  /** Called, outside of `step`, each time a step that answered `waiting` may be repeated. */
  onWake(wake: () => void): void {
    this.#wake = wake
  }

  /**
   * Works on about `budgetBytes`. Throws the fault that keeps the database closed: DirectoryLocked, StorageDamaged, NewerFormat, those of
   * Wal and Index, DiskFailure.
   */
  step(budgetBytes: number): OpeningProgress {
    try {
      const { done, value } = this.#work.next(budgetBytes)
      if (done !== true) return value
      this.#engine = value
      return "done"
    } catch (error) {
      this.#release()
      throw error
    }
  }

  /** The engine, once `step` has answered `done`. */
  get engine(): Engine {
    if (this.#engine === undefined) throw new Error("the engine is not open yet")
    return this.#engine
  }

  *#run(): Generator<"more" | "waiting", Engine, number> {
    const { volume, directory } = this.#options
    volume.makeDirectory(directory)
    this.#lock = volume.lock(directory)
    this.#requireNoRepair()
    const share = (this.#share = this.#budget.join())
    const isNew = !volume.exists(this.#names.index)
    if (isNew) this.#requireEmpty()
    yield* this.#makeDirectories()
    if (isNew) yield* this.#createIndex()
    const index = yield* this.#openIndex()
    this.#index = index
    // Of a commit that did not come to its end. The next one would write it anew, but with nothing to flush there is none.
    if (volume.exists(this.#names.newDefinitions)) volume.remove(this.#names.newDefinitions)
    const { databaseId } = index
    const version = index.current()
    const values = new ValueLog(
      {
        volume,
        directory: this.#names.values,
        databaseId,
        segmentBytesMax: this.#limits.valueSegmentBytesMax,
        cache: this.#budget.values,
        places: this.#budget.places,
        random: this.#options.random
      },
      readSegmentTable(index)
    )
    readAccounts(index, values.accounts)
    this.#values = values
    const engine = new Engine({
      options: this.#options,
      limits: this.#limits,
      share,
      index,
      values,
      catalog: readCatalog(index, version),
      release: () => {
        this.#budget.leave(share)
        this.#lock?.release()
      }
    })
    yield* this.#recover(engine, index, share)
    return engine
  }

  *#recover(engine: Engine, index: IndexFile, { staging: stagingRoom }: BudgetShare): Generator<"more" | "waiting", void, number> {
    const { databaseId, timeline } = index
    const { volume, random, now, schedule, report } = this.#options
    const { logSegmentBytesMax: segmentBytesMax, logStagingBytesMax: stagingBytesMax } = this.#limits
    const directory = this.#names.log
    const options = {
      volume,
      directory,
      databaseId,
      timeline,
      segmentBytesMax,
      stagingBytesMax,
      stagingRoom,
      now,
      random,
      schedule,
      report
    }
    const recovery = new Recovery(options, { ...engine.checkpoint, ...forkAt(index) }, (record) => engine.replay(record))
    recovery.onWake(() => this.#wake())
    let budget = yield "more"
    for (;;) {
      const progress = recovery.step(budget)
      if (progress === "done") break
      budget = yield progress
    }
    const { cut } = recovery.report
    const fallback = this.#index?.fallback?.message
    engine.start(recovery.log(), { ...(cut === undefined ? {} : { cut }), ...(fallback === undefined ? {} : { fallback }) })
  }

  /** What a repair has begun to put in its place has to be whole first. */
  #requireNoRepair(): void {
    const { repair: file } = this.#names
    if (!this.#options.volume.exists(file)) return
    throw storageFault({ _tag: "StorageDamaged", file, offset: 0, message: UNFINISHED_REPAIR })
  }

  /** Without an index file there must be nothing that one of ours has ever written to. */
  #requireEmpty(): void {
    const { volume } = this.#options
    for (const directory of [this.#names.log, this.#names.values]) {
      if (!volume.exists(directory)) continue
      const name = volume.list(directory)[0]
      if (name === undefined) continue
      const file = joinPath(directory, name)
      const message = `${this.#names.index} is missing although ${file} exists: repair it, or restore it from a backup`
      throw storageFault({ _tag: "StorageDamaged", file: this.#names.index, offset: 0, message })
    }
  }

  *#makeDirectories(): Generator<"waiting", void, number> {
    const { volume, directory } = this.#options
    volume.makeDirectory(this.#names.log)
    volume.makeDirectory(this.#names.values)
    for (let path = directory; ; path = parentOf(path)) {
      yield* this.#synced((done) => volume.syncDirectory(path, done))
      if (path === parentOf(path) || path === ".") return
    }
  }

  *#createIndex(): Generator<"waiting", void, number> {
    const { volume, random, directory } = this.#options
    const path = this.#names.newIndex
    if (volume.exists(path)) volume.remove(path)
    const entropy = new Uint8Array(36)
    random(entropy)
    const databaseId = asIdentity(entropy.slice(0, 16))
    const timeline = asIdentity(entropy.slice(16, 32))
    const salt = new DataView(entropy.buffer).getUint32(32, true)
    const { indexCacheBytesMax: cacheBytes } = this.#limits
    const { frames } = this.#budget
    const created = yield* this.#file((done) => IndexFile.create({ volume, path, cacheBytes, frames, databaseId, timeline, salt }, done))
    created.close()
    volume.rename(path, this.#names.index)
    yield* this.#synced((done) => volume.syncDirectory(directory, done))
  }

  #openIndex(): Generator<"waiting", IndexFile, number> {
    const { volume } = this.#options
    const { indexCacheBytesMax: cacheBytes, indexTrimBytesMin: trimBytesMin } = this.#limits
    const { frames } = this.#budget
    return this.#file((done) => IndexFile.open({ volume, path: this.#names.index, cacheBytes, frames, trimBytesMin }, done))
  }

  *#file(start: (done: (fault: Fault | undefined, file: IndexFile | undefined) => void) => void): Generator<"waiting", IndexFile, number> {
    const outcome: { isOver: boolean; fault?: Fault | undefined; file?: IndexFile | undefined } = { isOver: false }
    start((fault, file) => {
      Object.assign(outcome, { isOver: true, fault, file })
      this.#wake()
    })
    while (!outcome.isOver) yield "waiting"
    if (outcome.file === undefined) throw outcome.fault ?? new Error("the index file was neither opened nor refused")
    return outcome.file
  }

  *#synced(start: (done: SyncDone) => void): Generator<"waiting", void, number> {
    const outcome: { isOver: boolean; fault?: Fault | undefined } = { isOver: false }
    start((fault) => {
      Object.assign(outcome, { isOver: true, fault })
      this.#wake()
    })
    while (!outcome.isOver) yield "waiting"
    if (outcome.fault !== undefined) throw outcome.fault
  }

  #release(): void {
    this.#values?.close()
    this.#index?.close()
    if (this.#share !== undefined) this.#budget.leave(this.#share)
    this.#lock?.release()
  }
}

/** Random bytes as a UUID of version 4. */
function asIdentity(bytes: Uint8Array): Uint8Array {
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes
}
