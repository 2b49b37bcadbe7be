/**
 * Brings one frozen memtable to the index file and the value log, in slices.
 *
 *     values  →  sync of the value log  →  trees and catalog  →  commit of the index file
 *
 * Invariants
 * - The memtable's boundary is durable before the first byte is written, so nothing in the files is ever ahead of the durable log.
 * - Only the newest version of each key is written; a removed document leaves a tombstone in the value log.
 * - Primary trees, indexes and catalog change together, in one commit of the index file, or not at all. An aborted flush leaves bytes
 *   beyond the committed lengths, which the next one overwrites.
 */
import type { EntrySource, Progress, Stepper } from "../Index/Entry.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import type { TreeWriter } from "../Index/TreeWriter.ts"
import type { Catalog } from "./Catalog.ts"
import { readSegments, writeCatalog } from "./CatalogFile.ts"
import { DELETE, PUT, VERSION_MAX } from "./MemtableLayout.ts"
import type { Memtable } from "./Memtable.ts"
import { MemtableCursor } from "./MemtableCursor.ts"
import { DocumentView } from "./Reader.ts"
import type { Boundary, Generation } from "./Sources.ts"
import { Location, LOCATION_BYTES } from "./TreeSource.ts"
import type { ValueLog } from "./ValueLog.ts"

/** What appending one value costs of a slice's budget, in its units of about 100 ns, besides one unit for so many bytes. */
const VALUE_COST = 10
const BYTES_PER_COST = 256
const NO_BYTES = new Uint8Array(0)

export interface FlushParts {
  readonly index: IndexFile
  readonly values: ValueLog
  /** The catalog as of the index file's current commit. */
  readonly catalog: Catalog
  /** Called, never within a step, when a step that answered `waiting` may be tried again. */
  readonly wake: () => void
}

export class Flush {
  readonly generation: Generation
  readonly #memtable: Memtable
  readonly #boundary: Boundary
  readonly #parts: FlushParts
  readonly #places = new Places()
  readonly #work: Generator<"more" | "waiting", void, void>
  #budget = 0
  #syncFault: unknown
  #isSynced = false
  #writer: TreeWriter | undefined
  #isCommitting = false

  constructor(generation: Generation, boundary: Boundary, parts: FlushParts) {
    this.generation = generation
    this.#memtable = generation.memtable
    this.#boundary = boundary
    this.#parts = parts
    this.#work = this.#run()
  }

  /** Whether the commit has begun, after which the flush cannot be aborted. */
  get isCommitting(): boolean {
    return this.#isCommitting
  }

  /** Does a slice; the budget is in units of about 100 ns. Throws the fault of a failed write or sync; then `abort`. */
  step(budget: number): Progress {
    this.#budget = budget
    const { done, value } = this.#work.next()
    return done === true ? "done" : value
  }

  /**
   * Gives up. Nothing that was written counts, unless the index file is poisoned: then its meta may or may not be on disk, and what the meta
   * names has to stay.
   */
  abort(): void {
    this.#writer?.abort()
    if (this.#parts.index.poisoned === undefined) this.#parts.values.rewind()
  }

  *#run(): Generator<"more" | "waiting", void, void> {
    yield* this.#writeValues()
    yield* this.#syncValues()
    const writer = this.#parts.index.beginWrite()
    this.#writer = writer
    yield* this.#writeTrees(writer)
    const { lsn, recordCrc, epoch, commitTimeMs, catalog } = this.#boundary
    const lengths = this.#parts.values.lengths
    const known = readSegments(this.#parts.index, this.#parts.index.current()).slice(0, -1)
    writeCatalog(writer, this.#parts.catalog, catalog, { known, closed: lengths.slice(0, -1) })
    this.#isCommitting = true
    const checkpoint = { lsn, recordCrc, epoch, commitTimeMs, valueSegments: lengths.slice(-1) }
    yield* this.#drive(writer.commit(checkpoint, this.#parts.wake))
    this.#parts.values.commit()
  }

  /** Appends the newest version of every document, and remembers where, in the order in which the trees will ask for it. */
  *#writeValues(): Generator<"more", void, void> {
    const view = new DocumentView()
    const location = new Location()
    for (const tree of this.#trees()) {
      if (this.#boundary.catalog.storeById(tree) === undefined) continue
      const cursor = new MemtableCursor(this.#memtable, tree, VERSION_MAX, 1)
      for (cursor.seek(undefined); cursor.kind !== 0; cursor.advance()) {
        const isPut = cursor.kind === PUT
        if (isPut) cursor.read(view)
        const header = { store: tree, kind: cursor.kind, lsn: cursor.version, key: cursor.keyBytes, keyAt: cursor.keyAt }
        const length = isPut ? view.length : 0
        this.#parts.values.append(header, isPut ? view.bytes : NO_BYTES, isPut ? view.at : 0, length, location)
        if (isPut) this.#places.add(location)
        this.#budget -= VALUE_COST + length / BYTES_PER_COST
        if (this.#budget <= 0) yield "more"
      }
    }
  }

  *#syncValues(): Generator<"waiting", void, void> {
    this.#parts.values.sync((fault) => {
      this.#isSynced = true
      this.#syncFault = fault
      this.#parts.wake()
    })
    while (!this.#isSynced) yield "waiting"
    if (this.#syncFault !== undefined) throw this.#syncFault
  }

  *#writeTrees(writer: TreeWriter): Generator<"more" | "waiting", void, void> {
    const { catalog } = this.#boundary
    this.#places.rewind()
    for (const tree of this.#trees()) {
      const isStore = catalog.storeById(tree) !== undefined
      if (!isStore && catalog.index(tree) === undefined) continue
      yield* this.#drive(writer.apply(tree, new FlushSource(this.#memtable, tree, isStore ? this.#places : undefined)))
    }
    for (const tree of this.#parts.catalog.trees) {
      if (catalog.storeById(tree) === undefined && catalog.index(tree) === undefined) yield* this.#drive(writer.dropTree(tree))
    }
  }

  *#drive(stepper: Stepper): Generator<"more" | "waiting", void, void> {
    for (;;) {
      const progress = stepper.step(Math.max(1, this.#budget))
      if (progress === "done") return
      this.#budget = 0
      yield progress
    }
  }

  *#trees(): Generator<number, void, void> {
    for (let tree = this.#memtable.nextTree(0); tree !== 0; tree = this.#memtable.nextTree(tree)) yield tree
  }
}

/** Where the documents of a flush went, in the order in which they were appended. */
class Places {
  #bytes = new Uint8Array(LOCATION_BYTES * 1024)
  #count = 0
  #next = 0

  add(location: Location): void {
    const at = this.#count++ * LOCATION_BYTES
    if (at === this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2)
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    location.write(this.#bytes, at)
  }

  rewind(): void {
    this.#next = 0
  }

  get bytes(): Uint8Array {
    return this.#bytes
  }

  /** The offset of the next place in `bytes`. */
  take(): number {
    return this.#next++ * LOCATION_BYTES
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
      this.value = this.#places.bytes
      this.valueAt = this.#places.take()
      this.valueLength = LOCATION_BYTES
    }
    return true
  }
}
