/**
 * Everything that can happen to a simulated machine, one small step at a time. Between any two steps any other may come: each is a point
 * at which the scheduler chooses.
 *
 * Invariants
 * - A step that makes no sense now does nothing, so a history stays valid when steps are taken out of it.
 */
import { Random } from "../../src/Disk/Random.ts"
import { ask } from "./Answers.ts"
import { backUp, restore } from "./Backups.ts"
import { expireDocuments } from "./Expiring.ts"
import { expire, heldBack, hold, holdLong, look, release } from "./Holds.ts"
import { expireHolds, holdLog } from "./LogHolding.ts"
import type { Machine } from "./Machine.ts"
import { migrate } from "./Migrating.ts"
import { fallBack } from "./OlderMeta.ts"
import { attempt, hasCause } from "./Refusals.ts"
import { checkSightings, relay } from "./Sightings.ts"
import { noteEnd, stop, verifyStopped } from "./Stops.ts"
import type { Subject } from "./Subject.ts"
import { transact } from "./Transactions.ts"
import { checkBuilds } from "./Unique.ts"
import { violated } from "./Violation.ts"
import { firstDefinitions, isOfShape, someDefinitions } from "./Workload.ts"

export interface Step {
  readonly kind: StepKind
  /** Which database. */
  readonly subject: number
  /** Where everything random in it comes from. */
  readonly salt: number
}

type Action = (machine: Machine, subject: Subject, random: Random) => void | Promise<void>

const ACTIONS = {
  start: (machine, subject, random) => {
    if (subject.phase !== "down") return
    subject.injectedBefore = machine.faults.injected
    subject.start(new Random(random.next()))
  },
  open: (machine, subject, random) => {
    if (subject.phase !== "opening") return
    const isOpen = attempt(machine, subject, "opening", () => subject.open(1 + random.below(64 * 1024)))
    if (isOpen === true) checkSightings(machine)
  },
  task: (machine, subject) => {
    const task = subject.tasks.shift()
    if (task !== undefined) attempt(machine, subject, "at the end of a turn", task)
  },
  sync: (machine, _subject, random) => {
    machine.sync(random)
  },
  maintain: (machine, subject, random) => {
    maintain(machine, subject, 1 + random.below(random.chance(0.1) ? 100_000 : machine.sliceBudgetMax))
  },
  transact: (machine, subject, random) => {
    if (mayWrite(machine, subject)) attempt(machine, subject, "a transaction", () => transact(subject, random, machine.coverage))
  },
  define: (machine, subject, random) => {
    if (mayWrite(machine, subject)) attempt(machine, subject, "a definition", () => define(machine, subject, random))
  },
  drop: (machine, subject, random) => {
    if (mayWrite(machine, subject)) attempt(machine, subject, "dropping a store", () => drop(machine, subject, random))
  },
  read: (machine, subject) => {
    if (!subject.isRunning) return
    if (subject.running.admission() === "poisoned") machine.coverage.note("reads while poisoned")
    attempt(machine, subject, "reading", () => subject.checkDurable("running"))
  },
  hold,
  holdLog,
  holdLong,
  look,
  release,
  expire: (machine, subject) => {
    expireDocuments(machine, subject)
  },
  ask: (machine, subject, random) => {
    if (mayWrite(machine, subject)) attempt(machine, subject, "being asked", () => ask(machine, subject, random))
  },
  compact: (machine, subject) => compact(machine, subject),
  backup: backUp,
  restore,
  migrate: (machine, subject, random) => {
    migrate(machine, subject, random)
    // Stores have new names for a moment before that is on disk.
    if (subject.isRunning && subject.history.renamedLsn > subject.running.durableLsn && random.chance(0.3)) cutPower(machine, random)
  },
  relay: (machine, subject, random) => {
    const other = machine.subjects[random.below(machine.subjects.length)]!
    if (other === subject || !other.isRunning || subject.work !== undefined || !mayWrite(machine, subject)) return
    relay(machine, other, subject)
  },
  freeze: (_machine, subject) => {
    if (subject.isRunning) subject.running.freeze()
  },
  rest: (machine, subject) => {
    if (subject.isRunning && !rest(machine, subject)) subject.running.freeze()
  },
  retry: (machine, subject) => {
    if (subject.isRunning) attempt(machine, subject, "trying again", () => subject.running.retry())
  },
  clock: (machine, _subject, random) => {
    const stepMs = random.chance(0.15) ? -random.below(3000) : random.below(random.chance(0.1) ? 8000 : 200)
    machine.nowMs += stepMs
    machine.newestMs = Math.max(machine.newestMs, machine.nowMs)
    if (stepMs < 0) machine.coverage.note("clock went back")
    heldBack(machine)
  },
  /** What its process does now and then. */
  tick: (machine, subject) => {
    if (!subject.isRunning) return
    expire(subject)
    expireHolds(machine, subject)
    if (!subject.running.isSyncDue) return
    subject.running.sync()
    machine.coverage.note("sync asked for in time")
  },
  replay: (machine, subject) => {
    if (subject.isRunning) attempt(machine, subject, "replaying", () => subject.checkReplay(subject.running.durableLsn))
  },
  crash: (machine, _subject, random) => cutPower(machine, random),
  kill: (machine, _subject, random) => {
    noteEnd(machine, "kill")
    machine.kill(random.next())
  },
  stop: (machine, subject) => {
    if (subject.isRunning) attempt(machine, subject, "stopping", () => stop(machine, subject))
  },
  fallBack,
  verify: (machine, subject) => verifyStopped(machine, subject),
  fail: (machine, subject, random) => machine.faults.failSoon(subject.directory, random),
  fill: (machine, subject, random) => machine.faults.fillDisk(subject.directory, random),
  fillUp: (machine, subject, random) => machine.faults.fillUp(subject.directory, random.below(24 * 1024)),
  stall: (machine, subject) => {
    machine.stalled = subject.directory
  },
  heal: (machine) => {
    machine.faults.clear()
    machine.stalled = undefined
  },
  stray: (machine, subject, random) => {
    if (subject.lie === undefined && subject.isRunning) machine.faults.strayNext(subject.directory, random)
  },
  rot: (machine, subject, random) => {
    if (subject.lie === undefined) machine.faults.rot(machine.volume, subject.directory, random)
  }
} satisfies Record<string, Action>

export type StepKind = keyof typeof ACTIONS

/** What a database has to be for a step to make sense; without an entry it has to run. */
const FITS: Partial<Record<StepKind, (subject: Subject) => boolean>> = {
  start: ({ phase }) => phase === "down",
  open: ({ phase }) => phase === "opening",
  task: ({ tasks }) => tasks.length > 0,
  verify: ({ isCleanlyStopped, phase }) => phase === "down" && isCleanlyStopped
}
/** What befalls any of them, whatever it does. */
const ANY: ReadonlySet<StepKind> = new Set(["sync", "crash", "kill", "clock", "fail", "fill", "fillUp", "stall", "heal", "rot"])

/** What is done instead by a step that needs a database that runs, when none does: half of all steps would be in vain. */
const TO_COME_UP: ReadonlyArray<StepKind> = ["start", "open", "sync", "task"]

/** Takes a step. What happens in microtasks has happened when it is over. */
export function take(machine: Machine, { kind, salt, subject }: Step): Promise<void> {
  const { subjects } = machine
  const isAny = ANY.has(kind)
  if (!isAny && FITS[kind] === undefined && !subjects.some((it) => it.isRunning)) kind = TO_COME_UP[salt % TO_COME_UP.length]!
  // The database that the step is for: of those for which it makes sense, if there are any.
  const fitting = isAny ? subjects : subjects.filter(FITS[kind] ?? (({ isRunning }) => isRunning))
  return takeFor(machine, kind, fitting[subject % fitting.length] ?? subjects[subject % subjects.length]!, salt)
}

export async function takeFor(machine: Machine, kind: StepKind, subject: Subject, salt: number): Promise<void> {
  if (subject.work !== undefined && kind !== "transact") machine.coverage.note("transaction open meanwhile")
  const { engine } = subject
  const wasBuilding = engine !== undefined && engine.isBuilding
  const action: Action = ACTIONS[kind]
  await action(machine, subject, new Random(salt))
  if (wasBuilding && subject.engine === engine && !engine.isBuilding) machine.coverage.note("index built")
  for (let turn = 0; turn < 4; turn++) await undefined
}

function cutPower(machine: Machine, random: Random): void {
  noteEnd(machine, "power cut")
  machine.crash(random.next())
}

export function maintain(machine: Machine, subject: Subject, budget: number): "more" | "waiting" | "idle" {
  if (!subject.isRunning) return "idle"
  const engine = subject.running
  const { coverage } = machine
  const { frozenMemtables } = engine.backlog
  const stores = engine.stores()
  const roots = rootsOf(subject)
  if (frozenMemtables > 0 && engine.isBuilding && subject.held.length + subject.heldLong.length > 0) {
    coverage.note("flush with build and snapshot")
    if (subject.isCompacting) coverage.note("flush with compaction, build and snapshot")
  }
  const progress = attempt(machine, subject, "maintaining", () => engine.maintain(budget)) ?? "waiting"
  if (!subject.isRunning) return progress
  if (engine.backlog.frozenMemtables < frozenMemtables) subject.flushes++
  if (rootsOf(subject) > roots) coverage.note("small root pushed")
  if (rootsOf(subject) < roots) coverage.note("small root merged")
  if (engine.stores() !== stores) checkBuilds(subject, stores, coverage)
  return progress
}

/** Roots of all trees beyond the first of each. */
function rootsOf({ running }: Subject): number {
  let count = 0
  for (const roots of running.index.current().trees.values()) count += roots.length - 1
  return count
}

/** Gives the room of the log back; whether there was any, and nothing in memory alone. */
export function rest(machine: Machine, subject: Subject): boolean {
  const engine = subject.running
  const before = engine.lastLsn
  const isBegun = attempt(machine, subject, "putting the log to rest", () => engine.logRest.begin()) === true
  if (subject.engine === engine && engine.lastLsn > before) subject.committed(engine.lastLsn, subject.history.latest)
  if (isBegun) machine.coverage.note("log put to rest")
  return isBegun
}

export function compact(machine: Machine, subject: Subject): void {
  if (!subject.isRunning || subject.isCompacting) return
  const engine = subject.running
  subject.isCompacting =
    attempt(machine, subject, "asking for a compaction", () =>
      engine.compact((report) => {
        subject.isCompacting = false
        if (report !== undefined && report.movedBytes > 0) machine.coverage.note("value segments compacted")
      })
    ) === true
}

/** Whether a transaction may be begun or gone on with; a refusal must have a cause. */
function mayWrite(machine: Machine, subject: Subject): boolean {
  if (!subject.isRunning) return false
  if (subject.work !== undefined) return true
  const admission = subject.running.admission()
  if (admission === "open") {
    if (subject.wasFull) machine.coverage.note("written again after the disk was full")
    subject.wasFull = false
    return true
  }
  if (admission === "full") subject.wasFull = true
  if (admission === "wait") machine.coverage.note("writers wait")
  else if (!hasCause(machine, subject))
    violated("no refusal without a cause", `${subject.name} is ${admission}: ${subject.running.fault?.message}`)
  if (admission === "poisoned") {
    if (!subject.wasPoisoned) machine.coverage.note("poisoned")
    subject.wasPoisoned = true
  }
  return false
}

function define(machine: Machine, subject: Subject, random: Random): void {
  if (subject.work !== undefined) return
  const engine = subject.running
  const { latest } = subject.history
  const known = (store: string) => latest.get(store)?.definition
  const definitions = latest.size === 0 ? firstDefinitions(random) : someDefinitions(random, known)
  const state = new Map(latest)
  const unbuilt = new Set(engine.builds().map((it) => `${it.store}.${it.index}`))
  let drops = 0
  for (const definition of definitions) {
    const before = latest.get(definition.name)
    const dropped = before?.definition.indexes.filter((it) => !definition.indexes.includes(it)) ?? []
    drops += dropped.length
    if (dropped.some((it) => unbuilt.has(`${definition.name}.${it.name}`))) machine.coverage.note("index dropped while it is built")
    if (before === undefined && subject.history.wasDropped(definition.name)) machine.coverage.note("store made again after it was dropped")
    if (before !== undefined && before.definition.schema !== definition.schema) machine.coverage.note("field added")
    state.set(definition.name, { definition, documents: before?.documents ?? new Map() })
  }
  const before = engine.lastLsn
  try {
    engine.define(definitions)
  } finally {
    if (engine.lastLsn > before) subject.committed(engine.lastLsn, state)
  }
  if (drops > 0) machine.coverage.note("index dropped")
}

/** A store goes, with all it has. */
function drop({ coverage }: Machine, subject: Subject, random: Random): void {
  if (subject.work !== undefined) return
  const engine = subject.running
  const { history } = subject
  const names = [...history.latest.keys()].filter(isOfShape)
  const name = names[random.below(names.length)]
  if (name === undefined) return
  const state = new Map(history.latest)
  state.delete(name)
  const before = engine.lastLsn
  try {
    engine.drop(name)
  } finally {
    if (engine.lastLsn > before) {
      subject.committed(engine.lastLsn, state)
      history.drop(engine.lastLsn, name)
    }
  }
  coverage.note("store dropped")
  if (subject.held.some((it) => it.state.get(name)?.documents.size)) coverage.note("store dropped under a snapshot")
}
