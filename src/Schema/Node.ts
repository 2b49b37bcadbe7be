/**
 * What a compiled schema is made of: a tree of nodes, one per field, that check values and write them in the schema's encoding.
 *
 * Invariants
 * - `check` reads only; `write` is called only for values whose `check` did not say `BAD`, with the same context and bytes.
 * - Nodes form a tree, so a node is never active twice at once and may keep scratch space of its own.
 * - Bytes have passed `validate`.
 */
import * as Type from "../Bson/Type.ts"
import { elementName } from "../Bson/View.ts"
import type { Writer } from "../Bson/Writer.ts"
import { type Issue, type IssueCode, ISSUES_MAX, pointerPart } from "./Issue.ts"

/** The value already is what the schema wants. */
export const SAME = 0
/** The value means what the schema wants, but has to be written anew. */
export const REWRITE = 1
/** The value does not fit; the context has an issue. */
export const BAD = 2

/** Values come from a program: only numbers and kinds of ids may change their encoding. */
export const STRICT = 0
/** Values come from JSON: dates, keys, decimals and the like are strings. */
export const JSON_TEXT = 1
/** Values come from a URL or form: everything is a string. */
export const PLAIN_TEXT = 2

/** Documents nest at most 100 deep; a path has an element for every level but the first. */
const DEPTH_MAX = 128

/** What one run of a check knows: where the values come from, where it is, and what it found. */
export class Context {
  mode = STRICT
  /** Whether fields that a schema does not name are left out instead of refused; only at the top of an input. */
  ignoreUnknown = false
  issues: Array<Issue> = []
  private bytes: Uint8Array = new Uint8Array(0)
  private readonly elements = new Int32Array(DEPTH_MAX)
  private depth = 0

  begin(bytes: Uint8Array, mode: number): void {
    this.bytes = bytes
    this.mode = mode
    this.depth = 0
    if (this.issues.length > 0) this.issues = []
  }

  /** Enters the element at an offset: issues are reported there until `leave`. */
  enter(elementAt: number): void {
    this.elements[this.depth++] = elementAt
  }

  leave(): void {
    this.depth--
  }

  /** How deep the value is: 0 for the one that the check began with. */
  level(): number {
    return this.depth
  }

  /** Notes an issue at the current element, or at its field `name`; returns BAD. */
  report(code: IssueCode, message: string, name?: string): typeof BAD {
    if (this.issues.length >= ISSUES_MAX) return BAD
    let pointer = ""
    for (let index = 0; index < this.depth; index++) pointer += `/${pointerPart(elementName(this.bytes, this.elements[index]!))}`
    this.issues.push({ pointer: name === undefined ? pointer : `${pointer}/${pointerPart(name)}`, code, message })
    return BAD
  }

  /** Reports that the value is of the wrong type; returns BAD. */
  wrongType(expected: string, type: number): typeof BAD {
    return this.report(
      "type",
      type === Type.NULL ? `expected ${expected}, not null` : `expected ${expected}, found ${found(type, this.mode)}`
    )
  }
}

const jsonNames = new Map<number, string>([
  [Type.DOCUMENT, "an object"],
  [Type.ARRAY, "an array"],
  [Type.STRING, "a string"],
  [Type.BOOLEAN, "a boolean"]
])

/** What people who sent JSON or text would call a type. */
function found(type: number, mode: number): string {
  return mode === STRICT ? Type.typeName(type) : (jsonNames.get(type) ?? "a number")
}

/** The compiled form of a field. */
export abstract class SchemaNode {
  nullable = false
  optional = false
  /** A document whose only element is the default's value in the schema's encoding. */
  defaultValue: Uint8Array | undefined = undefined
  /** The BSON type that needs no further look, or -1 when the node has limits to check or several types. */
  plainType = -1

  /** What is expected, for messages: "an int". */
  abstract readonly expected: string

  /** SAME, REWRITE or BAD (after reporting why) for a value; `null` of nullable fields is dealt with before. */
  abstract check(context: Context, bytes: Uint8Array, type: number, at: number): number

  /** Writes a value that was found SAME or REWRITE and returns its type. */
  abstract write(context: Context, writer: Writer, bytes: Uint8Array, type: number, at: number): number
}

/** Checks the value of a field, null included. */
export function checkField(node: SchemaNode, context: Context, bytes: Uint8Array, type: number, at: number): number {
  if (type === node.plainType || (type === Type.NULL && node.nullable)) return SAME
  return node.check(context, bytes, type, at)
}

/** Writes the value of a field, null included, and returns its type. */
export function writeField(node: SchemaNode, context: Context, writer: Writer, bytes: Uint8Array, type: number, at: number): number {
  if (type === Type.NULL && node.nullable) return Type.NULL
  return node.write(context, writer, bytes, type, at)
}
