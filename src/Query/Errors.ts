/**
 * The error of this folder's door. The core throws tagged reasons in Faults, its own and those of the folders below that a statement can
 * meet; the door turns them into `QueryError`. Every refusal changes nothing.
 */
import * as Data from "effect/Data"
import type { InvalidKey, InvalidValue, TooLarge } from "../Bson/Errors.ts"
import { Fault } from "../Fault/Fault.ts"
import type { TooManyEntries } from "../Index/Errors.ts"
import type { InvalidFilter } from "../Match/Errors.ts"
import type {
  DocumentTooLarge,
  DuplicateKey,
  IdCollision,
  IdMissing,
  IndexNotReady,
  SnapshotExpired,
  TransactionTooLarge,
  UniqueViolation
} from "../Storage/Reasons.ts"
import type { QueryReason } from "./Reasons.ts"

export type { QueryReason } from "./Reasons.ts"

/** Why a statement was refused or broke off. */
export type StatementReason =
  | QueryReason
  | InvalidFilter
  | InvalidKey
  | InvalidValue
  | TooLarge
  | DuplicateKey
  | IdCollision
  | IdMissing
  | DocumentTooLarge
  | TransactionTooLarge
  | TooManyEntries
  | UniqueViolation
  | SnapshotExpired
  | IndexNotReady

/** The error of statements. `reason._tag` says what happened; `message` is ready to be shown. */
export class QueryError extends Data.TaggedError("QueryError")<{ readonly reason: StatementReason; readonly message: string }> {}

const TAGS: Readonly<Record<StatementReason["_tag"], true>> = {
  InvalidStatement: true,
  InvalidPql: true,
  UnknownStore: true,
  InvalidDocument: true,
  InvalidUpdate: true,
  InvalidCursor: true,
  BudgetExceeded: true,
  IndexDamaged: true,
  InvalidFilter: true,
  InvalidKey: true,
  InvalidValue: true,
  TooLarge: true,
  DuplicateKey: true,
  IdCollision: true,
  IdMissing: true,
  DocumentTooLarge: true,
  TransactionTooLarge: true,
  TooManyEntries: true,
  UniqueViolation: true,
  SnapshotExpired: true,
  IndexNotReady: true
}

/** The query error of a thrown fault; undefined when it is none that a statement is to blame for. */
export function toQueryError(error: unknown): QueryError | undefined {
  if (!(error instanceof Fault) || !Object.hasOwn(TAGS, error.reason._tag)) return undefined
  const reason = error.reason as StatementReason
  const text = error.message
  const message = text.startsWith(`${reason._tag}: `) ? text.slice(reason._tag.length + 2) : text
  return new QueryError({ reason, message })
}
