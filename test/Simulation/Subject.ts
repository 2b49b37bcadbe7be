/**
 * One database of a simulated process, what it promised, and whether it keeps it.
 *
 * Invariants
 * - It moves only when a step says so: a slice of opening or maintenance, one of its tasks, the completion of one of its syncs.
 * - `observedLsn` is the newest LSN that anyone outside was told or shown. No crash may take it back.
 */
import type { Random } from "../../src/Disk/Random.ts"
import type { Commit } from "../../src/Storage/Commit.ts"
import type { Backup } from "../../src/Storage/Backup.ts"
import type { LongSnapshotRequest } from "../../src/Storage/LongSnapshots.ts"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import type { ChunkAllocator } from "../../src/Storage/Arena.ts"
import type { Engine } from "../../src/Storage/Engine.ts"
import type { StorageLimits } from "../../src/Storage/Limits.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import { Opening } from "../../src/Storage/Opening.ts"
import type { Snapshot, Store, Transaction } from "../../src/Storage/Reader.ts"
import { Archive } from "./Archive.ts"
import { checkReader } from "./Checks.ts"
import type { Coverage } from "./Coverage.ts"
import type { Lie } from "./Faults.ts"
import type { LogHeld } from "./LogHolding.ts"
import { CommitLevels } from "./Levels.ts"
import type { MigrationWork } from "./Migrating.ts"
import { firstLsnOf, holdsRecord, provenLsn, readSegment, readSegments } from "./LogFiles.ts"
import { digestOf, type Draft, History, type State, stateDigest } from "./Model.ts"
import { violated } from "./Violation.ts"

/** What the process gives its databases. */
export interface Host {
  readonly volume: SimulatedVolume
  readonly allocator: ChunkAllocator
  readonly coverage: Coverage
  readonly now: () => number
}

/** A snapshot that is held while other things happen. */
export interface Held {
  readonly snapshot: Snapshot
  readonly stores: ReadonlyArray<Store>
  readonly state: State
  readonly startMs: number
  readonly flushes: number
}

/** A long snapshot that was asked for, and what it has to show. */
export interface HeldLong {
  readonly request: LongSnapshotRequest
  readonly stores: ReadonlyArray<Store>
  readonly lsn: number
  readonly state: State
  startMs: number
}

/** A backup that is under way. */
export interface BackupWork {
  readonly work: Backup
  readonly lsn: number
  readonly state: State
}

/** A backup that is done: it has to hold this for ever. */
export interface BackupDone {
  readonly number: number
  readonly lsn: number
  readonly state: State
}

/** A transaction that is open, with its model. */
export interface Work {
  readonly transaction: Transaction
  draft: Draft
}

/** Every how many times that something is called durable the files are looked into. */
const JUDGED_EVERY = 3

export class Subject {
  readonly name: string
  readonly directory: string
  readonly limits: Partial<StorageLimits>
  readonly history = new History()
  readonly archive = new Archive()
  readonly levels = new CommitLevels()
  readonly tasks: Array<() => void> = []
  readonly held: Array<Held> = []
  readonly heldLong: Array<HeldLong> = []
  readonly logHolds: Array<LogHeld> = []
  readonly backups: Array<BackupDone> = []
  backup: BackupWork | undefined
  migration: MigrationWork | undefined
  /** To what a store was last being migrated, if it has not got there. */
  target: StoreDefinition | undefined
  /** Whether a compaction that was asked for is under way. */
  isCompacting = false
  /** The most bytes that were kept for readers when snapshots were looked through for those that keep too much. */
  keptBytesSeen = 0
  phase: "down" | "opening" | "running" | "closing" = "down"
  engine: Engine | undefined
  work: Work | undefined
  observedLsn = 0
  /** The newest LSN that was ever given out, since the last crash. */
  lastLsn = 0
  /** What the disk did to it without saying so. */
  lie: Lie | undefined
  /** Whether it is a copy, opened beside another one for a look: its log is not collected. */
  isCopy = false
  /** Up to this LSN the log need not have the records: a backup has none. */
  backupLsn = 0
  /** Flushes that have ended since the start. */
  flushes = 0
  /** Whether the newest end of it was a clean stop, with nothing failing since the start before. */
  isCleanlyStopped = false
  wasPoisoned = false
  /** Whether there was no room for a commit when one was tried last. */
  wasFull = false
  /** Failures of the disk that had been met when it was started. */
  injectedBefore = 0
  readonly #host: Host
  #opening: Opening | undefined
  #wasBuilding = false
  /** What its files proved to be durable when it was started, for a disk that lied. */
  #provenLsn = 0
  /** Whether an opening was interrupted since the disk lied. */
  #wasInterrupted = false
  #judgements = 0

  constructor(name: string, directory: string, limits: Partial<StorageLimits>, host: Host) {
    this.name = name
    this.directory = directory
    this.limits = limits
    this.#host = host
  }

  get logDirectory(): string {
    return `${this.directory}/wal`
  }

  get isRunning(): boolean {
    return this.phase === "running"
  }

  get running(): Engine {
    if (this.engine === undefined || !this.isRunning) throw new Error(`${this.name} is not running`)
    return this.engine
  }

  // ---- life ----------------------------------------------------------------------------------------------------------------------

  start(random: Random): void {
    const { volume, allocator, now } = this.#host
    this.phase = "opening"
    this.tasks.length = 0
    this.#provenLsn = this.lie === undefined ? 0 : provenLsn(volume, this.logDirectory)
    this.#opening = new Opening({
      volume,
      directory: this.directory,
      limits: this.limits,
      allocator,
      now,
      random: (into) => random.fillBytes(into),
      schedule: (task) => this.tasks.push(task),
      report: (error) => this.#reported(error)
    })
  }

  /** Takes over what another one promised, to be held to it in its place. */
  continueFrom(other: Subject): void {
    const { running } = other
    this.observedLsn = other.observedLsn
    this.lastLsn = running.lastLsn
    this.history.follow(other.history)
    this.levels.follow(other.levels)
    this.isCopy = true
  }

  /** It was made from a backup. */
  restoredFrom({ lsn, state }: BackupDone): void {
    this.backupLsn = lsn
    this.observedLsn = lsn
    this.lastLsn = lsn
    this.history.record(lsn, state)
    this.isCopy = true
  }

  /** A slice of the opening; true when it is done. Throws what keeps the database closed; it is down then. */
  open(budgetBytes: number): boolean {
    const opening = this.#opening!
    try {
      if (opening.step(budgetBytes) !== "done") return false
    } catch (error) {
      this.fell()
      throw error
    }
    this.#opening = undefined
    this.engine = opening.engine
    this.phase = "running"
    this.#opened(opening.engine)
    return true
  }

  /** The process is gone, or the database with it. */
  fell(): void {
    if (this.phase === "opening" && this.lie !== undefined) this.#wasInterrupted = true
    this.phase = "down"
    this.lastLsn = Math.max(this.lastLsn, this.engine?.lastLsn ?? 0)
    this.#wasBuilding = this.engine?.isBuilding ?? this.#wasBuilding
    this.engine = undefined
    this.#opening = undefined
    this.work = undefined
    this.held.length = 0
    this.heldLong.length = 0
    this.logHolds.length = 0
    this.backup = undefined
    this.migration = undefined
    this.isCompacting = false
    this.keptBytesSeen = 0
    this.wasFull = false
    this.tasks.length = 0
    this.flushes = 0
    this.isCleanlyStopped = false
  }

  // ---- promises ------------------------------------------------------------------------------------------------------------------

  /** Someone outside was shown the database as of `lsn`: the files must prove it. `isOld`: it may not be the newest that is durable. */
  observe(lsn: number, isOld = false): void {
    this.observedLsn = Math.max(this.observedLsn, lsn)
    if (lsn <= this.backupLsn || this.#judgements++ % JUDGED_EVERY !== 0 || this.lie !== undefined) return
    const segments = readSegments(this.#host.volume.durable(), this.logDirectory)
    // What was released was durable; the newest record is never released.
    if (isOld && lsn < (segments[0]?.firstLsn ?? 0)) return
    if (!holdsRecord(segments, lsn)) {
      violated("nothing leaves before it is durable", `${this.name}: LSN ${lsn} was shown, and is not on disk`)
    }
  }

  /** The state now is what the history says of the newest LSN; writes it down after a commit. */
  committed(lsn: number, state: State): void {
    this.history.record(lsn, state)
    this.lastLsn = lsn
  }

  /** Reads everything at the durable LSN and compares. */
  checkDurable(context: string): string {
    const engine = this.running
    const snapshot = engine.snapshot()
    try {
      this.checkShown(snapshot.lsn)
      this.observe(engine.durableLsn)
      const state = this.history.seenAt(snapshot.lsn)
      const digest = digestOf(checkReader(snapshot, engine.stores(), state, `${this.name} ${context}, LSN ${snapshot.lsn}`))
      if (digest !== stateDigest(state)) violated("reads", `${this.name} ${context}: the digest differs at LSN ${snapshot.lsn}`)
      return stateDigest(this.history.at(engine.durableLsn))
    } finally {
      snapshot.close()
    }
  }

  /** Readers are shown everything durable, and behind it commits that nobody waits for, up to the first that somebody does. */
  checkShown(lsn: number): void {
    const { running } = this
    const isPoisoned = running.admission() === "poisoned"
    const expected = isPoisoned ? running.durableLsn : this.levels.shownLsn(running.durableLsn)
    if (lsn !== expected)
      violated("snapshots", `${this.name}: one at LSN ${lsn} and not ${expected}, of which ${running.durableLsn} is durable`)
    if (lsn > running.durableLsn) this.#host.coverage.note("commit shown before it is on disk")
  }

  /** The log, replayed by a reader of its own, leads to what the model holds. */
  checkReplay(lsn: number): void {
    if (this.lie !== undefined || this.isCopy) return
    this.archive.collect(this.#host.volume, this.logDirectory)
    if (this.archive.digestAt(lsn) !== stateDigest(this.history.at(lsn))) {
      violated("replay", `${this.name}: replaying the log to LSN ${lsn} gives another state`)
    }
  }

  /** A file of the log is about to go: what it holds must be known. */
  releasing(path: string): void {
    const firstLsn = firstLsnOf(path)
    if (firstLsn === undefined || this.lie !== undefined) return
    const segment = readSegment(path, firstLsn, this.#host.volume.peek(path))
    if (segment.records.length === 0) return
    this.archive.take(segment)
    this.#host.coverage.note("log segment released")
  }

  #opened(engine: Engine): void {
    const { coverage } = this.#host
    const { lastLsn, cut, fallback } = engine.report
    if (this.isCopy) {
      this.#checkRecovered(engine, lastLsn, cut !== undefined)
      this.checkDurable("without its newer meta")
      return
    }
    if (cut !== undefined) coverage.note("torn tail cut")
    if (fallback !== undefined) coverage.note("older meta used")
    if (this.wasPoisoned) coverage.note("recovered from poison")
    this.wasPoisoned = false
    this.#checkRecovered(engine, lastLsn, cut !== undefined)
    if (engine.isBuilding && this.#wasBuilding) coverage.note("index build begun again")
    if (engine.builds().some((it) => it.documents > 0)) coverage.note("index build gone on with after a restart")
    engine.onDurable((lsn) => this.observe(lsn))
    engine.onCommit((commit) => this.#heard(commit))
    this.checkReplay(lastLsn)
    this.observe(lastLsn)
    this.checkDurable("opened")
  }

  #checkRecovered(engine: Engine, lsn: number, isCut: boolean): void {
    const name = this.name
    if (engine.lastLsn !== lsn || engine.durableLsn !== lsn)
      violated("recovery", `${name} shows LSN ${engine.lastLsn} after recovering ${lsn}`)
    if (lsn > this.lastLsn) violated("recovery", `${name} has LSN ${lsn} of ${this.lastLsn}: a commit that never was`)
    if (lsn < this.#provenLsn) violated("damage is not a torn tail", `${name} comes up with LSN ${lsn}; its log proved ${this.#provenLsn}`)
    if (lsn < this.observedLsn && !this.#isExcused(isCut)) {
      violated("acknowledged is on disk", `${name} comes up with LSN ${lsn}; ${this.observedLsn} was acknowledged`)
    }
    this.lastLsn = lsn
    this.observedLsn = Math.min(this.observedLsn, lsn)
    this.history.forgetAfter(lsn)
    this.archive.forgetAfter(lsn)
    if (this.levels.forgetAfter(lsn) > 0) this.#host.coverage.note("commit lost that nobody waited for")
  }

  #heard(commit: Commit): void {
    const levels = new Set<"fsync" | "interval" | "memory">()
    for (const operation = commit.operations(); operation.next();) {
      const { name } = operation.store.definition
      levels.add(this.history.latest.get(name)?.definition.durability ?? "fsync")
    }
    this.levels.committed(commit.lsn, levels)
  }

  /**
   * A disk that lies about the end of the log can take it away: what never got there, and what rotted within the reported tail. An opening
   * that cut the tail and was interrupted had nobody to report to.
   */
  #isExcused(isCut: boolean): boolean {
    const lie = this.lie
    if (lie === undefined || !lie.path.startsWith(this.logDirectory)) return false
    return isCut || this.#wasInterrupted || lie.kind !== "bit rot"
  }

  #reported(error: unknown): void {
    // A build that could not read a document says so; nothing else is reported by an engine that works.
    const isBuild = /DiskFailure|damaged|StorageDamaged/.test(String(error))
    if (!isBuild) violated("no listener throws", String(error), error)
  }
}
