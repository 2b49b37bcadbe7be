/**
 * The catalog in the index file: the entries under which stores, builds, the id counter and value segments are kept.
 *
 *     store/<id as 8 hex digits>       the store's record (BSON)
 *     values/<number as 8 hex digits>  committed bytes of a closed value segment, u64 little-endian
 *     account/<number as 8 hex digits> what a value segment holds (ValueAccounts.ts)
 *     accounts                         the transaction as of which these are complete, u64; the number of the next segment, u32
 *     build/<id as 8 hex digits>       how far the build of an index is: phase (1 filling, 2 checking), 7 zero bytes, documents u64
 *                                      little-endian, key of the last document
 *     counter                          the id that the next store or index gets, u32 little-endian
 */
import { readUint32, writeInt32 } from "../Bson/View.ts"
import { isFault } from "../Fault/Fault.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import type { TreeWriter } from "../Index/TreeWriter.ts"
import type { TreeVersion } from "../Index/Version.ts"
import { readUint64, writeUint64 } from "../Wal/Record.ts"
import { Catalog, CatalogStore, decodeStoreRecord, encodeStoreRecord } from "./Catalog.ts"
import type { BuildProgress } from "./IndexBuild.ts"
import { KEY_BYTES } from "./Reader.ts"
import { storageFault } from "./Reasons.ts"
import { decodeAccount, encodeAccount, type ValueAccounts } from "./ValueAccounts.ts"
import type { ValueLog } from "./ValueLog.ts"
import type { SegmentLength, SegmentTable } from "./ValueSegment.ts"

const text = new TextEncoder()
const STORE_PREFIX = text.encode("store/")
const VALUES_PREFIX = text.encode("values/")
const ACCOUNT_PREFIX = text.encode("account/")
const ACCOUNTS = text.encode("accounts")
const BUILD_PREFIX = text.encode("build/")
const COUNTER = text.encode("counter")

const FILLING = 1
const CHECKING = 2
const BUILD_DOCUMENTS_AT = 8
const BUILD_KEY_AT = 16

function storeKey(id: number): Uint8Array {
  return text.encode(`store/${id.toString(16).padStart(8, "0")}`)
}

function buildKey(id: number): Uint8Array {
  return text.encode(`build/${id.toString(16).padStart(8, "0")}`)
}

/** The catalog as of a version. */
export function readCatalog(index: IndexFile, version: TreeVersion): Catalog {
  const durableLsn = version.checkpoint.lsn
  const stores = index.entries(version, STORE_PREFIX).map((it) => readStore(index, it.value, durableLsn))
  const counter = index.entry(version, COUNTER)
  const builds = index.entries(version, BUILD_PREFIX).map(({ key, value }) => [numberIn(key, BUILD_PREFIX), decodeBuild(value)] as const)
  return new Catalog(stores, counter === undefined ? Catalog.empty.nextId : readUint32(counter, 0), new Map(builds))
}

/** A store from its entry. Whatever keeps that from being one is damage: nobody wrote it so. */
function readStore(index: IndexFile, value: Uint8Array, durableLsn: number): CatalogStore {
  try {
    return new CatalogStore(decodeStoreRecord(value), durableLsn)
  } catch (error) {
    const message = `the definition of a store cannot be read: ${error instanceof Error ? error.message : String(error)}`
    throw storageFault({ _tag: "StorageDamaged", file: index.path, offset: 0, message })
  }
}

/** The number at the end of an entry's key. */
function numberIn(key: Uint8Array, prefix: Uint8Array): number {
  return Number.parseInt(new TextDecoder().decode(key.subarray(prefix.length)), 16)
}

function encodeBuild({ documents, key, phase }: BuildProgress): Uint8Array {
  const value = new Uint8Array(BUILD_KEY_AT + KEY_BYTES)
  value[0] = phase === "filling" ? FILLING : CHECKING
  writeUint64(viewOf(value), BUILD_DOCUMENTS_AT, documents)
  value.set(key, BUILD_KEY_AT)
  return value
}

function decodeBuild(value: Uint8Array): BuildProgress {
  const documents = readUint64(viewOf(value), BUILD_DOCUMENTS_AT)
  return { phase: value[0] === FILLING ? "filling" : "checking", documents, key: value.slice(BUILD_KEY_AT, BUILD_KEY_AT + KEY_BYTES) }
}

/** Every value segment of a version with its committed length: the closed ones from their entries, the growing ones from the checkpoint. */
export function readSegments(index: IndexFile, version: TreeVersion): Array<SegmentLength> {
  const closed = index.entries(version, VALUES_PREFIX).map(({ key, value }) => ({
    segment: numberIn(key, VALUES_PREFIX),
    lengthBytes: readUint64(viewOf(value), 0)
  }))
  return [...closed, ...version.checkpoint.valueSegments].toSorted((a, b) => a.segment - b.segment)
}

/** Everything the value log has to know to be opened as of the current version. */
export function readSegmentTable(index: IndexFile): SegmentTable {
  const version = index.current()
  const committed = readSegments(index, version)
  const kept = new Set(committed.map((it) => it.segment))
  const condemned = readOlderSegments(index).filter((it) => !kept.has(it.segment))
  const counters = index.entry(version, ACCOUNTS)
  const next = counters === undefined ? 1 : readUint32(counters, 8)
  const last = Math.max(0, ...committed.map((it) => it.segment), ...condemned.map((it) => it.segment))
  return {
    committed,
    growing: version.checkpoint.valueSegments.map((it) => it.segment).toSorted((a, b) => a - b),
    condemned,
    transaction: version.transaction,
    next: Math.max(next, last + 1)
  }
}

/** A damaged page under the older meta takes nothing from the newer one, which counts. */
function readOlderSegments(index: IndexFile): Array<SegmentLength> {
  try {
    return readSegments(index, index.older())
  } catch (error) {
    if (!isFault(error, "Damage")) throw error
    return []
  }
}

/** The accounts of the value segments, complete when the last commit brought them up to date. */
export function readAccounts(index: IndexFile, accounts: ValueAccounts): void {
  const version = index.current()
  const counters = index.entry(version, ACCOUNTS)
  accounts.isComplete =
    readSegments(index, version).length === 0 || (counters !== undefined && readUint64(viewOf(counters), 0) === version.transaction)
  if (!accounts.isComplete) return
  for (const { key, value } of index.entries(version, ACCOUNT_PREFIX)) {
    accounts.restore(numberIn(key, ACCOUNT_PREFIX), decodeAccount(value))
  }
}

/** Writes what is different between two catalogs. */
export function writeCatalog(writer: TreeWriter, before: Catalog, after: Catalog): void {
  for (const store of after.stores) {
    if (before.storeById(store.id)?.record !== store.record) writer.setEntry(storeKey(store.id), encodeStoreRecord(store.record))
  }
  for (const { id } of before.stores) if (after.storeById(id) === undefined) writer.removeEntry(storeKey(id))
  if (before.nextId !== after.nextId) {
    const counter = new Uint8Array(4)
    writeInt32(counter, 0, after.nextId)
    writer.setEntry(COUNTER, counter)
  }
  for (const [id, progress] of after.builds) if (before.builds.get(id) !== progress) writer.setEntry(buildKey(id), encodeBuild(progress))
  for (const id of before.builds.keys()) if (!after.builds.has(id)) writer.removeEntry(buildKey(id))
}

/** Writes what is different between the segments of the index file's current version and those of the value log, and the accounts. */
export function writeSegments(writer: TreeWriter, index: IndexFile, values: ValueLog): void {
  const kept = values.lengths
  const growing = new Set(values.growing.map((it) => it.segment))
  const known = new Set(index.entries(index.current(), VALUES_PREFIX).map(({ key }) => numberIn(key, VALUES_PREFIX)))
  for (const { segment, lengthBytes } of kept) {
    if (known.has(segment) || growing.has(segment)) continue
    const value = new Uint8Array(8)
    writeUint64(viewOf(value), 0, lengthBytes)
    writer.setEntry(segmentKey("values", segment), value)
  }
  for (const { segment, transaction } of values.condemned) {
    if (transaction !== writer.transaction) continue
    writer.removeEntry(segmentKey("values", segment))
    writer.removeEntry(segmentKey("account", segment))
  }
  if (!values.accounts.isComplete) return
  const keptNumbers = new Set(kept.map((it) => it.segment))
  for (const segment of values.accounts.unwritten) {
    if (keptNumbers.has(segment)) writer.setEntry(segmentKey("account", segment), encodeAccount(values.accounts.of(segment)))
  }
  const counters = new Uint8Array(12)
  writeUint64(viewOf(counters), 0, writer.transaction)
  writeInt32(counters, 8, values.next)
  writer.setEntry(ACCOUNTS, counters)
}

/** Writes the whole catalog of a new index file, whose value segments are all closed; their accounts are counted anew when it is opened. */
export function writeWholeCatalog(writer: TreeWriter, catalog: Catalog, segments: ReadonlyArray<SegmentLength>, nextSegment: number): void {
  writeCatalog(writer, Catalog.empty, catalog)
  for (const { segment, lengthBytes } of segments) {
    const value = new Uint8Array(8)
    writeUint64(viewOf(value), 0, lengthBytes)
    writer.setEntry(segmentKey("values", segment), value)
  }
  const counters = new Uint8Array(12)
  writeInt32(counters, 8, nextSegment)
  writer.setEntry(ACCOUNTS, counters)
}

function segmentKey(kind: "values" | "account", segment: number): Uint8Array {
  return text.encode(`${kind}/${segment.toString(16).padStart(8, "0")}`)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
