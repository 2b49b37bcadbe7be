/** A database on a simulated disk, driven by hand: time stands still unless told, syncs complete when `settle` pumps them. */
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import type { DurabilityLevel } from "../../src/Schema/Definition.ts"
import type { ProcessBudget } from "../../src/Storage/Budget.ts"
import type { Engine } from "../../src/Storage/Engine.ts"
import type { StorageLimits } from "../../src/Storage/Limits.ts"
import { Opening } from "../../src/Storage/Opening.ts"
import { Random } from "./Random.ts"

const STEP_BUDGET = 1 << 20
const ROUNDS_MAX = 100_000

export interface DatabaseOptions {
  readonly volume?: SimulatedVolume
  readonly directory?: string
  readonly seed?: number
  readonly limits?: Partial<StorageLimits>
  readonly durability?: DurabilityLevel
  /** Memory that it shares with other databases. */
  readonly budget?: ProcessBudget
}

export class Database {
  readonly volume: SimulatedVolume
  readonly reports: Array<unknown> = []
  readonly #options: DatabaseOptions
  readonly #tasks: Array<() => void> = []
  nowMs = 1_700_000_000_000
  /** Set once `open` has succeeded. */
  engine!: Engine

  constructor(options: DatabaseOptions = {}) {
    this.#options = options
    this.volume = options.volume ?? new SimulatedVolume({ seed: options.seed ?? 1 })
  }

  /** Opens the database; throws the fault that keeps it closed. */
  open(): this {
    const random = new Random((this.#options.seed ?? 1) + this.volume.operations)
    const opening = new Opening({
      volume: this.volume,
      directory: this.#options.directory ?? "data/shop",
      ...(this.#options.limits === undefined ? {} : { limits: this.#options.limits }),
      ...(this.#options.budget === undefined ? {} : { budget: this.#options.budget }),
      ...(this.#options.durability === undefined ? {} : { durability: this.#options.durability }),
      now: () => this.nowMs,
      random: (into) => into.set(random.bytes(into.length)),
      schedule: (task) => this.#tasks.push(task),
      report: (error) => this.reports.push(error)
    })
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const progress = opening.step(STEP_BUDGET)
      if (progress === "done") {
        this.engine = opening.engine
        return this
      }
      if (progress === "waiting") this.#turn()
    }
    throw new Error("the database does not get open")
  }

  /** Runs scheduled tasks, syncs and maintenance until nothing is left to do. */
  settle(): this {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const progress = this.engine.maintain(STEP_BUDGET)
      if (!this.#turn() && progress !== "more") return this
    }
    throw new Error("the database does not settle")
  }

  /** Runs scheduled tasks and syncs, but no maintenance: what was committed becomes durable. */
  sync(): this {
    while (this.#turn());
    return this
  }

  /** Runs scheduled tasks only: what was committed is written, and its sync is under way. */
  startSync(): void {
    for (const task of this.#tasks.splice(0)) task()
  }

  /** Closes the engine and gives back what could not be written. */
  close(): Fault | undefined {
    const outcomes: Array<Fault | undefined> = []
    this.engine.close((fault) => outcomes.push(fault))
    for (let round = 0; outcomes.length === 0 && round < ROUNDS_MAX; round++) this.#turn()
    if (outcomes.length !== 1) throw new Error("the database does not get closed")
    return outcomes[0]
  }

  /** Closes and opens again, with the same or other limits. */
  reopen(limits?: Partial<StorageLimits>): Database {
    this.close()
    return new Database({ ...this.#options, volume: this.volume, ...(limits === undefined ? {} : { limits }) }).open()
  }

  /** The database as it comes up after the machine lost power now. */
  crash(seed: number, limits?: Partial<StorageLimits>): Database {
    return new Database({ ...this.#options, volume: this.volume.crash(seed), ...(limits === undefined ? {} : { limits }) }).open()
  }

  /** Tasks of this turn, then one sync; whether there was anything to do. */
  #turn(): boolean {
    const tasks = this.#tasks.splice(0)
    for (const task of tasks) task()
    return this.volume.pump() || tasks.length > 0
  }
}

/** A new database, open. */
export function openDatabase(options: DatabaseOptions = {}): Database {
  return new Database(options).open()
}

/** The tag of the fault that `work` throws; undefined when it throws none. */
export function faultOf(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    if (error instanceof Fault) return error.reason._tag
    throw error
  }
}
