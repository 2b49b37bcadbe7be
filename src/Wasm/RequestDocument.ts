/**
 * The document a handler gets, written from a request into one reused buffer and coerced to what the route declares.
 *
 * Invariants
 * - A request that does not fit throws a Fault `invalid_request` with every issue and its pointer (`/query/page`, `/body/lines/0/quantity`), and no
 *   handler runs.
 * - `bytes[0, length)` is the document of the last `write` that did not throw.
 */
import { parseJson } from "../Bson/Json.ts"
import * as Type from "../Bson/Type.ts"
import { fieldName } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import { Fault } from "../Fault/Fault.ts"
import type { Field } from "../Schema/Definition.ts"
import { compileInput, type InputReader } from "../Schema/Input.ts"
import type { Request } from "./Answer.ts"
import type { BodyKind, ManifestRoute } from "./Manifest.ts"
import { escapePointer } from "./PlainReader.ts"
import { callFault, type Issue } from "./Reasons.ts"
import type { RoutePattern } from "./RoutePattern.ts"
import { decodeSegment, type Pair, readPairs } from "./UrlEncoded.ts"

/** How the parts of a route's requests are read. */
export interface RouteReader {
  /** Names of the pattern's parameters, in its order. */
  readonly paramNames: ReadonlyArray<string>
  /** Undefined when every parameter is taken as text. */
  readonly params: InputReader | undefined
  readonly query: InputReader | undefined
  readonly headerNames: ReadonlyArray<string>
  readonly headers: InputReader | undefined
  readonly body: BodyReader | undefined
}

interface BodyReader {
  /** Undefined takes JSON and forms. */
  readonly kind: BodyKind | undefined
  readonly required: boolean
  readonly json: InputReader | undefined
  readonly form: InputReader | undefined
}

/** Bytes of the largest request document: the gateway's largest body, as BSON. */
export const REQUEST_BYTES_MAX = 64 * 1024 * 1024

const METHOD = fieldName("method")
const PATH = fieldName("path")
const PARAMS = fieldName("params")
const QUERY = fieldName("query")
const HEADERS = fieldName("headers")
const BODY = fieldName("body")
const REQUEST_ID = fieldName("requestId")
const TEXT: Field = { type: "string" }
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;|$)/i

export class RequestDocument {
  private readonly writer = new Writer(undefined, REQUEST_BYTES_MAX)

  get bytes(): Uint8Array {
    return this.writer.bytes
  }

  get length(): number {
    return this.writer.length
  }

  /** Prepares the reading of a route's requests, once. */
  static prepare(route: ManifestRoute, pattern: RoutePattern): RouteReader {
    const { input } = route
    const params: Record<string, Field> = {}
    for (const name of pattern.names) params[name] = input?.params?.[name] ?? TEXT
    return {
      paramNames: pattern.names,
      params: input?.params === undefined ? undefined : compileInput(params),
      query: input?.query === undefined ? undefined : compileInput(input.query, { unknownFields: "ignore" }),
      headerNames: Object.keys(input?.headers ?? {}),
      headers: input?.headers === undefined ? undefined : compileInput(input.headers),
      body: bodyReader(input?.body, route.bodyKind)
    }
  }

  /** Writes the request's document. Throws a Fault whose code is that of the answer. */
  write(route: RouteReader, request: Request): void {
    const { writer } = this
    const issues: Issue[] = []
    writer.reset()
    const start = writer.beginDocument()
    writer.name(Type.STRING, METHOD)
    writer.string(request.method)
    writer.name(Type.STRING, PATH)
    writer.string(request.path)
    writer.name(Type.DOCUMENT, PARAMS)
    if (route.params === undefined) this.plainParams(route, request, issues)
    else this.fields(route.params, paramPairs(route, request, issues), "/params", issues)
    writer.name(Type.DOCUMENT, QUERY)
    this.fields(route.query, route.query === undefined ? [] : queryPairs(request.query, "/query", issues), "/query", issues)
    writer.name(Type.DOCUMENT, HEADERS)
    this.fields(route.headers, route.headers === undefined ? [] : headerPairs(route, request), "/headers", issues)
    if (route.body !== undefined) this.body(route.body, request, issues)
    writer.name(Type.STRING, REQUEST_ID)
    writer.string(request.requestId)
    writer.endDocument(start)
    if (issues.length > 0) throw invalid(issues)
  }

  private plainParams(route: RouteReader, request: Request, issues: Issue[]): void {
    const { writer } = this
    const { paramNames } = route
    const start = writer.beginDocument()
    for (let index = 0; index < paramNames.length; index++) {
      const name = paramNames[index] ?? ""
      writer.name(Type.STRING, name)
      writer.string(paramValue(name, request.params[index], issues))
    }
    writer.endDocument(start)
  }

  private fields(reader: InputReader | undefined, pairs: ReadonlyArray<Pair>, pointer: string, issues: Issue[]): void {
    if (reader === undefined) {
      this.writer.endDocument(this.writer.beginDocument())
      return
    }
    collect(issues, pointer, reader.fromStrings(pairs, this.writer))
  }

  private body(reader: BodyReader, request: Request, issues: Issue[]): void {
    const { body } = request
    if (body === undefined || body.length === 0) {
      if (reader.required) issues.push({ pointer: "/body", code: "required", message: "the request has no body" })
      return
    }
    try {
      this.presentBody(reader, body, request.contentType, issues)
    } catch (error) {
      if (error instanceof Fault && error.reason._tag === "TooLarge") {
        throw callFault("body_too_large", "the body is too large once it is read", { limit: REQUEST_BYTES_MAX })
      }
      throw error
    }
  }

  private presentBody(reader: BodyReader, body: Uint8Array, contentType: string | undefined, issues: Issue[]): void {
    const { writer } = this
    if (reader.kind === "any") {
      writer.name(Type.BINARY, BODY)
      writer.binary(body, 0)
      return
    }
    const isJson = JSON_TYPE.test(contentType ?? "")
    if (isJson && reader.kind !== "form") {
      const typeAt = writer.length
      writer.name(Type.NULL, BODY)
      if (reader.json === undefined) {
        writer.bytes[typeAt] = parseJson(body, writer)
        return
      }
      const found = reader.json.fromJson(body, writer)
      writer.bytes[typeAt] = reader.json.writtenType
      return collect(issues, "/body", found)
    }
    if (FORM_TYPE.test(contentType ?? "") && reader.form !== undefined && reader.kind !== "json") {
      writer.name(Type.DOCUMENT, BODY)
      const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8")
      return this.fields(reader.form, queryPairs(text, "/body", issues), "/body", issues)
    }
    const expected = reader.kind === "form" ? "application/x-www-form-urlencoded" : "application/json"
    throw callFault("unsupported_media_type", `the body is ${contentType ?? "of no content type"}, the route takes ${expected}`, {
      expected
    })
  }
}

function bodyReader(field: Field | undefined, kind: BodyKind | undefined): BodyReader | undefined {
  if (field === undefined && kind === undefined) return undefined
  return {
    kind,
    required: field !== undefined && field.optional !== true && field.default === undefined,
    json: field === undefined ? undefined : compileInput(field),
    form: field?.type === "struct" ? compileInput(field) : undefined
  }
}

function paramPairs(route: RouteReader, request: Request, issues: Issue[]): ReadonlyArray<Pair> {
  return route.paramNames.map((name, index) => [name, paramValue(name, request.params[index], issues)])
}

function paramValue(name: string, segment: string | undefined, issues: Issue[]): string {
  const value = decodeSegment(segment ?? "")
  if (value === undefined) issues.push({ pointer: `/params/${name}`, code: "invalid", message: "a broken percent escape" })
  return value ?? ""
}

function queryPairs(text: string, pointer: string, issues: Issue[]): ReadonlyArray<Pair> {
  if (text === "") return []
  const pairs = readPairs(text)
  if ("message" in pairs) {
    issues.push({
      pointer: pairs.name === "" ? pointer : `${pointer}/${escapePointer(pairs.name)}`,
      code: "invalid",
      message: pairs.message
    })
    return []
  }
  return pairs
}

function headerPairs(route: RouteReader, request: Request): ReadonlyArray<Pair> {
  const pairs: Pair[] = []
  for (const name of route.headerNames) {
    const value = request.headers[name]
    if (typeof value === "string") pairs.push([name, value])
    else if (value !== undefined) for (const item of value) pairs.push([name, item])
  }
  return pairs
}

function collect(issues: Issue[], pointer: string, found: ReadonlyArray<Issue>): void {
  for (const issue of found) issues.push({ pointer: pointer + issue.pointer, code: issue.code, message: issue.message })
}

function invalid(issues: ReadonlyArray<Issue>): Error {
  const [first] = issues
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ""
  return callFault("invalid_request", `${first?.pointer ?? ""}: ${first?.message ?? ""}${more}`, { issues })
}
