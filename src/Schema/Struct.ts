/**
 * Documents with named fields. Their order in a stored document is the schema's, whatever order they came in.
 *
 * The usual document has the fields in order, so the next expected name is compared first; only a miss searches.
 */
import * as Type from "../Bson/Type.ts"
import { documentEnd, elementName, fieldName, firstElement, skipValue, textEnd } from "../Bson/View.ts"
import type { Writer } from "../Bson/Writer.ts"
import { checkField, type Context, REWRITE, SAME, SchemaNode, writeField } from "./Node.ts"

export interface StructField {
  readonly name: string
  readonly node: SchemaNode
}

export class StructNode extends SchemaNode {
  readonly expected = "an object"
  private readonly fields: ReadonlyArray<StructField>
  private readonly names: ReadonlyArray<Uint8Array>
  private readonly nodes: ReadonlyArray<SchemaNode>
  /** Per field: the run in which it was last seen, and where. */
  private readonly seenIn: Float64Array
  private readonly seenAt: Int32Array
  private run = 0
  /** The document that `seenIn` and `seenAt` are about. */
  private locatedAt = -1

  constructor(fields: ReadonlyArray<StructField>) {
    super()
    this.fields = fields
    this.names = fields.map((field) => fieldName(field.name))
    this.nodes = fields.map((field) => field.node)
    this.seenIn = new Float64Array(fields.length)
    this.seenAt = new Int32Array(fields.length)
  }

  /** The position of the field that the element at `element` names, trying `guess` first; -1 when there is none. */
  private indexOf(bytes: Uint8Array, element: number, guess: number): number {
    const count = this.names.length
    for (let step = 0; step < count; step++) {
      const index = guess + step < count ? guess + step : guess + step - count
      const name = this.names[index]!
      let cursor = 0
      while (bytes[element + 1 + cursor] === name[cursor]) {
        if (name[cursor] === 0) return index
        cursor++
      }
    }
    return -1
  }

  check(context: Context, bytes: Uint8Array, type: number, at: number): number {
    if (type !== Type.DOCUMENT) return context.wrongType(this.expected, type)
    const run = ++this.run
    const end = documentEnd(bytes, at)
    this.locatedAt = at
    let verdict = SAME
    let next = 0
    let seen = 0
    for (let element = firstElement(at); element < end;) {
      const elementType = bytes[element]!
      const index = this.indexOf(bytes, element, next < this.names.length ? next : 0)
      if (index < 0) {
        const own = this.unknown(context, bytes, element)
        if (own > verdict) verdict = own
        element = skipValue(bytes, elementType, textEnd(bytes, element + 1) + 1)
        continue
      }
      const valueAt = element + 1 + this.names[index]!.length
      context.enter(element)
      const own = checkField(this.nodes[index]!, context, bytes, elementType, valueAt)
      context.leave()
      if (own > verdict) verdict = own
      if (index < next && verdict === SAME) verdict = REWRITE
      this.seenIn[index] = run
      this.seenAt[index] = element
      seen++
      next = index + 1
      element = skipValue(bytes, elementType, valueAt)
    }
    return seen === this.nodes.length ? verdict : Math.max(verdict, this.checkMissing(context, run))
  }

  private unknown(context: Context, bytes: Uint8Array, element: number): number {
    if (context.ignoreUnknown && context.level() === 0) return REWRITE
    const name = elementName(bytes, element)
    return context.report("unknown_field", "is not a field of this schema", name)
  }

  private checkMissing(context: Context, run: number): number {
    let verdict = SAME
    for (let index = 0; index < this.nodes.length; index++) {
      const node = this.nodes[index]!
      if (this.seenIn[index] === run || (node.optional && node.defaultValue === undefined)) continue
      const own = node.defaultValue === undefined ? context.report("required", "is required", this.fields[index]!.name) : REWRITE
      if (own > verdict) verdict = own
    }
    return verdict
  }

  write(context: Context, writer: Writer, bytes: Uint8Array, _type: number, at: number): number {
    // Checking has found the fields, unless this node has checked another document since: the next item of an array.
    if (this.locatedAt !== at) this.locate(bytes, at)
    const { run } = this
    const start = writer.beginDocument()
    for (let index = 0; index < this.nodes.length; index++) {
      const node = this.nodes[index]!
      const name = this.names[index]!
      if (this.seenIn[index] === run) {
        const element = this.seenAt[index]!
        const typeAt = writer.length
        writer.name(0, name)
        const written = writeField(node, context, writer, bytes, bytes[element]!, element + 1 + name.length)
        writer.bytes[typeAt] = written
      } else if (node.defaultValue !== undefined) {
        writer.name(node.defaultValue[4]!, name)
        writer.raw(node.defaultValue, 6, node.defaultValue.length - 7)
      }
    }
    writer.endDocument(start)
    return Type.DOCUMENT
  }

  /** Notes where every field is. */
  private locate(bytes: Uint8Array, at: number): void {
    const run = ++this.run
    this.locatedAt = at
    const end = documentEnd(bytes, at)
    let next = 0
    for (let element = firstElement(at); element < end;) {
      const index = this.indexOf(bytes, element, next < this.names.length ? next : 0)
      if (index >= 0) {
        this.seenIn[index] = run
        this.seenAt[index] = element
        next = index + 1
      }
      element = skipValue(bytes, bytes[element]!, textEnd(bytes, element + 1) + 1)
    }
  }
}
