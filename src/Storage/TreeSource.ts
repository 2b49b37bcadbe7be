/**
 * The trees of the index file as a source of a merged cursor, and the form in which the primary tree says where a document lies.
 *
 * A location is 24 bytes: segment u32, document bytes u32, offset u64 of the value's header, LSN u64; little-endian.
 */
import { readUint32, writeInt32 } from "../Bson/View.ts"
import { ValueView } from "../Index/Entry.ts"
import type { TreeCursor } from "../Index/TreeCursor.ts"
import { PUT } from "./MemtableLayout.ts"
import type { Direction, DocumentView, Place } from "./Reader.ts"
import type { SourceCursor } from "./SourceCursor.ts"
import type { ValueLog } from "./ValueLog.ts"

export const LOCATION_BYTES = 24

const TWO_POW_32 = 0x1_0000_0000

/** Where a document lies, from an entry in its page: the way of every read. */
export function readPlace({ at, view }: ValueView, out: Place): void {
  out.segment = view.getUint32(at, true)
  out.length = view.getUint32(at + 4, true)
  out.offset = view.getUint32(at + 8, true) + view.getUint32(at + 12, true) * TWO_POW_32
  out.lsn = view.getUint32(at + 16, true) + view.getUint32(at + 20, true) * TWO_POW_32
}

/** Where a document lies in the value log. */
export class Location implements Place {
  segment = 0
  length = 0
  offset = 0
  lsn = 0

  /** As `readPlace`, from any bytes. They may end too early, as a damaged entry may: what is missing reads as 0. */
  read(bytes: Uint8Array, at: number): void {
    this.segment = readUint32(bytes, at)
    this.length = readUint32(bytes, at + 4)
    this.offset = readUint32(bytes, at + 8) + readUint32(bytes, at + 12) * TWO_POW_32
    this.lsn = readUint32(bytes, at + 16) + readUint32(bytes, at + 20) * TWO_POW_32
  }

  write(bytes: Uint8Array, at: number): void {
    writeInt32(bytes, at, this.segment)
    writeInt32(bytes, at + 4, this.length)
    writeInt32(bytes, at + 8, this.offset)
    writeInt32(bytes, at + 12, Math.floor(this.offset / TWO_POW_32))
    writeInt32(bytes, at + 16, this.lsn)
    writeInt32(bytes, at + 20, Math.floor(this.lsn / TWO_POW_32))
  }
}

export class TreeSource implements SourceCursor {
  readonly #cursor: TreeCursor
  readonly #direction: Direction
  readonly #values: ValueLog
  readonly #location = new Location()
  readonly #value = new ValueView()
  kind = 0
  keyBytes: Uint8Array
  keyAt = 0
  keyLength = 0

  constructor(cursor: TreeCursor, direction: Direction, values: ValueLog) {
    this.#cursor = cursor
    this.#direction = direction
    this.#values = values
    this.keyBytes = cursor.key
  }

  seek(bound: Uint8Array | undefined): void {
    const cursor = this.#cursor
    if (this.#direction === 1) this.#show(bound === undefined ? cursor.first() : cursor.seekAtLeast(bound, 0, bound.length))
    else this.#show(bound === undefined ? cursor.last() : cursor.seekBefore(bound, 0, bound.length))
  }

  advance(): void {
    this.#show(this.#direction === 1 ? this.#cursor.next() : this.#cursor.previous())
  }

  read(out: DocumentView): void {
    const value = this.#value
    this.#cursor.showValue(value)
    readPlace(value, this.#location)
    this.#values.read(this.#location, out)
  }

  find(out: DocumentView): void {
    const value = this.#value
    this.#cursor.showValue(value)
    readPlace(value, out)
    out.isRead = false
  }

  #show(isThere: boolean): void {
    this.kind = isThere ? PUT : 0
    this.keyBytes = this.#cursor.key
    this.keyAt = this.#cursor.keyAt
    this.keyLength = this.#cursor.keyLength
  }
}
