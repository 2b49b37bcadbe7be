/**
 * A simulated machine: one disk, one clock, one process with several databases.
 *
 * Invariants
 * - Nothing in it is real: no file, no timer, no entropy. What happens is decided by the steps and their numbers alone.
 */
import { createHash } from "node:crypto"
import { Random } from "../../src/Disk/Random.ts"
import { type SimulatedOperation, SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import type { StorageLimits } from "../../src/Storage/Limits.ts"
import { Chunks } from "./Chunks.ts"
import { Coverage } from "./Coverage.ts"
import { Faults, isWithin } from "./Faults.ts"
import { type Host, Subject } from "./Subject.ts"

const KIB = 1024
const NAMES = ["alpha", "beta", "gamma"]
export const SNAPSHOT_TIMEOUT_MS = 2500
export const LONG_SNAPSHOT_TIMEOUT_MS = 4000

const LOG_HOLD_AGE_MS_MAX = 6000

export class Machine implements Host {
  volume: SimulatedVolume
  readonly allocator = new Chunks()
  nowMs = 1_700_000_000_000
  /** The clock may go back; this does not. */
  newestMs = this.nowMs
  /** Up to how much a slice of maintenance is given, in its units; now and then one gets more. */
  readonly sliceBudgetMax: number
  readonly coverage = new Coverage()
  readonly faults: Faults
  readonly subjects: Array<Subject> = []
  /** Operations of the disk so far, over all its lives. */
  operations = 0
  /** The directory whose syncs do not return. */
  stalled: string | undefined
  /** How many databases there were under each name: one that the disk has destroyed is replaced by a new one. */
  #replaced = 0
  readonly #trace = createHash("sha256")

  constructor(seed: number) {
    const random = new Random(seed)
    this.sliceBudgetMax = [60, 60, 400, 2000, 10_000][random.below(5)]!
    this.faults = new Faults(this.coverage, (path) => this.#ownerOf(path)?.phase === "opening")
    this.volume = new SimulatedVolume({ seed })
    this.#attach()
    const count = 2 + random.below(2)
    for (const name of NAMES.slice(0, count)) this.subjects.push(new Subject(name, `data/${name}`, someLimits(random), this))
    this.faults.onLie = (lie) => {
      const owner = this.#ownerOf(lie.path)
      if (owner !== undefined) owner.lie = lie
    }
  }

  readonly now = (): number => this.nowMs

  /** Power is lost: every process is gone, and of what was not synced anything may be left. */
  crash(seed: number): void {
    this.#replaceVolume(this.volume.crash(seed))
  }

  /** The process is killed; the page cache stays. */
  kill(seed: number): void {
    this.#replaceVolume(this.volume.kill(seed))
  }

  /** Completes one of the syncs that wait, and are not held up. */
  sync(random: Random): boolean {
    const paths = this.volume.waitingPaths
    const free = [...paths.keys()].filter((at) => this.stalled === undefined || !isWithin(paths[at]!, this.stalled))
    return free.length > 0 && this.volume.pump(free[random.below(free.length)])
  }

  /** A database that was destroyed by a lying disk gives way to a new one. */
  replace(subject: Subject): void {
    const name = `${subject.name.split("-")[0]}-${++this.#replaced}`
    this.subjects[this.subjects.indexOf(subject)] = new Subject(name, `data/${name}`, subject.limits, this)
  }

  /** Nothing happens any more. */
  end(): void {
    this.allocator.end()
  }

  note(text: string): void {
    this.#trace.update(text)
  }

  /** The hash of everything that happened so far, in order. */
  get trace(): string {
    return this.#trace.copy().digest("hex").slice(0, 16)
  }

  #replaceVolume(volume: SimulatedVolume): void {
    for (const subject of this.subjects) subject.fell()
    this.volume = volume
    this.allocator.end()
    this.stalled = undefined
    this.#attach()
  }

  #attach(): void {
    this.faults.attach(this.volume)
    this.volume.onOperation((operation) => this.#before(operation))
  }

  #before(event: SimulatedOperation): void {
    const { operation, path, offset = -1, length = -1 } = event
    this.operations++
    this.note(`${operation} ${path} ${offset} ${length}\n`)
    const owner = this.#ownerOf(path)
    if (owner === undefined) return
    if (operation === "remove") owner.releasing(path)
    if (operation === "remove" && path.endsWith("/reserve")) this.coverage.note("reserve given up")
    if (operation === "remove" && path.endsWith(".values") && owner.isRunning) this.coverage.note("value segment given back")
    if (operation === "truncate" && path.endsWith("/index.planck") && owner.isRunning) this.coverage.note("index file made smaller")
    if (operation === "create" && path.endsWith("00000002.values")) this.coverage.note("value segment closed")
    if (operation === "write" && path.endsWith(".wal") && offset === 4096 && length > (owner.limits.logSegmentBytesMax ?? Infinity)) {
      this.coverage.note("oversize segment")
    }
  }

  #ownerOf(path: string): Subject | undefined {
    return this.subjects.find((it) => isWithin(path, it.directory))
  }
}

/** Small files and memtables, so that a short life begins and releases many of them. */
function someLimits(random: Random): Partial<StorageLimits> {
  const pick = (values: ReadonlyArray<number>): number => values[random.below(values.length)]!
  return {
    memtableBytesMax: pick([256, 600, 900]) * KIB,
    frozenMemtablesMax: 1 + random.below(3),
    valueSegmentBytesMax: pick([4, 8, 16, 64]) * KIB,
    valueCacheBytesMax: pick([8, 64, 256]) * KIB,
    directTreeBytesMax: pick([0, 8, 64]) * KIB,
    foldEntriesMax: pick([5, 20, 100]),
    compactionDeadPercentMax: 15,
    segmentDeadPercentMax: pick([20, 50, 90]),
    compactionBytesMax: pick([8, 32, 1024]) * KIB,
    compactionBatchBytesMax: pick([1, 8, 64]) * KIB,
    reserveBytes: pick([0, 16, 16]) * KIB,
    indexFreeBytesMax: pick([64, 256, 1024]) * KIB,
    indexSpareBytes: pick([0, 32]) * KIB,
    indexTrimBytesMin: pick([8, 64]) * KIB,
    longSnapshotTimeoutMs: LONG_SNAPSHOT_TIMEOUT_MS,
    longSnapshotBytesMax: pick([2, 4, 16]) * KIB,
    logHoldBytesMax: pick([16, 64, 1024]) * KIB,
    logHoldAgeMsMax: LOG_HOLD_AGE_MS_MAX,
    indexCacheBytesMax: 512 * KIB,
    logSegmentBytesMax: pick([8, 16, 64]) * KIB,
    logStagingBytesMax: pick([8, 16, 64, 512]) * KIB,
    snapshotTimeoutMs: SNAPSHOT_TIMEOUT_MS
  }
}
