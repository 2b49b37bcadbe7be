/** What has been read of a PQL statement so far, and the statement it becomes. */
import type { Value } from "../Bson/Value.ts"
import type { IndexDefinition } from "../Schema/Definition.ts"
import type { Aggregate, Computed, DocumentValue, Filter, DefinitionStatement, Lookup, Order, Statement } from "./Ast.ts"

export type Verb =
  | "createIndex"
  | "dropIndex"
  | "indexes"
  | "drop"
  | "find"
  | "aggregate"
  | "get"
  | "count"
  | "insert"
  | "update"
  | "replace"
  | "upsert"
  | "delete"

/** What has been read so far. `verb` is set by the step that says what happens to the rows. */
export interface Draft {
  readonly store: string
  verb: Verb
  filters: Array<Filter>
  orderBy: Array<Order>
  limit?: number
  skip?: number
  after?: string
  select?: Array<string>
  omit?: Array<string>
  compute?: Computed
  key?: Value
  lookup: Array<Lookup>
  inputOrder?: Array<Order>
  groupBy?: Array<string>
  distinct?: string
  aggregates?: NonNullable<Aggregate["aggregates"]>
  having: Array<Filter>
  documents: Array<DocumentValue>
  set?: DocumentValue
  inc?: DocumentValue
  unset?: Array<string>
  push?: DocumentValue
  addToSet?: DocumentValue
  pull?: DocumentValue
  index?: IndexDefinition
  indexName?: string
}

/** One filter that asks for all of these. */
function together(filters: ReadonlyArray<Filter>): Filter | undefined {
  return filters.length > 1 ? { op: "and", of: filters } : filters[0]
}

function aggregateOf(draft: Draft, rows: { readonly store: string }): Aggregate {
  const having = together(draft.having)
  return {
    kind: "aggregate",
    ...rows,
    ...(draft.inputOrder === undefined ? {} : { inputOrder: draft.inputOrder }),
    ...(draft.groupBy === undefined ? {} : { groupBy: draft.groupBy }),
    ...(draft.distinct === undefined ? {} : { distinct: draft.distinct }),
    ...(draft.aggregates === undefined ? {} : { aggregates: draft.aggregates }),
    ...(having === undefined ? {} : { having }),
    ...(draft.orderBy.length === 0 ? {} : { orderBy: draft.orderBy })
  }
}

/** The statement a draft has become. `only` has made sure that nothing in it is without effect. */
export function finish(draft: Draft): Statement | DefinitionStatement {
  const { store, filters } = draft
  const filter = together(filters)
  const rows = {
    store,
    ...(filter === undefined ? {} : { filter }),
    ...(draft.limit === undefined ? {} : { limit: draft.limit }),
    ...(draft.skip === undefined ? {} : { skip: draft.skip })
  }
  const shown = {
    ...(draft.select === undefined ? {} : { select: draft.select }),
    ...(draft.omit === undefined ? {} : { omit: draft.omit }),
    ...(draft.compute === undefined ? {} : { compute: draft.compute })
  }
  switch (draft.verb) {
    case "find":
      return {
        kind: "find",
        ...rows,
        ...(draft.orderBy.length === 0 ? {} : { orderBy: draft.orderBy }),
        ...(draft.after === undefined ? {} : { after: draft.after }),
        ...shown,
        ...(draft.lookup.length === 0 ? {} : { lookup: draft.lookup })
      }
    case "aggregate":
      return aggregateOf(draft, rows)
    case "get":
      return { kind: "get", store, key: draft.key ?? null, ...shown }
    case "indexes":
    case "drop":
      return { kind: draft.verb, store }
    case "createIndex":
      return { kind: "createIndex", store, index: draft.index ?? { name: "", on: [] } }
    case "dropIndex":
      return { kind: "dropIndex", store, name: draft.indexName ?? "" }
    case "count":
      return { kind: "count", ...rows }
    case "insert":
      return { kind: "insert", store, documents: draft.documents }
    case "replace":
    case "upsert":
      return { kind: draft.verb, store, document: draft.documents[0] ?? {} }
    case "delete":
      return { kind: "delete", ...rows }
    case "update":
      return {
        kind: "update",
        ...rows,
        ...(draft.set === undefined ? {} : { set: draft.set }),
        ...(draft.inc === undefined ? {} : { inc: draft.inc }),
        ...(draft.unset === undefined ? {} : { unset: draft.unset }),
        ...(draft.push === undefined ? {} : { push: draft.push }),
        ...(draft.addToSet === undefined ? {} : { addToSet: draft.addToSet }),
        ...(draft.pull === undefined ? {} : { pull: draft.pull })
      }
  }
}
