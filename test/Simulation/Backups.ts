/** Backups taken while everything goes on, and databases made from them. */
import { Random } from "../../src/Disk/Random.ts"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import { Backup } from "../../src/Storage/Backup.ts"
import { Restore } from "../../src/Storage/Restore.ts"
import { checkFiles } from "./FileCheck.ts"
import type { Machine } from "./Machine.ts"
import { attempt } from "./Refusals.ts"
import { type BackupDone, Subject } from "./Subject.ts"
import { violated } from "./Violation.ts"

const ROUNDS_MAX = 2000
const SLICE_BYTES = 64 * 1024

/** Begins a backup of a database, or goes on with the one that is under way. */
export function backUp(machine: Machine, subject: Subject, random: Random): void {
  if (!subject.isRunning || subject.lie !== undefined) return
  const { volume, nowMs, coverage } = machine
  const { directory, running } = subject
  const index = running.index
  if (subject.backup === undefined) {
    const { lsn } = index.current().checkpoint
    const work = new Backup({ volume, directory, index, target: targetOf(subject), nowMs })
    subject.backup = { work, lsn, state: subject.history.at(lsn) }
  }
  const { backup } = subject
  const progress = attempt(machine, subject, "taking a backup", () => backup.work.step(1 + random.below(SLICE_BYTES)))
  if (progress === "more" || progress === "waiting") return
  if (subject.backup === backup) subject.backup = undefined
  if (progress === undefined) return
  const { lsn, number } = backup.work.result
  if (lsn !== backup.lsn) violated("backups", `${subject.name}: one of LSN ${backup.lsn} says that it is of LSN ${lsn}`)
  subject.backups.push({ number, lsn, state: backup.state })
  if (subject.backups.length > 1) coverage.note("backup after another")
  coverage.note("backup taken")
}

/** Gives up the backup under way. */
export function endBackup(subject: Subject): void {
  subject.backup?.work.release()
  subject.backup = undefined
}

/**
 * Makes a database from a backup on a copy of what is certainly on disk, perhaps after an attempt that lost power, and reads all of it. The
 * machine goes on.
 */
export async function restore(machine: Machine, subject: Subject, random: Random): Promise<void> {
  const backup = subject.backups[random.below(subject.backups.length)]
  if (backup === undefined) return
  let volume = machine.volume.durable()
  const stopAfter = random.chance(0.4) ? random.below(16) : Infinity
  let directory = "data/restored"
  if (!(await run(restoring(volume, subject, backup, directory, random), volume, stopAfter))) {
    machine.coverage.note("power cut in a restore")
    volume = volume.crash(random.next())
    const interrupted = await open(machine, volume, subject, backup, directory)
    if (interrupted instanceof Subject) await close(interrupted, volume)
    directory = "data/again"
    await run(restoring(volume, subject, backup, directory, random), volume, Infinity)
  }
  const copy = await open(machine, volume, subject, backup, directory)
  if (!(copy instanceof Subject)) return violated("backups", `backup ${backup.number} of ${subject.name}: ${copy.message}`, copy)
  await close(copy, volume)
  await checkFiles(volume, directory, (message) =>
    violated("verify", `restored from backup ${backup.number} of ${subject.name}: ${message}`)
  )
  machine.coverage.note("backup restored")
}

const targetOf = ({ name }: Subject): string => `backups/${name}`

function restoring(volume: SimulatedVolume, subject: Subject, backup: BackupDone, directory: string, random: Random): Restore {
  const entropy = new Random(random.next())
  return new Restore({
    volume,
    source: targetOf(subject),
    number: backup.number,
    directory,
    random: (into) => entropy.fillBytes(into)
  })
}

/** Runs a restore for so many slices; whether it is done. */
async function run(work: Restore, volume: SimulatedVolume, slicesMax: number): Promise<boolean> {
  for (let slice = 0; slice < Math.min(slicesMax, ROUNDS_MAX); slice++) {
    if (work.step(SLICE_BYTES) === "done") return true
    volume.pump()
    for (let turn = 0; turn < 4; turn++) await undefined
  }
  if (slicesMax > ROUNDS_MAX) violated("work gets done", "a restore does not end")
  return false
}

/** The database in a directory, held to what the backup is of; or why it stays closed. What an interrupted restore left may be a new one. */
async function open(
  machine: Machine,
  volume: SimulatedVolume,
  subject: Subject,
  backup: BackupDone,
  directory: string
): Promise<Subject | Fault> {
  const copy = new Subject(subject.name, directory, subject.limits, { ...machine, volume, now: machine.now })
  if (volume.paths().includes(`${directory}/index.planck`)) copy.restoredFrom(backup)
  copy.start(new Random(2))
  try {
    for (let round = 0; !copy.open(SLICE_BYTES); round++) {
      if (round > ROUNDS_MAX) violated("work gets done", `what was restored of ${subject.name} does not come up`)
      await turn(copy, volume)
    }
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
  return copy
}

async function close(copy: Subject, volume: SimulatedVolume): Promise<void> {
  const closed: Array<unknown> = []
  copy.running.close((fault) => closed.push(fault))
  while (closed.length === 0) await turn(copy, volume)
}

async function turn(copy: Subject, volume: SimulatedVolume): Promise<void> {
  for (const task of copy.tasks.splice(0)) task()
  volume.pumpAll()
  for (let count = 0; count < 4; count++) await undefined
}
