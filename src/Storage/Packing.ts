/**
 * Packing the trees of the index file: leaves that random keys have split are written again as full pages, some hundred in one transaction.
 *
 * Invariants
 * - It ends: it goes once through the trees there are when it begins, by key. A tree that cannot be read is left as it is.
 */
import type { IndexFile } from "../Index/IndexFile.ts"
import { PackPart } from "../Index/LooseLeaves.ts"
import type { Pause, TreeWork } from "./TreeWork.ts"

/** Leaves packed in one transaction: 4 MiB. */
const LEAVES_MAX = 512

export class Packing {
  readonly #index: IndexFile
  readonly #trees: Array<{ readonly tree: number; readonly from: Uint8Array | undefined }>

  constructor(index: IndexFile) {
    this.#index = index
    this.#trees = [...index.current().trees.keys()].map((tree) => ({ tree, from: undefined }))
  }

  /** Whether there is a transaction to be made. */
  get isDue(): boolean {
    return this.#trees.length > 0
  }

  /** Packs the next part. */
  *pack(work: TreeWork): Generator<Pause, void, void> {
    // Taken out until the part is on disk: work that fails is not begun again.
    const { tree, from } = this.#trees.shift()!
    const part = new PackPart(from, LEAVES_MAX)
    yield* work.drive(work.writer.pack(tree, part))
    yield* work.syncValues()
    yield* work.commit(this.#index.current().checkpoint)
    if (part.next !== undefined) this.#trees.unshift({ tree, from: part.next })
  }
}
