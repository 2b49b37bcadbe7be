/**
 * Moves what is alive in some value segments to new ones, in key order, and gives the old ones up: in batches, each one commit.
 *
 *     look through the segments  →  batch: copy, repoint while the copies are synced, commit  →  …  →  last batch: the segments are condemned
 *
 * Invariants
 * - An entry is moved only when its primary tree names just this place, and the tree is changed in the same transaction, with nothing
 *   between looking and changing; so a newer document is never replaced by an older one. Whatever a memtable has is newer still.
 * - A moved document keeps its LSN. Its index entries name its key, so they stay.
 * - A tombstone is left out when its key has a document again, or when no other segment held an older dead document of any key when the
 *   compaction began (what is dead later was alive then, so it is not of that tombstone's key) and no older root still has the key.
 *   Otherwise it moves too.
 * - What one batch moves is in the order of (store, key), each once: the trees are changed by one walk over it.
 * - Batches are small, and a flush may come between any two. A compaction that ends early loses nothing: what was moved is dead in the old
 *   place, and what was not is alive there.
 */
import { ValueView } from "../Index/Entry.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import { ABSENT, DELETED, PRESENT } from "../Index/RootCursor.ts"
import type { SortedLookup } from "../Index/SortedLookup.ts"
import type { Catalog } from "./Catalog.ts"
import { BYTES_PER_COST, VALUE_COST } from "./Flush.ts"
import { PUT } from "./MemtableLayout.ts"
import { KEY_BYTES } from "./Reader.ts"
import type { MovedEntries } from "./MovedEntries.ts"
import { findRuns, type Run, RunMerge, RUNS_MAX } from "./RunMerge.ts"
import type { RootLists } from "./RootLists.ts"
import { RUN_BUFFER_BYTES, type RunBuffers } from "./RunBuffers.ts"
import type { RunReader } from "./RunReader.ts"
import { Location } from "./TreeSource.ts"
import { type Pause, TreeWork, type TreeWorkParts } from "./TreeWork.ts"
import type { ValueLog } from "./ValueLog.ts"
import { valueBytes } from "./ValueSegment.ts"

/** Entries that one batch moves at most. */
export const BATCH_ENTRIES_MAX = 16_384
/** What looking an entry up costs of a slice's budget, in its units of about 100 ns, and reading so many bytes. */
const LOOKUP_COST = 8
const BYTES_READ_PER_COST = 64
const NO_STORE = -1

export interface CompactionParts {
  readonly index: IndexFile
  readonly values: ValueLog
  readonly roots: RootLists
  /** The catalog as of the index file's current commit. */
  readonly catalog: () => Catalog
  readonly batchBytesMax: number
  /** For BATCH_ENTRIES_MAX entries; one compaction after the other uses it. */
  readonly moved: MovedEntries
  /** For reading segments; one compaction after the other uses them. */
  readonly buffers: RunBuffers
}

export class Compaction {
  /** The segments that are given up in the end. */
  readonly segments: ReadonlyArray<number>
  readonly #index: IndexFile
  readonly #values: ValueLog
  readonly #catalog: () => Catalog
  readonly #roots: RootLists
  readonly #batchBytesMax: number
  readonly #bounds: ReadonlyMap<number, number>
  #runs: Array<Run> = []
  #merge: RunMerge | undefined
  readonly #moved: MovedEntries
  readonly #buffers: RunBuffers
  readonly #from = new Location()
  readonly #to = new Location()
  /** In the version that a batch begins with, for the store it is at; none when there is no such store any more. */
  #lookup: SortedLookup | undefined
  #lookupStore = NO_STORE
  #isOver = false
  /** Bytes of documents moved so far. */
  movedBytes = 0

  /** `bounds`: the LSN below which tombstones of a segment may be left out (CompactionChoice.ts). */
  constructor(segments: ReadonlyArray<number>, bounds: ReadonlyMap<number, number>, parts: CompactionParts) {
    this.segments = segments
    this.#bounds = bounds
    this.#index = parts.index
    this.#values = parts.values
    this.#catalog = parts.catalog
    this.#roots = parts.roots
    this.#batchBytesMax = parts.batchBytesMax
    this.#moved = parts.moved
    this.#buffers = parts.buffers
  }

  /** Whether the segments are given up. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Entries of trees that the last batch has changed. */
  get batchEntries(): number {
    return this.#moved.count
  }

  /** Looks through the segments, in slices; others may write meanwhile. Faults with StorageDamaged, naming file and offset. */
  *look(budget: () => number): Generator<"more", void, void> {
    let left = budget()
    for (const segment of this.segments) {
      const { liveBytes, tombstoneBytes, tombstoneLsnMax } = this.#values.accounts.of(segment)
      if (liveBytes === 0 && (tombstoneBytes === 0 || tombstoneLsnMax <= this.#bounds.get(segment)!)) continue
      const finder = findRuns(this.#values.file(segment), this.#buffers)
      for (;;) {
        const found = finder.next()
        if (found.done === true) {
          this.#runs.push(...found.value)
          break
        }
        left -= found.value / BYTES_READ_PER_COST
        if (left > 0) continue
        yield "more"
        left = budget()
      }
    }
  }

  /** The next batch, as one transaction of the index file. */
  batch(parts: TreeWorkParts): TreeWork {
    return new TreeWork(parts, (work) => this.#batch(work))
  }

  *#batch(work: TreeWork): Generator<Pause, void, void> {
    this.#moved.clear()
    yield* this.#copy(work)
    const isLast = this.#merge?.current === undefined && this.#runs.length === 0
    const values = work.beginValueSync()
    const { writer } = work
    for (const store of this.#moved.stores()) {
      this.#roots.prepare(writer, store, this.#moved.firstKey(store), Infinity)
      yield* work.drive(writer.apply(store, this.#moved.source(store), this.#values.accounts.replaced))
    }
    if (isLast) for (const segment of this.segments) this.#values.condemn(segment, writer.transaction)
    yield* work.valuesSynced(values)
    yield* work.commit(this.#index.current().checkpoint)
    this.#isOver = isLast
  }

  /** Copies until the batch is full, the runs merged together are over, or nothing is left: the next ones begin again at the lowest key. */
  *#copy(work: TreeWork): Generator<Pause, void, void> {
    let bytes = 0
    this.#lookupStore = NO_STORE
    while (bytes < this.#batchBytesMax && this.#moved.count < BATCH_ENTRIES_MAX) {
      const merge = this.#merge
      const entry = merge?.current
      if (merge === undefined || entry === undefined) {
        if (this.#moved.count > 0 || this.#runs.length === 0) return
        yield* this.#openRuns(work)
        continue
      }
      const size = valueBytes(entry.length)
      work.budget -= LOOKUP_COST + size / BYTES_READ_PER_COST
      if (entry.kind === PUT ? this.#isAlive(entry) : this.#isNeeded(entry)) {
        this.#move(entry)
        bytes += size
        work.budget -= VALUE_COST + size / BYTES_PER_COST
      }
      merge.advance()
      if (work.budget <= 0) yield "more"
    }
  }

  /** Begins the walk over the next runs. */
  *#openRuns(work: TreeWork): Generator<Pause, void, void> {
    this.#lookupStore = NO_STORE
    const merge = new RunMerge(this.#runs.splice(0, RUNS_MAX), this.#buffers)
    while (merge.openNext()) {
      work.budget -= RUN_BUFFER_BYTES / BYTES_READ_PER_COST
      if (work.budget <= 0) yield "more"
    }
    this.#merge = merge
  }

  /** Whether the tree names just this entry. Faults with StorageDamaged where it names the place, but another entry. */
  #isAlive(entry: RunReader): boolean {
    const from = this.#from
    if (this.#find(entry) !== PRESENT) return false
    from.read(FOUND.bytes, FOUND.at)
    if (from.segment !== entry.source.segment || from.offset !== entry.offset) return false
    if (from.lsn === entry.lsn && from.length === entry.length) return true
    throw entry.damaged("the primary tree has another entry here")
  }

  #isNeeded(entry: RunReader): boolean {
    const found = this.#find(entry)
    if (found === PRESENT) return false
    return found === DELETED || entry.lsn > this.#bounds.get(entry.source.segment)!
  }

  /** What the tree says of the entry's key. */
  #find({ bytes, keyAt, store }: RunReader): number {
    if (this.#lookupStore !== store) {
      const index = this.#index
      this.#lookup = this.#catalog().storeById(store) && index.sortedLookup(index.current(), store)
      this.#lookupStore = store
    }
    return this.#lookup?.find(bytes, keyAt, KEY_BYTES, FOUND) ?? ABSENT
  }

  #move(entry: RunReader): void {
    this.#values.appendMoved(entry, this.#to)
    if (entry.kind === PUT) this.#moved.add(entry.store, entry.bytes, entry.keyAt, this.#to)
    this.movedBytes += entry.length
  }
}

const FOUND = new ValueView()
