/**
 * Everything a reader looks into at one moment: the memtables, newest first, and one version of the trees.
 *
 * Invariants
 * - A Sources never changes. Freezing a memtable or finishing a flush makes a new one; readers keep theirs until they are done, and with
 *   it the memory of the memtables and the pages of the trees.
 * - What an older source says about a key is hidden by any newer source that has the key.
 */
import { ValueView } from "../Index/Entry.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import type { TreeVersion } from "../Index/Version.ts"
import { ByteArena, type ChunkAllocator } from "./Arena.ts"
import type { Catalog } from "./Catalog.ts"
import { DELETE } from "./MemtableLayout.ts"
import { Memtable } from "./Memtable.ts"
import { MemtableCursor } from "./MemtableCursor.ts"
import { MergedCursor, successor } from "./MergedCursor.ts"
import type { Direction, DocumentView, Range, TreeSize } from "./Reader.ts"
import type { SourceCursor } from "./SourceCursor.ts"
import { readPlace, TreeSource } from "./TreeSource.ts"
import type { ValueLog } from "./ValueLog.ts"

/** A memtable with the moment at which it froze. The active one has no boundary yet. Its memory is returned with the last Sources it is in. */
export class Generation {
  readonly memtable: Memtable
  #references = 0
  /** The newest LSN in it, once it is frozen. */
  boundary: Boundary | undefined

  /** `documents` is the number to be expected, so that the table for point reads need not grow while it is filled. */
  constructor(allocator: ChunkAllocator, documents: number) {
    this.memtable = new Memtable(allocator, new ByteArena(allocator), documents)
  }

  get bytes(): number {
    return this.memtable.blockBytes + this.memtable.arena.bytesTaken
  }

  retain(): void {
    this.#references++
  }

  release(): void {
    if (--this.#references === 0) this.memtable.release()
  }
}

/** What a flush of a frozen memtable brings the index file to. */
export interface Boundary {
  readonly lsn: number
  /** Checksum of the header of the record `lsn`. */
  readonly recordCrc: number
  readonly commitTimeMs: number
  readonly epoch: number
  readonly catalog: Catalog
}

export class Sources {
  /** The active one first. */
  readonly generations: ReadonlyArray<Generation>
  readonly version: TreeVersion
  readonly #index: IndexFile
  readonly #values: ValueLog
  readonly #value = new ValueView()
  #references = 1

  constructor(generations: ReadonlyArray<Generation>, index: IndexFile, values: ValueLog) {
    this.generations = generations
    this.#index = index
    this.#values = values
    this.version = index.current()
    index.pin(this.version)
    for (const generation of generations) generation.retain()
  }

  retain(): this {
    this.#references++
    return this
  }

  release(): void {
    if (--this.#references > 0) return
    this.#index.unpin(this.version)
    for (const generation of this.generations) generation.release()
  }

  /** Shows the document under a key as of `lsn`; false when there is none. */
  get(tree: number, key: Uint8Array, keyAt: number, lsn: number, out: DocumentView): boolean {
    if (!this.find(tree, key, keyAt, lsn, out)) return false
    if (!out.isRead) this.#values.read(out, out)
    return true
  }

  /** As `get`, but a document in the value log is not read yet. */
  find(tree: number, key: Uint8Array, keyAt: number, lsn: number, out: DocumentView): boolean {
    for (const { memtable } of this.generations) {
      const kind = memtable.find(tree, key, keyAt, 16, lsn)
      if (kind === 0) continue
      if (kind === DELETE) return false
      memtable.showFound(out)
      return true
    }
    const roots = this.version.roots(tree)
    if (!this.#values.places.find(roots, tree, key, keyAt, out)) {
      if (!this.#index.get(this.version, tree, key, keyAt, 16, this.#value)) return false
      readPlace(this.#value, out)
      this.#values.places.add(roots, tree, key, keyAt, out)
    }
    out.isRead = false
    return true
  }

  /** Reads a document that was found. */
  read(out: DocumentView): void {
    if (!out.isRead) this.#values.read(out, out)
  }

  /** About how much a tree has; see `Reader.size`. */
  size(tree: number): TreeSize {
    let flushed = 0
    for (const root of this.version.roots(tree)) flushed += root.entries
    let unflushed = 0
    for (const { memtable } of this.generations) unflushed += memtable.documents
    return { flushed, unflushed }
  }

  /** A walk over a tree as of `lsn`; `newest`, when given, is looked into before everything else. */
  cursor(tree: number, lsn: number, range: Range | undefined, direction: Direction, newest: SourceCursor | undefined): MergedCursor {
    const cursors: Array<SourceCursor> = newest === undefined ? [] : [newest]
    const bounds = halfOpen(range)
    if (bounds === undefined) return new MergedCursor([], direction, undefined, undefined)
    for (const { memtable } of this.generations) {
      if (memtable.entries > 0) cursors.push(new MemtableCursor(memtable, tree, lsn, direction))
    }
    cursors.push(new TreeSource(this.#index.cursor(this.version, tree), direction, this.#values))
    return new MergedCursor(cursors, direction, bounds.lower, bounds.upper)
  }
}

/**
 * A range as its first possible key and the first key beyond it. Bounds are prefixes: an inclusive upper bound takes in everything that
 * starts with it, an exclusive lower bound leaves all of that out. Undefined when nothing can lie in the range.
 */
function halfOpen(range: Range | undefined): { lower: Uint8Array | undefined; upper: Uint8Array | undefined } | undefined {
  if (range === undefined) return { lower: undefined, upper: undefined }
  let lower = range.low
  let upper = range.high
  if (lower !== undefined && range.lowInclusive === false) {
    lower = successor(lower)
    if (lower === undefined) return undefined
  }
  if (upper !== undefined && range.highInclusive !== false) upper = successor(upper)
  return { lower, upper }
}
