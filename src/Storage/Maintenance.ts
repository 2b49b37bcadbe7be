/**
 * The work an engine does on the side: flushes, oldest first, and index builds, in slices that take turns.
 *
 * Invariants
 * - A full disk ends only the flush that met it: nothing is lost, and `retry` lets it begin again. Any other failure of a flush poisons
 *   the engine. A build that fails leaves its index as it is, not ready.
 */
import { isFault } from "../Fault/Fault.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import type { Catalog, CatalogStore } from "./Catalog.ts"
import { Flush } from "./Flush.ts"
import { IndexBuild } from "./IndexBuild.ts"
import type { Generation, Sources } from "./Sources.ts"
import type { ValueLog } from "./ValueLog.ts"

/** `more`: call again soon; `waiting`: for a sync, the end of a transaction or room; `idle`: there is nothing to do. */
export type Progress = "more" | "waiting" | "idle"

/** What maintenance sees of the engine, and does to it. */
export interface MaintenanceHost {
  readonly frozen: () => ReadonlyArray<Generation>
  readonly durableLsn: () => number
  readonly lastLsn: () => number
  readonly catalog: () => Catalog
  readonly sources: () => Sources
  readonly writable: () => Generation | undefined
  readonly flushed: (generation: Generation) => void
  readonly built: (store: CatalogStore, indexId: number) => void
  readonly wake: () => void
  readonly failed: (error: unknown) => void
  readonly buildFailed: (error: unknown) => void
}

const NO_ROOM: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"])

export class Maintenance {
  readonly #host: MaintenanceHost
  readonly #parts: { readonly index: IndexFile; readonly values: ValueLog }
  /** The catalog as of the index file's newest commit. */
  #flushedCatalog: Catalog
  #flush: Flush | undefined
  #build: IndexBuild | undefined
  readonly #failedBuilds = new Map<number, unknown>()
  #isOutOfRoom = false
  #isBuildsTurn = false
  #stopped: (() => void) | undefined

  constructor(host: MaintenanceHost, parts: { readonly index: IndexFile; readonly values: ValueLog; readonly catalog: Catalog }) {
    this.#host = host
    this.#parts = parts
    this.#flushedCatalog = parts.catalog
  }

  step(budget: number): Progress {
    this.#isBuildsTurn = !this.#isBuildsTurn
    const first = this.#isBuildsTurn ? this.#tryBuild(budget) : this.#tryFlush(budget)
    if (first === "more") return first
    const second = this.#isBuildsTurn ? this.#tryFlush(budget) : this.#tryBuild(budget)
    return second === "idle" ? first : second
  }

  /** Why an index could not be built, if so; a restart tries again. */
  buildFailure(indexId: number): unknown {
    return this.#failedBuilds.get(indexId)
  }

  /** Lets a flush that found no room begin again. */
  retry(): void {
    if (!this.#isOutOfRoom) return
    this.#isOutOfRoom = false
    this.#host.wake()
  }

  /** Ends the work under way, at once or, when a commit of the index file is, after it. */
  stop(done: () => void): void {
    this.#build = undefined
    if (this.#flush?.isCommitting === true) {
      this.#stopped = done
      this.#woken()
      return
    }
    if (this.#flush !== undefined) this.#abortFlush(this.#flush)
    done()
  }

  #tryFlush(budget: number): Progress {
    try {
      return this.#stepFlush(budget)
    } catch (error) {
      this.#fail(error)
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

  #stepFlush(budget: number): Progress {
    if (this.#isOutOfRoom) return "waiting"
    const oldest = this.#host.frozen().at(-1)
    const boundary = oldest?.boundary
    if (this.#flush === undefined) {
      if (oldest === undefined || boundary === undefined) return "idle"
      if (boundary.lsn > this.#host.durableLsn()) return "waiting"
      this.#flush = new Flush(oldest, boundary, { ...this.#parts, catalog: this.#flushedCatalog, wake: this.#woken })
    }
    const flush = this.#flush
    const progress = flush.step(budget)
    if (progress !== "done") return progress
    this.#flush = undefined
    this.#flushedCatalog = flush.generation.boundary?.catalog ?? this.#flushedCatalog
    this.#host.flushed(flush.generation)
    return "more"
  }

  #stepBuild(budget: number): Progress {
    const build = this.#nextBuild()
    if (build === undefined) return "idle"
    const target = this.#host.writable()
    if (target === undefined) return "waiting"
    const store = this.#host.catalog().storeById(build.storeId)
    if (store !== undefined) {
      if (!build.step(store, this.#host.sources(), this.#host.lastLsn(), target, budget)) return "more"
      if (store.indexes.some((it) => it.id === build.indexId)) this.#host.built(store, build.indexId)
    }
    this.#build = undefined
    return "more"
  }

  /** The build under way, or a new one for the first index that has none yet. */
  #nextBuild(): IndexBuild | undefined {
    if (this.#build !== undefined) return this.#build
    for (const store of this.#host.catalog().stores) {
      const index = store.indexes.find((it) => it.readyLsn === 0 && !this.#failedBuilds.has(it.id))
      if (index !== undefined) return (this.#build = new IndexBuild(store.id, index.id))
    }
    return undefined
  }

  /** A sync is over. While stopping nobody else steps the flush. */
  readonly #woken = (): void => {
    if (this.#stopped === undefined) return this.#host.wake()
    if (this.#flush === undefined) return
    try {
      let progress = this.#flush.step(Infinity)
      while (progress === "more") progress = this.#flush.step(Infinity)
      if (progress === "waiting") return
    } catch {
      // The log still has everything this flush would have written.
    }
    this.#flush = undefined
    this.#stopped()
  }

  #fail(error: unknown): void {
    const isRoom = this.#parts.index.poisoned === undefined && isOutOfRoom(error)
    this.#isOutOfRoom = isRoom
    if (this.#flush !== undefined) this.#abortFlush(this.#flush)
    if (!isRoom) this.#host.failed(error)
  }

  #abortFlush(flush: Flush): void {
    this.#flush = undefined
    try {
      flush.abort()
    } catch (error) {
      this.#host.failed(error)
    }
  }
}

/** Whether a write was refused for want of room, so that what was written before is still what it was. After a failed sync it is not. */
function isOutOfRoom(error: unknown): boolean {
  if (!isFault<{ _tag: string; operation: string; code: string }>(error, "DiskFailure")) return false
  const { operation, code } = error.reason
  return NO_ROOM.has(code) && operation !== "sync" && operation !== "syncDirectory"
}
