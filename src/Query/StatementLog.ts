/**
 * What statements of each shape cost: how often they ran, how long they took, what they read for a row; and the latest slow runs.
 *
 * Only shapes are kept, with `?` for every value: nothing of the data is in here.
 *
 * Invariants
 * - At most SHAPES_MAX shapes and SLOW_RUNS_MAX slow runs of each; a new shape takes the place of the one that ran longest ago.
 * - A run costs a few additions. What it all comes to is written to the reserved store `$statements` by `saveStatements`, now and then.
 */
import { leavesOf } from "./Access.ts"
import { missingIndex } from "./Advice.ts"
import { describeCondition } from "./Condition.ts"
import type { Plan } from "./Plan.ts"
import { printName, printPath, printShown } from "./Print.ts"

/** Most shapes that are remembered, in memory and in the store. */
export const SHAPES_MAX = 1000
/** Most slow runs kept of one shape. */
export const SLOW_RUNS_MAX = 10
/** Longest text of a shape, in characters. */
export const SHAPE_TEXT_MAX = 1000

/** Two buckets for each doubling of microseconds: up to 2^20 ms. */
export const BUCKETS = 60
/** Reads beyond which a run that gave little for them is worth an index, also when it was fast. */
const READS_WASTED_MIN = 100
const READS_WASTED_FACTOR = 10

/** One slow run. */
export interface SlowRun {
  readonly at: Date
  readonly elapsedMs: number
  /** Index entries and documents looked at. */
  readonly read: number
  readonly returned: number
}

/** What the runs of one shape came to since it was last written down. */
export class ShapeUsage {
  readonly store: string
  readonly statement: string
  count = 0
  slow = 0
  totalMs = 0
  maxMs = 0
  read = 0
  returned = 0
  lastAtMs = 0
  readonly buckets = new Float64Array(BUCKETS)
  runs: Array<SlowRun> = []
  missingIndex: ReadonlyArray<string> | undefined

  constructor(store: string, statement: string) {
    this.store = store
    this.statement = statement
  }

  clear(): void {
    this.count = 0
    this.slow = 0
    this.totalMs = 0
    this.maxMs = 0
    this.read = 0
    this.returned = 0
    this.buckets.fill(0)
    this.runs = []
  }
}

export interface StatementLogOptions {
  /** A run that takes longer is slow. */
  readonly slowMs: number
  /** Milliseconds of a monotonic clock, with fractions. */
  readonly now: () => number
  /** Milliseconds since 1970. */
  readonly wallMs: () => number
}

export class StatementLog {
  readonly #options: StatementLogOptions
  readonly #shapes = new Map<string, ShapeUsage>()
  readonly #ofPlan = new WeakMap<object, ShapeUsage>()

  constructor(options: StatementLogOptions) {
    this.#options = options
  }

  now(): number {
    return this.#options.now()
  }

  /** Shapes that ran since they were last cleared. */
  used(): ReadonlyArray<ShapeUsage> {
    return [...this.#shapes.values()].filter((usage) => usage.count > 0)
  }

  /** Notes a run that began at `startedMs` and has just ended. */
  record(plan: Plan, startedMs: number, read: number, returned: number): void {
    const elapsedMs = this.#options.now() - startedMs
    const usage = this.#usageOf(plan)
    const isSlow = elapsedMs > this.#options.slowMs
    usage.count++
    usage.totalMs += elapsedMs
    if (elapsedMs > usage.maxMs) usage.maxMs = elapsedMs
    usage.read += read
    usage.returned += returned
    usage.buckets[bucketOf(elapsedMs)]!++
    usage.lastAtMs = startedMs
    if (usage.missingIndex === undefined && (isSlow || isWasteful(read, returned))) usage.missingIndex = missingIndex(plan)
    if (!isSlow) return
    usage.slow++
    if (usage.runs.length === SLOW_RUNS_MAX) usage.runs.shift()
    usage.runs.push({ at: new Date(this.#options.wallMs()), elapsedMs, read, returned })
  }

  #usageOf(plan: Plan): ShapeUsage {
    // Alternatives of a plan share its tests: they are runs of one shape.
    const known = this.#ofPlan.get(plan.tests.all)
    if (known !== undefined && this.#shapes.get(known.statement) === known) return known
    const statement = describeStatement(plan)
    let usage = this.#shapes.get(statement)
    if (usage === undefined) {
      usage = new ShapeUsage(plan.store.definition.name, statement)
      if (this.#shapes.size >= SHAPES_MAX) this.#dropOldest()
      this.#shapes.set(statement, usage)
    }
    this.#ofPlan.set(plan.tests.all, usage)
    return usage
  }

  #dropOldest(): void {
    let oldest: ShapeUsage | undefined
    for (const usage of this.#shapes.values()) if (oldest === undefined || usage.lastAtMs < oldest.lastAtMs) oldest = usage
    if (oldest !== undefined) this.#shapes.delete(oldest.statement)
  }
}

function isWasteful(read: number, returned: number): boolean {
  return read >= READS_WASTED_MIN && read >= returned * READS_WASTED_FACTOR
}

function bucketOf(elapsedMs: number): number {
  const microseconds = elapsedMs * 1000
  return microseconds < 1 ? 0 : Math.min(BUCKETS - 1, Math.floor(2 * Math.log2(microseconds)))
}

/** The milliseconds that a share of the runs took at most, within the width of a bucket. */
export function percentile(buckets: ArrayLike<number>, share: number): number {
  let total = 0
  for (let bucket = 0; bucket < buckets.length; bucket++) total += buckets[bucket]!
  if (total === 0) return 0
  let left = total * share
  for (let bucket = 0; bucket < buckets.length; bucket++) {
    left -= buckets[bucket]!
    if (left <= 0) return 2 ** ((bucket + 1) / 2) / 1000
  }
  return 0
}

/** The shape of a plan's statement as PQL with `?` for values. */
export function describeStatement(plan: Plan): string {
  const { aggregate, conditions, kind, limitSlot, program, projection, skipSlot, sort, store } = plan
  const filter = kind === "get" ? leavesOf(plan.access) : conditions
  const order = sort.map(({ descending, path }) => `${printPath(path.text)}${descending ? " desc" : ""}`)
  const parts = [
    filter.length === 0 ? "" : `.filter(${filter.map(describeCondition).join(" and ")})`,
    order.length === 0 ? "" : `.orderBy(${order.join(", ")})`,
    aggregate === undefined ? "" : describeGroups(aggregate.program),
    skipSlot < 0 ? "" : ".skip(?)",
    limitSlot < 0 ? "" : ".limit(?)",
    projection === undefined ? "" : printShown(projection.shown).join(""),
    kind === "count" || kind === "delete" ? `.${kind}()` : "",
    program === undefined ? "" : ".set({ … })"
  ]
  const text = printName(store.definition.name) + parts.join("")
  return text.length <= SHAPE_TEXT_MAX ? text : `${text.slice(0, SHAPE_TEXT_MAX - 1)}…`
}

function describeGroups({ aggregates, distinct, groupBy }: NonNullable<Plan["aggregate"]>["program"]): string {
  const paths = groupBy.map((path) => printPath(path.text)).join(", ")
  const results = aggregates.map(({ operator, text }) => `${operator}${text === "" ? "" : `(${text})`}`)
  const groups = paths === "" ? "" : `.${distinct ? "distinct" : "groupBy"}(${paths})`
  return results.length === 0 ? groups : `${groups}.aggregate(${results.join(", ")})`
}
