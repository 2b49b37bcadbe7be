/**
 * What merges of trees work in: opened pages, builders, a patch. Kept from one merge to the next, since large buffers made anew make the garbage
 * collector stop everything more often.
 *
 * Invariants
 * - One merge has it at a time, from `begin` until the next `begin`; what one that failed left in it counts no more.
 * - At most LEVELS_MAX builders and one position more are kept.
 */
import type { Budget } from "./Entry.ts"
import { PAGE_COST } from "./Entry.ts"
import { HEAD_BYTES, KEY_BYTES_MAX, LEVELS_MAX, copyBytes, pageMemory } from "./Layout.ts"
import { LeafPatch } from "./LeafPatch.ts"
import { PageBuilder } from "./PageBuilder.ts"
import type { PageRun } from "./PageRun.ts"

/** A key with room for a head behind it. */
export class KeyBuffer {
  readonly bytes = new Uint8Array(KEY_BYTES_MAX + HEAD_BYTES)
  length = 0

  set(from: Uint8Array, at: number, length: number): void {
    copyBytes(from, at, this.bytes, 0, length)
    this.length = length
  }
}

/** Where the walk stands in one opened page. */
export class Position {
  /** The page itself; nothing that counts in the position above the root. */
  readonly memory = pageMemory(1)
  level = 0
  count = 0
  slot = 0
  /** Lower bound of the page; its parent's separator. */
  readonly separator = new KeyBuffer()
  /** Upper bound of the page, when there is one. */
  readonly upper = new KeyBuffer()
  bounded = false

  /** A position in no page. */
  reset(): void {
    this.level = 0
    this.count = 0
    this.slot = 0
    this.separator.length = 0
    this.upper.length = 0
    this.bounded = false
  }
}

export class MergeMemory {
  readonly lastKey = new KeyBuffer()
  readonly scratch = new KeyBuffer()
  readonly patch = new LeafPatch()
  readonly #run: PageRun
  readonly #builders: Array<PageBuilder> = []
  readonly #positions: Array<Position> = []
  #levels = 0
  #treeId = 0
  #transaction = 0
  #budget: Budget | undefined

  /** Pages that are built go to `run`. */
  constructor(run: PageRun) {
    this.#run = run
  }

  /** Levels that the merge under way has builders for. */
  get levels(): number {
    return this.#levels
  }

  /** For another merge, with nothing in it. Every page that it builds counts in `budget`. */
  begin(treeId: number, transaction: number, budget: Budget): void {
    this.#treeId = treeId
    this.#transaction = transaction
    this.#budget = budget
    this.#levels = 0
    this.lastKey.length = 0
    this.scratch.length = 0
    for (const position of this.#positions) position.reset()
  }

  position(index: number): Position {
    if (index > LEVELS_MAX) throw new Error("a tree has more levels than it can have")
    while (this.#positions.length <= index) this.#positions.push(new Position())
    return this.#positions[index]!
  }

  /** The builder of a level; those below it are there already, or begin with it. */
  builder(level: number): PageBuilder {
    while (this.#levels <= level) this.#beginBuilder(this.#levels++)
    return this.#builders[level]!
  }

  #beginBuilder(level: number): void {
    const builder = (this.#builders[level] ??= new PageBuilder(this.#run, level, (separator, length, page, checksum) => {
      this.#budget!.left -= PAGE_COST
      this.builder(level + 1).addChild(separator, length, page, checksum)
    }))
    builder.begin(this.#treeId, this.#transaction)
  }
}
