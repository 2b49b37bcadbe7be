/**
 * Fills a new index with the documents that were there before it, in slices, while everything else goes on; then, when it is unique, looks
 * for values that come twice.
 *
 * From the record that defines the index on, every commit maintains it, and is held to its uniqueness as far as the index knows. A slice adds
 * the entries of the next documents as they are at that moment, with the newest LSN, to the active memtable; nothing can commit during a
 * slice, so an entry it adds is right, and a later change of its document removes it as it would any other. Whether a slice comes before or
 * after such a change makes no difference. Once all documents have their entries, no commit can bring a value twice: the search for those
 * that were there passes over the index once.
 *
 * Invariants
 * - Readers use the index from the LSN of the record on that follows the last slice.
 * - The entries of all documents up to `progress` are in the memtables and trees as of the newest LSN. A memtable that freezes takes the
 *   progress with it, so that a flush brings both to disk together; a restart goes on from there.
 */
import { EntryList } from "../Index/EntryList.ts"
import type { CatalogIndex, CatalogStore } from "./Catalog.ts"
import { DuplicateSearch } from "./DuplicateSearch.ts"
import type { Duplicates } from "./Duplicates.ts"
import { PUT } from "./MemtableLayout.ts"
import { DocumentView, KEY_BYTES } from "./Reader.ts"
import type { Generation, Sources } from "./Sources.ts"

/** What adding an entry, looking at one, and reading a document to compare it cost of a slice's budget, in its units of about 100 ns. */
const ENTRY_COST = 40
const CHECK_COST = 5
const COMPARE_COST = 50

/** What a slice may read and where it may write. `lsn` is the newest. */
export interface BuildSite {
  readonly store: CatalogStore
  readonly sources: Sources
  readonly lsn: number
  readonly target: Generation
}

/** How far a build is: all documents up to `key` have their entries, or, in phase `checking`, every one. */
export interface BuildProgress {
  readonly phase: "filling" | "checking"
  readonly key: Uint8Array
  readonly documents: number
}

export class IndexBuild {
  readonly storeId: number
  readonly indexId: number
  readonly #key = new Uint8Array(KEY_BYTES)
  readonly #view = new DocumentView()
  readonly #entries = new EntryList()
  #phase: BuildProgress["phase"] = "filling"
  #documents = 0
  #search: DuplicateSearch | undefined
  /** Where the slice under way reads. */
  #site: BuildSite | undefined

  /** Begins, or goes on behind `progress`. */
  constructor(storeId: number, indexId: number, progress: BuildProgress | undefined) {
    this.storeId = storeId
    this.indexId = indexId
    if (progress === undefined) return
    this.#phase = progress.phase
    this.#documents = progress.documents
    this.#key.set(progress.key)
  }

  /** How far it is; undefined before the first document. */
  get progress(): BuildProgress | undefined {
    return this.#documents === 0 && this.#phase === "filling"
      ? undefined
      : { phase: this.#phase, key: this.#key.slice(), documents: this.#documents }
  }

  /** What was found twice, once the build is over. */
  get duplicates(): Duplicates | undefined {
    return this.#search?.duplicates
  }

  /** Works until the budget is spent; true when it is over. Faults as reading does, and with TooManyEntries. */
  step(site: BuildSite, budget: number): boolean {
    const index = site.store.kept.find((it) => it.id === this.indexId)
    if (index === undefined) return true
    if (this.#phase === "filling") {
      if (!this.#fill(site, index, budget)) return false
      this.#phase = "checking"
    }
    return !index.isUnique || this.#checkUnique(site, index, budget)
  }

  #checkUnique(site: BuildSite, index: CatalogIndex, budget: number): boolean {
    this.#site = site
    this.#search ??= new DuplicateSearch(site.store.definition.name, index, (key, out) => {
      const { lsn, sources, store } = this.#site!
      return sources.get(store.id, key, 0, lsn, out)
    })
    const search = this.#search
    const range = search.last.length === 0 ? undefined : { low: search.last, lowInclusive: false }
    const walk = site.sources.cursor(index.id, site.lsn, range, 1, undefined)
    for (let left = budget; left > 0;) {
      if (!walk.next()) return true
      const { keyAt, keyBytes, keyLength } = walk.current
      left -= CHECK_COST + COMPARE_COST * search.visit(keyBytes, keyAt, keyLength)
    }
    return false
  }

  #fill(site: BuildSite, index: CatalogIndex, budget: number): boolean {
    const { lsn, sources, store, target } = site
    const entries = this.#entries
    const range = this.#documents === 0 ? undefined : { low: this.#key, lowInclusive: false }
    const walk = sources.cursor(store.id, lsn, range, 1, undefined)
    for (let left = budget; left > 0;) {
      if (!walk.next()) return true
      const { keyBytes, keyAt } = walk.current
      this.#key.set(keyBytes.subarray(keyAt, keyAt + KEY_BYTES))
      this.#documents++
      walk.current.read(this.#view)
      index.extract(this.#view.bytes, this.#view.at, this.#key, 0, entries)
      for (let place = 0; place < entries.count; place++) {
        target.memtable.put(index.id, entries.bytes, entries.at(place), entries.length(place), lsn, PUT, 0, 0)
      }
      left -= ENTRY_COST * Math.max(1, entries.count)
    }
    return false
  }
}
