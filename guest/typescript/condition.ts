/** Conditions: what `filter` takes, and the filter documents they become. */
import { undefinedValue } from "./errors.ts"
import { native } from "./native.ts"
import type { At, ItemAt, Path } from "./paths.ts"

/** A filter in the form the host takes it. */
export type Filter = Record<string, unknown>

/** What the path form of `filter` compares with. */
export type Operator =
  | "="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "in"
  | "not in"
  | "between"
  | "startsWith"
  | "endsWith"
  | "contains"
  | "~"
  | "exists"
  | "is"
  | "size"
  | "any"
  | "all"

/** The names of types that `is` takes. */
export type TypeName =
  | "array"
  | "binary"
  | "boolean"
  | "date"
  | "decimal"
  | "document"
  | "double"
  | "int"
  | "key"
  | "long"
  | "null"
  | "number"
  | "objectId"
  | "string"
  | "uuid"

/** A value in the form a filter takes it. Keys may also be given as text. */
type Comparable<Value> = Value extends { readonly toJSON: () => string } ? Value | string : Value

/** A text where the path may hold one, or something unknown; else nothing fits. */
type TextOf<Value> = unknown extends Value ? string : [Extract<Value, string>] extends [never] ? never : string

interface Operands<Value, Item> {
  readonly in: ReadonlyArray<Comparable<Value>>
  readonly "not in": ReadonlyArray<Comparable<Value>>
  readonly between: readonly [low: Comparable<Value>, high: Comparable<Value>]
  readonly startsWith: TextOf<Value>
  readonly endsWith: TextOf<Value>
  readonly contains: Comparable<Value> | string
  readonly "~": TextOf<Value> | (TextOf<Value> extends never ? never : RegExp)
  readonly exists: boolean
  readonly is: TypeName
  readonly size: number
  readonly any: ElementCondition<Item>
  readonly all: ElementCondition<Item>
}

/** What an operator compares with; `Item` are the elements of an array. */
export type Operand<Value, Item, With extends Operator> = With extends keyof Operands<Value, Item>
  ? Operands<Value, Item>[With]
  : Comparable<Value> | null

type Comparing = Exclude<Operator, "any" | "all">
type ElementPart<Item> =
  | { [With in Comparing]: readonly ["this", With, Operand<Item, never, With>] }[Comparing]
  | (Item extends object ? Conditions<Item> | Condition<Item> : never)

/** What elements of an array are tested for: one condition, or a list of them that all have to hold for the same element. `"this"` is the element. */
export type ElementCondition<Item> = ElementPart<Item> | ReadonlyArray<ElementPart<Item>>

declare const skipped: unique symbol
/** A condition that was left out on purpose. */
export interface Skipped {
  readonly [skipped]: true
}
const SKIPPED = Object.freeze({}) as Skipped

/**
 * Leaves a condition out when there is no value for it.
 *
 * @example
 * ```ts
 * orders.filter({ status: "pending", customer: optional(query.customer) })
 * ```
 */
export function optional<Value>(value: Value | undefined): Value | Skipped {
  return value === undefined ? SKIPPED : value
}

/** Conditions that all have to hold: the value of each path. */
export type Conditions<Row> = { readonly [Where in Path<Row>]?: Comparable<At<Row, Where>> | null | Skipped }

/** A condition as a list: path, operator, value. */
export type Condition<Row> = {
  [Where in Path<Row>]: { [With in Operator]: readonly [Where, With, Operand<At<Row, Where>, ItemAt<Row, Where>, With>] }[Operator]
}[Path<Row>]

/** The store a query is about, and how its fields are made from text (keys may be given as text). */
export interface Target {
  readonly name: string
  readonly fromText: Readonly<Record<string, (text: string) => unknown>>
}

const OPERATORS: Readonly<Record<Operator, string>> = {
  "=": "$eq",
  "!=": "$ne",
  "<": "$lt",
  "<=": "$lte",
  ">": "$gt",
  ">=": "$gte",
  in: "$in",
  "not in": "$nin",
  between: "$between",
  startsWith: "$prefix",
  endsWith: "$suffix",
  contains: "$contains",
  "~": "$regex",
  exists: "$exists",
  is: "$type",
  size: "$size",
  any: "$any",
  all: "$every"
}

/** A condition of either form, as a filter document. */
export function group(target: Target, condition: object): Filter {
  const filter = Array.isArray(condition) ? comparison(target, condition[0], condition[1], condition[2]) : equalities(target, condition)
  return filter ?? {}
}

/** `{ path: value }` for every value that was not left out; undefined when all were. */
export function equalities(target: Target, conditions: object): Filter | undefined {
  return native.conditions(conditions, target.fromText, SKIPPED)
}

/** `{ path: { $operator: value } }`; undefined when the value was left out. */
export function comparison(target: Target, path: string, operator: Operator | undefined, value: unknown): Filter | undefined {
  const name = operator === undefined ? undefined : OPERATORS[operator]
  if (name === undefined) throw new TypeError(`"${String(operator)}" is no operator: ${Object.keys(OPERATORS).join(" ")}`)
  if (value === SKIPPED) return undefined
  if (name === "$any" || name === "$every") return { [path]: { [name]: elements(value) } }
  if (name === "$regex") return { [path]: { $regex: pattern(value as RegExp | string) } }
  const list = name === "$in" || name === "$nin" || name === "$between"
  return {
    [path]: { [name]: list && Array.isArray(value) ? value.map((each) => fromText(target, path, each)) : fromText(target, path, value) }
  }
}

/** The value to compare with: what the text of a key stands for, everything else as it is. */
function fromText(target: Target, path: string, value: unknown): unknown {
  if (value === undefined) throw undefinedValue(`the value for ${path} in a filter`)
  const parse = typeof value === "string" ? target.fromText[path] : undefined
  if (parse === undefined) return value
  const parsed = parse(value as string)
  if (parsed === undefined) throw new TypeError(`the text that ${path} is compared with is not what the field holds`)
  return parsed
}

/** The elements of an array are values of their own: what a field's text would stand for is not looked up. */
const ELEMENT: Target = { name: "", fromText: {} }

/** A condition on elements, or a list of them, as a filter document. */
export function elements(condition: unknown): Filter {
  const isList = Array.isArray(condition) && typeof condition[0] !== "string"
  const filters = (isList ? (condition as ReadonlyArray<unknown>) : [condition]).map((part) => {
    if (!Array.isArray(part)) return group(ELEMENT, part as object)
    const [path, operator, value] = part as [string, Operator, unknown]
    return comparison(ELEMENT, path === "this" ? "$this" : path, operator, value) ?? {}
  })
  const only = filters.length === 1 ? filters[0] : undefined
  return only ?? { $and: filters }
}

/** The pattern of a regular expression. What is about how it runs (g, y, u, v, d) says nothing here. */
function pattern(given: RegExp | string): unknown {
  if (typeof given === "string") return given
  const flags = [...given.flags].filter((flag) => "ims".includes(flag)).join("")
  return flags === "" ? given.source : [given.source, flags]
}
