/**
 * Checks definitions that come from outside: manifests, configuration, programs without types.
 *
 * Invariants
 * - Nothing is assumed about the value; unknown members are refused, so that a mistyped limit is no silent gap.
 * - Every mistake has a JSON pointer relative to the value that was given; at most `ISSUES_MAX` are reported.
 * - A definition without issues compiles.
 */
import { Fault } from "../Fault/Fault.ts"
import { buildField, encodeDefault } from "./Build.ts"
import { checkIndexes } from "./CheckIndexes.ts"
import { DURABILITY_LEVELS, type Field, type Fields, type IdKind, type StoreDefinition } from "./Definition.ts"
import type { Issue } from "./Issue.ts"
import { checkMigrations } from "./Migration.ts"
import { checkObject, isObject, Reporter } from "./Reporter.ts"

/** How deep fields may nest. */
export const FIELD_DEPTH_MAX = 32
/** How many fields, members of unions included, a definition may have. */
export const FIELDS_MAX = 2000
/** How many values a literals field may have. */
export const LITERALS_MAX = 1000
/** How many characters a field's name may have. */
export const FIELD_NAME_LENGTH_MAX = 255

const STORE_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/
const ID_KINDS: ReadonlyArray<IdKind> = ["key", "uuid", "objectId", "string", "int", "long"]

/** The issues of a store's definition; none: it is a `StoreDefinition`. */
export function checkStore(value: unknown): ReadonlyArray<Issue> {
  const reporter = new Reporter()
  if (!checkObject(reporter, "", value, ["name", "idKind", "schema", "indexes"], ["durability", "version", "migrations"]))
    return reporter.issues
  if (typeof value.name !== "string" || !STORE_NAME.test(value.name)) {
    reporter.report("/name", "invalid", "a store's name is 1 to 64 letters, digits, _ and -, starting with a letter")
  }
  if (!ID_KINDS.some((kind) => kind === value.idKind)) reporter.report("/idKind", "invalid", `must be one of ${ID_KINDS.join(", ")}`)
  if (value.durability !== undefined && !DURABILITY_LEVELS.some((level) => level === value.durability)) {
    reporter.report("/durability", "invalid", `must be one of ${DURABILITY_LEVELS.join(", ")}`)
  }
  const checker = new FieldChecker(reporter)
  checker.fields("/schema", value.schema, 1)
  if (isObject(value.schema) && Object.hasOwn(value.schema, "_id")) {
    reporter.report("/schema/_id", "invalid", "every store has an _id: its kind is idKind")
  }
  const schemaHolds = !reporter.issues.some((issue) => issue.pointer.startsWith("/schema"))
  checkIndexes(reporter, "/indexes", value.indexes, schemaHolds ? (value.schema as Fields) : undefined)
  checkMigrations(reporter, value.version, value.migrations)
  return reporter.issues
}

/** The issues of a record of fields; none: it is a `Fields`. */
export function checkFields(value: unknown): ReadonlyArray<Issue> {
  const reporter = new Reporter()
  new FieldChecker(reporter).fields("", value, 1)
  return reporter.issues
}

/** The issues of one field; none: it is a `Field`. */
export function checkField(value: unknown): ReadonlyArray<Issue> {
  const reporter = new Reporter()
  new FieldChecker(reporter).field("", value, 1)
  return reporter.issues
}

/** Whether a value is a store's definition: `checkStore` without the reasons. */
export function isStoreDefinition(value: unknown): value is StoreDefinition {
  return checkStore(value).length === 0
}

type MemberCheck = (checker: FieldChecker, pointer: string, value: unknown, depth: number) => void

interface TypeShape {
  readonly required: Readonly<Record<string, MemberCheck>>
  readonly optional: Readonly<Record<string, MemberCheck>>
}

const count: MemberCheck = (checker, pointer, value) =>
  checker.expect(pointer, Number.isSafeInteger(value) && (value as number) >= 0, "must be a whole number, 0 or more")
const int32: MemberCheck = (checker, pointer, value) =>
  checker.expect(pointer, typeof value === "number" && (value | 0) === value, "must be a whole number of 32 bits")
const number: MemberCheck = (checker, pointer, value) => checker.expect(pointer, Number.isFinite(value), "must be a finite number")
const long: MemberCheck = (checker, pointer, value) =>
  checker.expect(pointer, typeof value === "string" && isInt64Text(value), "must be a whole number of 64 bits, as a string")
const text: MemberCheck = (checker, pointer, value) => checker.expect(pointer, typeof value === "string", "must be a string")
const pattern: MemberCheck = (checker, pointer, value) =>
  checker.expect(pointer, typeof value === "string" && isPattern(value), "must be a regular expression")
const field: MemberCheck = (checker, pointer, value, depth) => checker.field(pointer, value, depth + 1)
const fields: MemberCheck = (checker, pointer, value, depth) => checker.fields(pointer, value, depth + 1)
const members: MemberCheck = (checker, pointer, value, depth) => checker.members(pointer, value, depth + 1)
const literals: MemberCheck = (checker, pointer, value) => checker.literals(pointer, value)

const shapes: Readonly<Record<Field["type"], TypeShape>> = {
  string: { required: {}, optional: { minLength: count, maxLength: count, pattern } },
  int: { required: {}, optional: { min: int32, max: int32 } },
  long: { required: {}, optional: { min: long, max: long } },
  number: { required: {}, optional: { min: number, max: number } },
  decimal: { required: {}, optional: {} },
  boolean: { required: {}, optional: {} },
  date: { required: {}, optional: {} },
  key: { required: {}, optional: { store: text } },
  uuid: { required: {}, optional: {} },
  objectId: { required: {}, optional: {} },
  binary: { required: {}, optional: { maxLength: count } },
  literals: { required: { values: literals }, optional: {} },
  array: { required: { items: field }, optional: { minItems: count, maxItems: count } },
  struct: { required: { fields }, optional: {} },
  record: { required: { values: field }, optional: { maxEntries: count } },
  union: { required: { members }, optional: {} },
  any: { required: {}, optional: {} }
}

function isFieldType(type: unknown): type is Field["type"] {
  return typeof type === "string" && Object.hasOwn(shapes, type)
}

function isInt64Text(value: string): boolean {
  return value.length <= 20 && /^-?(0|[1-9]\d*)$/.test(value) && BigInt.asIntN(64, BigInt(value)) === BigInt(value)
}

function isPattern(value: string): boolean {
  try {
    return new RegExp(value, "u") instanceof RegExp
  } catch {
    return false
  }
}

class FieldChecker {
  private readonly reporter: Reporter
  private fieldCount = 0

  constructor(reporter: Reporter) {
    this.reporter = reporter
  }

  expect(pointer: string, holds: boolean, message: string): void {
    if (!holds) this.reporter.report(pointer, "invalid", message)
  }

  fields(pointer: string, value: unknown, depth: number): void {
    if (!isObject(value)) return this.reporter.report(pointer, "type", "expected an object of fields")
    for (const [name, own] of Object.entries(value)) {
      const place = this.reporter.join(pointer, name)
      this.expect(place, isFieldName(name), `a field's name has 1 to ${FIELD_NAME_LENGTH_MAX} characters, no dot, no NUL and no $ in front`)
      this.field(place, own, depth)
    }
  }

  members(pointer: string, value: unknown, depth: number): void {
    if (!Array.isArray(value) || value.length === 0) return this.reporter.report(pointer, "type", "expected an array of one or more fields")
    value.forEach((member, index) => {
      this.field(`${pointer}/${index}`, member, depth)
      if (isObject(member) && (member.optional !== undefined || member.default !== undefined)) {
        this.reporter.report(`${pointer}/${index}`, "invalid", "a member of a union is neither optional nor has a default")
      }
    })
  }

  literals(pointer: string, value: unknown): void {
    if (!Array.isArray(value) || value.length === 0 || value.length > LITERALS_MAX) {
      return this.reporter.report(pointer, "type", `expected an array of 1 to ${LITERALS_MAX} values`)
    }
    value.forEach((literal: unknown, index) => {
      const fits = literal === null || typeof literal === "string" || typeof literal === "boolean" || Number.isFinite(literal)
      this.expect(`${pointer}/${index}`, fits, "must be a string, a number, a boolean or null")
      if (value.indexOf(literal) !== index) this.reporter.report(`${pointer}/${index}`, "duplicate", "occurs twice")
    })
  }

  field(pointer: string, value: unknown, depth: number): void {
    if (depth > FIELD_DEPTH_MAX) return this.reporter.report(pointer, "invalid", `fields nest at most ${FIELD_DEPTH_MAX} deep`)
    if (++this.fieldCount > FIELDS_MAX) return this.reporter.reportOnce("invalid", `a definition has at most ${FIELDS_MAX} fields`)
    if (!isObject(value)) return this.reporter.report(pointer, "type", 'expected a field: an object with a "type"')
    if (!isFieldType(value.type)) {
      return this.reporter.report(`${pointer}/type`, "invalid", `must be one of ${Object.keys(shapes).join(", ")}`)
    }
    const shape = shapes[value.type]
    const before = this.reporter.issues.length
    const required = Object.keys(shape.required)
    checkObject(this.reporter, pointer, value, ["type", ...required], [...Object.keys(shape.optional), "optional", "nullable", "default"])
    for (const [name, check] of [...Object.entries(shape.required), ...Object.entries(shape.optional)]) {
      if (value[name] !== undefined) check(this, `${pointer}/${name}`, value[name], depth)
    }
    for (const flag of ["optional", "nullable"]) {
      if (value[flag] !== undefined) this.expect(`${pointer}/${flag}`, value[flag] === true, "must be true, or be left out")
    }
    if (this.reporter.issues.length > before) return
    this.limits(pointer, value)
    if (value.default !== undefined) this.defaultValue(pointer, value as Field, value.default)
  }

  private limits(pointer: string, value: Record<string, unknown>): void {
    for (const [low, high] of [
      ["minLength", "maxLength"],
      ["minItems", "maxItems"],
      ["min", "max"]
    ] as const) {
      const [least, most] = [value[low], value[high]]
      if (least === undefined || most === undefined) continue
      const inOrder = typeof least === "string" ? BigInt(least) <= BigInt(String(most)) : Number(least) <= Number(most)
      this.expect(`${pointer}/${low}`, inOrder, `must not be above ${high}`)
    }
  }

  /** The rest of the field has no issues. */
  private defaultValue(pointer: string, definition: Field, value: unknown): void {
    const { default: _default, ...rest } = definition
    try {
      const { issues } = encodeDefault(buildField(rest), value)
      for (const issue of issues) this.reporter.report(`${pointer}/default${issue.pointer}`, issue.code, issue.message)
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      this.reporter.report(`${pointer}/default`, "invalid", "must be plain JSON")
    }
  }
}

function isFieldName(name: string): boolean {
  return name !== "" && name.length <= FIELD_NAME_LENGTH_MAX && !/[.\0]/.test(name) && !name.startsWith("$") && name.isWellFormed()
}
