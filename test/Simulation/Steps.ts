/**
 * Everything that can happen to a simulated machine, one small step at a time. Between any two steps any other may come: each is a point
 * at which the scheduler chooses.
 *
 * Invariants
 * - A step that makes no sense now does nothing, so a history stays valid when steps are taken out of it.
 */
import { Random } from "../../src/Disk/Random.ts"
import { verify } from "../../src/Storage/Verify.ts"
import { checkReader } from "./Checks.ts"
import type { Machine } from "./Machine.ts"
import { SNAPSHOT_TIMEOUT_MS } from "./Machine.ts"
import { fallBack } from "./OlderMeta.ts"
import { attempt, hasCause, isExpiry } from "./Refusals.ts"
import { checkSightings, relay } from "./Sightings.ts"
import type { Subject } from "./Subject.ts"
import { transact } from "./Transactions.ts"
import { violated } from "./Violation.ts"
import { firstDefinitions, someDefinitions } from "./Workload.ts"

export interface Step {
  readonly kind: StepKind
  /** Which database. */
  readonly subject: number
  /** Where everything random in it comes from. */
  readonly salt: number
}

type Action = (machine: Machine, subject: Subject, random: Random) => void | Promise<void>

const HELD_MAX = 4

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
    maintain(machine, subject, 1 + random.below(random.chance(0.2) ? 100_000 : 800))
  },
  transact: (machine, subject, random) => {
    if (mayWrite(machine, subject)) attempt(machine, subject, "a transaction", () => transact(subject, random, machine.coverage))
  },
  define: (machine, subject, random) => {
    if (mayWrite(machine, subject)) attempt(machine, subject, "a definition", () => define(machine, subject, random))
  },
  read: (machine, subject) => {
    if (!subject.isRunning) return
    if (subject.running.admission() === "poisoned") machine.coverage.note("reads while poisoned")
    attempt(machine, subject, "reading", () => subject.checkDurable("running"))
  },
  hold: (machine, subject) => {
    if (!subject.isRunning || subject.held.length >= HELD_MAX) return
    const engine = subject.running
    const snapshot = engine.snapshot()
    subject.observe(snapshot.lsn)
    const state = subject.history.at(snapshot.lsn)
    subject.held.push({ snapshot, stores: engine.stores(), state, startMs: machine.nowMs, flushes: subject.flushes })
  },
  look: (machine, subject, random) => look(machine, subject, random.below(HELD_MAX)),
  release: (_machine, subject, random) => {
    const [held] = subject.held.splice(random.below(HELD_MAX), 1)
    held?.snapshot.close()
  },
  relay: (machine, subject, random) => {
    const other = machine.subjects[random.below(machine.subjects.length)]!
    if (other === subject || !other.isRunning || subject.work !== undefined || !mayWrite(machine, subject)) return
    relay(machine, other, subject)
  },
  freeze: (_machine, subject) => {
    if (subject.isRunning) subject.running.freeze()
  },
  retry: (machine, subject) => {
    if (subject.isRunning) attempt(machine, subject, "trying again", () => subject.running.retry())
  },
  clock: (machine, subject, random) => {
    const stepMs = random.chance(0.15) ? -random.below(3000) : random.below(random.chance(0.2) ? 8000 : 200)
    machine.nowMs += stepMs
    machine.newestMs = Math.max(machine.newestMs, machine.nowMs)
    if (stepMs < 0) machine.coverage.note("clock went back")
    if (subject.isRunning) subject.running.expireSnapshots()
  },
  replay: (machine, subject) => {
    if (subject.isRunning) attempt(machine, subject, "replaying", () => subject.checkReplay(subject.running.durableLsn))
  },
  crash: (machine, _subject, random) => {
    noteEnd(machine, "power cut")
    machine.crash(random.next())
  },
  kill: (machine, _subject, random) => {
    noteEnd(machine, "kill")
    machine.kill(random.next())
  },
  stop: (machine, subject) => {
    if (subject.isRunning) attempt(machine, subject, "stopping", () => stop(machine, subject))
  },
  fallBack: (machine, subject) => fallBack(machine, subject),
  verify: (machine, subject) => verifyStopped(machine, subject),
  fail: (machine, subject, random) => machine.faults.failSoon(subject.directory, random),
  fill: (machine, subject, random) => machine.faults.fillDisk(subject.directory, random),
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

/** Takes a step. What happens in microtasks has happened when it is over. */
export async function take(machine: Machine, step: Step): Promise<void> {
  const subject = machine.subjects[step.subject % machine.subjects.length]!
  if (subject.work !== undefined && step.kind !== "transact") machine.coverage.note("transaction open meanwhile")
  const { engine } = subject
  const wasBuilding = engine !== undefined && engine.isBuilding
  const action: Action = ACTIONS[step.kind]
  await action(machine, subject, new Random(step.salt))
  if (wasBuilding && subject.engine === engine && !engine.isBuilding) machine.coverage.note("index built")
  for (let turn = 0; turn < 4; turn++) await undefined
}

export function maintain(machine: Machine, subject: Subject, budget: number): "more" | "waiting" | "idle" {
  if (!subject.isRunning) return "idle"
  const engine = subject.running
  const { coverage } = machine
  const { frozenMemtables } = engine.backlog
  if (frozenMemtables > 0 && engine.isBuilding && subject.held.length > 0) coverage.note("flush with build and snapshot")
  const progress = attempt(machine, subject, "maintaining", () => engine.maintain(budget)) ?? "waiting"
  if (!subject.isRunning) return progress
  if (engine.backlog.frozenMemtables < frozenMemtables) subject.flushes++
  return progress
}

/** Whether a transaction may be begun or gone on with; a refusal must have a cause. */
function mayWrite(machine: Machine, subject: Subject): boolean {
  if (!subject.isRunning) return false
  if (subject.work !== undefined) return true
  const admission = subject.running.admission()
  if (admission === "open") return true
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
  const definitions = latest.size === 0 ? firstDefinitions(random) : someDefinitions(random)
  const state = new Map(latest)
  let drops = 0
  for (const definition of definitions) {
    const before = latest.get(definition.name)
    drops += before?.definition.indexes.filter((it) => !definition.indexes.includes(it)).length ?? 0
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

/** Looks through a snapshot that is held: it shows what it showed at first, or it has expired. */
function look(machine: Machine, subject: Subject, at: number): void {
  const held = subject.held[at]
  if (held === undefined || !subject.isRunning) return
  attempt(machine, subject, "looking through a snapshot", () => {
    try {
      checkReader(held.snapshot, held.stores, held.state, `${subject.name}, a snapshot held at LSN ${held.snapshot.lsn}`)
      if (subject.flushes > held.flushes) machine.coverage.note("snapshot held over a flush")
    } catch (error) {
      if (!isExpiry(error)) throw error
      if (machine.newestMs - held.startMs < SNAPSHOT_TIMEOUT_MS) violated("snapshots", `${subject.name}: one expired too early`)
      machine.coverage.note("snapshot expired")
      subject.held.splice(at, 1)
    }
  })
}

export function stop(machine: Machine, subject: Subject): void {
  const engine = subject.running
  subject.phase = "closing"
  subject.work = undefined
  subject.held.length = 0
  engine.close((fault) => {
    const { lastLsn } = engine
    subject.fell()
    if (fault !== undefined) {
      if (!hasCause(machine, subject)) violated("no refusal without a cause", `${subject.name} cannot be closed: ${fault.message}`)
      return
    }
    subject.observe(lastLsn)
    subject.isCleanlyStopped = !hasCause(machine, subject)
    machine.coverage.note("clean stop")
  })
}

/** The full check of a database that was stopped cleanly finds nothing. */
async function verifyStopped(machine: Machine, subject: Subject): Promise<void> {
  if (subject.phase !== "down" || !subject.isCleanlyStopped) return
  // Once for every stop: the files do not change any more.
  subject.isCleanlyStopped = false
  const { fault, problems } = await new Promise<{ fault: Error | undefined; problems: ReadonlyArray<unknown> }>((resolve) => {
    verify(machine.volume, subject.directory, (fault, report) => resolve({ fault, problems: report?.problems ?? [] }))
  })
  if (fault === undefined && problems.length === 0) return
  if (!hasCause(machine, subject)) violated("verify", `${subject.name}: ${fault?.message ?? JSON.stringify(problems[0])}`)
}

function noteEnd(machine: Machine, how: "power cut" | "kill"): void {
  const { coverage, stalled, subjects } = machine
  coverage.note(how)
  if (stalled !== undefined && machine.volume.waitingPaths.some((path) => path.startsWith(stalled))) coverage.note("sync never returned")
  for (const subject of subjects) {
    if (subject.phase === "opening") coverage.note(how === "kill" ? "kill while opening" : "power cut while opening")
    if (how === "kill" || !subject.isRunning) continue
    if (subject.running.backlog.frozenMemtables > 0) coverage.note("power cut while flushing")
    if (subject.running.isBuilding) coverage.note("power cut while an index is built")
    if (subject.work !== undefined) coverage.note("power cut in a transaction")
  }
}
