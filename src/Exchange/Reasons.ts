/** Why documents could not be brought in or out; `Errors.ts` has the tagged errors of the door. */
import { Fault } from "../Fault/Fault.ts"

export interface BadRow {
  readonly _tag: "BadRow"
  readonly source: string
  /** Counted from 1; of BSON, the number of the document. */
  readonly line: number
  /** Where the row begins, in bytes. */
  readonly offset: number
  readonly field: string
  readonly message: string
}

export interface SourceChanged {
  readonly _tag: "SourceChanged"
  readonly source: string
  readonly offset: number
  readonly message: string
}

export interface DumpDamaged {
  readonly _tag: "DumpDamaged"
  readonly file: string
  readonly offset: number
  readonly message: string
}

export interface NoStore {
  readonly _tag: "NoStore"
  readonly store: string
}

export type ExchangeReason = BadRow | SourceChanged | DumpDamaged | NoStore

/** A Fault with one of this folder's reasons. */
export function exchangeFault(reason: ExchangeReason): Fault<ExchangeReason> {
  return new Fault(reason)
}
