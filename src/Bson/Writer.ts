/**
 * Writes BSON into a growable buffer.
 *
 * Invariants
 * - Order of calls: `beginDocument`, then for every element `name(type, …)` and the one value method of that type, then `endDocument`.
 * - The writer does not check that order, nor names for duplicates: callers produce documents, `validate` checks those of others.
 * - Names given as bytes carry their NUL (see `fieldName`).
 */
import { ByteSink } from "./ByteSink.ts"
import { bsonFault } from "./Errors.ts"
import * as Type from "./Type.ts"
import { nextElement, writeDouble, writeInt32 } from "./View.ts"

/** First size of a writer: a typical document fits. */
export const WRITER_BYTES = 4 * 1024
/** Largest a writer grows unless told otherwise: the largest document, and room for what wraps it. */
export const WRITER_BYTES_MAX = 17 * 1024 * 1024
/** Names up to this long are written by a loop, which costs less than a call of the runtime. */
const SHORT_NAME_LENGTH = 64

export class Writer extends ByteSink {
  constructor(initialBytes: number = WRITER_BYTES, maxBytes: number = WRITER_BYTES_MAX) {
    super(initialBytes, maxBytes)
  }

  /** Starts a document or array and returns its offset, for `endDocument`. */
  beginDocument(): number {
    this.ensure(5)
    const start = this.length
    this.length = start + 4
    return start
  }

  /** Ends the document or array that starts at `start`. */
  endDocument(start: number): void {
    this.ensure(1)
    this.bytes[this.length++] = 0
    writeInt32(this.bytes, start, this.length - start)
  }

  /** Starts an element: type byte and name. A name as bytes carries its NUL; one as text must not hold a NUL (InvalidValue). */
  name(type: number, name: Uint8Array | string): void {
    if (typeof name === "string") return this.textName(type, name)
    const count = name.length
    this.ensure(count + 1)
    const bytes = this.bytes
    let at = this.length
    bytes[at++] = type
    for (let index = 0; index < count; index++) bytes[at + index] = name[index]!
    this.length = at + count
  }

  private textName(type: number, name: string): void {
    const count = name.length
    if (count > SHORT_NAME_LENGTH) return this.anyName(type, name)
    this.ensure(count + 2)
    const bytes = this.bytes
    const at = this.length
    for (let index = 0; index < count; index++) {
      const unit = name.charCodeAt(index)
      if (unit === 0 || unit >= 0x80) return this.anyName(type, name)
      bytes[at + 1 + index] = unit
    }
    bytes[at] = type
    bytes[at + 1 + count] = 0
    this.length = at + count + 2
  }

  private anyName(type: number, name: string): void {
    if (name.includes("\0")) throw bsonFault({ _tag: "InvalidValue", path: name, message: "a field name cannot hold a NUL" })
    this.byte(type)
    this.utf8(name)
    this.byte(0)
  }

  /** Starts an element of an array: its name is the decimal `index`. */
  index(type: number, index: number): void {
    this.ensure(12)
    const bytes = this.bytes
    let at = this.length
    bytes[at++] = type
    if (index < 10) bytes[at++] = 0x30 + index
    else {
      let divisor = 10
      while (index / divisor >= 10) divisor *= 10
      for (; divisor >= 1; divisor = Math.floor(divisor / 10)) bytes[at++] = 0x30 + (Math.floor(index / divisor) % 10)
    }
    bytes[at++] = 0
    this.length = at
  }

  int32(value: number): void {
    this.ensure(4)
    writeInt32(this.bytes, this.length, value)
    this.length += 4
  }

  double(value: number): void {
    this.ensure(8)
    writeDouble(this.bytes, this.length, value)
    this.length += 8
  }

  /** An int64 from its two halves (each signed or unsigned 32-bit). */
  int64Parts(low: number, high: number): void {
    this.ensure(8)
    writeInt32(this.bytes, this.length, low)
    writeInt32(this.bytes, this.length + 4, high)
    this.length += 8
  }

  /** An int64 from a safe integer, without BigInt. */
  int64Number(value: number): void {
    this.int64Parts(value % 4294967296, Math.floor(value / 4294967296))
  }

  /** An int64 from a bigint (taken modulo 2^64). */
  int64(value: bigint): void {
    this.int64Parts(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)))
  }

  /** A string value; lone surrogates become U+FFFD. */
  string(text: string): void {
    this.ensure(5)
    const start = this.length
    this.length = start + 4
    this.utf8(text)
    this.ensure(1)
    this.bytes[this.length++] = 0
    writeInt32(this.bytes, start, this.length - start - 4)
  }

  /** A string value from `count` bytes of valid UTF-8 without their NUL. */
  stringBytes(source: Uint8Array, at: number, count: number): void {
    this.int32(count + 1)
    this.raw(source, at, count)
    this.byte(0)
  }

  boolean(value: boolean): void {
    this.byte(value ? 1 : 0)
  }

  /** A null has no bytes; the call keeps writing code regular. */
  null(): void {}

  /** A date in milliseconds since 1970 (a safe integer). */
  date(timeMs: number): void {
    this.int64Number(timeMs)
  }

  /** The 16 bytes of a decimal128. */
  decimal128(source: Uint8Array, at: number): void {
    this.sixteen(source, at)
  }

  /** Binary data of a subtype. */
  binary(data: Uint8Array, subtype: number): void {
    this.int32(data.length)
    this.byte(subtype)
    this.raw(data, 0, data.length)
  }

  /** The 16 bytes at `at` as a Key (binary, subtype 0x80). */
  key(source: Uint8Array, at: number): void {
    this.int32(16)
    this.byte(Type.KEY_SUBTYPE)
    this.sixteen(source, at)
  }

  /** Sixteen bytes, most often the whole of an array of their own, for which `raw` would make a view first. */
  private sixteen(source: Uint8Array, at: number): void {
    this.ensure(16)
    const bytes = this.bytes
    const start = this.length
    for (let index = 0; index < 16; index++) bytes[start + index] = source[at + index]!
    this.length = start + 16
  }

  /** The 12 bytes of an ObjectId. */
  objectId(source: Uint8Array, at: number): void {
    this.raw(source, at, 12)
  }

  /** Copies the element at `elementAt` (type, name and value) and returns the offset behind it in `source`. */
  copyElement(source: Uint8Array, elementAt: number): number {
    const end = nextElement(source, elementAt)
    this.raw(source, elementAt, end - elementAt)
    return end
  }
}
