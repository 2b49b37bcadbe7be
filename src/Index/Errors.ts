/**
 * What can go wrong in Index: the reasons its core puts into a `Fault`. Index has no Effect service; Storage maps these to its error.
 * Disk failures pass through unchanged.
 */
import { Fault } from "../Fault/Fault.ts"

/** The file is not what was written: page number, its byte offset in the file, and what is wrong with it. */
export interface Damage {
  readonly _tag: "Damage"
  readonly file: string
  readonly page: number
  readonly offset: number
  readonly message: string
}

/** The file is whole but of another format version or page size than this program reads. */
export interface UnknownFormat {
  readonly _tag: "UnknownFormat"
  readonly file: string
  readonly message: string
}

/** A write transaction is open already: there is one tree writer at a time. */
export interface IndexBusy {
  readonly _tag: "IndexBusy"
  readonly file: string
}

/** An earlier write or sync failed with an unknown outcome, or the file is open for reading only; nothing may be written until it is opened again. */
export interface IndexPoisoned {
  readonly _tag: "IndexPoisoned"
  readonly file: string
  readonly message: string
}

/** Entries handed to a tree break its rules (order, sizes); nothing was changed. */
export interface InvalidEntry {
  readonly _tag: "InvalidEntry"
  readonly message: string
}

/** A version was read after its last pin was given back and its pages may have been reused. */
export interface VersionGone {
  readonly _tag: "VersionGone"
  readonly transaction: number
}

/** An index definition that this version cannot serve; `path` names the offending field. */
export interface InvalidIndexDefinition {
  readonly _tag: "InvalidIndexDefinition"
  readonly index: string
  readonly path: string
  readonly message: string
}

/** A document has more values at the paths of an index than one document may have entries. */
export interface TooManyEntries {
  readonly _tag: "TooManyEntries"
  readonly index: string
  readonly max: number
  readonly message: string
}

/** Every reason of this folder. */
export type IndexReason =
  | TooManyEntries
  | Damage
  | UnknownFormat
  | IndexBusy
  | IndexPoisoned
  | InvalidEntry
  | VersionGone
  | InvalidIndexDefinition

/** A Fault with one of this folder's reasons. */
export function indexFault(reason: IndexReason): Fault<IndexReason> {
  return new Fault(reason)
}
