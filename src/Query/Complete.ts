/**
 * What may come at a place of a PQL text: completion data for editors and the shell.
 *
 * Invariants
 * - The parser itself says what it would take there: the text before the word at the place is parsed, and every word and sign that was tried
 *   where it ends is an alternative. So nothing is offered that the parser would refuse for its kind, and nothing is left out.
 * - Of what the grammar allows, that is offered which makes sense for the type of the field.
 */
import { Fault } from "../Fault/Fault.ts"
import type { Value } from "../Bson/Value.ts"
import { TYPE_NAMES } from "../Match/TypeName.ts"
import type { StoreDefinition } from "../Schema/Definition.ts"
import { AGGREGATE_OPERATORS } from "./Ast.ts"
import { fieldsAt, membersAt, numbersFit, operatorsAt, valuesAt } from "./CompleteFields.ts"
import { readStatement, STEP_NAMES } from "./Pql.ts"
import { Lexer, PQL_LENGTH_MAX } from "./PqlLexer.ts"
import type { PqlPlace } from "./PqlPlace.ts"
import { printName } from "./Print.ts"
import type { QueryReason } from "./Reasons.ts"

/** Something that may stand at the place. */
export interface Completion {
  readonly text: string
  readonly kind: "store" | "step" | "field" | "operator" | "word" | "value" | "type" | "aggregate" | "parameter" | "index" | "sign"
  /** The type of a field, and the like. */
  readonly detail?: string
}

export interface Completions {
  /** Where the word begins that a completion takes the place of. */
  readonly from: number
  readonly items: ReadonlyArray<Completion>
  /** What may also come and cannot be listed, in words: a number, a new name. */
  readonly others: ReadonlyArray<string>
}

/** Most completions of one place. */
export const COMPLETIONS_MAX = 200

/** Longest text that is looked at, in UTF-16 units: a step has room behind it. */
const LENGTH_MAX = PQL_LENGTH_MAX - 64

/** Names in a path are one word, elsewhere a dot ends it. */
const WORDS = [/[\w.`$]*$/, /[\w`$]*$/]
/** What a parameter may hold: the first one that the parser takes where it stands is as good as any. */
const PARAMETER_VALUES: ReadonlyArray<Value> = [1, "", [], { _id: 1 }]
/** Most values that are tried for the parameters of a text. */
const PARAMETER_TRIALS_MAX = 100

/**
 * What may come at `offset` (UTF-16 units) of a text. `parameters` are the names of those that have a value.
 *
 * @example
 * ```ts
 * completePql("orders.filter(st", 16, [{ name: "orders", idKind: "key", schema: { status: { type: "string" } }, indexes: [] }])
 * // => { from: 14, items: [{ text: "status", kind: "field", detail: "string" }], others: [] }
 * ```
 */
export function completePql(
  text: string,
  offset: number,
  stores: ReadonlyArray<StoreDefinition>,
  parameters: ReadonlyArray<string> = []
): Completions {
  const before = text.slice(0, Math.min(offset, LENGTH_MAX))
  const { from, place } = placeBeforeWord(before)
  if (place === undefined) return { from, items: [], others: [] }
  const word = before.slice(from)
  const items = new Map<string, Completion>()
  const others: Array<string> = []
  for (const what of place.sought) {
    const found = candidates(what, place, before.slice(0, from), word, stores, parameters)
    if (found === undefined && word === "") others.push(what)
    if (what === "a value" && word === "" && numbersFit(storeOf(place, stores), place)) others.push("a number")
    for (const item of found ?? [])
      if (item.text.toLowerCase().startsWith(word.toLowerCase()) && !items.has(item.text)) items.set(item.text, item)
  }
  const isSign = ({ kind }: Completion): boolean => kind === "sign"
  const all = [...items.values()]
  return { from, items: [...all.filter((item) => !isSign(item)), ...all.filter(isSign)].slice(0, COMPLETIONS_MAX), others }
}

interface Before {
  readonly from: number
  /** Undefined behind a mistake, where nothing sensible can be said. */
  readonly place: PqlPlace | undefined
}

/** Where the word at the end begins, and what the parser would take there. Quoted text and names that are still open are words, too. */
function placeBeforeWord(before: string): Before {
  for (const pattern of WORDS) {
    const from = before.length - (pattern.exec(before)?.[0].length ?? 0)
    const prefix = before.slice(0, from)
    const { openAt, place } = placeAfter(prefix)
    if (openAt !== undefined) return { from: openAt, place: placeAfter(before.slice(0, openAt)).place }
    if (pattern !== WORDS[0] || place?.sought.has("a path") === true) return { from, place }
  }
  return { from: before.length, place: undefined }
}

/** What the parser would take behind a text; `openAt` is where a string or name begins that the text does not end. */
function placeAfter(prefix: string): { readonly place?: PqlPlace; readonly openAt?: number } {
  const parameters: Record<string, Value> = Object.fromEntries(
    [...prefix.matchAll(/\$(\w+)/g)].map((found) => [found[1] ?? "", PARAMETER_VALUES[0] ?? null])
  )
  for (let trials = 0; trials < PARAMETER_TRIALS_MAX; trials++) {
    const lexer = new Lexer(prefix)
    const refusal = refusalOf(lexer, parameters)
    if (refusal === undefined) {
      if (stepNames(`${prefix}.`).length > 0) lexer.place.sought.add("`.`")
      return { place: lexer.place }
    }
    if (refusal.found === "an open string" || refusal.found === "an open backtick") return { openAt: refusal.offset }
    if (prefix.slice(refusal.offset).trim() === "") {
      // Behind a name a path could go on: that is part of the name's own completion.
      lexer.place.sought.delete("`.`")
      return { place: lexer.place }
    }
    const parameter = /^\$(\w+)/.exec(prefix.slice(refusal.offset))?.[1]
    const next = parameter === undefined ? undefined : PARAMETER_VALUES[PARAMETER_VALUES.indexOf(parameters[parameter] ?? null) + 1]
    if (parameter === undefined || next === undefined) return {}
    parameters[parameter] = next
  }
  return {}
}

function refusalOf(
  lexer: Lexer,
  parameters: Readonly<Record<string, Value>>
): Extract<QueryReason, { readonly _tag: "InvalidPql" }> | undefined {
  try {
    readStatement(lexer, parameters)
    return undefined
  } catch (error) {
    if (!(error instanceof Fault) || error.reason._tag !== "InvalidPql") throw error
    return error.reason as Extract<QueryReason, { readonly _tag: "InvalidPql" }>
  }
}

function storeOf(place: PqlPlace, stores: ReadonlyArray<StoreDefinition>): StoreDefinition | undefined {
  return stores.find(({ name }) => name === place.store)
}

/** What is meant by an expectation of the parser; undefined when it cannot be listed. */
function candidates(
  what: string,
  place: PqlPlace,
  prefix: string,
  word: string,
  stores: ReadonlyArray<StoreDefinition>,
  parameters: ReadonlyArray<string>
): ReadonlyArray<Completion> | undefined {
  const store = storeOf(place, stores)
  const parameterNames = parameters.map((name): Completion => ({ text: `$${name}`, kind: "parameter" }))
  if (what === "`.` and a step" || what === "the end") return []
  if (what.startsWith("a step")) return stepNames(prefix)
  if (what === "the name of a store") return storeNames(prefix, stores)
  if (what === "the name of an index") return (store?.indexes ?? []).map(({ name }) => ({ text: printName(name), kind: "index" }))
  if (what === "a path") return store === undefined ? [] : fieldsAt(store, place, word)
  if (what === "the name of a field") return store === undefined ? [] : membersAt(store, place)
  if (what.startsWith("an operator")) return operatorsAt(store, place)
  if (what.startsWith("a type")) return TYPE_NAMES.map((text) => ({ text, kind: "type" }))
  if (what.startsWith("an aggregate")) return AGGREGATE_OPERATORS.map((text) => ({ text, kind: "aggregate" }))
  if (what === "a parameter") return parameterNames
  if (what === "a value") return [...valuesAt(store, place), ...parameterNames]
  const text = /^`([^`]+)`$/.exec(what)?.[1]
  return text === undefined ? undefined : [{ text, kind: /^\w/.test(text) ? "word" : "sign" }]
}

function storeNames(prefix: string, stores: ReadonlyArray<StoreDefinition>): ReadonlyArray<Completion> {
  const names = stores.map(({ name }): Completion => ({ text: printName(name), kind: "store" }))
  return prefix.trim() === "" ? [...names, { text: "explain", kind: "word" }] : names
}

/** The steps that the parser takes behind the dot at the end. */
function stepNames(prefix: string): ReadonlyArray<Completion> {
  return STEP_NAMES.filter((step) => placeAfter(`${prefix}${step}(`).place !== undefined).map((text) => ({ text, kind: "step" }))
}
