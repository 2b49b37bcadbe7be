/** What an aggregate statement computes, ready to run: its paths and names are the same for all statements of one shape. */
import { compilePath, type Path } from "../Bson/Path.ts"
import { fieldName } from "../Bson/View.ts"
import type { Aggregate, AggregateOperator } from "./Ast.ts"
import { CompiledExpression, type CompileTest } from "./Expression.ts"
import { printExpression, printPath } from "./Print.ts"
import { type SortPath, sortPath } from "./SortBuffer.ts"

/** One aggregate: its operator, the path or the expression it looks at (count has neither) and the name of its result. */
export interface Aggregated {
  readonly operator: AggregateOperator
  readonly path: Path | undefined
  readonly value: CompiledExpression | undefined
  /** What it looks at, for people. */
  readonly text: string
  readonly name: Uint8Array
}

export interface AggregateProgram {
  readonly groupBy: ReadonlyArray<Path>
  /** The names of the group paths in a result. */
  readonly names: ReadonlyArray<Uint8Array>
  readonly aggregates: ReadonlyArray<Aggregated>
  /** Whether elements of arrays are groups of their own. */
  readonly distinct: boolean
  /** The order of the groups. */
  readonly sort: ReadonlyArray<SortPath>
  /** Whether the result depends on the order of rows. */
  readonly ordered: boolean
}

/** The name of a group path in a result: its last part. */
export function groupName(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1)
}

export function compileAggregate(statement: Aggregate, compileTest: CompileTest): AggregateProgram {
  const { aggregates = {}, distinct, groupBy = [], orderBy = [] } = statement
  const paths = distinct === undefined ? groupBy : [distinct]
  const compiled = Object.entries(aggregates).map(([name, { operator, path, value }]) => ({
    operator,
    path: path === undefined ? undefined : compilePath(path),
    value: value === undefined ? undefined : new CompiledExpression(value, compileTest),
    text: path !== undefined ? printPath(path) : value === undefined ? "" : printExpression(value),
    name: fieldName(name)
  }))
  return {
    groupBy: paths.map(compilePath),
    names: paths.map((path) => fieldName(groupName(path))),
    aggregates: compiled,
    distinct: distinct !== undefined,
    sort: orderBy.map(({ direction, path }) => sortPath(path, direction === "desc", true)),
    ordered: compiled.some(({ operator }) => operator === "first" || operator === "last" || operator === "push")
  }
}
