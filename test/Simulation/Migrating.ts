/**
 * A store is brought to a later version while everything goes on: what the engine makes of each document, and in the end of the store, is
 * what the model says, and a migration that fails names the documents that the model says cannot be converted.
 *
 * Invariants
 * - The engine is stepped as its door steps it: slices, then everything on disk, then the change of names.
 */
import type { Random } from "../../src/Disk/Random.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import type { Commit } from "../../src/Storage/Commit.ts"
import { MigrationSet } from "../../src/Storage/MigrationSet.ts"
import { beforeName, clearReplaced, type FailedDocument, shadowName } from "../../src/Storage/StoreMigration.ts"
import { isOverdue } from "./Indexes.ts"
import type { Machine } from "./Machine.ts"
import { Draft, hexOf, type State, type StoredDocument, type StoreState } from "./Model.ts"
import { attempt } from "./Refusals.ts"
import { reluctant } from "./Reluctant.ts"
import type { Subject } from "./Subject.ts"
import { violated } from "./Violation.ts"
import { BILLS, HANDLERS, isDocument, migrated, partyOf, someVersion, versionOf, withMigrations } from "./Versions.ts"

const SLICE_DOCUMENTS_MAX = 8
/** So many that the record of a slice may not find room in a small log behind what is staged already. */
const LARGE_SLICE_DOCUMENTS = 40
const CHANGED_DOCUMENTS_MAX = 12
const VERSIONS_AHEAD_MAX = 3
const COMMIT_REFUSED = 0.02
const ROUNDS_MAX = 2000
const SHADOW = shadowName(BILLS)
const BEFORE = beforeName(BILLS)

/** A migration that is under way. */
export interface MigrationWork {
  readonly migrations: MigrationSet
  readonly target: StoreDefinition
  /** What has to be on disk before the names change, once there is nothing else to do. */
  settledLsn: number | undefined
}

/** Defines the store, begins to migrate it, goes on with that, or removes what a migration has left. */
export function migrate(machine: Machine, subject: Subject, random: Random): void {
  if (!subject.isRunning || subject.work !== undefined) return
  const known = subject.history.latest.get(BILLS)
  if (subject.migration !== undefined) goOn(machine, subject, subject.migration, random)
  else if (subject.history.latest.size > 0) beginSomething(machine, subject, known, random)
}

function beginSomething(machine: Machine, subject: Subject, known: StoreState | undefined, random: Random): void {
  const draw = random.below(10)
  if (known === undefined || draw === 0) defineBills(machine, subject, known?.definition, random)
  else if (draw < 6) removeReplaced(machine, subject, random)
  else begin(machine, subject, known, random)
}

/** Gives up what is under way. */
export function endMigration(subject: Subject): void {
  subject.migration?.migrations.cancel()
  subject.migration = undefined
}

function defineBills(machine: Machine, subject: Subject, known: StoreDefinition | undefined, random: Random): void {
  const definition = someVersion(known === undefined ? 1 : versionOf(known), random)
  const { latest } = subject.history
  const documents = latest.get(BILLS)?.documents ?? new Map<string, StoredDocument>()
  learn(machine, subject, "a definition", (engine) => {
    if (engine.admission() === "open") engine.define([definition])
    return new Map(latest).set(BILLS, { definition, documents })
  })
}

function begin({ coverage }: Machine, subject: Subject, { definition }: StoreState, random: Random): void {
  // Most often one that was begun before and ended in any way.
  const isAgain = subject.target !== undefined && versionOf(subject.target) > versionOf(definition) && random.chance(0.8)
  const version = versionOf(definition) + 1 + (random.chance(0.7) ? 0 : random.below(VERSIONS_AHEAD_MAX))
  const target = isAgain ? subject.target! : someVersion(version, random)
  subject.target = target
  const sliceDocumentsMax = random.chance(0.3) ? LARGE_SLICE_DOCUMENTS : 1 + random.below(SLICE_DOCUMENTS_MAX)
  const limits = { sliceDocumentsMax, changedDocumentsMax: 1 + random.below(CHANGED_DOCUMENTS_MAX) }
  const refuses = (): boolean => {
    const isRefused = random.chance(COMMIT_REFUSED)
    if (isRefused) coverage.note("commit of a slice refused")
    return isRefused
  }
  const engine = reluctant(subject.running, refuses)
  const migrations = new MigrationSet(engine, [withMigrations(target)], { handlers: HANDLERS }, () => 0, limits)
  subject.migration = { migrations, target, settledLsn: undefined }
  coverage.note("migration begun")
  if (isAgain && (subject.history.latest.get(SHADOW)?.documents.size ?? 0) > 0) coverage.note("migration gone on with after an end")
}

function goOn(machine: Machine, subject: Subject, work: MigrationWork, random: Random): void {
  const engine = subject.running
  if (work.settledLsn !== undefined) {
    if (engine.durableLsn >= work.settledLsn) finish(machine, subject, work)
    else engine.sync()
    return
  }
  const admission = engine.admission()
  // Where writers have to wait a slice is refused, and nothing may be left out for it.
  if (admission !== "open" && admission !== "wait") return
  if (random.chance(0.02)) {
    machine.coverage.note("migration given up")
    return endMigration(subject)
  }
  let progress: "refused" | "more" | "caughtUp" | "failed" = "refused"
  learn(machine, subject, "migrating", (_, draft) => {
    try {
      progress = work.migrations.step()
    } catch (error) {
      if (!isFault<Failure>(error, "MigrationFailed")) throw error
      checkFailure(machine, subject, work.target, error.reason)
      progress = "failed"
    }
    return withShadow(subject, draft.state())
  })
  if (progress === ("refused" as string)) machine.coverage.note("slice of a migration refused")
  if (progress === ("caughtUp" as string)) work.settledLsn = work.migrations.settle()
  if (progress !== ("failed" as string)) return
  endMigration(subject)
  mend(machine, subject, work.target, random)
}

/** The names change: what was made has to be what the model makes. */
function finish(machine: Machine, subject: Subject, work: MigrationWork): void {
  work.settledLsn = undefined
  const { coverage } = machine
  const engine = subject.running
  const { latest } = subject.history
  const names = new Map([[BILLS, BEFORE], [SHADOW, BILLS], ...(latest.has(BEFORE) ? [[BEFORE, SHADOW] as const] : [])])
  let lsn: number | undefined
  learn(machine, subject, "migrating", (_, draft) => {
    lsn = work.migrations.finish()
    return lsn === undefined ? withShadow(subject, draft.state()) : renamed(latest, names)
  })
  if (lsn === undefined) return
  subject.history.rename(lsn, names)
  endMigration(subject)
  subject.target = undefined
  // At the LSN that readers are at, by the names of now: nothing that was there may be missing.
  for (const state of [latest, subject.history.at(engine.durableLsn)]) checkMade(machine, subject, state, work.target)
  attempt(machine, subject, "reading", () => subject.checkDurable("with names that are not on disk yet"))
  const from = versionOf(latest.get(BILLS)!.definition)
  const isProgram = withMigrations(work.target).migrations?.some((it) => it.to > from && it.handler !== undefined)
  coverage.note(isProgram === true ? "store migrated by a program" : "store migrated by steps")
}

/** Goes on with it until it has ended in one way or another. */
export async function goOnToTheEnd(machine: Machine, subject: Subject, random: Random, settle: () => Promise<void>): Promise<void> {
  for (let round = 0; subject.migration !== undefined; round++) {
    if (round > ROUNDS_MAX) violated("work gets done", `${subject.name}: a migration does not end`)
    goOn(machine, subject, subject.migration, random)
    await settle()
  }
}

/** Does what gives a record or none, hears of what it writes, and writes the state down that it leads to. */
function learn(machine: Machine, subject: Subject, context: string, work: (engine: Subject["running"], draft: Draft) => State): void {
  const engine = subject.running
  const before = engine.lastLsn
  const draft = new Draft(subject.history.latest)
  const ignore = engine.onCommit((commit) => heard(machine, subject, draft, commit))
  try {
    const state = attempt(machine, subject, context, () => work(engine, draft))
    if (subject.engine === engine && engine.lastLsn > before && subject.history.newestLsn < engine.lastLsn)
      subject.committed(engine.lastLsn, state ?? draft.state())
  } finally {
    ignore()
  }
}

/** Every document that the engine makes is what the model makes of the newest of the old version. */
function heard({ coverage }: Machine, subject: Subject, draft: Draft, commit: Commit): void {
  for (const operation = commit.operations(); operation.next();) {
    const { name } = operation.store.definition
    const key = hexOf(operation.key)
    if (name !== SHADOW && name !== BEFORE) violated("migrations", `${subject.name}: ${key} of ${name} is touched by a migration`)
    const { after } = operation
    if (after === undefined) {
      draft.delete(name, operation.key)
      if (name === BEFORE) coverage.note("document of a version before removed")
      continue
    }
    const bytes = after.bytes.slice(after.at, after.at + after.length)
    const source = draft.documents(BILLS).get(key)
    const made = source === undefined ? undefined : migrated(draft.definition(BILLS), source, subject.migration!.target)
    if (made === undefined || !isDocument(made) || Buffer.compare(made.bytes, bytes) !== 0)
      violated("migrations", `${subject.name}: ${key} becomes what it should not: ${Buffer.from(bytes).toString("latin1").slice(0, 200)}`)
    if (operation.before !== undefined) coverage.note("document migrated again")
    draft.put(name, made)
  }
}

/** The state with the store beside as the engine has it defined. */
function withShadow(subject: Subject, state: State): State {
  const definition = subject.running.store(SHADOW)?.definition
  if (definition === undefined) return state
  return new Map(state).set(SHADOW, { definition, documents: state.get(SHADOW)?.documents ?? new Map() })
}

function renamed(state: State, names: ReadonlyMap<string, string>): State {
  return new Map([...state].map(([name, it]) => [names.get(name) ?? name, it]))
}

function checkMade({ newestMs }: Machine, { name }: Subject, state: State, target: StoreDefinition): void {
  const { definition, documents } = state.get(BILLS)!
  const found = state.get(SHADOW)!.documents
  for (const key of found.keys()) if (!documents.has(key)) violated("migrations", `${name}: ${key} was removed, and comes back`)
  const timed = target.indexes.filter((it) => it.expireAfterMs !== undefined)
  for (const [key, document] of documents) {
    const made = migrated(definition, document, target)
    if (!isDocument(made)) return violated("migrations", `${name}: ${key} cannot be converted, and nobody says so`)
    const there = found.get(key)
    if (there === undefined && timed.some((it) => isOverdue(it, made.fields, newestMs))) continue
    if (there === undefined || Buffer.compare(there.bytes, made.bytes) !== 0)
      violated("migrations", `${name}: ${key} is ${there === undefined ? "lost" : "older than it should be"} in the new version`)
  }
}

type Failure = { readonly _tag: string; readonly total: number; readonly listed: ReadonlyArray<FailedDocument> }

/** A migration fails for documents that cannot be converted and for values that come twice: all of them and no others. */
function checkFailure({ coverage }: Machine, subject: Subject, target: StoreDefinition, { listed, total }: Failure): void {
  const { definition, documents } = subject.history.latest.get(BILLS)!
  const made = [...documents.values()].map((it) => [it, migrated(definition, it, target)] as const)
  const isUnique = target.indexes.some((it) => it.unique === true)
  const parties = new Map<unknown, number>()
  for (const [, it] of made) if (isDocument(it)) parties.set(partyOf(target, it), (parties.get(partyOf(target, it)) ?? 0) + 1)
  const failing = made.filter(([, it]) => !isDocument(it)).length
  const twice = isUnique ? [...parties.values()].reduce((sum, count) => sum + count - 1, 0) : 0
  if (total !== failing + twice) {
    violated("migrations", `${subject.name}: ${total} documents are said to fail, and ${failing} cannot be converted, ${twice} come twice`)
  }
  for (const { id, pointer } of listed) {
    const [, it] = made.find(([{ fields }]) => JSON.stringify(fields["_id"]) === id) ?? violated("migrations", `there is no ${id}`)
    const isRight = isDocument(it) ? isUnique && parties.get(partyOf(target, it))! > 1 : it.pointer === pointer
    if (!isRight) violated("migrations", `${subject.name}: ${id} is said to fail at ${pointer}`)
  }
  if (failing > 0) coverage.note("migration ended by documents")
  if (twice > 0) coverage.note("migration ended by values that come twice")
}

/** What stood in the way is mended, as whoever reads the list would. */
function mend(machine: Machine, subject: Subject, target: StoreDefinition, random: Random): void {
  const engine = subject.running
  if (engine.admission() !== "open" || random.chance(0.3)) return
  const draft = new Draft(subject.history.latest)
  const { definition, documents } = subject.history.latest.get(BILLS)!
  const store = engine.store(BILLS)!
  const isUnique = target.indexes.some((it) => it.unique === true)
  const seen = new Set<unknown>()
  const inTheWay: Array<Uint8Array> = []
  for (const document of documents.values()) {
    const made = migrated(definition, document, target)
    const isTwice = isDocument(made) && isUnique && seen.has(partyOf(target, made))
    if (isDocument(made) && !isTwice) seen.add(partyOf(target, made))
    else {
      inTheWay.push(document.key)
      draft.delete(BILLS, document.key)
    }
  }
  const transaction = engine.transact()
  const isDone = attempt(machine, subject, "removing what stands in the way", () => {
    for (const key of inTheWay) transaction.delete(store, key)
    return true
  })
  if (isDone !== true) return transaction.rollback()
  attempt(machine, subject, "mending documents", () => transaction.commit())
  if (engine.lastLsn > subject.history.newestLsn) subject.committed(engine.lastLsn, draft.state())
}

function removeReplaced(machine: Machine, subject: Subject, random: Random): void {
  if (subject.running.admission() !== "open") return
  learn(machine, subject, "removing what was replaced", (engine, draft) => {
    clearReplaced(engine, 1 + random.below(SLICE_DOCUMENTS_MAX))
    return draft.state()
  })
}
