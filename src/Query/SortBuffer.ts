/**
 * Brings rows into the order of a statement: by its paths, then by key. With a limit it keeps only the rows that can still be in the
 * answer.
 *
 * Invariants
 * - The value a row is sorted by is found once, when the row is added. A path that meets an array sorts by its smallest (asc) or largest
 *   (desc) element that is no array itself; a path with no such value sorts as null.
 * - Ties are in ascending order of keys, so the result is the same whichever way the rows came.
 * - With a limit at most `2 * limit + PRUNE_ROWS` rows are held: then the worst are dropped, and from then on a row that is no better
 *   than the worst one kept is not taken in.
 */
import { compareValues } from "../Bson/Compare.ts"
import { compareKeys } from "../Bson/Key.ts"
import { compilePath, type Path, type PathVisitor, resolve, resolveFirst } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { valueOffset } from "../Bson/View.ts"
import { KEY_BYTES } from "../Storage/Reader.ts"

/** Fewest rows between two prunings. */
export const PRUNE_ROWS = 256

const FIRST_ROWS = 64
const ROW_BYTES = 64

/** One level of the order. */
export interface SortPath {
  readonly path: Path
  readonly descending: boolean
  readonly meetsArray: boolean
}

/** Prepares a level; `meetsArray` says whether the path may meet an array in some document. */
export function sortPath(path: string, descending: boolean, meetsArray: boolean): SortPath {
  return { path: compilePath(path), descending, meetsArray }
}

/** Finds the smallest or largest value of a path. */
class Extreme implements PathVisitor {
  type: number = Type.MISSING
  at = 0
  #seen = false
  #sign = 1

  start(descending: boolean): void {
    this.type = Type.MISSING
    this.at = 0
    this.#seen = false
    this.#sign = descending ? -1 : 1
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    if (type === Type.ARRAY) return false
    if (!this.#seen || this.#sign * compareValues(bytes, type, at, bytes, this.type, this.at) < 0) {
      this.type = type
      this.at = at
    }
    this.#seen = true
    return false
  }
}

const extreme = new Extreme()

/** Where the value lies that a document is sorted by at a level; valid until the next call. */
export function sortValue(level: SortPath, bytes: Uint8Array, at: number): { readonly type: number; readonly at: number } {
  extreme.start(level.descending)
  if (level.meetsArray) resolve(level.path, bytes, at, extreme)
  else {
    const element = resolveFirst(level.path, bytes, at)
    if (element >= 0) extreme.visit(bytes, bytes[element]!, valueOffset(bytes, element))
  }
  return extreme
}

export class SortBuffer {
  /** Number of rows held. */
  count = 0
  #paths: ReadonlyArray<SortPath> = []
  #limit = Number.POSITIVE_INFINITY
  #bytes: Array<Uint8Array> = []
  #places = new Int32Array(FIRST_ROWS)
  #lengths = new Int32Array(FIRST_ROWS)
  #keys = new Uint8Array(FIRST_ROWS * KEY_BYTES)
  #types = new Uint8Array(FIRST_ROWS)
  #values = new Int32Array(FIRST_ROWS)
  #order = new Uint32Array(0)
  /** Row number of the worst row kept by the last pruning, -1 before it. */
  #worst = -1

  /** Starts over. `limit` is how many of the first rows will be asked for. */
  start(paths: ReadonlyArray<SortPath>, limit: number): void {
    this.#paths = paths
    this.#limit = limit
    const values = this.#places.length * Math.max(1, paths.length)
    if (this.#types.length < values) {
      this.#types = new Uint8Array(values)
      this.#values = new Int32Array(values)
    }
    this.clear()
  }

  /** Forgets all rows; order and limit stay. */
  clear(): void {
    this.count = 0
    this.#bytes.length = 0
    this.#worst = -1
  }

  /** About how many bytes the rows held take, their documents not counted. */
  sizeBytes(): number {
    return this.count * (ROW_BYTES + 5 * this.#paths.length)
  }

  /** Adds the document of `length` bytes at `bytes[at]` with its key. */
  add(bytes: Uint8Array, at: number, length: number, keyBytes: Uint8Array, keyAt: number): void {
    if (this.count >= this.#places.length) this.#grow()
    const row = this.count
    this.#bytes[row] = bytes
    this.#places[row] = at
    this.#lengths[row] = length
    for (let index = 0; index < KEY_BYTES; index++) this.#keys[row * KEY_BYTES + index] = keyBytes[keyAt + index]!
    this.#findValues(row)
    if (this.#worst >= 0 && this.#compare(row, this.#worst) > 0) {
      this.#bytes.length = row
      return
    }
    this.count++
    if (this.count >= this.#limit * 2 + PRUNE_ROWS) this.#prune()
  }

  /** Whether the document sorts as the first row held does, ties aside. */
  sortsAsFirst(bytes: Uint8Array, at: number): boolean {
    const paths = this.#paths
    for (let level = 0; level < paths.length; level++) {
      const { type, at: valueAt } = sortValue(paths[level]!, bytes, at)
      if (compareValues(bytes, type, valueAt, this.#bytes[0]!, this.#types[level]!, this.#values[level]!) !== 0) return false
    }
    return true
  }

  /** Brings the rows into order; `row` then gives them by rank. */
  sort(): void {
    if (this.#order.length < this.count) this.#order = new Uint32Array(this.#places.length)
    const order = this.#order.subarray(0, this.count)
    for (let index = 0; index < this.count; index++) order[index] = index
    order.sort((a, b) => this.#compare(a, b))
  }

  /** After `sort`: where the document of a rank lies. */
  bytes(rank: number): Uint8Array {
    return this.#bytes[this.#order[rank]!]!
  }

  at(rank: number): number {
    return this.#places[this.#order[rank]!]!
  }

  length(rank: number): number {
    return this.#lengths[this.#order[rank]!]!
  }

  #findValues(row: number): void {
    const paths = this.#paths
    for (let level = 0; level < paths.length; level++) {
      const { type, at } = sortValue(paths[level]!, this.#bytes[row]!, this.#places[row]!)
      this.#types[row * paths.length + level] = type
      this.#values[row * paths.length + level] = at
    }
  }

  #compare(a: number, b: number): number {
    const paths = this.#paths
    const levels = paths.length
    for (let level = 0; level < levels; level++) {
      const inA = a * levels + level
      const inB = b * levels + level
      const order = compareValues(
        this.#bytes[a]!,
        this.#types[inA]!,
        this.#values[inA]!,
        this.#bytes[b]!,
        this.#types[inB]!,
        this.#values[inB]!
      )
      if (order !== 0) return paths[level]!.descending ? -order : order
    }
    return compareKeys(this.#keys, a * KEY_BYTES, this.#keys, b * KEY_BYTES)
  }

  /** Drops all but the best `limit` rows. */
  #prune(): void {
    this.sort()
    const limit = Math.min(this.#limit, this.count)
    const levels = this.#paths.length
    const order = this.#order.slice(0, limit)
    const bytes = Array.from(order, (row) => this.#bytes[row]!)
    const keys = new Uint8Array(this.#keys.length)
    order.forEach((row, rank) => keys.set(this.#keys.subarray(row * KEY_BYTES, (row + 1) * KEY_BYTES), rank * KEY_BYTES))
    this.#bytes = bytes
    this.#keys = keys
    this.#places = permuted(this.#places, order, 1)
    this.#lengths = permuted(this.#lengths, order, 1)
    this.#values = permuted(this.#values, order, levels)
    this.#types = permuted(this.#types, order, levels)
    this.count = limit
    this.#worst = limit - 1
  }

  #grow(): void {
    const rows = this.#places.length * 2
    const levels = Math.max(1, this.#paths.length)
    this.#places = enlarged(this.#places, rows)
    this.#lengths = enlarged(this.#lengths, rows)
    this.#keys = enlarged(this.#keys, rows * KEY_BYTES)
    this.#types = enlarged(this.#types, rows * levels)
    this.#values = enlarged(this.#values, rows * levels)
  }
}

/** A copy with room for `length`; the array itself where a statement with more paths has left it long enough. */
function enlarged<A extends Uint8Array | Int32Array>(array: A, length: number): A {
  if (array.length >= length) return array
  const larger = (array instanceof Int32Array ? new Int32Array(length) : new Uint8Array(length)) as A
  larger.set(array)
  return larger
}

/** A copy with the groups of `size` elements in the order of `order`; as long as the original. */
function permuted<A extends Uint8Array | Int32Array>(array: A, order: Uint32Array, size: number): A {
  const moved = array.slice() as A
  order.forEach((row, rank) => {
    for (let index = 0; index < size; index++) moved[rank * size + index] = array[row * size + index]!
  })
  return moved
}
