/**
 * What one file of a database holds, part by part, as plain data: for people who look inside. Reads only, one part at a time; a part that is not
 * right is shown with its problem, and the listing ends there where the place of the next is not known.
 */
import { type File, nameOf, type Volume } from "../Disk/Volume.ts"
import {
  BLOB,
  BRANCH,
  CHECKSUM_AT,
  COUNT_AT,
  FREE_LIST,
  KIND_AT,
  LEAF,
  LEVEL_AT,
  META_BYTES,
  PAGE_BYTES,
  readU16,
  readU32,
  readU64,
  TRANSACTION_AT,
  TREE_AT
} from "../Index/Layout.ts"
import { decodeMeta, type Meta } from "../Index/Meta.ts"
import { pageProblem } from "../Index/PageCache.ts"
import { checksum } from "../Wal/Checksum.ts"
import {
  alignRecord,
  BODY_BYTES_MAX,
  KIND_TRANSACTION,
  readRecordHeader,
  readUint64,
  RECORD_HEADER_BYTES,
  RecordHeader
} from "../Wal/Record.ts"
import { decodeFooter, decodeHeader, FOOTER_BYTES, RECORDS_AT, SEGMENT_HEADER_BYTES as LOG_HEADER_BYTES, toHex } from "../Wal/Segment.ts"
import { OPERATION_DELETE, OPERATION_PUT, OperationReader } from "./TransactionRecord.ts"
import { isValueAt, SEGMENT_HEADER_BYTES, VALUE_HEADER_BYTES, valueBytes } from "./ValueSegment.ts"

/** A header, page, entry or record: where it lies, what it is, and what it says. */
export interface InspectedPart {
  readonly offset: number
  readonly what: string
  readonly fields: Readonly<Record<string, string | number>>
  readonly problem?: string
}

export interface InspectedFile {
  readonly file: string
  readonly kind: "index" | "values" | "log"
  readonly bytes: number
  readonly parts: ReadonlyArray<InspectedPart>
  /** Where the listing would go on; missing at the end. */
  readonly next?: number
}

export interface InspectOptions {
  /** The offset of the first part to list; the start unless given. */
  readonly at?: number
  /** Parts to list; PARTS_DEFAULT unless given. */
  readonly limit?: number
}

export const PARTS_DEFAULT = 20

/** The parts of a file, which is told by its first bytes; undefined when it is none of Planck's. */
export function inspectFile(volume: Volume, path: string, options: InspectOptions = {}): InspectedFile | undefined {
  const file = volume.open(path, "read")
  try {
    const magic = new TextDecoder("latin1").decode(read(file, 0, 8))
    const second = new TextDecoder("latin1").decode(read(file, META_BYTES, 8))
    const inspector =
      magic === "PLANKWAL" ? logParts : magic === "PLNKVALS" ? valueParts : [magic, second].includes("PLANCKIX") ? indexParts : undefined
    if (inspector === undefined) return undefined
    const limit = options.limit ?? PARTS_DEFAULT
    const parts: Array<InspectedPart> = []
    let next: number | undefined
    for (const part of inspector(file, options.at ?? 0)) {
      if (parts.length === limit) {
        next = part.offset
        break
      }
      parts.push(part)
    }
    const kind = inspector === logParts ? "log" : inspector === valueParts ? "values" : "index"
    return { file: path, kind, bytes: file.size(), parts, ...(next === undefined ? {} : { next }) }
  } finally {
    file.close()
  }
}

type Parts = Generator<InspectedPart, void, void>

function read(file: File, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  return bytes.subarray(0, file.readAt(offset, bytes))
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

// ---- index file ------------------------------------------------------------------------------------------------------------------

const KINDS: ReadonlyMap<number, string> = new Map([
  [LEAF, "leaf"],
  [BRANCH, "branch"],
  [FREE_LIST, "free list"],
  [BLOB, "blob"]
])

function* indexParts(file: File, at: number): Parts {
  let newest: Meta | undefined
  for (const offset of [0, META_BYTES]) {
    const meta = decodeMeta(padded(read(file, offset, META_BYTES), META_BYTES), file.path)
    if (typeof meta !== "string" && (newest === undefined || meta.transaction > newest.transaction)) newest = meta
    if (at <= offset) yield metaPart(offset, meta)
  }
  const salt = newest?.salt ?? 0
  const first = Math.max(1, Math.floor(at / PAGE_BYTES))
  for (let page = first; page * PAGE_BYTES < file.size(); page++) {
    const offset = page * PAGE_BYTES
    const bytes = padded(read(file, offset, PAGE_BYTES), PAGE_BYTES)
    const problem = pageProblem(bytes, page, readU32(bytes, CHECKSUM_AT), salt)
    const fields = {
      page,
      tree: readU32(bytes, TREE_AT),
      level: bytes[LEVEL_AT]!,
      entries: readU16(bytes, COUNT_AT),
      transaction: readU64(bytes, TRANSACTION_AT)
    }
    yield { offset, what: KINDS.get(bytes[KIND_AT]!) ?? "page", fields, ...(problem === undefined ? {} : { problem }) }
  }
}

function metaPart(offset: number, meta: Meta | string): InspectedPart {
  if (typeof meta === "string") return { offset, what: "meta", fields: {}, problem: meta }
  const { checkpoint } = meta
  const fields = {
    transaction: meta.transaction,
    lsn: checkpoint.lsn,
    pages: meta.pageCount,
    freePages: meta.freePages,
    databaseId: toHex(meta.databaseId),
    timeline: toHex(meta.timeline),
    catalogPage: meta.catalog?.page ?? 0,
    growingSegments: checkpoint.valueSegments.map((it) => `${it.segment}:${it.lengthBytes}`).join(" ")
  }
  return { offset, what: "meta", fields }
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length === length) return bytes
  const whole = new Uint8Array(length)
  whole.set(bytes)
  return whole
}

// ---- value segment ---------------------------------------------------------------------------------------------------------------

function* valueParts(file: File, at: number): Parts {
  const header = padded(read(file, 0, SEGMENT_HEADER_BYTES), SEGMENT_HEADER_BYTES)
  const view = viewOf(header)
  const salt = view.getUint32(32, true)
  const isRight = checksum(header, 0, 60, 0) === view.getUint32(60, true)
  if (at === 0) {
    const fields = { format: view.getUint32(8, true), segment: view.getUint32(12, true), databaseId: toHex(header.subarray(16, 32)), salt }
    yield { offset: 0, what: "header", fields, ...(isRight ? {} : { problem: "the header fails its checksum" }) }
  }
  const size = file.size()
  for (let offset = Math.max(at, SEGMENT_HEADER_BYTES); offset + VALUE_HEADER_BYTES <= size;) {
    const head = viewOf(read(file, offset, VALUE_HEADER_BYTES))
    const length = head.getUint32(0, true)
    const lsn = readUint64(head, 16)
    const isWithin = offset + VALUE_HEADER_BYTES + length <= size
    const bytes = isWithin ? read(file, offset, VALUE_HEADER_BYTES + length) : new Uint8Array(0)
    const isWhole = isWithin && isValueAt(bytes, 0, length, lsn, salt)
    const key = new Uint8Array(head.buffer, 24, 16)
    const fields = { store: head.getUint32(8, true), key: toHex(key), lsn, documentBytes: length }
    const kind = head.getUint8(12)
    yield {
      offset,
      what: kind === OPERATION_PUT ? "put" : kind === OPERATION_DELETE ? "delete" : `entry of kind ${kind}`,
      fields,
      ...(isWhole ? {} : { problem: "no entry that is whole: the end of what was written, or damage" })
    }
    if (!isWhole) return
    offset += valueBytes(length)
  }
}

// ---- segment of the log ----------------------------------------------------------------------------------------------------------

const RECORD_KINDS = ["", "transaction", "definition", "epoch", "no-op"]

function* logParts(file: File, at: number): Parts {
  const bytes = read(file, 0, LOG_HEADER_BYTES)
  const header = decodeHeader(bytes)
  if (at === 0) {
    if (header === undefined) yield { offset: 0, what: "header", fields: {}, problem: "the header fails its checksum" }
    else {
      const { createdMs, format, salt } = header
      const fields = { format, databaseId: toHex(header.databaseId), timeline: toHex(header.timeline), salt, createdMs }
      yield { offset: 0, what: "header", fields }
    }
  }
  if (header === undefined) return
  const record = new RecordHeader()
  const size = file.size()
  for (let offset = Math.max(at, RECORDS_AT); offset + FOOTER_BYTES <= size || offset + RECORD_HEADER_BYTES <= size;) {
    const head = read(file, offset, FOOTER_BYTES)
    const footer = decodeFooter(head, viewOf(head), 0, offset, header.salt)
    if (footer !== undefined)
      return yield { offset, what: "footer", fields: { firstLsn: footer.firstLsn, lastLsn: footer.lastLsn, epoch: footer.epoch } }
    if (!readRecordHeader(head, viewOf(head), 0, header.salt, record)) {
      if (head.every((byte) => byte === 0)) return
      return yield { offset, what: "record", fields: {}, problem: "no record that is whole: the torn end of the log, or damage" }
    }
    if (record.length < RECORD_HEADER_BYTES || record.length > RECORD_HEADER_BYTES + BODY_BYTES_MAX)
      return yield { offset, what: "record", fields: { lsn: record.lsn }, problem: `${record.length} bytes, which no record can have` }
    const body = read(file, offset + RECORD_HEADER_BYTES, record.length - RECORD_HEADER_BYTES)
    const isWhole = checksum(body, 0, body.length, header.salt) === record.bodyChecksum
    const { commitTimeMs, epoch, kind, length, lsn } = record
    const { counts, problem } = kind === KIND_TRANSACTION && isWhole ? countOperations(body) : NO_OPERATIONS
    yield {
      offset,
      what: RECORD_KINDS[kind] ?? `record of kind ${kind}`,
      fields: { lsn, commitTimeMs, epoch, bytes: length, ...counts },
      ...(isWhole ? (problem === undefined ? {} : { problem }) : { problem: "the body fails its checksum" })
    }
    offset += alignRecord(record.length)
  }
}

interface Operations {
  readonly counts: { readonly puts?: number; readonly deletes?: number }
  readonly problem?: string
}

const NO_OPERATIONS: Operations = { counts: {} }

function countOperations(body: Uint8Array): Operations {
  const counts = { puts: 0, deletes: 0 }
  try {
    const operations = new OperationReader(body, 0, body.length)
    while (operations.next()) {
      if (operations.kind === OPERATION_PUT) counts.puts++
      else if (operations.kind === OPERATION_DELETE) counts.deletes++
    }
    return { counts }
  } catch (error) {
    // A checksum that is right says what was written, not that it makes sense.
    return { counts, problem: error instanceof Error ? error.message : String(error) }
  }
}

/** One line about a part: `4096  transaction  lsn 7, bytes 120`. */
export function describePart({ fields, offset, problem, what }: InspectedPart): string {
  const said = Object.entries(fields).map(([name, value]) => `${name} ${value}`)
  return `${String(offset).padStart(10)}  ${what.padEnd(11)}  ${said.join(", ")}${problem === undefined ? "" : `  ! ${problem}`}`
}

/** The file's own name and size. */
export function describeFile({ bytes, file, kind }: InspectedFile): string {
  const names = { index: "index file", values: "value segment", log: "segment of the log" }
  return `${nameOf(file)}: ${names[kind]}, ${bytes} bytes`
}
