/**
 * Cuts a stream of bytes into rows: lines, BSON documents or CSV records.
 *
 * Invariants
 * - Chunks may end anywhere; a row is shown once it is whole. Memory is one chunk and one row, and a row has at most ROW_BYTES_MAX.
 * - `offset` and `endOffset` count from the first byte of the stream, and one row begins where the one before ended (empty lines belong to
 *   the row behind them), so that a load can go on exactly where it stopped.
 */
import { DOCUMENT_BYTES_MAX } from "../Bson/Validate.ts"
import { readInt32 } from "../Bson/View.ts"
import type { Format } from "./Format.ts"

/** The longest row: a document of the largest size, whose strings may take six bytes for one as JSON. */
export const ROW_BYTES_MAX = 6 * DOCUMENT_BYTES_MAX

const LINE_FEED = 0x0a
const RETURN = 0x0d
const QUOTE = 0x22
const COMMA = 0x2c

/** `row`: there is one. `hungry`: push more, or finish. `end`: nothing is left. `bad`: `problem` says why the bytes at `offset` are no row. */
export type Found = "row" | "hungry" | "end" | "bad"

export abstract class Splitter {
  /** The row is `bytes[start, end)`, valid until the next call. */
  bytes = new Uint8Array(0)
  start = 0
  end = 0
  /** The row with all that lies before and behind it up to the next one: `bytes[from, stop)`. */
  from = 0
  stop = 0
  /** Where in the stream the row begins, and where the next one does. */
  offset = 0
  endOffset = 0
  /** The line on which the row begins, counted from 1. */
  line = 1
  problem = ""
  protected filled = 0
  /** Bytes of the row (or what may become one) that were looked at. */
  protected scanned = 0
  /** Bytes in front of the row that are none of it: empty lines. */
  protected passed = 0
  protected isFinished = false
  protected nextLine = 1
  #at = 0

  push(chunk: Uint8Array): void {
    if (this.#at > 0) {
      this.bytes.copyWithin(0, this.#at, this.filled)
      this.filled -= this.#at
      this.#at = 0
    }
    if (this.filled + chunk.length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.filled + chunk.length, this.bytes.length * 2))
      larger.set(this.bytes.subarray(0, this.filled))
      this.bytes = larger
    }
    this.bytes.set(chunk, this.filled)
    this.filled += chunk.length
  }

  /** There are no more bytes. */
  finish(): void {
    this.isFinished = true
  }

  /** Moves to the next row. */
  next(): Found {
    const from = this.#at
    this.offset = this.endOffset
    this.line = this.nextLine
    const found = this.cut(from)
    if (found === "hungry" && this.filled - from > ROW_BYTES_MAX) {
      this.problem = `the row is longer than ${ROW_BYTES_MAX} bytes`
      return "bad"
    }
    if (found !== "row") return found
    this.scanned = 0
    this.passed = 0
    return found
  }

  /** The row ends before `bytes[stop]`, where the next one begins. */
  protected take(from: number, start: number, end: number, stop: number): Found {
    this.from = from
    this.stop = stop
    this.start = start
    this.end = end
    this.#at = stop
    this.endOffset += stop - from
    return "row"
  }

  protected abstract cut(from: number): Found
}

/** The splitter of a format. */
export function splitterOf(format: Format): Splitter {
  if (format === "bson") return new DocumentSplitter()
  return format === "csv" ? new RecordSplitter() : new LineSplitter()
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

/** The first byte of the text at `from`, behind a byte order mark at the start of the stream. */
function textStart(splitter: Splitter, from: number): number {
  const hasMark = splitter.offset === 0 && BYTE_ORDER_MARK.every((byte, index) => splitter.bytes[from + index] === byte)
  return hasMark ? from + BYTE_ORDER_MARK.length : from
}

/** Lines; empty ones are passed over. */
class LineSplitter extends Splitter {
  protected cut(from: number): Found {
    let start = textStart(this, from + this.passed)
    for (;;) {
      const feed = this.bytes.subarray(0, this.filled).indexOf(LINE_FEED, Math.max(start, from + this.scanned))
      if (feed < 0 && !this.isFinished) {
        this.scanned = this.filled - from
        return "hungry"
      }
      const stop = feed < 0 ? this.filled : feed
      const end = stop > start && this.bytes[stop - 1] === RETURN ? stop - 1 : stop
      this.line = this.nextLine++
      if (!isBlank(this.bytes, start, end)) return this.take(from, start, end, feed < 0 ? stop : stop + 1)
      if (feed < 0) return "end"
      start = stop + 1
      this.passed = start - from
      this.scanned = this.passed
    }
  }
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] !== 0x20 && bytes[at] !== 0x09) return false
  return true
}

/** Records of CSV: lines, but a quoted field may hold line feeds. Empty lines are passed over. */
class RecordSplitter extends Splitter {
  #isQuoted = false
  /** Whether the byte before was a quote that closed: another one is a quote within the cell. */
  #hasClosed = false
  #lines = 0

  protected cut(from: number): Found {
    let start = textStart(this, from + this.passed)
    for (let at = Math.max(start, from + this.scanned); ; at++) {
      const isOver = at >= this.filled
      if (isOver && !this.isFinished) {
        this.scanned = at - from
        return "hungry"
      }
      if (isOver && this.#isQuoted) {
        this.problem = "a quoted field is not closed"
        return "bad"
      }
      const byte = this.bytes[at]
      if (!isOver) this.#look(byte, at === start || this.bytes[at - 1] === COMMA)
      if (!isOver && byte === LINE_FEED) this.#lines++
      if (!isOver && (byte !== LINE_FEED || this.#isQuoted)) continue
      const end = at > start && this.bytes[at - 1] === RETURN ? at - 1 : at
      const isEmpty = end === start
      if (isEmpty && isOver) return "end"
      this.line = this.nextLine
      this.nextLine += this.#lines
      this.#lines = 0
      if (!isEmpty) return this.take(from, start, end, isOver ? at : at + 1)
      start = at + 1
      this.passed = start - from
    }
  }

  /** A quote opens a cell only at its start; elsewhere it is a mistake of that record alone. */
  #look(byte: number | undefined, isCellStart: boolean): void {
    const wasQuoted = this.#isQuoted
    if (byte === QUOTE) this.#isQuoted = !wasQuoted && (isCellStart || this.#hasClosed)
    this.#hasClosed = wasQuoted && !this.#isQuoted
  }
}

/** BSON documents, each with its length in front. */
class DocumentSplitter extends Splitter {
  protected cut(from: number): Found {
    const available = this.filled - from
    if (available === 0 && this.isFinished) return "end"
    if (available >= 4) {
      const length = readInt32(this.bytes, from)
      if (length < 5 || length > DOCUMENT_BYTES_MAX) return this.#bad(`a document cannot have ${length} bytes`)
      if (available >= length) {
        this.nextLine++
        return this.take(from, from, from + length, from + length)
      }
    }
    return this.isFinished ? this.#bad("the file ends within a document") : "hungry"
  }

  #bad(problem: string): Found {
    this.problem = problem
    return "bad"
  }
}
