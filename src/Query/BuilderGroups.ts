/**
 * Groups in the typed builder: `orders.groupBy("customer").aggregate({ orders: { count: true }, total: { sum: "total" } })`.
 *
 * Results have the last names of the group paths and the names given; an order and a `having` can name only those.
 */
import type { Decimal128 } from "../Bson/Value.ts"
import type { Aggregate, AggregateOperator, AggregateResult, Filter, Order, OrderDirection } from "./Ast.ts"
import type { Reading, result } from "./Builder.ts"
import { type Condition, type Conditions, filtersOf, joined, type Operand, type Operator } from "./BuilderCondition.ts"
import { type Calculation, expressionOf } from "./BuilderCompute.ts"
import type { AtPath, ItemAt, PathOf, StoredAt } from "./DocumentType.ts"

/** What can be computed of a group, by operator. */
export type AggregateOf<Row> =
  | { readonly count: true }
  | { readonly [Operator in Exclude<AggregateOperator, "count">]: { readonly [Name in Operator]: PathOf<Row> | Calculation<Row> } }[Exclude<
      AggregateOperator,
      "count"
    >]

type Sum<V> = V extends number ? bigint | number : V extends bigint ? bigint : never
type SumOf<V> = (V extends Decimal128 ? never : Sum<V>) | Decimal128 | null

/** The type of a result. */
export type ResultOf<Row, A> = A extends { readonly count: true } | { readonly countDistinct: unknown }
  ? number
  : A extends { readonly push: ReadonlyArray<unknown> }
    ? ReadonlyArray<number | bigint | Decimal128 | null>
    : A extends { readonly [Name in Exclude<AggregateOperator, "count" | "push">]?: ReadonlyArray<unknown> }
      ? number | bigint | Decimal128 | null
      : ResultOfPath<Row, A>

type ResultOfPath<Row, A> = A extends { readonly count: true } | { readonly countDistinct: string }
  ? number
  : A extends { readonly sum: infer Path extends string }
    ? SumOf<AtPath<Row, Path>>
    : A extends { readonly avg: string }
      ? number | Decimal128 | null
      : A extends { readonly push: infer Path extends string }
        ? ReadonlyArray<StoredAt<Row, Path>>
        : A extends { readonly [Name in "first" | "last"]?: infer Path extends string }
          ? StoredAt<Row, Path> | null
          : A extends { readonly [Name in "min" | "max"]?: infer Path extends string }
            ? AtPath<Row, Path> | null
            : never

/** The last name of a path. */
export type LastName<Path extends string> = Path extends `${string}.${infer Rest}` ? LastName<Rest> : Path

/** The group paths of a row, by their last names. */
export type GroupKeys<Row, Path extends PathOf<Row>> = { readonly [Name in Path as LastName<Name>]: StoredAt<Row, Name> | null }

type Flat<T> = { [Name in keyof T]: T[Name] }

/** Groups of rows; given to the Query service, a row for each. */
export class GroupQuery<Row, Group> implements Reading<ReadonlyArray<Group>> {
  declare readonly [result]?: ReadonlyArray<Group>
  readonly #statement: Aggregate

  /** Groups begin at a query: `orders.groupBy(…)`. */
  constructor(statement: Aggregate) {
    this.#statement = statement
  }

  get statement(): Aggregate {
    return this.#statement
  }

  /** What is computed of each group, by name. */
  aggregate<const Results extends { readonly [name: string]: AggregateOf<Row> }>(
    results: Results
  ): GroupQuery<Row, Flat<Group & { readonly [Name in keyof Results]: ResultOf<Row, Results[Name]> }>> {
    const aggregates = Object.fromEntries(Object.entries(results).map(([name, result]) => [name, aggregateOf(result)]))
    return new GroupQuery({ ...this.#statement, aggregates: { ...this.#statement.aggregates, ...aggregates } })
  }

  /** Keeps the groups for which this holds. */
  having(conditions: Conditions<Group>): GroupQuery<Row, Group>
  having<const Path extends PathOf<Group>, const Op extends Operator>(
    path: Path,
    operator: Op,
    value: Operand<AtPath<Group, Path>, ItemAt<Group, Path>, Op>
  ): GroupQuery<Row, Group>
  having(...condition: ReadonlyArray<unknown>): GroupQuery<Row, Group> {
    const filters: ReadonlyArray<Filter> = filtersOf(condition.length === 1 ? condition[0] : (condition as unknown as Condition<Group>))
    const before = this.#statement.having
    return new GroupQuery({ ...this.#statement, having: joined(before === undefined ? filters : [before, ...filters]) })
  }

  /** Orders the groups; further calls decide among equals. */
  orderBy(path: keyof Group & string, direction: OrderDirection = "asc"): GroupQuery<Row, Group> {
    const orderBy: ReadonlyArray<Order> = [...(this.#statement.orderBy ?? []), { path, direction }]
    return new GroupQuery({ ...this.#statement, orderBy })
  }

  /** At most so many groups. */
  limit(groups: number): GroupQuery<Row, Group> {
    return new GroupQuery({ ...this.#statement, limit: groups })
  }

  /** Leaves out the first groups. */
  skip(groups: number): GroupQuery<Row, Group> {
    return new GroupQuery({ ...this.#statement, skip: groups })
  }

  /** The first group; undefined when there is none. */
  first(): Reading<Group | undefined> {
    return { statement: { ...this.#statement, limit: 1 }, takesFirst: true }
  }
}

function aggregateOf(result: object): AggregateResult {
  const [operator, operand] = Object.entries(result)[0] as [AggregateOperator, unknown]
  if (operand === true) return { operator }
  const value = expressionOf(operand)
  return value.op === "path" ? { operator, path: value.path } : { operator, value }
}
