/**
 * Indexes in PQL: `createIndex(status, placedAt desc, unique, sparse, where total > 0, ttl 30 days, name "open")`.
 *
 * Paths come first. Behind them each property may stand once, in any order; a field called `unique` or `sparse` is written in backticks.
 */
import type { Value } from "../Bson/Value.ts"
import type { IndexDefinition, IndexFilter } from "../Schema/Definition.ts"
import type { Filter } from "./Ast.ts"
import { indexName } from "./DefinitionStatements.ts"
import { plainValue } from "./PlainValue.ts"
import { readExpression, readPath } from "./PqlExpression.ts"
import type { Lexer } from "./PqlLexer.ts"
import { type Parameters, readValue } from "./PqlValue.ts"

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hours: 3_600_000,
  d: 86_400_000,
  days: 86_400_000,
  seconds: 1000
}
const PROPERTIES = ["unique", "sparse", "where", "ttl", "name"]
/** Operators that the filter of an index may have. */
const FILTER_OPERATORS: ReadonlySet<string> = new Set([
  "and",
  "or",
  "not",
  "eq",
  "ne",
  "lt",
  "le",
  "gt",
  "ge",
  "in",
  "notIn",
  "between",
  "prefix",
  "exists"
])

type Draft = { -readonly [Name in keyof IndexDefinition]?: IndexDefinition[Name] }

/** Reads what stands in the parentheses of `createIndex`. */
export function readIndex(lexer: Lexer, parameters: Parameters): IndexDefinition {
  const on: Array<IndexDefinition["on"][number]> = []
  const draft: Draft = {}
  do {
    const token = lexer.peek()
    if (on.length > 0) lexer.seek(...PROPERTIES)
    const property = propertyAt(lexer)
    if (property !== undefined && on.length > 0) readProperty(lexer, parameters, property, draft)
    else if (Object.keys(draft).length > 0) lexer.refuseToken(token, [`a property (${PROPERTIES.join(", ")}), paths come first`])
    else {
      if (property === "unique" || property === "sparse")
        lexer.refuseToken(token, ["a path"], `paths come first; a field of that name is written \`${property}\` in backticks`)
      const path = readPath(lexer)
      const direction = lexer.accept("desc") ? "desc" : "asc"
      if (direction === "asc") lexer.accept("asc")
      on.push({ path, direction })
    }
  } while (lexer.accept(","))
  return { name: draft.name ?? indexName(on), on, ...draft }
}

/** The property that begins here. A field may be called `name`, `ttl` or `where`, too: then nothing comes that the property would have. */
function propertyAt(lexer: Lexer): string | undefined {
  const token = lexer.peek()
  if (token.kind !== "name" || !PROPERTIES.includes(token.text)) return undefined
  if (token.text === "unique" || token.text === "sparse") return token.text
  const mark = lexer.mark()
  lexer.next()
  const { kind, text } = lexer.peek()
  lexer.reset(mark)
  const isPath = kind === "symbol" ? text !== "(" : kind === "name" && (text === "asc" || text === "desc")
  return isPath ? undefined : token.text
}

function readProperty(lexer: Lexer, parameters: Parameters, property: string, draft: Draft): void {
  const token = lexer.next()
  const isTaken = property === "ttl" ? draft.expireAfterMs !== undefined : Object.hasOwn(draft, property)
  if (isTaken) lexer.refuseToken(token, [`${property} once`])
  if (property === "unique" || property === "sparse") draft[property] = true
  else if (property === "where") draft.where = indexFilter(lexer, readExpression(lexer, parameters))
  else if (property === "ttl") draft.expireAfterMs = readDuration(lexer, parameters)
  else draft.name = readIndexName(lexer, "a name for the index")
}

/** The name of an index: a name, or text. `what` says which name that is. */
export function readIndexName(lexer: Lexer, what: string): string {
  const token = lexer.peek()
  lexer.seek('"')
  if ((token.kind !== "name" && token.kind !== "quotedName" && token.kind !== "string") || token.text === "")
    lexer.refuseToken(token, [what])
  return lexer.next().text
}

/** A number of milliseconds, or one with a unit: `90 s`, `30 days`. */
function readDuration(lexer: Lexer, parameters: Parameters): number {
  const token = lexer.peek()
  if (token.kind === "end") lexer.refuseToken(token, ["a time such as 30 days"])
  const value = readValue(lexer, parameters, 0)
  const unit = lexer.peek()
  lexer.seek(...Object.keys(UNITS))
  const scale = unit.kind === "name" ? UNITS[unit.text] : 1
  if (scale === undefined) lexer.refuseToken(unit, [`a unit (${Object.keys(UNITS).join(", ")})`])
  if (unit.kind === "name") lexer.next()
  const ms = typeof value === "number" ? value * (scale ?? 1) : Number.NaN
  if (!Number.isSafeInteger(ms) || ms < 0) lexer.refuseToken(token, ["a time such as 30 days"])
  return ms
}

/** A filter in the form that definitions have: plain JSON. */
function indexFilter(lexer: Lexer, filter: Filter): IndexFilter {
  if (!FILTER_OPERATORS.has(filter.op))
    lexer.refuseToken(lexer.peek(), ["a condition that an index can have: comparisons, in, between, startsWith and exists"])
  switch (filter.op) {
    case "and":
    case "or":
      return { op: filter.op, of: filter.of.map((part) => indexFilter(lexer, part)) }
    case "not":
      return { op: "not", of: indexFilter(lexer, filter.of) }
    case "in":
    case "notIn":
      return { op: filter.op, path: filter.path, values: filter.values.map(plainValue) }
    case "between":
      return { op: "between", path: filter.path, low: plainValue(filter.low), high: plainValue(filter.high) }
    case "prefix":
      return { op: "prefix", path: filter.path, value: filter.value }
    case "exists":
      return { op: "exists", path: filter.path, value: filter.value }
    default:
      return { op: filter.op, path: filter.path, value: plainValue((filter as { readonly value: Value }).value) } as IndexFilter
  }
}
