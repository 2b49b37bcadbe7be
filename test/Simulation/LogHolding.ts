/**
 * Holds on the log, as an archive or a replica takes them: what lies behind one is in the files of the log until its owner moves on, gives it
 * up, or is told that it is broken, and why.
 */
import type { Random } from "../../src/Disk/Random.ts"
import type { HoldBroken, LogHold } from "../../src/Storage/LogHolds.ts"
import { holdsRecord, readSegments } from "./LogFiles.ts"
import type { Machine } from "./Machine.ts"
import { attempt, hasCause } from "./Refusals.ts"
import type { Subject } from "./Subject.ts"
import { violated } from "./Violation.ts"

const HOLDS_MAX = 3

/** A hold that was taken, and when its owner moved it last. */
export interface LogHeld {
  readonly hold: LogHold
  movedMs: number
  broken: HoldBroken | undefined
}

/** Takes a hold, or does what its owner does with one that is there: reads what lies behind it, moves it, gives it up. */
export function holdLog(machine: Machine, subject: Subject, random: Random): void {
  if (!subject.isRunning || subject.lie !== undefined) return
  const held = subject.logHolds[random.below(HOLDS_MAX)]
  if (held === undefined) return take(machine, subject, random)
  checkHeld(machine, subject, held)
  if (held.broken !== undefined || random.chance(0.1)) return release(subject, held)
  if (random.chance(0.5)) return
  held.hold.move(held.hold.lsn + random.below(1 + Math.max(0, subject.running.durableLsn - held.hold.lsn)))
  held.movedMs = machine.nowMs
}

/** What the process does now and then: holds that are too old or keep too much are broken. */
export function expireHolds(machine: Machine, subject: Subject): void {
  if (subject.logHolds.length === 0) return
  const bytesMax = subject.limits.logHoldBytesMax!
  // Of the newest one the footer may be written and not on disk.
  const newest = readSegments(machine.volume, subject.logDirectory).findLast((it) => it.isSealed)?.sizeBytes ?? 0
  const tooMuch = subject.logHolds.filter(({ hold }) => keptBytes(machine, subject, hold.lsn) - newest > bytesMax)
  attempt(machine, subject, "breaking holds", () => subject.running.logHolds.expire())
  const left = tooMuch.find(({ hold }) => !hold.isBroken)
  if (left !== undefined && !hasCause(machine, subject))
    violated("holds on the log", `${subject.name}: one that keeps too much is not broken`)
}

/** Nobody has a hold any more. */
export function releaseHolds(subject: Subject): void {
  for (const held of subject.logHolds.slice()) release(subject, held)
}

function take(machine: Machine, subject: Subject, random: Random): void {
  const engine = subject.running
  // Most ask for what comes now; some come back for what was there a while ago.
  const lsn = random.chance(0.7) ? engine.durableLsn : random.below(engine.durableLsn + 1)
  const firstLsn = firstLsnOf(machine, subject)
  const told: { held?: LogHeld; broken?: HoldBroken } = {}
  const onBroken = (why: HoldBroken): void => {
    if (told.broken !== undefined) violated("holds on the log", `${subject.name}: an owner is told twice that its hold is broken`)
    told.broken = why
    if (told.held !== undefined) told.held.broken = why
    checkCause(machine, subject, why, told.held, firstLsn)
  }
  const hold = engine.logHolds.hold({ name: "reader", lsn, onBroken })
  told.held = { hold, movedMs: machine.nowMs, broken: told.broken }
  checkHeld(machine, subject, told.held)
  if (!hold.isBroken) subject.logHolds.push(told.held)
}

function release(subject: Subject, held: LogHeld): void {
  held.hold.release()
  subject.logHolds.splice(subject.logHolds.indexOf(held), 1)
}

/** Every record behind the hold that is durable is in the files. */
function checkHeld({ coverage, volume }: Machine, subject: Subject, { broken, hold }: LogHeld): void {
  if (hold.isBroken !== (broken !== undefined)) violated("holds on the log", `${subject.name}: a hold is broken, and its owner is not told`)
  if (hold.isBroken) return
  const segments = readSegments(volume, subject.logDirectory)
  for (let lsn = hold.lsn + 1; lsn <= subject.running.durableLsn; lsn++) {
    if (!holdsRecord(segments, lsn)) violated("holds on the log", `${subject.name}: LSN ${lsn} is gone, and there is a hold at ${hold.lsn}`)
  }
  if (hold.lsn < subject.running.index.olderCheckpoint().lsn) coverage.note("log kept for a reader")
}

/** A hold is broken for one of four reasons, each of which can be seen from outside. */
function checkCause(machine: Machine, subject: Subject, why: HoldBroken, held: LogHeld | undefined, firstLsn: number): void {
  const { coverage, nowMs } = machine
  const { limits, name } = subject
  const isRight = {
    // Where the log itself has rotted, less of it can be read from outside than the engine knows to be there.
    bytes: () =>
      subject.lie?.path.startsWith(subject.logDirectory) === true || keptBytes(machine, subject, why.lsn) > limits.logHoldBytesMax!,
    age: () => held !== undefined && nowMs - held.movedMs > limits.logHoldAgeMsMax!,
    disk: () => hasCause(machine, subject),
    released: () => held === undefined && why.lsn + 1 < firstLsn
  }[why.cause]()
  if (!isRight) violated("holds on the log", `${name}: one at LSN ${why.lsn} is broken, as it says for: ${why.cause}`)
  if (why.cause !== "released") coverage.note("hold on the log broken")
}

/** Bytes of the segments that have a record behind `lsn`. */
function keptBytes({ volume }: Machine, subject: Subject, lsn: number): number {
  let bytes = 0
  for (const { firstLsn, isSealed, records, sizeBytes } of readSegments(volume, subject.logDirectory))
    if (isSealed && firstLsn + records.length - 1 > lsn) bytes += sizeBytes
  return bytes
}

/** From where on no record is missing: a power cut may bring an older segment back and not a newer one. */
function firstLsnOf({ volume }: Machine, subject: Subject): number {
  const segments = readSegments(volume, subject.logDirectory)
  let unbroken = segments[0]?.firstLsn ?? subject.running.durableLsn + 1
  for (const [number, { firstLsn, records }] of segments.entries()) {
    const following = segments[number + 1]?.firstLsn
    if (following !== undefined && firstLsn + records.length < following) unbroken = following
  }
  return unbroken
}
