/**
 * The index file of a database: named versions of all its trees, one writer at a time, any number of readers.
 *
 * Invariants
 * - What the valid meta with the higher transaction reaches is the database; everything else in the file is free.
 * - Opening for update writes that meta once more and syncs before anything else, so that what was read is also on disk (after a failed
 *   sync it may only have been in the system's memory). In place of one that could not be used it is written too, and synced after that: so
 *   there are two again.
 * - A version may be read while it is pinned, and without a pin while it is the current one or the one before.
 */
import type { File, SyncDone, Volume } from "../Disk/Volume.ts"
import { parentOf } from "../Disk/Volume.ts"
import { Fault, isFault } from "../Fault/Fault.ts"
import { chainOf, entryKey, readRoots } from "./Catalog.ts"
import { readBlob, readFreeList } from "./Chain.ts"
import { ValueView } from "./Entry.ts"
import { indexFault } from "./Errors.ts"
import { FreePages, isReleased } from "./FreePages.ts"
import { META_BYTES, PAGE_BYTES } from "./Layout.ts"
import { MergeMemory } from "./MergeMemory.ts"
import { MergedCursor } from "./MergedCursor.ts"
import type { Checkpoint, Meta } from "./Meta.ts"
import { EMPTY_CHECKPOINT, decodeMeta, encodeMeta, metaOffset } from "./Meta.ts"
import { PageCache } from "./PageCache.ts"
import { PageFrames } from "./PageFrames.ts"
import { PageRun } from "./PageRun.ts"
import { DELETED, PRESENT, RootCursor, lookup } from "./RootCursor.ts"
import { SortedLookup } from "./SortedLookup.ts"
import type { TreeCursor } from "./TreeCursor.ts"
import { TreeWriter } from "./TreeWriter.ts"
import { ValueWalk } from "./ValueWalk.ts"
import { TreeVersion } from "./Version.ts"

export interface IndexFileOptions {
  readonly volume: Volume
  readonly path: string
  /** Memory for pages, in bytes; 512 KiB to 2 GiB, cut to that. */
  readonly cacheBytes: number
  /** `update` unless given. A file opened with `read` is never written to. */
  readonly mode?: "read" | "update"
  /** Fewest bytes cut from the end of the file at once; 1 MiB unless given. */
  readonly trimBytesMin?: number
  /** Memory for pages that is shared with other files; then `cacheBytes` does not count. */
  readonly frames?: PageFrames
}

const TRIM_BYTES_MIN = 1024 * 1024

export interface NewIndexFile extends IndexFileOptions {
  /** 16 bytes. */
  readonly databaseId: Uint8Array
  /** 16 bytes. */
  readonly timeline: Uint8Array
  /** A random u32 that every checksum of the file starts from. */
  readonly salt: number
}

/** One of the two metas could not be used; the other one counts, and nothing is lost: the log still has what it misses. */
export interface MetaFallback {
  /** The transaction the file was opened at. */
  readonly transaction: number
  readonly message: string
}

export interface TreeStatistics {
  readonly roots: number
  /** Entries of all roots, tombstones included. */
  readonly entries: number
  readonly pages: number
}

/** Told the outcome of `create` and `open`: exactly one of the two is there. */
export type IndexFileDone = (fault: Fault | undefined, file: IndexFile | undefined) => void

/** What the two blocks at the start of the file say. */
interface Metas {
  readonly candidates: ReadonlyArray<Meta>
  readonly problem: string | undefined
}

export class IndexFile {
  /** Set when the newest meta (or what it points at) could not be used. */
  readonly fallback: MetaFallback | undefined
  readonly #file: File
  readonly #cache: PageCache
  readonly #free: FreePages
  /** Both made with the first transaction, and kept: large buffers made anew make the garbage collector stop everything more often. */
  #run: PageRun | undefined
  #memory: MergeMemory | undefined
  readonly #pinned = new Set<TreeVersion>()
  #current: TreeVersion
  #older: Meta
  #writer: TreeWriter | undefined
  /** Pages the file has at least as much room for. */
  #filePages: number
  /** For others to read: whether the file is being cut, so that a page written now could be lost. */
  isCutting = false
  #cutDone: (() => void) | undefined
  #poisoned: string | undefined

  private constructor(loaded: Loaded, older: Meta, fallback: MetaFallback | undefined, poisoned: string | undefined) {
    this.#file = loaded.file
    this.#cache = loaded.cache
    this.#free = loaded.free
    this.#current = loaded.version
    this.#older = older
    this.#filePages = Math.max(loaded.version.meta.pageCount, older.pageCount)
    this.fallback = fallback
    this.#poisoned = poisoned
  }

  /** Creates the file (it must not exist) with no tree in it, on disk when `done` is called. A fault leaves an empty or partial file behind. */
  static create(options: NewIndexFile, done: IndexFileDone): void {
    const { volume, path, databaseId, timeline, salt } = options
    settle(done, () => {
      if (databaseId.length !== 16 || timeline.length !== 16) {
        throw indexFault({ _tag: "InvalidEntry", message: "a database id and a timeline have 16 bytes" })
      }
      const file = volume.open(path, "create")
      const checkpoint = EMPTY_CHECKPOINT
      const empty = { databaseId, timeline, salt: salt >>> 0, pageCount: 1, checkpoint, catalog: undefined }
      const meta: Meta = { ...empty, transaction: 1, freeListPage: 0, freeListChecksum: 0, freePages: 0 }
      for (const transaction of [0, 1]) file.writeAt(metaOffset(transaction), encodeMeta({ ...meta, transaction }))
      whenSynced(
        done,
        file,
        (then) => file.syncData(then),
        () => {
          whenSynced(
            done,
            file,
            (then) => volume.syncDirectory(parentOf(path), then),
            () => {
              done(undefined, new IndexFile(load(file, meta, options), meta, undefined, undefined))
            }
          )
        }
      )
    })
  }

  /** Opens the file at its newest whole commit. Pages behind the end of both metas (a crash left them) are cut off. */
  static open(options: IndexFileOptions, done: IndexFileDone): void {
    settle(done, () => {
      const reading = options.mode === "read"
      const file = options.volume.open(options.path, reading ? "read" : "update")
      try {
        const { loaded, meta, older, fallback } = loadNewest(file, options)
        const open = (poisoned: string | undefined) => new IndexFile(loaded, older, fallback, poisoned)
        if (reading) {
          queueMicrotask(() => done(undefined, open("it is open for reading only")))
          return
        }
        const pages = Math.max(meta.pageCount, older.pageCount)
        if (file.size() > pages * PAGE_BYTES) file.truncate(pages * PAGE_BYTES)
        const sync = (then: SyncDone) => file.syncData(then)
        file.writeAt(metaOffset(meta.transaction), encodeMeta(meta))
        whenSynced(done, file, sync, () => {
          if (fallback === undefined) return done(undefined, open(undefined))
          file.writeAt(metaOffset(meta.transaction + 1), encodeMeta(meta))
          whenSynced(done, file, sync, () => done(undefined, open(undefined)))
        })
      } catch (error) {
        file.close()
        throw error
      }
    })
  }

  get databaseId(): Uint8Array {
    return this.#current.meta.databaseId
  }

  get timeline(): Uint8Array {
    return this.#current.meta.timeline
  }

  /** Why nothing may be written, when that is so. */
  get poisoned(): string | undefined {
    return this.#poisoned
  }

  /** Size of the file in bytes, as of the current version. */
  get sizeBytes(): number {
    return this.#current.meta.pageCount * PAGE_BYTES
  }

  /** The version of the last commit. */
  current(): TreeVersion {
    return this.#current
  }

  /** The checkpoint of the meta before the current one: what it does not cover must stay in the log and the value segments. */
  olderCheckpoint(): Checkpoint {
    return this.#older.checkpoint
  }

  /** The version of that meta, for its catalog entries; what they say may be damaged although the file could be opened. */
  older(): TreeVersion {
    return new TreeVersion(this.#older, new Map())
  }

  /** Whether neither a meta nor a pinned version reaches anything that the commit of `transaction` stopped using. */
  released(transaction: number): boolean {
    return isReleased(transaction, this.#current.transaction + 1, this.#oldestPinned())
  }

  /** Keeps a version readable until `unpin`; pins count. The version must still be readable. */
  pin(version: TreeVersion): void {
    this.#assertReadable(version)
    version.pin()
    this.#pinned.add(version)
  }

  unpin(version: TreeVersion): void {
    version.unpin()
    if (!version.pinned) this.#pinned.delete(version)
  }

  /** Looks up a key. Without it `out` stays as it was; with it `out` shows the value until the next call on this file. */
  get(version: TreeVersion, treeId: number, key: Uint8Array, keyAt: number, keyLength: number, out: ValueView): boolean {
    this.#assertReadable(version)
    for (const root of version.roots(treeId)) {
      if (root.filter?.mayHave(key, keyAt, keyLength) === false) continue
      const found = lookup(this.#cache, root, key, keyAt, keyLength, out)
      if (found === PRESENT) return true
      if (found === DELETED) return false
    }
    return false
  }

  /** For lookups in the order of the keys. */
  sortedLookup(version: TreeVersion, treeId: number): SortedLookup {
    return new SortedLookup(this.#cache, version.roots(treeId), () => this.#assertReadable(version))
  }

  /** A cursor over a tree, over none of its entries when it does not exist. */
  cursor(version: TreeVersion, treeId: number): TreeCursor {
    const roots = version.roots(treeId)
    const guard = () => this.#assertReadable(version)
    const only = roots[0]
    if (roots.length === 1 && only !== undefined) return new RootCursor(this.#cache, only, guard)
    return new MergedCursor(roots.map((root) => new RootCursor(this.#cache, root, guard)))
  }

  /** Every value the roots of a tree hold. */
  values(version: TreeVersion, treeId: number): ValueWalk {
    return new ValueWalk(this.#cache, version.roots(treeId), () => this.#assertReadable(version))
  }

  statistics(version: TreeVersion, treeId: number): TreeStatistics {
    const roots = version.roots(treeId)
    return {
      roots: roots.length,
      entries: roots.reduce((sum, root) => sum + root.entries, 0),
      pages: roots.reduce((sum, root) => sum + root.pages, 0)
    }
  }

  /** A catalog entry, in memory of its own. */
  entry(version: TreeVersion, key: Uint8Array): Uint8Array | undefined {
    const catalog = version.meta.catalog
    this.#assertReadable(version)
    if (catalog === undefined) return undefined
    const stored = entryKey(key)
    const out = new ValueView()
    if (lookup(this.#cache, catalog, stored, 0, stored.length, out) !== PRESENT) return undefined
    return this.#entryValue(out.bytes, out.at, out.length)
  }

  /** The path of the file. */
  get path(): string {
    return this.#file.path
  }

  /** All catalog entries whose key begins with `prefix`, in key order, in memory of their own. */
  entries(version: TreeVersion, prefix: Uint8Array): Array<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    const found: Array<{ readonly key: Uint8Array; readonly value: Uint8Array }> = []
    const catalog = version.meta.catalog
    if (catalog === undefined) return found
    const low = entryKey(prefix)
    const cursor = new RootCursor(this.#cache, catalog, () => this.#assertReadable(version))
    for (let on = cursor.seekAtLeast(low, 0, low.length); on; on = cursor.next()) {
      if (cursor.keyLength < low.length || low.some((byte, index) => cursor.key[index] !== byte)) break
      found.push({ key: cursor.key.slice(1, cursor.keyLength), value: this.#entryValue(cursor.value, 0, cursor.valueLength) })
    }
    return found
  }

  /** Opens the write transaction; there is one at a time. */
  beginWrite(): TreeWriter {
    const file = this.#file.path
    if (this.#poisoned !== undefined) throw indexFault({ _tag: "IndexPoisoned", file, message: `${file}: ${this.#poisoned}` })
    if (this.#writer !== undefined || this.isCutting) throw indexFault({ _tag: "IndexBusy", file })
    this.#free.begin(this.#current.transaction + 1, this.#oldestPinned())
    this.#run ??= new PageRun(this.#file, this.#cache, this.#free, this.#current.meta.salt)
    this.#memory ??= new MergeMemory(this.#run)
    this.#writer = new TreeWriter({
      file: this.#file,
      cache: this.#cache,
      free: this.#free,
      run: this.#run,
      memory: this.#memory,
      base: this.#current,
      publish: (version) => {
        this.#older = this.#current.meta
        this.#current = version
        this.#cut()
      },
      poison: (message) => {
        this.#poisoned ??= message
      },
      ended: () => {
        this.#writer = undefined
      }
    })
    return this.#writer
  }

  /**
   * From now on the file is cut without keeping the calling thread. Whoever asks for that begins no transaction while `isCutting`; `done` is called when it may.
   */
  cutMeanwhile(done: () => void): void {
    this.#cutDone = done
  }

  /** Gives the file back. An open transaction must be over. */
  close(): void {
    if (this.#writer !== undefined) throw indexFault({ _tag: "IndexBusy", file: this.#file.path })
    // What was kept for readers goes; unless the newest meta on disk may be another one.
    this.#cutDone = undefined
    if (this.#poisoned === undefined) this.#cut()
    this.#cache.close()
    this.#file.close()
  }

  /**
   * Gives the pages back that both metas and every pinned version have let go of, be they free in it: a backup copies all of them. When that
   * fails, the next commit tries again.
   */
  #cut(): void {
    if (this.isCutting) return
    let pages = Math.max(this.#current.meta.pageCount, this.#older.pageCount)
    for (const version of this.#pinned) pages = Math.max(pages, version.meta.pageCount)
    if (pages < this.#filePages) {
      if (this.#cutDone !== undefined) return this.#startCut(pages)
      try {
        this.#file.truncate(pages * PAGE_BYTES)
      } catch (error) {
        if (!isFault(error, "DiskFailure")) throw error
        return
      }
    }
    this.#filePages = pages
  }

  #startCut(pages: number): void {
    this.isCutting = true
    this.#file.truncateAndSync(pages * PAGE_BYTES, (fault) => {
      this.isCutting = false
      if (fault === undefined) this.#filePages = pages
      else if (fault.reason.operation !== "truncate") this.#poisoned ??= "a sync failed, so nobody knows what is on disk"
      this.#cutDone?.()
    })
  }

  #entryValue(bytes: Uint8Array, at: number, length: number): Uint8Array {
    const chain = chainOf(bytes, at)
    if (chain === undefined) return bytes.slice(at + 1, at + length)
    return readBlob(this.#cache, this.#file.path, chain, chain.length)
  }

  #oldestPinned(): number {
    let oldest = Infinity
    for (const version of this.#pinned) oldest = Math.min(oldest, version.transaction)
    return oldest
  }

  #assertReadable(version: TreeVersion): void {
    if (version.pinned || version.transaction >= this.#current.transaction - 1) return
    throw indexFault({ _tag: "VersionGone", transaction: version.transaction })
  }
}

/** A file with everything in memory that a meta leads to. */
interface Loaded {
  readonly file: File
  readonly cache: PageCache
  readonly free: FreePages
  readonly version: TreeVersion
}

function load(file: File, meta: Meta, options: IndexFileOptions): Loaded {
  const cache = new PageCache(file, meta.salt, options.frames ?? new PageFrames(options.cacheBytes))
  try {
    return loadInto(cache, file, meta, options)
  } catch (error) {
    cache.close()
    throw error
  }
}

function loadInto(cache: PageCache, file: File, meta: Meta, options: IndexFileOptions): Loaded {
  const free = new FreePages(file.path, meta.pageCount, Math.ceil((options.trimBytesMin ?? TRIM_BYTES_MIN) / PAGE_BYTES))
  const trees = meta.catalog === undefined ? new Map() : readRoots(new RootCursor(cache, meta.catalog, () => {}))
  const listPages: Array<number> = []
  readFreeList(
    cache,
    file.path,
    { page: meta.freeListPage, checksum: meta.freeListChecksum },
    (page) => listPages.push(page),
    (first, count, by) => {
      for (let page = first; page < first + count; page++) free.restore(page, by, meta.transaction)
    }
  )
  free.restoreList(listPages)
  return { file, cache, free, version: new TreeVersion(meta, trees) }
}

/** Loads the newest meta that is whole with all that has to be read to open it; the other one when it is not. */
function loadNewest(
  file: File,
  options: IndexFileOptions
): { loaded: Loaded; meta: Meta; older: Meta; fallback: MetaFallback | undefined } {
  const { candidates, problem } = readMetas(file)
  let message = problem
  for (const [index, meta] of candidates.entries()) {
    try {
      if (file.size() < meta.pageCount * PAGE_BYTES) {
        throw indexFault({
          _tag: "Damage",
          file: file.path,
          page: 0,
          offset: file.size(),
          message: "the file is shorter than its meta says"
        })
      }
      const loaded = load(file, meta, options)
      const fallback = message === undefined ? undefined : { transaction: meta.transaction, message }
      const other = candidates[index + 1]
      // Of a commit further back pages may have been written over; that it is there says that the disk has lost a meta.
      const older = other !== undefined && other.transaction >= meta.transaction - 1 ? other : meta
      return { loaded, meta, older, fallback }
    } catch (error) {
      if (!isFault<{ _tag: string; message: string }>(error, "Damage") || index + 1 === candidates.length) throw error
      message = error.reason.message
    }
  }
  throw indexFault({ _tag: "Damage", file: file.path, page: 0, offset: 0, message: message ?? "neither meta can be used" })
}

/** The valid metas, newest first, and what is wrong with the one that is not. */
function readMetas(file: File): Metas {
  const block = new Uint8Array(2 * META_BYTES)
  file.readAt(0, block)
  const candidates: Array<Meta> = []
  let problem: string | undefined
  for (const at of [0, META_BYTES]) {
    const meta = decodeMeta(block.subarray(at, at + META_BYTES), file.path)
    if (typeof meta === "string") problem = `meta at offset ${at}: ${meta}`
    else candidates.push(meta)
  }
  candidates.sort((a, b) => b.transaction - a.transaction)
  return { candidates, problem }
}

/** Runs the synchronous part of an opening; its Fault goes to `done` like any later one. */
function settle(done: IndexFileDone, work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    queueMicrotask(() => done(error, undefined))
  }
}

function whenSynced(done: IndexFileDone, file: File, sync: (then: SyncDone) => void, next: () => void): void {
  sync((fault) => {
    if (fault !== undefined) {
      file.close()
      done(fault, undefined)
      return
    }
    try {
      next()
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      file.close()
      done(error, undefined)
    }
  })
}
