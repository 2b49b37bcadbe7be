/**
 * Everything that can still be read of a log that is damaged, for a repair. Reads only.
 *
 * Invariants
 * - A record is handed on when header, length and body are right, in ascending order of LSNs, and none twice.
 * - What cannot be read is a gap when its LSNs are proven durable, as `Recovery` proves it: by the checkpoint, a later segment's name, or a
 *   right header or footer behind. What is not proven was never acknowledged: the log ends before it, whatever follows.
 */
import { Fault } from "../Fault/Fault.ts"
import { joinPath, type Volume } from "../Disk/Volume.ts"
import { checksum } from "./Checksum.ts"
import type { UnknownRecord } from "./Errors.ts"
import {
  alignRecord,
  BODY_BYTES_MAX,
  FLAG_SKIPPABLE,
  isKnownKind,
  readRecordHeader,
  RECORD_HEADER_BYTES,
  RECORD_MAGIC,
  RecordHeader,
  type RecordView
} from "./Record.ts"
import type { TornTail } from "./Recovery.ts"
import { decodeFooter, decodeHeader, FOOTER_BYTES, FOOTER_MAGIC, parseSegmentName, RECORDS_AT, SEGMENT_HEADER_BYTES } from "./Segment.ts"
import { SegmentReader } from "./SegmentReader.ts"

/** Commits that were durable and cannot be read: `bytes` from `offset` of `file` on; 0 bytes of the directory when a segment is gone. */
export interface LogGap {
  readonly file: string
  readonly offset: number
  readonly bytes: number
  readonly fromLsn: number
  readonly toLsn: number
}

/** What a damaged log still has. */
export interface SalvagedLog {
  /** The timeline (hex) of the segments that were read; the others are somebody else's. */
  readonly timeline: string | undefined
  readonly databaseId: Uint8Array | undefined
  /** The first LSN that can be read and the newest that was durable; 0 when there is none. */
  readonly firstLsn: number
  readonly lastLsn: number
  /** From here on to the end every record can be read; behind the end when the last cannot. */
  readonly completeFromLsn: number
  /** Segments that were there. */
  readonly segments: ReadonlyArray<string>
  readonly lastCommitTimeMs: number
  readonly epoch: number
  readonly gaps: ReadonlyArray<LogGap>
  readonly tornTail?: TornTail
}

export interface SalvageOptions {
  readonly volume: Volume
  readonly directory: string
  /** Only segments of this timeline (hex) count; that of the newest segment unless given. */
  readonly timeline?: string
  /** What the other files certainly hold: no gap is reported up to it, and it was durable. Unknown unless given. */
  readonly checkpointLsn?: number
}

/** Records one behind the other. */
interface Stretch {
  readonly path: string
  readonly salt: number
  readonly from: number
  until: number
  readonly firstLsn: number
  lastLsn: number
}

interface SalvageFile {
  readonly path: string
  readonly firstLsn: number
  sizeBytes: number
  /** Where its footer is, when it has one. */
  footerAt: number | undefined
}

const SALT_AT = 12
/** Bytes looked at between two yields. */
const STEP_BYTES = 256 * 1024

/**
 * Reads a damaged log.
 *
 * @example
 * ```ts
 * const salvage = new Salvage({ volume, directory: "data/shop/wal" })
 * for (const bytes of salvage.survey());
 * for (const gap of salvage.result.gaps) console.log(gap.file, gap.offset, gap.fromLsn, gap.toLsn)
 * for (const bytes of salvage.records((record) => console.log(record.lsn)));
 * ```
 */
export class Salvage {
  readonly #options: SalvageOptions
  readonly #reader = new SegmentReader()
  readonly #header = new RecordHeader()
  readonly #files: Array<SalvageFile> = []
  readonly #stretches: Array<Stretch> = []
  #kept: ReadonlyArray<Stretch> = []
  #provenLsn: number
  #seenLsn = 0
  #databaseId: Uint8Array | undefined
  #timeline: string | undefined
  #lastCommitTimeMs = 0
  #epoch = 1
  #result: SalvagedLog | undefined

  constructor(options: SalvageOptions) {
    this.#options = options
    this.#provenLsn = options.checkpointLsn ?? 0
  }

  /** What was found, once `survey` has ended. */
  get result(): SalvagedLog {
    if (this.#result === undefined) throw new Error("the log was not surveyed yet")
    return this.#result
  }

  /** Bytes of all segments, once `survey` has begun. */
  get totalBytes(): number {
    return this.#files.reduce((sum, it) => sum + it.sizeBytes, 0)
  }

  /** Looks through all segments; yields the bytes it has looked at. Faults with DiskFailure. */
  *survey(): Generator<number, void, void> {
    this.#list()
    for (const file of this.#files) yield* this.#surveyFile(file)
    this.#result = this.#conclude()
  }

  /** Hands every record on that counts; yields the bytes it has read. The view is valid during the call. Faults with UnknownRecord. */
  *records(apply: (record: RecordView) => void): Generator<number, void, void> {
    const header = this.#header
    for (const { from, path, salt, until } of this.#kept) {
      const file = this.#options.volume.open(path, "read")
      try {
        this.#reader.use(file)
        for (let offset = from; offset < until; offset += alignRecord(header.length)) {
          const length = this.#recordAt(offset, salt)
          if (length === 0) throw new Error(`${path} has changed at offset ${offset} while it was read`)
          const at = this.#reader.fetch(offset, length)
          this.#requireKnown(path, offset)
          const { bodyChecksum: _body, previousChecksum: _previous, ...fields } = header
          const { bytes } = this.#reader
          if (isKnownKind(header.kind)) apply({ ...fields, bytes, at: at + RECORD_HEADER_BYTES, length: length - RECORD_HEADER_BYTES })
          yield alignRecord(length)
        }
      } finally {
        file.close()
      }
    }
  }

  #list(): void {
    const { directory, volume } = this.#options
    const names = volume.exists(directory) ? volume.list(directory) : []
    const found = names.flatMap((name) => {
      const parsed = parseSegmentName(name)
      return parsed === undefined ? [] : [{ ...parsed, path: joinPath(directory, name) }]
    })
    const newest = found.toSorted((a, b) => a.firstLsn - b.firstLsn).at(-1)
    this.#timeline = this.#options.timeline ?? newest?.timeline
    for (const { firstLsn, path, timeline } of found) {
      if (timeline === this.#timeline) this.#files.push({ path, firstLsn, sizeBytes: 0, footerAt: undefined })
    }
    for (const { firstLsn } of this.#files.slice(1)) this.#provenLsn = Math.max(this.#provenLsn, firstLsn - 1)
  }

  *#surveyFile(file: SalvageFile): Generator<number, void, void> {
    const opened = this.#options.volume.open(file.path, "read")
    try {
      this.#reader.use(opened)
      file.sizeBytes = this.#reader.sizeBytes
      const salt = this.#saltOf()
      let reported = 0
      for (let offset = RECORDS_AT; offset < file.sizeBytes;) {
        offset += this.#look(file, offset, salt)
        if (offset - reported < STEP_BYTES) continue
        yield offset - reported
        reported = offset
      }
    } finally {
      opened.close()
    }
  }

  /** The salt as the header has it. Where the header is damaged it may still be right: then the records prove it. */
  #saltOf(): number {
    const at = this.#reader.fetch(0, SEGMENT_HEADER_BYTES)
    const header = decodeHeader(this.#reader.bytes.subarray(at, at + SEGMENT_HEADER_BYTES))
    this.#databaseId ??= header?.databaseId
    return this.#reader.sizeBytes < SEGMENT_HEADER_BYTES ? 0 : this.#reader.view.getUint32(at + SALT_AT, true)
  }

  /** Looks at what is at `offset`, and gives how far the next thing to look at is. */
  #look(file: SalvageFile, offset: number, salt: number): number {
    const reader = this.#reader
    const at = reader.fetch(offset, FOOTER_BYTES)
    const word = reader.available(offset) >= 4 ? reader.view.getUint32(at, true) : 0
    if (word === RECORD_MAGIC) {
      const length = this.#recordAt(offset, salt)
      if (length > 0 && this.#note(file, offset, salt, alignRecord(length))) return alignRecord(length)
    } else if (word === FOOTER_MAGIC && reader.available(offset) >= FOOTER_BYTES) {
      const footer = decodeFooter(reader.bytes, reader.view, at, offset, salt)
      if (footer !== undefined) {
        this.#provenLsn = Math.max(this.#provenLsn, footer.lastLsn)
        file.footerAt = offset
      }
    }
    return 8
  }

  /** The length of the record at `offset`, left in the header's fields; 0 when it is not whole. What a right header proves is noted. */
  #recordAt(offset: number, salt: number): number {
    const reader = this.#reader
    const header = this.#header
    let at = reader.fetch(offset, RECORD_HEADER_BYTES)
    if (reader.available(offset) < RECORD_HEADER_BYTES) return 0
    if (!readRecordHeader(reader.bytes, reader.view, at, salt, header)) return 0
    this.#provenLsn = Math.max(this.#provenLsn, header.durableLsn)
    this.#seenLsn = Math.max(this.#seenLsn, header.lsn)
    const { length } = header
    if (length < RECORD_HEADER_BYTES || length > RECORD_HEADER_BYTES + BODY_BYTES_MAX || offset + length > reader.sizeBytes) return 0
    at = reader.fetch(offset, length)
    const body = checksum(reader.bytes, at + RECORD_HEADER_BYTES, length - RECORD_HEADER_BYTES, salt)
    return body === header.bodyChecksum ? length : 0
  }

  /** Adds the record to a stretch; false when its LSN was seen before. */
  #note({ path }: SalvageFile, offset: number, salt: number, size: number): boolean {
    const { lsn } = this.#header
    const last = this.#stretches.at(-1)
    if (last !== undefined && lsn <= last.lastLsn) return false
    if (last !== undefined && last.path === path && last.until === offset && lsn === last.lastLsn + 1) {
      last.until = offset + size
      last.lastLsn = lsn
    } else this.#stretches.push({ path, salt, from: offset, until: offset + size, firstLsn: lsn, lastLsn: lsn })
    this.#lastCommitTimeMs = Math.max(this.#lastCommitTimeMs, this.#header.commitTimeMs)
    this.#epoch = Math.max(this.#epoch, this.#header.epoch)
    return true
  }

  /** Where the log ends, and what is missing before. */
  #conclude(): SalvagedLog {
    const { checkpointLsn = 0 } = this.#options
    const known = this.#options.checkpointLsn !== undefined
    const start = this.#files[0]?.firstLsn ?? checkpointLsn + 1
    let last = (known ? Math.min(start, checkpointLsn + 1) : start) - 1
    const kept: Array<Stretch> = []
    const gaps: Array<LogGap> = []
    let end: Stretch | undefined
    for (const stretch of this.#stretches) {
      if (stretch.firstLsn > last + 1) {
        const toLsn = Math.min(stretch.firstLsn - 1, this.#provenLsn)
        if (toLsn > last) gaps.push(this.#gap(end, stretch, last + 1, toLsn))
        last = Math.max(last, toLsn)
        if (toLsn < stretch.firstLsn - 1) break
      }
      kept.push(stretch)
      end = stretch
      last = stretch.lastLsn
    }
    if (this.#provenLsn > last) {
      gaps.push(this.#gap(end, undefined, last + 1, this.#provenLsn))
      last = this.#provenLsn
    }
    this.#kept = kept
    const tornTail = this.#tornTail(end, last)
    const lost = gaps.filter((it) => it.toLsn > checkpointLsn)
    return {
      timeline: this.#timeline,
      databaseId: this.#databaseId,
      firstLsn: kept[0]?.firstLsn ?? 0,
      lastLsn: Math.max(last, checkpointLsn),
      completeFromLsn: (gaps.at(-1)?.toLsn ?? (kept[0]?.firstLsn ?? last + 1) - 1) + 1,
      segments: this.#files.map((it) => it.path),
      lastCommitTimeMs: this.#lastCommitTimeMs,
      epoch: this.#epoch,
      gaps: lost.map((it) => ({ ...it, fromLsn: Math.max(it.fromLsn, checkpointLsn + 1) })),
      ...(tornTail === undefined ? {} : { tornTail })
    }
  }

  /** Where the records between two stretches were. */
  #gap(before: Stretch | undefined, after: Stretch | undefined, fromLsn: number, toLsn: number): LogGap {
    const place = (file: string, offset: number, until: number) => ({ file, offset, bytes: until - offset, fromLsn, toLsn })
    if (after !== undefined && after.path === before?.path) return place(after.path, before.until, after.from)
    if (after !== undefined && after.from > RECORDS_AT) return place(after.path, RECORDS_AT, after.from)
    const behind = this.#files.find((it) =>
      before === undefined ? it.firstLsn <= fromLsn && it.path !== after?.path : it.path === before.path
    )
    if (behind === undefined || (before !== undefined && behind.footerAt === before.until)) return place(this.#options.directory, 0, 0)
    return place(behind.path, before?.until ?? RECORDS_AT, Math.max(behind.sizeBytes, before?.until ?? RECORDS_AT))
  }

  /** What was never acknowledged, when something was seen of it. */
  #tornTail(end: Stretch | undefined, lastLsn: number): TornTail | undefined {
    if (this.#seenLsn <= lastLsn) return undefined
    const file = end?.path ?? this.#files[0]!.path
    return { fromLsn: lastLsn + 1, toLsn: this.#seenLsn, file, offset: end?.until ?? RECORDS_AT }
  }

  #requireKnown(file: string, offset: number): void {
    const { flags, kind, lsn } = this.#header
    if (isKnownKind(kind) || (flags & FLAG_SKIPPABLE) !== 0) return
    const message = `${file} has a record of the unknown kind ${kind} at offset ${offset} (LSN ${lsn}): repair it with a newer build`
    throw new Fault<UnknownRecord>({ _tag: "UnknownRecord", file, offset, lsn, kind, message })
  }
}
