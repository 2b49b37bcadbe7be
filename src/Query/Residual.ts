/**
 * From conditions and the values of a run to a test on documents. A plan keeps the test of its last run: a repeated query often repeats
 * the values of its residual too, and then nothing is compiled.
 */
import * as Type from "../Bson/Type.ts"
import { decodeValue, type Value } from "../Bson/Value.ts"
import { equalBytes, skipValue } from "../Bson/View.ts"
import { compileFilter, type Predicate } from "../Match/Compile.ts"
import type { Filter } from "./Ast.ts"
import { type Condition, isLeaf, type Leaf, partsOf } from "./Condition.ts"
import { patternOf } from "./FilterBson.ts"
import type { Operands } from "./Operands.ts"

/** Longest values that are kept to be recognised. */
const KEPT_BYTES_MAX = 4 * 1024

const NOTHING = new Uint8Array(0)

/** The slots of a list of conditions. */
export function slotsOf(conditions: ReadonlyArray<Condition>): ReadonlyArray<number> {
  return conditions.flatMap((condition) => (isLeaf(condition) ? [condition.slot] : slotsOf(partsOf(condition))))
}

export class Residual {
  readonly #conditions: ReadonlyArray<Condition>
  readonly #slots: ReadonlyArray<number>
  #predicate: Predicate | undefined
  /** The values `#predicate` was compiled with: type and bytes of each slot. */
  #kept = NOTHING

  constructor(conditions: ReadonlyArray<Condition>) {
    this.#conditions = conditions
    this.#slots = slotsOf(conditions)
  }

  /** The test for the values of this run; undefined when there is nothing to test. Faults with InvalidFilter. */
  predicate(operands: Operands): Predicate | undefined {
    if (this.#conditions.length === 0) return undefined
    if (this.#predicate !== undefined && this.#isKept(operands)) return this.#predicate
    const of = this.#conditions.map((condition) => filterOf(condition, operands))
    const predicate = compileFilter(of.length === 1 && of[0] !== undefined ? of[0] : { op: "and", of })
    this.#keep(operands, predicate)
    return predicate
  }

  #isKept(operands: Operands): boolean {
    const kept = this.#kept
    let place = 0
    for (const slot of this.#slots) {
      const bytes = operands.bytes(slot)
      const type = operands.type(slot)
      const at = operands.at(slot)
      const length = skipValue(bytes, type, at) - at
      if (kept[place] !== type || place + 1 + length > kept.length || !equalBytes(kept, place + 1, bytes, at, length)) return false
      place += 1 + length
    }
    return true
  }

  #keep(operands: Operands, predicate: Predicate): void {
    this.#predicate = undefined
    const values = this.#slots.map((slot) => {
      const at = operands.at(slot)
      return { slot, at, length: skipValue(operands.bytes(slot), operands.type(slot), at) - at }
    })
    const total = values.reduce((sum, value) => sum + 1 + value.length, 0)
    if (total > KEPT_BYTES_MAX) return
    this.#kept = new Uint8Array(total)
    let place = 0
    for (const { slot, at, length } of values) {
      this.#kept[place] = operands.type(slot)
      this.#kept.set(operands.bytes(slot).subarray(at, at + length), place + 1)
      place += 1 + length
    }
    this.#predicate = predicate
  }
}

/** The filter that a condition is with the values of a run. */
export function filterOf(condition: Condition, operands: Operands): Filter {
  if (isLeaf(condition)) return leafOf(condition, operands)
  switch (condition.op) {
    case "not":
      return { op: "not", of: filterOf(condition.of, operands) }
    case "any":
    case "all":
      return { op: condition.op, path: condition.path, of: filterOf(condition.of, operands) }
    default:
      return { op: condition.op, of: condition.of.map((part) => filterOf(part, operands)) }
  }
}

function leafOf({ op, path, slot }: Leaf, operands: Operands): Filter {
  const type = operands.type(slot)
  const value = decodeValue(operands.bytes(slot), type, operands.at(slot))
  switch (op) {
    case "in":
    case "notIn":
      return { op, path, values: asList(value) }
    case "between": {
      const [low = null, high = null] = asList(value)
      return { op, path, low, high }
    }
    case "prefix":
    case "suffix":
      return { op, path, value: asText(value) }
    case "regex":
      return { op, path, ...patternOf(value) }
    case "type":
      return { op, path, type: asText(value) }
    case "size":
      return { op, path, size: typeof value === "bigint" ? Number(value) : typeof value === "number" ? value : Number.NaN }
    case "exists":
      return { op, path, value: type === Type.BOOLEAN && value === true }
    case "contains":
      return { op, path, value }
    default:
      return { op, path, value }
  }
}

/** A slot of `prefix` and its kin holds text, for the same reason as that of `in` holds a list. */
function asText(value: Value): string {
  return typeof value === "string" ? value : ""
}

/** A slot of `in` or `between` holds a list: the shape has the type, and the reader of its first statement has checked it. */
function asList(value: Value): ReadonlyArray<Value> {
  return Array.isArray(value) ? (value as ReadonlyArray<Value>) : []
}
