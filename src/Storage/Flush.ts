/**
 * Brings one frozen memtable to the index file and the value log.
 *
 * Invariants
 * - The memtable's boundary is durable before the first byte is written, so nothing in the files is ever ahead of the durable log.
 * - Only the newest version of each key is written; a removed document leaves a tombstone in the value log.
 * - Primary trees, indexes and catalog change together, in one commit of the index file, or not at all.
 */
import type { EntrySource } from "../Index/Entry.ts"
import type { Catalog } from "./Catalog.ts"
import { writeCatalog } from "./CatalogFile.ts"
import { DELETE, PUT, VERSION_MAX } from "./MemtableLayout.ts"
import type { Memtable } from "./Memtable.ts"
import { MemtableCursor } from "./MemtableCursor.ts"
import type { Places } from "./Places.ts"
import { DocumentView } from "./Reader.ts"
import type { RootLists } from "./RootLists.ts"
import type { Boundary, Generation } from "./Sources.ts"
import { Location, LOCATION_BYTES } from "./TreeSource.ts"
import { type Pause, TreeWork, type TreeWorkParts } from "./TreeWork.ts"
import { FLUSHED } from "./ValueLog.ts"
import { EntryHeader } from "./ValueSegment.ts"

/** What appending one value costs of a slice's budget, in its units of about 100 ns, besides one unit for so many bytes. */
export const VALUE_COST = 25
export const BYTES_PER_COST = 256
/** What accounting for one value of a dropped store costs. */
const LOST_COST = 3
const NO_BYTES = new Uint8Array(0)

export interface FlushParts extends TreeWorkParts {
  /** The catalog as of the index file's current commit. */
  readonly catalog: Catalog
  readonly roots: RootLists
  /** One flush after the other uses it. */
  readonly places: Places
}

/** The flush of a frozen memtable, up to its boundary. */
export function flushWork(generation: Generation, boundary: Boundary, parts: FlushParts): TreeWork {
  return new TreeWork(parts, (work) => new Flush(generation.memtable, boundary, parts, work).run())
}

class Flush {
  readonly #memtable: Memtable
  readonly #boundary: Boundary
  readonly #parts: FlushParts
  readonly #work: TreeWork

  constructor(memtable: Memtable, boundary: Boundary, parts: FlushParts, work: TreeWork) {
    this.#memtable = memtable
    this.#boundary = boundary
    this.#parts = parts
    this.#work = work
  }

  *run(): Generator<Pause, void, void> {
    this.#parts.places.clear()
    const { lsn, recordCrc, epoch, commitTimeMs, catalog } = this.#boundary
    yield* this.#writeValues()
    const values = this.#work.beginValueSync()
    yield* this.#writeTrees()
    writeCatalog(this.#work.writer, this.#parts.catalog, catalog)
    yield* this.#work.valuesSynced(values)
    yield* this.#work.commit({ lsn, recordCrc, epoch, commitTimeMs }, catalog)
  }

  /** Appends the newest version of every document, and remembers where, in the order in which the trees will ask for it. */
  *#writeValues(): Generator<Pause, void, void> {
    const work = this.#work
    const { places, roots } = this.#parts
    const view = new DocumentView()
    const location = new Location()
    const header = new EntryHeader()
    for (const tree of this.#trees()) {
      if (this.#boundary.catalog.storeById(tree) === undefined) continue
      header.store = tree
      const sample = roots.sample(tree, this.#memtable.entries)
      const cursor = new MemtableCursor(this.#memtable, tree, VERSION_MAX, 1)
      for (cursor.seek(undefined); cursor.kind !== 0; cursor.advance()) {
        const isPut = cursor.kind === PUT
        if (isPut) cursor.read(view)
        header.kind = cursor.kind
        header.lsn = cursor.version
        header.key = cursor.keyBytes
        header.keyAt = cursor.keyAt
        const length = isPut ? view.length : 0
        this.#parts.values.append(header, isPut ? view.bytes : NO_BYTES, isPut ? view.at : 0, length, location, FLUSHED)
        if (isPut) places.add(location)
        sample.see(header.key, header.keyAt)
        work.budget -= VALUE_COST + length / BYTES_PER_COST
        if (work.budget <= 0) yield "more"
      }
      roots.judge(tree, sample)
    }
  }

  *#writeTrees(): Generator<Pause, void, void> {
    const { catalog } = this.#boundary
    const { places } = this.#parts
    const { accounts } = this.#parts.values
    const work = this.#work
    places.rewind()
    for (const tree of this.#trees()) {
      const isStore = catalog.storeById(tree) !== undefined
      if (!isStore && catalog.index(tree) === undefined) continue
      const source = new FlushSource(this.#memtable, tree, isStore ? places : undefined)
      const { roots } = this.#parts
      roots.prepare(work.writer, tree, source.firstKey(), this.#memtable.entries)
      yield* work.drive(work.writer.apply(tree, source, isStore ? accounts.replaced : undefined))
    }
    for (const tree of this.#parts.catalog.trees) {
      if (catalog.storeById(tree) !== undefined || catalog.index(tree) !== undefined) continue
      if (this.#parts.catalog.storeById(tree) !== undefined) yield* this.#loseValues(tree)
      this.#parts.roots.drop(work.writer, tree)
      yield* work.drive(work.writer.dropTree(tree))
    }
  }

  /** The values of a store that is dropped are dead. */
  *#loseValues(tree: number): Generator<Pause, void, void> {
    const { index, values } = this.#parts
    const work = this.#work
    const walk = index.values(index.current(), tree)
    while (walk.next()) {
      values.accounts.replaced(walk.value, 0)
      work.budget -= LOST_COST
      if (work.budget <= 0) yield "more"
    }
  }

  *#trees(): Generator<number, void, void> {
    for (let tree = this.#memtable.nextTree(0); tree !== 0; tree = this.#memtable.nextTree(tree)) yield tree
  }
}

/** The newest entries of one tree of a memtable as changes to the tree in the file. */
class FlushSource implements EntrySource {
  readonly #cursor: MemtableCursor
  readonly #places: Places | undefined
  #isStarted = false
  key: Uint8Array = NO_BYTES
  keyAt = 0
  keyLength = 0
  value: Uint8Array = NO_BYTES
  valueAt = 0
  valueLength = 0
  remove = false

  constructor(memtable: Memtable, tree: number, places: Places | undefined) {
    this.#cursor = new MemtableCursor(memtable, tree, VERSION_MAX, 1)
    this.#places = places
  }

  /** The key of the first entry; only before the first `next`. */
  firstKey(): Uint8Array {
    this.#cursor.seek(undefined)
    const { keyBytes, keyAt, keyLength } = this.#cursor
    return keyBytes.slice(keyAt, keyAt + keyLength)
  }

  next(): boolean {
    const cursor = this.#cursor
    if (this.#isStarted) cursor.advance()
    else cursor.seek(undefined)
    this.#isStarted = true
    if (cursor.kind === 0) return false
    this.key = cursor.keyBytes
    this.keyAt = cursor.keyAt
    this.keyLength = cursor.keyLength
    this.remove = cursor.kind === DELETE
    this.valueLength = 0
    if (this.#places !== undefined && !this.remove) {
      this.#places.take()
      this.value = this.#places.bytes
      this.valueAt = this.#places.at
      this.valueLength = LOCATION_BYTES
    }
    return true
  }
}
