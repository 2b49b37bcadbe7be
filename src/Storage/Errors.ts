/**
 * The errors of this folder's door: one `StorageError` with a tagged reason. The core throws the reasons as faults; so do Disk, Wal and Index
 * below it, whose reasons are translated here.
 */
import * as Schema from "effect/Schema"
import { DirectoryLocked, DiskFailure, toDiskError } from "../Disk/Errors.ts"
import { Fault } from "../Fault/Fault.ts"
import type { StorageReason } from "./Reasons.ts"

const TaggedMessage = { message: Schema.String }

/** Something that was durable is missing or no longer right; `offset` in bytes of `file`. The database stays closed and as it is. */
export class StorageDamaged extends Schema.TaggedError<StorageDamaged>()("StorageDamaged", {
  file: Schema.String,
  offset: Schema.Int,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.file} is damaged at offset ${this.offset}: ${this.problem}`
  }
}

/** A file was written by a newer build. */
export class NewerFormat extends Schema.TaggedError<NewerFormat>()("NewerFormat", { file: Schema.String, problem: Schema.String }) {
  override get message(): string {
    return this.problem
  }
}

/** A store or index that cannot be; `path` names the offending part. */
export class InvalidStore extends Schema.TaggedError<InvalidStore>()("InvalidStore", { path: Schema.String, problem: Schema.String }) {
  override get message(): string {
    return `${this.path}: ${this.problem}`
  }
}

/** The documents that are stored might not fit the new definition. */
export class IncompatibleSchema extends Schema.TaggedError<IncompatibleSchema>()("IncompatibleSchema", {
  store: Schema.String,
  path: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.store}.${this.path}: ${this.problem}`
  }
}

/** An index cannot be unique: documents that were there before have the same values. Some of them are listed, values and `_id`s as JSON. */
export class DuplicateValues extends Schema.TaggedError<DuplicateValues>()("DuplicateValues", {
  store: Schema.String,
  index: Schema.String,
  paths: Schema.Array(Schema.String),
  total: Schema.Int,
  listed: Schema.Array(Schema.Struct({ values: Schema.Array(Schema.String), ids: Schema.Array(Schema.String) })),
  problem: Schema.String
}) {
  override get message(): string {
    return this.problem
  }
}

/** Documents could not be brought to the new version of their store, which stays as it was; some of them are listed, `_id`s as JSON. */
export class MigrationFailed extends Schema.TaggedError<MigrationFailed>()("MigrationFailed", {
  store: Schema.String,
  total: Schema.Int,
  listed: Schema.Array(Schema.Struct({ id: Schema.String, pointer: Schema.String, message: Schema.String })),
  problem: Schema.String
}) {
  override get message(): string {
    return this.problem
  }
}

/** A write would give a unique index the same values twice; nothing of the transaction was kept. */
export class UniqueViolation extends Schema.TaggedError<UniqueViolation>()("UniqueViolation", {
  store: Schema.String,
  index: Schema.String,
  paths: Schema.Array(Schema.String),
  values: Schema.Array(Schema.String),
  key: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return this.problem
  }
}

/** The one writer is at work. */
export class TransactionOpen extends Schema.TaggedError<TransactionOpen>()("TransactionOpen", {}) {
  override get message(): string {
    return "a transaction is open"
  }
}

/** Too much is waiting for the disk; nothing was changed. */
export class Backpressure extends Schema.TaggedError<Backpressure>()("Backpressure", TaggedMessage) {}

/** The disk is full: reads go on, and writes again when there is room. */
export class ReadOnly extends Schema.TaggedError<ReadOnly>()("ReadOnly", TaggedMessage) {}

/** A write or sync failed: what was not durable by then may be lost, and only a restart can tell. Reads go on. */
export class Poisoned extends Schema.TaggedError<Poisoned>()("Poisoned", TaggedMessage) {}

/** The engine was closed. */
export class Closed extends Schema.TaggedError<Closed>()("Closed", {}) {
  override get message(): string {
    return "the database is closed"
  }
}

/** The directory to back up or restore to has something else in it; nothing was written over. */
export class TargetTaken extends Schema.TaggedError<TargetTaken>()("TargetTaken", { path: Schema.String, message: Schema.String }) {}

/** There is no such backup in the directory. */
export class NoBackup extends Schema.TaggedError<NoBackup>()("NoBackup", { path: Schema.String, message: Schema.String }) {}

/** What can go wrong with a database. */
export class StorageError extends Schema.TaggedError<StorageError>()("StorageError", {
  reason: Schema.Union([
    StorageDamaged,
    NewerFormat,
    InvalidStore,
    IncompatibleSchema,
    DuplicateValues,
    MigrationFailed,
    UniqueViolation,
    TransactionOpen,
    Backpressure,
    ReadOnly,
    Poisoned,
    Closed,
    TargetTaken,
    NoBackup,
    DiskFailure,
    DirectoryLocked
  ])
}) {
  override get message(): string {
    return this.reason.message
  }
}

/** The storage error of a thrown fault; undefined when the fault is none that the door's operations can meet. */
export function toStorageError(error: unknown): StorageError | undefined {
  const disk = toDiskError(error)
  if (disk !== undefined) return new StorageError({ reason: disk.reason })
  if (!(error instanceof Fault)) return undefined
  const reason = ofStorage(error.reason as StorageReason) ?? ofLowerFolders(error.reason as LowerReason)
  return reason === undefined ? undefined : new StorageError({ reason })
}

function ofStorage(reason: StorageReason): StorageError["reason"] | undefined {
  switch (reason._tag) {
    case "StorageDamaged":
      return new StorageDamaged({ file: reason.file, offset: reason.offset, problem: reason.message })
    case "NewerFormat":
      return new NewerFormat({ file: reason.file, problem: reason.message })
    case "InvalidStore":
      return new InvalidStore({ path: reason.path, problem: reason.message })
    case "IncompatibleSchema":
      return new IncompatibleSchema({ store: reason.store, path: reason.path, problem: reason.message })
    case "MigrationFailed":
      return new MigrationFailed({ store: reason.store, total: reason.total, listed: reason.listed, problem: reason.message })
    case "DuplicateValues": {
      const { duplicates, index, message, paths, store } = reason
      return new DuplicateValues({ store, index, paths, total: duplicates.total, listed: duplicates.listed, problem: message })
    }
    case "UniqueViolation": {
      const { index, key, message, paths, store, values } = reason
      return new UniqueViolation({ store, index, paths, values, key, problem: message })
    }
    case "TransactionOpen":
      return new TransactionOpen()
    case "Backpressure":
      return new Backpressure({ message: reason.message })
    case "ReadOnly":
      return new ReadOnly({ message: reason.message })
    case "Poisoned":
      return new Poisoned({ message: reason.message })
    case "Closed":
      return new Closed()
    case "TargetTaken":
      return new TargetTaken({ path: reason.path, message: reason.message })
    case "NoBackup":
      return new NoBackup({ path: reason.path, message: reason.message })
    default:
      return undefined
  }
}

/** Reasons of Wal and Index, as far as opening and flushing can meet them. */
type LowerReason = {
  readonly _tag: string
  readonly file: string
  readonly offset: number
  readonly index: string
  readonly message: string
}

function ofLowerFolders(reason: LowerReason): StorageError["reason"] | undefined {
  switch (reason._tag) {
    case "LogDamaged":
    case "Damage":
    case "UnknownRecord":
      return new StorageDamaged({ file: reason.file, offset: reason.offset, problem: problemOf(reason) })
    case "ForeignSegment":
      return new StorageDamaged({ file: reason.file, offset: 0, problem: problemOf(reason) })
    case "UnsupportedFormat":
    case "UnknownFormat":
      return new NewerFormat({ file: reason.file, problem: reason.message })
    case "TooManyEntries":
      return new InvalidStore({ path: reason.index, problem: reason.message })
    case "IndexPoisoned":
      return new Poisoned({ message: reason.message })
    default:
      return undefined
  }
}

/** What a reason says after its place, which the error's own message says already. */
function problemOf({ file, message, offset }: LowerReason): string {
  const places = [`${file} is damaged at offset ${offset}: `, `${file}: `, `${file} `]
  return message.slice(places.find((place) => message.startsWith(place))?.length ?? 0)
}
