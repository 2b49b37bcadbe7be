/**
 * What a Fault of the query core says, and the limits it may name. Pure: the core imports this file, the door imports `Errors.ts`.
 */
import { Fault } from "../Fault/Fault.ts"

/** One thing that is wrong with a document: a JSON pointer to it, a code, and words. */
export interface DocumentIssue {
  readonly pointer: string
  readonly code: string
  readonly message: string
}

export type QueryReason =
  /** The BSON form of a statement is wrong at `path` (for example `filter.total.$gtt`). */
  | { readonly _tag: "InvalidStatement"; readonly path: string; readonly message: string; readonly suggestion?: string }
  /** PQL text is wrong at `line` and `column`, both counted from 1; `offset` counts UTF-16 units from 0. */
  | {
      readonly _tag: "InvalidPql"
      readonly line: number
      readonly column: number
      readonly offset: number
      readonly found: string
      readonly expected: ReadonlyArray<string>
      readonly suggestion?: string
      readonly message: string
    }
  /** The database has no store of that name. */
  | { readonly _tag: "UnknownStore"; readonly store: string; readonly message: string }
  /** A document does not follow its store's schema. `index` is its place in the list that was inserted. */
  | {
      readonly _tag: "InvalidDocument"
      readonly store: string
      readonly index?: number
      readonly issues: ReadonlyArray<DocumentIssue>
      readonly message: string
    }
  /** An update does not fit the document it met, or contradicts itself, at `path`. */
  | { readonly _tag: "InvalidUpdate"; readonly path: string; readonly message: string }
  /** The statement would take more than it may. `missingIndex` has the paths of an index that would serve it (`-path` descending). */
  | {
      readonly _tag: "BudgetExceeded"
      readonly budget: keyof QueryLimits
      readonly limit: number
      readonly store: string
      readonly missingIndex?: ReadonlyArray<string>
      readonly message: string
    }
  /** A cursor was not made by this database, or for rows in another order. */
  | { readonly _tag: "InvalidCursor"; readonly message: string }
  /** An index and its store do not agree. The store is the truth; the index has to be built anew. */
  | { readonly _tag: "IndexDamaged"; readonly store: string; readonly index: string; readonly message: string }

/** What one statement may take. Every member is a positive whole number. */
export interface QueryLimits {
  /** Documents and index entries looked at. Default 1 000 000. */
  readonly scannedMax: number
  /** Milliseconds of one statement, where the executor has a clock. Default 10 000. */
  readonly elapsedMsMax: number
  /** Rows of a reply, and documents a write may match. Default 100 000. */
  readonly rowsMax: number
  /** Bytes of the documents of a reply, before `select`. Default 64 MiB. */
  readonly rowsBytesMax: number
  /** Bytes kept to bring rows into order: keys and copies of documents. Default 64 MiB. */
  readonly sortBytesMax: number
  /** Bytes that groups and what is computed of them take. Default 64 MiB. */
  readonly groupBytesMax: number
  /** Ranges a plan may open for `in`. Above it the index is walked in fewer ranges and the rest is filtered. Default 1 000. */
  readonly rangesMax: number
  /** Bytes of the JSON of documents kept to be copied when they are written out again, of all databases that share a `Budget`. Default 64 MiB; by `Query.layer` a 64th of the machine's memory when that is more. */
  readonly textCacheBytesMax: number
  /** Bytes of whole results as JSON that the Query service keeps until what they rest on changes; 0 keeps none. Default 32 MiB. */
  readonly resultCacheBytesMax: number
}

export const DEFAULT_QUERY_LIMITS: QueryLimits = {
  scannedMax: 1_000_000,
  elapsedMsMax: 10_000,
  rowsMax: 100_000,
  rowsBytesMax: 64 * 1024 * 1024,
  sortBytesMax: 64 * 1024 * 1024,
  groupBytesMax: 64 * 1024 * 1024,
  rangesMax: 1_000,
  textCacheBytesMax: 64 * 1024 * 1024,
  resultCacheBytesMax: 32 * 1024 * 1024
}

/** Refuses a statement. `path` says where in its BSON form. */
export function refuseStatement(path: string, message: string, suggestion?: string): never {
  throw new Fault<QueryReason>({
    _tag: "InvalidStatement",
    path,
    message: suggestion === undefined ? message : `${message} (${suggestion})`,
    ...(suggestion === undefined ? {} : { suggestion })
  })
}

/** Refuses an update that does not fit. */
export function refuseUpdate(path: string, message: string): never {
  throw new Fault<QueryReason>({ _tag: "InvalidUpdate", path, message })
}

/** Ends a statement that takes more than it may. */
export function breakBudget(
  budget: Exclude<keyof QueryLimits, "rangesMax" | "textCacheBytesMax" | "resultCacheBytesMax">,
  limits: QueryLimits,
  store: string,
  missingIndex: ReadonlyArray<string> = []
): never {
  const limit = limits[budget]
  const what = {
    scannedMax: `look at more than ${limit} documents of ${store}`,
    elapsedMsMax: `take more than ${limit} ms`,
    rowsMax: `take more than ${limit} rows`,
    rowsBytesMax: `take more than ${limit} bytes of rows`,
    sortBytesMax: `take more than ${limit} bytes to sort its rows`,
    groupBytesMax: `take more than ${limit} bytes for its groups`
  }[budget]
  const isAboutRows = budget === "rowsMax" || budget === "rowsBytesMax"
  const narrower =
    budget === "scannedMax" || budget === "elapsedMsMax" ? "a narrower filter would help" : "a limit or a narrower filter would help"
  const advice = missingIndex.length === 0 || isAboutRows ? narrower : `an index on ${missingIndex.join(", ")} would help`
  throw new Fault<QueryReason>({
    _tag: "BudgetExceeded",
    budget,
    limit,
    store,
    ...(missingIndex.length === 0 || isAboutRows ? {} : { missingIndex }),
    message: `the statement would ${what}; ${advice}`
  })
}
