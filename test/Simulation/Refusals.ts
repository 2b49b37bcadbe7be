/** What an engine may answer instead of doing what it was asked, and what it must have met before. */
import { Fault, isFault } from "../../src/Fault/Fault.ts"
import type { Machine } from "./Machine.ts"
import type { Subject } from "./Subject.ts"
import { Violation, violated } from "./Violation.ts"

const FAILED_DISK = new Set(["DiskFailure", "ReadOnly", "Poisoned", "IndexPoisoned"])
const DAMAGE = new Set([
  "StorageDamaged",
  "LogDamaged",
  "Damage",
  "NewerFormat",
  "UnsupportedFormat",
  "UnknownFormat",
  "ForeignSegment",
  "UnknownRecord"
])

/** Whether the disk has failed since the database was started, or lies. */
export function hasCause(machine: Machine, subject: Subject): boolean {
  return subject.lie !== undefined || machine.faults.injected > subject.injectedBefore
}

/** Does the work, and lives with a refusal that has a cause; `undefined` then. A refusal without one is a violation. */
export function attempt<A>(machine: Machine, subject: Subject, context: string, work: () => A): A | undefined {
  try {
    return work()
  } catch (error) {
    refused(machine, subject, context, error)
    return undefined
  }
}

function refused(machine: Machine, subject: Subject, context: string, error: unknown): void {
  if (error instanceof Violation) throw error
  if (!(error instanceof Fault)) violated("the engine does not crash", `${subject.name}, ${context}: ${String(error)}`, error)
  const tag = error.reason._tag
  machine.note(`${tag}\n`)
  if (tag === "Backpressure") {
    machine.coverage.note("writers wait")
    return
  }
  if (DAMAGE.has(tag)) return damaged(machine, subject, context, error)
  if (!FAILED_DISK.has(tag)) violated("the engine does not crash", `${subject.name}, ${context}: ${error.message}`, error)
  if (!hasCause(machine, subject)) violated("no refusal without a cause", `${subject.name}, ${context}: ${error.message}`, error)
}

/** Damage names its place, and there is some. The database is given up. */
function damaged(machine: Machine, subject: Subject, context: string, error: Fault): void {
  if (subject.lie === undefined) violated("no damage by crashes", `${subject.name}, ${context}: ${error.message}`, error)
  const reason = error.reason as unknown as { readonly file?: unknown }
  if (typeof reason.file !== "string") violated("damage names its place", `${subject.name}, ${context}: ${error.message}`, error)
  machine.coverage.note(subject.phase === "running" ? "damage found by a reader" : "damage found while opening")
  machine.replace(subject)
}

/** Whether the snapshot was ended by its age. */
export const isExpiry = (error: unknown): boolean => isFault(error, "SnapshotExpired")
