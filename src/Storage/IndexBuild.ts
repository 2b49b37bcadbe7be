/**
 * Fills a new index with the documents that were there before it, in slices, while everything else goes on.
 *
 * From the record that defines the index on, every commit maintains it. A slice adds the entries of the next documents as they are at that
 * moment, with the newest LSN, to the active memtable; nothing can commit during a slice, so an entry it adds is right, and a later change
 * of its document removes it as it would any other. Whether a slice comes before or after such a change makes no difference.
 *
 * Invariants
 * - A build keeps nothing on disk: after a restart it begins again, over entries that are right as far as they go.
 * - Readers use the index from the LSN of the record on that follows the last slice.
 */
import type { CatalogStore } from "./Catalog.ts"
import { PUT } from "./MemtableLayout.ts"
import { DocumentView, KEY_BYTES } from "./Reader.ts"
import type { Generation, Sources } from "./Sources.ts"

/** What the entry of one document costs of a slice's budget, in its units of about 100 ns. */
const ENTRY_COST = 40

export class IndexBuild {
  readonly storeId: number
  readonly indexId: number
  readonly #last = new Uint8Array(KEY_BYTES)
  readonly #view = new DocumentView()
  #isStarted = false

  constructor(storeId: number, indexId: number) {
    this.storeId = storeId
    this.indexId = indexId
  }

  /** Adds entries until the budget is spent; true when all documents have theirs. Reads through `sources` as of `lsn`, the newest. */
  step(store: CatalogStore, sources: Sources, lsn: number, target: Generation, budget: number): boolean {
    const index = store.indexes.find((it) => it.id === this.indexId)
    if (index === undefined) return true
    const range = this.#isStarted ? { low: this.#last, lowInclusive: false } : undefined
    const walk = sources.cursor(this.storeId, lsn, range, 1, undefined)
    for (let left = budget; left > 0; left -= ENTRY_COST) {
      if (!walk.next()) return true
      const { keyBytes, keyAt } = walk.current
      this.#last.set(keyBytes.subarray(keyAt, keyAt + KEY_BYTES))
      this.#isStarted = true
      walk.current.read(this.#view)
      index.extractor.extract(this.#view.bytes, this.#view.at, this.#last, 0)
      target.memtable.put(index.id, index.extractor.entry, 0, index.extractor.length, lsn, PUT, 0, 0)
    }
    return false
  }
}
