/**
 * How much of a store the conditions of a statement let through that are no ranges: `endsWith`, `contains`, patterns, and everything that
 * is made of several conditions. They are tested together on the documents of the sample, with the values of the run.
 *
 * Invariants
 * - The class of a run depends on its values and the sample only; see `RangeShares.ts` for what a class is.
 * - Of the values met the classes are kept: at most `KEPT_MAX`, of values of at most `VALUE_BYTES_MAX` bytes. Others are tested again.
 */
import { skipValue } from "../Bson/View.ts"
import type { Predicate } from "../Match/Compile.ts"
import { type Condition, conjunctsOf, firstSlot, isLeaf, type LeafOperator } from "./Condition.ts"
import type { Operands } from "./Operands.ts"
import { classOfShare, shareOfClass } from "./RangeShares.ts"
import { Residual, slotsOf } from "./Residual.ts"

/** Most values of a shape whose classes are kept. */
export const KEPT_MAX = 64
const VALUE_BYTES_MAX = 256

/** Leaves of which nothing but the documents tells anything. */
const TESTED: ReadonlySet<LeafOperator> = new Set<LeafOperator>(["suffix", "contains", "regex", "type", "size", "exists"])

/** What has documents to test. */
export interface Sampled {
  /** The share of its documents that pass. */
  readonly passing: (test: Predicate) => number
}

export class SampledConditions {
  readonly conditions: ReadonlyArray<Condition>
  readonly #slots: ReadonlyArray<number>
  readonly #test: Residual
  readonly #classes = new Map<string, number>()

  constructor(conditions: ReadonlyArray<Condition>) {
    this.conditions = conditions
    this.#slots = slotsOf(conditions)
    this.#test = new Residual(conditions)
  }

  /** The class of the share that all of the conditions let through with these values. */
  classOf(sample: Sampled, operands: Operands): number {
    const name = this.#nameOf(operands)
    const known = name === undefined ? undefined : this.#classes.get(name)
    if (known !== undefined) return known
    const test = this.#test.predicate(operands)
    const found = classOfShare(test === undefined ? 1 : sample.passing(test))
    if (name !== undefined) {
      const oldest = this.#classes.size === KEPT_MAX ? this.#classes.keys().next() : undefined
      if (oldest?.done === false) this.#classes.delete(oldest.value)
      this.#classes.set(name, found)
    }
    return found
  }

  /** Adds what each of the conditions is expected to let through, by `shareKey`, for a share of this class. */
  addShares(foundClass: number, shares: Map<number, number>): void {
    const share = shareOfClass(foundClass) ** (1 / this.conditions.length)
    for (const condition of this.conditions) shares.set(shareKey(condition), share)
  }

  /** The values of a run as text that only equal ones have; undefined when they are long. */
  #nameOf(operands: Operands): string | undefined {
    let name = ""
    for (const slot of this.#slots) {
      const bytes = operands.bytes(slot)
      const type = operands.type(slot)
      const at = operands.at(slot)
      const end = skipValue(bytes, type, at)
      if (name.length + end - at > VALUE_BYTES_MAX) return undefined
      name += String.fromCharCode(type, ...bytes.subarray(at, end))
    }
    return name
  }
}

/** The conditions of a statement that are tested on the sample; undefined when there are none. */
export function sampledConditions(condition: Condition | undefined): SampledConditions | undefined {
  const conditions = conjunctsOf(condition).filter((part) => (isLeaf(part) ? TESTED.has(part.op) : firstSlot(part) !== undefined))
  return conditions.length === 0 ? undefined : new SampledConditions(conditions)
}

/** What a condition's share is known by: its slot, or a number below 0 for what is made of several. */
export function shareKey(condition: Condition): number {
  return isLeaf(condition) ? condition.slot : -1 - (firstSlot(condition) ?? 0)
}
