/**
 * Queries that read their whole store whenever they run, because no index serves them and no limit ends them. The planner of the host decides: it is given
 * the statement as the code spells it out.
 *
 * Invariant: a query of which any part is known only when it runs is not looked at; the host warns of it then.
 */
import type { Expression, Node } from "typescript/unstable/ast"
import type { Value } from "../Bson/Value.ts"
import type { Filter } from "../Match/Filter.ts"
import { unboundedAdviceFor } from "../Query/Advice.ts"
import type { Count, Delete, Find, Order } from "../Query/Ast.ts"
import type { StoreDefinition } from "../Schema/Definition.ts"
import { type Code, isMemberCall, type MemberCall, resultsOf } from "./Code.ts"
import type { BuildIssue, SourceText } from "./Issue.ts"
import type { DeclaredRoute } from "./Routes.ts"

const FILTERING: ReadonlySet<string> = new Set(["filter"])
/** What runs a query at once, and as which statement. */
const RUNNING: Readonly<Record<string, "find" | "count" | "delete">> = {
  rows: "find",
  count: "count",
  delete: "delete",
  set: "delete",
  inc: "delete",
  unset: "delete",
  push: "delete",
  addToSet: "delete",
  pull: "delete",
  update: "delete"
}
/** What is compared with does not choose the plan. */
const ANY: Value = "?"
const COMPARISONS: Readonly<Record<string, (path: string) => Filter>> = {
  "=": (path) => ({ op: "eq", path, value: ANY }),
  "!=": (path) => ({ op: "ne", path, value: ANY }),
  "<": (path) => ({ op: "lt", path, value: ANY }),
  "<=": (path) => ({ op: "le", path, value: ANY }),
  ">": (path) => ({ op: "gt", path, value: ANY }),
  ">=": (path) => ({ op: "ge", path, value: ANY }),
  in: (path) => ({ op: "in", path, values: [ANY] }),
  "not in": (path) => ({ op: "notIn", path, values: [ANY] }),
  between: (path) => ({ op: "between", path, low: ANY, high: ANY }),
  startsWith: (path) => ({ op: "prefix", path, value: "?" }),
  endsWith: (path) => ({ op: "suffix", path, value: "?" }),
  contains: (path) => ({ op: "contains", path, value: ANY }),
  exists: (path) => ({ op: "exists", path, value: true })
}

/** A query as far as it is spelled out: `store.filter(…).orderBy(…)`. */
interface Chain {
  readonly root: Expression
  readonly conditions: ReadonlyArray<Filter>
  readonly orderBy: ReadonlyArray<Order>
  readonly select: ReadonlyArray<string> | undefined
  readonly kind: "find" | "count" | "delete"
  /** Where it is filtered first. */
  readonly place: Node
}

/** What is to be said of the queries of the code; `stores` are those of the manifest. */
export async function unboundedQueries(
  code: Code,
  routes: ReadonlyArray<DeclaredRoute>,
  stores: ReadonlyArray<StoreDefinition>,
  source: SourceText
): Promise<ReadonlyArray<BuildIssue>> {
  const filters = code.files.flatMap(({ nodes }) => code.memberCalls(FILTERING, nodes))
  const answers = new Set<Node>(routes.flatMap(({ handler }) => resultsOf(handler, code.ast)))
  const first = filters.filter((call) => !isMemberCall(call.expression.expression, code.ast))
  const chains = first.flatMap((call) => chainsFrom(code, call, answers))
  const types = await code.typesOf(chains.map(({ root }) => root))
  const advice = await Promise.all(
    chains.map(async (chain, index) => {
      const type = types[index]
      const kind = type === undefined ? undefined : await code.kindOf(type)
      if (type === undefined || kind?.name !== "Store" || kind.owner !== "sdk" || !type.isTypeReference()) return []
      const [name] = await code.checker.getTypeArguments(type)
      const definition = name?.isStringLiteralType() === true ? stores.find((store) => store.name === name.value) : undefined
      const said = definition === undefined ? undefined : unboundedAdviceFor(definition, statementOf(definition.name, chain))
      return said === undefined ? [] : [code.issue(chain.place, said, source)]
    })
  )
  return advice.flat()
}

function statementOf(store: string, { conditions, kind, orderBy, select }: Chain): Find | Count | Delete {
  const [only, ...more] = conditions
  const filter: Filter | undefined = only === undefined || more.length === 0 ? only : { op: "and", of: conditions }
  const about = { store, ...(filter === undefined ? {} : { filter }) }
  if (kind !== "find") return { kind, ...about }
  return { kind, ...about, ...(orderBy.length === 0 ? {} : { orderBy }), ...(select === undefined ? {} : { select }) }
}

/** The query that begins with this call on a store, if all of it is known and it is used as it is. */
function chainsFrom(code: Code, first: MemberCall, answers: ReadonlySet<Node>): ReadonlyArray<Chain> {
  const chain = { root: first.expression.expression, conditions: [], orderBy: [], select: undefined, place: first.expression.name }
  let steps: Steps = chain
  let call = first
  for (;;) {
    const kind = RUNNING[call.expression.name.text]
    if (kind !== undefined) return [{ ...chain, ...steps, kind }]
    const after = withStep(code, steps, call)
    if (after === undefined) return []
    steps = after
    const next = nextCall(code, call)
    if (next === undefined) break
    call = next
  }
  return isUsedWhole(code, call, answers) ? [{ ...chain, ...steps, kind: "find" }] : []
}

type Steps = Pick<Chain, "conditions" | "orderBy" | "select">

/** The query after one more step; undefined where the step bounds it, or is known only when it runs. */
function withStep(code: Code, steps: Steps, call: MemberCall): Steps | undefined {
  const texts = call.arguments.map((argument) => textOf(code, argument))
  const isSpelledOut = !texts.includes(undefined)
  const [first = "", second] = texts
  switch (call.expression.name.text) {
    case "filter": {
      const found = conditionsOf(code, call, texts)
      return found === undefined ? undefined : { ...steps, conditions: [...steps.conditions, ...found] }
    }
    case "orderBy": {
      const order: Order = { path: first, direction: second === "desc" ? "desc" : "asc" }
      return isSpelledOut ? { ...steps, orderBy: [...steps.orderBy, order] } : undefined
    }
    case "select":
      return isSpelledOut ? { ...steps, select: texts.filter((text) => text !== undefined) } : undefined
    case "skip":
      return steps
    default:
      return undefined
  }
}

/** The call of a member of what a call gives. */
function nextCall({ ast }: Code, call: MemberCall): MemberCall | undefined {
  const outer = call.parent.parent
  return ast.isPropertyAccessExpression(call.parent) && isMemberCall(outer, ast) && outer.expression === call.parent ? outer : undefined
}

/** Whether all rows of a query are taken where it stands: it is what a route answers, is looped over, spread, or given to a template. */
function isUsedWhole({ ast }: Code, query: Node, answers: ReadonlySet<Node>): boolean {
  let node = query
  while (ast.isParenthesizedExpression(node.parent)) node = node.parent
  const { parent } = node
  if (answers.has(node) || ast.isSpreadElement(parent)) return true
  if (ast.isForOfStatement(parent)) return parent.expression === node
  if (!ast.isPropertyAssignment(parent)) return false
  const call = parent.parent.parent
  return isMemberCall(call, ast) && call.expression.name.text === "render"
}

/** The conditions of `filter({ path: value })` or `filter(path, operator, value)`; undefined where they are not spelled out. */
function conditionsOf({ ast }: Code, call: MemberCall, texts: ReadonlyArray<string | undefined>): ReadonlyArray<Filter> | undefined {
  const [first] = call.arguments
  const [path, operator] = texts
  if (path !== undefined) {
    const comparison = COMPARISONS[operator ?? ""]
    return comparison === undefined ? undefined : [comparison(path)]
  }
  if (first === undefined || !ast.isObjectLiteralExpression(first)) return undefined
  const names = first.properties.map((property) => {
    const name = ast.isPropertyAssignment(property) || ast.isShorthandPropertyAssignment(property) ? property.name : undefined
    return name !== undefined && (ast.isIdentifier(name) || ast.isStringLiteral(name)) ? name.text : undefined
  })
  return names.includes(undefined) ? undefined : names.map((name): Filter => ({ op: "eq", path: name ?? "", value: ANY }))
}

/** The text of a literal; undefined for anything else. */
function textOf({ ast }: Code, node: Node): string | undefined {
  return ast.isStringLiteral(node) || ast.isNoSubstitutionTemplateLiteral(node) ? node.text : undefined
}
