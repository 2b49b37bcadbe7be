/** Which index would have served a statement: said where one breaks off because it looks at too much. */
import { readIndexFilter } from "../Schema/IndexFilter.ts"
import type { StoreDefinition } from "../Schema/Definition.ts"
import { leavesOf } from "./Access.ts"
import type { Count, Delete, Find } from "./Ast.ts"
import { describeCondition, isLeaf } from "./Condition.ts"
import { typeOfPath } from "./PathTypes.ts"
import type { Plan } from "./Plan.ts"
import { compilePlan } from "./PlanCompiler.ts"
import { encodeStatement } from "./StatementBson.ts"

/** Operators that an index bounds. */
const INDEXED: ReadonlySet<string> = new Set(["eq", "in", "lt", "le", "gt", "ge", "between", "prefix"])

/**
 * The paths of an index for the plan's statement: those compared with `=` or `in`, then those of its order, or else one with a range.
 * A path with `-` in front is descending. Empty when no index would help, or one with these paths is in use. Of paths that may hold an array
 * an index takes one, and none for an order.
 */
export function missingIndex(plan: Plan): ReadonlyArray<string> {
  const arrays = new Set<string>()
  const leaves = plan.conditions.filter(isLeaf).filter(({ op, path }) => {
    if (path === "_id" || !INDEXED.has(op)) return false
    const { field, meetsArray } = typeOfPath(plan.store.definition, path)
    if (meetsArray) arrays.add(path)
    return field !== undefined && (!meetsArray || (arrays.size === 1 && arrays.has(path)))
  })
  const equal = leaves.filter((leaf) => leaf.op === "eq" || leaf.op === "in").map((leaf) => leaf.path)
  const ordered = plan.sort.filter((level) => isIndexable(plan, level.path.text) && !equal.includes(level.path.text))
  const orders = ordered.map((level) => `${level.descending ? "-" : ""}${level.path.text}`)
  const range = leaves.find((leaf) => leaf.op !== "eq" && leaf.op !== "in")
  const last = orders.length > 0 ? orders : range === undefined ? [] : [range.path]
  const wanted = [...new Set([...equal, ...last])]
  const used = new Set(plan.access.kind === "index" ? leavesOf(plan.access).map((leaf) => leaf.path) : [])
  return wanted.every((path) => used.has(path)) ? [] : wanted
}

/** What to say of a statement that has to read its whole store whenever it runs, and that an index would serve; undefined for any other. */
export function unboundedAdvice(plan: Plan): string | undefined {
  const wanted = missingIndex(plan)
  const isWhole = plan.candidates.every(({ access }) => access.kind === "scan" && access.low === undefined && access.high === undefined)
  if (!isWhole || plan.conditions.length === 0 || plan.limitSlot >= 0 || wanted.length === 0) return undefined
  const paths = wanted.map((path) => JSON.stringify(path)).join(", ")
  const conditions = plan.conditions.map(describeCondition).join(" and ")
  const { name } = plan.store.definition
  return `every document of the store "${name}" is read for ${conditions}: give the store the index { on: [${paths}] }, or the statement a limit`
}

/** The same of a statement that nobody has run yet, about a store of which only the definition is known. Faults with InvalidStatement. */
export function unboundedAdviceFor(definition: StoreDefinition, statement: Find | Count | Delete): string | undefined {
  const indexes = definition.indexes.map((index, at) => ({
    id: at + 1,
    definition: index,
    ready: true,
    filter: index.where === undefined ? undefined : readIndexFilter(index.where, definition.schema)
  }))
  const store = { id: 1, definition, indexes }
  return unboundedAdvice(
    compilePlan(
      statement.kind,
      encodeStatement(statement),
      0,
      () => store,
      () => undefined
    )
  )
}

function isIndexable(plan: Plan, path: string): boolean {
  const { field, meetsArray } = typeOfPath(plan.store.definition, path)
  return field !== undefined && !meetsArray
}
