/**
 * From the first statement of a shape to its plan: the strict reading, the numbering of its values, and the planner's choice.
 */
import { encode } from "../Bson/Value.ts"
import { documentEnd, elementName, firstElement, nextElement, valueOffset } from "../Bson/View.ts"
import type { Store } from "../Storage/Reader.ts"
import { indexesOf } from "./Access.ts"
import type { Aggregate, Find, Order, Planned } from "./Ast.ts"
import { type AggregateProgram, compileAggregate } from "./AggregateProgram.ts"
import { type Condition, conditionOf, conjunctsOf, eachLeaf } from "./Condition.ts"
import { compileLookup } from "./Lookups.ts"
import { Operands, type Reading, readingOf } from "./Operands.ts"
import { idsAreOrdered, typeOfPath } from "./PathTypes.ts"
import { holds } from "./Implication.ts"
import type { Candidate, Plan } from "./Plan.ts"
import { type Choice, choose, type Task } from "./Planner.ts"
import { type CompileTest, hasTest, pathsOf } from "./Expression.ts"
import { decodeFilter, encodeFilter } from "./FilterBson.ts"
import { compileProjection } from "./Projection.ts"
import { rangesOf } from "./RangeShares.ts"
import { refuseStatement } from "./Reasons.ts"
import { Residual } from "./Residual.ts"
import { sampledConditions } from "./SampledShares.ts"
import { Shape } from "./Shape.ts"
import { type SortPath, sortPath } from "./SortBuffer.ts"
import { decodeStatement, isChange } from "./StatementBson.ts"
import type { StoreStatistics } from "./Statistics.ts"
import { compileUpdate, type PathChange } from "./UpdateProgram.ts"

/** The kinds of statements that are planned, in the BSON form's terms. */
export const PLANNED_KINDS = ["find", "get", "count", "aggregate", "update", "delete"] as const
export type PlannedKind = (typeof PLANNED_KINDS)[number]

/** Whether a text names a kind of statements that are planned. */
export function isPlannedKind(text: string): text is PlannedKind {
  return (PLANNED_KINDS as ReadonlyArray<string>).includes(text)
}

type PlannedStatement = Planned

/** Where a statement's values are, by slot number. */
interface Slots {
  readonly condition: Condition | undefined
  readonly having: Condition | undefined
  readonly changes: ReadonlyArray<PathChange>
  readonly limit: number
  readonly skip: number
  readonly after: number
  readonly count: number
}

/**
 * Reads the statement at `at` strictly and plans it with what `statisticsOf` knows. Faults with InvalidStatement, and as `findStore` does.
 */
export function compilePlan(
  kind: PlannedKind,
  bytes: Uint8Array,
  at: number,
  findStore: (name: string) => Store,
  statisticsOf: (store: Store) => StoreStatistics | undefined,
  shares?: ReadonlyMap<number, number>
): Plan {
  const statement = decodeStatement(kind, bytes, at) as PlannedStatement
  const store = findStore(statement.store)
  const slots = numberSlots(statement, bytes, at)
  if (statement.kind === "find") refuseComputedOrder(statement, store, slots)
  const program = statement.kind === "aggregate" ? compileAggregate(statement, testsOf(store)) : undefined
  const orderBy = (statement.kind === "find" ? statement.orderBy : statement.kind === "aggregate" ? statement.inputOrder : undefined) ?? []
  const statistics = statisticsOf(store)
  const choice = choose({
    store,
    condition: slots.condition,
    orderBy,
    limited: slots.limit >= 0 && (statement.kind !== "aggregate" || isCutShort(statement)),
    ordered: kind === "find" || (program?.ordered ?? false),
    needed: neededBy(statement),
    groupBy: statement.kind === "aggregate" && program?.ordered === false ? statement.groupBy : undefined,
    statistics: statistics === undefined || shares === undefined ? statistics : valued(statistics, shares)
  })
  return { ...planOf(statement, store, slots, orderBy, choice, program), statistics }
}

/** Statistics with the shares of the conditions of a run. */
function valued(statistics: StoreStatistics, shares: ReadonlyMap<number, number>): Task["statistics"] {
  return {
    documents: statistics.documents,
    equalShare: (path) => statistics.equalShare(path),
    entriesShare: (index) => statistics.entriesShare(index),
    shareFor: (key) => shares.get(key)
  }
}

/** Computed values cannot choose or order rows: who means one would get the rows of a field that is not there. */
function refuseComputedOrder({ compute, orderBy = [] }: Find, { definition }: Store, { condition }: Slots): void {
  if (compute === undefined) return
  const refuse = (member: string, path: string): void => {
    const [name = ""] = path.split(".")
    if (Object.hasOwn(compute, name) && !Object.hasOwn(definition.schema, name))
      refuseStatement(member, `${name} is computed: rows are chosen and ordered by fields of their documents`)
  }
  for (const { path } of orderBy) refuse("orderBy", path)
  if (condition !== undefined) eachLeaf(condition, (_leaf, path) => refuse("filter", path))
}

/** Whether the first groups are all that is asked for: nothing chooses among all of them. */
function isCutShort({ groupBy, having, orderBy }: Aggregate): boolean {
  return groupBy !== undefined && having === undefined && orderBy === undefined
}

/** What a statement reads of its documents beside what its conditions and its order name; undefined when it is everything. */
function neededBy(statement: PlannedStatement): Task["needed"] {
  switch (statement.kind) {
    case "count":
    case "delete":
    case "update":
      return { paths: [], id: false }
    case "find": {
      const { compute = {}, lookup = [], select } = statement
      const expressions = Object.values(compute)
      if (select === undefined || expressions.some(hasTest)) return undefined
      return { paths: [...select, ...expressions.flatMap(pathsOf), ...lookup.map(({ local }) => local)], id: true }
    }
    case "aggregate": {
      const { aggregates = {}, distinct, groupBy = [] } = statement
      const values = Object.values(aggregates).flatMap(({ path, value }) =>
        path !== undefined ? [path] : value === undefined ? [] : pathsOf(value)
      )
      return { paths: [...groupBy, ...(distinct === undefined ? [] : [distinct]), ...values], id: false }
    }
    default:
      return undefined
  }
}

function planOf(
  statement: PlannedStatement,
  store: Store,
  slots: Slots,
  orderBy: ReadonlyArray<Order>,
  choice: Choice,
  aggregate: AggregateProgram | undefined
): Omit<Plan, "statistics"> {
  const conditions = conjunctsOf(slots.condition)
  const readings = readingsOf(store, slots.condition, slots.count)
  return {
    ...choice.chosen,
    kind: statement.kind,
    store,
    conditions,
    ranges: rangesOf(slots.condition),
    sampled: sampledConditions(slots.condition),
    readings,
    sort: sortPathsOf(store, orderBy),
    limitSlot: slots.limit,
    skipSlot: slots.skip,
    afterSlot: slots.after,
    slots: slots.count,
    betweenSlots: [...betweenSlotsOf(slots.condition), ...betweenSlotsOf(slots.having)],
    aggregate: aggregate === undefined ? undefined : { program: aggregate, having: new Residual(conjunctsOf(slots.having)) },
    projection: statement.kind === "find" || statement.kind === "get" ? compileProjection(statement, testsOf(store)) : undefined,
    lookups: ("lookup" in statement ? (statement.lookup ?? []) : []).map(compileLookup),
    program: slots.changes.length === 0 ? undefined : compileUpdate(slots.changes),
    tests: { residual: new Residual(choice.chosen.residual), all: new Residual(conditions) },
    candidates: choice.candidates,
    rejected: choice.rejected
  }
}

function sortPathsOf(store: Store, orderBy: ReadonlyArray<Order>): ReadonlyArray<SortPath> {
  const idAt = idsAreOrdered(store.definition) ? orderBy.findIndex((order) => order.path === "_id") : -1
  // Nothing behind a unique `_id` orders anything, and `_id asc` at the end is the order of ties anyway.
  const told = idAt < 0 ? orderBy : orderBy.slice(0, orderBy[idAt]?.direction === "asc" ? idAt : idAt + 1)
  return told.map(({ path, direction }) => sortPath(path, direction === "desc", typeOfPath(store.definition, path).meetsArray))
}

/** Numbers the statement's values in the order of its bytes, as `Shape.scan` does. */
function numberSlots(statement: PlannedStatement, bytes: Uint8Array, at: number): Slots {
  let count = 0
  let limit = -1
  let skip = -1
  let after = -1
  let condition: Condition | undefined
  let having: Condition | undefined
  const changes: Array<PathChange> = []
  const filter = "filter" in statement ? statement.filter : undefined
  const groups = statement.kind === "aggregate" ? statement.having : undefined
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end; element = nextElement(bytes, element)) {
    const name = elementName(bytes, element)
    if (name === "filter" && filter !== undefined) {
      const numbered = conditionOf(filter, count)
      condition = numbered.condition
      count += numbered.slots
    } else if (name === "having" && groups !== undefined) {
      const numbered = conditionOf(groups, count)
      having = numbered.condition
      count += numbered.slots
    } else if (name === "key") condition = { op: "eq", path: "_id", slot: count++ }
    else if (name === "limit") limit = count++
    else if (name === "skip") skip = count++
    else if (name === "after") after = count++
    else if (isChange(name) && statement.kind === "update") {
      for (const path of Object.keys(statement[name] ?? {})) changes.push({ path, change: { op: name, slot: count++ } })
    }
  }
  if (statement.kind === "update") for (const path of statement.unset ?? []) changes.push({ path, change: { op: "unset" } })
  return { condition, having, changes, limit, skip, after, count }
}

/** Operators whose texts are texts, whatever the field holds. */
const OF_TEXT: ReadonlyArray<string> = ["exists", "prefix", "suffix", "contains", "regex", "type"]

function readingsOf(store: Store, condition: Condition | undefined, count: number): ReadonlyArray<Reading> {
  const readings: Array<Reading> = Array.from({ length: count }, () => undefined)
  if (condition === undefined) return readings
  eachLeaf(condition, ({ op, slot }, path) => {
    if (!OF_TEXT.includes(op)) readings[slot] = readingOf(typeOfPath(store.definition, path).field)
  })
  return readings
}

/** Tests of conditions inside expressions, whose values are part of the shape. */
function testsOf(store: Store): CompileTest {
  return (filter) => {
    const bytes = encode({ filter: encodeFilter(filter) })
    const shape = new Shape()
    shape.scan(0, bytes, 0)
    // Read back, so that leaves are numbered as the scan met their values.
    const { condition, slots } = conditionOf(decodeFilter(bytes, valueOffset(bytes, firstElement(0)), "filter") ?? filter, 0)
    const operands = new Operands()
    operands.load(shape, bytes, readingsOf(store, condition, slots))
    return new Residual(conjunctsOf(condition)).predicate(operands) ?? (() => true)
  }
}

function betweenSlotsOf(condition: Condition | undefined): ReadonlyArray<number> {
  const slots: Array<number> = []
  if (condition === undefined) return slots
  eachLeaf(condition, ({ op, slot }) => {
    if (op === "between") slots.push(slot)
  })
  return slots
}

/** The same statement run another way: `candidate` is one of the plan's. */
export function planWith(plan: Plan, candidate: Candidate): Plan {
  return { ...plan, ...candidate, tests: { residual: new Residual(candidate.residual), all: plan.tests.all } }
}

/**
 * The plan for a reader at `lsn` and the values of a run: the chosen way, unless it uses an index that is younger than what the reader sees
 * or does not have every document asked for; then the best way that does not.
 */
export function alternativeFor(plan: Plan, lsn: number, operands: Operands): Plan {
  if (serves(plan, lsn, operands)) return plan
  const other = plan.candidates.find((candidate) => serves(candidate, lsn, operands))
  return other === undefined ? plan : planWith(plan, other)
}

/** Whether a way gives every document that a reader at `lsn` would find, with the values of this run. */
export function serves({ access }: Candidate, lsn: number, operands: Operands): boolean {
  for (const { guard, index } of indexesOf(access)) {
    if ((index.readyLsn ?? 0) > lsn || (guard !== undefined && !holds(guard, operands))) return false
  }
  return true
}
