/**
 * The engine of one database: synchronous, on bytes, driven from outside.
 *
 * Invariants
 * - A commit is one LSN and one log record. Everything that can fail (limits, memory, room in the log) is checked before the append; after
 *   it nothing may throw, and if something does, the engine is poisoned.
 * - `apply` is the only way into the memtable, for a commit and for a replayed record alike.
 * - Snapshots are at the shown LSN: the durable one, unless stores are relaxed (Durability.ts).
 * - No page, value or checkpoint ever holds an LSN above the durable one: a memtable freezes at a commit boundary and is flushed only when
 *   that boundary is durable.
 * - Definitions are records of their own, between transactions.
 * - Nothing here waits. Long work is done in slices by `maintain`; what has to be waited for is announced by the listeners.
 */
import { KeyGenerator } from "../Bson/Key.ts"
import { Fault } from "../Fault/Fault.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import type { StoreDefinition } from "../Schema/Definition.ts"
import type { Log } from "../Wal/Log.ts"
import { KIND_DDL, KIND_TRANSACTION, type RecordView } from "../Wal/Record.ts"
import { ADMISSION_SHARE, requireOpen, type WriteAdmission, WriteHold } from "./Admission.ts"
import type { BudgetShare } from "./Budget.ts"
import { buildStates, type BuildState, duplicatesFault } from "./Builds.ts"
import type { Catalog, CatalogStore } from "./Catalog.ts"
import { ChangeTable } from "./ChangeTable.ts"
import { type CommitListener, commitOf } from "./Commit.ts"
import { type CatalogChange, planBuilt, planDefinition, planDrop, planRename } from "./Definition.ts"
import type { Duplicates } from "./Duplicates.ts"
import { Shown } from "./Durability.ts"
import type { EngineParts, RecoveryReport } from "./EngineParts.ts"
import { EngineTransaction } from "./EngineTransaction.ts"
import type { Footprint } from "./Footprint.ts"
import { Expiry } from "./Expiry.ts"
import { type EngineListeners, listenersOf } from "./Listeners.ts"
import { Generations } from "./Generations.ts"
import type { StorageLimits } from "./Limits.ts"
import { LogHolds } from "./LogHolds.ts"
import { LogRest } from "./LogRest.ts"
import { LogWriter, NOTHING_WRITTEN } from "./LogWriter.ts"
import type { LongSnapshotRequest } from "./LongSnapshots.ts"
import { Maintenance, type Progress } from "./Maintenance.ts"
import { Overlay } from "./Overlay.ts"
import type { Snapshot, Store, StoreIndex, Transaction } from "./Reader.ts"
import { storageFault } from "./Reasons.ts"
import { replayDefinition, replayOperations } from "./Replay.ts"
import { Snapshots } from "./Snapshots.ts"
import type { Generation, Sources } from "./Sources.ts"
import { type CompactionDone, TreeQueue } from "./TreeQueue.ts"
import type { ValueSpace } from "./ValueLog.ts"

export class Engine {
  readonly limits: StorageLimits
  /** The file of trees, for those who read it as a whole; it has the ids of the database and its timeline. */
  readonly index: IndexFile
  /** Its part of the memory of the process. */
  readonly share: BudgetShare
  /** For who needs everything written so far to be on disk before anything more is: transactions wait, and definitions. */
  readonly hold = new WriteHold(() => this.#listeners.work.tell(undefined))
  readonly #parts: EngineParts
  readonly #keys: KeyGenerator
  readonly #overlay: Overlay
  readonly #snapshots: Snapshots
  readonly #maintenance: Maintenance
  /** Who keeps the log from being released, and what gives its room back when nothing in it is needed. */
  readonly logHolds: LogHolds
  readonly logRest: LogRest
  readonly #expiry: Expiry
  readonly #listeners: EngineListeners
  #log: Log | undefined
  #catalog: Catalog
  readonly #memtables: Generations
  #lsn: number
  readonly #writer: LogWriter
  readonly #shown: Shown
  #transaction: EngineTransaction | undefined
  #changes: ChangeTable | undefined
  #poison: Fault | undefined
  #isClosing = false
  #replayed = 0
  /** What opening found out. */
  report: RecoveryReport = { lastLsn: 0, replayed: 0 }

  /** Use `Opening`. The engine begins as of the checkpoint of its index file and is filled by `replay`. */
  constructor(parts: EngineParts) {
    const { options, index, values, limits } = parts
    const { checkpoint } = index.current()
    this.#parts = parts
    this.limits = limits
    this.index = index
    this.share = parts.share
    this.#catalog = parts.catalog
    this.#lsn = checkpoint.lsn
    this.#writer = new LogWriter(checkpoint, options.now, options.durability)
    this.#shown = new Shown(checkpoint.lsn)
    this.#memtables = new Generations(parts)
    this.#overlay = new Overlay(this.share.allocator, this.#memtables.active.memtable.arena, limits)
    this.#keys = new KeyGenerator(options.now, options.random)
    this.#listeners = listenersOf(options.report)
    this.share.wake = () => this.#listeners.work.tell(undefined)
    this.#snapshots = new Snapshots(limits, options.now, values, () => this.#listeners.work.tell(undefined))
    this.logHolds = new LogHolds(limits, () => this.#log, index, options)
    this.#maintenance = new Maintenance(this.#maintained, new TreeQueue(this.#maintained, parts), parts.catalog.builds)
    this.logRest = new LogRest(this.#maintained, this.logHolds, limits)
    this.#expiry = new Expiry(this, () => this.#catalog, options)
  }

  // ---- reading -------------------------------------------------------------------------------------------------------------------

  store(name: string): Store | undefined {
    return this.#catalog.store(name)
  }

  stores(): ReadonlyArray<Store> {
    return this.#catalog.stores
  }

  /** The newest LSN that is on disk. */
  get durableLsn(): number {
    return this.#log?.durableLsn ?? this.#lsn
  }

  /** What snapshots see: the durable LSN, or a later one when no commit between the two wrote to a store of level `fsync`. */
  get shownLsn(): number {
    return this.#shown.lsn(this.durableLsn)
  }

  /** The newest commit that wrote to a store of level `fsync`, or defined one: what may rest on it leaves when it is on disk. */
  get awaitedLsn(): number {
    return this.#shown.awaitedLsn
  }

  /** The newest LSN. */
  get lastLsn(): number {
    return this.#lsn
  }

  /** When anything was changed last. It is noted from the first call on: ask before the snapshot whose answers are to be checked. */
  get changes(): ChangeTable {
    return (this.#changes ??= new ChangeTable(this.#lsn))
  }

  /** A reader at the shown LSN, which notes in `footprint` what it is asked for. Close it; it expires after `snapshotTimeoutMs`. */
  snapshot(footprint?: Footprint): Snapshot {
    if (this.#isClosing) throw storageFault({ _tag: "Closed" })
    return this.#snapshots.start(this.#memtables.sources.retain(), this.#catalog, this.shownLsn, footprint)
  }

  /** Ends the snapshots that are older than they may be. Call it now and then. */
  expireSnapshots(): void {
    this.#snapshots.expire()
  }

  /** Asks for a snapshot of everything committed so far that may live long; it is there once `maintain` has flushed up to it. Undefined when
   * it has to wait for a transaction or a flush: ask again after `onWork`. */
  requestLongSnapshot(): LongSnapshotRequest | undefined {
    if (this.#isClosing) throw storageFault({ _tag: "Closed" })
    const generation = this.#memtables.active
    if (!this.#freezeActive()) return undefined
    this.#log?.rotate(() => {})
    return this.#snapshots.long.request(generation)
  }

  // ---- writing -------------------------------------------------------------------------------------------------------------------

  /** Why a transaction could not begin now, or "open". */
  admission(): WriteAdmission {
    if (this.#isClosing || this.#log === undefined) return "closed"
    if (this.#poison !== undefined) return "poisoned"
    const admitted = this.#log.admit(this.share.staging.fairBytes * ADMISSION_SHARE)
    // The log's state counts before a full memtable: while it takes nothing, no flush will ever make room.
    if (admitted === "admitted") return this.#memtables.mustWait || this.hold.isOn ? "wait" : "open"
    return admitted === "tooLarge" ? "closed" : admitted
  }

  /** Why nothing can be written, if so. */
  get fault(): Fault | undefined {
    return this.#poison ?? this.#log?.fault
  }

  /** Begins the one transaction. Faults: TransactionOpen, Backpressure, ReadOnly, Poisoned, Closed. */
  transact(): Transaction {
    if (this.#transaction !== undefined) throw storageFault({ _tag: "TransactionOpen" })
    requireOpen(this.admission(), this.fault)
    this.#overlay.begin(this.#memtables.sources, this.#lsn, this.#memtables.active.memtable.arena)
    return (this.#transaction = new EngineTransaction(this.#transactionHost, this.#overlay, this.#catalog, this.#lsn))
  }

  /** A new key: a UUID of version 7, greater than all before it. */
  generateKey(): Uint8Array {
    return this.#keys.make()
  }

  /**
   * Makes the stores exist as defined and returns the LSN to wait for; the current one when nothing had to change. Indexes of stores with
   * documents are built by `maintain` and are `ready` later. Faults: InvalidStore, IncompatibleSchema and those of `transact`.
   */
  define(definitions: ReadonlyArray<StoreDefinition>): number {
    const isEmpty = (store: CatalogStore): boolean => !this.#memtables.sources.cursor(store.id, this.#lsn, undefined, 1, undefined).next()
    return this.#define(planDefinition(this.#catalog, definitions, this.limits, isEmpty, this.#lsn + 1))
  }

  /** Gives stores other names, all at once: `names` has each with its new one. Faults as `define`. */
  rename(names: ReadonlyMap<string, string>): number {
    return this.#define(planRename(this.#catalog, names))
  }

  /** Takes a store away with all it has; open readers keep it. Its room comes back with the next flush. Faults as `define`. */
  drop(name: string): number {
    const lsn = this.#define(planDrop(this.#catalog, name))
    this.freeze(true)
    return lsn
  }

  // ---- listening -----------------------------------------------------------------------------------------------------------------

  /** Called after every commit, before `commit()` returns. A listener that throws is detached and reported; the commit stands. */
  onCommit(listener: CommitListener): () => void {
    return this.#listeners.commit.add(listener)
  }

  /** Called with the newest LSN on disk whenever it has grown, and once when the engine is poisoned. */
  onDurable(listener: (lsn: number) => void): () => void {
    return this.#listeners.durable.add(listener)
  }

  /** Called when `maintain` has, or may have, something to do, or when writers that were told to wait may try again. */
  onWork(listener: () => void): () => void {
    return this.#listeners.work.add(listener)
  }

  // ---- upkeep --------------------------------------------------------------------------------------------------------------------

  /** Does a slice of flushing and index building; the budget is in units of about 100 ns. `waiting`: until `onWork`. */
  maintain(budget: number): Progress {
    if (this.#isClosing || this.#poison !== undefined || this.#log === undefined || this.#log.state === "poisoned") return "idle"
    if (this.#memtables.isFlushWanted) this.freeze()
    return this.#maintenance.step(budget)
  }

  /** Removes some of the documents whose time is over, in a transaction of its own. Call it now and then; again at once after `more`. */
  expireDocuments(): Progress {
    return this.#expiry.step()
  }

  /** Freezes the active memtable, so that `maintain` flushes it as soon as it is durable. False when it is empty (unless forced) or must wait. */
  freeze(isForced = false): boolean {
    return (isForced || this.#memtables.active.memtable.entries > 0) && this.#freezeActive()
  }

  #freezeActive(): boolean {
    if (this.#transaction !== undefined || !this.#memtables.canFreeze) return false
    this.sync()
    this.#memtables.freeze(this.#writer.boundary(this.#log, this.#lsn, this.#catalog.withBuilds(this.#maintenance.builds)))
    this.#listeners.work.tell(undefined)
    return true
  }

  /** Whether `sync` has to be called within `syncIntervalMs`: something of level `interval` was committed. Announced by `onWork`. */
  get isSyncDue(): boolean {
    return this.#shown.isSyncDue
  }

  /** Asks for a sync of everything committed so far. */
  sync(): void {
    this.#shown.isSyncDue = false
    this.#log?.sync()
  }

  /** After a full disk: makes room by compacting, or tries again what failed for want of it. */
  retry(): void {
    this.#maintenance.retry(this.#log, this.logHolds)
  }

  /** Lets `maintain` compact every value segment in which anything is lost. `done` is told what that gave, or nothing when the engine closes
   * or the disk is full before. False, and nothing begins, while another compaction that was asked for is under way. */
  compact(done: CompactionDone): boolean {
    return this.#maintenance.compact(done)
  }

  /** Whether an index is still being built. */
  get isBuilding(): boolean {
    return this.#catalog.stores.some((store) => store.kept.some((it) => !it.ready))
  }

  /** Why the index could not be built, if so. It stays unused: after DuplicateValues until its store is defined again, else until a restart. */
  buildFailure(index: StoreIndex): unknown {
    return duplicatesFault(this.#catalog, index) ?? this.#maintenance.buildFailure(index.id)
  }

  /** The indexes that are being built, and how far they are. */
  builds(): ReadonlyArray<BuildState> {
    return buildStates(this.#catalog, this.#maintenance.builds, this.#parts.index)
  }

  /** Memtables that wait for their flush, and bytes of the active one. */
  get backlog(): { readonly frozenMemtables: number; readonly activeBytes: number } {
    return { frozenMemtables: this.#memtables.frozen.length, activeBytes: this.#memtables.active.bytes }
  }

  /** The long snapshots there are, in the order of their start. */
  get longSnapshots(): ReadonlyArray<{ readonly lsn: number; readonly startMs: number }> {
    return this.#snapshots.long.held
  }

  /** What the value segments hold. */
  get space(): ValueSpace {
    return this.#parts.values.space
  }

  /** Ends every snapshot, writes and seals the log, closes every file and gives the lock back. `done` with what could not be written. */
  close(done: (fault: Fault | undefined) => void): void {
    if (this.#isClosing) throw storageFault({ _tag: "Closed" })
    this.#isClosing = true
    this.#transaction?.rollback()
    this.#snapshots.close()
    const finish = (fault: Fault | undefined): void => {
      this.#listeners.durable.tell(this.durableLsn)
      this.#listeners.work.tell(undefined)
      this.#memtables.close()
      this.#parts.values.close()
      this.#parts.index.close()
      this.#parts.release()
      done(fault)
    }
    this.#maintenance.stop(() => {
      if (this.#log === undefined) finish(undefined)
      else this.#log.close(finish)
    })
  }

  // ---- recovery, for Opening -----------------------------------------------------------------------------------------------------

  /** Applies a record of the log. Records come in order and without gaps. */
  replay(record: RecordView): void {
    this.#replayed++
    if (record.kind === KIND_TRANSACTION) {
      this.#overlay.begin(this.#memtables.sources, this.#lsn, this.#memtables.active.memtable.arena)
      replayOperations(record, this.#catalog, this.#overlay)
      this.#apply(record.lsn)
      this.#overlay.end(true)
    } else if (record.kind === KIND_DDL) this.#catalog = replayDefinition(record, this.#catalog)
    this.#lsn = record.lsn
    this.#writer.replayed(record)
    if (this.#memtables.isFull) this.freeze()
  }

  /** Where the log has to be read from. */
  get checkpoint(): { readonly lsn: number; readonly recordCrc: number } {
    return { lsn: this.#lsn, recordCrc: this.#writer.recordCrc }
  }

  /** The log is recovered: from now on the engine can be written to. */
  start(log: Log, report: Omit<RecoveryReport, "replayed" | "lastLsn">): void {
    this.#log = log
    this.share.reclaimStaging = () => log.reclaim()
    this.report = { ...report, lastLsn: this.#lsn, replayed: this.#replayed }
    this.#keys.continueFrom(this.#writer.commitTimeMs)
    this.#catalog = this.#catalog.refreshed(log.durableLsn)
    log.onDurable(this.#becameDurable)
    log.onState(() => {
      if (log.state === "poisoned") this.#becamePoisoned()
      this.#listeners.work.tell(undefined)
    })
    this.#listeners.work.tell(undefined)
  }

  // ---- inside --------------------------------------------------------------------------------------------------------------------

  #endTransaction(isKept: boolean): void {
    this.#overlay.end(isKept)
    this.#transaction = undefined
  }

  #commit(): number {
    let lsn: number
    try {
      lsn = this.#append()
    } catch (error) {
      this.#endTransaction(false)
      throw error
    }
    if (lsn === NOTHING_WRITTEN) {
      this.#endTransaction(false)
      return this.#lsn
    }
    try {
      const before = this.#lsn
      this.#apply(lsn)
      if (this.#listeners.commit.count > 0)
        this.#listeners.commit.tell(
          commitOf(lsn, this.#writer.commitTimeMs, this.#overlay.memtable, this.#catalog, this.#memtables.sources, before)
        )
      this.#endTransaction(true)
      if (this.#memtables.isFull) this.freeze()
      if (this.#writer.level === "interval" && this.#shown.becomesDue()) this.#listeners.work.tell(undefined)
    } catch (error) {
      this.#poisonWith(error)
      throw error
    }
    return lsn
  }

  /** NOTHING_WRITTEN when there is nothing to commit. */
  #append(): number {
    const log = this.#log
    if (this.#poison !== undefined || log === undefined)
      throw storageFault({ _tag: "Poisoned", message: this.fault?.message ?? "not open" })
    return this.#writer.transaction(log, this.#overlay, this.#catalog, this.#memtables.active.memtable)
  }

  /** Moves the overlay's newest entries into the active memtable as one commit. */
  #apply(lsn: number): void {
    this.#memtables.active.memtable.absorb(this.#overlay.memtable, lsn, this.#changes)
    this.#lsn = lsn
    if (this.#writer.level === "fsync") this.#shown.awaitedLsn = lsn
    else this.#shown.relaxed(lsn)
  }

  #define(change: CatalogChange | undefined): number {
    if (this.#transaction !== undefined) throw storageFault({ _tag: "TransactionOpen" })
    if (change === undefined) return this.#lsn
    requireOpen(this.admission(), this.fault)
    this.#appendDefinition(change)
    return this.#lsn
  }

  #appendDefinition(change: CatalogChange): void {
    const log = this.#log
    if (log === undefined) throw storageFault({ _tag: "Closed" })
    const catalog = this.#catalog.with(change.stores, change.nextId, log.durableLsn, change.dropped)
    this.#lsn = this.#shown.awaitedLsn = this.#writer.definition(log, change)
    this.#catalog = catalog
    this.#listeners.work.tell(undefined)
  }

  readonly #becameDurable = (lsn: number): void => {
    this.#shown.settle(lsn)
    this.#catalog = this.#catalog.refreshed(lsn)
    this.#listeners.durable.tell(lsn)
    if (this.#memtables.sources.generations.length > 1 || this.isBuilding) this.#listeners.work.tell(undefined)
  }

  #poisonWith(error: unknown): void {
    this.#poison ??= error instanceof Fault ? error : new Fault({ _tag: "Poisoned", message: String(error) })
    this.#becamePoisoned()
    this.#listeners.work.tell(undefined)
  }

  /** Reads go on at the durable LSN: what was shown beyond it will not be there after the restart that has to come. */
  #becamePoisoned(): void {
    if (this.#shown.forget()) this.#changes?.touchAll(this.#lsn + 1)
    this.#listeners.durable.tell(this.durableLsn)
  }

  /** What a transaction does to the engine. */
  readonly #transactionHost = {
    generateKey: (into: Uint8Array): void => void this.#keys.next(into, 0),
    commit: (): number => this.#commit(),
    rollback: (): void => this.#endTransaction(false)
  }

  /** What maintenance may see and do. */
  readonly #maintained = {
    frozen: (): ReadonlyArray<Generation> => this.#memtables.frozen,
    durableLsn: (): number => this.durableLsn,
    catalog: (): Catalog => this.#catalog,
    sources: (): Sources => this.#memtables.sources,
    lastLsn: (): number => this.#lsn,
    log: (): Log | undefined => (this.admission() === "open" ? this.#log : undefined),
    isSettled: (): boolean =>
      this.#transaction === undefined && this.#memtables.isEmpty && this.index.current().checkpoint.lsn === this.#lsn,
    settle: (lsn: number): boolean => this.#maintenance.settle(lsn),
    append: (log: Log): void => void (this.#lsn = this.#shown.awaitedLsn = this.#writer.nothing(log)),
    /** The memtable that index entries may be added to now; undefined while a transaction runs or writers have to wait. */
    writable: (): Generation | undefined => {
      if (this.#transaction !== undefined) return undefined
      if (this.#memtables.isFull) this.freeze()
      return this.admission() === "open" ? this.#memtables.active : undefined
    },
    committed: (flushed: Generation | undefined): void => {
      if (flushed !== undefined) this.#snapshots.long.flushed(flushed, this.#parts)
      this.#memtables.committed(flushed, this.#maintenance.isReplacing)
      if (this.#log !== undefined) this.#log.segmentBytes = this.#memtables.bytesMax / 2
      this.logHolds.release()
      this.#listeners.work.tell(undefined)
    },
    built: (store: CatalogStore, indexId: number, duplicates: Duplicates | undefined): void => {
      this.#appendDefinition(planBuilt(this.#catalog, store, indexId, duplicates, this.#lsn + 1))
      this.freeze()
    },
    wake: (): void => this.#listeners.work.tell(undefined),
    report: (error: unknown): void => this.#parts.options.report(error),
    failed: (error: unknown): void => this.#poisonWith(error),
    buildFailed: (error: unknown): void => {
      this.#parts.options.report(error)
      this.#listeners.work.tell(undefined)
    }
  }
}
