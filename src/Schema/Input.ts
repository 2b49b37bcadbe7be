/**
 * Input from outside (parameters, queries, headers, forms, JSON bodies) turned into BSON under a schema.
 *
 * Invariants
 * - Nothing is guessed: a text is taken for a number, date or key only where the schema says so, and only in its one documented form.
 * - Every bad field gives an issue with a JSON pointer, up to `ISSUES_MAX`; with issues nothing is written.
 * - What is written has the schema's encodings, order and defaults.
 */
import { type JsonLimits, parseJson } from "../Bson/Json.ts"
import * as Type from "../Bson/Type.ts"
import { Writer } from "../Bson/Writer.ts"
import { buildField, buildStruct } from "./Build.ts"
import { checkField as checkFieldDefinition, checkFields } from "./Check.ts"
import type { Field, Fields } from "./Definition.ts"
import { invalidSchema } from "./Errors.ts"
import type { Issue } from "./Issue.ts"
import { BAD, checkField, Context, JSON_TEXT, PLAIN_TEXT, type SchemaNode, writeField } from "./Node.ts"

export interface InputOptions {
  /**
   * What to do with names that the schema lacks: `"refuse"` (the default) gives an issue for each, `"ignore"` leaves them out
   * (for queries and headers, where strangers add their own). Only top-level names are ever ignored.
   */
  readonly unknownFields?: "refuse" | "ignore"
}

/** Up to this many pairs are compared with each other to see that no name occurs twice. */
const SINGLE_PAIRS_MAX = 16

/** Reads input of one schema. Keeps its buffers between calls; may not be used from within its own calls. */
export class InputReader {
  /** The BSON type of the value written last. */
  writtenType = Type.DOCUMENT
  private readonly root: SchemaNode
  private readonly fields: Fields
  private readonly context = new Context()
  private readonly raw = new Writer()

  constructor(root: SchemaNode, fields: Fields, options: InputOptions) {
    this.root = root
    this.fields = fields
    this.context.ignoreUnknown = options.unknownFields === "ignore"
  }

  /**
   * Appends a document made of decoded names and values, in the order of the input.
   *
   * A name that occurs several times becomes an array, and so does any name of an array field. An empty text for a field that is not text
   * counts as left out when the field may be left out, else as null when it may be null: that is how forms send empty inputs.
   * Accepted texts: int, long, number as in JSON; decimal likewise; boolean true/false, on/off, 1/0; date `2026-01-31` or
   * `2026-01-31T12:00:00Z`; key and UUID in hex or UUID form; ObjectId in hex; binary in base64. Faults with TooLarge.
   */
  fromStrings(pairs: Iterable<readonly [string, string]>, writer: Writer): ReadonlyArray<Issue> {
    this.raw.reset()
    const start = this.raw.beginDocument()
    if (this.areSingle(pairs)) for (const [name, value] of pairs) this.writeText(name, value)
    else for (const [name, values] of this.group(pairs)) this.writeTexts(name, values)
    this.raw.endDocument(start)
    return this.convert(PLAIN_TEXT, Type.DOCUMENT, writer)
  }

  /**
   * Appends the value of a JSON text; `writtenType` is its type. Dates, keys, UUIDs, ObjectIds and binary data are strings in JSON, decimals
   * and longs strings or numbers. Faults with InvalidJson (line, column) when the text is no JSON, and with TooLarge.
   */
  fromJson(text: Uint8Array, writer: Writer, limits: JsonLimits = {}): ReadonlyArray<Issue> {
    this.raw.reset()
    return this.convert(JSON_TEXT, parseJson(text, this.raw, limits), writer)
  }

  /**
   * Appends the document at `at`, which has passed `validate`; its values may also be in the forms that `fromJson` or `fromStrings` take.
   * Faults with TooLarge.
   */
  fromDocument(bytes: Uint8Array, at: number, forms: "json" | "strings", writer: Writer): ReadonlyArray<Issue> {
    return this.accept(forms === "json" ? JSON_TEXT : PLAIN_TEXT, Type.DOCUMENT, bytes, at, writer)
  }

  private convert(mode: number, type: number, writer: Writer): ReadonlyArray<Issue> {
    return this.accept(mode, type, this.raw.bytes, 0, writer)
  }

  private accept(mode: number, type: number, bytes: Uint8Array, at: number, writer: Writer): ReadonlyArray<Issue> {
    const { context, root } = this
    context.begin(bytes, mode)
    if (checkField(root, context, bytes, type, at) === BAD) return context.issues
    this.writtenType = writeField(root, context, writer, bytes, type, at)
    return []
  }

  /** Whether every name stands for one value, so that nothing has to be gathered: the usual case, found out without allocating. */
  private areSingle(pairs: Iterable<readonly [string, string]>): pairs is ReadonlyArray<readonly [string, string]> {
    if (!Array.isArray(pairs) || pairs.length > SINGLE_PAIRS_MAX) return false
    for (let index = 0; index < pairs.length; index++) {
      const name: string = pairs[index][0]
      if (name.includes("\0") || this.fieldOf(name)?.type === "array") return false
      for (let other = 0; other < index; other++) if (pairs[other][0] === name) return false
    }
    return true
  }

  private fieldOf(name: string): Field | undefined {
    return Object.hasOwn(this.fields, name) ? this.fields[name] : undefined
  }

  private group(pairs: Iterable<readonly [string, string]>): Map<string, Array<string>> {
    const groups = new Map<string, Array<string>>()
    for (const [name, value] of pairs) {
      // BSON names hold no NUL, so no field is called that: one that stands for it is reported as unknown.
      const key = name.replaceAll("\0", "\uFFFD")
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [value])
      else group.push(value)
    }
    return groups
  }

  private writeTexts(name: string, values: ReadonlyArray<string>): void {
    const { raw } = this
    const [first = ""] = values
    if (values.length === 1 && this.fieldOf(name)?.type !== "array") return this.writeText(name, first)
    raw.name(Type.ARRAY, name)
    const start = raw.beginDocument()
    values.forEach((value, index) => {
      raw.index(Type.STRING, index)
      raw.string(value)
    })
    raw.endDocument(start)
  }

  private writeText(name: string, value: string): void {
    const { raw } = this
    const field = value === "" ? this.fieldOf(name) : undefined
    if (field !== undefined && !isTextual(field)) {
      if (field.optional === true || field.default !== undefined) return
      if (field.nullable === true) return raw.name(Type.NULL, name)
    }
    raw.name(Type.STRING, name)
    raw.string(value)
  }
}

/** Whether an empty text may be the value of a field. */
function isTextual(field: Field): boolean {
  if (field.type === "union") return field.members.some(isTextual)
  return field.type === "string" || field.type === "any" || (field.type === "literals" && field.values.includes(""))
}

/** Whether the definition is one field (its `type` is a text) and not a record of fields (one of which may be called type). */
function isField(definition: Field | Fields): definition is Field {
  return typeof definition.type === "string"
}

/**
 * A reader of input: of an object with these fields, or of a value of this field. Faults with InvalidSchema.
 *
 * @example
 * ```ts
 * const reader = compileInput({ page: { type: "int", min: 1, default: 1 }, tag: { type: "array", items: { type: "string" } } })
 * const issues = reader.fromStrings(new URLSearchParams("page=2&tag=a&tag=b"), writer)
 * ```
 */
export function compileInput(definition: Field | Fields, options: InputOptions = {}): InputReader {
  const issues = isField(definition) ? checkFieldDefinition(definition) : checkFields(definition)
  if (issues.length > 0) throw invalidSchema(issues)
  if (!isField(definition)) return new InputReader(buildStruct(definition), definition, options)
  return new InputReader(buildField(definition), definition.type === "struct" ? definition.fields : {}, options)
}
