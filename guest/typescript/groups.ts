/** Groups: `orders.groupBy("customer").aggregate({ orders: { count: true }, total: { sum: "total" } })`. */
import { type Condition, type Conditions, type Filter, group, type Operand, type Operator, type Target } from "./condition.ts"
import type { Decimal } from "./decimal.ts"
import { type Calculation, expressionOf } from "./compute.ts"
import { native, Operation } from "./native.ts"
import type { At, ItemAt, Path, Stored } from "./paths.ts"
import type { Explanation, RowSource, selected, Statement } from "./query.ts"

type OfPath = "sum" | "avg" | "min" | "max" | "first" | "last" | "push" | "countDistinct"

/** What can be computed of a group, by operator. */
export type Aggregate<Row> =
  | { readonly count: true }
  | { readonly [Name in OfPath]: { readonly [Key in Name]: Path<Row> | Calculation<Row> } }[OfPath]

/** The type of a result. */
export type Result<Row, A> = A extends { readonly countDistinct: unknown }
  ? number
  : A extends { readonly push: ReadonlyArray<unknown> }
    ? ReadonlyArray<number | bigint | Decimal | null>
    : A extends { readonly [Name in Exclude<OfPath, "push">]?: ReadonlyArray<unknown> }
      ? number | bigint | Decimal | null
      : ResultOfPath<Row, A>

type ResultOfPath<Row, A> = A extends { readonly count: true } | { readonly countDistinct: string }
  ? number
  : A extends { readonly sum: string }
    ? bigint | number | Decimal | null
    : A extends { readonly avg: string }
      ? number | Decimal | null
      : A extends { readonly push: infer Where extends string }
        ? ReadonlyArray<Stored<Row, Where>>
        : A extends { readonly [Name in "first" | "last"]?: infer Where extends string }
          ? Stored<Row, Where> | null
          : A extends { readonly [Name in "min" | "max"]?: infer Where extends string }
            ? At<Row, Where> | null
            : never

/** The last name of a path. */
export type LastName<Where extends string> = Where extends `${string}.${infer Rest}` ? LastName<Rest> : Where

/** The group paths of a row, by their last names. */
export type GroupKeys<Row, Where extends Path<Row>> = { readonly [Each in Where as LastName<Each>]: Stored<Row, Each> | null }

type Flat<Value> = { [Name in keyof Value]: Value[Name] }

/**
 * Groups of rows: a row for each, in the order of their keys unless `orderBy` says otherwise. Can be returned or given to a template as a query can.
 *
 * @example
 * ```ts
 * const perCustomer: Groups<typeof orders.Row, { readonly customer: string | null }> = orders.all().distinct("customer")
 * ```
 */
export class Groups<Row, Group> implements RowSource<Group>, Iterable<Group> {
  declare readonly [selected]: () => Group
  declare private readonly target: Target
  declare private readonly statement: Statement

  /** Groups begin at a query: `orders.groupBy(…)`. */
  constructor(target: Target, statement: Statement) {
    this.target = target
    this.statement = statement
  }

  /** What is computed of each group, by name. */
  aggregate<const Results extends { readonly [name: string]: Aggregate<Row> }>(
    results: Results
  ): Groups<Row, Flat<Group & { readonly [Name in keyof Results]: Result<Row, Results[Name]> }>> {
    const aggregates: Record<string, object> = { ...this.statement.aggregates }
    for (const [name, result] of Object.entries(results)) {
      const [operator, operand] = Object.entries(result)[0] as [string, unknown]
      aggregates[name] = { [`$${operator}`]: expressionOf(this.target, operand) }
    }
    return new Groups(this.target, native.extend(this.statement, "aggregates", aggregates))
  }

  /** Keeps the groups for which this holds. */
  having(conditions: Conditions<Group>): Groups<Row, Group>
  having<const Where extends Path<Group>, const With extends Operator>(
    path: Where,
    operator: With,
    value: Operand<At<Group, Where>, ItemAt<Group, Where>, With>
  ): Groups<Row, Group>
  having(...given: ReadonlyArray<unknown>): Groups<Row, Group> {
    const condition: Filter = group(RESULTS, (given.length === 1 ? given[0] : given) as Condition<Group>)
    const before = this.statement.having
    return new Groups(
      this.target,
      native.extend(this.statement, "having", before === undefined ? condition : { $and: [before, condition] })
    )
  }

  /** Orders the groups; further calls decide among equals. */
  orderBy(path: keyof Group & string, direction: "asc" | "desc" = "asc"): Groups<Row, Group> {
    return new Groups(this.target, native.extend(this.statement, "orderBy", [...(this.statement.orderBy ?? []), [path, direction]]))
  }

  /** At most so many groups. */
  limit(groups: number): Groups<Row, Group> {
    return new Groups(this.target, native.extend(this.statement, "limit", groups))
  }

  /** Leaves out the first groups. */
  skip(groups: number): Groups<Row, Group> {
    return new Groups(this.target, native.extend(this.statement, "skip", groups))
  }

  /** How the host would compute these groups, and what a run of it reads. */
  explain(): Explanation {
    return native.call(Operation.explain, { statement: this.statement }).explanation as Explanation
  }

  /** The groups. */
  rows(): Group[] {
    return native.call(Operation.aggregate, { statement: this.statement }).rows as Group[]
  }

  /** The first group; undefined when there is none. */
  first(): Group | undefined {
    return this.limit(1).rows()[0]
  }

  [Symbol.iterator](): Iterator<Group> {
    return this.rows()[Symbol.iterator]()
  }

  toStatement(): Statement {
    return this.statement
  }
}

/** Results are values, not fields of a store: texts stand for themselves. */
const RESULTS: Target = { name: "", fromText: {} }
