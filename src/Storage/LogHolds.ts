/**
 * Who keeps the log from being released: the older meta always, and whoever has taken a named hold and reads the log behind.
 *
 * Invariants
 * - What lies behind the LSN of a hold stays in the log until its owner moves on, gives it up, or the hold is broken.
 * - A hold is broken when it keeps more bytes than it may, when its owner has not moved it for longer than it may, and when the disk is full: the
 *   one that keeps most goes first. Its owner is told once, and everything kept for it alone is released.
 */
import { isFault } from "../Fault/Fault.ts"
import type { Log } from "../Wal/Log.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import type { EngineOptions } from "./EngineParts.ts"
import type { StorageLimits } from "./Limits.ts"

/** Why a hold is over that its owner had not given up. `disk`: it was full. `released`: the log had lost what it asked for before. */
export interface HoldBroken {
  readonly _tag: "HoldBroken"
  readonly name: string
  /** The owner has what came up to here; what comes next may not be in the log any longer. */
  readonly lsn: number
  readonly cause: "bytes" | "age" | "disk" | "released"
  /** Bytes of the log that it kept. */
  readonly keptBytes: number
}

export interface LogHoldRequest {
  /** What operators read: `archive`, `replica two`. */
  readonly name: string
  /** The newest LSN that its owner needs no longer. */
  readonly lsn: number
  /** Less than the limits of the database allow; more is not possible. */
  readonly bytesMax?: number
  readonly ageMsMax?: number
  readonly onBroken?: (broken: HoldBroken) => void
}

/** A hold, for its owner. */
export interface LogHold {
  readonly name: string
  readonly lsn: number
  readonly isBroken: boolean
  /** Needs nothing up to `lsn` any longer; never goes back. Tells that the owner is alive, also when it is where it was. */
  move(lsn: number): void
  /** Gives it up. */
  release(): void
}

/** A hold, for whoever looks. `age` counts from when its owner moved last. */
export interface HoldState {
  readonly name: string
  readonly lsn: number
  readonly keptBytes: number
  readonly ageMs: number
  /** Where it is broken; missing for the hold of the engine itself, which cannot be. */
  readonly bytesMax?: number
  readonly ageMsMax?: number
}

class Hold implements LogHold {
  readonly name: string
  readonly bytesMax: number
  readonly ageMsMax: number
  readonly onBroken: ((broken: HoldBroken) => void) | undefined
  lsn: number
  movedMs: number
  isBroken = false
  readonly #now: () => number
  readonly #over: (hold: Hold) => void

  constructor(request: LogHoldRequest, limits: StorageLimits, now: () => number, over: (hold: Hold) => void) {
    this.name = request.name
    this.lsn = request.lsn
    this.bytesMax = Math.min(request.bytesMax ?? Infinity, limits.logHoldBytesMax)
    this.ageMsMax = Math.min(request.ageMsMax ?? Infinity, limits.logHoldAgeMsMax)
    this.onBroken = request.onBroken
    this.movedMs = now()
    this.#now = now
    this.#over = over
  }

  move(lsn: number): void {
    this.lsn = Math.max(this.lsn, lsn)
    this.movedMs = this.#now()
  }

  release(): void {
    this.#over(this)
  }
}

export class LogHolds {
  readonly #limits: StorageLimits
  readonly #log: () => Log | undefined
  readonly #index: IndexFile
  readonly #options: Pick<EngineOptions, "now" | "report">
  readonly #holds = new Set<Hold>()

  constructor(limits: StorageLimits, log: () => Log | undefined, index: IndexFile, options: Pick<EngineOptions, "now" | "report">) {
    this.#limits = limits
    this.#log = log
    this.#index = index
    this.#options = options
  }

  /** The older meta needs what is behind this LSN. */
  get #neededLsn(): number {
    return this.#index.olderCheckpoint().lsn
  }

  /** Takes a hold. When the log has lost what is behind its LSN already, it is broken before this returns. */
  hold(request: LogHoldRequest): LogHold {
    const hold = new Hold(request, this.#limits, this.#options.now, (over) => void this.#holds.delete(over))
    const log = this.#log()
    if (log === undefined || request.lsn + 1 < log.firstLsn) this.#break(hold, "released", 0)
    else this.#holds.add(hold)
    return hold
  }

  /** Removes the segments that nobody needs. Throws `DiskFailure`. */
  release(): void {
    let upTo = this.#neededLsn
    for (const hold of this.#holds) upTo = Math.min(upTo, hold.lsn)
    this.#log()?.release(upTo)
  }

  /** Breaks the holds that keep too much, or whose owner is gone, and releases what they kept. */
  expire(): void {
    if (this.#holds.size === 0) return
    this.#try((log) => {
      const nowMs = this.#options.now()
      for (const hold of this.#holds) {
        const keptBytes = log.bytesBehind(hold.lsn)
        const cause = keptBytes > hold.bytesMax ? "bytes" : nowMs - hold.movedMs > hold.ageMsMax ? "age" : undefined
        if (cause !== undefined) this.#break(hold, cause, keptBytes)
      }
      this.release()
    })
  }

  /** For want of room on the disk: breaks the hold that keeps most, if one keeps anything that the engine itself does not need. */
  makeRoom(): void {
    if (this.#holds.size === 0) return
    this.#try((log) => {
      let largest: Hold | undefined
      for (const hold of this.#holds) if (hold.lsn < (largest?.lsn ?? this.#neededLsn)) largest = hold
      if (largest === undefined) return
      const keptBytes = log.bytesBehind(largest.lsn)
      if (keptBytes > log.bytesBehind(this.#neededLsn)) this.#break(largest, "disk", keptBytes)
      this.release()
    })
  }

  /** All of them, that of the older meta first. Throws `DiskFailure`. */
  states(): ReadonlyArray<HoldState> {
    const log = this.#log()
    if (log === undefined) return []
    const nowMs = this.#options.now()
    const lsn = this.#neededLsn
    const named = [...this.#holds].map(({ ageMsMax, bytesMax, lsn: at, movedMs, name }) => {
      return { name, lsn: at, keptBytes: log.bytesBehind(at), ageMs: nowMs - movedMs, bytesMax, ageMsMax }
    })
    return [{ name: "older meta", lsn, keptBytes: log.bytesBehind(lsn), ageMs: 0 }, ...named]
  }

  /** A file that can be neither measured nor removed now is tried again the next time. */
  #try(work: (log: Log) => void): void {
    const log = this.#log()
    if (log === undefined) return
    try {
      work(log)
    } catch (error) {
      if (!isFault(error, "DiskFailure")) throw error
      this.#options.report(error)
    }
  }

  #break(hold: Hold, cause: HoldBroken["cause"], keptBytes: number): void {
    this.#holds.delete(hold)
    hold.isBroken = true
    try {
      hold.onBroken?.({ _tag: "HoldBroken", name: hold.name, lsn: hold.lsn, cause, keptBytes })
    } catch (error) {
      this.#options.report(error)
    }
  }
}
