/** Definitions turned into nodes. The definition has been checked (`Check.ts`): nothing here reports its mistakes. */
import * as Type from "../Bson/Type.ts"
import { encode, type Value } from "../Bson/Value.ts"
import { Writer } from "../Bson/Writer.ts"
import { ArrayNode, RecordNode, UnionNode } from "./Containers.ts"
import type { Field, Fields } from "./Definition.ts"
import type { Issue } from "./Issue.ts"
import { BAD, checkField, Context, JSON_TEXT, type SchemaNode, writeField } from "./Node.ts"
import { DecimalNode, IntNode, LongNode, NumberNode } from "./Numbers.ts"
import { AnyNode, BinaryNode, BooleanNode, DateNode, KeyNode, LiteralsNode, ObjectIdNode, StringNode } from "./Scalars.ts"
import { StructNode } from "./Struct.ts"

/** The node of a field, with its default. */
export function buildField(field: Field): SchemaNode {
  const node = buildType(field)
  if (field.nullable === true) node.nullable = true
  if (field.optional === true) node.optional = true
  if (field.default !== undefined) node.defaultValue = encodeDefault(node, field.default).bytes
  return node
}

/** The node of a document with these fields. */
export function buildStruct(fields: Fields): StructNode {
  return new StructNode(Object.entries(fields).map(([name, field]) => ({ name, node: buildField(field) })))
}

/**
 * The default's value, plain JSON, in the node's encoding: the only element, named "", of a document. Or the issues it has.
 * Faults with InvalidValue when it is no JSON at all.
 */
export function encodeDefault(
  node: SchemaNode,
  value: unknown
): { readonly bytes: Uint8Array | undefined; readonly issues: ReadonlyArray<Issue> } {
  // `encode` itself refuses everything that is no value.
  const bytes = encode({ "": value as Value })
  const context = new Context()
  context.begin(bytes, JSON_TEXT)
  if (checkField(node, context, bytes, bytes[4]!, 6) === BAD) return { bytes: undefined, issues: context.issues }
  const writer = new Writer(bytes.length + 64)
  const start = writer.beginDocument()
  writer.name(0, "")
  const type = writeField(node, context, writer, bytes, bytes[4]!, 6)
  writer.bytes[4] = type
  writer.endDocument(start)
  return { bytes: writer.toBytes(), issues: [] }
}

function buildType(field: Field): SchemaNode {
  switch (field.type) {
    case "string":
      return new StringNode(field.minLength, field.maxLength, field.pattern)
    case "int":
      return new IntNode(field.min, field.max)
    case "long":
      return new LongNode(field.min, field.max)
    case "number":
      return new NumberNode(field.min, field.max)
    case "decimal":
      return new DecimalNode()
    case "boolean":
      return new BooleanNode()
    case "date":
      return new DateNode()
    case "key":
      return new KeyNode(Type.KEY_SUBTYPE)
    case "uuid":
      return new KeyNode(Type.UUID_SUBTYPE)
    case "objectId":
      return new ObjectIdNode()
    case "binary":
      return new BinaryNode(field.maxLength)
    case "literals":
      return new LiteralsNode(field.values)
    case "array":
      return new ArrayNode(buildField(field.items), field.minItems, field.maxItems)
    case "struct":
      return buildStruct(field.fields)
    case "record":
      return new RecordNode(buildField(field.values), field.maxEntries)
    case "union":
      return new UnionNode(field.members.map(buildField))
    case "any":
      return new AnyNode()
  }
}
