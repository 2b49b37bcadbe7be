/** How a database ends: stopped, killed or without power; and what its files say when it was stopped. */
import { endBackup } from "./Backups.ts"
import { checkFiles } from "./FileCheck.ts"
import type { Machine } from "./Machine.ts"
import { endMigration } from "./Migrating.ts"
import { hasCause } from "./Refusals.ts"
import type { Subject } from "./Subject.ts"
import { violated } from "./Violation.ts"

export function stop(machine: Machine, subject: Subject): void {
  const engine = subject.running
  endBackup(subject)
  endMigration(subject)
  subject.phase = "closing"
  subject.work = undefined
  subject.held.length = 0
  subject.heldLong.length = 0
  subject.logHolds.length = 0
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
export async function verifyStopped(machine: Machine, subject: Subject): Promise<void> {
  if (subject.phase !== "down" || !subject.isCleanlyStopped) return
  // Once for every stop: the files do not change any more.
  subject.isCleanlyStopped = false
  await checkFiles(machine.volume, subject.directory, (message) => {
    if (!hasCause(machine, subject)) violated("verify", `${subject.name}: ${message}`)
  })
}

export function noteEnd(machine: Machine, how: "power cut" | "kill"): void {
  const { coverage, stalled, subjects } = machine
  coverage.note(how)
  if (stalled !== undefined && machine.volume.waitingPaths.some((path) => path.startsWith(stalled))) coverage.note("sync never returned")
  for (const subject of subjects) {
    if (subject.phase === "opening") coverage.note(how === "kill" ? "kill while opening" : "power cut while opening")
    if (how === "kill" || !subject.isRunning) continue
    if (subject.running.backlog.frozenMemtables > 0) coverage.note("power cut while flushing")
    if (subject.running.isBuilding) coverage.note("power cut while an index is built")
    if (subject.isCompacting) coverage.note("power cut while compacting")
    if (subject.backup !== undefined) coverage.note("power cut in a backup")
    if (subject.work !== undefined) coverage.note("power cut in a transaction")
    if (subject.migration !== undefined) coverage.note("power cut in a migration")
    if (subject.history.renamedLsn > subject.running.durableLsn) coverage.note("power cut before new names were on disk")
  }
}
