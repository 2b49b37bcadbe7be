/**
 * What may come at a place of a PQL text: completion data for editors and the shell.
 *
 * The parser itself says what it expects there: the text before the word at the place is parsed, and the refusal names the alternatives.
 * So a completion never offers what the parser would refuse for its kind.
 */
import { Fault } from "../Fault/Fault.ts"
import { TYPE_NAMES } from "../Match/TypeName.ts"
import type { Field, Fields, StoreDefinition } from "../Schema/Definition.ts"
import { idField } from "../Schema/Validator.ts"
import { AGGREGATE_OPERATORS } from "./Ast.ts"
import { typeOfPath } from "./PathTypes.ts"
import { parseOperatorPql, STEP_NAMES } from "./Pql.ts"
import { PQL_LENGTH_MAX } from "./PqlLexer.ts"
import { OPERATORS } from "./PqlWords.ts"
import { printName } from "./Print.ts"
import type { QueryReason } from "./Reasons.ts"

/** Something that may stand at the place. */
export interface Completion {
  readonly text: string
  readonly kind: "store" | "step" | "field" | "operator" | "word" | "value" | "type" | "aggregate"
  /** The type of a field, and the like. */
  readonly detail?: string
}

export interface Completions {
  /** Where the word begins that a completion takes the place of. */
  readonly from: number
  readonly items: ReadonlyArray<Completion>
}

/** Most paths that are offered. */
export const COMPLETIONS_MAX = 200
const FIELD_DEPTH_MAX = 4

const NOTHING: Completions = { from: 0, items: [] }

/**
 * What may come at `offset` (UTF-16 units) of a text.
 *
 * @example
 * ```ts
 * completePql("orders.filter(st", 16, [{ name: "orders", idKind: "key", schema: { status: { type: "string" } }, indexes: [] }])
 * // => { from: 14, items: [{ text: "status", kind: "field", detail: "string" }] }
 * ```
 */
export function completePql(text: string, offset: number, stores: ReadonlyArray<StoreDefinition>): Completions {
  const before = text.slice(0, Math.min(offset, PQL_LENGTH_MAX))
  const inside = openParentheses(before)
  if (inside === undefined) return NOTHING
  const word = (inside > 0 ? /[\w.`]*$/ : /[\w`]*$/).exec(before)?.[0] ?? ""
  const from = before.length - word.length
  const items = candidates(before.slice(0, from), stores).filter((item) => item.text.toLowerCase().startsWith(word.toLowerCase()))
  const seen = new Set<string>()
  return { from, items: items.filter((item) => !seen.has(item.text) && seen.add(item.text)).slice(0, COMPLETIONS_MAX) }
}

/** How many parentheses and braces are open at the end; undefined inside a string. */
function openParentheses(text: string): number | undefined {
  let open = 0
  let quote = ""
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (quote !== "") {
      if (character === "\\") at++
      else if (character === quote) quote = ""
    } else if (character === '"' || character === "'") quote = character
    else if ("([{".includes(character)) open++
    else if (")]}".includes(character)) open--
  }
  return quote === "" ? open : undefined
}

function candidates(prefix: string, stores: ReadonlyArray<StoreDefinition>): ReadonlyArray<Completion> {
  const expected = expectedAfter(prefix)
  const store = storeAt(prefix, stores)
  return expected.flatMap((what): ReadonlyArray<Completion> => {
    if (what === "the name of a store") return storeNames(prefix, stores)
    if (what.startsWith("a step") || what.startsWith("`.`")) return stepNames(prefix)
    if (what === "a path" || what.startsWith("a name")) return store === undefined ? [] : fieldsOf(store)
    if (what.startsWith("an operator")) return operatorsFor(store, lastPath(prefix))
    if (what.startsWith("a type")) return TYPE_NAMES.map((text) => ({ text, kind: "type" }))
    if (what.startsWith("an aggregate")) return AGGREGATE_OPERATORS.map((text) => ({ text, kind: "aggregate" }))
    if (what === "a value") return valuesFor(store, comparedPath(prefix))
    return what === "`)`" || what === "`,`" ? continuations(prefix) : []
  })
}

/** What the parser expects behind a text. */
function expectedAfter(prefix: string): ReadonlyArray<string> {
  try {
    parseOperatorPql(prefix)
  } catch (error) {
    if (!(error instanceof Fault) || error.reason._tag !== "InvalidPql") return []
    const { expected, offset } = error.reason as Extract<QueryReason, { readonly _tag: "InvalidPql" }>
    // A mistake further up: nothing sensible can be said of the end.
    return prefix.slice(offset).trim() === "" ? expected : []
  }
  return ["`.` and a step"]
}

function storeNames(prefix: string, stores: ReadonlyArray<StoreDefinition>): ReadonlyArray<Completion> {
  const names = stores.map(({ name }): Completion => ({ text: printName(name), kind: "store" }))
  return prefix.trim() === "" ? [...names, { text: "explain", kind: "word" }] : names
}

/** The steps that the parser takes behind the dot at the end. */
function stepNames(prefix: string): ReadonlyArray<Completion> {
  if (!prefix.trimEnd().endsWith(".")) return []
  return STEP_NAMES.filter((step) => expectedAfter(`${prefix}${step}(`).length > 0).map((text) => ({ text, kind: "step" }))
}

/** The store whose fields may stand at the end: that of the statement, or of a lookup behind its second comma. */
function storeAt(prefix: string, stores: ReadonlyArray<StoreDefinition>): StoreDefinition | undefined {
  const own = /^\s*(?:explain\s+)?(`[^`]+`|\w+)/.exec(prefix)?.[1]
  const foreign = /\.lookup\(\s*(`[^`]+`|\w+)\s*,[^,()]*,\s*$/.exec(prefix)?.[1]
  const name = (foreign ?? own)?.replaceAll("`", "")
  return stores.find((store) => store.name === name)
}

function fieldsOf({ idKind, schema }: StoreDefinition): ReadonlyArray<Completion> {
  return paths({ _id: idField(idKind), ...schema }, "", 0)
}

function paths(fields: Fields, above: string, depth: number): ReadonlyArray<Completion> {
  return Object.entries(fields).flatMap(([name, field]): ReadonlyArray<Completion> => {
    const text = `${above}${printName(name)}`
    const item = field.type === "array" ? field.items : field
    const inside = item.type === "struct" && depth < FIELD_DEPTH_MAX ? paths(item.fields, `${text}.`, depth + 1) : []
    return [{ text, kind: "field", detail: describe(field) }, ...inside]
  })
}

function describe(field: Field): string {
  const type = field.type === "array" ? `array of ${field.items.type}` : field.type
  return field.optional === true ? `${type}, optional` : type
}

function lastPath(prefix: string): string | undefined {
  return /([\w`][\w.`]*)\s*$/.exec(prefix)?.[1]?.replaceAll("`", "")
}

function comparedPath(prefix: string): string | undefined {
  return /([\w`][\w.`]*)\s*(?:=|!=|<=?|>=?|in|not\s+in|between|contains)\s*\[?(?:[^[\]()]*,\s*)?$/.exec(prefix)?.[1]?.replaceAll("`", "")
}

const OF_TEXT: ReadonlySet<string> = new Set(["startsWith", "endsWith", "~"])
const OF_ARRAYS: ReadonlySet<string> = new Set(["any", "all", "size"])

/** The operators that make sense for the field. */
function operatorsFor(store: StoreDefinition | undefined, path: string | undefined): ReadonlyArray<Completion> {
  const field = store === undefined || path === undefined ? undefined : typeOfPath(store, path).field
  const isText = field === undefined || ["string", "literals", "any", "union", "array"].includes(field.type)
  const isArray = field === undefined || ["array", "any", "union"].includes(field.type)
  return OPERATORS.filter((operator) => (isText || !OF_TEXT.has(operator)) && (isArray || !OF_ARRAYS.has(operator))).map((text) => ({
    text,
    kind: "operator"
  }))
}

function valuesFor(store: StoreDefinition | undefined, path: string | undefined): ReadonlyArray<Completion> {
  const field = store === undefined || path === undefined ? undefined : typeOfPath(store, path).field
  const item = field?.type === "array" ? field.items : field
  const words: ReadonlyArray<string> =
    item?.type === "boolean"
      ? ["true", "false"]
      : item?.type === "literals"
        ? item.values.map((value) => JSON.stringify(value))
        : literalWords(item?.type)
  return [...words, ...(item?.nullable === true || item?.optional === true ? ["null"] : [])].map((text) => ({ text, kind: "value" }))
}

function literalWords(type: string | undefined): ReadonlyArray<string> {
  if (type === undefined) return ["true", "false", "null", "long", "decimal", "date", "key"]
  return ["long", "decimal", "date", "key", "uuid", "objectId", "binary"].filter((word) => word === type)
}

/** What goes on behind a finished part of a step. */
function continuations(prefix: string): ReadonlyArray<Completion> {
  const step = /\.(\w+)\([^()]*(?:\([^()]*\)[^()]*)*$/.exec(prefix)?.[1]
  const words = step === "orderBy" || step === "createIndex" ? ["asc", "desc"] : step === "filter" || step === "having" ? ["and", "or"] : []
  return words.map((text) => ({ text, kind: "word" }))
}
