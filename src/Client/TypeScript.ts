/**
 * A client of a service in TypeScript, over `fetch`, with no dependency: what its routes take is typed, and what they answer
 * where the build could tell; elsewhere it is what the caller says.
 *
 * Invariant: what is written is valid for any manifest: names are written as texts wherever they are not made here.
 */
import type { Field, Fields } from "../Schema/Definition.ts"
import type { AnswerFields } from "../Wasm/Answered.ts"
import type { Manifest, ManifestRoute } from "../Wasm/Manifest.ts"
import { isRequired } from "./JsonSchema.ts"
import { operationNames, parametersOf } from "./Routes.ts"

const RUNTIME = `export interface Problem {
  readonly title: string
  readonly status: number
  readonly code?: string
  readonly issues?: ReadonlyArray<{ readonly pointer: string; readonly code: string; readonly message: string }>
  readonly [field: string]: unknown
}

/** An answer of 400 or more. */
export class ProblemError extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(\`\${problem.status} \${problem.title}\`)
    this.problem = problem
  }
}

export interface ClientOptions {
  /** Where the service is: \`http://localhost:3000\`. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly fetch?: typeof fetch
}

interface Input {
  readonly params?: Readonly<Record<string, unknown>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, unknown>>
  readonly body?: unknown
}

async function send<A>(options: ClientOptions, method: string, pattern: string, kind: string | undefined, input: Input): Promise<A> {
  const path = pattern.replaceAll(/\\/([:*])(\\w+)/g, (_match, sign: string, name: string) => {
    const value = String(input.params?.[name])
    return "/" + (sign === "*" ? value.split("/").map(encodeURIComponent).join("/") : encodeURIComponent(value))
  })
  const query = new URLSearchParams(Object.entries(input.query ?? {}).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).filter((item) => item !== undefined).map((item): [string, string] => [name, String(item)])))
  const fields = Object.entries({ ...options.headers, ...input.headers }).filter(([, value]) => value !== undefined)
  const headers = new Headers(fields.map(([name, value]): [string, string] => [name, String(value)]))
  if (kind === "json") headers.set("content-type", "application/json")
  if (kind === "any") headers.set("content-type", "application/octet-stream")
  const body = kind === "json" ? JSON.stringify(input.body)
    : kind === "form" ? new URLSearchParams(Object.entries(input.body ?? {}).map(([name, value]): [string, string] => [name, String(value)]))
    : (input.body as BodyInit | undefined)
  const address = options.url.replace(/\\/$/, "") + path + (query.size === 0 ? "" : "?" + query.toString())
  const answer = await (options.fetch ?? fetch)(address, { method, headers, ...(body === undefined ? {} : { body }) })
  const isJson = /json/.test(answer.headers.get("content-type") ?? "")
  const value: unknown = answer.status === 204 ? undefined : isJson ? await answer.json() : await answer.text()
  if (answer.status >= 400) throw new ProblemError(isJson ? (value as Problem) : { title: String(value), status: answer.status })
  return value as A
}
`

/**
 * The text of the module.
 *
 * @example
 * ```ts
 * import type { Manifest } from "../src/Wasm/Manifest.ts"
 * import { typeScriptClient } from "../src/Client/TypeScript.ts"
 *
 * const sourceOf = (manifest: Manifest) => typeScriptClient(manifest)
 * ```
 */
export function typeScriptClient(manifest: Manifest, answers: AnswerFields = new Map()): string {
  const names = operationNames(manifest.routes)
  const operations = manifest.routes.map((route, index) =>
    operation(route, names[index] ?? "", answers.get(`${route.method} ${route.pattern}`))
  )
  const head = `// Made by planck client from ${manifest.name} ${manifest.version}. Do not edit.\n`
  return `${head}${RUNTIME}\nexport const client = (options: ClientOptions) => ({\n${operations.join(",\n")}\n})\n`
}

function operation(route: ManifestRoute, name: string, answer: Field | undefined): string {
  const parts = partsOf(route)
  const isOptional = parts.every(({ required }) => !required)
  const type = `{ ${parts.map(({ name, required, type }) => `readonly ${name}${required ? "" : "?"}: ${type}`).join("; ")} }`
  const input = parts.length === 0 ? "" : `input: ${type}${isOptional ? " = {}" : ""}`
  const kind = route.bodyKind === undefined ? "undefined" : JSON.stringify(route.bodyKind)
  const argument = parts.length === 0 ? "{}" : "input"
  const call = `send<A>(options, ${JSON.stringify(route.method)}, ${JSON.stringify(route.pattern)}, ${kind}, ${argument})`
  return `  /** \`${route.method} ${route.pattern}\` */\n  ${name}: <A = ${answer === undefined ? "unknown" : typeOf(answer)}>(${input}): Promise<A> => ${call}`
}

function partsOf(route: ManifestRoute): ReadonlyArray<{ readonly name: string; readonly type: string; readonly required: boolean }> {
  const { body, headers, query } = route.input ?? {}
  const params = Object.fromEntries(parametersOf(route))
  const fieldParts = [
    ["params", params],
    ["query", query ?? {}],
    ["headers", headers ?? {}]
  ] as const
  const parts = fieldParts.flatMap(([name, fields]) =>
    Object.keys(fields).length === 0 ? [] : [{ name, type: objectType(fields), required: Object.values(fields).some(isRequired) }]
  )
  if (route.bodyKind === undefined) return parts
  const type = route.bodyKind === "any" ? "string | Uint8Array<ArrayBuffer>" : body === undefined ? "unknown" : typeOf(body)
  return [...parts, { name: "body", type, required: body === undefined || isRequired(body) }]
}

const objectType = (fields: Fields): string =>
  `{ ${Object.entries(fields)
    .map(([name, field]) => `readonly ${JSON.stringify(name)}${isRequired(field) ? "" : "?"}: ${typeOf(field)}`)
    .join("; ")} }`

function typeOf(field: Field): string {
  const plain = plainType(field)
  return field.nullable === true ? `${plain} | null` : plain
}

function plainType(field: Field): string {
  switch (field.type) {
    case "int":
    case "number":
      return "number"
    case "long":
      return "number | string"
    case "boolean":
      return "boolean"
    case "literals":
      return field.values.map((value) => JSON.stringify(value)).join(" | ")
    case "array":
      return `ReadonlyArray<${typeOf(field.items)}>`
    case "struct":
      return objectType(field.fields)
    case "record":
      return `Readonly<Record<string, ${typeOf(field.values)}>>`
    case "union":
      return field.members.map(typeOf).join(" | ")
    case "any":
      return "unknown"
    default:
      return "string" // dates, decimals, keys and bytes too
  }
}
