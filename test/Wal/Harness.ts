import { Random } from "../../src/Disk/Random.ts"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import type { SimulatedOptions } from "../../src/Disk/SimulatedVolume.ts"
import type { Log } from "../../src/Wal/Log.ts"
import type { LogOptions } from "../../src/Wal/Options.ts"
import { KIND_TRANSACTION } from "../../src/Wal/Record.ts"
import type { RecoveryReport } from "../../src/Wal/Recovery.ts"
import { Recovery } from "../../src/Wal/Recovery.ts"

/**
 * A log on a simulated volume, turn by turn: nothing happens unless the test says so.
 */

export const DIRECTORY = "wal"
export const DATABASE_ID = new Uint8Array(16).fill(0xda)
export const TIMELINE = new Uint8Array(16).fill(0x71)

/** A record as it was appended or recovered. */
export interface Seen {
  readonly lsn: number
  readonly kind: number
  readonly flags: number
  readonly epoch: number
  readonly commitTimeMs: number
  readonly durableLsn: number
  readonly body: Uint8Array
}

/** A volume with the log's directory on disk. */
export function makeVolume(options: Partial<SimulatedOptions> = {}): SimulatedVolume {
  const volume = new SimulatedVolume({ seed: 1, ...options })
  volume.makeDirectory(DIRECTORY)
  volume.syncDirectory(".", () => {})
  volume.pumpAll()
  return volume
}

export class Machine {
  readonly volume: SimulatedVolume
  readonly options: LogOptions
  readonly reported: Array<unknown> = []
  readonly tasks: Array<() => void> = []

  constructor(volume: SimulatedVolume, overrides: Partial<LogOptions> = {}) {
    this.volume = volume
    const random = new Random(volume.operations + 17)
    this.options = {
      volume,
      directory: DIRECTORY,
      databaseId: DATABASE_ID,
      timeline: TIMELINE,
      segmentBytesMax: 8192,
      now: () => 1_700_000_000_000,
      random: (into) => random.fillBytes(into),
      schedule: (task) => this.tasks.push(task),
      report: (error) => this.reported.push(error),
      ...overrides
    }
  }

  /** Ends the turn: scheduled tasks run, syncs do not complete. */
  endTurn(): void {
    for (const task of this.tasks.splice(0)) task()
  }

  /** Turns and syncs until nothing is left to do. */
  settle(): void {
    for (let turn = 0; turn < 10_000; turn++) {
      this.endTurn()
      if (!this.volume.pump() && this.tasks.length === 0) return
    }
    throw new Error("the log does not come to rest")
  }

  /** Recovers the log; throws what recovery throws. */
  open(checkpointLsn = 0, budgetBytes = 1024 * 1024, recordCrc = 0): { log: Log; records: Array<Seen>; report: RecoveryReport } {
    const records: Array<Seen> = []
    const recovery = new Recovery(this.options, { lsn: checkpointLsn, recordCrc }, (record) => {
      const { lsn, kind, flags, epoch, commitTimeMs, durableLsn, bytes, at, length } = record
      records.push({ lsn, kind, flags, epoch, commitTimeMs, durableLsn, body: bytes.slice(at, at + length) })
    })
    for (let step = 0; step < 100_000; step++) {
      const progress = recovery.step(budgetBytes)
      if (progress === "done") return { log: recovery.log(), records, report: recovery.report }
      if (progress === "waiting" && !this.volume.pump()) throw new Error("recovery waits for nothing")
    }
    throw new Error("recovery does not end")
  }
}

/** Appends a transaction with this body, or with `length` bytes made from the LSN it will get. */
export function append(log: Log, body: number | Uint8Array, kind = KIND_TRANSACTION, flags = 0): number {
  const bytes = typeof body === "number" ? bodyFor(log.lastLsn + 1, body) : body
  return log.append(kind, flags, 1000 + log.lastLsn, bytes, bytes.length)
}

/** The same for a record that does not ask for a sync. */
export function appendRelaxed(log: Log, length: number): number {
  return log.append(KIND_TRANSACTION, 0, 1000 + log.lastLsn, bodyFor(log.lastLsn + 1, length), length, true)
}

/** `length` bytes that tell which record they belong to. */
export function bodyFor(lsn: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  const random = new Random(lsn)
  random.fillBytes(bytes)
  return bytes
}

/** A machine with a fresh log. */
export function freshLog(overrides: Partial<LogOptions> = {}, volumeOptions: Partial<SimulatedOptions> = {}) {
  const machine = new Machine(makeVolume(volumeOptions), overrides)
  return { machine, volume: machine.volume, log: machine.open().log }
}

/** The names of the segments in the directory. */
export function segmentFiles(volume: SimulatedVolume): Array<string> {
  return volume
    .list(DIRECTORY)
    .filter((name) => name.endsWith(".wal"))
    .map((name) => `${DIRECTORY}/${name}`)
}

/** The whole content of a file. */
export function readAll(volume: SimulatedVolume, path: string): Uint8Array {
  const file = volume.open(path, "read")
  const bytes = new Uint8Array(file.size())
  file.readAt(0, bytes)
  return bytes
}

/** Changes a file behind the log's back, durably. */
export function overwrite(volume: SimulatedVolume, path: string, change: (bytes: Uint8Array) => Uint8Array | void): void {
  const before = readAll(volume, path)
  const after = change(before) ?? before
  const file = volume.open(path, "update")
  file.truncate(after.length)
  file.writeAt(0, after)
  file.syncData(() => {})
  volume.pumpAll()
}
