/**
 * Groups of rows and what is aggregated of them.
 *
 * Invariants
 * - Rows fall into one group when all group paths have equal values (numbers by value, missing as null). A group path is taken as it is: an
 *   array is one value. `distinct` takes each element of an array for itself.
 * - Groups come in the order of their keys; with `orderBy` in that order, ties by keys. So the result is the same whatever way rows came.
 * - A value of a group that rows have in several encodings (5 and 5.0) is shown in the one with the least type and bytes.
 * - What groups take is held against `groupBytesMax`.
 */
import { compareRanges } from "../Bson/Compare.ts"
import { type Path, type PathVisitor, resolve, resolveFirst } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { documentLength, skipValue, valueOffset, writeInt32 } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import { encodeValue, KeyWriter } from "../Index/KeyEncoding.ts"
import type { Predicate } from "../Match/Compile.ts"
import { type Accumulator, accumulatorOf, withRaw } from "./Accumulator.ts"
import type { AggregateProgram, Aggregated } from "./AggregateProgram.ts"
import type { CompiledExpression } from "./Expression.ts"
import { grown, GroupTable } from "./GroupTable.ts"
import { breakBudget, type QueryLimits } from "./Reasons.ts"
import type { RowList } from "./RowList.ts"
import { SortBuffer } from "./SortBuffer.ts"

const CHECK_ROWS = 1024
const KEY_BYTES = 16
/** Largest document of results: a page of groups. */
const RESULT_BYTES_MAX = 256 * 1024 * 1024

/** Hands the values of a path to one accumulator. */
class Feeder implements PathVisitor {
  group = 0
  readonly whole: boolean
  readonly #into: Accumulator

  constructor(into: Accumulator, whole: boolean) {
    this.#into = into
    this.whole = whole
  }

  readonly take = (type: number, bytes: Uint8Array, at: number): void => {
    this.#into.add(this.group, bytes, type, at)
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    // Elements have been seen before their array.
    if (type !== Type.ARRAY || this.whole) this.#into.add(this.group, bytes, type, at)
    return false
  }
}

export class Grouping implements PathVisitor {
  readonly #program: AggregateProgram
  readonly #limits: QueryLimits
  readonly #store: string
  readonly #table = new GroupTable()
  readonly #key = new KeyWriter()
  readonly #accumulators: ReadonlyArray<Accumulator>
  readonly #feeders: ReadonlyArray<Feeder>
  /** The values of each group's paths, `levels` a group. */
  readonly #values = new Writer(1024, RESULT_BYTES_MAX)
  #types = new Uint8Array(64)
  #places = new Int32Array(64)
  #rows = 0
  /** The rows of groups that have passed, and where each begins. */
  readonly #results = new Writer(4096, RESULT_BYTES_MAX)
  readonly #starts: Array<number> = []
  #having: Predicate | undefined
  /** Where the values of the current row lie. */
  readonly #rowTypes: Uint8Array
  readonly #rowPlaces: Int32Array

  constructor(program: AggregateProgram, limits: QueryLimits, store: string) {
    this.#program = program
    this.#limits = limits
    this.#store = store
    this.#accumulators = program.aggregates.map((aggregate) => accumulatorOf(aggregate.operator))
    this.#feeders = program.aggregates.map((aggregate, index) => new Feeder(this.#accumulators[index]!, isWhole(aggregate)))
    this.#rowTypes = new Uint8Array(program.groupBy.length)
    this.#rowPlaces = new Int32Array(program.groupBy.length)
    // Without groups there is one row, also of nothing.
    if (program.groupBy.length === 0) this.#table.find(this.#key.bytes, 0)
  }

  /** Takes in the document at `at`. */
  add(bytes: Uint8Array, at: number): void {
    const { distinct, groupBy } = this.#program
    if (distinct) resolve(groupBy[0]!, bytes, at, this)
    else {
      for (let level = 0; level < groupBy.length; level++) {
        const element = resolveFirst(groupBy[level]!, bytes, at)
        this.#rowTypes[level] = element < 0 ? Type.MISSING : bytes[element]!
        this.#rowPlaces[level] = element < 0 ? 0 : valueOffset(bytes, element)
      }
      this.#feed(this.#group(bytes), bytes, at)
    }
    if (++this.#rows % CHECK_ROWS === 0) this.#checkBudget()
  }

  /** A value of `distinct`. */
  visit(bytes: Uint8Array, type: number, at: number): boolean {
    if (type === Type.ARRAY || type === Type.MISSING) return false
    this.#rowTypes[0] = type
    this.#rowPlaces[0] = at
    this.#group(bytes)
    return false
  }

  /** Number of groups that have been finished and have passed, when groups come one after another. */
  get passed(): number {
    return this.#starts.length
  }

  /** From now on documents come group by group, groups in the order of their keys, by `addOrdered`: only one of them is held. */
  startOrdered(having: Predicate | undefined): void {
    this.#having = having
  }

  /** Takes in the document at `at`, of the group of the one before or of a later one. */
  addOrdered(bytes: Uint8Array, at: number): void {
    const { groupBy } = this.#program
    for (let level = 0; level < groupBy.length; level++) {
      const element = resolveFirst(groupBy[level]!, bytes, at)
      this.#rowTypes[level] = element < 0 ? Type.MISSING : bytes[element]!
      this.#rowPlaces[level] = element < 0 ? 0 : valueOffset(bytes, element)
    }
    if (this.#group(bytes) > 0) {
      this.#flushGroup()
      this.#group(bytes)
    }
    this.#feed(0, bytes, at)
    if (++this.#rows % CHECK_ROWS === 0) this.#checkBudget()
  }

  /** Writes the one group that is held and forgets it. */
  #flushGroup(): void {
    this.#finishGroup(0, this.#having)
    this.#table.reset()
    this.#values.length = 0
    for (const accumulator of this.#accumulators) accumulator.reset()
  }

  /** Fills `rows` with the groups that have passed. */
  finishOrdered(rows: RowList, skip: number, limit: number): void {
    if (this.#table.count > 0) this.#flushGroup()
    this.#emit(rows, skip, limit)
  }

  /** Fills `rows` with the groups that `having` lets through, in order. */
  finish(rows: RowList, having: Predicate | undefined, skip: number, limit: number): void {
    this.#checkBudget()
    for (const group of this.#inOrder()) this.#finishGroup(group, having)
    this.#emit(rows, skip, limit)
  }

  #finishGroup(group: number, having: Predicate | undefined): void {
    const results = this.#results
    const start = results.length
    this.#writeRow(group, results)
    if (having !== undefined && !having(results.bytes, start)) results.length = start
    else this.#starts.push(start)
  }

  #emit(rows: RowList, skip: number, limit: number): void {
    const starts = this.#starts
    const bytes = this.#results.toBytes()
    const emit = (at: number): void => {
      if (rows.count === this.#limits.rowsMax) breakBudget("rowsMax", this.#limits, this.#store)
      rows.push(bytes, at, documentLength(bytes, at))
    }
    if (this.#program.sort.length === 0) return starts.slice(skip, skip + limit).forEach(emit)
    const sorter = new SortBuffer()
    sorter.start(this.#program.sort, skip + limit)
    const key = new Uint8Array(KEY_BYTES)
    starts.forEach((at, rank) => {
      writeBigEndian(key, rank)
      sorter.add(bytes, at, documentLength(bytes, at), key, 0)
    })
    sorter.sort()
    for (let rank = skip; rank < sorter.count && rank < skip + limit; rank++) emit(sorter.at(rank))
  }

  #group(bytes: Uint8Array): number {
    const levels = this.#rowTypes.length
    const key = this.#key
    key.reset()
    let raw: Uint8Array | undefined
    for (let level = 0; level < levels; level++) encodeValue(key, bytes, this.#rowTypes[level]!, this.#rowPlaces[level]!, false)
    if (key.cut) for (let level = 0; level < levels; level++) raw = joined(raw, key, bytes, this.#rowTypes[level]!, this.#rowPlaces[level]!)
    const group = this.#table.find(raw ?? key.bytes, raw === undefined ? key.length : raw.length)
    if (this.#table.isNew) this.#remember(group, bytes)
    else this.#prefer(group, bytes)
    return group
  }

  #remember(group: number, bytes: Uint8Array): void {
    const levels = this.#rowTypes.length
    const first = group * levels
    if (first + levels > this.#types.length) {
      this.#types = grown(this.#types, (first + levels) * 2)
      this.#places = grown(this.#places, (first + levels) * 2)
    }
    for (let level = 0; level < levels; level++) this.#keepValue(first + level, bytes, this.#rowTypes[level]!, this.#rowPlaces[level]!)
  }

  #keepValue(index: number, bytes: Uint8Array, type: number, at: number): void {
    this.#types[index] = type === Type.MISSING ? Type.NULL : type
    this.#places[index] = this.#values.length
    if (type !== Type.MISSING) this.#values.raw(bytes, at, skipValue(bytes, type, at) - at)
  }

  /** Keeps the least encoding of an equal number. */
  #prefer(group: number, bytes: Uint8Array): void {
    const levels = this.#rowTypes.length
    for (let level = 0; level < levels; level++) {
      const type = this.#rowTypes[level]!
      if (type !== Type.DOUBLE && type !== Type.INT32 && type !== Type.INT64 && type !== Type.DECIMAL128) continue
      const index = group * levels + level
      const known = this.#types[index]!
      const at = this.#rowPlaces[level]!
      const length = skipValue(bytes, type, at) - at
      const order = type - known || compareRanges(bytes, at, length, this.#values.bytes, this.#places[index]!, length)
      if (order < 0) this.#keepValue(index, bytes, type, at)
    }
  }

  #feed(group: number, bytes: Uint8Array, at: number): void {
    const { aggregates } = this.#program
    for (let index = 0; index < aggregates.length; index++) {
      const feeder = this.#feeders[index]!
      const { path, value } = aggregates[index]!
      feeder.group = group
      if (value !== undefined) feedValue(feeder, value, bytes, at)
      else if (path === undefined) feeder.visit(bytes, Type.NULL, 0)
      else if (feeder.whole) feedWhole(feeder, path, bytes, at)
      else resolve(path, bytes, at, feeder)
    }
  }

  #inOrder(): ReadonlyArray<number> {
    const groups = Array.from({ length: this.#table.count }, (_, group) => group)
    return groups.toSorted((a, b) => this.#table.compare(a, b))
  }

  #writeRow(group: number, writer: Writer): void {
    const start = writer.beginDocument()
    const { aggregates, groupBy, names } = this.#program
    for (let level = 0; level < groupBy.length; level++) {
      const index = group * groupBy.length + level
      const type = this.#types[index]!
      const at = this.#places[index]!
      writer.name(type, names[level]!)
      writer.raw(this.#values.bytes, at, skipValue(this.#values.bytes, type, at) - at)
    }
    aggregates.forEach(({ name }, index) => this.#accumulators[index]!.write(group, writer, name))
    writer.endDocument(start)
  }

  #checkBudget(): void {
    const kept = this.#accumulators.reduce((sum, accumulator) => sum + accumulator.sizeBytes(), 0)
    const total = kept + this.#table.sizeBytes() + this.#values.length + this.#places.length * 5 + this.#results.length
    if (total > this.#limits.groupBytesMax) breakBudget("groupBytesMax", this.#limits, this.#store)
  }
}

function isWhole({ operator }: Aggregated): boolean {
  return operator === "first" || operator === "last" || operator === "push"
}

function feedValue(feeder: Feeder, value: CompiledExpression, bytes: Uint8Array, at: number): void {
  if (feeder.whole) {
    value.read(bytes, at)
    feeder.visit(value.bytes, value.type, value.at)
  } else value.each(bytes, at, feeder.take)
}

function feedWhole(feeder: Feeder, path: Path, bytes: Uint8Array, at: number): void {
  const element = resolveFirst(path, bytes, at)
  if (element < 0) feeder.visit(bytes, Type.MISSING, 0)
  else feeder.visit(bytes, bytes[element]!, valueOffset(bytes, element))
}

function joined(before: Uint8Array | undefined, key: KeyWriter, bytes: Uint8Array, type: number, at: number): Uint8Array {
  if (type === Type.MISSING) return before ?? key.bytes.slice(0, key.length)
  const more = withRaw(key, bytes, type, at)
  return before === undefined ? more : Uint8Array.from([...before, ...more])
}

function writeBigEndian(key: Uint8Array, rank: number): void {
  writeInt32(key, KEY_BYTES - 4, ((rank >>> 24) | ((rank >>> 8) & 0xff00) | ((rank << 8) & 0xff0000) | (rank << 24)) >>> 0)
}
