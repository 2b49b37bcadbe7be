/**
 * Answers to clients, given by the rule that the rooms above give them by: what rests on a commit leaves when that commit is on disk, and
 * that nothing was found rests on the commit that removed it.
 */
import type { Random } from "../../src/Disk/Random.ts"
import { seenLsn } from "../../src/Storage/Admission.ts"
import { DocumentView } from "../../src/Storage/Reader.ts"
import type { Machine } from "./Machine.ts"
import { hexOf } from "./Model.ts"
import type { Subject } from "./Subject.ts"
import { violated } from "./Violation.ts"
import { isFilledAtRandom, someDocument } from "./Workload.ts"

/** A handler reads a document, or finds none, in a transaction that it undoes; its answer leaves as soon as it may. */
export function ask(machine: Machine, subject: Subject, random: Random): void {
  if (subject.work !== undefined) return
  const engine = subject.running
  const names = [...subject.history.latest.keys()].filter(isFilledAtRandom)
  if (names.length === 0) return
  const name = names[random.below(names.length)]!
  const store = engine.store(name)!
  const { key } = someDocument(store.definition, random)
  const transaction = engine.transact()
  let isFound: boolean
  try {
    isFound = transaction.get(store, key, 0, new DocumentView())
  } finally {
    // Also when the disk cannot be read: nobody could write any more while this one is open.
    transaction.rollback()
  }
  if (isFound !== subject.history.latest.get(name)!.documents.has(hexOf(key)))
    violated("reads", `${subject.name}: ${name} ${hexOf(key)} is ${isFound ? "" : "not "}found`)
  const lsn = subject.levels.promisedLsn(engine.lastLsn, engine.durableLsn)
  const waitLsn = seenLsn(engine)
  if (waitLsn === 0) return subject.observe(lsn)
  machine.coverage.note("answer waits for the disk")
  if (!isFound) machine.coverage.note("nothing found, and that waits for the disk")
  const ignore = engine.onDurable((durableLsn) => {
    if (durableLsn < waitLsn) return
    ignore()
    subject.observe(lsn)
  })
}
