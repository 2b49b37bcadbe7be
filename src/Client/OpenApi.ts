/**
 * The routes of a service as an OpenAPI 3.1 document. What a route takes is what its manifest declares, what it answers is what its
 * build could tell of its code.
 */
import type { Field } from "../Schema/Definition.ts"
import type { AnswerFields } from "../Wasm/Answered.ts"
import type { BodyKind, Fields, Manifest, ManifestRoute } from "../Wasm/Manifest.ts"
import { isRequired, type JsonSchema, jsonSchemaOf } from "./JsonSchema.ts"
import { operationNames, parametersOf } from "./Routes.ts"

const CONTENT_TYPES: Readonly<Record<BodyKind, string>> = {
  json: "application/json",
  form: "application/x-www-form-urlencoded",
  any: "application/octet-stream"
}

const PROBLEM: JsonSchema = {
  type: "object",
  properties: {
    title: { type: "string" },
    status: { type: "integer" },
    code: { type: "string" },
    detail: { type: "string" },
    requestId: { type: "string" },
    issues: {
      type: "array",
      items: {
        type: "object",
        properties: { pointer: { type: "string" }, code: { type: "string" }, message: { type: "string" } },
        required: ["pointer", "code", "message"]
      }
    }
  },
  required: ["title", "status"]
}

/**
 * The document, as plain data.
 *
 * @example
 * ```ts
 * import type { Manifest } from "../src/Wasm/Manifest.ts"
 * import { openApiOf } from "../src/Client/OpenApi.ts"
 *
 * const documentOf = (manifest: Manifest) => openApiOf(manifest, "http://localhost:3000")
 * ```
 */
export function openApiOf(manifest: Manifest, server: string, answers: AnswerFields = new Map()): JsonSchema {
  const names = operationNames(manifest.routes)
  const paths: Record<string, Record<string, unknown>> = {}
  manifest.routes.forEach((route, index) => {
    const path = route.pattern.replaceAll(/\/[:*](\w+)/g, "/{$1}")
    paths[path] = {
      ...paths[path],
      [route.method.toLowerCase()]: operationOf(route, names[index] ?? "", answers.get(`${route.method} ${route.pattern}`))
    }
  })
  return {
    openapi: "3.1.0",
    info: { title: manifest.name, version: manifest.version },
    servers: [{ url: server }],
    paths,
    components: { schemas: { Problem: PROBLEM } }
  }
}

function operationOf(route: ManifestRoute, operationId: string, answer: Field | undefined): JsonSchema {
  const { body, headers, query } = route.input ?? {}
  const inPath = parametersOf(route).map(([name, field]) => ({ name, in: "path", required: true, schema: jsonSchemaOf(field) }))
  const parameters = [...inPath, ...named("query", query), ...named("header", headers)]
  const problem = {
    description: "What went wrong",
    content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } }
  }
  return {
    operationId,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.bodyKind === undefined ? {} : { requestBody: requestBody(route.bodyKind, body) }),
    responses: { "2XX": success(answer), default: problem }
  }
}

const success = (answer: Field | undefined): JsonSchema => ({
  description: "What the handler answers",
  ...(answer === undefined ? {} : { content: { "application/json": { schema: opened(jsonSchemaOf(answer)) } } })
})

/** An answer has the fields that its type says, and may have more: a type of TypeScript does not close anything. */
function opened(schema: JsonSchema): JsonSchema {
  const { additionalProperties, ...rest } = schema
  const kept = additionalProperties === undefined || additionalProperties === false ? {} : { additionalProperties }
  return { ...mapped(rest), ...mapped(kept) }
}

const mapped = (schema: JsonSchema): JsonSchema =>
  Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, openedValue(value)]))

function openedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(openedValue)
  return typeof value === "object" && value !== null ? opened(value as JsonSchema) : value
}

const named = (place: string, fields: Fields | undefined) =>
  Object.entries(fields ?? {}).map(([name, field]) => ({ name, in: place, required: isRequired(field), schema: jsonSchemaOf(field) }))

const requestBody = (kind: BodyKind, body: Field | undefined): JsonSchema => ({
  required: body === undefined || isRequired(body),
  content: { [CONTENT_TYPES[kind]]: { schema: body === undefined ? {} : jsonSchemaOf(body) } }
})
