/** Plans for people and tools: what `explain` answers. */
import type { DocumentValue } from "./Ast.ts"
import { type Access, indexesOf, leavesOf } from "./Access.ts"
import { describeCondition } from "./Condition.ts"
import type { Operands } from "./Operands.ts"
import type { Plan, Rejection } from "./Plan.ts"
import { alternativeFor, serves } from "./PlanCompiler.ts"
import { describeAccess, describeCandidate } from "./Planner.ts"
import type { QueryLimits } from "./Reasons.ts"

const LACKING = "it does not have every document that is asked for"

/** A plan as plain data, and what a run of it came to. Conditions are text with `?` for values. */
export interface Explanation {
  readonly kind: Plan["kind"]
  readonly store: string
  /** Where the documents come from: `keys`, `index <name>`, `union of …`, `intersection of …`, `range of keys` or `all documents`. */
  readonly access: string
  /** The index, when there is one, and whether it is walked backwards. */
  readonly index?: { readonly name: string; readonly backwards: boolean }
  /** Of a union or an intersection: the conditions that each part takes care of. */
  readonly parts?: ReadonlyArray<{ readonly access: string; readonly bounds: ReadonlyArray<string> }>
  /** Documents are made from index entries and not fetched. */
  readonly covering?: true
  /** Groups are computed one after another. */
  readonly streaming?: true
  /** The conditions that the access takes care of. */
  readonly bounds: ReadonlyArray<string>
  /** What is tested on each document. */
  readonly residual: ReadonlyArray<string>
  /** How the order comes about; see `Ordering` in `Plan.ts`. */
  readonly ordering: Plan["ordering"]
  /** Rows expected to be found, and index entries or documents to be read for them. */
  readonly estimatedRows: number
  readonly estimatedReads: number
  /** How many documents the store has, when that is known from counts and a sample; the estimates rest on it then. */
  readonly documents?: number
  /** What the run came to; only where the statement was run. */
  readonly actual?: ActualRun
  /** The ways not taken, each with its reason. */
  readonly rejected: ReadonlyArray<Rejection>
}

/** What one run of a plan read and gave. */
export interface ActualRun {
  /** Rows, groups, or documents that a change would be about. */
  readonly rows: number
  readonly indexKeysRead: number
  readonly documentsRead: number
  /** Bytes of the documents read. */
  readonly bytesRead: number
  /** Milliseconds; only where the executor has a clock. */
  readonly elapsedMs?: number
  /** The budget that ended the run before its end. */
  readonly budget?: keyof QueryLimits
}

/** What a run of the plan with these values does: the way it takes is the plan's own unless that lacks documents that are asked for. */
export function explainPlan(planned: Plan, operands: Operands, lsn: number): Explanation {
  const plan = alternativeFor(planned, lsn, operands)
  const { access, covering, statistics, streams } = plan
  return {
    kind: plan.kind,
    store: plan.store.definition.name,
    access: describeAccess(access),
    ...indexPart(access, plan.direction),
    ...(covering === undefined ? {} : { covering: true }),
    ...(streams ? { streaming: true } : {}),
    bounds: leavesOf(access).map(describeCondition),
    residual: plan.residual.map(describeCondition),
    ordering: plan.ordering,
    estimatedRows: Math.round(plan.estimatedRows),
    estimatedReads: Math.round(plan.estimatedReads),
    ...(statistics === undefined ? {} : { documents: statistics.documents }),
    rejected: rejectedBy(plan, operands, lsn)
  }
}

/** An explanation as values of BSON. */
export function plainExplanation(explanation: Explanation): DocumentValue {
  return JSON.parse(JSON.stringify(explanation)) as DocumentValue // It is texts, numbers and lists of them.
}

function rejectedBy(plan: Plan, operands: Operands, lsn: number): ReadonlyArray<Rejection> {
  const lacking = plan.candidates
    .filter((candidate) => !serves(candidate, lsn, operands))
    .map((candidate) => ({ access: describeCandidate(candidate), reason: LACKING }))
  if (lacking.length === 0) return plan.rejected
  const told = new Set([describeCandidate(plan), ...lacking.map(({ access }) => access)])
  return [...plan.rejected.filter(({ access }) => !told.has(access)), ...lacking]
}

function indexPart(access: Access, direction: 1 | -1): Pick<Explanation, "index" | "parts"> {
  if (access.kind === "index") return { index: { name: access.index.definition.name, backwards: direction === -1 } }
  if (indexesOf(access).length === 0 && access.kind !== "union") return {}
  const parts = access.kind === "union" || access.kind === "intersection" ? access.parts : []
  return { parts: parts.map((part) => ({ access: describeAccess(part), bounds: leavesOf(part).map(describeCondition) })) }
}
