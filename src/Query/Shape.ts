/**
 * The shape of a statement: everything in its BSON form except the values, which become numbered slots. Two statements of one shape have
 * the same plan, so that a repeated query costs one pass over its bytes and one look into a table.
 *
 * Invariants
 * - Names, types and structure are in the shape; of values only those that plans are made of (store, orderBy, select, unset).
 * - Slots are numbered in the order of the values in the bytes: the order in which `decodeFilter` gives leaves.
 * - Nothing is judged here. What is malformed has a shape too; it is refused when its shape is first seen and never gets a plan.
 * - A scan reads inside the statement only, and its recursion is bounded.
 */
import * as Type from "../Bson/Type.ts"
import { documentEnd, firstElement, nameEnd, skipValue } from "../Bson/View.ts"
import { FILTER_DEPTH_MAX } from "./Ast.ts"
import { holdsOperators } from "./FilterBson.ts"
import { refuseStatement } from "./Reasons.ts"

/** Longest shape: bounds what a statement may name. */
export const SHAPE_BYTES_MAX = 64 * 1024
/** Most values of one statement, a list of `$in` counting once. */
export const SLOTS_MAX = 1024

const FIRST_BYTES = 1024
const HASH_START = 0x811c9dc5
const HASH_PRIME = 0x01000193
const OPEN = 0xf0
const CLOSE = 0xf1
const DOLLAR = 0x24
const SCAN_DEPTH_MAX = 2 * FILTER_DEPTH_MAX + 2

const FILTER = 1
const CHANGES = 2
const VALUE = 3

/** What is done with each member of a statement that is not part of the shape as it lies. */
const ROLES: ReadonlyArray<readonly [name: string, role: number]> = [
  ["filter", FILTER],
  ["having", FILTER],
  ["set", CHANGES],
  ["inc", CHANGES],
  ["push", CHANGES],
  ["addToSet", CHANGES],
  ["pull", CHANGES],
  ["limit", VALUE],
  ["skip", VALUE],
  ["after", VALUE],
  ["key", VALUE]
]
const roles = ROLES.map(([name, role]) => ({ name: Buffer.from(name, "latin1"), role }))

/** The result of a scan, overwritten by the next one: the shape in `bytes[0, length)` with its hash, and where each slot's value lies. */
export class Shape {
  bytes: Uint8Array = new Uint8Array(FIRST_BYTES)
  length = 0
  hash = HASH_START
  /** Number of slots. */
  slots = 0
  readonly slotTypes: Uint8Array = new Uint8Array(SLOTS_MAX)
  readonly slotPlaces: Int32Array = new Int32Array(SLOTS_MAX)

  /** Takes the shape of the statement at `at`. `kind` is a small number that keeps statements of different kinds apart. */
  scan(kind: number, bytes: Uint8Array, at: number): void {
    this.length = 0
    this.hash = HASH_START
    this.slots = 0
    this.#byte(kind)
    const end = documentEnd(bytes, at)
    for (let element = firstElement(at); element < end;) {
      const nameStop = nameEnd(bytes, element)
      const type = bytes[element] ?? Type.MISSING
      const next = skipValue(bytes, type, nameStop + 1)
      const role = roleOf(bytes, element + 1, nameStop)
      if (role === FILTER && type === Type.DOCUMENT) {
        this.#copy(bytes, element, nameStop + 1)
        this.#conditions(bytes, nameStop + 1, 0)
      } else if (role === CHANGES && type === Type.DOCUMENT) {
        this.#copy(bytes, element, nameStop + 1)
        this.#changes(bytes, nameStop + 1)
      } else if (role === VALUE) {
        this.#copy(bytes, element, nameStop + 1)
        this.#slot(type, nameStop + 1)
      } else this.#copy(bytes, element, next)
      element = next
    }
  }

  /** Whether the scanned shape is the same as `shape`. */
  equals(shape: Uint8Array): boolean {
    const { bytes, length } = this
    if (shape.length !== length) return false
    for (let index = 0; index < length; index++) if (bytes[index] !== shape[index]) return false
    return true
  }

  #conditions(bytes: Uint8Array, at: number, depth: number): void {
    if (depth > SCAN_DEPTH_MAX) refuseStatement("filter", `a filter nests at most ${FILTER_DEPTH_MAX} deep`)
    this.#byte(OPEN)
    const end = documentEnd(bytes, at)
    for (let element = firstElement(at); element < end;) {
      const nameStop = nameEnd(bytes, element)
      const type = bytes[element] ?? Type.MISSING
      const valueAt = nameStop + 1
      this.#copy(bytes, element, valueAt)
      if (type === Type.DOCUMENT && isNested(bytes, element, nameStop, valueAt)) this.#conditions(bytes, valueAt, depth + 1)
      else if (type === Type.ARRAY && isGroup(bytes, element + 1, nameStop)) this.#group(bytes, valueAt, depth + 1)
      else this.#slot(type, valueAt)
      element = skipValue(bytes, type, valueAt)
    }
    this.#byte(CLOSE)
  }

  #group(bytes: Uint8Array, at: number, depth: number): void {
    const end = documentEnd(bytes, at)
    for (let element = firstElement(at); element < end;) {
      const valueAt = nameEnd(bytes, element) + 1
      const type = bytes[element] ?? Type.MISSING
      if (type === Type.DOCUMENT) this.#conditions(bytes, valueAt, depth + 1)
      else this.#byte(type)
      element = skipValue(bytes, type, valueAt)
    }
    this.#byte(CLOSE)
  }

  #changes(bytes: Uint8Array, at: number): void {
    this.#byte(OPEN)
    const end = documentEnd(bytes, at)
    for (let element = firstElement(at); element < end;) {
      const valueAt = nameEnd(bytes, element) + 1
      const type = bytes[element] ?? Type.MISSING
      this.#copy(bytes, element, valueAt)
      this.#slot(type, valueAt)
      element = skipValue(bytes, type, valueAt)
    }
    this.#byte(CLOSE)
  }

  #slot(type: number, at: number): void {
    if (this.slots === SLOTS_MAX) refuseStatement("", `a statement has at most ${SLOTS_MAX} values; put them into one list of $in`)
    this.slotTypes[this.slots] = type
    this.slotPlaces[this.slots++] = at
  }

  #byte(value: number): void {
    if (this.length === this.bytes.length) this.#grow(1)
    this.bytes[this.length++] = value
    this.hash = Math.imul(this.hash ^ value, HASH_PRIME)
  }

  #copy(source: Uint8Array, from: number, to: number): void {
    if (this.length + to - from > this.bytes.length) this.#grow(to - from)
    const { bytes } = this
    let { hash, length } = this
    for (let at = from; at < to; at++) {
      const byte = source[at]!
      bytes[length++] = byte
      hash = Math.imul(hash ^ byte, HASH_PRIME)
    }
    this.hash = hash
    this.length = length
  }

  #grow(count: number): void {
    const needed = this.length + count
    if (needed > SHAPE_BYTES_MAX) refuseStatement("", `a statement names at most ${SHAPE_BYTES_MAX} bytes`)
    const larger = new Uint8Array(Math.min(SHAPE_BYTES_MAX, Math.max(needed, this.bytes.length * 2)))
    larger.set(this.bytes)
    this.bytes = larger
  }
}

/** The members with a role by length and last letter, of which there is one each. */
const LETTERS = 32
const roleTable: Array<(typeof roles)[number] | undefined> = []
for (const role of roles) {
  const place = role.name.length * LETTERS + (role.name.at(-1)! & (LETTERS - 1))
  if (roleTable[place] !== undefined) throw new Error("two members of statements have one place in the table of roles")
  roleTable[place] = role
}

function roleOf(bytes: Uint8Array, at: number, end: number): number {
  const candidate = roleTable[(end - at) * LETTERS + (bytes[end - 1]! & (LETTERS - 1))]
  return candidate !== undefined && startsWith(bytes, at, candidate.name) && candidate.name.length === end - at ? candidate.role : 0
}

function startsWith(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let index = 0; index < text.length; index++) if (bytes[at + index] !== text[index]) return false
  return true
}

const AND = Buffer.from("$and", "latin1")
const OR = Buffer.from("$or", "latin1")
/** Names whose documents are made of conditions. */
const NESTED = ["$not", "$any", "$elemMatch", "$every"].map((name) => Buffer.from(name, "latin1"))
const THIS = Buffer.from("$this", "latin1")

function isGroup(bytes: Uint8Array, nameAt: number, nameStop: number): boolean {
  const length = nameStop - nameAt
  return (length === AND.length && startsWith(bytes, nameAt, AND)) || (length === OR.length && startsWith(bytes, nameAt, OR))
}

/** Whether the document that an element holds is made of conditions: under `$not` and its kin, or operators under a field. */
function isNested(bytes: Uint8Array, element: number, nameStop: number, valueAt: number): boolean {
  if (bytes[element + 1] !== DOLLAR) return holdsOperators(bytes, valueAt)
  const length = nameStop - element - 1
  if (length === THIS.length && startsWith(bytes, element + 1, THIS)) return holdsOperators(bytes, valueAt)
  return NESTED.some((name) => name.length === length && startsWith(bytes, element + 1, name))
}
