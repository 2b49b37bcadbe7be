/** What a field takes in JSON, as JSON Schema (2020-12) says it: the forms of docs/services.md, so dates, decimals and keys are texts. */
import type { Field, Fields, FieldType } from "../Schema/Definition.ts"

export type JsonSchema = { readonly [keyword: string]: unknown }

/** The schema of a value of this field. */
export function jsonSchemaOf(field: Field): JsonSchema {
  const { default: filled, nullable } = field
  const plain = typeSchema(field)
  const schema = nullable === true ? { anyOf: [plain, { type: "null" }] } : plain
  return filled === undefined ? schema : { ...schema, default: filled }
}

/** The schema of an object with these fields and no others. */
export function objectSchemaOf(fields: Fields): JsonSchema {
  const required = Object.entries(fields).flatMap(([name, field]) => (isRequired(field) ? [name] : []))
  return {
    type: "object",
    properties: Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, jsonSchemaOf(field)])),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false
  }
}

export const isRequired = (field: Field): boolean => field.optional !== true && field.default === undefined

function typeSchema(field: FieldType): JsonSchema {
  switch (field.type) {
    case "string":
      return { type: "string", ...limits({ minLength: field.minLength, maxLength: field.maxLength, pattern: field.pattern }) }
    case "int":
      return { type: "integer", format: "int32", ...limits({ minimum: field.min, maximum: field.max }) }
    case "long":
      return { type: ["integer", "string"], format: "int64" }
    case "number":
      return { type: "number", ...limits({ minimum: field.min, maximum: field.max }) }
    case "decimal":
      return { type: ["string", "number"], format: "decimal" }
    case "boolean":
      return { type: "boolean" }
    case "date":
      return { type: "string", format: "date-time" }
    case "key":
      return { type: "string", pattern: "^[0-9a-f]{32}$" }
    case "uuid":
      return { type: "string", format: "uuid" }
    case "objectId":
      return { type: "string", pattern: "^[0-9a-f]{24}$" }
    case "binary":
      return { type: "string", contentEncoding: "base64" }
    case "literals":
      return { enum: field.values }
    case "array":
      return { type: "array", items: jsonSchemaOf(field.items), ...limits({ minItems: field.minItems, maxItems: field.maxItems }) }
    case "struct":
      return objectSchemaOf(field.fields)
    case "record":
      return { type: "object", additionalProperties: jsonSchemaOf(field.values), ...limits({ maxProperties: field.maxEntries }) }
    case "union":
      return { anyOf: field.members.map(jsonSchemaOf) }
    case "any":
      return {}
  }
}

const limits = (given: JsonSchema): JsonSchema => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
