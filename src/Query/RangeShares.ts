/**
 * How much of a store the ranges of a statement let through, from its sample and the values of the run.
 *
 * Plans are made for shapes, so shares are taken in classes of a factor of four: statements of one shape whose ranges are of the same classes
 * have the same plan, whichever came first.
 *
 * Invariants
 * - The class of a run depends on its values and the sample only. Finding it takes two binary searches a range.
 * - Conditions on the same path are one range: their shares multiply to what lets both through.
 */
import { encodeValue as encodeBson } from "../Bson/Value.ts"
import { readString } from "../Bson/View.ts"
import * as Type from "../Bson/Type.ts"
import { encodeValue, KeyWriter } from "../Index/KeyEncoding.ts"
import { type Condition, conjunctsOf, isLeaf, type Leaf } from "./Condition.ts"
import { eachValue } from "./IdKeys.ts"
import type { Operands } from "./Operands.ts"

/** Most ranges of a statement that are looked up; others go by the rules of thumb. */
export const RANGES_MAX = 3
/** Classes of shares: all, a quarter, a sixteenth …; the last one is less than the sample can tell. */
export const CLASSES = 6
const CLASS_FACTOR = 4
const LAST_CHARACTER = "\u{10ffff}"
const RANGE_OPERATORS: ReadonlySet<string> = new Set(["lt", "le", "gt", "ge", "between", "prefix"])

/** The conditions of a statement that are ranges of one path. */
export interface PathRange {
  readonly path: string
  readonly leaves: ReadonlyArray<Leaf>
}

/** What is known of the values of a path: their keys in order, of so many documents. */
export interface SampledValues {
  readonly keys: ReadonlyArray<Uint8Array>
  readonly documents: number
}

/** The ranges that all documents of a statement have to lie in. */
export function rangesOf(condition: Condition | undefined): ReadonlyArray<PathRange> {
  const leaves = conjunctsOf(condition).filter((part): part is Leaf => isLeaf(part) && RANGE_OPERATORS.has(part.op))
  return [...Map.groupBy(leaves, ({ path }) => path)].slice(0, RANGES_MAX).map(([path, of]) => ({ path, leaves: of }))
}

/** The classes of the ranges for the values of a run, as one number. */
export function classesOf(ranges: ReadonlyArray<PathRange>, sampled: (path: string) => SampledValues, operands: Operands): number {
  let classes = 0
  for (const range of ranges) classes = classes * CLASSES + classOf(range, sampled(range.path), operands)
  return classes
}

/** The share that each slot of the ranges is expected to let through, for ranges of these classes. */
export function sharesOf(ranges: ReadonlyArray<PathRange>, classes: number): Map<number, number> {
  const shares = new Map<number, number>()
  let rest = classes
  for (const { leaves } of ranges.toReversed()) {
    const share = shareOfClass(rest % CLASSES)
    rest = Math.floor(rest / CLASSES)
    for (const { slot } of leaves) shares.set(slot, share ** (1 / leaves.length))
  }
  return shares
}

const key = new KeyWriter()

function classOf({ leaves }: PathRange, { documents, keys }: SampledValues, operands: Operands): number {
  let from = 0
  let to = keys.length
  for (const leaf of leaves) {
    const [low, high] = boundsOf(leaf, keys, operands)
    from = Math.max(from, low)
    to = Math.min(to, high)
  }
  return classOfShare(Math.max(0, to - from) / Math.max(1, documents))
}

/** The class that a share is in. */
export function classOfShare(share: number): number {
  if (share === 0) return CLASSES - 1
  return Math.min(CLASSES - 1, Math.max(0, Math.round(-Math.log(share) / Math.log(CLASS_FACTOR))))
}

/** What a class stands for. */
export function shareOfClass(number: number): number {
  return CLASS_FACTOR ** -number
}

/** From where to where in the sorted keys a condition goes. */
function boundsOf(leaf: Leaf, keys: ReadonlyArray<Uint8Array>, operands: Operands): readonly [number, number] {
  const { op } = leaf
  if (op === "prefix") return prefixBounds(leaf, keys, operands)
  const found: Array<readonly [number, number]> = []
  let first = 0
  eachValue(operands, leaf, (bytes, type, at) => {
    key.reset()
    encodeValue(key, bytes, type, at, false)
    first = key.bytes[0]!
    found.push([search(keys, key.bytes, key.length, false), search(keys, key.bytes, key.length, true)])
  })
  const [low = [0, 0] as const, high = low] = found
  // Nothing beyond the class of the value is in a range.
  const classStart = search(keys, Uint8Array.of(first), 1, false)
  const classEnd = search(keys, Uint8Array.of(first + 1), 1, false)
  if (op === "between") return [low[0], high[1]]
  if (op === "lt" || op === "le") return [classStart, op === "lt" ? low[0] : low[1]]
  return [op === "gt" ? low[1] : low[0], classEnd]
}

function prefixBounds(leaf: Leaf, keys: ReadonlyArray<Uint8Array>, operands: Operands): readonly [number, number] {
  if (operands.type(leaf.slot) !== Type.STRING) return [0, 0]
  const text = readString(operands.bytes(leaf.slot), operands.at(leaf.slot))
  const [from, to] = [text, text + LAST_CHARACTER].map((bound) => {
    const { at, bytes, type } = encodeBson(bound)
    key.reset()
    encodeValue(key, bytes, type, at, false)
    return search(keys, key.bytes, key.length, false)
  })
  return [from!, to!]
}

/** How many keys are less than this one, or with `past` not greater. */
function search(keys: ReadonlyArray<Uint8Array>, bytes: Uint8Array, length: number, past: boolean): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const order = compare(keys[middle]!, bytes, length)
    if (order < 0 || (past && order === 0)) low = middle + 1
    else high = middle
  }
  return low
}

function compare(a: Uint8Array, b: Uint8Array, length: number): number {
  const shared = Math.min(a.length, length)
  for (let index = 0; index < shared; index++) if (a[index] !== b[index]) return a[index]! - b[index]!
  return a.length - length
}
