/**
 * Plans by shape. A statement seen before costs one pass over its bytes and one look into a table.
 *
 * Invariants
 * - At most `PLANS_MAX` plans are kept; beyond that the oldest goes.
 * - A plan is used only for the very version of the store it was made for, and with the statistics it was made with: a change of schema or
 *   indexes, or of the store's size, makes a new one.
 * - The result of `take` is one reused object: it is read before the next `take`.
 */
import { documentEnd, firstElement, nextElement, readString } from "../Bson/View.ts"
import type { Reader, Store } from "../Storage/Reader.ts"
import { Operands } from "./Operands.ts"
import type { PageCursors, Position } from "./PageCursor.ts"
import type { Plan } from "./Plan.ts"
import { compilePlan, type PlannedKind } from "./PlanCompiler.ts"
import { refuseStatement } from "./Reasons.ts"
import { Shape } from "./Shape.ts"
import { readRowNumber } from "./StatementBson.ts"
import { Statistics, type StoreStatistics, wholeStatistics } from "./Statistics.ts"
import { estimatedByAll, type PlanWith, Variants } from "./Variants.ts"

/** Most shapes that are remembered. */
export const PLANS_MAX = 1000
/** Most plans whose shapes share a hash. */
const CHAIN_MAX = 8

const KINDS: ReadonlyArray<PlannedKind> = ["find", "get", "count", "update", "delete", "aggregate"]

interface Kept {
  readonly shape: Uint8Array
  readonly plan: Plan
  /** Another plan whose shape has the same hash. */
  readonly next: Kept | undefined
}

export class PlanCache {
  /** The values of the last statement taken. */
  readonly operands = new Operands()
  /** Its limit (Infinity without one) and skip. */
  limit = Number.POSITIVE_INFINITY
  skip = 0
  /** Where its rows begin; undefined at the first. */
  after: Position | undefined
  readonly #shape = new Shape()
  readonly #plans = new Map<number, Kept>()
  readonly #findStore: (name: string) => Store
  readonly #onPlan: ((plan: Plan) => void) | undefined
  readonly #statistics = new Statistics()
  /** The plans of a shape for the values of its runs. */
  readonly #variants = new WeakMap<Plan, Variants>()

  readonly #cursors: PageCursors

  /**
   * `findStore` gives the current version of a store; it faults with UnknownStore. `cursors` reads those of statements, `onPlan` hears of
   * every plan that is made.
   */
  constructor(findStore: (name: string) => Store, cursors: PageCursors, onPlan: ((plan: Plan) => void) | undefined = undefined) {
    this.#findStore = findStore
    this.#cursors = cursors
    this.#onPlan = onPlan
  }

  /**
   * The plan of the statement at `at`; loads its values. `reader` is what is to be read, for statistics; without it the plan is one for a
   * store of which nothing is known. With `explains` also what is expected of it is that of these values. Faults with InvalidStatement and
   * UnknownStore.
   */
  take(kind: PlannedKind, bytes: Uint8Array, at: number, reader?: Reader, explains = false): Plan {
    const shape = this.#shape
    shape.scan(KINDS.indexOf(kind), bytes, at)
    let kept = this.#plans.get(shape.hash)
    while (kept !== undefined && !shape.equals(kept.shape)) kept = kept.next
    let plan = kept?.plan
    if (plan === undefined || !this.#isCurrent(plan, reader)) plan = this.#compile(kind, bytes, at, reader)
    this.operands.load(shape, bytes, plan.readings)
    this.#check(plan)
    const { candidates, ranges, sampled, statistics } = plan
    if (statistics === undefined) return explains && reader !== undefined ? this.#estimated(plan, kind, bytes, at, reader) : plan
    // Where there is one way only, what values say of it decides nothing.
    if ((ranges.length === 0 && sampled === undefined) || (candidates.length === 1 && !explains)) return plan
    return this.#valued(plan, statistics, kind, bytes, at, explains)
  }

  /** Number of plans kept, those that share a hash counting once. */
  get size(): number {
    return this.#plans.size
  }

  #isCurrent(plan: Plan, reader: Reader | undefined): boolean {
    if (this.#findStore(plan.store.definition.name) !== plan.store) return false
    return reader === undefined ? plan.statistics === undefined : this.#statistics.of(reader, plan.store) === plan.statistics
  }

  /** The plan for the values of this run. */
  #valued(base: Plan, statistics: StoreStatistics, kind: PlannedKind, bytes: Uint8Array, at: number, explains: boolean): Plan {
    let variants = this.#variants.get(base)
    if (variants === undefined) this.#variants.set(base, (variants = new Variants(base, statistics)))
    return variants.take(this.operands, explains, this.#planWith(statistics, kind, bytes, at))
  }

  /** The plan of a store without statistics, for people. */
  #estimated(plan: Plan, kind: PlannedKind, bytes: Uint8Array, at: number, reader: Reader): Plan {
    const all = wholeStatistics(reader, plan.store)
    return all === undefined ? plan : estimatedByAll(plan, all, this.operands, this.limit, this.#planWith(all, kind, bytes, at))
  }

  #planWith(statistics: StoreStatistics, kind: PlannedKind, bytes: Uint8Array, at: number): PlanWith {
    return (shares) => compilePlan(kind, bytes, at, this.#findStore, () => statistics, shares)
  }

  #compile(kind: PlannedKind, bytes: Uint8Array, at: number, reader: Reader | undefined): Plan {
    const shape = this.#shape
    const plan = compilePlan(kind, bytes, at, this.#findStore, (store) =>
      reader === undefined ? undefined : this.#statistics.of(reader, store)
    )
    if (plan.slots !== shape.slots) throw new Error(`a shape has ${shape.slots} values, its plan ${plan.slots}`)
    this.#onPlan?.(plan)
    const others = without(this.#plans.get(shape.hash), shape, CHAIN_MAX - 1)
    this.#plans.delete(shape.hash)
    const oldest = this.#plans.size >= PLANS_MAX ? this.#plans.keys().next() : undefined
    if (oldest?.done === false) this.#plans.delete(oldest.value)
    this.#plans.set(shape.hash, { shape: shape.bytes.slice(0, shape.length), plan, next: others })
    return plan
  }

  /** Checks what the shape does not say of the values. */
  #check(plan: Plan): void {
    const { operands } = this
    this.limit = Number.POSITIVE_INFINITY
    this.skip = 0
    this.after = undefined
    const { afterSlot, betweenSlots, limitSlot, skipSlot } = plan
    if (limitSlot >= 0) this.limit = readRowNumber("limit", operands.bytes(limitSlot), operands.type(limitSlot), operands.at(limitSlot))
    if (skipSlot >= 0) this.skip = readRowNumber("skip", operands.bytes(skipSlot), operands.type(skipSlot), operands.at(skipSlot))
    if (afterSlot >= 0) this.after = this.#cursors.read(plan, readString(operands.bytes(afterSlot), operands.at(afterSlot)))
    for (const slot of betweenSlots) if (!holdsPair(operands, slot)) refuseStatement("filter", "$between takes [low, high]")
  }
}

/** At most `room` plans of a chain, without that of this shape, which is being replaced. */
function without(kept: Kept | undefined, shape: Shape, room: number): Kept | undefined {
  if (kept === undefined || room === 0) return undefined
  if (shape.equals(kept.shape)) return without(kept.next, shape, room)
  return { ...kept, next: without(kept.next, shape, room - 1) }
}

const PAIR_LENGTH = 2

function holdsPair(operands: Operands, slot: number): boolean {
  return countElements(operands.bytes(slot), operands.at(slot)) === PAIR_LENGTH
}

function countElements(bytes: Uint8Array, at: number): number {
  const end = documentEnd(bytes, at)
  let count = 0
  for (let element = firstElement(at); element < end; element = nextElement(bytes, element)) count++
  return count
}
