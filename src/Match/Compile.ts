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
 * - `prefix`, `suffix` and `contains` match strings by bytes, `regex` by a linear-time engine (`Regex.ts`). `contains` with any other value
 *   asks for an array with an element equal to it.
 * - `exists` asks for a value, be it null; `type` for a value of a BSON type (a missing field has none). `size` counts an array's elements.
 * - `any` holds when the path leads to an array with an element for which its whole filter holds, `all` when it leads to an array whose
 *   elements all do (also an empty one). Inside, the empty path is the element, tested as it is; other paths begin at it. An element that
 *   is no document fails a filter that names fields and not the element.
 * - An empty `and` holds, an empty `or` does not.
 */
import { Fault } from "../Fault/Fault.ts"
import { compilePath, type Path, type PathVisitor, resolve } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { type EncodedValue, encodeValue, type Value } from "../Bson/Value.ts"
import { findElement, readInt32 } from "../Bson/View.ts"
import { invalidFilter } from "./Errors.ts"
import { ELEMENT, type Filter } from "./Filter.ts"
import { type ElementPredicate, ElementsTest, equalElement, SizeTest } from "./ArrayTest.ts"
import { bothFields, FieldTest } from "./Fields.ts"
import { compileRegex } from "./Regex.ts"
import {
  AnyOfTest,
  type Bound,
  ContainsTest,
  EqualNumberTest,
  EqualStringTest,
  EqualTest,
  exactNumber,
  ExistsTest,
  isNaNValue,
  NeverTest,
  NumberRangeTest,
  PrefixTest,
  RangeTest,
  RegexTest,
  SuffixTest,
  TypeTest
} from "./Test.ts"
import { TYPE_NAMES, typeTest } from "./TypeName.ts"

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

/** Compiles a filter of the elements of an array: what stands inside `any`. Faults as `compileFilter` does. */
export function compileElementFilter(filter: Filter): ElementPredicate {
  return new FilterCompiler().element(filter, 1)
}

class FilterCompiler {
  private conditions = 0

  compile(filter: Filter, depth: number): Predicate {
    this.count(depth)
    switch (filter.op) {
      case "and":
        return this.pair(filter.of, depth + 1) ?? allOf(filter.of.map((part) => this.compile(part, depth + 1)))
      case "or":
        return anyOf(filter.of.map((part) => this.compile(part, depth + 1)))
      case "not":
        return negate(this.compile(filter.of, depth + 1))
      default: {
        const predicate = condition(filter.path, this.test(filter, depth))
        return isNegated(filter) ? negate(predicate) : predicate
      }
    }
  }

  /** Two conditions on two fields of the document itself, as one test. */
  private pair(of: ReadonlyArray<Filter>, depth: number): Predicate | undefined {
    const [first, second] = of
    if (of.length !== 2 || first === undefined || second === undefined) return undefined
    if (!isOnField(first) || !isOnField(second) || first.path === second.path) return undefined
    return bothFields(this.field(first, depth), this.field(second, depth))
  }

  private field(filter: Condition, depth: number): FieldTest {
    this.count(depth)
    const path = preparePath(filter.path)
    return new FieldTest(path, path.components[0]!.name, this.test(filter, depth), isNegated(filter))
  }

  /** A filter of elements, which are values rather than documents. */
  element(filter: Filter, depth: number): ElementPredicate {
    const passes = this.elementPart(filter, depth)
    return namesElement(filter) ? passes : (bytes, type, at) => type === Type.DOCUMENT && passes(bytes, type, at)
  }

  private elementPart(filter: Filter, depth: number): ElementPredicate {
    this.count(depth)
    switch (filter.op) {
      case "and":
      case "or": {
        const parts = filter.of.map((part) => this.elementPart(part, depth + 1))
        return filter.op === "and" ? everyPart(parts) : somePart(parts)
      }
      case "not": {
        const part = this.elementPart(filter.of, depth + 1)
        return (bytes, type, at) => !part(bytes, type, at)
      }
      default:
        return this.elementCondition(filter, depth)
    }
  }

  private elementCondition(filter: Condition, depth: number): ElementPredicate {
    const test = this.test(filter, depth)
    const negated = isNegated(filter)
    if (filter.path === ELEMENT) return (bytes, type, at) => test.visit(bytes, type, at) !== negated
    const passes = condition(filter.path, test)
    return (bytes, type, at) => (type === Type.DOCUMENT ? passes(bytes, at) : test.visit(bytes, Type.MISSING, 0)) !== negated
  }

  private test(filter: Condition, depth: number): PathVisitor {
    if (filter.op !== "any" && filter.op !== "all") return testOf(filter)
    return new ElementsTest(this.element(filter.of, depth + 1), filter.op === "all")
  }

  private count(depth: number): void {
    if (depth > FILTER_DEPTH_MAX) throw invalidFilter("", `filters nest at most ${FILTER_DEPTH_MAX} deep`)
    if (++this.conditions > FILTER_CONDITIONS_MAX) throw invalidFilter("", `a filter has at most ${FILTER_CONDITIONS_MAX} conditions`)
  }
}

function everyPart(parts: ReadonlyArray<ElementPredicate>): ElementPredicate {
  return (bytes, type, at) => {
    for (let index = 0; index < parts.length; index++) if (!parts[index]!(bytes, type, at)) return false
    return true
  }
}

function somePart(parts: ReadonlyArray<ElementPredicate>): ElementPredicate {
  return (bytes, type, at) => {
    for (let index = 0; index < parts.length; index++) if (parts[index]!(bytes, type, at)) return true
    return false
  }
}

/** Whether a filter is a condition on a field of the document itself. */
function isOnField(filter: Filter): filter is Condition {
  return "path" in filter && filter.path !== "" && !filter.path.includes(".")
}

/** Whether a filter of elements has a condition on the element itself. */
function namesElement(filter: Filter): boolean {
  switch (filter.op) {
    case "and":
    case "or":
      return filter.of.some(namesElement)
    case "not":
      return namesElement(filter.of)
    default:
      return filter.path === ELEMENT
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

function testOf(condition: Exclude<Condition, { readonly op: "any" | "all" }>): PathVisitor {
  const { path } = condition
  switch (condition.op) {
    case "eq":
    case "ne":
      return equalTest(encodeOperand(path, condition.value))
    case "in":
    case "notIn":
      return anyOfTest(path, condition.values)
    case "prefix":
      return new PrefixTest(textOf(encodeOperand(path, condition.value)))
    case "suffix":
      return new SuffixTest(textOf(encodeOperand(path, condition.value)))
    case "contains":
      return containsTest(encodeOperand(path, condition.value))
    case "regex":
      return new RegexTest(compileRegex(path, condition.pattern, condition.flags))
    case "type":
      return typeNameTest(path, condition.type)
    case "size":
      return sizeTest(path, condition.size)
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

/** The bytes of a string. */
function textOf(operand: EncodedValue): Uint8Array {
  return operand.bytes.slice(operand.at + 4, operand.at + 3 + readInt32(operand.bytes, operand.at))
}

function containsTest(operand: EncodedValue): PathVisitor {
  return operand.type === Type.STRING ? new ContainsTest(textOf(operand)) : new ElementsTest(equalElement(operand), false)
}

function typeNameTest(path: string, name: string): PathVisitor {
  const test = typeTest(name)
  if (test === undefined) throw invalidFilter(path, `"${name}" is no type, only ${TYPE_NAMES.join(", ")}`)
  return new TypeTest(test)
}

function sizeTest(path: string, size: number): PathVisitor {
  if (!Number.isInteger(size) || size < 0) throw invalidFilter(path, `size takes a whole number of elements, not ${size}`)
  return new SizeTest(size)
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
