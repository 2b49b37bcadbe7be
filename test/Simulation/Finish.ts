/** The end of a run: the disk is well again, everything gets the time it needs, and nothing may be left undone or unaccounted for. */
import type { Random } from "../../src/Disk/Random.ts"
import { checkExpired, expireDocuments } from "./Expiring.ts"
import { releaseAll } from "./Holds.ts"
import { backUp, endBackup, restore } from "./Backups.ts"
import { releaseHolds } from "./LogHolding.ts"
import { readSegments } from "./LogFiles.ts"
import { goOnToTheEnd } from "./Migrating.ts"
import type { Machine } from "./Machine.ts"
import { fallBack } from "./OlderMeta.ts"
import { hasCause } from "./Refusals.ts"
import { compact, maintain, rest, takeFor } from "./Steps.ts"
import type { StepKind } from "./Steps.ts"
import type { Subject } from "./Subject.ts"
import { violated } from "./Violation.ts"

const ROUNDS_MAX = 20_000
const RETRIES = 3
/** How often the newer meta is lost between two slices. */
const FALL_BACK_CHANCE = 0.006
const SLICE = 1 << 20
/** A header, a record without a body and a footer. */
const LOG_AT_REST_BYTES_MAX = 4096 + 56 + 64
/** Of an entry of the value log, as docs/format.md has it. */
const VALUE_HEADER_BYTES = 40

export async function finish(machine: Machine, random: Random): Promise<void> {
  const take = (kind: StepKind, subject: Subject): Promise<void> => takeFor(machine, kind, subject, random.next())
  await take("heal", machine.subjects[0]!)
  await bringUp(machine, take)
  // A failure from before may still be on its way, and poison one of them when it arrives.
  for (const subject of machine.subjects.slice()) await settle(machine, subject, random)
  // A build that could not read a document is tried again by the next start.
  for (const subject of machine.subjects.slice()) if (hasFailedBuild(machine, subject)) await take("stop", subject)
  await bringUp(machine, take)
  // Of one that the disk has lied to nothing can be asked but that it does not show anything wrong.
  for (const subject of machine.subjects.filter((it) => it.lie === undefined)) {
    await settleAndCheck(machine, subject, random)
    await backUpAndRestore(machine, subject, random)
    await take("stop", subject)
    await until(machine, subject, "stopped", () => subject.phase === "down")
    checkSpace(machine, subject)
    await take("verify", subject)
    const { lastLsn } = subject
    await bringUp(machine, take)
    const found = subject.running.lastLsn
    if (found !== lastLsn) violated("recovery", `${subject.name} stopped at LSN ${lastLsn} and starts at ${found}`)
  }
}

/** Starts whatever is down. One that has to be restarted is, with all others. */
async function bringUp(machine: Machine, take: (kind: StepKind, subject: Subject) => Promise<void>): Promise<void> {
  for (const subject of machine.subjects)
    if (subject.phase === "closing") await until(machine, subject, "stopped", () => subject.phase !== "closing")
  if (machine.subjects.some((it) => it.isRunning && it.running.admission() === "poisoned")) await take("kill", machine.subjects[0]!)
  for (let round = 0; machine.subjects.some((it) => !it.isRunning); round++) {
    if (round > ROUNDS_MAX) violated("work gets done", "the databases do not come up")
    for (let at = 0; at < machine.subjects.length; at++) {
      // One that turns out to be damaged gives way to a new one in its place.
      for (const kind of ["start", "open", "task"] as const) await take(kind, machine.subjects[at]!)
    }
    await take("sync", machine.subjects[0]!)
  }
}

function hasFailedBuild(machine: Machine, subject: Subject): boolean {
  if (!subject.isRunning || !hasCause(machine, subject)) return false
  const { running } = subject
  return running.stores().some(({ indexes }) => indexes.some((it) => it.duplicates === undefined && running.buildFailure(it) !== undefined))
}

async function settleAndCheck(machine: Machine, subject: Subject, random: Random): Promise<void> {
  subject.work?.transaction.rollback()
  subject.work = undefined
  releaseAll(subject)
  releaseHolds(subject)
  endBackup(subject)
  // A refusal from before may still be on its way: whoever runs an engine tries again every second.
  for (let count = 0; count < RETRIES; count++) {
    subject.running.retry()
    await settle(machine, subject, random)
  }
  checkDue(subject)
  subject.running.sync()
  await settle(machine, subject, random)
  await goOnToTheEnd(machine, subject, random, () => settle(machine, subject, random))
  const { running } = subject
  if (running.durableLsn !== running.lastLsn)
    violated("work gets done", `${subject.name} stays at durable LSN ${running.durableLsn} of ${running.lastLsn}`)
  if (running.isBuilding) violated("work gets done", `${subject.name} leaves an index unbuilt`)
  for (const { definition, indexes } of running.stores()) {
    const unbuilt = indexes.find((it) => !it.ready && it.duplicates === undefined)
    if (unbuilt !== undefined) violated("work gets done", `${subject.name} has ${definition.name}.${unbuilt.definition.name} not ready`)
  }
  await expireAll(machine, subject, random)
  running.sync()
  await settle(machine, subject, random)
  subject.checkDurable("settled")
  subject.checkReplay(running.lastLsn)
  // Twice, so that both metas are past everything.
  for (let count = 0; count < 2; count++) {
    running.freeze(true)
    await settle(machine, subject, random)
  }
  if (running.backlog.frozenMemtables > 0) violated("work gets done", `${subject.name} leaves a memtable unflushed`)
  subject.checkDurable("flushed")
  checkLiveBytes(subject)
  await restAndCheck(machine, subject, random)
  if (running.lastLsn % 2 === 0) return
  compact(machine, subject)
  await settle(machine, subject, random)
  if (subject.isCompacting) violated("work gets done", `${subject.name} does not end a compaction`)
  subject.checkDurable("compacted")
  checkLiveBytes(subject)
}

/** A log that was put to rest has one small segment and no other. */
async function restAndCheck(machine: Machine, subject: Subject, random: Random): Promise<void> {
  if (!rest(machine, subject)) return
  await settle(machine, subject, random)
  const { name, running } = subject
  if (!running.logRest.isOver) violated("work gets done", `the log of ${name} does not come to rest`)
  const segments = readSegments(machine.volume, subject.logDirectory)
  const bytes = segments.reduce((sum, it) => sum + it.sizeBytes, 0)
  if (segments.length !== 1 || bytes > LOG_AT_REST_BYTES_MAX)
    violated("space", `the log of ${name} is at rest with ${segments.length} segments of ${bytes} bytes`)
  subject.checkDurable("at rest")
  subject.checkReplay(running.lastLsn)
  // So that a backup has the record too.
  running.freeze(true)
  await settle(machine, subject, random)
}

/** Of some: a backup of now makes a database that is the same. */
async function backUpAndRestore(machine: Machine, subject: Subject, random: Random): Promise<void> {
  if (!random.chance(0.2)) return
  const known = subject.backups.length
  for (let round = 0; subject.backups.length === known; round++) {
    if (round > ROUNDS_MAX) violated("work gets done", `${subject.name} does not end a backup`)
    backUp(machine, subject, random)
    machine.volume.pump()
    await undefined
  }
  const { lsn, state } = subject.backups.at(-1)!
  if (lsn !== subject.running.lastLsn || state !== subject.history.latest)
    violated("backups", `${subject.name}: one of everything is of LSN ${lsn}`)
  subject.backups.splice(0, known)
  await restore(machine, subject, random)
}

/** What has an end gets removed, as often as it takes. */
async function expireAll(machine: Machine, subject: Subject, random: Random): Promise<void> {
  const { running } = subject
  for (let idle = 0, round = 0; idle < 2; round++) {
    if (round > ROUNDS_MAX) violated("work gets done", `${subject.name} does not come to an end of what is over`)
    const before = running.lastLsn
    const progress = expireDocuments(machine, subject)
    await settle(machine, subject, random)
    idle = progress === "idle" && running.lastLsn === before ? idle + 1 : 0
  }
  if (machine.faults.injected === subject.injectedBefore) checkExpired(subject, machine.nowMs)
}

/** What has to get to disk by itself is there. */
function checkDue({ levels, name, running }: Subject): void {
  const dueLsn = levels.dueLsn(running.lastLsn)
  if (running.durableLsn < dueLsn)
    violated("work gets done", `${name} stays at durable LSN ${running.durableLsn}, and LSN ${dueLsn} is due`)
}

/** The value log has every document once that is alive, and knows it. */
function checkLiveBytes({ history, name, running }: Subject): void {
  let expected = 0
  for (const { documents } of history.latest.values())
    for (const { bytes } of documents.values()) expected += Math.ceil((VALUE_HEADER_BYTES + bytes.length) / 8) * 8
  const { liveBytes } = running.space
  if (liveBytes !== expected) violated("space", `${name} takes ${liveBytes} bytes of its value log for documents of ${expected}`)
}

/** Everything there is to do gets done. On the way nothing needs both metas of the index file. */
async function settle(machine: Machine, subject: Subject, random: Random): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    if (random.chance(FALL_BACK_CHANCE)) await fallBack(machine, subject, random)
    if (subject.isRunning && subject.running.isSyncDue) subject.running.sync()
    const progress = maintain(machine, subject, SLICE)
    const isBusy = runTasks(subject) || machine.volume.pump()
    await undefined
    if (!isBusy && progress !== "more") return
  }
  violated("work gets done", `${subject.name} does not come to rest`)
}

async function until(machine: Machine, subject: Subject, what: string, isReached: () => boolean): Promise<void> {
  for (let round = 0; !isReached(); round++) {
    if (round > ROUNDS_MAX) violated("work gets done", `${subject.name} is never ${what}`)
    runTasks(subject)
    machine.volume.pump()
    await undefined
  }
}

function runTasks(subject: Subject): boolean {
  const tasks = subject.tasks.splice(0)
  for (const task of tasks) task()
  return tasks.length > 0
}

/** After a clean stop with everything flushed the directory holds nothing that nobody needs. */
function checkSpace(machine: Machine, subject: Subject): void {
  const { directory, limits } = subject
  const paths = machine.volume.paths().filter((path) => path.startsWith(`${directory}/`))
  const known = /\/(index\.planck|definitions\.planck|reserve|values\/\d{8}\.values|wal\/[0-9a-f]{32}-\d{16}\.wal)$/
  const unknown = paths.filter((path) => !known.test(path))
  if (unknown.length > 0) violated("space", `${subject.name} leaves ${unknown.join()}`)
  const segments = readSegments(machine.volume, subject.logDirectory)
  const unsealed = segments.filter((it) => !it.isSealed)
  if (unsealed.length > 0) violated("space", `${subject.name} leaves ${unsealed[0]!.path} unsealed`)
  // What the last flush was behind, and the anchor: everything older is covered by both metas.
  const needed = segments.filter((it) => it.records.length > 0)
  const bytes = needed.reduce((sum, it) => sum + it.sizeBytes, 0)
  const bytesMax = 2 * Math.max(limits.logSegmentBytesMax ?? 0, ...needed.map((it) => it.sizeBytes)) + 64 * 1024
  if (bytes > bytesMax) violated("space", `${subject.name} keeps ${bytes} bytes of its log, for at most ${bytesMax}`)
}
