/**
 * The trees of the index file as a source of a merged cursor, and the form in which the primary tree says where a document lies.
 *
 * A location is 24 bytes: segment u32, document bytes u32, offset u64 of the value's header, LSN u64; little-endian.
 */
import { readUint32, writeInt32 } from "../Bson/View.ts"
import type { ValueView } from "../Index/Entry.ts"
import type { TreeCursor } from "../Index/TreeCursor.ts"
import { PUT } from "./MemtableLayout.ts"
import type { Direction, DocumentView, Place } from "./Reader.ts"
import type { SourceCursor } from "./SourceCursor.ts"
import type { ValueLog } from "./ValueLog.ts"

export const LOCATION_BYTES = 24

const NOTHING = new Uint8Array(0)
const TWO_POW_32 = 0x1_0000_0000

export function readPlace(bytes: Uint8Array, at: number, out: Place): void {
  out.segment = readUint32(bytes, at)
  out.length = readUint32(bytes, at + 4)
  out.offset = readUint32(bytes, at + 8) + readUint32(bytes, at + 12) * TWO_POW_32
  out.lsn = readUint32(bytes, at + 16) + readUint32(bytes, at + 20) * TWO_POW_32
}

/** Where a document lies in the value log. */
export class Location implements Place {
  segment = 0
  length = 0
  offset = 0
  lsn = 0

  read(bytes: Uint8Array, at: number): void {
    readPlace(bytes, at, this)
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
  readonly #value: ValueView = { bytes: NOTHING, at: 0, length: 0 }
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
    this.#location.read(value.bytes, value.at)
    this.#values.read(this.#location, out)
  }

  #show(isThere: boolean): void {
    this.kind = isThere ? PUT : 0
    this.keyBytes = this.#cursor.key
    this.keyAt = this.#cursor.keyAt
    this.keyLength = this.#cursor.keyLength
  }
}
