/**
 * When a tree of the index file gets a small root before its large one, and when the small one is merged into it.
 *
 * Random keys touch nearly every leaf of a large tree, so a flush would write most of it again. It goes to a small root instead, which is
 * merged when it has grown to a share of the large one: each leaf is then written once for many flushes. A reader looks into the newest first.
 * The same holds of a tree that is not large yet and a flush that brings little, such as the last one before a stop.
 *
 * Invariants
 * - Nothing is applied to a root of which a part is merged already: a flush that comes meanwhile pushes another one.
 * - The index file says how far a merge has come (`fold/<tree>`), so that it goes on after a restart.
 */
import { FULL_BYTES } from "../Index/PageBuilder.ts"
import { ValueView } from "../Index/Entry.ts"
import { FoldPart, PRESENT } from "../Index/RootCursor.ts"
import type { SortedLookup } from "../Index/SortedLookup.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import type { TreeWriter } from "../Index/TreeWriter.ts"
import type { ReplacedValue } from "../Index/TreeMerge.ts"
import { PAGE_BYTES } from "../Index/Layout.ts"
import { KEY_BYTES } from "./Reader.ts"
import { isUnreadable } from "./Reasons.ts"
import type { StorageLimits } from "./Limits.ts"
import type { TreeWork, Pause } from "./TreeWork.ts"

/** A root is merged when it has so many times fewer pages than the one behind it, or more; while nothing is known of the flushes. */
const FOLD_FACTOR = 8
/** Bounds of what `foldFactor` says. Filters of small roots (TreeWriter.ts) are made for the least of them. */
const FOLD_FACTOR_MIN = 4
const FOLD_FACTOR_MAX = 32
/**
 * In a tree whose entries are mostly replaced a root is merged sooner: what it hides in the large one is lost space that nobody sees until they
 * are merged.
 */
const FOLD_FACTOR_REPLACING = 16
/** What a flush brings counts for the next ones too, a half of it for each: the last flush before a pause may be small. */
const ARRIVING_KEPT = 1 / 2
/** A tree this share as large as a large one gets a small root for a flush whose entries would not be merged at once. */
const SPARSE_SHARE = 1 / 8

/**
 * A part that is merged has this share of the small root's entries at the most, unless it has fewer than that: a part writes about as large a
 * share of the large root again, and the pages it gives up wait for two commits. Where entries are mostly replaced nothing else grows, so
 * less may wait.
 */
const PART_SHARE = 1 / 8
const PART_SHARE_REPLACING = 1 / 24
const PART_ENTRIES_MIN = 1024

/** Entries of a flush that are looked up to tell whether they are new: about so many are enough to tell most from few. */
const SAMPLED_MAX = 128

const IGNORED = new ValueView()
const text = new TextEncoder()
const FOLD_PREFIX = text.encode("fold/")

export class RootLists {
  readonly #index: IndexFile
  readonly #limits: Pick<StorageLimits, "directTreeBytesMax" | "foldEntriesMax">
  /** Trees of which a part is merged: the first key of the next. */
  readonly #folding = new Map<number, Uint8Array>()
  /** Trees in which the last flush has replaced more than it added. */
  readonly #replacing = new Set<number>()
  /** About as many entries as a flush brings to a tree. */
  readonly #arriving = new Map<number, number>()
  /** For every root of a tree but the oldest, oldest first: the checkpoint when it was pushed, 0 when that is not known. */
  readonly #pushedAt = new Map<number, Array<number>>()

  constructor(index: IndexFile, limits: Pick<StorageLimits, "directTreeBytesMax" | "foldEntriesMax">) {
    this.#index = index
    this.#limits = limits
    const version = index.current()
    for (const { key, value } of index.entries(version, FOLD_PREFIX)) {
      this.#folding.set(Number.parseInt(new TextDecoder().decode(key.subarray(FOLD_PREFIX.length)), 16), value)
    }
    this.settle()
  }

  /**
   * Sees to it that entries may be applied to the newest root. `first` is the lowest of their keys; a flush brings `count` of them at the
   * most, a compaction any number (Infinity), which says nothing of the flushes to come.
   */
  prepare(writer: TreeWriter, tree: number, first: Uint8Array, count: number): void {
    const roots = this.#index.current().roots(tree)
    const [newest] = roots
    if (count !== Infinity) this.#arriving.set(tree, Math.max(count, (this.#arriving.get(tree) ?? 0) * ARRIVING_KEPT))
    if (newest === undefined) return
    const isFoldedNext = roots.length === 2 && this.#folding.has(tree)
    const share = count * FOLD_FACTOR < newest.entries ? SPARSE_SHARE : 1
    const isLarge =
      roots.length === 1 && newest.pages * PAGE_BYTES > this.#limits.directTreeBytesMax * share && !this.#isBehind(tree, first)
    if (isFoldedNext || isLarge) writer.pushRoot(tree)
  }

  /** To be shown what a flush brings to a tree, `count` entries at the most; then `judge`. */
  sample(tree: number, count: number): ReplacedSample {
    return new ReplacedSample(this.#index.sortedLookup(this.#index.current(), tree), Math.ceil(count / SAMPLED_MAX))
  }

  /** Whether a tree's entries are mostly replaced is what the last flush says. */
  judge(tree: number, sample: ReplacedSample): void {
    if (sample.isReplacing) this.#replacing.add(tree)
    else this.#replacing.delete(tree)
  }

  /** The tree whose small root is to be merged next; with `isAll` every tree that has one counts. */
  next(isAll: boolean): number | undefined {
    for (const [tree, roots] of this.#index.current().trees) {
      if (roots.length < 2) continue
      const factor = foldFactor(roots.at(-1)!.entries, this.#arriving.get(tree), this.#replacing.has(tree))
      if (isAll || this.#folding.has(tree) || roots.at(-2)!.pages * factor >= roots.at(-1)!.pages) return tree
    }
    return undefined
  }

  /** Whether what came into any tree last has replaced more than it added. */
  get isReplacing(): boolean {
    return this.#replacing.size > 0
  }

  /** Entries of a tree's small root that are merged at a time. */
  partEntries(tree: number): number {
    const { entries } = this.#index.current().roots(tree).at(-2)!
    const share = this.#replacing.has(tree) ? PART_SHARE_REPLACING : PART_SHARE
    return Math.min(this.#limits.foldEntriesMax, Math.max(PART_ENTRIES_MIN, Math.ceil(entries * share)))
  }

  /** Merges the next part of a tree's small root. */
  *fold(work: TreeWork, tree: number, replaced: ReplacedValue | undefined): Generator<Pause, void, void> {
    const part = new FoldPart(this.#folding.get(tree), this.partEntries(tree), this.#replacing.has(tree) ? FULL_BYTES : 0)
    yield* work.drive(work.writer.foldRoot(tree, part, replaced))
    if (part.next === undefined) work.writer.removeEntry(foldKey(tree))
    else work.writer.setEntry(foldKey(tree), part.next)
    yield* work.commit(this.#index.current().checkpoint)
    if (part.next === undefined) this.#folding.delete(tree)
    else this.#folding.set(tree, part.next)
  }

  /** The tree is dropped with `writer`. */
  drop(writer: TreeWriter, tree: number): void {
    if (this.#folding.has(tree)) writer.removeEntry(foldKey(tree))
  }

  /** Brings what is known of the roots up to the current version; called after every commit. */
  settle(before = 0): void {
    const { trees } = this.#index.current()
    for (const [tree, roots] of trees) {
      const pushed = this.#pushedAt.get(tree) ?? []
      while (pushed.length < roots.length - 1) pushed.push(before)
      while (pushed.length > roots.length - 1) pushed.shift()
      if (pushed.length > 0) this.#pushedAt.set(tree, pushed)
      else this.#pushedAt.delete(tree)
    }
    for (const tree of this.#pushedAt.keys()) if (!trees.has(tree)) this.#pushedAt.delete(tree)
    for (const tree of this.#folding.keys()) if (!trees.has(tree)) this.#folding.delete(tree)
    for (const tree of this.#replacing) if (!trees.has(tree)) this.#replacing.delete(tree)
    for (const tree of this.#arriving.keys()) if (!trees.has(tree)) this.#arriving.delete(tree)
  }

  /** The LSN up to which everything that was removed is gone from the oldest roots too. */
  get foldedLsn(): number {
    let lsn = Infinity
    for (const [oldest] of this.#pushedAt.values()) lsn = Math.min(lsn, oldest ?? Infinity)
    return lsn
  }

  /** Whether a key comes behind everything in a tree: what begins with it touches no more than the tree's end. */
  #isBehind(tree: number, key: Uint8Array): boolean {
    const last = this.#index.cursor(this.#index.current(), tree)
    if (!last.last()) return true
    return Buffer.compare(last.key.subarray(0, last.keyLength), key) < 0
  }
}

/**
 * Looks some of the entries of a flush up in their tree, in the order of their keys, to tell how many of them are new. Where the tree cannot be
 * read they count as new: a flush that goes to another root is not to fail for that.
 */
export class ReplacedSample {
  readonly #lookup: Pick<SortedLookup, "find">
  readonly #stride: number
  #seen = 0
  #replaced = 0

  /** Of `stride` entries one is looked up. */
  constructor(lookup: Pick<SortedLookup, "find">, stride: number) {
    this.#lookup = lookup
    this.#stride = stride
  }

  /** The next entry has the key `key[at, at + KEY_BYTES)`. */
  see(key: Uint8Array, at: number): void {
    if (this.#seen++ % this.#stride === 0 && this.#isThere(key, at)) this.#replaced++
  }

  #isThere(key: Uint8Array, at: number): boolean {
    try {
      return this.#lookup.find(key, at, KEY_BYTES, IGNORED) === PRESENT
    } catch (error) {
      if (!isUnreadable(error)) throw error
      return false
    }
  }

  /** Whether more of them were there than were not. */
  get isReplacing(): boolean {
    return this.#replaced * 2 > Math.ceil(this.#seen / this.#stride)
  }
}

/**
 * At which part of a large root of `entries` a small one is merged. An entry that comes with flushes of `arriving` is written, with what lies
 * beside it, about small / (2 x arriving) times while the small root grows, and entries / small times when it is merged: least when the
 * small root has the square root of 2 x arriving x entries.
 */
export function foldFactor(entries: number, arriving: number | undefined, isReplacing: boolean): number {
  const least = arriving === undefined ? FOLD_FACTOR : Math.sqrt(entries / (2 * Math.max(1, arriving)))
  const factor = Math.min(FOLD_FACTOR_MAX, Math.max(FOLD_FACTOR_MIN, least))
  return isReplacing ? Math.max(FOLD_FACTOR_REPLACING, factor) : factor
}

function foldKey(tree: number): Uint8Array {
  return text.encode(`fold/${tree.toString(16).padStart(8, "0")}`)
}
