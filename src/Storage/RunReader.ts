/**
 * Reads the entries of a part of a value segment one after the other, past the cache, through a buffer that it has to itself.
 *
 * Invariants
 * - `bytes` and `at` show the current entry whole, header first, until the next move or the end of it all.
 */
import { readUint32 } from "../Bson/View.ts"
import { storageFault } from "./Reasons.ts"
import type { RunBuffers } from "./RunBuffers.ts"
import { compareBytes } from "./SourceCursor.ts"
import { isValueAt, type SegmentFile, VALUE_HEADER_BYTES, valueBytes } from "./ValueSegment.ts"

const STORE_AT = 8
const KIND_AT = 12
const LSN_AT = 16
const KEY_AT = 24
const KEY_BYTES = 16
const TWO_POW_32 = 0x1_0000_0000
const NO_BYTES = new Uint8Array(0)

export class RunReader {
  readonly source: SegmentFile
  readonly #until: number
  readonly #buffers: RunBuffers
  #buffer: Uint8Array
  #view: DataView
  /** Where in the file the buffer begins, and how much of it is filled. */
  #start: number
  #filled = 0
  /** Where in the file the current entry begins, and the next one. */
  offset: number
  #next: number

  /** Takes a buffer; `end` gives it back. */
  constructor(source: SegmentFile, from: number, until: number, buffers: RunBuffers) {
    this.source = source
    this.#buffers = buffers
    this.#buffer = buffers.take()
    this.#view = viewOf(this.#buffer)
    this.#until = until
    this.#start = from
    this.offset = from
    this.#next = from
  }

  get bytes(): Uint8Array {
    return this.#buffer
  }

  get at(): number {
    return this.offset - this.#start
  }

  /** Where in the file the next entry begins. */
  get next(): number {
    return this.#next
  }

  get store(): number {
    return readUint32(this.#buffer, this.at + STORE_AT)
  }

  get kind(): number {
    return this.#buffer[this.at + KIND_AT]!
  }

  get lsn(): number {
    return readUint32(this.#buffer, this.at + LSN_AT) + readUint32(this.#buffer, this.at + LSN_AT + 4) * TWO_POW_32
  }

  get keyAt(): number {
    return this.at + KEY_AT
  }

  /** Bytes of the document. */
  get length(): number {
    return readUint32(this.#buffer, this.at)
  }

  get documentAt(): number {
    return this.at + VALUE_HEADER_BYTES
  }

  /** Moves to the next entry; false at the end. Faults with StorageDamaged when an entry does not fit or `isChecked` and it is not whole. */
  move(isChecked: boolean): boolean {
    this.offset = this.#next
    if (this.offset >= this.#until) return false
    this.#load(VALUE_HEADER_BYTES)
    const size = valueBytes(this.length)
    if (this.offset + size > this.#until) throw this.damaged("an entry ends behind the committed length")
    this.#load(size)
    this.#next = this.offset + size
    if (isChecked) this.check()
    return true
  }

  /** Faults with StorageDamaged unless the entry is whole. */
  check(): void {
    if (isValueAt(this.#buffer, this.at, this.length, this.lsn, this.source.salt, this.#view)) return
    throw this.damaged("the value fails its checksum")
  }

  /** Gives the buffer back. There is no current entry any more, and no next one. */
  end(): void {
    const buffer = this.#buffer
    this.#buffer = NO_BYTES
    this.#view = viewOf(NO_BYTES)
    this.offset = this.#next = this.#until
    if (buffer !== NO_BYTES) this.#buffers.give(buffer)
  }

  damaged(message: string): Error {
    return storageFault({ _tag: "StorageDamaged", file: this.source.file.path, offset: this.offset, message })
  }

  /** Sees to it that `size` bytes of the current entry are in the buffer. */
  #load(size: number): void {
    const at = this.at
    if (at + size <= this.#filled) return
    if (size > this.#buffer.length) {
      const larger = new Uint8Array(size)
      larger.set(this.#buffer.subarray(at, this.#filled))
      this.#buffers.give(this.#buffer)
      this.#buffer = larger
      this.#view = viewOf(larger)
    } else {
      this.#buffer.copyWithin(0, at, this.#filled)
    }
    this.#filled -= at
    this.#start = this.offset
    const room = Math.min(this.#buffer.length, this.#until - this.#start)
    this.#filled += this.source.file.readAt(this.#start + this.#filled, this.#buffer.subarray(this.#filled, room))
    if (this.#filled < size) throw this.damaged("the file ends within an entry")
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Order of two entries: by store, by key, and the newer one of a key first. */
export function compareEntries(a: RunReader, b: RunReader): number {
  const stores = a.store - b.store
  if (stores !== 0) return stores
  const keys = compareBytes(a.bytes, a.keyAt, KEY_BYTES, b.bytes, b.keyAt, KEY_BYTES)
  return keys === 0 ? b.lsn - a.lsn : keys
}
