/**
 * The memory that the databases of one process share: memtables, index pages, documents read from disk, places, and what waits for the log.
 *
 * Invariants
 * - Of each a quarter is divided evenly, so that every database has a part that is sure to it; the rest goes to whoever needs it, and one
 *   database alone may have everything. What was not used lately goes out of the caches, whosever it is.
 * - Memtables may fill half of their memory before the largest of those that are written to has to be flushed; the other half is for those
 *   that wait for it. Writers of a database that has more than its sure part wait before all together have more than there is.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { cacheBytesDefault } from "../Config/Memory.ts"
import { PageFrames } from "../Index/PageFrames.ts"
import { AccountedChunks, CHUNK_BYTES, ChunkAllocator } from "./Arena.ts"
import { BlockCache } from "./BlockCache.ts"
import { DEFAULT_LIMITS, type StorageLimits } from "./Limits.ts"
import { PlaceTable } from "./PlaceTable.ts"
import { type Part, Pool } from "./Pool.ts"
import { storageFault } from "./Reasons.ts"

/** The limits that hold for all databases of a process together; `frozenMemtablesMax` says how many memtables wait at most of each one. */
export type BudgetLimits = Pick<
  StorageLimits,
  "memtableBytesMax" | "frozenMemtablesMax" | "indexCacheBytesMax" | "valueCacheBytesMax" | "placeCacheBytesMax" | "logStagingBytesMax"
>

/** Least part of the memtables' memory that has to be sure to a database: an empty one takes most of that. */
export const SURE_MEMTABLE_BYTES_MIN = 4 * CHUNK_BYTES
/** Share of the memtables' memory that may be written to; the rest waits for its flush. */
const ACTIVE_SHARE = 1 / 2
/** Chunks of 256 KiB kept for the next memtable, of whichever database: about one memtable. */
const POOLED_CHUNKS_MAX = 160

/** What one database has of the budget. */
export class BudgetShare {
  /** Memory of its memtables. */
  readonly allocator: AccountedChunks
  readonly memtables: Part
  readonly staging: Part
  readonly budget: ProcessBudget
  // For its engine to say.
  /** Bytes of the memtable that is written to. */
  activeBytes: () => number = () => 0
  /** Called when `isDue` has become true, and when there is room again. */
  wake: () => void = () => {}
  /** Gives back what the log's staging does not need. */
  reclaimStaging: () => void = () => {}
  /** Whether its memtable has to be flushed, as the largest, before it is full. Reset by whoever does so. */
  isDue = false

  /** Use `ProcessBudget.join`. */
  constructor(budget: ProcessBudget) {
    this.budget = budget
    const roomMade = (): void => this.wake()
    this.memtables = budget.memtables.join({ roomMade })
    this.staging = budget.staging.join({ roomMade, reclaim: () => this.reclaimStaging() })
    this.allocator = new AccountedChunks(budget.chunks, {
      take: (bytes) => {
        this.memtables.take(bytes)
        budget.look()
      },
      give: (bytes) => this.memtables.give(bytes)
    })
  }

  /** Whether its writers have to wait until memtables, of this database or others, are flushed. */
  get mustWait(): boolean {
    return this.memtables.isShared && !this.memtables.hasRoom(CHUNK_BYTES)
  }
}

/** Bytes that the databases of a process have now, and of which at most. */
export interface BudgetState {
  readonly databases: number
  readonly memtables: HeldBytes
  readonly indexPages: HeldBytes
  readonly values: HeldBytes
  readonly places: HeldBytes
  readonly staging: HeldBytes
}

export interface HeldBytes {
  readonly heldBytes: number
  readonly bytesMax: number
}

export class ProcessBudget {
  readonly limits: BudgetLimits
  /** Where all memtables have their memory from. */
  readonly chunks: ChunkAllocator
  readonly memtables: Pool
  readonly staging: Pool
  readonly values: BlockCache
  readonly places: PlaceTable
  readonly #shares = new Set<BudgetShare>()
  #frames: PageFrames | undefined

  constructor(limits: Partial<BudgetLimits> = {}, chunks?: ChunkAllocator) {
    const { frozenMemtablesMax, indexCacheBytesMax, logStagingBytesMax, memtableBytesMax, placeCacheBytesMax, valueCacheBytesMax } = {
      ...DEFAULT_LIMITS,
      ...limits
    }
    this.limits = { memtableBytesMax, frozenMemtablesMax, indexCacheBytesMax, valueCacheBytesMax, placeCacheBytesMax, logStagingBytesMax }
    this.memtables = new Pool(memtableBytesMax * (frozenMemtablesMax + 1))
    this.staging = new Pool(logStagingBytesMax)
    this.values = new BlockCache(valueCacheBytesMax)
    this.places = new PlaceTable(placeCacheBytesMax)
    const pooledBytesMax = this.memtables.bytesMax
    this.chunks = chunks ?? new ChunkAllocator({ shared: false, pooledChunksMax: POOLED_CHUNKS_MAX, pooledBytesMax })
  }

  /** The frames of index pages; made when the first database is opened. */
  get frames(): PageFrames {
    return (this.#frames ??= new PageFrames(this.limits.indexCacheBytesMax))
  }

  /** Databases that are open. */
  get databases(): number {
    return this.#shares.size
  }

  /** Databases that can be open at once: with one more, what is sure to each would be too little to write with. */
  get databasesMax(): number {
    return Math.max(1, Math.floor(this.memtables.bytesMax / 4 / SURE_MEMTABLE_BYTES_MIN))
  }

  /** A share for a database that is being opened. Faults with Backpressure when there is none left. */
  join(): BudgetShare {
    if (this.#shares.size >= this.databasesMax) {
      const message = `${this.#shares.size} databases share the memory of this process, and it is not enough for more: raise memtableBytesMax`
      throw storageFault({ _tag: "Backpressure", message })
    }
    const share = new BudgetShare(this)
    this.#shares.add(share)
    return share
  }

  /** Gives what a closed database had to the others. */
  leave(share: BudgetShare): void {
    if (!this.#shares.delete(share)) return
    share.allocator.end()
    share.memtables.leave()
    share.staging.leave()
    if (this.#shares.size === 1) for (const last of this.#shares) last.isDue = false
  }

  /** For `BudgetShare`: a memtable has grown. The largest is due when those that are written to have their half. */
  look(): void {
    if (this.#shares.size < 2) return
    let activeBytes = 0
    let largestBytes = 0
    let largest: BudgetShare | undefined
    for (const share of this.#shares) {
      const bytes = share.activeBytes()
      activeBytes += bytes
      if (bytes > largestBytes) {
        largestBytes = bytes
        largest = share
      }
    }
    if (activeBytes < this.memtables.bytesMax * ACTIVE_SHARE || largest === undefined || largest.isDue) return
    largest.isDue = true
    largest.wake()
  }

  get state(): BudgetState {
    const { indexCacheBytesMax, placeCacheBytesMax, valueCacheBytesMax } = this.limits
    return {
      databases: this.#shares.size,
      memtables: { heldBytes: this.chunks.bytesInUse, bytesMax: this.memtables.bytesMax },
      indexPages: { heldBytes: this.#frames?.usedBytes ?? 0, bytesMax: indexCacheBytesMax },
      values: { heldBytes: this.values.bytes, bytesMax: valueCacheBytesMax },
      places: { heldBytes: this.places.bytes, bytesMax: placeCacheBytesMax },
      staging: { heldBytes: this.staging.heldBytes, bytesMax: this.staging.bytesMax }
    }
  }
}

/**
 * The memory of a process, for the databases that are opened with it; without it each database has its own.
 *
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Planck from "@planckdb/planck"
 *
 * const two = Effect.gen(function* () {
 *   const orders = yield* Layer.build(Planck.layer({ directory: "data/orders" }))
 *   const stock = yield* Layer.build(Planck.layer({ directory: "data/stock" }))
 *   return { orders, stock, memory: (yield* Planck.Budget).state }
 * }).pipe(Effect.provide(Planck.Budget.layer({ memtableBytesMax: 64 * 1024 * 1024 })))
 * ```
 */
export class Budget extends Context.Service<Budget, ProcessBudget>()("planck/Storage/Budget") {
  /** One budget for every database whose layer this one is provided to. Limits in bytes, each with the default of `StorageLimits`. */
  static readonly layer = (limits: Partial<BudgetLimits> = {}): Layer.Layer<Budget> =>
    Layer.effect(
      Budget,
      Effect.sync(() => new ProcessBudget({ ...cacheBytesDefault(), ...limits }))
    )
}
