/**
 * The memtables of an engine: the active one and those that wait for their flush, with what readers look into.
 *
 * Invariants
 * - A memtable that has frozen never changes again, and stays until the trees have what is in it.
 * - `sources` is what readers of this moment take; those who have an older one keep it.
 */
import type { IndexFile } from "../Index/IndexFile.ts"
import type { ChunkAllocator } from "./Arena.ts"
import type { StorageLimits } from "./Limits.ts"
import { type Boundary, Generation, Sources } from "./Sources.ts"
import type { ValueLog } from "./ValueLog.ts"

/** What memtables are made from and stand in front of. */
export interface GenerationParts {
  readonly allocator: ChunkAllocator
  readonly index: IndexFile
  readonly values: ValueLog
  readonly limits: StorageLimits
}

export class Generations {
  active: Generation
  sources: Sources
  readonly #parts: GenerationParts

  constructor(parts: GenerationParts) {
    this.#parts = parts
    this.active = new Generation(parts.allocator, 0)
    this.sources = new Sources([this.active], parts.index, parts.values)
  }

  /** Those that wait for their flush, the newest first. */
  get frozen(): ReadonlyArray<Generation> {
    return this.sources.generations.slice(1)
  }

  /** Whether the active one has as much as it may. */
  get isFull(): boolean {
    return this.active.bytes >= this.#parts.limits.memtableBytesMax
  }

  /** Whether the active one may freeze: not too many wait for their flush. */
  get canFreeze(): boolean {
    return this.sources.generations.length <= this.#parts.limits.frozenMemtablesMax
  }

  /** Freezes the active one at `boundary` and begins another. */
  freeze(boundary: Boundary): void {
    const { active } = this
    active.boundary = boundary
    const next = new Generation(this.#parts.allocator, active.memtable.documents)
    this.#replace([next, ...this.sources.generations])
    this.active = next
  }

  /** The trees have changed: `flushed`, if any, is in them now. */
  committed(flushed: Generation | undefined): void {
    this.#replace(this.sources.generations.filter((it) => it !== flushed))
  }

  /** Gives everything back, as soon as no reader has it. */
  close(): void {
    this.sources.release()
  }

  #replace(generations: ReadonlyArray<Generation>): void {
    const old = this.sources
    this.sources = new Sources(generations, this.#parts.index, this.#parts.values)
    old.release()
  }
}
