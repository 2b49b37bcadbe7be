import type { Fault } from "../Fault/Fault.ts"
import { storageFault } from "./Reasons.ts"

/** Whether a transaction may begin now, and why not. `wait`: until `onWork` or `onDurable`. `full`: no room on the disk. */
export type WriteAdmission = "open" | "wait" | "full" | "poisoned" | "closed"

/** Share of the log's staging that has to be free for a writer to begin: commits of up to that size keep the staging within its bounds. */
export const ADMISSION_SHARE = 0.5

/**
 * The commit that has to be durable before anything may leave that a transaction has shown, be it committed, undone or refused: the newest one
 * that is awaited (Durability.ts); 0 when that is on disk. That nothing was found counts too, for it may rest on a commit that removed it.
 */
export function seenLsn({ awaitedLsn, durableLsn }: { readonly awaitedLsn: number; readonly durableLsn: number }): number {
  return awaitedLsn > durableLsn ? awaitedLsn : 0
}

/** Keeps writers waiting for a moment. */
export class WriteHold {
  readonly #ended: () => void
  #holders = 0

  /** `ended` is called when writers may try again. */
  constructor(ended: () => void) {
    this.#ended = ended
  }

  get isOn(): boolean {
    return this.#holders > 0
  }

  /** From now on no transaction begins, until what this gives is called. */
  begin(): () => void {
    this.#holders++
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      if (--this.#holders === 0) this.#ended()
    }
  }
}

/** Throws what a writer is told who may not begin; `fault` says why nothing can be written. */
export function requireOpen(admission: WriteAdmission, fault: Fault | undefined): void {
  if (admission === "open") return
  if (admission === "closed") throw storageFault({ _tag: "Closed" })
  const message = fault?.message ?? "the disk does not keep up"
  if (admission === "wait") throw storageFault({ _tag: "Backpressure", message })
  throw storageFault({ _tag: admission === "full" ? "ReadOnly" : "Poisoned", message })
}
