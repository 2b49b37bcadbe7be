/**
 * Filters compiled to functions over BSON bytes that allocate nothing per document.
 *
 * What the operators mean
 * - A condition holds when any value that its path leads to passes (`Bson/Path.ts`: elements of an array, then the array itself; a
 *   missing field is one missing value). `ne`, `notIn` and `not` are the plain negations: they hold when no value passes.
 * - `eq` and `in` compare as `Bson/Compare.ts` does: numbers by exact value, null equals missing, whole documents and arrays as such.
 * - `lt`, `le`, `gt`, `ge` and `between` (both ends included, one value within both) match only values of the operand's class, so
 *   `a < 5` never matches a string or a missing field. Operands MinKey and MaxKey compare with every class.
 * - NaN equals NaN (`eq`, `in`, `le`, `ge`) and is otherwise neither less nor greater than any number.
 * - `prefix` matches strings by bytes; `exists` asks for a value, be it null. An empty `and` holds, an empty `or` does not.
 */
import { Fault } from "../Fault/Fault.ts"
import { compilePath, type Path, type PathVisitor, resolve } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { type EncodedValue, encodeValue, type Value } from "../Bson/Value.ts"
import { findElement, readInt32 } from "../Bson/View.ts"
import { invalidFilter } from "./Errors.ts"
import type { Filter } from "./Filter.ts"
import {
  AnyOfTest,
  type Bound,
  EqualNumberTest,
  EqualStringTest,
  EqualTest,
  exactNumber,
  ExistsTest,
  isNaNValue,
  NeverTest,
  NumberRangeTest,
  PrefixTest,
  RangeTest
} from "./Test.ts"

/** How deep filters may nest. */
export const FILTER_DEPTH_MAX = 100
/** How many conditions, and how many values of one `in`, a filter may have. */
export const FILTER_CONDITIONS_MAX = 10_000

/** Whether the document at `at` matches. The document has passed `validate`. */
export type Predicate = (bytes: Uint8Array, at: number) => boolean

/**
 * Compiles a filter. Faults with InvalidFilter: a bad path, a value without BSON form, too deep, too many conditions.
 *
 * @example
 * ```ts
 * const matches = compileFilter({ op: "eq", path: "lines.sku", value: "A-1" })
 * matches(bytes, 0)
 * ```
 */
export function compileFilter(filter: Filter): Predicate {
  return new FilterCompiler().compile(filter, 1)
}

class FilterCompiler {
  private conditions = 0

  compile(filter: Filter, depth: number): Predicate {
    if (depth > FILTER_DEPTH_MAX) throw invalidFilter("", `filters nest at most ${FILTER_DEPTH_MAX} deep`)
    if (++this.conditions > FILTER_CONDITIONS_MAX) throw invalidFilter("", `a filter has at most ${FILTER_CONDITIONS_MAX} conditions`)
    switch (filter.op) {
      case "and":
        return allOf(filter.of.map((part) => this.compile(part, depth + 1)))
      case "or":
        return anyOf(filter.of.map((part) => this.compile(part, depth + 1)))
      case "not":
        return negate(this.compile(filter.of, depth + 1))
      default: {
        const predicate = condition(filter.path, testOf(filter))
        return isNegated(filter) ? negate(predicate) : predicate
      }
    }
  }
}

function allOf(parts: ReadonlyArray<Predicate>): Predicate {
  const [first, second] = parts
  if (parts.length === 1 && first !== undefined) return first
  if (parts.length === 2 && first !== undefined && second !== undefined) return (bytes, at) => first(bytes, at) && second(bytes, at)
  return (bytes, at) => {
    for (let index = 0; index < parts.length; index++) if (!parts[index]!(bytes, at)) return false
    return true
  }
}

function anyOf(parts: ReadonlyArray<Predicate>): Predicate {
  return (bytes, at) => {
    for (let index = 0; index < parts.length; index++) if (parts[index]!(bytes, at)) return true
    return false
  }
}

function negate(predicate: Predicate): Predicate {
  return (bytes, at) => !predicate(bytes, at)
}

/** A test on a path. A path of one component that meets no array, by far the most common, is looked up right here. */
function condition(text: string, test: PathVisitor): Predicate {
  const path = preparePath(text)
  const [only] = path.components
  if (path.components.length > 1 || only === undefined) return (bytes, at) => resolve(path, bytes, at, test)
  const name = only.name
  return (bytes, at) => {
    const element = findElement(bytes, at, name)
    if (element < 0) return test.visit(bytes, Type.MISSING, 0)
    const type = bytes[element]!
    return type === Type.ARRAY ? resolve(path, bytes, at, test) : test.visit(bytes, type, element + 1 + name.length)
  }
}

function preparePath(text: string): Path {
  try {
    return compilePath(text)
  } catch (error) {
    throw error instanceof Fault ? invalidFilter(text, error.message) : error
  }
}

function encodeOperand(path: string, value: Value): EncodedValue {
  try {
    return encodeValue(value)
  } catch (error) {
    throw error instanceof Fault ? invalidFilter(path, error.message) : error
  }
}

type Condition = Exclude<Filter, { readonly op: "and" | "or" } | { readonly op: "not" }>

/** Whether a condition holds when no value passes its test. */
function isNegated(condition: Condition): boolean {
  return condition.op === "ne" || condition.op === "notIn" || (condition.op === "exists" && !condition.value)
}

function testOf(condition: Condition): PathVisitor {
  const { path } = condition
  switch (condition.op) {
    case "eq":
    case "ne":
      return equalTest(encodeOperand(path, condition.value))
    case "in":
    case "notIn":
      return anyOfTest(path, condition.values)
    case "prefix":
      return prefixTest(encodeOperand(path, condition.value))
    case "between":
      return betweenTest(encodeOperand(path, condition.low), encodeOperand(path, condition.high))
    case "exists":
      return new ExistsTest()
    default:
      return boundTest(condition.op, encodeOperand(path, condition.value))
  }
}

function equalTest(operand: EncodedValue): PathVisitor {
  if (operand.type === Type.STRING) return new EqualStringTest(operand)
  const number = exactNumber(operand)
  return number === undefined ? new EqualTest(operand) : new EqualNumberTest(operand, number)
}

function anyOfTest(path: string, values: ReadonlyArray<Value>): PathVisitor {
  if (values.length > FILTER_CONDITIONS_MAX) throw invalidFilter(path, `"in" takes at most ${FILTER_CONDITIONS_MAX} values`)
  const [first] = values
  if (values.length === 1 && first !== undefined) return equalTest(encodeOperand(path, first))
  return new AnyOfTest(values.map((value) => encodeOperand(path, value)))
}

function prefixTest(operand: EncodedValue): PathVisitor {
  return new PrefixTest(operand.bytes.slice(operand.at + 4, operand.at + 3 + readInt32(operand.bytes, operand.at)))
}

function boundTest(op: "lt" | "le" | "gt" | "ge", value: EncodedValue): PathVisitor {
  const inclusive = op === "le" || op === "ge"
  if (isNaNValue(value.bytes, value.type, value.at)) return inclusive ? new EqualTest(value) : new NeverTest()
  const bound = { value, inclusive }
  return op === "lt" || op === "le" ? rangeTest(undefined, bound) : rangeTest(bound, undefined)
}

function betweenTest(low: EncodedValue, high: EncodedValue): PathVisitor {
  const lowIsNaN = isNaNValue(low.bytes, low.type, low.at)
  const highIsNaN = isNaNValue(high.bytes, high.type, high.at)
  if (lowIsNaN || highIsNaN) return lowIsNaN && highIsNaN ? new EqualTest(low) : new NeverTest()
  return rangeTest({ value: low, inclusive: true }, { value: high, inclusive: true })
}

function rangeTest(low: Bound | undefined, high: Bound | undefined): PathVisitor {
  const exact = new RangeTest(low, high)
  const isPlain = (bound: Bound | undefined): boolean => bound === undefined || exactNumber(bound.value) !== undefined
  return isPlain(low) && isPlain(high) ? new NumberRangeTest(exact, low, high) : exact
}
