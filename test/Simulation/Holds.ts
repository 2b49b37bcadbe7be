/** Snapshots that are held while other things happen: each shows one LSN as it was, until it is closed or has expired. */
import type { Random } from "../../src/Disk/Random.ts"
import { checkReader } from "./Checks.ts"
import { LONG_SNAPSHOT_TIMEOUT_MS, type Machine, SNAPSHOT_TIMEOUT_MS } from "./Machine.ts"
import { attempt, isExpiry } from "./Refusals.ts"
import type { Subject } from "./Subject.ts"
import { violated } from "./Violation.ts"

const HELD_MAX = 4
const LONG_MAX = 2

export function hold(machine: Machine, subject: Subject): void {
  if (!subject.isRunning || subject.held.length >= HELD_MAX) return
  const engine = subject.running
  const snapshot = engine.snapshot()
  subject.checkShown(snapshot.lsn)
  subject.observe(engine.durableLsn)
  const state = subject.history.seenAt(snapshot.lsn)
  subject.held.push({ snapshot, stores: engine.stores(), state, startMs: machine.nowMs, flushes: subject.flushes })
}

/** Asks for a long one. It shows what is committed now, durable or not, once that is flushed. */
export function holdLong(machine: Machine, subject: Subject): void {
  if (!subject.isRunning || subject.heldLong.length >= LONG_MAX) return
  const engine = subject.running
  const request = attempt(machine, subject, "asking for a long snapshot", () => engine.requestLongSnapshot())
  if (request === undefined) return
  const { latest } = subject.history
  subject.heldLong.push({ request, stores: engine.stores(), lsn: engine.lastLsn, state: latest, startMs: machine.nowMs })
}

export function look(machine: Machine, subject: Subject, random: Random): void {
  const at = random.below(HELD_MAX)
  lookShort(machine, subject, at)
  lookLong(machine, subject, at % LONG_MAX)
}

/** Looks through a snapshot that is held: it shows what it showed at first, or it has expired. */
function lookShort(machine: Machine, subject: Subject, at: number): void {
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

function lookLong(machine: Machine, subject: Subject, at: number): void {
  const held = subject.heldLong[at]
  const snapshot = held?.request.snapshot
  if (held === undefined || snapshot === undefined || !subject.isRunning) return
  if (snapshot.lsn !== held.lsn) violated("snapshots", `${subject.name}: a long one is at LSN ${snapshot.lsn} and not ${held.lsn}`)
  subject.observe(snapshot.lsn, true)
  attempt(machine, subject, "looking through a long snapshot", () => {
    try {
      checkReader(snapshot, held.stores, held.state, `${subject.name}, a long snapshot held at LSN ${held.lsn}`)
      if (subject.running.space.condemnedBytes > 0) machine.coverage.note("long snapshot held over a compaction")
    } catch (error) {
      if (!isExpiry(error)) throw error
      subject.heldLong.splice(at, 1)
      if (machine.newestMs - held.startMs >= LONG_SNAPSHOT_TIMEOUT_MS) return machine.coverage.note("long snapshot expired")
      if (subject.keptBytesSeen <= subject.limits.longSnapshotBytesMax!)
        violated("snapshots", `${subject.name}: a long one expired too early`)
      machine.coverage.note("hold broken for the space it kept")
    }
  })
}

export function release(_machine: Machine, subject: Subject, random: Random): void {
  const at = random.below(HELD_MAX)
  subject.held.splice(at, 1)[0]?.snapshot.close()
  if (random.chance(0.15)) subject.heldLong.splice(at % LONG_MAX, 1)[0]?.request.cancel()
}

/** A long snapshot that is not there yet begins at the time that the clock will show then, be it earlier than that of its request. */
export function heldBack({ nowMs, subjects }: Machine): void {
  for (const long of subjects.flatMap((it) => it.heldLong))
    if (long.request.snapshot === undefined) long.startMs = Math.min(long.startMs, nowMs)
}

/** Ends those that are too old or keep too much. */
export function expire(subject: Subject): void {
  subject.keptBytesSeen = Math.max(subject.keptBytesSeen, subject.running.space.condemnedBytes)
  subject.running.expireSnapshots()
}

export function releaseAll(subject: Subject): void {
  for (const { snapshot } of subject.held.splice(0)) snapshot.close()
  for (const { request } of subject.heldLong.splice(0)) request.cancel()
}
