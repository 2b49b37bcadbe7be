/**
 * PQL, the text form of statements: `orders.filter(customer = $name and total > decimal "10").orderBy(placedAt, desc).limit(20)`.
 *
 * Invariants
 * - The whole text is read; a step that would have no effect where it stands is refused, never ignored.
 * - Every refusal is a Fault InvalidPql with line, column, what was expected and, where one is likely, a suggestion.
 */
import { closest } from "../Config/Closest.ts"
import { parseKey } from "../Bson/Key.ts"
import type { Value } from "../Bson/Value.ts"
import type { ArrayChange, DocumentValue, DefinitionStatement, Planned, Statement } from "./Ast.ts"
import { ARRAY_CHANGES, LOOKUPS_MAX, ORDER_PATHS_MAX, ROW_NUMBER_MAX } from "./Ast.ts"
import { type Draft, finish, type Verb } from "./PqlDraft.ts"
import { readAggregates } from "./PqlAggregate.ts"
import { readIndex, readIndexName } from "./PqlIndex.ts"
import { readComputedList } from "./PqlCompute.ts"
import { readArrayChanges } from "./PqlChanges.ts"
import { readExpression, readPath } from "./PqlExpression.ts"
import { Lexer, type Token } from "./PqlLexer.ts"
import { type Parameters, readDocument, readValue, readValueOf } from "./PqlValue.ts"

export type { Parameters } from "./PqlValue.ts"

interface Context {
  readonly lexer: Lexer
  readonly parameters: Parameters
  readonly draft: Draft
  /** The name of the step that is being read. */
  readonly step: Token
}

/**
 * Reads one statement. `parameters` are the values of its `$names`. Faults with InvalidPql.
 *
 * @example
 * ```ts
 * parsePql("orders.filter(customer = $customer).limit(20)", { customer: "ada" })
 * // => { kind: "find", store: "orders", filter: { op: "eq", path: "customer", value: "ada" }, limit: 20 }
 * ```
 */
export function parsePql(text: string, parameters: Parameters = {}): Statement {
  const lexer = new Lexer(text)
  const statement = readStatement(lexer, parameters)
  if (isAboutDefinition(statement))
    return lexer.refuse(
      0,
      statement.kind,
      ["a statement about documents"],
      `${statement.kind === "drop" ? "dropping stores is" : "indexes are"} for operators: planck query, planck shell`
    )
  return statement
}

/** As `parsePql`, with the statements about indexes and stores that operators may give. */
export function parseOperatorPql(text: string, parameters: Parameters = {}): Statement | DefinitionStatement {
  return readStatement(new Lexer(text), parameters)
}

function isAboutDefinition(statement: Statement | DefinitionStatement): statement is DefinitionStatement {
  const { kind } = statement
  return kind === "createIndex" || kind === "dropIndex" || kind === "indexes" || kind === "drop"
}

/** Reads the whole text of a lexer. Completion looks at its `place` when it is refused. */
export function readStatement(lexer: Lexer, parameters: Parameters): Statement | DefinitionStatement {
  const first = lexer.peek()
  if (first.kind === "name" && first.text === "explain") {
    lexer.next()
    if (lexer.peek().text !== ".") return { kind: "explain", of: planned(lexer, readQuery(lexer, parameters)) }
    return readSteps(lexer, parameters, first.text)
  }
  return readQuery(lexer, parameters)
}

function planned(lexer: Lexer, statement: Statement | DefinitionStatement): Planned {
  const { kind } = statement
  if (kind === "find" || kind === "aggregate" || kind === "get" || kind === "count" || kind === "update" || kind === "delete")
    return statement
  return lexer.refuse(0, kind, ["a statement that has to find documents after `explain`"])
}

function readQuery(lexer: Lexer, parameters: Parameters): Statement | DefinitionStatement {
  const store = lexer.peek()
  if (store.kind !== "name" && store.kind !== "quotedName") {
    lexer.refuseToken(
      store,
      ["the name of a store"],
      store.kind === "string" ? `write it without quotes, or as \`${store.text}\`` : undefined
    )
  }
  lexer.next()
  return readSteps(lexer, parameters, store.text)
}

function readSteps(lexer: Lexer, parameters: Parameters, store: string): Statement | DefinitionStatement {
  lexer.place.store = store
  const draft: Draft = { store, verb: "find", filters: [], orderBy: [], documents: [], having: [], lookup: [] }
  while (lexer.peek().kind !== "end") {
    if (!lexer.accept(".")) lexer.refuseToken(lexer.peek(), ["`.` and a step", "the end"])
    const step = lexer.peek()
    const read = step.kind === "name" ? STEPS.get(step.text) : undefined
    if (read === undefined) refuseStep(lexer, step)
    lexer.next()
    lexer.expect("(")
    read({ lexer, parameters, draft, step })
    lexer.expect(")")
  }
  return finish(draft)
}

function refuseStep(lexer: Lexer, step: Token): never {
  const names = [...STEPS.keys()]
  const alias: Readonly<Record<string, string>> = {
    where: "filter",
    find: "filter",
    sort: "orderBy",
    order: "orderBy",
    offset: "skip",
    take: "limit"
  }
  const meant = alias[step.text] ?? closest(step.text, names)
  return lexer.refuseToken(step, [`a step (${names.join(", ")})`], meant === undefined ? undefined : `did you mean ${meant}?`)
}

/** Refuses the step when one that came before leaves it without effect. */
function only(context: Context, verb: Verb, allowed: ReadonlyArray<keyof Draft>): void {
  const { draft, lexer, step } = context
  if (draft.verb !== "find" && !(draft.verb === verb && (verb === "update" || verb === "aggregate"))) {
    lexer.refuseToken(step, [NEXT[draft.verb] ?? `the end after ${draft.verb}`])
  }
  for (const [member, name] of MEMBERS) {
    const value = draft[member]
    const given =
      Array.isArray(value) && member !== "select" && member !== "omit" && member !== "unset" ? value.length > 0 : value !== undefined
    if (given && !allowed.includes(member))
      lexer.refuseToken(step, [`a statement without ${name}`], `${name} has no effect on ${step.text}`)
  }
  draft.verb = verb
}

/** What may follow when a statement has become one of a kind. */
const NEXT: Readonly<Partial<Record<Verb, string>>> = {
  update: "set, inc, unset, push, addToSet, pull or the end",
  aggregate: "aggregate, having, orderBy, skip, limit or the end"
}

const MEMBERS: ReadonlyArray<readonly [keyof Draft, string]> = [
  ["filters", "filter"],
  ["orderBy", "orderBy"],
  ["limit", "limit"],
  ["skip", "skip"],
  ["after", "after"],
  ["select", "select"],
  ["omit", "omit"],
  ["compute", "compute"],
  ["lookup", "lookup"]
]
const ROWS: ReadonlyArray<keyof Draft> = ["filters", "orderBy", "limit", "skip", "after", "select", "omit", "compute", "lookup"]
const CHANGES: ReadonlyArray<keyof Draft> = ["filters", "set", "inc", "unset", ...ARRAY_CHANGES]

const STEPS: ReadonlyMap<string, (context: Context) => void> = new Map<string, (context: Context) => void>([
  ["filter", readFilter],
  ["orderBy", readOrderBy],
  ["limit", (context: Context) => readRowNumber(context, "limit")],
  ["skip", (context: Context) => readRowNumber(context, "skip")],
  ["after", readAfter],
  ["select", readSelect],
  ["pluck", readSelect],
  ["omit", readOmit],
  ["compute", readCompute],
  ["first", readFirst],
  ["lookup", readLookup],
  ["groupBy", readGroupBy],
  ["aggregate", readAggregate],
  ["having", readHaving],
  ["distinct", readDistinct],
  ["count", (context: Context) => only(context, "count", ["filters", "limit", "skip"])],
  ["get", readGet],
  ["insert", readInsert],
  ["set", (context: Context) => readChange(context, "set")],
  ["inc", (context: Context) => readChange(context, "inc")],
  ["unset", readUnset],
  ...ARRAY_CHANGES.map((member) => [member, (context: Context) => readChange(context, member)] as const),
  ["replace", (context: Context) => readWhole(context, "replace")],
  ["upsert", (context: Context) => readWhole(context, "upsert")],
  ["delete", readDelete],
  ["createIndex", readCreateIndex],
  ["dropIndex", readDropIndex],
  ["indexes", (context: Context) => only(context, "indexes", [])],
  ["drop", (context: Context) => only(context, "drop", [])]
])

/** Every step of PQL, by its name. */
export const STEP_NAMES: ReadonlyArray<string> = [...STEPS.keys()]

function readFilter(context: Context): void {
  only(context, "find", ROWS)
  context.draft.filters.push(readExpression(context.lexer, context.parameters))
}

/** `lookup(store, localPath, foreignPath, name)`. */
function readLookup(context: Context): void {
  only(context, "find", ROWS)
  const { draft, lexer } = context
  const store = readName(lexer, "the name of a store")
  lexer.expect(",")
  const local = readPath(lexer)
  lexer.expect(",")
  lexer.place.store = store
  const foreign = readPath(lexer)
  lexer.place.store = draft.store
  lexer.expect(",")
  const token = lexer.peek()
  const as = readName(lexer, "a name for the documents that are found")
  if (as === "_id" || as.includes(".") || as.startsWith("$")) lexer.refuseToken(token, ["a name without dots and $ that is not _id"])
  if (draft.lookup.some((lookup) => lookup.as === as)) lexer.refuseToken(token, ["each name once"])
  if (draft.lookup.push({ store, local, foreign, as }) > LOOKUPS_MAX) lexer.refuseToken(token, [`at most ${LOOKUPS_MAX} lookups`])
}

function readName(lexer: Lexer, what: string): string {
  const token = lexer.peek()
  if (token.kind !== "name" && token.kind !== "quotedName") lexer.refuseToken(token, [what])
  return lexer.next().text
}

/** Turns rows into groups: what was ordered until now is the order in which groups see their rows. */
function beginGroups(context: Context): void {
  const { draft } = context
  const wasRows = draft.verb === "find"
  only(context, "aggregate", wasRows ? ["filters", "orderBy"] : ROWS)
  if (wasRows && draft.orderBy.length > 0) draft.inputOrder = draft.orderBy
  if (wasRows) draft.orderBy = []
}

function readGroupBy(context: Context): void {
  const { draft, lexer, step } = context
  if (draft.verb === "aggregate") lexer.refuseToken(step, ["groupBy once, and before aggregate"])
  beginGroups(context)
  draft.groupBy = readPaths(lexer)
}

function readAggregate(context: Context): void {
  const { draft, lexer, step } = context
  if (draft.aggregates !== undefined || draft.distinct !== undefined) lexer.refuseToken(step, ["aggregate once, and not after distinct"])
  beginGroups(context)
  draft.aggregates = readAggregates(lexer, context.parameters)
}

function readHaving(context: Context): void {
  const { draft, lexer, parameters, step } = context
  if (draft.verb !== "aggregate") lexer.refuseToken(step, ["having after groupBy or aggregate"], "rows are chosen by filter")
  lexer.place.groups = groupNames(draft)
  draft.having.push(readExpression(lexer, parameters))
}

function readDistinct(context: Context): void {
  const { draft, lexer, step } = context
  if (draft.verb === "aggregate") lexer.refuseToken(step, ["distinct without groupBy and aggregate"])
  beginGroups(context)
  draft.distinct = readPath(lexer)
}

/** Steps about rows or, behind groupBy and its kin, about groups. */
function rowsOrGroups(context: Context): void {
  const isGroups = context.draft.verb === "aggregate"
  only(context, isGroups ? "aggregate" : "find", ROWS)
  if (isGroups) context.lexer.place.groups = groupNames(context.draft)
}

/** What the rows of groups are made of, with the path of documents that each name stands for; nothing where it is computed. */
function groupNames({ aggregates = {}, distinct, groupBy = [] }: Draft): ReadonlyMap<string, string> {
  const paths = distinct === undefined ? groupBy : [distinct]
  const keepsValues = (operator: string): boolean => ["min", "max", "first", "last"].includes(operator)
  return new Map([
    ...paths.map((path) => [path.slice(path.lastIndexOf(".") + 1), path] as const),
    ...Object.entries(aggregates).map(([name, { operator, path = "" }]) => [name, keepsValues(operator) ? path : ""] as const)
  ])
}

function readOrderBy(context: Context): void {
  rowsOrGroups(context)
  const { draft, lexer } = context
  do {
    const at = lexer.peek()
    const path = readPath(lexer)
    const direction = readDirection(lexer)
    if (draft.orderBy.some((order) => order.path === path)) lexer.refuseToken(at, ["each path once in orderBy"])
    if (draft.orderBy.length === ORDER_PATHS_MAX) lexer.refuseToken(at, [`at most ${ORDER_PATHS_MAX} paths in orderBy`])
    draft.orderBy.push({ path, direction })
  } while (lexer.accept(","))
}

/** `asc` or `desc`, with or without a comma before it: `orderBy(total, desc)`, `orderBy(total desc, name)`. */
function readDirection(lexer: Lexer): "asc" | "desc" {
  const mark = lexer.mark()
  const comma = lexer.accept(",")
  const token = lexer.peek()
  lexer.seek("asc", "desc")
  if (token.kind === "name" && (token.text === "asc" || token.text === "desc")) {
    lexer.next()
    return token.text
  }
  if (comma) lexer.reset(mark)
  return "asc"
}

function readRowNumber(context: Context, member: "limit" | "skip"): void {
  rowsOrGroups(context)
  const { draft, lexer, parameters, step } = context
  if (draft[member] !== undefined) lexer.refuseToken(step, [`${member} once`])
  draft[member] = readValueOf(lexer, parameters, `a whole number from 0 to ${ROW_NUMBER_MAX}`, isRowNumber)
}

function isRowNumber(value: Value): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= ROW_NUMBER_MAX && !Object.is(value, -0)
}

/** `after("cursor")`: only rows behind the place that a page ended at. */
function readAfter(context: Context): void {
  only(context, "find", ROWS)
  const { draft, lexer, parameters, step } = context
  if (draft.after !== undefined) lexer.refuseToken(step, ["after once"])
  lexer.seek('"')
  draft.after = readValueOf(lexer, parameters, "the cursor of a page, as text", (value) => typeof value === "string")
}

function readPaths(lexer: Lexer): Array<string> {
  const paths: Array<string> = []
  do {
    const at = lexer.peek()
    const path = readPath(lexer)
    if (paths.includes(path)) lexer.refuseToken(at, ["each path once"])
    paths.push(path)
  } while (lexer.accept(","))
  return paths
}

function readSelect(context: Context): void {
  const { draft, lexer, parameters, step } = context
  if (draft.verb !== "get") only(context, "find", ROWS)
  if (draft.select !== undefined || draft.omit !== undefined || draft.compute !== undefined)
    lexer.refuseToken(step, ["select once, and without omit and compute"])
  const paths: Array<string> = []
  const computed = readComputedList(lexer, parameters, paths)
  draft.select = paths
  if (computed.size > 0) draft.compute = Object.fromEntries(computed)
}

/** `omit(path, …)`: everything but these. */
function readOmit(context: Context): void {
  const { draft, lexer, step } = context
  if (draft.verb !== "get") only(context, "find", ROWS)
  if (draft.select !== undefined || draft.omit !== undefined) lexer.refuseToken(step, ["omit once, and without select"])
  const at = lexer.peek()
  draft.omit = readPaths(lexer)
  if (draft.omit.includes("_id")) lexer.refuseToken(at, ["paths other than _id, which is always shown"])
}

/** `compute(name: expression, …)`: values beside the fields. */
function readCompute(context: Context): void {
  const { draft, lexer, parameters, step } = context
  if (draft.verb !== "get") only(context, "find", ROWS)
  if (draft.select !== undefined || draft.compute !== undefined)
    lexer.refuseToken(step, ["compute once; a select takes computed values itself"])
  draft.compute = Object.fromEntries(readComputedList(lexer, parameters))
}

/** `first()`: the first row, if there is one. */
function readFirst(context: Context): void {
  rowsOrGroups(context)
  const { draft, lexer, step } = context
  if (draft.limit !== undefined) lexer.refuseToken(step, ["a statement without limit"], "first is limit(1)")
  draft.limit = 1
}

/** A key, bare or as any value. */
function readId(context: Context): Value {
  context.lexer.place.path = "_id"
  const bare = context.lexer.acceptKey()
  return bare === undefined ? readValue(context.lexer, context.parameters, 0) : parseKey(bare)
}

function readGet(context: Context): void {
  only(context, "get", ["select", "omit", "compute"])
  context.draft.key = readId(context)
}

function readInsert(context: Context): void {
  only(context, "insert", [])
  const { draft, lexer, parameters } = context
  const token = lexer.peek()
  lexer.place.path = ""
  lexer.seek("[")
  lexer.note("a parameter")
  const given = token.text === "[" || token.kind === "parameter" ? readValue(lexer, parameters, 0) : readDocument(lexer, parameters)
  const documents = Array.isArray(given) ? given : [given]
  if (documents.length === 0 || !documents.every(isDocument)) lexer.refuseToken(token, ["a document or a list of documents"])
  draft.documents = documents
}

/** Whether a value of PQL is a document: no class of BSON's own, no list. */
function isDocument(value: Value): value is DocumentValue {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

function readChange(context: Context, member: "set" | "inc" | ArrayChange): void {
  only(context, "update", CHANGES)
  const { draft, lexer, parameters, step } = context
  if (draft[member] !== undefined) lexer.refuseToken(step, [`${member} once`])
  const token = lexer.peek()
  lexer.place.path = ""
  lexer.place.change = member
  const fields = member === "set" || member === "inc" ? readDocument(lexer, parameters) : readArrayChanges(lexer, parameters, member)
  if (Object.keys(fields).length === 0) lexer.refuseToken(token, ["at least one field"])
  draft[member] = fields
}

function readUnset(context: Context): void {
  only(context, "update", CHANGES)
  const { draft, lexer, step } = context
  if (draft.unset !== undefined) lexer.refuseToken(step, ["unset once"])
  draft.unset = readPaths(lexer)
}

function readWhole(context: Context, verb: "replace" | "upsert"): void {
  only(context, verb, [])
  const { draft, lexer, parameters } = context
  const token = lexer.peek()
  lexer.place.path = ""
  lexer.note("a parameter")
  const document = token.kind === "parameter" ? readValue(lexer, parameters, 0) : readDocument(lexer, parameters)
  if (!isDocument(document) || !Object.hasOwn(document, "_id")) return lexer.refuseToken(token, ["a document with its _id"])
  draft.documents = [document]
}

function readDelete(context: Context): void {
  only(context, "delete", ["filters"])
  const { draft, lexer } = context
  if (draft.filters.length === 0) lexer.seek(")")
  if (lexer.peek().text === ")" && lexer.peek().kind === "symbol") return
  if (draft.filters.length > 0) lexer.refuseToken(lexer.peek(), ["`)`"], "delete takes a filter or a key, not both")
  draft.filters.push({ op: "eq", path: "_id", value: readId(context) })
}

function readCreateIndex(context: Context): void {
  only(context, "createIndex", [])
  context.draft.index = readIndex(context.lexer, context.parameters)
}

/** `dropIndex(name)`: a name, or text where it is none. */
function readDropIndex(context: Context): void {
  only(context, "dropIndex", [])
  context.draft.indexName = readIndexName(context.lexer, "the name of an index")
}
