/** What the listeners of an engine are told about a commit. */
import type { Catalog } from "./Catalog.ts"
import { PUT, VERSION_MAX } from "./MemtableLayout.ts"
import type { Memtable } from "./Memtable.ts"
import { MemtableCursor } from "./MemtableCursor.ts"
import { DocumentView, KEY_BYTES, type Store } from "./Reader.ts"
import type { Sources } from "./Sources.ts"

/** A commit that has just been applied. It and its operations are valid until the listener returns. */
export interface Commit {
  readonly lsn: number
  /** Milliseconds since 1970; never smaller than that of an earlier commit. */
  readonly commitTimeMs: number
  /** The documents that changed, in the order of (store, key), each once. */
  operations(): OperationCursor
}

export interface OperationCursor {
  next(): boolean
  readonly store: Store
  /** 16 bytes, overwritten by the next move. */
  readonly key: Uint8Array
  /** The document before the commit; undefined when there was none. */
  readonly before: DocumentView | undefined
  /** The document after it; undefined when it was removed. */
  readonly after: DocumentView | undefined
}

export type CommitListener = (commit: Commit) => void

/** What the listeners are told of the commit that an overlay became; `lsnBefore` is that of the commit before. */
export function commitOf(
  lsn: number,
  commitTimeMs: number,
  overlay: Memtable,
  catalog: Catalog,
  sources: Sources,
  lsnBefore: number
): Commit {
  return { lsn, commitTimeMs, operations: () => new OverlayOperations(overlay, catalog, sources, lsnBefore) }
}

/** Walks the documents in an overlay beside what they replace. */
export class OverlayOperations implements OperationCursor {
  readonly key = new Uint8Array(KEY_BYTES)
  readonly #overlay: Memtable
  readonly #catalog: Catalog
  readonly #sources: Sources
  readonly #lsnBefore: number
  readonly #beforeView = new DocumentView()
  readonly #afterView = new DocumentView()
  #tree = 0
  #cursor: MemtableCursor | undefined
  #store: Store | undefined

  constructor(overlay: Memtable, catalog: Catalog, sources: Sources, lsnBefore: number) {
    this.#overlay = overlay
    this.#catalog = catalog
    this.#sources = sources
    this.#lsnBefore = lsnBefore
  }

  get store(): Store {
    return this.#store!
  }

  get before(): DocumentView | undefined {
    return this.#sources.get(this.#tree, this.key, 0, this.#lsnBefore, this.#beforeView) ? this.#beforeView : undefined
  }

  get after(): DocumentView | undefined {
    if (this.#cursor?.kind !== PUT) return undefined
    this.#cursor.read(this.#afterView)
    return this.#afterView
  }

  next(): boolean {
    this.#cursor?.advance()
    while (this.#cursor === undefined || this.#cursor.kind === 0) {
      do this.#tree = this.#overlay.nextTree(this.#tree)
      while (this.#tree !== 0 && this.#catalog.storeById(this.#tree) === undefined)
      if (this.#tree === 0) return false
      this.#store = this.#catalog.storeById(this.#tree)
      this.#cursor = new MemtableCursor(this.#overlay, this.#tree, VERSION_MAX, 1)
      this.#cursor.seek(undefined)
    }
    for (let i = 0; i < KEY_BYTES; i++) this.key[i] = this.#cursor.keyBytes[this.#cursor.keyAt + i]!
    return true
  }
}
