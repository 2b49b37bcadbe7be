/**
 * A plan: how the documents of all statements of one shape are found, in which order they come, and what is done about the difference to
 * the order that was asked for. The values come at each run.
 */
import type { Store } from "../Storage/Reader.ts"
import type { Access } from "./Access.ts"
import type { AggregateProgram } from "./AggregateProgram.ts"
import type { Condition } from "./Condition.ts"
import type { Covering } from "./EntryDocument.ts"
import type { LookupProgram } from "./Lookups.ts"
import type { Reading } from "./Operands.ts"
import type { Projection } from "./Projection.ts"
import type { PathRange } from "./RangeShares.ts"
import type { Residual } from "./Residual.ts"
import type { SampledConditions } from "./SampledShares.ts"
import type { SortPath } from "./SortBuffer.ts"
import type { StoreStatistics } from "./Statistics.ts"
import type { UpdateProgram } from "./UpdateProgram.ts"

/**
 * How rows come into the order of the statement.
 * - `walk`: the access gives them in that order.
 * - `ties`: it does so except for rows that sort alike, which are put into the order of their keys run by run.
 * - `keys`: the keys are collected and sorted, then the documents fetched in that order.
 * - `sort`: the rows are collected and sorted; the best `skip + limit` when there is a limit.
 * - `any`: the order does not matter (count, update, delete).
 */
export type Ordering = "walk" | "ties" | "keys" | "sort" | "any"

/** One way to run a statement. */
export interface Candidate {
  readonly access: Access
  /** 1 walks the access in its own order, -1 backwards. */
  readonly direction: 1 | -1
  readonly ordering: Ordering
  /** What the access leaves to be tested on each document. */
  readonly residual: ReadonlyArray<Condition>
  /** Set when documents are made from the entries of the index instead of being fetched. */
  readonly covering: Covering | undefined
  /** Whether the documents of a group come one behind the other, and the groups in the order of their keys. */
  readonly streams: boolean
  /** Rows expected to pass, documents or entries expected to be read, and what that costs; only to compare candidates. */
  readonly estimatedRows: number
  readonly estimatedReads: number
  readonly cost: number
}

export interface Plan extends Candidate {
  readonly kind: "find" | "get" | "count" | "aggregate" | "update" | "delete"
  /** The store as it was when the plan was made; a plan for another version of it is not used. */
  readonly store: Store
  /** What was known of the store's documents; a plan is made anew when that has changed. */
  readonly statistics: StoreStatistics | undefined
  /** All conditions, for runs whose bounds cannot be exact. */
  readonly conditions: ReadonlyArray<Condition>
  /** Their tests: what the access leaves over, and everything. They remember their last values. */
  readonly tests: { readonly residual: Residual; readonly all: Residual }
  /** The order asked for; empty = by key, ascending. */
  readonly sort: ReadonlyArray<SortPath>
  /** Number of values, the slots of limit, skip and after (-1 where there is none), and those that hold the pair of a `between`. */
  readonly slots: number
  readonly limitSlot: number
  readonly skipSlot: number
  readonly afterSlot: number
  readonly betweenSlots: ReadonlyArray<number>
  /** What texts in each slot stand for. */
  readonly readings: ReadonlyArray<Reading>
  readonly projection: Projection | undefined
  readonly lookups: ReadonlyArray<LookupProgram>
  readonly program: UpdateProgram | undefined
  /** What is computed of the rows, and the test that groups have to pass. */
  readonly aggregate: { readonly program: AggregateProgram; readonly having: Residual } | undefined
  /** The conditions that are tested on the sample, whose values do so as well where that makes a difference. */
  readonly sampled: SampledConditions | undefined
  /** The ranges whose values choose among the plans of the shape. */
  readonly ranges: ReadonlyArray<PathRange>
  /** Every way that could be taken, the chosen one first. */
  readonly candidates: ReadonlyArray<Candidate>
  /** The ways not taken, and the indexes that are of no use, each with its reason. */
  readonly rejected: ReadonlyArray<Rejection>
}

export interface Rejection {
  readonly access: string
  readonly reason: string
  readonly estimatedReads?: number
}
