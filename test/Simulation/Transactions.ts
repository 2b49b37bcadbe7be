/** Random transactions, with the model beside them. A transaction may stay open while other steps are taken. */
import type { Random } from "../../src/Disk/Random.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { checkReader } from "./Checks.ts"
import type { Coverage } from "./Coverage.ts"
import { Draft, hexOf } from "./Model.ts"
import type { Subject, Work } from "./Subject.ts"
import { isUnique } from "./Unique.ts"
import { violated } from "./Violation.ts"
import { BILLS, withParty } from "./Versions.ts"
import { isFilledAtRandom, someDocument } from "./Workload.ts"

const WRITES_MAX = 6

/** Begins a transaction, or goes on with the one that is open, and perhaps ends it. */
export function transact(subject: Subject, random: Random, coverage: Coverage): void {
  const engine = subject.running
  const work = (subject.work ??= { transaction: engine.transact(), draft: new Draft(subject.history.latest) })
  const names = [...subject.history.latest.keys()].filter(isFilledAtRandom)
  if (names.length > 0)
    for (let left = 1 + random.below(WRITES_MAX); left > 0; left--) writeOrTakeBack(subject, work, names, random, coverage)
  if (random.chance(0.1)) checkOwnReads(subject, work)
  if (random.chance(0.65)) end(subject, random, coverage)
}

/** Ends the open transaction, mostly by a commit. */
export function end(subject: Subject, random: Random, coverage: Coverage): void {
  const work = subject.work!
  if (!random.chance(0.12)) return commit(subject, coverage)
  subject.work = undefined
  work.transaction.rollback()
  coverage.note("transaction rolled back")
}

/** Commits the open transaction: one LSN when it wrote anything, none otherwise. Values that come twice undo it. */
export function commit(subject: Subject, coverage: Coverage): void {
  const engine = subject.running
  const { transaction, draft } = subject.work!
  subject.work = undefined
  const before = engine.lastLsn
  try {
    const isDone = isUnique(subject, draft, () => {
      const lsn = transaction.commit()
      if (lsn !== engine.lastLsn || lsn > before + 1)
        violated("one commit is one LSN", `${subject.name}: a commit at LSN ${before} gave ${lsn}`)
    })
    if (isDone) return
    coverage.note("commit refused for values that come twice")
    if (engine.lastLsn > before) violated("unique", `${subject.name}: a refused commit has LSN ${engine.lastLsn}`)
  } finally {
    // Also when it threw: what was appended before it did may survive.
    if (engine.lastLsn > before) subject.committed(engine.lastLsn, draft.state())
  }
}

function writeOrTakeBack(subject: Subject, work: Work, names: ReadonlyArray<string>, random: Random, coverage: Coverage): void {
  const kind = random.below(8)
  if (kind > 2) return write(subject, work, names, random)
  const savepoint = work.transaction.savepoint()
  const draft = new Draft(work.draft.state())
  for (let left = 1 + random.below(3); left > 0; left--) write(subject, work, names, random)
  if (kind > 0 && isUnique(subject, work.draft, () => work.transaction.endStatement())) return
  coverage.note(kind > 0 ? "statement refused for values that come twice" : "savepoint rolled back")
  work.transaction.rollbackTo(savepoint)
  work.draft = draft
}

function write(subject: Subject, { transaction, draft }: Work, names: ReadonlyArray<string>, random: Random): void {
  // What is migrated is written meanwhile.
  const name = subject.migration !== undefined && random.chance(0.5) ? BILLS : names[random.below(names.length)]!
  const store = subject.running.store(name)!
  const document = someDocument(store.definition, random)
  const wasThere = draft.documents(name).has(hexOf(document.key))
  if (name === BILLS && random.chance(0.15)) return exchange(subject, { transaction, draft }, random)
  const kind = random.below(10)
  if (kind < 3) {
    // Of what is there, so that stores of many keys do not only grow.
    const there = [...draft.documents(name).values()]
    const key = there.length > 0 && random.chance(0.7) ? there[random.below(there.length)]!.key : document.key
    const isExpected = draft.documents(name).has(hexOf(key))
    if (transaction.delete(store, key) !== isExpected) violated("reads", `${subject.name}: a delete of ${hexOf(key)} misses what is there`)
    draft.delete(name, key)
  } else if (kind < 5) {
    if (insert(() => transaction.insert(store, document.bytes, 0, new Uint8Array(16))) === wasThere) {
      violated("reads", `${subject.name}: an insert of ${hexOf(document.key)} misjudges what is there`)
    }
    if (!wasThere) draft.put(name, document)
  } else {
    if (transaction.put(store, document.key, document.bytes, 0) !== (wasThere ? "replaced" : "inserted")) {
      violated("reads", `${subject.name}: a put of ${hexOf(document.key)} misjudges what is there`)
    }
    draft.put(name, document)
  }
}

/** Two documents exchange the values that an index may want to be unique. */
function exchange(subject: Subject, { transaction, draft }: Work, random: Random): void {
  const there = [...draft.documents(BILLS).values()]
  if (there.length < 2) return
  const [first, second] = [there[random.below(there.length)]!, there[random.below(there.length)]!]
  if (first === second) return
  const definition = draft.definition(BILLS)
  for (const document of [withParty(definition, first, second), withParty(definition, second, first)]) {
    transaction.put(subject.running.store(BILLS)!, document.key, document.bytes, 0)
    draft.put(BILLS, document)
  }
}

/** Whether the key was free. */
function insert(work: () => void): boolean {
  try {
    work()
    return true
  } catch (error) {
    if (isFault(error, "DuplicateKey")) return false
    throw error
  }
}

function checkOwnReads(subject: Subject, { transaction, draft }: Work): void {
  checkReader(transaction, subject.running.stores(), draft.state(), `${subject.name}, inside a transaction`)
}
