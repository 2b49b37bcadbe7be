/**
 * A simulated machine: one disk, one clock, one process with several databases.
 *
 * Invariants
 * - Nothing in it is real: no file, no timer, no entropy. What happens is decided by the steps and their numbers alone.
 */
import { createHash } from "node:crypto"
import { Random } from "../../src/Disk/Random.ts"
import { type SimulatedOperation, SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { ChunkAllocator } from "../../src/Storage/Arena.ts"
import type { StorageLimits } from "../../src/Storage/Limits.ts"
import { Coverage } from "./Coverage.ts"
import { Faults, isWithin } from "./Faults.ts"
import { type Host, Subject } from "./Subject.ts"

const KIB = 1024
const NAMES = ["alpha", "beta", "gamma"]
const POOLED_CHUNKS_MAX = 64
export const SNAPSHOT_TIMEOUT_MS = 5000

export class Machine implements Host {
  volume: SimulatedVolume
  allocator = new ChunkAllocator({ shared: false, pooledChunksMax: POOLED_CHUNKS_MAX })
  nowMs = 1_700_000_000_000
  /** The clock may go back; this does not. */
  newestMs = this.nowMs
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
    this.allocator = new ChunkAllocator({ shared: false, pooledChunksMax: POOLED_CHUNKS_MAX })
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
    valueSegmentBytesMax: pick([8, 16, 64]) * KIB,
    valueCacheBytesMax: pick([64, 256]) * KIB,
    indexCacheBytesMax: 512 * KIB,
    logSegmentBytesMax: pick([8, 16, 64]) * KIB,
    logStagingBytesMax: pick([16, 64, 512]) * KIB,
    snapshotTimeoutMs: SNAPSHOT_TIMEOUT_MS
  }
}
