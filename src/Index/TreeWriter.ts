/**
 * One write transaction of the index file: trees changed by sorted batches, catalog entries set, all of it committed or nothing.
 *
 * Invariants
 * - Pages of the version it started from are never written to; what it wrote is reachable only from the meta it writes last.
 * - Commit order: pages, sync, meta, sync. The new version becomes current after the second sync.
 * - Its steppers are run one at a time, each to its end. After a Fault nothing but `abort` is possible, and after `abort` the file is as before.
 * - A write that failed for want of space leaves the file usable; any other failed write or sync poisons it, because nobody knows
 *   what is on disk then.
 */
import type { File } from "../Disk/Volume.ts"
import { isFault } from "../Fault/Fault.ts"
import {
  ENTRY,
  ENTRY_KEY_BYTES_MAX,
  ENTRY_VALUE_BYTES_MAX,
  ChangeSource,
  chainOf,
  chainedValue,
  encodeRoot,
  entryKey,
  inlineValue,
  isInlineLength,
  rootKey
} from "./Catalog.ts"
import type { CatalogChange } from "./Catalog.ts"
import { FreeListWriter, readBlob, writeBlob } from "./Chain.ts"
import { type EntrySource, type Stepper, ValueView } from "./Entry.ts"
import { Budget, GeneratorStepper, PAGE_COST } from "./Entry.ts"
import { indexFault } from "./Errors.ts"
import type { FreePages } from "./FreePages.ts"
import { childChecksum, childPage, entryCount } from "./Page.ts"
import { LooseLeaves, type PackPart } from "./LooseLeaves.ts"
import { KeyFilter } from "./KeyFilter.ts"
import type { PageCache } from "./PageCache.ts"
import type { MergeMemory } from "./MergeMemory.ts"
import type { PageRun } from "./PageRun.ts"
import type { Checkpoint, Meta } from "./Meta.ts"
import { assertCheckpoint, encodeMeta, metaOffset } from "./Meta.ts"
import { FoldPart, PRESENT, PartSource, RootCursor, lookup } from "./RootCursor.ts"
import { TailEntries } from "./TailMove.ts"
import { TreeMerge } from "./TreeMerge.ts"
import type { MergeOptions, MergeSite, ReplacedValue } from "./TreeMerge.ts"
import type { Root } from "./Version.ts"
import { CATALOG_TREE, ROOTS_MAX, TreeVersion } from "./Version.ts"

/** What a transaction needs of the file it changes. */
export interface WriterHost {
  readonly file: File
  readonly cache: PageCache
  readonly free: FreePages
  /** What the writer before left in these two counts no more. */
  readonly run: PageRun
  readonly memory: MergeMemory
  readonly base: TreeVersion
  /** The commit is on disk. */
  publish(version: TreeVersion): void
  /** Nothing may be written any more. */
  poison(message: string): void
  /** The transaction is over, either way. */
  ended(): void
}

/** A root is merged into the next one when it has grown to this share of it, or sooner. */
const FILTERED_SHARE = 1 / 4

type State = "open" | "committing" | "decided" | "failed" | "ended"

export class TreeWriter {
  /** The number its commit will have. */
  readonly transaction: number
  readonly #host: WriterHost
  readonly #site: MergeSite
  readonly #budget = new Budget()
  readonly #run: PageRun
  /** Roots of the trees touched, newest first; undefined stands for an empty root. */
  readonly #trees = new Map<number, Array<Root | undefined>>()
  readonly #entries = new Map<string, CatalogChange>()
  /** Entries of the catalog that are written again as they are, unless they change. */
  readonly #kept = new Map<string, CatalogChange>()
  #state: State = "open"

  constructor(host: WriterHost) {
    const { cache, free, base, run, memory } = host
    this.#host = host
    this.transaction = base.transaction + 1
    this.#run = run
    run.discard()
    this.#site = { cache, run, free, memory, transaction: this.transaction, budget: this.#budget }
  }

  /**
   * Applies entries in ascending key order to the newest root of a tree (1 to 2^32 - 1); the tree begins to exist with its first entry.
   * Removing a key that is not there does nothing. `replaced` is told the values that go out of that root.
   */
  apply(treeId: number, source: EntrySource, replaced?: ReplacedValue): Stepper {
    return this.#stepper(this.#apply(assertTree(treeId), source, replaced))
  }

  /** Puts an empty root before the others, which then stay as they are. Does nothing while the newest root is empty. */
  pushRoot(treeId: number): void {
    this.#assertOpen()
    const roots = this.#rootsOf(assertTree(treeId))
    if (roots.length === 0 || roots[0] === undefined) return
    if (roots.length === ROOTS_MAX) {
      throw indexFault({ _tag: "InvalidEntry", message: `tree ${treeId} has ${ROOTS_MAX} roots already` })
    }
    roots.unshift(undefined)
  }

  /**
   * Merges the oldest root but one of a tree into the oldest, or a part of it: then both have that part until the last one, which takes the
   * newer root away. Between the parts nothing may be applied to that root. Does nothing when there is only one.
   */
  foldRoot(treeId: number, part: FoldPart = new FoldPart(undefined, Infinity), replaced?: ReplacedValue): Stepper {
    return this.#stepper(this.#foldRoot(assertTree(treeId), part, replaced))
  }

  /** Empties a tree. */
  dropTree(treeId: number): Stepper {
    return this.#stepper(this.#dropTree(assertTree(treeId)))
  }

  /**
   * Moves what is in the pages from number `from` on to lower ones, up to about `leavesMax` leaves, so that the end of the file becomes free
   * two commits later. `move` says how many leaves there were; with none left all that remains there is given up.
   */
  moveTail(from: number, leavesMax: number, move: { leaves: number }): Stepper {
    return this.#stepper(this.#moveTail(from, leavesMax, move))
  }

  /**
   * Writes a part of a tree's oldest root again as full pages, unless it is about full; then the next part is looked at. `part` says where to
   * go on.
   */
  pack(treeId: number, part: PackPart): Stepper {
    return this.#stepper(this.#pack(assertTree(treeId), part))
  }

  /** Sets a catalog entry; key and value are kept, not copied. At most ENTRY_KEY_BYTES_MAX and ENTRY_VALUE_BYTES_MAX bytes. */
  setEntry(key: Uint8Array, value: Uint8Array): void {
    this.#assertOpen()
    if (value.length > ENTRY_VALUE_BYTES_MAX) {
      throw indexFault({ _tag: "InvalidEntry", message: `a catalog entry has at most ${ENTRY_VALUE_BYTES_MAX} bytes, not ${value.length}` })
    }
    this.#change(key, value)
  }

  removeEntry(key: Uint8Array): void {
    this.#assertOpen()
    this.#change(key, undefined)
  }

  /**
   * Commits. The stepper answers `waiting` while a sync is under way and has to be called again after `wake`, which is never called
   * within a step. When it answers `done` the commit is on disk and current.
   */
  commit(checkpoint: Checkpoint, wake: () => void): Stepper {
    this.#assertOpen()
    assertCheckpoint(checkpoint)
    this.#state = "committing"
    return new GeneratorStepper(this.#budget, this.#guarded(this.#commit(checkpoint, wake)))
  }

  /** Gives everything back. Not possible once the meta is being written. */
  abort(): void {
    if (this.#state === "ended") return
    if (this.#state === "decided") throw new Error("a commit whose meta is being written cannot be aborted")
    const { cache, free } = this.#host
    this.#state = "ended"
    this.#run.discard()
    free.forEachTaken((page) => cache.drop(page))
    free.abort()
    this.#host.ended()
  }

  *#apply(treeId: number, source: EntrySource, replaced: ReplacedValue | undefined): Generator<"more", void, void> {
    const roots = this.#rootsOf(treeId)
    const filter = yield* this.#filter(roots)
    roots[0] = yield* this.#merge(roots[0], source, { treeId, keepTombstones: roots.length > 1, replaced, filter })
  }

  /** The filter of the newest root, if there are others behind it: with the keys of that root when it has none yet. */
  *#filter([newest, next]: ReadonlyArray<Root | undefined>): Generator<"more", KeyFilter | undefined, void> {
    if (next === undefined || newest?.filter !== undefined) return newest?.filter
    const filter = new KeyFilter(Math.max(next.entries * FILTERED_SHARE, newest?.entries ?? 0))
    if (newest === undefined) return filter
    const cursor = new RootCursor(this.#host.cache, newest, () => {})
    for (let on = cursor.first(); on; on = cursor.next()) {
      filter.add(cursor.key, 0, cursor.keyLength)
      if (this.#budget.left-- <= 0) yield "more"
    }
    return filter
  }

  *#merge(root: Root | undefined, source: EntrySource, options: MergeOptions): Generator<"more", Root | undefined, void> {
    const merge = new TreeMerge(this.#site, root, source, options)
    yield* merge.work()
    this.#run.flush()
    const { result } = merge
    const filter = options.filter ?? root?.filter
    return result === undefined || result === root || filter === undefined ? result : { ...result, filter }
  }

  *#foldRoot(treeId: number, part: FoldPart, replaced: ReplacedValue | undefined): Generator<"more", void, void> {
    const roots = this.#rootsOf(treeId)
    const place = roots.length - 2
    if (place < 0) return
    const folded = roots[place]
    if (folded !== undefined) {
      const options = { treeId, keepTombstones: false, replaced, leafBytesMin: part.leafBytesMin }
      const cursor = new RootCursor(this.#host.cache, folded, () => {})
      roots[place + 1] = yield* this.#merge(roots[place + 1], new PartSource(cursor, part), options)
      // Nothing in the list can stand for an older root that has become empty: the rest follows at once.
      if (roots[place + 1] === undefined && part.next !== undefined) {
        const rest = new FoldPart(part.next, Infinity)
        part.next = undefined
        roots[place + 1] = yield* this.#merge(undefined, new PartSource(cursor, rest), options)
      }
      if (part.next !== undefined) return
      yield* this.#release(folded.page, folded.checksum, folded.level)
    }
    roots.splice(place, 1)
    // A root over an empty one hides nothing, and were it the only one, its tombstones would be taken for entries.
    if (place > 0 && roots[place] === undefined) yield* this.#foldRoot(treeId, new FoldPart(undefined, Infinity), replaced)
  }

  *#dropTree(treeId: number): Generator<"more", void, void> {
    const roots = this.#rootsOf(treeId)
    for (const root of roots) if (root !== undefined) yield* this.#release(root.page, root.checksum, root.level)
    roots.length = 0
  }

  *#moveTail(from: number, leavesMax: number, move: { leaves: number }): Generator<"more", void, void> {
    const { base, cache } = this.#host
    for (const [treeId, roots] of base.trees) {
      for (const [place, root] of roots.entries()) {
        if (move.leaves >= leavesMax) return
        const tail = yield* this.#tail(root, from, leavesMax - move.leaves)
        if (tail.count === 0) continue
        move.leaves += tail.count
        this.#rootsOf(treeId)[place] = yield* this.#merge(root, tail, { treeId, keepTombstones: true })
      }
    }
    const { catalog } = base.meta
    if (catalog === undefined) return
    const entries = new RootCursor(cache, catalog, () => {})
    const isTail = (page: number): boolean => page >= from
    for (let on = entries.first(); on; on = entries.next()) {
      const chain = entries.key[0] === ENTRY ? chainOf(entries.value, 0) : undefined
      if (chain === undefined) continue
      const pages: Array<number> = []
      const value = readBlob(cache, this.#host.file.path, chain, chain.length, (page) => pages.push(page))
      if (pages.some(isTail)) this.#change(entries.key.slice(1, entries.keyLength), value)
      this.#budget.left -= PAGE_COST * pages.length
      if (this.#budget.left <= 0) yield "more"
    }
    const tail = yield* this.#tail(catalog, from, Infinity)
    while (tail.next()) this.#kept.set(String.fromCharCode(...tail.key), { key: tail.key, value: tail.value })
  }

  *#pack(treeId: number, part: PackPart): Generator<"more", void, void> {
    const roots = this.#rootsOf(treeId)
    const place = roots.length - 1
    const root = roots[place]
    if (root === undefined) return
    let { from } = part
    do {
      const leaves = new LooseLeaves()
      yield* this.#collected(leaves.collect(this.#host.cache, root, from, part.leavesMax))
      from = part.next = leaves.end
      if (!leaves.isLoose) continue
      roots[place] = yield* this.#merge(root, leaves, { treeId, keepTombstones: true, leafBytesMin: Infinity })
      return
    } while (from !== undefined)
  }

  *#tail(root: Root, from: number, max: number): Generator<"more", TailEntries, void> {
    const tail = new TailEntries()
    yield* this.#collected(tail.collect(this.#host.cache, root, from, max))
    return tail
  }

  *#collected(branches: Iterable<void>): Generator<"more", void, void> {
    for (const _ of branches) {
      this.#budget.left -= PAGE_COST
      if (this.#budget.left <= 0) yield "more"
    }
  }

  /** Releases a page and all below it. Leaves are not read. */
  *#release(page: number, checksum: number, level: number): Generator<"more", void, void> {
    const { cache, free } = this.#host
    const { memory } = cache
    if (level > 0) {
      const count = entryCount(memory.bytes, cache.load(page, checksum, level))
      for (let slot = 0; slot < count; slot++) {
        const base = cache.load(page, checksum, level)
        yield* this.#release(childPage(memory, base, count, slot), childChecksum(memory, base, count, slot), level - 1)
      }
      this.#budget.left -= PAGE_COST
    }
    free.release(page)
    if (this.#budget.left-- <= 0) yield "more"
  }

  *#commit(checkpoint: Checkpoint, wake: () => void): Generator<"more" | "waiting", void, void> {
    const { file, free, base } = this.#host
    const catalog = yield* this.#writeCatalog()
    free.trim()
    const freeList = yield* this.#writeFreeList()
    this.#run.flush()
    yield* this.#sync(wake)
    const meta: Meta = {
      transaction: this.transaction,
      databaseId: base.meta.databaseId,
      timeline: checkpoint.timeline ?? base.meta.timeline,
      salt: base.meta.salt,
      pageCount: free.pageCount,
      checkpoint,
      catalog,
      freeListPage: freeList === undefined ? base.meta.freeListPage : freeList.pointer.page,
      freeListChecksum: freeList === undefined ? base.meta.freeListChecksum : freeList.pointer.checksum,
      freePages: free.freeCount
    }
    this.#state = "decided"
    try {
      file.writeAt(metaOffset(this.transaction), encodeMeta(meta))
    } catch (error) {
      this.#host.poison("the meta could not be written")
      throw error
    }
    yield* this.#sync(wake)
    free.commit(this.transaction, freeList?.pages)
    this.#state = "ended"
    this.#host.publish(new TreeVersion(meta, this.#treesAfter()))
    this.#host.ended()
  }

  *#sync(wake: () => void): Generator<"waiting", void, void> {
    const outcome: { over: boolean; fault: Error | undefined } = { over: false, fault: undefined }
    this.#host.file.syncData((fault) => {
      outcome.over = true
      outcome.fault = fault
      wake()
    })
    while (!outcome.over) yield "waiting"
    if (outcome.fault === undefined) return
    this.#host.poison("a sync failed, so nobody knows what is on disk")
    throw outcome.fault
  }

  /** Brings roots and entries into the catalog tree and returns its new root. */
  *#writeCatalog(): Generator<"more", Root | undefined, void> {
    const { base } = this.#host
    const changes: Array<CatalogChange> = []
    for (const [treeId, roots] of this.#trees) {
      const before = base.roots(treeId)
      const after = roots.filter((root) => root !== undefined)
      for (let place = 0; place < Math.max(before.length, after.length); place++) {
        const root = after[place]
        if (root === before[place]) continue
        changes.push({ key: rootKey(treeId, place), value: root === undefined ? undefined : encodeRoot(root) })
      }
    }
    for (const { key, value } of this.#entries.values()) {
      this.#releaseBlob(key)
      changes.push({ key, value: value === undefined ? undefined : this.#storedValue(value) })
      this.#budget.left -= PAGE_COST
      if (this.#budget.left <= 0) yield "more"
    }
    const changed = new Set(changes.map(({ key }) => String.fromCharCode(...key)))
    for (const [name, kept] of this.#kept) if (!changed.has(name)) changes.push(kept)
    this.#run.flush()
    return yield* this.#merge(base.meta.catalog, new ChangeSource(changes), { treeId: CATALOG_TREE, keepTombstones: false })
  }

  #storedValue(value: Uint8Array): Uint8Array {
    if (isInlineLength(value.length)) return inlineValue(value)
    this.#budget.left -= PAGE_COST * Math.ceil(value.length / 8192)
    return chainedValue(writeBlob(this.#run, this.transaction, value), value.length)
  }

  #releaseBlob(key: Uint8Array): void {
    const { base, cache, file, free } = this.#host
    if (base.meta.catalog === undefined) return
    const out = new ValueView()
    if (lookup(cache, base.meta.catalog, key, 0, key.length, out) !== PRESENT) return
    const chain = chainOf(out.bytes, out.at)
    if (chain !== undefined) readBlob(cache, file.path, chain, chain.length, (page) => free.release(page))
  }

  /** Writes the free list anew; undefined when this transaction neither took nor released a page. */
  *#writeFreeList(): Generator<"more", FreeListWriter | undefined, void> {
    const { free } = this.#host
    if (!free.isTouched) return undefined
    for (const page of free.listPages) free.release(page)
    const writer = new FreeListWriter(this.#run, free, this.transaction, this.#budget)
    yield* writer.work()
    return writer
  }

  #treesAfter(): ReadonlyMap<number, ReadonlyArray<Root>> {
    const trees = new Map(this.#host.base.trees)
    for (const [treeId, roots] of this.#trees) {
      const after = roots.filter((root) => root !== undefined)
      if (after.length === 0) trees.delete(treeId)
      else trees.set(treeId, after)
    }
    return trees
  }

  #rootsOf(treeId: number): Array<Root | undefined> {
    let roots = this.#trees.get(treeId)
    if (roots === undefined) this.#trees.set(treeId, (roots = [...this.#host.base.roots(treeId)]))
    return roots
  }

  #change(key: Uint8Array, value: Uint8Array | undefined): void {
    if (key.length === 0 || key.length > ENTRY_KEY_BYTES_MAX) {
      throw indexFault({ _tag: "InvalidEntry", message: `a catalog key has 1 to ${ENTRY_KEY_BYTES_MAX} bytes, not ${key.length}` })
    }
    const stored = entryKey(key)
    this.#entries.set(String.fromCharCode(...stored), { key: stored, value })
  }

  #stepper(work: Generator<"more", void, void>): Stepper {
    this.#assertOpen()
    return new GeneratorStepper(this.#budget, this.#guarded(work))
  }

  /** Runs work of this transaction; whatever it throws, only `abort` is left. */
  *#guarded(work: Generator<"more" | "waiting", void, void>): Generator<"more" | "waiting", void, void> {
    try {
      yield* work
    } catch (error) {
      this.#state = this.#state === "ended" ? "ended" : "failed"
      if (isFault<{ _tag: string; operation: string; code: string }>(error, "DiskFailure")) {
        const { operation, code } = error.reason
        if (operation === "write" && code !== "ENOSPC" && code !== "EDQUOT") this.#host.poison(`a write failed: ${code}`)
      }
      throw error
    }
  }

  #assertOpen(): void {
    if (this.#state !== "open") throw new Error(`a write transaction that is ${this.#state} takes no more work`)
  }
}

function assertTree(treeId: number): number {
  if (Number.isInteger(treeId) && treeId > CATALOG_TREE && treeId <= 0xffff_ffff) return treeId
  throw indexFault({ _tag: "InvalidEntry", message: `a tree cannot have number ${treeId}` })
}
