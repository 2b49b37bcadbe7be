/**
 * The work an engine does on the side: index builds, and what changes the index file (flushes, compaction), in slices that take turns.
 *
 * Invariants
 * - What fails in the queue of the index file poisons the engine, unless the queue got over it. A build that fails leaves its index as it
 *   is, not ready.
 */
import { isFault } from "../Fault/Fault.ts"
import type { Log } from "../Wal/Log.ts"
import type { Catalog, CatalogStore } from "./Catalog.ts"
import type { Duplicates } from "./Duplicates.ts"
import { type BuildProgress, IndexBuild } from "./IndexBuild.ts"
import type { LogHolds } from "./LogHolds.ts"
import type { Generation, Sources } from "./Sources.ts"
import type { CompactionDone, TreeQueue } from "./TreeQueue.ts"

/** `more`: call again soon; `waiting`: for a sync, the end of a transaction or room; `idle`: there is nothing to do. */
export type Progress = "more" | "waiting" | "idle"

/** What maintenance sees of the engine, and does to it. */
export interface MaintenanceHost {
  readonly lastLsn: () => number
  readonly catalog: () => Catalog
  readonly sources: () => Sources
  readonly writable: () => Generation | undefined
  readonly built: (store: CatalogStore, indexId: number, duplicates: Duplicates | undefined) => void
  readonly failed: (error: unknown) => void
  readonly buildFailed: (error: unknown) => void
}

export class Maintenance {
  readonly #host: MaintenanceHost
  readonly #queue: TreeQueue
  #build: IndexBuild | undefined
  /** How far builds were that are not under way. */
  readonly #progress: Map<number, BuildProgress>
  readonly #failedBuilds = new Map<number, unknown>()
  #isBuildsTurn = false

  /** `builds`: how far they were when the database was opened. */
  constructor(host: MaintenanceHost, queue: TreeQueue, builds: ReadonlyMap<number, BuildProgress>) {
    this.#host = host
    this.#queue = queue
    this.#progress = new Map(builds)
  }

  /** How far the builds are, by index. */
  get builds(): ReadonlyMap<number, BuildProgress> {
    const progress = this.#build?.progress
    return this.#build === undefined || progress === undefined ? this.#progress : new Map(this.#progress).set(this.#build.indexId, progress)
  }

  step(budget: number): Progress {
    this.#isBuildsTurn = !this.#isBuildsTurn
    const first = this.#isBuildsTurn ? this.#tryBuild(budget) : this.#tryQueue(budget)
    if (first === "more") return first
    const second = this.#isBuildsTurn ? this.#tryQueue(budget) : this.#tryBuild(budget)
    return second === "idle" ? first : second
  }

  /** Why an index could not be built, if so; a restart tries again. */
  buildFailure(indexId: number): unknown {
    return this.#failedBuilds.get(indexId)
  }

  /** After a full disk: breaks a hold on the log, makes room by compacting, or lets what found no room begin again. */
  retry(log: Log | undefined, holds: LogHolds): void {
    const isLogFull = log?.state === "full"
    if (isLogFull || this.#queue.isOutOfRoom) holds.makeRoom()
    if (this.#queue.makeRoom(isLogFull)) return
    log?.retry()
    this.#queue.retry()
  }

  /** See `SpaceWatch.isReplacing`. */
  get isReplacing(): boolean {
    return this.#queue.isReplacing
  }

  /** See `TreeQueue.settle`. */
  settle(lsn: number): boolean {
    return this.#queue.settle(lsn)
  }

  /** See `TreeQueue.compact`. */
  compact(done: CompactionDone): boolean {
    return this.#queue.compact(done)
  }

  /** Ends the work under way, at once or, when a commit of the index file is, after it. */
  stop(done: () => void): void {
    this.#build = undefined
    this.#queue.stop(done)
  }

  #tryQueue(budget: number): Progress {
    try {
      return this.#queue.step(budget)
    } catch (error) {
      this.#host.failed(error)
      return "waiting"
    }
  }

  /** A document that cannot be read ends the build of the index, nothing else: it stays as it is, not ready. */
  #tryBuild(budget: number): Progress {
    try {
      return this.#stepBuild(budget)
    } catch (error) {
      if (this.#build === undefined) throw error
      // The build is done and only its record has to wait: the next slice finds nothing left and tries again.
      if (isFault(error, "Backpressure") || isFault(error, "ReadOnly")) return "waiting"
      this.#failedBuilds.set(this.#build.indexId, error)
      this.#build = undefined
      this.#host.buildFailed(error)
      return "more"
    }
  }

  #stepBuild(budget: number): Progress {
    const build = this.#nextBuild()
    if (build === undefined) return "idle"
    const target = this.#host.writable()
    if (target === undefined) return "waiting"
    const store = this.#host.catalog().storeById(build.storeId)
    if (store !== undefined) {
      if (!build.step({ store, sources: this.#host.sources(), lsn: this.#host.lastLsn(), target }, budget)) return "more"
      if (store.indexes.some((it) => it.id === build.indexId)) this.#host.built(store, build.indexId, build.duplicates)
    }
    this.#build = undefined
    return "more"
  }

  /** The build under way, or a new one for the first index that has none yet. */
  #nextBuild(): IndexBuild | undefined {
    if (this.#build !== undefined) return this.#build
    for (const store of this.#host.catalog().stores) {
      const index = store.kept.find((it) => it.readyLsn === 0 && !this.#failedBuilds.has(it.id))
      if (index === undefined) continue
      this.#build = new IndexBuild(store.id, index.id, this.#progress.get(index.id))
      this.#progress.delete(index.id)
      return this.#build
    }
    return undefined
  }
}
