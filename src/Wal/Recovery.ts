import { Fault, isFault } from "../Fault/Fault.ts"
import type { DiskFailure, File } from "../Disk/Volume.ts"
import { joinPath } from "../Disk/Volume.ts"
import type { ForeignSegment, UnsupportedFormat } from "./Errors.ts"
import { Log } from "./Log.ts"
import type { SealedSegment } from "./OpenSegment.ts"
import type { LogOptions } from "./Options.ts"
import { COPY_NAME, SPARE_NAME } from "./Options.ts"
import type { RecordView } from "./Record.ts"
import { SealedCopy } from "./SealedCopy.ts"
import type { SegmentFooter } from "./Segment.ts"
import {
  decodeFooter,
  decodeHeader,
  FOOTER_BYTES,
  parseSegmentName,
  RECORDS_AT,
  SEGMENT_FORMAT,
  SEGMENT_HEADER_BYTES,
  toHex
} from "./Segment.ts"
import { SegmentReader } from "./SegmentReader.ts"
import { damaged, Position, SegmentScan } from "./SegmentScan.ts"

/**
 * From a directory of segments to an open log, in steps.
 *
 * Invariants
 * - The tail rule: a record that is not right is damage when the checkpoint, a later segment's name, or a valid record or footer behind
 *   it proves that its LSN was durable; otherwise everything from it on is the torn tail, which is cut and reported.
 * - Nothing is appended to an old segment. Segments without a footer are replaced by sealed copies, and everything recovered is on disk,
 *   before `step` answers `"done"`. A crash in between finds a directory that recovers to the same or a shorter unacknowledged tail.
 * - Nothing is changed on disk before every needed record has been checked: a damaged log is refused as it lies.
 */

/** What the engine's own files already hold: no record up to `lsn` is handed on again, and `lsn` was durable. */
export interface Checkpoint {
  readonly lsn: number
  /** Checksum of the header of the record `lsn`, so that the log can prove to be the one that led there; 0 when it is not known. */
  readonly recordCrc?: number
  /** Given when the timeline began at this commit: then its log begins behind it, and may have no segment yet. */
  readonly fork?: { readonly lsn: number; readonly epoch: number }
}

/** The torn tail that was cut: LSNs `fromLsn` to `toLsn` (the newest that was seen) began at `offset` of `file`. None was acknowledged. */
export interface TornTail {
  readonly fromLsn: number
  readonly toLsn: number
  readonly file: string
  readonly offset: number
}

/** What recovery found. */
export interface RecoveryReport {
  readonly lastLsn: number
  readonly durableLsn: number
  readonly cut?: TornTail
}

/** `more`: call again. `waiting`: call again after `onWake`. `done`: `log()` is there. */
export type RecoveryProgress = "more" | "waiting" | "done"

interface FoundSegment {
  readonly path: string
  readonly firstLsn: number
}

interface UnsealedSegment {
  readonly path: string
  readonly salt: number
  readonly footer: SegmentFooter
}

/**
 * Recovers a log.
 *
 * @example
 * ```ts
 * const recovery = new Recovery(options, { lsn: 0 }, (record) => replay(record))
 * recovery.onWake(run)
 * function run() {
 *   for (;;) {
 *     const progress = recovery.step(1024 * 1024)
 *     if (progress === "waiting") return
 *     if (progress === "done") return start(recovery.log())
 *   }
 * }
 * ```
 */
export class Recovery {
  readonly #options: LogOptions
  readonly #checkpoint: Checkpoint
  readonly #apply: (record: RecordView) => void
  readonly #timeline: string
  readonly #isReading: boolean
  readonly #reader = new SegmentReader()
  readonly #position = new Position()
  readonly #sealed: Array<SealedSegment> = []
  /** From this LSN on no record is missing: a crash may take back the removal of an older segment and not that of a newer one. */
  #unbrokenLsn = 0
  readonly #unsealed: Array<UnsealedSegment> = []
  /** Segments without a record, which are removed. */
  readonly #empty: Array<string> = []
  #segments: Array<FoundSegment> = []
  #phase: "list" | "records" | "tail" | "repair" | "copy" | "sync" | "done" = "list"
  #next = 0
  #file: File | undefined
  #scan: SegmentScan | undefined
  #copy: SealedCopy | undefined
  #cut: TornTail | undefined
  #waiting = false
  #syncFault: Fault<DiskFailure> | undefined
  #wake: () => void = () => {}
  #log: Log | undefined

  /**
   * `apply` is called with every record after the checkpoint, in order; the view is valid during the call. With `read` the log is only
   * checked and handed on: nothing on disk changes, and there is no `log()`.
   */
  constructor(options: LogOptions, checkpoint: Checkpoint, apply: (record: RecordView) => void, mode: "open" | "read" = "open") {
    this.#options = options
    this.#isReading = mode === "read"
    this.#checkpoint = checkpoint
    this.#apply = (record) => {
      if (record.lsn > checkpoint.lsn) apply(record)
      else if (record.lsn === checkpoint.lsn) this.#checkAnchor(record)
    }
    this.#timeline = toHex(options.timeline)
  }

  /** Called, outside of `step`, each time a step that answered `"waiting"` may be repeated. */
  onWake(wake: () => void): void {
    this.#wake = wake
  }

  /**
   * Works on about `budgetBytes` of the log. Throws a fault with a `RecoveryReason` when the log cannot be opened; nothing of it was
   * changed unless the reason is a `DiskFailure`.
   */
  step(budgetBytes: number): RecoveryProgress {
    if (this.#waiting) return "waiting"
    try {
      this.#advance(budgetBytes)
    } catch (error) {
      this.#file?.close()
      this.#copy?.close()
      throw error
    }
    if (this.#phase === "done") return "done"
    return this.#waiting ? "waiting" : "more"
  }

  /** What was found, once `step` has answered `"done"`. */
  get report(): RecoveryReport {
    const found = { lastLsn: this.#position.lsn, durableLsn: this.#position.lsn }
    return this.#cut === undefined ? found : { ...found, cut: this.#cut }
  }

  /** The log, ready to append, once `step` has answered `"done"`. */
  log(): Log {
    this.#log ??= new Log(this.#options, {
      lastLsn: this.#position.lsn,
      lastChecksum: this.#position.checksum ?? 0,
      lastCommitTimeMs: this.#position.commitTimeMs,
      epoch: this.#position.epoch,
      sealed: this.#sealed,
      unbrokenLsn: this.#unbrokenLsn
    })
    return this.#log
  }

  #advance(budgetBytes: number): void {
    switch (this.#phase) {
      case "list":
        return this.#list()
      case "records":
        return this.#readRecords(budgetBytes)
      case "tail":
        return this.#readTail(budgetBytes)
      case "repair":
        return this.#repair()
      case "copy":
        return this.#stepCopy(budgetBytes)
      case "sync":
        return this.#finishSync()
      case "done":
        return
    }
  }

  /**
   * Finds the segments and where to begin: at the one with the checkpoint's own record, for the chain, the epoch and the commit time go
   * on from there; when that one was released, at the one after it.
   */
  #list(): void {
    const { volume, directory, segment } = this.#options
    for (const name of volume.list(directory)) {
      const parsed = parseSegmentName(name)
      if (parsed === undefined || (segment !== undefined && segment !== name)) continue
      const path = joinPath(directory, name)
      if (parsed.timeline !== this.#timeline) throw foreign(path, `it belongs to timeline ${parsed.timeline}, not ${this.#timeline}`)
      this.#segments.push({ path, firstLsn: parsed.firstLsn })
    }
    const segments = this.#segments
    const wanted = this.#checkpoint.lsn + 1
    const anchor = segments.findLastIndex((segment) => segment.firstLsn < wanted)
    const start = anchor < 0 ? segments.findIndex((segment) => segment.firstLsn === wanted) : anchor
    if (start < 0) {
      const first = segments[0]
      if (first !== undefined) throw damaged(first.path, RECORDS_AT, wanted, `the oldest segment begins with LSN ${first.firstLsn}`)
      if (wanted > 1 && this.#checkpoint.fork?.lsn !== wanted - 1) throw damaged(directory, 0, wanted, "there is no segment")
    }
    for (let index = 0; index < start; index++) {
      const { path, firstLsn } = segments[index]!
      const following = segments[index + 1]!.firstLsn
      const lastLsn = this.#lastLsnOf(path) ?? following - 1
      this.#sealed.push({ path, firstLsn, lastLsn })
      if (lastLsn + 1 < following) this.#unbrokenLsn = following
    }
    const firstLsn = segments[start]?.firstLsn ?? wanted
    this.#position.lsn = firstLsn - 1
    const { fork } = this.#checkpoint
    this.#position.epoch = fork !== undefined && firstLsn === fork.lsn + 1 ? fork.epoch : 1
    this.#position.checksum = firstLsn === 1 ? 0 : this.#checksumBefore(firstLsn)
    this.#next = Math.max(start, 0)
    this.#openNext()
  }

  /** The last LSN of a segment that recovery does not need, by its footer; undefined where that cannot be read. */
  #lastLsnOf(path: string): number | undefined {
    let file: File | undefined
    try {
      file = this.#options.volume.open(path, "read")
      const head = new Uint8Array(SEGMENT_HEADER_BYTES)
      const foot = new Uint8Array(FOOTER_BYTES)
      const footerAt = file.size() - FOOTER_BYTES
      if (footerAt < RECORDS_AT || file.readAt(0, head) < head.length || file.readAt(footerAt, foot) < foot.length) return undefined
      const header = decodeHeader(head)
      return header && decodeFooter(foot, new DataView(foot.buffer), 0, footerAt, header.salt)?.lastLsn
    } catch (error) {
      if (!isFault(error, "DiskFailure")) throw error
      return undefined
    } finally {
      file?.close()
    }
  }

  /** What the record `lsn` has to continue, when the checkpoint knows: the one before it is the checkpoint's. */
  #checksumBefore(lsn: number): number | undefined {
    const { lsn: checkpointLsn, recordCrc = 0 } = this.#checkpoint
    return lsn === checkpointLsn + 1 && recordCrc !== 0 ? recordCrc : undefined
  }

  /** The record at the checkpoint has to be the one that was checkpointed: another log of the same database would go on from elsewhere. */
  #checkAnchor(record: RecordView): void {
    const { recordCrc = 0 } = this.#checkpoint
    if (recordCrc === 0 || record.checksum === recordCrc) return
    const scan = this.#scan!
    throw damaged(scan.path, scan.offset, record.lsn, "the record there is not the one that the checkpoint was made at")
  }

  /** Opens the next segment for reading, or goes on to the repairs after the last. */
  #openNext(): void {
    this.#file?.close()
    this.#file = undefined
    const segment = this.#segments[this.#next]
    if (segment === undefined) {
      this.#checkCheckpoint()
      this.#phase = this.#isReading ? "done" : "repair"
      return
    }
    this.#file = this.#options.volume.open(segment.path, "read")
    this.#reader.use(this.#file)
    const salt = this.#checkHeader(segment)
    this.#scan = new SegmentScan(this.#reader, segment.path, salt, segment.firstLsn, this.#position)
    this.#phase = "records"
  }

  #checkHeader(segment: FoundSegment): number {
    const at = this.#reader.fetch(0, RECORDS_AT)
    const header = decodeHeader(this.#reader.bytes.subarray(at, at + SEGMENT_HEADER_BYTES))
    if (header === undefined) throw damaged(segment.path, 0, segment.firstLsn, "the segment has no valid header")
    for (let offset = SEGMENT_HEADER_BYTES; offset < RECORDS_AT; offset++) {
      if (this.#reader.bytes[at + offset] !== 0)
        throw damaged(segment.path, offset, segment.firstLsn, "the header's block has to be zero there")
    }
    if (header.format !== SEGMENT_FORMAT) {
      const message = `${segment.path} has format ${header.format}, this build knows ${SEGMENT_FORMAT}: open it with a newer build`
      throw new Fault<UnsupportedFormat>({ _tag: "UnsupportedFormat", file: segment.path, format: header.format, message })
    }
    const databaseId = toHex(header.databaseId)
    const expected = toHex(this.#options.databaseId)
    if (databaseId !== expected) throw foreign(segment.path, `it belongs to database ${databaseId}, not ${expected}`)
    const timeline = toHex(header.timeline)
    if (timeline !== this.#timeline) throw foreign(segment.path, `its header names timeline ${timeline}, not ${this.#timeline}`)
    return header.salt
  }

  #readRecords(budgetBytes: number): void {
    const scan = this.#scan!
    if (scan.readRecords(budgetBytes, this.#apply)) return
    const following = this.#segments[this.#next + 1]
    if (following === undefined) {
      this.#phase = "tail"
      return
    }
    const expected = this.#position.lsn + 1
    if (following.firstLsn !== expected && !this.#wasReleased(scan, following)) {
      throw damaged(scan.path, scan.offset, expected, `the next segment begins with LSN ${following.firstLsn}`)
    }
    this.#noteSegment(scan)
    if (following.firstLsn !== expected) {
      this.#unbrokenLsn = following.firstLsn
      this.#position.lsn = following.firstLsn - 1
      this.#position.checksum = this.#checksumBefore(following.firstLsn)
    }
    this.#next++
    this.#openNext()
  }

  /**
   * Whether the segments between these two were released: a crash may take back the removal of an older one and not of a newer. Then this
   * one is sealed, and the checkpoint holds everything before the next.
   */
  #wasReleased(scan: SegmentScan, following: FoundSegment): boolean {
    return scan.footer !== undefined && this.#position.lsn < following.firstLsn && following.firstLsn <= this.#checkpoint.lsn + 1
  }

  /** The last segment: what lies behind its last record decides between a clean end, a torn tail and damage. */
  #readTail(budgetBytes: number): void {
    const scan = this.#scan!
    if (scan.readTail(budgetBytes)) return
    const expected = this.#position.lsn + 1
    if (scan.provenLsn >= expected) {
      throw damaged(scan.path, scan.offset, expected, `what follows proves that LSN ${scan.provenLsn} was durable`)
    }
    this.#checkCheckpoint()
    if (scan.footer === undefined && !scan.tailIsEmpty) {
      this.#cut = { fromLsn: expected, toLsn: Math.max(expected, scan.seenLsn), file: scan.path, offset: scan.offset }
    }
    this.#noteSegment(scan)
    this.#next++
    this.#openNext()
  }

  #checkCheckpoint(): void {
    const expected = this.#position.lsn + 1
    if (this.#checkpoint.lsn < expected) return
    const found = `the log ends there and the checkpoint has LSN ${this.#checkpoint.lsn}`
    throw damaged(this.#scan?.path ?? this.#options.directory, this.#scan?.offset ?? 0, expected, found)
  }

  #noteSegment(scan: SegmentScan): void {
    const { path, salt, firstLsn, offset } = scan
    const position = this.#position
    if (offset === RECORDS_AT) {
      this.#empty.push(path)
      return
    }
    this.#sealed.push({ path, firstLsn, lastLsn: position.lsn })
    if (scan.footer !== undefined && offset + FOOTER_BYTES === this.#reader.sizeBytes) return
    const footer = {
      firstLsn,
      lastLsn: position.lsn,
      firstCommitTimeMs: scan.firstCommitTimeMs,
      lastCommitTimeMs: position.commitTimeMs,
      offset,
      lastChecksum: position.checksum ?? 0,
      epoch: position.epoch
    }
    this.#unsealed.push({ path, salt, footer })
  }

  /** All is read and right: from here on the directory changes. */
  #repair(): void {
    const { volume, directory } = this.#options
    const unsealed = this.#unsealed.shift()
    if (unsealed !== undefined) {
      this.#copy = new SealedCopy(this.#options, unsealed.path, unsealed.footer, unsealed.salt, this.#resume)
      this.#phase = "copy"
      return
    }
    const leftovers = [SPARE_NAME, COPY_NAME].map((name) => joinPath(directory, name)).filter((path) => volume.exists(path))
    for (const path of [...leftovers, ...this.#empty]) volume.remove(path)
    this.#waiting = true
    this.#phase = "sync"
    volume.syncDirectory(directory, (fault) => {
      this.#syncFault = fault
      this.#resume()
    })
  }

  #stepCopy(budgetBytes: number): void {
    const copy = this.#copy!
    if (copy.state === "failed") throw copy.fault!
    if (copy.state === "done") {
      this.#copy = undefined
      this.#phase = "repair"
      return
    }
    copy.step(budgetBytes)
    this.#waiting = copy.state === "syncing"
  }

  #finishSync(): void {
    if (this.#syncFault !== undefined) throw this.#syncFault
    this.#phase = "done"
  }

  readonly #resume = (): void => {
    this.#waiting = false
    this.#wake()
  }
}

function foreign(file: string, found: string): Fault<ForeignSegment> {
  return new Fault({ _tag: "ForeignSegment", file, message: `${file} does not belong to this log: ${found}` })
}
