/**
 * `push`, `addToSet` and `pull` applied to the bytes of an array.
 *
 * Invariants
 * - Elements that stay keep their order and are copied as they lie; positions in the result are numbered anew.
 * - An operand is one element, or `{ $each: [ … ] }` for several. `pull` also takes `{ $any: filter }`.
 * - `addToSet` and `pull` compare as filters do: numbers by value, documents and arrays as a whole.
 * - An array holds at most `ELEMENTS_MAX` elements after a change.
 */
import { compareValues } from "../Bson/Compare.ts"
import * as Type from "../Bson/Type.ts"
import { documentEnd, elementName, firstElement, nextElement, skipValue, valueOffset } from "../Bson/View.ts"
import type { Writer } from "../Bson/Writer.ts"
import { encodeValue, KeyWriter } from "../Index/KeyEncoding.ts"
import { compileElementFilter } from "../Match/Compile.ts"
import type { ElementPredicate } from "../Match/ArrayTest.ts"
import type { ArrayChange } from "./Ast.ts"
import { decodeElementFilter } from "./FilterBson.ts"
import { GroupTable } from "./GroupTable.ts"
import type { Operands } from "./Operands.ts"
import { refuseStatement, refuseUpdate } from "./Reasons.ts"

/** Most elements an array may have after a change of it. */
export const ELEMENTS_MAX = 1_000_000

interface Place {
  readonly bytes: Uint8Array
  readonly type: number
  readonly at: number
}

/** Most elements that are compared one by one; beyond it they are looked up. */
const COMPARED_MAX = 16

/**
 * Elements of which each is there once, found by what they are encoded to: equal values, and only they, have one encoding. Those too long to
 * be encoded whole are compared one by one.
 */
class ElementSet {
  readonly #table = new GroupTable()
  readonly #key = new KeyWriter()
  readonly #long: Array<Place> = []
  /** How many of the table's keys are members; those behind them were only asked for. */
  #members = 0

  constructor(elements: ReadonlyArray<Place>) {
    for (const element of elements) this.add(element)
  }

  /** Adds an element; false when an equal one is there. Not to be called after `has`. */
  add(element: Place): boolean {
    if (this.#encode(element)) {
      this.#table.find(this.#key.bytes, this.#key.length)
      this.#members = this.#table.count
      return this.#table.isNew
    }
    if (this.#hasLong(element)) return false
    this.#long.push(element)
    return true
  }

  has(element: Place): boolean {
    return this.#encode(element) ? this.#table.find(this.#key.bytes, this.#key.length) < this.#members : this.#hasLong(element)
  }

  #encode({ at, bytes, type }: Place): boolean {
    this.#key.reset()
    encodeValue(this.#key, bytes, type, at, false)
    return !this.#key.cut
  }

  #hasLong({ at, bytes, type }: Place): boolean {
    return this.#long.some((other) => isEqual(other, bytes, type, at))
  }
}

/** What is done to one array, with the values of a run. */
export interface BoundArrayChange {
  readonly op: ArrayChange
  /** The elements to add, or to be equal to. */
  readonly elements: ReadonlyArray<Place>
  /** For `pull` of many elements: these. */
  readonly pulled?: ElementSet
  /** For `pull` with a filter: which elements go. */
  readonly goes: ElementPredicate | undefined
}

/** Reads the operand in `slot`. Faults with InvalidStatement, and as `compileFilter` does. */
export function bindArrayChange(op: ArrayChange, path: string, operands: Operands, slot: number): BoundArrayChange {
  const operand: Place = { bytes: operands.bytes(slot), type: operands.type(slot), at: operands.at(slot) }
  const modifier = modifierOf(operand)
  if (modifier === undefined) return { op, elements: [operand], goes: undefined }
  const where = `${op}.${path}`
  const value: Place = { bytes: operand.bytes, type: operand.bytes[modifier]!, at: valueOffset(operand.bytes, modifier) }
  const name = elementName(operand.bytes, modifier)
  if (nextElement(operand.bytes, modifier) !== documentEnd(operand.bytes, operand.at)) refuseStatement(where, `${name} stands alone`)
  if (name === "$each") {
    if (value.type !== Type.ARRAY) refuseStatement(where, `$each takes a list, found ${Type.typeName(value.type)}`)
    const elements = elementsOf(value)
    if (op !== "pull" || elements.length <= COMPARED_MAX) return { op, elements, goes: undefined }
    return { op, elements, goes: undefined, pulled: new ElementSet(elements) }
  }
  if (name !== "$any" || op !== "pull")
    return refuseStatement(where, `${op} knows ${op === "pull" ? "$each and $any" : "$each"}, not ${name}`)
  if (value.type !== Type.DOCUMENT) refuseStatement(where, `$any takes a filter of the elements, found ${Type.typeName(value.type)}`)
  return { op, elements: [], goes: compileElementFilter(decodeElementFilter(value.bytes, value.at, where)) }
}

/** The offset of the first element of a document of modifiers; undefined when the operand is an element itself. */
function modifierOf(operand: Place): number | undefined {
  if (operand.type !== Type.DOCUMENT) return undefined
  const first = firstElement(operand.at)
  return first < documentEnd(operand.bytes, operand.at) && operand.bytes[first + 1] === 0x24 ? first : undefined
}

function elementsOf({ at, bytes }: Place): ReadonlyArray<Place> {
  const places: Array<Place> = []
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end;) {
    const type = bytes[element]!
    const valueAt = valueOffset(bytes, element)
    places.push({ bytes, type, at: valueAt })
    element = skipValue(bytes, type, valueAt)
  }
  return places
}

/** Appends the changed array, a value without its name. `at` is -1 when the document has no such field. */
export function writeChangedArray(writer: Writer, path: string, change: BoundArrayChange, bytes: Uint8Array, at: number): void {
  const start = writer.beginDocument()
  let count = 0
  const end = at < 0 ? 0 : documentEnd(bytes, at)
  for (let element = at < 0 ? 0 : firstElement(at); element < end;) {
    const type = bytes[element]!
    const valueAt = valueOffset(bytes, element)
    const next = skipValue(bytes, type, valueAt)
    if (change.op !== "pull" || !isPulled(change, bytes, type, valueAt)) {
      writer.index(type, count++)
      writer.raw(bytes, valueAt, next - valueAt)
    }
    element = next
  }
  if (change.op === "addToSet" && count + change.elements.length > COMPARED_MAX) {
    const set = new ElementSet(at < 0 ? [] : elementsOf({ bytes, type: Type.ARRAY, at }))
    for (const element of change.elements) if (set.add(element)) append(writer, element, count++)
  } else if (change.op !== "pull") {
    for (const element of change.elements) if (adds(change, element, bytes, at)) append(writer, element, count++)
  }
  if (count > ELEMENTS_MAX) refuseUpdate(path, `${path} would have more than ${ELEMENTS_MAX} elements`)
  writer.endDocument(start)
}

function append(writer: Writer, { at, bytes, type }: Place, index: number): void {
  writer.index(type, index)
  writer.raw(bytes, at, skipValue(bytes, type, at) - at)
}

function isPulled({ elements, goes, pulled }: BoundArrayChange, bytes: Uint8Array, type: number, at: number): boolean {
  if (pulled !== undefined) return pulled.has({ bytes, type, at })
  return goes === undefined ? elements.some((element) => isEqual(element, bytes, type, at)) : goes(bytes, type, at)
}

/** Whether an element is added: always by `push`; by `addToSet` when neither the array has it nor an earlier one is equal to it. */
function adds({ elements, op }: BoundArrayChange, element: Place, bytes: Uint8Array, arrayAt: number): boolean {
  if (op === "push") return true
  for (const earlier of elements) {
    if (earlier === element) break
    if (isEqual(earlier, element.bytes, element.type, element.at)) return false
  }
  if (arrayAt < 0) return true
  const end = documentEnd(bytes, arrayAt)
  for (let at = firstElement(arrayAt); at < end;) {
    const type = bytes[at]!
    const valueAt = valueOffset(bytes, at)
    if (isEqual(element, bytes, type, valueAt)) return false
    at = skipValue(bytes, type, valueAt)
  }
  return true
}

function isEqual(place: Place, bytes: Uint8Array, type: number, at: number): boolean {
  return compareValues(place.bytes, place.type, place.at, bytes, type, at) === 0
}
