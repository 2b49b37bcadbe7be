/**
 * Keys: 128-bit numbers that identify documents, and how a document's `_id` becomes one.
 *
 * Invariants
 * - A key is 16 bytes, big-endian, so that comparing bytes compares numbers.
 * - Generated keys are UUID version 7 and strictly increase, across restarts too: `continueFrom(lastCommitTime)`.
 * - Derived keys (of ObjectIds, and of values that are hashed) are UUID version 8 with a kind in the low half of byte 6:
 *   1 ObjectId, 2 string, 3 integer, 4 any other value. Nobody else may use version 8, so derived keys meet no foreign ones.
 * - An ObjectId's key holds the whole ObjectId, and sorts as it does: bytes 0-5, byte 7 and bytes 9-13 are its 12 bytes.
 * - A hashed key is SHA-256 of one byte of type class (the kind; for other values their BSON type behind it) and the canonical
 *   value (string: UTF-8; integer: 8 bytes two's complement big-endian, so that int 5 and long 5 are one key), cut to the free 118 bits.
 */
import { hash } from "node:crypto"
import { isFault } from "../Fault/Fault.ts"
import { bsonFault } from "./Errors.ts"
import { KeyMemo } from "./KeyMemo.ts"
import * as Type from "./Type.ts"
import { readDouble, readInt32, readString, skipValue } from "./View.ts"

export const KEY_BYTES = 16

/** How a store identifies its documents. */
export type IdKind = "key" | "uuid" | "objectId" | "string" | "int" | "long"

const HEX = "0123456789abcdef"
const KIND_OBJECT_ID = 1
const KIND_STRING = 2
const KIND_INTEGER = 3
const KIND_OTHER = 4

/**
 * A key as a JavaScript value.
 *
 * @example
 * ```ts
 * const key = parseKey("0190a5c2d7f07d3a8c1e5b6f7a8b9c0d")
 * String(key) // => "0190a5c2d7f07d3a8c1e5b6f7a8b9c0d"
 * ```
 */
export class Key {
  /** The 16 bytes, big-endian. Not to be changed. */
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    if (bytes.length !== KEY_BYTES) throw invalid(`a key has 16 bytes, not ${bytes.length}`)
    this.bytes = bytes
  }

  /** 32 lower-case hex digits. */
  toString(): string {
    return formatKey(this.bytes, 0)
  }

  toJSON(): string {
    return this.toString()
  }

  equals(other: Key): boolean {
    return compareKeys(this.bytes, 0, other.bytes, 0) === 0
  }
}

function invalid(message: string): Error {
  return bsonFault({ _tag: "InvalidKey", message })
}

/** The value of a hex digit by its character code, -1 for any other byte. */
const hexValues = new Int8Array(256).fill(-1)
for (let value = 0; value < 16; value++) {
  hexValues[HEX.charCodeAt(value)] = value
  hexValues[HEX.toUpperCase().charCodeAt(value)] = value
}

const DIGITS = 32
const DASHED_DIGITS = 36
const textScratch = new Uint8Array(DASHED_DIGITS)

/** Reads 32 hex digits or a UUID's text form into 16 bytes; false, with `into` half written, when `text` is neither. */
export function parseKeyInto(text: string, into: Uint8Array, at: number): boolean {
  const { length } = text
  if (length !== DIGITS && length !== DASHED_DIGITS) return false
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index)
    textScratch[index] = code < 0x80 ? code : 0
  }
  return readKeyText(textScratch, 0, length, into, at)
}

/** As `parseKeyInto`, for the text that is the `length` bytes at `bytes[at]`. */
export function readKeyText(bytes: Uint8Array, at: number, length: number, into: Uint8Array, intoAt: number): boolean {
  const dashed = length === DASHED_DIGITS
  if (!dashed && length !== DIGITS) return false
  let cursor = at
  for (let index = 0; index < KEY_BYTES; index++) {
    if (dashed && (index === 4 || index === 6 || index === 8 || index === 10) && bytes[cursor++] !== 0x2d) return false
    const value = (hexValues[bytes[cursor]!]! << 4) | hexValues[bytes[cursor + 1]!]!
    if (value < 0) return false
    into[intoAt + index] = value
    cursor += 2
  }
  return true
}

/** A key from 32 hex digits or a UUID's text form. Faults with InvalidKey. */
export function parseKey(text: string): Key {
  const bytes = new Uint8Array(KEY_BYTES)
  if (!parseKeyInto(text, bytes, 0)) throw invalid(`"${text.slice(0, 40)}" is neither 32 hex digits nor a UUID`)
  return new Key(bytes)
}

/** `count` bytes at `at` as lower-case hex. */
export function formatHex(bytes: Uint8Array, at: number, count: number): string {
  let text = ""
  for (let index = at; index < at + count; index++) text += HEX[bytes[index]! >> 4]! + HEX[bytes[index]! & 15]!
  return text
}

/** The 16 bytes at `at` as 32 lower-case hex digits. */
export function formatKey(bytes: Uint8Array, at: number): string {
  return formatHex(bytes, at, KEY_BYTES)
}

/** The 16 bytes at `at` in a UUID's text form (8-4-4-4-12). */
export function formatUuid(bytes: Uint8Array, at: number): string {
  const parts = [formatHex(bytes, at, 4), formatHex(bytes, at + 4, 2), formatHex(bytes, at + 6, 2), formatHex(bytes, at + 8, 2)]
  return `${parts.join("-")}-${formatHex(bytes, at + 10, 6)}`
}

/** Negative, zero or positive: the order of two keys as numbers. */
export function compareKeys(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): number {
  for (let index = 0; index < KEY_BYTES; index++) {
    const difference = a[aAt + index]! - b[bAt + index]!
    if (difference !== 0) return difference
  }
  return 0
}

/** Whether the 16 bytes are a UUID of version 8, the version kept for derived keys. */
export function isDerivedKey(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 6]! >> 4 === 8 && bytes[at + 8]! >> 6 === 2
}

/**
 * The key of a document's `_id` value under the id kind of its store: 16 new bytes.
 *
 * Stores of kind `key` and `uuid` take keys, UUIDs and their text forms; `objectId` takes ObjectIds; `string`, `int` and `long` hash
 * (an integer may have any numeric encoding that is integral). Faults with InvalidKey on anything else, and on a UUID of version 8.
 */
export function keyOf(idKind: IdKind, type: number, bytes: Uint8Array, at: number): Uint8Array {
  switch (idKind) {
    case "key":
    case "uuid":
      return plainKey(idKind, type, bytes, at)
    case "objectId":
      if (type === Type.OBJECT_ID) return objectIdKey(bytes, at)
      break
    case "string":
      if (type === Type.STRING) return hashedKey(KIND_STRING, bytes, at + 4, readInt32(bytes, at) - 1)
      break
    default: {
      const integer = integerBytes(type, bytes, at)
      if (integer !== undefined) return hashedKey(KIND_INTEGER, integer, 0, integer.length)
    }
  }
  throw invalid(`an _id of this store is of kind ${idKind}, not ${Type.typeName(type)}`)
}

/** As `keyOf`, into the first bytes of `into`; false where that faults. A key that was hashed lately costs no memory. */
export function keyInto(idKind: IdKind, type: number, bytes: Uint8Array, at: number, into: Uint8Array): boolean {
  if (idKind === "string" && type === Type.STRING && memo.find(KIND_STRING, bytes, at + 4, readInt32(bytes, at) - 1, into)) return true
  try {
    into.set(keyOf(idKind, type, bytes, at))
    return true
  } catch (error) {
    if (isFault(error, "InvalidKey")) return false
    throw error
  }
}

/** The derived key of a value of any type, for uses without an id kind: ObjectIds, strings and integers as `keyOf` has them, all else hashed as it lies. */
export function derivedKey(type: number, bytes: Uint8Array, at: number): Uint8Array {
  if (type === Type.OBJECT_ID) return objectIdKey(bytes, at)
  if (type === Type.STRING) return keyOf("string", type, bytes, at)
  const integer = integerBytes(type, bytes, at)
  if (integer !== undefined) return hashedKey(KIND_INTEGER, integer, 0, integer.length)
  const end = skipValue(bytes, type, at)
  const typed = new Uint8Array(1 + end - at)
  typed[0] = type
  typed.set(bytes.subarray(at, end), 1)
  return hashedKey(KIND_OTHER, typed, 0, typed.length)
}

function plainKey(idKind: IdKind, type: number, bytes: Uint8Array, at: number): Uint8Array {
  const key = new Uint8Array(KEY_BYTES)
  if (type === Type.STRING) {
    if (!readKeyText(bytes, at + 4, readInt32(bytes, at) - 1, key, 0))
      throw invalid(`"${readString(bytes, at).slice(0, 40)}" is neither 32 hex digits nor a UUID`)
  } else if (type === Type.BINARY && readInt32(bytes, at) === KEY_BYTES && isKeySubtype(bytes[at + 4]!)) {
    for (let index = 0; index < KEY_BYTES; index++) key[index] = bytes[at + 5 + index]!
  } else {
    throw invalid(`an _id of this store is of kind ${idKind}, not ${Type.typeName(type)}`)
  }
  if (isDerivedKey(key, 0)) throw invalid(`${formatUuid(key, 0)} is a UUID of version 8, which Planck keeps for derived keys`)
  return key
}

function isKeySubtype(subtype: number): boolean {
  return subtype === Type.KEY_SUBTYPE || subtype === Type.UUID_SUBTYPE
}

function objectIdKey(bytes: Uint8Array, at: number): Uint8Array {
  const key = new Uint8Array(KEY_BYTES)
  for (let index = 0; index < 6; index++) key[index] = bytes[at + index]!
  key[6] = 0x80 | KIND_OBJECT_ID
  key[7] = bytes[at + 6]!
  key[8] = 0x80
  for (let index = 7; index < 12; index++) key[index + 2] = bytes[at + index]!
  return key
}

/** An integral number as 8 bytes big-endian, undefined when it is not one that fits int64 exactly. */
function integerBytes(type: number, bytes: Uint8Array, at: number): Uint8Array | undefined {
  const integer = new Uint8Array(8)
  const view = new DataView(integer.buffer)
  if (type === Type.INT64) {
    for (let index = 0; index < 8; index++) integer[index] = bytes[at + 7 - index]!
    return integer
  }
  const value = type === Type.INT32 ? readInt32(bytes, at) : type === Type.DOUBLE ? readDouble(bytes, at) : Number.NaN
  if (!Number.isSafeInteger(value)) return undefined
  view.setBigInt64(0, BigInt(value))
  return integer
}

const memo = new KeyMemo(KEY_BYTES)

function hashedKey(kind: number, bytes: Uint8Array, at: number, length: number): Uint8Array {
  const key = new Uint8Array(KEY_BYTES)
  if (memo.find(kind, bytes, at, length, key)) return key
  const tagged = new Uint8Array(1 + length)
  tagged[0] = kind
  tagged.set(bytes.subarray(at, at + length), 1)
  key.set(hash("sha256", tagged, "buffer").subarray(0, KEY_BYTES))
  key[6] = 0x80 | kind
  key[8] = 0x80 | (key[8]! & 0x3f)
  memo.add(kind, bytes, at, length, key)
  return key
}

/** Random bytes drawn at once: 10 per key at most. */
const ENTROPY_BYTES = 640
/** The counter has 42 bits: 12 of `rand_a` and 30 of `rand_b`; it starts with its top bit clear. */
const COUNTER_END = 2 ** 42

/**
 * Generates keys: UUID version 7, each greater than all before it.
 *
 * Within one millisecond a 42-bit counter that starts at random is incremented; the last 32 bits are random every time.
 * A clock that goes back changes nothing: time stays at its highest.
 *
 * @example
 * ```ts
 * const generator = new KeyGenerator(() => Date.now(), (into) => void randomFillSync(into))
 * generator.continueFrom(lastCommitTimeMs)
 * generator.next(bytes, 0) // 16 bytes
 * ```
 */
export class KeyGenerator {
  private readonly now: () => number
  private readonly random: (into: Uint8Array) => void
  private readonly entropy = new Uint8Array(ENTROPY_BYTES)
  private used = ENTROPY_BYTES
  private timeMs = 0
  private counter = COUNTER_END

  constructor(now: () => number, random: (into: Uint8Array) => void) {
    this.now = now
    this.random = random
  }

  /** Makes every later key greater than all keys generated up to `commitTimeMs`. */
  continueFrom(commitTimeMs: number): void {
    if (commitTimeMs < this.timeMs) return
    this.timeMs = commitTimeMs
    this.counter = COUNTER_END
  }

  /** The next key, in memory of its own. */
  make(): Uint8Array {
    const key = new Uint8Array(16)
    this.next(key, 0)
    return key
  }

  /** Writes the next key at `at`. */
  next(into: Uint8Array, at: number): void {
    const nowMs = Math.floor(this.now())
    if (nowMs > this.timeMs) {
      this.timeMs = nowMs
      this.counter = this.freshCounter()
    } else if (++this.counter >= COUNTER_END) {
      this.timeMs++
      this.counter = this.freshCounter()
    }
    const timeHigh = Math.floor(this.timeMs / 65536)
    const counterHigh = Math.floor(this.counter / 2 ** 30)
    const counterLow = this.counter % 2 ** 30
    into[at] = timeHigh >>> 24
    into[at + 1] = timeHigh >>> 16
    into[at + 2] = timeHigh >>> 8
    into[at + 3] = timeHigh
    into[at + 4] = (this.timeMs % 65536) >>> 8
    into[at + 5] = this.timeMs % 256
    into[at + 6] = 0x70 | (counterHigh >>> 8)
    into[at + 7] = counterHigh
    into[at + 8] = 0x80 | (counterLow >>> 24)
    into[at + 9] = counterLow >>> 16
    into[at + 10] = counterLow >>> 8
    into[at + 11] = counterLow
    for (let index = 12; index < KEY_BYTES; index++) into[at + index] = this.randomByte()
  }

  private freshCounter(): number {
    let counter = this.randomByte() & 1
    for (let index = 0; index < 5; index++) counter = counter * 256 + this.randomByte()
    return counter
  }

  private randomByte(): number {
    if (this.used === ENTROPY_BYTES) {
      this.random(this.entropy)
      this.used = 0
    }
    return this.entropy[this.used++]!
  }
}
