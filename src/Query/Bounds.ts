/**
 * From an access and the values of a run to ranges of index entries.
 *
 * Invariants
 * - The ranges hold every entry whose document the bound conditions let through. They hold no other one when `exact` is true; when it is
 *   false (a value too long to be encoded whole, an operand that compares with every class, too many combinations of `in`), the caller
 *   tests the documents for all conditions.
 * - Ranges ascend, do not overlap, and are at most `rangesMax`. `low` is inclusive and `high` exclusive, compared as bytes.
 * - An index has an entry for each value that a condition looks at, so a condition on a field is one on its entries. Two of them need not
 *   hold for the same entry where a document has several: the planner gives both ends of a range only where it has one.
 */
import { CLASS_ARRAY, CLASS_MAX_KEY, CLASS_MIN_KEY, CLASS_NUMBER, compareRanges, compareValues, typeClass } from "../Bson/Compare.ts"
import * as Type from "../Bson/Type.ts"
import { documentEnd, firstElement, readInt32, skipValue, valueOffset } from "../Bson/View.ts"
import { encodeClass, encodeIndexed, encodeTextPrefix, KeyWriter, successor } from "../Index/KeyEncoding.ts"
import { isNaNValue } from "../Match/Test.ts"
import type { BoundField, IndexAccess, RangeField } from "./Access.ts"
import type { Leaf } from "./Condition.ts"
import type { Operands } from "./Operands.ts"
import type { Position } from "./PageCursor.ts"

/** A range of entries; without `high` it is open. */
export interface EntryRange {
  readonly low: Uint8Array
  readonly high: Uint8Array | undefined
}

/** A value where it lies. */
interface Place {
  readonly bytes: Uint8Array
  readonly type: number
  readonly at: number
}

/** One end of a range of values. */
interface End extends Place {
  readonly inclusive: boolean
}

const NAN: Place = { bytes: new Uint8Array([0, 0, 0, 0, 0, 0, 0xf8, 0x7f]), type: Type.DOUBLE, at: 0 }

export class BoundsBuilder {
  /** The ranges of the last `build`. */
  readonly ranges: Array<EntryRange> = []
  exact = true
  /** Whether fields had to be left unbound that the access binds. */
  widened = false
  readonly #writer = new KeyWriter()
  readonly #rangesMax: number

  constructor(rangesMax: number) {
    this.#rangesMax = rangesMax
  }

  /** Fills `ranges` and `exact` for one run. */
  build(access: IndexAccess, operands: Operands): void {
    this.ranges.length = 0
    this.exact = true
    this.widened = false
    const { bound } = access
    this.#writer.reset()
    let field = 0
    for (; field < bound.length && bound[field]!.leaf.op === "eq"; field++)
      this.#append(operandOf(bound[field]!.leaf, operands), bound[field]!.descending)
    let prefixes: ReadonlyArray<Uint8Array> = [this.#written()]
    for (; field < bound.length; field++) {
      const longer = this.#extend(prefixes, bound[field]!, operands)
      if (longer === undefined) {
        this.exact = false
        this.widened = true
        for (const prefix of prefixes) this.#add(prefix, behind(prefix))
        return
      }
      prefixes = longer
    }
    for (const prefix of prefixes) {
      if (access.range === undefined) this.#add(prefix, behind(prefix))
      else this.#addRange(prefix, access.range, operands)
    }
  }

  /**
   * Leaves out what a walk in this direction has behind it at a position. `levels` names, for the fields of the index behind the bound ones,
   * the level of the order that each is. What stands at the position itself stays.
   */
  startAt(access: IndexAccess, operands: Operands, position: Position, levels: ReadonlyArray<number>, direction: 1 | -1): void {
    const { bound } = access
    this.#writer.reset()
    for (const field of bound) this.#append(operandOf(field.leaf, operands), field.descending)
    levels.forEach((level, index) => {
      const { at, bytes, type } = position.value(level)
      const field = access.index.definition.on[bound.length + index]
      encodeIndexed(this.#writer, bytes, type, at, field?.direction === "desc")
    })
    const place = this.#writer.bytes.slice(0, this.#writer.length)
    const last = behind(place)
    const left = this.ranges.flatMap(({ high, low }) => {
      const from = direction === 1 && compareBounds(low, place) < 0 ? place : low
      const to = direction === -1 && last !== undefined && (high === undefined || compareBounds(high, last) > 0) ? last : high
      return to === undefined || compareBounds(from, to) < 0 ? [{ low: from, high: to }] : []
    })
    this.ranges.length = 0
    this.ranges.push(...left)
  }

  /** Adds a range unless it is empty. */
  #add(low: Uint8Array | undefined, high: Uint8Array | undefined): void {
    if (low === undefined) return
    if (high === undefined || compareRanges(low, 0, low.length, high, 0, high.length) < 0) this.ranges.push({ low, high })
  }

  /** Each prefix continued by each value of the field; undefined when that gives too many. */
  #extend(prefixes: ReadonlyArray<Uint8Array>, field: BoundField, operands: Operands): ReadonlyArray<Uint8Array> | undefined {
    const { descending, leaf } = field
    const values = leaf.op === "eq" ? [operandOf(leaf, operands)] : distinctElements(operandOf(leaf, operands), descending)
    if (values.length * prefixes.length > this.#rangesMax) return undefined
    const longer = prefixes.flatMap((prefix) => values.map((value) => this.#encoded(prefix, value, descending)))
    // Values that were cut may have become the same; their ranges must not overlap.
    return this.exact ? longer : longer.filter((prefix, index) => index === 0 || !startsWith(prefix, longer[index - 1]!))
  }

  /** All arrays have the same encoding in an index: which one it is, the document has to tell. */
  #append(value: Place, descending: boolean): void {
    if (value.type === Type.ARRAY) this.exact = false
    encodeIndexed(this.#writer, value.bytes, value.type, value.at, descending)
  }

  #written(): Uint8Array {
    if (this.#writer.cut) this.exact = false
    return this.#writer.bytes.slice(0, this.#writer.length)
  }

  #begin(prefix: Uint8Array): KeyWriter {
    const writer = this.#writer
    writer.reset()
    writer.bytes.set(prefix)
    writer.length = prefix.length
    return writer
  }

  #encoded(prefix: Uint8Array, value: Place, descending: boolean): Uint8Array {
    this.#begin(prefix)
    this.#append(value, descending)
    return this.#written()
  }

  /** The place before (false) or behind (true) all entries with this value; when it was cut, the side that leaves nothing out. */
  #edge(prefix: Uint8Array, value: Place, descending: boolean, afterwards: boolean, isLow: boolean): Uint8Array | undefined {
    const encoded = this.#encoded(prefix, value, descending)
    const after = this.#writer.cut ? !isLow : afterwards
    return after ? behind(encoded) : encoded
  }

  #classEdge(prefix: Uint8Array, kind: number, descending: boolean, isLow: boolean): Uint8Array | undefined {
    // NaN is the least number, and no range has it.
    if (kind === CLASS_NUMBER && isLow !== descending) return this.#edge(prefix, NAN, descending, isLow, isLow)
    const writer = this.#begin(prefix)
    encodeClass(writer, kind, descending)
    const encoded = this.#written()
    return isLow ? encoded : behind(encoded)
  }

  #addRange(prefix: Uint8Array, range: RangeField, operands: Operands): void {
    const { descending } = range
    if (range.low?.op === "prefix") return this.#addTextPrefix(prefix, range.low, descending, operands)
    const least = endOf(range.low, operands, 0)
    const greatest = endOf(range.high, operands, 1)
    if (isUnbounded(least) || isUnbounded(greatest)) {
      this.exact = false
      return this.#add(prefix, behind(prefix))
    }
    const kind = typeClass((least ?? greatest ?? NAN).type)
    if (least !== undefined && greatest !== undefined && typeClass(greatest.type) !== kind) return
    if (kind === CLASS_ARRAY) {
      this.exact = false
      return this.#add(this.#classEdge(prefix, kind, descending, true), this.#classEdge(prefix, kind, descending, false))
    }
    const first = descending ? greatest : least
    const last = descending ? least : greatest
    const low =
      first === undefined ? this.#classEdge(prefix, kind, descending, true) : this.#edge(prefix, first, descending, !first.inclusive, true)
    const high =
      last === undefined ? this.#classEdge(prefix, kind, descending, false) : this.#edge(prefix, last, descending, last.inclusive, false)
    this.#add(low, high)
  }

  #addTextPrefix(prefix: Uint8Array, leaf: Leaf, descending: boolean, operands: Operands): void {
    const { at, bytes } = operandOf(leaf, operands)
    const writer = this.#begin(prefix)
    encodeTextPrefix(writer, bytes, at + 4, readInt32(bytes, at) - 1, descending)
    const encoded = this.#written()
    this.#add(encoded, behind(encoded))
  }
}

function operandOf(leaf: Leaf, operands: Operands): Place {
  return { bytes: operands.bytes(leaf.slot), type: operands.type(leaf.slot), at: operands.at(leaf.slot) }
}

/** The end of a range that a leaf is; `position` is which value of a `between`. */
function endOf(leaf: Leaf | undefined, operands: Operands, position: 0 | 1): End | undefined {
  if (leaf === undefined) return undefined
  const operand = operandOf(leaf, operands)
  if (leaf.op !== "between") return { ...operand, inclusive: leaf.op === "ge" || leaf.op === "le" }
  const value = elementsOf(operand)[position]
  return value === undefined ? undefined : { ...value, inclusive: true }
}

/** Whether an end compares with values of every class, or with none: ranges of encoded values do not say that. */
function isUnbounded(end: End | undefined): boolean {
  if (end === undefined) return false
  const kind = typeClass(end.type)
  return kind === CLASS_MIN_KEY || kind === CLASS_MAX_KEY || isNaNValue(end.bytes, end.type, end.at)
}

function elementsOf(list: Place): Array<Place> {
  const { bytes } = list
  const places: Array<Place> = []
  const end = documentEnd(bytes, list.at)
  for (let element = firstElement(list.at); element < end;) {
    const at = valueOffset(bytes, element)
    const type = bytes[element]!
    places.push({ bytes, type, at })
    element = skipValue(bytes, type, at)
  }
  return places
}

/** The values of a list in the order their encodings have, each once. */
function distinctElements(list: Place, descending: boolean): ReadonlyArray<Place> {
  const compare = (a: Place, b: Place): number => {
    const order = compareValues(a.bytes, a.type, a.at, b.bytes, b.type, b.at)
    return descending ? -order : order
  }
  const sorted = elementsOf(list).toSorted(compare)
  return sorted.filter((value, index) => index === 0 || compare(value, sorted[index - 1]!) !== 0)
}

function compareBounds(a: Uint8Array, b: Uint8Array): number {
  return compareRanges(a, 0, a.length, b, 0, b.length)
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && prefix.every((byte, index) => bytes[index] === byte)
}

/** The first byte string behind all that start with `prefix`; undefined when there is none. */
function behind(prefix: Uint8Array): Uint8Array | undefined {
  const next = prefix.slice()
  const length = successor(next, next.length)
  if (length === 0) return undefined
  return length === next.length ? next : next.subarray(0, length)
}
