/** An engine on a simulated disk that moves only as far as the test lets it: turn by turn, sync by sync, slice by slice. */
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import type { Engine } from "../../src/Storage/Engine.ts"
import type { StorageLimits } from "../../src/Storage/Limits.ts"
import { Opening, type OpeningProgress } from "../../src/Storage/Opening.ts"
import { Random } from "./Random.ts"

const ROUNDS_MAX = 100_000
const OPENING_BUDGET_BYTES = 1 << 20
const MAINTENANCE_BUDGET = 1 << 20
export const DIRECTORY = "data/shop"

/** Small files, so that a short script begins and releases many of them. */
export const SMALL: Partial<StorageLimits> = {
  valueSegmentBytesMax: 16 * 1024,
  segmentDeadPercentMax: 30,
  compactionBatchBytesMax: 8192,
  directTreeBytesMax: 0,
  foldEntriesMax: 30,
  valueCacheBytesMax: 64 * 1024,
  indexCacheBytesMax: 128 * 1024,
  logSegmentBytesMax: 16 * 1024,
  logStagingBytesMax: 512 * 1024,
  snapshotTimeoutMs: 1_000_000
}

/** An opening waits for something that only comes when the test awaits. */
export class Stuck extends Error {}

export class CrashMachine {
  readonly volume: SimulatedVolume
  readonly reported: Array<unknown> = []
  readonly #tasks: Array<() => void> = []
  #nowMs = 1_700_000_000_000
  #opening: Opening | undefined
  #engine: Engine | undefined
  /** The newest LSN that a client may have been told to be durable. */
  acknowledgedLsn = 0

  constructor(volume: SimulatedVolume) {
    this.volume = volume
  }

  get engine(): Engine {
    if (this.#engine === undefined) throw new Error("the machine is not running")
    return this.#engine
  }

  get isRunning(): boolean {
    return this.#engine !== undefined
  }

  /**
   * Opens the database; throws the fault that keeps it closed. An opening that failed before its first sync says so in a microtask:
   * `Stuck` is thrown meanwhile, and the next start goes on with it.
   */
  start(): this {
    const opening = (this.#opening ??= this.#newOpening())
    for (;;) {
      const progress = this.#stepOpening(opening)
      if (progress === "done") return this.#run(opening.engine)
      if (progress === "waiting" && !this.turn(1)) throw new Stuck()
    }
  }

  #newOpening(): Opening {
    const random = new Random(this.volume.operations + 7)
    return new Opening({
      volume: this.volume,
      directory: DIRECTORY,
      limits: SMALL,
      now: () => this.#nowMs++,
      random: (into) => into.set(random.bytes(into.length)),
      schedule: (task) => this.#tasks.push(task),
      report: (error) => this.reported.push(error)
    })
  }

  #stepOpening(opening: Opening): OpeningProgress {
    try {
      return opening.step(OPENING_BUDGET_BYTES)
    } catch (error) {
      this.#opening = undefined
      throw error
    }
  }

  #run(engine: Engine): this {
    this.#opening = undefined
    this.#engine = engine
    this.acknowledgedLsn = engine.durableLsn
    engine.onDurable((lsn) => (this.acknowledgedLsn = lsn))
    return this
  }

  /** Runs what was scheduled, then completes up to `syncs` syncs; whether there was anything to do. */
  turn(syncs: number): boolean {
    const tasks = this.#tasks.splice(0)
    for (const task of tasks) task()
    let isBusy = tasks.length > 0
    for (let count = 0; count < syncs && this.volume.pump(); count++) isBusy = true
    return isBusy
  }

  /** Turns, syncs and maintenance until nothing is left to do. */
  settle(): this {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const progress = this.engine.maintain(MAINTENANCE_BUDGET)
      if (!this.turn(1) && progress !== "more") return this
    }
    throw new Error("the database does not come to rest")
  }

  /** A clean stop. */
  stop(): void {
    const outcome = { isClosed: false }
    this.engine.close(() => (outcome.isClosed = true))
    this.#engine = undefined
    while (!outcome.isClosed) if (!this.turn(1)) throw new Error("the database does not get closed")
  }

  /** What a machine that lost power now finds when it is started again; not started yet. */
  crash(seed: number): CrashMachine {
    return new CrashMachine(this.volume.crash(seed))
  }
}
