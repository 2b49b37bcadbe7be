/**
 * The body of a transaction's log record: every document it put or removed, once, with its resolved key and its after-image.
 *
 *     body, little-endian                       operation
 *      0 u32 number of operations                0 u8 kind (1 put, 2 delete, 3 low-water), 3 zero bytes
 *      4 u32 zero                                4 u32 store
 *      8 operations, one after the other         8 16 bytes key
 *                                               24 the document (put only; BSON says its own length)
 *
 * Invariants
 * - Operations are in the order of (store, key), each pair at most once. Index entries are not in the record: whoever applies it derives
 *   them from the documents.
 */
import type { ByteSink } from "../Bson/ByteSink.ts"
import { documentLength, readUint32, writeInt32 } from "../Bson/View.ts"
import type { Catalog } from "./Catalog.ts"
import { PUT, VERSION_MAX } from "./MemtableLayout.ts"
import type { Memtable } from "./Memtable.ts"
import { MemtableCursor } from "./MemtableCursor.ts"
import { DocumentView } from "./Reader.ts"

export const OPERATION_PUT = 1
export const OPERATION_DELETE = 2
/** Moves a store's low-water key: everything below it is gone. Written by no store of this version. */
export const OPERATION_LOW_WATER = 3

const BODY_HEADER_BYTES = 8
const OPERATION_BYTES = 24
const DOCUMENT_BYTES_MIN = 5

/** Writes bodies. Keeps the cursor of the newest one, for the next transaction most often writes to the same store. */
export class TransactionRecordWriter {
  readonly #view = new DocumentView()
  #cursor: MemtableCursor | undefined

  /** Writes the body for what an overlay's memtable holds and returns the number of operations. Faults with TooLarge. */
  write(sink: ByteSink, overlay: Memtable, catalog: Catalog): number {
    let count = 0
    sink.reset()
    sink.ensure(BODY_HEADER_BYTES)
    sink.length = BODY_HEADER_BYTES
    for (let tree = overlay.nextTree(0); tree !== 0; tree = overlay.nextTree(tree)) {
      if (catalog.storeById(tree) !== undefined) count += this.#writeStore(sink, overlay, tree)
    }
    writeInt32(sink.bytes, 0, count)
    writeInt32(sink.bytes, 4, 0)
    return count
  }

  #writeStore(sink: ByteSink, overlay: Memtable, store: number): number {
    const view = this.#view
    const cursor = this.#cursorOver(overlay, store)
    let count = 0
    for (cursor.seek(undefined); cursor.kind !== 0; cursor.advance()) {
      const isPut = cursor.kind === PUT
      if (isPut) cursor.read(view)
      sink.ensure(OPERATION_BYTES)
      writeInt32(sink.bytes, sink.length, isPut ? OPERATION_PUT : OPERATION_DELETE)
      writeInt32(sink.bytes, sink.length + 4, store)
      for (let i = 0; i < 16; i++) sink.bytes[sink.length + 8 + i] = cursor.keyBytes[cursor.keyAt + i]!
      sink.length += OPERATION_BYTES
      if (isPut) sink.raw(view.bytes, view.at, view.length)
      count++
    }
    return count
  }

  #cursorOver(overlay: Memtable, store: number): MemtableCursor {
    const kept = this.#cursor
    if (kept?.isOver(overlay, store) === true) return kept
    return (this.#cursor = new MemtableCursor(overlay, store, VERSION_MAX, 1))
  }
}

/** Walks the operations of a body. The checksum was right, so a body that does not fit together was written so: that is a bug. */
export class OperationReader {
  readonly bytes: Uint8Array
  readonly #end: number
  #left: number
  #next: number
  kind = 0
  store = 0
  keyAt = 0
  documentAt = 0

  constructor(bytes: Uint8Array, at: number, length: number) {
    this.bytes = bytes
    this.#end = at + length
    this.#left = readUint32(bytes, at)
    this.#next = at + BODY_HEADER_BYTES
  }

  next(): boolean {
    if (this.#left === 0) return false
    this.#left--
    const at = this.#next
    this.kind = this.bytes[at]!
    this.store = readUint32(this.bytes, at + 4)
    this.keyAt = at + 8
    this.documentAt = at + OPERATION_BYTES
    this.#next = this.documentAt
    if (this.kind === OPERATION_PUT) {
      const length = documentLength(this.bytes, this.documentAt)
      if (length < DOCUMENT_BYTES_MIN) throw new Error(`a document of ${length} bytes in a transaction record`)
      this.#next += length
    }
    if (this.#next > this.#end) throw new Error("a transaction record ends within an operation")
    return true
  }
}
