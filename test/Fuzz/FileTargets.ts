/** The files of a database, one by one: log, index file, value segments, and what `planck inspect` makes of each. */
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import type { Volume } from "../../src/Disk/Volume.ts"
import { IndexFile } from "../../src/Index/IndexFile.ts"
import { META_BYTES, PAGE_BYTES, readU32, writeU32 } from "../../src/Index/Layout.ts"
import { decodeMeta } from "../../src/Index/Meta.ts"
import { pageChecksum } from "../../src/Index/PageCache.ts"
import { verifyIndex } from "../../src/Index/Verify.ts"
import { readAccounts, readCatalog, readSegments } from "../../src/Storage/CatalogFile.ts"
import { inspectFile } from "../../src/Storage/InspectFile.ts"
import { checkLog } from "../../src/Storage/LogCheck.ts"
import { findRuns, RunMerge } from "../../src/Storage/RunMerge.ts"
import { readFork } from "../../src/Storage/Timeline.ts"
import { ValueAccounts } from "../../src/Storage/ValueAccounts.ts"
import { isValueAt, readSegmentHeader, VALUE_HEADER_BYTES, valueBytes } from "../../src/Storage/ValueSegment.ts"
import { checksum } from "../../src/Wal/Checksum.ts"
import { readRecordHeader, RECORD_HEADER_BYTES, RecordHeader, RECORD_MAGIC } from "../../src/Wal/Record.ts"
import { decodeFooter, decodeHeader, FOOTER_BYTES, FOOTER_MAGIC, parseSegmentName, RECORDS_AT } from "../../src/Wal/Segment.ts"
import { crc32 } from "node:zlib"
import { TooMuch, volumeOf } from "./Guard.ts"
import type { Target } from "./Target.ts"

const STEP_BYTES = 1 << 20
const STEPS_MAX = 10_000
const PARTS_MAX = 10_000

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

export function fileTargets(specimen: SimulatedVolume): ReadonlyArray<Target> {
  const paths = specimen.paths()
  const of = (suffix: string): ReadonlyArray<string> => paths.filter((path) => path.endsWith(suffix))
  const samples = (suffix: string): ReadonlyArray<Uint8Array> => of(suffix).map((path) => new Uint8Array(specimen.peek(path)))
  const names = of(".wal").map((path) => path.slice(path.lastIndexOf("/") + 1))
  const log = samples(".wal")
  const index = samples("index.planck")
  const values = samples(".values")
  return [
    {
      name: "headers, records and footers of the log",
      weight: 250,
      samples: log.flatMap((bytes) => [bytes.slice(0, 64), bytes.slice(RECORDS_AT, RECORDS_AT + 2000), bytes.slice(-FOOTER_BYTES)]),
      mend: mendLogParts,
      read: readLogParts
    },
    ...names.map((name, number): Target => ({
      name: `segment ${number + 1} of the log`,
      weight: 6,
      samples: [log[number]!],
      mend: mendLog,
      read: (bytes) => readLog(bytes, name)
    })),
    {
      name: "meta of the index file",
      weight: 150,
      samples: [0, META_BYTES].map((at) => index[0]!.slice(at, at + META_BYTES)),
      mend: mendMeta,
      read: (bytes) => bytes.length === META_BYTES && typeof decodeMeta(bytes, "index.planck") !== "string"
    },
    { name: "index file", weight: 6, samples: index, mend: mendIndex, read: readIndex },
    { name: "value segment", weight: 30, samples: values, mend: mendValues, read: readValues },
    ...[log, index, values].map((files, kind): Target => ({
      name: `planck inspect of ${["a segment of the log", "the index file", "a value segment"][kind]!}`,
      weight: 15,
      samples: files,
      mend: [mendLog, mendIndex, mendValues][kind]!,
      read: (bytes) => inspectFile(volumeOf({ "data/file": bytes }), "data/file", { limit: PARTS_MAX }) !== undefined
    }))
  ]
}

// ---- log -------------------------------------------------------------------------------------------------------------------------

function readLogParts(bytes: Uint8Array): boolean {
  const view = viewOf(bytes)
  const salt = decodeHeader(bytes)?.salt ?? 0
  const record = new RecordHeader()
  let found = 0
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    if (readRecordHeader(bytes, view, at, salt, record)) found++
    if (decodeFooter(bytes, view, at, at, salt) !== undefined) found++
  }
  return found > 0
}

function readLog(bytes: Uint8Array, name: string): boolean {
  const header = decodeHeader(bytes)
  const { firstLsn, timeline } = parseSegmentName(name)!
  const place = {
    volume: volumeOf({ [`data/wal/${name}`]: bytes }),
    directory: "data/wal",
    databaseId: header?.databaseId ?? new Uint8Array(16),
    timeline: Uint8Array.from(Buffer.from(timeline, "hex"))
  }
  let records = 0
  const steps = checkLog(place, { lsn: firstLsn - 1 }, () => records++)
  for (let step = 0; step < STEPS_MAX; step++) if (steps.next(STEP_BYTES).done === true) return records > 0
  throw new Error("the log does not end")
}

/** Headers with the salt 0, wherever one begins. */
function mendLogParts(bytes: Uint8Array): void {
  const view = viewOf(bytes)
  if (bytes.length >= 64) view.setUint32(60, checksum(bytes, 0, 60, 0), true)
  for (let at = 0; at + RECORD_HEADER_BYTES <= bytes.length; at += 8) {
    if (view.getUint32(at, true) === RECORD_MAGIC) view.setUint32(at + 52, checksum(bytes, at, 52, 0), true)
  }
}

/** Makes header, records (with the chain) and footer of a segment right, as far as their lengths lead. */
export function mendLog(bytes: Uint8Array): void {
  if (bytes.length < RECORDS_AT) return
  const view = viewOf(bytes)
  view.setUint32(60, checksum(bytes, 0, 60, 0), true)
  const salt = view.getUint32(12, true)
  let before = 0
  for (let at = RECORDS_AT; at + RECORD_HEADER_BYTES <= bytes.length;) {
    const length = view.getUint32(at + 4, true)
    if (view.getUint32(at, true) === FOOTER_MAGIC && at + FOOTER_BYTES <= bytes.length) {
      view.setUint32(at + 60, checksum(bytes, at, 60, salt), true)
      return
    }
    if (view.getUint32(at, true) !== RECORD_MAGIC) return
    const body = length - RECORD_HEADER_BYTES
    if (body >= 0 && at + length <= bytes.length) view.setUint32(at + 36, checksum(bytes, at + RECORD_HEADER_BYTES, body, salt), true)
    if (before !== 0) view.setUint32(at + 40, before, true)
    before = checksum(bytes, at, 52, salt)
    view.setUint32(at + 52, before, true)
    if (body < 0) return
    at += Math.ceil(length / 8) * 8
  }
}

// ---- index file ------------------------------------------------------------------------------------------------------------------

async function readIndex(bytes: Uint8Array): Promise<boolean> {
  const volume = volumeOf({ "data/index.planck": bytes })
  const file = volume.open("data/index.planck", "read")
  const report = verifyIndex(file)
  file.close()
  const index = await openIndex(volume)
  try {
    await afterCheck(report.problemCount === 0, async () => readTrees(index))
  } finally {
    index.close()
  }
  return report.problemCount === 0
}

/**
 * Uses what was checked. Readers of pages trust a checksum that is right: a page that was made to look whole may lead them out of it, which
 * ends them without a reason. The check has to have said so then; and it may cost no more than any other input.
 */
export async function afterCheck(isSound: boolean, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (isSound || error instanceof TooMuch) throw error
  }
}

function openIndex(volume: Volume): Promise<IndexFile> {
  return new Promise((resolve, reject) => {
    IndexFile.open({ volume, path: "data/index.planck", cacheBytes: 64 * PAGE_BYTES, mode: "read" }, (fault, file) => {
      if (file === undefined) reject(fault ?? new Error("neither a file nor a fault"))
      else resolve(file)
    })
  })
}

/** Everything that an opening takes from the index file, and every tree from end to end. */
function readTrees(index: IndexFile): void {
  const version = index.current()
  readFork(index, version)
  readSegments(index, version)
  readAccounts(index, new ValueAccounts())
  for (const tree of version.trees.keys()) {
    const cursor = index.cursor(version, tree)
    let entries = 0
    // A cursor that does not end makes the watch bark; so many entries no file of a specimen's size has.
    for (let isThere = cursor.first(); isThere; isThere = cursor.next()) if (++entries > 1_000_000) throw new Error("a tree does not end")
  }
  readCatalog(index, version)
}

function mendMeta(bytes: Uint8Array): void {
  if (bytes.length >= META_BYTES) writeU32(bytes, META_BYTES - 4, crc32(bytes.subarray(0, META_BYTES - 4)))
}

/**
 * Gives every page that is not right the checksum it should have, and tells whoever points at it, up to the metas. A pointer is the number of a
 * page and its checksum, one behind the other.
 */
export function mendIndex(bytes: Uint8Array): void {
  if (bytes.length < 2 * META_BYTES) return
  const salt = readU32(bytes, 56)
  // Each round mends one level more.
  for (let round = 0; round < 6; round++) {
    let isRight = true
    for (let at = PAGE_BYTES; at + PAGE_BYTES <= bytes.length; at += PAGE_BYTES) {
      const was = readU32(bytes, at)
      const page = bytes.subarray(at, at + PAGE_BYTES)
      const now = pageChecksum(page, salt)
      if (now === was) continue
      isRight = false
      writeU32(bytes, at, now)
      repoint(bytes, at / PAGE_BYTES, was, now)
    }
    if (isRight) break
  }
  for (const at of [0, META_BYTES]) mendMeta(bytes.subarray(at, at + META_BYTES))
}

function repoint(bytes: Uint8Array, page: number, was: number, now: number): void {
  const pointer = new Uint8Array(8)
  writeU32(pointer, 0, page)
  writeU32(pointer, 4, was)
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = buffer.indexOf(pointer); at >= 0; at = buffer.indexOf(pointer, at + 8)) writeU32(bytes, at + 4, now)
}

// ---- value segment ---------------------------------------------------------------------------------------------------------------

function readValues(bytes: Uint8Array): boolean {
  const volume = volumeOf({ "data/values": bytes })
  const file = volume.open("data/values", "read")
  const expected = { segment: bytes.length > 16 ? viewOf(bytes).getUint32(12, true) : 0, databaseId: bytes.slice(16, 32) }
  const { salt } = readSegmentHeader(bytes.slice(0, 64), "data/values", expected)
  const segment = { segment: expected.segment, file, salt, lengthBytes: bytes.length }
  const looking = findRuns(segment)
  for (let step = 0; step < STEPS_MAX; step++) {
    const { done, value } = looking.next()
    if (done !== true) continue
    const merge = RunMerge.of(value.slice(0, 64))
    let entries = 0
    for (; merge.current !== undefined; merge.advance()) if (++entries > bytes.length) throw new Error("the runs do not end")
    return isFirstWhole(bytes, salt) || entries > 0
  }
  throw new Error("the segment does not end")
}

/** Whether the entry behind the header is whole; a reader asks only for what lies in the file. */
function isFirstWhole(bytes: Uint8Array, salt: number): boolean {
  if (bytes.length < 64 + VALUE_HEADER_BYTES) return false
  const length = viewOf(bytes).getUint32(64, true)
  return 64 + VALUE_HEADER_BYTES + length <= bytes.length && isValueAt(bytes, 64, length, 1, salt)
}

export function mendValues(bytes: Uint8Array): void {
  if (bytes.length < 64) return
  const view = viewOf(bytes)
  view.setUint32(60, checksum(bytes, 0, 60, 0), true)
  const salt = view.getUint32(32, true)
  for (let at = 64; at + VALUE_HEADER_BYTES <= bytes.length;) {
    const length = view.getUint32(at, true)
    if (at + VALUE_HEADER_BYTES + length > bytes.length) return
    view.setUint32(at + 4, checksum(bytes, at + 8, VALUE_HEADER_BYTES - 8 + length, (salt ^ length) >>> 0), true)
    at += valueBytes(length)
  }
}
