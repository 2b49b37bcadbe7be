/** Secondary indexes as an author declares them, and as the manifest has them. */
import type { At, Path } from "./paths.ts"
import type { Conditions, Operand } from "./condition.ts"
import { plain } from "./schema.ts"

/** An index as the manifest has it. */
export interface IndexDefinition {
  readonly name: string
  readonly on: ReadonlyArray<{ readonly path: string; readonly direction: "asc" | "desc" }>
  readonly unique?: true
  readonly sparse?: true
  readonly where?: object
  readonly expireAfterMs?: number
}

/** What the filter of an index may compare with. */
export type IndexOperator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in" | "between" | "startsWith" | "exists"

/** A condition of an index as a list: path, operator, value. */
export type IndexCondition<Row> = {
  [Where in Path<Row>]: { [With in IndexOperator]: readonly [Where, With, Operand<At<Row, Where>, never, With>] }[IndexOperator]
}[Path<Row>]

/** A secondary index over paths; `-path` is descending. A path through an array has each of its elements. */
export interface Index<Row> {
  readonly on: ReadonlyArray<Path<Row> | `-${Path<Row>}`>
  /** A name to know it by; made of its paths when not given. */
  readonly name?: string
  /** No two documents may have the same values at the paths; a missing field counts as null. A write that would is `unique_violation`. */
  readonly unique?: boolean
  /** Leaves out documents that have nothing, or null, at all of the paths. */
  readonly sparse?: boolean
  /** Leaves out documents for which this does not hold: the value of each path, or a list of conditions. */
  readonly where?: Conditions<Row> | ReadonlyArray<IndexCondition<Row>>
  /** Documents are removed that long after the date at the (one) path: 0 when the date is the end itself. */
  readonly expireAfterMs?: number
}

/** An index whose types were checked. */
export interface AnyIndex {
  readonly on: ReadonlyArray<string>
  readonly name?: string
  readonly unique?: boolean
  readonly sparse?: boolean
  readonly where?: object
  readonly expireAfterMs?: number
}

const OPERATORS: Readonly<Record<IndexOperator, string>> = {
  "=": "eq",
  "!=": "ne",
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
  in: "in",
  "not in": "notIn",
  between: "between",
  startsWith: "prefix",
  exists: "exists"
}

/** The index as the manifest has it. */
export function indexDefinition({ on, name, unique, sparse, where, expireAfterMs }: AnyIndex): IndexDefinition {
  const paths = on.map((path) =>
    path.startsWith("-") ? { path: path.slice(1), direction: "desc" as const } : { path, direction: "asc" as const }
  )
  return {
    name: name ?? paths.map(({ path, direction }) => `${path}_${direction}`).join("_"),
    on: paths,
    ...(unique === true ? { unique } : {}),
    ...(sparse === true ? { sparse } : {}),
    ...(where === undefined ? {} : { where: filterOf(where) }),
    ...(expireAfterMs === undefined ? {} : { expireAfterMs })
  }
}

function filterOf(where: object): object {
  const parts = Array.isArray(where)
    ? where.map(([path, operator, value]) => conditionOf(path, operator, value))
    : Object.entries(where).map(([path, value]) => conditionOf(path, "=", value))
  return parts.length === 1 ? (parts[0] as object) : { op: "and", of: parts }
}

function conditionOf(path: string, operator: IndexOperator, operand: unknown): object {
  const op = OPERATORS[operator]
  if (op === undefined) throw new TypeError(`"${String(operator)}" is no operator: ${Object.keys(OPERATORS).join(" ")}`)
  if (operand === undefined) throw new TypeError(`the value for ${path} in the filter of an index is undefined`)
  const value = plain(operand)
  if (op === "in" || op === "notIn") return { op, path, values: value }
  if (op !== "between") return { op, path, value }
  const [low, high] = value as unknown[]
  return { op, path, low, high }
}
