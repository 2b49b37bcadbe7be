/**
 * Makes a database whole again whose files are damaged: a new index file from whatever is left of the old one, the value log and the log.
 *
 *     what is there (RepairSurvey.ts)  →  primary trees, from whatever says where documents are (RepairTrees.ts)  →  the report
 *     RepairSwap.ts: the new files get the names of the old, which stay under others
 *
 * Invariants
 * - Nothing that was there is changed: what the repair makes has names that an opening removes, and `discardRepair` removes it too.
 * - For every key the newest version that can be read counts, and a removal counts as a version. Where an older one could only be brought back
 *   because what came after it cannot be read, it is not brought back: the document is lost (its place is known), or uncertain and set aside.
 * - Afterwards no older version of a document that is gone can come back either: each has a tombstone behind it.
 * - The repaired database begins a timeline of its own behind everything that was ever committed. Indexes are built anew when it is opened.
 */
import type { Fault } from "../Fault/Fault.ts"
import { joinPath, type Volume } from "../Disk/Volume.ts"
import { type EntrySource, type Stepper, ValueView } from "../Index/Entry.ts"
import { IndexFile } from "../Index/IndexFile.ts"
import { EMPTY_CHECKPOINT } from "../Index/Meta.ts"
import type { TreeWriter } from "../Index/TreeWriter.ts"
import { KIND_TRANSACTION, type RecordView } from "../Wal/Record.ts"
import { toHex } from "../Wal/Segment.ts"
import { Catalog, CatalogStore } from "./Catalog.ts"
import { writeWholeCatalog } from "./CatalogFile.ts"
import { encodeDefinitions } from "./DefinitionsFile.ts"
import { type DirectoryNames, directoryNames } from "./Directory.ts"
import { DELETE, PUT } from "./MemtableLayout.ts"
import { KEY_BYTES } from "./Reader.ts"
import { RepairAside } from "./RepairAside.ts"
import { LOST_LISTED_MAX, type LostDocument, type LostStore, type RepairedStore, type RepairReport } from "./RepairReport.ts"
import type { Rename, SwapPlan } from "./RepairSwap.ts"
import { type RepairSurvey, relativeTo, surveyDatabase } from "./RepairSurvey.ts"
import { isNewest, LogEntries, OldEntries, type Operation, SettledEntries, skipKey, ValueEntries } from "./RepairTrees.ts"
import { RepairValues } from "./RepairValues.ts"
import { RepairWriter } from "./RepairWriter.ts"
import { RunMerge, RUNS_MAX } from "./RunMerge.ts"
import { copyForks, writeFork } from "./Timeline.ts"
import { OPERATION_PUT, OperationReader } from "./TransactionRecord.ts"
import { Location } from "./TreeSource.ts"
import { documentLength } from "../Bson/View.ts"
import { segmentName } from "./ValueLog.ts"
import { type SegmentLength, VALUE_HEADER_BYTES } from "./ValueSegment.ts"
import { type Steps, Work } from "./Work.ts"

const CACHE_BYTES = 16 * 1024 * 1024
/** Entries a stepper of the index file works on at a time. */
const STEP_BUDGET = 2000
/** What a step of it counts for, in bytes of a slice. */
const STEP_COST_BYTES = 64 * 1024
/** Documents of the log that are held in memory until they are put into the trees, in bytes; one record more may be. */
const OPERATION_BYTES_MAX = 32 * 1024 * 1024
const OPERATION_COST_BYTES = 64

export interface RepairOptions {
  readonly volume: Volume
  /** The database's directory, locked by the caller; nothing of it is open. */
  readonly directory: string
  readonly random: (into: Uint8Array) => void
  /** Keeps documents that may have been removed or replaced by what cannot be read, instead of setting them aside. */
  readonly keepsUncertain?: boolean
}

/** A repair that has been made and waits beside the database to take its place. */
export interface MadeRepair {
  readonly report: RepairReport
  readonly plan: SwapPlan
  /** Paths of what was made. */
  readonly made: ReadonlyArray<string>
}

export class Repair extends Work<MadeRepair> {
  readonly #options: RepairOptions
  readonly #names: DirectoryNames
  readonly #values: RepairValues
  readonly #number: number
  readonly #aside: RepairAside
  #survey: RepairSurvey | undefined
  #index: IndexFile | undefined
  #writer: RepairWriter | undefined
  #operations: Array<Operation> = []
  #operationBytes = 0
  #isMade = false

  constructor(options: RepairOptions) {
    super()
    const { directory, volume } = options
    this.#options = options
    this.#names = directoryNames(directory)
    this.#values = new RepairValues(volume, this.#names.values)
    this.#number = nextNumber(volume, this.#names)
    this.#aside = new RepairAside(volume, directory, this.#number)
  }

  protected *run(): Steps<MadeRepair> {
    const { random, volume } = this.#options
    const names = this.#names
    volume.makeDirectory(names.values)
    volume.makeDirectory(names.log)
    const pace = { spent: (bytes: number) => this.#spent(bytes), told: this.told.bind(this) }
    const survey = yield* surveyDatabase(volume, names, this.#values, pace)
    this.#survey = survey
    const { databaseId, values } = survey
    const first = Math.max(0, ...values.present, ...survey.segments) + 1
    const writer = new RepairWriter({ volume, directory: names.values, databaseId, random, first })
    this.#writer = writer
    const timeline = randomBytes(random, 16)
    const index = yield* this.#createIndex(timeline)
    this.#index = index
    yield* this.#takeOldTrees(survey)
    yield* this.#searchValues(survey)
    yield* this.#replayLog(survey)
    const stores = yield* this.#settle(survey)
    const lsn = Math.max(survey.log.result.lastLsn, survey.coveredLsn, values.lsnMax)
    yield* this.#bury(survey, lsn)
    yield* writer.sync((start) => this.synced(start))
    yield* this.#aside.sync((start) => this.synced(start))
    yield* this.#finishIndex(survey, timeline, lsn)
    const made = this.#outcome(survey, timeline, lsn, stores)
    this.#isMade = true
    return made
  }

  protected close(): void {
    this.#survey?.old?.close()
    this.#values.close()
    this.#writer?.close()
    this.#index?.close()
    if (this.#isMade) return
    this.#writer?.remove()
    this.#aside.remove()
    for (const path of [this.#names.newIndex, this.#names.newDefinitions]) {
      if (this.#options.volume.exists(path)) this.#options.volume.remove(path)
    }
  }

  *#spent(bytes: number): Steps {
    if (this.spend(bytes)) yield "more"
  }

  *#createIndex(timeline: Uint8Array): Steps<IndexFile> {
    const { random, volume } = this.#options
    const path = this.#names.newIndex
    if (volume.exists(path)) volume.remove(path)
    const salt = new DataView(randomBytes(random, 4).buffer).getUint32(0, true)
    const { databaseId } = this.#survey!
    const created = yield* this.told<{ fault: Fault | undefined; file: IndexFile | undefined }>((done) =>
      IndexFile.create({ volume, path, cacheBytes: CACHE_BYTES, databaseId, timeline, salt }, (fault, file) => done({ fault, file }))
    )
    if (created.file === undefined) throw created.fault ?? new Error("the index file was neither made nor refused")
    return created.file
  }

  /** The trees that can be read say where the documents of their stores are. */
  *#takeOldTrees({ catalog, old, values, whole }: RepairSurvey): Steps {
    if (old === undefined) return
    const writer = this.#index!.beginWrite()
    for (const { id } of catalog.stores) {
      if (whole.has(id)) yield* this.#apply(writer, id, new OldEntries(old.cursor(old.current(), id), values, id))
    }
    yield* this.#commit(writer)
  }

  /** For the other stores the value log is searched; what is of no store that is known is set aside. */
  *#searchValues({ catalog, certainFrom, values, whole }: RepairSurvey): Steps {
    const index = this.#index!
    const unsearched = [...values.runs]
    for (let pass = 0; unsearched.length > 0; pass++) {
      const merge = RunMerge.of(unsearched.splice(0, RUNS_MAX))
      const writer = index.beginWrite()
      for (let entry = merge.current; entry !== undefined; entry = merge.current) {
        const { store } = entry
        if (catalog.storeById(store) === undefined) yield* this.#setAsideStore(merge, store)
        else if (whole.has(store)) yield* this.#skipStore(merge, store)
        else {
          // In the first pass there is nothing yet that could be newer.
          const isNews = (key: Uint8Array, keyAt: number, lsn: number) => pass === 0 || isNewest(index, store, key, keyAt, lsn)
          yield* this.#apply(writer, store, new ValueEntries(merge, store, certainFrom, isNews))
        }
      }
      yield* this.#commit(writer)
    }
  }

  *#skipStore(merge: RunMerge, store: number): Steps {
    while (merge.current?.store === store) {
      merge.advance()
      yield* this.#spent(OPERATION_COST_BYTES)
    }
  }

  *#setAsideStore(merge: RunMerge, store: number): Steps {
    const key = new Uint8Array(KEY_BYTES)
    for (let entry = merge.current; entry?.store === store; entry = merge.current) {
      const { bytes, documentAt, keyAt, kind, length } = entry
      if (kind === PUT) this.#aside.add(store, bytes, documentAt, length)
      key.set(bytes.subarray(keyAt, keyAt + KEY_BYTES))
      skipKey(merge, store, key)
      yield* this.#spent(length)
    }
  }

  /** What was committed behind the index file. */
  *#replayLog({ coveredLsn, log }: RepairSurvey): Steps {
    const records = log.records((record) => {
      if (record.lsn > coveredLsn && record.kind === KIND_TRANSACTION) this.#collect(record)
    })
    for (const bytes of records) {
      if (this.#operationBytes > OPERATION_BYTES_MAX) yield* this.#applyOperations()
      yield* this.#spent(bytes)
    }
    yield* this.#applyOperations()
  }

  #collect(record: RecordView): void {
    const reader = new OperationReader(record.bytes, record.at, record.length)
    while (reader.next()) {
      const { bytes, documentAt, keyAt, kind, store } = reader
      const length = kind === OPERATION_PUT ? documentLength(bytes, documentAt) : 0
      const document = kind === OPERATION_PUT ? bytes.slice(documentAt, documentAt + length) : undefined
      if (this.#survey!.catalog.storeById(store) === undefined) {
        if (document !== undefined) this.#aside.add(store, document, 0, length)
        continue
      }
      this.#operations.push({ store, lsn: record.lsn, key: bytes.slice(keyAt, keyAt + KEY_BYTES), document })
      this.#operationBytes += length + OPERATION_COST_BYTES
    }
  }

  *#applyOperations(): Steps {
    const index = this.#index!
    const byStore = new Map<number, Array<Operation>>()
    for (const operation of this.#operations) {
      if (!isNewest(index, operation.store, operation.key, 0, operation.lsn)) continue
      const operations = byStore.get(operation.store)
      if (operations === undefined) byStore.set(operation.store, [operation])
      else operations.push(operation)
    }
    this.#operations = []
    this.#operationBytes = 0
    if (byStore.size === 0) return
    const writer = index.beginWrite()
    for (const [store, operations] of byStore) {
      operations.sort((a, b) => Buffer.compare(a.key, b.key) || b.lsn - a.lsn)
      const newest = operations.filter((it, place) => place === 0 || Buffer.compare(it.key, operations[place - 1]!.key) !== 0)
      yield* this.#apply(writer, store, new LogEntries(newest, this.#writer!))
    }
    yield* this.#commit(writer)
  }

  /** Leaves nothing in the trees but documents that count. */
  *#settle({ catalog, values, whole }: RepairSurvey): Steps<ReadonlyArray<RepairedStore>> {
    const index = this.#index!
    const version = index.current()
    const stores: Array<RepairedStore> = []
    const writer = index.beginWrite()
    for (const store of catalog.stores) {
      const listed: Array<LostDocument> = []
      const found = { documents: 0, lost: 0 }
      const settled = new SettledEntries(index.cursor(version, store.id), values, this.#writer!, store.id, {
        kept: () => void found.documents++,
        lost: (key, keyAt, { offset, segment }) => {
          found.lost++
          if (listed.length === LOST_LISTED_MAX) return
          listed.push({ key: toHex(key.subarray(keyAt, keyAt + KEY_BYTES)), file: values.path(segment), offset })
        },
        uncertain: (bytes, at, length) => {
          if (this.#options.keepsUncertain === true) return true
          this.#aside.add(store.id, bytes, at, length)
          return false
        }
      })
      yield* this.#apply(writer, store.id, settled)
      stores.push({
        name: store.definition.name,
        id: store.id,
        documents: found.documents,
        from: whole.has(store.id) ? "index" : "values",
        lost: { count: found.lost, listed },
        uncertain: this.#aside.of(store.id)
      })
    }
    yield* this.#commit(writer)
    return stores
  }

  /** A tombstone for every key of which the segments that stay have a version, and the trees have none. */
  *#bury({ catalog, values }: RepairSurvey, lsn: number): Steps {
    const index = this.#index!
    const unsearched = values.runs.filter((it) => !values.isDamaged(it.source.segment))
    const key = new Uint8Array(KEY_BYTES)
    const place = new Location()
    const found = new ValueView()
    while (unsearched.length > 0) {
      const merge = RunMerge.of(unsearched.splice(0, RUNS_MAX))
      for (let entry = merge.current; entry !== undefined; entry = merge.current) {
        const { kind, store } = entry
        key.set(entry.bytes.subarray(entry.keyAt, entry.keyAt + KEY_BYTES))
        const isGone = catalog.storeById(store) !== undefined && !index.get(index.current(), store, key, 0, KEY_BYTES, found)
        if (isGone && kind === PUT) this.#writer!.append({ store, kind: DELETE, lsn, key, keyAt: 0 }, key, 0, 0, place)
        skipKey(merge, store, key)
        yield* this.#spent(VALUE_HEADER_BYTES)
      }
    }
  }

  /** Twice the same commit, so that both metas are on the new timeline. */
  *#finishIndex(survey: RepairSurvey, timeline: Uint8Array, lsn: number): Steps {
    const index = this.#index!
    const { log, old } = survey
    const before = old?.current().checkpoint ?? EMPTY_CHECKPOINT
    const checkpoint = {
      lsn,
      recordCrc: 0,
      epoch: Math.max(before.epoch, log.result.epoch),
      commitTimeMs: Math.max(before.commitTimeMs, log.result.lastCommitTimeMs),
      valueSegments: []
    }
    const catalog = unbuilt(survey.catalog)
    const segments = this.#segments()
    for (let commit = 0; commit < 2; commit++) {
      const writer = index.beginWrite()
      if (old !== undefined) copyForks(old, writer)
      writeFork(writer, timeline, { parent: survey.timeline, forkLsn: lsn })
      writeWholeCatalog(writer, catalog, segments, this.#writer!.next)
      yield* this.#drive(writer.commit({ ...checkpoint, timeline }, this.wake))
    }
    yield* this.#copyDefinitions(survey, timeline, lsn, catalog)
  }

  /** The segments that the repaired database has, all of them closed. */
  #segments(): ReadonlyArray<SegmentLength> {
    const kept = this.#values.whole.map(({ lengthBytes, segment }) => ({ segment, lengthBytes }))
    return [...kept, ...this.#writer!.segments]
  }

  *#copyDefinitions({ databaseId }: RepairSurvey, timeline: Uint8Array, lsn: number, catalog: Catalog): Steps {
    const { volume } = this.#options
    const path = this.#names.newDefinitions
    const segments = this.#segments().map((it) => ({ ...it, isGrowing: false }))
    const stores = catalog.stores.map((it) => it.record)
    if (volume.exists(path)) volume.remove(path)
    const file = volume.open(path, "create")
    try {
      file.writeAt(0, encodeDefinitions({ databaseId, timeline, lsn, segments, nextId: catalog.nextId, stores }))
      yield* this.synced((done) => file.syncData(done))
    } finally {
      file.close()
    }
    yield* this.synced((done) => volume.syncDirectory(this.#names.directory, done))
  }

  #outcome(survey: RepairSurvey, timeline: Uint8Array, lsn: number, stores: ReadonlyArray<RepairedStore>): MadeRepair {
    const { directory } = this.#names
    const { log, values } = survey
    const { gaps, segments, tornTail } = log.result
    const kept = new Set(this.#segments().map((it) => segmentName(it.segment)))
    const given = values.present.map(segmentName).filter((name) => !kept.has(name))
    const paths = [...segments, ...given.map((name) => joinPath(this.#names.values, name))]
    const renames: ReadonlyArray<Rename> = paths.map((path) => {
      const from = relativeTo(directory, path)
      return { from, to: `${from}.damaged-${this.#number}` }
    })
    const hasIndex = this.#options.volume.exists(this.#names.index)
    const oldIndex = `index.planck.damaged-${this.#number}`
    const known = new Set(stores.map((it) => it.id))
    const lostStores = this.#aside.stores
      .filter((id) => !known.has(id))
      .map((id): LostStore => {
        const { count, file } = this.#aside.of(id)
        return { id, documents: count, file: file! }
      })
    const isWhole =
      lostStores.length === 0 && gaps.length === 0 && !survey.isLogMissing && stores.every((it) => it.lost.count + it.uncertain.count === 0)
    const report: RepairReport = {
      databaseId: toHex(survey.databaseId),
      timeline: toHex(timeline),
      parent: toHex(survey.timeline),
      lsn,
      definitions: survey.definitions,
      stores: stores.map((it) => ({ ...it, uncertain: this.#aside.of(it.id) })),
      lostStores,
      values: values.gaps,
      log: gaps,
      isLogMissing: survey.isLogMissing,
      ...(tornTail === undefined ? {} : { tornTail }),
      setAside: [...renames.map((it) => it.to), ...(hasIndex ? [oldIndex] : [])],
      isWhole
    }
    const made = [...this.#writer!.segments.map((it) => values.path(it.segment)), ...this.#aside.paths]
    return {
      report,
      plan: { planckRepair: 1, renames, oldIndex },
      made: [...made, this.#names.newIndex, this.#names.newDefinitions]
    }
  }

  *#apply(writer: TreeWriter, store: number, source: EntrySource): Steps {
    yield* this.#drive(writer.apply(store, source))
  }

  *#commit(writer: TreeWriter): Steps {
    yield* this.#drive(writer.commit(EMPTY_CHECKPOINT, this.wake))
  }

  *#drive(stepper: Stepper): Steps {
    for (let progress = stepper.step(STEP_BUDGET); progress !== "done"; progress = stepper.step(STEP_BUDGET)) {
      if (progress === "waiting") yield "waiting"
      else yield* this.#spent(STEP_COST_BYTES)
    }
  }
}

/** Takes a repair back that was made and is not wanted. */
export function discardRepair(volume: Volume, { made }: MadeRepair): void {
  for (const path of made) if (volume.exists(path)) volume.remove(path)
}

/** The catalog with every index to be built; what could not be unique stays so. */
function unbuilt(catalog: Catalog): Catalog {
  const stores = catalog.stores.map(({ record }) => {
    const indexes = record.indexes.map((it) => (it.duplicates === undefined ? { ...it, readyLsn: 0 } : it))
    return new CatalogStore({ ...record, indexes }, 0)
  })
  return new Catalog(stores, catalog.nextId)
}

/** The number of this repair: the first whose names are free. */
function nextNumber(volume: Volume, { directory, log, values }: DirectoryNames): number {
  const names = [directory, log, values].flatMap((path) => (volume.exists(path) ? volume.list(path) : []))
  const taken = names.flatMap((name) => /\.(?:damaged-|uncertain-)(\d+)(?:\.bson)?$/.exec(name)?.[1] ?? [])
  return Math.max(0, ...taken.map(Number)) + 1
}

function randomBytes(random: (into: Uint8Array) => void, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  random(bytes)
  return bytes
}
