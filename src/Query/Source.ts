/**
 * The documents a plan's access gives, one after another, tested for what the access leaves over.
 *
 * Invariants
 * - Every step, taken or not, counts as scanned; beyond `scannedMax` the run ends with a Fault that names the budget.
 * - An index entry without its document, or the other way round, is damage and ends the run: a reader shows both as of one moment.
 * - One source runs at a time per executor. `close` lets go of its cursors.
 */
import { Fault } from "../Fault/Fault.ts"
import { mayBeCut } from "../Index/KeyEncoding.ts"
import type { Predicate } from "../Match/Compile.ts"
import {
  type DocumentCursor,
  DocumentView,
  type EntryCursor,
  KEY_BYTES,
  type Range,
  type Reader,
  type StoreIndex
} from "../Storage/Reader.ts"
import { missingIndex } from "./Advice.ts"
import type { EntryRange } from "./Bounds.ts"
import { type Covering, EntryDocuments } from "./EntryDocument.ts"
import type { KeyList } from "./KeyList.ts"
import type { Plan } from "./Plan.ts"
import { breakBudget, type QueryLimits, type QueryReason } from "./Reasons.ts"

const IDLE = 0
const SCAN = 1
const ENTRIES = 2
const KEYS = 3
/** Steps between two looks at the clock. */
const TIME_CHECK_STEPS = 1024
const NOTHING = new Uint8Array(0)

export class Source {
  /** The current document, when documents are fetched. */
  view: DocumentView = new DocumentView()
  /** Where its key lies in `key`. */
  keyAt = 0
  /** Steps of this run, taken or not: entries and documents looked at. */
  scanned = 0
  /** Of this run: index entries read, documents read, and the bytes of these. */
  entriesRead = 0
  documentsRead = 0
  bytesRead = 0
  /** Whether an entry was met that may have been cut, so that the order of entries is not to be relied on. */
  sawCut = false
  #key: Uint8Array = NOTHING
  readonly #limits: QueryLimits
  readonly #now: (() => number) | undefined
  /** When this run has to have ended. */
  #endMs = 0
  readonly #own = new DocumentView()
  #kind = IDLE
  #reader: Reader | undefined
  #plan: Plan | undefined
  #predicate: Predicate | undefined
  #fetch = true
  #direction: 1 | -1 = 1
  #documents: DocumentCursor | undefined
  #index: StoreIndex | undefined
  #entries: EntryCursor | undefined
  #ranges: ReadonlyArray<EntryRange> = []
  #keys: KeyList | undefined
  #next = 0
  readonly #made = new EntryDocuments()
  #covering: Covering | undefined
  #isMade = false
  #findsOnly = false

  /** `now` gives milliseconds; without it a run may take any time. */
  constructor(limits: QueryLimits, now?: () => number) {
    this.#limits = limits
    this.#now = now
  }

  /** Holds the key of the current document: a walk over documents makes it when it is asked for. */
  get key(): Uint8Array {
    return this.#documents === undefined ? this.#key : this.#documents.key
  }

  /** Whether the run that is started next may leave documents unread that are not tested. */
  leavesUnread = false

  /** Starts a run: everything that follows, up to the next `begin`, counts as one. */
  begin(): void {
    this.scanned = 0
    this.entriesRead = 0
    this.documentsRead = 0
    this.bytesRead = 0
    if (this.#now !== undefined) this.#endMs = this.#now() + this.#limits.elapsedMsMax
  }

  /** Walks documents in the order of their keys. Without `fetch` only keys are given, and nothing is tested. */
  scan(reader: Reader, plan: Plan, range: Range | undefined, fetch: boolean, predicate: Predicate | undefined): void {
    this.#start(SCAN, reader, plan, predicate)
    this.keyAt = 0
    this.#documents = reader.documents(plan.store, range, plan.direction)
    this.#fetch = fetch
  }

  /**
   * Walks the entries of an index and makes the documents out of them; a document is fetched only where its entry does not say enough.
   * With `keeps` documents stay as they are until the next run, otherwise until the next step.
   */
  cover(
    reader: Reader,
    plan: Plan,
    index: StoreIndex,
    ranges: ReadonlyArray<EntryRange>,
    direction: 1 | -1,
    covering: Covering,
    keeps: boolean,
    predicate: Predicate | undefined
  ): void {
    this.walk(reader, plan, index, ranges, direction, true, predicate)
    this.#covering = covering
    this.#made.start(covering, keeps)
  }

  /** Walks the entries of `index` in `ranges`. Without `fetch` only keys are given, and nothing is tested. */
  walk(
    reader: Reader,
    plan: Plan,
    index: StoreIndex,
    ranges: ReadonlyArray<EntryRange>,
    direction: 1 | -1,
    fetch: boolean,
    predicate: Predicate | undefined
  ): void {
    this.#start(ENTRIES, reader, plan, predicate)
    this.#index = index
    this.#ranges = ranges
    this.#direction = direction
    this.#fetch = fetch
  }

  /** Fetches the documents with these keys, in the order of the list; keys without a document are passed over. */
  fetch(reader: Reader, plan: Plan, keys: KeyList, predicate: Predicate | undefined): void {
    this.#start(KEYS, reader, plan, predicate)
    this.#keys = keys
  }

  /** Moves to the next document that passes; false at the end. */
  next(): boolean {
    const predicate = this.#predicate
    while (this.#advance()) {
      if (predicate === undefined || predicate(this.view.bytes, this.view.at)) return true
      if (this.#isMade) this.#made.drop()
    }
    return false
  }

  /** Ends the run. */
  close(): void {
    this.#documents?.close()
    this.#entries?.close()
    this.#documents = undefined
    this.#entries = undefined
    this.#reader = undefined
    this.#plan = undefined
    this.#predicate = undefined
    this.#keys = undefined
    this.#covering = undefined
    this.#isMade = false
    this.#findsOnly = false
    this.#kind = IDLE
  }

  #start(kind: number, reader: Reader, plan: Plan, predicate: Predicate | undefined): void {
    this.close()
    this.#kind = kind
    this.#reader = reader
    this.#plan = plan
    this.#predicate = predicate
    this.#fetch = true
    this.#findsOnly = this.leavesUnread && predicate === undefined
    this.leavesUnread = false
    this.#next = 0
    this.sawCut = false
    this.view = this.#own
  }

  #advance(): boolean {
    const moved = this.#kind === ENTRIES ? this.#nextEntry() : this.#kind === SCAN ? this.#nextDocument() : this.#nextKey()
    if (!moved) return false
    if (++this.scanned > this.#limits.scannedMax) this.#breakBudget("scannedMax")
    if (this.scanned % TIME_CHECK_STEPS === 0) this.#checkTime()
    return true
  }

  #nextDocument(): boolean {
    const cursor = this.#documents
    if (cursor === undefined || !cursor.next()) return false
    // Reading the document is what costs: a cursor does it when it is asked.
    if (!this.#fetch) return true
    this.view = this.#findsOnly ? cursor.place : cursor.document
    this.#countDocument()
    return true
  }

  #nextEntry(): boolean {
    while (this.#entries === undefined || !this.#entries.next()) {
      this.#entries?.close()
      this.#entries = undefined
      if (!this.#openRange()) return false
    }
    const { at, bytes, length } = this.#entries.entry
    this.#key = bytes
    this.keyAt = at + length - KEY_BYTES
    this.entriesRead++
    if (mayBeCut(length)) this.sawCut = true
    if (!this.#fetch) return true
    this.#isMade = this.#covering !== undefined && this.#made.read(bytes, at, length, this.view)
    if (this.#isMade) return true
    if (!this.#findDocument(bytes)) this.#damaged()
    this.#countDocument()
    return true
  }

  #countDocument(): void {
    this.documentsRead++
    this.bytesRead += this.view.length
  }

  #openRange(): boolean {
    const ranges = this.#ranges
    if (this.#next === ranges.length) return false
    const number = this.#direction === 1 ? this.#next : ranges.length - 1 - this.#next
    this.#next++
    const { high, low } = ranges[number]!
    const range: Range = high === undefined ? { low, lowInclusive: true } : { low, lowInclusive: true, high, highInclusive: false }
    this.#entries = this.#reader!.entries(this.#index!, range, this.#direction)
    return true
  }

  #nextKey(): boolean {
    const keys = this.#keys!
    while (this.#next < keys.count) {
      this.#key = keys.bytes
      this.keyAt = this.#next++ * KEY_BYTES
      if (!this.#findDocument(keys.bytes)) continue
      this.#countDocument()
      return true
    }
    return false
  }

  /** Shows the document under the key at `keyAt`, unread where only its place is wanted; false when there is none. */
  #findDocument(bytes: Uint8Array): boolean {
    const reader = this.#reader!
    const { store } = this.#plan!
    return this.#findsOnly ? reader.find(store, bytes, this.keyAt, this.view) : reader.get(store, bytes, this.keyAt, this.view)
  }

  #damaged(): never {
    const index = this.#index!.definition.name
    const store = this.#plan!.store.definition.name
    throw new Fault<QueryReason>({
      _tag: "IndexDamaged",
      store,
      index,
      message: `index ${index} of ${store} names a document that is not there`
    })
  }

  #checkTime(): void {
    if (this.#now !== undefined && this.#now() > this.#endMs) this.#breakBudget("elapsedMsMax")
  }

  #breakBudget(budget: "scannedMax" | "elapsedMsMax"): never {
    breakBudget(budget, this.#limits, this.#plan!.store.definition.name, missingIndex(this.#plan!))
  }
}
