/**
 * When a tree of the index file gets a small root before its large one, and when the small one is merged into it.
 *
 * Random keys touch nearly every leaf of a large tree, so a flush would write most of it again. It goes to a small root instead, which is
 * merged when it has grown to about an eighth: each leaf is then written once for many flushes. A reader looks into the newest first. The
 * same holds of a tree that is not large yet and a flush that brings little, such as the last one before a stop.
 *
 * Invariants
 * - Nothing is applied to a root of which a part is merged already: a flush that comes meanwhile pushes another one.
 * - The index file says how far a merge has come (`fold/<tree>`), so that it goes on after a restart.
 */
import { FULL_BYTES } from "../Index/PageBuilder.ts"
import { FoldPart } from "../Index/RootCursor.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import type { TreeWriter } from "../Index/TreeWriter.ts"
import type { ReplacedValue } from "../Index/TreeMerge.ts"
import { PAGE_BYTES } from "../Index/Layout.ts"
import type { StorageLimits } from "./Limits.ts"
import type { TreeWork, Pause } from "./TreeWork.ts"

/**
 * A root is merged when it has so many times fewer pages than the one behind it, or more. In a tree whose entries are mostly replaced sooner:
 * what a small root hides in the large one is lost space that nobody sees until they are merged.
 */
const FOLD_FACTOR = 8
const FOLD_FACTOR_REPLACING = 16
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

const text = new TextEncoder()
const FOLD_PREFIX = text.encode("fold/")

export class RootLists {
  readonly #index: IndexFile
  readonly #limits: Pick<StorageLimits, "directTreeBytesMax" | "foldEntriesMax">
  /** Trees of which a part is merged: the first key of the next. */
  readonly #folding = new Map<number, Uint8Array>()
  /** Trees in which what came into their oldest root last has replaced more than it added. */
  readonly #replacing = new Set<number>()
  /** Trees whose oldest root is changed now: its entries before, and how many values were replaced in it. */
  readonly #changing = new Map<number, { readonly entriesBefore: number; replaced: number }>()
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
   * Sees to it that entries may be applied to the newest root. `first` is the lowest of their keys; there are `count` of them at the most.
   * True when that root is the only one.
   */
  prepare(writer: TreeWriter, tree: number, first: Uint8Array, count: number): boolean {
    const roots = this.#index.current().roots(tree)
    const [newest] = roots
    if (newest === undefined) return true
    const isFoldedNext = roots.length === 2 && this.#folding.has(tree)
    const share = count * FOLD_FACTOR < newest.entries ? SPARSE_SHARE : 1
    const isLarge =
      roots.length === 1 && newest.pages * PAGE_BYTES > this.#limits.directTreeBytesMax * share && !this.#isBehind(tree, first)
    if (isFoldedNext || isLarge) writer.pushRoot(tree)
    return roots.length === 1 && !isLarge
  }

  /** To be told what is replaced in a tree's oldest root: it counts that, and tells `replaced`. What work that is given up has counted may count once more. */
  counting(tree: number, replaced: ReplacedValue): ReplacedValue {
    const change = { entriesBefore: this.#entriesOf(tree), replaced: 0 }
    this.#changing.set(tree, change)
    return (bytes, at, length) => {
      change.replaced++
      replaced(bytes, at, length)
    }
  }

  /** The tree whose small root is to be merged next; with `isAll` every tree that has one counts. */
  next(isAll: boolean): number | undefined {
    for (const [tree, roots] of this.#index.current().trees) {
      if (roots.length < 2) continue
      const factor = this.#replacing.has(tree) ? FOLD_FACTOR_REPLACING : FOLD_FACTOR
      if (isAll || this.#folding.has(tree) || roots.at(-2)!.pages * factor >= roots.at(-1)!.pages) return tree
    }
    return undefined
  }

  /** Whether what came into the oldest root of any tree last has replaced more than it added. */
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
    yield* work.drive(work.writer.foldRoot(tree, part, replaced && this.counting(tree, replaced)))
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
    for (const [tree, { entriesBefore, replaced }] of this.#changing) {
      if (replaced > this.#entriesOf(tree) - entriesBefore) this.#replacing.add(tree)
      else this.#replacing.delete(tree)
    }
    this.#changing.clear()
    for (const tree of this.#replacing) if (!trees.has(tree)) this.#replacing.delete(tree)
  }

  /** The LSN up to which everything that was removed is gone from the oldest roots too. */
  get foldedLsn(): number {
    let lsn = Infinity
    for (const [oldest] of this.#pushedAt.values()) lsn = Math.min(lsn, oldest ?? Infinity)
    return lsn
  }

  /** Entries of the oldest root. */
  #entriesOf(tree: number): number {
    return this.#index.current().roots(tree).at(-1)?.entries ?? 0
  }

  /** Whether a key comes behind everything in a tree: what begins with it touches no more than the tree's end. */
  #isBehind(tree: number, key: Uint8Array): boolean {
    const last = this.#index.cursor(this.#index.current(), tree)
    if (!last.last()) return true
    return Buffer.compare(last.key.subarray(0, last.keyLength), key) < 0
  }
}

function foldKey(tree: number): Uint8Array {
  return text.encode(`fold/${tree.toString(16).padStart(8, "0")}`)
}
