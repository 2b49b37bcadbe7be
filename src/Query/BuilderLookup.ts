/**
 * Lookups in the typed builder: `orders.filter({ … }).lookup(customers, "customer", "_id", "buyers")`.
 */
import type { Find, Lookup } from "./Ast.ts"
import type { Reading, result } from "./Builder.ts"
import type { PathOf } from "./DocumentType.ts"
import type { Page } from "./Session.ts"

/**
 * A store whose documents are looked up, as far as its rows tell: a path of `DocumentOf<D>` for any definition `D` is more than the compiler
 * can think about.
 */
export type LookedUp<Other> = Reading<ReadonlyArray<Other>> & { readonly definition: { readonly name: string } }

/** A row with the documents of another store that belong to it. */
export type WithList<Selected, As extends string, Foreign> = Selected & { readonly [Name in As]: ReadonlyArray<Foreign> }

/** Rows with documents of other stores beside them; given to the Query service, its rows. */
export class LookupQuery<Row, Selected> implements Reading<ReadonlyArray<Selected>> {
  declare readonly [result]?: ReadonlyArray<Selected>
  readonly statement: Find

  /** Lookups begin at a query: `orders.lookup(…)`. */
  constructor(statement: Find) {
    this.statement = statement
  }

  /** Puts documents of one more store beside each row. */
  lookup<Other, const As extends string>(
    store: LookedUp<Other>,
    local: PathOf<Row>,
    foreign: PathOf<Other>,
    as: As
  ): LookupQuery<Row, WithList<Selected, As, Other>> {
    return withLookup(this.statement, { store: store.definition.name, local, foreign, as })
  }

  /** The first row; undefined when there is none. */
  first(): Reading<Selected | undefined> {
    return { statement: { ...this.statement, limit: 1 }, takesFirst: true }
  }

  /** As `page` of a query without lookups. */
  page(rows: number, after?: string): Reading<Page<Selected>> {
    return { statement: { ...this.statement, limit: rows, ...(after === undefined ? {} : { after }) }, isPage: true }
  }
}

/** The statement with one more lookup. */
export function withLookup<Row, Selected>(statement: Find, lookup: Lookup): LookupQuery<Row, Selected> {
  return new LookupQuery({ ...statement, lookup: [...(statement.lookup ?? []), lookup] })
}
