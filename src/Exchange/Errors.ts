import * as Schema from "effect/Schema"
import { Fault } from "../Fault/Fault.ts"
import type { ExchangeReason } from "./Reasons.ts"

/** A row that cannot be loaded. Every row before it is in the database. `field` is a JSON pointer, empty when the whole row is meant. */
export class BadRow extends Schema.TaggedError<BadRow>()("BadRow", {
  source: Schema.String,
  line: Schema.Int,
  offset: Schema.Int,
  field: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.source}:${this.line}: ${this.field === "" ? "" : `${this.field}: `}${this.problem}`
  }
}

/** What was loaded of a source before is no longer how the source begins. */
export class SourceChanged extends Schema.TaggedError<SourceChanged>()("SourceChanged", {
  source: Schema.String,
  offset: Schema.Int,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.source}: ${this.problem}`
  }
}

/** A dump that is not whole, or not as it was written. */
export class DumpDamaged extends Schema.TaggedError<DumpDamaged>()("DumpDamaged", {
  file: Schema.String,
  offset: Schema.Int,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.file}: ${this.problem}`
  }
}

/** The database has no such store. */
export class NoStore extends Schema.TaggedError<NoStore>()("NoStore", { store: Schema.String }) {
  override get message(): string {
    return `there is no store ${this.store}`
  }
}

/**
 * What can go wrong with documents on their way in or out.
 *
 * @example
 * ```ts
 * const isDamaged = (error: unknown) => error instanceof ExchangeError && error.reason._tag === "DumpDamaged"
 * ```
 */
export class ExchangeError extends Schema.TaggedError<ExchangeError>()("ExchangeError", {
  reason: Schema.Union([BadRow, SourceChanged, DumpDamaged, NoStore])
}) {
  override get message(): string {
    return this.reason.message
  }
}

/** The error of a thrown fault; undefined when the fault is none of this folder. */
export function toExchangeError(error: unknown): ExchangeError | undefined {
  if (!(error instanceof Fault)) return undefined
  const reason = error.reason as ExchangeReason
  switch (reason._tag) {
    case "BadRow":
      return new ExchangeError({ reason: new BadRow({ ...reason, problem: reason.message }) })
    case "SourceChanged":
      return new ExchangeError({ reason: new SourceChanged({ ...reason, problem: reason.message }) })
    case "DumpDamaged":
      return new ExchangeError({ reason: new DumpDamaged({ ...reason, problem: reason.message }) })
    case "NoStore":
      return new ExchangeError({ reason: new NoStore({ store: reason.store }) })
    default:
      return undefined
  }
}
