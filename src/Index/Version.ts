/**
 * A version: all trees as one commit left them.
 *
 * Invariants
 * - A version never changes. Its pages stay as they are while it is pinned, and while it is the current one or the one before.
 * - Every tree is a list of roots, the newest first. An entry hides those under its key in the roots behind it; a tombstone says that
 *   there is none. The last root has no tombstones.
 */
import type { KeyFilter } from "./KeyFilter.ts"
import type { Checkpoint, Meta } from "./Meta.ts"

/** Where a tree (one of a list) begins, and how large it is. `entries` counts tombstones too. */
export interface Root {
  readonly page: number
  readonly checksum: number
  readonly level: number
  readonly entries: number
  readonly pages: number
  /** Of a root before others: which keys it does not have. None when the root was not changed since the file was opened. */
  readonly filter?: KeyFilter | undefined
}

/** The tree number of the catalog; those of Storage begin at 1. */
export const CATALOG_TREE = 0
/** Roots of one tree. A flush adds to the newest and merges long before there are that many. */
export const ROOTS_MAX = 8

/** All trees at one commit. */
export class TreeVersion {
  readonly meta: Meta
  readonly #trees: ReadonlyMap<number, ReadonlyArray<Root>>
  #pins = 0

  constructor(meta: Meta, trees: ReadonlyMap<number, ReadonlyArray<Root>>) {
    this.meta = meta
    this.#trees = trees
  }

  /** Number of the commit, +1 for each. */
  get transaction(): number {
    return this.meta.transaction
  }

  get checkpoint(): Checkpoint {
    return this.meta.checkpoint
  }

  get trees(): ReadonlyMap<number, ReadonlyArray<Root>> {
    return this.#trees
  }

  /** The roots of a tree, newest first; none when nothing was ever applied to it. */
  roots(treeId: number): ReadonlyArray<Root> {
    return this.#trees.get(treeId) ?? NO_ROOTS
  }

  get pinned(): boolean {
    return this.#pins > 0
  }

  pin(): void {
    this.#pins++
  }

  unpin(): void {
    if (this.#pins === 0) throw new Error("a version was unpinned more often than pinned")
    this.#pins--
  }
}

const NO_ROOTS: ReadonlyArray<Root> = []
