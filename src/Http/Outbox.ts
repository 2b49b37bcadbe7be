/**
 * Answers that are ready, held until the event loop has handled what else it had read, then sent in one go.
 *
 * A write to a socket whose reader sleeps wakes the reader, and costs several times one whose reader is awake. Sent one by one between
 * handlers, nearly every answer pays for that; sent one after the other, few do (docs/decisions/0012).
 *
 * Invariants
 * - Answers leave in the order they were held, each once, in the same turn of the event loop at the latest.
 * - At most `heldMax` are held, and when one is held `HELD_MS_MAX` or more after the first, all leave.
 * - What sending one of them throws goes to `failed`, and the others are sent all the same.
 */
import type { Exchange } from "./Exchange.ts"

/** How long an answer may wait for others to leave with it. */
const HELD_MS_MAX = 2

export interface OutboxPorts {
  readonly send: (exchange: Exchange) => void
  readonly failed: (exchange: Exchange) => void
  readonly nowMs: () => number
  /** Runs a task once the event loop has handled what it has read. */
  readonly afterTurn: (task: () => void) => void
}

export class Outbox {
  private held: Array<Exchange> = []
  private firstHeldAtMs = 0
  private readonly heldMax: number
  private readonly ports: OutboxPorts

  constructor(heldMax: number, ports: OutboxPorts) {
    this.heldMax = heldMax
    this.ports = ports
  }

  /** Takes an exchange whose reply is set. */
  hold(exchange: Exchange): void {
    const { held } = this
    const nowMs = this.ports.nowMs()
    if (held.length === 0) {
      this.firstHeldAtMs = nowMs
      this.ports.afterTurn(this.flush)
    }
    held.push(exchange)
    if (held.length >= this.heldMax || nowMs - this.firstHeldAtMs >= HELD_MS_MAX) this.flush()
  }

  private readonly flush = (): void => {
    const { held, ports } = this
    // What is held from here on, the answer to a failure for one, goes with the next.
    this.held = []
    for (const exchange of held) {
      try {
        ports.send(exchange)
      } catch {
        ports.failed(exchange)
      }
    }
  }
}
