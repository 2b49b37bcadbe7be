/**
 * Cursors of pages: where a page ended, as text that a client gives back for the next one.
 *
 * A position is the values its row was ordered by, and its key: a place in the order, not a count of rows. So nothing is seen twice and
 * nothing is left out when documents come and go in between, and the next page may be found by another plan.
 *
 * Bytes, in base64url: version (1), the order's fingerprint (8), key (16), a BSON document of the values, HMAC-SHA-256 of all before it cut
 * to 16 bytes.
 *
 * Invariants
 * - What the database did not sign, or signed for another order, is refused (Fault InvalidCursor); nothing of it is used.
 * - A text has at most CURSOR_LENGTH_MAX characters. Rows ordered by longer values have no cursor (Fault InvalidCursor).
 */
import { createHmac, hash, timingSafeEqual } from "node:crypto"
import { compareValues } from "../Bson/Compare.ts"
import { compareKeys, keyOf } from "../Bson/Key.ts"
import * as Type from "../Bson/Type.ts"
import { documentEnd, documentLength, firstElement, skipValue, valueOffset } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import { Fault } from "../Fault/Fault.ts"
import { KEY_BYTES } from "../Storage/Reader.ts"
import type { Plan } from "./Plan.ts"
import type { QueryReason } from "./Reasons.ts"
import { type SortPath, sortValue } from "./SortBuffer.ts"

/** Longest cursor, in characters. */
export const CURSOR_LENGTH_MAX = 8192

const VERSION = 1
const FINGERPRINT_BYTES = 8
const KEY_AT = 1 + FINGERPRINT_BYTES
const VALUES_AT = KEY_AT + KEY_BYTES
const SIGNATURE_BYTES = 16
const ID_TYPE_OFFSET = 4
const ID_VALUE_OFFSET = 9

/** A place in the order of a plan: behind the row it was made of. */
export class Position {
  readonly key: Uint8Array
  readonly #bytes: Uint8Array
  readonly #types: ReadonlyArray<number>
  readonly #places: ReadonlyArray<number>

  constructor(key: Uint8Array, bytes: Uint8Array, at: number) {
    const types: Array<number> = []
    const places: Array<number> = []
    const end = documentEnd(bytes, at)
    for (let element = firstElement(at); element < end;) {
      const valueAt = valueOffset(bytes, element)
      types.push(bytes[element]!)
      places.push(valueAt)
      element = skipValue(bytes, bytes[element]!, valueAt)
    }
    this.key = key
    this.#bytes = bytes
    this.#types = types
    this.#places = places
  }

  /** Number of levels of the order. */
  get levels(): number {
    return this.#types.length
  }

  /** The value of a level. */
  value(level: number): { readonly bytes: Uint8Array; readonly type: number; readonly at: number } {
    return { bytes: this.#bytes, type: this.#types[level]!, at: this.#places[level]! }
  }

  /** Whether a document with this key comes behind the position. */
  isBefore(sort: ReadonlyArray<SortPath>, bytes: Uint8Array, at: number, keyBytes: Uint8Array, keyAt: number): boolean {
    for (let level = 0; level < sort.length; level++) {
      const found = sortValue(sort[level]!, bytes, at)
      const order = compareValues(bytes, found.type, found.at, this.#bytes, this.#types[level]!, this.#places[level]!)
      if (order !== 0) return sort[level]!.descending ? order < 0 : order > 0
    }
    return compareKeys(keyBytes, keyAt, this.key, 0) > 0
  }
}

/** Signs and reads cursors of one database. */
export class PageCursors {
  readonly #secret: Uint8Array

  constructor(secret: Uint8Array) {
    this.#secret = secret
  }

  /** The cursor of the row whose document is at `bytes[at]`. */
  write(plan: Plan, bytes: Uint8Array, at: number): string {
    const writer = new Writer(256)
    writer.byte(VERSION)
    writer.raw(fingerprintOf(plan), 0, FINGERPRINT_BYTES)
    const idType = bytes[at + ID_TYPE_OFFSET]!
    writer.raw(keyOf(plan.store.definition.idKind, idType, bytes, at + ID_VALUE_OFFSET), 0, KEY_BYTES)
    const start = writer.beginDocument()
    plan.sort.forEach((path, level) => {
      const { at: valueAt, type } = sortValue(path, bytes, at)
      const written = type === Type.MISSING ? Type.NULL : type
      writer.index(written, level)
      if (type !== Type.MISSING) writer.raw(bytes, valueAt, skipValue(bytes, type, valueAt) - valueAt)
    })
    writer.endDocument(start)
    const signed = Buffer.concat([writer.toBytes(), this.#sign(writer.toBytes())])
    const text = signed.toString("base64url")
    if (text.length > CURSOR_LENGTH_MAX) refuse("the rows are ordered by values that are too long for a cursor")
    return text
  }

  /** The position that a cursor names in the order of a plan. Faults with InvalidCursor. */
  read(plan: Plan, text: string): Position {
    if (text.length > CURSOR_LENGTH_MAX || !/^[A-Za-z0-9_-]+$/.test(text)) refuse("this is no cursor")
    const bytes = new Uint8Array(Buffer.from(text, "base64url"))
    const end = bytes.length - SIGNATURE_BYTES
    if (end < VALUES_AT || bytes[0] !== VERSION) refuse("this is no cursor")
    if (!timingSafeEqual(bytes.subarray(end), this.#sign(bytes.subarray(0, end)))) refuse("the cursor was not made by this database")
    if (Buffer.compare(bytes.subarray(1, KEY_AT), fingerprintOf(plan)) !== 0)
      refuse("the cursor is of rows in another order, or of another store")
    if (VALUES_AT + documentLength(bytes, VALUES_AT) !== end) refuse("this is no cursor")
    return new Position(bytes.subarray(KEY_AT, VALUES_AT), bytes, VALUES_AT)
  }

  #sign(bytes: Uint8Array): Buffer {
    return createHmac("sha256", this.#secret).update(bytes).digest().subarray(0, SIGNATURE_BYTES)
  }
}

const fingerprints = new WeakMap<Plan["sort"], Buffer>()

/** What tells one order of one store from another. */
function fingerprintOf({ sort, store }: Plan): Buffer {
  const known = fingerprints.get(sort)
  if (known !== undefined) return known
  const order = JSON.stringify([store.id, ...sort.map(({ descending, path }) => [path.text, descending])])
  const fresh = hash("sha256", order, "buffer").subarray(0, FINGERPRINT_BYTES)
  fingerprints.set(sort, fresh)
  return fresh
}

function refuse(message: string): never {
  throw new Fault<QueryReason>({ _tag: "InvalidCursor", message })
}
