/**
 * Which steps a run takes: drawn from a seed alone, before anything has happened, so that the history is the plan and can be shortened.
 *
 * Every run has its own mixture: some kinds of steps come often in it, some not at all. Runs that differ in kind find more than runs that
 * are all alike.
 */
import { Random } from "../../src/Disk/Random.ts"
import type { Step, StepKind } from "./Steps.ts"

type Weights = Partial<Record<StepKind, number>>

/** Steps that a run takes at least; more where something has to last. */
const STEPS_MIN = 500
const LONG_STEPS_MIN = 2000

/** Without these nothing moves. */
const ALWAYS: Weights = { start: 30, open: 120, task: 100, sync: 380, maintain: 280, transact: 160, tick: 40 }

const SOMETIMES: Weights = {
  define: 12,
  drop: 2,
  read: 12,
  hold: 20,
  holdLong: 12,
  holdLog: 20,
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
  fallBack: 1
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

/** One of them is drawn beside that. */
const MIGRATIONS: ReadonlyArray<Weights> = [{}, {}, { migrate: 120 }, { migrate: 360, transact: 300 }]

/** What a quarter of the runs have beside that: pauses in which everything is flushed and the log gives its room back. */
const RESTS: Weights = { rest: 80 }

/** Nobody is killed or stopped, and power is hardly ever lost. */
const CALM: Weights = { kill: 0, stop: 0, crash: 1 }
/** Much is flushed and moved. */
const MUCH: Weights = { freeze: 60, compact: 40, maintain: 600, sync: 700 }

/** What is rare by chance alone; one is drawn for a run, every second time the first. */
const MOODS: ReadonlyArray<Weights> = [
  {},
  {},
  {},
  {},
  {},
  // Readers that stay while much is written over and moved.
  { ...CALM, ...MUCH, holdLong: 40, look: 80, release: 1, clock: 40, fallBack: 20 },
  { ...CALM, ...MUCH, holdLong: 40, look: 80, release: 1, clock: 20, fallBack: 20 },
  // Much is moved, and nobody reads the old.
  { ...CALM, ...MUCH, hold: 0, backup: 0, fallBack: 30 },
  // Builds that come to their end, and builds that do not before the next restart.
  { ...CALM, define: 40, freeze: 40, maintain: 400 },
  { define: 50, freeze: 60, maintain: 400, sync: 500, crash: 4, kill: 8, stop: 4, fallBack: 15 }
]
/** They are drawn beside the rest, so that the plans of runs without them do not depend on them. */
const MIGRATIONS_SEED = 0x51ed270b
const MOODS_SEED = 0x2545f491
const RESTS_SEED = 0x1b873593

export class Plan {
  /** Steps that the run takes at least. */
  readonly stepsMin: number
  readonly #random: Random
  readonly #kinds: ReadonlyArray<StepKind>

  constructor(seed: number) {
    const random = new Random(seed)
    this.#random = random
    const weights: Weights = { ...ALWAYS }
    for (const [kind, weight] of Object.entries(SOMETIMES)) weights[kind as StepKind] = weight * [0, 1, 1, 3][random.below(4)]!
    Object.assign(weights, DISKS[random.below(DISKS.length)])
    // One without stores has nothing to do.
    weights.define = Math.max(weights.define ?? 0, 3)
    const mood = MOODS[new Random((seed ^ MOODS_SEED) >>> 0).below(MOODS.length)]!
    Object.assign(weights, mood)
    // A poisoned database comes back only by a restart: where the disk fails often, both may be poisoned most of the time.
    weights.crash = Math.max(weights.crash ?? 0, weights.fail === undefined ? 1 : 4)
    this.stepsMin = mood.holdLong === undefined ? STEPS_MIN : LONG_STEPS_MIN
    Object.assign(weights, MIGRATIONS[new Random((seed ^ MIGRATIONS_SEED) >>> 0).below(MIGRATIONS.length)])
    if (new Random((seed ^ RESTS_SEED) >>> 0).chance(0.25)) Object.assign(weights, RESTS)
    this.#kinds = Object.entries(weights).flatMap(([kind, weight]) => Array.from({ length: weight }, () => kind as StepKind))
  }

  next(): Step {
    const kind = this.#kinds[this.#random.below(this.#kinds.length)]!
    return { kind, subject: this.#random.below(6), salt: this.#random.next() }
  }
}
