/**
 * Whether a statement asks only for documents that an index has: a partial index has those its filter holds for, a sparse one those with
 * something but null at one of its paths.
 *
 * Invariants
 * - Never wrong before fast: what is not recognised is not implied. A condition holds when any of a document's values passes (arrays!), so
 *   one condition of the index has to follow from one condition of the statement on the same path.
 * - Plans are made by shape: what depends on values is a Guard, asked at every run.
 */
import { CLASS_ARRAY, CLASS_MAX_KEY, CLASS_MIN_KEY, CLASS_NULL, compareValues, typeClass } from "../Bson/Compare.ts"
import { type EncodedValue, encodeValue, type Value } from "../Bson/Value.ts"
import { documentEnd, firstElement, skipValue, valueOffset } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import { compileFilter, type Predicate } from "../Match/Compile.ts"
import { isNaNValue } from "../Match/Test.ts"
import type { IndexFilter } from "../Schema/Definition.ts"
import type { Store, StoreIndex } from "../Storage/Reader.ts"
import { type Condition, isLeaf, type Leaf } from "./Condition.ts"
import type { Operands } from "./Operands.ts"
import { typeOfPath } from "./PathTypes.ts"

type Filter = IndexFilter<Value>
type FilterLeaf = Exclude<Filter, { readonly op: "and" | "or" } | { readonly op: "not" }>

/** What has to be true of the values of a run for the index to have every document that is asked for. */
export type Guard =
  | { readonly kind: "all" | "any"; readonly of: ReadonlyArray<Guard> }
  | { readonly kind: "notNull"; readonly leaf: Leaf }
  | { readonly kind: "implies"; readonly leaf: Leaf; readonly by: Implied }

/** A condition of an index, ready to be compared with one of a statement. */
interface Implied {
  readonly condition: FilterLeaf
  /** Whether a value passes the condition; the value is the field `v` of a document. */
  readonly passes: Predicate
  /** The ends of the range that the condition is. */
  readonly low: EncodedValue | undefined
  readonly high: EncodedValue | undefined
  /** Whether documents have one value at the path. */
  readonly isSingle: boolean
}

/** What an index asks of a statement: the guard, and the conditions that it then takes care of. */
export interface Requirement {
  readonly guard: Guard | undefined
  readonly covered: ReadonlyArray<Leaf>
}

const NOTHING_ASKED: Requirement = { guard: undefined, covered: [] }

/** What `index` asks of a statement with these conditions; undefined when no values could make it serve. */
export function requirementOf(store: Store, conjuncts: ReadonlyArray<Condition>, index: StoreIndex): Requirement | undefined {
  const { sparse, on } = index.definition
  if (sparse === undefined && index.filter === undefined) return NOTHING_ASKED
  const leaves = conjuncts.filter(isLeaf)
  const guards: Array<Guard> = []
  const covered: Array<Leaf> = []
  if (sparse === true) {
    const onPaths = leaves.filter((leaf) => on.some(({ path }) => path === leaf.path) && mayRuleOutNull(leaf))
    if (onPaths.length === 0) return undefined
    guards.push({ kind: "any", of: onPaths.map((leaf) => ({ kind: "notNull", leaf })) })
  }
  for (const part of index.filter === undefined ? [] : partsOf(index.filter)) {
    const guard = guardOf(store, leaves, part)
    if (guard === undefined) return undefined
    guards.push(guard)
    const equal = part.op === "eq" ? leaves.filter((leaf) => leaf.op === "eq" && leaf.path === part.path) : []
    if (equal.length === 1) covered.push(...equal)
  }
  return { guard: { kind: "all", of: guards }, covered }
}

function partsOf(filter: Filter): ReadonlyArray<Filter> {
  return filter.op === "and" ? filter.of.flatMap(partsOf) : [filter]
}

function guardOf(store: Store, leaves: ReadonlyArray<Leaf>, filter: Filter): Guard | undefined {
  if (filter.op === "not") return undefined
  if ("of" in filter) {
    const of = filter.of.map((part) => guardOf(store, leaves, part)).filter((guard) => guard !== undefined)
    if (of.length < (filter.op === "and" ? filter.of.length : 1)) return undefined
    return { kind: filter.op === "and" ? "all" : "any", of }
  }
  const by = impliedOf(store, filter)
  const of = leaves
    .filter(({ op, path }) => path === filter.path && canImply(op, filter.op))
    .map((leaf): Guard => ({ kind: "implies", leaf, by }))
  return of.length === 0 ? undefined : { kind: "any", of }
}

/** Conditions of a statement that say which values there are. From others nothing is concluded. */
const TELLING: ReadonlySet<string> = new Set(["eq", "in", "lt", "le", "gt", "ge", "between", "prefix"])

/** Whether a condition with one operator may follow from one with another, for some values. */
function canImply(by: Leaf["op"], op: FilterLeaf["op"]): boolean {
  if (op === "eq") return by === "eq"
  if (op === "exists" && by === "exists") return true
  return TELLING.has(by) || ((op === "ne" || op === "notIn") && (by === "ne" || by === "notIn"))
}

function impliedOf(store: Store, condition: FilterLeaf): Implied {
  const { op } = condition
  const low = op === "between" ? condition.low : op === "gt" || op === "ge" ? condition.value : undefined
  const high = op === "between" ? condition.high : op === "lt" || op === "le" ? condition.value : undefined
  return {
    condition,
    passes: compileFilter({ ...condition, path: "v" }),
    low: low === undefined ? undefined : encodeValue(low),
    high: high === undefined ? undefined : encodeValue(high),
    isSingle: !typeOfPath(store.definition, condition.path).meetsArray
  }
}

/** Whether a guard holds for the values of a run. */
export function holds(guard: Guard, operands: Operands): boolean {
  switch (guard.kind) {
    case "all":
      return guard.of.every((part) => holds(part, operands))
    case "any":
      return guard.of.some((part) => holds(part, operands))
    case "notNull":
      return rulesOutNull(guard.leaf, operands)
    case "implies":
      return implies(guard.leaf, guard.by, operands)
  }
}

/** Whether the condition, with its values, implies the other one. */
function implies(leaf: Leaf, by: Implied, operands: Operands): boolean {
  const { op } = by.condition
  if (op === "exists")
    return leaf.op === "exists" ? existsIn(leaf, operands) === by.condition.value : by.condition.value && rulesOutNull(leaf, operands)
  if (leaf.op === "exists") return false
  if (op === "ne" || op === "notIn") return impliesUnequal(leaf, by, operands)
  if (leaf.op === "eq" || leaf.op === "in") return valuesOf(leaf, operands).every((value) => isScalar(value) && passes(by, value))
  if (leaf.op === "prefix") return op === "prefix" && passes(by, valueOf(leaf, operands))
  return isWithin(leaf, by, operands)
}

/**
 * `x = 5` implies `x != 6` where a document has one value; where it has several, only the same condition does, or one that rules out more.
 * Of conditions that are ranges nothing is recognised but that they rule out null.
 */
function impliesUnequal(leaf: Leaf, by: Implied, operands: Operands): boolean {
  const { condition } = by
  const unequal = condition.op === "ne" ? [condition.value] : condition.op === "notIn" ? condition.values : []
  if (leaf.op === "ne" || leaf.op === "notIn") {
    const ruledOut = valuesOf(leaf, operands)
    return unequal.map(encodeValue).every((value) => ruledOut.some((other) => compare(value, other) === 0))
  }
  if (!by.isSingle) return false
  if (leaf.op === "eq" || leaf.op === "in") return valuesOf(leaf, operands).every((value) => isScalar(value) && passes(by, value))
  return unequal.every((value) => value === null) && rulesOutNull(leaf, operands)
}

/** Whether the range of a condition lies within that of the other: every end of the other has one of the same class that is no further out. */
function isWithin(leaf: Leaf, { condition, high, low }: Implied, operands: Operands): boolean {
  if (low === undefined && high === undefined) return false
  const ends = leaf.op === "between" ? valuesOf(leaf, operands) : [valueOf(leaf, operands)]
  if (ends.some((end) => !isOrdinary(end))) return false
  const isLow = leaf.op === "gt" || leaf.op === "ge"
  const ownLow = leaf.op === "between" ? ends[0] : isLow ? ends[0] : undefined
  const ownHigh = leaf.op === "between" ? ends[1] : isLow ? undefined : ends[0]
  const isOpen = condition.op === "gt" || condition.op === "lt"
  const isInside = (own: EncodedValue | undefined, end: EncodedValue | undefined, sign: 1 | -1): boolean => {
    if (end === undefined) return true
    if (own === undefined || !isOrdinary(end) || typeClass(own.type) !== typeClass(end.type)) return false
    const order = compare(own, end) * sign
    return order > 0 || (order === 0 && (!isOpen || leaf.op === "gt" || leaf.op === "lt"))
  }
  return isInside(ownLow, low, 1) && isInside(ownHigh, high, -1)
}

function mayRuleOutNull({ op }: Leaf): boolean {
  return TELLING.has(op)
}

/** Whether the condition holds only for documents with something but null at its path. */
function rulesOutNull(leaf: Leaf, operands: Operands): boolean {
  if (leaf.op === "prefix") return true
  if (!mayRuleOutNull(leaf)) return false
  const values = valuesOf(leaf, operands)
  if (leaf.op === "between") return values.some(isOrdinary)
  return values.every((value) => (leaf.op === "eq" || leaf.op === "in" ? typeClass(value.type) !== CLASS_NULL : isOrdinary(value)))
}

/** Whether a value compares with those of its class and no others, and is not null: what the ends of ranges have to be. */
function isOrdinary({ at, bytes, type }: EncodedValue): boolean {
  const kind = typeClass(type)
  return kind !== CLASS_NULL && kind !== CLASS_MIN_KEY && kind !== CLASS_MAX_KEY && !isNaNValue(bytes, type, at)
}

function isScalar(value: EncodedValue): boolean {
  return typeClass(value.type) !== CLASS_ARRAY
}

function passes({ passes: test }: Implied, { at, bytes, type }: EncodedValue): boolean {
  const writer = new Writer(64)
  const start = writer.beginDocument()
  writer.name(type, "v")
  writer.raw(bytes, at, skipValue(bytes, type, at) - at)
  writer.endDocument(start)
  return test(writer.bytes, 0)
}

function compare(a: EncodedValue, b: EncodedValue): number {
  return compareValues(a.bytes, a.type, a.at, b.bytes, b.type, b.at)
}

function existsIn(leaf: Leaf, operands: Operands): boolean {
  return operands.bytes(leaf.slot)[operands.at(leaf.slot)] === 1
}

function valueOf({ slot }: Leaf, operands: Operands): EncodedValue {
  return { bytes: operands.bytes(slot), type: operands.type(slot), at: operands.at(slot) }
}

/** The values of a condition: those of its list, or the one. */
function valuesOf(leaf: Leaf, operands: Operands): ReadonlyArray<EncodedValue> {
  if (leaf.op !== "in" && leaf.op !== "notIn" && leaf.op !== "between") return [valueOf(leaf, operands)]
  const { at, bytes } = valueOf(leaf, operands)
  const values: Array<EncodedValue> = []
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end;) {
    const valueAt = valueOffset(bytes, element)
    const type = bytes[element]!
    values.push({ bytes, type, at: valueAt })
    element = skipValue(bytes, type, valueAt)
  }
  return values
}
