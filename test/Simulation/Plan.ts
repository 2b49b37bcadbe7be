/**
 * Which steps a run takes: drawn from a seed alone, before anything has happened, so that the history is the plan and can be shortened.
 *
 * Every run has its own mixture: some kinds of steps come often in it, some not at all. Runs that differ in kind find more than runs that
 * are all alike.
 */
import { Random } from "../../src/Disk/Random.ts"
import type { Step, StepKind } from "./Steps.ts"

type Weights = Partial<Record<StepKind, number>>

/** Without these nothing moves. */
const ALWAYS: Weights = { start: 50, open: 200, task: 200, sync: 260, maintain: 180, transact: 160 }

const SOMETIMES: Weights = {
  define: 12,
  read: 12,
  hold: 20,
  holdLong: 12,
  look: 40,
  release: 8,
  relay: 15,
  freeze: 20,
  retry: 30,
  clock: 12,
  expire: 10,
  ask: 12,
  compact: 10,
  backup: 40,
  restore: 1,
  replay: 2,
  crash: 1,
  kill: 1,
  stop: 1,
  verify: 10,
  fallBack: 2
}

/** Kinds of disks; one is drawn for a run. Some do nothing worse than lose power. */
const DISKS: ReadonlyArray<Weights> = [
  {},
  {},
  { fail: 8, heal: 2 },
  { fill: 12, heal: 2 },
  { fillUp: 4, retry: 60, heal: 1 },
  { fillUp: 8, retry: 80, freeze: 40, heal: 1 },
  { fail: 4, fill: 8, stall: 1, heal: 4 },
  { stall: 2, heal: 4 },
  // What such a disk did shows when the files are read again.
  { stray: 6, crash: 5, kill: 3, stop: 6, read: 30 },
  { rot: 6, crash: 3, kill: 3, stop: 6, read: 60 }
]

/** What half of the runs have beside that. */
const MIGRATIONS: Weights = { migrate: 120 }

/** What is rare by chance alone; one is drawn for a run, most often the first. */
const MOODS: ReadonlyArray<Weights> = [
  {},
  {},
  {},
  {},
  // Readers that stay while much is written over and moved.
  { holdLong: 40, look: 80, release: 1, compact: 60, freeze: 50, clock: 40, fallBack: 15 },
  // Builds that do not come to an end before the next restart.
  { define: 50, freeze: 60, maintain: 120, crash: 4, kill: 4, stop: 4, fallBack: 15 }
]
/** Both are drawn beside the rest, so that the plans of runs without them do not depend on them. */
const MIGRATIONS_SEED = 0x51ed270b
const MOODS_SEED = 0x2545f491

export class Plan {
  readonly #random: Random
  readonly #kinds: ReadonlyArray<StepKind>

  constructor(seed: number) {
    const random = new Random(seed)
    this.#random = random
    const weights: Weights = { ...ALWAYS }
    for (const [kind, weight] of Object.entries(SOMETIMES)) weights[kind as StepKind] = weight * [0, 1, 1, 3][random.below(4)]!
    Object.assign(weights, DISKS[random.below(DISKS.length)])
    // A poisoned database comes back only by a restart, and one without stores has nothing to do.
    weights.crash = Math.max(weights.crash ?? 0, 1)
    weights.define = Math.max(weights.define ?? 0, 3)
    Object.assign(weights, MOODS[new Random((seed ^ MOODS_SEED) >>> 0).below(MOODS.length)])
    if (new Random((seed ^ MIGRATIONS_SEED) >>> 0).chance(0.5)) Object.assign(weights, MIGRATIONS)
    this.#kinds = Object.entries(weights).flatMap(([kind, weight]) => Array.from({ length: weight }, () => kind as StepKind))
  }

  next(): Step {
    const kind = this.#kinds[this.#random.below(this.#kinds.length)]!
    return { kind, subject: this.#random.below(6), salt: this.#random.next() }
  }
}
