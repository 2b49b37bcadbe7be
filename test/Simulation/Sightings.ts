/**
 * What one database of a process was told about another. Each has its own log and its own durable point, so a crash could take back the
 * seen and leave the sighting: that must not be.
 */
import type { Machine } from "./Machine.ts"
import { Draft, stateDigest } from "./Model.ts"
import { attempt } from "./Refusals.ts"
import type { Subject } from "./Subject.ts"
import { commit } from "./Transactions.ts"
import { violated } from "./Violation.ts"
import { SIGHTINGS, sighting } from "./Workload.ts"

/** `from` is looked at, and what it showed is written down in `to`. */
export function relay(machine: Machine, from: Subject, to: Subject): void {
  if (!to.history.latest.has(SIGHTINGS.name)) return
  const digest = attempt(machine, from, "being looked at", () => from.checkDurable("from outside"))
  if (digest === undefined) return
  attempt(machine, to, "writing a sighting", () => {
    const engine = to.running
    const document = sighting(from.name, from.running.durableLsn, digest)
    to.work = { transaction: engine.transact(), draft: new Draft(to.history.latest) }
    to.work.transaction.put(engine.store(SIGHTINGS.name)!, document.key, document.bytes, 0)
    to.work.draft.put(SIGHTINGS.name, document)
    commit(to, machine.coverage)
    machine.coverage.note("other database seen")
  })
}

/** Whatever was seen is still there. */
export function checkSightings({ subjects }: Machine): void {
  for (const to of subjects.filter((it) => it.isRunning && it.lie === undefined)) {
    for (const { fields } of to.history.latest.get(SIGHTINGS.name)?.documents.values() ?? []) {
      const from = subjects.find((it) => it.name === fields["_id"] && it.isRunning && it.lie === undefined)
      if (from === undefined) continue
      const lsn = Number(fields["lsn"])
      if (from.running.lastLsn < lsn)
        violated("nothing leaves before it is durable", `${to.name} saw ${from.name} at LSN ${lsn}, which is lost`)
      if (stateDigest(from.history.at(lsn)) !== fields["digest"])
        violated("snapshots", `${to.name} saw something else of ${from.name} at LSN ${lsn}`)
    }
  }
}
