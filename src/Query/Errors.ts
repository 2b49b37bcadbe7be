/**
 * Why a statement was refused or broke off. One tagged error, `QueryError`, with a tagged reason; the core throws the reason in a Fault,
 * the door turns it into the error. Every refusal changes nothing.
 */
import * as Data from "effect/Data"
import { Fault } from "../Fault/Fault.ts"
import type { QueryReason } from "./Reasons.ts"

export type { QueryReason } from "./Reasons.ts"

/** The error of this folder's door. `reason._tag` says what happened; `message` is ready to be shown. */
export class QueryError extends Data.TaggedError("QueryError")<{ readonly reason: QueryReason }> {
  override get message(): string {
    return this.reason.message
  }
}

const TAGS: ReadonlySet<string> = new Set<QueryReason["_tag"]>([
  "InvalidStatement",
  "InvalidPql",
  "UnknownStore",
  "InvalidDocument",
  "InvalidUpdate",
  "BudgetExceeded",
  "IndexDamaged",
  "WrongKind"
])

/** Whether `error` is a Fault of this folder. */
export function isQueryFault(error: unknown): error is Fault<QueryReason> {
  return error instanceof Fault && TAGS.has(error.reason._tag)
}
