/**
 * Fills a new index with the documents that were there before it, in slices, while everything else goes on; then, when it is unique, looks
 * for values that come twice.
 *
 * From the record that defines the index on, every commit maintains it, and is held to its uniqueness as far as the index knows. A slice adds
 * the entries of the next documents as they are at that moment, with the newest LSN, to the active memtable; nothing can commit during a
 * slice, so an entry it adds is right, and a later change of its document removes it as it would any other. Whether a slice comes before or
 * after such a change makes no difference. Once all documents have their entries, no commit can bring a value twice: the search for those
 * that were there passes over the index once. A commit may mend what it has found already, so a search that found something while there were
 * commits is made again: in one slice where the index is small, else at most `PASSES_MAX` times in all.
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
/** Entries of an index that is searched again in one slice: some milliseconds, if all of their documents have to be compared. */
const ONE_SLICE_ENTRIES_MAX = 1000
const PASSES_MAX = 3

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
  /** The newest LSN when the search began, the entries that it was shown, and how many searches there were before. */
  #searchLsn = 0
  #searched = 0
  #passes = 0
  #isOneSlice = false
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
    const search = this.#search ?? this.#beginSearch(site, index)
    this.#site = site
    const range = search.last.length === 0 ? undefined : { low: search.last, lowInclusive: false }
    const walk = site.sources.cursor(index.id, site.lsn, range, 1, undefined)
    for (let left = this.#isOneSlice ? Number.POSITIVE_INFINITY : budget; left > 0;) {
      if (!walk.next()) return this.#isExact(site, search)
      const { keyAt, keyBytes, keyLength } = walk.current
      this.#searched++
      left -= CHECK_COST + COMPARE_COST * search.visit(keyBytes, keyAt, keyLength)
    }
    return false
  }

  #beginSearch({ lsn, store: { definition } }: BuildSite, index: CatalogIndex): DuplicateSearch {
    this.#searchLsn = lsn
    this.#isOneSlice = this.#passes > 0 && this.#searched <= ONE_SLICE_ENTRIES_MAX
    this.#searched = 0
    return (this.#search = new DuplicateSearch(definition.name, index, (key, out) => {
      const site = this.#site!
      return site.sources.get(site.store.id, key, 0, site.lsn, out)
    }))
  }

  /** Whether what a search found is still so, as far as can be said; if not, there will be another one. */
  #isExact({ lsn }: BuildSite, { duplicates }: DuplicateSearch): boolean {
    if (duplicates === undefined || lsn === this.#searchLsn || ++this.#passes === PASSES_MAX) return true
    this.#search = undefined
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
