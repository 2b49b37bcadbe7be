/** Plans for people and tools: what `explain` answers. */
import { type Access, leavesOf } from "./Access.ts"
import { describeCondition } from "./Condition.ts"
import type { Operands } from "./Operands.ts"
import type { Plan, Rejection } from "./Plan.ts"
import { alternativeFor, serves } from "./PlanCompiler.ts"
import { describeAccess } from "./Planner.ts"

const LACKING = "it does not have every document that is asked for"

/** A plan as plain data. Conditions are text with `?` for values. */
export interface Explanation {
  readonly kind: Plan["kind"]
  readonly store: string
  /** Where the documents come from: `keys`, `index <name>`, `range of keys` or `all documents`. */
  readonly access: string
  /** The index, when there is one, and whether it is walked backwards. */
  readonly index?: { readonly name: string; readonly backwards: boolean }
  /** The conditions that the access takes care of. */
  readonly bounds: ReadonlyArray<string>
  /** What is tested on each document. */
  readonly residual: ReadonlyArray<string>
  /** How the order comes about; see `Ordering` in `Plan.ts`. */
  readonly ordering: Plan["ordering"]
  readonly estimatedReads: number
  readonly rejected: ReadonlyArray<Rejection>
}

/** What a run of the plan with these values does: the way it takes is the plan's own unless that lacks documents that are asked for. */
export function explainPlan(planned: Plan, operands: Operands): Explanation {
  const plan = alternativeFor(planned, Number.MAX_SAFE_INTEGER, operands)
  return {
    kind: plan.kind,
    store: plan.store.definition.name,
    access: describeAccess(plan.access),
    ...indexPart(plan.access, plan.direction),
    bounds: leavesOf(plan.access).map(describeCondition),
    residual: plan.residual.map(describeCondition),
    ordering: plan.ordering,
    estimatedReads: Math.round(plan.estimatedReads),
    rejected: rejectedBy(plan, operands)
  }
}

function rejectedBy(plan: Plan, operands: Operands): ReadonlyArray<Rejection> {
  const lacking = plan.candidates
    .filter((candidate) => !serves(candidate, Number.MAX_SAFE_INTEGER, operands))
    .map(({ access }) => ({ access: describeAccess(access), reason: LACKING }))
  if (lacking.length === 0) return plan.rejected
  const told = new Set([describeAccess(plan.access), ...lacking.map(({ access }) => access)])
  return [...plan.rejected.filter(({ access }) => !told.has(access)), ...lacking]
}

function indexPart(access: Access, direction: 1 | -1): Pick<Explanation, "index"> {
  return access.kind === "index" ? { index: { name: access.index.definition.name, backwards: direction === -1 } } : {}
}
