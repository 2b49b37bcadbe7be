/**
 * Memory of simulated processes, all of which ends with them: it serves the next one.
 *
 * Invariants
 * - Nothing of a process that has ended is used any more. What it left in a chunk is there for whoever takes it next, as in a real pool.
 */
import { ChunkAllocator } from "../../src/Storage/Arena.ts"

const POOLED_CHUNKS_MAX = 256

const POOL = new ChunkAllocator({ shared: false, pooledChunksMax: POOLED_CHUNKS_MAX })

export class Chunks extends ChunkAllocator {
  readonly #taken = new Set<ArrayBufferLike>()

  constructor() {
    super({ shared: false, pooledChunksMax: 0 })
  }

  override take(bytes: number): ArrayBufferLike {
    const chunk = POOL.take(bytes)
    this.#taken.add(chunk)
    return chunk
  }

  override give(chunk: ArrayBufferLike): void {
    if (this.#taken.delete(chunk)) POOL.give(chunk)
  }

  /** The process is gone. */
  end(): void {
    for (const chunk of this.#taken) POOL.give(chunk)
    this.#taken.clear()
  }
}
