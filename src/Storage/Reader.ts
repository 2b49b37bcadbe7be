/**
 * What reading and writing look like from outside the engine: the shapes Query and Wasm compile against.
 *
 * Invariants
 * - A Reader sees the documents of exactly one moment: an LSN, or an LSN plus the transaction's own writes so far.
 * - Nothing here copies a document. A DocumentView points into an arena, a cached block or a scratch buffer of its reader.
 * - Document bytes shown by a reader stay valid as long as that reader is open (for a transaction: until it ends). Never write into them.
 * - Keys are 16 bytes (big-endian u128); index entries are encoded field values followed by the 16-byte key of the document.
 */
import type { Value } from "../Bson/Value.ts"
import type { IndexDefinition, IndexFilter, StoreDefinition } from "../Schema/Definition.ts"
import type { Duplicates } from "./Duplicates.ts"

/** Bytes of a primary key. */
export const KEY_BYTES = 16

const EMPTY = new Uint8Array(0)

/** A place in the value log. Whatever lies at one stays what it is, so a place is also a name for a version of a document. */
export interface Place {
  /** 0: in no segment, the document lies elsewhere. */
  segment: number
  offset: number
  lsn: number
  /** Bytes of the document. */
  length: number
}

/** Where one document lies: BSON of `length` bytes starting at `bytes[at]`, when `isRead`. */
export class DocumentView implements Place {
  bytes: Uint8Array = EMPTY
  at = 0
  length = 0
  segment = 0
  offset = 0
  lsn = 0
  /** Whether `bytes` and `at` are those of the document. Only after `Reader.find` they may not be. */
  isRead = true

  /** Shows a document that has no place in the value log. */
  show(bytes: Uint8Array, at: number, length: number): void {
    this.bytes = bytes
    this.at = at
    this.length = length
    this.segment = 0
    this.isRead = true
  }
}

/** One index of a store. `ready` turns true once every document is in it; until then a plan must not use it. */
export interface StoreIndex {
  readonly id: number
  readonly definition: IndexDefinition
  readonly ready: boolean
  /** The LSN from which on readers may use it, 0 while it is being built. */
  readonly readyLsn?: number
  /** What holds for every document in it, when it does not have all of them; beside that, a sparse index lacks those with nothing but null. */
  readonly filter?: IndexFilter<Value> | undefined
  /** Why it never will be ready: documents had the same values when it was to become unique. */
  readonly duplicates?: Duplicates | undefined
}

/** One store as the catalog knows it. Immutable: a change of the schema or of an index gives a new object with the same `id`. */
export interface Store {
  readonly id: number
  readonly definition: StoreDefinition
  readonly indexes: ReadonlyArray<StoreIndex>
}

/** Bounds over keys or over encoded index entries, compared as bytes; a missing bound is open. Bounds are inclusive unless said. */
export interface Range {
  readonly low?: Uint8Array
  readonly lowInclusive?: boolean
  readonly high?: Uint8Array
  readonly highInclusive?: boolean
}

/** 1 walks towards greater keys, -1 towards smaller ones. */
export type Direction = 1 | -1

/** Walks the documents of a store in key order. `key` and `document` are valid after a `next()` that returned true. */
export interface DocumentCursor {
  /** Moves to the next document; false at the end. Throws Fault SnapshotExpired when its reader ran out of time. */
  next(): boolean
  /** The 16 bytes of the current document's key, made when they are asked for: ask after every move. The next one overwrites them. */
  readonly key: Uint8Array
  readonly document: DocumentView
  /** As `document`, but it may be unread (`isRead`): whoever wants its bytes calls `read` of the reader. */
  readonly place: DocumentView
  close(): void
}

/** Where one index entry lies: encoded fields ++ 16-byte key. */
export interface EntryView {
  readonly bytes: Uint8Array
  readonly at: number
  readonly length: number
}

/** Walks the entries of an index in their byte order. `entry` is overwritten by the next move. */
export interface EntryCursor {
  next(): boolean
  readonly entry: EntryView
  close(): void
}

/** A consistent view of the documents. */
export interface Reader {
  /** The newest LSN this reader can see. */
  readonly lsn: number
  /** Finds the document with the 16-byte key at `key[keyAt]`; fills `out` and returns true when there is one. */
  get(store: Store, key: Uint8Array, keyAt: number, out: DocumentView): boolean
  /** As `get`, but may leave the document unread (`out.isRead`): whoever wants its bytes calls `read`. */
  find(store: Store, key: Uint8Array, keyAt: number, out: DocumentView): boolean
  /** Reads a document that this reader has found. */
  read(out: DocumentView): void
  /** The documents whose 16-byte keys lie in `range`. */
  documents(store: Store, range: Range | undefined, direction: Direction): DocumentCursor
  /**
   * The entries of an index that lie in `range`; bounds are prefixes or whole entries. Faults with IndexNotReady when the index lacks
   * documents of the moment this reader sees: it is being built, was finished later, or is gone.
   */
  entries(index: StoreIndex, range: Range | undefined, direction: Direction): EntryCursor
  /** About how much there is, from counts that are kept anyway: for planners. */
  size(tree: Store | StoreIndex): TreeSize
}

/** How large a store or an index is, roughly. */
export interface TreeSize {
  /** Entries on disk, those of removed documents included until they are merged away. */
  readonly flushed: number
  /** Documents of all stores that are in memory only. */
  readonly unflushed: number
}

/** A reader at the durable LSN of its start. It expires after `snapshotTimeoutMs` (Fault SnapshotExpired); close it when done. */
export interface Snapshot extends Reader {
  close(): void
}

/**
 * The one writer. It reads its own writes; nothing of it is visible elsewhere before `commit`.
 *
 * A cursor (and a reader from `statement()`) keeps seeing the state as of its own start, whatever is written afterwards through the same
 * transaction. `get` on the transaction itself sees everything written so far.
 */
export interface Transaction extends Reader {
  /**
   * Stores a whole document under its key. `bytes[at]` is BSON whose first element is `_id`, already validated.
   * Faults: DocumentTooLarge, TransactionTooLarge, TooManyEntries, IdCollision, IdMissing.
   */
  put(store: Store, key: Uint8Array, bytes: Uint8Array, at: number): "inserted" | "replaced"
  /**
   * As `put`, for whoever need not know whether there was a document: where a store has no index and its keys are its ids, nothing is read
   * for it. A large database under random keys takes several times as many of these.
   */
  overwrite(store: Store, key: Uint8Array, bytes: Uint8Array, at: number): void
  /** Removes the document; false when there was none. */
  delete(store: Store, key: Uint8Array): boolean
  /**
   * Inserts a document: makes a key when `_id` is missing and the store's ids are `key` or `uuid`, puts `_id` first, refuses a taken key
   * (Fault DuplicateKey). Writes the document's key into `key` (16 bytes).
   */
  insert(store: Store, bytes: Uint8Array, at: number, key: Uint8Array): void
  /** A reader fixed at this moment: what the statement that begins now may see. Valid until the transaction ends. */
  statement(): Reader
  /** A mark to return to. */
  savepoint(): number
  /** Forgets every write made after the savepoint. Savepoints taken later than it are void. */
  rollbackTo(savepoint: number): void
  /**
   * Ends a statement: what has been written so far has to be unique where an index says so (Fault UniqueViolation; what was written stays
   * written). Only the state at this moment counts, not the order of the writes. `commit` asks the same.
   */
  endStatement(): void
  /** Makes the writes one commit and returns its LSN; without writes the newest LSN. The transaction is over, also when this throws. */
  commit(): number
  /** Forgets everything. The transaction is over. */
  rollback(): void
  /** Number of writes so far, those rolled back included. */
  readonly writes: number
}
