/**
 * The reasons the engine fails with. The core throws them as faults; `Errors.ts` has the tagged errors of the Effect door.
 *
 * Grouped by moment: opening, defining stores, writing, reading, afterwards.
 */
import { Fault, isFault } from "../Fault/Fault.ts"
import type { Duplicates } from "./Duplicates.ts"

/** Opening: something that was durable is missing or no longer right. `offset` in bytes of `file`. */
export interface StorageDamaged {
  readonly _tag: "StorageDamaged"
  readonly file: string
  readonly offset: number
  readonly message: string
}

/** Opening: a file was written by a newer build. */
export interface NewerFormat {
  readonly _tag: "NewerFormat"
  readonly file: string
  readonly message: string
}

/** Defining: a store or index is not one that can be. `path` names the offending part (`orders.indexes.byDate`). */
export interface InvalidStore {
  readonly _tag: "InvalidStore"
  readonly path: string
  readonly message: string
}

/** Defining: the stored documents of `store` might not fit the new definition. */
export interface IncompatibleSchema {
  readonly _tag: "IncompatibleSchema"
  readonly store: string
  readonly path: string
  readonly message: string
}

/** Writing: the one writer is at work. */
export interface TransactionOpen {
  readonly _tag: "TransactionOpen"
}

/** Writing: the transaction (or the reader) was ended before. */
export interface TransactionOver {
  readonly _tag: "TransactionOver"
}

/** Writing: too much is waiting for the disk. Nothing was changed; try again when `admission()` says "open". */
export interface Backpressure {
  readonly _tag: "Backpressure"
  readonly message: string
}

/** Writing: the disk is full. Reads go on; writes are admitted again when there is room. */
export interface ReadOnly {
  readonly _tag: "ReadOnly"
  readonly message: string
}

/** Writing: a write or sync failed, so what was not durable then may be lost. Reads go on; the process has to recover by a restart. */
export interface Poisoned {
  readonly _tag: "Poisoned"
  readonly message: string
}

/** Writing or reading: the engine was closed. */
export interface Closed {
  readonly _tag: "Closed"
}

/** Writing: the store is not in the catalog, or no longer. */
export interface UnknownStore {
  readonly _tag: "UnknownStore"
  readonly store: string
}

export interface DocumentTooLarge {
  readonly _tag: "DocumentTooLarge"
  readonly store: string
  readonly bytes: number
  readonly bytesMax: number
}

/** Writing: too many bytes or writes for one transaction. */
export interface TransactionTooLarge {
  readonly _tag: "TransactionTooLarge"
  readonly limit: "transactionBytesMax" | "transactionWritesMax"
  readonly max: number
}

/** Writing: the document has no `_id`, or none where it must be (its first element). */
export interface IdMissing {
  readonly _tag: "IdMissing"
  readonly store: string
  readonly message: string
}

/** Writing: an insert of a key that is taken; `key` as 32 hex digits. */
export interface DuplicateKey {
  readonly _tag: "DuplicateKey"
  readonly store: string
  readonly key: string
}

/** Writing: two different `_id` values have the same key. Nothing was overwritten. */
export interface IdCollision {
  readonly _tag: "IdCollision"
  readonly store: string
  readonly key: string
}

/**
 * Writing: a unique index would have the values twice. `values` are those at the index's `paths`, as JSON; `key` is that of the document
 * that has them too, as 32 hex digits.
 */
export interface UniqueViolation {
  readonly _tag: "UniqueViolation"
  readonly store: string
  readonly index: string
  readonly paths: ReadonlyArray<string>
  readonly values: ReadonlyArray<string>
  readonly key: string
  readonly message: string
}

/** Defining: an index cannot be unique, for documents that were there before have the same values. The index is not kept. */
export interface DuplicateValues {
  readonly _tag: "DuplicateValues"
  readonly store: string
  readonly index: string
  readonly paths: ReadonlyArray<string>
  readonly duplicates: Duplicates
  readonly message: string
}

/**
 * Defining: documents could not be brought to the new version of their store, which stays as it was. Some are listed: `_id` as JSON, where in the
 * document, and why.
 */
export interface MigrationFailed {
  readonly _tag: "MigrationFailed"
  readonly store: string
  readonly total: number
  readonly listed: ReadonlyArray<{ readonly id: string; readonly pointer: string; readonly message: string }>
  readonly message: string
}

/** Reading: the snapshot lived longer than `timeoutMs`, or was closed. */
export interface SnapshotExpired {
  readonly _tag: "SnapshotExpired"
  readonly lsn: number
}

/** Reading: the index does not have every document of the moment the reader sees. */
export interface IndexNotReady {
  readonly _tag: "IndexNotReady"
  readonly index: string
}

/** Backing up or restoring: the directory to write to has something else in it. */
export interface TargetTaken {
  readonly _tag: "TargetTaken"
  readonly path: string
  readonly message: string
}

/** Restoring: there is no such backup. */
export interface NoBackup {
  readonly _tag: "NoBackup"
  readonly path: string
  readonly message: string
}

export type StorageReason =
  | StorageDamaged
  | NewerFormat
  | InvalidStore
  | IncompatibleSchema
  | TransactionOpen
  | TransactionOver
  | Backpressure
  | ReadOnly
  | Poisoned
  | Closed
  | UnknownStore
  | DocumentTooLarge
  | TransactionTooLarge
  | IdMissing
  | DuplicateKey
  | IdCollision
  | UniqueViolation
  | DuplicateValues
  | MigrationFailed
  | SnapshotExpired
  | IndexNotReady
  | TargetTaken
  | NoBackup

/** A Fault with one of this folder's reasons. */
export function storageFault(reason: StorageReason): Fault<StorageReason> {
  return new Fault(reason)
}

/** Whether something on disk could not be read, so that nothing was changed. */
export function isUnreadable(error: unknown): boolean {
  if (isFault(error, "StorageDamaged") || isFault(error, "Damage")) return true
  return isFault<{ _tag: string; operation: string }>(error, "DiskFailure") && error.reason.operation === "read"
}
