/**
 * What a reader has looked at, so that one can ask later whether any of it has changed since.
 *
 * Invariants
 * - Everything looked at is in it, found or not: a key that was absent, a range that was empty.
 * - It grows coarser, never incomplete: beyond STRIPES_MAX stripes it counts whole trees, beyond TREES_MAX trees it says that it is no use.
 */
import { type ChangeTable, stripeOfPrefix } from "./ChangeTable.ts"
import { KEY_BYTES, type Range } from "./Reader.ts"

/** Single keys and ranges that are told apart. */
const STRIPES_MAX = 256
const TREES_MAX = 32
const NOTHING = new Uint8Array(0)

export class Footprint {
  /** Whether too much was looked at to say what. */
  isBoundless = false
  readonly #stripes = new Int32Array(STRIPES_MAX)
  readonly #trees = new Int32Array(TREES_MAX)
  #stripeCount = 0
  #treeCount = 0

  /** Forgets everything. */
  reset(): void {
    this.isBoundless = false
    this.#stripeCount = 0
    this.#treeCount = 0
  }

  /** Notes a look at one document. */
  addKey(tree: number, key: Uint8Array, keyAt: number): void {
    this.#add(tree, stripeOfPrefix(tree, key, keyAt, KEY_BYTES))
  }

  /** Notes a walk over a range, however far it goes. */
  addRange(tree: number, range: Range | undefined): void {
    const low = range?.low ?? NOTHING
    const high = range?.high ?? NOTHING
    const length = Math.min(low.length, high.length)
    let common = 0
    while (common < length && low[common] === high[common]) common++
    this.#add(tree, stripeOfPrefix(tree, low, 0, common))
  }

  /** The stripes by which `isUnchanged` can be asked. */
  stripes(): Int32Array {
    if (this.#stripeCount <= STRIPES_MAX) return this.#stripes.slice(0, this.#stripeCount)
    return Int32Array.from(this.#trees.subarray(0, this.#treeCount), (tree) => stripeOfPrefix(tree, NOTHING, 0, 0))
  }

  #add(tree: number, stripe: number): void {
    if (this.#stripeCount < STRIPES_MAX) this.#stripes[this.#stripeCount] = stripe
    if (this.#stripeCount <= STRIPES_MAX) this.#stripeCount++
    for (let index = 0; index < this.#treeCount; index++) if (this.#trees[index] === tree) return
    if (this.#treeCount === TREES_MAX) this.isBoundless = true
    else this.#trees[this.#treeCount++] = tree
  }
}

/** Whether nothing of these stripes was changed by a commit after `lsn`. */
export function isUnchanged(changes: ChangeTable, stripes: Int32Array, lsn: number): boolean {
  for (let index = 0; index < stripes.length; index++) if (changes.newest(stripes[index]!) > lsn) return false
  return true
}
