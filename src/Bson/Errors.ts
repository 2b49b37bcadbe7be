/**
 * What can go wrong in Bson: the reasons its functions put into a `Fault`.
 *
 * Bson has no Effect service of its own. Folders above it map these reasons to their errors and answers.
 */
import { Fault } from "../Fault/Fault.ts"

/** Bytes that are no valid document: `offset` is absolute in the buffer, `path` names the element (`""` for the document itself). */
export interface InvalidBson {
  readonly _tag: "InvalidBson"
  readonly offset: number
  readonly path: string
  readonly message: string
}

/** Text that is no valid JSON, or none that BSON can hold. `line` and `column` count from 1, columns in code points. */
export interface InvalidJson {
  readonly _tag: "InvalidJson"
  readonly offset: number
  readonly line: number
  readonly column: number
  readonly message: string
}

/** A JavaScript value that has no BSON form; `path` says where (`""` for the value itself). */
export interface InvalidValue {
  readonly _tag: "InvalidValue"
  readonly path: string
  readonly message: string
}

/** A text or value that is no key of the wanted kind. */
export interface InvalidKey {
  readonly _tag: "InvalidKey"
  readonly message: string
}

/** A buffer that would outgrow its named maximum. */
export interface TooLarge {
  readonly _tag: "TooLarge"
  readonly limitBytes: number
  readonly message: string
}

/** Every reason of this folder. */
export type BsonReason = InvalidBson | InvalidJson | InvalidValue | InvalidKey | TooLarge

/** A Fault with one of this folder's reasons. */
export function bsonFault(reason: BsonReason): Fault<BsonReason> {
  return new Fault(reason)
}
