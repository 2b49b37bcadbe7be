import { Fault } from "../Fault/Fault.ts"
import type { DiskFailure, SyncDone, Volume } from "../Disk/Volume.ts"
import { joinPath } from "../Disk/Volume.ts"
import { checksum } from "./Checksum.ts"
import type { NotAdmitted } from "./Errors.ts"
import { Listeners } from "./Listeners.ts"
import type { SealedSegment } from "./OpenSegment.ts"
import { OpenSegment } from "./OpenSegment.ts"
import type { LogOptions } from "./Options.ts"
import { SEGMENT_BYTES_MAX, STAGING_BYTES_MAX } from "./Options.ts"
import { BODY_BYTES_MAX, KIND_EPOCH, RECORD_HEADER_BYTES, recordBytes, RecordHeader, writeRecordHeader } from "./Record.ts"
import { RECORDS_AT, segmentName } from "./Segment.ts"
import { asDiskFault, Spare } from "./Spare.ts"
import { Staging } from "./Staging.ts"

/**
 * The write-ahead log while it is open: append, group commit, rotation, seal.
 *
 * Invariants
 * - An appended record has its LSN, its place and its checksums; it reaches the file in the next group, unchanged.
 * - One group is under way at a time. It lies within one segment, is written by one call, and covers exactly what was written before
 *   its syncs were called. With none under way a group is written at the end of the turn, otherwise when the one before completes.
 * - A relaxed record changes only when a group begins, never what is in it: a group has everything that was staged before.
 * - A group in a new segment is durable when its file, the footer of the segment before, and the directory are synced.
 * - A segment is written to only by the log that created it. After a failed sync or write the log is poisoned: it never writes again.
 * - No room on the disk (`ENOSPC`) is no damage: the group stays staged, nothing more is admitted, and `retry` tries it again.
 */

/** `full`: no room on the disk, read-only until `retry` succeeds. `poisoned`: a write or sync failed, read-only for good. */
export type LogState = "open" | "full" | "poisoned" | "closing" | "closed"

/** The answer of `admit`. `wait`: the staging is full until the next `onDurable`. */
export type Admission = "admitted" | "wait" | "full" | "poisoned" | "closed" | "tooLarge"

/** Where a recovered log goes on. */
export interface LogPosition {
  readonly lastLsn: number
  readonly lastChecksum: number
  readonly lastCommitTimeMs: number
  readonly epoch: number
  /** Every segment in the directory, oldest first. All of them are sealed. */
  readonly sealed: ReadonlyArray<SealedSegment>
  /** From this LSN on no record is missing in them. */
  readonly unbrokenLsn?: number
}

/** Called when something has been done; with the fault when it never will be. */
export type LogDone = (fault: Fault<DiskFailure> | undefined) => void

/** Share of the staging that records may fill which nobody asked to be synced. */
const RELAXED_SHARE = 0.25
/** Share of the greatest length that the shortest segments have. */
const SHORT_SEGMENT_SHARE = 1 / 4
const NO_ROOM = new Set(["ENOSPC", "EDQUOT"])

/**
 * An open log; made by `Recovery`.
 *
 * @example
 * ```ts
 * log.onDurable((lsn) => answerEverythingUpTo(lsn))
 * if (log.admit(body.length) === "admitted") {
 *   const lsn = log.append(KIND_TRANSACTION, 0, commitTimeMs, body, body.length)
 * }
 * ```
 */
export class Log {
  /** The newest LSN given out. */
  lastLsn: number
  /** The newest LSN that is on disk. Never ahead of `lastLsn`, never falls. */
  durableLsn: number
  /** Milliseconds: the commit time of the newest record. */
  lastCommitTimeMs: number
  epoch: number
  state: LogState = "open"
  /** Why the log is full or poisoned. */
  fault: Fault<DiskFailure> | undefined

  readonly #options: LogOptions
  readonly #segmentBytesMax: number
  #segmentBytes: number
  readonly #staging: Staging
  /** Bytes of relaxed records that may be staged before they are written unasked. */
  readonly #relaxedBytesMax: number
  readonly #header = new RecordHeader()
  readonly #saltBytes = new Uint8Array(4)
  readonly #sealed: Array<SealedSegment>
  readonly #unbrokenLsn: number
  /** The segment being written, and those that will follow it, for which records are staged already. */
  #open: OpenSegment | undefined
  readonly #planned: Array<OpenSegment> = []
  #sealing: OpenSegment | undefined
  #sealedLsn: number
  #spare: Spare | undefined
  #lastChecksum: number

  #groupScheduled = false
  #directoryUnsynced = false
  #syncsUnderWay = 0
  #groupLsn: number
  #groupFault: Fault<DiskFailure> | undefined

  readonly #durableListeners: Listeners<number>
  readonly #stateListeners: Listeners<LogState>
  readonly #sealListeners: Listeners<SealedSegment>
  #rotations: Array<{ readonly lsn: number; readonly done: LogDone }> = []
  #closeDone: LogDone | undefined

  constructor(options: LogOptions, position: LogPosition) {
    this.#options = options
    this.#segmentBytesMax = this.#segmentBytes = options.segmentBytesMax ?? SEGMENT_BYTES_MAX
    const stagingBytesMax = options.stagingBytesMax ?? STAGING_BYTES_MAX
    this.#staging = new Staging(stagingBytesMax, options.stagingRoom)
    this.#relaxedBytesMax = stagingBytesMax * RELAXED_SHARE
    this.lastLsn = position.lastLsn
    this.durableLsn = position.lastLsn
    this.#groupLsn = position.lastLsn
    this.#sealedLsn = position.lastLsn
    this.lastCommitTimeMs = position.lastCommitTimeMs
    this.epoch = position.epoch
    this.#lastChecksum = position.lastChecksum
    this.#sealed = [...position.sealed]
    this.#unbrokenLsn = position.unbrokenLsn ?? 0
    this.#durableListeners = new Listeners(options.report)
    this.#stateListeners = new Listeners(options.report)
    this.#sealListeners = new Listeners(options.report)
  }

  /** The checksum of the header of the record `lastLsn`. */
  get lastChecksum(): number {
    return this.#lastChecksum
  }

  /** Whether a writer may begin whose record may well have a body of `bodyBytes`. What is admitted cannot be refused by the append that follows. */
  admit(bodyBytes: number): Admission {
    const taken = this.takes(bodyBytes)
    return taken !== "admitted" || this.#staging.hasRoom(recordBytes(bodyBytes)) ? taken : "wait"
  }

  /**
   * Whether the log takes a record with a body of `bodyBytes` of a writer that `admit` has let in. Not "wait": a handler that ran is not undone
   * because its record came out longer than was thought. The staging makes room for it, and gives that back.
   */
  takes(bodyBytes: number): Exclude<Admission, "wait"> {
    if (this.state === "closing") return "closed"
    if (this.state !== "open") return this.state
    return bodyBytes > BODY_BYTES_MAX ? "tooLarge" : "admitted"
  }

  /**
   * Appends a record with the first `length` bytes of `body` and returns its LSN. It is durable when `onDurable` says so. A relaxed one does
   * not ask for that by itself: it goes with the next that does, at `sync`, or when much is staged. Throws `NotAdmitted`, and does nothing, when `takes(length)` is not `"admitted"`.
   */
  append(kind: number, flags: number, commitTimeMs: number, body: Uint8Array, length: number, isRelaxed = false): number {
    const admission = this.takes(length)
    if (admission !== "admitted") throw new Fault<NotAdmitted>({ _tag: "NotAdmitted", admission })
    const bytes = recordBytes(length)
    const staging = this.#staging
    // First, for it is the one step that could fail: for want of memory.
    const at = staging.reserve(bytes)
    const segment = this.#segmentFor(bytes)
    const header = this.#header
    if (kind === KIND_EPOCH) this.epoch++
    header.length = RECORD_HEADER_BYTES + length
    header.lsn = this.lastLsn + 1
    header.durableLsn = this.durableLsn
    header.commitTimeMs = commitTimeMs
    header.epoch = this.epoch
    header.bodyChecksum = checksum(body, 0, length, segment.salt)
    header.previousChecksum = this.#lastChecksum
    header.kind = kind
    header.flags = flags
    this.#lastChecksum = writeRecordHeader(staging.bytes, staging.view, at, header, segment.salt)
    staging.bytes.set(body.length === length ? body : body.subarray(0, length), at + RECORD_HEADER_BYTES)
    staging.bytes.fill(0, at + header.length, at + bytes)
    this.lastLsn = header.lsn
    this.lastCommitTimeMs = commitTimeMs
    segment.note(bytes, header.lsn, commitTimeMs, this.epoch, this.#lastChecksum)
    if (!isRelaxed || staging.length > this.#relaxedBytesMax) this.#scheduleGroup()
    return header.lsn
  }

  /** Brings to disk what is staged, as if a record that is not relaxed had followed it. */
  sync(): void {
    if (this.#staging.length > 0) this.#scheduleGroup()
  }

  /** Gives the memory of the staging back, for others need it: at once when nothing is staged, else once that is written. */
  reclaim(): void {
    this.#staging.trim()
    if (this.state === "open") this.sync()
  }

  /** Called after every group with the newest LSN on disk. A listener that throws is detached and reported. */
  onDurable(listener: (lsn: number) => void): void {
    this.#durableListeners.add(listener)
  }

  /** Called when `state` has changed. */
  onState(listener: (state: LogState) => void): void {
    this.#stateListeners.add(listener)
  }

  /** Called with every segment of which the footer is on disk: from then on its bytes are final and may be copied away. */
  onSeal(listener: (segment: SealedSegment) => void): void {
    this.#sealListeners.add(listener)
  }

  /** The next record begins a new segment; `done` when everything appended so far lies in sealed segments. */
  rotate(done: LogDone): void {
    if (this.state === "poisoned" || this.state === "closed") {
      this.#options.schedule(() => done(this.fault))
      return
    }
    const tail = this.#tail()
    if (tail !== undefined) tail.complete = true
    this.#rotations.push({ lsn: this.lastLsn, done })
    this.#scheduleGroup()
  }

  /** After `full`: tries the staged group again. Does nothing in any other state. */
  retry(): void {
    if (this.state !== "full") return
    this.fault = undefined
    this.#enter("open")
    this.#pump()
  }

  /**
   * Removes the oldest sealed segments that end at or before `upToLsn`. The newest sealed one always stays, as the anchor that tells
   * a log whose segments were released from one that was lost. Throws `DiskFailure`; what was removed until then stays removed.
   */
  release(upToLsn: number): void {
    while (this.#sealed.length > 1 && this.#sealed[0]!.lastLsn <= upToLsn) {
      const path = this.#sealed[0]!.path
      if (this.#options.volume.exists(path)) this.#options.volume.remove(path)
      this.#sealed.shift()
    }
  }

  /** The oldest LSN from which on every record is in the log; without records the next. */
  get firstLsn(): number {
    const oldest = (this.#sealed[0] ?? this.#sealing ?? this.#open)?.firstLsn ?? this.#planned[0]?.firstLsn ?? this.lastLsn + 1
    return Math.max(oldest, this.#unbrokenLsn)
  }

  /** Bytes of the sealed segments that have a record behind `lsn`, so that `release(lsn)` leaves them. Throws `DiskFailure`. */
  bytesBehind(lsn: number): number {
    let bytes = 0
    for (const { lastLsn, path } of this.#sealed) if (lastLsn > lsn) bytes += fileBytes(this.#options.volume, path)
    return bytes
  }

  /** Bytes of its segments, without the next one, which is being prepared. Throws `DiskFailure`. */
  get sizeBytes(): number {
    return this.bytesBehind(-1) + (this.#open?.file?.size() ?? 0)
  }

  /** The sealed segments, oldest first. */
  get sealedSegments(): ReadonlyArray<SealedSegment> {
    return this.#sealed
  }

  /** Writes what is staged, seals, and gives every file back; `done` with the fault when something could not be written. */
  close(done: LogDone): void {
    if (this.#closeDone !== undefined || this.state === "closed") throw new Fault<NotAdmitted>({ _tag: "NotAdmitted", admission: "closed" })
    this.#closeDone = done
    if (this.state === "poisoned") {
      this.#options.schedule(() => this.#finishClose(this.fault))
      return
    }
    this.fault = undefined
    this.#enter("closing")
    this.rotate(() => {})
  }

  /**
   * Bytes at which segments are closed from now on, between a quarter of `segmentBytesMax` and that: with shorter ones the log goes back sooner,
   * and the next segment, which is prepared while one is written, takes less.
   */
  set segmentBytes(bytes: number) {
    this.#segmentBytes = Math.min(this.#segmentBytesMax, Math.max(this.#segmentBytesMax * SHORT_SEGMENT_SHARE, bytes))
  }

  /** The segment in which a record of `bytes` goes: the last one, or a new one after it. */
  #segmentFor(bytes: number): OpenSegment {
    const tail = this.#tail()
    if (tail !== undefined && tail.takes(bytes, this.#segmentBytes)) return tail
    if (tail !== undefined) tail.complete = true
    const firstLsn = this.lastLsn + 1
    const salt = this.#planned.length === 0 && this.#spare !== undefined ? this.#spare.salt : this.#newSalt()
    const path = joinPath(this.#options.directory, segmentName(this.#options.timeline, firstLsn))
    const segment = new OpenSegment(path, salt, firstLsn)
    this.#planned.push(segment)
    return segment
  }

  #tail(): OpenSegment | undefined {
    return this.#planned.at(-1) ?? this.#open
  }

  #newSalt(): number {
    this.#options.random(this.#saltBytes)
    const [a, b, c, d] = this.#saltBytes
    return (a! | (b! << 8) | (c! << 16) | (d! << 24)) >>> 0
  }

  #scheduleGroup(): void {
    if (this.#groupScheduled || this.#syncsUnderWay > 0) return
    this.#groupScheduled = true
    this.#options.schedule(this.#groupTask)
  }

  readonly #groupTask = (): void => {
    this.#groupScheduled = false
    this.#pump()
  }

  /** Starts the next group, if there is one and none is under way. */
  #pump(): void {
    if (this.#syncsUnderWay > 0 || (this.state !== "open" && this.state !== "closing")) return
    try {
      this.#sealCompleted()
      this.#openPlanned()
      const wrote = this.#writeStaged()
      this.#startSyncs(wrote)
    } catch (error) {
      this.#failed(asDiskFault(error))
      return
    }
    this.#settleWaiters()
  }

  /** Everything of the open segment is on disk and nothing more comes: its footer is written. One that could not be cut comes first. */
  #sealCompleted(): void {
    const segment = this.#open
    if (this.#sealing !== undefined) return
    if (segment === undefined || !segment.complete || segment.stagedBytes > 0) return
    segment.writeFooter()
    this.#sealing = segment
    this.#open = undefined
  }

  /** Turns the next planned segment into the open one, once its file is ready. */
  #openPlanned(): void {
    const segment = this.#planned[0]
    if (this.#open !== undefined || segment === undefined) return
    this.#spare ??= new Spare(this.#options, segment.salt, this.#segmentBytes, this.#spareSettled)
    if (this.#spare.state === "preparing") return this.#spare.hurry()
    const spare = this.#spare
    segment.file = spare.claim(segment.path)
    this.#spare = undefined
    this.#directoryUnsynced = true
    this.#open = segment
    this.#planned.shift()
  }

  readonly #spareSettled = (): void => {
    const spare = this.#spare
    if (spare === undefined) return
    if (spare.state === "failed") {
      this.#spare = undefined
      // Nobody waits for it: the next attempt, when it is needed, decides.
      if (this.#planned.length === 0 || this.#open !== undefined) return
      this.#failed(spare.fault!)
      return
    }
    this.#pump()
  }

  /** Writes what is staged for the open segment; whether there was anything. */
  #writeStaged(): boolean {
    const segment = this.#open
    if (segment === undefined || segment.stagedBytes === 0) return false
    const staging = this.#staging
    const count = segment.stagedBytes
    segment.file!.writeAt(segment.writtenAt, staging.bytes.subarray(staging.head, staging.head + count))
    staging.release(count)
    segment.writtenAt += count
    this.#groupLsn = segment.lastLsn
    this.#prepareNext(segment)
    return true
  }

  /** Starts to prepare the next segment when the open one is half full: once, for a disk without room is not to be asked at every group. */
  #prepareNext(segment: OpenSegment): void {
    if (this.#spare !== undefined || this.#planned.length > 0 || segment.complete || segment.nextPrepared) return
    if (segment.writtenAt < (RECORDS_AT + this.#segmentBytes) / 2) return
    segment.nextPrepared = true
    this.#spare = new Spare(this.#options, this.#newSalt(), this.#segmentBytes, this.#spareSettled)
  }

  #startSyncs(wrote: boolean): void {
    this.#groupFault = undefined
    const starts: Array<(done: SyncDone) => void> = []
    const sealing = this.#sealing
    const open = this.#open
    if (sealing !== undefined) starts.push((done) => sealing.cutAndSync(done))
    if (wrote && open !== undefined) starts.push((done) => open.file!.syncData(done))
    if (this.#directoryUnsynced) starts.push((done) => this.#options.volume.syncDirectory(this.#options.directory, done))
    this.#directoryUnsynced = false
    this.#syncsUnderWay = starts.length
    for (const start of starts) start(this.#synced)
  }

  readonly #synced: SyncDone = (fault) => {
    this.#syncsUnderWay--
    // A segment that was not cut can be cut later; what a sync has lost is lost, and says more than that.
    if (fault !== undefined && (this.#groupFault === undefined || isOfCutting(this.#groupFault))) this.#groupFault = fault
    if (this.#syncsUnderWay > 0) return
    const failed = this.#groupFault
    if (failed !== undefined) return isOfCutting(failed) ? this.#failed(failed) : this.#poison(failed)
    if (this.state === "poisoned" || this.state === "closed") return
    const sealing = this.#sealing
    this.#sealing = undefined
    const advanced = this.#groupLsn > this.durableLsn
    this.durableLsn = this.#groupLsn
    if (sealing !== undefined) this.#noteSealed(sealing)
    if (advanced) this.#durableListeners.tell(this.durableLsn)
    this.#pump()
  }

  #noteSealed(segment: OpenSegment): void {
    segment.file!.close()
    const sealed = { path: segment.path, firstLsn: segment.firstLsn, lastLsn: segment.lastLsn }
    this.#sealed.push(sealed)
    this.#sealedLsn = segment.lastLsn
    this.#sealListeners.tell(sealed)
  }

  #enter(state: LogState): void {
    this.state = state
    this.#stateListeners.tell(state)
  }

  #failed(fault: Fault<DiskFailure>): void {
    if (this.state === "poisoned" || this.state === "closed") return
    if (!NO_ROOM.has(fault.reason.code)) return this.#poison(fault)
    this.fault = fault
    if (this.#closeDone !== undefined) return this.#finishClose(fault)
    this.#enter("full")
  }

  #poison(fault: Fault<DiskFailure>): void {
    if (this.state === "poisoned" || this.state === "closed") return
    this.fault = fault
    this.#enter("poisoned")
    this.#settleWaiters()
    if (this.#closeDone !== undefined) this.#finishClose(fault)
  }

  /** Answers the rotations whose records are sealed (all of them, with the fault, once that cannot happen any more). */
  #settleWaiters(): void {
    const fault = this.state === "poisoned" ? this.fault : undefined
    const ready = this.#rotations.filter((rotation) => fault !== undefined || rotation.lsn <= this.#sealedLsn)
    this.#rotations = this.#rotations.filter((rotation) => !ready.includes(rotation))
    for (const rotation of ready) rotation.done(fault)
    if (this.state === "closing" && this.#sealedLsn === this.lastLsn) this.#finishClose(undefined)
  }

  #finishClose(fault: Fault<DiskFailure> | undefined): void {
    const done = this.#closeDone
    if (done === undefined || this.state === "closed") return
    this.#spare?.abandon()
    this.#spare = undefined
    for (const segment of [this.#sealing, this.#open]) segment?.file?.close()
    this.#enter("closed")
    for (const rotation of this.#rotations) rotation.done(fault)
    this.#rotations = []
    done(fault)
  }
}

/** Whether a segment was not cut to its length, and nothing else is wrong with it. */
function isOfCutting(fault: Fault<DiskFailure>): boolean {
  return fault.reason.operation === "truncate"
}

function fileBytes(volume: Volume, path: string): number {
  const file = volume.open(path, "read")
  try {
    return file.size()
  } finally {
    file.close()
  }
}
