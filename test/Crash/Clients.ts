/** Clients that load a ledger until it ends, and write down what they were told. */
import { Connection } from "./Connection.ts"
import type { Journal } from "./Journal.ts"
import type { Operation } from "./Linearizability.ts"
import type { Numbers } from "./Workload.ts"
import { type Ask, asked, Drawing, heard, isGivenUp, messageOf, outcomeOf, type WorkloadOptions } from "./Workload.ts"

/** A counter for moments: no two are the same, and a later one is greater. */
export class Moments {
  #last = 0
  next(): number {
    return ++this.#last
  }
}

/** What is known of one directory since it was made. */
export interface Past {
  readonly journal: Journal
  readonly numbers: Numbers
  readonly moments: Moments
  /** Everything that was asked of each register. */
  readonly registers: Map<number, Array<Operation>>
}

/** Counts of what the clients met. */
export interface Load {
  answered: number
  /** Requests of which nobody knows the outcome. */
  unknown: number
}

/** Runs the clients until each has lost the server; counts as it goes, and throws what differs. */
export async function load(port: number, seed: number, options: WorkloadOptions, past: Past, counts: Load): Promise<void> {
  const running = Array.from({ length: options.clients }, async (_, client) => {
    const drawing = new Drawing(seed, client, options, past.numbers, (id) => past.journal.issued(id) + 1)
    const connection = new Connection(port)
    try {
      while (await askOnce(connection, drawing.next(), drawing, past)) counts.answered++
      counts.unknown++
    } finally {
      connection.close()
    }
  })
  const outcomes = await Promise.allSettled(running)
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason
}

/** One request with its answer; false when the server has gone. */
async function askOnce(connection: Connection, ask: Ask, drawing: Drawing, past: Past): Promise<boolean> {
  const floorBefore = asked(past.journal, ask)
  const begin = past.moments.next()
  const answer = await connection.send(messageOf(ask))
  if (answer !== undefined) heard(past.journal, ask, floorBefore, answer)
  if (ask.kind === "register" && (answer === undefined || !isGivenUp(answer))) {
    const call = answer === undefined ? ask.call : outcomeOf(ask.call, answer)
    note(past.registers, ask.id, { ...call, begin, end: past.moments.next() })
    if (answer !== undefined) drawing.saw(ask.id, (JSON.parse(answer.body) as { readonly value: number }).value)
  }
  return answer !== undefined
}

function note(registers: Past["registers"], id: number, operation: Operation): void {
  const known = registers.get(id)
  if (known === undefined) registers.set(id, [operation])
  else known.push(operation)
}
