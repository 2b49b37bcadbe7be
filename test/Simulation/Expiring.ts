/** Documents whose time is over: what the engine removes by itself is what the model says, and all of it. */
import type { Commit } from "../../src/Storage/Commit.ts"
import type { Store } from "../../src/Storage/Reader.ts"
import { isOverdue } from "./Indexes.ts"
import type { Machine } from "./Machine.ts"
import { Draft, hexOf } from "./Model.ts"
import { attempt } from "./Refusals.ts"
import type { Subject } from "./Subject.ts"
import { violated } from "./Violation.ts"

/** Lets the engine remove some of them, in a transaction of its own. */
export function expireDocuments(machine: Machine, subject: Subject): "more" | "waiting" | "idle" {
  if (!subject.isRunning || subject.work !== undefined) return "waiting"
  const engine = subject.running
  const before = engine.lastLsn
  const draft = new Draft(subject.history.latest)
  const ignore = engine.onCommit((commit) => removed(machine, subject, draft, commit))
  try {
    return attempt(machine, subject, "removing documents whose time is over", () => engine.expireDocuments()) ?? "waiting"
  } finally {
    ignore()
    if (engine.lastLsn > before) subject.committed(engine.lastLsn, draft.state())
  }
}

function removed({ coverage, nowMs }: Machine, subject: Subject, draft: Draft, commit: Commit): void {
  for (const operation = commit.operations(); operation.next();) {
    const { store } = operation
    const key = hexOf(operation.key)
    const document = draft.documents(store.definition.name).get(key)
    const isOver = document !== undefined && timed(store).some((it) => isOverdue(it.definition, document.fields, nowMs))
    if (operation.after !== undefined || !isOver) violated("expiry", `${subject.name}: ${key} goes, and its time is not over`)
    draft.delete(store.definition.name, operation.key)
    coverage.note("document expired")
  }
}

/** Nothing is left whose time is over. */
export function checkExpired(subject: Subject, nowMs: number): void {
  for (const store of subject.running.stores()) {
    const { name } = store.definition
    for (const { definition } of timed(store)) {
      const left = [...(subject.history.latest.get(name)?.documents ?? [])].find(([, { fields }]) => isOverdue(definition, fields, nowMs))
      if (left !== undefined) violated("expiry", `${subject.name}: the time of ${left[0]} in ${name} is over`)
    }
  }
}

const timed = (store: Store) => store.indexes.filter((it) => it.ready && it.definition.expireAfterMs !== undefined)
