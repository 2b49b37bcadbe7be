/**
 * What the clients of the ledger ask for, drawn from a seed, and what the answers mean for the journal.
 *
 * Invariant: an entry is written by one client only, which waits for each answer. Names and registers belong to everybody.
 */
import { Random } from "../../src/Disk/Random.ts"
import { contentOf, Difference, type Entry, type Journal } from "./Journal.ts"
import type { Call } from "./Linearizability.ts"

/** One request to the ledger. */
export type Ask =
  | { readonly kind: "put" | "refused"; readonly id: number; readonly version: number; readonly textBytes: number }
  | { readonly kind: "delete"; readonly id: number; readonly version: number }
  | { readonly kind: "get" | "look"; readonly id: number }
  | { readonly kind: "claim"; readonly id: number; readonly name: string }
  | { readonly kind: "register"; readonly id: number; readonly through: "get" | "read" | "put" | "swap"; readonly call: Call }

/** A request as HTTP has it. */
export interface Message {
  readonly method: string
  readonly path: string
  readonly body?: object
}

export interface Answered {
  readonly status: number
  readonly body: string
}

export interface WorkloadOptions {
  readonly clients: number
  /** Entries of one client. */
  readonly entries: number
  readonly registers: number
  /** The longest text of an entry, in bytes. Most are far shorter. */
  readonly textBytesMax: number
}

const CLIENT_IDS = 10_000
const SHORT_TEXT_BYTES = 3000
/** What a client asks for, with how often. */
const KINDS = { put: 34, delete: 12, refused: 5, get: 8, look: 17, claim: 8, register: 16 } as const
const KINDS_TOTAL = Object.values(KINDS).reduce((total, weight) => total + weight, 0)
const REGISTER_WAYS = ["get", "read", "put", "swap"] as const

/** What all clients share: names to claim, values of registers, each written once, and who was written last. */
export class Numbers {
  claims = 0
  values = 0
  /** The entries that somebody asked to write, and to delete, last. */
  lastWritten: number | undefined
  lastDeleted: number | undefined
}

/** One client's requests. */
export class Drawing {
  readonly #random: Random
  readonly #client: number
  readonly #options: WorkloadOptions
  readonly #numbers: Numbers
  readonly #nextVersion: (id: number) => number
  /** The value each register was last seen to have: what a swap expects. */
  readonly #seen = new Map<number, number>()

  constructor(seed: number, client: number, options: WorkloadOptions, numbers: Numbers, nextVersion: (id: number) => number) {
    this.#random = new Random(Math.imul(seed, 31) + client)
    this.#client = client
    this.#options = options
    this.#numbers = numbers
    this.#nextVersion = nextVersion
  }

  next(): Ask {
    const kind = this.#kind()
    const own = this.#client * CLIENT_IDS + this.#random.below(this.#options.entries)
    if (kind === "put" || kind === "delete") this.#numbers.lastWritten = own
    if (kind === "delete") this.#numbers.lastDeleted = own
    switch (kind) {
      case "put":
        return { kind, id: own, version: this.#nextVersion(own), textBytes: this.#textBytes() }
      case "refused":
        return { kind, id: own, version: -this.#nextVersion(own), textBytes: this.#textBytes() }
      case "delete":
        return { kind, id: own, version: this.#nextVersion(own) }
      case "get":
      case "look":
        return { kind, id: this.#anyEntry() }
      case "claim": {
        const number = this.#numbers.claims++
        // Two or three ask for each name.
        return { kind, id: number, name: `name-${Math.floor(number / 2.5)}` }
      }
      case "register":
        return this.#register(1 + this.#random.below(this.#options.registers))
    }
  }

  /** Takes note of what a register was seen to have. */
  saw(id: number, value: number): void {
    this.#seen.set(id, value)
  }

  #kind(): keyof typeof KINDS {
    let left = this.#random.below(KINDS_TOTAL)
    for (const [kind, weight] of Object.entries(KINDS)) if ((left -= weight) < 0) return kind as keyof typeof KINDS
    throw new Error("weights")
  }

  /** One of all, or one that was just written or deleted: that may not be durable yet, and a 404 rests on it as much as a 200. */
  #anyEntry(): number {
    const any = this.#random.below(this.#options.clients) * CLIENT_IDS + this.#random.below(this.#options.entries)
    const { lastDeleted, lastWritten } = this.#numbers
    return [any, lastWritten, lastDeleted, lastDeleted][this.#random.below(4)] ?? any
  }

  #register(id: number): Ask {
    const through = REGISTER_WAYS[this.#random.below(REGISTER_WAYS.length)]!
    if (through === "get" || through === "read") return { kind: "register", id, through, call: { kind: "read", outcome: undefined } }
    const value = ++this.#numbers.values
    if (through === "put") return { kind: "register", id, through, call: { kind: "write", value, outcome: undefined } }
    return { kind: "register", id, through, call: { kind: "swap", expected: this.#seen.get(id) ?? 0, value, outcome: undefined } }
  }

  #textBytes(): number {
    if (this.#random.chance(0.02)) return this.#random.below(this.#options.textBytesMax)
    return this.#random.below(Math.min(SHORT_TEXT_BYTES, this.#options.textBytesMax))
  }
}

export function messageOf(ask: Ask): Message {
  switch (ask.kind) {
    case "put":
      return { method: "PUT", path: `/entries/${ask.id}`, body: changeOf(ask) }
    case "refused":
      return { method: "POST", path: `/entries/${ask.id}/refused`, body: changeOf(ask) }
    case "delete":
      return { method: "DELETE", path: `/entries/${ask.id}?version=${ask.version}` }
    case "get":
      return { method: "GET", path: `/entries/${ask.id}` }
    case "look":
      return { method: "POST", path: `/entries/${ask.id}/look` }
    case "claim":
      return { method: "POST", path: "/claims", body: { id: ask.id, name: ask.name } }
    case "register":
      return registerMessage(ask.id, ask.through, ask.call)
  }
}

const changeOf = (ask: { readonly id: number; readonly version: number; readonly textBytes: number }): object => ({
  version: ask.version,
  ...contentOf(ask.id, ask.version, ask.textBytes)
})

function registerMessage(id: number, through: "get" | "read" | "put" | "swap", call: Call): Message {
  const path = `/registers/${id}`
  if (through === "get") return { method: "GET", path }
  if (through === "read" || call.kind === "read") return { method: "POST", path: `${path}/read` }
  if (call.kind === "write") return { method: "PUT", path, body: { value: call.value } }
  return { method: "POST", path: `${path}/swap`, body: { expected: call.expected, value: call.value } }
}

/** The request is on its way; what `heard` has to be told with the answer. */
export function asked(journal: Journal, ask: Ask): number {
  if (ask.kind === "put") journal.begins(ask.id, { version: ask.version, textBytes: ask.textBytes })
  else if (ask.kind === "delete") journal.begins(ask.id, { version: ask.version, textBytes: "deleted" })
  else if (ask.kind === "claim") journal.claims(ask.id, ask.name)
  return ask.kind === "get" || ask.kind === "look" ? journal.floor(ask.id) : 0
}

/** An answer has come. Throws a `Difference` when it cannot be true. Registers are not the journal's. */
export function heard(journal: Journal, ask: Ask, floorBefore: number, answer: Answered): void {
  if (isGivenUp(answer)) return rolledBack(journal, ask)
  const expected = EXPECTED[ask.kind]
  if (!expected.includes(answer.status))
    throw new Difference(`${JSON.stringify(ask)} was answered ${answer.status} ${answer.body.slice(0, 300)}`)
  switch (ask.kind) {
    case "put":
    case "delete":
      return journal.acknowledged(ask.id, ask.version)
    case "get":
    case "look":
      return journal.seen(ask.id, answer.status === 404 ? undefined : (JSON.parse(answer.body) as Entry), floorBefore)
    case "claim":
      return answer.status === 201 ? journal.claimed(ask.id, ask.name) : journal.refused(ask.id, ask.name)
  }
}

/** Whether the call took longer than it may, as it does on a machine that stands still: nothing of it is left. */
export const isGivenUp = ({ body, status }: Answered): boolean => status === 503 && body.includes('"deadline_exceeded"')

function rolledBack(journal: Journal, ask: Ask): void {
  if (ask.kind === "put" || ask.kind === "delete") journal.rolledBack(ask.id, ask.version)
  else if (ask.kind === "claim") journal.unclaimed(ask.id, ask.name)
}

const EXPECTED: Readonly<Record<Ask["kind"], ReadonlyArray<number>>> = {
  put: [200],
  delete: [200],
  refused: [422],
  get: [200, 404],
  look: [200, 404],
  claim: [201, 409],
  register: [200]
}

/** What an answer says of a call of a register. */
export function outcomeOf(call: Call, answer: Answered): Call {
  const { value, swapped } = JSON.parse(answer.body) as { readonly value: number; readonly swapped?: boolean }
  if (call.kind === "read") return { ...call, outcome: value }
  if (call.kind === "write") return { ...call, outcome: "done" }
  return { ...call, outcome: swapped === true ? "swapped" : value }
}
