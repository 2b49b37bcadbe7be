/** Nodes of arrays, records (any names, one kind of value) and unions. */
import * as Type from "../Bson/Type.ts"
import { documentEnd, firstElement, skipValue, textEnd } from "../Bson/View.ts"
import type { Writer } from "../Bson/Writer.ts"
import { BAD, checkField, type Context, REWRITE, SAME, SchemaNode, writeField } from "./Node.ts"

/** Checks every element of a document or array against one node; the worst verdict, or -1 - count when there were too many. */
function checkElements(node: SchemaNode, context: Context, bytes: Uint8Array, at: number): number {
  const end = documentEnd(bytes, at)
  let verdict = SAME
  for (let element = firstElement(at); element < end;) {
    const type = bytes[element]!
    const valueAt = textEnd(bytes, element + 1) + 1
    context.enter(element)
    const own = checkField(node, context, bytes, type, valueAt)
    context.leave()
    if (own > verdict) verdict = own
    element = skipValue(bytes, type, valueAt)
  }
  return verdict
}

function countElements(bytes: Uint8Array, at: number): number {
  const end = documentEnd(bytes, at)
  let count = 0
  for (let element = firstElement(at); element < end; count++) {
    element = skipValue(bytes, bytes[element]!, textEnd(bytes, element + 1) + 1)
  }
  return count
}

/** Writes every element through one node, names as they are. */
function writeElements(node: SchemaNode, context: Context, writer: Writer, bytes: Uint8Array, at: number): void {
  const start = writer.beginDocument()
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end;) {
    const type = bytes[element]!
    const valueAt = textEnd(bytes, element + 1) + 1
    const typeAt = writer.length
    writer.raw(bytes, element, valueAt - element)
    const written = writeField(node, context, writer, bytes, type, valueAt)
    writer.bytes[typeAt] = written
    element = skipValue(bytes, type, valueAt)
  }
  writer.endDocument(start)
}

export class ArrayNode extends SchemaNode {
  readonly expected = "an array"
  private readonly items: SchemaNode
  private readonly minItems: number
  private readonly maxItems: number

  constructor(items: SchemaNode, minItems: number | undefined, maxItems: number | undefined) {
    super()
    this.items = items
    this.minItems = minItems ?? 0
    this.maxItems = maxItems ?? Number.POSITIVE_INFINITY
  }

  check(context: Context, bytes: Uint8Array, type: number, at: number): number {
    if (type !== Type.ARRAY) return context.wrongType(this.expected, type)
    if (this.minItems > 0 || this.maxItems !== Number.POSITIVE_INFINITY) {
      const count = countElements(bytes, at)
      if (count < this.minItems) return context.report("too_few_items", `must have at least ${this.minItems} items`)
      if (count > this.maxItems) return context.report("too_many_items", `must have at most ${this.maxItems} items`)
    }
    return checkElements(this.items, context, bytes, at)
  }

  write(context: Context, writer: Writer, bytes: Uint8Array, _type: number, at: number): number {
    writeElements(this.items, context, writer, bytes, at)
    return Type.ARRAY
  }
}

export class RecordNode extends SchemaNode {
  readonly expected = "an object"
  private readonly values: SchemaNode
  private readonly maxEntries: number

  constructor(values: SchemaNode, maxEntries: number | undefined) {
    super()
    this.values = values
    this.maxEntries = maxEntries ?? Number.POSITIVE_INFINITY
  }

  check(context: Context, bytes: Uint8Array, type: number, at: number): number {
    if (type !== Type.DOCUMENT) return context.wrongType(this.expected, type)
    if (this.maxEntries !== Number.POSITIVE_INFINITY && countElements(bytes, at) > this.maxEntries) {
      return context.report("too_many_entries", `must have at most ${this.maxEntries} entries`)
    }
    return checkElements(this.values, context, bytes, at)
  }

  write(context: Context, writer: Writer, bytes: Uint8Array, _type: number, at: number): number {
    writeElements(this.values, context, writer, bytes, at)
    return Type.DOCUMENT
  }
}

/** The first member that takes the value as it is, else the first that takes it at all. */
export class UnionNode extends SchemaNode {
  readonly expected: string
  private readonly members: ReadonlyArray<SchemaNode>

  constructor(members: ReadonlyArray<SchemaNode>) {
    super()
    this.members = members
    this.expected = members.map((member) => member.expected).join(" or ")
  }

  check(context: Context, bytes: Uint8Array, type: number, at: number): number {
    const index = this.choose(context, bytes, type, at)
    if (index < 0) return context.report("union", `expected ${this.expected}`)
    return this.probe(this.members[index]!, context, bytes, type, at)
  }

  write(context: Context, writer: Writer, bytes: Uint8Array, type: number, at: number): number {
    return writeField(this.members[this.choose(context, bytes, type, at)]!, context, writer, bytes, type, at)
  }

  private choose(context: Context, bytes: Uint8Array, type: number, at: number): number {
    let fallback = -1
    for (let index = 0; index < this.members.length; index++) {
      const verdict = this.probe(this.members[index]!, context, bytes, type, at)
      if (verdict === SAME) return index
      if (verdict === REWRITE && fallback < 0) fallback = index
    }
    return fallback
  }

  /** A member's verdict without its issues. */
  private probe(member: SchemaNode, context: Context, bytes: Uint8Array, type: number, at: number): number {
    const before = context.issues.length
    const verdict = checkField(member, context, bytes, type, at)
    if (verdict === BAD) context.issues.length = before
    return verdict
  }
}
