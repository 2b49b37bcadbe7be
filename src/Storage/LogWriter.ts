/**
 * Puts commits and definitions into the log: everything that may refuse them, then the append.
 *
 * Invariants
 * - Commit times never fall.
 * - What is refused has changed nothing; once a record is appended, nothing here can fail.
 */
import { ByteSink } from "../Bson/ByteSink.ts"
import type { Admission, Log } from "../Wal/Log.ts"
import { BODY_BYTES_MAX, KIND_DDL, KIND_NOOP, KIND_TRANSACTION, type RecordView } from "../Wal/Record.ts"
import { requireOpen } from "./Admission.ts"
import { type Catalog, encodeDefinition } from "./Catalog.ts"
import type { CatalogChange } from "./Definition.ts"
import { type DurabilityLevel, Levels } from "./Durability.ts"
import type { Memtable } from "./Memtable.ts"
import type { Overlay } from "./Overlay.ts"
import { storageFault } from "./Reasons.ts"
import type { Boundary } from "./Sources.ts"
import { TransactionRecordWriter } from "./TransactionRecord.ts"

/** A record buffer larger than this is dropped after use. */
const RECORD_BUFFER_KEPT_BYTES = 1024 * 1024
/** No LSN is 0. */
export const NOTHING_WRITTEN = 0
const NO_BODY = new Uint8Array(0)

export class LogWriter {
  /** Of the newest record, in milliseconds since 1970. */
  commitTimeMs: number
  /** What the answers to the transaction that was appended last have to wait for. */
  level: DurabilityLevel = "fsync"
  /** Of the newest record that was replayed, until there is a log to ask: checksum of its header, epoch. */
  recordCrc: number
  #epoch: number
  readonly #levels: Levels
  readonly #now: () => number
  readonly #bodies = new TransactionRecordWriter()
  #record = new ByteSink(undefined, BODY_BYTES_MAX)

  /** Begins behind the record of a checkpoint. `durability`: of stores that do not say which. */
  constructor(at: Omit<Boundary, "catalog">, now: () => number, durability: DurabilityLevel | undefined) {
    this.commitTimeMs = at.commitTimeMs
    this.recordCrc = at.recordCrc
    this.#epoch = at.epoch
    this.#now = now
    this.#levels = new Levels(durability ?? "fsync")
  }

  /** Goes on behind a record that was replayed. */
  replayed(record: RecordView): void {
    this.commitTimeMs = record.commitTimeMs
    this.recordCrc = record.checksum
    this.#epoch = record.epoch
  }

  /** The boundary behind the newest record, which has the LSN `lsn`. */
  boundary(log: Log | undefined, lsn: number, catalog: Catalog): Boundary {
    const recordCrc = log?.lastChecksum ?? this.recordCrc
    return { lsn, recordCrc, commitTimeMs: this.commitTimeMs, epoch: log?.epoch ?? this.#epoch, catalog }
  }

  /** Appends what an overlay holds, when `target` has room for it; NOTHING_WRITTEN when that is nothing. */
  transaction(log: Log, overlay: Overlay, catalog: Catalog, target: Memtable): number {
    if (overlay.sequence === 0) return NOTHING_WRITTEN
    overlay.checkUnique()
    const record = this.#record
    if (this.#bodies.write(record, overlay.memtable, catalog) === 0) return NOTHING_WRITTEN
    const admitted = log.takes(record.length)
    if (admitted === "tooLarge") throw storageFault({ _tag: "TransactionTooLarge", limit: "transactionBytesMax", max: BODY_BYTES_MAX })
    requireAdmitted(log, admitted)
    target.reserve(overlay.memtable.entries)
    this.level = this.#levels.ofTransaction(record.bytes, record.length, catalog)
    this.commitTimeMs = Math.max(Math.floor(this.#now()), this.commitTimeMs)
    const lsn = log.append(KIND_TRANSACTION, 0, this.commitTimeMs, record.bytes, record.length, this.level !== "fsync")
    if (record.bytes.length > RECORD_BUFFER_KEPT_BYTES) this.#record = new ByteSink(undefined, BODY_BYTES_MAX)
    return lsn
  }

  /** Appends a record that changes nothing; the log has admitted it. */
  nothing(log: Log): number {
    return log.append(KIND_NOOP, 0, this.commitTimeMs, NO_BODY, 0)
  }

  definition(log: Log, change: CatalogChange): number {
    const body = encodeDefinition(change)
    const admitted = log.admit(body.length)
    if (admitted === "tooLarge")
      throw storageFault({ _tag: "InvalidStore", path: "", message: "the definitions are too large for one record" })
    requireAdmitted(log, admitted)
    this.commitTimeMs = Math.max(Math.floor(this.#now()), this.commitTimeMs)
    return log.append(KIND_DDL, 0, this.commitTimeMs, body, body.length)
  }
}

function requireAdmitted(log: Log, admitted: Exclude<Admission, "tooLarge">): void {
  requireOpen(admitted === "admitted" ? "open" : admitted, log.fault)
}
