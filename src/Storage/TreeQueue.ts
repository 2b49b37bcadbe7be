/**
 * Who may change the index file and the value log next: one piece of work at a time, each to its end.
 *
 * Invariants
 * - A flush that can begin goes first; a compaction gets its turn, one batch at a time, when there is none.
 * - A full disk ends only the work that met it: nothing is lost, and `retry` lets it begin again. A value segment that cannot be read is left
 *   as it is and reported. Any other failure is the caller's to poison the engine with.
 */
import { isFault } from "../Fault/Fault.ts"
import type { Volume } from "../Disk/Volume.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import type { Catalog } from "./Catalog.ts"
import { BATCH_ENTRIES_MAX, Compaction } from "./Compaction.ts"
import { DefinitionsKeeper } from "./DefinitionsFile.ts"
import { flushWork } from "./Flush.ts"
import type { StorageLimits } from "./Limits.ts"
import type { Progress } from "./Maintenance.ts"
import { directoryNames } from "./Directory.ts"
import { MovedEntries } from "./MovedEntries.ts"
import { Packing } from "./Packing.ts"
import { Places } from "./Places.ts"
import { isUnreadable } from "./Reasons.ts"
import { Reserve } from "./Reserve.ts"
import { recount } from "./Recount.ts"
import { RootLists } from "./RootLists.ts"
import { RunBuffers } from "./RunBuffers.ts"
import { Shrink } from "./Shrink.ts"
import { type ChosenSegments, SpaceWatch } from "./SpaceWatch.ts"
import type { Generation } from "./Sources.ts"
import { type Pause, TreeWork } from "./TreeWork.ts"
import type { ValueLog } from "./ValueLog.ts"

/** What the queue sees of the engine, and tells it. */
export interface TreeQueueHost {
  readonly frozen: () => ReadonlyArray<Generation>
  readonly durableLsn: () => number
  /** The index file has a new version; with the generation it has everything of, if that was a flush. */
  readonly committed: (flushed: Generation | undefined) => void
  readonly wake: () => void
  /** Something could not be done, and the rest goes on. */
  readonly report: (error: unknown) => void
}

/** What a compaction that was asked for has done. */
export interface CompactionReport {
  /** Bytes of all value segments, before and after. */
  readonly bytesBefore: number
  readonly bytesAfter: number
  /** Bytes of the documents that were moved. */
  readonly movedBytes: number
  readonly segmentsBefore: number
  readonly segmentsAfter: number
}

/** Told the outcome of a compaction: the report, or nothing when it was given up because the engine is closing or the disk is full. */
export type CompactionDone = (report: CompactionReport | undefined) => void

interface FullCompaction {
  readonly done: CompactionDone
  readonly bytesBefore: number
  readonly segmentsBefore: number
  movedBytes: number
  /** Begun when everything is merged and moved. */
  packing: Packing | undefined
  isShrunk: boolean
  /** Segments that existed when it began, which are all it looks at: so it comes to an end. */
  readonly last: number
}

const NO_ROOM: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"])

export class TreeQueue {
  readonly #host: TreeQueueHost
  readonly #parts: { readonly index: IndexFile; readonly values: ValueLog; readonly definitions: DefinitionsKeeper }
  readonly #limits: StorageLimits
  readonly #roots: RootLists
  readonly #shrink: Shrink
  readonly #space: SpaceWatch
  /** Up to here the older meta is to need nothing of the log either. */
  #settledLsn = 0
  /** The catalog as of the index file's newest commit. */
  #catalog: Catalog
  #work: TreeWork | undefined
  #isFlushing = false
  #finished: () => void = () => {}
  #looking: Generator<"more", void, void> | undefined
  #compaction: Compaction | undefined
  /** These are kept from one flush or compaction to the next: large buffers made anew make the garbage collector stop everything more often. */
  readonly #places = new Places()
  readonly #runBuffers = new RunBuffers()
  #moved: MovedEntries | undefined
  #counting: Generator<"more", void, void> | undefined
  #budget = 0
  #isFlushOutOfRoom = false
  #isCompactionOutOfRoom = false
  /** The disk is full and the reserve was given up: only compaction goes on, one segment after the other. */
  #isMakingRoom = false
  readonly #reserve: Reserve
  /** Entries that flushes and compactions have brought since merges of small roots last kept up with them. */
  #foldDebt = 0
  #full: FullCompaction | undefined
  #stopped: (() => void) | undefined

  constructor(
    host: TreeQueueHost,
    parts: {
      readonly index: IndexFile
      readonly values: ValueLog
      readonly catalog: Catalog
      readonly limits: StorageLimits
      readonly options: { readonly volume: Volume; readonly directory: string }
    }
  ) {
    this.#host = host
    this.#limits = parts.limits
    const { volume, directory } = parts.options
    const { definitions: path, newDefinitions: newPath, reserve } = directoryNames(directory)
    const { databaseId, timeline } = parts.index
    const definitions = new DefinitionsKeeper({ volume, path, newPath, databaseId, timeline }, parts.catalog)
    this.#parts = { index: parts.index, values: parts.values, definitions }
    this.#reserve = new Reserve(volume, reserve, parts.limits.reserveBytes)
    this.#shrink = new Shrink(parts.index, parts.limits)
    this.#roots = new RootLists(parts.index, parts.limits)
    this.#space = new SpaceWatch({ index: parts.index, values: parts.values, roots: this.#roots }, parts.limits)
    this.#catalog = parts.catalog
    parts.index.cutMeanwhile(() => this.#cut())
  }

  /** Does a slice. Throws what ended the work and is no matter of room. */
  step(budget: number): Progress {
    this.#budget = budget
    try {
      if (this.#work === undefined) {
        if (this.#parts.index.isCutting) return "waiting"
        const begun = this.#begin()
        if (begun !== "begun") return begun
      }
      return this.#stepWork(budget)
    } catch (error) {
      this.#fail(error)
      return "more"
    }
  }

  /**
   * On a full disk: gives up the reserve so that a compaction can begin, where one would give room back. While that goes on the answer is
   * true, and what waits for room has to wait, or it would take what the compaction needs.
   */
  makeRoom(isLogFull: boolean): boolean {
    if (this.#isMakingRoom) return true
    const isFull = isLogFull || this.isOutOfRoom
    if (!isFull) this.#reserve.retry()
    if (!isFull || this.#work !== undefined) return false
    if (this.#space.forRoom() === undefined || !this.#reserve.release()) return false
    this.#isMakingRoom = true
    this.#isCompactionOutOfRoom = false
    this.#compaction = undefined
    this.#looking = undefined
    this.#host.wake()
    return true
  }

  /** Whether a flush or a compaction found no room, and waits for it. */
  get isOutOfRoom(): boolean {
    return this.#isFlushOutOfRoom || this.#isCompactionOutOfRoom
  }

  /** See `SpaceWatch.isReplacing`. */
  get isReplacing(): boolean {
    return this.#space.isReplacing
  }

  /** Lets work that found no room begin again. */
  retry(): void {
    if (!this.isOutOfRoom) return
    this.#isFlushOutOfRoom = false
    this.#isCompactionOutOfRoom = false
    this.#space.lookAgain()
    this.#host.wake()
  }

  /** Lets the older meta move on too, to an LSN where the newer one is, when there is nothing else to do. True when it is there. */
  settle(lsn: number): boolean {
    const isSettled = this.#parts.index.olderCheckpoint().lsn >= lsn
    if (!isSettled && this.#settledLsn < lsn) {
      this.#settledLsn = lsn
      this.#host.wake()
    }
    return isSettled
  }

  /** Compacts every segment in which anything is lost; `done` once, later. False while another one is asked for. */
  compact(done: CompactionDone): boolean {
    if (this.#full !== undefined) return false
    const { values } = this.#parts
    const { lengths } = values
    values.seal()
    this.#full = {
      done,
      bytesBefore: values.sizeBytes,
      segmentsBefore: lengths.length,
      movedBytes: 0,
      packing: undefined,
      isShrunk: false,
      last: lengths.at(-1)?.segment ?? 0
    }
    this.#host.wake()
    return true
  }

  /** Ends the work under way, at once or, when a commit or a cut of the index file is, after it. */
  stop(done: () => void): void {
    this.#compaction = undefined
    this.#stopped = done
    if (this.#work?.isCommitting === true) return this.#woken()
    this.#abort()
    this.#endStopped()
  }

  /** The file that is being cut stays ours until that is over: whoever opens it next may write where it is cut. */
  #endStopped(): void {
    this.#end()
    this.#endFull(undefined)
    if (!this.#parts.index.isCutting) this.#stopped?.()
  }

  /** The index file was cut. */
  #cut(): void {
    if (this.#stopped === undefined) this.#host.wake()
    else if (this.#work === undefined) this.#stopped()
  }

  /** Gives up the work under way for good. What it leaves behind belongs to nobody, and the next opening removes it. */
  #abort(): void {
    try {
      this.#work?.abort()
    } catch (error) {
      this.#host.report(error)
    }
  }

  /** Begins the next piece of work, or does a part of what has to be known before. */
  #begin(): Progress | "begun" {
    this.#removeReleased()
    if (!this.#parts.values.accounts.isComplete) return this.#count()
    if (this.#isMakingRoom) return this.#beginCompaction()
    const overdue = this.#isCompactionOutOfRoom ? "idle" : this.#beginOverdue()
    if (overdue !== "idle") return overdue
    const flush = this.#beginFlush()
    if (flush === "begun" || this.#isCompactionOutOfRoom) return flush
    if (this.#beginFold()) return "begun"
    const compaction = this.#beginCompaction()
    if (compaction !== "idle") return compaction
    return flush === "idle" && this.#reserve.grow() ? "more" : flush
  }

  /**
   * What has to come before the next flush, or it would never come while there is always one to do: memtables pile up meanwhile and writers
   * wait, until merges have taken in as many entries as were brought, and lost space is a bounded part of all.
   */
  #beginOverdue(): Progress | "begun" {
    if (this.#foldDebt > 0) {
      if (this.#beginFold()) return "begun"
      this.#foldDebt = 0
    }
    if (!this.#space.isUrgent) return "idle"
    this.#compaction ??= this.#nextCompaction()
    return this.#compaction === undefined ? "idle" : this.#beginCompaction()
  }

  #count(): Progress {
    const { index, values } = this.#parts
    this.#counting ??= recount(index, values, this.#catalog, () => this.#budget)
    if (this.#counting.next().done === true) this.#counting = undefined
    return "more"
  }

  #beginFlush(): Progress | "begun" {
    if (this.#isFlushOutOfRoom) return "waiting"
    const oldest = this.#host.frozen().at(-1)
    const boundary = oldest?.boundary
    if (oldest === undefined || boundary === undefined) return "idle"
    if (boundary.lsn > this.#host.durableLsn()) return "waiting"
    const parts = { ...this.#parts, catalog: this.#catalog, roots: this.#roots, places: this.#places, wake: this.#woken }
    const flush = flushWork(oldest, boundary, parts)
    this.#isFlushing = true
    return this.#start(flush, () => {
      this.#catalog = boundary.catalog
      this.#foldDebt += oldest.memtable.entries
      this.#host.committed(oldest)
    })
  }

  /** Merges a part of a small root, if one is due. */
  #beginFold(): boolean {
    const roots = this.#roots
    const tree = roots.next(this.#full !== undefined && this.#compaction === undefined)
    if (tree === undefined) return false
    this.#foldDebt = Math.max(0, this.#foldDebt - roots.partEntries(tree))
    const replaced = this.#catalog.storeById(tree) === undefined ? undefined : this.#parts.values.accounts.replaced
    this.#start(
      this.#workOf((work) => roots.fold(work, tree, replaced)),
      () => this.#host.committed(undefined)
    )
    return true
  }

  #beginCompaction(): Progress | "begun" {
    const compaction = (this.#compaction ??= this.#nextCompaction())
    if (compaction === undefined) return this.#afterCompaction()
    this.#looking ??= compaction.look(() => this.#budget)
    if (this.#looking.next().done !== true) return "more"
    return this.#start(compaction.batch({ ...this.#parts, wake: this.#woken }), () => {
      if (compaction.isOver) {
        this.#compaction = undefined
        this.#looking = undefined
        if (this.#full !== undefined) this.#full.movedBytes += compaction.movedBytes
      }
      this.#foldDebt += compaction.batchEntries
      this.#host.committed(undefined)
    })
  }

  /** The compaction that is due, if any. */
  #nextCompaction(): Compaction | undefined {
    if (this.#isMakingRoom) return this.#compactionOf(this.#space.forRoom())
    return this.#compactionOf(this.#full === undefined ? this.#space.due() : this.#space.asked(this.#full.last))
  }

  #compactionOf(chosen: ChosenSegments | undefined): Compaction | undefined {
    if (chosen === undefined) return undefined
    this.#looking = undefined
    const batchBytesMax = this.#limits.compactionBatchBytesMax
    const moved = (this.#moved ??= new MovedEntries(BATCH_ENTRIES_MAX))
    const kept = { moved, buffers: this.#runBuffers }
    const parts = { ...this.#parts, catalog: () => this.#catalog, roots: this.#roots, batchBytesMax, ...kept }
    return new Compaction(chosen.segments, chosen.bounds, parts)
  }

  /**
   * With nothing left to compact: full pages, no free ones in the index file, one more commit so that the older meta lets go of what was given up, and the
   * report.
   */
  #afterCompaction(): Progress | "begun" {
    const { index, values } = this.#parts
    const shrink = this.#shrink
    if (this.#full !== undefined) {
      const packing = (this.#full.packing ??= new Packing(index))
      if (packing.isDue)
        return this.#start(
          this.#workOf((work) => packing.pack(work)),
          () => this.#host.committed(undefined)
        )
    }
    if (!this.#isMakingRoom && shrink.isDue(this.#full?.isShrunk === false)) {
      if (this.#full !== undefined) this.#full.isShrunk = true
      return this.#start(
        this.#workOf((work) => shrink.move(work)),
        () => this.#host.committed(undefined)
      )
    }
    const { transaction, checkpoint } = index.current()
    if (index.olderCheckpoint().lsn < this.#settledLsn || values.condemned.some((it) => it.transaction === transaction)) {
      const empty = function* (work: TreeWork): Generator<Pause, void, void> {
        yield* work.syncValues()
        yield* work.commit(checkpoint)
      }
      return this.#start(this.#workOf(empty), () => this.#host.committed(undefined))
    }
    if (this.#isMakingRoom) {
      this.#isMakingRoom = false
      this.#host.wake()
      return "waiting"
    }
    const full = this.#full
    if (full !== undefined) {
      this.#endFull({
        bytesBefore: full.bytesBefore,
        bytesAfter: values.sizeBytes,
        movedBytes: full.movedBytes,
        segmentsBefore: full.segmentsBefore,
        segmentsAfter: values.lengths.length
      })
    }
    return "idle"
  }

  #endFull(report: CompactionReport | undefined): void {
    const full = this.#full
    if (full === undefined) return
    this.#full = undefined
    full.done(report)
    this.#host.wake()
  }

  #workOf(body: (work: TreeWork) => Generator<Pause, void, void>): TreeWork {
    return new TreeWork({ ...this.#parts, wake: this.#woken }, body)
  }

  #start(work: TreeWork, finished: () => void): "begun" {
    this.#work = work
    this.#finished = finished
    return "begun"
  }

  #stepWork(budget: number): Progress {
    const before = this.#parts.index.current().checkpoint.lsn
    const progress = this.#work!.step(budget)
    if (progress !== "done") return progress
    this.#end()
    this.#roots.settle(before)
    this.#finished()
    return "more"
  }

  /** Unlinks what nothing reaches any more. What cannot be unlinked now is tried again later. */
  #removeReleased(): void {
    const { index, values } = this.#parts
    try {
      values.removeReleased((transaction) => index.released(transaction))
    } catch (error) {
      if (!isFault(error, "DiskFailure")) throw error
      this.#host.report(error)
    }
  }

  /** A sync is over. While stopping nobody else steps the work. */
  readonly #woken = (): void => {
    if (this.#stopped === undefined) return this.#host.wake()
    if (this.#work === undefined) return
    try {
      let progress = this.#work.step(Infinity)
      while (progress === "more") progress = this.#work.step(Infinity)
      if (progress === "waiting") return
    } catch {
      // The log still has everything this work would have written.
      this.#abort()
    }
    this.#endStopped()
  }

  #end(): void {
    this.#work = undefined
    this.#isFlushing = false
  }

  #fail(error: unknown): void {
    const isFlush = this.#isFlushing
    const compaction = this.#compaction
    const work = this.#work
    this.#end()
    if (!isFlush) {
      this.#compaction = undefined
      this.#looking = undefined
    }
    work?.abort()
    if (this.#parts.index.poisoned === undefined && isOutOfRoom(error)) {
      if (isFlush) this.#isFlushOutOfRoom = true
      else this.#isCompactionOutOfRoom = true
      if (!isFlush) this.#isMakingRoom = false
      if (!isFlush) this.#endFull(undefined)
    } else if (!isFlush && isUnreadable(error)) {
      for (const segment of compaction?.segments ?? []) if (this.#isMeant(error, segment)) this.#space.damaged.add(segment)
      this.#host.report(error)
    } else throw error
  }

  /** Whether an error is about a segment: it names its file, or no file of a segment at all. */
  #isMeant(error: unknown, segment: number): boolean {
    const { values } = this.#parts
    const damaged = isFault<{ _tag: string; file: string }>(error, "StorageDamaged") ? error.reason.file : undefined
    return damaged === undefined || values.file(segment).file.path === damaged
  }
}

/** Whether a write was refused for want of room, so that what was written before is still what it was. After a failed sync it is not. */
function isOutOfRoom(error: unknown): boolean {
  if (!isFault<{ _tag: string; operation: string; code: string }>(error, "DiskFailure")) return false
  const { operation, code } = error.reason
  return NO_ROOM.has(code) && operation !== "sync" && operation !== "syncDirectory"
}
