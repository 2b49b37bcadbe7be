/**
 * What a transaction has put into unique indexes and has not been asked about yet.
 *
 * Invariants
 * - The question is asked about a state, at the end of a statement and before the commit: which order the writes came in, and what was
 *   there in between, does not matter. It looks into everything a reader sees: overlay, memtables, trees.
 * - Going back to a moment before the last question makes all that is left a question again.
 * - An index that is being built is asked too. It may not know all documents yet, but what it knows is right; the rest is found when
 *   its build is over.
 */
import { formatKey } from "../Bson/Key.ts"
import type { CatalogIndex, CatalogStore } from "./Catalog.ts"
import { sharedValues } from "./Duplicates.ts"
import type { MergedCursor } from "./MergedCursor.ts"
import { DocumentView, KEY_BYTES, type Range } from "./Reader.ts"
import { storageFault } from "./Reasons.ts"
import { compareBytes } from "./SourceCursor.ts"

/** A buffer larger than this is dropped with its transaction. */
const KEPT_BYTES = 64 * 1024
const FIRST_BYTES = 4 * 1024

/** The state a question is asked about. */
export interface UniqueState {
  readonly cursor: (tree: number, range: Range) => MergedCursor
  readonly get: (tree: number, key: Uint8Array, keyAt: number, out: DocumentView) => boolean
}

interface Question {
  readonly store: CatalogStore
  readonly index: CatalogIndex
  /** Where the entry lies in the buffer. */
  readonly at: number
  readonly length: number
  readonly sequence: number
}

export class UniqueChecks {
  #bytes = new Uint8Array(FIRST_BYTES)
  #used = 0
  readonly #questions: Array<Question> = []
  /** Questions before this one have been answered, the last time when the newest write was `#answeredSequence`. */
  #answered = 0
  #answeredSequence = 0
  readonly #mine = new DocumentView()
  readonly #other = new DocumentView()
  readonly #otherKey = new Uint8Array(KEY_BYTES)

  /** Notes an entry that write `sequence` has put into an index. */
  add(store: CatalogStore, index: CatalogIndex, entry: Uint8Array, entryAt: number, length: number, sequence: number): void {
    if (this.#used + length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#used + length))
      larger.set(this.#bytes.subarray(0, this.#used))
      this.#bytes = larger
    }
    this.#bytes.set(entry.subarray(entryAt, entryAt + length), this.#used)
    this.#questions.push({ store, index, at: this.#used, length, sequence })
    this.#used += length
  }

  /** The writes after `sequence` are undone. */
  forgetAfter(sequence: number): void {
    const questions = this.#questions
    while (questions.length > 0 && questions.at(-1)!.sequence > sequence) this.#used -= questions.pop()!.length
    if (sequence < this.#answeredSequence) this.#answered = 0
    this.#answered = Math.min(this.#answered, questions.length)
  }

  reset(): void {
    this.#questions.length = 0
    this.#used = 0
    this.#answered = 0
    this.#answeredSequence = 0
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = new Uint8Array(FIRST_BYTES)
  }

  /** Asks about everything that is new. `sequence` is the newest write. Faults with UniqueViolation. */
  run(state: UniqueState, sequence: number): void {
    const questions = this.#questions
    for (let next = this.#answered; next < questions.length; next++) this.#ask(state, questions[next]!)
    this.#answered = questions.length
    this.#answeredSequence = sequence
  }

  /** Looks for entries of other documents with the same fields. The own one may be gone by now. */
  #ask(state: UniqueState, { at, index, length, store }: Question): void {
    const entry = this.#bytes.slice(at, at + length)
    const keyAt = length - KEY_BYTES
    const fields = entry.subarray(0, keyAt)
    const walk = state.cursor(index.id, { low: fields, high: fields })
    let isThere = false
    while (walk.next()) {
      const { keyAt: entryAt, keyBytes, keyLength } = walk.current
      const otherAt = entryAt + keyLength - KEY_BYTES
      if (compareBytes(entry, keyAt, KEY_BYTES, keyBytes, otherAt, KEY_BYTES) === 0) continue
      this.#otherKey.set(keyBytes.subarray(otherAt, otherAt + KEY_BYTES))
      isThere ||= state.cursor(index.id, { low: entry, high: entry }).next()
      if (!isThere) return
      this.#compare(state, store, index, entry, keyAt)
    }
  }

  /** Entries with the same fields are of equal values, unless they were cut: the documents have the last word. */
  #compare(state: UniqueState, store: CatalogStore, index: CatalogIndex, entry: Uint8Array, keyAt: number): void {
    if (!state.get(store.id, entry, keyAt, this.#mine) || !state.get(store.id, this.#otherKey, 0, this.#other)) return
    const values = sharedValues(index.definition, this.#mine, this.#other)
    if (values === undefined) return
    const paths = index.definition.on.map(({ path }) => path)
    const name = `${store.definition.name}.${index.definition.name}`
    throw storageFault({
      _tag: "UniqueViolation",
      store: store.definition.name,
      index: index.definition.name,
      paths,
      values,
      key: formatKey(this.#otherKey, 0),
      message: `${name} is unique, and another document has ${paths.map((path, place) => `${path} ${values[place]}`).join(", ")}`
    })
  }
}
