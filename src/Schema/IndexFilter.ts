/** Checks the filter of a partial index, and reads its values: plain JSON in the form that the store's fields have in JSON. */
import { decode, type Value } from "../Bson/Value.ts"
import { Fault } from "../Fault/Fault.ts"
import { buildField, encodeDefault } from "./Build.ts"
import type { Field, Fields, IndexFilter } from "./Definition.ts"
import { fieldsAt } from "./FieldPath.ts"
import { checkObject, isObject, Reporter } from "./Reporter.ts"

/** How deep the filter of an index may nest. */
export const INDEX_FILTER_DEPTH_MAX = 10
/** How many conditions, groups included, the filter of an index may have. */
export const INDEX_FILTER_CONDITIONS_MAX = 100

const COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge"] as const
const OPERATORS = [...COMPARISONS, "in", "notIn", "between", "prefix", "exists", "and", "or", "not"]

/** Reports what is wrong with a filter; with no fields (the schema has issues of its own) paths and values are not looked at. */
export function checkIndexFilter(reporter: Reporter, pointer: string, filter: unknown, fields: Fields | undefined): void {
  new FilterReader(reporter, fields).read(pointer, filter, 1)
}

/** The (checked) filter with values in place of their JSON forms. */
export function readIndexFilter(filter: IndexFilter, fields: Fields): IndexFilter<Value> {
  const reporter = new Reporter()
  const read = new FilterReader(reporter, fields).read("", filter, 1)
  const [issue] = reporter.issues
  if (read === undefined || issue !== undefined) throw new Error(`a filter that was not checked: ${issue?.pointer} ${issue?.message}`)
  return read
}

class FilterReader {
  readonly #reporter: Reporter
  readonly #fields: Fields | undefined
  #conditions = 0

  constructor(reporter: Reporter, fields: Fields | undefined) {
    this.#reporter = reporter
    this.#fields = fields
  }

  /** The filter; undefined, and an issue, where there is none. */
  read(pointer: string, filter: unknown, depth: number): IndexFilter<Value> | undefined {
    const op: unknown = isObject(filter) ? filter["op"] : undefined
    if (depth > INDEX_FILTER_DEPTH_MAX) return this.#refuse(pointer, `filters nest at most ${INDEX_FILTER_DEPTH_MAX} deep`)
    if (++this.#conditions > INDEX_FILTER_CONDITIONS_MAX) {
      return this.#refuse(pointer, `the filter of an index has at most ${INDEX_FILTER_CONDITIONS_MAX} conditions`)
    }
    if (!isObject(filter) || typeof op !== "string" || !OPERATORS.includes(op)) {
      return this.#refuse(`${pointer}/op`, `must be one of ${OPERATORS.join(", ")}`)
    }
    if (op === "and" || op === "or") return this.#group(pointer, filter, op, depth)
    if (op !== "not") return this.#condition(pointer, filter, op)
    if (!this.#hasMembers(pointer, filter, ["op", "of"])) return undefined
    const of = this.read(`${pointer}/of`, filter["of"], depth + 1)
    return of === undefined ? undefined : { op, of }
  }

  #group(pointer: string, filter: Record<string, unknown>, op: "and" | "or", depth: number): IndexFilter<Value> | undefined {
    if (!this.#hasMembers(pointer, filter, ["op", "of"])) return undefined
    const parts = filter["of"]
    if (!Array.isArray(parts) || parts.length === 0) return this.#refuse(`${pointer}/of`, "a list of filters is needed")
    const of = parts.map((part: unknown, index) => this.read(`${pointer}/of/${index}`, part, depth + 1))
    return of.every((part) => part !== undefined) ? { op, of } : undefined
  }

  #condition(pointer: string, filter: Record<string, unknown>, op: string): IndexFilter<Value> | undefined {
    const isList = op === "in" || op === "notIn"
    const operands = op === "between" ? ["low", "high"] : isList ? ["values"] : ["value"]
    if (!this.#hasMembers(pointer, filter, ["op", "path", ...operands])) return undefined
    const { path } = filter
    if (typeof path !== "string") return this.#refuse(`${pointer}/path`, "expected a string")
    if (op === "exists" || op === "prefix") return this.#plain(pointer, filter["value"], op, path)
    const fields = this.#fields === undefined ? undefined : fieldsAt(this.#fields, path).fields
    if (fields?.length === 0) return this.#refuse(`${pointer}/path`, "leads to no field of the schema")
    const value = (place: string, json: unknown): Value | undefined => this.#value(`${pointer}/${place}`, json, fields)
    if (isList) {
      const list = filter["values"]
      if (!Array.isArray(list) || list.length > INDEX_FILTER_CONDITIONS_MAX) {
        return this.#refuse(`${pointer}/values`, `expected a list of at most ${INDEX_FILTER_CONDITIONS_MAX} values`)
      }
      const values = list.map((json: unknown, index) => value(`values/${index}`, json))
      return values.every((each) => each !== undefined) ? { op, path, values } : undefined
    }
    if (op === "between") {
      const [low, high] = [value("low", filter["low"]), value("high", filter["high"])]
      return low === undefined || high === undefined ? undefined : { op, path, low, high }
    }
    const operand = value("value", filter["value"])
    return operand === undefined ? undefined : { op: op as (typeof COMPARISONS)[number], path, value: operand }
  }

  #plain(pointer: string, value: unknown, op: "exists" | "prefix", path: string): IndexFilter<Value> | undefined {
    if (this.#fields !== undefined && fieldsAt(this.#fields, path).fields.length === 0) {
      return this.#refuse(`${pointer}/path`, "leads to no field of the schema")
    }
    if (op === "prefix") return typeof value === "string" ? { op, path, value } : this.#refuse(`${pointer}/value`, "expected a string")
    return typeof value === "boolean" ? { op, path, value } : this.#refuse(`${pointer}/value`, "expected true or false")
  }

  /** The value of a JSON form by the first of the fields that takes it. Null stands for a missing field everywhere. */
  #value(pointer: string, json: unknown, fields: ReadonlyArray<Field> | undefined): Value | undefined {
    if (json === null || fields === undefined) return null
    let reason = "is no value"
    try {
      for (const field of fields) {
        const { bytes, issues } = encodeDefault(buildField(field), json)
        if (bytes !== undefined) return decode(bytes)[""]
        reason = issues[0]?.message ?? reason
      }
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      reason = "must be plain JSON"
    }
    return this.#refuse(pointer, reason)
  }

  #hasMembers(pointer: string, filter: Record<string, unknown>, names: ReadonlyArray<string>): boolean {
    return checkObject(this.#reporter, pointer, filter, names, []) && names.every((name) => filter[name] !== undefined)
  }

  #refuse(pointer: string, message: string): undefined {
    this.#reporter.report(pointer, "invalid", message)
  }
}
