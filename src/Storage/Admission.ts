import type { Fault } from "../Fault/Fault.ts"
import { storageFault } from "./Reasons.ts"

/** Whether a transaction may begin now, and why not. `wait`: until `onWork` or `onDurable`. `full`: no room on the disk. */
export type WriteAdmission = "open" | "wait" | "full" | "poisoned" | "closed"

/**
 * The commit that has to be durable before anything may leave that a transaction has shown, be it committed, undone or refused: the newest one
 * that is awaited (Durability.ts); 0 when that is on disk. That nothing was found counts too, for it may rest on a commit that removed it.
 */
export function seenLsn({ awaitedLsn, durableLsn }: { readonly awaitedLsn: number; readonly durableLsn: number }): number {
  return awaitedLsn > durableLsn ? awaitedLsn : 0
}

/** Throws what a writer is told who may not begin; `fault` says why nothing can be written. */
export function requireOpen(admission: WriteAdmission, fault: Fault | undefined): void {
  if (admission === "open") return
  if (admission === "closed") throw storageFault({ _tag: "Closed" })
  const message = fault?.message ?? "the disk does not keep up"
  if (admission === "wait") throw storageFault({ _tag: "Backpressure", message })
  throw storageFault({ _tag: admission === "full" ? "ReadOnly" : "Poisoned", message })
}
