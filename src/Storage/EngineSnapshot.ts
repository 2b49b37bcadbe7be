/**
 * A snapshot: one LSN, the sources alive at its start, nothing else.
 *
 * Invariants
 * - It holds its sources until it is closed or has expired; both end it for good, and every use afterwards is a SnapshotExpired fault.
 */
import type { Catalog } from "./Catalog.ts"
import { type AliveCheck, IndexCursor, StoreCursor } from "./Cursors.ts"
import type { Footprint } from "./Footprint.ts"
import type { Direction, DocumentCursor, DocumentView, EntryCursor, Range, Snapshot, Store, StoreIndex, TreeSize } from "./Reader.ts"
import { storageFault } from "./Reasons.ts"
import { Ring } from "./Ring.ts"
import type { Sources } from "./Sources.ts"

/** A member of the list of all snapshots while it lives. */
export class EngineSnapshot extends Ring implements Snapshot {
  readonly lsn: number
  readonly startMs: number
  readonly #sources: Sources
  readonly #catalog: Catalog
  readonly #ended: (snapshot: EngineSnapshot) => void
  readonly #footprint: Footprint | undefined
  #isOver = false

  /** `sources` is already retained for it. `ended` is called once, when it is closed or expires. `footprint` gets what is looked at. */
  constructor(
    sources: Sources,
    catalog: Catalog,
    lsn: number,
    startMs: number,
    ended: (snapshot: EngineSnapshot) => void,
    footprint: Footprint | undefined
  ) {
    super()
    this.#sources = sources
    this.#catalog = catalog
    this.lsn = lsn
    this.startMs = startMs
    this.#ended = ended
    this.#footprint = footprint
  }

  get(store: Store, key: Uint8Array, keyAt: number, out: DocumentView): boolean {
    if (this.#isOver) this.#expired()
    this.#footprint?.addKey(store.id, key, keyAt)
    return this.#sources.get(store.id, key, keyAt, this.lsn, out)
  }

  find(store: Store, key: Uint8Array, keyAt: number, out: DocumentView): boolean {
    if (this.#isOver) this.#expired()
    this.#footprint?.addKey(store.id, key, keyAt)
    return this.#sources.find(store.id, key, keyAt, this.lsn, out)
  }

  read(out: DocumentView): void {
    if (this.#isOver) this.#expired()
    this.#sources.read(out)
  }

  documents(store: Store, range: Range | undefined, direction: Direction): DocumentCursor {
    if (this.#isOver) this.#expired()
    this.#footprint?.addRange(store.id, range)
    return new StoreCursor(this.#sources.cursor(store.id, this.lsn, range, direction, undefined), this.#check())
  }

  entries(index: StoreIndex, range: Range | undefined, direction: Direction): EntryCursor {
    if (this.#isOver) this.#expired()
    requireReady(this.#catalog, index, this.lsn)
    this.#footprint?.addRange(index.id, range)
    return new IndexCursor(this.#sources.cursor(index.id, this.lsn, range, direction, undefined), this.#check())
  }

  size(tree: Store | StoreIndex): TreeSize {
    if (this.#isOver) this.#expired()
    return this.#sources.size(tree.id)
  }

  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#sources.release()
    this.#ended(this)
  }

  #check(): AliveCheck {
    return () => {
      if (this.#isOver) this.#expired()
    }
  }

  #expired(): never {
    throw storageFault({ _tag: "SnapshotExpired", lsn: this.lsn })
  }
}

/**
 * Refuses an index that does not have every document of the moment `lsn`: one that is being built, was finished later, or is gone. What
 * counts is the catalog of that moment, not the object the caller holds.
 */
export function requireReady(catalog: Catalog, index: StoreIndex, lsn: number): void {
  const readyLsn = catalog.index(index.id)?.readyLsn ?? 0
  if (readyLsn === 0 || readyLsn > lsn) throw storageFault({ _tag: "IndexNotReady", index: index.definition.name })
}
