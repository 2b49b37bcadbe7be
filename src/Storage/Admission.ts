import type { Fault } from "../Fault/Fault.ts"
import { storageFault } from "./Reasons.ts"

/** Whether a transaction may begin now, and why not. `wait`: until `onWork` or `onDurable`. `full`: no room on the disk. */
export type WriteAdmission = "open" | "wait" | "full" | "poisoned" | "closed"

/** Throws what a writer is told who may not begin; `fault` says why nothing can be written. */
export function requireOpen(admission: WriteAdmission, fault: Fault | undefined): void {
  if (admission === "open") return
  if (admission === "closed") throw storageFault({ _tag: "Closed" })
  const message = fault?.message ?? "the disk does not keep up"
  if (admission === "wait") throw storageFault({ _tag: "Backpressure", message })
  throw storageFault({ _tag: admission === "full" ? "ReadOnly" : "Poisoned", message })
}
