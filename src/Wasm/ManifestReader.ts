/** Reads and checks a manifest; every issue has a JSON pointer, and all of them are reported at once. */
import { readUtf8, isValidUtf8 } from "../Bson/Utf8.ts"
import { checkField, checkFields, checkStore } from "../Schema/Check.ts"
import type { Field, StoreDefinition } from "../Schema/Definition.ts"
import { ABI_VERSION } from "./Abi.ts"
import {
  HANDLER_KINDS,
  type BodyKind,
  type ConfigField,
  type Fields,
  type Manifest,
  type ManifestHandler,
  type ManifestLimits,
  type ManifestRoute,
  METHODS,
  type RouteInput
} from "./Manifest.ts"
import { escapePointer, PlainReader } from "./PlainReader.ts"
import { type Issue, refusal } from "./Reasons.ts"
import { isPatternProblem, parsePattern, patternsOverlap, type RoutePattern } from "./RoutePattern.ts"

/** How many of each a manifest may have. */
export const MANIFEST_LIMITS = { stores: 1_000, routes: 2_000, handlers: 2_000, config: 500 } as const

export const SERVICE_NAME = /^[a-z][a-z0-9-]{0,62}$/
const EXPORT_NAME = /^[\x21-\x7e]{1,200}$/
const CONFIG_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,119}$/
const ANY_TEXT = /^.{1,200}$/u
const MEMBERS = ["abi", "name", "version", "language", "stores", "routes", "handlers", "config", "limits", "capabilities"]

/**
 * Reads the payload of `planck.manifest`. Throws a Fault `UnknownAbi` or `InvalidManifest`.
 *
 * @example
 * ```ts
 * readManifest(section).routes[0] // { method: "GET", pattern: "/orders/:id", handler: "order", writes: false }
 * ```
 */
export function readManifest(section: Uint8Array): Manifest {
  const json = parse(section)
  const reader = new PlainReader()
  const root = reader.object(json, "", MEMBERS)
  if (root["abi"] !== ABI_VERSION) {
    const found = JSON.stringify(root["abi"]) ?? "none"
    throw refusal({
      _tag: "UnknownAbi",
      abi: root["abi"],
      supported: [ABI_VERSION],
      message: `the module asks for ABI ${found}; this host speaks ${ABI_VERSION}`
    })
  }
  const handlers = readHandlers(reader, root["handlers"])
  const manifest: Manifest = {
    abi: ABI_VERSION,
    name: reader.text(root["name"], "/name", SERVICE_NAME, "a name of small letters, digits and - that starts with a letter"),
    version: reader.text(root["version"], "/version", ANY_TEXT, "a version"),
    language: reader.text(root["language"], "/language", ANY_TEXT, "the name of a language"),
    stores: readStores(reader, root["stores"]),
    routes: readRoutes(reader, root["routes"], handlers),
    handlers,
    config: readConfig(reader, root["config"]),
    limits: readLimits(reader, root["limits"]),
    capabilities: readCapabilities(reader, root["capabilities"])
  }
  // Only now: what is wrong with a store is reported by then, and its migrations may be anything.
  if (reader.issues.length === 0) checkMigrationHandlers(reader, manifest.stores, handlers)
  if (reader.issues.length > 0) throw invalid(reader.issues)
  return manifest
}

function parse(section: Uint8Array): unknown {
  if (!isValidUtf8(section, 0, section.length)) throw invalid([{ pointer: "", code: "encoding", message: "the manifest is not UTF-8" }])
  try {
    return JSON.parse(readUtf8(section, 0, section.length)) as unknown
  } catch (error) {
    throw invalid([{ pointer: "", code: "json", message: error instanceof Error ? error.message : String(error) }])
  }
}

function invalid(issues: ReadonlyArray<Issue>): Error {
  const first = issues[0]
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ""
  const where = first === undefined || first.pointer === "" ? "" : ` at ${first.pointer}`
  return refusal({ _tag: "InvalidManifest", issues, message: `the manifest is wrong${where}: ${first?.message ?? ""}${more}` })
}

function readStores(reader: PlainReader, value: unknown): ReadonlyArray<StoreDefinition> {
  const names = new Set<string>()
  return reader.list(value, "/stores", MANIFEST_LIMITS.stores).map((item, index) => {
    const pointer = `/stores/${index}`
    const name: unknown = typeof item === "object" && item !== null && "name" in item ? item.name : undefined
    if (typeof name === "string" && names.has(name)) reader.report(`${pointer}/name`, "duplicate", `two stores are called ${name}`)
    if (typeof name === "string") names.add(name)
    for (const issue of checkStore(item)) reader.report(`${pointer}${issue.pointer}`, issue.code, issue.message)
    return item as StoreDefinition
  })
}

function readHandlers(reader: PlainReader, value: unknown): ReadonlyArray<ManifestHandler> {
  const names = new Set<string>()
  return reader.list(value, "/handlers", MANIFEST_LIMITS.handlers).map((item, index) => {
    const pointer = `/handlers/${index}`
    const handler = reader.object(item, pointer, ["name", "export", "kind"])
    const name = reader.text(handler["name"], `${pointer}/name`, ANY_TEXT, "a name")
    if (names.has(name)) reader.report(`${pointer}/name`, "duplicate", `two handlers are called ${name}`)
    names.add(name)
    return {
      name,
      export: reader.text(handler["export"], `${pointer}/export`, EXPORT_NAME, "the name of an export"),
      kind: reader.oneOf(handler["kind"], `${pointer}/kind`, HANDLER_KINDS)
    }
  })
}

function readRoutes(reader: PlainReader, value: unknown, handlers: ReadonlyArray<ManifestHandler>): ReadonlyArray<ManifestRoute> {
  const patterns: Array<{ readonly method: string; readonly pattern: RoutePattern; readonly index: number }> = []
  return reader.list(value, "/routes", MANIFEST_LIMITS.routes).map((item, index) => {
    const pointer = `/routes/${index}`
    const route = reader.object(item, pointer, ["method", "pattern", "handler", "writes", "input", "bodyKind"])
    const method = reader.oneOf(route["method"], `${pointer}/method`, METHODS)
    const pattern = readPattern(reader, route["pattern"], `${pointer}/pattern`)
    const rival = patterns.find((other) => other.method === method && patternsOverlap(other.pattern, pattern))
    if (rival !== undefined) {
      const both = `${method} ${pattern.source} overlaps ${rival.method} ${rival.pattern.source}`
      reader.report(`${pointer}/pattern`, "overlap", `${both}: no path could tell them apart`)
    }
    patterns.push({ method, pattern, index })
    const handler = reader.text(route["handler"], `${pointer}/handler`, ANY_TEXT, "the name of a handler")
    checkHandler(reader, `${pointer}/handler`, handler, handlers, "http")
    const input = readInput(reader, route["input"], `${pointer}/input`, pattern)
    const bodyKind = readBodyKind(reader, route["bodyKind"], `${pointer}/bodyKind`)
    return {
      method,
      pattern: pattern.source,
      handler,
      writes: reader.flag(route["writes"], `${pointer}/writes`),
      ...(input === undefined ? {} : { input }),
      ...(bodyKind === undefined ? {} : { bodyKind })
    }
  })
}

/** What is named has to be a handler, and of the kind that is wanted there. */
function checkHandler(
  reader: PlainReader,
  pointer: string,
  name: string,
  handlers: ReadonlyArray<ManifestHandler>,
  kind: ManifestHandler["kind"]
): void {
  const known = handlers.find((handler) => handler.name === name)
  if (known === undefined) reader.report(pointer, "unknown_handler", `no handler is called ${name}`)
  else if (known.kind !== kind) reader.report(pointer, "unknown_handler", `the handler ${name} is of kind ${known.kind}, not ${kind}`)
}

/** The handlers that migrations of stores name. */
function checkMigrationHandlers(
  reader: PlainReader,
  stores: ReadonlyArray<StoreDefinition>,
  handlers: ReadonlyArray<ManifestHandler>
): void {
  for (const [store, { migrations = [] }] of stores.entries()) {
    for (const [index, { down, handler }] of migrations.entries()) {
      const pointer = `/stores/${store}/migrations/${index}`
      if (handler !== undefined) checkHandler(reader, `${pointer}/handler`, handler, handlers, "migration")
      if (down?.handler !== undefined) checkHandler(reader, `${pointer}/down/handler`, down.handler, handlers, "migration")
    }
  }
}

function readPattern(reader: PlainReader, value: unknown, pointer: string): RoutePattern {
  const source = typeof value === "string" ? value : ""
  const pattern = parsePattern(source)
  if (!isPatternProblem(pattern)) return pattern
  reader.report(pointer, "pattern", `${JSON.stringify(value)}: ${pattern.message} (character ${pattern.offset + 1})`)
  return { source, segments: [{ kind: "static", text: pointer }], names: [] }
}

function readInput(reader: PlainReader, value: unknown, pointer: string, pattern: RoutePattern): RouteInput | undefined {
  if (value === undefined) return undefined
  const input = reader.object(value, pointer, ["params", "query", "headers", "body"])
  const part = (name: "params" | "query" | "headers"): Fields | undefined => {
    if (input[name] === undefined) return undefined
    const fields = reader.object(input[name], `${pointer}/${name}`)
    for (const issue of checkFields(fields)) reader.report(`${pointer}/${name}${issue.pointer}`, issue.code, issue.message)
    return fields as Fields
  }
  const params = part("params")
  for (const name of Object.keys(params ?? {})) {
    if (pattern.names.includes(name)) continue
    reader.report(`${pointer}/params/${escapePointer(name)}`, "unknown_parameter", `${pattern.source} has no parameter ${name}`)
  }
  const query = part("query")
  const headers = part("headers")
  for (const name of Object.keys(headers ?? {})) {
    if (name !== name.toLowerCase())
      reader.report(`${pointer}/headers/${escapePointer(name)}`, "case", "header fields are named in small letters")
  }
  const body = input["body"]
  if (body !== undefined) for (const issue of checkField(body)) reader.report(`${pointer}/body${issue.pointer}`, issue.code, issue.message)
  return {
    ...(params === undefined ? {} : { params }),
    ...(query === undefined ? {} : { query }),
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body: body as Field })
  }
}

function readBodyKind(reader: PlainReader, value: unknown, pointer: string): BodyKind | undefined {
  return value === undefined ? undefined : reader.oneOf<BodyKind>(value, pointer, ["json", "form", "any"])
}

function readConfig(reader: PlainReader, value: unknown): Readonly<Record<string, ConfigField>> {
  if (value === undefined) return {}
  const config = reader.object(value, "/config")
  const names = Object.keys(config)
  if (names.length > MANIFEST_LIMITS.config)
    reader.report("/config", "too_many", `${names.length} values, ${MANIFEST_LIMITS.config} are allowed`)
  for (const name of names) {
    const pointer = `/config/${escapePointer(name)}`
    reader.text(name, pointer, CONFIG_NAME, "a name of letters, digits and _")
    const { secret, ...field } = reader.object(config[name], pointer)
    if (secret !== undefined && secret !== true) reader.report(`${pointer}/secret`, "value", "secret is true or missing")
    for (const issue of checkField(field)) reader.report(`${pointer}${issue.pointer}`, issue.code, issue.message)
  }
  return config as Readonly<Record<string, ConfigField>>
}

function readLimits(reader: PlainReader, value: unknown): ManifestLimits {
  if (value === undefined) return {}
  const limits = reader.object(value, "/limits", ["deadlineMs", "memoryBytes"])
  return {
    ...(limits["deadlineMs"] === undefined ? {} : { deadlineMs: reader.count(limits["deadlineMs"], "/limits/deadlineMs", 1) }),
    ...(limits["memoryBytes"] === undefined ? {} : { memoryBytes: reader.count(limits["memoryBytes"], "/limits/memoryBytes", 65_536) })
  }
}

function readCapabilities(reader: PlainReader, value: unknown): ReadonlyArray<string> {
  const capabilities = reader.list(value, "/capabilities", 100)
  for (const [index, capability] of capabilities.entries()) {
    reader.report(`/capabilities/${index}`, "unknown_capability", `this host has no capability ${JSON.stringify(capability)}`)
  }
  return []
}
