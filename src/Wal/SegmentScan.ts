import { Fault } from "../Fault/Fault.ts"
import { checksum } from "./Checksum.ts"
import type { LogDamaged, UnknownRecord } from "./Errors.ts"
import type { RecordView } from "./Record.ts"
import {
  alignRecord,
  BODY_BYTES_MAX,
  FLAG_SKIPPABLE,
  isKnownKind,
  KIND_EPOCH,
  readRecordHeader,
  RECORD_HEADER_BYTES,
  RECORD_MAGIC,
  RecordHeader
} from "./Record.ts"
import type { SegmentFooter } from "./Segment.ts"
import { decodeFooter, FOOTER_BYTES, FOOTER_MAGIC, RECORDS_AT } from "./Segment.ts"
import type { SegmentReader } from "./SegmentReader.ts"

/**
 * The way through one segment: every record checked and handed on in order, up to the first that is not right; then through what lies
 * behind it, for proof that it was once durable.
 *
 * Invariants
 * - A record is handed on only when header, length, LSN, chain, epoch and body are right and its kind is known.
 * - A header whose checksum is right but whose LSN, chain or epoch is not cannot come from a torn write (salts keep older bytes out):
 *   that is damage at once. Everything else is only "not right" and left to the tail rule.
 */

/** Where a log stands: what the next record must continue. */
export class Position {
  lsn = 0
  /** The checksum of the last record's header, `undefined` when the one before was not read. */
  checksum: number | undefined
  commitTimeMs = 0
  epoch = 0
}

/** The view that is given out, filled again for every record. */
class MutableRecordView implements RecordView {
  lsn = 0
  durableLsn = 0
  commitTimeMs = 0
  epoch = 0
  kind = 0
  flags = 0
  checksum = 0
  bytes: Uint8Array = new Uint8Array(0)
  at = 0
  length = 0
}

export class SegmentScan {
  /** Where the records that are right end. */
  offset = RECORDS_AT
  /** The footer at `offset`, when there is one. */
  footer: SegmentFooter | undefined
  firstCommitTimeMs = 0
  /** What was found behind `offset`: the newest LSN proven durable, the newest LSN seen, and whether there was anything at all. */
  provenLsn = 0
  seenLsn = 0
  tailIsEmpty = true

  readonly path: string
  readonly salt: number
  readonly firstLsn: number
  readonly #reader: SegmentReader
  readonly #position: Position
  readonly #header = new RecordHeader()
  readonly #record = new MutableRecordView()
  #tailOffset = 0

  constructor(reader: SegmentReader, path: string, salt: number, firstLsn: number, position: Position) {
    this.#reader = reader
    this.path = path
    this.salt = salt
    this.firstLsn = firstLsn
    this.#position = position
  }

  /**
   * Reads on for about `budgetBytes`; `false` once the records that are right have ended (`offset`, `footer`).
   * Throws `LogDamaged` and `UnknownRecord`.
   */
  readRecords(budgetBytes: number, apply: (record: RecordView) => void): boolean {
    const stopAt = this.offset + budgetBytes
    while (this.offset < stopAt) {
      if (!this.#readRecord(apply)) {
        this.#readFooter()
        this.#tailOffset = this.offset
        return false
      }
    }
    return true
  }

  /** Looks at about `budgetBytes` of what lies behind the last record; `false` once all of it has been seen. */
  readTail(budgetBytes: number): boolean {
    const reader = this.#reader
    const stopAt = Math.min(reader.sizeBytes, this.#tailOffset + budgetBytes)
    while (this.#tailOffset < stopAt) {
      const at = reader.fetch(this.#tailOffset, FOOTER_BYTES)
      // The last bytes of a window are looked at again, with what follows them, in the next.
      const isLast = this.#tailOffset + reader.available(this.#tailOffset) >= reader.sizeBytes
      const count = isLast ? reader.available(this.#tailOffset) : reader.available(this.#tailOffset) - FOOTER_BYTES + 8
      if (count <= 0) break
      const advance = Math.min(alignRecord(count), alignRecord(stopAt - this.#tailOffset))
      this.#inspect(at, advance)
      this.#tailOffset += advance
    }
    return this.#tailOffset < reader.sizeBytes
  }

  #inspect(from: number, count: number): void {
    const { bytes, view, sizeBytes } = this.#reader
    const valid = from + Math.min(count, sizeBytes - this.#tailOffset)
    for (let at = from; at < valid; at += 8) {
      const isWhole = at + 8 <= valid
      const word = isWhole ? view.getUint32(at, true) : 0
      const isZero = isWhole ? word === 0 && view.getUint32(at + 4, true) === 0 : bytes.subarray(at, valid).every((byte) => byte === 0)
      if (isZero) continue
      this.tailIsEmpty = false
      if (word === RECORD_MAGIC && readRecordHeader(bytes, view, at, this.salt, this.#header)) {
        this.provenLsn = Math.max(this.provenLsn, this.#header.durableLsn)
        this.seenLsn = Math.max(this.seenLsn, this.#header.lsn)
      } else if (word === FOOTER_MAGIC) {
        const footer = decodeFooter(bytes, view, at, this.#tailOffset + at - from, this.salt)
        if (footer !== undefined) this.provenLsn = Math.max(this.provenLsn, footer.lastLsn)
      }
    }
  }

  /** Hands on the record at `offset`; `false` when there is none that is right. */
  #readRecord(apply: (record: RecordView) => void): boolean {
    const reader = this.#reader
    const header = this.#header
    const offset = this.offset
    if (offset + RECORD_HEADER_BYTES > reader.sizeBytes) return false
    let at = reader.fetch(offset, RECORD_HEADER_BYTES)
    if (!readRecordHeader(reader.bytes, reader.view, at, this.salt, header)) return false
    if (header.length < RECORD_HEADER_BYTES || header.length > RECORD_HEADER_BYTES + BODY_BYTES_MAX) return false
    if (offset + alignRecord(header.length) > reader.sizeBytes) return false
    at = reader.fetch(offset, header.length)
    const bodyAt = at + RECORD_HEADER_BYTES
    const bodyLength = header.length - RECORD_HEADER_BYTES
    if (checksum(reader.bytes, bodyAt, bodyLength, this.salt) !== header.bodyChecksum) return false
    this.#checkContinues(header)
    this.#checkKind(header)
    if (offset === RECORDS_AT) this.firstCommitTimeMs = header.commitTimeMs
    this.#advance(header)
    const record = this.#record
    record.lsn = header.lsn
    record.durableLsn = header.durableLsn
    record.commitTimeMs = header.commitTimeMs
    record.epoch = header.epoch
    record.kind = header.kind
    record.flags = header.flags
    record.checksum = header.checksum
    record.bytes = reader.bytes
    record.at = bodyAt
    record.length = bodyLength
    if (isKnownKind(header.kind)) this.#hand(record, offset, apply)
    return true
  }

  /** What is whole and says nothing that can be applied was written so, or made to look whole: damage, with its place. */
  #hand(record: RecordView, offset: number, apply: (record: RecordView) => void): void {
    try {
      apply(record)
    } catch (error) {
      if (error instanceof Fault) throw error
      const found = `the record there cannot be applied: ${error instanceof Error ? error.message : String(error)}`
      throw damaged(this.path, offset, record.lsn, found)
    }
  }

  #advance(header: RecordHeader): void {
    this.offset += alignRecord(header.length)
    this.#position.lsn = header.lsn
    this.#position.checksum = header.checksum
    this.#position.commitTimeMs = header.commitTimeMs
    this.#position.epoch = header.epoch
  }

  #checkContinues(header: RecordHeader): void {
    const position = this.#position
    if (header.lsn !== position.lsn + 1) throw this.#damaged(`the record there has LSN ${header.lsn}`)
    if (position.checksum !== undefined && header.previousChecksum !== position.checksum) {
      throw this.#damaged("the record there continues another one than the record before it")
    }
    const raised = header.kind === KIND_EPOCH ? header.epoch > position.epoch : header.epoch === position.epoch
    if (position.checksum !== undefined && !raised) throw this.#damaged(`the record there is of epoch ${header.epoch}`)
  }

  #checkKind(header: RecordHeader): void {
    if (isKnownKind(header.kind) || (header.flags & FLAG_SKIPPABLE) !== 0) return
    throw new Fault<UnknownRecord>({
      _tag: "UnknownRecord",
      file: this.path,
      offset: this.offset,
      lsn: header.lsn,
      kind: header.kind,
      message: `${this.path} has a record of the unknown kind ${header.kind} at offset ${this.offset} (LSN ${header.lsn}): open it with a newer build`
    })
  }

  #readFooter(): void {
    const reader = this.#reader
    if (this.offset + FOOTER_BYTES > reader.sizeBytes) return
    const at = reader.fetch(this.offset, FOOTER_BYTES)
    const footer = decodeFooter(reader.bytes, reader.view, at, this.offset, this.salt)
    if (footer === undefined) return
    const position = this.#position
    const matches = footer.firstLsn === this.firstLsn && footer.lastLsn === position.lsn
    if (!matches || (position.checksum !== undefined && footer.lastChecksum !== position.checksum)) {
      throw this.#damaged(`the footer there ends LSN ${footer.firstLsn} to ${footer.lastLsn}`)
    }
    this.footer = footer
  }

  #damaged(found: string): Fault<LogDamaged> {
    return damaged(this.path, this.offset, this.#position.lsn + 1, found)
  }
}

/** The fault of a log that cannot be opened without losing something durable. */
export function damaged(file: string, offset: number, lsn: number, found: string): Fault<LogDamaged> {
  const message =
    `${file} is damaged at offset ${offset}: LSN ${lsn} was expected, but ${found}. ` +
    "It was durable, so nothing is cut: restore the database from a backup, or repair it, which says what is lost"
  return new Fault({ _tag: "LogDamaged", file, offset, lsn, message })
}
