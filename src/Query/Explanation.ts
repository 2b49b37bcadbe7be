/** Plans for people and tools: what `explain` answers. */
import { type Access, leavesOf } from "./Access.ts"
import { describeCondition } from "./Condition.ts"
import type { Plan, Rejection } from "./Plan.ts"
import { describeAccess } from "./Planner.ts"

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

export function explainPlan(plan: Plan): Explanation {
  return {
    kind: plan.kind,
    store: plan.store.definition.name,
    access: describeAccess(plan.access),
    ...indexPart(plan.access, plan.direction),
    bounds: leavesOf(plan.access).map(describeCondition),
    residual: plan.residual.map(describeCondition),
    ordering: plan.ordering,
    estimatedReads: Math.round(plan.estimatedReads),
    rejected: plan.rejected
  }
}

function indexPart(access: Access, direction: 1 | -1): Pick<Explanation, "index"> {
  return access.kind === "index" ? { index: { name: access.index.definition.name, backwards: direction === -1 } } : {}
}
