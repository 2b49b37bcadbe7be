/** What is left of a database that is damaged: everything a repair has to know before it makes anything. Reads only. */
import { type Fault, isFault } from "../Fault/Fault.ts"
import { joinPath, type Volume } from "../Disk/Volume.ts"
import { IndexFile } from "../Index/IndexFile.ts"
import { KIND_DDL } from "../Wal/Record.ts"
import { Salvage } from "../Wal/Salvage.ts"
import { toHex } from "../Wal/Segment.ts"
import { Catalog, CatalogStore, decodeDefinition } from "./Catalog.ts"
import { readCatalog, readSegments } from "./CatalogFile.ts"
import { type CopiedDefinitions, readDefinitions } from "./DefinitionsFile.ts"
import type { DirectoryNames } from "./Directory.ts"
import { storageFault } from "./Reasons.ts"
import type { RepairValues } from "./RepairValues.ts"
import { type ExpectedSegment } from "./RepairValues.ts"
import { forkAt } from "./Timeline.ts"
import type { Steps } from "./Work.ts"

/** The cache for pages of the old index file, in bytes. */
const CACHE_BYTES = 16 * 1024 * 1024
/** What looking at an entry of a tree counts for, in bytes of a slice. */
const ENTRY_COST_BYTES = 64

export interface RepairSurvey {
  readonly databaseId: Uint8Array
  /** The timeline that was. */
  readonly timeline: Uint8Array
  /** The index file, when one of its metas leads to a catalog. */
  readonly old: IndexFile | undefined
  /** Stores whose primary tree in it can be read from end to end. */
  readonly whole: ReadonlySet<number>
  /** The definitions as of the end of the log. */
  readonly catalog: Catalog
  readonly definitions: "index" | "copy" | "log"
  /** Up to here everything is in the value log for certain; 0 when that is not known. */
  readonly coveredLsn: number
  readonly log: Salvage
  readonly isLogMissing: boolean
  readonly values: RepairValues
  /** The value segments that belong to the database. */
  readonly segments: ReadonlyArray<number>
  /** A document that is older than this may have been removed or replaced by something in the value log that cannot be read. */
  readonly certainFrom: number
}

/** How the steps of a survey are paced, and how they wait. */
export interface Pace {
  /** Counts bytes; yields when the slice is over. */
  readonly spent: (bytes: number) => Steps
  readonly told: <T>(start: (done: (value: T) => void) => void) => Generator<"waiting", T, void>
}

/** Surveys a directory. Faults with StorageDamaged when nothing in it says which database it is, NewerFormat, UnknownFormat, DiskFailure. */
export function* surveyDatabase(volume: Volume, names: DirectoryNames, values: RepairValues, pace: Pace): Steps<RepairSurvey> {
  const old = yield* openOld(volume, names, pace)
  const copy = tolerate(() => readDefinitions(volume, names.definitions))
  const covered = old?.current().checkpoint.lsn ?? copy?.lsn
  const knownTimeline = old?.timeline ?? copy?.timeline
  const log = new Salvage({
    volume,
    directory: names.log,
    ...(knownTimeline === undefined ? {} : { timeline: toHex(knownTimeline) }),
    ...(covered === undefined ? {} : { checkpointLsn: covered })
  })
  for (const bytes of log.survey()) yield* pace.spent(bytes)
  const expected = tolerate(() => expectedSegments(old)) ?? copy?.segments
  const segments = expected?.map((it) => it.segment) ?? values.present
  for (const segment of segments) {
    const steps = values.survey(
      segment,
      expected?.find((it) => it.segment === segment)
    )
    for (const bytes of steps) yield* pace.spent(bytes)
  }
  const found = log.result
  const databaseId = old?.databaseId ?? copy?.databaseId ?? found.databaseId ?? values.databaseId
  const timeline = knownTimeline ?? (found.timeline === undefined ? undefined : fromHex(found.timeline)) ?? new Uint8Array(16)
  if (databaseId === undefined) {
    const message = "nothing in it says which database it is: no file of it can be read. Restore it from a backup"
    throw storageFault({ _tag: "StorageDamaged", file: names.directory, offset: 0, message })
  }
  const base = baseCatalog(old, copy)
  const catalog = yield* definedBy(log, base, pace)
  return {
    databaseId,
    timeline,
    old,
    whole: old === undefined ? new Set() : yield* wholeTrees(old, catalog, pace),
    catalog,
    definitions: base.from,
    coveredLsn: covered ?? 0,
    log,
    isLogMissing: found.segments.length === 0 && (old === undefined || forkAt(old).fork?.lsn !== covered),
    values,
    segments,
    certainFrom: values.gaps.length === 0 ? 0 : found.completeFromLsn
  }
}

function* openOld(volume: Volume, names: DirectoryNames, pace: Pace): Steps<IndexFile | undefined> {
  if (!volume.exists(names.index)) return undefined
  const options = { volume, path: names.index, cacheBytes: CACHE_BYTES, mode: "read" } as const
  const opened = yield* pace.told<{ fault: Fault | undefined; file: IndexFile | undefined }>((done) =>
    IndexFile.open(options, (fault, file) => done({ fault, file }))
  )
  if (opened.fault !== undefined && !isDamage(opened.fault)) throw opened.fault
  return opened.file
}

/** The segments as the index file has them: exactly so long. */
function expectedSegments(old: IndexFile | undefined): ReadonlyArray<ExpectedSegment> | undefined {
  return old === undefined ? undefined : readSegments(old, old.current()).map((it) => ({ ...it, isGrowing: false }))
}

interface BaseCatalog {
  readonly catalog: Catalog
  readonly from: "index" | "copy" | "log"
  /** The definitions up to here are in it. */
  readonly lsn: number
}

function baseCatalog(old: IndexFile | undefined, copy: CopiedDefinitions | undefined): BaseCatalog {
  const known = old === undefined ? undefined : tolerate(() => readCatalog(old, old.current()))
  if (known !== undefined && old !== undefined) return { catalog: known, from: "index", lsn: old.current().checkpoint.lsn }
  if (copy === undefined) return { catalog: Catalog.empty, from: "log", lsn: 0 }
  const stores = copy.stores.map((it) => new CatalogStore(it, copy.lsn))
  return { catalog: new Catalog(stores, copy.nextId), from: "copy", lsn: copy.lsn }
}

/** The catalog after every definition in the log. */
function* definedBy(log: Salvage, base: BaseCatalog, pace: Pace): Steps<Catalog> {
  let { catalog } = base
  const records = log.records((record) => {
    if (record.kind !== KIND_DDL || record.lsn <= base.lsn) return
    const { dropped, nextId, stores } = decodeDefinition(record.bytes, record.at)
    catalog = catalog.with(stores, nextId, record.lsn, dropped)
  })
  for (const bytes of records) yield* pace.spent(bytes)
  return catalog
}

/** The stores whose primary tree can be read from end to end. */
function* wholeTrees(old: IndexFile, catalog: Catalog, pace: Pace): Steps<ReadonlySet<number>> {
  const whole = new Set<number>()
  for (const { id } of catalog.stores) {
    try {
      const cursor = old.cursor(old.current(), id)
      for (let isThere = cursor.first(); isThere; isThere = cursor.next()) yield* pace.spent(ENTRY_COST_BYTES)
      whole.add(id)
    } catch (error) {
      if (!isDamage(error)) throw error
    }
  }
  return whole
}

/** What is damaged is not there. */
function tolerate<A>(read: () => A): A | undefined {
  try {
    return read()
  } catch (error) {
    if (!isDamage(error)) throw error
    return undefined
  }
}

function isDamage(error: unknown): boolean {
  return isFault(error, "Damage") || isFault(error, "StorageDamaged")
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, at) => Number.parseInt(text.slice(2 * at, 2 * at + 2), 16))
}

/** The path of a file in the log or among the values, relative to the database's directory. */
export function relativeTo(directory: string, path: string): string {
  return path.startsWith(joinPath(directory, "")) ? path.slice(joinPath(directory, "").length) : path
}
