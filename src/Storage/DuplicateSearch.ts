/**
 * Is shown the entries of an index that is to be unique, in order, and collects the values that several documents have.
 *
 * Invariants
 * - Equal values have equal encodings, so they are neighbours; the only ones to be compared are those of a run of entries with the same
 *   fields. An entry that stands for an array as such says nothing about equality.
 * - Entries that were cut may have the same fields and other values: they are compared with all of their run, of which at most
 *   `RUN_MAX` documents are remembered; beyond that the build fails.
 */
import { EntryList } from "../Index/EntryList.ts"
import type { CatalogIndex } from "./Catalog.ts"
import { DOCUMENTS_LISTED_MAX, DUPLICATES_LISTED_MAX, type Duplicates, idOf, sharedValues } from "./Duplicates.ts"
import { DocumentView, KEY_BYTES } from "./Reader.ts"
import { storageFault } from "./Reasons.ts"
import { compareBytes } from "./SourceCursor.ts"

/** How many documents whose values begin with the same 1 KiB can be told apart. */
const RUN_MAX = 1000

/** Shows the document with the key at `key[0]`; false when there is none. */
export type ReadDocument = (key: Uint8Array, out: DocumentView) => boolean

interface Group {
  readonly values: ReadonlyArray<string>
  readonly ids: Array<string>
}

export class DuplicateSearch {
  readonly #store: string
  readonly #index: CatalogIndex
  readonly #read: ReadDocument
  /** The entry looked at last. */
  #last = new Uint8Array(0)
  /** Keys of the documents in the run of entries that `#last` belongs to, and whose values none before them had. */
  #run: Array<Uint8Array> = []
  /** By such a key: what later documents of the run share with that one. */
  readonly #groups = new Map<Uint8Array, Group>()
  readonly #listed: Array<Group> = []
  #total = 0
  readonly #one = new DocumentView()
  readonly #other = new DocumentView()
  readonly #entries = new EntryList()

  constructor(store: string, index: CatalogIndex, read: ReadDocument) {
    this.#store = store
    this.#index = index
    this.#read = read
  }

  /** What was found so far; undefined when that is nothing. */
  get duplicates(): Duplicates | undefined {
    return this.#total === 0 ? undefined : { total: this.#total, listed: this.#listed }
  }

  /** The entry shown last, to go on behind it; empty before the first. */
  get last(): Uint8Array {
    return this.#last
  }

  /** Shows it the next entry, `length` bytes at `at`. Returns how many documents had to be read for it. */
  visit(bytes: Uint8Array, at: number, length: number): number {
    const fieldsLength = length - KEY_BYTES
    const isRun = this.#last.length === length && compareBytes(bytes, at, fieldsLength, this.#last, 0, fieldsLength) === 0
    this.#last = bytes.slice(at, at + length)
    const key = this.#last.subarray(fieldsLength)
    if (isRun) return this.#compare(key)
    this.#run = [key]
    this.#groups.clear()
    return 0
  }

  /** Compares a document with those of the run that it could be equal to. */
  #compare(key: Uint8Array): number {
    if (!this.#read(key, this.#one) || this.#standsForArray(key)) return 1
    const run = this.#run
    for (const earlier of run) {
      if (!this.#read(earlier, this.#other)) continue
      const values = sharedValues(this.#index.definition, this.#one, this.#other)
      if (values === undefined) continue
      this.#note(earlier, values)
      return run.length
    }
    if (run.length === RUN_MAX) this.#refuse()
    run.push(key)
    return run.length
  }

  #note(earlier: Uint8Array, values: ReadonlyArray<string>): void {
    let group = this.#groups.get(earlier)
    if (group === undefined) {
      group = { values, ids: [idOf(this.#other)] }
      this.#groups.set(earlier, group)
      this.#total++
      if (this.#listed.length < DUPLICATES_LISTED_MAX) this.#listed.push(group)
    }
    if (group.ids.length < DOCUMENTS_LISTED_MAX) group.ids.push(idOf(this.#one))
  }

  /** Whether the entry looked at is that of an array as such. */
  #standsForArray(key: Uint8Array): boolean {
    const entries = this.#entries
    const entry = this.#last
    this.#index.extract(this.#one.bytes, this.#one.at, key, 0, entries)
    for (let place = 0; place < entries.count; place++) {
      if (compareBytes(entries.bytes, entries.at(place), entries.length(place), entry, 0, entry.length) === 0)
        return entries.holdsArray(place)
    }
    return false
  }

  #refuse(): never {
    const message = `cannot be unique: more than ${RUN_MAX} documents have long values that begin alike`
    throw storageFault({ _tag: "InvalidStore", path: `${this.#store}.${this.#index.definition.name}`, message })
  }
}
