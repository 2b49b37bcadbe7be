/**
 * The catalog in the index file: the entries under which stores, the id counter and closed value segments are kept.
 *
 *     store/<id as 8 hex digits>       the store's record (BSON)
 *     values/<number as 8 hex digits>  committed bytes of a closed value segment, u64 little-endian
 *     counter                          the id that the next store or index gets, u32 little-endian
 */
import { readUint32, writeInt32 } from "../Bson/View.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import type { TreeWriter } from "../Index/TreeWriter.ts"
import type { TreeVersion } from "../Index/Version.ts"
import { readUint64, writeUint64 } from "../Wal/Record.ts"
import { Catalog, CatalogStore, decodeStoreRecord, encodeStoreRecord } from "./Catalog.ts"
import type { SegmentLength } from "./ValueLog.ts"

const text = new TextEncoder()
const STORE_PREFIX = text.encode("store/")
const VALUES_PREFIX = text.encode("values/")
const COUNTER = text.encode("counter")

function storeKey(id: number): Uint8Array {
  return text.encode(`store/${id.toString(16).padStart(8, "0")}`)
}

function valuesKey(segment: number): Uint8Array {
  return text.encode(`values/${segment.toString(16).padStart(8, "0")}`)
}

/** The catalog as of a version. */
export function readCatalog(index: IndexFile, version: TreeVersion): Catalog {
  const durableLsn = version.checkpoint.lsn
  const stores = index.entries(version, STORE_PREFIX).map((it) => new CatalogStore(decodeStoreRecord(it.value), durableLsn))
  const counter = index.entry(version, COUNTER)
  return new Catalog(stores, counter === undefined ? Catalog.empty.nextId : readUint32(counter, 0))
}

/** Every value segment of a version with its committed length: the closed ones from their entries, the growing one from the checkpoint. */
export function readSegments(index: IndexFile, version: TreeVersion): Array<SegmentLength> {
  const closed = index.entries(version, VALUES_PREFIX).map(({ key, value }) => ({
    segment: Number.parseInt(new TextDecoder().decode(key.subarray(VALUES_PREFIX.length)), 16),
    lengthBytes: readUint64(new DataView(value.buffer, value.byteOffset, value.length), 0)
  }))
  return [...closed, ...version.checkpoint.valueSegments].toSorted((a, b) => a.segment - b.segment)
}

/** Writes what is different between two catalogs, and the value segments that were closed since `before`. */
export function writeCatalog(
  writer: TreeWriter,
  before: Catalog,
  after: Catalog,
  segments: { readonly known: ReadonlyArray<SegmentLength>; readonly closed: ReadonlyArray<SegmentLength> }
): void {
  for (const store of after.stores) {
    if (before.storeById(store.id)?.record !== store.record) writer.setEntry(storeKey(store.id), encodeStoreRecord(store.record))
  }
  if (before.nextId !== after.nextId) {
    const counter = new Uint8Array(4)
    writeInt32(counter, 0, after.nextId)
    writer.setEntry(COUNTER, counter)
  }
  const known = new Set(segments.known.map((it) => it.segment))
  for (const { segment, lengthBytes } of segments.closed) {
    if (known.has(segment)) continue
    const value = new Uint8Array(8)
    writeUint64(new DataView(value.buffer), 0, lengthBytes)
    writer.setEntry(valuesKey(segment), value)
  }
}
