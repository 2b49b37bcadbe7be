/**
 * What an aggregate keeps for each of its groups: counts, least and greatest values, first and last ones, lists, numbers of distinct values.
 *
 * Invariants
 * - `min` and `max` follow the order of values; null and missing do not count. `first` and `last` take the value of the row, be it null.
 * - `push` keeps at most `PUSH_MAX` values a group, the first ones; a missing field adds nothing.
 * - `sizeBytes` is what the budget of a statement is held against.
 */
import { compareValues } from "../Bson/Compare.ts"
import * as Type from "../Bson/Type.ts"
import { skipValue } from "../Bson/View.ts"
import type { Writer } from "../Bson/Writer.ts"
import { encodeValue, KeyWriter } from "../Index/KeyEncoding.ts"
import type { AggregateOperator } from "./Ast.ts"
import { ExactSum } from "./ExactSum.ts"
import { grown, GroupTable } from "./GroupTable.ts"

/** Most values that `push` keeps of a group. */
export const PUSH_MAX = 1000

const FIRST_GROUPS = 16
const FIRST_BYTES = 256

/** One aggregate of all groups. */
export interface Accumulator {
  /** Takes in one value of a row of the group. */
  add(group: number, bytes: Uint8Array, type: number, at: number): void
  /** Appends the group's result as the element `name`. */
  write(group: number, writer: Writer, name: Uint8Array): void
  sizeBytes(): number
  /** Forgets all groups. */
  reset(): void
}

export function accumulatorOf(operator: AggregateOperator): Accumulator {
  switch (operator) {
    case "count":
      return new Counts()
    case "sum":
      return new ExactSum(false)
    case "avg":
      return new ExactSum(true)
    case "push":
      return new Lists()
    case "countDistinct":
      return new DistinctCounts()
    default:
      return new Kept(operator)
  }
}

class Counts implements Accumulator {
  #counts = new Float64Array(FIRST_GROUPS)

  add(group: number): void {
    if (group >= this.#counts.length) this.#counts = grown(this.#counts, Math.max(group + 1, this.#counts.length * 2))
    this.#counts[group] = this.#counts[group]! + 1
  }

  write(group: number, writer: Writer, name: Uint8Array): void {
    writeCount(writer, name, this.#counts[group] ?? 0)
  }

  sizeBytes(): number {
    return this.#counts.length * 8
  }

  reset(): void {
    this.#counts.fill(0)
  }
}

/** A count as int32, or as double where that is too small: never as int64, which guests do not take for a plain number. */
function writeCount(writer: Writer, name: Uint8Array, count: number): void {
  const isSmall = (count | 0) === count
  writer.name(isSmall ? Type.INT32 : Type.DOUBLE, name)
  if (isSmall) writer.int32(count)
  else writer.double(count)
}

/** One value a group, copied; a better one takes the place of the last where it fits. */
class Kept implements Accumulator {
  readonly #operator: "min" | "max" | "first" | "last"
  #types = new Uint8Array(FIRST_GROUPS)
  #places = new Int32Array(FIRST_GROUPS).fill(-1)
  #rooms = new Int32Array(FIRST_GROUPS)
  #bytes = new Uint8Array(FIRST_BYTES)
  #used = 0

  constructor(operator: "min" | "max" | "first" | "last") {
    this.#operator = operator
  }

  add(group: number, bytes: Uint8Array, type: number, at: number): void {
    if (group >= this.#types.length) this.#grow(group + 1)
    if (this.#isBetter(group, bytes, type, at)) this.#keep(group, bytes, type, at)
  }

  write(group: number, writer: Writer, name: Uint8Array): void {
    const place = this.#places[group] ?? -1
    const type = place < 0 ? Type.NULL : this.#types[group]!
    writer.name(type, name)
    if (place >= 0) writer.raw(this.#bytes, place, skipValue(this.#bytes, type, place) - place)
  }

  sizeBytes(): number {
    return this.#bytes.length + this.#types.length * 9
  }

  reset(): void {
    this.#places.fill(-1)
    this.#used = 0
  }

  #isBetter(group: number, bytes: Uint8Array, type: number, at: number): boolean {
    const place = this.#places[group]!
    switch (this.#operator) {
      case "first":
        return place < 0
      case "last":
        return true
      default: {
        if (type === Type.MISSING || type === Type.NULL) return false
        if (place < 0) return true
        const order = compareValues(bytes, type, at, this.#bytes, this.#types[group]!, place)
        return this.#operator === "min" ? order < 0 : order > 0
      }
    }
  }

  #keep(group: number, bytes: Uint8Array, type: number, at: number): void {
    const length = type === Type.MISSING ? 0 : skipValue(bytes, type, at) - at
    if (this.#places[group]! < 0 || length > this.#rooms[group]!) {
      const room = Math.max(16, length)
      if (this.#used + room > this.#bytes.length) this.#bytes = grown(this.#bytes, Math.max(this.#used + room, this.#bytes.length * 2))
      this.#places[group] = this.#used
      this.#rooms[group] = room
      this.#used += room
    }
    const place = this.#places[group]!
    for (let index = 0; index < length; index++) this.#bytes[place + index] = bytes[at + index]!
    this.#types[group] = type === Type.MISSING ? Type.NULL : type
  }

  #grow(groups: number): void {
    const before = this.#types.length
    const length = Math.max(groups, before * 2)
    this.#types = grown(this.#types, length)
    this.#places = grown(this.#places, length).fill(-1, before)
    this.#rooms = grown(this.#rooms, length)
  }
}

/** The values of each group in one list, linked from the last to the first. */
class Lists implements Accumulator {
  #bytes = new Uint8Array(FIRST_BYTES)
  #used = 0
  readonly #values: Array<ReadonlyArray<number> | undefined> = []
  #count = 0

  add(group: number, bytes: Uint8Array, type: number, at: number): void {
    if (type === Type.MISSING) return
    const values = (this.#values[group] ??= []) as Array<number>
    if (values.length >= 2 * PUSH_MAX) return
    const length = skipValue(bytes, type, at) - at
    if (this.#used + length > this.#bytes.length) this.#bytes = grown(this.#bytes, Math.max(this.#used + length, this.#bytes.length * 2))
    for (let index = 0; index < length; index++) this.#bytes[this.#used + index] = bytes[at + index]!
    values.push(type, this.#used)
    this.#used += length
    this.#count++
  }

  write(group: number, writer: Writer, name: Uint8Array): void {
    writer.name(Type.ARRAY, name)
    const start = writer.beginDocument()
    const values = this.#values[group] ?? []
    for (let index = 0; index < values.length; index += 2) {
      const type = values[index]!
      const at = values[index + 1]!
      writer.index(type, index / 2)
      writer.raw(this.#bytes, at, skipValue(this.#bytes, type, at) - at)
    }
    writer.endDocument(start)
  }

  sizeBytes(): number {
    return this.#bytes.length + this.#count * 16
  }

  reset(): void {
    this.#values.length = 0
    this.#used = 0
    this.#count = 0
  }
}

/** Distinct values that are not null: pairs of a group and a value in one table. */
class DistinctCounts implements Accumulator {
  readonly #table = new GroupTable()
  readonly #key = new KeyWriter()
  #counts = new Float64Array(FIRST_GROUPS)

  add(group: number, bytes: Uint8Array, type: number, at: number): void {
    if (type === Type.MISSING || type === Type.NULL) return
    if (group >= this.#counts.length) this.#counts = grown(this.#counts, Math.max(group + 1, this.#counts.length * 2))
    const key = this.#key
    key.reset()
    key.word(group, 0)
    encodeValue(key, bytes, type, at, false)
    this.#table.find(
      key.cut ? withRaw(key, bytes, type, at) : key.bytes,
      key.cut ? key.length + skipValue(bytes, type, at) - at : key.length
    )
    if (this.#table.isNew) this.#counts[group] = this.#counts[group]! + 1
  }

  write(group: number, writer: Writer, name: Uint8Array): void {
    writeCount(writer, name, this.#counts[group] ?? 0)
  }

  sizeBytes(): number {
    return this.#table.sizeBytes() + this.#counts.length * 8
  }

  reset(): void {
    this.#table.reset()
    this.#counts.fill(0)
  }
}

/** A key that did not fit, with the bytes of the value behind it: what was cut must not make values equal. */
export function withRaw(key: KeyWriter, bytes: Uint8Array, type: number, at: number): Uint8Array {
  const length = skipValue(bytes, type, at) - at
  const whole = new Uint8Array(key.length + length)
  whole.set(key.bytes.subarray(0, key.length))
  whole.set(bytes.subarray(at, at + length), key.length)
  return whole
}
